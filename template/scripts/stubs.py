"""Rewrite the stubs that maturin made, so that they read as if a person had written them."""

import re
import sys
from pathlib import Path

# PyO3 names the protocol that an argument has to follow, people name a type that follows it.
PLAIN = {
    "SupportsFloat | SupportsIndex": "float",
    "SupportsIndex": "int",
    "SupportsGetItem[int, ": "Sequence[",
    "SupportsLenAndGetItem[": "Sequence[",
}
DOCSTRING, IMPORT, ANNOTATION = r'"""\s*(.*?)\s*"""', "^from .*?$", r'(?<=: |> )"(.+?)"'
PARTS = "|".join([DOCSTRING, IMPORT, ANNOTATION, *map(re.escape, PLAIN)])
NAME = r"\b((?:\w+\.)+)(\w+)"  # in annotations, which `#[pyo3(signature = ...)]` holds


def tidy(stub: str) -> str:
    """Return a stub with other types, the imports they need, and docstrings that begin at the quotes."""
    head = ["\n", "# Written by `make stubs`.", "from collections.abc import Sequence"]

    def write(part: re.Match[str]) -> str:
        if doc := part[1]:
            return '"""' + doc + "\n" * ("\n" in doc or doc.endswith('"')) + '"""'
        if annotation := part[2]:
            head.extend(
                f"from {home[:-1]} import {name}" for home, name in re.findall(NAME, annotation)
            )
            return re.sub(NAME, r"\2", annotation)
        return PLAIN.get(part[0], part[0])

    stub = re.sub(PARTS, write, stub, flags=re.M | re.S)
    return re.sub(r'\A(""".*?""")?', lambda doc: doc[0] + "\n".join([*head, ""]), stub, flags=re.S)


for path in Path(sys.argv[1]).rglob("*.pyi"):
    path.write_text(tidy(path.read_text("utf-8")), "utf-8", newline="\n")

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

for path in Path(sys.argv[1]).rglob("*.pyi"):
    imports = ["", "# Written by `make stubs`: change crates/src/.", "from collections.abc import Sequence", ""]

    def name(found: re.Match[str], imports: list[str] = imports) -> str:
        imports.insert(2, f"from {found[1][:-1]} import {found[2]}")
        return found[2]

    def plain(found: re.Match[str]) -> str:
        doc, annotation = found[1], found[2]
        if doc:
            return '"""' + doc + "\n" * ("\n" in doc or doc.endswith('"')) + '"""'
        return re.sub(NAME, name, annotation) if annotation else PLAIN.get(found[0], found[0])

    stub = re.sub(PARTS, plain, path.read_text("utf-8"), flags=re.M | re.S)
    stub = re.sub(r'\A(""".*?""")?', lambda doc: doc[0] + "\n".join(imports), stub, flags=re.S)
    path.write_text(stub, "utf-8", newline="\n")

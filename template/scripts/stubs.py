"""Rewrites the stubs of `make stubs` as a person would write them; Ruff does the rest."""

import re
from itertools import pairwise
from pathlib import Path

PLAIN = {  # PyO3 names the protocol that an argument has to follow, people a type that follows it
    r"SupportsFloat \| SupportsIndex\b|SupportsIndex \| SupportsFloat\b": "float",
    r"SupportsIndex\b": "int",
    r"SupportsGetItem\[int, |SupportsLenAndGetItem\[": "Sequence[",
    r"(\*\*?\w+)(?=[,)])": r"\1: Any",
    r"(def __new__\()self\b": r"\1cls",  # of `#[pyclass(new = "from_fields")]`
    r"(def __i(?!nit)\w+__\(.*\)) -> None|(def __new__\(.*\)) -> (?!Any\b)[\w.]+": r"\1\2 -> Self",
}
HEAD = re.compile(r'("""(\\.|[^\\])*?"""\s*)?((from|import) .*\n|\n)*')
STRING = re.compile(r"""("{3}(?:\\.|[^\\])*?"{3}|"(?:\\.|[^\\])*?"|'(?:\\.|[^\\])*?')""")

for path in Path().rglob("*.pyi"):
    end = HEAD.match(text := path.read_text("utf-8")).end()  # type: ignore[union-attr]
    code = STRING.split(text[end:])  # and the strings in between
    for rule, plain in PLAIN.items():
        code[::2] = re.sub(rf"(?<![\w.])(?:{rule})", plain, "\0".join(code[::2])).split("\0")
    own = "|".join(re.findall(r"(?m)^class (\w+)", text)) or "$"  # `Shape.Dot` is no module
    types = " ".join(b for a, b in pairwise(code) if a.endswith((": ", "> ")))
    homes = re.findall(rf"\b(?!(?:{own})\.)([^\W\d][\w.]*)\.[^\W\d]", types)
    used = "from collections.abc import Sequence\n" if "Sequence[" in str(code[::2]) else ""
    head = ["# Written by `make stubs`.\n", text[:end], "from typing import Any, Self\n", used]
    text = "".join([*head, *{f"import {home}\n" for home in homes}, "\n", *code])
    text = STRING.sub(lambda s: re.sub(r'^"""\n *', '"""', s[0]), text)  # on the first line
    text = STRING.sub(lambda s: re.sub(r'^(""".*[^"\n])\n *"""$', r'\1"""', s[0]), text)
    path.write_text(text, "utf-8", newline="\n")

"""Rewrites the stubs of `make stubs` as a person would write them; Ruff does the rest."""

import builtins
import datetime
import re
from pathlib import Path

PLAIN = {  # PyO3 names the protocol that an argument has to follow, people a type that follows it
    r"SupportsFloat \| SupportsIndex\b|SupportsIndex \| SupportsFloat\b": "float",
    r"SupportsIndex\b": "int",
    r"SupportsGetItem\[int, |SupportsLenAndGetItem\[": "Sequence[",
    r"(\*\*?\w+)(?=[,)])": r"\1: Any",
    r"(def __new__\()self\b": r"\1cls",  # of `#[pyclass(new = "from_fields")]`
    r"(def __i(?!nit)\w+__\(.*\)) -> None|(def __new__\(.*\)) -> (?!Any\b)[\w.]+": r"\1\2 -> Self",
}
HOMES = dict.fromkeys(dir(datetime), "datetime") | dict.fromkeys(dir(builtins), "builtins")
HEAD = re.compile(r'("""(\\.|[^\\])*?"""\s*)?((from|import) .*\n|\n)*')
STRING = re.compile(r"""("{3}(?:\\.|[^\\])*?"{3}|"(?:\\.|[^\\])*?"|'(?:\\.|[^\\])*?')""")
for path in Path().rglob("*.pyi"):
    end = HEAD.match(text := path.read_text("utf-8")).end()  # type: ignore[union-attr]
    code = STRING.split(text[end:])  # and the strings in between
    taken = HOMES.keys() & re.findall(r"(?m)^ *(?:def )?(\w+)[(:]", "".join(code[::2]))
    alias = {rf"(?<!def ){name}\b(?![(.]|: (?!\.\.\.))": f"_{name}" for name in taken}
    for rule, plain in (PLAIN | alias).items():  # in `def date(self) -> date`, that is itself
        code[::2] = re.sub(rf"(?<![\w.])(?:{rule})", plain, "\0".join(code[::2])).split("\0")
    types = str(re.findall(r"[:>] \0(.*?)\0", "\0".join(code)))  # which owners wrote
    used = {*re.findall(r"([^\W\d][\w.]*)\.[^\W\d]", types)} - {*re.findall(r"\nclass (\w+)", text)}
    head = ["# Written by `make stubs`.", text[:end], "from typing import Any, Self"]
    head += ["from collections.abc import Sequence"] if "Sequence[" in str(code[::2]) else []
    head += [f"from {HOMES[name]} import {name} as _{name}" for name in taken]
    text = "\n".join([*head, *(f"import {name}" for name in used), "", "".join(code)])
    text = STRING.sub(lambda s: re.sub(r'(?<=^""")\n *((.+[^"])\n *(?="""$))?', r"\2", s[0]), text)
    path.write_text(text, "utf-8", newline="\n")

"""Rewrites the stubs of `make stubs` as a person would write them; Ruff does the rest."""

import builtins
import datetime
import re
from pathlib import Path

PLAIN = {  # PyO3 names the protocol that an argument has to follow, people a type that follows it
    r"SupportsFloat \| SupportsIndex\b|SupportsIndex \| SupportsFloat\b": "float",
    r"SupportsIndex\b": "int",
    r"SupportsGetItem\[int, |SupportsLenAndGetItem\[": "_Sequence[",
    r"(\*\*?\w+)(?=[,)])": r"\1: _Any",
    r"(def __new__\()self\b": r"\1cls",  # of `#[pyclass(new = "from_fields")]`
    r"(def __i(?!nit)\w+__\(.*\)) -> None|(def __new__\(.*\)) -> (?!Any\b)[\w.]+": r"\1\2 -> _Self",
}
OURS = {"Any": "typing", "Self": "typing", "Sequence": "collections.abc"}  # with _, if also yours
HOMES = dict.fromkeys(dir(datetime), "datetime") | dict.fromkeys(dir(builtins), "builtins") | OURS
HEAD = re.compile(r'("""(\\.|[^\\])*?"""\s*)?((from|import) .*\n|\n)*')
NAME = re.compile(rf"(?m)^ *(?:def |class (?={'|'.join(OURS)}))?(\w+)[(:]")
STRING = re.compile(r"""("{3}(?:\\.|[^\\])*?"{3}|"(?:\\.|[^\\])*?"|'(?:\\.|[^\\])*?')""")
for path in Path().rglob("*.pyi"):
    end = HEAD.match(text := path.read_text("utf-8")).end()  # type: ignore[union-attr]
    code = STRING.split(text[end:])  # and the strings in between
    taken = HOMES.keys() & NAME.findall("".join(code[::2]))  # as in `def date(self) -> date`
    alias = {rf"(?<!def ){n}\b(?![(.]|: (?!\.\.\.))": f"_{n}" for n in taken - OURS.keys()}
    for rule, plain in (PLAIN | alias | {rf"_{n}\b": n for n in OURS.keys() - taken}).items():
        code[::2] = re.sub(rf"(?<![\w.])(?:{rule})", plain, "\0".join(code[::2])).split("\0")
    types = str(re.findall(r"[:>] \0(.*?)\0", "\0".join(code)))  # which owners wrote
    used = {*re.findall(r"([^\W\d][\w.]*)\.[^\W\d]", types)} - {*re.findall(r"\nclass (\w+)", text)}
    head = [f"from {OURS[name]} import {name}" for name in OURS.keys() - taken]
    head += [f"from {HOMES[n]} import {n} as _{n}" for n in taken] + [f"import {n}" for n in used]
    text = "\n".join(["# Written by `make stubs`.", text[:end], *head, "", "".join(code)])
    text = STRING.sub(lambda s: re.sub(r'(?<=^""")\n *((.+[^"])\n *(?="""$))?', r"\2", s[0]), text)
    path.write_text(text, "utf-8", newline="\n")

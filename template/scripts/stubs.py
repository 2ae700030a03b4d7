"""Has the stubs of `make stubs` read as people write them; Ruff does the rest."""

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
DOCSTRING = re.compile(r'"""\n *(.*?[^"\n])(\n *)"""', re.DOTALL)

for path in Path(sys.argv[1]).rglob("*.pyi"):
    head, everything, body = path.read_text("utf-8").partition("__all__ = ")
    for protocol, plain in PLAIN.items():
        body = body.replace(protocol, plain)
    body = DOCSTRING.sub(lambda d: '"""' + d[1] + d[2] * ("\n" in d[1]) + '"""', body)
    types = " ".join(re.findall(r'[:>] "(.+?)"', body))  # those that the Rust code names
    homes = {f"import {home}\n" for home in re.findall(r"([\w.]+)\.\w", types)}
    head += "".join(["from collections.abc import Sequence\n", *homes, "\n"])
    path.write_text(f"# Written by `make stubs`.\n{head}{everything}{body}", "utf-8", newline="\n")

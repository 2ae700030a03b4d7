"""Asks for one wheel that runs on every supported Python. All the rest is in pyproject.toml."""

import os
import sys
import sysconfig
import tomllib
from pathlib import Path

from setuptools import setup

pyproject = tomllib.loads(Path(__file__).with_name("pyproject.toml").read_text("utf-8"))
oldest_python = pyproject["project"]["requires-python"].removeprefix(">=")
options: dict[str, dict[str, str]] = {}

# Only CPython with a GIL has the limited API; other builds get a wheel of their own, for their version.
if sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED"):
    options["bdist_wheel"] = {"py_limited_api": "cp" + oldest_python.replace(".", "")}
    # With this variable, which Python 3.15 introduced, setuptools names the compiled module
    # `_accelerate.abi3-<platform>.so`, and no older Python finds it.
    sysconfig.get_config_vars().pop("SOABI_PLATFORM", None)

# Messages of panics name source files. What users download does not tell in which folder of whose
# machine they were, and has the same bytes wherever it was built.
if "bdist_wheel" in sys.argv:
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    # A space would end the flag. A variable that allows it, CARGO_ENCODED_RUSTFLAGS, would silence
    # RUSTFLAGS, to which setuptools-rust adds what musl needs.
    if " " not in str(cargo_home):
        flags = [os.environ.get("RUSTFLAGS", ""), f"--remap-path-prefix={cargo_home}=cargo"]
        os.environ["RUSTFLAGS"] = " ".join(flags).strip()

setup(options=options)

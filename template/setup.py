"""Asks for one wheel that runs on every supported Python. All the rest is in pyproject.toml."""

import os
import re
import sys
import sysconfig
import tomllib
from pathlib import Path
from runpy import run_path

# With this variable, which Python 3.15 introduced, setuptools names the compiled module
# `_accelerate.abi3-<platform>.so`, and no older Python finds it. Setuptools copies the variables: this is first.
sysconfig.get_config_vars().pop("SOABI_PLATFORM", None)

# Without setuptools-rust, setuptools would build a wheel that lacks the module.
import setuptools_rust  # noqa: E402, F401
from setuptools import setup  # noqa: E402
from setuptools.command.bdist_wheel import bdist_wheel  # noqa: E402

options: dict[str, dict[str, str]] = {}

# PyO3 compiles for the oldest Python that its abi3 feature names, and the wheel says so. Only CPython with a
# GIL has the limited API; other builds get a wheel of their own, for their version, as do C modules without it.
oldest_python = re.search(r'"abi3-py(\d+)"', Path("crates/Cargo.toml").read_text("utf-8"))
has_gil = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
settings = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["tool"].get("setuptools", {})
all_limited = all(module.get("py-limited-api") for module in settings.get("ext-modules", []))
if oldest_python and has_gil and all_limited:
    options["bdist_wheel"] = {"py_limited_api": f"cp{oldest_python[1]}"}

# The Python behind the virtual environment: an isolated build makes a new environment each time, and Cargo
# would take that for another Python and compile PyO3 again.
os.environ.setdefault("PYO3_PYTHON", os.path.realpath(sys._base_executable))

# Panic messages name source files. This keeps the build machine's folders out of the wheel, which then
# has the same bytes wherever it was built. Flags in Cargo's own configuration still count; those
# under [target] there replace this one.
if "bdist_wheel" in sys.argv:
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    variable = "RUSTFLAGS" if "RUSTFLAGS" in os.environ else "CARGO_BUILD_RUSTFLAGS"
    if " " not in str(cargo_home):  # which would end the flag
        flags = [os.environ.get(variable, ""), f"--remap-path-prefix={cargo_home}=cargo"]
        os.environ[variable] = " ".join(flags).strip()


class BdistWheel(bdist_wheel):
    """Builds wheels that say which Rust crates are compiled into them (PEP 770)."""

    def write_wheelfile(self, wheelfile_base: str, **kwargs: str) -> None:
        """Write the bill of materials beside the file that this is called for."""
        super().write_wheelfile(wheelfile_base, **kwargs)
        name = re.sub("[-_.]+", "-", self.distribution.get_name()).lower()
        modules = self.distribution.rust_extensions
        text = run_path("scripts/sbom.py")["bill"](name, self.distribution.get_version(), modules)
        Path(wheelfile_base, "sboms").mkdir(exist_ok=True)
        Path(wheelfile_base, "sboms", f"{name}.cdx.json").write_text(text, "utf-8")


setup(cmdclass={"bdist_wheel": BdistWheel} if "bdist_wheel" in sys.argv else {}, options=options)

"""Asks for one wheel that runs on every supported Python. All the rest is in pyproject.toml."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

# With this variable, which Python 3.15 introduced, setuptools names the compiled module
# `_accelerate.abi3-<platform>.so`, and no older Python finds it. Setuptools copies the variables: this is first.
sysconfig.get_config_vars().pop("SOABI_PLATFORM", None)

# Without setuptools-rust, setuptools would build a wheel that lacks the module.
import setuptools_rust  # noqa: E402, F401
from setuptools import setup  # noqa: E402
from setuptools.command.bdist_wheel import bdist_wheel  # noqa: E402

options: dict[str, dict[str, str]] = {}

# PyO3 compiles for the oldest Python that its abi3 feature names, and the wheel says so. Only CPython with a
# GIL has the limited API; other builds get a wheel of their own, for their version.
oldest_python = re.search(r'"abi3-py(\d+)"', Path("crates/Cargo.toml").read_text("utf-8"))
has_gil = sys.implementation.name == "cpython" and not sysconfig.get_config_var("Py_GIL_DISABLED")
if oldest_python and has_gil:
    options["bdist_wheel"] = {"py_limited_api": f"cp{oldest_python[1]}"}

# The Python behind the virtual environment: an isolated build makes a new environment each time, and Cargo
# would take that for another Python and compile PyO3 again.
os.environ.setdefault("PYO3_PYTHON", os.path.realpath(sys._base_executable))

# Panic messages name source files. This keeps the build machine's folders out of the wheel, which then
# has the same bytes wherever it was built. Flags in Cargo's own configuration still count.
if "bdist_wheel" in sys.argv:
    cargo_home = os.environ.get("CARGO_HOME") or Path.home() / ".cargo"
    variable = "RUSTFLAGS" if "RUSTFLAGS" in os.environ else "CARGO_BUILD_RUSTFLAGS"
    if " " not in str(cargo_home):  # which would end the flag
        flags = [os.environ.get(variable, ""), f"--remap-path-prefix={cargo_home}=cargo"]
        os.environ[variable] = " ".join(flags).strip()


class BdistWheel(bdist_wheel):
    """Builds wheels that say which Rust crates are compiled into them (PEP 770)."""

    def write_wheelfile(self, wheelfile_base: str, **kwargs: str) -> None:
        """Write the bill, in CycloneDX's format, beside the file that this is called for."""
        super().write_wheelfile(wheelfile_base, **kwargs)
        name = re.sub("[-_.]+", "-", self.distribution.get_name()).lower()
        text = json.dumps(self.bill(name, self.distribution.get_version()), indent=2)
        Path(wheelfile_base, "sboms").mkdir(exist_ok=True)
        Path(wheelfile_base, "sboms", f"{name}.cdx.json").write_text(text + "\n", "utf-8")

    def bill(self, name: str, version: str) -> dict[str, object]:
        """Ask Cargo for what it has just compiled; what only runs in the compiler is left out."""
        own = tomllib.loads(Path("crates/Cargo.toml").read_text("utf-8"))["package"]["name"]
        command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--offline"]
        command += ["--manifest-path=crates/Cargo.toml", "--edges=normal,no-proc-macro"]
        command += ["--prefix=depth", "--format=|{p}|{l}", f"--package={own}"]
        for extension in self.distribution.rust_extensions:
            command += [f"--features={feature}" for feature in extension.features]
        printed = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        lock = tomllib.loads(Path("crates/Cargo.lock").read_text("utf-8"))["package"]
        locked = {(package["name"], package["version"]): package for package in lock}
        ours = f"pkg:pypi/{name}@{version}"
        subject: dict[str, object] = {"type": "library", "name": name, "version": version}
        components: dict[str, dict[str, object]] = {}
        needs: dict[str, set[str]] = {ours: set()}
        branch = [ours]  # from the package to the crate that a line names
        for line in printed.stdout.splitlines()[1:]:
            depth, crate, licence = line.removesuffix(" (*)").split("|")
            crate, number = crate.replace(" v", " ").split()[:2]
            reference = f"pkg:cargo/{crate}@{number}"
            branch[int(depth) :] = [reference]
            needs[branch[-2]].add(reference)
            needs.setdefault(reference, set())
            part = {**subject, "bom-ref": reference, "name": crate, "version": number}
            components[reference] = part
            if licence:  # Cargo once took a slash
                part["licenses"] = [{"expression": licence.replace("/", " OR ")}]
            if "crates.io" in locked[crate, number].get("source", ""):
                part["purl"] = reference
                part["hashes"] = [{"alg": "SHA-256", "content": locked[crate, number]["checksum"]}]
        bill: dict[str, object] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
        bill["metadata"] = {"component": {**subject, "bom-ref": ours, "purl": ours}}
        bill["components"] = [components[reference] for reference in sorted(components)]
        bill["dependencies"] = [{"ref": r, "dependsOn": sorted(needs[r])} for r in sorted(needs)]
        return bill


commands = {"bdist_wheel": BdistWheel} if "bdist_wheel" in sys.argv else {}
setup(cmdclass=commands, options=options)

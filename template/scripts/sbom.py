"""Says in each wheel which Rust crates are compiled into it (PEP 770); setup.py builds wheels with this."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from setuptools.command.bdist_wheel import bdist_wheel  # type: ignore[import-untyped]


class BdistWheel(bdist_wheel):  # type: ignore[misc]
    """Builds a wheel with such a bill of materials."""

    def write_wheelfile(self, wheelfile_base: str, **kwargs: str) -> None:
        """Write the bill, in CycloneDX's format, beside the file that this is called for."""
        super().write_wheelfile(wheelfile_base, **kwargs)
        name = re.sub("[-_.]+", "-", self.distribution.get_name()).lower()
        text = json.dumps(self.bill(name, self.distribution.get_version()), indent=2)
        Path(wheelfile_base, "sboms").mkdir(exist_ok=True)
        Path(wheelfile_base, "sboms", f"{name}.cdx.json").write_text(text + "\n", "utf-8")

    def bill(self, name: str, version: str) -> dict[str, Any]:
        """Ask Cargo for what it has just compiled; what only runs in the compiler is left out."""
        command = [os.environ.get("CARGO", "cargo"), "tree", "--locked", "--offline"]
        command += ["--manifest-path=crates/Cargo.toml", "--edges=normal,no-proc-macro"]
        command += ["--prefix=depth", "--format=|{p}|{l}"]
        for extension in self.distribution.rust_extensions:
            command += [f"--features={feature}" for feature in extension.features]
        printed = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        lock = tomllib.loads(Path("crates/Cargo.lock").read_text("utf-8"))["package"]
        locked = {(package["name"], package["version"]): package for package in lock}
        ours = f"pkg:pypi/{name}@{version}"
        subject: dict[str, Any] = {"type": "library", "name": name, "version": version}
        components: dict[str, dict[str, Any]] = {}
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
        bill: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
        bill["metadata"] = {"component": {**subject, "bom-ref": ours, "purl": ours}}
        bill["components"] = [components[reference] for reference in sorted(components)]
        bill["dependencies"] = [{"ref": r, "dependsOn": sorted(needs[r])} for r in sorted(needs)]
        return bill

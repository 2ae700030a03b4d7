"""Lists the Rust crates that are compiled into a wheel, as a bill of materials in CycloneDX's format."""

import json
import os
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def bill(name: str, version: str, modules: Iterable[Any]) -> str:
    """Ask Cargo what it compiles; what only runs in the compiler is left out.

    Args:
        name: Name of the package on PyPI, normalized.
        version: Version of the package.
        modules: What setuptools-rust compiles; the first is of the package's own crate.

    Returns:
        The bill, see https://cyclonedx.org/docs/1.6/json/. It names no folder and no time.
    """
    ours = f"pkg:pypi/{name}@{version}"
    subject: dict[str, Any] = {"type": "library", "name": name, "version": version}
    components: dict[str, dict[str, Any]] = {}
    needs: dict[str, set[str]] = {ours: set()}
    for order, module in enumerate(modules):
        manifest = Path(module.path).resolve()
        own = tomllib.loads(manifest.read_text("utf-8"))["package"]["name"]
        tree = [os.environ.get("CARGO", "cargo"), "tree", f"--manifest-path={manifest}"]
        tree += ["--locked", "--offline", "--edges=normal,no-proc-macro", "--prefix=depth"]
        tree += ["--format=|{p}|{l}", f"--package={own}", f"--features={','.join(module.features)}"]
        printed = subprocess.run(tree, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        lock = next(filter(Path.exists, (folder / "Cargo.lock" for folder in manifest.parents)))
        packages = tomllib.loads(lock.read_text("utf-8"))["package"]
        locked = {(package["name"], package["version"]): package for package in packages}
        branch = [ours]  # from the package to the crate that a line names
        for line in printed.stdout.splitlines()[not order :]:
            depth, crate, licence = line.removesuffix(" (*)").split("|")
            crate, number = crate.replace(" v", " ").split()[:2]
            reference = f"pkg:cargo/{crate}@{number}"
            branch[int(depth) + bool(order) :] = [reference]
            needs[branch[-2]].add(reference)
            needs.setdefault(reference, set())
            part = {**subject, "bom-ref": reference, "name": crate, "version": number}
            components[reference] = part
            if licence:  # Cargo once took a slash
                part["licenses"] = [{"expression": licence.replace("/", " OR ")}]
            if "crates.io" in locked[crate, number].get("source", ""):
                part["purl"] = reference
                part["hashes"] = [{"alg": "SHA-256", "content": locked[crate, number]["checksum"]}]
    document: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    document["metadata"] = {"component": {**subject, "bom-ref": ours, "purl": ours}}
    document["components"] = [components[reference] for reference in sorted(components)]
    document["dependencies"] = [{"ref": r, "dependsOn": sorted(needs[r])} for r in sorted(needs)]
    return json.dumps(document, indent=2) + "\n"

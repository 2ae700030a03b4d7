"""Lists the Rust crates that are compiled into a wheel, as a bill of materials in CycloneDX's format."""

import json
import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"  # however Cargo reaches it
MACS = ["aarch64-apple-darwin", "x86_64-apple-darwin"]


def write(wheel: Any, sboms: Path) -> None:  # noqa: ANN401
    """Ask Cargo what it compiles, without what only runs in the compiler; name no folder and no time."""
    name = re.sub("[-_.]+", "-", wheel.distribution.get_name()).lower()
    version = wheel.distribution.get_version()
    target = wheel.get_finalized_command("build_rust").target
    targets = [target] if isinstance(target, str) else MACS if "UNIVERSAL2" in str(target) else []
    ours = f"pkg:pypi/{name}@{version}"
    subject: dict[str, Any] = {"type": "library", "name": name, "version": version}
    components: dict[str, dict[str, Any]] = {}
    needs: dict[str, set[str]] = {ours: set()}
    for order, module in enumerate(wheel.distribution.rust_extensions):
        manifest = Path(module.path).resolve()
        own = tomllib.loads(manifest.read_text("utf-8-sig"))["package"]["name"]
        tree = [os.environ.get("CARGO", "cargo"), "tree", f"--manifest-path={manifest}"]
        tree += ["--locked", "--offline", "--edges=normal,no-proc-macro", "--prefix=depth"]
        tree += ["--format=|{p}|{l}", f"--package={own}", f"--features={','.join(module.features)}"]
        tree += [f"--target={target}" for target in targets]
        of_features = r"(?m)^--(?:all|no-default)-features|^(?:--features|-F)\n?.*"
        tree += "\n".join(re.findall(of_features, "\n".join(module.args))).splitlines()
        printed = subprocess.run(tree, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        lock = next(filter(Path.exists, (folder / "Cargo.lock" for folder in manifest.parents)))
        packages = tomllib.loads(lock.read_text("utf-8"))["package"]
        locked = {(package["name"], package["version"]): package for package in packages}
        branch = [ours]  # from the package to the crate that a line names
        for line in re.findall(rf"(?m)^[{int(not order)}-9].*", printed.stdout):  # less ours, at 0
            depth, crate, licence = line.removesuffix(" (*)").split("|")
            crate, number = crate.replace(" v", " ").split()[:2]
            reference = f"pkg:cargo/{crate}@{number.replace('+', '%2B')}"
            branch[int(depth) + bool(order) :] = [reference]
            needs[branch[-2]].add(reference)
            needs.setdefault(reference, set())
            part = {**subject, "bom-ref": reference, "name": crate, "version": number}
            components[reference] = part
            if licence:  # Cargo once took a slash
                part["licenses"] = [{"expression": licence.replace("/", " OR ")}]
            if locked[crate, number].get("source") == CRATES_IO:
                part["purl"] = reference
            if checksum := locked[crate, number].get("checksum"):  # Git has none
                part["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    # https://cyclonedx.org/docs/1.6/json/
    document: dict[str, Any] = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1}
    document["metadata"] = {"component": {**subject, "bom-ref": ours, "purl": ours}}
    document["components"] = [components[reference] for reference in sorted(components)]
    document["dependencies"] = [{"ref": r, "dependsOn": sorted(needs[r])} for r in sorted(needs)]
    sboms.mkdir(exist_ok=True)
    (sboms / f"{name}.cdx.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")

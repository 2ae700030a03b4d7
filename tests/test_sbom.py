"""A wheel lists the Rust crates that are compiled into it, and is otherwise what it was (PEP 770)."""

import json
import tomllib
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from packageurl import PackageURL

from conftest import Render
from project import Project, bare, run, user

pytestmark = [pytest.mark.slow(minutes=2), pytest.mark.usefixtures("kept_builds")]

SBOM = "fast_math-0.0.0.dist-info/sboms/fast-math.cdx.json"
NEEDS = """
from-git = { git = "file://FROM_GIT" }
helper = { path = "helper" }

[build-dependencies]
only-builds = { path = "only-builds" }

[dev-dependencies]
only-tests = { path = "only-tests" }

[target.'cfg(all(target_vendor = "apple", target_arch = "x86_64"))'.dependencies]
only-intel-macs = { path = "only-intel-macs" }

[target.'cfg(windows)'.dependencies]
only-windows = { path = "only-windows" }
"""


MODULE = """
[[tool.setuptools-rust.ext-modules]]
target = "fast_math._second"
path = "crates/second/Cargo.toml"
features = ["extra"]

[[tool.setuptools-rust.bins]]
target = "program"
path = "crates/program/Cargo.toml"
"""
SECOND = """
[dependencies]
pyo3 = "0.30"
second-helper = { path = "../second-helper", optional = true }
usual-helper = { path = "../usual-helper", optional = true }

[features]
default = ["usual"]
extra = ["dep:second-helper"]
usual = ["dep:usual-helper"]

[lib]
crate-type = ["cdylib"]
"""
LIB = """
include!(concat!(env!("OUT_DIR"), "/place.rs"));

#[cfg(feature = "extra")]
#[pyo3::pymodule]
mod _second {
    #[pymodule_export]
    const PLACE: &str = crate::PLACE;
}
"""
WRITES_CODE = """
fn main() {
    let place = std::env::var("OUT_DIR").unwrap() + "/place.rs";
    std::fs::write(place, "pub const PLACE: &str = file!();").unwrap();
}
"""


def crate(folder: Path, more: str = "", **sources: str) -> None:
    """Make a crate with the name of its folder."""
    (folder / "src").mkdir(parents=True)
    for source, text in sources.items():
        (folder / f"src/{source}.rs").write_text(text)
    (folder / "Cargo.toml").write_text(
        f'[package]\nname = "{folder.name}"\nversion = "2.0.0+made.1"\nlicense = "MIT/Apache-2.0"\n{more}'
    )


@cache
def from_git() -> Path:
    """Make a crate that is in a Git repository, in one folder for all builds."""
    folder = bare().folder / "from-git"
    crate(folder, lib="")
    Project(folder).commit("feat: start")
    return folder


def build(render: Render, folder: Path, umask: str = "002", **variables: str) -> Path:
    """Build the wheel of a project that needs more crates than the starter, of all kinds."""
    project = render(package_name="Fast.Math", module_name="fast_math", features=[])
    project = project.copy(folder / "project")
    crates = project.path / "crates"
    manifest = crates / "Cargo.toml"
    text = manifest.read_text("utf-8")
    assert "[dependencies]\n" in text
    needs = NEEDS.replace("FROM_GIT", str(from_git()))
    text = text.replace("[dependencies]\n", f"[dependencies]{needs}")
    manifest.write_text(f'{text}\n[workspace]\nmembers = ["second", "program"]\n', "utf-8")
    (crates / "build.rs").write_text("fn main() {}\n")
    only = ("only-builds", "only-intel-macs", "only-tests", "only-windows")
    for name in ("helper", *only, "second-helper", "usual-helper"):
        crate(crates / name, lib="")
    crate(crates / "second", SECOND, lib=LIB)
    (crates / "second/build.rs").write_text(WRITES_CODE)
    crate(crates / "program", main="fn main() {}\n")
    settings = project.path / "pyproject.toml"
    settings.write_text(settings.read_text("utf-8") + MODULE, "utf-8")
    project.run("cargo", "update", "--workspace", "--quiet", "--manifest-path", manifest)
    # Each build has files of its own, but for the sources that Cargo has unpacked.
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    project.run("chmod", "-R", "g+w" if umask == "002" else "go=", ".")  # as Git does
    project.run(
        "sh", "-c", f"umask {umask}; exec uv build --quiet", base={**user(), **env, **variables}
    )
    (wheel,) = project.path.glob("dist/*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(render, tmp_path_factory.mktemp("one"))


@pytest.fixture(scope="module")
def text(wheel: Path) -> str:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(SBOM).decode()


@pytest.fixture(scope="module")
def sbom(text: str) -> dict[str, Any]:
    bill: dict[str, Any] = json.loads(text)
    return bill


def test_it_follows_the_schema(text: str) -> None:
    # Loaded here only: this takes two seconds, for all who collect the tests.
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_it_lists_what_is_compiled_in(sbom: dict[str, Any], wheel: Path) -> None:
    listed = {component["name"]: component for component in sbom["components"]}
    helpers = {"helper", "from-git", "second-helper", "usual-helper"}
    assert {*helpers, "pyo3", "pyo3-ffi", "second", "program"} <= set(listed)
    # What runs in the compiler, in tests or on other systems is not in the wheel.
    assert not {"pyo3-macros", "syn", "target-lexicon"} & set(listed)
    assert not [name for name in listed if name.startswith(("_", "only"))]
    locked = tomllib.loads((wheel.parents[1] / "crates/Cargo.lock").read_text("utf-8"))
    packages = {package["name"]: package for package in locked["package"]}
    for name, component in listed.items():
        assert component["version"] == packages[name]["version"]
        hashes = [{"alg": "SHA-256", "content": packages[name].get("checksum")}]
        assert component.get("hashes", [{**hashes[0], "content": None}]) == hashes
        (licence,) = component["licenses"]
        assert "MIT OR Apache-2.0" in licence["expression"]
        assert "(*)" not in licence["expression"]  # with which Cargo marks what it has shown before
    assert listed["pyo3"]["purl"] == f"pkg:cargo/pyo3@{packages['pyo3']['version']}"
    for component in sbom["components"]:
        reference = PackageURL.from_string(component["bom-ref"])
        assert reference.to_string() == component["bom-ref"]
        assert reference.version == component["version"]
    for name in helpers:
        assert "purl" not in listed[name]  # they are on no registry
    assert sbom["metadata"]["component"]["purl"] == "pkg:pypi/fast-math@0.0.0"


def test_it_says_what_needs_what(sbom: dict[str, Any]) -> None:
    needs = {entry["ref"]: entry["dependsOn"] for entry in sbom["dependencies"]}
    references = {component["bom-ref"] for component in sbom["components"]}
    (pyo3,) = (reference for reference in references if reference.startswith("pkg:cargo/pyo3@"))
    assert set(needs) == {*references, "pkg:pypi/fast-math@0.0.0"}
    own = [
        f"pkg:cargo/{name}@2.0.0%2Bmade.1" for name in ("from-git", "helper", "program", "second")
    ]
    assert needs["pkg:pypi/fast-math@0.0.0"] == sorted([*own, pyo3])
    assert needs["pkg:cargo/second@2.0.0%2Bmade.1"] == [
        pyo3,
        "pkg:cargo/second-helper@2.0.0%2Bmade.1",
        "pkg:cargo/usual-helper@2.0.0%2Bmade.1",
    ]
    assert any(reference.startswith("pkg:cargo/pyo3-ffi@") for reference in needs[pyo3])


# Lists what is compiled into a crate of the project, by these arguments, for a target that setuptools-rust names.
LIST = """
import json, sys
from pathlib import Path
from runpy import run_path
from types import SimpleNamespace

import setuptools_rust.build

_, path, target, *args = sys.argv
command = SimpleNamespace(target=getattr(setuptools_rust.build._Platform, target, target))
distribution = SimpleNamespace(
    get_name=lambda: "fast-math",
    get_version=lambda: "0.0.0",
    rust_extensions=[SimpleNamespace(path=path, features=[], args=args)],
)
wheel = SimpleNamespace(distribution=distribution, get_finalized_command=lambda _: command)
run_path("scripts/sbom.py")["write"](wheel, Path("sboms"))
print(Path("sboms/fast-math.cdx.json").read_text())
"""


DEFAULT = "CARGO_DEFAULT"


def listed(project: Project, *arguments: str, cargo: str = "cargo") -> dict[str, Any]:
    """Return what is listed, by the names of the crates."""
    tools = ["--no-project", "--with", "setuptools>=84", "--with", "setuptools-rust"]
    command = "uv", "run", "--quiet", *tools, "python", "-c", LIST, *arguments
    printed = project.run(*command, env={"CARGO": cargo}).stdout
    bill = json.loads(printed)
    return {component["name"]: component for component in bill["components"]}


def test_it_lists_what_the_build_chose(wheel: Path) -> None:
    project = Project(wheel.parents[1])
    second = "crates/second/Cargo.toml"
    usual = listed(project, second, DEFAULT, "--profile=dev")
    assert "usual-helper" in usual
    assert "second-helper" not in usual
    assert "usual-helper" not in listed(project, second, DEFAULT, "--no-default-features")
    for extra in (["--features", "extra"], ["--features=extra"], ["-Fextra"], ["--all-features"]):
        assert "second-helper" in listed(project, second, DEFAULT, "--no-default-features", *extra)
    own = "crates/Cargo.toml"
    assert "only-windows" not in listed(project, own, DEFAULT)
    assert "only-windows" in listed(project, own, "i686-pc-windows-msvc")
    assert "only-intel-macs" in listed(project, own, "UNIVERSAL2")
    with pytest.raises(AssertionError, match="CalledProcessError"):  # by the Cargo of the build
        listed(project, own, DEFAULT, cargo="false")


def test_crates_may_have_no_checksum(wheel: Path, tmp_path: Path) -> None:
    """Distributions build with crates of their own, which Cargo takes as they are."""
    project = Project(wheel.parents[1]).copy(tmp_path / "project")
    manifest = "--manifest-path=crates/Cargo.toml"
    project.run("cargo", "vendor", "--quiet", "--offline", manifest)
    (project.path / ".cargo").mkdir()
    (project.path / ".cargo/config.toml").write_text(
        '[source]\ncrates-io.replace-with = "here"\nhere.directory = "vendor"\n'
    )
    for checksums in project.path.glob("vendor/*/.cargo-checksum.json"):
        checksums.write_text('{"files": {}, "package": null}')
    lock = project.path / "crates/Cargo.lock"
    lock.unlink()
    project.run("cargo", "generate-lockfile", "--quiet", "--offline", manifest)
    assert "checksum" not in lock.read_text()
    own = project.path / "crates/Cargo.toml"
    own.write_text(f"\ufeff{own.read_text('utf-8')}", "utf-8")  # as Windows may write it
    pyo3 = listed(project, "crates/Cargo.toml", DEFAULT)["pyo3"]
    assert "purl" in pyo3
    assert "hashes" not in pyo3


def another_machine(folder: Path) -> dict[str, str]:
    """Return variables that lead to a Cargo and a Rust in other places, which holds the sources of its library."""
    cargo, rust = folder / "Jane Doe/.cargo", folder / "rust"
    cargo.mkdir(parents=True)
    for known in Path(user()["HOME"], ".cargo").iterdir():
        (cargo / known.name).symlink_to(known)
    real = run("rustc", "--print=sysroot", cwd=folder, base=user()).stdout.strip()
    sources = rust / "lib/rustlib/src/rust/library/std/src/lib.rs"
    sources.parent.mkdir(parents=True)
    sources.touch()
    for part in Path(real, "lib/rustlib").iterdir():
        if part.name != "src":
            (rust / "lib/rustlib" / part.name).symlink_to(part)
    program = rust / "bin/rustc"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {real}/bin/rustc "$@" --sysroot {rust}\n')
    program.chmod(0o755)
    return {
        "CARGO_BUILD_BUILD_DIR": str(folder / "building"),
        "CARGO_HOME": str(cargo),
        "CARGO_TARGET_DIR": str(folder / "target"),
        "PATH": f"{program.parent}:{user()['PATH']}",
    }


def test_another_machine_folder_and_umask_make_the_same_bytes(
    wheel: Path, text: str, render: Render, tmp_path: Path
) -> None:
    again = build(render, tmp_path, umask="077", **another_machine(tmp_path))
    with zipfile.ZipFile(wheel) as first, zipfile.ZipFile(again) as second:
        assert b"target/release/build/second" in first.read("fast_math/_second.abi3.so")
        assert all(first.read(name) == second.read(name) for name in first.namelist())
        (program,) = (file for file in first.infolist() if "/scripts/" in file.filename)
        assert program.external_attr >> 16 & 0o777 == 0o755, "a program stays one"
    assert again.read_bytes() == wheel.read_bytes()
    for trace in (wheel.parents[1], Path.home()):
        assert str(trace) not in text


def test_a_release_takes_it(wheel: Path, tmp_path: Path) -> None:
    """Its own check, and those of others; PyPI's name for the platform is auditwheel's work."""
    dist = tmp_path / "dist"
    dist.mkdir()
    named = dist / wheel.name.replace("-linux_", "-manylinux_2_28_")
    named.write_bytes(wheel.read_bytes())
    project = Project(wheel.parents[1])
    project.tool("python", "scripts/release.py", "files", dist)
    run("check-wheel-contents", wheel, cwd=tmp_path)
    run("twine", "check", "--strict", wheel, cwd=tmp_path)

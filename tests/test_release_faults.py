"""Whatever goes wrong in a release, nothing is published; and a second run completes the first."""

import itertools
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from conftest import Render
from project import Project, run
from rehearsal import Rehearsal, keep_jobs, package_index, rehearse, requires, upload_to

PUBLISHING = ["pypi", "github"]
PLATFORMS = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_28_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_10_12_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
    "win_arm64",
]
SDIST = "fault_sample-0.1.0.tar.gz"


@pytest.fixture(scope="session")
def bumped(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that is ready to be released as 0.1.0, to be copied."""
    project = render(
        package_name="fault-sample",
        module_name="fault_sample",
        github_owner="ada",
        features=["pypi", "free_threaded"],
    )
    project = project.copy(tmp_path_factory.mktemp("bumped") / "project")
    project.run("uv", "lock")
    project.commit("feat: start the project")
    project.run("cz", "bump", "--yes")
    return project


@pytest.fixture
def project(bumped: Project, tmp_path: Path) -> Project:
    return bumped.copy(tmp_path / "project")


def tag(project: Project, name: str = "v0.1.0") -> None:
    """Commit everything and move the tag there."""
    project.git("add", "--all")
    project.git("commit", "--quiet", "--no-verify", "--allow-empty", "--message=fix: something")
    project.git("tag", "--force", "--annotate", "--message=x", name)


def edit(project: Project, name: str, old: str, new: str) -> None:
    """Replace a text that stands once in a file."""
    path = project.path / name
    text = path.read_text("utf-8")
    assert text.count(old) == 1, (name, old)
    path.write_text(text.replace(old, new), "utf-8")


def publish(project: Project, folder: Path, *jobs: str, **env: str) -> Rehearsal:
    """Run some jobs and those that publish, with an index that would take everything."""
    requires("act")
    keep_jobs(project, *jobs, *PUBLISHING)
    with package_index(folder / "index") as index:
        return rehearse(project, folder, "release", env=upload_to(index) | env)


def check_nothing_published(rehearsal: Rehearsal, failed: str) -> None:
    assert rehearsal.jobs.pop(failed) == "failure", rehearsal.output
    assert {rehearsal.jobs[name] for name in PUBLISHING} == {"skipped"}
    assert not any((rehearsal.folder / "index").iterdir())
    assert not (rehearsal.folder / "gh.log").exists()


def make_wheel(folder: Path, tags: str, module: str = "", version: str = "0.1.0") -> Path:
    """Write a wheel that holds no more than the name of a compiled module."""
    if not module:
        abi = "" if "-abi3-" in tags else ".cpython-314t"
        module = f"_accelerate{abi}.pyd" if "-win" in tags else f"_accelerate{abi or '.abi3'}.so"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"fault_sample-{version}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"fault_sample/{module}", b"")
        archive.writestr("fault_sample.libs/libgcc_s-1.so.1", b"")
        metadata = f"Metadata-Version: 2.4\nName: fault-sample\nVersion: {version}\n"
        archive.writestr(f"fault_sample-{version}.dist-info/METADATA", metadata)
    return path


def make_sdist(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    info = folder / "PKG-INFO"
    info.write_text("Metadata-Version: 2.4\nName: fault-sample\nVersion: 0.1.0\n")
    with tarfile.open(folder / SDIST, "w:gz") as archive:
        for name in ("PKG-INFO", "setup.py"):
            archive.add(info, f"fault_sample-0.1.0/{name}")
    info.unlink()
    return folder / SDIST


# What the gate sees.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pyproject.toml", 'version = "0.1.0" # x', 'version = "0.1.1" # x'),
        ("crates/Cargo.toml", '"accelerate"\nversion = "0.1.0"', '"accelerate"\nversion = "0.1.1"'),
        ("crates/Cargo.lock", '"accelerate"\nversion = "0.1.0"', '"accelerate"\nversion = "0.1.1"'),
        ("uv.lock", '"fault-sample"\nversion = "0.1.0"', '"fault-sample"\nversion = "0.1.1"'),
        ("CHANGELOG.md", "## v0.1.0 (", "## v0.0.9 ("),
    ],
)
def test_files_that_disagree(
    project: Project, tmp_path: Path, name: str, old: str, new: str
) -> None:
    edit(project, name, old, new)
    tag(project)

    rehearsal = publish(project, tmp_path / "kept", "gate")

    check_nothing_published(rehearsal, "gate")
    assert "Not released: " in rehearsal.output, rehearsal.output
    assert "uv sync" not in rehearsal.output


@pytest.mark.slow
def test_a_tag_that_disagrees(project: Project, tmp_path: Path) -> None:
    project.git("tag", "--delete", "v0.1.0")
    tag(project, "v0.2.0")

    rehearsal = publish(project, tmp_path / "kept", "gate")

    check_nothing_published(rehearsal, "gate")
    assert "the tag is v0.2.0, but the version in the files is 0.1.0" in rehearsal.output


@pytest.mark.parametrize(
    "name", ["pyproject.toml", "crates/Cargo.toml", "crates/Cargo.lock", "uv.lock"]
)
def test_the_gate_reads_every_file(project: Project, name: str) -> None:
    """Without uv, which would notice some of it by itself."""
    path = project.path / name
    places = r'((?:^|"accelerate"\n|"fault-sample"\n)version = ")0\.1\.0(?=")'
    path.write_text(
        re.sub(places, r"\g<1>0.1.1", path.read_text("utf-8"), count=1, flags=re.MULTILINE)
    )

    command = ["python", "scripts/release_files.py", "check-version", "--tag=v0.1.0"]
    said = project.run(*command, check=False).stdout
    assert "Not released: pyproject.toml has version" in said
    project.git("checkout", "--quiet", ".")
    project.run(*command)


# What the source distribution and the wheels are made of.


@pytest.mark.slow
def test_a_source_distribution_without_lock_file(project: Project, tmp_path: Path) -> None:
    edit(project, "MANIFEST.in", " crates/Cargo.lock", "")
    tag(project)

    rehearsal = publish(project, tmp_path / "kept", "sdist", "wheels")

    assert rehearsal.jobs["wheels"] == "skipped"
    check_nothing_published(rehearsal, "sdist")
    assert "lacks crates/Cargo.lock" in rehearsal.output


@pytest.mark.slow
def test_a_source_distribution_that_does_not_build(project: Project, tmp_path: Path) -> None:
    edit(project, "crates/Cargo.toml", "[dependencies]\n", '[dependencies]\nlibc = "0.2"\n')
    tag(project)

    rehearsal = publish(project, tmp_path / "kept", "sdist", "wheels")

    assert rehearsal.jobs.pop("sdist") == "success"
    check_nothing_published(rehearsal, "wheels")
    assert "cannot update the lock file" in rehearsal.output


@pytest.mark.slow
def test_a_test_that_fails_on_one_python(project: Project, tmp_path: Path) -> None:
    (project.path / "tests/test_fault.py").write_text(
        "import sys\n\n\ndef test_fault() -> None:\n    assert sys.version_info[:2] != (3, 13)\n"
    )
    tag(project)

    rehearsal = publish(
        project, tmp_path / "kept", "sdist", "wheels", "install", CIBW_BUILD="cp311-* cp313-*"
    )

    assert rehearsal.jobs.pop("sdist") == "success"
    assert rehearsal.jobs["install"] == "skipped"
    check_nothing_published(rehearsal, "wheels")
    assert re.search(r"cp311-manylinux_x86_64.* finished", rehearsal.output)
    assert "1 failed" in rehearsal.output


# What is in the set of files.


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tags", "module", "said"),
    [
        ("", "", "missing: cp311-abi3-manylinux_x86_64"),
        ("cp311-abi3-manylinux_2_28_x86_64", "_accelerate.cpython-311-x86_64-linux-gnu.so", "fit"),
        ("cp312-abi3-manylinux_2_28_x86_64", "", "was not expected"),
    ],
    ids=["missing", "module", "tag"],
)
def test_a_wrong_set(project: Project, tmp_path: Path, tags: str, module: str, said: str) -> None:
    kept = tmp_path / "kept"
    make_sdist(kept / "artifacts/dist-sdist")
    make_wheel(kept / "artifacts/dist-x", "cp314-cp314t-manylinux_2_28_x86_64")
    make_wheel(kept / "artifacts/dist-x", "cp315-cp315t-manylinux_2_28_x86_64")
    if tags:
        make_wheel(kept / "artifacts/dist-x", tags, module)

    rehearsal = publish(
        project, kept, "check", CIBW_BUILD="cp311-manylinux_x86_64", CIBW_ARCHS="x86_64"
    )

    check_nothing_published(rehearsal, "check")
    assert re.search(f"Not released: .*{said}", rehearsal.output)


def check_files(project: Project, folder: Path) -> str:
    command = ["python", "scripts/release_files.py", "check-files", str(folder)]
    return project.run(*command, check=False, env={"ACT": ""}).stdout


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with everything that a release consists of."""
    folder = tmp_path_factory.mktemp("complete")
    for python, platform in itertools.product(
        ["cp311-abi3", "cp314-cp314t", "cp315-cp315t"], PLATFORMS
    ):
        make_wheel(folder, f"{python}-{platform}")
    make_sdist(folder)
    return folder


def linked(complete: Path, folder: Path) -> Path:
    """Return a copy of the folder that may be changed."""
    folder.mkdir()
    for file in complete.iterdir():
        os.link(file, folder / file.name)
    return folder


def test_the_complete_set_passes_and_each_file_is_needed(
    bumped: Project, complete: Path, tmp_path: Path
) -> None:
    folder = linked(complete, tmp_path / "dist")
    assert check_files(bumped, folder) == ""

    for file in sorted(complete.iterdir())[::4]:
        (folder / file.name).unlink()
        missing = "sdist" if file.name == SDIST else "-".join(file.stem.split("-")[2:4])
        assert f"Not released: missing: {missing}" in check_files(bumped, folder)
        os.link(file, folder / file.name)


@pytest.mark.parametrize(
    ("replaced", "tags", "module", "version"),
    [
        (
            "cp311-abi3-win_amd64",
            "cp311-abi3-win_amd64",
            "_accelerate.cp311-win_amd64.pyd",
            "0.1.0",
        ),
        ("cp311-abi3-win_amd64", "cp311-abi3-win_amd64", "", "0.1.1"),
        ("cp311-abi3-win_amd64", "cp311-abi3-win32", "", "0.1.0"),
        ("cp311-abi3-win_amd64", "cp311-cp311-win_amd64", "_accelerate.pyd", "0.1.0"),
        ("cp314-cp314t-win_arm64", "cp314-cp314t-win_arm64", "_accelerate.pyd", "0.1.0"),
        ("cp311-abi3-musllinux_1_2_x86_64", "cp311-abi3-musllinux_1_3_x86_64", "", "0.1.0"),
        ("cp311-abi3-manylinux_2_28_aarch64", "cp311-abi3-manylinux_2_34_aarch64", "", "0.1.0"),
        ("cp311-abi3-manylinux_2_28_aarch64", "cp311-abi3-linux_aarch64", "", "0.1.0"),
        ("cp311-abi3-macosx_11_0_arm64", "cp311-abi3-macosx_12_0_arm64", "", "0.1.0"),
        ("cp311-abi3-macosx_11_0_arm64", "cp311-abi3-macosx_11_0_arm64", "notes.txt", "0.1.0"),
        ("", "cp313-cp313-win_amd64", "", "0.1.0"),
        ("", "cp311-abi3-musllinux_1_1_x86_64", "", "0.1.0"),
    ],
)
def test_a_file_that_does_not_belong_there(
    bumped: Project,
    complete: Path,
    tmp_path: Path,
    replaced: str,
    tags: str,
    module: str,
    version: str,
) -> None:
    folder = linked(complete, tmp_path / "dist")
    if replaced:
        (folder / f"fault_sample-0.1.0-{replaced}.whl").unlink()
    make_wheel(folder, tags, module, version)

    assert "Not released: fault_sample-" in check_files(bumped, folder)


# What happens while publishing.


@pytest.fixture
def checked(tmp_path: Path) -> Path:
    """Return a folder as the job `check` leaves it."""
    folder = tmp_path / "kept"
    release = folder / "artifacts/release"
    make_sdist(release / "dist")
    make_wheel(release / "dist", "cp311-abi3-manylinux_2_28_x86_64")
    (release / "SHA256SUMS").write_text("")
    (release / "notes.md").write_text("### Feat\n")
    return folder


class Refusing(BaseHTTPRequestHandler):
    """An index that refuses every upload."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(403, "Invalid API Token")

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def refusing_index() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.mark.slow
def test_an_upload_that_is_refused(project: Project, checked: Path) -> None:
    requires("act")
    keep_jobs(project, *PUBLISHING)
    with refusing_index() as index:
        rehearsal = rehearse(project, checked, "release", env=upload_to(index))

    assert rehearsal.jobs == {"pypi": "failure", "github": "skipped"}
    assert "403" in rehearsal.output
    assert not rehearsal.published


@pytest.mark.slow
def test_a_second_run_completes_a_release_that_was_killed(project: Project, checked: Path) -> None:
    """Killed after PyPI has everything and the page of the release one file."""
    gh = project.path / ".github/rehearsal/bin/gh"
    original = gh.read_text()
    gh.write_text(
        original.replace('cp "$file" "$release"', 'cp "$file" "$release" && kill -9 $PPID $$')
    )
    killed = publish(project, checked)
    assert killed.jobs == {"pypi": "success", "github": "failure"}
    assert len(killed.published) == 1
    uploaded = sorted((checked / "index").iterdir())
    assert len(uploaded) == 2

    gh.write_text(original)
    completed = publish(project, checked)

    assert completed.jobs == {"pypi": "success", "github": "success"}, completed.output
    assert len(completed.published) == 3
    assert sorted((checked / "index").iterdir()) == uploaded
    calls = (checked / "gh.log").read_text()
    assert calls.count("gh release create") == 1
    assert calls.endswith("gh release edit v0.1.0 --draft=false\n")


@pytest.mark.slow
def test_started_by_hand_nothing_is_published(project: Project, checked: Path) -> None:
    project.run("git", "commit", "--quiet", "--allow-empty", "--message=fix: one")
    (project.path / ".github/workflows/release.yml").write_text(
        re.sub(
            r"(?s)jobs:\n.*?\n  pypi:",
            "jobs:\n  check:\n    runs-on: ubuntu-latest\n    steps: [{run: 'true'}]\n  pypi:",
            project.read(".github/workflows/release.yml"),
        )
    )
    rehearsal = rehearse(project, checked, "release")

    assert rehearsal.jobs == {"check": "success"}, rehearsal.output
    assert not rehearsal.published


@pytest.mark.parametrize("features", [["pypi"], []])
def test_publishing_waits_for_every_other_job(render: Render, features: list[str]) -> None:
    workflow = yaml.safe_load(render(features=features).read(".github/workflows/release.yml"))
    jobs = workflow["jobs"]

    def needs(name: str) -> set[str]:
        direct = jobs[name].get("needs", [])
        direct = {direct} if isinstance(direct, str) else set(direct)
        return direct.union(*map(needs, direct))

    publishing = [name for name in jobs if "write" in jobs[name]["permissions"].values()]
    assert publishing == (PUBLISHING if features else ["github"])
    for name in publishing:
        assert needs(name) >= jobs.keys() - set(publishing)
        assert jobs[name]["if"] == "github.event_name == 'push'"
    assert all("if" not in jobs[name] for name in jobs.keys() - set(publishing))
    assert not re.search(r"always\(|cancelled\(|failure\(|continue-on-error", str(workflow))


@pytest.mark.parametrize("free_threaded", [False, True])
def test_cibuildwheel_selects_what_the_release_expects(render: Render, free_threaded: bool) -> None:
    """On all six systems together: the platforms, and the Pythons, whose oldest builds."""
    features = ["free_threaded"] if free_threaded else []
    project = render(python_min="3.12", features=features)
    identifiers = ""
    for platform, arch in itertools.product(["linux", "windows", "macos"], ["64", "arm"]):
        archs = {"64": {"windows": "AMD64"}.get(platform, "x86_64"),
                 "arm": {"windows": "ARM64", "linux": "aarch64"}.get(platform, "arm64")}[arch]  # fmt: skip
        command = [
            "cibuildwheel",
            "--print-build-identifiers",
            "--platform",
            platform,
            "--archs",
            archs,
        ]
        clean = {name: "" for name in os.environ if name.startswith("CIBW_")}
        identifiers += run(*command, cwd=project.path, env=clean).stdout
    code = "import release_files; print(*sorted(release_files.expected()))"
    expected = run("python", "-c", code, cwd=project.path, env={"PYTHONPATH": "scripts", "ACT": ""})

    wanted = {name.replace("cp312-abi3", "cp312") for name in expected.stdout.split()} - {"sdist"}
    wanted = {re.sub(r"^(cp\d+)-cp\d+t-", r"\1t-", name) for name in wanted}
    selected = set(identifiers.split())
    assert {name for name in selected if name.startswith("cp312-") or "t-" in name} == wanted
    pythons = {f"cp3{minor}" for minor in range(12, 16)}
    assert {name.split("-")[0] for name in selected if "t-" not in name} == pythons

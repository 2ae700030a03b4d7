"""The release workflow, run for real: from the tag to an installed package."""

import fcntl
import functools
import hashlib
import http.server
import os
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import pythons
from conftest import Render
from needs import need
from project import Project, run
from rehearsal import (
    Rehearsal,
    clean_environment,
    package_index,
    rehearse,
    upload_to,
)

pytestmark = pytest.mark.slow(minutes=3)

JOBS = ["check", "gate", "github", "install", "pypi", "sdist", "wheels"]
# A name that nobody uses, so that no installer can find a stranger's package instead.
PACKAGE = "Copier-PyO3.release_sample"
WHEEL = re.compile(r"copier_pyo3_release_sample-0\.1\.0-cp311-abi3-(many|musl)linux_.+_x86_64\.whl")


@pytest.fixture(scope="session")
def released(render: Render, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Rehearsal]:
    """Bump a project and rehearse its release; once, however many processes run the tests."""
    need("engine")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "released"
    shared.mkdir(exist_ok=True)
    project, folder = Project(shared / "project"), shared / "kept"
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (shared / "output").exists():
            render(
                package_name=PACKAGE,
                module_name="release_sample",
                github_owner="ada",
                features=["pypi"],
            ).copy(project.path)
            project.run("uv", "lock")
            project.commit("feat: start the project")
            project.run("cz", "bump", "--yes")
            with package_index(folder / "index") as index:
                rehearsal = rehearse(project, folder, "release", env=upload_to(index))
            lines = [
                rehearsal.output,
                *(f"{job}={result}" for job, result in rehearsal.jobs.items()),
            ]
            (shared / "output").write_text("\0".join(lines))
    output, *jobs = (shared / "output").read_text().split("\0")
    return project, Rehearsal(folder, output, dict(job.split("=") for job in jobs))


@contextmanager
def page(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback interface."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def check_installed(python: Path) -> None:
    code = (
        "import release_sample; from importlib.metadata import version;"
        f"assert release_sample.__version__ == version('{PACKAGE}') == '0.1.0';"
        "assert release_sample.add_in_rust(40, 2) == 42"
    )
    run(python, "-c", code, cwd=Path("/"))


def test_every_job_succeeds(released: tuple[Project, Rehearsal]) -> None:
    _, rehearsal = released

    assert rehearsal.jobs == dict.fromkeys(JOBS, "success"), rehearsal.output
    for minor in range(11, pythons.NEWEST_MINOR + 1):
        assert re.search(rf"cp3{minor}-manylinux_x86_64.* finished", rehearsal.output)


def test_the_release_page_is_complete(released: tuple[Project, Rehearsal]) -> None:
    _, rehearsal = released
    files = rehearsal.published

    assert {"SHA256SUMS", "copier_pyo3_release_sample-0.1.0.tar.gz"} < set(files)
    wheels = [name for name in files if name.endswith(".whl")]
    assert wheels
    assert all(map(WHEEL.fullmatch, wheels)), wheels
    for name in wheels:
        with zipfile.ZipFile(rehearsal.folder / "release" / name) as wheel:
            modules = [wheel.read(file) for file in wheel.namelist() if file.endswith(".abi3.so")]
        assert [b"/.cargo/registry" in module for module in modules] == [False]
    sums = (rehearsal.folder / "release/SHA256SUMS").read_text().splitlines()
    assert sorted(line.split()[1] for line in sums) == sorted({*files} - {"SHA256SUMS"})
    for line in sums:
        digest, name = line.split()
        content = (rehearsal.folder / "release" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    notes = (rehearsal.folder / "artifacts/release/notes.md").read_text()
    assert notes == "### Feat\n\n- start the project\n"
    calls = (rehearsal.folder / "gh.log").read_text().splitlines()
    assert [call.split()[2] for call in calls] == ["view", "create", "upload", "edit"]
    assert "--draft" in calls[1]
    assert calls[3].endswith("v0.1.0 --draft=false")


def test_pip_installs_it_from_the_index(
    released: tuple[Project, Rehearsal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, rehearsal = released
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    uploaded = sorted(file.name for file in (rehearsal.folder / "index").iterdir())
    assert uploaded == sorted({*rehearsal.published} - {"SHA256SUMS"})
    for version in (pythons.SUPPORTED[0], pythons.SUPPORTED[-1]):
        python = clean_environment(Path(need(f"python{version}")), tmp_path / version)
        with package_index(rehearsal.folder / "index") as index:
            run(
                python, "-m", "pip", "install", "--only-binary=:all:", "--index-url",
                f"{index}simple/", f"{PACKAGE}==0.1.0", cwd=tmp_path,
            )  # fmt: skip
        check_installed(python)


def test_the_line_in_the_readme_installs_it_from_the_release_page(
    released: tuple[Project, Rehearsal], tmp_path: Path
) -> None:
    """The part of a release's page that GitHub loads later holds the links, the page itself none."""
    project, rehearsal = released
    line = re.search(
        r"pip install .*https://github\.com/\S+/expanded_assets/\S+.*", project.read("README.md")
    )
    assert line
    command = line[0].replace("VERSION", "0.1.0")
    where = re.search(r"https://github\.com(/ada/\S+/releases)/expanded_assets/(v0\.1\.0)", command)
    assert where, command
    downloads = f"{where[1]}/download/{where[2]}"
    (tmp_path / downloads.strip("/")).mkdir(parents=True)
    links = ""
    for file in (rehearsal.folder / "release").iterdir():
        (tmp_path / downloads.strip("/") / file.name).write_bytes(file.read_bytes())
        links += f'<li><a href="{downloads}/{file.name}" rel="nofollow">{file.name}</a></li>\n'
    assets = tmp_path / f"{where[1]}/expanded_assets/{where[2]}".strip("/")
    assets.mkdir(parents=True)
    (assets / "index.html").write_text(f"<div><ul>\n{links}</ul></div>\n")
    found = need(f"python{pythons.SUPPORTED[0]}")
    python = clean_environment(Path(found), tmp_path / "venv")
    with page(tmp_path) as address:
        command = command.replace("https://github.com", address).split("`")[0]
        run(python, "-m", *command.split(), cwd=tmp_path)
    check_installed(python)


def test_a_second_build_has_the_same_bytes(
    released: tuple[Project, Rehearsal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag, cloned into another folder and built again by the commands of the workflow."""
    project, rehearsal = released
    clone = Project(tmp_path / "another" / "folder")
    run("git", "clone", "--quiet", project.path, clone.path, cwd=tmp_path)
    epoch = clone.git("log", "-1", "--format=%ct").strip()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    monkeypatch.setenv("CIBW_TEST_SKIP", "*")
    clone.run("uv", "build", "--sdist", "--clear")
    sdist = next((clone.path / "dist").glob("*.tar.gz"))
    clone.run("python", "scripts/release_files.py", "repack", sdist)
    clone.run("cibuildwheel", "--platform=linux", sdist)
    for built in [sdist, *(clone.path / "wheelhouse").iterdir()]:
        assert built.read_bytes() == (rehearsal.folder / "release" / built.name).read_bytes()
    assert len(list((clone.path / "wheelhouse").iterdir())) == len(rehearsal.published) - 2

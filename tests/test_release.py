"""The release workflow, run for real: from the tag to an installed package."""

import hashlib
import re
import shlex
import zipfile
from pathlib import Path

import pytest

import pythons
from conftest import Render
from needs import need
from project import KEPT, Project, bare, run, user
from rehearsal.rehearse import Push, Rehearsal, package_index
from rehearsal.rehearse import run as rehearse
from servers import folder_served
from test_readme import blocks

pytestmark = [pytest.mark.slow(minutes=5), pytest.mark.usefixtures("kept_builds")]

JOBS = ["check", "draft", "gate", "github", "install", "pypi", "sdist", "wheels"]
# A name that nobody uses, so that no installer can find a stranger's package instead.
PACKAGE = "Copier-PyO3.release_sample"
WHEEL = re.compile(r"copier_pyo3_release_sample-0\.1\.0-cp311-abi3-(many|musl)linux_.+_x86_64\.whl")


@pytest.fixture(scope="module")
def bumped(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project that its owner has bumped to its first version."""
    project = render(
        package_name=PACKAGE,
        module_name="release_sample",
        github_owner="ada",
        features=["pypi", "docs", "numpy"],
    ).copy(tmp_path_factory.mktemp("released") / "project")
    project.run("uv", "lock", "--quiet")
    project.commit("feat: start the project")
    project.make("bump")
    return project


@pytest.fixture(scope="module")
def push(bumped: Project) -> Push:
    """Push the project as its owner would."""
    folder = bumped.path.parent / "pushed"
    folder.mkdir()
    return Push.of(bumped.path, folder)


def kept_by_cargo() -> list[str]:
    """Return options for act that let jobs share what Cargo compiles; it tells crates apart by their folder."""
    variables = {**KEPT, "CARGO_HOME": f"{user()['HOME']}/.cargo"}
    return [f"--env={name}={value}" for name, value in variables.items()]


@pytest.fixture(scope="module")
def released(push: Push) -> Rehearsal:
    """Rehearse the release, where nothing was built before."""
    need("engine")
    need("rustup")
    need(f"python{pythons.SUPPORTED[-1]}")
    kept = push.origin.parent / "kept"
    with package_index(kept / "index") as index:
        return rehearse(push, "release", kept, bare(), index=index)


def clean_environment(python: Path, folder: Path) -> Path:
    """Make a virtual environment with pip and return its Python."""
    run(
        "uv",
        "venv",
        "--quiet",
        "--seed",
        f"--python={python}",
        folder,
        cwd=folder.parent,
        base=user(),
    )
    return folder / "bin/python"


def check_installed(python: Path) -> None:
    code = (
        "import release_sample; from importlib.metadata import version;"
        f"assert release_sample.__version__ == version('{PACKAGE}') == '0.1.0';"
        "assert release_sample.add_in_rust(40, 2) == 42"
    )
    run(python, "-c", code, cwd=Path("/"), base=user(rust=False))


def test_every_job_succeeds(released: Rehearsal) -> None:
    assert released.jobs == dict.fromkeys(JOBS, "success"), released.output
    for minor in range(11, pythons.NEWEST_MINOR + 1):
        assert re.search(rf"cp3{minor}-manylinux_x86_64.* finished", released.output)


def test_the_release_page_is_complete(released: Rehearsal) -> None:
    files = released.published

    assert {"SHA256SUMS", "copier_pyo3_release_sample-0.1.0.tar.gz"} < set(files)
    wheels = [name for name in files if name.endswith(".whl")]
    assert wheels
    assert all(map(WHEEL.fullmatch, wheels)), wheels
    for name in wheels:
        with zipfile.ZipFile(released.folder / "release" / name) as wheel:
            modules = [wheel.read(file) for file in wheel.namelist() if file.endswith(".abi3.so")]
        assert [b"/.cargo/registry" in module for module in modules] == [False]
    sums = (released.folder / "release/SHA256SUMS").read_text().splitlines()
    assert sorted(line.split()[1] for line in sums) == sorted({*files} - {"SHA256SUMS"})
    for line in sums:
        digest, name = line.split()
        content = (released.folder / "release" / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == digest
    notes = (released.folder / "artifacts/release/notes.md").read_text()
    assert notes == "### Feat\n\n- start the project\n"
    calls = (released.folder / "gh.log").read_text().splitlines()
    changes = [call for call in calls if call.split()[2] in {"create", "upload", "--silent"}]
    assert [call.split()[2] for call in changes] == ["create", "upload", "--silent"]
    assert "--draft" in changes[0]
    # An older version that comes late does not become the latest.
    assert changes[2].endswith("--field draft=false --raw-field make_latest=legacy")
    # Without it, GitHub may give the page of a draft another tag.
    assert "--raw-field tag_name=v0.1.0 " in changes[2]


def test_pip_installs_it_from_the_index(
    render: Render, released: Rehearsal, tmp_path: Path
) -> None:
    """By what the README says."""
    readme = render(package_name=PACKAGE, features=["pypi"]).read("README.md")
    (install,) = [block for block in blocks(readme, "console") if "pip install" in block]
    uploaded = sorted(file.name for file in (released.folder / "index").iterdir())
    assert uploaded == sorted({*released.published} - {"SHA256SUMS"})
    for version in (pythons.SUPPORTED[0], pythons.SUPPORTED[-1]):
        python = clean_environment(Path(need(f"python{version}")), tmp_path / version)
        with package_index(released.folder / "index") as index:
            run(
                python, "-m", *shlex.split(install), "--only-binary=:all:", "--extra-index-url",
                f"{index}simple/", cwd=tmp_path, base=user(rust=False),
            )  # fmt: skip
        check_installed(python)


def test_the_readme_installs_it_from_the_release_page(
    render: Render, released: Rehearsal, tmp_path: Path
) -> None:
    """The part of a release's page that GitHub loads later holds the links, the page itself none."""
    rehearsal = released
    readme = render(package_name=PACKAGE, github_owner="ada", features=["numpy"]).read("README.md")
    install = next(block for block in blocks(readme, "console") if "pip install" in block)
    where = re.search(r"https://github\.com(/ada/\S+/releases)/expanded_assets/(v0\.1\.0)", install)
    assert where, install
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
    with folder_served(tmp_path) as address:
        for line in install.replace("https://github.com", address).splitlines():
            run(python, "-m", *shlex.split(line), cwd=tmp_path, base=user(rust=False))
    check_installed(python)


def test_a_second_build_has_the_same_bytes(
    bumped: Project, released: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tag, pushed to another folder and built again by the same jobs."""
    monkeypatch.setenv("CIBW_TEST_SKIP", "*")
    (tmp_path / "another").mkdir()
    again = Push.of(bumped.path, tmp_path / "another")
    second = rehearse(again, "release", tmp_path / "kept", bare(), jobs=["sdist", "wheels"])
    assert second.jobs == {"sdist": "success", "wheels": "success"}, second.output
    built = [file for file in (tmp_path / "kept/artifacts").rglob("*") if file.is_file()]
    assert len(built) == len(released.published) - 1
    for file in built:
        assert file.read_bytes() == (released.folder / "release" / file.name).read_bytes()


def test_started_by_hand_nothing_is_published(push: Push, tmp_path: Path) -> None:
    by_hand = ("workflow_dispatch", {"ref": f"refs/heads/{push.branch}"})
    jobs = ["sdist", "draft", "pypi", "github"]
    rehearsal = rehearse(push, "release", tmp_path / "kept", bare(), event=by_hand, jobs=jobs)
    assert rehearsal.jobs == {"sdist": "success", **dict.fromkeys(jobs[1:], "skipped")}
    assert not rehearsal.published


@pytest.mark.parametrize("python", ["oldest", "newest"])
def test_ci_is_green(push: Push, tmp_path: Path, python: str) -> None:
    """With Debian 12's Python where this is Debian 12, since it is older than what others test with."""
    version = pythons.SUPPORTED[0 if python == "oldest" else -1]
    need(f"python{version}")
    need("rustup")
    jobs = ["lint", "workflows", "test"] if python == "oldest" else ["test"]
    options = [f"--matrix=python:{version}", *kept_by_cargo()]
    rehearsal = rehearse(push, "ci", tmp_path / "kept", bare(), jobs=jobs, options=options)
    assert rehearsal.jobs == dict.fromkeys(jobs, "success"), rehearsal.output


def test_documentation_is_published(push: Push, tmp_path: Path) -> None:
    rehearsal = rehearse(push, "docs", tmp_path / "kept", bare())
    assert set(rehearsal.jobs.values()) == {"success"}, rehearsal.output
    assert (tmp_path / "kept/site/index.html").read_text("utf-8").lstrip().startswith("<!doctype")


def test_messages_of_a_pull_request_are_checked(push: Push, tmp_path: Path) -> None:
    rehearsal = rehearse(push, "commits", tmp_path / "kept", bare())
    assert rehearsal.jobs == {"messages": "success"}, rehearsal.output

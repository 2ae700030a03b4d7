"""`make update` leaves a green project with lock files in line, or says what is left to do."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from history import History, edit, files, given_once, unmerged, update, write
from project import Project, user, user_path
from rehearsal.bare import tool

pytestmark = [pytest.mark.slow(minutes=2), pytest.mark.usefixtures("kept_builds")]


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return a template with the working tree as a version, and one after it that needs new packages and crates."""
    history = History.of(template, tmp_path_factory.mktemp("history") / "template")
    history.release(
        edit("template/pyproject.toml.jinja", 'test = ["', 'test = ["pytest-randomly>=4", "'),
        edit("template/crates/Cargo.toml.jinja", "[lints.rust]", '[dependencies.itoa]\nversion = "1"\n\n[lints.rust]'),
        edit("template/setup.py", "setup(cmdclass", "# The template's line.\nsetup(cmdclass"),
        write("template/.github/NEW.md", "# New\n"),
    )  # fmt: skip
    return history


@pytest.fixture(scope="module")
def made(history: History, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the working tree, set up and committed."""
    project = history.project(tmp_path_factory.mktemp("made") / "fast-math")
    project.make("init")
    project.commit("build: lock")
    project.git("tag", "start")
    return project


@pytest.fixture
def project(made: Project) -> Iterator[Project]:
    """Lend the project to a test, and take it back as it was."""
    yield made
    made.git("reset", "--quiet", "--hard", "start")
    made.git("clean", "-fdq")


def locked(project: Project) -> bool:
    """Tell whether both lock files are in line."""
    cargo = "cargo", "metadata", "--format-version=1", "--locked", "--manifest-path"
    commands = ("uv", "lock", "--check"), (*cargo, "crates/Cargo.toml")
    return not any(project.run(*command, check=False).returncode for command in commands)


def test_updated_project_is_green(history: History, project: Project) -> None:
    edit("pyproject.toml", 'lint = ["', 'lint = ["packaging>=25", "')(project.path)
    write("tests/test_mine.py", "def test_mine() -> None:\n    assert True\n")(project.path)
    project.run("uv", "lock", "--quiet")
    project.commit("feat: my test and my dependency")
    mine, owned = files(project), given_once(history.path)
    said = update(project, way="make")
    assert "The project has version v10000.0.0 of its template now." in said
    assert "run it yourself" not in said
    now = files(project)
    changed = {name for name in mine if now[name] != mine[name]}
    assert changed == {
        "crates/Cargo.lock", "crates/Cargo.toml", "pyproject.toml", "setup.py", "uv.lock",
    }  # fmt: skip
    assert not any(owned(name) for name in changed - {"crates/Cargo.lock"})
    assert "packaging>=25" in project.read("pyproject.toml")
    assert locked(project)
    project.git("add", "--all")
    project.git("commit", "--message=build: update the template")  # through the hooks
    project.make("lint precommit")
    assert "randomly-seed" in project.make("test")
    assert project.git("status", "--porcelain") == ""
    assert "Nothing to update." in update(project, way="make")


def test_lock_files_that_cannot_follow_are_named(project: Project) -> None:
    """As where there is no Rust, and no uv beside the one that runs Copier."""
    said = update(project, env={"PATH": user_path(rust=False, uv=False)})
    left = re.findall(r"^This failed; run it yourself: (.*)$", said, re.MULTILINE)
    assert len(left) == 2
    assert not locked(project)
    for command in left:
        project.run(*command.split())
    assert locked(project)


@pytest.mark.parametrize("place", ["PATH", ".uv"])
def test_conflict_in_pyproject_can_be_resolved(project: Project, place: str) -> None:
    """The task works with an environment that nobody can read, and so does what it says to do next.

    With the uv that `make init` installs where there is none too.
    """
    env = {"PATH": user_path(uv=place == "PATH")}
    if place == ".uv":
        (project.path / ".uv/bin").mkdir(parents=True)
        (project.path / ".uv/bin/uv").symlink_to(tool("uv"))
    edit("pyproject.toml", 'test = ["', 'test = ["my-own", "')(project.path)
    project.git("commit", "--quiet", "--all", "--no-verify", "--message=feat: mine")
    said = update(project, way="make", fails=True, env=env)
    assert "    pyproject.toml\n" in said
    todo = re.findall(r"Then: (.*)$", said, re.MULTILINE)[0]
    with_markers = project.run(
        "sh", "-c", "git add --all && git commit --message='feat: x'", check=False
    )
    assert re.search(r"^ *pyproject\.toml:\d+:<{7} ", with_markers.stdout, re.MULTILINE)
    assert re.search(r"^conflict markers\.+Failed$", with_markers.stdout, re.MULTILINE)
    project.git("checkout", "--quiet", "--merge", "pyproject.toml")
    project.git("checkout", "--quiet", "--theirs", "pyproject.toml")
    project.git("add", "pyproject.toml")
    project.run("sh", "-ec", todo, env=env)
    assert locked(project)
    project.run("git", "commit", "--message=build: update the template", env=env)  # with the hooks
    assert not project.git("status", "--porcelain")
    assert "Nothing to update." in update(project, way="make")


def test_markers_in_lock_files_can_be_resolved(project: Project) -> None:
    """Also as CONTRIBUTING says it."""
    for branch, name, crate in (("other", "packaging", "itoa"), ("main", "pluggy", "hex")):
        project.git("checkout", "--quiet", "-B", branch, "start")
        edit("pyproject.toml", "keywords =", f'dependencies = ["{name}"]\nkeywords =')(project.path)
        table = f'[dependencies.{crate}]\nversion = "*"\n\n[lints.rust]'
        edit("crates/Cargo.toml", "[lints.rust]", table)(project.path)
        project.make("init")
        project.commit(f"feat: {name}")
    project.run("git", "merge", "other", check=False)
    locks = {"uv.lock", "crates/Cargo.lock"}
    assert unmerged(project) == {*locks, "pyproject.toml", "crates/Cargo.toml"}
    project.git("checkout", "--quiet", "--ours", "pyproject.toml", "crates/Cargo.toml")
    refused = project.run("make", "init", check=False)
    assert refused.returncode
    (command,) = re.findall("type `(git checkout HEAD .+)` and `make init`", refused.stdout)
    assert locks == set(command.split()[3:])
    assert "`git checkout HEAD uv.lock`" in project.read("CONTRIBUTING.md")
    project.run("sh", "-c", command)
    project.make("init")
    assert locked(project)


@pytest.mark.parametrize("way", ["make", "copier"])
def test_repository_of_another_user_is_refused(project: Project, way: str) -> None:
    """As in a container that runs as somebody else; Git has a variable to try that."""
    before = files(project)
    said = update(project, way=way, env={"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}, fails=True)
    assert "safe.directory" in said if way == "make" else "git-tracked" in said
    assert files(project) == before


def test_answers_change_as_contributing_says(project: Project) -> None:
    commands = re.findall(
        r"^make update ARGS=[\"']--vcs.*$", project.read("CONTRIBUTING.md"), re.MULTILINE
    )
    assert len(commands) == 2
    for command in commands:
        project.run("sh", "-c", command)
        assert locked(project)
        project.commit("feat: other answers")
    assert not (project.path / "Containerfile").exists()
    assert (project.path / "mkdocs.yml").exists()
    pyproject = tomllib.loads(project.read("pyproject.toml"))
    assert pyproject["project"]["requires-python"] == ">=3.13"


def test_downgrade_is_refused(project: Project) -> None:
    update(project)
    project.commit("build: update")
    assert "owngrade" in update(project, "v9999.0.0", way="make", fails=True)


def test_check_tells_a_newer_version(project: Project) -> None:
    """Without Rust, and in a clone without an environment."""
    older = project.run("make", "update-check", base=user(rust=False)).stdout
    assert "New template version available." in older
    assert "10000.0.0" in older
    update(project)
    assert "Project is up-to-date!" in project.make("update-check")

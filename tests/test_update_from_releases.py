"""A project of any release is brought to the newest version, and loses nothing on the way."""

import re
import tomllib
from pathlib import Path

import pytest

from history import History, files, given_once, unmerged, update
from project import ROOT, Project, run

pytestmark = pytest.mark.slow(minutes=2)

# A clone may lack the tags, so the commit that `cz bump` made is what marks a release.
BUMPS = run("git", "log", "--format=%H %s", "--grep=^bump: version ", cwd=ROOT).stdout.splitlines()
RELEASES = {line.split()[-1]: line.split()[0] for line in BUMPS}
NAMES = "template/Makefile", "template/Makefile.jinja"
TREES = {
    release: run("git", "ls-tree", commit, "--", *NAMES, cwd=ROOT).stdout
    for release, commit in RELEASES.items()
}
# Of releases with the same tasks, the newest runs its own; Copier starts the engine for the others all the same.
TASKS = {tree: release for release, tree in reversed(TREES.items())}
WAYS = [(release, "make" if release in TASKS.values() else "engine") for release in RELEASES]


def bump(project: Project) -> None:
    """Write what `make bump ARGS=1.2.0` has written into a project."""
    for name in ("pyproject.toml", "crates/Cargo.toml", "crates/Cargo.lock"):
        text = project.read(name).replace('version = "0.0.0"', 'version = "1.2.0"')
        text = re.sub(r"(?m)^major_version_zero = true.*\n", "", text)
        (project.path / name).write_text(text, "utf-8")


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Clone the template, with a tag for each release."""
    history = History.of(template, tmp_path_factory.mktemp("releases") / "template")
    for release, commit in RELEASES.items():
        tag = f"v{release}"
        tagging = "git", "tag", "--force", "--annotate", f"--message={tag}", tag, commit
        run(*tagging, cwd=history.path)
    return history


@pytest.fixture(scope="module")
def managed(
    history: History, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """Return what the template manages in a new project."""
    project = history.project(tmp_path_factory.mktemp("newest") / "x", project_name="Fast Math")
    bump(project)
    is_given_once = given_once(template)
    return {name: text for name, text in files(project).items() if not is_given_once(name)}


@pytest.mark.parametrize(("release", "way"), [*WAYS, ("0.1.0", "copier")])
def test_project_of_a_release_is_updated(
    history: History, managed: dict[str, bytes], tmp_path: Path, release: str, way: str
) -> None:
    """Whatever the task of the release did."""
    project = history.project(tmp_path / "project", f"v{release}", project_name="Fast Math")
    readme = project.read("README.md") + "\nMy words.\n"
    (project.path / "README.md").write_text(readme, "utf-8")
    (project.path / "src/fast_math/mine.py").write_text("MINE = 1\n", "utf-8")
    bump(project)
    project.run("uv", "lock", "--quiet")
    project.commit("feat: my own")

    update(project, way=way)

    assert not unmerged(project)
    assert project.read("README.md") == readme
    assert project.read("src/fast_math/mine.py") == "MINE = 1\n"
    assert {name: text for name, text in files(project).items() if name in managed} == managed
    locked = tomllib.loads(project.read("crates/Cargo.lock"))["package"]
    assert "_fast-math" in {package["name"] for package in locked}
    project.run("uv", "lock", "--check")


def test_refusal_reaches_who_has_the_task_of_the_first_release(
    history: History, tmp_path: Path
) -> None:
    """It shows the last line of an error only."""
    project = history.project(tmp_path / "project", "v0.1.0", project_name="Fast Math")
    obstacle = project.path / "scripts/bump.py"
    obstacle.write_text("mine")
    (project.path / ".git/info/exclude").write_text("/scripts/bump.py\n")
    said = update(project, way="make", fails=True)
    assert "The new version has scripts/bump.py, and Git does not know your scripts/bump.py" in said
    assert obstacle.read_text() == "mine"

"""A release of this repository: `cz bump` writes version, changelog and tag, its workflow cuts the notes out."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from project import ROOT, Project, run, user

pytestmark = pytest.mark.slow

WORKFLOW = ".github/workflows/release.yml"


@pytest.fixture
def repository(tmp_path: Path) -> Project:
    """Return a repository with this one's settings, and two releases."""
    repository = Project(tmp_path / "copier-pyo3")
    (repository.path / WORKFLOW).parent.mkdir(parents=True)
    for name in (WORKFLOW, "pyproject.toml"):
        shutil.copy(ROOT / name, repository.path / name)
    pyproject = repository.path / "pyproject.toml"
    version = next(
        line for line in pyproject.read_text("utf-8").splitlines() if line.startswith("version = ")
    )
    pyproject.write_text(pyproject.read_text("utf-8").replace(version, 'version = "0.0.0"'))
    repository.commit("feat: first of all")
    repository.tool("cz", "bump", "--yes")
    for message in ("fix: a hole", "feat: a door", "docs: a map"):
        repository.run("git", "commit", "--quiet", "--allow-empty", f"--message={message}")
    repository.tool("cz", "bump", "--yes")
    return repository


def release(repository: Project, tag: str) -> str:
    """Run the workflow for a tag and return how `gh` was called, and with which notes."""
    folder = repository.path.parent
    called = folder / "called"
    called.unlink(missing_ok=True)
    (folder / "bin").mkdir(exist_ok=True)
    gh = folder / "bin/gh"
    gh.write_text(
        f'#!/bin/sh\necho "$@" >> {called}\n'
        f'while [ "$1" != --notes-file ]; do shift; done\ncat "$2" >> {called}\n'
    )
    gh.chmod(0o755)
    event = {"ref": f"refs/tags/{tag}", "repository": {"full_name": "octo-org/copier-pyo3"}}
    (folder / "event.json").write_text(json.dumps(event))
    result = repository.tool(
        *("act", "push", "--workflows", WORKFLOW, "--eventpath", folder / "event.json"),
        *("--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode"),
        *("--env", f"PATH={folder / 'bin'}:/usr/bin:/bin", "--secret=GITHUB_TOKEN=none"),
        env={"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
        check=False,
    )
    done = called.read_text() if called.exists() else ""
    assert ("Job succeeded" in result.stdout) == (result.returncode == 0) == bool(done), (
        result.stdout
    )
    return done


def test_notes_are_those_of_the_tag(repository: Project) -> None:
    call, _, notes = release(repository, "v0.2.0").partition("\n")
    assert call.startswith(
        "release create v0.2.0 --prerelease=false --verify-tag --title v0.2.0 --notes-file "
    )
    assert notes.strip() == "### Feat\n\n- a door\n\n### Fix\n\n- a hole"


def test_a_release_candidate_is_no_full_release(repository: Project) -> None:
    repository.run("git", "commit", "--quiet", "--allow-empty", "--message=fix: a crack")
    repository.tool("cz", "bump", "--yes", "--prerelease=rc")
    assert release(repository, "v0.2.1rc0").startswith(
        "release create v0.2.1rc0 --prerelease=true "
    )


def test_nothing_is_released_under_a_wrong_tag(repository: Project) -> None:
    assert release(repository, "v0.1.0") == ""


def test_nothing_is_released_without_notes(repository: Project) -> None:
    changelog = repository.path / "CHANGELOG.md"
    changelog.write_text(changelog.read_text("utf-8").replace("## v0.2.0", "## v0.20.0"))
    repository.commit("docs: spoil the changelog")
    assert release(repository, "v0.2.0") == ""


@pytest.mark.parametrize("released", [False, True], ids=["no release of its own", "a release"])
def test_a_fork_merges_and_is_released(repository: Project, tmp_path: Path, released: bool) -> None:
    """As CONTRIBUTING says; it has none of the tags that came meanwhile."""
    fork = Project(tmp_path / "fork")
    run("git", "clone", "--quiet", repository.path, fork.path, cwd=tmp_path)
    for project, message in ((fork, "feat: a house of its own"), (repository, "fix: the door")):
        project.run("git", "commit", "--quiet", "--allow-empty", f"--message={message}")
        if released or project is repository:
            project.tool("cz", "bump", "--yes")
    fork.run("git", "fetch", "--quiet", "--no-tags", "origin", "HEAD")
    fork.run("git", "merge", "--quiet", "--no-edit", "FETCH_HEAD", check=not released)
    fork.run("git", "checkout", "--quiet", "ORIG_HEAD", "CHANGELOG.md")
    if released:  # both changed the version
        fork.run("git", "checkout", "--quiet", "ORIG_HEAD", "pyproject.toml")
    fork.run("git", "commit", "--quiet", "--message=docs: keep the changelog")
    fork.tool("cz", "bump", "--yes")
    changelog = fork.read("CHANGELOG.md")
    assert changelog.count("- a house of its own") == 1
    assert changelog.count("- the door") == 1


@pytest.mark.usefixtures("kept_builds")
def test_smoke_job_runs_on_a_bare_machine(template: Path, tmp_path: Path) -> None:
    """GitHub runs it on Windows and macOS; here its commands see what a user's Linux has."""
    run("git", "clone", "--quiet", template, tmp_path / "copier-pyo3", cwd=tmp_path)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    commands = [step["run"] for step in workflow["jobs"]["smoke"]["steps"] if "run" in step]
    assert len(commands) > 5
    for command in commands:
        run("bash", "-ec", command, cwd=tmp_path / "copier-pyo3", base=user())

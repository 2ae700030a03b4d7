"""All workflows follow one pattern, and bots know every pin in them exactly once."""

import json
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from conftest import Render
from project import ROOT, Project

ALL = ["docs", "notebook", "container", "benchmarks", "pypi", "free_threaded"]
PINNED = re.compile(r"- uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")


@pytest.fixture(scope="module")
def projects(render: Render) -> list[Project]:
    return [render(), render(features=[]), render(features=ALL, github_owner="octo-org")]


def workflows(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted((folder / ".github/workflows").iterdir())
    assert files
    return {f"{folder.name}/{file.name}": yaml.safe_load(file.read_text("utf-8")) for file in files}


def sources() -> list[Path]:
    """Return the workflows of this repository and of the template, before they are rendered."""
    return [*(ROOT / ".github/workflows").iterdir(), *ROOT.glob("template/**/workflows/*")]


def actions(text: str) -> list[tuple[str, str, str]]:
    """Return action, commit and version of each `uses:`, of which all must be pinned."""
    found = PINNED.findall(text)
    assert len(found) == len(re.findall(r"^\s*(?:- )?uses:", text, re.MULTILINE)), text
    return found


def test_each_action_has_one_version_everywhere() -> None:
    pins = defaultdict(set)
    for source in sources():
        for action, commit, version in actions(source.read_text("utf-8")):
            pins[action].add((commit, version))
    assert {"actions/checkout", "astral-sh/setup-uv", "zizmorcore/zizmor-action"} <= pins.keys()
    assert {action: found for action, found in pins.items() if len(found) > 1} == {}


def test_jobs_are_allowed_little_and_end_in_time(projects: list[Project]) -> None:
    for folder in [ROOT, *(project.path for project in projects)]:
        for name, workflow in workflows(folder).items():
            assert workflow["permissions"] == {}, name
            assert "concurrency" in workflow, name
            for job_id, job in workflow["jobs"].items():
                assert "permissions" in job, (name, job_id)
                assert job["timeout-minutes"] <= 60, (name, job_id)
                for step in job["steps"]:
                    if step.get("uses", "").startswith("actions/checkout@"):
                        assert step["with"]["persist-credentials"] is False, (name, job_id)


def test_dependabot_moves_the_lock_files_only(projects: list[Project]) -> None:
    """The actions in the workflows move with the template: a pull request would clash with it."""
    for project in projects:
        config = yaml.safe_load(project.read(".github/dependabot.yml"))
        updates = {update["package-ecosystem"]: update for update in config["updates"]}
        assert updates.keys() == {"cargo", "uv"}
        for ecosystem, update in updates.items():
            assert update["versioning-strategy"] == "lockfile-only"
            folder = project.path / update["directory"].lstrip("/")
            assert (folder / {"cargo": "Cargo.toml", "uv": "pyproject.toml"}[ecosystem]).exists()


@pytest.fixture(scope="module")
def renovate() -> Any:
    return json.loads((ROOT / "renovate.json").read_text("utf-8"))


def found_by(manager: dict[str, Any]) -> list[tuple[str, str]]:
    """Do what Renovate does with a custom manager; returns names and versions."""
    files = [
        file
        for file in ROOT.glob("template/**/*")
        if file.is_file() and matches(manager, file.relative_to(ROOT).as_posix())
    ]
    assert files
    (pattern,) = manager["matchStrings"]
    expression = pattern.replace("(?<", "(?P<")  # JavaScript's way to name a group
    return [
        (match["depName"], match["currentValue"])
        for file in files
        for match in re.finditer(expression, file.read_text("utf-8"))
    ]


def matches(manager: dict[str, Any], name: str) -> bool:
    return any(re.search(regex.strip("/"), name) for regex in manager["managerFilePatterns"])


def test_renovate_sees_the_floor_of_every_tool(renovate: Any, projects: list[Project]) -> None:
    tools, _ = renovate["customManagers"]
    required = set()
    for project in projects:
        pyproject = tomllib.loads(project.read("pyproject.toml"))
        groups = [*pyproject["dependency-groups"].values(), pyproject["build-system"]["requires"]]
        for text in (text for group in groups for text in group if isinstance(text, str)):
            requirement = Requirement(text)
            assert requirement.specifier, f"{text} has no floor"
            required.add((requirement.name, text.removeprefix(requirement.name)))
    assert set(found_by(tools)) == required


def test_renovate_sees_the_crates(renovate: Any, projects: list[Project]) -> None:
    _, crates = renovate["customManagers"]
    manifest = tomllib.loads(projects[0].read("crates/Cargo.toml"))
    assert dict(found_by(crates)) == {
        name: dependency["version"] for name, dependency in manifest["dependencies"].items()
    }


def test_renovate_sees_all_workflows(renovate: Any) -> None:
    for source in sources():
        if source.is_relative_to(ROOT / "template"):  # the others it finds by itself
            assert matches(renovate["github-actions"], source.relative_to(ROOT).as_posix())

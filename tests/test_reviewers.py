"""What well-known reviewers say about generated projects, and about this repository's own workflows.

Reviewers of a built package (check-sdist, check-wheel-contents, twine, abi3audit) run where it is built.
"""

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import Render
from project import FEATURES, ROOT, Project, run
from test_readme import blocks

pytestmark = pytest.mark.slow(minutes=2)

# Everything that changes workflows, or what a reviewer looks for.
PROFILES: dict[str, dict[str, Any]] = {
    "defaults": {"github_owner": "octo-org"},
    "no features": {"github_owner": "octo-org", "features": []},
    "all features": {"github_owner": "octo-org", "features": FEATURES},
    "nobody": {"github_owner": "", "author_email": ""},
    "two licences": {"github_owner": "octo-org", "license": "MIT OR Apache-2.0"},
    "highest floor": {"github_owner": "octo-org", "python_min": "3.14", "author_email": ""},
}

# sp-repo-review looks for hooks by the address of the repository that they are downloaded from. The hooks of
# a project are downloaded from nowhere: they run the tools locked in uv.lock. For each check that therefore
# fails: the hook that does the same, or why there is none.
HOOKS_NOT_SEEN = {
    "PC100": "trailing-whitespace",
    "PC110": "ruff-format",
    "PC190": "ruff-check",
}
HOOKS_NOT_WANTED = {
    "GH210": "the actions in the workflows move with the template, not with Dependabot",
    "PC140": "mypy looks at all files at once, which is for `make lint`; a commit should take a moment",
    "PC160": "a spell checker stumbles over names, in titles and code",
    "PC170": "looks at reStructuredText, and there is none",
    "PC180": "cz writes the changelog, and would fight with a formatter of Markdown",
    "PC901": "is about updates of hooks by pre-commit.ci, and there is nothing to update",
    "PC902": "the same",
    "PC903": "the same",
}
# The folder that PY004 looks for comes with the feature `docs`; without it README.md is the documentation.
NO_DOCS = {"PY004"}

WITHOUT_EMAIL = "Your package does not have author-email data."
WITHOUT_URL = (
    "Your package should have a 'url' field with a link to the project home page, "
    "or a 'project_urls' field, with a dictionary of links, or both."
)

SCHEMAS = {
    ".github/workflows/*": "github-workflows",
    ".github/dependabot.yml": "dependabot",
    "CITATION.cff": "citation-file-format",
    "renovate.json": "renovate",
}


@pytest.fixture(scope="module")
def projects(render: Render) -> dict[str, Project]:
    """Return a project of each profile, committed, since some reviewers ask Git for the files."""
    rendered = {profile: render(**answers) for profile, answers in PROFILES.items()}
    for project in rendered.values():
        project.commit()
    return rendered


@pytest.fixture(params=[*PROFILES, "this repository"])
def folder(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Path:
    """Return each folder that has workflows."""
    return projects[request.param].path if request.param in projects else ROOT


def workflows(folder: Path) -> list[Path]:
    found = sorted((folder / ".github/workflows").glob("*"))
    assert found
    return found


def test_zizmor_finds_nothing(folder: Path) -> None:
    """Neither ignore comments nor a configuration could hide a finding."""
    result = run(
        *("zizmor", "--offline", "--no-config", "--no-ignores", "--strict-collection"),
        *("--no-progress", "--persona=auditor", "--format=plain", ".github"),
        cwd=folder,
    )
    assert "No findings to report" in result.stdout
    for workflow in workflows(folder):
        assert f"completed .github/workflows/{workflow.name}" in result.stdout


def test_actionlint_finds_nothing(folder: Path) -> None:
    assert shutil.which("shellcheck")  # runs on every script; without it actionlint passes as well
    assert run("actionlint", *workflows(folder), cwd=folder).stdout == ""


def test_act_can_read_the_workflows(folder: Path, tmp_path: Path) -> None:
    for workflow in workflows(folder):
        run(
            *("act", "--validate", "--strict", "--workflows", workflow),
            cwd=folder,
            env={"HOME": str(tmp_path)},
        )


@pytest.mark.parametrize("pattern", SCHEMAS)
def test_files_follow_their_schemas(projects: dict[str, Project], pattern: str) -> None:
    folders = [ROOT, *(project.path for project in projects.values())]
    files = [path for folder in folders for path in sorted(folder.glob(pattern))]
    assert files
    run("check-jsonschema", "--builtin-schema", f"vendor.{SCHEMAS[pattern]}", *files, cwd=ROOT)


def test_what_contributing_adds_for_dependabot_follows_the_schema(
    projects: dict[str, Project], tmp_path: Path
) -> None:
    project = projects["defaults"]
    (entry,) = blocks(project.read("CONTRIBUTING.md"), "yaml")
    file = tmp_path / "dependabot.yml"
    file.write_text(project.read(".github/dependabot.yml") + entry)
    updates = yaml.safe_load(file.read_text())["updates"]
    assert [update["package-ecosystem"] for update in updates] == ["uv", "cargo", "github-actions"]
    run("check-jsonschema", "--builtin-schema", "vendor.dependabot", file, cwd=ROOT)


HOOKS = [
    *("check-added-large-files", "check-json", "check-toml", "check-yaml"),
    *("end-of-file-fixer", "mixed-line-ending", "trailing-whitespace", "conflict-markers"),
    *("notebook-name", "nbstripout", "ruff-check", "ruff-format"),
    *("cargo-fmt", "cargo-lock", "uv-lock"),
]


def test_hooks_are_all_there(render: Render) -> None:
    for features, missing in ((None, set()), ([], {"nbstripout", "notebook-name"})):
        project = render() if features is None else render(features=features)
        settings = yaml.safe_load(project.read(".pre-commit-config.yaml"))
        found = [hook["id"] for each in settings["repos"] for hook in each["hooks"]]
        assert found == [name for name in HOOKS if name not in missing]


@pytest.mark.parametrize("profile", PROFILES)
def test_scientific_python_review_fails_for_known_reasons_only(
    projects: dict[str, Project], profile: str
) -> None:
    project = projects[profile]
    assert "repo-review" not in tomllib.loads(project.read("pyproject.toml"))["tool"]
    report = project.tool("repo-review", "--format=json", ".", check=False)
    checks = json.loads(report.stdout)["checks"]
    failed = {name for name, check in checks.items() if check["result"] is False}
    has_docs = "docs" in project.answers["features"]
    assert failed == HOOKS_NOT_SEEN.keys() | HOOKS_NOT_WANTED.keys() | (
        NO_DOCS if not has_docs else set()
    )
    assert checks["VPP001"]["result"] is True  # validate-pyproject, with the schemas of all tools
    config = yaml.safe_load(project.read(".pre-commit-config.yaml"))
    assert {repository["repo"] for repository in config["repos"]} == {"builtin", "local"}
    hooks = {hook["id"] for repository in config["repos"] for hook in repository["hooks"]}
    assert set(HOOKS_NOT_SEEN.values()) <= hooks


@pytest.mark.parametrize("profile", PROFILES)
def test_pyroma_misses_only_what_the_author_left_out(
    projects: dict[str, Project], profile: str
) -> None:
    project = projects[profile]
    missing = []
    if not project.answers["author_email"]:
        missing.append(WITHOUT_EMAIL)
    if not project.answers["github_owner"]:
        missing.append(WITHOUT_URL)
    printed = project.tool("pyroma", "--min=8", ".").stdout
    title, complaints, rating = re.split("^-+$", printed, flags=re.MULTILINE)[1:4]
    assert "Found" in title
    if not missing:
        complaints, rating = "", complaints
    assert complaints.split("\n")[1:-1] == missing
    assert f"Final rating: {8 if missing else 10}/10" in rating

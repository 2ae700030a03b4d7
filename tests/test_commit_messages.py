"""Titles and commits of pull requests are checked, and are never read by a shell."""

import json
import shutil
from pathlib import Path

import pytest

from conftest import Render
from project import Project

EVIL = "feat: $(touch $HOME/evil) `touch $HOME/evil` \"; touch $HOME/evil; '"


@pytest.fixture(scope="session")
def committed(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = render(github_owner="ada").copy(tmp_path_factory.mktemp("committed") / "project")
    project.run("uv", "lock")
    project.commit("not checked: before the pull request")
    return project


@pytest.mark.slow
@pytest.mark.parametrize(
    ("title", "messages", "accepted"),
    [
        ("feat: a title", ["fix: one", "build(deps): two"], True),
        (EVIL, ["fix: one", EVIL], True),
        ("--help", ["fix: one"], False),
        ("wip", ["fix: one"], False),
        ("feat: a title", ["fix: one", "wip", "fix: two"], False),
    ],
)
def test_pull_request(
    committed: Project, tmp_path: Path, title: str, messages: list[str], accepted: bool
) -> None:
    if not shutil.which("act"):
        pytest.skip("act not found")
    project = committed.copy(tmp_path / "project")
    base = project.git("rev-parse", "HEAD").strip()
    for message in messages:
        project.run(
            "git", "commit", "--quiet", "--allow-empty", "--no-verify", f"--message={message}"
        )
    head = project.git("rev-parse", "HEAD").strip()
    pull = {"title": title, "base": {"sha": base, "ref": "main"}, "head": {"sha": head, "ref": "x"}}
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": pull, "action": "edited"}))
    workflow = project.read(".github/workflows/commits.yml")
    setup_uv = workflow.split("uses: astral-sh/setup-uv@")[1].split()[0]

    result = project.run(
        "act", "pull_request", "--workflows=.github/workflows/commits.yml", f"--eventpath={event}",
        "--platform=ubuntu-latest=-self-hosted", "--secret=GITHUB_TOKEN=none",
        f"--local-repository=astral-sh/setup-uv@{setup_uv}={project.path}/.github/rehearsal/setup-uv",
        env={"HOME": str(tmp_path), "UV_CACHE_DIR": project.run("uv", "cache", "dir").stdout.strip()},
        check=False,
    )  # fmt: skip

    assert ("Job succeeded" in result.stdout) == accepted, result.stdout
    assert ("Job failed" in result.stdout) != accepted, result.stdout
    assert not (tmp_path / "evil").exists()

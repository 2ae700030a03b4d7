"""The workflow for pull requests refuses messages that are no Conventional Commits, and runs none of them."""

import json
import re
from pathlib import Path

import pytest

from conftest import Render
from project import ROOT, Project, run

pytestmark = pytest.mark.slow

WORKFLOW = ".github/workflows/commits.yml"
TITLE = "Check the title"
COMMITS = "Check the message of each commit"


@pytest.fixture(scope="module")
def project(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its lock file, and one commit."""
    project = render(features=[]).copy(tmp_path_factory.mktemp("project") / "fast-math")
    project.run("uv", "lock")
    project.commit()
    return project


@pytest.fixture(scope="module")
def uv_cache() -> str:
    """Return uv's cache, since act gets a home of its own."""
    return run("uv", "cache", "dir", "--color=never", cwd=ROOT).stdout.strip()


@pytest.mark.parametrize(
    ("title", "message", "refused"),
    [
        ("fix: accept empty lists", "fix: accept empty lists", None),
        ("feat!: $(touch {pwned}) `touch {pwned}` '\"; touch {pwned} #", "docs: say more", None),
        ("Accept empty lists", "fix: accept empty lists", TITLE),
        ("--help", "fix: accept empty lists", TITLE),
        ("fix: accept empty lists", "accept empty lists", COMMITS),
        ("fix: accept empty lists", "oops $(touch {pwned})", COMMITS),
        # As Git and GitHub write them, and what only begins like that.
        ('Revert "feat: accept lists"', 'Reapply "feat: accept lists"', None),
        ("Revert to lists", "fix: accept empty lists", TITLE),
        # Git's own, until the pull request is squashed: then its title is the message.
        ("fixup! fix: accept lists", "fixup! fix: accept lists", TITLE),
        ("Merge branch 'lists'", "Merge branch 'lists'", TITLE),
        ("fix: accept empty lists", "Mergesort is faster", COMMITS),
    ],
)
def test_messages_are_checked(
    project: Project, uv_cache: str, tmp_path: Path, title: str, message: str, refused: str | None
) -> None:
    base = project.git("rev-parse", "main").strip()
    project.git("checkout", "--quiet", "-B", "change", "main")
    pwned = tmp_path / "pwned"
    for subject in ("test: first", message.format(pwned=pwned)):
        project.git("commit", "--quiet", "--allow-empty", "--no-verify", f"--message={subject}")
    head = project.git("rev-parse", "HEAD").strip()
    pull_request = {
        "title": title.format(pwned=pwned),
        "base": {"sha": base},
        "head": {"sha": head},
    }
    (tmp_path / "event.json").write_text(json.dumps({"pull_request": pull_request}))
    (tmp_path / "action.yml").write_text(
        "name: uv is there\nruns: {using: composite, steps: [{run: uv --version, shell: sh}]}\n"
    )
    (setup_uv,) = re.findall(r"astral-sh/setup-uv@[0-9a-f]{40}", project.read(WORKFLOW))

    result = project.tool(
        *("act", "pull_request", "--workflows", WORKFLOW, "--eventpath", tmp_path / "event.json"),
        *("--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode"),
        *("--local-repository", f"{setup_uv}={tmp_path}"),
        env={
            "HOME": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "UV_CACHE_DIR": uv_cache,
            "UV_NO_PROGRESS": "true",
        },
        check=False,
    )

    failed = re.findall("Failure - Main ([^,]+?)(?:,.+)? \\[", result.stdout)
    assert failed == ([refused] if refused else []), result.stdout
    assert ("Job succeeded" in result.stdout) == (result.returncode == 0) == (not refused)
    assert not pwned.exists()

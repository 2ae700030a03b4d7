"""The weekly workflow opens one issue when the template has a newer version, and only then."""

import json
import re
from pathlib import Path

import copier
import pytest

from history import History, edit
from project import ROOT, Project, run, user_path
from rehearsal.bare import tool

pytestmark = pytest.mark.slow

WORKFLOW = ".github/workflows/template-update.yml"
ADDRESS = "https://github.com/octo-org/template"
GH = """#!/bin/sh
echo "$@" >>"$RECORD"
if [ "$2" = list ]; then for expression; do :; done; echo "$OPEN_ISSUES" | jq --raw-output "$expression"; fi
"""


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    return History.of(template, tmp_path_factory.mktemp("history") / "template")


@pytest.fixture(scope="module")
def project(history: History, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the first of two versions."""
    made = history.project(tmp_path_factory.mktemp("project") / "fast-math", features=[])
    (made.path / "template").mkdir()  # a folder of the owner's
    (made.path / "template/CHANGELOG.md").write_text("## v1\n\n- mine\n")
    project = with_address(made)
    sections = {
        "10000.0.0": "doors `open` by themselves",
        "9999.0.05": "between",
        "9999.0.0": "old",
    }
    changelog = "".join(
        f"## v{name} (2030-01-01)\n\n- {text}\n\n" for name, text in sections.items()
    )
    run("git", "commit", "--quiet", "--allow-empty", "--message=feat: between", cwd=history.path)
    history.release(
        edit("template/setup.py", "import sys", "# new\nimport sys"),
        lambda folder: (folder / "CHANGELOG.md").write_text(changelog, "utf-8"),
    )
    return project


def with_address(
    project: Project, address: str = ADDRESS, name: str = ".copier-answers.yml"
) -> Project:
    """Let the answers name an address, as those of most projects do, and not the folder of a test."""
    answers = project.path / name
    text = re.sub(
        "(?m)^_src_path: .*$", lambda _: f"_src_path: {address}", answers.read_text("utf-8")
    )
    answers.write_text(text, "utf-8")
    project.commit()
    return project


def act(
    project: Project, folder: Path, history: History, open_issues: str = "[]"
) -> tuple[str, list[str]]:
    """Run the workflow with the template at its address; return what it printed and the calls of `gh`."""
    (folder / "bin").mkdir()
    (folder / "bin/gh").write_text(GH)
    (folder / "bin/gh").chmod(0o755)
    (folder / "record").write_text("")
    (folder / "action.yml").write_text(
        "name: uv is there\nruns: {using: composite, steps: [{run: uv --version, shell: sh}]}\n"
    )
    (folder / ".gitconfig").write_text(  # Copier asks for the second
        f'[url "{history.path}"]\n\tinsteadOf = {ADDRESS}\n\tinsteadOf = {ADDRESS}.git\n'
    )
    (setup_uv,) = re.findall(r"astral-sh/setup-uv@[0-9a-f]{40}", project.read(WORKFLOW))
    cache = run("uv", "cache", "dir", "--color=never", cwd=ROOT).stdout.strip()
    result = project.run(
        *(tool("act"), "workflow_dispatch", "--workflows", WORKFLOW),
        *("--platform", "ubuntu-latest=-self-hosted", "--action-offline-mode"),
        *("--local-repository", f"{setup_uv}={folder}"),
        env={
            "HOME": str(folder),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "UV_CACHE_DIR": cache,
            "PATH": f"{folder / 'bin'}:{user_path()}",
            "RECORD": str(folder / "record"),
            "OPEN_ISSUES": open_issues,
        },
        check=False,
    )
    calls = (folder / "record").read_text().splitlines()
    return result.stdout, [call for call in calls if call != "auth token"]  # asked by act itself


def succeeded(printed: str) -> set[str]:
    return set(re.findall(r"\[Template update/([^\]]+?) *\].*Job succeeded", printed))


def body(calls: list[str]) -> str:
    """Return the text of the issue that the calls of `gh` write."""
    return "\n".join(calls).partition(" --body ")[2]


def test_newer_version_opens_an_issue(history: History, project: Project, tmp_path: Path) -> None:
    printed, calls = act(project, tmp_path, history)
    assert succeeded(printed) == {"Check", "Propose"}, printed
    assert [call.split(" --")[0] for call in calls if call.startswith("issue ")] == [
        "issue list",
        "issue create",
    ]
    assert body(calls).splitlines() == [
        "Version 10000.0.0 of the template is available, and this project uses 9999.0.0. Run `make update`.",
        "",
        "## v10000.0.0 (2030-01-01)",
        "",
        "- doors `open` by themselves",
        "",
        "## v9999.0.05 (2030-01-01)",
        "",
        "- between",
    ]


def test_open_issue_is_brought_up_to_date(
    history: History, project: Project, tmp_path: Path
) -> None:
    """For a project of a commit after a release as well: what is new since then is news."""
    made = history.project(tmp_path / "project", "v10000.0.0~", features=[])
    titles = {3: "Update from the template of last year", 7: "Update from the template"}
    issues = json.dumps([{"number": number, "title": titles[number]} for number in titles])
    printed, calls = act(with_address(made), tmp_path, history, issues)
    assert succeeded(printed) == {"Check", "Propose"}, printed
    assert [call.split(" --")[0] for call in calls if call.startswith("issue ")] == [
        "issue list",
        "issue edit 7",
    ]
    assert calls[0].startswith("issue list --author app/github-actions ")  # nobody else's
    text = body(calls)
    assert "this project uses 9999.0.0.post1" in text
    assert re.findall("^## (v[^ ]+)", text, re.MULTILINE) == ["v10000.0.0", "v9999.0.05"]


def test_versions_of_a_fork_may_have_no_v(
    template: Path, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    fork = History.of(template, tmp_path_factory.mktemp("fork") / "template")
    for tag in run("git", "tag", cwd=fork.path).stdout.split():
        run("git", "tag", "--delete", tag, cwd=fork.path)
    run("git", "tag", "2030.1", cwd=fork.path)
    project = with_address(fork.project(tmp_path / "project", "2030.1", features=[]))
    new = "- new\n" * 400  # GitHub takes no text of any length
    (fork.path / "CHANGELOG.md").write_text(f"## 2030.2\n\n{new}\n## 2030.1\n\n- old\n")
    run("git", "commit", "--quiet", "--all", "--message=docs: tell it", cwd=fork.path)
    run("git", "tag", "2030.2", cwd=fork.path)
    printed, calls = act(project, tmp_path, fork)
    assert succeeded(printed) == {"Check", "Propose"}, printed
    assert body(calls).splitlines() == [
        "Version 2030.2 of the template is available, and this project uses 2030.1. Run `make update`.",
        "",
        "## 2030.2",
        "",
        *(["- new"] * 298),
    ]


def test_newest_version_opens_none(history: History, tmp_path: Path) -> None:
    project = history.project(tmp_path / "project", history.versions[-1], features=[])
    printed, calls = act(with_address(project), tmp_path, history)
    assert succeeded(printed) == {"Check"}, printed
    assert not calls


def test_template_of_another_answers_file_is_not_looked_at(
    history: History, project: Project, tmp_path: Path
) -> None:
    """As in a project with two templates."""
    name, path = ".copier-answers.mine.yml", tmp_path / "project"
    copier.run_copy(
        str(history.path), path, answers_file=name, vcs_ref=history.versions[0], defaults=True, unsafe=True, quiet=True
    )  # fmt: skip
    (path / ".copier-answers.yml").write_text("_commit: v1\n_src_path: /nowhere\n")
    printed, calls = act(with_address(Project(path), name=name), tmp_path, history)
    assert succeeded(printed) == {"Check", "Propose"}, printed
    assert (
        "Version 10000.0.0 of the template is available, and this project uses 9999.0.0"
        in "\n".join(calls)
    )


def test_template_out_of_reach_fails(history: History, project: Project, tmp_path: Path) -> None:
    lost = with_address(project.copy(tmp_path / "project"), f"{ADDRESS}/elsewhere")
    printed, calls = act(lost, tmp_path, history)
    assert not succeeded(printed), printed
    assert "Job failed" in printed
    assert "The template cannot be read. If it has moved, write its new address after" in printed
    assert not calls


@pytest.mark.parametrize("address", ["git@github.com:", "ssh://git@github.com/"])
def test_no_key_for_ssh_is_needed(
    history: History, project: Project, tmp_path: Path, address: str
) -> None:
    """GitHub cannot be reached from here: what is asked for is all that can be seen."""
    theirs = with_address(project.copy(tmp_path / "project"), f"{address}octo-org/elsewhere.git")
    printed, _ = act(theirs, tmp_path, history)
    assert "'https://github.com/octo-org/elsewhere.git/'" in printed


@pytest.mark.parametrize(
    "address", ["/home/ada/template", "'C:\\template'", "file:///template", "git+file:///template"]
)
def test_template_in_a_folder_of_somebody_is_not_looked_for(
    history: History, project: Project, tmp_path: Path, address: str
) -> None:
    here = with_address(project.copy(tmp_path / "project"), address)
    printed, calls = act(here, tmp_path, history)
    assert succeeded(printed) == {"Check"}, printed
    assert "Not checked: the template is in a folder, " in printed
    assert not calls

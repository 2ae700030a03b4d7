"""All workflows follow one pattern, run when they should, and bots know every pin in them exactly once."""

import itertools
import json
import os
import re
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

from conftest import Render
from project import FEATURES, ROOT, Project, run
from rehearsal.bare import tool
from steps import jobs, shell, step

PINNED = re.compile(r"- uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")


@pytest.fixture(scope="module")
def projects(render: Render) -> list[Project]:
    return [render(), render(features=[]), render(features=FEATURES, github_owner="octo-org")]


def workflows(folder: Path) -> dict[str, dict[Any, Any]]:
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
            # A push never cancels the run of the one before: each commit of a branch is checked.
            concurrency = workflow["concurrency"]
            pushes = {"push", "schedule"} & workflow[True].keys()
            if pushes and concurrency["cancel-in-progress"] is True:
                assert "github.run_id" in concurrency["group"], name
            for job_id, job in workflow["jobs"].items():
                assert "permissions" in job, (name, job_id)
                assert job["timeout-minutes"] <= 60, (name, job_id)
                for one in job["steps"]:
                    if one.get("uses", "").startswith("actions/checkout@"):
                        assert one["with"]["persist-credentials"] is False, (name, job_id)


def named(project: Project) -> dict[str, dict[Any, Any]]:
    """Return the workflows of a project, and those of this repository with a name of their own."""
    own = {f"this/{name.rpartition('/')[2]}": each for name, each in workflows(ROOT).items()}
    found = workflows(project.path).items()
    return {**{name.rpartition("/")[2]: each for name, each in found}, **own}


# All that jobs may do besides reading the repository.
PERMISSIONS = {
    ("this/pins.yml", "propose"): {"issues": "write"},
    ("this/release.yml", "release"): {"contents": "write"},
    ("docs.yml", "deploy"): {"id-token": "write", "pages": "write"},
    ("release.yml", "draft"): {
        "attestations": "write",
        "contents": "write",
        "id-token": "write",
    },
    ("release.yml", "pypi"): {"contents": "read", "id-token": "write"},
    ("release.yml", "github"): {"contents": "write"},
    ("template-update.yml", "propose"): {"issues": "write"},
}
# The owner names the second one on PyPI, and may add reviewers to both.
ENVIRONMENTS = {
    ("docs.yml", "deploy"): {
        "name": "github-pages",
        "url": "${{ steps.deployment.outputs.page_url }}",
    },
    ("release.yml", "pypi"): {"name": "pypi", "url": "https://pypi.org/project/PACKAGE/"},
}
ON_REQUEST = {"push": {"branches": ["**"]}, "pull_request": None, "merge_group": None, "workflow_dispatch": None}  # fmt: skip
TRIGGERS = {
    "ci.yml": ON_REQUEST,
    "commits.yml": {
        "pull_request": {"types": ["edited", "opened", "reopened", "synchronize"]},
        "merge_group": None,
    },
    "docs.yml": ON_REQUEST,
    "release.yml": {"push": {"tags": ["v[0-9]*"]}, "workflow_dispatch": None},
    "template-update.yml": {"schedule": [{"cron": "17 5 * * 1"}], "workflow_dispatch": None},
    "this/ci.yml": {
        "push": {"branches": ["main"]},
        "pull_request": None,
        "schedule": [{"cron": "23 4 * * 1"}],
        "workflow_dispatch": None,
    },
    "this/pins.yml": {"schedule": [{"cron": "41 3 2 * *"}], "workflow_dispatch": None},
    "this/release.yml": {"push": {"tags": ["v*"]}},
}
# Whose runs wait for each other, or end each other.
CONCURRENCY = {
    "ci.yml": ("ci-${{ github.event.pull_request.number || github.run_id }}", True),
    "commits.yml": ("commits-${{ github.ref }}", True),
    "docs.yml": ("docs-${{ github.ref }}", "${{ github.event_name == 'pull_request' }}"),
    "release.yml": ("release-${{ github.ref }}", False),
    "template-update.yml": ("template-update", False),
    "this/ci.yml": ("ci-${{ github.event.pull_request.number || github.run_id }}", True),
    "this/pins.yml": ("pins", False),
    "this/release.yml": ("release-${{ github.ref }}", False),
}
CONDITIONS = {
    "": None,
    "not in pull requests, without pages": "github.event_name != 'pull_request' && !github.event.repository.has_pages",
    "private": "github.event.repository.private",
    "public": "${{ !github.event.repository.private }}",
    "pushed": "github.event_name == 'push'",
    "with notebooks": "hashFiles('notebooks/*.ipynb') != ''",
    "without an own one": "hashFiles('rust-toolchain*') == ''",
}
# What the jobs do, in this order, besides moving files around. Without one of these steps they would succeed too.
STEPS = {
    ("ci.yml", "lint"): [
        "without an own one: rustup toolchain install",
        *("uv sync", "poe lint", "poe precommit", "poe msrv"),
    ],
    ("ci.yml", "workflows"): ["zizmor-action"],
    ("ci.yml", "test"): ["uv sync", "poe test", "with notebooks: poe notebook"],
    ("commits.yml", "messages"): ["check --message=", "check --rev-range"],
    ("docs.yml", "build"): [
        "build --strict",
        "upload-pages-artifact",
        "not in pull requests, without pages: ::notice::",
    ],
    ("docs.yml", "deploy"): ["deploy-pages"],
    ("release.yml", "gate"): [
        "pushed: --is-ancestor",
        "pushed: release.py notes",
        "without an own one: rustup toolchain install",
        *("uv sync", "poe lint", "poe test", "with notebooks: poe notebook"),
    ],
    ("release.yml", "sdist"): ["uv build --sdist", "twine check --strict"],
    ("release.yml", "wheels"): ["cibuildwheel dist/*.tar.gz"],
    ("release.yml", "install"): ["pip install --no-build --no-index", "--no-sync pytest"],
    ("release.yml", "check"): [
        "mv artifacts",
        "twine check --strict",
        "release.py files release/dist",
        "pushed: release.py index release/dist https://pypi.org/simple/",
        "pushed: release.py notes",
    ],
    ("release.yml", "draft"): [
        "sha256sum",
        "commits/tags",
        "--draft --verify-tag",
        "public: actions/attest",
        "private: ::notice::",
    ],
    ("release.yml", "pypi"): ["sha256sum", "commits/tags", "gh-action-pypi-publish"],
    ("release.yml", "github"): ["commits/tags", "draft=false"],
    ("template-update.yml", "check"): ["check-update"],
    ("template-update.yml", "propose"): ["gh issue"],
    ("this/ci.yml", "test"): ["uv python install", "cargo-llvm-cov", "make test"],
    ("this/ci.yml", "smoke"): [
        *("copier copy", "git init", "poe init", "git -C ../fast-math add"),
        *("poe lint", "poe precommit", "poe test"),
    ],
    ("this/ci.yml", "workflows"): ["zizmor-action"],
    ("this/pins.yml", "move"): [
        *("make bump-pins", "git diff --binary", "git diff -- ."),
        *("make .venv/installed", "uv python install", "cargo-llvm-cov", "make test"),
    ],
    ("this/pins.yml", "propose"): ["gh issue"],
    ("this/release.yml", "release"): ["grep", "awk", "gh release create"],
}
MOVING = re.compile(r"actions/(checkout|(up|down)load-artifact)@|astral-sh/setup-uv@")


def test_workflows_start_when_they_should(projects: list[Project]) -> None:
    found = named(projects[2])
    assert {name: workflow[True] for name, workflow in found.items()} == TRIGGERS
    concurrency = {name: tuple(each["concurrency"].values()) for name, each in found.items()}
    assert concurrency == CONCURRENCY


def test_jobs_do_all_that_they_are_for(projects: list[Project]) -> None:
    done = set()
    for name, workflow in named(projects[2]).items():
        for job_id, job in workflow["jobs"].items():
            job_of = name, job_id
            done.add(job_of)
            assert job["permissions"] == PERMISSIONS.get(job_of, {"contents": "read"}), job_of
            place = {**job.get("environment", {})}
            if "url" in place:
                package = projects[2].answers["package_name"]
                place["url"] = place["url"].replace(f"/{package}/", "/PACKAGE/")
            assert place == ENVIRONMENTS.get(job_of, {}), job_of
            steps = [one for one in job["steps"] if not MOVING.match(one.get("uses", ""))]
            for one, expected in zip(steps, STEPS[job_of], strict=True):
                condition, _, what = expected.rpartition(": ")
                assert what in one.get("run", one.get("uses")), job_of
                assert one.get("if") == CONDITIONS[condition], (job_of, what)
    assert done == STEPS.keys()


def test_this_repository_tests_all_of_itself() -> None:
    own = Project(ROOT)
    for workflow, job, fails in (("ci", "test", None), ("pins", "move", True)):
        test = step(own, workflow, job, "make test")
        assert test["env"] == {"LEAVE_NOTHING_OUT": 1}
        assert step(own, workflow, job, "actions/checkout@")["with"]["fetch-depth"] == 0
        assert test.get("continue-on-error") is fails  # only where an issue says so
    smoke = jobs(own, "ci")["smoke"]
    assert smoke["strategy"]["matrix"]["os"] == ["macos-latest", "windows-latest"]
    assert smoke["strategy"]["fail-fast"] is False
    assert smoke["runs-on"] == "${{ matrix.os }}"
    checkout = step(own, "ci", "smoke", "actions/checkout@")
    assert checkout["with"]["fetch-depth"] == 0
    # And not what was released last.
    assert " --vcs-ref=HEAD . " in step(own, "ci", "smoke", "uvx --with")["run"]
    assert re.search(r"^test: lint ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)


def test_what_was_moved_and_tested_gets_into_the_issue() -> None:
    own = Project(ROOT)
    move, propose = (jobs(own, "pins")[name] for name in ("move", "propose"))
    assert propose["if"] == "needs.move.outputs.moved"
    # Unlike `conclusion`, which is always a success where a job goes on.
    assert move["outputs"] == {
        "moved": "${{ steps.patch.outputs.moved }}",
        "tests": "${{ steps.test.outcome }}",
    }
    issue = step(own, "pins", "propose", "Open an issue")
    assert issue["env"]["TESTS"] == "${{ needs.move.outputs.tests }}"
    kept = step(own, "pins", "move", "actions/upload-artifact@")["with"]
    assert kept["path"] == "${{ runner.temp }}/pins"  # where its steps write
    taken = step(own, "pins", "propose", "actions/download-artifact@")["with"]
    assert taken == {"name": kept["name"], "path": "pins"}


def test_gh_may_ask_and_knows_where(projects: list[Project]) -> None:
    """It reads both from variables, or the repository from the folder that it is in."""
    asking = set()
    for name, workflow in named(projects[2]).items():
        for job_id, job in workflow["jobs"].items():
            checked_out = any("checkout@" in one.get("uses", "") for one in job["steps"])
            for one in job["steps"]:
                if not re.search(r"\bgh (api|issue|release) ", one.get("run", "")):
                    continue
                asking.add((name, job_id))
                env = {**job.get("env", {}), **one.get("env", {})}
                assert env["GH_TOKEN"] == "${{ github.token }}", (name, job_id)
                here = None if checked_out else "${{ github.repository }}"
                assert env.get("GH_REPO") == here, (name, job_id)
    # All that may write, but for what actions do.
    writing = {job for job, may in PERMISSIONS.items() if {"contents", "issues"} & may.keys()}
    assert asking == writing


def test_jobs_take_what_is_locked_and_miss_nothing(projects: list[Project]) -> None:
    """The hook tells the owner that CI refuses another lock file."""
    for name, workflow in named(projects[2]).items():
        for job_id, job in workflow["jobs"].items():
            for one in job["steps"]:
                for command in re.findall(r"uv (?:sync|run --.*only-group).*", one.get("run", "")):
                    assert "--locked" in command, (name, job_id)
                if "upload-artifact@" in one.get("uses", ""):
                    assert one["with"]["if-no-files-found"] == "error", (name, job_id)


def test_a_matrix_tests_what_it_names(projects: list[Project]) -> None:
    ci, release = jobs(projects[2], "ci"), jobs(projects[2], "release")
    systems = ["ubuntu-latest", "windows-latest", "macos-latest"]
    assert ci["test"]["strategy"]["matrix"]["os"] == systems
    assert ci["test"]["strategy"]["fail-fast"] is False
    assert ci["test"]["env"] == {"UV_PYTHON": "${{ matrix.python }}"}
    assert release["install"]["env"] == {**ci["test"]["env"], "RUSTUP_TOOLCHAIN": "none"}
    newest = ci["test"]["strategy"]["matrix"]["python"][-1]
    assert release["install"]["strategy"]["matrix"]["python"] == ["3.11", newest]
    for job in (ci["test"], release["wheels"], release["install"]):
        assert job["runs-on"] == "${{ matrix.os }}"


def test_what_actions_are_told(projects: list[Project]) -> None:
    for workflow, job, action, told in (
        ("ci", "workflows", "zizmorcore/", {"advanced-security": False, "persona": "auditor"}),
        ("release", "draft", "actions/attest@", {"subject-path": "release/dist/*"}),
        ("release", "pypi", "pypa/", {"packages-dir": "release/dist", "skip-existing": True}),
    ):
        assert step(projects[2], workflow, job, action)["with"] == told
    build = step(projects[2], "release", "wheels", "Build from the source distribution")
    assert build["env"] == {
        "CIBW_ARCHS_WINDOWS": "${{ runner.arch == 'ARM64' && 'ARM64' || 'AMD64' }}"
    }


def test_whatever_publishes_or_writes_takes_nothing_from_a_cache(projects: list[Project]) -> None:
    """Other workflows, of branches too, write there."""
    for name in ("release", "template-update"):
        for job_id, job in jobs(projects[2], name).items():
            for one in job["steps"]:
                if "setup-uv@" in one.get("uses", ""):
                    assert one["with"]["enable-cache"] is False, (name, job_id)


def test_commits_are_compared_with_their_base(projects: list[Project]) -> None:
    checkout = step(projects[2], "commits", "messages", "actions/checkout@")
    assert checkout["with"]["fetch-depth"] == 0


Event = tuple[str, dict[str, Any]]


def conclusions(
    project: Project, workflow: str, event: Event, folder: Path, branch: str, **repository: Any
) -> dict[str, str]:
    """Start a workflow whose steps do nothing but say so, and return how each job ended.

    A notice that a job would give stays, and is what the job ended with.
    """
    text = yaml.safe_load(project.read(f".github/workflows/{workflow}.yml"))
    text["on"] = text.pop(True)  # YAML takes the key for a truth value
    for job in text["jobs"].values():
        job["runs-on"] = "ubuntu-latest"
        job.pop("environment", None)
        notices = [one for one in job["steps"] if "::notice::" in one.get("run", "")]
        job["steps"] = [{"run": "true"}, *notices]
    started, payload = event
    about = {"default_branch": branch, "private": False, "has_pages": True} | repository
    (folder / "event.json").write_text(json.dumps(payload | {"repository": about}))
    (folder / "workflow.yml").write_text(json.dumps(text))
    if not (folder / ".git").exists():
        run("git", "init", "--quiet", cwd=folder)
        run("git", "commit", "--quiet", "--allow-empty", "--message=x", cwd=folder)
    result = run(
        *(tool("act"), started, "--json", "--workflows=workflow.yml", "--eventpath=event.json"),
        *("--platform=ubuntu-latest=-self-hosted", "--no-cache-server"),
        cwd=folder,
        env={"HOME": str(folder), "XDG_CACHE_HOME": str(folder / "cache")},
    )
    ended = dict.fromkeys(text["jobs"], "skipped")
    for line in result.stdout.splitlines():
        record = json.loads(line) if line.startswith("{") else {}
        if record.get("command") == "notice":
            ended[record["jobID"]] = record["arg"]
        elif "jobResult" in record and ended[record["jobID"]] == "skipped":
            ended[record["jobID"]] = record["jobResult"]
    return ended


def pushed(ref: str) -> Event:
    return "push", {"ref": ref}


PULL_REQUEST: Event = "pull_request", {"ref": "refs/pull/1/merge", "pull_request": {"base": {}}}


@pytest.mark.slow
@pytest.mark.parametrize("branch", ["main", "trunk", "release/next"])
@pytest.mark.parametrize("workflow", ["ci", "docs"])
def test_a_push_to_the_default_branch_runs_and_to_another_does_not(
    projects: list[Project], tmp_path: Path, workflow: str, branch: str
) -> None:
    def ended(event: Event) -> set[str]:
        return set(conclusions(projects[0], workflow, event, tmp_path, branch).values())

    assert ended(pushed(f"refs/heads/{branch}")) == {"success"}
    assert ended(pushed("refs/heads/side")) == {"skipped"}
    if branch != "main":
        assert ended(pushed("refs/heads/main")) == {"skipped"}


@pytest.mark.slow
def test_a_pull_request_runs_and_publishes_nothing(projects: list[Project], tmp_path: Path) -> None:
    ci = conclusions(projects[0], "ci", PULL_REQUEST, tmp_path, "main")
    assert set(ci.values()) == {"success"}
    by_hand: Event = "workflow_dispatch", {"ref": "refs/heads/side"}
    for event in (PULL_REQUEST, by_hand):
        docs = conclusions(projects[0], "docs", event, tmp_path, "main")
        assert docs == {"build": "success", "deploy": "skipped"}


@pytest.mark.slow
def test_a_merge_queue_gets_the_checks_that_it_waits_for(
    projects: list[Project], tmp_path: Path
) -> None:
    event: Event = "merge_group", {"ref": "refs/heads/gh-readonly-queue/main/pr-1-1"}
    assert set(conclusions(projects[0], "ci", event, tmp_path, "main").values()) == {"success"}
    # Only GitHub gives this event a branch of its own, of which nothing is published.
    assert conclusions(projects[0], "docs", event, tmp_path, "main")["build"] == "success"
    # GitHub counts it as passed.
    assert conclusions(projects[0], "commits", event, tmp_path, "main") == {"messages": "skipped"}


def test_the_site_is_deployed_from_what_the_same_run_kept(projects: list[Project]) -> None:
    """Under a name for each attempt, for a second attempt would find two of the same name."""
    workflow = yaml.safe_load(projects[0].read(".github/workflows/docs.yml"))
    build, deploy = workflow["jobs"].values()
    (upload,) = [one["with"] for one in build["steps"] if "upload" in one.get("uses", "")]
    # GitHub runs failed jobs again for 30 days; the action keeps a site for one.
    assert upload["retention-days"] == 30
    kept = upload["name"]
    assert build["outputs"] == {"artifact": kept}
    assert kept.endswith("-${{ github.run_attempt }}")
    (deployed,) = [one["with"] for one in deploy["steps"] if "deploy" in one["uses"]]
    assert deployed == {"artifact_name": "${{ needs.build.outputs.artifact }}"}


@pytest.mark.slow
def test_a_job_that_a_push_skips_is_no_passed_check_of_a_pull_request(
    projects: list[Project],
) -> None:
    """GitHub counts a skipped job as passed, and goes by its name. A matrix that is skipped has no jobs to name."""
    for project in projects:
        for name, workflow in workflows(project.path).items():
            if not {"push", "pull_request"} <= workflow[True].keys():
                continue
            for job in workflow["jobs"].values():
                skipped = "github.event_name != 'push'" in job.get("if", "")
                named = "${{ github.event_name == 'push' && ' (push)' || '' }}" in job["name"]
                assert skipped == (named or "matrix" in job.get("strategy", {})), name


@pytest.mark.slow
def test_without_pages_publishing_is_skipped_with_a_notice(
    projects: list[Project], tmp_path: Path
) -> None:
    event = pushed("refs/heads/main")
    ended = conclusions(projects[0], "docs", event, tmp_path, "main", has_pages=False)
    assert ended["deploy"] == "skipped"
    assert "Settings > Pages" in ended["build"]
    by_hand: Event = "workflow_dispatch", {"ref": "refs/heads/main"}
    ended = conclusions(projects[0], "docs", by_hand, tmp_path, "main")
    assert ended == {"build": "success", "deploy": "success"}


PUBLISHING = ["draft", "pypi", "github"]


@pytest.mark.slow
@pytest.mark.parametrize("private", [False, True])
def test_private_repositories_release_too(
    projects: list[Project], tmp_path: Path, private: bool
) -> None:
    event = pushed("refs/tags/v0.1.0")
    ended = conclusions(projects[2], "release", event, tmp_path, "main", private=private)
    said = ended.pop("draft")
    assert set(ended.values()) == {"success"}
    assert said == "success" if not private else "No attestation" in said
    attest = step(projects[2], "release", "draft", "actions/attest@")
    assert attest["if"] == "${{ !github.event.repository.private }}"


@pytest.mark.slow
def test_started_by_hand_a_release_publishes_nothing(
    projects: list[Project], tmp_path: Path
) -> None:
    by_hand: Event = "workflow_dispatch", {"ref": "refs/heads/main"}
    ended = conclusions(projects[2], "release", by_hand, tmp_path, "main")
    assert [name for name, result in ended.items() if result == "skipped"] == PUBLISHING
    assert {result for result in ended.values() if result != "skipped"} == {"success"}


@pytest.mark.parametrize("features", [["pypi"], []])
def test_publishing_waits_for_every_other_job(render: Render, features: list[str]) -> None:
    project = render(features=features)
    workflow = yaml.safe_load(project.read(".github/workflows/release.yml"))
    jobs = workflow["jobs"]

    def needs(name: str) -> set[str]:
        direct = jobs[name].get("needs", [])
        direct = {direct} if isinstance(direct, str) else set(direct)
        return direct.union(*map(needs, direct))

    publishing = [name for name in jobs if "write" in jobs[name]["permissions"].values()]
    assert publishing == (PUBLISHING if features else ["draft", "github"])
    for before, name in itertools.pairwise(["check", *publishing]):
        assert before in needs(name)
        assert needs(name) >= jobs.keys() - set(publishing)
        assert jobs[name]["if"] == "github.event_name == 'push'"
        used = [one.get("uses", "") for one in jobs[name]["steps"]]
        assert not any(action.startswith("actions/checkout@") for action in used), "runs our code"
    assert all("if" not in jobs[name] for name in jobs.keys() - set(publishing))
    assert not re.search(r"always\(|cancelled\(|failure\(|continue-on-error", str(workflow))


RUNNERS = {  # whatever their versions
    "ubuntu-latest": ("linux", "x86_64"),
    "ubuntu-arm": ("linux", "aarch64"),
    "windows-latest": ("windows", "AMD64"),
    "windows-arm": ("windows", "ARM64"),
    "macos-intel": ("macos", "x86_64"),
    "macos-latest": ("macos", "arm64"),
}
SYSTEMS = {
    *("manylinux_x86_64", "manylinux_aarch64", "musllinux_x86_64", "musllinux_aarch64"),
    *("macosx_x86_64", "macosx_arm64", "win_amd64", "win_arm64"),
}


@pytest.mark.slow
@pytest.mark.parametrize("free_threaded", [False, True])
def test_a_release_has_wheels_for_every_system_and_python(
    render: Render, free_threaded: bool
) -> None:
    """What cibuildwheel selects on all runners together; each of them builds all of that, or fails."""
    project = render(python_min="3.12", features=["free_threaded"] if free_threaded else [])
    jobs = yaml.safe_load(project.read(".github/workflows/release.yml"))["jobs"]
    runners = jobs["wheels"]["strategy"]["matrix"]["os"]
    assert jobs["install"]["strategy"]["matrix"]["os"] == runners
    selected: set[str] = set()
    clean = {name: "" for name in os.environ if name.startswith("CIBW_")}
    kinds = [re.sub(r"-[\d.]+", "", runner) for runner in runners]
    for platform, architecture in (RUNNERS[kind] for kind in kinds):
        options = ["--print-build-identifiers", "--platform", platform, "--archs", architecture]
        selected |= set(project.tool("cibuildwheel", *options, env=clean).stdout.split())

    pythons = [f"cp3{minor}" for minor in range(12, 16)]
    pythons += ["cp314t", "cp315t"] if free_threaded else []
    assert selected == {f"{python}-{system}" for python in pythons for system in SYSTEMS}


def test_dependabot_moves_the_lock_files_only(projects: list[Project]) -> None:
    """The actions in the workflows move with the template: a pull request would clash with it."""
    for project in projects:
        config = yaml.safe_load(project.read(".github/dependabot.yml"))
        updates = {update["package-ecosystem"]: update for update in config["updates"]}
        assert updates.keys() == {"cargo", "uv"}
        for ecosystem, update in updates.items():
            assert update["versioning-strategy"] == "lockfile-only"
            assert update["schedule"] == {"interval": "weekly"}
            # In which time malicious versions are found.
            assert update["cooldown"] == {"default-days": 7}
            # A title of a kind that commits.yml lets pass, and one pull request for all packages.
            assert update["commit-message"] == {"prefix": "build", "include": "scope"}
            assert [group["patterns"] for group in update["groups"].values()] == [["*"]]
            # Otherwise a crate that only other crates name would stay as it is, in every wheel.
            assert (ecosystem == "cargo") == ({"dependency-type": "all"} in update.get("allow", []))
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


@pytest.mark.parametrize(("workflow", "job"), [("ci", "lint"), ("release", "gate")])
def test_lints_are_those_of_the_pinned_rust(
    projects: list[Project], tmp_path: Path, workflow: str, job: str
) -> None:
    rustup, variables = tmp_path / "rustup", tmp_path / "variables"
    rustup.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/called\n')
    rustup.chmod(0o755)
    project = projects[0]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "GITHUB_ENV": str(variables)}
    project.tool(*shell(step(project, workflow, job, "Take the Rust of the wheels")), env=env)
    (pinned,) = re.findall(r"(?m)^rust=(.+)$", project.read("scripts/install_rust.sh"))
    called = (tmp_path / "called").read_text()
    assert re.fullmatch(rf"toolchain install .*--component=clippy,rustfmt {pinned}\n", called)
    assert variables.read_text() == f"RUSTUP_TOOLCHAIN={pinned}\n"


def test_renovate_sees_the_floor_of_every_tool(renovate: Any, projects: list[Project]) -> None:
    tools, *_ = renovate["customManagers"]
    required = set()
    for project in projects:
        pyproject = tomllib.loads(project.read("pyproject.toml"))
        groups = [
            *pyproject["dependency-groups"].values(),
            pyproject["project"].get("dependencies", []),
        ]
        for text in (text for group in groups for text in group if isinstance(text, str)):
            requirement = Requirement(text)
            # The owner's code may need old ones.
            if requirement.name in ("matplotlib", "packaging"):
                assert not requirement.specifier
                continue
            assert requirement.specifier, f"{text} has no floor"
            required.add((requirement.name, text.removeprefix(requirement.name)))
    assert set(found_by(tools)) == required


def test_renovate_sees_the_crates(renovate: Any, projects: list[Project]) -> None:
    _, crates, *_ = renovate["customManagers"]
    manifest = tomllib.loads(projects[-1].read("crates/Cargo.toml"))
    assert dict(found_by(crates)) == {
        name: dependency["version"] for name, dependency in manifest["dependencies"].items()
    }


def test_renovate_sees_all_workflows(renovate: Any) -> None:
    for source in sources():
        if source.is_relative_to(ROOT / "template"):  # the others it finds by itself
            assert matches(renovate["github-actions"], source.relative_to(ROOT).as_posix())

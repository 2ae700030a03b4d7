"""Runs a project's workflows on this machine, as GitHub would after a push; `make rehearse`.

What would be pushed, and nothing else, is pushed to a repository in a scratch folder, from where each job checks it
out with an empty home and only what a runner has (see `bare`). The actions that talk to GitHub are replaced by the
folders in `actions/`. Whatever is published goes to a package index on the loopback interface and to a folder.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

import pythons
from rehearsal.bare import ROOT, Bare, caches, containers, tool

HERE = Path(__file__).parent
REPOSITORY = "octo-org/sample"
# Whatever the user has set for Git, it does the same here.
SETTINGS = {
    "clone.defaultRemoteName": "origin",
    "column.ui": "never",
    "core.hooksPath": os.devnull,
    "log.showSignature": "false",
    "protocol.file.allow": "always",
    "push.gpgSign": "false",
    "push.pushOption": "",
    "push.recurseSubmodules": "no",
}
# Systems of GitHub that this machine stands for; jobs on others are left out, and named.
RUNNERS = ("ubuntu-latest", "ubuntu-24.04", "ubuntu-26.04")


class RefusalError(Exception):
    """There is nothing to rehearse, for a reason that the user can read."""


@dataclass
class Rehearsal:
    """What a workflow did.

    Attributes:
        folder: What the jobs kept: `artifacts/`, `release/`, `site/`, `index/` and the calls of `gh`.
        output: Everything that was printed.
        jobs: The result of each job: `success`, `failure`, `skipped` by its own condition, or `left out` since it
            runs on a system that this machine cannot stand for.
    """

    folder: Path
    output: str = ""
    jobs: dict[str, str] = field(default_factory=dict)

    @property
    def succeeded(self) -> bool:
        """Whether something ran, and nothing failed."""
        results = set(self.jobs.values())
        return "success" in results and "failure" not in results

    @property
    def is_left_out(self) -> bool:
        """Whether nothing ran, since it runs on systems that this machine cannot stand for."""
        return "left out" in self.jobs.values() and {*self.jobs.values()} <= {"left out", "skipped"}

    @property
    def published(self) -> list[str]:
        """The names of the files on the page of the release."""
        return sorted(file.name for file in self.folder.glob("release/*"))


def git_says(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Git, which may fail."""
    settings = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    return subprocess.run(
        ["git", *settings, *arguments],
        cwd=folder, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip


def git(folder: Path, *arguments: str) -> str:
    """Run Git and return what it printed.

    Raises:
        RefusalError: It failed.
    """
    result = git_says(folder, *arguments)
    if result.returncode:
        raise RefusalError(f"git {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout.strip()


@dataclass
class Push:
    """What the owner of a project would push, in a repository of its own.

    Attributes:
        origin: The repository, without working tree.
        clone: A clean checkout of it.
        branch: The branch, taken as the default branch.
        tag: The annotated tag on the commit; empty if there is none.
    """

    origin: Path
    clone: Path
    branch: str
    tag: str

    @classmethod
    def of(cls, project: Path, folder: Path) -> "Push":
        """Push a project to a new repository.

        Args:
            project: The project, with everything committed.
            folder: An empty folder for the repository.

        Raises:
            RefusalError: There is nothing to push, or it differs from what is in the folder.
        """
        if not project.is_dir():
            raise RefusalError(f"{project} is no folder: name one that holds a project.")
        inside = git_says(project, "rev-parse", "--is-inside-work-tree").stdout.strip()
        if inside != "true":
            raise RefusalError(f"{project} is no Git repository: run `git init` there, and commit.")
        if git_says(project, "rev-parse", "--verify", "HEAD").returncode:
            raise RefusalError("Commit first: a push brings commits, and there is none.")
        if git(project, "rev-parse", "--is-shallow-repository") == "true":
            raise RefusalError("This clone lacks history: run `git fetch --unshallow` there first.")
        if git_says(project, "symbolic-ref", "--quiet", "HEAD").returncode:
            raise RefusalError("Switch to a branch first: what is pushed is a branch.")
        if changed := git(project, "status", "--porcelain", "--untracked-files=normal"):
            raise RefusalError(
                f"Commit or stash first, since a push would leave this out:\n{changed}"
            )
        branch = git(project, "symbolic-ref", "--short", "HEAD")
        tags = git(project, "tag", "--points-at", "HEAD", "--list", "v*").splitlines()
        for name in tags:
            if git(project, "cat-file", "-t", name) != "tag":
                raise RefusalError(
                    f"{name} is a lightweight tag, which `git push --follow-tags` leaves behind: delete it "
                    f"with `git tag --delete {name}`, and tag with `make bump`."
                )
        origin, clone = folder / "origin.git", folder / "clone"
        git(folder, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(origin))
        git(project, "push", "--quiet", "--follow-tags", str(origin), f"HEAD:refs/heads/{branch}")
        git(folder, "clone", "--quiet", str(origin), str(clone))
        git(
            clone, "remote", "set-url", "origin", f"https://github.com/{REPOSITORY}"
        )  # act reads it
        return cls(origin, clone, branch, tags[-1] if tags else "")


def events(push: Push) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the event for each workflow, by its name: what starts it, and its payload."""
    branch = {"ref": f"refs/heads/{push.branch}"}
    parents = git(push.clone, "log", "-2", "--format=%H").split()
    pull_request = {
        "title": git(push.clone, "log", "-1", "--format=%s"),
        "base": {"sha": parents[-1], "ref": push.branch},
        "head": {"sha": parents[0], "ref": "change"},
    }
    tagged = ("push", {"ref": f"refs/tags/{push.tag}"})
    return {
        "release": tagged if push.tag else ("workflow_dispatch", branch),
        "commits": ("pull_request", {"pull_request": pull_request}),
        "template-update": ("workflow_dispatch", branch),
    }


def matrix_of_this_machine(workflow: Path) -> list[str]:
    """Return the options that choose, where a matrix holds several systems, the one of this machine."""
    text = workflow.read_text("utf-8")
    options = []
    for job in yaml.safe_load(text).get("jobs", {}).values():
        if name := re.fullmatch(r"\$\{\{ *matrix\.([\w-]+) *\}\}", str(job.get("runs-on"))):
            values = job.get("strategy", {}).get("matrix", {}).get(name[1], [])
            options += [f"--matrix={name[1]}:{value}" for value in RUNNERS if value in values][:1]
    return sorted(set(options))


def prepare(folder: Path, values: Mapping[str, str]) -> Path:
    """Write the stand-ins with the folders of this run in them, so that no step sees a variable of ours."""
    for source in [*HERE.glob("actions/*/action.yml"), *HERE.glob("bin/*")]:
        text = source.read_text("utf-8")
        for name, value in values.items():
            text = text.replace(f"@{name}@", value)
        target = folder / source.relative_to(HERE)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")
        target.chmod(0o755)
    return folder


def run(
    push: Push,
    name: str,
    kept: Path,
    bare: Bare,
    *,
    index: str = "http://127.0.0.1:9/",
    event: tuple[str, dict[str, Any]] | None = None,
    repository: Mapping[str, Any] | None = None,
    jobs: Sequence[str] = (),
    options: Sequence[str] = (),
    show: bool = False,
) -> Rehearsal:
    """Run one workflow.

    Args:
        push: What was pushed.
        name: The workflow, such as `release`.
        kept: Where what the jobs make is kept.
        bare: The machine that the jobs see.
        index: Address of the package index to publish on.
        event: What starts the workflow, and its payload; by default what a push would.
        repository: More about the repository, such as `{"private": True}`.
        jobs: The only jobs to run, without those that they need; all if empty.
        options: More options for act.
        show: Whether to print what the jobs print, as it comes.
    """
    kept.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=kept.parent, prefix="rehearsal-")).resolve()
    try:
        workflow = push.clone / f".github/workflows/{name}.yml"
        stand_ins = prepare(
            scratch / "stand-ins",
            {
                "BASH": str(bare.tools() / "bash"),
                "CARGO_REGISTRY": str(caches()[".cargo/registry"]),
                "HOMES": str(scratch / "homes"),
                "INDEX": index,
                "KEPT": str(kept.resolve()),
                "ORIGIN": str(push.origin),
                "TOOLS": str(ROOT / ".venv/bin"),
                "UV_CACHE": str(caches()[".cache/uv"]),
                "UV_PATH": os.pathsep.join(map(str, [bare.uv(), *bare.interpreters()])),
            },
        )
        started, payload = event or events(push).get(
            name, ("push", {"ref": f"refs/heads/{push.branch}"})
        )
        login, _, repository_name = REPOSITORY.partition("/")
        owner = {"name": repository_name, "full_name": REPOSITORY, "owner": {"login": login}}
        about = {"default_branch": push.branch, "private": False, "has_pages": True}
        payload = {**payload, "repository": {**owner, **about, **(repository or {})}}
        (scratch / "event.json").write_text(json.dumps(payload), "utf-8")
        command = [str(tool("act")), started, "--json", f"--eventpath={scratch / 'event.json'}"]
        command += ["--no-skip-checkout", "--no-cache-server", "--concurrent-jobs=1"]
        command += [f"--defaultbranch={push.branch}", f"--action-cache-path={scratch / 'act'}"]
        command += ["--secret=GITHUB_TOKEN=not-a-token"]  # otherwise act asks gh for yours
        command += [f"--platform={runner}=-self-hosted" for runner in RUNNERS]
        text = only(workflow, jobs, scratch).read_text("utf-8")
        copy = scratch / workflow.name
        copy.write_text(text.replace("https://pypi.org/", index), "utf-8")
        command += [f"--workflows={copy}", *matrix_of_this_machine(workflow)]
        for action in sorted(set(re.findall(r"uses: *(\S+@\S+)", workflow.read_text("utf-8")))):
            folder = stand_ins / "actions" / action.partition("@")[0].split("/")[1]
            if folder.is_dir():
                command.append(f"--local-repository={action}={folder}")
        command += [f"--env=HOME={scratch}/homes/${{{{ github.job }}}}"]
        command += [*options]
        variables = bare.environment(
            stand_ins / "bin", home=scratch / "home", uv=False, python=False
        )
        variables["PATH"] += os.pathsep + str(bare.interpreters()[0])  # a runner has one python3
        rehearsal = Rehearsal(kept)
        watch(command, {**variables, **containers()}, push.clone, rehearsal, show)
        for job in yaml.safe_load(workflow.read_text("utf-8"))["jobs"]:
            if not jobs or job in jobs:
                rehearsal.jobs.setdefault(job, "skipped")
        return rehearsal
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def only(workflow: Path, jobs: Sequence[str], folder: Path) -> Path:
    """Return the workflow, or a copy that holds some of its jobs, which need only each other."""
    if not jobs:
        return workflow
    text = workflow.read_text("utf-8")
    head, _, body = text.partition("\njobs:\n")
    _, *parts = re.split(r"^  ([\w-]+):\n", body, flags=re.MULTILINE)
    blocks = dict(zip(parts[::2], parts[1::2], strict=True))
    needs = {name: job.get("needs", []) for name, job in yaml.safe_load(text)["jobs"].items()}

    def needed(name: str) -> set[str]:
        direct = [needs[name]] if isinstance(needs[name], str) else needs[name]
        return {kept for need in direct for kept in ({need} if need in jobs else needed(need))}

    kept = "".join(
        f"  {name}:\n    needs: [{', '.join(sorted(needed(name)))}]\n"
        + re.sub(r"^    needs: .+\n", "", blocks[name], flags=re.MULTILINE)
        for name in jobs
    )
    copy = folder / workflow.name
    copy.write_text(f"{head}\njobs:\n{kept}", "utf-8")
    return copy


def watch(
    command: list[str], environment: Mapping[str, str], cwd: Path, rehearsal: Rehearsal, show: bool
) -> None:
    """Run act, and read its records of what the jobs print and how they end."""
    lines = []
    results: dict[str, set[str]] = {}
    with subprocess.Popen(
        command, cwd=cwd, env=dict(environment), encoding="utf-8", errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        for line in process.stdout or ():
            try:
                record = json.loads(line)
                said = record["msg"].rstrip()
                if said.lstrip().startswith(("⭐", "✅", "❌")):
                    said = said.splitlines()[0]  # without the whole script
                text = f"[{record.get('job', 'act')}] {said}"
            except (ValueError, KeyError):
                record, text = {}, line.rstrip()
            if "] LocalRepositoryCache " in text:
                continue
            lines.append(text)
            if show:
                print(text, flush=True)
            job = record.get("jobID", "")
            if "jobResult" in record:
                results.setdefault(job, set()).add(record["jobResult"])
            elif "Skipping unsupported platform" in text:
                results.setdefault(job, set()).add("left out")
    rehearsal.output = "\n".join(lines) + "\n"
    for job, found in results.items():
        order = ("failure", "cancelled", "success", "skipped", "left out")
        rehearsal.jobs[job] = min(found, key=order.index)
    if process.returncode and "failure" not in rehearsal.jobs.values():
        rehearsal.jobs["act"] = "failure"


@contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Serve a folder as a package index on the loopback interface, and yield its address."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [str(tool("pypi-server")), "run", "--interface=127.0.0.1", f"--port={port}"]
    command += ["--disable-fallback", "--authenticate=.", "--passwords=.", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(600):
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/"
        finally:
            server.terminate()


def default_project(folder: Path, bare: Bare) -> Path:
    """Render a project with all defaults, and bump it to its first version."""
    import copier

    copier.run_copy(
        str(ROOT), folder, data={"project_name": "Fast Math", "github_owner": "octo-org"},
        vcs_ref="HEAD", defaults=True, unsafe=True, quiet=True,
    )  # fmt: skip
    home = bare.home()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n")
    for command in (
        "git init --quiet --initial-branch=main",
        "uv lock --quiet",
        "git add --all",
        "git commit --quiet --message=feat:\xa0start",
        "make bump",
    ):
        arguments = [part.replace("\xa0", " ") for part in command.split(" ")]
        subprocess.run(arguments, cwd=folder, env=bare.environment(home=home), check=True)
    return folder


def main() -> int:
    """Rehearse the workflows of a project, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", nargs="?", type=Path, help="folder; by default a fresh project")
    parser.add_argument("--workflow", action="append", help="such as `release`; by default all")
    parser.add_argument("--keep", type=Path, help="folder for what the workflows make")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        scratch = Path(name).resolve()
        bare = Bare(scratch / "bare", pythons.find_all())
        kept = (arguments.keep or scratch / "kept").resolve()
        try:
            push = Push.of(arguments.project or default_project(scratch / "project", bare), scratch)
            found = sorted(path.stem for path in push.clone.glob(".github/workflows/*.y*ml"))
            if not found:
                raise RefusalError(
                    "A repository has its workflows in .github/workflows: none is there."
                )
            workflows = arguments.workflow or found
            if workflows is found and git(push.clone, "rev-list", "--count", "HEAD") == "1":
                workflows = [name for name in found if name != "commits"]
                print("Left out: commits, since a pull request needs a commit to start from.")
            for workflow in workflows:
                if workflow not in found:
                    names = f"{', '.join(found)} {'is' if len(found) == 1 else 'are'}"
                    raise RefusalError(f"There is no workflow {workflow}: {names} there.")
        except RefusalError as error:
            print(error, file=sys.stderr)
            return 1
        outcomes = {}
        with package_index(kept / "index") as index:
            for workflow in workflows:
                outcomes[workflow] = run(push, workflow, kept, bare, index=index, show=True)
    for workflow, rehearsal in outcomes.items():
        print(f"\n{workflow}:")
        for job, result in rehearsal.jobs.items():
            print(f"  {job}: {result}")
    left_out = [workflow for workflow, rehearsal in outcomes.items() if rehearsal.is_left_out]
    if left_out:
        systems = " or ".join(RUNNERS)
        print(f"\nLeft out, since no job runs on {systems}: {', '.join(left_out)}.")
    succeeded = [workflow for workflow, rehearsal in outcomes.items() if rehearsal.succeeded]
    failed = [workflow for workflow in outcomes if workflow not in [*left_out, *succeeded]]
    if failed or not succeeded:
        failed = failed or left_out
        print(f"\nThe rehearsal failed: {', '.join(failed)}.")
        return 1
    print("\nNo job failed; nothing left this machine.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

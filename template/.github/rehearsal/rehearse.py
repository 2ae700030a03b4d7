"""Runs the workflows on this machine with act, before anything is pushed; `make rehearse`.

On a commit that `cz bump` tagged, the release runs as if the tag was pushed; on any other, as if it
was started by hand. The folders beside this file stand in for the actions that talk to GitHub.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent.resolve()
WORKFLOWS = HERE.parent / "workflows"
# The one system of a matrix that is run here, whatever this machine really is.
RUNNER = "ubuntu-latest"


def output(*command: str) -> str:
    """Run a command and return what it printed; empty if it failed."""
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    return "" if result.returncode else result.stdout.strip()


def stand_ins(workflow: str) -> list[str]:
    """Return the options that replace actions, for the versions that a workflow uses."""
    options = []
    for action in sorted(set(re.findall(r"uses: (\S+@\S+)", workflow))):
        folder = HERE / action.partition("@")[0].split("/")[1]
        if folder.is_dir():
            options += ["--local-repository", f"{action}={folder}"]
    return options


def expected_jobs(workflow: str, event: str) -> set[str]:
    """Return the jobs that must run and succeed."""
    jobs = re.split(r"^jobs:\n", workflow, flags=re.MULTILINE)[1]
    blocks = re.findall(r"^  ([\w-]+):\n((?:    .*\n|\n)+)", jobs, re.MULTILINE)
    needs_push = "if: github.event_name == 'push'"
    return {name for name, block in blocks if event == "push" or needs_push not in block}


def run(path: Path, folder: Path, scratch: Path) -> bool:
    """Run one workflow.

    Args:
        path: The workflow.
        folder: Where what it makes is kept.
        scratch: Where act copies this project to, once for each job.

    Returns:
        Whether every job succeeded. act itself counts a job that it left out as no failure.
    """
    workflow = path.read_text("utf-8")
    tag = output("git", "describe", "--exact-match", "--match", "v*")
    if path.stem == "release":
        event, ref = (
            ("push", f"refs/tags/{tag}") if tag else ("workflow_dispatch", "refs/heads/main")
        )
    else:
        event, ref = "push", "refs/heads/main"
    payload = folder / "event.json"
    repository = {"name": "rehearsal", "full_name": "local/rehearsal", "default_branch": "main"}
    payload.write_text(json.dumps({"ref": ref, "repository": repository}), "utf-8")
    command = ["act", event, "--json", "--workflows", str(path), "--eventpath", str(payload)]
    command += [f"--platform={RUNNER}=-self-hosted", f"--matrix=os:{RUNNER}", *stand_ins(workflow)]
    command += [f"--action-cache-path={scratch}", "--no-cache-server"]
    command += ["--secret=GITHUB_TOKEN=none"]  # otherwise act asks gh for yours
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(HERE / "bin"), os.environ["PATH"]]),
        "REHEARSAL": str(folder),
        "REHEARSED_PLATFORMS": " ".join(platforms()),
    }
    environment.pop("VIRTUAL_ENV", None)
    results: dict[str, set[str]] = {}
    with subprocess.Popen(
        command, env=environment, encoding="utf-8", stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        for line in process.stdout or ():
            try:
                record = json.loads(line)
            except ValueError:
                print(line, end="", flush=True)
                continue
            if not record["msg"].startswith("LocalRepositoryCache"):
                print(f"[{record.get('job', 'act')}] {record['msg'].rstrip()}", flush=True)
            if "jobResult" in record:
                results.setdefault(record["jobID"], set()).add(record["jobResult"])
    expected = expected_jobs(workflow, event)
    print(f"\n{path.name}, {event} {ref}:")
    for job in sorted(expected | results.keys()):
        result = " ".join(sorted(results.get(job, {"skipped"})))
        print(f"  {job}: {result}" + ("" if job in expected else " (not expected)"))
    return process.returncode == 0 and all(results.get(job) == {"success"} for job in expected)


def platforms() -> set[str]:
    """Return the platforms that this machine builds wheels for, such as `manylinux_x86_64`."""
    uv = os.environ.get("UV", "uv")
    listed = output(
        uv,
        "run",
        "--locked",
        "--only-group",
        "release",
        "cibuildwheel",
        "--print-build-identifiers",
    )
    return {identifier.partition("-")[2] for identifier in listed.split()}


def main() -> int:
    """Run the workflows that were named, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workflows", nargs="*", default=["ci", "release"], help="such as `release`")
    parser.add_argument("--keep", type=Path, help="folder for what the workflows make")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        scratch = Path(name).resolve()
        folder = (arguments.keep or scratch / "kept").resolve()
        folder.mkdir(parents=True, exist_ok=True)
        for workflow in arguments.workflows:
            if not run(WORKFLOWS / f"{workflow}.yml", folder, scratch):
                print(f"\nThe rehearsal of {workflow} failed.")
                return 1
    print("\nEvery job succeeded; nothing was published.")
    return 0


if __name__ == "__main__":
    sys.exit(main())

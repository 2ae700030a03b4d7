"""Runs single steps of a rendered workflow, as a runner would: with bash, and nothing of ours on PATH."""

import copy
import functools
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from project import Project
from rehearsal.bare import Bare


def jobs(project: Project, workflow: str) -> dict[str, Any]:
    """Return the jobs of a workflow, to be changed at will."""
    return copy.deepcopy(_jobs(project.read(f".github/workflows/{workflow}.yml")))


@functools.cache
def _jobs(workflow: str) -> dict[str, Any]:
    loaded = yaml.safe_load(workflow)
    for job in loaded["jobs"].values():
        for step in job["steps"]:
            step.setdefault("shell", loaded.get("defaults", {}).get("run", {}).get("shell"))
    return dict(loaded["jobs"])


def shell(step: Mapping[str, Any]) -> list[str]:
    """Return how a runner on Linux starts the shell of a step: an unnamed one sees no failure in a pipe.

    https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
    """
    assert step["shell"] in ("bash", None)
    strict = ["--noprofile", "--norc", "-e", "-o", "pipefail"]
    return ["bash", *(strict if step["shell"] else ["-e"]), "-c", step["run"]]


def step(project: Project, workflow: str, job: str, name: str) -> dict[str, Any]:
    """Return the only step of a job whose name, command or action begins like this."""
    keys = ("name", "run", "uses")
    found = [
        step
        for step in jobs(project, workflow)[job]["steps"]
        if any(str(step.get(key, "")).startswith(name) for key in keys)
    ]
    assert len(found) == 1, (job, name)
    return dict(found[0])


def run_step(
    step: Mapping[str, Any],
    folder: Path,
    bare: Bare,
    *path: Path,
    context: Mapping[str, str],
    **offered: Any,
) -> subprocess.CompletedProcess[str]:
    """Run the script of a step.

    Args:
        step: The step.
        folder: Where the job is.
        bare: The machine.
        *path: Folders that come first on PATH.
        context: Values of the expressions in the step's `env`, such as `github.ref_name`.
        **offered: What else PATH offers, see `Bare.path`.

    Returns:
        The finished process; its `stdout` holds both streams.
    """
    variables = {
        name: context[re.fullmatch(r"\$\{\{ (.+) \}\}", str(value))[1]]  # type: ignore[index]
        for name, value in step.get("env", {}).items()
    }
    assert "${{" not in step["run"]
    return subprocess.run(
        shell(step),
        cwd=folder,
        env={
            **bare.environment(*path, **offered),
            "GITHUB_OUTPUT": os.devnull,
            "GITHUB_SHA": "1" * 40,
            **variables,
        }
        | {name: context[name] for name in ("GITHUB_OUTPUT",) if name in context},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

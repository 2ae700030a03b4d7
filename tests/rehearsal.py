"""Runs workflows of a generated project with its own `rehearse.py`, whole or in part."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import pythons
from project import Project, run


@dataclass
class Rehearsal:
    """What a rehearsal printed and kept."""

    folder: Path
    output: str = ""
    jobs: dict[str, str] = field(default_factory=dict)

    @property
    def published(self) -> list[str]:
        """The names of the files on the page of the release."""
        return sorted(file.name for file in self.folder.glob("release/*"))


def rehearse(
    project: Project, folder: Path, *workflows: str, env: Mapping[str, str] | None = None
) -> Rehearsal:
    """Run `rehearse.py`, and read the results of the jobs that it lists at the end."""
    result = project.run(
        "python", ".github/rehearsal/rehearse.py", *workflows, f"--keep={folder}",
        env={"PATH": path_with_pythons(), **(env or {})},
        check=False,
    )  # fmt: skip
    rehearsal = Rehearsal(folder, result.stdout)
    for line in result.stdout.rpartition(":\n  ")[2].splitlines():
        name, _, outcome = line.strip().partition(": ")
        if outcome.split(" ")[0] in {"success", "failure", "skipped"}:
            rehearsal.jobs[name] = outcome
    failed = any(outcome != "success" for outcome in rehearsal.jobs.values())
    assert (result.returncode != 0) == (failed or not rehearsal.jobs), result.stdout
    return rehearsal


def path_with_pythons() -> str:
    """Return a PATH on which uv finds every Python of this machine."""
    folders = [str(path.parent) for path in pythons.find_all().values()]
    return os.pathsep.join([os.environ["PATH"], *folders])


def keep_jobs(project: Project, *names: str) -> None:
    """Cut the release workflow down to some jobs; they need what the jobs between them needed."""
    path = project.path / ".github/workflows/release.yml"
    head, text = path.read_text("utf-8").split("\njobs:\n")
    _, *parts = re.split(r"^  (\w+):\n", text, flags=re.MULTILINE)
    jobs = dict(zip(parts[::2], parts[1::2], strict=True))

    def needs(name: str) -> set[str]:
        line = re.search(r"^    needs: (.+)\n", jobs[name], re.MULTILINE)
        direct = set(re.findall(r"\w+", line[1])) if line else set()
        return {kept for need in direct for kept in ({need} if need in names else needs(need))}

    kept = ""
    for name in names:
        job = re.sub(r"^    needs: .+\n", "", jobs[name], flags=re.MULTILINE)
        kept += f"  {name}:\n    needs: [{', '.join(sorted(needs(name)))}]\n{job}"
    path.write_text(f"{head}\njobs:\n{kept}", "utf-8")


@contextmanager
def package_index(folder: Path) -> Iterator[str]:
    """Serve a folder as a package index on the loopback interface, and yield its address."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "pypi-server",
        "run",
        "--interface=127.0.0.1",
        f"--port={port}",
        "--disable-fallback",
    ]
    command += ["--authenticate=.", "--passwords=.", str(folder)]
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


def upload_to(index: str) -> dict[str, str]:
    """Return what tells the stand-in for publishing on PyPI where to upload."""
    return {"TWINE_REPOSITORY_URL": index, "TWINE_USERNAME": "-", "TWINE_PASSWORD": "-"}


def requires(*tools: str) -> None:
    """Skip a test where a tool is missing, but not in CI."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{' and '.join(missing)} not found")


def clean_environment(python: Path, folder: Path) -> Path:
    """Make a virtual environment and return its Python."""
    run("uv", "venv", "--quiet", "--seed", f"--python={python}", folder, cwd=folder.parent)
    return folder / "bin/python"

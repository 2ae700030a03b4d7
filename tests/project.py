"""A generated project, and how tests use it."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".venv" / "uv-only"


def outside() -> dict[str, str]:
    """Return the variables of this process, without those of the `make` and pytest that run it."""
    own = ("MAKE", "MFLAGS", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def run(
    *command: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
) -> subprocess.CompletedProcess[str]:
    """Run a command; when it fails, the error holds all that it printed.

    Args:
        command: The program and its arguments.
        cwd: Folder to run it in.
        env: Variables to set on top of the current ones.
        check: Whether an exit status other than 0 is an error.

    Returns:
        The finished process; its `stdout` holds both streams.
    """
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**outside(), **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if check and result.returncode:
        raise AssertionError(
            f"{' '.join(map(str, command))}\nexit status {result.returncode}\n{result.stdout}"
        )
    return result


def user_path(*, rust: bool = True, uv: bool = True) -> str:
    """Return PATH as a user has it, without the tools of this repository's environment.

    Args:
        rust: Whether the folders with a Rust compiler stay.
        uv: Whether uv is there, taken from this repository's environment.
    """
    hidden = ["copier", *(() if rust else ("cargo", "rustc"))]
    folders = [
        folder
        for folder in os.environ["PATH"].split(os.pathsep)
        if not any(shutil.which(tool, path=folder) for tool in hidden)
    ]
    if uv:
        folders.insert(0, str(TOOLS))
    return os.pathsep.join(folders)


@dataclass
class Project:
    """A folder made by `copier copy`."""

    path: Path
    answers: dict[str, Any] = field(default_factory=dict)

    def run(self, *command: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the project; see `run`."""
        return run(*command, cwd=self.path, **kwargs)

    def make(self, verb: str, **kwargs: Any) -> str:
        """Run verbs of the Makefile as a user would, and return what they printed."""
        env = {"PATH": user_path(), **kwargs.pop("env", {})}
        return self.run("make", *verb.split(), env=env, **kwargs).stdout

    def git(self, *arguments: str) -> str:
        """Run Git and return what it printed."""
        return self.run("git", *arguments).stdout

    def commit(self, message: str = "feat: start the project") -> None:
        """Make the folder a Git repository if it is none, and commit everything in it."""
        if not (self.path / ".git").exists():
            self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--no-verify", f"--message={message}")

    def read(self, name: str) -> str:
        """Return the text of a file, by its path in the project."""
        return (self.path / name).read_text("utf-8")

    def copy(self, destination: Path) -> "Project":
        """Copy the folder, so that a test may change it."""
        shutil.copytree(self.path, destination, symlinks=True)
        return Project(destination, self.answers)

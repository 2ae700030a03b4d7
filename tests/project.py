"""A generated project, and how tests use it: on a machine that holds nothing of this repository."""

import atexit
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import pythons
from rehearsal.bare import ROOT, Bare

SETTINGS = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
FEATURES = list(SETTINGS["features"]["choices"].values())  # all that can be chosen
KEPT: dict[str, str] = {}  # variables of the fixture `kept_builds`
# Compiles a release build faster, where it is not what is tested.
NOT_OPTIMIZED = {
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
}
# Newer Gits tidy up in the background, while tests copy the folder.
IDENTITY = (
    "[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n[maintenance]\n\tauto = false\n"
)
# What PyPI says of its answers, and proxies may leave out: without it, uv asks again for each of 150 packages.
PYPI = re.search(
    r"https://\S+/simple(?=/)",
    (ROOT / "template/.github/workflows/release.yml.jinja").read_text("utf-8"),
)
assert PYPI
UV_SETTINGS = f"""\
[[index]]
url = "{PYPI[0]}"
default = true
cache-control = {{ api = "max-age=600", files = "max-age=365000000, immutable" }}
"""

__all__ = [
    "FEATURES",
    "IDENTITY",
    "KEPT",
    "NOT_OPTIMIZED",
    "ROOT",
    "SETTINGS",
    "UV_SETTINGS",
    "Project",
    "bare",
    "home_with",
    "outside",
    "run",
    "settings_at_home",
    "user",
    "user_path",
    "user_with_targets",
]


def outside() -> dict[str, str]:
    """Return the variables of this process, without those of the `make` and pytest that run it."""
    own = ("MAKE", "MFLAGS", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


@cache
def bare() -> Bare:
    """Return the bare machine that all tests of this process share."""
    folder = Path(tempfile.mkdtemp(prefix="bare-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Bare(folder, pythons.find_all())


def user_path(**offered: bool) -> str:
    """Return PATH as a user has it; see `Bare.path`."""
    return bare().path(**offered)


def user(**offered: bool) -> dict[str, str]:
    """Return all variables of a user, whose home is empty but for the name that Git needs and PyPI's rules."""
    home = bare().folder / "user"
    if not home.exists():
        bare().home(home)
        (home / ".gitconfig").write_text(IDENTITY)
        (home / ".config/uv").mkdir(parents=True)
        (home / ".config/uv/uv.toml").write_text(UV_SETTINGS)
    return {**bare().environment(home=home, **offered), **KEPT}


def home_with(files: Mapping[str, str], home: Path) -> dict[str, str]:
    """Copy the user's home, write files into the copy, and return the variable that leads there."""
    shutil.copytree(user()["HOME"], home, symlinks=True)
    for name, text in files.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    return {"HOME": str(home)}


@contextmanager
def settings_at_home(files: Mapping[str, str]) -> Iterator[None]:
    """Write files into the user's home for a while.

    Unlike a copy, it keeps its path, without which Cargo would compile all crates again.
    """
    home = Path(user()["HOME"])
    before = {name: (home / name).read_text() for name in files if (home / name).exists()}
    try:
        for name, text in files.items():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            (home / name).write_text(text)
        yield
    finally:
        for name in files:
            (home / name).unlink(missing_ok=True)
        for name, text in before.items():
            (home / name).write_text(text)


def user_with_targets() -> dict[str, str]:
    """Return the same, where Cargo puts what it has built into `crates/target`, whatever else tests share."""
    variables = dict(user())
    if target := variables.pop("CARGO_TARGET_DIR", None):
        # https://doc.rust-lang.org/cargo/reference/config.html#buildbuild-dir
        variables["CARGO_BUILD_BUILD_DIR"] = target
    return variables


def run(
    *command: str | Path,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    base: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command; when it fails, the error holds all that it printed.

    Args:
        command: The program and its arguments.
        cwd: Folder to run it in.
        env: Variables to set on top of the base.
        check: Whether an exit status other than 0 is an error.
        base: The other variables; those of this process if None.

    Returns:
        The finished process; its `stdout` holds both streams.
    """
    variables = {**(outside() if base is None else base), **(env or {})}
    program = shutil.which(command[0], path=variables["PATH"]) or command[0]
    result = subprocess.run(
        [str(part) for part in (program, *command[1:])],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        timeout=1200,  # what hangs fails
        check=False,
    )
    if check and result.returncode:
        raise AssertionError(
            f"{' '.join(map(str, command))}\nexit status {result.returncode}\n{result.stdout}"
        )
    return result


@dataclass
class Project:
    """A folder made by `copier copy`."""

    path: Path
    answers: dict[str, Any] = field(default_factory=dict)

    def run(self, *command: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run a command in the project as its owner would; see `run`."""
        return run(*command, cwd=self.path, **{"base": user(), **kwargs})

    def tool(self, *command: str | Path, **kwargs: Any) -> subprocess.CompletedProcess[str]:
        """Run a tool of this repository in the project, which looks at it from outside; see `run`."""
        return self.run(*command, **{"base": outside(), **kwargs})

    def make(self, task: str, **kwargs: Any) -> str:
        """Run tasks of the Makefile, and return what they printed."""
        return self.run("make", *task.split(), **kwargs).stdout

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

"""Finds the CPython interpreters of this machine; run as a program, it adds those that are missing."""

import contextlib
import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST_MINOR = 11
# The template's own ceiling, so that a new Python is added in one place.
_SETTINGS = (ROOT / "copier.yml").read_text("utf-8")
NEWEST_MINOR = int(re.findall(r"newest_minor:\n.*\n  default: (\d+)", _SETTINGS)[0])
SUPPORTED = [f"3.{minor}" for minor in range(OLDEST_MINOR, NEWEST_MINOR + 1)]

# Of the oldest minor version a patch as old as Debian 12's, 3.11.2; uv has this one.
EARLY = f"3.{OLDEST_MINOR}.1"
_EARLY_PATCHES = ("1", "2", "3")

UV = str(Path(sys.executable).with_name("uv"))

_PROBE = (
    "import platform, sys, sysconfig;"
    "print(platform.python_implementation(), *sys.version_info[:2],"
    "      sysconfig.get_config_var('Py_GIL_DISABLED') or 0, sys.prefix == sys.base_prefix,"
    "      sys.version_info[2])"
)


@functools.cache
def find(version: str) -> Path | None:
    """Find an interpreter.

    Args:
        version: Major and minor version, such as `3.14`.

    Returns:
        Path of a CPython with a GIL, outside of virtual environments, or None.
    """
    return next((path for path, _ in _found(version)), None)


@functools.cache
def find_early() -> Path | None:
    """Find an interpreter of the oldest minor version at one of its first patch levels."""
    found = (path for path, patch in _found(EARLY) if patch in _EARLY_PATCHES)
    return next(found, None)


def _found(version: str) -> Iterator[tuple[Path, str]]:
    """List interpreters of a minor version with their patch levels."""
    _, minor = version.split(".")[:2]
    for candidate in _candidates(version):
        probe = subprocess.run([candidate, "-c", _PROBE], capture_output=True, text=True)
        *what, patch = probe.stdout.split() or [""]
        if what == ["CPython", "3", minor, "0", "True"]:
            yield candidate, patch


def find_all() -> dict[str, Path]:
    """Find the interpreters of all supported versions, oldest first.

    Returns:
        A path for each version that this machine has.
    """
    return {version: path for version in SUPPORTED if (path := find(version))}


def add_missing() -> None:
    """Let uv download the missing versions for this user, if it can within five minutes."""
    missing = [version for version in SUPPORTED if not find(version)]
    if not find_early():
        missing.append(EARLY)
    if not missing:
        return
    print(f"Asking uv for Python {', '.join(missing)}", flush=True)
    # One retry is soon over where downloads are out of reach.
    env = {"UV_HTTP_RETRIES": "1", **os.environ}
    with contextlib.suppress(subprocess.TimeoutExpired):
        command = [UV, "python", "install", "--no-bin", *missing]
        subprocess.run(command, capture_output=True, cwd="/", env=env, timeout=300)
    find.cache_clear()
    find_early.cache_clear()


def _candidates(version: str) -> Iterator[Path]:
    minor = ".".join(version.split(".")[:2])
    for folder in os.environ["PATH"].split(os.pathsep):
        if found := shutil.which(f"python{minor}", path=folder):
            yield Path(found)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{minor}.*/bin/python{minor}"))
    # From another folder, and without this environment's own Python: only what is installed for all.
    command = [UV, "python", "find", "--no-project", "--managed-python", version]
    found = subprocess.run(command, capture_output=True, text=True, cwd="/").stdout.strip()
    if found:
        yield Path(found)


if __name__ == "__main__":
    add_missing()

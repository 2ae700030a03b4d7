"""Renders a project, builds its abi3 wheel and uses it on every CPython of this machine, without Rust."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import pythons

ROOT = Path(__file__).parents[1]
USE = """
import shutil
from demo import add_in_rust, count_close_pairs
points = [(0.1 * i, 0.0) for i in range(2000)]
print(f"add_in_rust(40, 2) = {add_in_rust(40, 2)}, "
      f"count_close_pairs(2000 points, radius=1) = {count_close_pairs(points, 1)}, "
      f"Rust compiler: {shutil.which('cargo') or 'none'}")
"""


def path_without_rust() -> str:
    """Return PATH less the folders that hold a Rust compiler."""
    folders = os.environ["PATH"].split(os.pathsep)
    tools = ("cargo", "rustc")
    kept = [f for f in folders if not any(shutil.which(tool, path=f) for tool in tools)]
    path = os.pathsep.join(kept)
    assert not any(shutil.which(tool, path=path) for tool in tools)
    return path


def step(what: str, *command: str | Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command while a dot a second shows that it is alive.

    Args:
        what: What the command does, for people.
        command: The program and its arguments.
        env: All variables of the command; by default those of this process.

    Returns:
        What the command printed.

    Raises:
        SystemExit: The command failed; its output is shown.
    """
    print(f"{what} ", end="", flush=True)
    start = time.monotonic()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
        while True:
            try:
                status = process.wait(timeout=1)
                break
            except subprocess.TimeoutExpired:
                print(".", end="", flush=True)
        print(f" {time.monotonic() - start:.1f} s", flush=True)
        output.seek(0)
        printed = output.read()
    if status:
        sys.exit(f"{printed}\nFailed with exit status {status}: {' '.join(map(str, command))}")
    return printed


def main() -> None:
    """Run the demonstration in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="copier-pyo3-demo-") as scratch:
        project, dist = Path(scratch, "demo"), Path(scratch, "dist")
        pythons.add_missing()
        found = pythons.find_all()
        # Whichever Python builds the wheel, it runs on all of them; the oldest is the usual choice.
        oldest, *_ = found.values()
        # HEAD, for the files as they are here; without it Copier takes the newest release.
        render = ["copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref=HEAD"]
        step("Rendering a project", *render, ROOT, project)
        build: list[str | Path] = ["uv", "build", "--python", oldest, "--out-dir", dist]
        step("Building its source distribution", *build, "--sdist", project)
        (sdist,) = dist.glob("*.tar.gz")
        step("Building its wheel from that", *build, "--wheel", sdist)
        (wheel,) = dist.glob("*.whl")
        print(f"\n{wheel.name}, {wheel.stat().st_size / 1000:.0f} kB\n")

        env = {**os.environ, "PATH": path_without_rust()}
        uv = shutil.which("uv") or "uv"
        for version, python in found.items():
            environment = Path(scratch, version)
            interpreter = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
            step(f"Python {version}: environment", uv, "venv", "--python", python, environment)
            install: list[str | Path] = [
                uv,
                "pip",
                "install",
                "--no-index",
                "--python",
                interpreter,
                wheel,
            ]
            step(f"Python {version}: install without Rust", *install, env=env)
            printed = step(f"Python {version}: use", interpreter, "-c", USE, env=env)
            print(f"    {printed.strip()}")

    missing = [version for version in pythons.SUPPORTED if version not in found]
    print(f"\nOne wheel, built once, ran on Python {', '.join(found)}.")
    if missing:
        print(f"Neither found nor downloaded, so not shown: Python {', '.join(missing)}.")


if __name__ == "__main__":
    main()

"""What tests need beyond Git, make, Python and Rust, and the line that tells what was left out.

A test or a fixture calls `need("engine")`. Where the machine lacks that, the test is left out, and the run ends
with one line that counts such tests and says how to get what they need. With LEAVE_NOTHING_OUT=1, as in CI, they
fail instead. A test that is skipped in any other way fails.
"""

import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

import pythons


@dataclass(frozen=True)
class Need:
    """Something that not every machine has; `{}` in its texts stands for a version."""

    what: str
    how_to_get: str
    find: Callable[[str], str | Path | None]


def need(name: str) -> str:
    """Leave the test out where the machine lacks something.

    Args:
        name: A key of `NEEDS`, for Python with the version: `python3.14`.

    Returns:
        The path of the program that was found.
    """
    if found := _find(name):
        return found
    if os.environ.get("LEAVE_NOTHING_OUT"):
        pytest.fail(f"Missing: {_describe([name])}", pytrace=False)
    pytest.skip(f"needs {name}")


@functools.cache
def _find(name: str) -> str | None:
    kind, version = _split(name)
    found = NEEDS[kind].find(version)
    return str(found) if found else None


def _split(name: str) -> tuple[str, str]:
    kind = name.rstrip(".0123456789")
    return kind, name.removeprefix(kind)


def _works(*command: str | Path, seconds: int, text: str = "") -> bool:
    try:
        process = subprocess.run(
            command, input=text, text=True, capture_output=True, timeout=seconds
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return process.returncode == 0


def _engine(_: str) -> str | None:
    """Find the engine that `make container` takes, if it runs a command in the base image."""
    engine = shutil.which("podman") or shutil.which("docker")
    if not engine or not _works(engine, "info", seconds=20):
        return None
    containerfile = (pythons.ROOT / "template/Containerfile.jinja").read_text("utf-8")
    base = re.findall(r"^ARG BASE=.*$", containerfile, re.MULTILINE)[0]
    arguments = os.environ.get("CONTAINER_ARGS", "").split()
    with tempfile.TemporaryDirectory() as empty:
        build = [engine, "build", *arguments, "--file=-", empty]
        # Long enough to fetch the image.
        works = _works(*build, seconds=600, text=f"{base}\nFROM ${{BASE}}\nRUN true\n")
    return engine if works else None


BUNDLED = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""


def _chromium(_: str) -> str | None:
    """Find a Chromium or Chrome that opens a page; Playwright's own will do."""
    names = ("chromium", "chromium-browser", "google-chrome")
    programs = [found for name in names if (found := shutil.which(name))]
    # In a process of its own: Playwright may be running in this one.
    ask = subprocess.run((sys.executable, "-c", BUNDLED), text=True, capture_output=True)
    programs += ask.stdout.split("\n")[:-1]
    for program in programs:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            options = ("--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}")
            if _works(program, *options, "--dump-dom", "about:blank", seconds=60):
                return program
    return None


def _llvm_cov(_: str) -> str | None:
    """Find cargo-llvm-cov, if the tools of LLVM that it calls are there: Rust's, or others that its variables name."""
    program, rustc = shutil.which("cargo-llvm-cov"), shutil.which("rustc")
    if not program or not rustc:
        return None
    ask = subprocess.run((rustc, "--print", "target-libdir"), text=True, capture_output=True)
    tool = os.environ.get("LLVM_COV") or Path(ask.stdout.strip(), "../bin/llvm-cov").resolve()
    return program if _works(tool, "--version", seconds=20) else None


NEEDS = {
    "engine": Need(
        "a container engine that works", "podman, or docker with its daemon running", _engine
    ),
    "chromium": Need("Chromium", "apt install chromium", _chromium),
    "early-python": Need(
        f"an early CPython 3.{pythons.OLDEST_MINOR}",
        f"uv python install {pythons.EARLY}",
        lambda _: pythons.find_early(),
    ),
    "llvm-cov": Need(
        "cargo-llvm-cov",
        "cargo install cargo-llvm-cov && rustup component add llvm-tools",
        _llvm_cov,
    ),
    "rustup": Need("rustup", "https://rustup.rs", lambda _: shutil.which("rustup")),
    "python": Need("CPython {}", "uv python install {}", pythons.find),
}


def _describe(names: list[str]) -> str:
    kind, _ = _split(names[0])
    versions = sorted(_split(name)[1] for name in names)
    what = NEEDS[kind].what.format(", ".join(versions))
    return f"{what} ({NEEDS[kind].how_to_get.format(' '.join(versions))})"


def _reason(report: pytest.TestReport | pytest.CollectReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else ""


def _needed_by(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    """Return what a skipped test needs, or None if it was not `need` that skipped it."""
    _, needs, name = _reason(report).partition("Skipped: needs ")
    return name if needs and _split(name)[0] in NEEDS else None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test be skipped but by `need`."""
    report = yield
    _refuse_to_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Let no file be skipped but by `need`."""
    report = yield
    _refuse_to_skip(report)
    return report


def _refuse_to_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail") and not _needed_by(report):
        report.outcome = "failed"
        report.longrepr = f"{_reason(report)}: only `need` of tests/needs.py leaves tests out"


class Tally:
    """Counts the tests of a run, in all of its processes."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.tests: set[str] = set()
        self.left_out: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of a test."""
        self.tests.add(report.nodeid)
        if report.skipped and (name := _needed_by(report)):
            self.left_out[name].add(report.nodeid)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_sessionfinish(self) -> Generator[None, None, None]:
        """Print the closing line, after all that pytest prints."""
        yield
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if self.left_out and reporter:
            reporter.write_line(self.closing_line())

    def closing_line(self) -> str:
        """Say how many tests were left out, and for want of what."""
        kinds: dict[str, list[str]] = defaultdict(list)
        for name in self.left_out:
            kinds[_split(name)[0]].append(name)
        missing = []
        for names in kinds.values():
            number = len(set().union(*(self.left_out[name] for name in names)))
            missing.append(f"{_describe(names)}, needed by {number}")
        number = len(set().union(*self.left_out.values()))
        return f"Left out: {number} of {len(self.tests)} tests. Missing: {'; '.join(missing)}."


def pytest_configure(config: pytest.Config) -> None:
    """Count in the process that reports, not in those that pytest-xdist starts."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(config))

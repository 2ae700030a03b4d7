"""A test that the machine cannot run is left out, and never silently."""

import os
import sys
from pathlib import Path

import pytest

import pythons
from needs import NEEDS
from project import ROOT

CONFTEST = f"""
import sys
sys.path += [{str(ROOT / "tests")!r}, {str(ROOT / "scripts")!r}]
pytest_plugins = ["needs"]
"""
# No machine has a Python 3.2 or 3.1 that `pythons` would find.
SAMPLE = """
import pytest
from hypothesis import given, strategies as st
from needs import need

@pytest.fixture(scope="session")
def newer():
    return need("python3.2")

@pytest.mark.parametrize("number", range(2))
def test_fixture(newer, number): pass

@given(st.integers())
def test_property(number): need("python3.1")

def test_runs(): pass
"""
LAST = "Left out: 3 of 4 tests. Missing: CPython 3.1, 3.2 (uv python install 3.1 3.2), needed by 3."


@pytest.mark.slow
def test_closing_line_counts_what_is_left_out(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LEAVE_NOTHING_OUT", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SAMPLE)
    for processes in ("0", "2"):
        result = pytester.runpytest_subprocess(f"--numprocesses={processes}")
        assert result.ret == 0
        assert result.outlines[-1] == LAST
        assert result.stdout.str().count("Left out: ") == 1


@pytest.mark.slow
def test_nothing_is_left_out_where_all_must_run(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAVE_NOTHING_OUT", "1")
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(SAMPLE)
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(passed=1, failed=1, errors=2)
    result.stdout.fnmatch_lines("Missing: CPython 3.1 (uv python install 3.1)")


@pytest.mark.slow
def test_no_test_is_skipped_otherwise(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(
        test_file="import pytest\npytest.skip('not today', allow_module_level=True)",
        test_import="import pytest\npytest.importorskip('no_such_module')",
        test_mark="import pytest\n@pytest.mark.skipif(True, reason='x')\ndef test_it(): pass",
        test_call="import pytest\ndef test_it(): pytest.skip('needs')",
    )
    # The short summary repeats the reasons, whole where the variable CI is set.
    result = pytester.runpytest_subprocess("--continue-on-collection-errors", "-rN")
    result.assert_outcomes(failed=1, errors=3)
    assert result.stdout.str().count(": only `need` of tests/needs.py leaves tests out") == 4


@pytest.mark.parametrize(
    ("name", "program", "script", "works"),
    [
        ("engine", "docker", "exit 1", False),  # the daemon is not there
        ("engine", "docker", "test $1 = info", False),  # no image can be had
        ("engine", "docker", "test $1 != info", False),
        ("engine", "docker", "exit 0", True),
        ("chromium", "chromium-browser", "echo Install the snap >&2; exit 1", False),
        ("chromium", "chromium", "case $* in *about:blank) ;; *) exit 1 ;; esac", True),
        ("chromium", "google-chrome", "exit 0", True),
    ],
)
def test_program_counts_only_if_it_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    program: str,
    script: str,
    works: bool,
) -> None:
    path = tmp_path / program
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    assert NEEDS[name].find("") == (str(path) if works else None)


@pytest.mark.parametrize(
    ("printed", "counts"),
    [
        ("CPython 3 11 0 True 9", True),
        ("PyPy 3 11 0 True 9", False),
        ("CPython 3 11 1 True 9", False),  # without a GIL
        ("CPython 3 11 0 False 9", False),  # of an environment
        ("CPython 3 12 0 True 9", False),
    ],
)
def test_python_counts_only_if_wheels_are_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, printed: str, counts: bool
) -> None:
    path = tmp_path / "python3.11"
    path.write_text(f"#!/bin/sh\necho {printed}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert (pythons.find.__wrapped__("3.11") == path) == counts


# Finds what it has installed before, and remembers what it was asked for.
INSTALLER = """
import sys
from pathlib import Path

command, folder = sys.argv[1:], Path(__file__).parent
if command[1] == "find":
    with (folder / "asked").open("a") as asked:
        print(*command[:-1], file=asked)
    if (folder / command[-1]).exists():
        print(folder / command[-1])
else:
    (folder / "called").write_text(" ".join(command))
    for version in command[3:]:
        minor = version.split(".")[1]
        (folder / version).write_text(f"#!/bin/sh\\necho CPython 3 {minor} 0 True 1\\n")
        (folder / version).chmod(0o755)
"""


def test_pythons_that_are_missing_are_had_from_uv(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a change to what the user finds on PATH."""
    has, uv = tmp_path / "python3.11", tmp_path / "uv"
    has.write_text("#!/bin/sh\necho CPython 3 11 0 True 9\n")
    uv.write_text(f"#!{sys.executable}\n{INSTALLER}")
    for program in (has, uv):
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.setattr(pythons, "UV", str(uv))
    found = pythons.find, pythons.find_early
    for cached in found:
        cached.cache_clear()
    try:
        assert [*pythons.find_all()] == ["3.11"]
        pythons.add_missing()
        missing = [*pythons.SUPPORTED[1:], pythons.EARLY]
        called = (tmp_path / "called").read_text().split()
        assert called == ["python", "install", "--no-bin", *missing]
        there = {version: tmp_path / version for version in pythons.SUPPORTED[1:]}
        assert pythons.find_all() == {"3.11": has, **there}
        assert pythons.find_early() == tmp_path / pythons.EARLY
        asked = set((tmp_path / "asked").read_text().splitlines())
        assert asked == {"python find --no-project --managed-python"}
        (tmp_path / "called").unlink()
        pythons.add_missing()
        assert not (tmp_path / "called").exists()
    finally:
        for cached in found:
            cached.cache_clear()


def test_readme_names_what_a_machine_may_lack() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for need in NEEDS.values():
        assert f"({need.how_to_get.format('3.14 3.15')})" in readme.replace("`", "")

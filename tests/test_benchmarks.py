"""The benchmark of a generated project measures a release build and nothing else; ours writes its table."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

import benchmark
from benchmark import COOKIE, EMPTY, END, MATURIN, OURS, SPECIFIC, START, STATIC, UV, Row
from conftest import Render
from project import ROOT, Project, run, user_path

FLOORS = ((EMPTY, 1.2), (STATIC, None))
ROWS = [
    Row(
        "create",
        "s",
        {OURS: 1.0, MATURIN: 0.25, UV: 0.5, COOKIE: 2.0, EMPTY: 0.8, STATIC: 0.9},
        FLOORS,
    ),
    Row("wheel", "kB", {OURS: 200.0, MATURIN: 300.0, UV: 100.0, COOKIE: 1.0}, (("", 215),)),
    Row(
        "call",
        "ns",
        {OURS: 40.0, MATURIN: 40.0, UV: 80.0, COOKIE: 1.0, SPECIFIC: 38.0},
        ((SPECIFIC, 1.05),),
    ),
    Row("only <here> & `there`", "s", {OURS: 1.0}),
    Row("R&D", "s", dict.fromkeys((OURS, MATURIN, UV, COOKIE), 1.0)),
]
QUICK = "--benchmark-min-rounds=1 --benchmark-max-time=0.05"


@pytest.fixture(scope="module")
def project(render: Render, kept_builds: None) -> Project:
    project = render(project_name="Fast Math", features=["benchmarks", "numpy"])
    project.git("init", "--quiet")
    project.make("init")
    project.commit()
    return project


@pytest.mark.slow
def test_benchmark_compares_the_two_on_a_release_build(project: Project) -> None:
    # NumPy's threads wait for each other where the processor is busy, as with tests that run beside this one.
    env = {"PYTEST_ADDOPTS": QUICK, "OPENBLAS_NUM_THREADS": "1"}
    own = "def test_own(benchmark):\n    benchmark(sum, [1, 2])\n"
    (project.path / "benchmarks/test_own.py").write_text(own)
    printed = project.run("make", "bench", "ARGS=-k 'not subtract_in_rust'", env=env).stdout
    assert "-- benchmark: 1 tests --" in printed
    one = project.run("make", "bench", "ARGS=benchmarks/test_own.py", env=env).stdout
    assert " 1 passed" in one
    (project.path / "benchmarks/test_own.py").unlink()
    benchmarks = (project.path / "benchmarks").rename(project.path / "elsewhere")
    missing = project.run("make", "bench", check=False)
    benchmarks.rename(project.path / "benchmarks")
    assert missing.returncode
    assert "not found: ./benchmarks" in missing.stdout
    assert "Traceback" not in missing.stdout
    tables = re.findall(r"-- benchmark '(.*)': 2 tests --", printed)
    rows = re.findall(r"^test_speed\[(.*)-(Python|NumPy|Rust)\] ", printed, re.MULTILINE)
    with_numpy = {"dot_in_rust", "exponential_average"}
    functions = {"add_in_rust", "concat_in_rust", "count_close_pairs"}
    assert {case.split(",")[0] for case in tables} == functions | with_numpy
    twins = {case: "NumPy" if case.split(",")[0] in with_numpy else "Python" for case in tables}
    assert sorted(rows) == sorted((c, language) for c in tables for language in (twins[c], "Rust"))
    much = r"^test_speed\[(.*, 1(?:00,000|,000 points))-(\w+)\] +[\d.,]+ \(1\.0\)"
    fastest = re.findall(much, printed, re.MULTILINE)
    assert dict(fastest) == {
        "dot_in_rust, 100,000": "NumPy",
        "exponential_average, 100,000": "Rust",
        "count_close_pairs, 1,000 points": "Rust",
    }
    assert project.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_earlier_measurements_can_be_compared(project: Project) -> None:
    """Also where there are none yet."""
    compare = f"ARGS={QUICK} --benchmark-compare --benchmark-storage=build/{{}} -k add_in_rust"
    printed = project.run("make", "bench", compare.format("none")).stdout
    assert "Can't compare. No benchmark files" in printed
    assert " 2 passed" in printed
    project.run("make", "bench", f"{compare.format('some')} --benchmark-save=first")
    printed = project.run("make", "bench", compare.format("some")).stdout
    assert re.search(r"^test_speed\[.*-Rust\] \(0001_first\) ", printed, re.MULTILINE)


@pytest.mark.slow
def test_debug_build_is_refused(project: Project) -> None:
    refused = project.run(
        "uv", "run", "--group=bench", "pytest", "benchmarks", env={"PATH": user_path()}, check=False
    )
    assert refused.returncode
    assert "A debug build is slow: `make bench` measures a release build." in refused.stdout


@pytest.mark.slow
def test_maturin_builds_the_project_for_the_comparison(project: Project) -> None:
    other = project.copy(project.path.with_name("maturin"))
    benchmark.use_maturin(other.path)
    develop = other.run(".venv/bin/maturin", "develop", "--quiet", check=False)
    assert not develop.returncode, develop.stdout


@pytest.mark.slow
def test_an_update_is_measured_beside_copiers_own() -> None:
    """Ours renders twice as often, so it takes longer."""
    printed = run(sys.executable, "scripts/bench_update.py", "1", cwd=ROOT).stdout
    seconds = {name: float(number) for name, number in re.findall(r"  (.+?) +([\d.]+) s", printed)}
    assert seconds["this template"] > 1.1 * seconds["Copier alone"]


def test_table_holds_ratios_and_limits() -> None:
    assert benchmark.quantity(0.0305, "s") == "30.5 ms"
    table = benchmark.as_table(ROWS)
    assert "| create | **1** (1 s) | 0.25 (0.25 s) | 0.50 (0.5 s) | 2.00 (2 s) |" in table
    assert "| create | an empty template | 1.2 | 1.25 | **missed** |" in table
    assert "| create | a static copy of the files |  | 1.111 |  |" in table
    assert "| wheel |  | 215 kB | 200 kB | met |" in table
    assert "| call | built for one Python | 1.05 | 1.053 | **missed** |" in table


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Title\n\n{START}\nstale\n{END}\n\nlast words\n")

    def written() -> dict[str, bytes]:
        benchmark.write(tmp_path, ROWS, "on some day on some machine")
        return {str(path): path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}

    once = written()
    assert once == written()
    text = readme.read_text("utf-8")
    assert text.startswith(f"# Title\n\n{START}\n")
    assert text.endswith(f"{END}\n\nlast words\n")
    assert "stale" not in text
    assert benchmark.as_table(ROWS) in text
    assert benchmark.as_table(ROWS) in (tmp_path / "docs/benchmark.md").read_text("utf-8")
    plot = ElementTree.parse(tmp_path / "docs/benchmark.svg")
    bars = plot.findall("{*}rect[@height='12']")
    assert [bar.get("width") for bar in bars[:4]] == ["170.0", "42.5", "85.0", "340.0"]
    assert len(bars) == 16, "four rows that others have too"


def test_readme_and_page_show_the_same_run() -> None:
    readme, page = ((ROOT / name).read_text("utf-8") for name in ("README.md", "docs/benchmark.md"))
    table = re.findall(r"^\|.*", readme.partition(START)[2].partition(END)[0], re.MULTILINE)
    assert len(table) > 10
    assert table == re.findall(r"^\|.*", page, re.MULTILINE)


@pytest.mark.parametrize(
    "text", ["", "no markers\n", f"{START} never closed\n", f"{END} {START}\n"]
)
def test_file_without_markers_stays(text: str) -> None:
    assert benchmark.between_markers(text, "block") == text

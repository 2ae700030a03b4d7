"""Measures a project of this template beside what one would start with instead, in one run.

Contenders take turns, and medians are compared, so that a busy machine is unfair to nobody. The result goes to
`docs/benchmark.md` and `docs/benchmark.svg`, and between the markers in `README.md`.
"""

import datetime
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pythons

ROOT = Path(__file__).parents[1]
OURS, MATURIN, UV, COOKIE = (
    "this template",
    "maturin new --mixed",
    "uv init",
    "scientific-python/cookie",
)
SHOWN = (OURS, MATURIN, UV, COOKIE)
COOKIE_ADDRESS, COOKIE_VERSION = "https://github.com/scientific-python/cookie.git", "2026.06.18"
EMPTY, STATIC, SPECIFIC = "an empty template", "a static copy of the files", "built for one Python"
SMALLEST, TWIN = "compiled for size", "the same in plain Python"
SAME = "maturin develop + pytest here"  # in a project of this template
START, END = "<!-- benchmark -->", "<!-- /benchmark -->"
COPY = ["copier", "copy", "--trust", "--defaults", "--quiet"]
LIGHT_ROUNDS, HEAVY_ROUNDS = 15, 5
WARM_UP = -1  # the number of a round that does not count

# The same function for all, instead of what each starter brings.
ADD = """use pyo3::prelude::*;

#[pymodule]
mod {module} {{
    use pyo3::{{exceptions::PyOverflowError, prelude::*}};

    #[pyfunction]
    fn add_in_rust(left: i64, right: i64) -> PyResult<i64> {{
        left.checked_add(right)
            .ok_or_else(|| PyOverflowError::new_err("the result does not fit into 64 bits"))
    }}
}}
"""
TIME_KERNEL = """
import sys
from math import cos, sin
from timeit import Timer
sys.path.insert(0, {project!r})
from starter import count_close_pairs
from tests import reference
points = [(i * cos(i), i * sin(i)) for i in range(1_000)]
for function in (count_close_pairs, reference.count_close_pairs):
    print(min(Timer(lambda: function(points, 5.0)).repeat(3, 1)))
"""
TIME_CALLS = """
from timeit import Timer
from {module} import add_in_rust
call = Timer("add_in_rust(1, 2)", globals={{"add_in_rust": add_in_rust}})
loop = Timer("pass")
print((min(call.repeat(9, 200_000)) - min(loop.repeat(9, 200_000))) / 200_000)
"""


class Row(NamedTuple):
    """One thing that was measured."""

    name: str
    unit: str
    values: dict[str, float]
    limits: tuple[tuple[str, float | None], ...] = ()
    """Baselines and the largest ratio to each, if there is one; an empty name limits the value itself."""


class Starter(NamedTuple):
    """A way to start a project, and the commands that its users know."""

    create: list[str | Path]
    """The folder to create is added."""
    test: list[list[str]]
    """From the created folder to green tests."""
    rebuild: list[list[str]]
    retest: list[list[str]]
    """From a changed file to green tests."""
    wheel: list[str]
    rust: str
    imported: str
    module: str
    again: Sequence[list[str]] = ()
    """All tests where nothing changed, if that is not `retest`."""


def run(*command: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> str:
    """Run a command quietly.

    Args:
        command: The program and its arguments.
        cwd: Folder to run it in.
        env: Variables on top of those of this process.

    Returns:
        What it printed.

    Raises:
        SystemExit: It failed; what it printed is shown.
    """
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode:
        sys.exit(f"{result.stdout}\nFailed in {cwd}: {' '.join(map(str, command))}")
    return result.stdout


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def in_turns(rounds: int, actions: Mapping[str, Callable[[int], float]]) -> dict[str, float]:
    """Measure contenders in turns.

    Args:
        rounds: How often each has its turn.
        actions: What takes a turn, by contender; gets the number of the round, returns its measurement.

    Returns:
        The median, by contender.
    """
    measured: dict[str, list[float]] = {name: [] for name in actions}
    for number in range(rounds):
        for name, action in actions.items():
            measured[name].append(action(number))
            print(".", end="", flush=True)
    print(flush=True)
    return {name: median(values) for name, values in measured.items()}


def starters(template: Path) -> dict[str, Starter]:
    """Return the contenders.

    Args:
        template: Clone of this repository.
    """
    given = ("project_name=starter", "org=ada", "full_name=Ada", "email=ada@example.org")
    chosen = ("license=MIT", "backend=maturin", "docs=mkdocs")
    answers = [f"--data={answer}" for answer in given + chosen]
    anew = ["--reinstall-package", "starter"]
    return {
        OURS: Starter(
            create=[*COPY, template],
            test=[["git", "init", "--quiet"], ["make", "init", "test"]],
            rebuild=[["uv", "run", "python", "-c", "import starter"]],
            retest=[["make", "test"]],
            wheel=["uv", "build", "--wheel", "--out-dir"],
            rust="crates/src/lib.rs",
            imported="starter",
            module="",
        ),
        MATURIN: Starter(
            create=["maturin", "new", "--mixed", "--bindings", "pyo3"],
            test=[
                ["uv", "venv", "--quiet"],
                ["maturin", "develop", "--quiet", "--uv", "--extras", "tests"],
                [".venv/bin/pytest"],
            ],
            rebuild=[
                ["maturin", "develop", "--quiet", "--uv"],
                [".venv/bin/python", "-c", "import starter"],
            ],
            retest=[["maturin", "develop", "--quiet", "--uv"], [".venv/bin/pytest"]],
            wheel=["maturin", "build", "--quiet", "--release", "--out"],
            rust="src/lib.rs",
            imported="starter",
            module="starter",
        ),
        UV: Starter(
            create=["uv", "init", "--quiet", "--no-workspace", "--build-backend", "maturin"],
            test=[["uv", "run", "--with", "pytest", "pytest"]],
            rebuild=[["uv", "run", "python", "-c", "import starter"]],
            retest=[["uv", "run", "--with", "pytest", "pytest"]],
            wheel=["uv", "build", "--wheel", "--out-dir"],
            rust="src/lib.rs",
            imported="starter._core",
            module="_core",
        ),
        COOKIE: Starter(
            create=[*COPY, f"--vcs-ref={COOKIE_VERSION}", *answers, COOKIE_ADDRESS],
            test=[["git", "init", "--quiet"], ["uv", "run", "pytest"]],
            # Without the option, uv does not see that Rust code changed.
            rebuild=[["uv", "run", *anew, "python", "-c", "import starter._core"]],
            retest=[["uv", "run", *anew, "pytest"]],
            wheel=["uv", "build", "--wheel", "--out-dir"],
            rust="src/lib.rs",
            imported="starter._core",
            module="_core",
            again=[["uv", "run", "pytest"]],
        ),
    }


def commit(folder: Path, tag: str) -> None:
    """Make a folder a tagged Git repository, as Copier wants templates to be."""
    identity = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost"]
    run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", cwd=folder)
    run("git", *identity, "commit", "--quiet", "--allow-empty", "--message=all", cwd=folder)
    run("git", *identity, "tag", "--annotate", "--message", tag, tag, cwd=folder)


def use_maturin(project: Path) -> None:
    """Have maturin build a project of this template, with the tools of its `make init`."""
    manifest = project / "pyproject.toml"
    text = manifest.read_text("utf-8")
    text = re.sub(r"^build-backend = .*", 'build-backend = "maturin"', text, flags=re.MULTILINE)
    text = text.replace(
        "[tool.maturin]\n",
        '[tool.maturin]\nmanifest-path = "crates/Cargo.toml"\n'
        'features = ["pyo3/extension-module"]\n',
    )
    manifest.write_text(text, "utf-8")
    run("uv", "sync", "--quiet", "--no-install-project", cwd=project)


def measure(scratch: Path) -> list[Row]:
    """Measure everything.

    Args:
        scratch: Empty folder to work in.

    Returns:
        The rows of the table.
    """
    template, empty, static = scratch / "template", scratch / "empty", scratch / "static"
    run("git", "clone", "--quiet", ROOT, template, cwd=scratch)
    commit(template, "v9999.0.0")
    (empty / "template").mkdir(parents=True)
    (empty / "template/.gitkeep").touch()
    static.mkdir()
    run(*COPY, template, static / "template", cwd=scratch)
    for floor in (empty, static):
        (floor / "copier.yml").write_text("_subdirectory: template\n")
        commit(floor, "v1.0.0")
    contenders = starters(template)
    same = contenders[OURS]._replace(retest=contenders[MATURIN].retest)
    projects = {**contenders, SAME: same}
    folders = {name: scratch / f"project-{i}" for i, name in enumerate(projects)}

    def create(name: str, number: int) -> Path:
        """Create a project in a new folder, always called `starter`."""
        folder = folders[name] / str(number) / "starter"
        folder.parent.mkdir(parents=True, exist_ok=True)
        run(*projects[name].create, folder, cwd=folder.parent)
        return folder

    def copy_floor(floor: Path, number: int) -> None:
        run(*COPY, floor, scratch / f"copy-{floor.name}-{number}", cwd=scratch)

    def time_creation(creator: Callable[[int], object], number: int) -> float:
        return timed(partial(creator, number))

    print("Creating a project ", end="", flush=True)
    creators: dict[str, Callable[[int], object]] = {n: partial(create, n) for n in contenders}
    creators |= {EMPTY: partial(copy_floor, empty), STATIC: partial(copy_floor, static)}
    created = in_turns(
        LIGHT_ROUNDS,
        {name: partial(time_creation, creator) for name, creator in creators.items()},
    )

    def until_green(name: str, number: int) -> float:
        folder = folders[name] / str(number) / "starter"
        if name == UV:  # brings no test
            (folder / "test_all.py").write_text(
                "import starter._core\n\n\ndef test_all():\n    assert starter._core.hello_from_bin()\n"
            )
        return timed(lambda: [run(*command, cwd=folder) for command in contenders[name].test])

    print("From a new project to green tests ", end="", flush=True)
    for name in contenders:  # once before, so that no round pays for downloads
        create(name, WARM_UP)
        until_green(name, WARM_UP)
    green = in_turns(
        HEAVY_ROUNDS,
        {name: partial(until_green, name) for name in contenders},
    )

    def rebuild(name: str, commands: list[list[str]], number: int) -> float:
        folder = folders[name] / "0" / "starter"
        with (folder / projects[name].rust).open("a", encoding="utf-8") as source:
            source.write(f"\nconst _: u32 = {number};\n")  # compiled, and no warning
        return timed(lambda: [run(*command, cwd=folder) for command in commands])

    print("Rebuilding after one new line of Rust ", end="", flush=True)
    rebuilt = in_turns(
        HEAVY_ROUNDS,
        {name: partial(rebuild, name, starter.rebuild) for name, starter in contenders.items()},
    )
    print("The same, and all tests ", end="", flush=True)
    use_maturin(create(SAME, 0))
    rebuild(SAME, same.retest, HEAVY_ROUNDS)  # so that no round compiles PyO3
    tested = in_turns(
        HEAVY_ROUNDS,
        {name: partial(rebuild, name, starter.retest) for name, starter in projects.items()},
    )

    def run_again(name: str, _: int) -> float:
        folder = folders[name] / "0" / "starter"
        commands = contenders[name].again or contenders[name].retest
        return timed(lambda: [run(*command, cwd=folder) for command in commands])

    print("All tests, nothing changed ", end="", flush=True)
    unchanged = in_turns(HEAVY_ROUNDS, {name: partial(run_again, name) for name in contenders})

    def first_commit(number: int) -> float:
        folder = folders[OURS] / str(number) / "starter"
        run("git", "add", "--all", cwd=folder)
        identity = ("-c", "user.name=benchmark", "-c", "user.email=benchmark@localhost")
        message = "feat: start the project"
        return timed(partial(run, "git", *identity, "commit", "-m", message, cwd=folder))

    print("First commit, through the hooks ", end="", flush=True)
    committed = in_turns(HEAVY_ROUNDS, {OURS: first_commit})

    def install(
        name: str, kind: str, folder: Path, env: Mapping[str, str] | None = None
    ) -> tuple[Path, Path]:
        """Build the wheel and install it into an environment of its own."""
        dist, environment = scratch / f"{kind}-{name}", scratch / f"venv-{kind}-{name}"
        starter = contenders.get(name, contenders[OURS])
        run(*starter.wheel, dist, cwd=folder, env=env)
        (wheel,) = dist.glob("*.whl")
        run("uv", "venv", "--quiet", environment, cwd=scratch)
        here = {"VIRTUAL_ENV": str(environment)}
        run("uv", "pip", "install", "--quiet", "--no-index", wheel, cwd=scratch, env=here)
        print(".", end="", flush=True)
        return wheel, environment / "bin/python"

    print("Building wheels ", end="", flush=True)
    wheels, interpreters, callers = {}, {}, {}
    for name, starter in contenders.items():
        folder = folders[name] / str(WARM_UP) / "starter"
        wheels[name], interpreters[name] = install(name, "own", folder)
        if starter.module:
            (folder / starter.rust).write_text(ADD.format(module=starter.module))
            if name in (UV, COOKIE):
                (folder / "src/starter/__init__.py").write_text("")
            _, callers[name] = install(name, "add", folder)
        else:
            callers[name] = interpreters[name]
    ours = folders[OURS] / str(WARM_UP) / "starter"
    wheels[SMALLEST], _ = install(SMALLEST, "own", ours, {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "z"})
    specific = ours
    shutil.rmtree(specific / "build")
    manifest = specific / "crates/Cargo.toml"
    text = manifest.read_text("utf-8")
    manifest.write_text(re.sub(r"features = \[\"abi3-py\d+\"\]\n", "", text))
    (specific / "setup.py").write_text("from setuptools import setup\n\nsetup()\n")
    specific_wheel, callers[SPECIFIC] = install(SPECIFIC, "own", specific)
    assert "abi3" not in specific_wheel.name
    print(flush=True)

    def import_time(name: str, python: Path, _: int) -> float:
        with_import, without = (
            timed(partial(run, python, "-c", code, cwd=scratch))
            for code in (f"import {contenders[name].imported}", "pass")
        )
        return with_import - without

    def call_time(name: str, python: Path, _: int) -> float:
        module = contenders.get(name, contenders[OURS]).imported
        return float(run(python, "-c", TIME_CALLS.format(module=module), cwd=scratch))

    print("Importing ", end="", flush=True)
    imported = in_turns(
        2 * LIGHT_ROUNDS,
        {name: partial(import_time, name, python) for name, python in interpreters.items()},
    )
    print("Calling ", end="", flush=True)
    called = in_turns(
        LIGHT_ROUNDS,
        {name: partial(call_time, name, python) for name, python in callers.items()},
    )
    kernel = run(interpreters[OURS], "-c", TIME_KERNEL.format(project=str(ours)), cwd=scratch)
    kernels = dict(zip((OURS, TWIN), map(float, kernel.split()), strict=True))
    kilobytes = {name: wheel.stat().st_size / 1000 for name, wheel in wheels.items()}
    versions = len(pythons.SUPPORTED)
    builds = {name: 1 if "abi3" in wheels[name].name else versions for name in contenders}
    return [
        Row("create a project", "s", created, ((EMPTY, 1.5), (STATIC, None))),
        Row("new project to green tests", "s", green, ((MATURIN, 1.1),)),
        Row("rebuild after one new line of Rust", "s", rebuilt),
        Row("all tests after one new line of Rust", "s", tested, ((SAME, 1.2), (MATURIN, 1.2))),
        Row("all tests, nothing changed", "s", unchanged, (("", 3),)),
        Row("first commit, through the hooks", "s", committed, (("", 5),)),
        Row("wheel of the starter", "kB", kilobytes, (("", 215), (SMALLEST, 1.05))),
        Row("`count_close_pairs`, 1,000 points", "s", kernels, ((TWIN, 1 / 30),)),
        Row("import it", "ms", {name: 1e3 * value for name, value in imported.items()}),
        Row(
            "call `add_in_rust(1, 2)`",
            "ns",
            {name: 1e9 * value for name, value in called.items()},
            ((SPECIFIC, 1.05),),
        ),
        Row(f"wheels to build per platform, for {versions} Pythons", "", dict(builds)),
    ]


def machine() -> str:
    """Say what kind of machine this is and which tools were compared."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [s for s in info.read_text("utf-8").splitlines() if s.startswith("model name")]
        cpu = models[0].partition(":")[2].strip() if models else cpu
    tools = [
        run(tool, "--version", cwd=ROOT).split("(")[0].strip()
        for tool in ("rustc", "copier", "maturin", "uv")
    ]
    python = f"CPython {platform.python_version()}"
    system = f"{platform.system()} {platform.machine()}"
    return f"{system}, {cpu}, {os.cpu_count()} cores; {', '.join([python, *tools])}"


def number(value: float) -> str:
    """Format with three digits."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    """Format with the unit, and short times in milliseconds."""
    if unit == "s" and value < 0.1:
        value, unit = 1000 * value, "ms"
    return f"{number(value)} {unit}".strip()


def as_table(rows: list[Row]) -> str:
    """Make the Markdown tables.

    Args:
        rows: What was measured; each has a value for this template.
    """
    lines = [
        f"| | {OURS} | `{MATURIN}` | `{UV}` | {COOKIE} |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        cells = []
        for name in SHOWN:
            if name not in row.values:
                cells.append("")
                continue
            absolute = quantity(row.values[name], row.unit)
            ratio = row.values[name] / row.values[OURS]
            cells.append(f"**1** ({absolute})" if name == OURS else f"{ratio:.2f} ({absolute})")
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    lines += ["", "| | compared with | limit | measured | |", "| --- | --- | ---: | ---: | --- |"]
    for row in rows:
        for floor, limit in row.limits:
            measured = row.values[OURS] / (row.values[floor] if floor else 1)
            unit, allowed, met = "" if floor else row.unit, "", ""
            if limit:
                allowed, met = quantity(limit, unit), "met" if measured <= limit else "**missed**"
            # With one digit more than limits have, what misses one never looks like it.
            shown = f"{measured:.4g}" if floor else quantity(measured, unit)
            cells = [row.name, floor, allowed, shown, met]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def as_plot(rows: list[Row]) -> str:
    """Draw bars, for each row relative to its largest value; SVG, right on light and dark pages.

    Args:
        rows: What was measured.
    """
    shown = [row for row in rows if MATURIN in row.values]
    left, bar, gap, width = 300, 14, 16, 340
    step = len(SHOWN) * bar + gap
    height = 50 + step * len(shown)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 100} {height}"'
        ' font-family="sans-serif" font-size="12" role="img">',
        "<title>This template beside other starters; shorter is better</title>",
        "<style>text { fill: #1f2328 } .c0 { fill: #d55e00 } .c1 { fill: #0072b2 }"
        " .c2 { fill: #8c959f } .c3 { fill: #009e73 }"
        " @media (prefers-color-scheme: dark) { text { fill: #f0f6fc } }</style>",
    ]
    for i, name in enumerate(SHOWN):
        x = left - 150 + 150 * i
        parts.append(f'<rect class="c{i}" x="{x}" y="12" width="10" height="10"/>')
        parts.append(f'<text x="{x + 15}" y="21">{escape(name)}</text>')
    parts.append('<text x="0" y="21">shorter is better</text>')
    for j, row in enumerate(shown):
        top = 40 + step * j
        label = escape(row.name.replace("`", ""))
        parts.append(f'<text x="0" y="{top + len(SHOWN) * bar / 2 + 4}">{label}</text>')
        largest = max(row.values[name] for name in SHOWN)
        for i, name in enumerate(SHOWN):
            y, length = top + bar * i, max(1.0, width * row.values[name] / largest)
            parts.append(
                f'<rect class="c{i}" x="{left}" y="{y}" width="{length:.1f}" height="{bar - 2}"/>'
            )
            text = quantity(row.values[name], row.unit)
            parts.append(f'<text x="{left + length + 5:.1f}" y="{y + bar - 4}">{text}</text>')
    return "\n".join([*parts, "</svg>", ""])


def between_markers(text: str, block: str) -> str:
    """Replace what is between the markers.

    Args:
        text: A Markdown file.
        block: What shall be there.

    Returns:
        The file with the block; unchanged if it has no markers.
    """
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not (start and end):
        return text
    return f"{before}{START}\n\n{block.strip()}\n\n{END}{after}"


def write(root: Path, rows: list[Row], measured_on: str) -> None:
    """Write table and plot.

    Args:
        root: Folder of the repository.
        rows: What was measured.
        measured_on: Date and kind of machine.
    """
    docs = root / "docs"
    docs.mkdir(exist_ok=True)
    plot = "![Bars that compare the starters, shorter is better]({}benchmark.svg)\n"
    text = f"""{as_table(rows)}

Ratios to this template: above 1 means that the other needs more. In parentheses what was measured,
{measured_on}.
`make bench` measures again.
"""
    (docs / "benchmark.svg").write_text(as_plot(rows), "utf-8")
    (docs / "benchmark.md").write_text(
        f"""# Benchmark

{plot.format("")}
{text}
## What was measured

All start from nothing but warm download caches, take turns, and are compared by their medians. They do
not bring the same: this template's tests include those of Rust, property-based ones and the examples of the
documentation, and its environment holds the tools for linting; `{MATURIN}` and cookie bring one or
three tests, `{UV}` none, so that one was added. For cookie, https://github.com/scientific-python/cookie
with the maturin backend, uv does not see that Rust code changed, so `--reinstall-package` is given. The commit
runs all hooks on all files. An import loads the compiled module; a package of this template also checks that it
is compiled and registers its submodules. The call is timed on the same function written into each starter, less
the time of an empty loop.

The second table compares with baselines. An empty template is a Git repository from which Copier makes an empty
project; a static copy of the files, a template of what this one renders, with no questions and no Jinja. By a
profile, the extensions of this template take 3 % of a copy; most of the difference is Copier's own, per file: it
asks Git for a setting, and compiles each part of each path as a template of Jinja. The call is compared with the
same project built without the limited API, for one Python only; the wheel, with the same project compiled with
`opt-level = "z"`, which costs speed; `count_close_pairs`, with the reference in `tests/`; all tests after a new
line, also with `maturin develop` and `pytest` in a project of this template, which run no Rust tests.
""",
        "utf-8",
    )
    readme = root / "README.md"
    if readme.exists():
        block = plot.format("docs/") + "\n" + text
        readme.write_text(between_markers(readme.read_text("utf-8"), block), "utf-8")


def main() -> None:
    """Measure in a temporary folder and write the result."""
    tools = ("cargo", "copier", "git", "make", "maturin", "uv")
    if missing := [tool for tool in tools if not shutil.which(tool)]:
        sys.exit(f"Missing: {', '.join(missing)}")
    os.environ.pop("VIRTUAL_ENV", None)
    os.environ.pop("CARGO_TARGET_DIR", None)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users compile each module once
    os.environ["UV_PYTHON"] = next(iter(pythons.find_all()))
    with tempfile.TemporaryDirectory(prefix="copier-pyo3-bench-") as scratch:
        rows = measure(Path(scratch))
    write(ROOT, rows, f"{datetime.date.today():%d %B %Y} on {machine()}")
    print(f"\n{as_table(rows)}\n\nWritten: README.md, docs/benchmark.md and docs/benchmark.svg")


if __name__ == "__main__":
    main()

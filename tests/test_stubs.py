"""The stubs come from the Rust code: whatever Rust can show to Python reads as people write it, and is true."""

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Render
from project import KEPT, ROOT, Project, run, user

pytestmark = [pytest.mark.slow(minutes=2), pytest.mark.usefixtures("kept_builds")]

STUBS = "src/fast_math/_accelerate"
FIXED = {"SOURCE_DATE_EPOCH": "1700000000"}  # the release workflow sets it too
EXPECTED = {
    "zoo/__init__.pyi": [
        "import numpy.typing",
        '    CORNERS: Final = 0\n    """The number of corners."""',
        "    def __new__(cls, /, radius: int = 1) -> Self: ...",
        "    def __contains__(self, point: tuple[float, float], /) -> bool: ...",
        '    @property\n    def radius(self, /) -> int:\n        """The radius."""',
        "    @at.setter",
        "    def __setitem__(self, at: int, value: int, /) -> None: ...",
        '    """A dot or a square.\n\n    As in "shape."\n    """',
        'def quoted(text: typing.Literal["1.0"] | str, quote: str = \'"\', at: int = 0) -> str | None:',
        "    @classmethod\n    def from_diameter(cls, /, diameter: int) -> Circle:",
        "    @staticmethod\n    def unit() -> Circle:",
        "    def __iter__(self, /) -> Counter: ...",
        "    def __new__(cls, /, x: float, y: float) -> Self: ...",
        "class Child(Parent):",
        "    def notes(self, /) -> dict:",
        "    def __getattr__(self, name: str, /) -> str: ...",
        "    def __new__(cls, /, *args: object, **kwargs: object) -> Self: ...",
        '    Red: Final[Color]\n    """As blood."""',
        '    @final\n    class Square(Shape):\n        """A square."""\n',
        "    table: dict[str, Sequence[float]],\n    numbers: set[int] | None = None,\n    *,\n",
        "    path: str | PathLike[str] | None = None,\n    color: Color = ...,\n",
        ") -> dict[str, tuple[int, float] | None]:",
        "def text(key: float | str, data: bytes) -> str | None:",
        "    function: collections.abc.Callable[[int], float],\n",
        "    limits: Sequence[float],\n) -> list[float]:",
        "def square(side: float) -> Shape.Square:",
        "def largest(circles: Sequence[Circle]) -> Circle | None:",
        "    array: numpy.typing.NDArray[numpy.float64], factor: float\n"
        ") -> numpy.typing.NDArray[numpy.float64]:",
    ],
    "zoo/names.pyi": [
        '# Written by `make stubs`.\n"""Names that "types" have too."""\n',
        "class Sequence:",
        'hold, as "f(*args)"."""',
        'given as `{"version": "1.2.3"}`."""',
        '"""SupportsIndex is the letter before."""',
        'are "o", "n" and "e"\n        """\n',
        "    def __iadd__(self, other: object, /) -> Self: ...",
        "    def list(self, /) -> builtins.list[str]:",
        "    def starts(self, /, of: collections.abc.Sequence[str]) -> builtins.list[int | None]:",
        "    def same(self, /, other: Sequence) -> int:",
        "    def pick(self, /, numbers: _Sequence[int]) -> str:",
        "class SupportsIndexed:",
        "    def __new__(cls, /, timedelta: _timedelta, float: _float = 1.0) -> Self: ...",
        "    @_property\n    def timedelta(self, /) -> _timedelta: ...",
        "    def list(self, /) -> _list[float2]: ...",
        "    def property(self, /, int: int) -> bool: ...",
        "def float(float: _float) -> tuple[float2, int]:",
        "    def date(self, /, on: datetime.date) -> datetime.date: ...",
        "def all(*args: Any, values: tuple[int, ...], unique: set[int], **kwargs: Any) -> int:",
        "def options(options: dict[str, int]) -> dict[str, int]:",
    ],
    "zoo/inner.pyi": [
        '"""Things further in."""',
        'LIMIT: Final = 3\n"""The largest radius."""',
        "def radius(circle: Circle) -> int:",
        "    def __init__(self, /) -> None: ...",
        "from typing import Any as _Any\n",
        "def count(any: Sequence[Any], **others: _Any) -> int:",
    ],
}
USE = """
import json
import pickle
import fast_math._accelerate as a
from fast_math._accelerate import zoo
from fast_math._accelerate.zoo import inner

assert zoo.Circle.__module__ == zoo.Color.__module__ == "fast_math._accelerate.zoo"
assert pickle.loads(pickle.dumps(zoo.Circle(3))) == zoo.Circle(3)
assert zoo.Circle(3).scaled(2, twice=True).radius == inner.radius(zoo.Circle(12))
assert list(zoo.Circle()) == [1, 2, 3]
assert (json.__name__, json.decoder.__name__) == ("json", "json.decoder")
"""
DOCS = """
import importlib, inspect, json, sys
found = {}
for module, names in json.loads(sys.argv[1]).items():
    for name in names:
        member = importlib.import_module(module)
        for part in name.split(".") if name else []:
            member = inspect.getattr_static(member, part)
            member = getattr(member, "__func__", member)
        found[f"{module}:{name}"] = inspect.cleandoc(member.__doc__ or "")
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def zoo(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with one of each kind of thing, and without stubs."""
    rendered = render(project_name="Fast Math", features=[])
    project = rendered.copy(tmp_path_factory.mktemp("zoo") / "fast-math")
    project.git("init", "--quiet")
    project.run("cargo", "add", "--quiet", "--manifest-path=crates/Cargo.toml", "numpy")
    project.run("uv", "add", "--quiet", "--no-sync", "numpy")
    (project.path / "crates/src/zoo.rs").write_bytes((ROOT / "tests/zoo.rs").read_bytes())
    gate = '#[cfg(feature = "zoo")]\n'
    other = '#[cfg(any(feature = "usual", not(feature = "wild")))]\ncompile_error!("others");\n\n'
    lib = project.read("crates/src/lib.rs")
    lib = lib.replace("mod samples;\n", f"{other}mod samples;\n{gate}mod zoo;\n")
    first = "    use pyo3::prelude::*;\n"
    use = f"\n    {gate}    #[pymodule_export]\n    use crate::zoo::zoo;\n"
    lib = lib.replace(first, first + use, 1)
    (project.path / "crates/src/lib.rs").write_text(lib)
    manifest = project.read("crates/Cargo.toml")
    features = '\n[features]\ndefault = ["usual"]\nusual = []\nwild = []\nzoo = []\n'
    (project.path / "crates/Cargo.toml").write_text(manifest + features)
    settings = project.read("pyproject.toml")
    (project.path / "pyproject.toml").write_text(
        settings.replace(
            "quiet = true\n",
            'quiet = true\nfeatures = ["zoo"]\nargs = ["--no-default-features", "--features=wild"]\n',
        )
    )
    for stub in project.path.glob(f"{STUBS}/**/*.pyi"):
        stub.unlink()
    (project.path / STUBS / "left_over.pyi").write_text("# Written by `make stubs`.\n")
    project.make("stubs")
    return project


def test_types_read_as_people_write_them(zoo: Project) -> None:
    for name, parts in EXPECTED.items():
        stub = zoo.read(f"{STUBS}/{name}")
        for part in parts:
            assert part in stub
    everything = "".join(path.read_text("utf-8") for path in zoo.path.glob(f"{STUBS}/**/*.pyi"))
    code = re.sub('""".*?"""', "", everything, flags=re.DOTALL)
    assert not re.search(r"Supports(?!Indexed\b)", code)
    # Of a module that adds names when it is imported.
    assert re.findall(".*Incomplete.*", code) == [
        "from _typeshed import Incomplete",
        "def __getattr__(name: str) -> Incomplete: ...",
    ]


def test_samples_have_the_stubs_that_the_template_brings(zoo: Project, render: Render) -> None:
    fresh = render(project_name="Fast Math", features=[])
    assert zoo.read(f"{STUBS}/basic_functions.pyi") == fresh.read(f"{STUBS}/basic_functions.pyi")
    assert not (zoo.path / STUBS / "left_over.pyi").exists()


def test_what_somebody_else_wrote_is_not_deleted(render: Render) -> None:
    project = render(project_name="Fast Math", features=[])
    mine = project.path / STUBS / "mine.pyi"
    mine.write_text("class Shape: ...\n")
    result = project.run("make", "stubs", check=False)
    assert result.returncode
    assert f"{STUBS}/mine.pyi\nNot written by `make stubs`: move it" in result.stdout
    assert mine.exists()


def test_every_task_is_green(zoo: Project) -> None:
    """Among them mypy, strict, and stubtest."""
    assert " passed" in zoo.make("format lint test")
    zoo.run(".venv/bin/python", "-c", USE)


def documented(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Find what a stub documents."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            name = prefix + node.name
            if doc := ast.get_docstring(node):
                yield name, doc
            if isinstance(node, ast.ClassDef):
                yield from documented(node.body, name + ".")


def test_help_says_the_same(zoo: Project) -> None:
    expected = {}
    for path in zoo.path.glob(f"{STUBS}/**/*.pyi"):
        parts = path.relative_to(zoo.path / "src").with_suffix("").parts
        module = ".".join(part for part in parts if part != "__init__")
        stub = ast.parse(path.read_text("utf-8"))
        expected[module] = dict(documented(stub.body))
    assert {"Circle.scaled", "Circle.radius", "Shape.Square"} <= set(
        expected["fast_math._accelerate.zoo"]
    )
    names = json.dumps({module: list(docs) for module, docs in expected.items()})
    found = json.loads(zoo.run(".venv/bin/python", "-c", DOCS, names).stdout)
    assert found == {
        f"{m}:{name}": doc for m, docs in expected.items() for name, doc in docs.items()
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fn largest(", "fn smallest("),
        ("limits: [f32; 2]", "limits: [i64; 2]"),
        ("/// The radius.", "/// The radius, a whole number."),
    ],
)
def test_lint_tells_when_they_are_behind(zoo: Project, old: str, new: str) -> None:
    source = zoo.path / "crates/src/zoo.rs"
    text = source.read_text("utf-8")
    assert old in text
    before = {path: path.read_bytes() for path in zoo.path.glob(f"{STUBS}/**/*.pyi")}
    source.write_text(text.replace(old, new))
    result = zoo.run("make", "lint", check=False)
    source.write_text(text)
    assert result.returncode
    assert "The stubs are behind the Rust code: run `make stubs`." in result.stdout
    assert before == {path: path.read_bytes() for path in zoo.path.glob(f"{STUBS}/**/*.pyi")}


def test_forgotten_attribute_is_found_in_the_guide(zoo: Project) -> None:
    source = zoo.path / "crates/src/zoo.rs"
    text = source.read_text("utf-8")
    attribute = "    #[pyfunction]\n    fn undocumented"
    assert attribute in text
    source.write_text(text.replace(attribute, "    fn undocumented"))
    result = zoo.run("make", "lint", check=False)
    source.write_text(text)
    assert result.returncode
    (clue,) = re.findall("`undocumented` (is never used)", result.stdout)
    guide = " ".join(zoo.read("CONTRIBUTING.md").split())
    assert f"`{clue}`, then `#[pyfunction]` is missing" in guide


def test_what_pyo3_does_not_know_is_named(zoo: Project, tmp_path: Path) -> None:
    project = zoo.copy(tmp_path / "fast-math")
    source = project.path / "crates/src/zoo.rs"
    text = source.read_text("utf-8")
    for first in ("array", "options"):
        text, found = re.subn(rf' +#\[pyo3\(signature = \({first}: ".*\n', "", text)
        assert found
    kinds = {"first": "Bound<'_, PyIterator>", "last": "Option<Py<PyDict>>"}
    for name, kind in {**kinds, "frozenset": "Py<PyFrozenSet>"}.items():
        function = f"#[pyfunction]\nfn {name}(of: {kind}) {{ drop(of); }}\n#[pymodule_init]"
        text = text.replace("#[pymodule_init]", function)
    # Where a name of Python is taken, the stub has another one for Python's.
    own = "#[pymethods]\nimpl Own { fn set(&self, of: Py<PySet>) { drop(of); } }\n"
    text = text.replace("#[pymodule_init]", f"#[pyclass]\nstruct Own;\n{own}#[pymodule_init]")
    imported = "use pyo3::types::{PyFrozenSet, PyIterator};\n#[pymodule_init]"
    text = text.replace("#[pymodule_init]", imported)
    text = text.replace(
        "#[pymodule_init]", "#[pymodule_export]\nuse crate::zoo::old;\n#[pymodule_init]"
    )
    old = "fn old(_: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> { Ok(()) }"
    source.write_text(f"{text}\n#[pyo3::pymodule]\n{old}\n")
    printed = project.make("stubs")
    assert "def scale(array: Incomplete, factor: float) -> Incomplete" in printed
    assert "def options(options: dict) -> dict" in printed
    assert "def first(of: Iterator)" in printed
    assert "def last(of: dict | None)" in printed
    assert "def frozenset(of: frozenset2)" in printed
    assert "def set(self, /, of: _set)" in printed
    # With a property that is a dict, and a class that has the name of a protocol, which nobody can tell apart.
    assert len(re.findall(r"^build/stubs.*:\d+:", printed, re.M)) == 8, printed
    assert "PyO3 does not know what these are: see CONTRIBUTING.md." in printed
    (empty,) = re.findall(
        r"(\S+)\nPyO3 does not see what is in these modules: .* mod and not", printed
    )
    assert empty.endswith("/old.pyi")


CIRCLE = """
    /// A circle.
    #[pyclass(frozen, from_py_object)]
    #[derive(Clone)]
    struct Circle;
"""


@pytest.mark.parametrize("names", [[], ["Circle"]], ids=["nothing", "a class alone"])
def test_project_needs_no_compiled_function(zoo: Project, tmp_path: Path, names: list[str]) -> None:
    project = zoo.copy(tmp_path / "fast-math")
    lib, package = (
        project.path / name for name in ("crates/src/lib.rs", "src/fast_math/__init__.py")
    )
    kept = lib.read_text("utf-8").partition("    // What Python raises")[0]
    for line in (
        "mod samples;",
        '#[cfg(feature = "zoo")]\nmod zoo;',
        "    use crate::samples;",
        "    use pyo3::exceptions::{PyOverflowError, PyValueError};",
        '    #[cfg(feature = "zoo")]\n    #[pymodule_export]\n    use crate::zoo::zoo;',
        *([] if names else ["    use pyo3::prelude::*;"]),
    ):
        assert f"{line}\n" in kept
        kept = kept.replace(f"{line}\n", "")
    lib.write_text(kept.rstrip() + "\n" + (CIRCLE if names else "") + "}\n")
    text = package.read_text("utf-8")
    start = text.index("from ._accelerate import")
    imported = ", ".join(["VERSION", *names])
    package.write_text(
        f"{text[:start]}from ._accelerate import {imported}  # noqa: E402\n\n"
        f"__all__ = {[*names, '__version__']}\n__version__ = VERSION\n"
    )
    for name in (
        "crates/src/samples.rs",
        "crates/src/zoo.rs",
        "tests/reference.py",
        "tests/test_samples.py",
    ):
        (project.path / name).unlink()
    assert " passed" in project.make("stubs format lint test")
    stubs = [path.name for path in project.path.glob(f"{STUBS}/**/*.pyi")]
    assert stubs == ["__init__.pyi"]


def test_a_keyword_of_python_is_named(zoo: Project) -> None:
    source = zoo.path / "crates/src/zoo.rs"
    text = source.read_text("utf-8")
    source.write_text(text.replace("fn undocumented(_letter: char)", "fn undocumented(from: char)"))
    result = zoo.run("make", "stubs", check=False)
    source.write_text(text)
    assert result.returncode
    assert "Failed to parse build/stubs/fast_math/_accelerate/zoo/__init__.pyi:" in result.stdout
    assert "Rename in Rust what is a keyword in Python" in result.stdout


def test_other_files_beside_the_stubs_stay(zoo: Project) -> None:
    other = zoo.path / STUBS / "zoo/fallback.py"
    other.write_text("mine")
    result = zoo.run("make", "stubs", check=False)
    assert result.returncode
    assert f"{STUBS}/zoo/fallback.py\nNot written by `make stubs`: move it" in result.stdout
    assert other.read_text() == "mine"
    other.unlink()


def test_broken_code_is_shown(zoo: Project) -> None:
    source = zoo.path / "crates/src/zoo.rs"
    text = source.read_text("utf-8")
    stub = zoo.read(f"{STUBS}/zoo/__init__.pyi")
    source.write_text(text + "\nfn broken(")
    result = zoo.run("make", "stubs", check=False)
    source.write_text(text)
    assert result.returncode
    assert "this file contains an unclosed delimiter" in result.stdout
    assert zoo.read(f"{STUBS}/zoo/__init__.pyi") == stub


@pytest.fixture(scope="module")
def wheel(zoo: Project) -> Path:
    zoo.run("uv", "build", "--wheel", "--quiet", env=FIXED)
    (wheel,) = zoo.path.glob("dist/*.whl")
    return wheel


def test_wheels_do_not_change_by_a_byte(zoo: Project, wheel: Path, tmp_path: Path) -> None:
    """The module that describes itself is for the stubs alone."""
    description = b'"type":"function"'
    zoo.make("stubs")
    (zoo.path / "crates/src/lib.rs").touch()
    zoo.run("uv", "build", "--wheel", "--quiet", "--out-dir", tmp_path, env=FIXED)
    (again,) = tmp_path.glob("*.whl")
    assert again.read_bytes() == wheel.read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert description not in archive.read("fast_math/_accelerate.abi3.so")
    described = next(Path(KEPT["CARGO_TARGET_DIR"]).glob("maturin/*_fast_math.so"))
    assert description in described.read_bytes(), "this is no way to tell them apart"


@pytest.mark.parametrize("which", [0, -1], ids=["oldest", "newest"])
def test_stubs_hold_for_a_wheel_on(
    zoo: Project, wheel: Path, interpreters: dict[str, Path], tmp_path: Path, which: int
) -> None:
    """Built with optimisation, unlike what `make lint` looks at."""
    python = tmp_path / "environment/bin/python"
    interpreter = list(interpreters.values())[which]
    create = ("uv", "venv", "--quiet", "--python", interpreter, tmp_path / "environment")
    run(*create, cwd=tmp_path, base=user())
    install = ("uv", "pip", "install", "--quiet", "--python", python)
    run(*install, "mypy", wheel, cwd=tmp_path, base=user(rust=False))
    allowed = f"--allowlist={zoo.path}/build/stubs.allowed", "--ignore-unused-allowlist"
    options = "--ignore-missing-stub", *allowed
    checked = (python, "-m", "mypy.stubtest", *options, "fast_math._accelerate")
    assert "Success" in run(*checked, cwd=tmp_path, base=user()).stdout
    (tmp_path / "use.py").write_text(USE)
    run(python, "use.py", cwd=tmp_path, base=user())
    run(python, "-m", "mypy", "--strict", "use.py", cwd=tmp_path, base=user())

"""A project is made its owner's as `docs/make-it-yours.md` says, and stays green."""

import re
import textwrap
import tomllib

import pytest

from conftest import Render
from project import ROOT, Project, run, user_path
from test_readme import blocks

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kept_builds")]

TESTS = """
import pickle

import numpy as np
import pytest

from fast_math import Circle, EmptyError, largest, scale


def test_mine() -> None:
    assert Circle(2.0).area() == pytest.approx(4 * np.pi)
    assert scale(np.array([1.0, 2.0]), 3.0).tolist() == [3.0, 6.0]
    with pytest.raises(ValueError, match="aligned"):
        scale(np.ones(2, [("price", "f8"), ("volume", "f4")])["price"], 3.0)
    assert largest([1.0, 2.0]) == 2.0
    with pytest.raises(EmptyError, match="no numbers") as caught:
        largest([])
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), EmptyError)
"""
TUTORIAL = """# Tutorial

```python
>>> from fast_math import largest
>>> largest([1.0, 2.0])
2.0

```
"""
COMPILED = ["Circle", "largest", "scale"]


@pytest.fixture(scope="module")
def project(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    rendered = render(
        project_name="Fast Math", features=["docs", "notebook", "benchmarks", "numpy"]
    )
    project = rendered.copy(tmp_path_factory.mktemp("mine") / "fast-math")
    project.git("init", "--quiet")
    project.run("uv", "lock", "--quiet")
    project.commit()
    return project


def write_as_told(project: Project) -> None:
    """Follow the page, which is in two parts: what to type and what to write."""
    page = (ROOT / "docs/make-it-yours.md").read_text("utf-8")
    (commands,) = blocks(page, "console")
    (rust,) = blocks(page, "rust")
    exception = re.search("```python\n(.*?)```", page, re.S)
    assert exception
    run("bash", "-euc", commands, cwd=project.path, env={"PATH": user_path()})
    lib = project.read("crates/src/lib.rs").replace("mod arrays;\nmod samples;\n\n", "")
    constants = lib.index("    /// Whether this was built")
    samples = lib.index("    // What Python raises")
    first = lib.index("    use crate::{arrays, samples};")
    uses, _, items = rust.partition("\n\n")
    lib = lib[:first] + uses + "\n\n" + lib[constants:samples] + items + "}\n"
    (project.path / "crates/src/lib.rs").write_text(lib)
    package = project.path / "src/fast_math"
    init = (package / "__init__.py").read_text("utf-8")
    imports = init.index("from ._accelerate import")
    (package / "__init__.py").write_text(
        init[:imports]
        + f"from ._accelerate import VERSION, {', '.join(COMPILED)}  # noqa: E402\n\n"
        + f"__all__ = {['EmptyError', '__version__', *COMPILED]}\n"
        + init[init.index("__version__ = ") :]
        + "\n\n"
        + textwrap.dedent(exception[1])
    )
    (project.path / "tests/test_samples.py").write_text(TESTS.lstrip())
    (project.path / "docs/tutorial.md").write_text(TUTORIAL)


def test_page_is_one_screen() -> None:
    assert len((ROOT / "docs/make-it-yours.md").read_text("utf-8").splitlines()) <= 65


def test_what_is_there_or_not_is_removed_and_what_is_missing_is_added(render: Render) -> None:
    bare = render(project_name="Fast Math", features=[])
    bare.commit()
    (commands,) = blocks((ROOT / "docs/make-it-yours.md").read_text("utf-8"), "console")
    bare.run("bash", "-euc", commands)
    assert bare.git("diff", "--cached", "--name-only").split() == [
        "crates/src/samples.rs",
        "tests/reference.py",
    ]
    assert "numpy" in tomllib.loads(bare.read("crates/Cargo.toml"))["dependencies"]
    assert tomllib.loads(bare.read("pyproject.toml"))["project"]["dependencies"] == ["numpy>=2"]


def test_samples_are_replaced_as_told(project: Project) -> None:
    write_as_told(project)
    printed = project.make("stubs format lint test docs")
    assert "tests/test_samples.py ." in printed
    changed = project.git("status", "--porcelain", "--untracked-files=all").splitlines()
    touched = {
        line[3:]
        for line in changed
        if not line[3:].startswith(("notebooks/", "benchmarks/", "uv.lock", "crates/Cargo.lock"))
        and line[3:] not in ("crates/src/arrays.rs", "tests/test_arrays.py")  # of `numpy`
    }
    assert len(touched) <= 10, touched
    words = "add_in_rust|subtract_in_rust|concat_in_rust|count_close_pairs|basic_functions|samples"
    left = project.run("git", "grep", "-lE", words, check=False).stdout.splitlines()
    assert left == [], "the samples are still named there"
    site = project.read("site/api/index.html")
    assert "Return the area" in site
    run(
        *(project.path / ".venv/bin/python", "-c"),
        "import fast_math as f; assert {f.Circle.__module__, f.scale.__module__}"
        " == {'fast_math._accelerate'}; assert f.EmptyError.__module__ == 'fast_math'",
        cwd=project.path,
    )
    project.commit("feat!: make it ours")
    project.make("wheel")

"""`make coverage` counts what the tests of Rust and of Python run, bindings included."""

import os
import re
from pathlib import Path

import pytest

from conftest import Render
from needs import need
from project import Project, user_path

FORGOTTEN = """    /// Return nothing.
    #[pyfunction]
    fn forgotten() -> usize {
        samples::concat("", "").len()
    }

    /// Arithmetic on 64-bit"""


@pytest.fixture
def project(render: Render, tmp_path: Path) -> Project:
    project = render(project_name="Fast Math", features=[]).copy(tmp_path / "fast-math")
    project.commit()
    return project


@pytest.mark.slow(minutes=2)
def test_what_no_test_runs_is_shown(project: Project) -> None:
    llvm_cov = Path(need("llvm-cov")).parent
    lib = project.path / "crates/src/lib.rs"
    lib.write_text(
        project.read("crates/src/lib.rs").replace("    /// Arithmetic on 64-bit", FORGOTTEN, 1)
    )
    package = project.path / "src/fast_math/__init__.py"
    package.write_text(package.read_text("utf-8") + "\n\ndef forgotten() -> int:\n    return 1\n")
    project.run("cargo", "new", "--quiet", "--lib", "--vcs=none", "--name=core-lib", "crates/core")
    manifest = project.path / "crates/Cargo.toml"
    manifest.write_text(manifest.read_text("utf-8") + '\n[workspace]\nmembers = ["core"]\n')
    settings = {
        name: os.environ[name] for name in ("LLVM_COV", "LLVM_PROFDATA") if name in os.environ
    }
    settings |= {"PATH": f"{user_path()}:{llvm_cov}", "ARGS": "--verbose"}
    printed = project.make("coverage", env=settings)

    assert "`VIRTUAL_ENV=" not in printed
    assert " PASSED " in printed  # as pytest says if it is to be verbose

    rust = dict(re.findall(r"^(\w+/.*rs) .* ([\d.]+%)(?: +\d+){2} +-$", printed, re.M))
    assert rust.keys() == {"core/src/lib.rs", "src/lib.rs", "src/samples.rs"}
    assert rust["src/samples.rs"] == "100.00%"  # by tests of its own and through the bindings
    assert float(rust["src/lib.rs"].rstrip("%")) < 95
    assert re.search(r"^src/fast_math/__init__.py +\d+ +2 ", printed, re.M)
    pages = project.path / "build/coverage"
    (page,) = pages.glob("html/coverage/**/crates/src/lib.rs.html")
    assert re.search(
        r"class='uncovered-line'.{,200}fn.{,40}forgotten", page.read_text("utf-8"), re.S
    )
    assert "forgotten" in next(pages.glob("python/*init*.html")).read_text("utf-8")
    assert not list(project.path.glob("src/fast_math/*.so"))  # the editable build is another one
    assert not list(project.path.glob(".coverage*"))
    assert project.git("status", "--porcelain").splitlines() == [
        " M crates/Cargo.lock",
        " M crates/Cargo.toml",
        " M crates/src/lib.rs",
        " M src/fast_math/__init__.py",
        "?? crates/core/",
        "?? uv.lock",
    ]


@pytest.mark.slow
def test_what_is_missing_is_named(project: Project) -> None:
    result = project.run("make", "coverage", check=False)
    assert result.returncode
    assert "cargo install cargo-llvm-cov && rustup component add llvm-tools" in result.stdout

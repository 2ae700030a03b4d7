"""`make update` leaves a green project, or says what to do and how to go back."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from history import History, edit, files, given_once, remove, write
from project import Project, user_path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("make update")]

OWNER_RUST = """
/// Doubles a number.
#[cfg_attr(not(test), pyo3::pyfunction)]
pub fn double(number: i64) -> i64 {
    number.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::double;

    #[test]
    fn doubles() {
        assert_eq!(double(4), 8);
    }
}
"""


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return a template with a version before the working tree, the working tree, and two after it."""
    history = History.of(template, tmp_path_factory.mktemp("history") / "template")
    history.release(
        edit("template/pyproject.toml.jinja", 'test = ["', 'test = ["pytest-randomly>=4", "'),
        edit("template/crates/Cargo.toml.jinja", "[lints.rust]", '[dependencies.itoa]\nversion = "1"\n\n[lints.rust]'),
        edit("template/setup.py", "options: dict", "# Filled in below.\noptions: dict"),
        write("template/.github/NEW.md", "# New\n"),
    )  # fmt: skip
    history.release(
        edit("template/setup.py", "options: dict", "# The template's line.\noptions: dict"),
        write("template/.github/NEW.md", "# Newer\n"),
        remove("template/.editorconfig"),
    )
    return history


@pytest.fixture(scope="module")
def made(history: History, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the working tree, set up and committed."""
    project = history.project(tmp_path_factory.mktemp("made") / "fast-math")
    project.make("init")
    project.commit("build: lock")
    project.git("tag", "start")
    return project


@pytest.fixture
def project(made: Project) -> Iterator[Project]:
    """Lend the project to a test, and take it back as it was."""
    yield made
    made.git("reset", "--quiet", "--hard", "start")
    made.git("clean", "-fdq")


def own_changes(project: Project) -> None:
    """Add what an owner adds: a Rust function, its stub, a test and a dependency."""
    root = project.path
    write("crates/src/double.rs", OWNER_RUST.lstrip())(root)
    edit("crates/src/lib.rs", "mod close_pairs;\n", "mod close_pairs;\nmod double;\n")(root)
    edit(
        "crates/src/lib.rs",
        "    #[pymodule_export]\n    use crate::close_pairs",
        "    #[pymodule_export]\n    use crate::double::double;\n\n"
        "    #[pymodule_export]\n    use crate::close_pairs",
    )(root)
    stub = root / "src/fast_math/_accelerate/__init__.pyi"
    text = re.sub(r"(__all__ = \[)", r'\1"double", ', stub.read_text("utf-8"))
    stub.write_text(
        f'{text}\ndef double(number: int) -> int:\n    """Doubles a number."""\n', "utf-8"
    )
    write(
        "tests/test_double.py",
        "from fast_math._accelerate import double\n\n\ndef test_double() -> None:\n    assert double(4) == 8\n",
    )(root)
    edit("pyproject.toml", 'lint = ["', 'lint = ["packaging>=25", "')(root)
    project.make("format")
    project.run("uv", "lock", "--quiet")
    project.commit("feat: double")


def make_update(project: Project, arguments: str = "", status: int = 0) -> str:
    result = project.run(
        "make", "update", f"ARGS={arguments}", env={"PATH": user_path()}, check=False
    )
    assert (result.returncode != 0) == bool(status), result.stdout
    assert "Traceback" not in result.stdout
    return result.stdout


def test_updated_project_is_green(history: History, project: Project) -> None:
    own_changes(project)
    mine = files(project)
    owned = given_once(history.path)
    said = make_update(project, "--vcs-ref=v10000.0.0")
    assert "The project has version v10000.0.0 of its template now." in said
    now = files(project)
    changed = {name for name in mine if now[name] != mine[name]}
    assert changed == {
        "crates/Cargo.lock", "crates/Cargo.toml", "pyproject.toml", "setup.py", "uv.lock",
    }  # fmt: skip
    assert all(not owned(name) or name == "crates/Cargo.lock" for name in changed)
    pyproject = project.read("pyproject.toml")
    assert "packaging>=25" in pyproject
    assert "pytest-randomly" in pyproject

    project.run("uv", "lock", "--check")
    project.run(
        "cargo", "metadata", "--format-version=1", "--locked", "--manifest-path=crates/Cargo.toml"
    )
    assert project.git("config", "core.hooksPath") == ".githooks\n"
    project.git("add", "--all")
    project.git("commit", "--message=build: update the template")  # through the hooks
    project.make("lint")
    project.make("precommit")
    assert "randomly-seed" in project.make("test")
    assert project.git("status", "--porcelain") == ""
    assert "Nothing to update." in make_update(project, "--vcs-ref=v10000.0.0")


def test_conflicts_fail_until_they_are_resolved(project: Project) -> None:
    edit("setup.py", "options: dict", "# My line.\noptions: dict")(project.path)
    with (project.path / ".editorconfig").open("a") as file:
        file.write("# My line.\n")
    project.commit("feat: my lines")
    edit("pyproject.toml", 'test = ["', 'test = ["my-own", "')(project.path)
    project.commit("feat: my dependency")
    before = files(project)
    said = make_update(project, status=1)
    assert "    .editorconfig\n    pyproject.toml\n    setup.py\n" in said
    assert "git reset --hard" in said
    assert "keep it with `git add`" in said
    project.git("reset", "--hard", "--quiet")
    assert files(project) == before
    assert project.git("status", "--porcelain") == ""

    make_update(project, status=1)
    assert "    setup.py\n" in make_update(project, "--continue", status=1)
    text = re.sub(r"<<<<<<<.*\n|=======\n|>>>>>>>.*\n", "", project.read("setup.py"))
    (project.path / "setup.py").write_text(text)
    project.git("checkout", "--quiet", "--theirs", "pyproject.toml")
    project.git("add", "setup.py", ".editorconfig", "pyproject.toml")
    make_update(project, "--continue")
    assert {"# My line.", "# The template's line."} <= set(text.splitlines())
    assert project.read(".github/NEW.md") == "# Newer\n"
    project.run("uv", "lock", "--check")


def test_answers_change_as_contributing_says(project: Project) -> None:
    commands = re.findall(
        r"^make update ARGS=\"--vcs.*$", project.read("CONTRIBUTING.md"), re.MULTILINE
    )
    assert len(commands) == 2
    for command in commands:
        project.run("sh", "-c", command, env={"PATH": user_path()})
        project.run("uv", "lock", "--check")
        project.commit("feat: other answers")
    assert not (project.path / "Containerfile").exists()
    assert (project.path / "mkdocs.yml").exists()
    assert project.read(".python-version") == "3.13\n"
    assert 'requires-python = ">=3.13"' in project.read("uv.lock")


def script(project: Project, *arguments: str) -> str:
    """Run the script that `make update` runs, which must refuse."""
    before = files(project), project.git("status", "--porcelain")
    result = project.run(".venv/bin/python", "scripts/update.py", *arguments, check=False)
    assert result.returncode == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert (files(project), project.git("status", "--porcelain")) == before
    return result.stdout


def test_refusals_are_sentences(project: Project) -> None:
    answers = project.read(".copier-answers.yml")
    assert "has no version v7.7.7" in script(project, "--vcs-ref=v7.7.7")
    assert "Keep fast_math: your source files have this name" in script(
        project, "--data", "module_name=other"
    )

    write("mine.txt", "mine\n")(project.path)
    assert script(project) == "Commit or stash your changes before an update:\n?? mine.txt\n\n"
    (project.path / "mine.txt").unlink()

    for old, new, sentence in (
        ("python_min: '3.11'", "python_min: '3.12'", "was edited by hand"),
        ("_commit: v9999.0.0", "_commit: v7.7.7", "has no version v7.7.7"),
        ("_commit: v9999.0.0", "_commit: v10001.0.0", "was edited by hand"),
        ("_commit: v9999.0.0\n", "", "is missing or incomplete"),
        ("/template\n", "/elsewhere\n", "is not in"),
    ):
        (project.path / ".copier-answers.yml").write_text(answers.replace(old, new))
        project.commit("feat: edit the answers")
        assert sentence in script(project), new
    project.git("rm", "--quiet", ".copier-answers.yml")
    project.commit("feat: no answers")
    assert "is missing or incomplete: find it with `git log" in script(project)


def test_downgrade_is_refused(project: Project) -> None:
    make_update(project)
    project.commit("build: update")
    assert "Downgrades are not supported" in script(project, "--vcs-ref=v9999.0.0")


def test_check_tells_a_newer_version_by_its_status(project: Project) -> None:
    check = ".venv/bin/python", "scripts/update.py", "--check"
    result = project.run(*check, check=False)
    assert result.returncode == 2
    assert result.stdout == (
        "The template has version 10001.0.0, this project 9999.0.0: run `make update`.\n"
    )
    make_update(project)
    result = project.run(*check)
    assert result.stdout == "The template has no newer version than 10001.0.0.\n"

"""The guides in `docs/` work when their commands are typed, and lose nothing."""

import subprocess
from pathlib import Path

import pytest

from history import update
from project import ROOT, Project, run, user_path
from test_readme import blocks

pytestmark = pytest.mark.slow

OLD_REPOSITORY = {
    "README.md": "# Old Lib\n\nMy words.\n",
    "pyproject.toml": '[project]\nname = "old-lib"\nversion = "2.3.1"\ndependencies = ["my-dependency"]\n',
    "setup.cfg": "[metadata]\nname = old-lib\n",
    "Makefile": "mine:\n\techo mine\n",
    ".gitignore": "*.secret\n/.editorconfig\n",
    ".github/workflows/ci.yml": "name: mine\n",
    "src/old_lib/__init__.py": '"""My package."""\n\nMINE = 1\n',
    "src/old_lib/core.py": "MY_CORE = 2\n",
    "tests/test_core.py": "from old_lib.core import MY_CORE\n",
}
PREDECESSOR = {
    "README.md": "# electron\n\nMy words.\n",
    "LICENSE": "My licence\n",
    "CITATION.cff": "title: mine\n",
    "CONTRIBUTING.md": "# My rules\n",
    "Makefile": "mine:\n\techo mine\n",
    "MANIFEST.in": "recursive-include src *\n",
    "pyproject.toml": '[project]\nname = "electron"\nversion = "0.4.2"\ndependencies = ["my-dependency"]\n',
    ".gitignore": "Cargo.lock\n.venv\n",
    ".pre-commit-config.yaml": "repos: []\n",
    "git-conventional-commits.yaml": "convention: {}\n",
    ".github/setup-rust.sh": "sed\n",
    ".github/remove-rust.sh": "sed\n",
    ".github/workflows/release.yml": "name: my release\n",
    "crates/Cargo.toml": '[package]\nname = "electron_accelerate"\nversion = "0.4.2"\n# my crates\n',
    "crates/src/lib.rs": "// my functions\n",
    "crates/src/basic_functions/mod.rs": "// my module\n",
    "src/electron/__init__.py": "# my package\n",
    "src/electron/main.py": "class Electron:\n    mine = 1\n",
    "src/tests/electron_test.py": "from src.electron.main import Electron\n",
    "src/notebooks/01_main.ipynb": '{"cells": [], "mine": 1}\n',
}


def guide(name: str, template: Path) -> list[str]:
    text = (ROOT / "docs" / name).read_text("utf-8")
    typed = [block.replace("TEMPLATE", str(template)) for block in blocks(text, "console")]
    return [block.replace("copier copy", "copier copy --defaults --quiet") for block in typed]


def type_in(block: str, folder: Path) -> str:
    """Run the lines of a block as a shell does, until one fails."""
    return run("bash", "-euc", block, cwd=folder, env={"PATH": user_path()}).stdout


def repository(path: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, "utf-8")
    project = Project(path)
    project.commit("feat: all I have")
    return project


def all_lines(project: Project) -> set[str]:
    listed = project.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = {name for name in listed.split("\0") if name and (project.path / name).is_file()}
    return {line for name in names for line in project.read(name).splitlines()}


def settle(project: Project) -> None:
    """Keep both versions of what is still in conflict, without the marks."""
    for name in set(project.git("diff", "--name-only", "--diff-filter=U").split()):
        lines = project.read(name).splitlines(keepends=True)
        kept = [line for line in lines if line[:7] not in {"<<<<<<<", "=======", ">>>>>>>"}]
        (project.path / name).write_text("".join(kept), "utf-8")


def test_new_project(template: Path, tmp_path: Path) -> None:
    copy, start, later = guide("new-project.md", template)
    type_in(copy, tmp_path)
    assert " passed" in type_in(start, tmp_path)
    project = Project(tmp_path / "fast-math")
    assert "Nothing to update." in type_in(later, project.path)


def test_adopt(template: Path, tmp_path: Path) -> None:
    project = repository(tmp_path / "old", OLD_REPOSITORY)
    (project.path / ".editorconfig").write_text("mine, and ignored\n")
    before = all_lines(project)
    copy, check, merge, ours, commit = guide("adopt.md", template)
    type_in(copy, project.path)
    assert type_in(check, project.path) == ".editorconfig\n"
    (project.path / ".editorconfig").unlink()
    said = type_in(merge, project.path)
    conflicts = {"README.md", "pyproject.toml", "Makefile", ".gitignore", "src/old_lib/__init__.py"}
    assert conflicts <= {line[3:] for line in said.splitlines() if line.startswith("AA ")}
    assert not before - all_lines(project), "lost"
    type_in(ours, project.path)
    assert project.read("README.md") == OLD_REPOSITORY["README.md"]
    settle(project)
    type_in(commit, project.path)
    assert not before - all_lines(project), "lost"
    assert not project.git("status", "--porcelain")
    assert project.read("src/old_lib/core.py") == OLD_REPOSITORY["src/old_lib/core.py"]
    update(project)
    assert not project.git("status", "--porcelain")


def test_move_from_the_predecessor(template: Path, tmp_path: Path) -> None:
    project = repository(tmp_path / "electron", PREDECESSOR)
    folders, merge, choose, commit = guide("move-from-python-template.md", template)
    type_in(folders, project.path)
    before = all_lines(project)
    said = type_in(merge, project.path)
    assert "crates/Cargo.lock\n" in said
    assert "AA crates/src/lib.rs" in said
    assert not before - all_lines(project), "lost"
    shown = type_in(choose, project.path)
    for name in ("Makefile", ".pre-commit-config.yaml", ".github/workflows/release.yml"):
        for line in PREDECESSOR[name].splitlines():
            assert f"-{line}" in shown, "what was left behind is not shown"
    settle(project)
    type_in(commit, project.path)
    left = {line for name in ("Makefile", ".gitignore", ".pre-commit-config.yaml",
                              ".github/workflows/release.yml")
            for line in PREDECESSOR[name].splitlines()}  # fmt: skip
    assert not before - left - all_lines(project), "lost"
    assert project.read("tests/electron_test.py") == PREDECESSOR["src/tests/electron_test.py"]
    assert project.read("notebooks/01_main.ipynb") == PREDECESSOR["src/notebooks/01_main.ipynb"]
    update(project)
    assert not project.git("status", "--porcelain")
    log = subprocess.run(
        ["git", "log", "--follow", "--format=%s", "notebooks/01_main.ipynb"],
        cwd=project.path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "feat: all I have" in log.stdout, "history is lost"

"""The guides in `docs/` work when their commands are typed, and lose nothing."""

import json
import re
import textwrap
import tomllib
from pathlib import Path

import jinja2
import pytest

from project import ROOT, Project, run, user
from test_readme import blocks

pytestmark = [pytest.mark.slow(minutes=3), pytest.mark.usefixtures("kept_builds")]


def notebook(*lines: str) -> str:
    """Return a notebook with one cell."""
    cell: dict[str, object] = {
        "cell_type": "code",
        "execution_count": None,
        "id": "mine",
        "metadata": {},
        "outputs": [],
        "source": lines,
    }
    metadata = {"language_info": {"name": "python"}}
    whole = {"cells": [cell], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1) + "\n"


OLD_REPOSITORY = {
    "README.md": "# Old Lib\n\nMy words.\n",
    "CHANGELOG.md": "# Changelog\n\n## 8.0.4\n\nMine.\n",
    "pyproject.toml": (
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n\n'
        '[project]\nname = "old-lib"\nversion = "8.0.4"\ndependencies = ["packaging>=24"]\n'
        "[tool.black]\nline-length = 79\n"
    ),
    "setup.cfg": "[metadata]\nname = old-lib\n[flake8]\nmax-line-length = 79\n",
    "requirements.txt": "packaging\n",
    "Makefile": "mine:\n\techo mine\n",
    ".gitignore": "*.secret\ntarget/\n",
    "pytest.ini": "[pytest]\naddopts = --strict-markers\n",
    "Cargo.toml": (
        '[workspace]\nmembers = ["rust/core", "rust/python"]\nresolver = "2"\n\n'
        '[workspace.package]\nedition = "2021"\n\n'
        '[workspace.dependencies]\nfastrand = "2"\n'
    ),
    "rust/core/Cargo.toml": (
        '[package]\nname = "core-of-mine"\nversion = "8.0.4"\nedition.workspace = true\n\n'
        "[dependencies]\nfastrand.workspace = true\n"
    ),
    "rust/core/src/lib.rs": (
        "pub fn roll(sides: u8) -> u8 { fastrand::u8(1..=sides) }\n\n"
        "#[test]\nfn rolls_what_the_die_has() { assert_eq!(roll(1), 1); }\n"
    ),
    "rust/python/Cargo.toml": (
        '[package]\nname = "old_lib"\nversion = "8.0.4"\nedition.workspace = true\n\n'
        '[lib]\ncrate-type = ["cdylib"]\n\n'
        '[dependencies]\ncore-of-mine = { path = "../core" }\npyo3 = "0.22"\n'
    ),
    "rust/python/src/lib.rs": (
        "use pyo3::prelude::*;\n\n#[pyfunction]\nfn roll(sides: u8) -> u8 {\n    let wide = u32::from(sides);\n    return core_of_mine::roll(wide as u8);\n}\n\n"
        "#[pymodule]\nfn old_lib(m: &Bound<'_, PyModule>) -> PyResult<()> {\n"
        "    m.add_function(wrap_pyfunction!(roll, m)?)\n}\n"
    ),
    "notebooks/Use it.ipynb": notebook("from old_lib import parse\n", "\n", 'parse("1.0")'),
    ".github/workflows/ci.yml": "name: mine\non: push\njobs: {}\n",
    ".github/workflows/tests.yml": "name: tests\non: push\njobs: {}\n",
    "src/old_lib/__init__.py": '"""My package."""\n\nfrom .core import MyCore, parse\n\n__all__ = ["MyCore", "parse"]\n',
    "src/old_lib/units.txt": "m\ns\n",
    "notes.txt": "Mine, with white space. \n",
    "src/old_lib/core.py": (
        "import os,sys\nfrom pathlib import Path\nfrom packaging.version import Version\n\n"
        "UNITS = Path(__file__).with_name('units.txt').read_text('utf-8').split()\n\n\nclass MyCore:\n"
        "    def getIt(self, l = []):\n        l.append(1)\n        return len(l)\n\n"
        "def parse(text):\n    try:\n        return Version(text)\n"
        "    except:\n        raise ValueError('bad: %s' % text)\n"
    ),
    "docs/usage.md": '# Usage\n\n```python\n>>> from old_lib import parse\n>>> parse("1.0").major\n1\n```\n',
    "tests/test_core.py": (
        "from old_lib.core import *\nimport pytest\n\ndef test_it():\n    assert MyCore().getIt() == 1\n\n"
        "def test_bad():\n    with pytest.raises(ValueError):\n        parse('?')\n\n"
        "@pytest.mark.parametrize('number', [1, 1])\n"
        "def test_twice(number):\n    from tests.helpers import check\n    check(MyCore(), number)\n"
    ),
    "tests/helpers.py": "def check(core, number):\n    assert core.getIt([]) == number\n",
}
PREDECESSOR = {
    "README.md": "# electron\n\nMy words.\n",
    "LICENSE": "My licence\n",
    "CITATION.cff": "cff-version: 1.2.0\nmessage: mine\ntitle: mine\nauthors: [{name: me}]\n",
    "CONTRIBUTING.md": "# My rules\n",
    "Makefile": "mine:\n\techo mine\n",
    "MANIFEST.in": "recursive-include src *\n",
    "pyproject.toml": (
        '[project]\nname = "electron"\nversion = "0.4.2"\ndependencies = ["packaging"]\n'
        '[[tool.setuptools-rust.ext-modules]]\ntarget = "electron._accelerate"\n'
    ),
    ".gitignore": "Cargo.lock\n.venv\n",
    ".pre-commit-config.yaml": "repos: []\n",
    "git-conventional-commits.yaml": "convention: {}\n",
    ".github/setup-rust.sh": "sed\n",
    ".github/remove-rust.sh": "sed\n",
    ".github/ISSUE_TEMPLATE/bug.md": "Tell.\n",
    ".github/workflows/release.yml": "name: my release\n",
    "crates/.gitignore": "target\nCargo.lock\n",
    "crates/Cargo.toml": '[package]\nname = "electron_accelerate"\nversion = "0.4.2"\n[dependencies]\nfastrand = "2"\n',
    "crates/src/lib.rs": (
        "use pyo3::prelude::*;\n\n#[pyfunction]\nfn charge(n: i64) -> PyResult<i64> {\n    Ok(-n)\n}\n\n"
        "#[pymodule]\nfn _accelerate(_py: Python, m: &PyModule) -> PyResult<()> {\n"
        "    m.add_function(wrap_pyfunction!(charge, m)?)?;\n    Ok(())\n}\n"
    ),
    "crates/src/basic_functions/mod.rs": "// the old samples\n",
    "src/electron/__init__.py": '"""My package."""\n\n__all__: list[str] = []\n',
    "src/electron/main.py": "class Electron:\n    mine = 1\n",
    "src/tests/electron_test.py": (
        "from src.electron.main import Electron\n\ndef test_it():\n    assert Electron.mine == 1\n"
    ),
    "src/notebooks/01_main.ipynb": notebook(
        "from src.electron.main import Electron\n", "\n", "Electron.mine"
    ),
}


def guide(name: str, template: Path) -> list[str]:
    text = (ROOT / "docs" / name).read_text("utf-8")
    typed = [re.sub(r"\bTEMPLATE\b", str(template), block) for block in blocks(text, "console")]
    return [block.replace("copier copy", "copier copy --defaults --quiet") for block in typed]


def type_in(block: str, folder: Path) -> str:
    """Run the lines of a block as a shell does, until one fails."""
    return run("bash", "-euc", block, cwd=folder, base=user()).stdout


def repository(path: Path, files: dict[str, str]) -> Project:
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text, "utf-8")
    project = Project(path)
    project.commit("feat: all I have")
    return project


def change(project: Project, name: str, old: str, new: str) -> None:
    text = project.read(name)
    assert text.count(old) == 1, f"not once in {name}: {old}"
    (project.path / name).write_text(text.replace(old, new), "utf-8")


def settle(project: Project, module: str, version: str, untyped: list[str]) -> None:
    """Do what the guide for adopting asks for by hand."""
    page = (ROOT / "docs/adopt.md").read_text("utf-8")
    change(project, "pyproject.toml", 'version = "0.0.0"', f'version = "{version}"')
    change(
        project, "pyproject.toml", "keywords = [", 'dependencies = ["packaging>=24"]\nkeywords = ['
    )
    change(project, "crates/Cargo.toml", 'version = "0.0.0"', f'version = "{version}"')
    (ease,) = blocks(page, "toml")
    ease = ease.replace('["old_lib.*", "tests.test_core"]', json.dumps(untyped))
    (project.path / "pyproject.toml").write_text(project.read("pyproject.toml") + "\n" + ease)
    listing = textwrap.dedent(
        "".join(part.split("  ```\n")[0] for part in page.split("  ```python\n")[1:])
    )
    docstring, rest = project.read(f"src/{module}/__init__.py").split("\n", 1)
    names = "add_in_rust", "concat_in_rust", "count_close_pairs", "subtract_in_rust"
    rest = re.sub(
        r"(__all__.*= \[)", rf'\1{", ".join(map(json.dumps, names))}, "__version__", ', rest
    )
    (project.path / f"src/{module}/__init__.py").write_text(f"{docstring}\n\n{listing}{rest}")
    source = (ROOT / "template/src/{{ module_name }}/__init__.py.jinja").read_text("utf-8")
    for name in re.findall(r"^docs/(\w+\.md)$", project.git("ls-files"), re.MULTILINE):
        change(project, "mkdocs.yml", "nav:\n", f"nav:\n  - {name}\n")
        text = project.read(f"docs/{name}")
        (project.path / "docs" / name).write_text(re.sub(r"(>>> (?:.+\n)+)```", r"\1\n```", text))
    given = jinja2.Template(source, trim_blocks=True, lstrip_blocks=True).render(features=[])
    shown, _, _ = listing.partition("__version__")
    assert shown.strip() in given, "the guide shows another __init__.py than the template has"


def ends_green(project: Project, eased: str, before: dict[str, str]) -> None:
    """See that every task passes: those that the guide names last have, on what it commits then."""
    assert "make precommit || make precommit\nmake lint test\ngit add --all\ngit commit " in eased
    assert "\ntests/test_samples.py ." in type_in(eased, project.path)
    assert project.git("status", "--porcelain") == ""
    project.make("docs wheel")
    assert project.git("status", "--porcelain") == ""
    assert project.read("README.md") == before["README.md"]
    said = project.make("update")
    assert "Nothing to update." in said


def ends_with_a_bump(project: Project, old: str, message: str, new: str) -> None:
    """The repository had no tags: the bump says how to make that of the last release."""
    refused = project.run("make", "bump", check=False)
    assert refused.returncode
    advice = re.search(r"`(git tag .+?)`", refused.stdout)
    assert advice, refused.stdout
    project.run(*advice[1].split())
    assert project.git("log", "-1", "--format=%s", f"v{old}") == "feat: all I have\n"
    project.git("commit", "--quiet", "--allow-empty", f"--message={message}")
    changelog = project.read("CHANGELOG.md")
    project.make("bump")
    assert project.git("describe", "--exact-match") == f"v{new}\n"
    assert project.git("status", "--porcelain") == ""
    heading, section, rest = re.split(
        rf"(\n## v{re.escape(new)} .*\n(?:(?!## ).*\n)*)", project.read("CHANGELOG.md")
    )
    assert (heading + rest).split() == changelog.split()
    assert f"- {message.partition(': ')[2]}\n" in section


def test_new_project(template: Path, tmp_path: Path) -> None:
    copy, start, later = guide("new-project.md", template)
    type_in(copy, tmp_path)
    assert " passed" in type_in(start, tmp_path)
    project = Project(tmp_path / "fast-math")
    assert "Nothing to update." in type_in(later, project.path)


# Older than the newest, and allowed by what the manifest says.
LOCKED = "2.1.0"


def lock_crates(project: Project) -> None:
    """Commit a lock file as an older repository has it."""
    project.run("cargo", "generate-lockfile")
    project.run("cargo", "update", "fastrand", f"--precise={LOCKED}")
    project.commit("build: lock")


def settle_the_rest(project: Project) -> None:
    """Do what the guide says of data, settings, tests, notebooks and Rust."""
    pyproject, manifest = "pyproject.toml", "crates/Cargo.toml"
    change(project, pyproject, '["py.typed", "*.pyi"]', '["py.typed", "*.pyi", "units.txt"]')
    change(
        project,
        pyproject,
        "\nstrict = true\nlog",
        "\nstrict = true\nstrict_parametrization_ids = false\nlog",
    )
    project.git("rm", "--quiet", "pytest.ini")
    project.git("mv", "notebooks/Use it.ipynb", "notebooks/02_use_it.ipynb")
    project.git("mv", "rust/core", "crates/core")
    tables = project.read("Cargo.toml").replace('["rust/core", "rust/python"]', '["core"]')
    (project.path / manifest).write_text(
        project.read(manifest) + "\n" + tables.replace('resolver = "2"\n', "")
    )
    change(
        project, manifest, "[dependencies]\n", '[dependencies]\ncore-of-mine = { path = "core" }\n'
    )
    _, after = project.read("rust/python/src/lib.rs").split("#[pyfunction]\n")
    function, _ = after.split("#[pymodule]")
    doc = "/// Roll a die.\n#[pyfunction]\n"
    change(
        project,
        "crates/src/lib.rs",
        "    /// Count the pairs",
        textwrap.indent(doc + function, "    ") + "    /// Count the pairs",
    )
    (allowed,) = blocks((ROOT / "docs/adopt.md").read_text("utf-8"), "rust")
    change(project, "crates/src/lib.rs", "mod samples;\n", f"{allowed}mod samples;\n")
    project.git("mv", "--force", "Cargo.lock", "crates/Cargo.lock")
    project.git("rm", "--quiet", "-r", "Cargo.toml", "rust")


def locked(project: Project) -> dict[str, str]:
    """Return the versions of all crates in the lock file."""
    packages = tomllib.loads(project.read("crates/Cargo.lock"))["package"]
    return {package["name"]: package["version"] for package in packages}


def test_adopt(template: Path, tmp_path: Path) -> None:
    lock_crates(repository(tmp_path / "old-lib", OLD_REPOSITORY))
    copy, ease = guide("adopt.md", template)
    said = type_in(copy, tmp_path).splitlines()
    project = Project(tmp_path / "old-lib-adopted")
    replaced = {"pyproject.toml", "Makefile", ".gitignore", ".github/workflows/ci.yml"}
    assert {line[3:] for line in said if line.startswith(" M ")} == replaced
    assert not [line for line in said if line.startswith("!! ")]
    settle(project, "old_lib", "8.0.4", ["old_lib.*", "tests.helpers", "tests.test_core"])
    change(project, "pyproject.toml", "major_version_zero = true", "# major_version_zero = false")
    project.git("rm", "--quiet", "setup.cfg", "requirements.txt", ".github/workflows/tests.yml")
    settle_the_rest(project)
    ends_green(project, ease, OLD_REPOSITORY)
    assert "getIt" in project.read("src/old_lib/core.py")
    assert locked(project)["_old-lib"] == "8.0.4"
    assert locked(project)["fastrand"] == LOCKED
    roll = "from old_lib._accelerate import roll; print(roll(1))"
    assert project.run(project.path / ".venv/bin/python", "-c", roll).stdout == "1\n"
    ends_with_a_bump(project, "8.0.4", "feat!: parse less", "9.0.0")


def test_move_from_the_predecessor(template: Path, tmp_path: Path) -> None:
    repository(tmp_path / "electron", PREDECESSOR)
    folders, copy = guide("move-from-python-template.md", template)
    _, ease = guide("adopt.md", template)
    type_in(folders, tmp_path)
    project = Project(tmp_path / "electron-moved")
    said = type_in(copy, project.path).splitlines()
    assert not [line for line in said if line.startswith("!! ")]
    settle(project, "electron", "0.4.2", ["electron.*", "tests.electron_test"])
    change(project, "crates/Cargo.toml", "[dependencies]\n", '[dependencies]\nfastrand = "2"\n')
    (project.path / "crates/src/old_lib.rs").rename(project.path / "crates/src/electron.rs")
    (project.path / "crates/src/electron.rs").write_text(
        "pub(crate) fn charge(n: i64) -> i64 {\n    -n\n}\n"
    )
    change(project, "crates/src/lib.rs", "mod samples;\n", "mod electron;\nmod samples;\n")
    change(
        project,
        "crates/src/lib.rs",
        "    /// Count the pairs",
        "    /// Return the charge.\n    #[pyfunction]\n    fn charge(n: i64) -> i64 {\n"
        "        crate::electron::charge(n)\n    }\n\n    /// Count the pairs",
    )
    ends_green(project, ease, PREDECESSOR)
    ends_with_a_bump(project, "0.4.2", "feat: charge", "0.5.0")
    charge = "from electron._accelerate import charge; print(charge(3))"
    assert project.run(project.path / ".venv/bin/python", "-c", charge).stdout == "-3\n"
    log = project.git("log", "--follow", "--format=%s", "notebooks/01_main.ipynb")
    assert "feat: all I have" in log, "history is lost"

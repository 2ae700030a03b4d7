"""What is written in several files of a project says the same everywhere."""

import json
import re
import shutil
import sys
import tomllib
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml
from commitizen.cz.conventional_commits.conventional_commits import ConventionalCommitsCz as Cz
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import pythons
from conftest import Render
from project import FEATURES, ROOT, Project, run, user

FLOORS = ["3.11", "3.12", "3.13", "3.14"]
LICENCES = {
    "MIT": {"LICENSE": "MIT License"},
    "Apache-2.0": {"LICENSE": "Apache License"},
    "BSD-3-Clause": {"LICENSE": "BSD 3-Clause License"},
    "MIT OR Apache-2.0": {"LICENSE-MIT": "MIT License", "LICENSE-APACHE": "Apache License"},
    "MPL-2.0": {"LICENSE": "Mozilla Public License Version 2.0"},
    "GPL-3.0-or-later": {"LICENSE": "GNU GENERAL PUBLIC LICENSE"},
}


# A word that changes in a licence may change what it allows.
DIGESTS = {
    "Apache-2.0.txt": "074e6e32c86a4c0ef8b3ed25b721ca23aca83df277cd88106ef7177c354615ff",
    "BSD-3-Clause.txt": "0d48ad7c392121115b7d5ec38e7c8f7e01d681ecf4be16a67e54bddb62939464",
    "GPL-3.0-or-later.txt": "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986",
    "MIT.txt": "a15a5c43595b7b816bc4679bee0efa14efaebae10fbba3ea81c0a954df7cb7ce",
    "MPL-2.0.txt": "1f256ecad192880510e84ad60474eab7589218784b9a50bc7ceee34c2b91f1d5",
}


def toml(project: Project, name: str) -> dict[str, Any]:
    return tomllib.loads(project.read(name))


@pytest.mark.parametrize("floor", FLOORS)
def test_one_answer_sets_the_oldest_python(render: Render, floor: str) -> None:
    project = render(python_min=floor)
    supported = pythons.SUPPORTED[pythons.SUPPORTED.index(floor) :]
    pyproject = toml(project, "pyproject.toml")
    classifiers = re.findall(
        r'"Programming Language :: Python :: (3\.\d+)"', project.read("pyproject.toml")
    )
    assert pyproject["project"]["requires-python"] == f">={floor}"
    assert classifiers == supported
    features = toml(project, "crates/Cargo.toml")["dependencies"]["pyo3"]["features"]
    assert features == ["abi3-py" + floor.replace(".", "")]
    ci = yaml.safe_load(project.read(".github/workflows/ci.yml"))
    assert ci["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    # README, given once, would not follow a new floor.
    assert set(re.findall(r"Python (3\.\d+)", project.read("CONTRIBUTING.md"))) == {floor}


def test_no_tool_has_a_python_version_of_its_own(render: Render) -> None:
    """Ruff, mypy and uv read `requires-python`; a second number could disagree with it."""
    text = render().read("pyproject.toml")
    assert "target-version" not in text
    assert "python_version" not in text


def test_the_crate_is_what_its_comments_say(render: Render) -> None:
    """A panic that aborts would kill Python; what is published by mistake cannot be taken back."""
    crate = toml(render(), "crates/Cargo.toml")
    assert crate["package"]["publish"] is False
    assert all("panic" not in profile for profile in crate["profile"].values())
    release = {"codegen-units": 1, "lto": "fat", "strip": "symbols"}
    assert crate["profile"]["release"].items() >= release.items()
    assert crate["profile"]["dev"] == {"package": {"*": {"debug": False}}}
    assert crate["lints"]["clippy"]["pedantic"] == {"level": "warn", "priority": -1}
    assert crate["lints"]["rust"]["unknown_lints"] == "allow"


def test_wheels_are_tested_where_they_are_built(render: Render) -> None:
    settings = toml(render(), "pyproject.toml")["tool"]["cibuildwheel"]
    assert settings["test-groups"] == ["test"]
    assert settings["test-command"] == "pytest {project}/tests"
    assert not {"test-skip", "test-requires"} & settings.keys()
    assert settings["macos"]["environment"] == {"MACOSX_DEPLOYMENT_TARGET": "10.12"}
    engine = {"name": "docker", "disable-host-mount": True}  # crates run code in a build
    assert settings["linux"]["container-engine"] == engine
    assert settings["linux"]["before-all"] == "sh {project}/scripts/install_rust.sh"
    assert settings["linux"]["environment"] == {"PATH": "$HOME/.cargo/bin:$PATH"}


# What each family of rules minds.
BAD_CODE = {
    "ANN": "def f(x): ...",
    "B": "def g(x: list[int] = []) -> None: ...",
    "C4": "C = list([])",
    "D": "class Undocumented: ...",
    "E": "L = 1 if None == 2 else 3",
    "F": "F = f'text'",
    "I": "import sys\nimport os",
    "N": "def Function() -> None: ...",
    "PT": "def test_it() -> None:\n    assert 1 and 2",
    "PTH": "open('file')",
    "RET": "def h() -> int:\n    x = 1\n    return x",
    "RUF": "R = [1] + [2, *[]]",
    "SIM": "S = True if 1 else False",
    "UP": "from typing import List",
    "W": "W = 1 ",
}


def test_all_families_of_rules_are_checked(render: Render) -> None:
    project = render()
    (project.path / "src" / "bad.py").write_text("\n\n\n".join(BAD_CODE.values()) + "\n")
    command = "ruff", "check", "--no-cache", "--output-format=json", "src/bad.py"
    found = json.loads(project.tool(*command, check=False).stdout)
    families = {re.sub(r"\d+$", "", each["code"] or "") for each in found}
    assert BAD_CODE.keys() - {"C4"} <= families
    assert "C410" in {each["code"] for each in found}


def test_manifests_say_what_code_promises(render: Render) -> None:
    project = render(features=["free_threaded"])
    classifiers = toml(project, "pyproject.toml")["project"]["classifiers"]
    assert "Typing :: Typed" in classifiers
    assert [*project.path.glob("src/*/py.typed")]
    (extension,) = toml(project, "pyproject.toml")["tool"]["setuptools-rust"]["ext-modules"]
    oldest_rust = toml(project, "crates/Cargo.toml")["package"]["rust-version"]
    assert extension["rust-version"] == f">={oldest_rust}"
    assert "Programming Language :: Python :: Free Threading :: 2 - Beta" in classifiers
    manifest = toml(project, "crates/Cargo.toml")
    assert manifest["lints"]["rust"]["unsafe_code"] == "deny"
    assert manifest["package"]["edition"] == "2024"


def test_source_distributions_are_compared_with_git(render: Render) -> None:
    """As far as they must hold all of it: builds, wheels' tests and tasks need these folders."""
    settings = toml(render(), "pyproject.toml")["tool"]["check-sdist"]
    assert settings == {"git-only": ["/*", "!/crates", "!/scripts", "!/src", "!/tests"]}


def test_types_are_checked_strictly(render: Render) -> None:
    settings = toml(render(), "pyproject.toml")["tool"]["mypy"]
    assert settings["strict"] is True
    assert settings["files"] == ["."]
    assert settings["exclude"] == [r"^setup\.py$", "^vendor/"]
    assert settings["warn_unreachable"] is True
    codes = ["ignore-without-code", "redundant-expr", "truthy-bool"]
    assert settings["enable_error_code"] == codes


def test_cargo_looks_at_all_crates_of_a_workspace(render: Render) -> None:
    project = render(features=FEATURES)
    commands = re.findall(
        r"\bcargo (?:build|check|clippy|fmt|test) -[^\n\"]*",
        project.read("Makefile") + project.read("pyproject.toml"),
    )
    assert len(commands) == 9
    assert [line for line in commands if not re.search(" --(workspace|all) ", line)] == []


LITTER = [".benchmarks/x", ".cache/x", ".coverage", ".coverage.host.1", ".dmypy.json", ".DS_Store", ".ipynb_checkpoints/x",
          ".pytest_cache/x", ".ruff_cache/x", "src/fast_math/a.pyd", "src/fast_math/a.pyd~", "src/fast_math/a.so~"]  # fmt: skip


def test_litter_stays_out_of_git(render: Render) -> None:
    project = render(project_name="Fast Math")
    project.git("init", "--quiet")
    assert project.git("check-ignore", "--no-index", *LITTER).splitlines() == LITTER


MADE = [".uv/uv", ".venv/bin/python", ".mypy_cache/x", ".hypothesis/x", "build/x", "dist/x.whl", "site/index.html",
        "crates/target/debug/x", "src/fast_math/_accelerate.abi3.so", "src/fast_math.egg-info/x",
        "src/fast_math/__pycache__/x.pyc", "src/fast_math/a.pyd", "target/debug/x", ".conda/x", ".env", ".direnv/x", ".idea/x", ".nox/x",
        ".pixi/x", ".tox/x", ".vscode/x", "venv/x", "crates/fuzz/target/x"]  # fmt: skip


def test_docs_are_checked_as_strictly_here_as_in_ci(render: Render) -> None:
    project = render(features=["docs"])
    task = toml(project, "pyproject.toml")["tool"]["poe"]["tasks"]["docs"]["cmd"]
    assert task.startswith("uv run --only-group docs properdocs build --strict ")
    in_ci = task.replace("uv run --only-group", "uv run --locked --only-group")
    assert f"run: {in_ci}\n" in project.read(".github/workflows/docs.yml")
    # And their examples are run.
    tests = toml(project, "pyproject.toml")["tool"]["pytest"]["ini_options"]
    assert tests["testpaths"] == ["tests", "docs"]
    assert "--doctest-glob=*.md" in tests["addopts"]


def test_what_tasks_and_tools_make_stays_out_of_git_and_images(render: Render) -> None:
    project = render(project_name="Fast Math")
    project.git("init", "--quiet")
    module = "crates/src/target/mod.rs"
    for name in (*MADE, module):
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).touch()
    project.git("add", "--all")
    kept = project.git("ls-files").splitlines()
    assert set(kept).isdisjoint(MADE)
    assert {".gitignore", ".copier-answers.yml", "crates/Cargo.lock", module} <= set(kept)
    # Podman and Docker read patterns as Git does, but for names without a folder, which are at the top only.
    lines = project.read(".dockerignore").splitlines()[1:]
    assert ".git" in lines  # with what was once committed and deleted
    patterns = re.sub(r"(?m)^(!?)(?!\*\*/)(?=[^!])", r"\1/", "\n".join(lines))
    (project.path / ".git/info/exclude").write_text(patterns)
    (project.path / ".gitignore").unlink()
    project.git("rm", "-r", "--cached", "--quiet", ".")
    project.git("add", "--all")
    sent = set(project.git("ls-files").splitlines())
    assert sent == set(kept) - {".gitignore"}


def test_files_are_the_same_on_every_system(render: Render, tmp_path: Path) -> None:
    """Git for Windows offers to write files with other ends of lines."""
    project = render()
    project.commit()
    clone = "clone", "--quiet", "--config=core.autocrlf=true", project.path, tmp_path / "clone"
    project.run("git", *clone)
    for name in project.git("ls-files").splitlines():
        assert (tmp_path / "clone" / name).read_bytes() == (project.path / name).read_bytes()


def test_messages_do_what_the_table_says(render: Render) -> None:
    page = render().read("CONTRIBUTING.md")
    rows = re.findall(r"^\| (`.+`.*) \| (.+) \| (yes|no) \|$", page, re.MULTILINE)
    steps = {
        "none": None,
        "patch": "PATCH",
        "minor": "MINOR",
        "major (before 1.0.0: minor)": "MAJOR",
    }
    assert len(rows) == 5
    for kinds, version, listed in rows:
        for kind in re.findall("`([^`]+)`", kinds):
            message = f"{kind.removesuffix(' …')} x"
            matched = re.match(Cz.bump_pattern, message)
            assert matched
            made = next(
                (step for rule, step in Cz.bump_map.items() if re.match(rule, matched[1])), None
            )
            assert made == steps[version], kind
            assert bool(re.match(Cz.commit_parser, message)) == (listed == "yes"), kind


def test_texts_of_licences_stay() -> None:
    texts = {path.name: path.read_bytes() for path in (ROOT / "licenses").iterdir()}
    assert {name: sha256(text).hexdigest() for name, text in texts.items()} == DIGESTS


@pytest.mark.parametrize("licence", LICENCES)
def test_licence_is_the_same_everywhere(render: Render, licence: str) -> None:
    project = render(license=licence, author_name="Ada Lovelace")
    ids = licence.split(" OR ")
    assert toml(project, "pyproject.toml")["project"]["license"] == licence
    assert toml(project, "crates/Cargo.toml")["package"]["license"] == licence
    citation = yaml.safe_load(project.read("CITATION.cff"))
    asked = project.answers
    assert citation["title"] == asked["project_name"]
    assert citation["abstract"] == asked["description"]
    author = {"name": asked["author_name"], "email": asked["author_email"]}
    assert citation["authors"] == [author]
    cited = citation["license"]
    assert ([cited] if isinstance(cited, str) else cited) == ids
    assert {path.name for path in project.path.glob("LICENSE*") if path.is_file()} == set(
        LICENCES[licence]
    )
    for name, first_line in LICENCES[licence].items():
        assert project.read(name).strip().startswith(first_line)
    if set(ids) & {"MIT", "BSD-3-Clause"}:
        assert "Copyright (c) Ada Lovelace\n" in project.read(next(iter(LICENCES[licence])))


def test_names_are_the_same_everywhere(render: Render) -> None:
    project = render(package_name="Fast.Math", module_name="quick_math", github_owner="octo-org")
    pyproject = toml(project, "pyproject.toml")
    assert pyproject["project"]["name"] == "Fast.Math"
    (extension,) = pyproject["tool"]["setuptools-rust"]["ext-modules"]
    assert extension["target"] == "quick_math._accelerate"
    assert toml(project, "crates/Cargo.toml")["package"]["name"] == "_fast-math"
    assert 'pymodule(module = "quick_math")' in project.read("crates/src/lib.rs")
    urls = pyproject["project"]["urls"]
    assert urls == {
        "Source": (source := "https://github.com/octo-org/Fast.Math"),
        "Documentation": "https://octo-org.github.io/Fast.Math/",
        "Changelog": f"{source}/blob/HEAD/CHANGELOG.md",
        "Issues": f"{source}/issues",
    }
    assert 'version("Fast.Math")' in project.read("tests/test_package.py")
    links: dict[str, set[str]] = {}
    for path in filter(Path.is_file, project.path.rglob("*")):
        text = path.read_text("utf-8")
        for place in re.findall(r"(?:github\.com|octo-org\.github\.io)/(?:[\w.-]+/)?[\w.-]+", text):
            if re.search("octo-org|Fast.Math", place):
                links.setdefault(place, set()).add(path.relative_to(project.path).as_posix())
    assert links == {
        "github.com/octo-org/Fast.Math": {
            *(
                ".github/SECURITY.md",
                "CITATION.cff",
                "README.md",
                "docs/index.md",
                "mkdocs.yml",
                "pyproject.toml",
            )
        },
        "octo-org.github.io/Fast.Math": {"README.md", "mkdocs.yml", "pyproject.toml"},
    }
    answers = {"package_name": "Fast.Math", "module_name": "quick_math", "features": ["pypi"]}
    release = render(**answers).read(".github/workflows/release.yml")
    assert re.findall(r"pypi\.org/project/(.*)", release) == ["Fast.Math/"]


def test_versions_and_build_tools_are_the_same_everywhere(render: Render) -> None:
    project = render()
    pyproject = toml(project, "pyproject.toml")
    versions = {
        pyproject["project"]["version"],
        toml(project, "crates/Cargo.toml")["package"]["version"],
        *(
            package["version"]
            for package in toml(project, "crates/Cargo.lock")["package"]
            if package["name"].startswith("_")
        ),
    }
    assert versions == {"0.0.0"}
    tools, oldest = (
        {requirement.name: requirement.specifier for requirement in map(Requirement, requirements)}
        for requirements in (
            pyproject["dependency-groups"]["build"],
            pyproject["build-system"]["requires"],
        )
    )
    assert tools.keys() == oldest.keys()
    for name, specifier in tools.items():
        used = next(each.version for each in specifier if each.operator == ">=")
        assert used in oldest[name]


def test_what_others_built_is_not_removed(render: Render) -> None:
    """In a uv workspace, where uv builds into the folder of all members if it is told none."""
    steps = toml(render(), "pyproject.toml")["tool"]["poe"]["tasks"]["wheel"]["sequence"]
    builds = re.findall(
        "uv build.*?(?= *(?:\\|\\||$))", "\n".join(s.get("shell", "") for s in steps), re.M
    )
    assert len(builds) == 2
    assert all("--out-dir dist" in build and "--clear" not in build for build in builds)


BUILDS = {"setup.py": 110, "sbom.py": 60, "install_rust.sh": 15}  # at most so many lines


def machinery(project: Project) -> int:
    """Count the lines of what serves the template and not the owner.

    Workflows are apart, and what builds: `setup.py`, `scripts/sbom.py`, which it calls, and `scripts/install_rust.sh`,
    which containers for wheels call.
    """
    files = [
        *(file for file in project.path.glob("scripts/*") if file.name not in BUILDS),
        *project.path.glob(".githooks/*"),
        *project.path.glob("*/conftest.py"),
    ]
    return sum(len(file.read_text("utf-8").splitlines()) for file in files)


@pytest.mark.parametrize(("features", "most"), [(None, 52), ([], 38)])
def test_a_project_is_small(render: Render, features: list[str] | None, most: int) -> None:
    project = render() if features is None else render(features=features)
    files = [path for path in project.path.rglob("*") if path.is_file()]
    assert len(files) <= most, sorted(path.relative_to(project.path).as_posix() for path in files)
    top = sorted(path.name for path in project.path.iterdir())
    assert len(top) <= 26, f"put a file into a folder, or say why there must be more: {top}"
    assert machinery(project) <= 250, "shorten scripts, hooks or conftest.py"
    for name, lines in BUILDS.items():
        place = name if name == "setup.py" else f"scripts/{name}"
        assert len(project.read(place).splitlines()) <= lines


@pytest.mark.parametrize("features", [[], ["benchmarks", "docs"], FEATURES])
def test_python_code_is_formatted(render: Render, features: list[str]) -> None:
    project = render(features=features)
    project.tool("ruff", "format", "--check")
    project.tool("ruff", "check")


@pytest.mark.parametrize("name", ["pyo3", "libc", "aa", "z9", "Fast.Core", "x" * 50])
def test_crate_has_a_name_of_its_own(render: Render, name: str) -> None:
    """Cargo compares the lock file byte by byte, so the crate must be in its place there."""
    project = render(package_name=name, features=[])
    manifest = "--manifest-path=crates/Cargo.toml"
    printed = project.run("cargo", "metadata", "--locked", "--format-version=1", manifest).stdout
    packages = json.loads(printed[printed.index("{") :])["packages"]
    (own,) = (package for package in packages if not package["source"])
    assert own["name"] == "_" + canonicalize_name(name)
    others = {package["name"] for package in packages} - {own["name"]}
    assert not any(other.startswith("_") for other in others)
    assert {target["name"] for target in own["targets"]} == {own["name"].replace("-", "_")}


def test_newest_python_is_never_stored(render: Render) -> None:
    assert "newest_minor" not in render(features=[]).read(".copier-answers.yml")


@pytest.mark.slow
@pytest.mark.usefixtures("kept_builds")
def test_projects_may_share_a_target_folder(render: Render, tmp_path: Path) -> None:
    assert "CARGO_TARGET_DIR" in user()
    for name, mark in {"first": 1, "second": 2}.items():
        project = render(package_name=name, features=[]).copy(tmp_path / name)
        lib = project.read("crates/src/lib.rs")
        lib = lib.replace("const DEBUG: bool = cfg!(debug_assertions)", f"const DEBUG: u8 = {mark}")
        (project.path / "crates/src/lib.rs").write_text(lib, "utf-8")
        project.git("init", "--quiet")
        project.run("uv", "sync", "--quiet")
    for name, mark in {"first": 1, "second": 2}.items():
        project = Project(tmp_path / name)
        project.run("uv", "sync", "--quiet", "--reinstall-package", name)
        code = f"import {name} as p; print(p._accelerate.DEBUG, p.add_in_rust.__module__)"
        printed = project.run(".venv/bin/python", "-c", code).stdout
        assert printed == f"{mark} {name}._accelerate.basic_functions\n"


@pytest.mark.slow
def test_missing_module_says_what_to_do(render: Render, tmp_path: Path) -> None:
    """Also where it is only out of reach, as in a zip file."""
    source = render(package_name="fast-math", features=[]).path / "src"
    archive = shutil.make_archive(str(tmp_path / "app"), "zip", source)
    for folder in (str(source), archive):
        env = {"PYTHONPATH": folder}
        result = run(sys.executable, "-c", "import fast_math", cwd=tmp_path, env=env, check=False)
        assert result.stdout.splitlines()[-1] == (
            "ImportError: fast_math._accelerate is not compiled: run `make init` or `pip install .`. (Python "
            f"looked in {folder}/fast_math; it cannot load a compiled module from a zip file.)"
        )


# The compiled module as a program holds it that is one file with Python.
BUILT_IN = """
import sys
from types import ModuleType
from unittest.mock import sentinel

module = ModuleType("fast_math._accelerate")
module.VERSION = module.count_close_pairs = sentinel.anything
module.basic_functions = ModuleType("basic_functions")
for name in ("add", "concat", "subtract"):
    setattr(module.basic_functions, f"{name}_in_rust", sentinel.anything)
sys.modules[module.__name__] = module
import fast_math
"""


@pytest.mark.slow
def test_a_module_without_a_file_is_not_missing(render: Render) -> None:
    source = render(package_name="fast-math", features=[]).path / "src"
    run(sys.executable, "-c", BUILT_IN, cwd=source, env={"PYTHONPATH": str(source)})


def test_files_have_ends_of_lines_that_merge() -> None:
    """Git stores LF, and a render with CR would clash with that at each update."""
    for path in (path for path in (ROOT / "template").rglob("*") if path.is_file()):
        assert b"\r" not in path.read_bytes(), path

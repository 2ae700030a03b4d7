"""What is written in several files of a project says the same everywhere."""

import re
import tomllib
from typing import Any

import pytest
import yaml

import pythons
from conftest import Render
from project import Project

FLOORS = ["3.11", "3.12", "3.13", "3.14"]
LICENCES = {
    "MIT": {"LICENSE": "MIT License"},
    "Apache-2.0": {"LICENSE": "Apache License"},
    "BSD-3-Clause": {"LICENSE": "BSD 3-Clause License"},
    "MIT OR Apache-2.0": {"LICENSE-MIT": "MIT License", "LICENSE-APACHE": "Apache License"},
    "MPL-2.0": {"LICENSE": "Mozilla Public License Version 2.0"},
    "GPL-3.0-or-later": {"LICENSE": "GNU GENERAL PUBLIC LICENSE"},
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
    assert project.read(".python-version").strip() == floor
    features = toml(project, "crates/Cargo.toml")["dependencies"]["pyo3"]["features"]
    assert features == ["abi3-py" + floor.replace(".", "")]
    ci = yaml.safe_load(project.read(".github/workflows/ci.yml"))
    assert ci["jobs"]["test"]["strategy"]["matrix"]["python"] == supported
    for name in ("CONTRIBUTING.md",):  # README, given once, would not follow a new floor
        assert set(re.findall(r"Python (3\.\d+)", project.read(name))) == {floor}


def test_no_tool_has_a_python_version_of_its_own(render: Render) -> None:
    """Ruff, mypy and uv read `requires-python`; a second number could disagree with it."""
    text = render().read("pyproject.toml")
    assert "target-version" not in text
    assert "python_version" not in text


@pytest.mark.parametrize("licence", LICENCES)
def test_licence_is_the_same_everywhere(render: Render, licence: str) -> None:
    project = render(license=licence, author_name="Ada Lovelace")
    ids = licence.split(" OR ")
    assert toml(project, "pyproject.toml")["project"]["license"] == licence
    assert toml(project, "crates/Cargo.toml")["package"]["license"] == licence
    cited = yaml.safe_load(project.read("CITATION.cff"))["license"]
    assert ([cited] if isinstance(cited, str) else cited) == ids
    assert {path.name for path in project.path.glob("LICENSE*") if path.is_file()} == set(
        LICENCES[licence]
    )
    assert {path.stem for path in (project.path / "LICENSES").iterdir()} == set(ids)
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
    assert toml(project, "crates/Cargo.toml")["lib"]["name"] == extension["target"].split(".")[-1]
    assert 'pymodule(module = "quick_math")' in project.read("crates/src/lib.rs")
    assert 'version("Fast.Math")' in project.read("tests/test_package.py")
    assert set(re.findall(r"github\.com/(octo-org/[\w.-]+)", project.read("README.md"))) <= {
        "octo-org/Fast.Math"
    }


def test_versions_and_build_tools_are_the_same_everywhere(render: Render) -> None:
    project = render()
    pyproject = toml(project, "pyproject.toml")
    versions = {
        pyproject["project"]["version"],
        toml(project, "crates/Cargo.toml")["package"]["version"],
        *(
            package["version"]
            for package in toml(project, "crates/Cargo.lock")["package"]
            if package["name"] == "accelerate"
        ),
    }
    assert versions == {"0.0.0"}
    assert pyproject["dependency-groups"]["build"] == pyproject["build-system"]["requires"]

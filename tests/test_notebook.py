"""The notebook: runs from top to bottom, is stored without outputs, and goes by a number."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from conftest import Render
from project import Project
from steps import step

QUICKSTART = "notebooks/01_quickstart.ipynb"


@pytest.fixture(scope="session")
def project(render: Render) -> Project:
    """Render a project with names as long as they can be, and a title full of signs."""
    project = render(
        project_name="""<b>C#</b> "quoted" \\ {{ 7 * 7 }} it's 🚀""",
        package_name="n" * 50,
        module_name="m" * 50,
        features=["notebook"],
    )
    project.commit()
    return project


@pytest.fixture(scope="session")
def with_tools(project: Project, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Install the tools of two hooks, but not the package: nothing is compiled."""
    environment = tmp_path_factory.mktemp("tools") / "venv"
    project.run(
        "uv",
        "sync",
        "--quiet",
        "--only-group=lint",
        env={"UV_PROJECT_ENVIRONMENT": str(environment)},
    )
    return {"PATH": f"{environment}/bin:/usr/bin:/bin", "SKIP": "mypy"}


def load(project: Project, name: str = QUICKSTART) -> Any:
    return json.loads(project.read(name))


def test_no_cell_has_output(project: Project) -> None:
    cells = load(project)["cells"]
    assert any(cell["cell_type"] == "code" for cell in cells)
    for cell in cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@pytest.mark.slow
def test_hooks_leave_it_as_it_is(project: Project, with_tools: dict[str, str]) -> None:
    printed = project.tool("prek", "run", "--files", QUICKSTART, env=with_tools).stdout
    for hook in ["nbstripout", "ruff check", "ruff format", "check json"]:
        assert any(
            line.startswith(hook) and line.endswith("Passed") for line in printed.splitlines()
        ), printed
    assert project.git("status", "--short", "notebooks") == ""


@pytest.mark.slow
def test_outputs_are_stripped(project: Project, with_tools: dict[str, str], tmp_path: Path) -> None:
    copy = project.copy(tmp_path / "project")
    notebook = load(copy)
    notebook["metadata"]["kernelspec"] = {"display_name": "mine", "name": "mine"}
    notebook["metadata"]["language_info"]["version"] = "3.14.1"
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = number
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": ["secret\n"]}]
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    (copy.path / QUICKSTART).write_text(text + "\n", "utf-8")

    result = copy.tool(
        "prek", "run", "nbstripout", "--files", QUICKSTART, env=with_tools, check=False
    )

    assert result.returncode == 1, result.stdout
    assert copy.git("status", "--short", "notebooks") == ""


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("notebooks/02_clean_data.ipynb", True),
        ("notebooks/99_a1.ipynb", True),
        ("notebooks/quickstart.ipynb", False),
        ("notebooks/1_short.ipynb", False),
        ("notebooks/001_long.ipynb", False),
        ("notebooks/02-dash.ipynb", False),
        ("notebooks/02_Upper.ipynb", False),
        ("notebooks/02_two words.ipynb", False),
        ("notebooks/02_.ipynb", False),
        ("notebooks/Untitled.ipynb", False),
        ("02_elsewhere.ipynb", False),
    ],
)
def test_name_has_a_number(project: Project, tmp_path: Path, name: str, accepted: bool) -> None:
    copy = project.copy(tmp_path / "project")
    (copy.path / name).write_text(project.read(QUICKSTART), "utf-8")

    result = copy.tool("prek", "run", "notebook-name", "--files", name, check=False)

    assert (result.returncode == 0) == accepted, result.stdout
    assert accepted or "Name a notebook by number" in result.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("kept_builds")
def test_project_runs_it_when_asked(project: Project, tmp_path: Path) -> None:
    copy = project.copy(tmp_path / "project")
    assert "notebook" not in copy.make("test")
    printed = copy.make("notebook")
    assert f"{QUICKSTART} ." in printed

    notebook = load(copy)
    (said,) = notebook["cells"][0]["source"][2:]
    in_browser = re.findall("`(.+?)`", said)[-1]
    assert in_browser.endswith("jupyter lab")
    imports = "import jupyterlab, ipykernel, matplotlib, " + "m" * 50
    copy.run(*in_browser.removesuffix("jupyter lab").split(), "python", "-c", imports)
    copy.make("init")  # leaves the kernel that an editor uses
    copy.run(".venv/bin/python", "-c", "import ipykernel, matplotlib")
    (first,) = (cell for cell in notebook["cells"] if "import random" in "".join(cell["source"]))
    first["source"].insert(0, "raise ValueError('the notebook is wrong')\n")
    # An editor writes down what it has used, which may be of another project.
    notebook["metadata"]["kernelspec"] = {"display_name": "mine", "name": "mine"}
    (copy.path / QUICKSTART).write_text(json.dumps(notebook), "utf-8")

    result = copy.run("make", "notebook", check=False)

    assert result.returncode != 0
    assert "the notebook is wrong" in result.stdout
    (copy.path / "notebooks/02_right.ipynb").write_text(copy.git("show", f"HEAD:{QUICKSTART}"))
    assert "1 passed" in copy.run("make", "notebook", "ARGS=notebooks/02_right.ipynb").stdout
    shutil.rmtree(copy.path / "notebooks")
    result = copy.run("make", "notebook", check=False)
    assert result.returncode
    assert "not found: ./notebooks" in result.stdout


@pytest.mark.parametrize(("workflow", "job"), [("ci", "test"), ("release", "gate")])
def test_it_is_run_before_a_merge_and_before_a_release(
    project: Project, workflow: str, job: str
) -> None:
    run = step(project, workflow, job, "uv run poe notebook")
    assert run["if"] == "hashFiles('notebooks/*.ipynb') != ''"  # an owner may delete them all


@pytest.mark.slow
@pytest.mark.usefixtures("kept_builds")
def test_other_tests_need_no_jupyter(project: Project, tmp_path: Path) -> None:
    """Wheels are tested in environments with the group `test` alone, by the project's settings."""
    copy = project.copy(tmp_path / "project")
    for test in (copy.path / "tests").glob("*.py"):
        test.unlink()
    (copy.path / "tests/test_one.py").write_text("def test_one() -> None: ...\n")
    printed = copy.run("uv", "run", "--isolated", "--only-group=test", "pytest", "tests").stdout
    assert "1 passed" in printed
    assert "nbmake" not in printed


def test_nothing_is_left_without_it(render: Render) -> None:
    project = render(features=["docs"])
    project.commit()
    assert [name for name in project.git("ls-files").splitlines() if "notebook" in name] == []
    words = "notebook|jupyter|ipynb|nbmake|nbstripout|matplotlib"
    found = project.run("git", "grep", "-niE", words, "--", ":!.gitignore", check=False)
    assert found.stdout == ""

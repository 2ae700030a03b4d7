"""What the READMEs tell people to type works when it is typed."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment

import demo
import pythons
from project import FEATURES, NOT_OPTIMIZED, ROOT, SETTINGS, run, user, user_path


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def table_column(text: str, head: str) -> list[str]:
    """Return the code names in the first column of the table whose head begins so."""
    _, table = text.split(f"| {head} |", 1)
    rows = table.split("\n\n", 1)[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([\w -]+)`", row.split("|")[1])]


def test_questions_are_all_listed(questions: list[str]) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert table_column(readme, "question") == questions
    for name in ("license", "python_min", "features"):
        choices = SETTINGS[name]["choices"]
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{name}`"))
        for choice in choices.values() if isinstance(choices, dict) else choices:
            assert choice in row or name == "python_min"
    default = {
        row.split("|")[1].strip(): row.split("|")[2].strip()
        for row in readme.splitlines()
        if row.startswith("| `")
    }
    assert default["`python_min`"] == SETTINGS["python_min"]["default"]
    assert default["`license`"] == SETTINGS["license"]["default"]
    assert default["`description`"] == SETTINGS["description"]["default"]
    assert default["`features`"] == "the first four"
    assert SETTINGS["features"]["default"] == FEATURES[:4]


def test_tasks_of_this_repository_exist() -> None:
    listed = run("make", "help", cwd=ROOT).stdout
    for document in ("README.md", "CONTRIBUTING.md"):
        for task in re.findall(r"`?make ([a-z][a-z-]+)", (ROOT / document).read_text("utf-8")):
            in_projects = task in {"bump", "init", "stubs", "update"}
            assert in_projects or f"make {task} " in listed, f"{document}: make {task}"


@pytest.mark.slow
def test_oldest_copier_renders_a_project(template: Path, tmp_path: Path) -> None:
    tools = f"copier=={SETTINGS['_min_copier_version']}", "copier-template-extensions"
    command = "uvx", "--from", tools[0], "--with", tools[1], "copier", "copy", "--trust"
    run(*command, "--defaults", template, tmp_path / "project", cwd=tmp_path, base=user())
    assert (tmp_path / "project/crates/src/lib.rs").exists()


@pytest.mark.slow
@pytest.mark.parametrize("bare", [False, True])
def test_first_command_renders_a_project(template: Path, tmp_path: Path, bare: bool) -> None:
    address = str(template)
    if bare:
        address = f"git+file://{tmp_path / 'bare'}"
        run("git", "clone", "--quiet", "--bare", template, "bare", cwd=tmp_path)
    (command, *_) = blocks((ROOT / "README.md").read_text("utf-8"), "console")
    arguments = shlex.split(command.replace("TEMPLATE", address))
    said = run(*arguments, "--defaults", cwd=tmp_path, env={"PATH": user_path()}).stdout
    guide = (ROOT / "docs/new-project.md").read_text("utf-8")
    folder, *steps = blocks(guide, "console")[1].splitlines()
    assert folder == "cd fast-math"
    first, *others = re.findall("^    (.+)", said.partition("is ready. Next:")[2], re.MULTILINE)
    assert (first, others) == ("cd my-package", steps)
    assert 'name = "my-package"' in (tmp_path / "my-package/pyproject.toml").read_text("utf-8")


def test_first_step_enters_any_folder(template: Path, tmp_path: Path) -> None:
    folder = tmp_path / """Ada's "$(touch x)" `project`"""
    command = "copier", "copy", "--trust", "--defaults", "--data=project_name=Demo"
    (step,) = re.findall(
        "^    (cd .+)", run(*command, template, folder, cwd=tmp_path).stdout, re.MULTILINE
    )
    assert run("sh", "-c", f"{step} && pwd", cwd=tmp_path).stdout == f"{folder}\n"
    assert [*tmp_path.iterdir()] == [folder]


def test_answers_on_the_command_line_are_typed_as_told(template: Path, tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (command, *_) = blocks(text, "console")
    (answers,) = re.findall("^`(--defaults --data .*)`", text, re.MULTILINE)
    typed = shlex.split(f"{command.replace('TEMPLATE', str(template))} {answers}")
    run(*typed, cwd=tmp_path, env={"PATH": user_path()})
    written = yaml.safe_load((tmp_path / "my-package/.copier-answers.yml").read_text("utf-8"))
    assert (written["package_name"], written["features"]) == ("fast-math", ["docs", "pypi"])


def test_next_steps_on_windows_need_no_make() -> None:
    """And one command a line: PowerShell 5.1 knows no `&&`."""
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["quote"] = shlex.quote
    message = environment.from_string(SETTINGS["_message_after_copy"])
    steps = {
        system: message.render(
            project_name="Demo", _copier_conf={"os": system, "dst_path": "demo"}
        ).splitlines()
        for system in ("linux", "windows")
    }
    tasks = ["    uv run --only-dev poe init", "    uv run --only-dev poe test"]
    assert "    cd demo" in steps["linux"]
    steps["linux"][steps["linux"].index("    cd demo")] = '    cd "demo"'  # for cmd and PowerShell
    at = steps["linux"].index("    make init test")
    assert steps["windows"] == [*steps["linux"][:at], *tasks, *steps["linux"][at + 1 :]]
    assert not any("&&" in line for line in steps["linux"])


def test_demo_ends_where_a_step_fails() -> None:
    with pytest.raises(SystemExit, match=r"^none there\n\nFailed with exit status 3: sh -c"):
        demo.step("Failing", "sh", "-c", "echo none there; exit 3")


@pytest.mark.slow
def test_demo_shows_the_wheel_on_every_python(interpreters: dict[str, Path]) -> None:
    variables = {f"PYTHON{name}": "1" for name in ("INSPECT", "OPTIMIZE", "SAFEPATH")}
    printed = run("make", "demo", cwd=ROOT, env=variables | NOT_OPTIMIZED).stdout
    assert "-cp311-abi3-" in printed
    assert printed.count("add_in_rust(40, 2) = 42") == len(interpreters)
    assert printed.count("Rust compiler: none\n") == len(interpreters)
    assert f"ran on Python {', '.join(interpreters)}." in printed
    missing = [version for version in pythons.SUPPORTED if version not in interpreters]
    assert ("not shown" in printed) == bool(missing)

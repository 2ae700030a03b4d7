"""The container builds, the tests pass in it, and what one deploys holds the package and nothing else.

Both engines take a base image of another name from CONTAINER_ARGS, where the registry is out of reach.
"""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import Render
from needs import need
from project import Project, run, user_path
from rehearsal.bare import containers

FILES = {".devcontainer/devcontainer.json", ".dockerignore", "Containerfile"}
IMAGE = "copier-pyo3-container-test"


@pytest.fixture(scope="module")
def engine() -> str:
    return need("engine")


@pytest.fixture(scope="module")
def project(render: Render, engine: str) -> Iterator[Project]:
    # A name that no engine would take for an image.
    project = render(package_name="Copier_PyO3.container-test", features=["container"])
    project.git("init", "--quiet")
    project.run("uv", "lock", "--quiet")
    project.commit()
    yield project
    # The dev container stays: its layers spare the next run most of the work.
    project.tool(engine, "rmi", "--force", IMAGE, f"{IMAGE}:build", check=False)


@pytest.fixture(scope="module")
def printed(project: Project) -> str:
    """Return what `make container` printed."""
    return project.make("container", env=containers())


# An engine in which tests fail.
ENGINE = """#!/bin/sh
echo "$@" >>calls
[ "$1" = build ]
"""


@pytest.mark.slow
def test_nothing_is_ready_if_the_tests_fail_inside(render: Render, tmp_path: Path) -> None:
    project = render(project_name="Fast Math", features=["container"]).copy(tmp_path / "project")
    (tmp_path / "podman").write_text(ENGINE)
    (tmp_path / "podman").chmod(0o755)
    failed = project.run(
        "make", "container", env={"PATH": f"{tmp_path}:{user_path()}"}, check=False
    )
    assert failed.returncode
    assert "Ready" not in failed.stdout
    built, ran = project.read("calls").splitlines()
    assert built == "build --file Containerfile --target build --tag fast-math:build ."
    assert ran == "run --rm fast-math:build uv run --locked poe test"


@pytest.mark.slow(minutes=4)
def test_tests_run_inside(printed: str) -> None:
    assert re.search(r"test result: ok\. [1-9]\d* passed; 0 failed", printed)
    assert re.search(r"=== [1-9]\d* passed in ", printed)
    assert f"Ready, without Rust and tools: {IMAGE}" in printed


@pytest.mark.slow(minutes=4)
@pytest.mark.usefixtures("printed")
def test_deployed_image_holds_the_package_only(engine: str, project: Project) -> None:
    code = (
        "import json, os, shutil, sys; from importlib.metadata import distributions as all;"
        "import copier_pyo3_container_test as package;"
        "tools = [t for t in ('cargo', 'rustc', 'uv', 'gcc') if shutil.which(t)];"
        "print(json.dumps([os.getuid(), os.path.expanduser('~'), tools, [d.name for d in all(path=sys.path[-1:])],"
        "                  package.add_in_rust(40, 2), package._accelerate.DEBUG]))"
    )
    stdout = project.tool(engine, "run", "--rm", IMAGE, "python", "-c", code).stdout
    user, home, tools, packages, answer, debug = json.loads(stdout.splitlines()[-1])
    assert user != 0
    shown = "--format={{.Config.User}} {{.Config.WorkingDir}} {{.Config.Cmd}}"
    configured = project.tool(engine, "image", "inspect", shown, IMAGE).stdout
    # The user by number: Kubernetes' runAsNonRoot refuses a name.
    assert configured.strip() == f"{user} {home} [python]"
    assert home == "/home/app"
    assert tools == []
    assert packages == ["Copier_PyO3.container-test"]
    assert (answer, debug) == (42, False)


@pytest.mark.slow(minutes=4)
@pytest.mark.usefixtures("printed")
def test_dev_container_sets_the_project_up(engine: str, project: Project, tmp_path: Path) -> None:
    settings = json.loads(project.read(".devcontainer/devcontainer.json"))
    folder = project.path / ".devcontainer"
    build = settings["build"]
    arguments = [*os.environ.get("CONTAINER_ARGS", "").split(), f"--target={build['target']}"]
    arguments += [f"--file={folder / build['dockerfile']}", f"--tag={IMAGE}:develop"]
    run(engine, "build", *arguments, folder / build["context"], cwd=folder)
    # As an editor does, with a clone of the project in the hands of the container's user.
    clone = tmp_path / "clone"
    project.git("clone", "--quiet", str(project.path), str(clone))
    steps = [
        'test "$(id -u)" != 0',
        "cp -r /mounted ~/project",
        "cd ~/project",
        settings["postCreateCommand"],
        "make format",
        "git diff --exit-code",
        "make lint",
    ]
    start = [engine, "run", "--rm", f"--volume={clone}:/mounted:ro", f"{IMAGE}:develop"]
    printed = project.tool(*start, "sh", "-c", " && ".join(steps)).stdout
    assert "warning" not in printed


def files(project: Project) -> set[str]:
    return {
        path.relative_to(project.path).as_posix()
        for path in project.path.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    ("feature", "left"),
    [
        ("container", r"containerfile|devcontainer|dockerignore|make container|tasks\.container"),
        ("benchmarks", r"benchmarks/|make bench|tasks\.bench|matplotlib"),
    ],
)
def test_feature_left_out_leaves_nothing(render: Render, feature: str, left: str) -> None:
    without, only = (render(project_name="Fast Math", features=f) for f in ([], [feature]))
    added = files(only) - files(without)
    expected = {name for name in added if re.search(left, name, re.IGNORECASE)}
    assert added == expected
    assert added >= (FILES if feature == "container" else {"benchmarks/test_speed.py"})
    for name in files(without) - {".gitignore"}:
        assert not re.search(left, without.read(name), re.IGNORECASE), name
    assert f"[tool.poe.tasks.{'bench' if feature == 'benchmarks' else feature}]" in only.read(
        "pyproject.toml"
    )

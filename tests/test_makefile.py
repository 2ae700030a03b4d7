"""The Makefile forwards tasks, whatever files, paths and settings of make there are."""

import os
import re
import shlex
import signal
import sys
import time
import tomllib
from pathlib import Path

import pytest

from conftest import Render
from project import Project, user_path

UV = '#!/bin/sh\nprintf "%s|" "$@"\necho "MAKEFLAGS=$MAKEFLAGS"\n'  # says how it was called
PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def project(render: Render, tmp_path: Path) -> Project:
    """Return a project in a folder with a difficult name, beside a `uv` that only says how it was called."""
    project = render(project_name="Fast Math").copy(tmp_path / "Größe 1")
    program(project, "uv", UV)
    return project


def tools(project: Project) -> Path:
    """Return the folder that is first on PATH."""
    return project.path.with_name("Ada's tools") / "größe"


def program(project: Project, name: str, script: str) -> None:
    """Put a program in the place of uv or Cargo."""
    path = tools(project) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)


def until(name: str, tenths: int = 100) -> str:
    """Return a line of shell that waits until there is a file, but no longer than so many tenths of a second."""
    return f"for i in $(seq {tenths}); do [ -e {name} ] && break; sleep 0.1; done\n"


def make(project: Project, *arguments: str, **env: str) -> list[str]:
    """Return the calls of uv, in their order."""
    env = {"PATH": f"{tools(project)}:{user_path(uv=False)}", **env}
    return project.run("make", *arguments, env=env).stdout.splitlines()


def call(task: str, *arguments: str) -> str:
    return "|".join(["run", "--only-dev", "poe", task, *arguments, "MAKEFLAGS="])


def settings_of_tests(project: Project) -> str:
    """Return the options of `cargo test`, without features of the crate's own."""
    task = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]["test"]
    commands: list[str] = [part["cmd"] for part in task["sequence"] if "cmd" in part]
    return commands[0].removeprefix("cargo test ").removesuffix(",$_features")


@pytest.mark.parametrize(
    ("host", "is_linked"),
    [
        ("x86_64-unknown-linux-gnu", True),
        ("armv7-unknown-linux-gnueabihf", True),
        ("aarch64-pc-windows-msvc", True),
        ("aarch64-apple-darwin", False),
        ("x86_64-unknown-linux-musl", False),
    ],
)
def test_module_is_built_first_where_cargo_can_link_it(
    project: Project, host: str, is_linked: bool
) -> None:
    """On macOS, Cargo alone would miss the symbols of Python; with rustup's musl it makes no module."""
    task = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]["_build"]
    program(project, "rustc", f"#!/bin/sh\nprintf 'rustc 1.99.1\\nhost: {host}\\n'\n")
    program(project, "cargo", '#!/bin/sh\necho "$@"\n')
    env = {"PATH": f"{tools(project)}:{user_path()}", "MODULE_FEATURES": "mine"}
    printed = project.run("sh", "-euc", task["shell"], env=env).stdout
    built = f"build {settings_of_tests(project)},mine\n"
    assert printed == (built if is_linked else "")


ASTRAY = """
GIT_DIR GIT_INDEX_FILE GIT_WORK_TREE PIP_ROOT POE_EXTRA_ARGS POE_PROJECT_DIR PYTHONINSPECT PYTHONOPTIMIZE PYTHONPATH
PYTHONWARNINGS UV_FORK_STRATEGY UV_FROZEN UV_ISOLATED UV_LOCKED UV_NO_DEFAULT_GROUPS UV_NO_DEV UV_NO_EDITABLE UV_NO_GROUP
UV_NO_SYNC UV_PRERELEASE UV_PROJECT UV_RESOLUTION UV_WORKING_DIR UV_WORKING_DIRECTORY VIRTUAL_ENV
"""


def test_what_would_lead_uv_astray_does_not_reach_it(project: Project) -> None:
    program(project, "uv", "#!/bin/sh\nenv\n")
    names = re.findall(r"^unexport ([A-Z_ ]+)", project.read("Makefile"), re.MULTILINE)
    given = dict.fromkeys(set(" ".join(names).split()) - {"LC_ALL", "MAKEFLAGS"}, "mine")
    assert given.keys() == set(ASTRAY.split())
    printed = make(project, "test", **given)
    assert any(line.startswith("PATH=") for line in printed)
    assert [line for line in printed if line.endswith("=mine")] == []


def test_tasks_are_forwarded_in_their_order(project: Project) -> None:
    """To the uv of the user, whatever an earlier `make init` installed."""
    (project.path / ".uv/bin").mkdir(parents=True)
    (project.path / ".uv/bin/uv").write_text("#!/bin/sh\necho an old one\n")
    (project.path / ".uv/bin/uv").chmod(0o755)
    calls = make(project, "-j8", "format", "lint", "test", "docs-serve")
    assert calls == [call("format"), call("lint"), call("test"), call("docs-serve")]


def test_markers_in_lock_files_are_named(project: Project) -> None:
    """Which uv and Cargo can only call unreadable."""
    program(project, "uv", "#!/bin/sh\nexit 1\n")
    locks = {name: project.path / name for name in ("crates/Cargo.lock", "uv.lock")}
    locks["uv.lock"].write_text("version = 1\n")
    project.git("init", "--quiet")
    project.commit()
    env = {"PATH": f"{tools(project)}:{user_path(uv=False)}"}
    assert "A merge left" not in project.run("make", "lint", env=env, check=False).stdout
    kept = {name: lock.read_text() for name, lock in locks.items()}
    for names in (["uv.lock"], ["uv.lock", "crates/Cargo.lock"]):
        for name, lock in locks.items():
            lock.write_text(f"{'<<<<<<< HEAD' if name in names else '# merged'}\n{kept[name]}")
        said = project.run("make", "lint", env=env, check=False).stdout
        assert said.startswith("A merge left its markers: type `git checkout HEAD ")
        project.run("sh", "-c", said.split("`")[1])
        changed = project.git("status", "--short").split()[1::2]
        assert changed == [name for name in locks if name not in names]  # what Git has merged stays


def test_arguments_are_forwarded(project: Project) -> None:
    assert make(project, "test", "ARGS=-k 'one or two' -x") == [
        call("test", "-k", "one or two", "-x")
    ]


def test_cargo_works_while_uv_asks_for_versions(project: Project) -> None:
    """With what all builds of the project have in common, and only if there are versions to ask for."""
    program(
        project,
        "cargo",
        f"#!/bin/sh\n{until('uv.lock')}[ -e uv.lock ] || exit\n"
        'echo "$PYO3_PYTHON $PYO3_BUILD_EXTENSION_MODULE $RUSTUP_AUTO_INSTALL $*" >part; mv part called\n',
    )
    program(
        project,
        "uv",
        '#!/bin/sh\nif [ "$*" = "python find --system" ]; then\n    : >asked\n'
        f"    exec {PYTHON} -c 'import sys; print(sys.executable)'\nfi\n"
        'echo "$@"\n'
        f"if [ -e uv.lock ]; then\n{until('asked', 10)}    ls asked\n    exit 0\nfi\n"
        f"{until('asked')}: >uv.lock\n{until('called')}rm asked; cat called\n",
    )
    python = os.path.realpath(sys.executable)
    first = make(project, "init")
    assert first[0] == "run --only-dev poe init"
    assert first[1].startswith(f"{python} 1 0 build --all-targets --locked ")
    # The crate of a project without uv.lock, which is new, has no features of its own.
    assert settings_of_tests(project) in first[1]
    again = make(project, "init")
    assert again[0] == first[0]
    assert "asked" not in again  # but what `ls` says of a file that is not there


def test_cargo_works_while_poe_starts(project: Project) -> None:
    """As it will for the tests, and only where there is an environment to build for."""
    program(
        project,
        "cargo",
        '#!/bin/sh\necho "$PYO3_PYTHON $PYO3_BUILD_EXTENSION_MODULE $*" >part; mv part called\n',
    )
    program(project, "uv", f'#!/bin/sh\n{until("called", 10)}echo "$@"\ncat called; rm -f called\n')
    without = make(project, "test")
    assert without[0] == "run --only-dev poe test"
    assert "build" not in without[1]  # but what `cat` says of a file that is not there
    virtual = project.path / ".venv/bin"
    virtual.mkdir(parents=True)
    (virtual / "python").symlink_to(sys.executable)
    (virtual / "activate").write_text('VIRTUAL_ENV="$PWD/.venv"\n')
    ahead = make(project, "test")
    assert ahead[1].startswith(f"{os.path.realpath(sys.executable)} 1 build --all-targets ")
    assert settings_of_tests(project) in ahead[1]
    # The tests are built with features that Cargo does not get here.
    modules = "[[tool.setuptools-rust.ext-modules]]\n"
    text = project.read("pyproject.toml")
    assert modules in text
    (project.path / "pyproject.toml").write_text(
        text.replace(modules, f'{modules}features = ["fast"]\n')
    )
    assert "build" not in make(project, "test")[1]
    (project.path / "pyproject.toml").write_text(
        text.replace(modules, f'{modules}args = ["--no-default-features"]\n')
    )
    assert "build" not in make(project, "test")[1]


def test_nobody_waits_for_what_cargo_does_ahead(project: Project) -> None:
    """Neither make nor who reads what it prints."""
    program(project, "cargo", "#!/bin/sh\necho $$ >part; mv part started; exec sleep 60\n")
    asked = f'[ "$1" = python ] && exec echo {PYTHON}\n'
    program(project, "uv", f'#!/bin/sh\n{asked}{until("started")}echo "$@"\n')
    began = time.monotonic()
    assert make(project, "init") == ["run --only-dev poe init"]
    assert time.monotonic() - began < 30
    os.kill(int(project.read("started")), signal.SIGTERM)


def test_files_named_like_tasks_are_in_nobodys_way(project: Project) -> None:
    for name in ("build", "docs.c", "lint", "test", "test.sh", "help", "uv"):
        (project.path / name).write_text("")
    for name in ("docs", "wheel", "RCS"):
        (project.path / name).mkdir(exist_ok=True)
    tasks = ["test", "lint", "docs", "wheel"]
    assert make(project, *tasks) == [call(task) for task in tasks]
    assert "--help" in make(project)[0]


@pytest.mark.parametrize("flags", ["-r", "-j4", "-k", "-B", "-e", "-s", "-O", "-I /tmp", "--trace"])
def test_settings_of_make_change_nothing(project: Project, flags: str) -> None:
    calls = make(project, "lint", "test", MAKEFLAGS=flags, MAKEFILES="", SHELL="/bin/false")
    assert [line for line in calls if line.startswith("run|")] == [call("lint"), call("test")]


def test_exported_variables_reach_programs_as_they_are(project: Project) -> None:
    """And nothing else, whatever they are called."""
    names = set(re.findall(r"^(?:[\w-]+: )?([\w-]+) :?= ", project.read("Makefile"), re.M))
    assert len(names) >= 6
    words = {form for name in names for form in {*name.split("-"), name.replace("-", "_")}}
    words |= {"env", "script_path"}  # of the recipe's shell
    exported = {form: "mine" for word in words for form in (word, word.upper())}
    program(project, "uv", '#!/bin/sh\nprintf "%s|" "$@"\necho\nenv\n')
    program(project, "cargo", "#!/bin/sh\n")
    for task in ("init", "update", "lint"):
        command, *variables = make(project, task, **exported)
        assert "mine" not in command
        assert {f"{name}=mine" for name in exported} <= set(variables)
    assert not any(name in line for name in names for line in variables)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("bump 1.0.0", "1.0.0"),
        ("bump minor", "minor"),
        ("-k test bump", "test"),
        ("bump args=1.0.0", "args"),
        ("bump VERSION=1.0.0", "VERSION"),
        ("update python_min=3.12", "python_min"),
        ("test tests/test_package.py", "tests/test_package.py"),
        ("lint src/fast_math", "src/fast_math"),
        ("test conftest.py", "conftest.py"),
    ],
)
def test_what_make_would_pass_over_is_refused(project: Project, words: str, named: str) -> None:
    env = {"PATH": f"{tools(project)}:{user_path(uv=False)}"}
    done = project.run("make", *words.split(), env=env, check=False)
    assert done.returncode
    assert f"because of: {named}. Type arguments as in `make test ARGS=" in done.stdout
    assert "run|" not in done.stdout


def test_variables_of_a_make_above_are_passed_over(project: Project) -> None:
    """As where a repository holds several projects: GNU make hands them to all below."""
    above = project.path.with_name("Makefile")
    above.write_text(f"test:\n\t@$(MAKE) --no-print-directory -C '{project.path}' test\n")
    done = make(project, f"--file={above}", "test", "PREFIX=/usr")
    assert done == [call("test")]
    shell = {"PATH": f"{tools(project)}:{user_path(uv=False)}", "MAKELEVEL": "1"}
    bump = project.run("make", "bump", "VERSION=1.0.0", env=shell, check=False)
    assert "because of: VERSION." in bump.stdout


def test_environments_of_another_folder_are_dropped(project: Project) -> None:
    """Programs in a copied environment would test the folder it was made in."""
    folder = shlex.quote(str(project.path))
    here = {
        ".venv": f"{folder}/.venv",
        # As uv writes it into relocatable environments.
        "build/env/coverage": """''"$(dirname -- "$(dirname -- "$(realpath -- "$SCRIPT_PATH")")")"''""",
    }
    there = {"build/env/bench": f"{folder}/../original/build/env/bench"}
    for name, path in {**here, **there}.items():
        (project.path / name / "bin").mkdir(parents=True)
        (project.path / name / "bin/activate").write_text(f"VIRTUAL_ENV={path}\n")
    (project.path / "build/env/kept").write_text("")
    assert make(project, "test", VIRTUAL_ENV="/mine") == [call("test")]
    left = {path.name for path in (project.path / "build/env").iterdir()}
    assert left == {"coverage", "kept"}
    assert (project.path / ".venv").exists()
    project.path.rename(project.path.with_name("moved"))
    moved = Project(project.path.with_name("moved"))
    (moved.path / "build/env/coverage/bin/activate").write_text("# of a tool that says nothing\n")
    make(moved, "lint")
    assert not (moved.path / ".venv").exists()
    assert (moved.path / "build/env/coverage").exists()


def test_environments_are_where_those_of_another_folder_are_dropped(render: Render) -> None:
    settings = render().read("pyproject.toml")
    own = re.findall("^.*UV_PROJECT_ENVIRONMENT = (.+)", settings, re.MULTILINE)
    assert len(own) == 5
    assert all(value.startswith('"build/env/') for value in own)


def test_help_is_the_default(project: Project) -> None:
    assert (
        make(project) == make(project, "help") == ["run|--quiet|--only-dev|poe|--help|MAKEFLAGS="]
    )


def test_each_task_is_explained(render: Render) -> None:
    """By the list that `make` prints, and by the table in CONTRIBUTING."""
    project = render(features=["docs", "notebook", "container", "benchmarks"])
    tasks = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]
    public = {name: task for name, task in tasks.items() if not name.startswith("_")}
    assert all(len(task["help"].split()) > 2 for task in public.values())
    page = project.read("CONTRIBUTING.md")
    assert {*re.findall(r"^\| `make ([a-z-]+)` \|", page, re.MULTILINE)} == public.keys()
    named = re.findall(r"(?:`|^)make ([a-z -]+)", page, re.MULTILINE)
    assert {task for tasks in named for task in tasks.split()} <= public.keys()


@pytest.mark.slow
def test_help_lists_the_tasks_in_a_clone_without_an_environment(
    render: Render, tmp_path: Path
) -> None:
    project = render(project_name="Fast Math", features=[]).copy(tmp_path / "clone")
    printed = project.make(
        "", env={"PATH": user_path(rust=False), "LC_ALL": os.environ.get("LC_ALL", "C")}
    )
    listed = {line.split()[0] for line in printed.splitlines() if line.startswith("  ")}
    assert {"init", "test", "lint", "format", "precommit", "wheel", "upgrade", "clean"} <= listed
    assert not any(name.startswith("_") for name in listed)

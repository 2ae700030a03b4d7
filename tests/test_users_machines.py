"""The tasks on machines as users have them: settings, tools and states of a project that get in the way elsewhere."""

import re
import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from conftest import Render
from history import edit
from project import (
    IDENTITY,
    KEPT,
    UV_SETTINGS,
    Project,
    bare,
    home_with,
    run,
    settings_at_home,
    user,
    user_path,
)
from rehearsal.bare import tool

pytestmark = [pytest.mark.slow(minutes=4), pytest.mark.usefixtures("kept_builds")]
OLD_UV = "0.7.22"
LOWEST_UV = "0.8.0"
# Colour where it can get into what is read, builds in another place, modules that are not found, other versions,
# editors that fail.
VARIABLES = """
FORCE_COLOR=1 CLICOLOR_FORCE=1 CARGO_TERM_COLOR=always CARGO_TERM_VERBOSE=true RUST_LOG=info RUST_BACKTRACE=full
CARGO_BUILD_TARGET=HOST CARGO_INCREMENTAL=0 UV_LINK_MODE=copy UV_NO_PROGRESS=1 PIP_REQUIRE_VIRTUALENV=1
UV_PROJECT=elsewhere UV_WORKING_DIR=elsewhere UV_WORKING_DIRECTORY=elsewhere UV_FORK_STRATEGY=fewest
UV_PRERELEASE=allow UV_RESOLUTION=lowest-direct PYTEST_DISABLE_PLUGIN_AUTOLOAD=1
PYTHONSAFEPATH=1 PYTHONUTF8=0 PYTHONUNBUFFERED=1 PYTHONINSPECT=1 PYTHONOPTIMIZE=1 PYTHONWARNINGS=error
PYTHONWARNDEFAULTENCODING=1
POSIXLY_CORRECT=1 CDPATH=. TZ=Pacific/Kiritimati EDITOR=false PAGER=false GIT_PAGER=false
"""
# What people set for all their projects.
AT_HOME = {
    ".config/rustfmt/rustfmt.toml": "hard_tabs = true\nmax_width = 70\n",
    ".config/ruff/ruff.toml": "line-length = 70\n",
    ".config/mypy/config": "[mypy]\ndisallow_any_expr = True\n",
    ".config/uv/uv.toml": (
        'fork-strategy = "fewest"\nresolution = "lowest-direct"\n' + UV_SETTINGS
    ),
    ".config/pip/pip.conf": "[global]\nrequire-virtualenv = true\n",
    ".config/matplotlib/matplotlibrc": "backend: TkAgg\n",
    ".ipython/profile_default/startup/00.py": "raise SystemExit(3)\n",
    ".pydistutils.cfg": "[build]\nbuild-base = elsewhere\n[install]\nuser = 1\n",
    # Nothing for which Cargo would compile all crates anew.
    ".cargo/config.toml": (
        '[build]\nincremental = false\n[term]\ncolor = "always"\nverbose = true\n'
    ),
}


@pytest.fixture(scope="module")
def ready(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project after `make init`, at a path with a space, brackets and letters beyond ASCII."""
    folder = tmp_path_factory.mktemp("users") / "Größe [1]"
    project = render(project_name="Fast Math", features=["benchmarks", "docs"]).copy(
        folder / "fast-math"
    )
    project.git("init", "--quiet")
    project.make("init")
    project.commit()
    return project


@pytest.fixture
def project(ready: Project) -> Iterator[Project]:
    """Return the project, and put back what the test changes."""
    yield ready
    ready.git("reset", "--quiet", "--hard")
    ready.git("clean", "-fdq")
    assert ready.git("status", "--porcelain") == ""


@pytest.fixture
def another(tmp_path: Path) -> Path:
    """Return a folder, as for PYTHONPATH, that has another package of this name."""
    (tmp_path / "another/fast_math").mkdir(parents=True)
    text = 'raise RuntimeError("another package")\n'
    (tmp_path / "another/fast_math/__init__.py").write_text(text)
    return tmp_path / "another"


def add(path: Path, text: str) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def test_tasks_that_need_no_module_work_while_rust_does_not_compile(project: Project) -> None:
    add(project.path / "crates/src/samples.rs", 'const  NUMBER: u8 = "";\n')
    add(project.path / "crates/Cargo.toml", '\n[dependencies.itoa]\nversion = "1"\n')
    reference = project.path / "tests/reference.py"
    text = reference.read_text("utf-8")
    # The name is one that only a person can mend.
    add(reference, "\n\ndef get(l: int) -> int:\n  return l\n")
    project.make("format")
    assert "\n    return l\n" in reference.read_text("utf-8")
    assert '\nconst NUMBER: u8 = "";\n' in project.read("crates/src/samples.rs")
    reference.write_text(text, "utf-8")
    for task in ("docs", "upgrade", "precommit"):
        project.make(task)
    project.run(
        "uv", "run", "--only-dev", "cz", "check", "--message=feat: it is none of its business"
    )
    failed = project.run("make", "test", check=False)
    assert failed.returncode
    assert "mismatched types" in failed.stdout


def test_a_wheel_that_cannot_be_built_says_why(project: Project) -> None:
    add(project.path / "setup.py", 'raise SystemExit("not today")\n')
    failed = project.run("make", "wheel", check=False)
    assert failed.returncode
    assert "\nnot today" in failed.stdout


def test_docs_need_no_rust(project: Project) -> None:
    project.run("make", "docs", base=user(rust=False))


def test_lock_file_follows_cargo_toml(project: Project) -> None:
    add(project.path / "crates/Cargo.toml", '\n[dependencies.itoa]\nversion = "1"\n')
    assert " passed" in project.make("test")
    assert 'name = "itoa"' in project.read("crates/Cargo.lock")
    precise = "cargo", "update", "--quiet", "--manifest-path=crates/Cargo.toml", "--precise=1.0.14"
    project.run(*precise, "itoa")
    project.make("test")  # takes what is locked
    assert 'name = "itoa"\nversion = "1.0.14"\n' in project.read("crates/Cargo.lock")


def test_a_copied_folder_tests_its_own_code(project: Project, tmp_path: Path) -> None:
    copied = project.copy(tmp_path / "copied")
    add(copied.path / "src/fast_math/__init__.py", "\nCOPIED = True\n")
    add(
        copied.path / "tests/test_package.py", "\n\ndef test_copied():\n    assert package.COPIED\n"
    )
    assert " passed" in copied.make("test")


def test_environment_may_be_removed_or_damaged(project: Project) -> None:
    """Git removes the module and leaves what uv knows of it, or the other way round."""
    (module,) = project.path.glob("src/fast_math/*.so")
    module.unlink()
    assert " passed" in project.make("test")
    project.git("clean", "-fdxq", "--exclude=.venv", "--exclude=target")
    assert " passed" in project.make("init test")
    project.git("clean", "-fdxq", "--exclude=target")
    assert " passed" in project.make("init test")


@pytest.mark.parametrize("command", ["uv run pytest", "make test"])
def test_module_of_before_does_not_hide_the_new_one(project: Project, command: str) -> None:
    """Until v0.3.11 it had the name for one Python, which comes before the name for all."""
    (module,) = project.path.glob("src/fast_math/*.so")
    code = "import importlib.machinery as m; print(m.EXTENSION_SUFFIXES[0])"
    suffix = project.run("uv", "run", "--no-sync", "python", "-c", code).stdout.strip()
    module.rename(module.with_name(f"_accelerate{suffix}"))
    edit("crates/src/lib.rs", "samples::add(left, right)", "samples::add(right, right)")(
        project.path
    )
    assert " failed" in project.run(*command.split(), check=False).stdout
    assert [*project.path.glob("src/fast_math/*.so")] == [module]


# What `add_in_rust` does where `checked_add` is `+`, and whether the build is one for debugging.
OVERFLOW = """
import fast_math
try:
    print(fast_math._accelerate.DEBUG, fast_math.add_in_rust(2**63 - 1, 1))
except Exception:
    print("an error like others")
except BaseException as error:
    print(fast_math._accelerate.DEBUG, type(error).__name__)
"""


def test_module_is_optimized_until_something_changes(project: Project) -> None:
    """A panic is no `Exception`, and optimized code does not panic, as CONTRIBUTING.md says."""
    poe = ("uv", "run", "--only-dev", "poe")  # as on Windows
    code = "import fast_math as m; print(m._accelerate.DEBUG)"
    debug = ("uv", "run", "--no-sync", "python", "-c", code)
    source = project.path / "crates/src/samples.rs"
    text = source.read_text("utf-8")
    assert text.count("left.checked_add(right)") == 1
    source.write_text(text.replace("left.checked_add(right)", "Some(left + right)"), "utf-8")
    project.run(*poe, "optimize", env={"UV_NO_INSTALL_PROJECT": "1"})
    shown = project.run("uv", "run", "python", "-c", OVERFLOW).stdout
    assert shown.splitlines()[-1] == f"False {-(2**63)}"
    add(project.path / "pyproject.toml", "# changed\n")
    shown = project.run("uv", "run", "python", "-c", OVERFLOW).stdout
    assert shown.splitlines()[-1] == "True PanicException"
    source.write_text(text, "utf-8")
    project.run(*poe, "optimize")
    assert project.run(*debug).stdout == "False\n"
    add(source, "// changed\n")
    project.make("test")
    assert project.run(*debug).stdout == "True\n"
    project.run(*poe, "optimize")
    assert project.run(*debug).stdout == "False\n"


def test_tasks_may_be_combined(project: Project) -> None:
    making = project.path / "build/stubs/fast_math"  # as by `make stubs` at the same time
    making.mkdir(parents=True, exist_ok=True)
    (making / "half.pyi").write_text("def half(")
    project.run("make", "-j4", "format", "lint", "test")
    assert (making / "half.pyi").exists()
    # Each argument arrives as it was given.
    options = "--collect-only --quiet -k 'pairs and not nothing'"
    assert "count_close_pairs" in project.run("make", "test", f"ARGS={options}").stdout


def test_words_after_a_task_are_refused_where_they_would_be_lost(project: Project) -> None:
    """As when someone without make types two tasks."""
    poe = ("uv", "run", "--only-dev", "poe")
    result = project.run(*poe, "format", "lint", check=False)
    assert result.returncode
    assert result.stdout.splitlines()[0] == (
        "Type one task at a time, with nothing after this one: lint"
    )
    tasks = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]
    for name, task in tasks.items():
        if not name.startswith("_") and "$POE_EXTRA_ARGS" not in str(task):
            # Poe gives them to a single command, which refuses them.
            assert "cmd" in task or task["sequence"][0] == {"ref": "_alone"}, name


def refuses_bad_messages(project: Project, **options: Any) -> bool:
    command = "git", "commit", "--allow-empty", "--message=did things"
    bad = project.run(*command, check=False, **options)
    return bool(bad.returncode) and 'Begin with "feat: ", "fix: "' in bad.stdout


@pytest.mark.parametrize("sign", ["#", ";"])
def test_messages_are_checked_as_git_stores_them(project: Project, sign: str) -> None:
    """Without the comments and the changes that Git shows in an editor, and with all of a message given otherwise."""
    project.git("config", "core.commentChar", sign)
    head = project.git("rev-parse", "HEAD")
    long = "feat: a\n\n" + "x y z\n" * 30_000
    for message in (f"{sign}12 crashes", f"{sign} c\nfeat: hidden", f"feat: a\n\n{sign}", long):
        (project.path / ".git/message").write_text(message)
        said = project.run(
            "git", "commit", "--quiet", "--allow-empty", "--file=.git/message", check=False
        )
        accepted = message.startswith("feat")
        assert ("commit validation: failed" in said.stdout) != accepted, said.stdout
        assert (project.git("rev-parse", "HEAD") != head) == accepted
        project.git("reset", "--quiet", "--hard", head.strip())
    # Git can be told to keep comments also of an editor, and to drop them without one.
    for cleanup, message, accepted in (
        ("scissors", f"{sign}12 crashes", False),
        ("whitespace", f"{sign} c\nfeat: hidden", False),
        ("strip", f"{sign} c\nfeat: shown", True),
    ):
        (project.path / ".git/message").write_text(message)
        how = ["--file=.git/message"] if accepted else []
        commit = "git", "-c", f"commit.cleanup={cleanup}", "commit", "--allow-empty", *how
        said = project.run(*commit, env={"GIT_EDITOR": "cp .git/message"}, check=False)
        assert ("commit validation: failed" in said.stdout) != accepted, said.stdout
        assert (project.git("log", "-1", "--format=%s") == "feat: shown\n") == accepted
    project.git("reset", "--quiet", "--hard", head.strip())
    project.git("config", "commit.verbose", "true")
    for message, accepted in (("feat: a thing", True), ("did things", False)):
        add(project.path / "README.md", "more\n")
        editor = f"sed -i '1s/.*/{message}/'"
        done = project.run("git", "commit", "--all", env={"GIT_EDITOR": editor}, check=False)
        assert ("commit validation: failed" in done.stdout) != accepted, done.stdout
        assert (project.git("log", "-1", "--format=%B").strip() == message) == accepted
    project.git("reset", "--quiet", "--hard", "HEAD~1")
    for written in (
        "branch 'a'",
        "commit 'a'",
        "pull request #1 from a/b",
        "tag 'a'",
        "remote-tracking branch 'o/a'",
    ):
        project.run("uv", "run", "--no-sync", "cz", "check", f"--message=Merge {written}")
    project.git("config", "--unset", "core.commentChar")
    project.git("config", "--unset", "commit.verbose")


def test_uv_sync_removes_what_is_needed_no_longer(project: Project) -> None:
    """It would work here and fail in CI. `make init` leaves it: an editor may use what other tasks installed."""
    before = project.read("pyproject.toml")
    (project.path / "pyproject.toml").write_text(
        before.replace("test = [", 'test = ["tomli-w>=1", ', 1)
    )
    project.make("init")
    found = project.path / ".venv/bin/python", "-c", "import tomli_w"
    project.run(*found)
    (project.path / "pyproject.toml").write_text(before)
    project.make("init")
    project.run(*found)
    project.run("uv", "sync")
    assert "No module named 'tomli_w'" in project.run(*found, check=False).stdout


def test_hooks_need_not_be_executable(project: Project) -> None:
    """Git for Windows commits them as if they were not."""
    for name in ("commit-msg", "pre-commit"):
        project.git("update-index", "--chmod=-x", f".githooks/{name}")
        (project.path / ".githooks" / name).chmod(0o644)
    project.make("init")
    assert refuses_bad_messages(project)


def test_what_a_branch_brings_is_not_run_by_looking_at_it(project: Project) -> None:
    """Also after `make init` of an older version, which made the tracked folder the one for hooks."""
    project.git("config", "core.hooksPath", ".githooks")
    project.make("init")
    assert project.run("git", "config", "core.hooksPath", check=False).stdout == ""
    assert refuses_bad_messages(project)
    project.git("switch", "--quiet", "--create", "theirs")
    for name in ("post-checkout", "post-commit", "reference-transaction"):
        hook = project.path / ".githooks" / name
        hook.write_text("#!/bin/sh\ntouch run\n")
        hook.chmod(0o755)
    project.commit("feat: of somebody else")
    project.git("switch", "--quiet", "-")
    project.git("switch", "--quiet", "theirs")
    assert not (project.path / "run").exists()
    project.git("switch", "--quiet", "-")
    project.git("branch", "--quiet", "-D", "theirs")


def test_hooks_find_their_place_beside_others(project: Project) -> None:
    """Those of Git LFS, for example, have other names; and older branches have none of ours."""
    lfs = project.path / ".git/hooks/pre-push"
    lfs.write_text("#!/bin/sh\n")
    for name in ("commit-msg", "pre-commit"):
        (project.path / ".git/hooks" / name).unlink(missing_ok=True)
    assert "Your Git hooks" not in project.make("init")
    assert refuses_bad_messages(project)
    assert lfs.read_text() == "#!/bin/sh\n"
    lfs.unlink()
    project.git("rm", "-r", "--quiet", ".githooks")
    project.git("commit", "--quiet", "--message=did things")
    project.git("reset", "--quiet", "--hard", "HEAD~1")


def test_projects_in_one_repository_share_its_hooks(render: Render, tmp_path: Path) -> None:
    """Each one's `make init` prints a line for them, and none hides what another one found."""
    project = render(project_name="Fast Math", features=[])
    task = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]["_hooks"]["shell"]
    run("git", "init", "--quiet", cwd=tmp_path, base=user())
    hook = tmp_path / ".git/hooks/pre-commit"
    folders = [tmp_path / "libs/one", tmp_path / "one", tmp_path]
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    for folder in folders:
        (folder / ".githooks").mkdir(parents=True)
        (folder / ".githooks/pre-commit").write_text("exit 1\n" if folder == folders[0] else "")
        printed = run("sh", "-c", task, cwd=folder, base=user()).stdout
        told = re.search(r"write into .*/pre-commit:\n  (.+)\n", printed)
        assert told, printed
        add(hook, f"{told[1]}\n")
    for folder in folders:
        assert "/pre-commit" not in run("sh", "-c", task, cwd=folder, base=user()).stdout
    commit = "git", "commit", "--allow-empty", "--message=feat: one"
    assert run(*commit, cwd=tmp_path, base=user(), check=False).returncode
    (folders[0] / ".githooks/pre-commit").write_text("")
    run(*commit, cwd=tmp_path, base=user())


def test_hooks_take_names_for_names_and_leave_other_peoples_files(project: Project) -> None:
    """An option of Ruff as the name of a file, and a crate that `cargo vendor` wrote."""
    (project.path / "--fix-only.py").write_text('"""Mine."""\n')
    theirs = project.path / "vendor/crate/build.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_bytes(untouched := b"import os,sys \r\ndef f(x): return x\r\n")
    excluded = project.path / "theirs/module.py"
    excluded.parent.mkdir()
    excluded.write_bytes(ugly := b"import os,sys\ndef f(x): return x\n")
    edit("pyproject.toml", "[tool.ruff]\n", '[tool.ruff]\nextend-exclude = ["theirs"]\n')(
        project.path
    )
    project.git("add", "--", "--fix-only.py", "theirs", "vendor")
    printed = project.make("precommit")
    assert excluded.read_bytes() == ugly
    project.run("uv", "run", "--no-sync", "ruff", "check")
    assert "vendor" not in project.run("uv", "run", "--no-sync", "mypy", check=False).stdout
    assert printed.count("Passed") > 5
    assert theirs.read_bytes() == untouched
    project.git("reset", "--quiet", "--hard")


def test_without_git_environments_are_left_alone(render: Render) -> None:
    """By default their files are links to the cache of uv, which all projects share."""
    project = render(project_name="Fast Math", features=["notebook"])
    project.make("init", env={"UV_LINK_MODE": "copy"})
    for name in (
        "env/lib/python3.12",
        ".conda/bin",
        ".direnv/python-3.11/bin",
        ".pixi/envs/default",
    ):
        (project.path / name).mkdir(parents=True)
        (project.path / name / "theirs.py").write_text("import os,sys\n")
    environments = *project.path.glob(".*/**/*.py"), *project.path.glob("env/**/*.py")
    before = {path: path.read_bytes() for path in environments}
    assert len(before) > 100
    project.make("format lint")
    assert {path: path.read_bytes() for path in before} == before


@pytest.mark.parametrize("variable", ["CARGO_HOME", "HOME"])
def test_hooks_find_cargo_where_programs_with_windows_do_not(
    project: Project, tmp_path: Path, variable: str
) -> None:
    """They do not read the profile in which rustup adds to PATH."""
    cargo = tmp_path / ".cargo/bin"
    cargo.mkdir(parents=True)
    for program in bare().rust().iterdir():
        (cargo / program.name).symlink_to(program)
    (tmp_path / ".gitconfig").write_text(IDENTITY)
    place = cargo.parent if variable == "CARGO_HOME" else tmp_path
    env = {"PATH": user_path(rust=False), variable: str(place)}
    add(project.path / "crates/src/samples.rs", "const  _: i64 = 1;\n")
    commit = "git", "commit", "--all", "--message=feat: x"
    refused = project.run(*commit, env=env, check=False)
    assert refused.returncode
    assert "cargo fmt" in refused.stdout
    assert "const _: i64" in project.read("crates/src/samples.rs")
    project.git("checkout", "--quiet", "HEAD", ".")


def test_without_rust_the_files_of_cargo_can_be_committed(project: Project) -> None:
    add(project.path / "crates/Cargo.toml", "# of a colleague\n")
    commit = "git", "commit", "--all", "--message=feat: x"
    assert "1 file changed" in project.run(*commit, base=user(rust=False)).stdout
    project.git("reset", "--quiet", "--hard", "HEAD~1")


def test_json_with_comments_is_accepted_where_editors_write_it(project: Project) -> None:
    (project.path / "pyrightconfig.json").write_text("{\n  // mine\n}\n")
    (project.path / "data.json").write_text("{\n  // mine\n}\n")
    (project.path / ".vscode").mkdir(exist_ok=True)
    (project.path / ".vscode/settings.json").write_text("{\n  // mine\n}\n")
    names = "pyrightconfig.json", "data.json", ".vscode/settings.json"
    project.git("add", "--force", "--intent-to-add", *names)
    printed = project.run("make", "precommit", "ARGS=check-json", check=False).stdout
    project.git("rm", "--quiet", "--force", *names)
    assert "data.json" in printed
    assert "pyrightconfig.json" not in printed
    assert "settings.json" not in printed


def test_licence_texts_of_crates_may_be_long(project: Project) -> None:
    """They are committed, as docs/recipes.md says. So is the lock file of all packages."""
    lock = project.read("uv.lock")
    project.git("rm", "--quiet", "uv.lock")  # as before the first commit
    project.commit()
    for name, text in (("LICENSE-CRATES", ""), ("large.txt", ""), ("uv.lock", lock)):
        (project.path / name).write_text(text + "# MIT\n" * 200_000, "utf-8")
        project.git("add", name)
    printed = project.run("make", "precommit", "ARGS=check-added-large-files", check=False).stdout
    project.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "large.txt" in printed
    assert "LICENSE-CRATES" not in printed
    assert "uv.lock" not in printed


def test_hooks_are_run_by_their_names(project: Project) -> None:
    printed = project.run("make", "precommit", "ARGS=ruff-format").stdout
    assert printed.count("Passed") == 1
    assert "ruff format" in printed


def test_clean_removes_only_what_was_built_here(project: Project, tmp_path: Path) -> None:
    env = {
        "CARGO_BUILD_BUILD_DIR": KEPT["CARGO_TARGET_DIR"],
        "CARGO_TARGET_DIR": str(tmp_path / "shared"),
    }
    add(project.path / "crates/src/samples.rs", "// changed\n")
    project.make("test", env=env)
    built = sorted((tmp_path / "shared").rglob("*"))
    assert any(path.suffix == ".so" for path in built)
    (project.path / "crates/target").mkdir(exist_ok=True)
    (project.path / "build").mkdir(exist_ok=True)
    (project.path / "build/notes.txt").write_text("mine")
    project.git("add", "--force", "build/notes.txt")
    for name in ("build", "dist", "site"):
        (project.path / name).mkdir(exist_ok=True)
        (project.path / name / "made").touch()
    (project.path / ".env").write_text("mine")
    add(project.path / ".gitignore", ".env\n")
    project.make("clean", env=env)
    assert sorted((tmp_path / "shared").rglob("*")) == built
    assert project.read("build/notes.txt") == project.read(".env") == "mine"
    assert (project.path / ".venv/bin/python").exists()
    assert not (project.path / "crates/target").exists()
    assert not list(project.path.glob("*/made"))
    (project.path / ".env").unlink()


def test_paths_beyond_ascii_in_a_plain_locale(project: Project) -> None:
    """Python decodes what it reads and prints by the locale."""
    assert " passed" in project.make("lint test docs", env={"LANG": "", "LC_ALL": "C"})


def test_variables_of_tools_change_nothing(project: Project, another: Path) -> None:
    host = project.run("rustc", "--version", "--verbose").stdout.partition("host: ")[2].split()[0]
    env = dict(word.split("=") for word in VARIABLES.replace("HOST", host).split())
    env["PYTHONPATH"] = str(another)
    for folder in ("", "scripts", "src/fast_math/_accelerate", "tests"):
        (project.path / folder / ".DS_Store").touch()  # as the Finder of macOS does
    pin = project.path.parent / ".python-version"
    pin.write_text("3.10\n")  # for other projects in this folder
    project.make("lint test stubs docs wheel", env=env)
    pin.unlink()
    assert project.git("status", "--porcelain") == ""


# What macOS and BusyBox do with options that only GNU's tools have.
NO_GNU = """\
#!/bin/sh
for word; do
    case $word in --?* | -x) echo "$0: unrecognized option '$word'" >&2 && exit 2 ;; esac
done
exec {} "$@"
"""


def test_tasks_need_no_tools_of_gnu(project: Project, tmp_path: Path) -> None:
    for name in ("cat", "cp", "cut", "diff", "grep", "ls", "mkdir", "mv", "rm", "sed", "sort"):
        (tmp_path / name).write_text(NO_GNU.format(shutil.which(name)))
        (tmp_path / name).chmod(0o755)
    env = {"PATH": f"{tmp_path}:{user_path()}"}
    project.make("init stubs lint precommit wheel", env=env)
    mine = project.path / "src/fast_math/_accelerate/mine.py"
    mine.write_text("user = 1\n")
    refused = project.run("make", "stubs", env=env, check=False)
    assert "mine.py\nNot written by `make stubs`: move it" in refused.stdout
    assert mine.read_text() == "user = 1\n"
    mine.unlink()


def test_settings_at_home_change_nothing(project: Project) -> None:
    project.run("uv", "venv", "--quiet", "another")
    with settings_at_home(AT_HOME):
        printed = project.make("format lint test docs")
    shutil.rmtree(project.path / "another")
    assert " passed" in printed
    assert project.git("status", "--porcelain") == ""


def test_settings_for_containers_leave_nothing_untested(project: Project, another: Path) -> None:
    """With them, uv does not install what changed, or takes tools away."""
    names = ("DEFAULT_GROUPS", "DEV", "EDITABLE", "INSTALL_LOCAL", "INSTALL_PROJECT")
    env = dict.fromkeys((f"UV_NO_{name}" for name in (*names, "INSTALL_WORKSPACE", "SYNC")), "1")
    env |= {"PYTHONPATH": str(another), "PYTHONWARNINGS": "error", "UV_NO_GROUP": "dev"}
    shutil.rmtree(project.path / ".venv")
    needs_more = project.read("pyproject.toml").replace("test = [", 'test = ["tomli-w>=1", ', 1)
    (project.path / "pyproject.toml").write_text(needs_more)
    project.make("init", env={**env, "UV_FROZEN": "1"})
    assert 'name = "tomli-w"' in project.read("uv.lock")
    project.git("checkout", "--quiet", ".")
    project.make("init", env={**env, "UV_LOCKED": "1"})
    bad = project.run("git", "commit", "--allow-empty", "--message=did things", check=False)
    assert "commit validation: failed" in bad.stdout
    poe = ("uv", "run", "--only-dev", "poe")  # as on Windows
    project.run(*poe, "init", env=env)
    add(project.path / "src/fast_math/__init__.py", 'raise RuntimeError("it changed")\n')
    failed = project.run(*poe, "test", env=env, check=False)
    assert "RuntimeError: it changed" in failed.stdout
    project.git("checkout", "--quiet", ".")
    binding = project.path / "crates/src/lib.rs"
    text = binding.read_text("utf-8")
    binding.write_text(text.replace("samples::add(left, right)", "samples::add(right, right)"))
    failed = project.run(*poe, "test", env=env, check=False)
    assert "FAILED tests/test_samples.py::test_arithmetic_agrees_or_overflows" in failed.stdout


def test_lock_files_and_links_are_seen_by_git_as_they_should(
    project: Project, tmp_path: Path
) -> None:
    """GitHub's list for Rust once had `Cargo.lock` in it; `.venv` may be a link to another disk."""
    (tmp_path / "ignored").write_text("Cargo.lock\n*.lock\n")
    project.git("config", "core.excludesFile", str(tmp_path / "ignored"))
    ignored = project.run(
        "git", "check-ignore", "--no-index", "uv.lock", "crates/Cargo.lock", check=False
    )
    project.git("config", "--unset", "core.excludesFile")
    assert ignored.stdout == ""
    for name in (".hypothesis", "crates/target", "dist", "site"):
        shutil.rmtree(project.path / name, ignore_errors=True)
        (project.path / name).symlink_to(tmp_path)
        assert project.git("status", "--porcelain") == ""
        (project.path / name).unlink()


def test_settings_that_get_into_the_lock_file_are_named(project: Project, tmp_path: Path) -> None:
    """CI does not have them, and would refuse the lock file."""
    settings = f'exclude-newer = "1 second"\n{UV_SETTINGS}'
    home = home_with({".config/uv/uv.toml": settings}, tmp_path / "home")

    def commit(locked_with: dict[str, str] = home, /, **variables: str) -> str:
        project.run("uv", "lock", env=locked_with)
        message = "--all", "--message=build: lock"
        return project.run("git", "commit", *message, env=variables, check=False).stdout

    assert "such as exclude-newer, prerelease or an index: write it under [tool.uv]" in commit(
        **home
    )
    manifest = project.read("pyproject.toml")
    with_setting = manifest.replace("\n[tool.uv]\n", '\n[tool.uv]\nexclude-newer = "1 second"\n')
    (project.path / "pyproject.toml").write_text(with_setting)
    (tmp_path / "commitizen.py").write_text("raise SystemExit('of another project')\n")
    astray = {"PYTHONINSPECT": "1", "PYTHONOPTIMIZE": "1", "PYTHONPATH": str(tmp_path)}
    assert "2 files changed" in commit(**home, **astray)
    (project.path / "pyproject.toml").write_text(manifest)
    assert "1 file changed" in commit(PATH=user_path(uv=False))  # as in a desktop application
    project.git("reset", "--quiet", "--hard", "HEAD~2")
    settings_file = Path(home["HOME"], ".config/uv/uv.toml")
    for name, value in {
        "UV_CONFIG_FILE": str(settings_file),
        "UV_EXCLUDE_NEWER": "1 second",
        "UV_PRERELEASE": "allow",
        "UV_RESOLUTION": "lowest-direct",
    }.items():
        variable = {name: value}
        assert "CI will refuse uv.lock" in commit(variable, **variable), name
        project.git("reset", "--quiet", "--hard")
    add(project.path / "pyproject.toml", "# changed\n")
    shutil.copytree(settings_file.parents[1], tmp_path / "etc")
    assert "1 file changed" in commit({}, XDG_CONFIG_DIRS=str(tmp_path / "etc"))
    project.git("reset", "--quiet", "--hard", "HEAD~1")


@pytest.mark.parametrize("settings", ["UV_PROJECT_ENVIRONMENT={}/elsewhere", "CDPATH=."])
def test_hooks_find_the_environment(project: Project, tmp_path: Path, settings: str) -> None:
    """Also where the shell's `cd` prints where it went."""
    env = dict([settings.format(tmp_path).split("=")])
    project.make("init", env=env)
    assert refuses_bad_messages(project, env=env)


def test_hooks_find_an_environment_of_windows(project: Project, tmp_path: Path) -> None:
    project.make("init")
    (tmp_path / "Scripts").symlink_to(project.path / ".venv/bin")
    assert refuses_bad_messages(project, env={"UV_PROJECT_ENVIRONMENT": str(tmp_path)})


def test_worktree_without_an_environment_can_commit(project: Project, tmp_path: Path) -> None:
    """It has the hooks of its repository."""
    project.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "worktree"))
    worktree = Project(tmp_path / "worktree")
    printed = worktree.git("commit", "--allow-empty", "--message=did things")
    project.git("worktree", "remove", "--force", str(worktree.path))
    assert printed.count("Not checked: run `make init` in ") == 2  # the files, and the message


def test_our_hooks_are_not_to_be_called_from_themselves(project: Project) -> None:
    project.git("config", "core.hooksPath", "./.githooks")
    assert "Your Git hooks" not in project.make("init")
    assert refuses_bad_messages(project)


@pytest.mark.parametrize("kind", ["husky", "own", "for all repositories", "larger repository"])
def test_hooks_that_are_there_stay(project: Project, tmp_path: Path, kind: str) -> None:
    """And ours are to be called from them, by the lines that `make init` prints."""
    top = tmp_path / "top"
    folder = top / "python" if kind == "larger repository" else top
    clone = Project(folder)
    shutil.copytree(project.path, folder, ignore=shutil.ignore_patterns(".git"), symlinks=True)
    run("git", "init", "--quiet", cwd=top, base=user())
    variables = dict(user())
    hooks = top / ".git/hooks"
    if kind == "husky":
        hooks = top / ".husky/_"
        clone.git("config", "core.hooksPath", ".husky/_")
    elif kind == "for all repositories":
        hooks = tmp_path / "hooks"
        variables["GIT_CONFIG_COUNT"] = "1"
        variables["GIT_CONFIG_KEY_0"] = "core.hooksPath"
        variables["GIT_CONFIG_VALUE_0"] = str(hooks)
    hooks.mkdir(parents=True, exist_ok=True)
    hook = hooks / "commit-msg"
    hook.write_text("#!/bin/sh\n")
    hook.chmod(0o755)
    before = run(
        "git", "config", "--get-all", "core.hooksPath", cwd=top, base=variables, check=False
    ).stdout
    printed = clone.run("make", "init", base=variables).stdout
    after = run(
        "git", "config", "--get-all", "core.hooksPath", cwd=top, base=variables, check=False
    ).stdout
    assert after == before
    assert "Your Git hooks are unchanged." in printed
    if missing := re.search(r"write into (.*/pre-commit):\n  (.+)\n  (.+)\nThen: (.+)\n", printed):
        (folder / missing[1]).write_text(f"{missing[2]}\n{missing[3]}\n")
        clone.run("sh", "-c", missing[4])
    assert "check toml" in run(hooks / "pre-commit", cwd=top, base=variables).stdout
    assert hook.read_text() == "#!/bin/sh\n"
    told = re.search(r"write into (.*/commit-msg):\n(.+)\n", printed)
    assert told
    assert (folder / told[1]).samefile(hook)
    hook.write_text(f"#!/bin/sh\n{told[2]}\n")
    assert refuses_bad_messages(Project(top), base=variables)
    assert "commit-msg:" not in clone.run("make", "init", base=variables).stdout


@pytest.mark.parametrize("version", [OLD_UV, LOWEST_UV])
def test_an_old_uv_says_so_or_does(project: Project, tmp_path: Path, version: str) -> None:
    """Also in a folder with a space."""
    into = "--target", tmp_path / "my uv"
    run(tool("uv"), "pip", "install", "--quiet", *into, f"uv=={version}", cwd=tmp_path)
    env = {"PATH": f"{tmp_path / 'my uv/bin'}:{user_path(uv=False)}"}
    shutil.rmtree(project.path / "build", ignore_errors=True)
    if version == LOWEST_UV:  # with the oldest of all other tools
        settings = project.read("pyproject.toml")
        oldest = 'resolution = "lowest-direct"\nconstraint-dependencies = ["packaging>=24"]'
        assert '\nresolution = "highest"\n' in settings
        settings = settings.replace('resolution = "highest"', oldest)
        (project.path / "pyproject.toml").write_text(settings)
        project.make("upgrade", env=env)
        (floor,) = re.findall('"pytest-benchmark>=([^"]+)"', settings)
        locked = re.search('(?s)"pytest-benchmark"\nversion = "(.*?)"', project.read("uv.lock"))
        assert locked
        assert Version(locked[1]) == Version(floor)
    result = project.run("make", "init", "test", "docs", "wheel", env=env, check=False)
    if version == OLD_UV:
        assert result.returncode
        assert "Required uv version `>=0.8`" in result.stdout
        assert "Traceback" not in result.stdout
    else:
        assert result.returncode == 0, result.stdout
        assert " passed" in result.stdout
        project.make("bench", env={**env, "ARGS": "--benchmark-disable"})


def test_an_older_pytest_says_which_it_should_be(render: Render) -> None:
    """A distribution has its own, and would look for a fault in the tests."""
    older = ["uv", "run", "--isolated", "--no-project", "--with", "pytest<9", "pytest"]
    printed = render(features=[]).run(*older, check=False).stdout
    assert "'minversion' requires pytest-9, actual pytest-8" in printed

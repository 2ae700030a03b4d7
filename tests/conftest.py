"""What all tests share: an environment of their own, and a way to render the template."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment
from pytest_copie.plugin import Copie
from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

import pythons
from project import KEPT, NOT_OPTIMIZED, ROOT, SETTINGS, Project, bare, run

pytest_plugins = ["needs", "pytester"]
Render = Callable[..., Project]


class OneProcessForBuilds(LoadFileScheduling):  # type: ignore[misc]
    """Leaves the tests of a file to one process, for they share what they make.

    Files that share what Cargo compiles are all for the same process, so that it compiles each crate once.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        shares = "kept_builds" in (self.config.rootpath / file).read_text("utf-8")
        return "builds" if shares else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> OneProcessForBuilds:
    """Say which tests are for one process."""
    return OneProcessForBuilds(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest, so that no process waits for another at the end."""

    def minutes(item: pytest.Item) -> int:
        mark = item.get_closest_marker("slow")
        return mark.kwargs.get("minutes", 1) if mark else 0

    items.sort(key=minutes, reverse=True)


@pytest.fixture(autouse=True, scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's settings of Copier, Git and Python out, and give commits an author."""
    home = tmp_path_factory.mktemp("environment")
    # In the background of a shell, programs ignore Ctrl-C, and so would those that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    (home / "settings.yml").write_text("{}\n")
    (home / "gitconfig").write_text(
        "[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n"
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
        "[maintenance]\n\tauto = false\n"  # as in IDENTITY
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "settings.yml"))
        patch.setenv("COPIER_CACHE_DIR", str(home / "copier"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        # Where it is set, every program would compile its modules anew.
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.delenv("VIRTUAL_ENV", raising=False)
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_once() -> Iterator[None]:
    """Compile each text once: Copier makes a new environment of Jinja for each render, and compiles for most of it."""
    compiled: dict[tuple[Any, ...], Any] = {}
    compile_text = Environment.compile

    def compile_once(self: Environment, source: Any, name: str | None = None, *more: Any) -> Any:
        rules = self.lstrip_blocks, self.trim_blocks, self.keep_trailing_newline
        key = str(source), name, more[1:], type(self), rules, tuple(self.extensions)
        if isinstance(source, str):
            # By this, Copier's extension knows that a new text begins.
            self.preprocess(source, name)
        if key not in compiled:
            compiled[key] = compile_text(self, source, name, *more)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone this repository and commit the working tree on top, as the newest release `v9999.0.0`."""
    clone = tmp_path_factory.mktemp("template") / "copier-pyo3"
    run("git", "clone", "--quiet", "--no-hardlinks", ROOT, clone, cwd=ROOT)
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    tree = {name for name in listed.stdout.split("\0") if (ROOT / name).is_file()}
    run("git", "rm", "-rfq", "--ignore-unmatch", ".", cwd=clone)
    for name in tree:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name, follow_symlinks=False)
    run("git", "add", "--all", "--force", cwd=clone)
    run("git", "commit", "--quiet", "--allow-empty", "--message=feat: the working tree", cwd=clone)
    run("git", "tag", "--annotate", "--message=v9999.0.0", "v9999.0.0", cwd=clone)
    return clone


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """Return the names of the template's questions."""
    return [name for name in SETTINGS if not name.startswith("_") and name != "newest_minor"]


@pytest.fixture(scope="session")
def render(
    copie_session: Copie,
    template: Path,
    questions: list[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Render:
    """Render the template with some answers, the rest by default, into a folder that the caller may change.

    Unlike pytest-copie alone it raises what went wrong, refuses an answer to no question, and renders once what
    several tests ask for.
    """
    rendered: dict[str, Project] = {}

    def render(**answers: Any) -> Project:
        assert not answers.keys() - questions, f"no such question: {answers.keys() - questions}"
        key = json.dumps(answers, sort_keys=True)
        if key not in rendered:
            result = copie_session.copy(extra_answers=answers, template_dir=template)
            if result.exception:
                raise result.exception
            assert result.project_dir
            rendered[key] = Project(result.project_dir, result.answers)
        project = rendered[key]
        return project.copy(tmp_path_factory.mktemp("rendered") / project.path.name)

    return render


@pytest.fixture(scope="module")
def kept_builds() -> Iterator[None]:
    """Share between projects what Cargo and mypy keep, in tests of what comes after a first build.

    That a first build works, in a folder of the project's own, is for test_first_project.py, test_wheels.py and
    test_release.py to tell. All files that use this run in one process.
    """
    folder = bare().folder / "kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KEPT, "CARGO_TARGET_DIR", str(folder / "cargo"))
        for name, value in NOT_OPTIMIZED.items():
            patch.setitem(KEPT, name, value)
        patch.setitem(KEPT, "MYPY_CACHE_DIR", str(folder / "mypy"))
        yield


@pytest.fixture(scope="session")
def interpreters() -> dict[str, Path]:
    """Find the CPython interpreters of this machine, by their versions."""
    return pythons.find_all()

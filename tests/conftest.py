"""What all tests share: an environment of their own, and a way to render the template."""

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_copie.plugin import Copie
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

import pythons
from project import ROOT, TOOLS, Project, run

Render = Callable[..., Project]


class ByFile(LoadScopeScheduling):
    """Gives the tests of a file to one process, for they share builds.

    Tests that build a project for each parameter are spread.
    """

    def _split_scope(self, nodeid: str) -> str:
        spread = ("test_verbs.py::test_fresh_project_is_green[", "test_update_storm.py::")
        return nodeid if any(tests in nodeid for tests in spread) else nodeid.split("::")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, so that no process waits for another at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


@pytest.fixture(autouse=True, scope="session")
def own_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the developer's settings of Copier and Git out, and give commits an author."""
    home = tmp_path_factory.mktemp("environment")
    (home / "settings.yml").write_text("{}\n")
    (home / "gitconfig").write_text(
        "[user]\n\tname = Ada Lovelace\n\temail = ada@example.org\n"
        '[init]\n\tdefaultBranch = main\n[protocol "file"]\n\tallow = always\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COPIER_SETTINGS_PATH", str(home / "settings.yml"))
        patch.setenv("COPIER_CACHE_DIR", str(home / "copier"))
        patch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
        patch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
        patch.delenv("VIRTUAL_ENV", raising=False)
        TOOLS.mkdir(exist_ok=True)
        for tool in ("uv", "uvx"):
            with contextlib.suppress(FileExistsError):  # another worker was first
                (TOOLS / tool).symlink_to(ROOT / ".venv/bin" / tool)
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
        subprocess.run(["cp", "-p", ROOT / name, clone / name], check=True)
    run("git", "add", "--all", "--force", cwd=clone)
    run("git", "commit", "--quiet", "--allow-empty", "--message=feat: the working tree", cwd=clone)
    run("git", "tag", "--annotate", "--message=v9999.0.0", "v9999.0.0", cwd=clone)
    return clone


@pytest.fixture(scope="session")
def questions() -> list[str]:
    """Return the names of the template's questions."""
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    return [name for name in settings if not name.startswith("_") and name != "newest_minor"]


@pytest.fixture(scope="session")
def render(copie_session: Copie, template: Path, questions: list[str]) -> Render:
    """Render the template with some answers, the rest by default.

    Unlike pytest-copie alone it raises what went wrong, and refuses an answer to no question.
    """

    def render(**answers: Any) -> Project:
        assert not answers.keys() - questions, f"no such question: {answers.keys() - questions}"
        result = copie_session.copy(extra_answers=answers, template_dir=template)
        if result.exception:
            raise result.exception
        assert result.project_dir
        return Project(result.project_dir, result.answers)

    return render


@pytest.fixture(scope="session")
def interpreters() -> dict[str, Path]:
    """Find the CPython interpreters; all supported versions must be there where CI runs."""
    found = pythons.find_all()
    if os.environ.get("CI"):
        assert list(found) == pythons.SUPPORTED
    return found

"""GitIdentity: Git's settings are offered as defaults, and no failure reaches the user."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from extension_loader import environment, load_module

ALL = "{{ git_user_name() }}|{{ git_user_email() }}|{{ git_github_user() }}"

SetGit = Callable[[str, str], None]
Commands = list[list[str]]


def render(template: str = ALL) -> str:
    """Render a template in a fresh environment."""
    return environment(load_module("git"), "GitIdentity").from_string(template).render()


@pytest.fixture
def set_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetGit:
    """Hide the developer's settings, and return a function that writes one setting."""
    settings = tmp_path / "gitconfig"
    settings.touch()
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    for name in ("GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def write(key: str, value: str) -> None:
        subprocess.run(["git", "config", "--file", settings, key, value], check=True)

    return write


@pytest.fixture
def replace_git(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Commands]:
    """Return a function that runs Python code in place of Git, and lists the commands."""

    def replace(code: str) -> Commands:
        commands: Commands = []
        run = subprocess.run

        def run_python(command: list[str], **options: Any) -> subprocess.CompletedProcess[bytes]:
            commands.append(command)
            assert options["stdin"] == subprocess.DEVNULL  # Git must never wait for an answer.
            assert 0 < options["timeout"] <= 5
            # Short for `sleep`, long enough to start Python on a busy machine.
            options["timeout"] = 0.2 if "sleep" in code else 60
            return run([sys.executable, "-c", code], **options)

        monkeypatch.setattr(subprocess, "run", run_python)
        return commands

    return replace


def test_settings_are_read(set_git: SetGit) -> None:
    set_git("user.name", "  Ada 'Größe' {{ x }} ")
    set_git("user.email", "ada@example.org")
    set_git("github.user", "ada")

    assert render() == "Ada 'Größe' {{ x }}|ada@example.org|ada"


@pytest.mark.usefixtures("set_git")
def test_no_settings() -> None:
    assert render() == "||"


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a\x07b", "a\u202eb", "a\u2028b", "\ufeffa"])
def test_value_with_invisible_characters_is_dropped(set_git: SetGit, value: str) -> None:
    set_git("user.name", value)
    set_git("user.email", "ada@example.org")

    assert render() == "|ada@example.org|"


@pytest.mark.parametrize(
    ("email", "login"),
    [
        ("123+octo-cat@users.noreply.github.com", "octo-cat"),
        ("octocat@users.noreply.github.com", "octocat"),
        ("123+octo_acme@users.noreply.github.com", "octo_acme"),
        ("octocat@example.org", ""),
        ("octocat@users.noreply.github.com.example.org", ""),
        ("octocat@users-noreply.github.com", ""),
        ("1+bot[bot]@users.noreply.github.com", ""),
    ],
)
def test_login_is_found_in_a_private_address(set_git: SetGit, email: str, login: str) -> None:
    set_git("user.email", email)

    assert render("{{ git_github_user() }}") == login


def test_github_user_comes_before_the_address(set_git: SetGit) -> None:
    set_git("user.email", "octocat@users.noreply.github.com")
    set_git("github.user", "ada")

    assert render("{{ git_github_user() }}") == "ada"


@pytest.mark.parametrize("error", [FileNotFoundError, PermissionError])
def test_git_is_missing(monkeypatch: pytest.MonkeyPatch, error: type[OSError]) -> None:
    def no_git(*_: Any, **__: Any) -> None:
        raise error(2, "It cannot be run", "git")

    monkeypatch.setattr(subprocess, "run", no_git)

    assert render() == "||"


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("print('Ada'); raise SystemExit(3)", id="fails"),
        pytest.param("import time; print('Ada', flush=True); time.sleep(60)", id="hangs"),
        pytest.param("import os; os.write(1, b'\\xff\\xfe')", id="is not UTF-8"),
    ],
)
def test_git_is_broken(replace_git: Callable[[str], Commands], code: str) -> None:
    replace_git(code)

    assert render("{{ git_user_name() }}|") == "|"


def test_git_is_asked_late_and_once(replace_git: Callable[[str], Commands]) -> None:
    commands = replace_git("print('Ada')")
    env = environment(load_module("git"), "GitIdentity")
    assert commands == []

    assert env.from_string("{{ git_user_name() }} " * 2).render() == "Ada Ada "
    assert commands == [["git", "config", "--get", "user.name"]]

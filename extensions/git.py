"""The identity that Git knows, as a default for the author of a generated project."""

import re
import subprocess
from functools import lru_cache

from jinja2 import Environment
from jinja2.ext import Extension

_TIMEOUT_SECONDS = 5

_NOREPLY = re.compile(r"(?:[0-9]+\+)?([A-Za-z0-9_-]+)@users\.noreply\.github\.com")


def _git_config(key: str) -> str:
    """Read one Git setting; empty if there is none or it cannot be shown on one line."""
    try:
        result = subprocess.run(
            ["git", "config", "--get", key],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        value = result.stdout.decode().strip()
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        # This is only a default: without Git the user types the answer.
        return ""
    return value if value.isprintable() else ""


class GitIdentity(Extension):
    """Add the user's Git identity to the template.

    Git is asked when the template calls a function, not before, and once for each setting.
    """

    def __init__(self, environment: Environment) -> None:
        """Register the functions.

        Args:
            environment: The environment that renders the template.
        """
        super().__init__(environment)
        self._config = lru_cache(maxsize=None)(_git_config)
        environment.globals.update(
            git_user_name=self.user_name,
            git_user_email=self.user_email,
            git_github_user=self.github_user,
        )

    def user_name(self) -> str:
        """Return Git's `user.name`, or an empty string."""
        return self._config("user.name")

    def user_email(self) -> str:
        """Return Git's `user.email`, or an empty string."""
        return self._config("user.email")

    def github_user(self) -> str:
        """Return Git's `github.user`, or the login in a private GitHub address, or nothing."""
        if login := self._config("github.user"):
            return login
        noreply = _NOREPLY.fullmatch(self.user_email())
        return noreply[1] if noreply else ""

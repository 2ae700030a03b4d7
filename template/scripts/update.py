"""Brings the project to the newest version of its template, or says in one sentence why not.

Copier merges the template's changes with the project's own. This script adds what belongs to it: a clean
start, the lock files, the git hooks, and an exit status other than 0 as long as a conflict is open.
"""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

ANSWERS = Path(".copier-answers.yml")
COPIER = ["uvx", "--with", "copier-template-extensions", "copier"]
UPDATE = [*COPIER, "update", "--trust", "--defaults", "--quiet"]
BACK = "To go back to where you were: git reset --hard"


class RefusalError(Exception):
    """The update cannot go on, for a reason that the user can read."""


def git(*arguments: str) -> str:
    """Run Git and return what it printed."""
    command = ["git", "-c", "core.quotePath=false", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout


def listed(*arguments: str) -> list[str]:
    """Run `git ls-files` and return the lines that it printed."""
    return git("ls-files", "-z", *arguments).split("\0")[:-1]


def version() -> str:
    """Return the version of the template that the project was made from or last updated to.

    Raises:
        RefusalError: Nothing tells which version that was, or where the template is.
    """
    text = ANSWERS.read_text("utf-8") if ANSWERS.is_file() else ""
    commit = re.search(r"^_commit: *(\S+)", text, re.MULTILINE)
    address = re.search(r"^_src_path: *(\S.*)", text, re.MULTILINE)
    if not commit or not address:
        raise RefusalError(
            f"{ANSWERS} is missing or incomplete: find it with `git log -- {ANSWERS}` and bring it back "
            f"with `git restore --source=COMMIT {ANSWERS}`."
        )
    folder = address[1].strip("'\"")
    if not re.match(r"[\w+.-]{2,}:|.*@", folder) and not Path(folder).is_dir():
        raise RefusalError(
            f"The template is not in {folder} any more: write its address after `_src_path:` in {ANSWERS}, "
            f"and commit."
        )
    return commit[1].strip("'\"")


def reason(output: str) -> str:
    """Return the sentence that Copier ended with."""
    last = (output.strip() or "Copier failed without a word.").splitlines()[-1]
    sentence = re.sub(r"^[\w.]+(?:Error|Exception): ", "", last).strip()
    if match := re.search(r"Unknown revision: (\S+)|pathspec (\S+) did not match", last):
        revision = (match[1] or match[2]).strip("'\"")
        return f"The template has no version {revision}: {ANSWERS} or --vcs-ref names one that it never had."
    return sentence


def conflicts() -> list[str]:
    """List the files in which the template's changes and yours clash."""
    unmerged = {line.split("\t")[1] for line in listed("--unmerged")}
    return sorted({*unmerged, *listed("--others", "--", "*.rej")})


def update(arguments: list[str]) -> None:
    """Let Copier update the project, then finish if nothing clashes.

    Args:
        arguments: More arguments for `copier update`, such as `--data`.

    Raises:
        RefusalError: The project cannot be updated, or there are conflicts.
    """
    before = version()
    if changed := git("status", "--porcelain"):
        raise RefusalError(f"Commit or stash your changes before an update:\n{changed}")
    command = [*UPDATE, *arguments]
    print(f"The project has version {before} of its template. Running: {shlex.join(command)}")
    # Not shown as it comes: when Copier fails, most of it is a traceback.
    result = subprocess.run(command, stderr=subprocess.PIPE, encoding="utf-8", check=False)
    # Known to Git, new files too disappear with the one command that leads back.
    git("add", "--all", "--intent-to-add", "--", ".", ":(exclude)*.rej")
    if result.returncode:
        halfway = bool(git("status", "--porcelain"))
        outcome = BACK if halfway else "Nothing was changed."
        raise RefusalError(f"{reason(result.stderr)}\n{outcome}")
    if result.stderr:
        print(result.stderr.rstrip())
    finish()


def finish() -> None:
    """Bring the lock files, the environment and the git hooks in line with the updated files.

    Raises:
        RefusalError: There are conflicts.
    """
    if files := conflicts():
        raise RefusalError(
            "These files have conflicts, your version and the template's:\n"
            + "".join(f"    {name}\n" for name in files)
            + "Edit each of them and `git add` it, then run: make update ARGS=--continue\n"
            + "(without make: uv run --no-project scripts/update.py --continue)\n"
            + BACK
        )
    for command in (
        ["uv", "lock"],
        ["cargo", "fetch", "--manifest-path=crates/Cargo.toml"],
        # Windows cannot replace a program that runs, and this script runs under poe.
        ["uv", "sync", "--inexact", "--no-install-package=poethepoet"],
        ["git", "config", "core.hooksPath", ".githooks"],
    ):
        if subprocess.run(command, check=False).returncode:
            raise RefusalError(f"`{' '.join(command)}` failed.\n{BACK}")
    if git("status", "--porcelain"):
        print(f"The project has version {version()} of its template now.")
        print(f"See `git diff HEAD`, run `make test`, then commit. {BACK}")
    else:
        print("Nothing to update.")


def check() -> int:
    """Tell whether the template has a newer version.

    Returns:
        2 if there is one, so that scripts can tell it from an error.

    Raises:
        RefusalError: The versions cannot be found out.
    """
    version()
    command = [*COPIER, "check-update", "--output-format", "json"]
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise RefusalError(reason(result.stderr))
    found = json.loads(result.stdout)
    current, newest = found["current_version"], found["latest_version"]
    if not found["update_available"]:
        print(f"The template has no newer version than {current}.")
        return 0
    print(f"The template has version {newest}, this project {current}: run `make update`.")
    return 2


def main(arguments: list[str]) -> int:
    """Run the script.

    Args:
        arguments: `--check`, `--continue`, or arguments for `copier update`.

    Returns:
        The exit status.
    """
    try:
        if arguments == ["--check"]:
            return check()
        if arguments == ["--continue"]:
            finish()
        else:
            update(arguments)
    except RefusalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

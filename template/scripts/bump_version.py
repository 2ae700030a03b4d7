"""Carries out what `cz bump` decided, or refuses and leaves everything as it was.

Commitizen finds the next version and runs this script before it commits and tags. It cannot take
back what it did when something goes wrong then; that is why it changes no file itself here, and why
the commit and the tag are tried first.
"""

import os
import re
import subprocess
import sys
from datetime import date

from packaging.version import InvalidVersion, Version

import version_files


class RefusedError(Exception):
    """The release cannot be made, for a reason that the user can read."""


def git(*arguments: str) -> str:
    """Run Git and return what it printed.

    Raises:
        RefusedError: Git, or a hook that it ran, found something wrong.
    """
    result = subprocess.run(["git", *arguments], capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise RefusedError(f"git {arguments[0]} failed.\n{result.stdout}{result.stderr}".strip())
    return result.stdout.strip()


def check(current: str, new: str, tag: str) -> None:
    """Refuse a release that would go wrong, before anything is changed."""
    if changed := git("status", "--porcelain", "--untracked-files=no"):
        raise RefusedError(f"Commit or stash your changes first:\n{changed}")
    if git("rev-parse", "--is-shallow-repository") == "true":
        raise RefusedError("This clone lacks history: run `git fetch --unshallow --tags` first.")
    if git("tag", "--list", tag):
        commit = git("rev-parse", "--short", f"{tag}^{{}}")
        raise RefusedError(f"The tag {tag} exists already, on {commit}.")
    if Version(new) <= Version(current):
        raise RefusedError(f"Version {new} is not newer than {current}.")
    files = [version_files.CHANGELOG, *version_files.FILES]
    for path in files:
        if not git("ls-files", path.as_posix()):
            raise RefusedError(f"{path.as_posix()} is not in Git: commit it first.")
    for path, version in version_files.read().items():
        if Version(version) != Version(current):
            raise RefusedError(
                f"{path.as_posix()} has version {version}, but the newest tag says {current}.\n"
                "If tags are missing, run `git fetch --tags`. Change versions with `cz bump` only."
            )


def changes(new: str, tag: str) -> str:
    """Let Commitizen write the section of the changelog.

    A pre-release lists what came after the newest version, a final version what came after the
    newest final one.
    """
    tagged = {}
    for name in git("tag", "--merged", "HEAD").splitlines():
        try:
            tagged[Version(name.removeprefix("v"))] = name
        except InvalidVersion:
            continue
    older = [v for v in tagged if Version(new).is_prerelease or not v.is_prerelease]
    command = ["cz", "changelog", "--dry-run", f"--unreleased-version={tag}"]
    if older:
        command.append(f"--start-rev={tagged[max(older)]}")
    result = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if result.returncode:
        raise RefusedError(f"cz changelog failed.\n{result.stdout}{result.stderr}".strip())
    # On the commit of a pre-release the heading is that of the pre-release.
    _, *lines = result.stdout.strip().splitlines()
    return "\n".join([f"## {tag} ({date.today()})", *(line.rstrip() for line in lines)])


def bump(new: str, tag: str, message: str) -> None:
    """Write the new version and the changelog, and try the commit and the tag.

    The files stay changed and staged: Commitizen makes the same commit and tag once more.
    """
    text = version_files.CHANGELOG.read_text("utf-8")
    text = version_files.add_section(text, changes(new, tag))
    head = git("rev-parse", "HEAD")
    tag_made = False
    try:
        version_files.CHANGELOG.write_text(text, "utf-8", newline="\n")
        version_files.write(new)
        if Version(new).major:
            # From 1.0.0 on, a breaking change moves the major version.
            pyproject = version_files.PYPROJECT.read_text("utf-8")
            pyproject = re.sub(r"^major_version_zero = true.*\n", "", pyproject, flags=re.MULTILINE)
            version_files.PYPROJECT.write_text(pyproject, "utf-8", newline="\n")
        git("commit", "--all", f"--message={message}")
        git("tag", "--annotate", f"--message={tag}", tag)
        tag_made = True
        git("tag", "--delete", tag)
        git("reset", "--soft", head)
    except BaseException:
        if tag_made and git("tag", "--list", tag):
            git("tag", "--delete", tag)
        git("reset", "--hard", head)
        raise


def main() -> int:
    """Read what Commitizen decided from the environment, and return the exit status."""
    try:
        current = os.environ["CZ_PRE_CURRENT_VERSION"]
        new = os.environ["CZ_PRE_NEW_VERSION"]
        tag = os.environ["CZ_PRE_NEW_TAG_VERSION"]
        message = os.environ["CZ_PRE_MESSAGE"]
    except KeyError:
        sys.exit("This script is run by `cz bump`.")
    try:
        check(current, new, tag)
        bump(new, tag, message)
    except (RefusedError, ValueError) as error:
        print(f"\nNothing was changed. {error}\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

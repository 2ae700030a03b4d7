"""Makes the next version for `make bump`: four files, the changelog, a commit and a tag, or nothing.

Commitizen's own providers write before anything is checked and do not know `crates/`, so it reads
the version from the newest tag, and this script is its hook, which checks and writes. Nor can it take
back what it did when a Git hook or a signature fails: `make bump` runs it from here, which can.
"""

import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from packaging.version import Version

# Versions are found by what is around them, not by their value, which a dependency may have too.
TABLE = r"^\ufeff?\[{}\].*(?:\n(?!\[).*)*?\nversion *= *\"([^\"]+)"
FILES = {
    "CHANGELOG.md": "",
    "pyproject.toml": TABLE.format("project"),
    "crates/Cargo.toml": TABLE.format("package"),
    "crates/Cargo.lock": r'^name = "{crate}"\r?\nversion = "([^"]+)"\r?\n(?!source)',
    "uv.lock": r'^version = "([^"]+)"\r?\nsource = { (?:editable|virtual) = "\."',
}
READABLE = re.compile(r"v\d+\.\d+\.\d+(-(alpha|beta|rc|dev)\.\d+)?")  # by Cargo and by Python
TAGS = "git for-each-ref --format=%(refname:strip=2) refs/tags".split()


def refuse(reason: str) -> NoReturn:
    """Give up, and say what to do."""
    sys.exit(f"\nNothing was changed. {reason}\n")


def run(*command: str, **options: Any) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)
    if done.returncode:
        refuse(f"`{' '.join(command[:2])}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout.rstrip()


def check(tag: str) -> None:
    """Refuse what would go wrong."""
    if not READABLE.fullmatch(tag):
        refuse(
            f"Type a version that Cargo and Python read, like 0.2.0 or 0.2.0-rc.0, not {tag[1:]}."
        )
    if changed := run("git", "status", "--porcelain", "--untracked-files=no"):
        refuse(f"Commit or stash your changes first:\n{changed}")
    seen = run("git", "ls-files", "-v", *FILES).splitlines()
    if unseen := " ".join(path for path in FILES if f"H {path}" not in seen):
        add = f"git update-index --add --no-assume-unchanged --no-skip-worktree {unseen}"
        refuse(f"Git does not see {unseen}: type `{add}`, and commit.")
    if run("git", "rev-parse", "--is-shallow-repository") == "true":
        refuse("This clone lacks history: type `git fetch --unshallow --tags` first.")
    if tag in run(*TAGS).split():
        refuse(f"The tag {tag} exists already: choose another, as in `make bump ARGS=0.2.0`.")
    try:  # in a session without a terminal, so that it cannot ask for a password
        remote = run("git", "ls-remote", "--tags", start_new_session=True, timeout=10)
    except (SystemExit, subprocess.TimeoutExpired):
        return  # there is none, or it is out of reach
    if f"refs/tags/{tag}" in remote.split():
        refuse(f"The remote has a tag {tag} already: type `git fetch --tags` first.")


def write_versions(current: str, new: str) -> None:
    """Write the version into four files, which must have the one that the tags tell."""
    crate = tomllib.loads(Path("crates/Cargo.toml").read_text("utf-8-sig"))["package"]["name"]
    for path, pattern in list(FILES.items())[1:]:
        text = Path(path).read_bytes().decode()
        found = re.search(pattern.replace("{crate}", re.escape(crate)), text, re.MULTILINE)
        if not found:
            refuse(f"{path} must name the version of this project.")
        if Version(old := found[1]) != Version(current):
            commit = run("git", "log", "-1", "--format=%h", f'-S"{old}"', "--", path)
            refuse(
                f"{path} has version {old}, but the newest tag tells {current}. Type `git fetch --tags` "
                f"if tags are missing, `git tag --annotate --message=v{old} v{old} {commit}` if that "
                f"version has none, or write {current} into the file."
            )
        spelled = str(Version(new)) if path == "uv.lock" else new
        text = text[: found.start(1)] + spelled + text[found.end(1) :]
        if path == "pyproject.toml" and Version(new).major:
            text, left = re.subn(r"(?m)^major_version_zero = true.*\n", "", text)
            if left and Version(current).major:  # Commitizen has counted wrong
                refuse("Delete `major_version_zero = true` from pyproject.toml, and commit.")
        Path(path).write_bytes(text.encode())


def write_changelog(tag: str) -> None:
    """Add the section of a version; a final one replaces its pre-releases."""
    path, final = Path("CHANGELOG.md"), "-" not in tag
    older = filter(READABLE.fullmatch, run(*TAGS, "--merged=HEAD").split())
    start = max((name for name in older if not (final and "-" in name)), key=Version, default="")
    command = ["cz", "--no-raise", "3", "changelog", "--dry-run", f"--unreleased-version={tag}"]
    changes = run(*command, f"--start-rev={start}", env={**os.environ, "PYTHONUTF8": "1"})
    # On the commit of a pre-release, the heading is that of the pre-release.
    body = changes.partition("\n")[2].strip() or f"Nothing has changed since {start}."
    text = path.read_bytes().decode()
    head, *sections = re.split(r"^(?=## )", text.replace("\r\n", "\n"), flags=re.MULTILINE)
    while final and sections and re.match(r"## v\S+-", sections[0]):
        del sections[0]
    new = [head, f"## {tag} ({date.today()})\n\n{body}\n", *sections]
    joined = "\n\n".join(part.strip() for part in new if part.strip()) + "\n"
    path.write_bytes(joined.replace("\n", "\r\n" if "\r\n" in text else "\n").encode())


def main() -> None:
    """Run Commitizen, or be its hook; if that fails, put back what was there."""
    paths = [Path(run("git", "rev-parse", "--git-path", "index")), *map(Path, FILES)]
    before = {path: path.read_bytes() for path in paths if path.exists()}
    head, tags = run("git", "rev-parse", "HEAD"), run(*TAGS).split()
    try:
        if not (tag := os.environ.get("CZ_PRE_NEW_TAG_VERSION")):
            command = ["cz", "bump", "--yes", *sys.argv[1:]]
            if status := subprocess.call(command, env={**os.environ, "MAKE_BUMP": "1"}):
                sys.exit(status)
            return
        check(tag)
        write_versions(os.environ["CZ_PRE_CURRENT_VERSION"], tag[1:])
        write_changelog(tag)
        if "MAKE_BUMP" not in os.environ:  # try what can fail after this
            run("git", "commit", "--all", f"--message={os.environ['CZ_PRE_MESSAGE']}")
            run("git", "tag", "--annotate", f"--message={tag}", tag)
            run("git", "tag", "--delete", tag)
            run("git", "update-ref", "HEAD", head)
    except BaseException:
        for made in set(run(*TAGS).split()) - {*tags}:
            run("git", "tag", "--delete", made)
        run("git", "update-ref", "HEAD", head)
        for path, content in before.items():
            if path.read_bytes() != content:
                path.write_bytes(content)
        raise


if __name__ == "__main__":
    main()

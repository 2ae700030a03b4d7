"""Makes the next version for `make bump`: four files, the changelog, a commit and a tag, or nothing.

Commitizen's own providers write before anything is checked and do not know `crates/`, so it takes
the version from the newest tag and runs this script as its hook, which checks and writes. Nor does
it take back what it did when a Git hook or a signature fails: `make bump` runs it from here.
"""

import os
import re
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

from packaging.version import Version

CHANGELOG = Path("CHANGELOG.md")
# A version is found by what surrounds it, since a dependency may have the same one.
TABLE = r"^\ufeff?\[{}\].*(?:\n(?!\[).*)*?\nversion *= *\"([^\"]+)"
VERSIONS = {
    Path("pyproject.toml"): TABLE.format("project"),
    Path("crates/Cargo.toml"): TABLE.format("package"),
    Path("crates/Cargo.lock"): r'^name = "CRATE"\r?\nversion = "([^"]+)"\r?\n(?!source)',
    Path("uv.lock"): r'^version = "([^"]+)"\r?\nsource = \{ (?:editable|virtual) = "\."',
}
READABLE = re.compile(r"v\d+\.\d+\.\d+(-(alpha|beta|rc|dev)\.\d+)?")  # by Cargo and by Python
TAGS = "git for-each-ref --format=%(refname:strip=2) refs/tags".split()


def run(*command: str, **options: Any) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)
    if done.returncode:
        sys.exit(f"`{' '.join(command[:2])}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return str(done.stdout).rstrip()


def check(tag: str) -> None:
    """Refuse what would go wrong."""
    if os.environ["CZ_PRE_CHANGELOG_FILE_NAME"]:
        sys.exit("The changelog is written anyway: leave `--changelog` out.")
    if not READABLE.fullmatch(tag):
        sys.exit(f"{tag[1:]} is not as Cargo and Python both read it: type 1.2.3 or 1.2.3-rc.0.")
    if changed := run("git", "status", "--porcelain", "--untracked-files=no"):
        sys.exit(f"Commit or stash your changes first:\n{changed}")
    seen = run("git", "ls-files", "-v").splitlines()
    for name in (path.as_posix() for path in (CHANGELOG, *VERSIONS)):
        if f"H {name}" not in seen:
            add = f"git update-index --add --no-assume-unchanged --no-skip-worktree {name}"
            sys.exit(f"Git does not look at {name}: type `{add}`, and commit.")
    if run("git", "rev-parse", "--is-shallow-repository") == "true":
        sys.exit("This clone lacks history: type `git fetch --unshallow --tags` first.")
    if tag in run(*TAGS).split():
        sys.exit(f"The tag {tag} exists already: name a version, as in `make bump ARGS=1.2.3`.")
    try:  # without a terminal, on which it could ask for a password
        remote = run("git", "ls-remote", "--tags", start_new_session=True, timeout=10)
    except (SystemExit, subprocess.TimeoutExpired):
        return  # there is none, or it is out of reach
    if f"refs/tags/{tag}" in remote.split():
        sys.exit(f"The remote has a tag {tag} already: type `git pull --tags` first.")


def write_versions(current: str, new: str) -> None:
    """Write the version into the four files, if they have the one of the newest tag."""
    crate = tomllib.loads(Path("crates/Cargo.toml").read_text("utf-8-sig"))["package"]["name"]
    for path, pattern in VERSIONS.items():
        name, text = path.as_posix(), path.read_bytes().decode()
        found = re.search(pattern.replace("CRATE", re.escape(crate)), text, re.MULTILINE)
        old = found[1] if found else "0"
        if not found or Version(old) != Version(current):
            commit = run("git", "log", "-1", "--format=%h", f'-S"{old}"', "--", name)
            sys.exit(
                f"{name} has version {old}, but the newest tag here says {current}. Type `git fetch "
                f"--tags` if tags are missing, `git tag --annotate --message=v{old} v{old} {commit}` "
                f"if that version was never tagged, or else write {current} into the file."
            )
        spelled = str(Version(new)) if name == "uv.lock" else new
        text = text[: found.start(1)] + spelled + text[found.end(1) :]
        if name == "pyproject.toml" and Version(new).major:
            text, lines = re.subn(r"(?m)^major_version_zero = true.*\n", "", text)
            if lines and Version(current).major:  # Commitizen has counted wrong
                sys.exit("Delete `major_version_zero = true` from pyproject.toml, and commit.")
        path.write_bytes(text.encode())


def write_changelog(tag: str) -> None:
    """Add the section of the version; a final one replaces its pre-releases."""
    final = "-" not in tag
    older = filter(READABLE.fullmatch, run(*TAGS, "--merged=HEAD").split())
    start = max((name for name in older if not (final and "-" in name)), key=Version, default="")
    options = "--dry-run", f"--unreleased-version={tag}", f"--start-rev={start}"
    # On the commit of a pre-release, the heading is that of the pre-release.
    changes = run("cz", "--no-raise=3", "changelog", *options).partition("\n")[2].strip()
    section = f"## {tag} ({date.today()})\n\n{changes or f'The same as {start}.'}"
    text = CHANGELOG.read_bytes().decode()
    head, *sections = re.split(r"(?m)^(?=## )", text.replace("\r\n", "\n"))
    while final and sections and re.match(r"## v\S+-", sections[0]):
        del sections[0]
    new = "\n\n".join(filter(None, map(str.strip, [head, section, *sections]))) + "\n"
    CHANGELOG.write_bytes(new.replace("\n", "\r\n" if "\r\n" in text else "\n").encode())


def main() -> None:
    """Run Commitizen, or be its hook; if that fails, put back what was there."""
    index = Path(run("git", "rev-parse", "--git-path", "index"))
    before = {path: path.read_bytes() for path in (index, CHANGELOG, *VERSIONS) if path.exists()}
    head, tags = run("git", "rev-parse", "HEAD"), run(*TAGS).split()
    tag, started = os.environ.get("CZ_PRE_NEW_TAG_VERSION"), "MAKE_BUMP" in os.environ
    os.environ |= {"MAKE_BUMP": "1", "PYTHONUTF8": "1"}
    try:
        if tag:
            check(tag)
            write_versions(os.environ["CZ_PRE_CURRENT_VERSION"], tag[1:])
            write_changelog(tag)
        elif status := subprocess.call(["cz", "bump", "--yes", *sys.argv[1:]]):
            sys.exit(status)
        if tag and not started:  # by `cz bump` itself: try what may fail after this
            run("git", "commit", "--all", f"--message={os.environ['CZ_PRE_MESSAGE']}")
            run("git", "tag", "--annotate", f"--message={tag}", tag)
            run("git", "tag", "--delete", tag)
            run("git", "update-ref", "HEAD", head)
    except BaseException:
        for made in set(run(*TAGS).split()).difference(tags):
            run("git", "tag", "--delete", made)
        run("git", "update-ref", "HEAD", head)
        for path, content in before.items():
            if path.read_bytes() != content:
                path.write_bytes(content)
        if not started:
            print("\nNothing was changed.", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()

"""Checks what a release publishes; run by .github/workflows/release.yml."""

import argparse
import gzip
import io
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

import version_files

# Every release has a wheel for each of them, that runs on systems as old as this.
PLATFORMS = {
    "manylinux_x86_64": (2, 28),
    "manylinux_aarch64": (2, 28),
    "musllinux_x86_64": (1, 2),
    "musllinux_aarch64": (1, 2),
    "macosx_x86_64": (11, 0),
    "macosx_arm64": (11, 0),
    "win_amd64": (),
    "win_arm64": (),
}


def check_version(tag: str) -> None:
    """Check that all files agree on the version, and that the tag and the changelog do.

    Args:
        tag: The tag to release, or an empty string if there is none.

    Raises:
        ValueError: They disagree.
    """
    found = version_files.read()
    spelled = found[version_files.PYPROJECT]
    wrong = [path.as_posix() for path in found if Version(found[path]) != Version(spelled)]
    if wrong:
        raise ValueError(f"pyproject.toml has version {spelled}, but not {', '.join(wrong)}")
    if tag and tag != f"v{spelled}":
        raise ValueError(f"the tag is {tag}, but the version in the files is {spelled}")
    if tag:
        notes()


def notes() -> str:
    """Return what CHANGELOG.md says about the current version, without the heading.

    Raises:
        ValueError: It has no section for the current version.
    """
    version = version_files.read()[version_files.PYPROJECT]
    changelog = version_files.CHANGELOG.read_text("utf-8")
    return version_files.section(changelog, version).partition("\n")[2].strip() + "\n"


def repack(sdist: Path, epoch: int) -> None:
    """Rewrite a source distribution so that its bytes depend on nothing but its files.

    Args:
        sdist: The archive; it is replaced.
        epoch: Time of the release, in seconds since 1970.

    Raises:
        ValueError: The archive lacks a file of `crates` that Git has.
    """
    content = io.BytesIO()
    with tarfile.open(sdist) as old, tarfile.open(fileobj=content, mode="w") as new:
        members = sorted(old.getmembers(), key=lambda member: member.name)
        for member in members:
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mtime = epoch
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    packed = {member.name.partition("/")[2] for member in members}
    tracked = subprocess.run(["git", "ls-files", "crates"], capture_output=True, check=True)
    if missing := set(tracked.stdout.decode().split()) - packed:
        raise ValueError(f"{sdist.name} lacks {', '.join(sorted(missing))}; see MANIFEST.in")
    with sdist.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as archive:
        archive.write(content.getvalue())


def check_wheel(wheel: Path) -> None:
    """Check that the compiled modules in a wheel are named as its tag promises.

    Other tools do not see it when they are not, and Python then does not find them.

    Raises:
        ValueError: A module has the wrong name, or there is none.
    """
    with zipfile.ZipFile(wheel) as archive:
        files = map(PurePosixPath, archive.namelist())
        modules = [file.name for file in files if file.suffix in {".so", ".pyd"}]
    if not modules:
        raise ValueError(f"{wheel.name} holds no compiled module")
    stable = "-abi3-" in wheel.name
    for name in modules:
        if (name.partition(".")[2] in {"abi3.so", "pyd"}) != stable:
            raise ValueError(f"{wheel.name} holds {name}, which does not fit its tag")


def check_set(files: Iterable[Path]) -> None:
    """Check that there is one source distribution, every wheel of the version and nothing else.

    Raises:
        ValueError: A file is missing, or does not belong there.
    """
    project = version_files.load(version_files.PYPROJECT)["project"]
    release = canonicalize_name(project["name"]), Version(project["version"])
    missing = expected()
    for path in sorted(files):
        if path.suffix == ".whl":
            name, version, _, tags = parse_wheel_filename(path.name)
            check_wheel(path)
            kinds = {f"{tag.interpreter}-{tag.abi}-{platform(tag.platform)}" for tag in tags}
        else:
            name, version = parse_sdist_filename(path.name)
            kinds = {"sdist"}
        if (name, version) != release:
            raise ValueError(f"{path.name} is not of {release[0]} {release[1]}")
        if not kinds & missing:
            raise ValueError(f"{path.name} was not expected, or is there twice")
        missing -= kinds
    if missing:
        raise ValueError(f"missing: {', '.join(sorted(missing))}")


def expected() -> set[str]:
    """Return the names of what a release consists of, such as `cp311-abi3-win_amd64`."""
    pyproject = version_files.PYPROJECT.read_text("utf-8")
    oldest = re.findall(r'^requires-python = ">=3\.(\d+)"', pyproject, re.MULTILINE)[0]
    pythons = [f"cp3{oldest}-abi3"]
    if free_threaded := re.search(r"^build = .*\bcp3\{([\d,]+)\}t-", pyproject, re.MULTILINE):
        pythons += [f"cp3{minor}-cp3{minor}t" for minor in free_threaded[1].split(",")]
    platforms = set(PLATFORMS)
    if rehearsed := rehearsal():
        platforms &= rehearsed
    return {"sdist"} | {f"{python}-{platform}" for python in pythons for platform in platforms}


def rehearsal() -> set[str]:
    """Return the platforms that `make rehearse` builds for; none in a real release."""
    if os.environ.get("ACT") != "true":
        return set()
    return set(os.environ.get("REHEARSED_PLATFORMS", "").split())


def platform(tag: str) -> str:
    """Reduce a platform tag to a key of `PLATFORMS`; empty if it is for newer systems only."""
    match = re.fullmatch(r"([a-z]+)_(?:(\d+)_(\d+)_)?(\w+)", tag)
    if not match:
        return ""
    key = f"{match[1]}_{match[4]}"
    oldest = (int(match[2]), int(match[3])) if match[2] else ()
    return key if rehearsal() or oldest <= PLATFORMS.get(key, ()) else ""


def main() -> None:
    """Run one command."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("check-version").add_argument("--tag", default="")
    commands.add_parser("notes")
    commands.add_parser("repack").add_argument("sdist", type=Path)
    commands.add_parser("check-files").add_argument("folder", type=Path)
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "check-version":
                check_version(arguments.tag)
            case "notes":
                sys.stdout.write(notes())
            case "repack":
                repack(arguments.sdist, int(os.environ["SOURCE_DATE_EPOCH"]))
            case "check-files":
                check_set(arguments.folder.iterdir())
    except ValueError as error:
        sys.exit(f"Not released: {error}.")


if __name__ == "__main__":
    main()

"""The version of the project, and the section of the changelog that belongs to it.

Four files hold the version. Each is found by its place in the file and not by its value, so that a
dependency with the same version stays as it is.
"""

import re
import tomllib
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

CHANGELOG = Path("CHANGELOG.md")
PYPROJECT = Path("pyproject.toml")
CARGO_TOML = Path("crates/Cargo.toml")
CARGO_LOCK = Path("crates/Cargo.lock")
UV_LOCK = Path("uv.lock")
FILES = [PYPROJECT, CARGO_TOML, CARGO_LOCK, UV_LOCK]

_HEADING = re.compile(r"^(?=## )", re.MULTILINE)


def _places() -> dict[Path, str]:
    """Return what stands before the version in each file, as a regular expression."""
    package = re.escape(canonicalize_name(load(PYPROJECT)["project"]["name"]))
    crate = re.escape(load(CARGO_TOML)["package"]["name"])
    entry = r'^\[\[package\]\]\nname = "{}"\nversion = "(?=[^"]+"\n{})'
    return {
        PYPROJECT: r'^version = "(?=[^"]+" # x-release-version)',
        CARGO_TOML: r'^\[package\]\n(?:[^\[\n].*\n|\n)*?version = "',
        CARGO_LOCK: entry.format(crate, "(?!source)"),
        UV_LOCK: entry.format(package, r"source = \{ editable"),
    }


def load(path: Path) -> dict[str, dict[str, str]]:
    """Parse a TOML file."""
    return tomllib.loads(path.read_text("utf-8"))


def read() -> dict[Path, str]:
    """Read the version from all four files.

    Returns:
        The version as each file spells it: Python's files have `1.0.0rc0` where Rust's have `1.0.0-rc.0`.

    Raises:
        ValueError: A file does not name a version where it should.
    """
    versions = {}
    for path, place in _places().items():
        found = re.findall(place + r'([^"]+)"', path.read_text("utf-8"), re.MULTILINE)
        if len(found) != 1:
            raise ValueError(f"{path.as_posix()} must name the version of this project once")
        versions[path] = found[0]
    return versions


def write(new: str) -> None:
    """Write a version into all four files.

    Args:
        new: The version as Cargo spells it, such as `1.0.0-rc.0`.
    """
    for path, place in _places().items():
        version = str(Version(new)) if path == UV_LOCK else new
        text = path.read_text("utf-8")
        text = re.sub(f'({place})[^"]+', rf"\g<1>{version}", text, count=1, flags=re.MULTILINE)
        path.write_text(text, "utf-8", newline="\n")


def section(changelog: str, version: str) -> str:
    """Cut the section of one version out of the changelog.

    Args:
        changelog: The text of CHANGELOG.md.
        version: The version, such as `1.0.0`.

    Returns:
        The section with its heading.

    Raises:
        ValueError: There is no such section.
    """
    for part in _HEADING.split(changelog):
        if version_of(part) == Version(version):
            return part.strip() + "\n"
    raise ValueError(f"{CHANGELOG} has no section for version {version}")


def add_section(changelog: str, new: str) -> str:
    """Put a section in front of all others.

    Args:
        changelog: The text of CHANGELOG.md.
        new: The section with its heading. That of a final version replaces the sections of the
            pre-releases that led to it, whose changes it lists again.

    Returns:
        The new text of CHANGELOG.md.
    """
    introduction, *sections = _HEADING.split(changelog)
    if not introduction.startswith("## "):
        introduction = introduction.rstrip() + "\n\n"
    else:
        introduction, sections = "", [introduction, *sections]
    version = version_of(new)
    if version and not version.is_prerelease:
        while sections and (older := version_of(sections[0])) and older.is_prerelease:
            del sections[0]
    return introduction + "\n\n".join(part.strip() for part in [new, *sections]) + "\n"


def version_of(section: str) -> Version | None:
    """Return the version in the heading of a section, such as `## v1.0.0 (2026-01-31)`."""
    match = re.match(r"## v(\S+)", section)
    try:
        return Version(match[1]) if match else None
    except InvalidVersion:
        return None

"""Checks what a release is about to publish; run by .github/workflows/release.yml."""

import hashlib
import re
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path
from urllib import error, request

from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
NAME, VERSION = canonicalize_name(PROJECT["name"]), Version(PROJECT["version"])
STEM = f"{NAME.replace('-', '_')}-{VERSION}"  # what the name of each file begins with
WHEEL = rf"{re.escape(STEM)}(-\w+){{2}}-(macosx|manylinux|musllinux|win)[\w.]*\.whl"


def print_notes(tag: str) -> None:
    """Print what the changelog says about a tag, if that is the version of the project."""
    if tag != f"v{PROJECT['version']}":
        sys.exit(f"Not released: the tag is {tag}, but pyproject.toml has version {VERSION}.")
    text = Path("CHANGELOG.md").read_text("utf-8")
    section = rf"(?m)^## {re.escape(tag)}(?: .*)?\n((?:(?!##(?: \S+|#)? \[?v?\d+\.\w+\b[^\w\n]*(?:\d|$)).*\n?)*)"
    cut = re.search(section, text) or sys.exit(f"Not released: CHANGELOG.md has no section {tag}.")
    print(cut[1].strip()[:120_000])  # GitHub refuses more than 125,000 characters


def check_files(folder: str) -> None:
    """Check that all wheels are of this version, and hold nothing but our files and modules."""
    for wheel in sorted({*Path(folder).iterdir()} - {Path(folder, f"{STEM}.tar.gz")}):
        if not re.fullmatch(WHEEL, wheel.name):
            sys.exit(f"Not released: {wheel.name} is not a wheel of {NAME} {VERSION} for PyPI.")
        with zipfile.ZipFile(wheel) as archive:
            metadata = message_from_bytes(archive.read(f"{STEM}.dist-info/METADATA"))
        inside = f"{canonicalize_name(str(metadata['Name']))} {metadata['Version']}"
        if inside != f"{NAME} {VERSION}":
            sys.exit(f"Not released: {wheel.name} says inside that it is {inside}.")
        added = rf"{re.escape(STEM)}\.(dist-info|data/(data|headers|scripts))/|{STEM.partition('-')[0]}\.libs/"
        for file in archive.namelist():
            ours = re.match(added, file) or "/.dylibs/" in file or Path("src", file).is_file()
            if not (ours or file.endswith((".so", ".pyd", "/"))):  # what Python finds, tests tell
                sys.exit(f"Not released: {wheel.name} holds {file}, which does not belong there.")


def check_index(folder: str, index: str) -> None:
    """Check that an index, which never replaces a file, holds no others of this version."""
    try:
        page = request.urlopen(f"{index}{NAME}/").read().decode()
    except error.URLError as reason:
        why = f"Not released: {index}{NAME}/ cannot be read: {reason}."
        page = "" if getattr(reason, "code", 0) == 404 else sys.exit(why)  # a new project has none
    ours = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in Path(folder).iterdir()}
    for digest, name in re.findall(r'#sha256=(\w+)"[^>]*>([^<]+)</a>', page):
        if name.startswith((f"{STEM}-", f"{STEM}.tar")) and ours.get(name) != digest:
            sys.exit(f"Not released: {index} has another {name}. Re-run what made it, or bump.")


{"notes": print_notes, "files": check_files, "index": check_index}[sys.argv[1]](*sys.argv[2:])  # type: ignore[operator]

"""Checks what a release is about to publish; run by .github/workflows/release.yml."""

import hashlib
import re
import sys
import tomllib
import urllib.error
import urllib.request
import zipfile
from email import message_from_bytes
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

PROJECT = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
CRATE = tomllib.loads(Path("crates/Cargo.toml").read_text("utf-8"))["package"]
NAME, VERSION = canonicalize_name(PROJECT["name"]), Version(PROJECT["version"])
STEM = f"{NAME.replace('-', '_')}-{VERSION}"  # what the name of each file begins with
WHEEL = rf"{re.escape(STEM)}-\w+-(\w+)-(?:macosx|manylinux|musllinux|win)[\w.]*\.whl"


def notes(tag: str) -> str:
    """Return what the changelog says about a tag, if the manifests have its version."""
    for name, version in ("pyproject.toml", PROJECT["version"]), ("Cargo.toml", CRATE["version"]):
        if Version(version) != Version(tag):
            raise ValueError(f"the tag is {tag}, but {name} has version {version}")
    changelog = Path("CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(tag)}(?: .*)?\n((?:(?!## ).*\n?)*)", changelog, re.M)
    if not found:
        raise ValueError(f"CHANGELOG.md has no section {tag}")
    text = found[1].strip()
    limit = 120_000  # GitHub refuses more than 125,000 characters
    return text if len(text) <= limit else text[:limit] + "…\n\nThe rest is in CHANGELOG.md."


def check_wheel(wheel: Path) -> None:
    """Check that a wheel is of this version, and holds our files and modules that fit its name."""
    name = re.fullmatch(WHEEL, wheel.name)
    if not name:
        raise ValueError(f"{wheel.name} is no file of {NAME} {VERSION} that PyPI takes")
    with zipfile.ZipFile(wheel) as archive:
        metadata = message_from_bytes(archive.read(f"{STEM}.dist-info/METADATA"))
        files = [name for name in archive.namelist() if not name.endswith("/")]
    inside = canonicalize_name(f"{metadata['Name']}"), Version(f"{metadata['Version']}")
    if inside != (NAME, VERSION):
        raise ValueError(f"{wheel.name} says inside that it is {inside[0]} {inside[1]}")
    one = rf"\.(cpython-{name[1][2:]}-[\w-]+\.so|{name[1]}-win\w+\.pyd)"  # for one Python
    module = r"\w+" + (r"\.(abi3\.so|pyd)" if name[1] == "abi3" else one)
    added = (f"{STEM}.", f"{STEM.partition('-')[0]}.libs/")  # by the builder and by auditwheel
    for file in files:
        ours = file.startswith(added) or "/.dylibs/" in file or Path("src", file).is_file()
        if not ours and not re.fullmatch(module, Path(file).name):
            raise ValueError(f"{wheel.name} holds {file}, which does not belong there")


def check_index(folder: Path, index: str) -> None:
    """Check that an index, which never replaces a file, holds no others of this version."""
    try:
        page = urllib.request.urlopen(f"{index}{NAME}/").read().decode()
    except urllib.error.HTTPError as error:
        if error.code != 404:
            raise
        page = ""
    ours = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    for digest, name in re.findall(r'#sha256=(\w+)"[^>]*>([^<]+)</a>', page):
        if name.startswith((f"{STEM}-", f"{STEM}.tar")) and ours.get(name) != digest:
            raise ValueError(
                f"{index} has another {name}: "
                "re-run the failed jobs of the run that published it, or release a new version"
            )


try:
    match sys.argv[1:]:
        case "notes", tag:
            print(notes(tag))
        case "files", folder:
            for path in sorted({*Path(folder).iterdir()} - {Path(folder, f"{STEM}.tar.gz")}):
                check_wheel(path)
        case "index", folder, index:
            check_index(Path(folder), index)
except (LookupError, OSError, ValueError) as error:
    sys.exit(f"Not released: {error}.")

"""Moves what this repository and its projects pin to the newest versions: `make bump-pins`.

A version is found where it stands, by the way it is written there, and never moves back. It keeps its precision:
`>=9.2` becomes `>=9.3`, whatever the patch. What moved is printed as a Markdown list, and so is what a limit such as
`<5` holds back, since a limit is for people to move.

Versions come from whom they are installed from: PyPI by uv, crates by Cargo, Rust from its own server (rustup's
variables choose another), actions, images and runners from their repositories by Git.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[1]
OLDEST_PYTHON = "3.11"  # the tools' floors must be versions that it can install
COOLDOWN = "30 days"  # nor newer, since many people have uv or pip leave out what is
PYPROJECTS = ("pyproject.toml", "template/pyproject.toml.jinja")
WORKFLOWS = (".github/workflows/*", "template/.github/workflows/*")
CONTAINERFILE = "template/Containerfile.jinja"
INSTALL_RUST = "template/scripts/install_rust.sh"
MANIFEST, LOCK = "template/crates/Cargo.toml.jinja", "template/crates/Cargo.lock.jinja"
SETTINGS = "copier.yml"

# A project's users may have an older NumPy than its developers.
FLOOR = re.compile(
    r'(?<!dependencies = \[)"([a-z][a-z0-9-]*(?:\[[a-z0-9,-]+\])?)>=([\d.]+)((?:,<[\d.]+)?)"'
)
ACTION = re.compile(r"uses: ([\w-]+/[\w.-]+)((?:/[\w./-]+)?)@([0-9a-f]{40}) # v([\d.]+)")
RUNNER = re.compile(r"\b(ubuntu|windows|macos)-(\d+(?:\.\d+)?)((?:-[a-z]+)?)(?![\w.-])")
CRATE = re.compile(r'(?<=\[dependencies\.)([\w-]+)(\]\nversion = )"([\d.]+)"')
IMAGE = re.compile(r"docker\.io/library/(\w+):([\d.]+)(-[\w.-]+)")
UV = re.compile(r"\buv==([\d.]+)")
RUST = re.compile(r"^(rustup|rust)=([\d.]+)$", re.MULTILINE)
CHECKSUM = re.compile(r"^[0-9a-f]{64}  ([\w-]+)$", re.MULTILINE)
IF_NUMPY = '{{% if "numpy" in features %}}\n{}{{% endif %}}\n'
NEWEST_PYTHON = re.compile(r"^(newest_minor:\n.*\n  default: )(\d+)$", re.MULTILINE)


def run(*command: str | Path, cwd: Path | None = None, text: str | None = None) -> str:
    """Run a command and return what it printed; errors go where ours go."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        input=text,
        stdin=subprocess.DEVNULL if text is None else None,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout


def download(url: str) -> str:
    """Return a text from the web."""
    with urllib.request.urlopen(url, timeout=60) as response:
        return str(response.read().decode())


def from_github(repository: str, file: str) -> str:
    """Return a file of the default branch of a repository."""
    with tempfile.TemporaryDirectory() as folder:
        clone = ["git", "clone", "--quiet", "--depth=1", "--filter=blob:none", "--no-checkout"]
        run(*clone, f"https://github.com/{repository}", folder)
        return run("git", "show", f"HEAD:{file}", cwd=Path(folder))


def moved(old: str, candidates: Iterable[str]) -> str:
    """Return the newest of some versions, as precise as the old one, or the old one if none is newer."""
    parts = len(old.split("."))
    found = [".".join(candidate.split(".")[:parts]) for candidate in candidates]
    released = [version for version in found if re.fullmatch(r"\d+(\.\d+)*", version)]
    return max([old, *released], key=Version)  # of equal ones the first


@dataclass
class Pins:
    """The pins of a working tree."""

    root: Path = ROOT
    news: list[str] = field(default_factory=list)
    """What moved, and what is held back."""

    def text(self, name: str) -> str:
        """Return the text of a file."""
        return (self.root / name).read_text("utf-8")

    def tell(self, what: str) -> None:
        """Take note of something, once."""
        if what not in self.news:
            self.news.append(what)

    def move(
        self, name: str, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]
    ) -> None:
        """Replace all matches of a pattern in a file; finding none is an error, since the file has changed."""
        text = self.text(name)
        if not pattern.search(text):
            raise LookupError(f"{name} has nothing like {pattern.pattern}")
        (self.root / name).write_text(pattern.sub(new, text), "utf-8")

    def note(self, what: str, old: str, new: str) -> str:
        """Take note of a move, and return the new version."""
        if new != old:
            self.tell(f"{what} {old} → {new}")
        return new

    def move_tools(self) -> None:
        """Move the floors of Python packages, and uv in the container."""
        found = {match.groups() for name in PYPROJECTS for match in FLOOR.finditer(self.text(name))}
        limits = {name: limit.lstrip(",") for name, _, limit in found}
        within = newest_on_pypi(name + limit for name, limit in limits.items())
        beyond = newest_on_pypi([*(name for name, limit in limits.items() if limit), "uv"])

        def floor(match: re.Match[str]) -> str:
            name, old, limit = match.groups()
            new = self.note(name, old, moved(old, [within[name.partition("[")[0]]]))
            if limit and Version(beyond[name]) > Version(within[name]):
                self.tell(f"held back: {name} {beyond[name]} is out ({limit[1:]} is allowed)")
            return f'"{name}>={new}{limit}"'

        for name in PYPROJECTS:
            self.move(name, FLOOR, floor)
        uv = beyond["uv"]
        self.move(
            CONTAINERFILE,
            UV,
            lambda match: f"uv=={self.note('uv', match[1], moved(match[1], [uv]))}",
        )

    def move_actions(self) -> None:
        """Move actions to their newest tags, with the commit that each points to."""
        tags: dict[str, dict[str, str]] = {}

        def action(match: re.Match[str]) -> str:
            repository, folder, commit, old = match.groups()
            if repository not in tags:
                tags[repository] = tags_of(repository)
            new = self.note(repository, old, moved(old, tags[repository]))
            if new != old:  # the commit of a version stays, also where somebody has moved the tag
                commit = tags[repository][new]
            return f"uses: {repository}{folder}@{commit} # v{new}"

        for name in self.workflows():
            if ACTION.search(self.text(name)):
                self.move(name, ACTION, action)

    def workflows(self) -> list[str]:
        """Return the workflows of this repository and of its projects."""
        return sorted(
            path.relative_to(self.root).as_posix()
            for pattern in WORKFLOWS
            for path in self.root.glob(pattern)
        )

    def move_runners(self) -> None:
        """Move runners with a version to the newest of their kind that GitHub offers to everyone."""
        offered = [
            match.groups()
            for repository in ("actions/runner-images", "actions/partner-runner-images")
            for line in from_github(repository, "README.md").splitlines()
            if line.startswith("|") and not re.search("preview|beta|deprecated", line, re.I)
            for label in re.findall("`([^`]+)`", line)
            if (match := RUNNER.fullmatch(label))
        ]

        def runner(match: re.Match[str]) -> str:
            system, old, kind = match.groups()
            versions = [version for name, version, of in offered if (name, of) == (system, kind)]
            new = self.note(f"{system}{kind}", old, moved(old, versions))
            return f"{system}-{new}{kind}"

        for name in self.workflows():
            if RUNNER.search(self.text(name)):
                self.move(name, RUNNER, runner)

    def move_image(self) -> None:
        """Move the base image of the container to the newest tag with the same end."""

        def image(match: re.Match[str]) -> str:
            name, old, end = match.groups()
            listed = from_github("docker-library/official-images", f"library/{name}")
            tags = re.findall(r"[\w.-]+", " ".join(re.findall(r"^Tags: (.*)$", listed, re.M)))
            new = moved(old, [tag.removesuffix(end) for tag in tags if tag.endswith(end)])
            return f"docker.io/library/{name}:{self.note(f'{name} image', old, new)}{end}"

        self.move(CONTAINERFILE, IMAGE, image)

    def move_rust(self) -> None:
        """Move rustup and its checksums, and the Rust that it installs."""
        server = os.environ.get("RUSTUP_DIST_SERVER", "https://static.rust-lang.org")
        updates = os.environ.get("RUSTUP_UPDATE_ROOT", f"{server}/rustup")
        channel = tomllib.loads(download(f"{server}/dist/channel-rust-stable.toml"))
        newest = {
            "rustup": tomllib.loads(download(f"{updates}/release-stable.toml"))["version"],
            "rust": channel["pkg"]["rust"]["version"].split()[0],
        }

        before = dict(RUST.findall(self.text(INSTALL_RUST)))["rustup"]

        def version(match: re.Match[str]) -> str:
            name, old = match.groups()
            return f"{name}={self.note(name, old, moved(old, [newest[name]]))}"

        self.move(INSTALL_RUST, RUST, version)
        rustup = dict(RUST.findall(self.text(INSTALL_RUST)))["rustup"]
        if rustup == before:
            return  # so its checksums stay, whatever the server says now

        def checksum(match: re.Match[str]) -> str:
            listed = download(f"{updates}/archive/{rustup}/{match[1]}/rustup-init.sha256")
            return f"{listed.split()[0]}  {match[1]}"

        self.move(INSTALL_RUST, CHECKSUM, checksum)

    def move_crates(self) -> None:
        """Move the crates that projects begin with, and their lock file, as far as the oldest Rust allows."""
        with tempfile.TemporaryDirectory() as folder:
            copier = (sys.executable, "-Wignore", "-m", "copier")  # it warns of uncommitted changes
            options = ("--trust", "--defaults", "--quiet", "--vcs-ref=HEAD")
            answers = ("--data=package_name=crate", "--data=features=[numpy]")
            run(*copier, "copy", *options, *answers, self.root, folder)
            manifest, lock = Path(folder, "crates/Cargo.toml"), Path(folder, "crates/Cargo.lock")
            update: list[str | Path] = ["cargo", "update", "--quiet", "--manifest-path", manifest]
            rendered = manifest.read_text("utf-8")
            manifest.write_text(CRATE.sub(r'\1\2"*"', rendered), "utf-8")
            run(*update)
            packages = tomllib.loads(lock.read_text("utf-8"))["package"]
            newest = {package["name"]: package["version"] for package in packages}

            def crate(match: re.Match[str]) -> str:
                name, between, old = match.groups()
                return f'{name}{between}"{self.note(name, old, moved(old, [newest[name]]))}"'

            self.move(MANIFEST, CRATE, crate)
            manifest.write_text(CRATE.sub(crate, rendered), "utf-8")
            run(*update)
            every = lock.read_text("utf-8")
            run("cargo", "remove", "--quiet", "--manifest-path", manifest, "numpy")
            old_lock = self.text(LOCK)
            own = re.findall(r'^name = "_\{\{.*$', old_lock, re.M)[0]
            new_lock = with_conditions(every, lock.read_text("utf-8")).replace(
                'name = "_crate"', own
            )
            (self.root / LOCK).write_text(new_lock, "utf-8")
            if old_lock != new_lock:
                self.tell("Cargo.lock of projects")

    def move_python(self) -> None:
        """Move the newest Python that projects are built for, to the newest that has been released."""
        options = ("--all-versions", "--only-downloads", "--output-format=json")
        listed = json.loads(run("uv", "python", "list", *options))
        released = [
            str(python["version_parts"]["minor"])
            for python in listed
            if python["implementation"] == "cpython" and re.fullmatch(r"3[\d.]+", python["version"])
        ]

        def minor(match: re.Match[str]) -> str:
            return match[1] + self.note("newest Python 3", match[2], moved(match[2], released))

        self.move(SETTINGS, NEWEST_PYTHON, minor)


def with_conditions(every: str, least: str) -> str:
    """Return a lock file in which Jinja leaves out what only NumPy arrays need."""
    kept = least.rstrip().split("\n\n")
    text = ""
    for package in every.rstrip().split("\n\n"):
        if 'name = "_crate"' in package:
            text += package.replace(' "numpy",\n', IF_NUMPY.format(' "numpy",\n')) + "\n\n"
        else:
            text += f"{package}\n\n" if package in kept else IF_NUMPY.format(f"{package}\n\n")
    return text.rstrip() + "\n"


def newest_on_pypi(requirements: Iterable[str]) -> dict[str, str]:
    """Return the newest versions of packages that the oldest Python can install, and that have been out for a while."""
    command = ["uv", "pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate"]
    command += [f"--python-version={OLDEST_PYTHON}", f"--exclude-newer={COOLDOWN}", "-"]
    printed = run(*command, text="\n".join(requirements) + "\n")
    return dict(re.findall(r"^([\w.-]+)(?:\[.*\])?==(\S+)$", printed, re.MULTILINE))


def tags_of(repository: str) -> dict[str, str]:
    """Return the commits of a repository's versions; an annotated tag has its commit in a line of its own."""
    listed = run("git", "ls-remote", "--tags", f"https://github.com/{repository}")
    return {
        version: commit
        for commit, version in re.findall(
            r"^(\w+)\trefs/tags/v(\d+\.\d+\.\d+)(?:\^\{\})?$", listed, re.M
        )
    }


def main() -> None:
    """Move everything, and print what moved."""
    pins = Pins()
    pins.move_python()
    pins.move_tools()
    pins.move_crates()
    pins.move_rust()
    pins.move_actions()
    pins.move_runners()
    pins.move_image()
    print("\n".join(f"- {item}" for item in pins.news) or "Everything is at its newest version.")


if __name__ == "__main__":
    try:
        main()
    except (
        HTTPException,
        LookupError,
        OSError,
        ValueError,
        subprocess.CalledProcessError,
    ) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(".")
        sys.exit(
            f"Stopped half-way: {reason}. `git restore .` undoes it, and all that is not committed."
        )

"""`make bump-pins` moves every version that a project pins; Renovate sees those that it can read.

Whoever is asked for versions is on this machine here: PyPI, crates.io, Rust's server and the repositories of GitHub.
Each offers something newer than all that is pinned.
"""

import functools
import http.server
import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import pins
from project import FEATURES, ROOT, Project, outside, run
from servers import folder_served, served
from steps import jobs, shell, step
from test_template_update import GH

pytestmark = pytest.mark.slow

# Whatever looks like a version, a commit, a checksum, or a runner with a version.
VERSION = re.compile(
    r"(?<![\w.])v?\d+(?:\.\d+)+|\b[0-9a-f]{64}\b|\b[0-9a-f]{40}\b|(?<=[>=]=)\d+(?:\.\d+)*"
    r"|\b(?:ubuntu|windows|macos)-\d[\w.-]*"
)
# Prose, code and data of the owner, and a lock file that has a test of its own.
SOURCES = (
    "src/",
    "tests/",
    "docs/",
    "notebooks/",
    "benchmarks/",
    "crates/src/",
    "crates/Cargo.lock",
)
TEXTS = ("LICENSE", "CHANGELOG", "CITATION", "CONTRIBUTING", "README", ".copier-answers", ".git/")
# Lines whose versions no newer one replaces.
STAY = re.compile(
    r"^(requires-python|version|build|target) = |Python :: 3|python: \["  # of the owner's answers
    r"|(rust|required)-version = |(dependencies|requires) = |MACOSX_DEPLOYMENT_TARGET"  # the oldest that are supported, a promise to users
    r"|#.*\b1\.0\.0|specVersion|# With this variable, which Python 3\.15"  # no pins
)


WITHIN_ITS_LIMIT = "setuptools-rust"  # of which nothing newer is out


def later(version: str) -> str:
    """Return the next version, as precise as this one."""
    *parts, last = version.split(".")
    return ".".join([*parts, str(int(last) + 1)])


def of_a_name(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name)


@dataclass
class World:
    """What offers the versions, made from what is pinned now."""

    folder: Path
    pages: dict[str, str] = field(default_factory=dict)
    url: str = ""

    def environment(self) -> dict[str, str]:
        """Return the variables that lead Git, Cargo, uv and Rust's server here."""
        return {
            "CARGO_HOME": str(self.folder / "cargo"),
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.file://{self.folder}/github/.insteadOf",
            "GIT_CONFIG_VALUE_0": "https://github.com/",
            "NO_PROXY": "127.0.0.1",
            "RUSTUP_DIST_SERVER": self.url,
            "RUSTUP_UPDATE_ROOT": f"{self.url}/rustup",
            "UV_CACHE_DIR": str(self.folder / "uv"),
            "UV_DEFAULT_INDEX": f"{self.url}/simple",
            "UV_PYTHON_DOWNLOADS_JSON_URL": str(self.folder / "pythons.json"),
        }

    def offer_packages(self, text: str) -> None:
        """Offer later versions of Python packages, and some that are of this month, not for all Pythons or forbidden."""
        floors = {name.partition("[")[0]: (old, cap) for name, old, cap in pins.FLOOR.findall(text)}
        floors["uv"] = ("0.13.9", "")
        for name, (old, limit) in floors.items():
            new, newer, newest = later(old), later(later(old)), later(later(later(old)))
            times = dict.fromkeys((old, new, newer), "2026-01-01T00:00:00Z")
            times[newest] = (datetime.now(UTC) - timedelta(days=29)).isoformat()
            if limit and name != WITHIN_ITS_LIMIT:
                times[limit[2:] + ".0.0"] = times[old]
            files = []
            for version, time in times.items():
                file = f"{of_a_name(name)}-{version}-py3-none-any.whl"
                about = {"filename": file, "url": f"/files/{file}", "upload-time": time}
                head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
                if version == newer:
                    about["requires-python"] = ">=3.12"
                    head += "Requires-Python: >=3.12\n"
                files.append({**about, "hashes": {}, "core-metadata": True})
                self.pages[f"/files/{file}.metadata"] = head
            listed = {"meta": {"api-version": "1.1"}, "name": name, "versions": [*times]}
            self.pages[f"/simple/{name}/"] = json.dumps({**listed, "files": files})

    def offer_crates(self) -> None:
        """Offer a PyO3 that is newer, and one that needs a Rust from the future."""
        (self.folder / "cargo").mkdir()
        (self.folder / "cargo/config.toml").write_text(
            '[source.crates-io]\nreplace-with = "here"\n'
            f'[source.here]\nregistry = "sparse+{self.url}/crates/"\n'
        )
        self.pages["/crates/config.json"] = json.dumps({"dl": f"{self.url}/dl"})
        for name, _, old in pins.CRATE.findall((ROOT / pins.MANIFEST).read_text("utf-8")):
            entries = [
                {
                    "name": name,
                    "vers": f"{version}.3",
                    "deps": [],
                    "cksum": digit * 64,
                    "features": {"abi3-py311": []},
                    "yanked": False,
                    "rust_version": rust,
                }
                for version, digit, rust in (
                    (later(old), "a", "1.85"),
                    (later(later(old)), "b", "9.0"),
                )
            ]
            self.pages[f"/crates/{name[:2]}/{name[2:4]}/{name}"] = "\n".join(
                map(json.dumps, entries)
            )

    def offer_rust(self, text: str) -> None:
        """Offer a later Rust and a later rustup."""
        versions = dict(pins.RUST.findall(text))
        rust, rustup = later(versions["rust"]), later(versions["rustup"])
        self.pages["/dist/channel-rust-stable.toml"] = (
            f'[pkg.rust]\nversion = "{rust} (58cf8f9c3 2026-10-13)"\n'
        )
        self.pages["/rustup/release-stable.toml"] = f"schema-version = '1'\nversion = '{rustup}'\n"
        for number, target in enumerate(pins.CHECKSUM.findall(text)):
            address = f"/rustup/archive/{rustup}/{target}/rustup-init.sha256"
            self.pages[address] = f"{number:064x} *rustup-init\n"

    def offer_python(self) -> None:
        """Offer the next minor version of Python, and another of which there is no release yet."""
        minor = pins.NEWEST_PYTHON.findall((ROOT / pins.SETTINGS).read_text("utf-8"))[0][1]
        known = {}
        for number, prerelease in ((int(minor) + 1, ""), (int(minor) + 2, "a2")):
            key = f"cpython-3.{number}.0{prerelease}-linux-x86_64-gnu"
            known[key] = {
                "name": "cpython",
                "arch": {"family": "x86_64", "variant": None},
                "os": "linux",
                "libc": "gnu",
                "major": 3,
                "minor": number,
                "patch": 0,
                "prerelease": prerelease,
                "url": f"{self.url}/python.tar.gz",
                "sha256": None,
                "variant": None,
            }
        (self.folder / "pythons.json").write_text(json.dumps(known))

    def repository(self, name: str, files: dict[str, str], tags: tuple[str, ...] = ()) -> None:
        """Make a repository of GitHub, with annotated tags."""
        folder = self.folder / "github" / name
        folder.mkdir(parents=True)
        git = functools.partial(run, "git", cwd=folder)
        git("init", "--quiet")
        git("config", "uploadpack.allowFilter", "true")
        for file, text in files.items():
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(text)
        git("add", "--all")
        git("commit", "--quiet", "--allow-empty", f"--message={name}")
        for tag in tags:
            git("commit", "--quiet", "--allow-empty", f"--message={tag}")
            git("tag", "--annotate", f"--message={tag}", tag)
        git("commit", "--quiet", "--allow-empty", "--message=after the release")

    def offer_repositories(self, texts: dict[str, str]) -> None:
        """Offer later tags of actions, a later image, and later runners."""
        workflows = "\n".join(texts.values())
        actions = {name: version for name, _, _, version in pins.ACTION.findall(workflows)}
        for name, version in actions.items():
            new = later(version)
            tags = (f"v{version}", f"v{new.split('.')[0]}", f"v{new}-rc.1", f"v{new}")
            self.repository(name, {}, tags)
        labels = {
            f"{system}-{later(old)}{end}" for system, old, end in pins.RUNNER.findall(workflows)
        }
        rows = {True: "", False: ""}  # those of partners are for Arm
        for label in labels:
            rows[label.endswith("-arm")] += f"| Runner | `{label}` or `{label}-large` |\n"
        assert all(rows.values())
        for kind, number in (("![preview](x)", 99), ("beta", 98), ("(Deprecated)", 97)):
            rows[False] += f"| Runner {kind} | `ubuntu-{number}.04-arm` |\n"
        self.repository("actions/runner-images", {"README.md": rows[False]})
        self.repository("actions/partner-runner-images", {"README.md": rows[True]})
        ((image, old, end),) = pins.IMAGE.findall((ROOT / pins.CONTAINERFILE).read_text("utf-8"))
        listed = (
            f"Tags: 9.0.0rc1{end}, 9.0-rc{end}\n\nTags: {later(old)}{end}, {old}{end}, 3{end}\n"
        )
        self.repository("docker-library/official-images", {f"library/{image}": listed})

    @contextmanager
    def tampered(self) -> Iterator[None]:
        """Let the tags of an action point elsewhere for a while, and rustup be another program."""
        git = functools.partial(run, "git", cwd=self.folder / "github/actions/checkout")
        tags = git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags").stdout
        pages = {path: page for path, page in self.pages.items() if path.endswith(".sha256")}
        for line in tags.splitlines():
            git("update-ref", line.split()[0], "HEAD")
        self.pages |= dict.fromkeys(pages, f"{'f' * 64} *rustup-init\n")
        yield
        self.pages |= pages
        for line in tags.splitlines():
            git("update-ref", *line.split())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = world.pages.get(self.path)
            self.send_response(404 if page is None else 200)
            json_of_pypi = "application/vnd.pypi.simple.v1+json"
            self.send_header(
                "Content-Type", json_of_pypi if self.path.startswith("/simple") else "text/plain"
            )
            self.end_headers()
            self.wfile.write((page or "").encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with served(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as world.url:
        texts = {
            path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
            for pattern in pins.WORKFLOWS
            for path in ROOT.glob(pattern)
        }
        world.offer_packages("".join((ROOT / name).read_text("utf-8") for name in pins.PYPROJECTS))
        world.offer_crates()
        world.offer_rust((ROOT / pins.INSTALL_RUST).read_text("utf-8"))
        world.offer_python()
        world.offer_repositories(texts)
        yield world


def test_an_answer_that_is_none_says_how_to_go_back(
    world: World, template: Path, tmp_path: Path
) -> None:
    """As of a proxy that asks for a password."""
    clone = tmp_path / "copier-pyo3"
    run("git", "clone", "--quiet", template, clone, cwd=ROOT)
    (tmp_path / "site/dist").mkdir(parents=True)
    (tmp_path / "site/dist/channel-rust-stable.toml").write_text("<html>Who are you?</html>\n")
    with folder_served(tmp_path / "site") as address:
        for server in (address, "http://127.0.0.1:9"):  # where nobody listens
            variables = {**outside(), **world.environment(), "RUSTUP_DIST_SERVER": server}
            failed = run(sys.executable, "scripts/pins.py", cwd=clone, base=variables, check=False)
            assert failed.returncode
            last = failed.stdout.splitlines()[-1]
            assert last.startswith("Stopped half-way: ")
            assert "`git restore .` undoes it" in last


@dataclass
class Moved:
    """This repository after `make bump-pins`, but for its own lock file."""

    path: Path
    news: str
    again: str
    changed_again: str


@pytest.fixture(scope="module")
def moved(world: World, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Moved:
    clone = tmp_path_factory.mktemp("moved") / "copier-pyo3"
    run("git", "clone", "--quiet", template, clone, cwd=ROOT)
    program = functools.partial(run, sys.executable, "scripts/pins.py", cwd=clone)
    variables = {**outside(), **world.environment()}
    first = program(base=variables).stdout
    run("git", "add", "--all", cwd=clone)
    with world.tampered():
        again = program(base=variables).stdout
    changed_again = run("git", "diff", "--name-only", cwd=clone).stdout
    return Moved(clone, first, again, changed_again)


def render_all(template: Path, folder: Path) -> Project:
    """Render a project with everything that a template may pin."""
    answers = [f"--data=features={json.dumps(FEATURES)}", "--data=github_owner=octocat"]
    options = ("--trust", "--defaults", "--quiet", "--vcs-ref=HEAD", "--data=package_name=x")
    run("copier", "copy", *options, *answers, template, folder, cwd=ROOT)
    return Project(folder)


@pytest.fixture(scope="module")
def before(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return render_all(template, tmp_path_factory.mktemp("before") / "project")


@pytest.fixture(scope="module")
def after(moved: Moved, tmp_path_factory: pytest.TempPathFactory) -> Project:
    return render_all(moved.path, tmp_path_factory.mktemp("after") / "project")


def pinned(project: Project) -> dict[tuple[str, str, int], list[str]]:
    """Return the versions in a project, by the lines that they are in; a line is known by all its other text."""
    found: dict[tuple[str, str, int], list[str]] = {}
    for path in sorted(project.path.rglob("*")):
        name = path.relative_to(project.path).as_posix()
        if not path.is_file() or name.startswith((*SOURCES, *TEXTS)):
            continue
        if name.endswith(".py") and name != "setup.py":
            continue
        for line in path.read_text("utf-8").splitlines():
            if VERSION.search(line) and not STAY.search(line):
                shape = VERSION.sub("#", line)
                number = sum(key[:2] == (name, shape) for key in found)
                found[name, shape, number] = VERSION.findall(line)
    return found


def test_every_pin_of_a_project_moves(before: Project, after: Project) -> None:
    old, new = pinned(before), pinned(after)
    assert len(old) > 50
    assert old.keys() == new.keys()
    stayed = [
        (*key[:2], version)
        for key, versions in old.items()
        for version, later_version in zip(versions, new[key], strict=True)
        if version == later_version
    ]
    assert stayed == []


def test_floors_leave_out_what_is_new(moved: Moved) -> None:
    """Of the three later versions on offer, one is for a newer Python only, and one has not been out for 30 days."""
    for name in pins.PYPROJECTS:
        floors = [
            {found[0]: found[1] for found in pins.FLOOR.findall((root / name).read_text())}
            for root in (ROOT, moved.path)
        ]
        assert floors[1] == {package: later(old) for package, old in floors[0].items()}
        assert floors[1]


def test_what_is_pinned_fits_together(
    world: World, moved: Moved, before: Project, after: Project
) -> None:
    manifest, lock = (after.read(f"crates/Cargo.{end}") for end in ("toml", "lock"))
    packages = {package["name"]: package for package in tomllib.loads(lock)["package"]}
    pin = tomllib.loads(manifest)["dependencies"]["pyo3"]["version"]
    assert packages["pyo3"]["version"] == f"{pin}.3"
    assert packages["pyo3"]["checksum"] == "a" * 64  # not the one that asks for another Rust
    assert {"_x", "numpy"} <= packages.keys()
    systems = [
        tomllib.loads(each.read("pyproject.toml"))["build-system"] for each in (before, after)
    ]
    assert systems[0] == systems[1]  # the oldest that work
    newest = int(pins.NEWEST_PYTHON.findall((moved.path / pins.SETTINGS).read_text("utf-8"))[0][1])
    assert f'"3.{newest}"]' in after.read(".github/workflows/ci.yml")
    assert f'"3.{newest}"]' not in before.read(".github/workflows/ci.yml")
    for name, _, commit, version in pins.ACTION.findall(after.read(".github/workflows/ci.yml")):
        tag = ("git", "rev-parse", f"v{version}^{{commit}}")
        assert run(*tag, cwd=world.folder / "github" / name).stdout.strip() == commit


def test_it_tells_what_moved_and_what_is_held_back(moved: Moved) -> None:
    assert re.search(r"^- actions/checkout 7\.[\d.]+ → 7\.[\d.]+$", moved.news, re.M), moved.news
    assert "- held back: commitizen 5.0.0 is out (<5 is allowed)" in moved.news
    assert f"held back: {WITHIN_ITS_LIMIT}" not in moved.news
    assert "- Cargo.lock of projects\n" in moved.news
    assert not re.search(r"9[789]\.04", moved.news)  # a preview, a beta, one that goes
    held = [line for line in moved.again.splitlines() if not line.startswith("- held back: ")]
    assert held == []
    # A version has one commit and one checksum for ever, whatever its server says later.
    assert moved.changed_again == ""


@pytest.mark.parametrize(
    ("old", "candidates", "new"),
    [
        ("9.2", ["9.3.1", "9.10.0"], "9.10"),
        ("7", ["7.9.1"], "7"),
        ("1.29.0", ["1.28.2"], "1.29.0"),
        ("0.0.26", ["0.0.27rc1", "0.0.26.post1"], "0.0.26"),
        ("24.04", ["26.04"], "26.04"),
    ],
)
def test_versions_keep_their_precision_and_never_move_back(
    old: str, candidates: list[str], new: str
) -> None:
    assert pins.moved(old, candidates) == new


def seen_by_renovate() -> set[tuple[str, str, str]]:
    """Return what its regular expressions find: file, name and version; the actions are read by a parser of its own."""
    settings = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    files = run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    off = [
        (rule["matchDatasources"], rule["matchPackageNames"])
        for rule in settings["packageRules"]
        if rule.get("enabled") is False
    ]
    found = set()
    for manager in settings["customManagers"]:
        (pattern,) = (pattern.strip("/") for pattern in manager["managerFilePatterns"])
        names = [name for name in files.splitlines() if re.search(pattern, name)]
        assert names, pattern
        for name in names:
            for expression in manager["matchStrings"]:
                text = (ROOT / name).read_text("utf-8")
                for match in re.finditer(expression.replace("(?<", "(?P<"), text):
                    if ([manager["datasourceTemplate"]], [match["depName"]]) not in off:
                        found.add((name, match["depName"], match["currentValue"].strip(">=")))
    return found


def test_renovate_sees_what_it_can_read() -> None:
    read = {name: (ROOT / name).read_text("utf-8") for name in (pins.CONTAINERFILE, pins.MANIFEST)}
    floors = pins.PYPROJECTS[1]
    rust = (ROOT / pins.INSTALL_RUST).read_text("utf-8")
    assert seen_by_renovate() == {
        *(
            (floors, name, old + limit)
            for name, old, limit in pins.FLOOR.findall((ROOT / floors).read_text("utf-8"))
        ),
        *((pins.CONTAINERFILE, "uv", old) for old in pins.UV.findall(read[pins.CONTAINERFILE])),
        *((pins.MANIFEST, name, old) for name, _, old in pins.CRATE.findall(read[pins.MANIFEST])),
        (pins.INSTALL_RUST, "rust", dict(pins.RUST.findall(rust))["rust"]),
    }
    # Files that its own parsers read, by patterns which it adds to those that it brings.
    settings = json.loads((ROOT / "renovate.json").read_text("utf-8"))
    assert {"custom.regex", "dockerfile", "github-actions"} == set(settings["enabledManagers"])
    assert settings["minimumReleaseAge"] == "7 days"
    rules = [rule for rule in settings["packageRules"] if rule.get("enabled", True)]
    assert {rule["semanticCommitType"] for rule in rules} == {"feat"}, "or no release follows"
    (containers,) = settings["dockerfile"]["managerFilePatterns"]
    (workflows,) = settings["github-actions"]["managerFilePatterns"]
    assert re.search(containers.strip("/"), pins.CONTAINERFILE)
    projects = [path.relative_to(ROOT).as_posix() for path in ROOT.glob(pins.WORKFLOWS[1])]
    assert [name for name in projects if not re.search(workflows.strip("/"), name)] == []


def test_the_difference_can_be_applied(tmp_path: Path) -> None:
    keep = step(Project(ROOT), "pins", "move", "Keep the difference")
    repository, output = Project(tmp_path / "repository"), tmp_path / "output"
    repository.path.mkdir()
    repository.git("init", "--quiet")
    (repository.path / "pins.bin").write_bytes(b"\0one")
    repository.commit()
    (tmp_path / "pins").mkdir()
    env = {"RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(output)}
    repository.tool(*shell(keep), env=env)
    assert not output.exists()
    (repository.path / "pins.bin").write_bytes(b"\0two")
    repository.tool(*shell(keep), env=env)
    assert output.read_text() == "moved=true\n"
    repository.git("checkout", "--quiet", ".")
    repository.git("apply", str(tmp_path / "pins/pins.patch"))
    assert (repository.path / "pins.bin").read_bytes() == b"\0two"


OTHERS = {"title": "Newer versions of all", "number": 6}
OPEN = {"title": "Newer versions", "number": 7}


@pytest.mark.parametrize("issues", [[OTHERS], [OTHERS, OPEN]], ids=["new", "open"])
def test_an_issue_tells_what_moved(tmp_path: Path, issues: list[dict[str, Any]]) -> None:
    propose = step(Project(ROOT), "pins", "propose", "Open an issue")
    written = {
        name
        for name, job in jobs(Project(ROOT), "pins").items()
        if "write" in job["permissions"].values()
    }
    assert written == {"propose"}
    (tmp_path / "pins").mkdir()
    (tmp_path / "pins/news.md").write_text("- ruff 0.17 → 0.18\n")
    (tmp_path / "pins/shown.patch").write_text("+ruff `>=0.18` $(touch pwned)\n" * 5000)
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "OPEN_ISSUES": json.dumps(issues),
        "RECORD": str(tmp_path / "calls"),
        "RUN": "https://github.com/o/r/actions/runs/42",
        "TESTS": "failure",
        "TITLE": "Newer versions",
    }
    run(*shell(propose), cwd=tmp_path, env=env)
    asked, call = (tmp_path / "calls").read_text().splitlines()
    assert asked.startswith("issue list --author app/github-actions ")  # nobody else's
    edit = OPEN in issues
    assert call.startswith("issue edit 7 " if edit else "issue create --title Newer versions ")
    body = (tmp_path / "body.md").read_text("utf-8")
    assert body.startswith("With these, `make test` ends with failure in [this run](https://")
    assert "gh run download 42 " in body
    assert "- ruff 0.17 → 0.18\n" in body
    assert len(body) < 65_536  # GitHub's limit
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("status", [0, 1])
def test_a_move_that_stops_half_way_fails(tmp_path: Path, status: int) -> None:
    """Or an issue would offer half of it."""
    (tmp_path / "make").write_text(f'#!/bin/sh\n[ "$1" != bump-pins ] || exit {status}\n')
    (tmp_path / "make").chmod(0o755)
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path)}
    move = step(Project(ROOT), "pins", "move", "Move the pins")
    assert run(*shell(move), cwd=tmp_path, env=env, check=False).returncode == status


def test_requirements_are_for_every_python(tmp_path: Path, interpreters: dict[str, Path]) -> None:
    """Also when the environment that `make lock` runs in has a newer one."""

    def listed(path: Path) -> list[str]:
        return [line for line in path.read_text("utf-8").splitlines() if "==" in line]

    for name in ("pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    run([*interpreters.values()][-1], "-m", "venv", "--without-pip", ".venv", cwd=tmp_path)
    recipe = re.search(r"^\t\.venv/bin/(uv pip compile .*)", (ROOT / "Makefile").read_text(), re.M)
    assert recipe
    kept = recipe[1].replace(" --upgrade", "")  # whatever is the newest today
    run("sh", "-c", kept, cwd=tmp_path)
    assert listed(tmp_path / "requirements.txt") == listed(ROOT / "requirements.txt")

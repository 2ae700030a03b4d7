"""`make bump` moves one version through all files, in one commit and one tag, or changes nothing."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.version import Version

from conftest import Render
from project import Project, run, user, user_path

pytestmark = pytest.mark.slow(minutes=2)

MANIFESTS = ["pyproject.toml", "crates/Cargo.toml", "crates/Cargo.lock", "uv.lock"]
FILES = ["CHANGELOG.md", *MANIFESTS]


@pytest.fixture(scope="session")
def tools(committed: Project) -> Path:
    """Return the environment that `uv run --only-dev` makes, for all projects of these tests."""
    folder = committed.path.parent / "tools"
    env = {"UV_PROJECT_ENVIRONMENT": str(folder)}
    committed.run("uv", "sync", "--quiet", "--only-group=lint", env=env)
    return folder / "bin"


@pytest.fixture(scope="session")
def committed(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its first commit, to be copied."""
    project = render(package_name="Bump.Sample", module_name="bump_sample", github_owner="ada")
    project = project.copy(tmp_path_factory.mktemp("committed") / "project")
    project.run("uv", "lock", "--quiet")
    project.commit("feat: start the project")
    return project


@pytest.fixture(scope="session")
def bumped(committed: Project, tools: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its first release, to be copied."""
    project = Bumping(committed, tmp_path_factory.mktemp("bumped") / "project", tools)
    project.bump()
    return project


# A program without a folder is looked for beside the one that runs, which in an environment is the one behind it:
# https://docs.python.org/3/library/subprocess.html#subprocess.Popen
AS_ON_WINDOWS = """
import subprocess, sys

class Popen(subprocess.Popen):
    def __init__(self, args, *more, **options):
        if not isinstance(args, str) and args[0] == "python":
            args = [sys._base_executable, *args[1:]]
        super().__init__(args, *more, **options)

subprocess.Popen = Popen
"""


class Bumping(Project):
    """A copy of a project, and how its owner bumps it."""

    def __init__(self, original: Project, path: Path, tools: Path, plain: bool = False) -> None:
        super().__init__(original.copy(path).path, original.answers)
        self.tools = tools
        self.plain = plain
        self.env: dict[str, str] = {}

    def start(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run what `make bump` runs, or `cz bump` by itself."""
        command = ("cz", "bump", "--yes") if self.plain else ("python", "scripts/bump.py")
        return self.run(
            shutil.which(command[0], path=self.tools) or "",
            *command[1:],
            *arguments,
            env={**self.tools_first(), **self.env},
            check=check,
        )

    def tools_first(self) -> dict[str, str]:
        """Return the variables of the environment that `make bump` runs in."""
        path = f"{self.tools}{os.pathsep}{user_path()}"
        return {"PATH": path, "VIRTUAL_ENV": str(self.tools.parent)}

    def bump(self, *arguments: str) -> str:
        """Bump, check that all files agree, and return the new version."""
        before = self.git("rev-parse", "HEAD")
        self.start(*arguments)
        assert self.git("rev-parse", "HEAD~1") == before
        assert self.git("status", "--porcelain") == ""
        tag = self.git("describe", "--exact-match").strip()
        assert self.git("cat-file", "-t", tag).strip() == "tag"
        assert self.git("diff", "--name-only", "--relative", "HEAD~1").split() == sorted(FILES)
        versions = self.versions()
        assert versions == dict.fromkeys(MANIFESTS, Version(tag)), versions
        return tag.removeprefix("v")

    def adopt(self, version: str) -> None:
        """Commit the version that a project had before it was brought under the template."""
        for name in MANIFESTS:
            self.write_version(name, version)
        self.commit("build: adopt the template")

    def refused(self, *arguments: str, keep: bool = False) -> str:
        """Bump, check that it is refused and changes nothing, and return what it said."""
        before = self.state()
        result = self.start(*arguments, check=False)
        assert result.returncode, result.stdout
        assert self.state() == before, result.stdout
        assert "Traceback" not in result.stdout
        assert self.plain or result.stdout.endswith("\nNothing was changed.\n")
        return result.stdout

    def state(self) -> list[object]:
        """Return everything that a bump could change."""
        commands = (
            "show-ref",
            "rev-parse HEAD",
            "status --branch",
            "diff",
            "diff --cached",
            "ls-files -v",
        )
        files = [self.path / name for name in ["README.md", *FILES]]
        return [
            *(self.git(*command.split()) for command in commands),
            *(file.read_bytes() if file.exists() else None for file in files),
        ]

    def versions(self) -> dict[str, Version]:
        """Parse the version out of all files."""
        loaded = {name: tomllib.loads(self.read(name).lstrip("\ufeff")) for name in MANIFESTS}
        crate = loaded["crates/Cargo.toml"]["package"]
        names = {"crates/Cargo.lock": crate["name"], "uv.lock": "bump-sample"}
        own = {
            name: next(
                p
                for p in loaded[name]["package"]
                if p["name"] == own and not {"registry"} & set(p.get("source", ()) or ())
            )
            for name, own in names.items()
        }
        found = {
            "pyproject.toml": loaded["pyproject.toml"]["project"]["version"],
            "crates/Cargo.toml": crate["version"],
            **{name: package["version"] for name, package in own.items()},
        }
        return {name: Version(version) for name, version in found.items()}

    def write_version(self, name: str, version: str) -> None:
        """Write a version into a file by hand."""
        text = self.read(name)
        own = {"crates/Cargo.lock": 'name = "_bump-sample"', "uv.lock": 'name = "bump-sample"'}
        before, place, after = text[text.index(own.get(name, "")) :].partition('\nversion = "')
        rest = f'{before}{place}{version}"{after.partition(chr(34))[2]}'
        (self.path / name).write_text(text.removesuffix(before + place + after) + rest)

    def change(self, message: str) -> None:
        """Commit a change of a source file."""
        with (self.path / "src/bump_sample/__init__.py").open("a") as file:
            file.write(f"# {message}\n")
        self.commit(message)

    def edit(self, name: str, old: str, new: str) -> None:
        text = self.read(name)
        assert text.count(old) == 1, f"not once in {name}: {old}"
        (self.path / name).write_bytes(text.replace(old, new).encode())

    def sections(self) -> dict[str, str]:
        """Return the sections of the changelog by version, in order."""
        parts = re.split(r"^## v(\S+) .*$", self.read("CHANGELOG.md"), flags=re.MULTILINE)
        return {name: text.strip() for name, text in zip(parts[1::2], parts[2::2], strict=True)}

    def hook(self, name: str, *lines: str) -> None:
        path = self.path / ".git/hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        path.chmod(0o755)


@pytest.fixture
def project(committed: Project, tools: Path, tmp_path: Path) -> Bumping:
    return Bumping(committed, tmp_path / "project", tools)


@pytest.fixture
def released(bumped: Project, tools: Path, tmp_path: Path) -> Bumping:
    return Bumping(bumped, tmp_path / "project", tools)


@pytest.fixture
def changed(released: Bumping) -> Bumping:
    """Return a released project with a new feature."""
    released.change("feat: one")
    return released


@pytest.fixture(params=["make bump", "cz bump"])
def either(request: pytest.FixtureRequest, bumped: Project, tools: Path, tmp_path: Path) -> Bumping:
    """Return a released project with a new feature, for both ways to bump it."""
    project = Bumping(bumped, tmp_path / "project", tools, plain=request.param == "cz bump")
    project.change("feat: one")
    return project


@pytest.mark.parametrize(
    "command",
    [
        "make bump",
        "uv run --only-dev cz bump --yes",
        "uv run --only-dev poe bump --increment MINOR",
    ],
)
def test_what_the_owner_types(project: Bumping, tmp_path: Path, command: str) -> None:
    """Both work on Windows, and while the Rust code does not compile, and Cargo can read what they write."""
    (tmp_path / "sitecustomize.py").write_text(AS_ON_WINDOWS)
    (tmp_path / ".python-version").write_text("3.10\n")  # for other projects in this folder
    (project.path / "crates/src/lib.rs").write_text("this is no Rust\n")
    project.commit("feat: break it")

    project.run(*command.split(), env={"PYTHONPATH": str(tmp_path)})

    assert project.git("describe", "--exact-match").strip() == "v0.1.0"
    assert project.git("status", "--porcelain") == ""
    manifest = ["--format-version=1", "--manifest-path=crates/Cargo.toml"]
    project.run("cargo", "metadata", "--locked", "--offline", *manifest)
    project.run("uv", "lock", "--check", "--offline")


def test_arguments_reach_commitizen(project: Bumping) -> None:
    env = {"PYTHONIOENCODING": "latin-1"}
    printed = project.run("make", "bump", "ARGS=--prerelease rc", env=env).stdout
    assert "bump: version 0.0.0 → 0.1.0-rc.0" in printed
    assert project.git("describe", "--exact-match").strip() == "v0.1.0-rc.0"


def test_versions_follow_the_commits(project: Bumping) -> None:
    assert project.bump() == "0.1.0"
    assert project.sections()["0.1.0"] == "### Feat\n\n- start the project"

    project.change("fix: one")
    assert project.bump() == "0.1.1"
    project.change("feat: two")
    project.change("docs: not in the changelog")
    assert project.bump() == "0.2.0"
    project.change("feat!: three")
    assert project.bump() == "0.3.0"

    assert [*project.sections()] == ["0.3.0", "0.2.0", "0.1.1", "0.1.0"]
    assert project.sections()["0.2.0"] == "### Feat\n\n- two"
    assert project.read("CHANGELOG.md").startswith("# Changelog\n\n`make bump` adds")

    # By number: as text, 0.3.0 comes after this one.
    project.change("feat: four")
    project.bump("0.10.0")
    project.change("fix: five")
    (project.path / "mine.txt").touch()  # which Git does not know
    project.git("config", "status.showUntrackedFiles", "all")
    project.start()
    assert project.sections()["0.10.1"] == "### Fix\n\n- five"


def test_1_0_0_right_after_a_release(released: Bumping) -> None:
    assert released.bump("1.0.0") == "1.0.0"
    assert released.sections()["1.0.0"] == "No features or fixes."
    assert "major_version_zero" not in released.read("pyproject.toml")

    released.change("feat!: break")
    assert released.bump() == "2.0.0"
    released.change("feat: more")
    assert released.bump() == "2.1.0"


def test_pre_releases_lead_to_a_final_version_with_complete_notes(either: Bumping) -> None:
    either.git("branch", "v0.1.0")  # a name for which Git prints that of the tag otherwise
    assert either.bump("--prerelease", "rc") == "0.2.0-rc.0"
    assert 'name = "bump-sample"\nversion = "0.2.0rc0"' in either.read("uv.lock")
    either.change("fix: two")
    assert either.bump("--prerelease", "rc") == "0.2.0-rc.1"
    assert either.sections()["0.2.0-rc.1"] == "### Fix\n\n- two"
    assert either.bump() == "0.2.0"

    assert [*either.sections()] == ["0.2.0", "0.1.0"]
    assert either.sections()["0.2.0"] == "### Feat\n\n- one\n\n### Fix\n\n- two"


def test_alpha_and_beta_lead_to_it_as_well(changed: Bumping) -> None:
    assert changed.bump("--prerelease", "alpha") == "0.2.0-alpha.0"
    changed.change("fix: two")
    assert changed.bump("--prerelease", "beta") == "0.2.0-beta.0"


def test_what_the_owner_wrote_into_the_changelog_stays(changed: Bumping) -> None:
    """In a pre-release, also if it looks like a heading, and under the heading of Keep a Changelog."""
    changed.edit("CHANGELOG.md", "## v0.1.0 ", "## [Unreleased]\n\n- mine\n\n## v0.1.0 ")
    changed.commit("docs: note")
    assert changed.bump("--prerelease", "rc") == "0.2.0-rc.0"
    text = (
        "- one\n\n### Migration\n\nRun this:\n\n```sh\n## 1. migrate\nmigrate\n```\n\n"
        "No feature flag is needed, so:\n\n```sh\nmigrate --again\n```\n"
    )
    changed.edit("CHANGELOG.md", "- one\n", text)
    changed.commit("docs: explain")
    notes = changed.run(
        changed.tools / "python", "scripts/release.py", "notes", "v0.2.0-rc.0", check=False
    )
    assert notes.stdout == f"### Feat\n\n{text}"
    assert changed.bump("--prerelease", "rc", "--allow-no-commit") == "0.2.0-rc.1"
    assert changed.bump() == "0.2.0"
    assert [*changed.sections()] == ["0.2.0", "0.1.0"]
    assert changed.sections()["0.2.0"] == f"### Feat\n\n{text.strip()}"
    assert "## [Unreleased]\n\n- mine\n\n## v0.2.0 " in changed.read("CHANGELOG.md")


def test_reworded_notes_of_a_pre_release_stay_under_their_heading(changed: Bumping) -> None:
    changed.change("feat!: drop it")
    for message in ("fix: small", "perf: quick", "refactor: tidy"):
        changed.change(message)
    changed.bump("--prerelease", "rc")
    changed.edit(
        "CHANGELOG.md",
        "- one\n",
        "- **Number one**\n\n### Python 3.15\n\n## 3.15 on Arm\n\n### Empty\n",
    )
    changed.commit("docs: tell more")
    assert changed.bump() == "0.2.0"
    assert changed.sections()["0.2.0"] == (
        "### BREAKING CHANGE\n\n- drop it\n\n### Feat\n\n- one\n\n### Fix\n\n- small\n\n"
        "### Refactor\n\n- tidy\n\n### Perf\n\n- quick\n\n"
        "### Feat\n\n- **Number one**\n\n### Python 3.15\n\n## 3.15 on Arm\n\n### Empty"
    )
    notes = changed.run(changed.tools / "python", "scripts/release.py", "notes", "v0.2.0").stdout
    assert notes.strip() == changed.sections()["0.2.0"]


def test_headings_that_you_renamed_in_a_pre_release_come_once(changed: Bumping) -> None:
    """They go with what was below them, and stay with what you wrote there."""
    changed.change("fix: small")
    changed.bump("--prerelease", "rc")
    changed.edit("CHANGELOG.md", "### Feat\n\n- one\n", "### News\n\n- one\n")
    changed.edit("CHANGELOG.md", "### Fix\n\n- small\n", "### Repairs\n\nMany:\n\n- small\n")
    changed.commit("docs: rename")
    assert changed.bump() == "0.2.0"
    assert changed.sections()["0.2.0"] == (
        "### Feat\n\n- one\n\n### Fix\n\n- small\n\n### Repairs\n\nMany:"
    )


def test_a_lock_file_that_is_elsewhere_is_missed(changed: Bumping) -> None:
    """As that of a uv workspace."""
    changed.git("rm", "--quiet", "uv.lock")
    changed.commit("build: join a workspace")
    assert "uv.lock" in changed.refused()


KINDS = """\
[tool.commitizen.customize]
bump_pattern = "^(feat|security)"
bump_map = { feat = "MINOR", security = "PATCH" }
changelog_pattern = "^(feat|security)"
change_type_map = { feat = "New + shiny *", security = "Security" }
commit_parser = "^(?P<change_type>feat|security): (?P<message>.*)"

# https://github.com/jwodder/check-wheel-contents
"""


def test_headings_of_your_own_kinds_of_changes_come_once(changed: Bumping) -> None:
    """Those of pre-releases go if all below them is in the new section."""
    changed.edit("pyproject.toml", "cz_conventional_commits", "cz_customize")
    changed.edit("pyproject.toml", KINDS.splitlines(keepends=True)[-1], KINDS)
    changed.change("security: escape paths")
    changed.bump("--prerelease", "rc")
    changed.edit("CHANGELOG.md", "- one\n", "- **One**\n")
    changed.commit("docs: stress")
    changed.change("feat: two")
    changed.bump("--prerelease", "rc")
    assert changed.bump() == "0.2.0"
    assert changed.sections()["0.2.0"] == (
        "### New + shiny *\n\n- two\n- one\n\n### Security\n\n- escape paths\n\n"
        "### New + shiny *\n\n- **One**"
    )


def bump_below(changed: Bumping, heading: str) -> str:
    """Bump where the changelog has a section of before under a heading, and return that section."""
    section = re.compile(r"## v0\.1\.0.*", re.DOTALL)
    old = f"{heading}\n\n- old\n"
    (changed.path / "CHANGELOG.md").write_text(section.sub(old, changed.read("CHANGELOG.md")))
    changed.commit("docs: tell of before")
    changed.bump()
    return old


@pytest.mark.parametrize(
    "heading",
    [
        "## v0.0.9 (2025-01-01)",
        "## [v0.0.9] - 2025-01-01",
        "## [0.0.9]",
        "## Version 0.0.9",
        "## bump-sample 0.0.9",
        "### [0.0.9](https://example.org)",
        "## 0.0 (2025-01-01)",
        "## v0.0rc1",
    ],
)
def test_sections_of_before_stay_below(changed: Bumping, heading: str) -> None:
    old = bump_below(changed, heading)
    assert changed.read("CHANGELOG.md").endswith(f"### Feat\n\n- one\n\n{old}")
    python = changed.tools / "python"
    notes = changed.run(python, "scripts/release.py", "notes", "v0.2.0").stdout
    assert notes == "### Feat\n\n- one\n"


@pytest.mark.parametrize("heading", ["# 0.0.9", "0.0.9\n-----"])
def test_sections_under_other_headings_are_not_seen(changed: Bumping, heading: str) -> None:
    """As docs/adopt.md says, so that owners change them first."""
    bump_below(changed, heading)
    assert changed.read("CHANGELOG.md").endswith("### Feat\n\n- one\n")


def test_whatever_moves_the_version_is_in_the_changelog(changed: Bumping) -> None:
    """Commitizen overlooks breaks of some types, and takes footers for parts of them."""
    changed.change("chore(deps)!: drop Python 3.11")
    changed.change("build!: need Rust 1.99")
    changed.change("build!: need Rust 1.99")  # again, after a revert
    footers = "Refs: #12\nCo-authored-by: Bob <bob@example.org>"
    changed.change(f"fix(io): two\n\nBREAKING CHANGE: text is\nbytes now\n{footers}")
    changed.change(f"docs: three\n\nBREAKING-CHANGE: no more hints\n\n{footers}")
    changed.change("fix: in\n\nBREAKING CHANGE:\nthe next line")
    changed.change("fix: by\n\nBREAKING CHANGE:\n\nthe next paragraph\n---")
    changed.change("feat(api)!: rename f(x): it is g(x)")
    changed.change("fix: at\n\nBREAKING CHANGE:")  # what follows is another message
    changed.change("fix: of\n\nBREAKING CHANGE(api)!: a part")
    changed.change("feat!: nothing\n\nBREAKING CHANGE: write so:\n```toml\n[demo]\n\nx = 1\n```")
    changed.change("ci: five\n\nBREAKING CHANGE: more\n(cherry picked from commit 1a2b3c4)")
    for end in ("Closes #12", "===", "!!! note", "::: json", "  ~~~"):
        changed.change(f"test: six\n\nBREAKING CHANGE: until {end.strip()[0]}\n{end}")
    changed.change("perf!: four")
    assert changed.bump("1.0.0") == "1.0.0"
    breaks = [
        "four",
        *(f"until {sign}" for sign in ("~", ":", "!", "=", "C")),
        "more",
        "nothing",
        "write so:",
        "**api**: a part",
        "**api**: rename f(x): it is g(x)",
        "the next paragraph",
        "the next line",
        "no more hints",
        "text is\nbytes now",
        "need Rust 1.99",
    ]
    listed = "\n- ".join(["", *breaks, "**deps**: drop Python 3.11"])
    assert changed.sections()["1.0.0"] == (
        f"### BREAKING CHANGE\n{listed}\n\n### Feat\n\n- one\n\n### Fix\n\n- of\n- at\n- by\n- in\n- **io**: two"
    )


def test_messages_are_no_markup(changed: Bumping) -> None:
    """Where they are shown, tags would be gone with what follows, and the site would look for pages."""
    changed.change("feat: take Vec<T> and `Option<T>` as they are, if a < b <= c")
    changed.change("fix: <script> in <!-- titles")
    changed.change("fix: call table[key](value) and matrix[i][j], see [this](https://example.org)")
    for text in ("__init__ of `__main__` in a_b", "# of threads", "2. try", "* matches - all"):
        changed.change(f"fix: {text}")
    for text in ("pass a*b*c and 2**3", "read src/**/*.py and tests/*.py", "**all** of *it*"):
        changed.change(f"fix: {text}")
    for text in (
        "f(*args) and g(*args)",
        ">=3.11 is needed",
        "#12 crash",
        "10. try",
        "404. try",
        "2026. try",
    ):
        changed.change(f"fix: {text}")
    changed.change("fix: see https://example.org/__main__.html?a*b and <https://example.org/_x_>")
    changed.change(r"fix: take \* and &lt; as they are, & C:\x\_y")
    for text in ("a leak ![](https://example.org/t.png)", "[core]: rewrite", "[core] again"):
        changed.change(f"fix: {text}")
    for text in ("1) try", "- less", "+ more", "> 3 threads", "close </div>"):
        changed.change(f"perf: {text}")
    changed.change("fix: x\n\nBREAKING CHANGE: gone\n## Migration\n\nRun it.")
    changed.change('feat!: y\n\nBREAKING CHANGE: is\n--8<-- "pyproject.toml"')
    changed.bump()
    assert changed.sections()["0.2.0"] == (
        '### BREAKING CHANGE\n\n- y\n- is\n--8&lt;-- "pyproject.toml"\n- gone\n\n'
        "### Feat\n\n- take Vec&lt;T> and `Option<T>` as they are, if a < b <= c\n- one\n\n"
        "### Fix\n\n- x\n"
        "- [core] again\n- \\[core]: rewrite\n- a leak \\![](https://example.org/t.png)\n"
        "- take \\\\\\* and &amp;lt; as they are, & C:\\x\\\\\\_y\n"
        "- see https://example.org/__main__.html?a*b and <https://example.org/_x_>\n"
        "- 2026\\. try\n- 404\\. try\n- 10\\. try\n- \\#12 crash\n- \\>=3.11 is needed\n"
        "- f(\\*args) and g(\\*args)\n- **all** of *it*\n"
        "- read src/\\*\\*/\\*.py and tests/\\*.py\n- pass a\\*b\\*c and 2\\*\\*3\n"
        "- \\* matches - all\n- 2\\. try\n- \\# of threads\n- \\_\\_init\\_\\_ of `__main__` in a_b\n"
        "- call table[key]\\(value) and matrix[i]\\[j], see [this](https://example.org)\n"
        "- &lt;script> in &lt;!-- titles\n\n"
        "### Perf\n\n- close &lt;/div>\n- \\> 3 threads\n- \\+ more\n- \\- less\n- 1\\) try"
    )


@pytest.mark.parametrize("strategy", ["ort", "ours"])
def test_a_merged_hotfix_leaves_the_next_notes_whole(changed: Bumping, strategy: str) -> None:
    """Its tag is among the commits of the next release."""
    changed.bump()
    changed.change("feat: three")
    changed.git("switch", "--quiet", "--create=hotfix", "v0.1.0")
    changed.change("fix: urgent")
    assert changed.bump() == "0.1.1"
    changed.git("switch", "--quiet", "main")
    merged = changed.run("git", "merge", "--strategy", strategy, "--no-edit", "hotfix", check=False)
    if merged.returncode:  # both released, so both wrote the same lines
        changed.git("checkout", "--ours", ".")
        changed.commit("Merge branch 'hotfix'")
    changed.change("feat: four")
    assert changed.bump() == "0.3.0"
    assert [*changed.sections()] == ["0.3.0", "0.2.0", "0.1.0"]
    assert sorted(changed.sections()["0.3.0"].splitlines()) == sorted(
        ["### Feat", "", "- four", "- three", "", "### Fix", "", "- urgent"]
    )


def test_a_tag_that_was_made_on_github_is_no_release(changed: Bumping) -> None:
    changed.git("tag", "--annotate", "--message=v0.2.0", "v0.2.0")
    changed.change("fix: two")
    advice = re.search(r"`(git tag -d v0.2.0)`", changed.refused())
    assert advice
    changed.run(*advice[1].split())
    assert changed.bump() == "0.2.0"


def test_a_bump_that_was_taken_back_can_be_made_again(changed: Bumping) -> None:
    """The tag is left on a commit that is on no branch."""
    changed.bump()
    changed.git("reset", "--hard", "--quiet", "HEAD~1")
    advice = re.search(r"`(git tag -d .+?)`", changed.refused())
    assert advice
    changed.run(*advice[1].split())
    assert changed.bump() == "0.2.0"


def test_a_release_on_another_branch_is_merged_without_its_files(changed: Bumping) -> None:
    """As of a project that was released from there, and whose files have that version."""
    changed.git("switch", "--quiet", "--create=stable")
    assert changed.bump("0.1.1") == "0.1.1"
    changed.git("switch", "--quiet", "main")
    changed.change("feat: two")
    changed.adopt("0.1.1")
    advice = re.search(
        r"; if it is on another branch, `(git merge -s ours v0.1.1)`;", changed.refused()
    )
    assert advice
    changed.run(*advice[1].split(), "--no-edit")
    assert changed.bump() == "0.2.0"
    assert changed.sections()["0.2.0"] == "### Feat\n\n- two"


def test_a_bump_that_was_rebased_gets_its_tag_back(changed: Bumping) -> None:
    """Others had pushed meanwhile: its commit is another one now."""
    changed.bump()
    changed.git("commit", "--quiet", "--amend", "--no-edit", "--date=2001-01-01 00:00")
    changed.change("fix: two")
    for command in (r"`(git tag -d .+?)`", r"`(git tag -a .+?)`"):
        advice = re.search(command, changed.refused())
        assert advice
        changed.run(*advice[1].split())
    assert changed.git("rev-parse", "v0.2.0^{}") == changed.git("rev-parse", "HEAD~1")
    assert changed.bump() == "0.2.1"
    assert changed.git("tag").split() == ["v0.1.0", "v0.2.0", "v0.2.1"]


def test_a_squashed_release_candidate_takes_no_other_tag_along(changed: Bumping) -> None:
    changed.git("switch", "--quiet", "--create=next")
    assert changed.bump("--prerelease", "rc") == "0.2.0-rc.0"
    changed.git("switch", "--quiet", "main")
    changed.git("reset", "--quiet", "--hard", "HEAD~1")
    changed.git("merge", "--quiet", "--squash", "next")
    changed.commit("feat: one (#7)")
    for command in (r"`(git tag -d .+?)`", r"`(git tag -a .+?)`"):
        advice = re.search(command, changed.refused())
        assert advice
        changed.run(*advice[1].split())
    changed.change("fix: two")
    assert changed.bump() == "0.2.0"
    assert changed.git("tag").split() == ["v0.1.0", "v0.2.0", "v0.2.0-rc.0"]


def test_a_squashed_bump_is_reverted_if_others_came_before_it(changed: Bumping) -> None:
    """As CONTRIBUTING says, for its section lacks theirs."""
    changed.git("switch", "--quiet", "--create=bump")
    changed.bump()
    changed.git("switch", "--quiet", "main")
    changed.git("commit", "--quiet", "--allow-empty", "--message=feat: theirs")
    changed.git("merge", "--quiet", "--squash", "bump")
    changed.git("commit", "--quiet", "--message=bump: version 0.1.0 → 0.2.0 (#1)")
    changed.git("commit", "--quiet", "--allow-empty", "--message=fix: more")
    changed.git("tag", "--delete", "v0.2.0")
    advice = re.search(
        r"`(git revert .+?)` if its section lacks commits before it;", changed.refused()
    )
    assert advice
    changed.run(*advice[1].split(), "--no-edit")
    assert changed.bump() == "0.2.0"
    assert changed.sections()["0.2.0"] == "### Feat\n\n- theirs\n- one\n\n### Fix\n\n- more"


def test_a_file_of_the_owner_has_the_version_too(changed: Bumping) -> None:
    """As `pyproject.toml` tells to do."""
    (changed.path / "codemeta.json").write_text('{\n  "version": "0.1.0"\n}\n')
    pattern = """    "codemeta.json": r'^ *"version": "([^"]+)"',\n"""
    script = changed.read("scripts/bump.py")
    script, found = re.subn(r"(?m)^VERSIONS = \{.*\n", lambda line: line[0] + pattern, script)
    assert found == 1
    (changed.path / "scripts/bump.py").write_text(script)
    changed.commit("docs: describe the project for machines")
    changed.start()
    assert changed.git("describe", "--exact-match").strip() == "v0.2.0"
    assert changed.git("status", "--porcelain") == ""
    assert json.loads(changed.read("codemeta.json")) == {"version": "0.2.0"}


def test_another_configuration_of_commitizen_does_not_count(changed: Bumping) -> None:
    settings = '[tool.commitizen]\nversion = "9.9.0"\ntag_format = "x$version"\n'
    (changed.path / ".cz.toml").write_text(settings)
    changed.commit("chore: keep what was there before")
    assert changed.bump() == "0.2.0"
    assert changed.read(".cz.toml") == settings


def test_the_first_release_may_be_a_pre_release(project: Bumping) -> None:
    assert project.bump("--prerelease", "rc") == "0.1.0-rc.0"
    assert project.bump() == "0.1.0"
    assert [*project.sections()] == ["0.1.0"]


@pytest.mark.parametrize("option", ["--dry-run", "--get-next"])
def test_a_question_changes_nothing(either: Bumping, option: str) -> None:
    before = either.state()
    assert "0.2.0" in either.start(option).stdout
    assert either.state() == before


def test_dependencies_with_the_same_version_stay(released: Bumping) -> None:
    """The version of the project becomes equal to that of PyO3 and of dependencies of Python."""
    pyo3 = re.findall(r'name = "pyo3"\nversion = "(.+)"', released.read("crates/Cargo.lock"))[0]
    for name, line in {
        "pyproject.toml": f'\n[tool.other]\nversion = "{pyo3}"\nneeds = ["ruff!={pyo3}"]\n',
        "crates/Cargo.toml": f'\n[package.metadata.other]\nversion = "{pyo3}"\n',
    }.items():
        text = re.sub(
            'version = "[^"]+", features', f'version = "{pyo3}", features', released.read(name)
        )
        (released.path / name).write_text(text + line)
    # Somebody else's crate with the same name too.
    crate = f'[[package]]\nname = "_bump-sample"\nversion = "{pyo3}"\nsource = "x"\n\n'
    released_lock = released.read("crates/Cargo.lock").replace(
        "[[package]]\n", f"{crate}[[package]]\n", 1
    )
    (released.path / "crates/Cargo.lock").write_text(released_lock)
    # Somebody else's packages with the same version, in front of the project and after it.
    package = f'[[package]]\nname = "{{}}"\nversion = "{pyo3}"\nsource = {{{{ registry = "x" }}}}\n'
    head, *packages = released.read("uv.lock").split("[[package]]\n")
    lock = [head.rstrip(), package.format("aaa"), *packages, package.format("zzz")]
    (released.path / "uv.lock").write_text(
        "\n[[package]]\n".join(lock).replace("[[package]]\n[[package]]", "[[package]]")
    )
    released.commit("feat: depend on something")
    released.start(pyo3)
    before = {name: released.git("show", f"HEAD:{name}") for name in MANIFESTS}
    released.change("fix: something")
    released.start()

    for name in MANIFESTS:
        old, new = before[name].splitlines(), released.read(name).splitlines()
        changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        assert len(changed) == 1, name
        *minor, patch = pyo3.split(".")
        after = ".".join([*minor, str(int(patch) + 1)])
        assert changed[0][1].split('"')[1] == after, changed
        assert any(pyo3 in line for line in new), name


def test_a_workspace(released: Bumping) -> None:
    """Another crate of the workspace, at the same version, keeps its own."""
    member = released.path / "crates/helper"
    (member / "src").mkdir(parents=True)
    (member / "src/lib.rs").touch()
    (member / "Cargo.toml").write_text(
        '[package]\nname = "helper"\nversion = "0.1.0"\nedition = "2024"\n'
    )
    manifest = released.path / "crates/Cargo.toml"
    manifest.write_text(f'[workspace]\nmembers = ["helper"]\n\n{manifest.read_text()}')
    released.run(
        "cargo",
        "update",
        "--quiet",
        "--offline",
        "--workspace",
        "--manifest-path=crates/Cargo.toml",
    )
    released.commit("feat: split")
    assert released.bump() == "0.2.0"
    options = ["--locked", "--offline", "--format-version=1", "--manifest-path=crates/Cargo.toml"]
    crates = json.loads(released.run("cargo", "metadata", *options).stdout)["packages"]
    versions = {crate["name"]: crate["version"] for crate in crates}
    assert (versions["helper"], versions["_bump-sample"]) == ("0.1.0", "0.2.0")


def test_bytes_that_editors_leave_stay(released: Bumping) -> None:
    """Line ends of Windows, and marks of byte order where their readers take them."""
    released.git("config", "core.autocrlf", "false")
    for name in FILES:
        mark = "\ufeff" if name in ("CHANGELOG.md", "crates/Cargo.toml") else ""
        text = mark + released.read(name).replace("\n", "\r\n")
        if name == "crates/Cargo.toml":
            text = mark + text[text.index("[package]") :].replace('version = "', 'version="', 1)
        (released.path / name).write_bytes(text.encode())
    (released.path / ".gitattributes").write_text("* -text\n")
    released.commit("feat: from Windows")
    assert released.bump() == "0.2.0"
    for name in FILES:
        content = (released.path / name).read_bytes()
        assert content.count(b"\n") == content.count(b"\r\n"), name
    assert (
        (released.path / "CHANGELOG.md").read_bytes().startswith("\ufeff# Changelog\r\n".encode())
    )


def test_a_project_in_a_subfolder(changed: Bumping, tmp_path: Path) -> None:
    """The repository holds more than the project, whose changes count as well."""
    for entry in (changed.path / ".git", tmp_path / "other.txt"):
        if entry.is_dir():
            entry.rename(tmp_path / ".git")
        else:
            entry.write_text("mine\n")
    changed.git("add", "--all", ":/")
    changed.git("commit", "--quiet", "--message=feat: all in one repository")
    (tmp_path / "other.txt").write_text("edited\n")
    assert "other.txt" in changed.refused()
    changed.git("restore", ":/")
    assert changed.bump() == "0.2.0"


def test_a_detached_head(either: Bumping) -> None:
    either.git("switch", "--quiet", "--detach")
    assert either.bump() == "0.2.0"
    assert either.git("rev-parse", "main") == either.git("rev-parse", "HEAD~1")
    either.hook("pre-commit", "exit 1")
    either.change("fix: two")
    either.refused()


def test_surroundings(changed: Bumping) -> None:
    """Variables for Git, a locale without Unicode, and settings that change what Git prints."""
    changed.env = {
        **{"GIT_DIR": str(changed.path / ".git"), "GIT_WORK_TREE": str(changed.path)},
        **{"GIT_INDEX_FILE": str(changed.path / ".git/index"), "GIT_PAGER": "false"},
        **{"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0"},
        **{"FORCE_COLOR": "1", "CLICOLOR_FORCE": "1", "CDPATH": ".", "POSIXLY_CORRECT": "1"},
    }
    for setting in ("column.ui always", "color.ui always", "core.quotePath false", "log.date raw"):
        changed.git("config", *setting.split())
    for setting in ("status.short true", "status.branch true", "tag.sort -refname"):
        changed.git("config", *setting.split())
    changed.git("config", "i18n.logOutputEncoding", "ISO-8859-1")
    for tag in ("2024.10", "v1.0.0-test", "v1.0.0-old-rc.0", "v1.0.0-rc.1.2"):
        changed.git("tag", tag)
    changed.change("fix: größer")
    changed.git("config", "i18n.commitEncoding", "ISO-8859-1")
    assert changed.bump() == "0.2.0"
    log = "-c", "i18n.logOutputEncoding=UTF-8", "log", "-1", "--format=%s"
    assert changed.git(*log) == "bump: version 0.1.0 → 0.2.0\n"
    assert [*changed.sections()] == ["0.2.0", "0.1.0"]
    assert changed.sections()["0.2.0"] == "### Feat\n\n- one\n\n### Fix\n\n- größer"


def test_versions_may_be_written_as_formatters_write_them(changed: Bumping) -> None:
    """As pyproject-fmt and tombi, or by hand, as Cargo reads it too."""
    changed.edit("pyproject.toml", '" # x-release-version', '"  # x-release-version')
    changed.edit(
        "crates/Cargo.toml", "[package]", '[package.metadata]\nname = "own"\n\n[ package ]'
    )
    changed.edit(
        "crates/Cargo.toml", 'name = "_bump-sample"', "name = '_bump-sample' # \"bump-sample\""
    )
    changed.edit("crates/Cargo.toml", 'version = "0.1.0"', "  version = '0.1.0'")
    changed.change("style: format")
    (changed.path / "uv.lock").chmod(0o600)
    assert changed.bump() == "0.2.0"
    assert (changed.path / "uv.lock").stat().st_mode & 0o777 == 0o600
    assert "  version = '0.2.0'\n" in changed.read("crates/Cargo.toml")


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "pyproject.toml", "uv.lock"])
@pytest.mark.parametrize("staged", [False, True])
def test_uncommitted_changes_are_refused_and_kept(either: Bumping, name: str, staged: bool) -> None:
    with (either.path / name).open("a") as file:
        file.write("\n# mine\n")
    if staged:
        either.git("add", name)

    assert "Commit or stash" in either.refused()


def test_a_merge_that_has_begun_is_the_owners_to_end(either: Bumping) -> None:
    """There is nothing to commit but the merge itself."""
    either.git("switch", "--quiet", "--create=theirs", "HEAD~1")
    either.change("fix: theirs")
    either.git("switch", "--quiet", "main")
    either.run("git", "merge", "--quiet", "--no-commit", "--strategy=ours", "theirs")
    assert "Commit or stash your changes first:\n.git/MERGE_HEAD" in either.refused()
    assert (either.path / ".git/MERGE_HEAD").exists()
    either.git("merge", "--abort")
    for name in ("CHERRY_PICK_HEAD", "REVERT_HEAD"):  # of an empty one
        either.git("update-ref", name, "HEAD~1")
        assert f"Commit or stash your changes first:\n.git/{name}" in either.refused()
        either.git("update-ref", "-d", name)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("pyproject.toml", 'version = "0.1.0"'),  # without the comment
        ("crates/Cargo.toml", "version.workspace = true"),
    ],
)
def test_a_version_that_is_not_found_is_named(changed: Bumping, name: str, other: str) -> None:
    line = next(line for line in changed.read(name).splitlines() if line.startswith("version = "))
    changed.edit(name, line, other)
    changed.commit("style: rewrite")
    assert f"{name} needs its own version: see `git log -p {name}`.\n" in changed.refused()


def test_nothing_to_release_is_refused(released: Bumping) -> None:
    assert "NO_COMMITS" in released.refused()
    released.change("docs: one")
    refused = released.refused()
    assert "not eligible" in refused
    advice = re.search(r"type a version: `make bump ARGS=(.+)`", refused)
    assert advice
    assert released.bump(advice[1]) == advice[1]


def test_an_existing_tag_is_refused(changed: Bumping) -> None:
    changed.git("switch", "--quiet", "--create=other")
    changed.change("feat: two")
    changed.git("tag", "v0.2.0")
    changed.git("switch", "--quiet", "main")

    advice = re.search(r"v0.2.0 exists already: .* or `make bump ARGS=(.+)`", changed.refused())
    assert advice
    assert changed.bump(advice[1]) == advice[1]


def test_a_tag_that_only_the_remote_has_is_refused(changed: Bumping, tmp_path: Path) -> None:
    run(
        "git",
        "clone",
        "--quiet",
        "--bare",
        changed.path,
        tmp_path / "origin",
        cwd=tmp_path,
        base=user(),
    )
    changed.git("remote", "add", "origin", str(tmp_path / "origin"))
    run("git", "tag", "v0.2.0", "main", cwd=tmp_path / "origin", base=user())

    assert "v0.2.0 exists already: type `git pull --tags` if" in changed.refused()
    run("git", "tag", "--delete", "v0.2.0", cwd=tmp_path / "origin", base=user())
    assert changed.bump() == "0.2.0"


def test_a_remote_out_of_reach_does_not_matter(changed: Bumping) -> None:
    changed.git("remote", "add", "origin", "https://localhost:1/nothing.git")
    assert changed.bump() == "0.2.0"


def test_a_remote_that_does_not_answer_is_not_waited_for(changed: Bumping) -> None:
    changed.git("remote", "add", "origin", "ssh://localhost/nothing.git")
    changed.git("config", "core.sshCommand", "sleep 300 #")
    changed.edit("scripts/bump.py", "timeout=10)", "timeout=2)")
    changed.commit("build: wait less")
    start = time.monotonic()
    assert changed.bump() == "0.2.0"
    assert time.monotonic() - start < 200


def meanwhile(project: Bumping, folder: Path, *commands: str) -> None:
    """Let a remote take its time, in which another terminal runs commands, and then answer that the tag is there."""
    run("git", "init", "--quiet", "--bare", folder / "remote", cwd=folder)
    project.git("push", "--quiet", str(folder / "remote"), "HEAD:refs/tags/v0.2.0")
    script = ["unset GIT_DIR", f"cd {project.path}", *commands]
    script += [f"exec git-upload-pack {folder}/remote"]
    (folder / "answer").write_text("\n".join(script))
    project.git("config", "protocol.ext.allow", "always")
    project.git("remote", "add", "origin", f"ext::sh {folder}/answer")


def test_what_another_terminal_does_meanwhile_stays(either: Bumping, tmp_path: Path) -> None:
    commit = "git commit --quiet --allow-empty --no-verify --message='feat: mine'"
    meanwhile(either, tmp_path, commit, "git tag mine", ": >staged", "git add staged")
    said = either.start(check=False)
    assert "v0.2.0 exists already" in said.stdout
    assert "Traceback" not in said.stdout
    assert either.git("log", "-1", "--format=%s") == "feat: mine\n"
    assert either.git("tag", "--list", "mine") == "mine\n"
    assert either.git("status", "--porcelain") == "A  staged\n"


def test_another_branch_that_is_checked_out_meanwhile_stays(
    either: Bumping, tmp_path: Path
) -> None:
    either.git("branch", "other", "HEAD~1")
    other = either.git("rev-parse", "other")
    meanwhile(either, tmp_path, "git switch --quiet other")
    said = either.start(check=False)
    assert "v0.2.0 exists already" in said.stdout
    assert either.git("rev-parse", "HEAD", "other") == other * 2
    assert either.git("status", "--porcelain") == ""


def test_a_full_disk_changes_nothing(changed: Bumping) -> None:
    """Stood in for by a limit on the size of a file."""
    before = changed.state()
    size = (changed.path / "uv.lock").stat().st_size
    assert size > max((changed.path / name).stat().st_size for name in FILES if name != "uv.lock")
    # `ulimit -f` counts blocks, whose size differs from shell to shell.
    limited = (
        "import os, resource, sys;"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({size - 1}, {size - 1}));"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = shutil.which("python", path=changed.tools) or "", "scripts/bump.py"
    limiting = sys.executable, "-c", limited
    said = changed.run(*limiting, *command, env=changed.tools_first(), check=False)
    assert said.returncode
    assert "Stopped: OSError(27, 'File too large')" in said.stdout
    assert not list((changed.path / ".git").glob("bump*"))
    assert "Traceback" not in said.stdout
    assert changed.state() == before
    assert changed.bump() == "0.2.0"


@pytest.mark.parametrize(
    "version", ["0.2", "1", "0.2.0.1", "1!2.0.0", "0.2.0+abc", "0.2.0.post1", "0.0.7", "0.1.0-rc.1"]
)
def test_a_version_that_cargo_or_python_cannot_read_is_refused(
    changed: Bumping, version: str
) -> None:
    assert "Type a version after 0.1.0, like 1.2.3" in changed.refused(version)


@pytest.mark.parametrize(
    "options", ["--version-scheme pep440 --prerelease rc", "--build-metadata abc", "--devrelease 1"]
)
def test_options_that_lead_to_such_a_version(changed: Bumping, options: str) -> None:
    if options == "--devrelease 1":
        assert changed.bump(*options.split()) == "0.2.0-dev.1"
    else:
        assert "Type a version after 0.1.0, like 1.2.3" in changed.refused(*options.split())


@pytest.mark.parametrize("option", ["--changelog", "--changelog-to-stdout"])
def test_the_changelog_is_written_once(either: Bumping, option: str) -> None:
    assert "drop `--changelog`, " in either.refused(option)
    assert either.bump("--prerelease=rc") == "0.2.0-rc.0"
    assert list(either.sections()) == ["0.2.0-rc.0", "0.1.0"]


@pytest.mark.parametrize("depth", ["--depth=1", "--no-tags"])
def test_a_clone_without_tags_is_refused_until_they_are_fetched(
    changed: Bumping, tmp_path: Path, depth: str
) -> None:
    origin = changed.path.as_uri()
    run("git", "clone", "--quiet", depth, origin, tmp_path / "cloned", cwd=tmp_path, base=user())
    clone = Bumping(Project(tmp_path / "cloned"), tmp_path / "clone", changed.tools)

    advice = re.search(r"`(git (?:fetch|pull) .+?)`", clone.refused())
    assert advice
    clone.run(*advice[1].split())
    assert clone.bump() == "0.2.0"


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_version_changed_by_hand_is_refused(changed: Bumping, name: str) -> None:
    changed.write_version(name, "7.0.0")
    changed.commit("fix: by hand")

    refused = changed.refused()
    assert f"{name} has version 7.0.0, newest tag: 0.1.0." in refused
    assert "for more, or write 0.1.0 there." in refused  # no tag mends what files do not agree on
    changed.write_version(name, "0.1.0")
    changed.commit("fix: back")
    assert changed.bump() == "0.2.0"


@pytest.mark.parametrize("how", ["--assume-unchanged", "--skip-worktree"])
def test_edits_that_git_does_not_see_are_kept(either: Bumping, how: str) -> None:
    """Also when a hook refuses, and where the bump would have to write."""
    either.git("update-index", how, "README.md")
    (either.path / "README.md").write_text("mine\n")
    either.hook("pre-commit", "exit 1")
    either.refused()
    (either.path / ".git/hooks/pre-commit").unlink()
    either.git("update-index", how, "uv.lock")
    with (either.path / "uv.lock").open("a") as file:
        file.write("# mine\n")

    advice = re.search(r"ignores uv.lock, or changes to it: type `(.+)`", either.refused())
    assert advice
    either.run("bash", "-c", advice[1])
    either.git("commit", "--quiet", "--message=build: lock")
    assert either.bump() == "0.2.0"
    assert either.read("README.md") == "mine\n"


def test_a_setting_that_hides_changes_is_named(changed: Bumping) -> None:
    """Git then marks what it adds, as if its owner had told it to look no more."""
    changed.git("config", "core.ignoreStat", "true")
    changed.git("rm", "-r", "--cached", "--quiet", ".")
    changed.git("add", "--all")
    said = changed.refused()
    assert "core.ignoreStat" in said
    advice = re.search(r"or changes to it: type `(.+)`, and commit", said)
    assert advice
    changed.run("bash", "-c", advice[1])
    assert changed.bump() == "0.2.0"
    assert changed.bump("0.3.0") == "0.3.0"  # its own commits leave no mark


@pytest.mark.parametrize("name", ["uv.lock", "CHANGELOG.md"])
def test_files_outside_git_are_refused(changed: Bumping, name: str) -> None:
    changed.git("rm", "--quiet", "--cached", name)
    with (changed.path / ".gitignore").open("a") as file:
        file.write(f"{name}\n")
    changed.git("commit", "--quiet", "--all", "--message=chore: forget it")

    advice = re.search(
        rf"ignores {name}, or changes to it: type `(.+)`, and commit", changed.refused()
    )
    assert advice
    changed.run("bash", "-c", advice[1])
    changed.git("commit", "--quiet", "--message=build: remember it")
    assert changed.bump() == "0.2.0"


def test_no_identity_is_refused(changed: Bumping) -> None:
    changed.env = {"GIT_CONFIG_GLOBAL": "/dev/null", "EMAIL": ""}
    changed.git("config", "user.useConfigOnly", "true")

    assert "tell me who you are" in changed.refused()


def test_a_project_without_a_commit_is_refused(project: Bumping) -> None:
    project.git("update-ref", "-d", "HEAD")
    said = project.start(check=False)
    assert said.returncode
    assert "your current branch 'main' does not have any commits yet" in said.stdout
    assert "Traceback" not in said.stdout


@pytest.mark.parametrize("hook", ["pre-commit", "commit-msg"])
def test_a_commit_that_a_hook_refuses_is_taken_back(either: Bumping, hook: str) -> None:
    """Even if the hook changes and stages something first."""
    either.hook(
        hook, "echo >> CHANGELOG.md", "git add CHANGELOG.md", "echo not today >&2", "exit 1"
    )

    assert "not today" in either.refused()


def test_a_changelog_may_be_a_link(either: Bumping) -> None:
    (either.path / "CHANGELOG.md").rename(either.path / "docs/history.md")
    (either.path / "CHANGELOG.md").symlink_to("docs/history.md")
    either.commit("docs: move the changelog")
    before = either.read("docs/history.md")
    either.hook("commit-msg", "exit 1")
    either.refused()
    assert either.read("docs/history.md") == before
    assert either.git("status", "--porcelain") == ""
    either.hook("commit-msg")
    either.start()
    assert (either.path / "CHANGELOG.md").is_symlink()
    assert "\n## v0.2.0 " in either.read("docs/history.md")


def test_a_commit_of_somebody_else_stays(either: Bumping) -> None:
    """Made while hooks run, as by another bump: it has the same parent and may have the same tag."""
    commit = "git commit-tree -p HEAD -m 'feat: mine' HEAD^{tree}"
    either.hook("pre-commit", f"git update-ref HEAD $({commit})", "git tag v0.2.0", "exit 1")
    assert either.start(check=False).returncode
    assert either.git("log", "-1", "--format=%s") == "feat: mine\n"
    assert either.git("tag", "--points-at", "HEAD") == "v0.2.0\n"
    assert either.git("status", "--porcelain") == ""


def test_a_commit_below_the_bump_stays(changed: Bumping) -> None:
    """As of another bump at the same time, which was a moment earlier and has the tag."""
    script = (
        "unset GIT_REFLOG_ACTION",
        "git commit --quiet --all --no-verify --message='feat: mine'",
    )
    more = "git tag --annotate --message=v0.2.0 v0.2.0", "echo >>CHANGELOG.md"
    (changed.path / ".git/other").write_text("\n".join([*script, *more]))
    changed.edit(
        "pyproject.toml", '"scripts/bump.py"]]\n', '"scripts/bump.py"], "sh .git/other"]\n'
    )
    changed.commit("build: bump beside another")
    said = changed.start(check=False)
    assert "tag 'v0.2.0' already exists" in said.stdout
    assert changed.git("log", "-1", "--format=%s") == "feat: mine\n"
    assert changed.git("tag", "--points-at", "HEAD") == "v0.2.0\n"
    assert changed.git("status", "--porcelain") == ""


def test_hooks_of_the_project_accept_a_bump(changed: Bumping) -> None:
    changed.git("config", "core.hooksPath", ".githooks")
    changed.env = {"UV_PROJECT_ENVIRONMENT": str(changed.tools.parent)}
    refused = changed.run(
        "git", "commit", "--allow-empty", "--message=wip", env=changed.env, check=False
    )
    assert refused.returncode
    assert 'Begin with "feat: "' in refused.stdout
    assert changed.bump() == "0.2.0"


@pytest.mark.parametrize(
    "settings", [["commit.gpgSign"], ["tag.gpgSign"], ["commit.gpgSign", "tag.gpgSign"]]
)
def test_a_signature_that_fails_is_taken_back(either: Bumping, settings: list[str]) -> None:
    for setting in settings:
        either.git("config", setting, "true")
    either.git("config", "gpg.program", shutil.which("false") or "false")
    either.git("config", "core.logAllRefUpdates", "false")  # the log that says whose a commit is
    shutil.rmtree(either.path / ".git/logs")

    assert "failed to" in either.refused()


def test_gpg_sign_without_a_key_is_taken_back(released: Bumping) -> None:
    released.change("fix: one")
    released.git("config", "gpg.program", shutil.which("false") or "false")

    released.refused("--gpg-sign")


def test_a_hook_that_fails_only_the_second_time(released: Bumping) -> None:
    """Hooks run once; and what they refuse is taken back whenever that is."""
    released.change("fix: one")
    released.hook("pre-commit", "echo ran >> .git/ran", "test $(wc -l < .git/ran) != 2")
    assert released.bump() == "0.1.1"
    assert (released.path / ".git/ran").read_text() == "ran\n"
    released.change("fix: two")
    released.refused()


def test_a_kill_between_commit_and_tag(changed: Bumping) -> None:
    """The next bump says how to make the tag."""
    changed.bump()
    changed.git("tag", "--delete", "v0.2.0")
    changed.change("fix: two")
    changed.git("config", "log.showSignature", "true")

    advice = re.search(r"`(git tag .+?)`", changed.refused())
    assert advice
    changed.run(*advice[1].split())
    assert changed.git("rev-parse", "v0.2.0^{}") == changed.git("rev-parse", "HEAD~1")
    assert changed.bump() == "0.2.1"


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_an_interrupt_is_taken_back(released: Bumping, name: str) -> None:
    """As by Ctrl-C or a closed window while a hook runs; of a plain `cz bump` hooks run in the script as well."""
    released.change("feat: one")
    released.hook("pre-commit", ": >.git/begun", "sleep 60")
    before = released.state()
    script = subprocess.Popen(
        [released.tools / "python", "scripts/bump.py"],
        cwd=released.path,
        env={**user(), **released.tools_first()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    for _ in range(600):
        if (released.path / ".git/begun").exists():
            break
        time.sleep(0.05)
    assert "0.2.0" in released.read("uv.lock")
    os.killpg(script.pid, getattr(signal, name))
    assert script.wait(timeout=30)
    assert released.state() == before


def test_a_first_bump_needs_no_terminal(project: Bumping) -> None:
    """Commitizen alone asks whether this is the first tag."""
    said = project.start().stdout
    assert "first tag" not in said
    assert "Traceback" not in said
    assert project.git("describe", "--exact-match").strip() == "v0.1.0"


@pytest.mark.parametrize("spelled", ["8.0.4", "release-8.0.4"])
def test_a_tag_that_is_spelled_otherwise_is_the_last_release(
    project: Bumping, spelled: str
) -> None:
    """What changed since then belongs into the next release, also what came before the project was adopted."""
    released = project.git("rev-parse", "HEAD")
    project.git("tag", "--annotate", "--message=x", spelled)
    project.git("tag", "--annotate", "--message=x", f"v1.{spelled}", "HEAD")
    project.change("feat: one")
    project.adopt("8.0.4")
    advice = re.search(r"`(git tag .+?)`", project.refused())
    assert advice
    project.run(*advice[1].split())
    assert project.git("rev-parse", "v8.0.4^{}") == released


@pytest.mark.parametrize("tagged", [True, False])
def test_a_version_from_before(project: Bumping, tagged: bool) -> None:
    """A project that had 8.0.4 when it was adopted; each message says what to type."""
    project.adopt("8.0.4")
    adopted = project.git("rev-parse", "HEAD")
    if tagged:
        project.git("tag", "--annotate", "--message=v8.0.4", "v8.0.4")
    project.change("feat!: break")
    if not tagged:
        advice = re.search(r"`(git tag .+?)`", project.refused())
        assert advice
        project.run(*advice[1].split())
        assert project.git("rev-parse", "v8.0.4^{}") == adopted
    assert "Delete `major_version_zero = true` from pyproject.toml, and commit" in project.refused()
    text = re.sub(r"major_version_zero = true.*\n", "", project.read("pyproject.toml"))
    (project.path / "pyproject.toml").write_text(text)
    project.commit("build: from 1.0.0 on")

    assert project.bump() == "9.0.0"
    assert [*project.sections()] == ["9.0.0"]
    assert project.sections()["9.0.0"].startswith("### BREAKING CHANGE\n\n- break")

"""`copier.yml` changes as docs/changing-questions.md allows, so that old answers stay valid."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from jinja2 import Environment
from jinja2.meta import find_undeclared_variables
from packaging.version import Version

from extension_loader import load_module
from history import History, edit, given_once
from project import ROOT, run

Settings = dict[str, Any]
ALWAYS = "{{ check_start() }}"  # which is true, or stops Copier

# Names that some rule might begin to refuse.
NAMES = ["a1", "ab", "fast-math", "Fast.Math", "fast_math", "x" * 50, "numpy_rs", "lazy_rs", "my9", "a-b-c",
         "Ada Lovelace", "Größe", "速い", "a@b.example", "", "octo-org", "octo_org", "0day", "C++ & co", "2 * 3",
         "x" * 300, "ada+rust@example.org", "_core", "core_", "octo_9"]  # fmt: skip


def releases(repository: Path) -> list[str]:
    """List the released versions, oldest first: their tags, or in a clone without tags their commits."""
    tags = run("git", "tag", "--merged", "HEAD", "--list", "v[0-9]*", cwd=repository).stdout.split()
    if tags:
        return sorted(tags, key=Version)
    log = run("git", "log", "--reverse", "--format=%H %s", cwd=repository).stdout
    return re.findall(r"^(\w+) bump: version \S+ → \S+$", log, re.MULTILINE)


def settings(repository: Path, revision: str) -> Settings:
    loaded: Settings = yaml.safe_load(
        run("git", "show", f"{revision}:copier.yml", cwd=repository).stdout
    )
    return loaded


def questions(settings: Settings) -> dict[str, Settings]:
    return {name: value for name, value in settings.items() if not name.startswith("_")}


def choices(question: Settings) -> set[str]:
    listed = question.get("choices", [])
    return {str(choice) for choice in (listed.values() if isinstance(listed, dict) else listed)}


def needs(settings: Settings) -> set[str]:
    """Name the questions and functions that `_exclude` needs in an update."""
    listed = settings.get("_exclude", [])
    always = [entry for entry in listed if "if _copier_operation == 'copy'" not in entry]
    return find_undeclared_variables(Environment(autoescape=True).parse("\n".join(always)))


def broken_rules(old: Settings, new: Settings) -> Iterator[str]:
    """Say what docs/changing-questions.md does not allow."""
    migrations = [
        str(entry)
        for entry in new.get("_migrations", [])
        if entry not in old.get("_migrations", [])
    ]

    def migrated(word: str) -> bool:
        return any(re.search(rf"\b{re.escape(word)}\b", entry) for entry in migrations)

    for setting in ("_answers_file", "_preserve_symlinks"):
        if old.get(setting) != new.get(setting):
            yield f"{setting} changed"
    for entry in new["_skip_if_exists"]:
        if not re.fullmatch(r"/[\w./*-]+", entry):
            yield f"_skip_if_exists has {entry}"
    for entry in old["_skip_if_exists"]:
        if entry not in new["_skip_if_exists"]:
            yield f"{entry} is no longer the owner's"
    for name, question in questions(old).items():
        now = questions(new).get(name)
        if question.get("when") is False:
            continue  # nobody was asked
        if now is None:
            if not migrated(name):
                yield f"{name} is gone"
            continue
        for key in ("type", "multiselect", "secret"):
            if question.get(key) != now.get(key):
                yield f"{key} of {name} changed"
        if now.get("when", ALWAYS) not in (question.get("when"), ALWAYS):
            yield f"{name} has a new when"
        if "choices" in now and not question.get("choices"):
            yield f"{name} has choices now"
        for choice in sorted(choices(question) - choices(now)):
            if "choices" in now and not migrated(choice):
                yield f"{name} lost its choice {choice}"
    for name, question in questions(new).items():
        if name not in questions(old) and "default" not in question:
            yield f"{name} has no default"
    for name in sorted(needs(new) - needs(old)):
        yield f"_exclude needs {name}"


def refused_now(old: ModuleType, new: ModuleType) -> Iterator[str]:
    """Name what the old rules took and the new ones do not."""
    for rule in [name for name in vars(old) if name.endswith("_error")]:
        for name in NAMES:
            if not getattr(old, rule)(name) and getattr(new, rule)(name):
                yield f"{rule}: {name}"


def test_last_release_allows_this_copier_yml() -> None:
    """Without a release yet, the working tree is compared with itself: see the rules below at work."""
    new = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    last = [settings(ROOT, revision) for revision in releases(ROOT)[-1:]] or [new]
    assert not list(broken_rules(last[0], new))


def test_last_release_allows_these_names(tmp_path: Path) -> None:
    revision = next(reversed(releases(ROOT)), "HEAD")
    old = tmp_path / "names.py"
    old.write_text(run("git", "show", f"{revision}:extensions/names.py", cwd=ROOT).stdout, "utf-8")
    namespace = ModuleType("old_names")
    exec(compile(old.read_text("utf-8"), old, "exec"), namespace.__dict__)
    assert sum(name.endswith("_error") for name in vars(namespace)) >= 4
    assert not list(refused_now(namespace, load_module("names")))


CHANGES = {
    "license is gone": edit("copier.yml", "license:\n", "licence:\n"),
    "license lost its choice MPL-2.0": edit("copier.yml", "MPL-2.0, ", ""),
    "features lost its choice docs": edit("copier.yml", "Pages): docs\n", "Pages): site\n"),
    "multiselect of features changed": edit("copier.yml", "  multiselect: true\n", ""),
    "type of description changed": edit("copier.yml", "description:\n  type: str", "description:\n  type: yaml"),
    "tint has no default": edit("copier.yml", "license:\n", "tint:\n  type: str\n\nlicense:\n"),
    "license has a new when": edit("copier.yml", "license:\n", "license:\n  when: false\n"),
    "secret of license changed": edit("copier.yml", "license:\n", "license:\n  secret: true\n"),
    "_answers_file changed": edit("copier.yml", "_answers_file: .", "_answers_file: .my-"),
    "/tests is no longer the owner's": edit("copier.yml", "  - /tests\n", ""),
    "_skip_if_exists has Makefile": edit("copier.yml", "  - /tests\n", "  - /tests\n  - Makefile\n"),
    "_exclude needs shout": edit("copier.yml", "_exclude:\n", "_exclude:\n  - \"{{ shout('x') }}\"\n"),
    "_exclude needs tint": edit("copier.yml", "_exclude:\n", "_exclude:\n  - \"{{ '/x' if tint else '' }}\"\n"),
}  # fmt: skip


@pytest.mark.parametrize("rule", CHANGES)
def test_rules_find_what_is_not_allowed(template: Path, tmp_path: Path, rule: str) -> None:
    history = History.of(template, tmp_path / "template")
    old = settings(history.path, "HEAD")
    CHANGES[rule](history.path)
    new = yaml.safe_load((history.path / "copier.yml").read_text("utf-8"))
    assert rule in list(broken_rules(old, new))
    names = re.findall(r"license|MPL-2.0|docs", rule)
    if "gone" in rule or "lost" in rule:
        new["_migrations"] = [
            *new["_migrations"],
            {"version": "v2", "command": f"echo {names[-1]}"},
        ]
        assert rule not in list(broken_rules(old, new))


def test_rules_allow_what_is_allowed(template: Path, tmp_path: Path) -> None:
    history = History.of(template, tmp_path / "template")
    old = settings(history.path, "HEAD")
    for change in (
        edit("copier.yml", "default: MIT\n", "default: MPL-2.0\n"),
        edit("copier.yml", "choices: [MIT,", "choices: [MIT, ISC,"),
        edit("copier.yml", "license:\n", "colour:\n  type: str\n  default: blue\n\nlicense:\n"),
    ):
        change(history.path)
    new = yaml.safe_load((history.path / "copier.yml").read_text("utf-8"))
    assert old != new
    assert not list(broken_rules(old, new))


def test_no_file_moves_to_the_owner() -> None:
    """An update would remove it, and bring nothing in its place."""
    command = "git", "diff", "--find-renames", "--diff-filter=R", "--name-status", "-z"
    fields = run(*command, releases(ROOT)[-1], "--", "template", cwd=ROOT).stdout.split("\0")[:-1]
    is_owned = given_once(ROOT)
    for pair in zip(fields[1::3], fields[2::3], strict=True):
        old, new = (name.removeprefix("template/").removesuffix(".jinja") for name in pair)
        assert is_owned(old) or not is_owned(new), pair


def test_stricter_names_are_found() -> None:
    old, new = load_module("names"), load_module("names")
    vars(new)["_MAX_NAME"] = 20
    assert "module_name_error: " + "x" * 50 in list(refused_now(old, new))


def test_releases_are_found_with_and_without_tags(tmp_path: Path) -> None:
    def commit(message: str) -> None:
        run("git", "commit", "--quiet", "--allow-empty", f"--message={message}", cwd=tmp_path)

    run("git", "init", "--quiet", cwd=tmp_path)
    commit("feat: begin")
    assert releases(tmp_path) == []
    commit("bump: version 0.9.0 → 0.10.0")
    commit("bump: version 0.10.0 → 0.11.0")
    commit("feat: bump: version")
    found = releases(tmp_path)
    assert len(found) == 2
    head = run("git", "rev-parse", "HEAD~1", cwd=tmp_path).stdout.strip()
    assert found[-1] == head
    run("git", "tag", "v0.9.0", head, cwd=tmp_path)
    run("git", "tag", "v0.10.0", cwd=tmp_path)
    assert releases(tmp_path) == ["v0.9.0", "v0.10.0"]


@pytest.mark.parametrize(
    "name",
    [
        ".gitattributes",
        ".gitignore",
        ".pre-commit-config.yaml.jinja",
        "MANIFEST.in",
        "crates/Cargo.toml.jinja",
        "mkdocs.yml.jinja",
        "pyproject.toml.jinja",
    ],
)
def test_what_is_appended_merges(name: str) -> None:
    last = releases(ROOT)[-1]
    before = run("git", "show", f"{last}:template/{name}", cwd=ROOT).stdout
    after = (ROOT / "template" / name).read_text("utf-8")
    assert after.splitlines()[-1] == before.splitlines()[-1]

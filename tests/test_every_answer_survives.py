"""Free text arrives exactly in every format, every rendered file can be read, and none looks scarred."""

import ast
import html
import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from packaging.metadata import Metadata

from conftest import Render
from extension_loader import load_module
from project import FEATURES, Project, run

text_error = load_module("names").text_error

# A mark in front of each free text: wherever the mark is, the whole text must follow.
MARKS = {"project_name": "Zqtitle ", "description": "Zqabout ", "author_name": "Zqauthor "}

NASTY = [
    'say "hi" \\ bye\\',
    "it's {{ 7 * 7 }} {% raw %} # ''' \"\"\" `x` $HOME %s",
    "🦀 Größe, 速い: - [x](y) <b>&amp;</b> | *a* _b_ ~c~",
    "- # > 1. = + ~ yes null 0x1F <!-- https://example.org",
    "x" * 290,
]
free_text = st.text(st.characters(codec="utf-8"), min_size=1, max_size=290).filter(
    lambda text: not text_error("Zq " + text)
)
PROFILES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "no features": {"features": []},
    "all features": {"features": FEATURES},
    "no contact": {"project_name": "Größe & 速い 🦀", "author_email": "", "github_owner": ""},
    "an owner": {"python_min": "3.14", "license": "MIT OR Apache-2.0", "github_owner": "octo-org"},
    "long names": {
        "project_name": "a" * 300,
        "package_name": "p" * 50,
        "module_name": "m" * 50,
        "features": FEATURES,
    },
}


class AnyTag(yaml.SafeLoader):
    """Reads YAML that has tags of its own, like `!!python/name:…` of MkDocs."""


AnyTag.add_multi_constructor("", lambda loader, suffix, node: suffix)


def text_files(project: Project) -> Iterator[tuple[Path, str]]:
    for path in sorted(project.path.rglob("*")):
        if path.is_file() and path.suffix not in {".png", ".svg"}:
            yield path.relative_to(project.path), path.read_text("utf-8")


def values(path: Path, text: str) -> Iterator[str]:
    """Read a file by its format and return its strings; a file without a format of ours has none."""
    match path.suffix:
        case ".toml" | ".lock":
            yield from strings(tomllib.loads(text))
        case ".yml" | ".yaml" | ".cff":
            found = strings(yaml.load(text, AnyTag))
            # MkDocs puts its strings into pages as they are.
            yield from map(html.unescape, found) if path.name == "mkdocs.yml" else found
        case ".json" | ".ipynb":
            yield from strings(json.loads(text))
        case ".md":
            for token in MarkdownIt().parse(text):
                if token.children:
                    yield "".join(child.content for child in token.children)
        case ".py" | ".pyi":
            yield ast.dump(ast.parse(text))
        case _:
            yield from text.splitlines()


def strings(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from strings(key)
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def check_free_text(project: Project, answers: dict[str, str]) -> None:
    seen = {(path.name, mark) for path, mark in marks_in(project, answers)}
    for name, mark in MARKS.items():
        assert (".copier-answers.yml", mark) in seen, name
        assert ("CITATION.cff", mark) in seen, name
    assert ("README.md", MARKS["project_name"]) in seen
    assert ("README.md", MARKS["description"]) in seen
    assert ("Cargo.toml", MARKS["description"]) in seen
    assert ("pyproject.toml", MARKS["description"]) in seen
    assert ("pyproject.toml", MARKS["author_name"]) in seen
    assert ("LICENSE", MARKS["author_name"]) in seen
    assert ("mkdocs.yml", MARKS["project_name"]) in seen
    assert ("mkdocs.yml", MARKS["description"]) in seen
    assert ("index.md", MARKS["project_name"]) in seen
    assert ("index.md", MARKS["description"]) in seen


def marks_in(project: Project, answers: dict[str, str]) -> Iterator[tuple[Path, str]]:
    for path, text in text_files(project):
        for value in values(path, text):
            for name, mark in MARKS.items():
                if mark in value:
                    assert answers[name] in value, f"{name} is broken in {path}: {value!r}"
                    assert path.suffix not in {".py", ".rs"}, (
                        f"{path} is code, not a place for text"
                    )
                    yield path, mark


@pytest.mark.parametrize("profile", PROFILES)
def test_files_are_readable_and_tidy(render: Render, profile: str) -> None:
    project = render(**PROFILES[profile])
    project.tool("ruff", "check", "--no-cache")
    project.tool("ruff", "format", "--check", "--no-cache")
    for path, text in text_files(project):
        list(values(path, text))
        lines = text.split("\n")
        assert not text or lines[-1] == "", f"{path} does not end with a newline"
        assert text == "" or lines[0].strip(), f"{path} begins with a blank line"
        assert text == "" or lines[-2].strip(), f"{path} ends with a blank line"
        assert not re.search(r"[ \t\r]$", text, re.MULTILINE), f"{path} has trailing space"
        if path.suffix == ".md":
            text = re.sub(r"^```python.*?^```", "```", text, flags=re.DOTALL | re.MULTILINE)
        if path.suffix not in {".py", ".txt"} and not path.name.startswith("LICENSE"):
            assert "\n\n\n" not in text, f"{path} has a gap"


@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_survives(render: Render, text: str) -> None:
    answers = {name: mark + text for name, mark in MARKS.items()}
    check_free_text(render(**answers), answers)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(title=free_text, about=free_text, author=free_text)
def test_any_text_survives(render: Render, title: str, about: str, author: str) -> None:
    answers = {
        "project_name": MARKS["project_name"] + title,
        "description": MARKS["description"] + about,
        "author_name": MARKS["author_name"] + author,
    }
    check_free_text(render(**answers), answers)


@pytest.mark.slow
@pytest.mark.parametrize("text", NASTY)
def test_nasty_text_survives_in_package_metadata(render: Render, text: str) -> None:
    project = render(project_name="Fast Math", description=text, author_name=text, author_email="")
    project.run("uv", "build", "--sdist", "--quiet")
    project.run("tar", "-xf", *project.path.glob("dist/*.tar.gz"))
    metadata = Metadata.from_email(project.read("fast_math-0.0.0/PKG-INFO"))
    assert metadata.summary == text
    assert metadata.author == text
    crate = json.loads(
        run(
            "cargo", "metadata", "--no-deps", "--format-version=1", cwd=project.path / "crates"
        ).stdout
    )
    assert crate["packages"][0]["description"] == text

"""Versions of the template, made of the working tree, and projects that move between them."""

import functools
import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from runpy import run_path
from typing import Any

import copier
import yaml

from project import Project, bare, run

Change = Callable[[Path], object]


@dataclass
class History:
    """A clone of the template that gets a new version with each call of `release`."""

    path: Path
    versions: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, template: Path, path: Path) -> "History":
        """Clone the template fixture; its newest version is the working tree."""
        run("git", "clone", "--quiet", "--shared", template, path, cwd=template)
        return cls(path, ["v9999.0.0"])

    def release(self, *changes: Change) -> str:
        """Apply changes to the template, commit and tag them.

        Args:
            changes: Functions that edit the folder they get.

        Returns:
            The tag.
        """
        for change in changes:
            change(self.path)
        tag = f"v{9999 + len(self.versions)}.0.0"
        run("git", "add", "--all", "--force", cwd=self.path)
        run("git", "commit", "--quiet", "--allow-empty", f"--message=feat: {tag}", cwd=self.path)
        run("git", "tag", "--annotate", f"--message={tag}", tag, cwd=self.path)
        self.versions.append(tag)
        return tag

    def project(self, path: Path, version: str = "v9999.0.0", **answers: Any) -> "Project":
        """Generate a project with one version and commit it."""
        copier.run_copy(
            str(self.path),
            path,
            data=answers,
            vcs_ref=version,
            defaults=True,
            unsafe=True,
            quiet=True,
        )
        project = Project(path)
        project.commit()
        return project


@functools.cache
def clone(address: str, version: str) -> Path:
    """Clone a version of the template, as Copier does before it starts the engine."""
    folder = Path(tempfile.mkdtemp(dir=bare().folder, prefix="template-"))
    run("git", "clone", "--quiet", "--branch", version, address, folder, cwd=folder)
    return folder


def engine(project: Project, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Run both stages of `update/engine.py` as Copier does, which takes its time with renders of its own.

    What one update has rendered, the next takes as it is, if the user's variables and settings are the same.

    Args:
        project: The project, which is to get the newest version and keep its answers.
        **kwargs: For `Project.run`.

    Returns:
        The last stage's process; its `stdout` holds all that was printed.
    """
    answers = yaml.safe_load(project.read(".copier-answers.yml"))
    tags = run("git", "tag", "--sort=-version:refname", cwd=answers["_src_path"]).stdout
    template = clone(answers["_src_path"], tags.split()[0])
    settings = {
        "answers_file": Path(".copier-answers.yml"), "data": {}, "defaults": True,
        "src_path": template, "vcs_ref": None,
    }  # fmt: skip
    context = {
        "_copier_answers": {**answers, "_commit": tags.split()[0]},
        "_copier_conf": settings,
    }
    request = run_path(str(template / "update/answers.py"))["update_request"](context)
    before = project.run(sys.executable, template / "update/engine.py", "before", request, **kwargs)
    if before.returncode:
        return before
    kept = Path(__file__).with_name("kept_renders.py")
    rendered = bare().folder / "renders"
    after = project.run(sys.executable, kept, rendered, template, request, **kwargs)
    after.stdout = before.stdout + after.stdout
    return after


def update(
    project: Project,
    version: str | None = None,
    data: Mapping[str, Any] | None = None,
    *options: str,
    way: str = "",
    fails: bool = False,
    **kwargs: Any,
) -> str:
    """Update a project as its owner would.

    Args:
        project: The project.
        version: A version of the template; the newest if None.
        data: Other answers than before.
        *options: More options for `copier update`.
        way: `copier` for Copier alone, `make` for the task of the project, `engine` for what Copier starts; by
            default the engine, or Copier if it gets arguments.
        fails: Whether the exit status must be another one than 0.
        **kwargs: For `Project.run`.

    Returns:
        What was printed.
    """
    arguments = [f"--vcs-ref={version}"] if version else []
    for name, value in (data or {}).items():
        arguments.append(f"--data={name}={value if isinstance(value, str) else json.dumps(value)}")
    arguments += options
    if (way or ("copier" if arguments else "engine")) == "engine":
        result = engine(project, check=False, **kwargs)
    else:
        copier = Path(sys.executable).with_name("copier")
        command = (
            ["make", "update", f"ARGS={shlex.join(arguments)}"]
            if way == "make"
            else [str(copier), "update", "--trust", "--defaults", "--quiet", *arguments]
        )
        result = project.run(*command, check=False, **kwargs)
    assert bool(result.returncode) == fails, result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    return result.stdout


def unmerged(project: Project) -> set[str]:
    """Return the names of the files that have a conflict."""
    listed = project.git("ls-files", "-z", "--unmerged").split("\0")[:-1]
    return {line.split("\t")[1] for line in listed}


def files(project: Project) -> dict[str, bytes]:
    """Return what Git would commit now, except Copier's own file."""
    listed = project.git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split(
        "\0"
    )[:-1]
    return {
        name: (project.path / name).read_bytes()
        for name in sorted(set(listed) - {".copier-answers.yml"})
        if (project.path / name).is_file()
    }


def given_once(template: Path) -> Callable[[str], bool]:
    """Return a function that tells which files belong to the owner from the first day."""
    settings = yaml.safe_load((template / "copier.yml").read_text("utf-8"))
    patterns = [pattern[1:] for pattern in settings["_skip_if_exists"] if pattern.startswith("/")]
    parts = "|".join(re.escape(pattern).replace(r"\*", "[^/]*") for pattern in patterns)
    return lambda name: bool(re.fullmatch(f"(?:{parts})(?:/.*)?", name))


def edit(name: str, old: str, new: str) -> Change:
    """Replace text in a file of the template or of a project."""

    def change(root: Path) -> None:
        text = (root / name).read_text("utf-8")
        assert old in text, f"{name} no longer has {old!r}"
        (root / name).write_text(text.replace(old, new, 1), "utf-8")

    return change


def write(name: str, text: str) -> Change:
    """Write a file."""

    def change(root: Path) -> None:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")

    return change


def rewrite(name: str, text: str) -> Change:
    """Write a file that is there, under this name."""

    def change(root: Path) -> None:
        assert (root / name).is_file(), name
        write(name, text)(root)

    return change


def remove(name: str) -> Change:
    """Remove a file or a folder."""

    def change(root: Path) -> None:
        if (root / name).is_dir():
            shutil.rmtree(root / name)
        else:
            (root / name).unlink()

    return change


def rename(old: str, new: str) -> Change:
    """Rename a file."""

    def change(root: Path) -> None:
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return change

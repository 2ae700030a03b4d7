"""Whatever an owner does and whatever the template changes, an update loses nothing and says what is true.

A small template with the settings and the engine of the real one gets random changes, a project of it a random owner on
a random machine. The oracle knows nothing of the engine: it looks for the owner's lines. `make update-storm N=500`
draws more than the suite.
"""

import os
import random
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from history import History, files, given_once, unmerged, update, write
from project import ROOT, Project, home_with, run, user

STORM = int(os.environ.get("STORM", "16"))
FIRST = int(os.environ.get("STORM_FIRST", "0"))
PARTS = 4

pytestmark = [pytest.mark.slow(minutes=2)]

ODD = [
    "NEW.txt",
    "a b.txt",
    "grüße.txt",
    "-x.txt",
    'quo"te.txt',
    "[x].txt",
    "deep/er/NEW.txt",
    "scripts/NEW.sh",
    ".NEW",
]
QUESTIONS = """
project_name: {type: str, default: Demo}
package_name: {type: str, default: demo}
module_name: {type: str, default: demo}
license: {type: str, choices: [MIT, Apache-2.0, MIT OR Apache-2.0], default: MIT}
features: {type: str, multiselect: true, choices: [docs, notebook, container, benchmarks], default: [docs]}
"""
SETTINGS = {
    "apply.whitespace": ("error", "fix"),
    "color.ui": ("always",),
    "commit.gpgSign": ("true",),
    "core.autocrlf": ("input", "false"),
    "core.fsmonitor": ("false",),
    "core.quotePath": ("false", "true"),
    "core.splitIndex": ("true",),
    "core.whitespace": ("trailing-space,tab-in-indent",),
    "diff.algorithm": ("patience", "minimal"),
    "diff.external": ("false",),
    "diff.ignoreSubmodules": ("all",),
    "diff.noprefix": ("true",),
    "diff.renameLimit": ("1",),
    "diff.renames": ("false", "copies"),
    "index.version": ("2", "4"),
    "merge.conflictStyle": ("diff3", "zdiff3"),
    "merge.directoryRenames": ("true",),
    "merge.renameLimit": ("1",),
    "merge.renames": ("false",),
    "status.relativePaths": ("true",),
    "status.short": ("true",),
    "status.showUntrackedFiles": ("no",),
}
SENTENCES = re.compile(
    r"Git does not know your|Commit or stash|commit or stash|rename yours first|rename it first|"
    r"Git does not look at it|Copier would delete|Copier cannot read|sparse"
)
KILLER = """#!/bin/sh
echo x >>{folder}/calls
[ "$(grep -c . {folder}/calls)" = {last} ] && kill -9 $PPID
exec {git} "$@"
"""


def body(word: str, number: int = 24) -> str:
    return "".join(f"{word} line {line}\n" for line in range(number))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small template: the real settings and engine, and few files."""
    root = tmp_path_factory.mktemp("small") / "template"
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    kept = {
        name: value for name, value in settings.items() if name[0] == "_" and "message" not in name
    }
    kept["_jinja_extensions"] = [
        name for name in kept["_jinja_extensions"] if "extensions/" not in name
    ]
    write("copier.yml", yaml.safe_dump({**kept, **yaml.safe_load(QUESTIONS)}, sort_keys=False))(
        root
    )
    shutil.copytree(ROOT / "update", root / "update", ignore=shutil.ignore_patterns("__pycache__"))
    answers = "{{ _copier_conf.answers_file }}.jinja"
    (root / "template").mkdir()
    for name in (answers, "Makefile.jinja", "setup.py", "MANIFEST.in", ".gitattributes"):
        shutil.copy(ROOT / "template" / name, root / "template" / name)
    for name in ("LICENSE", "LICENSE-MIT", "LICENSE-APACHE", "README.md", "pyproject.toml"):
        write(f"template/{name}.jinja", f"{{{{ project_name }}}} {{{{ license }}}}\n{body(name)}")(
            root
        )
    for name in ("docs/index.md", "mkdocs.yml", "src/demo.py", "scripts/a.sh", "scripts/b.sh", "scripts/more/c.sh",
                 ".github/workflows/ci.yml", ".github/forms/bug.yml", "tests/test_demo.py"):  # fmt: skip
        write(f"template/{name}", body(name))(root)
    (root / "template/scripts/b.sh").chmod(0o755)
    run("git", "init", "--quiet", cwd=root)
    run("git", "add", "--all", "--force", cwd=root)
    run("git", "commit", "--quiet", "--message=feat: begin", cwd=root)
    run("git", "tag", "--annotate", "--message=v1", "v1.0.0", cwd=root)
    return root


def texts(root: Path) -> list[Path]:
    """List the files that hold text, in any encoding."""
    found = [path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()]
    inside = [path for path in found if ".git" not in path.relative_to(root).parts]
    return [path for path in inside if path.suffix not in {".jinja", ".bin"} and ".copier" not in path.name
            and path.name != ".gitmodules"  # Git itself needs it to be right
            and b"\0" not in path.read_bytes() and path.stat().st_size and "sub" not in path.parts]  # fmt: skip


@dataclass
class Hand:
    """Changes files of a folder at random."""

    root: Path
    random: random.Random

    def pick(self) -> Path:
        return self.random.choice(texts(self.root))

    def chmod(self) -> None:
        path = self.pick()
        path.chmod(path.stat().st_mode ^ 0o111)


class TemplateAuthor(Hand):
    """Changes the template."""

    def change_line(self) -> None:
        path = self.pick()
        rows = path.read_bytes().splitlines(keepends=True)
        rows[self.random.randrange(len(rows))] = (
            f"template {self.random.getrandbits(40):x}\n".encode()
        )
        path.write_bytes(b"".join(rows))

    def insert_line(self) -> None:
        path = self.pick()
        rows = path.read_bytes().splitlines(keepends=True)
        rows.insert(
            self.random.randrange(len(rows)), f"template {self.random.getrandbits(40):x}\n".encode()
        )
        path.write_bytes(b"".join(rows))

    def delete_lines(self) -> None:
        path = self.pick()
        rows = path.read_bytes().splitlines(keepends=True)
        at = self.random.randrange(len(rows))
        path.write_bytes(b"".join(rows[:at] + rows[at + 3 :]) or b"empty\n")

    def duplicate_block(self) -> None:
        path = self.pick()
        rows = path.read_bytes().splitlines(keepends=True)
        at = self.random.randrange(len(rows))
        header = f"template copy {self.random.getrandbits(40):x}\n".encode()
        path.write_bytes(b"".join([*rows[:at], header, *rows[at + 1 : at + 6], *rows[at:]]))

    def add(self) -> None:
        path = self.root / self.random.choice(ODD)
        if all(not parent.is_file() for parent in path.parents) and not path.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body(f"new {self.random.getrandbits(20)}", 5))

    def delete(self) -> None:
        self.pick().unlink()

    def rename(self) -> None:
        path = self.pick()
        target = self.root / f"moved{self.random.randint(0, 2)}" / path.name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            path.rename(target)

    def move_folder(self) -> None:
        folder = self.root / self.random.choice(["scripts", ".github/forms"])
        if folder.is_dir() and not (self.root / "tools").exists():
            folder.rename(self.root / "tools")

    chmod = Hand.chmod

    def file_to_folder(self) -> None:
        path = self.pick()
        path.unlink()
        write(path.name, body("inner"))(path)

    def folder_to_file(self) -> None:
        folder = self.root / self.random.choice(["scripts/more", ".github/forms"])
        if folder.is_dir():
            shutil.rmtree(folder)
            folder.write_text(body("folder"))

    def crlf(self) -> None:
        path = self.pick()
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    def binary(self) -> None:
        (self.root / "data.bin").write_bytes(b"\0" + self.random.randbytes(40))


@dataclass
class Owner(Hand):
    """Does what owners do, and remembers what must not get lost."""

    project: Project
    marks: dict[bytes, tuple[set[bytes], set[bytes]]] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    unknown: dict[Path, bytes] = field(default_factory=dict)
    late: list[Callable[[], None]] = field(default_factory=list)
    uncommitted: list[bytes] = field(default_factory=list)

    def name(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()

    def mark(self) -> bytes:
        mark = f"owner {self.random.getrandbits(60):x}".encode()
        self.marks[mark] = set(), set()
        return mark

    def has_marks(self, *paths: Path) -> bool:
        return any(mark in path.read_bytes() for path in paths for mark in self.marks)

    def insert_line(self) -> None:
        path, mark = self.pick(), self.mark()
        rows = path.read_bytes().splitlines(keepends=True)
        at = self.random.randint(0, len(rows))
        if all(rows.count(row) == 1 for row in rows) and b"\r" not in rows[0]:
            self.marks[mark] = set(rows[:at]), set(rows[at:])
        row = self.random.choice([b"# %s\n", b"--- a/%s\n", b"@@ -1 +1 @@ %s\n", b"======= %s\n", b"  # %s  \n",
                                  b"<<<<<<< %s\n", b"# gr\xf6\xdfer %s\n", b"\t# %s \n", b"+%s\r\n"])  # fmt: skip
        path.write_bytes(b"".join([*rows[:at], row % mark, *rows[at:]]))

    def change_line(self) -> None:
        path = self.pick()
        rows = path.read_bytes().splitlines(keepends=True)
        at = self.random.randrange(len(rows))
        if not any(mark in rows[at] for mark in self.marks):
            rows[at] = self.mark() + b"\n"
            path.write_bytes(b"".join(rows))

    def add(self) -> None:
        path = self.root / self.random.choice([*ODD, "src/mine.py", "docs/mine.md", "moved0/a.sh"])
        if not path.exists() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.mark() + b"\n")

    def delete(self) -> None:
        path = self.pick()
        if not self.has_marks(path):
            path.unlink()
            self.deleted.add(self.name(path))

    def move(self) -> None:
        path = self.pick()
        target = self.root / f"mine{self.random.randint(0, 9)}" / path.name
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            path.rename(target)

    def move_folder(self) -> None:
        folder = self.root / self.random.choice(
            ["scripts", "scripts/more", ".github/forms", ".github/workflows"]
        )
        target = self.root / f"own{self.random.randint(0, 9)}"
        if folder.is_dir() and not target.exists():
            folder.rename(target)
            if self.random.random() < 0.3:
                folder.symlink_to(os.path.relpath(target, folder.parent))

    chmod = Hand.chmod

    def crlf(self) -> None:
        path = self.pick()
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        self.blur()

    def bom(self) -> None:
        path = self.pick()
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
        self.blur()

    def blur(self) -> None:
        """Forget between which lines the marks stood."""
        self.marks = {mark: (set(), set()) for mark in self.marks}

    def binary(self) -> None:
        path = self.pick()
        if not self.has_marks(path):
            path.write_bytes(b"\0" + self.mark())

    def symlink(self) -> None:
        path = self.pick()
        if not self.has_marks(path):
            path.unlink()
            path.symlink_to("nowhere")

    def attributes(self) -> None:
        with (self.root / ".gitattributes").open("a") as file:
            file.write(
                self.random.choice(
                    ["* -text\n", "*.sh merge=union\n", "* -merge\n", "*.yml binary\n"]
                )
            )

    def comment(self) -> None:
        path = self.root / ".copier-answers.yml"
        rows = path.read_bytes().splitlines(keepends=True)
        rows.insert(self.random.randint(2, len(rows)), b"# " + self.mark() + b"\n")
        path.write_bytes(b"".join(rows))

    def ignored(self) -> None:
        path = self.root / self.random.choice(
            [*ODD, "secret.env", "Makefile.rej", "build/out.rej", "tools", "data.bin"]
        )
        if not path.exists() and not any(parent.is_file() for parent in path.parents):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.mark() + b"\n")
            self.unknown[path] = path.read_bytes()

    def unseen(self) -> None:
        path = self.pick()
        if path.parent != self.root and self.name(path.parent) != "docs":
            return
        flag = self.random.choice(["--assume-unchanged", "--skip-worktree"])

        def edit_unseen() -> None:
            if path.is_file() and path not in self.unknown:
                self.project.git("update-index", flag, "--", self.name(path))
                self.uncommitted.append(self.mark())
                path.write_bytes(path.read_bytes() + self.uncommitted[-1] + b"\n")

        self.late.append(edit_unseen)

    def submodule(self) -> None:
        if not (self.root / "sub").exists():
            source = self.root.with_name("source")
            if not source.exists():
                run("git", "init", "--quiet", source, cwd=self.root)
                run("git", "commit", "--quiet", "--allow-empty", "--message=x", cwd=source)
            add = "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "--force"
            self.project.git(*add, str(source), "sub")

    def commit(self) -> None:
        self.unknown = {path: path.read_bytes() for path in self.unknown if path.is_file()}
        exclude = self.root / ".git/info/exclude"
        names = [self.name(path).replace("[", "\\[") for path in self.unknown]
        with exclude.open("a") as file:
            file.writelines(f"/{name}\n" for name in names)
        self.project.git("add", "--all")
        self.project.git("commit", "--quiet", "--allow-empty", "--message=feat: my changes")
        for action in self.late:
            action()


def actions(kind: type) -> list[str]:
    helpers = {"pick", "mark", "has_marks", "name", "commit", "blur"}
    return [
        name
        for name in vars(kind)
        if name[0] != "_" and name not in helpers and callable(getattr(kind, name))
    ]


def held(project: Project) -> Iterator[bytes]:
    """Return what is in the working tree, and what only the index holds."""
    for folder, names, others in os.walk(project.path):
        names[:] = [name for name in names if name != ".git"]
        yield from (path.read_bytes() for name in others if (path := Path(folder, name)).is_file())
    for line in project.git("ls-files", "--stage", "--unmerged", "-z").split("\0")[:-1]:
        yield project.run("git", "cat-file", "blob", line.split()[1]).stdout.encode()


def assert_held(project: Project, marks: Iterable[bytes]) -> None:
    everything = b"\n".join(held(project))
    for mark in marks:
        assert mark in everything, f"lost: {mark!r}"


def picture(project: Project) -> dict[str, Any]:
    """Return all that a refusal must leave alone."""
    found: dict[str, Any] = {}
    for folder, names, others in os.walk(project.path):
        names[:] = [name for name in names if name != ".git"]
        for path in (Path(folder, name) for name in (*others, *names)):
            if path.is_symlink():
                found[str(path)] = path.readlink()
            elif path.is_file():
                found[str(path)] = path.read_bytes(), path.stat().st_mode
    return {**found, "index": project.git("ls-files", "--stage", "-v")}


def weather(seed: int, small: Path, folder: Path) -> str:
    """Run one history, check all that an update promises, and return what came of it."""
    dice = random.Random(seed)
    history = History(folder / "template", ["v1.0.0"])
    run("git", "clone", "--quiet", "--shared", small, history.path, cwd=folder)
    author = TemplateAuthor(history.path / "template", dice)
    for name in dice.choices(actions(TemplateAuthor), k=dice.randint(1, 6)):
        getattr(author, name)()
    new = history.release()
    features = ["docs", "notebook", "container", "benchmarks"]
    answers: dict[str, Any] = {"features": dice.sample(features, dice.randint(0, 2))}
    data: dict[str, Any] = {}
    if dice.random() < 0.3:
        data = {
            "features": dice.sample(features, 2),
            "license": dice.choice(["MIT", "Apache-2.0", "MIT OR Apache-2.0"]),
        }
    old = history.project(folder / "here/project", "v1.0.0", **answers)
    fresh = history.project(folder / "fresh", new, **{**answers, **data})
    before, owner = files(old), Owner(old.path, dice, old)
    chosen = dice.choices(actions(Owner), k=dice.choice([0, 1, 2, 4, 8]))
    for name in chosen:
        getattr(owner, name)()
    owner.commit()
    deleted = {name for name in owner.deleted if not (old.path / name).exists()}

    home = folder / "home"
    variables = home_with({}, home)
    settings = dice.sample(sorted(SETTINGS), dice.randint(0, 4))
    for name in settings:
        run(
            "git",
            "config",
            "--file",
            home / ".gitconfig",
            name,
            dice.choice(SETTINGS[name]),
            cwd=home,
        )
    shown, head = picture(old), old.git("rev-parse", "HEAD")
    if dice.random() < 0.2:
        git = shutil.which("git", path=user()["PATH"])
        write("git", KILLER.format(folder=home, last=dice.randint(20, 130), git=git))(home / "bin")
        (home / "bin/git").chmod(0o755)
        attempt(old, new, data, "copier", {**variables, "PATH": f"{home}/bin:{user()['PATH']}"})
        assert_held(old, owner.uncommitted)
        old.git("reset", "--hard", "--quiet")
        everything = b"\n".join(held(old))
        for mark in owner.uncommitted:
            if mark not in everything:  # Git itself drops edits at which it does not look
                del owner.marks[mark]
        now = picture(old)
        if not owner.late and "submodule" not in chosen:
            assert now == shown, "a killed update is not taken back"
        old.git("update-index", "-q", "--refresh")
    way = dice.choice(["copier", "copier", "copier", "make"])
    if old.run("make", "--dry-run", "update", check=False).returncode:
        way = "copier"  # the owner's Makefile is gone or broken
    status, said = attempt(old, new, data, way, variables)
    assert "Traceback" not in said, said
    assert old.git("rev-parse", "HEAD") == head
    assert_held(old, owner.marks)
    for path, content in owner.unknown.items():
        assert path.read_bytes() == content, f"lost: {path}"
    conflicts = unmerged(old)
    if status and not conflicts:
        assert SENTENCES.search(said), said
        assert picture(old) == shown, "a refusal changed something"
        return "refused"
    assert bool(status) == bool(conflicts), said
    assert not conflicts or all(name in said or name.isascii() is False for name in conflicts)
    for name, text in files(old).items():
        assert name in conflicts or b"\n>>>>>>> template-" not in text, (
            f"conflict without a word: {name}"
        )
    if status:
        return "conflict"

    for mark, (above, below) in owner.marks.items():
        for text in files(old).values():
            rows = text.splitlines(keepends=True)
            at = next((at for at, row in enumerate(rows) if mark in row), None)
            if at is not None:
                once = {row for row in rows if rows.count(row) == 1}
                assert not (above & once & set(rows[at:])), f"wrong place: {mark!r}"
                assert not (below & once & set(rows[:at])), f"wrong place: {mark!r}"
    for name in deleted:
        assert not (old.path / name).is_file(), f"resurrected: {name}"
    if not chosen:
        owned, now, wanted = given_once(history.path), files(old), files(fresh)
        asked = files(history.project(folder / "asked", new, **answers)) if data else before
        for name in (
            now.keys() | wanted.keys()
            if data != {}
            else {name for name in now.keys() | wanted.keys() if not owned(name)}
        ):
            if owned(name) and (
                now.get(name) == before.get(name) or asked.get(name) != before.get(name)
            ):
                continue  # given once, and no answer changed it, or the version did as well
            assert now.get(name) == wanted.get(name), f"does not converge: {name}"
    old.git("add", "--all")
    old.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=build: update")
    if not owner.late:
        status, said = attempt(old, new, {}, "copier", variables)
        # What was ignored is committed by now, and its name may be one that Copier cannot read.
        assert "Nothing to update." in said or (status and "Copier cannot read" in said), said
    return "merged"


def attempt(
    project: Project, version: str, data: dict[str, Any], way: str, env: dict[str, str]
) -> tuple[int, str]:
    """Update, and return the status and what was printed."""
    try:
        return 0, update(project, version, data, way=way, env=env)
    except AssertionError as error:
        return 1, str(error)


@pytest.mark.parametrize("part", range(PARTS))
def test_update_weathers_anything(small: Path, tmp_path: Path, part: int) -> None:
    """Split in parts, so that several processes share the work; every history has a number."""
    outcomes: dict[str, int] = {}
    failures: dict[int, str] = {}
    for seed in range(FIRST + part, FIRST + max(STORM, PARTS), PARTS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        try:
            outcome = weather(seed, small, folder)
        except Exception as error:  # one lost line must not hide the next
            failures[seed] = f"{type(error).__name__}: {str(error)[-1500:]}"
        else:
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            run("rm", "-rf", folder, cwd=tmp_path)
    print(outcomes)
    assert not failures, "\n\n".join(f"{seed}: {text}" for seed, text in failures.items())
    assert STORM < 100 or set(outcomes) == {"merged", "conflict", "refused"}


def test_storm_finds_a_lost_line(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oracle is worth something only if it sees what is wrong."""

    def forgetful(project: Project, *_: Any, **__: Any) -> str:
        for name in files(project):
            (project.path / name).write_bytes(b"")
        return "Nothing to update."

    monkeypatch.setattr("test_update_storm.update", forgetful)
    (tmp_path / "here").mkdir()
    with pytest.raises(AssertionError, match="lost"):
        weather(2, small, tmp_path)

"""Whatever an owner edits and whatever the template changes, an update loses nothing.

Hypothesis draws a history of the template and an owner's edits. `make update-storm N=500` draws more of them.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest
import yaml
from copier.errors import UserMessageError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from history import History, files, given_once, unmerged, update
from project import Project, run

SCENARIOS = int(os.environ.get("STORM", "24"))
PARTS = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(
        "ignore:.*ScandirIterator:pytest.PytestUnraisableExceptionWarning",
        "ignore:unclosed scandir iterator:ResourceWarning",
    ),
]


def text_files(root: Path, folder: str) -> list[str]:
    """List files without Jinja in their names that hold text."""
    names = []
    for path in sorted((root / folder).rglob("*")):
        name = path.relative_to(root).as_posix()
        special = "{" in name or name.startswith(".git/") or path.name == ".copier-answers.yml"
        if path.is_file() and not path.is_symlink() and not special:
            content = path.read_bytes()
            if content and b"\0" not in content:
                names.append(name)
    return names


def plain_lines(lines: list[str]) -> list[int]:
    """List the lines that Jinja leaves alone."""
    return [number for number, line in enumerate(lines) if "{%" not in line and "{#" not in line]


@dataclass
class TemplateAuthor:
    """Changes the template at random."""

    root: Path
    random: random.Random
    moved: dict[str, set[str]] = field(default_factory=dict)

    def pick(self) -> str:
        return self.random.choice(text_files(self.root, "template"))

    def lines(self, name: str) -> list[str]:
        return (self.root / name).read_text("utf-8").splitlines(keepends=True)

    def save(self, name: str, lines: list[str]) -> None:
        (self.root / name).write_text("".join(lines), "utf-8")

    def change_line(self) -> None:
        name = self.pick()
        lines = self.lines(name)
        if candidates := plain_lines(lines):
            number = self.random.choice(candidates)
            lines[number] = f"# template {self.random.random()}\n"
            self.save(name, lines)

    def insert_lines(self) -> None:
        name = self.pick()
        lines = self.lines(name)
        number = self.random.choice([0, len(lines)])
        lines[number:number] = [f"# template {self.random.random()}\n"] * self.random.randint(1, 3)
        self.save(name, lines)

    def delete_line(self) -> None:
        name = self.pick()
        lines = self.lines(name)
        if candidates := [number for number in plain_lines(lines) if "{{" not in lines[number]]:
            del lines[self.random.choice(candidates)]
            self.save(name, lines)

    def rename(self) -> None:
        name = self.pick()
        target = f"template/moved-{self.random.randint(0, 2)}/{Path(name).name}"
        if not (self.root / target).exists():
            (self.root / target).parent.mkdir(exist_ok=True)
            (self.root / name).rename(self.root / target)
            self.moved.setdefault(name, set()).add(target)

    def remove(self) -> None:
        (self.root / self.pick()).unlink()

    def add(self) -> None:
        name = f"template/{self.random.choice(['', 'docs/', 'new/'])}NEW{self.random.randint(0, 3)}.txt"
        (self.root / name).parent.mkdir(exist_ok=True)
        (self.root / name).write_text(f"template {self.random.random()}\n" * 5)

    def split(self) -> None:
        name = self.pick()
        lines = self.lines(name)
        if len(plain_lines(lines)) == len(lines):
            target = name.replace("template/", "template/split-", 1)
            (self.root / target).parent.mkdir(parents=True, exist_ok=True)
            self.save(target, lines[len(lines) // 2 :])
            self.save(name, lines[: len(lines) // 2])
            self.moved.setdefault(name, set()).add(target)

    def chmod(self) -> None:
        path = self.root / self.pick()
        path.chmod(path.stat().st_mode ^ 0o111)

    def add_question(self) -> None:
        path = self.root / "copier.yml"
        name = f"question_{self.random.randint(0, 3)}"
        text = path.read_text("utf-8")
        if name not in text:
            path.write_text(f"{text}\n{name}:\n  type: str\n  default: blue\n", "utf-8")
            (self.root / f"template/{name}.txt.jinja").write_text(f"{{{{ {name} }}}}\n")

    def change_default(self) -> None:
        path = self.root / "copier.yml"
        text = path.read_text("utf-8")
        path.write_text(text.replace("default: MIT\n", "default: MPL-2.0\n"), "utf-8")

    def change_extension(self) -> None:
        path = self.root / "extensions/markup.py"
        text = path.read_text("utf-8")
        anchor = '        environment.filters["markdown"] = markdown\n'
        name = f"shout_{self.random.randint(0, 3)}"
        path.write_text(
            text.replace(anchor, f'{anchor}        environment.filters["{name}"] = str.upper\n'),
            "utf-8",
        )
        (self.root / f"template/{name}.txt.jinja").write_text(f"{{{{ license | {name} }}}}\n")


@dataclass
class Owner:
    """Edits a project at random, and remembers what must not get lost."""

    project: Project
    random: random.Random
    marks: set[bytes] = field(default_factory=set)
    contents: dict[str, bytes] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    touched: set[str] = field(default_factory=set)

    @property
    def root(self) -> Path:
        return self.project.path

    def pick(self) -> str:
        name = self.random.choice(text_files(self.root, "."))
        self.touched.add(name)
        self.contents.pop(name, None)
        return name

    def mark(self) -> str:
        text = f"owner {self.random.getrandbits(60):x}"
        self.marks.add(text.encode())
        return f"# {text}\n"

    def change_line(self) -> None:
        path = self.root / self.pick()
        lines = path.read_text("utf-8").splitlines(keepends=True)
        number = self.random.randrange(len(lines))
        if not any(mark.decode() in lines[number] for mark in self.marks):
            lines[number] = self.mark()
            path.write_text("".join(lines), "utf-8")

    def insert_line(self) -> None:
        path = self.root / self.pick()
        lines = path.read_text("utf-8").splitlines(keepends=True)
        lines.insert(self.random.randint(0, len(lines)), self.mark())
        path.write_text("".join(lines), "utf-8")

    def delete_lines(self) -> None:
        path = self.root / self.pick()
        lines = path.read_text("utf-8").splitlines(keepends=True)
        number = self.random.randrange(len(lines))
        if not any(mark.decode() in lines[number] for mark in self.marks):
            del lines[number]
            path.write_text("".join(lines) or "\n", "utf-8")

    def add(self) -> None:
        folder = self.random.choice(["", "docs/", "src/demo/", "new/", ".github/workflows/"])
        name = f"{folder}NEW{self.random.randint(0, 3)}.txt"
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        with (self.root / name).open("a", encoding="utf-8") as file:
            file.write(self.mark() * 2)
        self.touched.add(name)
        self.contents.pop(name, None)
        self.deleted.discard(name)

    def holds_marks(self, name: str) -> bool:
        text = (self.root / name).read_bytes()
        return any(mark in text for mark in self.marks)

    def delete(self) -> None:
        name = self.pick()
        if not self.holds_marks(name):
            (self.root / name).unlink()
            self.deleted.add(name)

    def move(self) -> None:
        name = self.pick()
        target = f"mine/{self.random.getrandbits(30):x}/{Path(name).name}"
        (self.root / target).parent.mkdir(parents=True)
        (self.root / name).rename(self.root / target)
        self.deleted.add(name)
        self.contents[target] = (self.root / target).read_bytes()
        self.touched.add(target)

    def chmod(self) -> None:
        path = self.root / self.pick()
        path.chmod(path.stat().st_mode ^ 0o111)

    def crlf(self) -> None:
        name = self.pick()
        path = self.root / name
        path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        with (self.root / ".gitattributes").open("a") as attributes:
            attributes.write(f"/{name} -text\n")
        self.touched.add(".gitattributes")

    def binary(self) -> None:
        name = self.random.choice([*text_files(self.root, "."), "src/demo/data.bin"])
        path = self.root / name
        if path.exists() and self.holds_marks(name):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes([0, 255]) + self.random.randbytes(40))
        self.contents[name] = path.read_bytes()
        self.touched.add(name)
        self.deleted.discard(name)

    def dependency(self) -> None:
        path = self.root / "pyproject.toml"
        if path.exists() and b"\0" not in path.read_bytes():
            self.contents.pop("pyproject.toml", None)
            name = f"owner {self.random.getrandbits(60):x}".replace(" ", "-")
            text = path.read_text("utf-8")
            if 'test = ["' in text:
                path.write_text(text.replace('test = ["', f'test = ["{name}", "', 1), "utf-8")
                self.marks.add(name.encode())
                self.touched.add("pyproject.toml")

    def rust_module(self) -> None:
        name = f"crates/src/mine_{self.random.getrandbits(30):x}.rs"
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(f"// {self.mark()}")
        self.touched.add(name)

    def ignored_file(self) -> None:
        choices = ["NEW0.txt", "NEW1.txt", "secret.env", "Makefile.rej", "new/NEW2.txt"]
        name = self.random.choice(choices)
        if (self.root / name).exists():
            return
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(self.mark())
        with (self.root / ".git/info/exclude").open("a") as ignored:
            ignored.write(f"/{name}\n")
        self.contents[name] = (self.root / name).read_bytes()

    def commit(self) -> None:
        self.project.git("add", "--all")
        self.project.git("commit", "--quiet", "--allow-empty", "--message=feat: my changes")


def actions(kind: type) -> list[str]:
    helpers = {"pick", "lines", "save", "mark", "holds_marks", "commit", "root"}
    return [name for name in vars(kind) if not name.startswith("_") and name not in helpers]


@dataclass
class Scenario:
    """What Hypothesis draws."""

    template: list[str]
    owner: list[str]
    features: list[str]
    flipped: list[str] | None
    backwards: bool
    seed: int


FEATURES = st.lists(
    st.sampled_from(["docs", "notebook", "container", "benchmarks", "pypi"]), unique=True
)
SCENARIO = st.builds(
    Scenario,
    template=st.lists(st.sampled_from(actions(TemplateAuthor)), min_size=1, max_size=6),
    owner=st.lists(st.sampled_from(actions(Owner)), max_size=8),
    features=FEATURES,
    flipped=st.none() | FEATURES,
    backwards=st.booleans(),
    seed=st.integers(0, 2**32),
)


def weather(scenario: Scenario, template: Path, folder: Path) -> None:
    """Run one scenario and check all that an update promises."""
    history = History.of(template, folder / "template")
    author = TemplateAuthor(history.path, random.Random(scenario.seed))
    changed = history.release(lambda _: [getattr(author, name)() for name in scenario.template])
    old, new = history.versions[0], changed
    if scenario.backwards:
        run("git", "read-tree", "-u", "--reset", old, cwd=history.path)
        old, new = changed, history.release()

    project = history.project(
        folder / "project", old, project_name="Demo", features=scenario.features
    )
    last = yaml.safe_load(project.read(".copier-answers.yml"))
    owner = Owner(project, random.Random(scenario.seed + 1))
    for name in scenario.owner:
        getattr(owner, name)()
    owner.deleted = {name for name in owner.deleted if not (project.path / name).exists()}
    owner.commit()
    before, modes = files(project), mode_bits(project)
    data = {} if scenario.flipped is None else {"features": scenario.flipped}
    answers = {name: value for name, value in last.items() if not name.startswith("_")}
    fresh = history.project(folder / "fresh", new, **{**answers, **data})

    refusal = ""
    try:
        update(project, new, data)
    except UserMessageError as error:
        refusal = str(error)
    if refusal:
        assert refusal.startswith(("Git ignores", "Copier deletes", "The template has a"))
        assert files(project) == before
        assert not project.git("status", "--porcelain")
        check_nothing_lost(owner)
        return

    check_nothing_lost(owner)
    after = files(project)
    conflicts = unmerged(project)
    marked = {name for name, text in after.items() if b"<<<<<<< before updating" in text}
    assert marked <= conflicts
    assert not [name for name in after if name.endswith(".rej")]
    assert set(after) <= set(before) | set(files(fresh)), "leftovers"
    owned = given_once(history.path)
    added = {name for name in files(fresh) if name not in before and owned(name)}
    for name in {*before, *after} - added:
        if owned(name):
            assert after.get(name) == before.get(name), f"{name} belongs to the owner"

    moved = {
        target.removeprefix("template/").removesuffix(".jinja")
        for source, targets in author.moved.items()
        for target in {*targets, source}
    }
    for name, text in files(fresh).items():
        if not owned(name) and name not in owner.touched | moved:
            assert after.get(name) == text, f"{name} did not arrive"
    for name in set(before) - set(files(fresh)) - owner.touched - moved:
        assert owned(name) or name not in after, f"{name} should have gone"
    for name, mode in modes.items():
        if name in owner.touched and owned(name) and name in after:
            assert mode_bits(project)[name] == mode

    owner.commit()
    update(project, new)
    assert not project.git("status", "--porcelain"), "the second update changed something"
    check_nothing_lost(owner)


def mode_bits(project: Project) -> dict[str, bool]:
    return {name: bool((project.path / name).stat().st_mode & 0o100) for name in files(project)}


def check_nothing_lost(owner: Owner) -> None:
    everything = b"\n".join(
        path.read_bytes()
        for path in owner.root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(owner.root).parts
    )
    for mark in owner.marks:
        assert mark in everything, f"lost: {mark!r}"
    for name, content in owner.contents.items():
        assert (owner.root / name).read_bytes() == content, f"lost: {name}"
    for name in owner.deleted:
        assert not (owner.root / name).exists(), f"resurrected: {name}"


@pytest.mark.parametrize("part", range(PARTS))
def test_update_weathers_anything(
    template: Path, tmp_path_factory: pytest.TempPathFactory, part: int
) -> None:
    """Split in parts, so that several processes share the work."""

    @hypothesis.seed(part)
    @settings(
        max_examples=max(1, SCENARIOS // PARTS),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(SCENARIO)
    def storm(scenario: Scenario) -> None:
        folder = tmp_path_factory.mktemp("storm")
        weather(scenario, template, folder)
        run("rm", "-rf", folder, cwd=folder.parent)

    run_storm: Callable[[], None] = storm
    run_storm()

"""Updates a project: the difference between two renders of the template, cherry-picked by Git.

Copier writes nothing itself in an update (`_exclude` in copier.yml). It runs this twice, before and after it asks its
questions. The first run refuses what Copier could not survive. The second renders the old version with the old
answers and the new version with the new ones, and Git merges: base is the old render, ours is HEAD, theirs is the new
render. Until then there are only objects that no branch knows. Then the project changes: the index first and at once,
the files next, the answers last, so that `git reset --hard` leads back from any moment. A half-done update is a
cherry-pick in progress, and `git status` says so.

This runs on the Python that runs Copier, and imports nothing but what Copier needs itself.
"""

import json
import os
import posixpath
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path, PurePosixPath
from runpy import run_path
from typing import Any, NamedTuple

Tree = dict[str, tuple[str, ...]]  # mode and object by path
Stages = dict[str, list[tuple[str, ...]]]  # mode, object and stage of what is unmerged, by path
Result = subprocess.CompletedProcess[str]

BACK = "To go back to where you were: git reset --hard"
TITLE = "build: update the template to {}"
# Whatever the user has set, Git does the same here.
SETTINGS = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.ignoreStat": "false",  # or Git would look no more at what an update changed, nor take it back
    "core.quotePath": "false",
    "core.splitIndex": "false",
    "log.showSignature": "false",
    "merge.directoryRenames": "false",  # a file that one side adds stays where that side put it
    "merge.renameLimit": "0",
    "merge.renames": "true",
}
NOBODY = {
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_CONFIG_COUNT": "0",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_PARAMETERS": "",
}
KEPT = re.compile(
    r"(?!GIT_)|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+|PARAMETERS)$|"
    r"GIT_DEFAULT_HASH$|GIT_SSH"
)
# Where these lead, Copier's own Git goes as well.
ASTRAY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR")
UNFINISHED = (
    "MERGE_HEAD",
    "REVERT_HEAD",
    "BISECT_LOG",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
)
LOCKS = {
    "Cargo.toml": (
        "Cargo.lock",
        "cargo update --workspace --quiet --manifest-path {folder}/Cargo.toml",
    ),
    "pyproject.toml": ("uv.lock", "{uv} lock --quiet --directory {folder}"),
}
COMMIT = re.compile(r"(?m)^# commit: (\w+)")  # of the template, in the answers file
# What `make bump` writes, and the line that it deletes from 1.0.0 on.
VERSION = re.compile(
    r"""(?m)^(\[ *(?:project|package) *\].*(?:\n(?! *\[).*)*?\n *version *= *["'])([^"'\n]*)"""
)
BEFORE_1 = re.compile(r"(?m)^major_version_zero = true.*\n")


class RefusalError(Exception):
    """The update cannot go on, for a reason that the user can read."""


def run(*command: str | Path, env: Mapping[str, str] | None = None, text: str = "",
        cwd: Path | None = None, allowed: tuple[int, ...] = (0,)) -> Result:  # fmt: skip
    """Run a program that must end with an allowed status; any if none is allowed."""
    kept = {name: value for name, value in os.environ.items() if KEPT.match(name)}
    # In bytes, for Python changes the ends of lines in text.
    done = subprocess.run(
        [str(part) for part in command],
        input=text.encode("utf-8", "surrogateescape"),
        cwd=cwd,
        env={**kept, "LC_ALL": "C", **(env or {})},
        capture_output=True,
        check=False,
    )
    printed = (part.decode("utf-8", "surrogateescape") for part in (done.stdout, done.stderr))
    result = Result(done.args, done.returncode, *printed)
    if allowed and result.returncode not in allowed:
        said = result.stderr or result.stdout or f"status {result.returncode}"
        raise RefusalError(f"{command[0]}: {' '.join(said.split())}")
    return result


def git(*arguments: str | Path, **options: Any) -> Result:
    """Run Git in the project, or elsewhere with `--git-dir`."""
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    return run("git", *settings, *arguments, **options)


def told(*arguments: str | Path, **options: Any) -> str:
    """Return the one line that Git prints."""
    return git(*arguments, **options).stdout.removesuffix("\n")


def fields(result: Result) -> list[str]:
    """Split what Git printed with `-z`."""
    return result.stdout.split("\0")[:-1]


def git_path(name: str) -> Path:
    """Return where Git keeps something of this working tree."""
    return Path(told("rev-parse", "--git-path", name)).absolute()


def begun(head: str = "CHERRY_PICK_HEAD") -> str:
    """Return the commit that Git is at work on; by default the one that an update picks, once it writes."""
    return told("rev-parse", "--quiet", "--verify", head, allowed=())


def refuse_changes() -> None:
    """Refuse what Git could not bring back: it asks before Copier begins, and before the first change."""
    status = "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=dirty"
    if changes := fields(git(*status)):
        raise RefusalError(
            "\n    ".join(["Commit or stash your changes before an update:", *changes])
        )


def is_readable(name: str) -> bool:
    """Say whether Copier can read a name as Git prints it, which it does as its `normalize_git_path` does."""
    text = name.encode("latin-1", "backslashreplace").decode("unicode-escape")
    try:
        text.encode("latin-1", "backslashreplace").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def refuse_what_copier_cannot_survive(template: Path, answers: str) -> None:
    """Look at the project before Copier begins to update it from the new version."""
    if [int(part) for part in re.findall(r"\d+", told("version"))[:2]] < [2, 38]:
        raise RefusalError("This needs Git 2.38 or newer: update Git first.")
    if astray := [name for name in ASTRAY if name in os.environ]:
        raise RefusalError(f"Your environment redirects Git: run `unset {' '.join(astray)}` first.")
    if git("rev-parse", "--quiet", "--verify", "HEAD", allowed=(0, 1)).returncode:
        raise RefusalError("The project has no commit yet: commit it first.")
    if picked := begun():
        title = told("log", "-1", "--format=%s", picked)
        raise RefusalError(f"Unfinished: {title!r}. Commit it, or drop it with `git reset --hard`.")
    for name in UNFINISHED:
        # In a reftable, what ends in _HEAD is no file.
        if git_path(name).exists() or (name.endswith("_HEAD") and begun(name)):
            raise RefusalError(
                f"Git is in the middle of something ({name}): see `git status` and finish it first."
            )
    if (held := git_path("index.lock")).exists():
        raise RefusalError(f"Another Git is at work, or was killed: if none runs, delete {held}.")
    refuse_changes()
    quoted = run("git", "config", "--type=bool", "core.quotePath", allowed=()).stdout != "false\n"
    status = run("git", "status", "--porcelain", "--ignored").stdout  # as Copier asks
    for name in re.findall("(?m)^!! (.+)$", status):
        # Copier looks for the rejects of Git everywhere, and takes these for its own.
        if name.strip('"').endswith(".rej"):
            raise RefusalError(f"Copier would delete your ignored {name}: rename it first.")
        if not is_readable(name):
            way = "rename it" if quoted else "run `git config core.quotePath true`"
            raise RefusalError(f"Copier cannot read the name of your ignored {name}: {way} first.")
    module = last_answers(answers).get("module_name")
    for line in fields(git("ls-files", "--stage", "-z")):
        link = line.split("\t", 1)[1]
        if any("\udc80" <= sign <= "\udcff" for sign in link):
            raise RefusalError(f"Copier cannot read a name that is not UTF-8: rename {link} first.")
        if not quoted and not link.isascii():
            raise RefusalError(f"Copier cannot read {link}: run `git config core.quotePath true`.")
        outside = (
            line.startswith("120000")
            and Path.cwd() not in (place := Path(os.path.realpath(link))).parents
        )
        given = re.sub(rf"^src/{module}(?=/|$)", "src/{{ module_name }}", link)
        if outside and place.is_dir() and (template / "template" / given).is_dir():
            raise RefusalError(f"{link} leads out of the project: rename it first.")
    # Copier writes what a sparse checkout leaves out; the second run takes that back.
    project = Project()
    absent = [path for path in project.skipped if not (project.top / path).exists()]
    (template / "update/absent.json").write_text(json.dumps(absent), "utf-8")
    # Copier commits in repositories of its own: of the kind that Git makes by default, and with the user's hooks.
    with tempfile.TemporaryDirectory() as folder:
        run("git", "init", "--quiet", folder)
        kind = told("rev-parse", "--show-object-format")
        if run("git", "-C", folder, "rev-parse", "--show-object-format").stdout.strip() != kind:
            raise RefusalError(
                f"Your repository uses {kind}, and Copier's own ones would not: run `export "
                f"GIT_DEFAULT_HASH={kind}` first."
            )
        settings = "-c", "user.name=Copier", "-c", "user.email=copier", "-C", folder
        commit = "commit", "--allow-empty", "--no-verify", "--no-gpg-sign", "--message=dumb commit"
        if said := run("git", *settings, *commit, allowed=()).returncode:
            hooks = run("git", "-C", folder, "rev-parse", "--git-path", "hooks").stdout.strip()
            raise RefusalError(
                f"A Git hook of yours in {hooks} stops Copier's own commits (status {said}): switch "
                f"it off for the update."
            )


def mode(path: Path, mine: tuple[str, ...], windows: bool = os.name == "nt") -> str:
    """Return the mode of a rendered file: Windows has none, so there it is the project's, if any."""
    if windows and mine and mine[0].startswith("100"):
        return mine[0]
    program = path.parent.name == ".githooks" if windows else path.stat().st_mode & 0o100
    return "100755" if program else "100644"


class Objects:
    """A repository for one merge: the project's objects, and nobody's settings and attributes."""

    def __init__(self, folder: Path) -> None:
        """Make it in a folder that does not exist yet."""
        kind = told("rev-parse", "--show-object-format")
        self.folder = folder
        self.env = {**NOBODY, "GIT_OBJECT_DIRECTORY": str(git_path("objects"))}
        shared = told("config", "core.sharedRepository", allowed=(0, 1)) or "umask"
        options = "--bare", "--template=", f"--shared={shared}", f"--object-format={kind}"
        self.git("init", "--quiet", *options)

    def git(
        self, *arguments: str | Path, env: Mapping[str, str] | None = None, **options: Any
    ) -> Result:
        """Run Git there."""
        # Git looks for the user's attributes in a place of its own, too.
        here = "-c", f"core.attributesFile={os.devnull}", f"--git-dir={self.folder}"
        return git(*here, *arguments, env={**self.env, **(env or {})}, **options)

    def read(self, tree: str) -> Tree:
        """List what a tree holds."""
        lines = [line.split("\t", 1) for line in fields(self.git("ls-tree", "-r", "-z", tree))]
        return {path: (about.split(" ")[0], about.split(" ")[2]) for about, path in lines}

    def store(self, folder: Path, project: "Project", head: Tree) -> Tree:
        """Store the files of a folder as the project would; its prefix comes before their paths in HEAD."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        names = "".join(f"{path}\n" for path in paths)
        stored = self.git("hash-object", "-w", "--no-filters", "--stdin-paths", text=names).stdout
        keys = [project.prefix + path.relative_to(folder).as_posix() for path in paths]
        objects = project.store_filtered(dict(zip(keys, paths, strict=True)))
        modes = [mode(path, head.get(key, ())) for path, key in zip(paths, keys, strict=True)]
        return {
            key: (mode, objects.get(key, plain))
            for key, mode, plain in zip(keys, modes, stored.split(), strict=True)
        }

    def text(self, entry: tuple[str, ...]) -> str:
        """Return the text of a file."""
        return self.git("cat-file", "blob", entry[1]).stdout

    def add(self, text: str) -> str:
        """Store a text, and return its object."""
        return self.git("hash-object", "-w", "--stdin", text=text).stdout.strip()

    def index(self, tree: Tree, name: str) -> dict[str, str]:
        """Write an index that holds a tree, and return the variable that makes Git use it."""
        variable = {"GIT_INDEX_FILE": str(self.folder / name)}
        lines = "".join(f"{' '.join(entry)}\t{path}\0" for path, entry in tree.items())
        self.git("update-index", "-z", "--index-info", text=lines, env=variable)
        return variable

    def commit(self, branch: str, tree: Tree, *parents: str, title: str = "-") -> str:
        """Commit a tree to a branch, whose name conflict markers show."""
        root = self.git("write-tree", env=self.index(tree, branch)).stdout.strip()
        author = re.match(r"(.*) <(.*)>", told("var", "GIT_AUTHOR_IDENT", allowed=()))
        name, address = author.groups() if author else ("Copier", "copier")
        settings = "-c", f"user.name={name}", "-c", f"user.email={address}"
        command = "commit-tree", root, "-m", title, *(f"-p{parent}" for parent in parents)
        commit = self.git(*settings, *command).stdout.strip()
        self.git("update-ref", f"refs/heads/{branch}", commit)
        return commit

    def merge(self, ours: str, theirs: str) -> tuple[Tree, Stages]:
        """Merge two branches; return a tree, with markers where they clash, and what is unmerged."""
        result = self.git("merge-tree", "--write-tree", "-z", ours, theirs, allowed=(0, 1))
        root, *lines = fields(result)
        end = lines.index("") if result.returncode else 0
        stages: Stages = {}
        for about, path in (line.split("\t", 1) for line in lines[:end]):
            stages.setdefault(path, []).append(tuple(about.split(" ")))
        kinds = {"CONFLICT (file/directory)": "folder", "CONFLICT (distinct modes)": "link"}
        notes = lines[end + 1 :]  # how many paths, the paths, the kind and a sentence, each time
        while notes:
            count = int(notes[0])
            paths, kind, notes = notes[1 : count + 1], notes[count + 1], notes[count + 3 :]
            if kind in kinds:
                path = min(paths, key=len)  # the others have the name of a branch added
                raise RefusalError(
                    f"{path} is a {kinds[kind]} in your project or in the new version, and a file in "
                    f"the other: rename yours first."
                )
        return self.read(root), stages


def render(
    answers: Mapping[str, Any], address: str, version: str, folder: Path, name: str
) -> list[str]:
    """Render one version of the template, with an answers file of this name; return what it gives once."""
    import copier

    data = {name: value for name, value in answers.items() if not name.startswith("_")}
    options: dict[str, Any] = {"defaults": True, "quiet": True, "unsafe": True, "skip_tasks": True}
    options |= {"answers_file": name, "vcs_ref": version}
    try:
        worker = copier.run_copy(address, folder, data=data, **options)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise RefusalError(f"Version {version} of the template fails: {reason}") from error
    return [name[1:] for name in worker.template.skip_if_exists if name.startswith("/")]


def last_answers(name: str) -> dict[str, Any]:
    """Return the answers that the project was made from."""
    import yaml

    # Not by `import`, which does not look in this folder where PYTHONSAFEPATH is set.
    answers_checksum = run_path(str(Path(__file__).with_name("answers.py")))["answers_checksum"]
    text = told("show", f"HEAD:./{name}")
    answers = yaml.safe_load(text)
    if not isinstance(answers, dict):
        raise RefusalError(
            f"{name} holds no answers in HEAD: commit the file itself, not a link to it."
        )
    checksum = re.search(r"^# checksum: (\w+)", text, re.MULTILINE)
    if checksum and checksum[1] != answers_checksum(answers):
        raise RefusalError(
            f"{name} was edited by hand, or two updates were merged, so nobody knows what the project was "
            f"made from: restore it from Git, and change answers with `--data`. After a merge, write the older "
            f"`_commit` of the two there. If you are sure that its answers describe the project as it is, "
            f"delete the line with the checksum."
        )
    return answers


def keep_comments(mine: str, old: str, new: str) -> str:
    """Write what the owner added to the answers file into the new one, where it stood.

    The lines around it are Copier's and change with each version, so a merge would always clash.
    """
    rendered, lines, held = old.splitlines(), new.splitlines(), list[str]()
    is_known = True  # the key that a line belongs to, in the new version
    for line in mine.splitlines():
        key = line.split(":")[0]
        place = next((at for at, other in enumerate(lines) if other.split(":")[0] == key), None)
        if re.match(r"\w+:", line):
            is_known = place is not None
        if line not in rendered:
            own = not line or line.startswith("#")
            if own or not is_known:
                held.append(line if own else f"# {line}")
                continue
            # The line is Copier's in the owner's words; a comment behind it is the owner's.
            quoted = r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|.*?"""
            if comment := re.fullmatch(rf"(?:\w+:|[ -]*) *(?:{quoted})\s+(#.*)", line):
                held.append(comment[1])
        if held and place is not None:
            lines[place:place], held = held, []
    return "\n".join([*lines, *held, ""])


def check_answers(
    old: Mapping[str, Any], new: Mapping[str, Any], request: Mapping[str, Any]
) -> None:
    """Refuse answers that cannot change, or that Copier changed by itself."""
    if request["left_out"]:
        raise RefusalError(
            "An update cannot --skip or --exclude files: run it without these options, then take back what "
            "you do not want with `git restore --staged --worktree FILE`."
        )
    for name, answer in old.items():
        if name.startswith("_") or new.get(name, answer) == answer:
            continue
        if name in ("package_name", "module_name"):
            raise RefusalError(
                f"Keep {answer}: your source files have this name, so an update cannot change it. To "
                f"rename the package, rename its folder, replace the name in all files, the answers "
                f"file too, and delete the line with the checksum there."
            )
        if request["defaults"] and name not in request["data"]:
            example = "[...]" if isinstance(answer, list) else "..."
            raise RefusalError(
                f"This version of the template no longer takes {answer!r} for {name}: choose an "
                f"answer with --data '{name}={example}'."
            )


def pick(ours: Tree, old: Tree, asked: Tree, new: Tree, given: Callable[[str], object]) -> None:
    """Leave what was given once out of the difference between the old render and the new one.

    In both it becomes what the owner has. Only another answer changes it, as when the licence is
    another one now, also where the owner moved it, or brings it, or takes it away if the owner has
    not touched it. What the new version changed beside that stays out, for it may need files that
    nobody brings.

    Args:
        ours: The project.
        old: The old version with the old answers; changed here.
        asked: The new version with the old answers.
        new: The new version with the new answers; changed here.
        given: Tells which paths were given once.
    """
    folders = {str(folder) for path in ours for folder in PurePosixPath(path).parents}
    for path in filter(given, {*old, *asked, *new}):
        mine, before, after = ours.get(path), asked.get(path), new.get(path)
        base = theirs = mine
        # The owner may have a link there, a folder, or a submodule.
        taken = path in folders or any(
            str(folder) in ours for folder in PurePosixPath(path).parents
        )
        if before != after and not taken and (not mine or mine[0].startswith("100")):
            if mine == before or (mine and not after and mine == old.get(path)):
                theirs = after
            elif before and after and (mine or path in old):
                base, theirs = before, after
        for tree, entry in ((old, base), (new, theirs)):
            tree.pop(path, None)
            if entry:
                tree[path] = entry


def keep_version(head: Tree, trees: Iterable[Tree], prefix: str, objects: Objects) -> None:
    """Write the project's version into the renders: a merge would clash wherever a line beside it changed.

    Args:
        head: The project.
        trees: The renders; changed here.
        prefix: What comes before the paths of the project in HEAD.
        objects: Where the files are.
    """
    for path in (f"{prefix}pyproject.toml", f"{prefix}crates/Cargo.toml"):
        mine = objects.text(head[path]) if path in head else ""
        if not (version := VERSION.search(mine)):
            continue
        for tree in trees:
            if path in tree:
                text = VERSION.sub(rf"\g<1>{version[2]}", objects.text(tree[path]), count=1)
                text = text if BEFORE_1.search(mine) else BEFORE_1.sub("", text)
                tree[path] = (tree[path][0], objects.add(text))


class Project:
    """The working tree and the index of the owner."""

    def __init__(self) -> None:
        """Look at the repository of the current folder."""
        self.top = Path(told("rev-parse", "--show-toplevel"))
        self.prefix = told("rev-parse", "--show-prefix")
        listed = [line.split(" ", 1) for line in fields(self.git("ls-files", "-v", "-z"))]
        self.skipped = {path for flag, path in listed if flag in "sS"}
        self.unseen = {path for flag, path in listed if flag == "S" or flag.islower()}

    def git(
        self, *arguments: str, paths: Iterator[str] | tuple[str, ...] = (), **options: Any
    ) -> Result:
        """Run Git in the topmost folder; the paths are its input."""
        return git(*arguments, cwd=self.top, text="".join(f"{path}\0" for path in paths), **options)

    def leave_out(self, paths: list[str]) -> None:
        """Take back what Copier wrote of a sparse checkout: Git took it for no longer sparse then."""
        self.remove(paths)
        self.git("update-index", "-z", "--skip-worktree", "--stdin", paths=iter(paths))
        self.skipped |= {*paths}

    def store_filtered(self, files: Mapping[str, Path]) -> dict[str, str]:
        """Store files for paths that a filter changes, such as that of Git LFS; return their objects."""
        printed = fields(self.git("check-attr", "-z", "--stdin", "filter", paths=iter(files)))
        return {
            path: told("hash-object", "-w", f"--path={path}", files[path], cwd=self.top)
            for path, value in zip(printed[::3], printed[2::3], strict=True)
            if value not in ("set", "unset", "unspecified")
        }

    def check(self, before: Tree, after: Tree) -> None:
        """Refuse to write where something stands that Git does not know or does not look at."""
        gone = before.keys() - after.keys()
        for path in sorted(
            self.unseen & {path for path in before if before[path] != after.get(path)}
        ):
            if not (self.top / path).exists() and path in self.skipped:
                continue  # outside of a sparse checkout
            if (
                told("hash-object", f"--path={path}", path, cwd=self.top, allowed=())
                != before[path][1]
            ):
                raise RefusalError(
                    f"You changed {path}, and Git does not look at it: run `git update-index "
                    f"--no-assume-unchanged --no-skip-worktree {path}`, then commit or stash it."
                )
        for path in sorted(after.keys() - before.keys()):
            if found := self.obstacle(path, gone):
                raise RefusalError(
                    f"The new version has {path}, and Git does not know your {found}: rename it, or "
                    f"`git add --force` and commit it."
                )

    def obstacle(self, path: str, gone: Set[str]) -> str:
        """Name what stands in the place of a new file and does not go away."""
        for place in (*reversed(PurePosixPath(path).parents[:-1]), PurePosixPath(path)):
            found = self.top / place
            if found.is_symlink() or (found.exists() and not found.is_dir()):
                return "" if str(place) in gone else str(place)
        below = ((folder, *names, *others) for folder, names, others in os.walk(self.top / path))
        items = (Path(folder, name) for folder, *names in below for name in names)
        files = (item for item in items if item.is_symlink() or not item.is_dir())
        names = (item.relative_to(self.top).as_posix() for item in files)
        return next((name for name in names if name not in gone), "")

    def remove(self, paths: Iterable[str]) -> None:
        """Remove files, and the folders that become empty."""
        for path in paths:
            (self.top / path).unlink(missing_ok=True)
            with suppress(OSError):  # the first folder that is not empty
                for folder in PurePosixPath(path).parents[:-1]:
                    (self.top / folder).rmdir()

    def write(
        self, before: Tree, after: Tree, stages: Stages, files: Mapping[str, str], last: str
    ) -> None:
        """Change the index, then the files.

        Args:
            before: What HEAD holds.
            after: What the project shall hold.
            stages: What is unmerged.
            files: The variable for an index to write files from.
            last: The file to write last.
        """
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        changed |= stages.keys()  # to be edited, also where a sparse checkout left them out
        gone = changed - after.keys()
        absent = {path for path in self.skipped & changed - gone - stages.keys()
                  if not (self.top / path).exists()}  # fmt: skip
        merged = sorted(changed - gone - stages.keys())
        lines = [
            f"0 {'0' * len(next(iter(before.values()))[1])}\t{path}" for path in (*gone, *stages)
        ]
        lines += [f"{' '.join(after[path])}\t{path}" for path in merged]
        lines += [f"{' '.join(stage)}\t{path}" for path, found in stages.items() for stage in found]
        self.git("update-index", "-z", "--index-info", paths=iter(lines))
        self.git("update-index", "-z", "--skip-worktree", "--stdin", paths=iter(absent))
        self.remove(gone)
        # Attributes first, since they say how to write the others.
        order = sorted(
            changed - gone - absent, key=lambda path: (path == last, ".gitattributes" not in path)
        )
        self.git("checkout-index", "--force", "-z", "--stdin", paths=iter(order), env=files)
        self.git("update-index", "-q", "--refresh", allowed=())


def news(changelog: Path, old: str, new: str) -> str:
    """Return the sections of the template's changelog between two versions."""
    # A commit between releases is the last release, how many commits later, and its name.
    old, new = (re.sub(r"-\d+-g[0-9a-f]+$", "", version) for version in (old, new))
    text = changelog.read_text("utf-8") if changelog.is_file() else ""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    titles = [section.split()[1] for section in sections]
    if new not in titles or old not in titles:
        return ""
    return "".join(sections[titles.index(new) : titles.index(old)]).strip()


def locks(changed: Set[str], project: Project) -> dict[str, str]:
    """Return the lock files that depend on what changed, and the commands that bring them in line.

    Those are the nearest that Git knows, beside the manifest or above it, as in a workspace.
    """
    found: dict[str, str] = {}
    own = Path(".uv/bin/uv")  # which `make` finds, and the owner's shell may not
    uv = own if own.exists() and shutil.which("uv") in (None, str(own.absolute())) else "uv"
    for path in sorted(changed):
        name, command = LOCKS.get(PurePosixPath(path).name, ("", ""))
        for folder in PurePosixPath(path).parents if name else ():
            if project.git("ls-files", "--", str(folder / name)).stdout:
                # Not by `os.path`: on Windows, Git and the user may name the drive differently.
                place = posixpath.relpath(str(folder), project.prefix or ".")
                command = command.format(uv=uv, folder=shlex.quote(place))
                found[str(folder / name)] = command.removesuffix(" --directory .")
                break
    return found


def lock(commands: Mapping[str, str], project: Project) -> Iterator[str]:
    """Bring lock files in line; yield the commands that are left to do."""
    for path, command in commands.items():
        words = shlex.split(command)
        # Not offline: Cargo would move what is locked to what this machine has downloaded.
        if shutil.which(words[0]) and not run(*words, allowed=()).returncode:
            project.git("add", "--", path)
        else:
            yield command


def fault(path: str, text: str) -> str:
    """Say why nobody can read a file; nothing if one can, or if its format is unknown."""
    import yaml

    def check_keys(node: yaml.Node | None) -> None:
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        keys = [str(key.value) for key, _ in pairs]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"{key} is there twice")
        for child in node.value if isinstance(node, yaml.SequenceNode) else [v for _, v in pairs]:
            check_keys(child)

    try:
        if path.endswith(".toml"):
            import tomllib  # from Python 3.11 on

            tomllib.loads(text)
        elif path.endswith((".json", ".ipynb")):
            json.loads(text)
        elif path.endswith((".yaml", ".yml")):
            check_keys(yaml.compose(text, yaml.SafeLoader))
    except ImportError:
        return ""
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        return " ".join(str(error).split()).replace("overwrite a value", "have one key twice")
    return ""


class Renders(NamedTuple):
    """What the template makes of the answers, as the project would store it."""

    old: Tree  # the old version, with the old answers
    asked: Tree  # the new version, with the old answers
    new: Tree  # the new version, with the new answers
    is_given: Callable[[str], object]  # once: the file is the owner's from then on


class Merged(NamedTuple):
    """What Git makes of the project and the difference between two renders."""

    picked: str  # the commit of the difference
    tree: Tree  # with markers where the two clash
    stages: Stages
    changed: set[str]  # what the project has otherwise
    deleted: list[str]  # what the new version changed and the owner had deleted
    faults: dict[str, str]  # why nobody can read a file in which nothing clashed


class Update:
    """An update of the project in the current folder."""

    def __init__(self, request: Mapping[str, Any], template: Path, folder: Path) -> None:
        """Look at the project, and take back what Copier wrote beside a sparse checkout.

        Args:
            request: What Copier knows; see `answers.py`.
            template: The new version of the template.
            folder: An empty one, for renders and objects.
        """
        self.request, self.template, self.folder = request, template, folder
        self.project, self.objects = Project(), Objects(folder / "git")
        absent = (template / "update/absent.json").read_text("utf-8")
        self.project.leave_out(json.loads(absent))
        self.name, self.answers = request["answers_file"], request["answers"]
        self.last, self.version = last_answers(self.name), self.answers["_commit"]
        self.file = self.project.prefix + self.name
        self.title = TITLE.format(self.version)
        self.head = self.objects.read(told("rev-parse", "HEAD^{tree}"))

    def render(self) -> Renders:
        """Render what is compared."""
        import yaml

        last, answers, name, folder = self.last, self.answers, self.name, self.folder
        address, version = last["_src_path"], self.request["version"] or self.version
        given = render(last, address, last["_commit"], folder / "old", name)
        given += render(answers, address, version, folder / "new", name)
        # An answer to a new question changes something only if it was typed.
        fresh = answers.keys() - last.keys()
        typed = fresh & {*self.request["data"]} if self.request["defaults"] else fresh
        still = {key: last.get(key, answers[key]) for key in answers.keys() - typed}
        is_same = all(key[0] == "_" or answers[key] == still.get(key) for key in answers)
        with suppress(RefusalError):  # an old answer that the new version does not take
            if not is_same:
                render(still, address, version, folder / "asked", name)
        old, new = (self.store(folder / side) for side in ("old", "new"))
        asked = new if is_same else self.store(folder / "asked") or old
        if yaml.safe_load(self.objects.text(new[self.file]))["_commit"] != self.version:
            raise RefusalError("The template has uncommitted changes: commit them first.")
        names = "|".join(re.escape(pattern).replace(r"\*", "[^/]*") for pattern in given)
        prefix = re.escape(self.project.prefix)
        is_given = re.compile(rf"{prefix}(?:{names})(?:/.*)?", re.DOTALL).fullmatch
        return Renders(old, asked, new, is_given)

    def store(self, folder: Path) -> Tree:
        """Store a render."""
        return self.objects.store(folder, self.project, self.head)

    def keep_answers(self, old: Tree, new: Tree) -> None:
        """Take the owner's answers file for the old render, and its comments into the new one."""
        texts = [self.objects.text(tree[self.file]) for tree in (self.head, old, new)]
        made, found = map(COMMIT.search, texts[:2])
        if made and found and made[1] != found[1]:
            name, commit = self.name, made[1]
            has_commit = ("cat-file", "-e", f"{commit}^{{commit}}")
            is_lost = git(*has_commit, cwd=self.template, allowed=()).returncode
            way = f"To update all the same, delete the line with the commit from {name}"
            if not is_lost:
                way = (
                    f"Write {commit} after `_commit:` in {name}, delete the line with the checksum"
                )
            raise RefusalError(
                f"The {self.last['_commit']} at {self.last['_src_path']} is another one than this project was "
                f"made from, as if a fork counted alike: what only one of them has would not arrive. "
                f"{way}, and commit."
            )
        mode, text = self.head[self.file][0], keep_comments(*texts)
        old[self.file], new[self.file] = self.head[self.file], (mode, self.objects.add(text))

    def merge(self, renders: Renders) -> Merged:
        """Cherry-pick the difference, without a change to the project."""
        head, objects, prefix = self.head, self.objects, self.project.prefix
        outside = {path: head[path] for path in head if not path.startswith(prefix)}
        branch = f"template-{re.sub(r'[^0-9A-Za-z.-]', '-', self.version)}"
        base = objects.commit("base", {**outside, **renders.old})
        picked = objects.commit(branch, {**outside, **renders.new}, base, title=self.title)
        objects.commit("yours", head, base)
        tree, stages = objects.merge("yours", branch)
        # What the owner deleted stays deleted: a base and theirs, but no ours.
        deleted = sorted(
            path for path in stages if [stage[2] for stage in stages[path]] == ["1", "3"]
        )
        for path in deleted:
            del stages[path], tree[path]
        changed = {path for path in {*head, *tree} if head.get(path) != tree.get(path)}
        # What both of you added under one name is there twice, without a conflict.
        faults = {}
        for path in (changed & tree.keys() & head.keys()) - stages.keys():
            reason = fault(path, objects.text(tree[path]))
            if reason and not fault(path, objects.text(head[path])):
                faults[path] = f": {reason}"
                sides = zip("123", (renders.old, head, renders.new), strict=True)
                stages[path] = [(*side[path], number) for number, side in sides if path in side]
        return Merged(picked, tree, stages, changed, deleted, faults)

    def write(self, merged: Merged) -> None:
        """Change the project; until all is written, Git says that a cherry-pick is in progress."""
        paths = (merged.changed | merged.stages.keys()) & merged.tree.keys()
        written = {path: merged.tree[path] for path in paths}
        files = self.objects.index(written, "files")
        refuse_changes()  # since the first run, an editor may have saved what was open
        self.project.check(self.head, merged.tree)
        message = git_path("MERGE_MSG")
        try:
            message.write_text(f"{self.title}\n", "utf-8")
            git("update-ref", "CHERRY_PICK_HEAD", merged.picked)
            self.project.write(self.head, merged.tree, merged.stages, files, self.file)
        except (RefusalError, OSError) as error:
            if begun():
                raise RefusalError(f"The update stopped half-way: {error}\n{BACK}") from error
            with suppress(OSError):
                message.unlink()
            raise

    def report(self, merged: Merged, gone: list[str], new: Tree) -> None:
        """Say what the owner cannot see in the difference.

        Args:
            merged: What the project holds now.
            gone: What was given once, and the template no longer has.
            new: The render of the new version.
        """
        changelog = self.template / "CHANGELOG.md"
        if changes := news(changelog, self.last["_commit"], self.version):
            print(f"What changed in the template:\n\n{changes}\n")
        if merged.deleted:
            print(
                f"The new version changed files that you had deleted; they stay deleted: "
                f"{', '.join(merged.deleted)}"
            )
        if left_over := [path for path in gone if path in merged.tree]:
            prefix = self.project.prefix
            page = re.compile(rf"{re.escape(prefix)}docs/.*\.md", re.DOTALL)
            is_site = f"{prefix}mkdocs.yml" in merged.tree.keys() & new.keys()
            is_listed = is_site and any(map(page.fullmatch, left_over))
            other_way = ", or list it in mkdocs.yml" if is_listed else ""
            print(
                f"The template no longer has these; delete what you do not use{other_way}: "
                f"{', '.join(left_over)}"
            )

    def finish(self, merged: Merged) -> None:
        """End the cherry-pick, or leave it to the owner if there are conflicts."""
        commands = locks(merged.changed, self.project)
        if merged.stages:
            listed = "".join(
                f"    {path}{merged.faults.get(path, '')}\n" for path in sorted(merged.stages)
            )
            then = " && ".join([*commands.values(), "git add --update"])
            raise RefusalError(
                f"These files have conflicts, your version and the template's:\n{listed}Edit each, then "
                f"`git add` it, or `git rm` it. Then: {then}\n{BACK}"
            )
        left = list(lock(commands, self.project))
        git("update-ref", "-d", "CHERRY_PICK_HEAD")
        print(f"The project has version {self.version} of its template now.")
        print(f"See `git diff HEAD`, run `make test`, then commit. {BACK}")
        for command in left:
            print(f"This failed; run it yourself: {command}")


def update(request: Mapping[str, Any], template: Path) -> None:
    """Update the project in the current folder.

    Args:
        request: What Copier knows; see `answers.py`.
        template: The new version of the template.
    """
    with tempfile.TemporaryDirectory() as folder:
        this = Update(request, template, Path(folder).resolve())
        check_answers(this.last, this.answers, request)
        renders = this.render()
        old, asked, new, is_given = renders
        gone = sorted(filter(is_given, {*old, *asked} & this.head.keys() - new.keys()))
        pick(this.head, *renders)
        this.keep_answers(old, new)
        keep_version(this.head, (old, new), this.project.prefix, this.objects)
        merged = this.merge(renders)
        if not merged.changed and not merged.stages:
            print(f"Nothing to update. The project has version {this.version} of its template.")
            return
        this.write(merged)
    this.report(merged, gone, new)
    this.finish(merged)


def main(stage: str, request: str) -> int:
    """Run one of the two stages; return the exit status.

    Args:
        stage: Copier's name for it, `before` or `after`.
        request: A file that holds what Copier knows, in its clone of the template.
    """
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    template = Path(request).parents[1]
    try:
        asked = json.loads(Path(request).read_text("utf-8"))
        if stage == "before":
            refuse_what_copier_cannot_survive(template, asked["answers_file"])
        else:
            update(asked, template)
    except RefusalError as error:
        said = str(error)
    except (OSError, KeyboardInterrupt) as error:
        why = f"The update stopped: {error}" if str(error) else "You stopped the update"
        way = BACK if stage == "after" and begun() else "Nothing has changed."
        said = f"{why}. {way}"
    else:
        return 0
    # The task of v0.1.0 shows the last line of stderr only, which is Copier's.
    old = os.environ.get("VERSION_FROM") == "v0.1.0"
    print(said, file=sys.stdout if old else sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

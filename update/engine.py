"""Updates a project: the difference between two renders of the template, cherry-picked by Git.

Copier itself writes nothing in an update (`_exclude` in copier.yml). It runs this as a migration, once before and
once after it has asked its questions. The first run refuses what Copier could not survive. The second renders the
old version with the old answers and the new version with the new ones, and lets Git merge: base is the old render,
ours is HEAD, theirs is the new render. Up to here there are only objects that no branch knows. Then the project
changes: the index first and at once, the files next, the answers last, so that `git reset --hard` leads back from
any moment. A half-done update is a cherry-pick in progress, and `git status` says so.

This runs on the Python that runs Copier, and imports nothing but what Copier needs itself.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

Entry = tuple[str, str]  # mode and object
Tree = dict[str, Entry]  # by path
Stage = tuple[str, str, str]  # mode, object and stage of an unmerged path

BACK = "To go back to where you were: git reset --hard"
NO_OBJECT = "0" * 40
# What a user may have set must not change what Git does here.
NEUTRAL = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.splitIndex": "false",
    "merge.conflictStyle": "merge",
    "merge.directoryRenames": "false",  # a file that one side adds stays where that side put it
    "merge.renames": "true",
    "merge.renameLimit": "0",
}
NOBODY = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_ATTR_NOSYSTEM": "1"}
KEPT = {
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
}
# These lead Copier's Git astray, too.
ASTRAY = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
)
PROGRESS = ("MERGE_HEAD", "REVERT_HEAD", "BISECT_LOG", "rebase-merge", "rebase-apply", "sequencer")


class RefusalError(Exception):
    """The update cannot go on, for a reason that the user can read."""


def run(*command: str | Path, text: str = "", cwd: Path | None = None, env: Mapping[str, str] | None = None,
        check: bool = True) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run a program, without variables that change what Git does."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or not name.startswith("GIT_")
    }
    result = subprocess.run(
        [str(part) for part in command], input=text, cwd=cwd, env={**kept, "LC_ALL": "C", **(env or {})},
        capture_output=True, encoding="utf-8", errors="surrogateescape", check=False,
    )  # fmt: skip
    if check and result.returncode:
        said = (result.stderr or result.stdout or str(result.returncode)).strip()
        raise RefusalError(f"{command[0]} failed: {' '.join(said.splitlines())}")
    return result


def git(*arguments: str | Path, **kwargs: Any) -> str:
    """Run Git in the project, or with `--git-dir` elsewhere, and return what it printed."""
    settings = [part for name, value in NEUTRAL.items() for part in ("-c", f"{name}={value}")]
    return run("git", *settings, *arguments, **kwargs).stdout


def git_path(name: str) -> Path:
    """Return where Git keeps something of this working tree."""
    return Path(git("rev-parse", "--git-path", name).removesuffix("\n")).absolute()


def fields(printed: str) -> list[str]:
    """Split what Git printed with `-z`."""
    return printed.split("\0")[:-1]


def refuse_what_copier_cannot_survive() -> None:
    """Look at the project before Copier begins."""
    version = [int(part) for part in re.findall(r"\d+", run("git", "version").stdout)[:2]]
    if version < [2, 38]:
        raise RefusalError("This needs Git 2.38 or newer: update Git first.")
    if astray := [name for name in ASTRAY if name in os.environ]:
        raise RefusalError(
            f"{astray[0]} is set and leads Git elsewhere: run `unset {' '.join(astray)}` first."
        )
    if run("git", "rev-parse", "--quiet", "--verify", "HEAD", check=False).returncode:
        raise RefusalError("The project has no commit yet: commit it first.")
    if not run(
        "git", "rev-parse", "--quiet", "--verify", "CHERRY_PICK_HEAD", check=False
    ).returncode:
        subject = git("log", "-1", "--format=%s", "CHERRY_PICK_HEAD").strip()
        raise RefusalError(
            f"A cherry-pick is not finished ({subject}): commit it, or drop it with `git reset --hard`."
        )
    for name in PROGRESS:
        if git_path(name).exists():
            raise RefusalError(
                f"Git is in the middle of something (.git/{name}): finish or abort it, see `git status`."
            )
    options = (
        "--porcelain",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--no-renames",
    )
    if changes := fields(git("status", *options)):
        listed = "".join(f"\n    {line}" for line in changes)
        raise RefusalError(f"Commit or stash your changes before an update:{listed}")
    # Copier looks for the rejects of Git everywhere, and takes these for its own.
    for line in fields(git("status", "--porcelain", "-z", "--ignored")):
        if line.startswith("!! ") and line.endswith(".rej"):
            raise RefusalError(
                f"Copier would delete {line[3:]}, which Git ignores: rename it first."
            )
    # Copier commits in folders of its own, where hooks of the user's run as well.
    with tempfile.TemporaryDirectory() as folder:
        run("git", "init", "--quiet", cwd=Path(folder))
        identity = {
            f"GIT_{who}_{what}": "Copier"
            for who in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        command = (
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "--no-gpg-sign",
            "--message=dumb commit",
        )
        trial = run("git", *command, cwd=Path(folder), env=identity, check=False)
        if trial.returncode:
            hooks = run("git", "rev-parse", "--git-path", "hooks", cwd=Path(folder)).stdout.strip()
            raise RefusalError(
                f"A Git hook of yours in {hooks} refuses Copier's own commits ({trial.stderr.strip()}): switch it off "
                f"for the update."
            )


class Objects:
    """A repository for one merge: the project's objects, but no settings, attributes or branches of anybody's."""

    def __init__(self, folder: Path) -> None:
        """Make it in an empty folder."""
        self.folder = folder
        self.env = {**NOBODY, "GIT_OBJECT_DIRECTORY": str(git_path("objects"))}
        kind = git("rev-parse", "--show-object-format").strip()
        run(
            "git",
            "init",
            "--quiet",
            "--bare",
            "--template=",
            f"--object-format={kind}",
            folder,
            env=NOBODY,
        )

    def git(self, *arguments: str | Path, text: str = "", **env: str) -> str:
        """Run Git there and return what it printed."""
        return git(
            f"--git-dir={self.folder}",
            *arguments,
            cwd=self.folder,
            env={**self.env, **env},
            text=text,
        )

    def read(self, tree: str) -> Tree:
        """List what a tree holds."""
        found = {}
        for line in fields(self.git("ls-tree", "-r", "-z", tree)):
            information, path = line.split("\t", 1)
            mode, _, blob = information.split(" ")
            found[path] = mode, blob
        return found

    def store(self, folder: Path, prefix: str) -> Tree:
        """Store the files of a folder as they are; the prefix comes before their paths."""
        files = sorted(path for path in folder.rglob("*") if path.is_symlink() or path.is_file())
        plain = "".join(f"{path}\n" for path in files if not path.is_symlink())
        blobs = iter(
            self.git("hash-object", "-w", "--no-filters", "--stdin-paths", text=plain).splitlines()
        )
        tree = {}
        for path in files:
            if path.is_symlink():
                blob = self.git(
                    "hash-object", "-w", "--stdin", text=path.readlink().as_posix()
                ).strip()
                entry = "120000", blob
            else:
                entry = "100755" if path.stat().st_mode & 0o100 else "100644", next(blobs)
            tree[prefix + path.relative_to(folder).as_posix()] = entry
        return tree

    def index(self, tree: Tree, name: str) -> Path:
        """Write an index that holds a tree."""
        path = self.folder / name
        lines = "".join(f"{mode} {blob}\t{path}\0" for path, (mode, blob) in tree.items())
        self.git("update-index", "-z", "--index-info", text=lines, GIT_INDEX_FILE=str(path))
        return path

    def commit(self, name: str, tree: Tree, parent: str = "", message: str = "-") -> str:
        """Commit a tree to a branch, whose name conflict markers will show."""
        root = self.git("write-tree", GIT_INDEX_FILE=str(self.index(tree, f"{name}.index"))).strip()
        found = re.match(r"(.*) <(.*)>", git("var", "GIT_AUTHOR_IDENT", check=False))
        user, address = found.groups() if found else ("Copier", "copier")
        env = {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", user), ("EMAIL", address))}  # fmt: skip
        parents = ("-p", parent) if parent else ()
        commit = self.git("commit-tree", root, *parents, "-m", message, **env).strip()
        self.git("update-ref", f"refs/heads/{name}", commit)
        return commit

    def merge(self, ours: str, theirs: str) -> tuple[Tree, dict[str, list[Stage]]]:
        """Merge two branches.

        Returns:
            The merged tree, with markers where they clash, and the stages of each path that clashes.
        """
        command = "merge-tree", "--write-tree", "-z", "--messages", ours, theirs
        result = run("git", *(part for name, value in NEUTRAL.items() for part in ("-c", f"{name}={value}")),
                     f"--git-dir={self.folder}", *command, cwd=self.folder, env=self.env, check=False)  # fmt: skip
        if result.returncode not in (0, 1):
            raise RefusalError(f"git merge-tree failed: {result.stderr.strip()}")
        printed = fields(result.stdout)
        end = printed.index("") if "" in printed else len(printed)
        stages: dict[str, list[Stage]] = {}
        for line in printed[1:end]:
            information, path = line.split("\t", 1)
            mode, blob, stage = information.split(" ")
            stages.setdefault(path, []).append((mode, blob, stage))
        for before, kind in zip(printed[end:], printed[end + 1 :], strict=False):
            if kind == "CONFLICT (file/directory)":
                raise RefusalError(
                    f"{before} is a file on one side and a folder on the other, yours and the new version's: rename "
                    f"yours first."
                )
        return self.read(printed[0]), stages


class Render:
    """One version of the template with one set of answers."""

    def __init__(
        self, address: str, version: str, answers: Mapping[str, Any], folder: Path
    ) -> None:
        """Render it into a folder; none of its tasks or migrations run."""
        import copier

        data = {name: value for name, value in answers.items() if not name.startswith("_")}
        options: dict[str, Any] = {
            "defaults": True,
            "quiet": True,
            "unsafe": True,
            "skip_tasks": True,
        }
        try:
            worker = copier.run_copy(address, folder, data=data, vcs_ref=version, **options)
        except Exception as error:
            reason = " ".join(str(error).split())
            raise RefusalError(
                f"The template cannot be rendered at version {version}: {reason}"
            ) from error
        self.folder = folder
        self.given_once = [
            name[1:] for name in worker.template.skip_if_exists if name.startswith("/")
        ]


def given_once(*renders: Render) -> Callable[[str], bool]:
    """Tell which files were given to the owner once, by what either version says."""
    names = {name for render in renders for name in render.given_once}
    parts = "|".join(re.escape(name).replace(r"\*", "[^/]*") for name in sorted(names))
    return re.compile(rf"(?:{parts})(?:/.*)?", re.DOTALL).fullmatch  # type: ignore[return-value]


def checked_answers(text: str, name: str) -> dict[str, Any]:
    """Read the answers that the project was made from.

    Args:
        text: The answers file of the last commit.
        name: How it is called.

    Returns:
        The answers.
    """
    import yaml

    answers: dict[str, Any] = yaml.safe_load(text)
    counted = {name: value for name, value in answers.items() if name != "_src_path"}
    digest = hashlib.sha256(json.dumps(counted, sort_keys=True, default=str).encode()).hexdigest()
    checksum = re.search(r"^# checksum: (\w+)", text, re.MULTILINE)
    if checksum and not digest.startswith(checksum[1]):
        raise RefusalError(
            f"{name} was edited by hand, so nobody knows what the project was made from: restore it from Git, and "
            f"change answers with `--data`. If you are sure that its answers describe the project as it is, delete "
            f"the line with the checksum."
        )
    return answers


def check_answers(
    old: Mapping[str, Any], new: Mapping[str, Any], request: Mapping[str, Any]
) -> None:
    """Refuse answers that cannot change, or that Copier changed by itself."""
    for name in ("package_name", "module_name"):
        if new.get(name) != old.get(name):
            raise RefusalError(
                f"Keep {old.get(name)}: your source files have this {name.replace('_', ' ')}, so an update cannot "
                f"change it; rename by hand."
            )
    for name, answer in old.items():
        given = name in request["data"] or name.startswith("_") or not request["defaults"]
        if not given and new.get(name, answer) != answer:
            raise RefusalError(
                f"This version of the template no longer takes {answer!r} for {name}: choose an answer with "
                f"--data '{name}=...'."
            )


def pick(
    ours: Tree, old: Tree, asked: Tree, new: Tree, given: Callable[[str], bool]
) -> tuple[Tree, Tree]:
    """Build the two trees whose difference the project gets.

    A file that was given once is left out of it: in both trees it is as the owner has it. Only another answer changes
    it, as when the licence is another one now, or brings it, or takes it away if the owner has not changed it.

    Args:
        ours: The project.
        old: The old version with the old answers.
        asked: The new version with the old answers.
        new: The new version with the new answers.
        given: Tells what was given once.

    Returns:
        Both trees.
    """
    base, theirs = dict(old), dict(new)
    for path in filter(given, {*old, *asked, *new}):
        mine, before, after = ours.get(path), asked.get(path), new.get(path)
        pair = mine, mine
        if before != after:
            if mine == before or (mine and mine == old.get(path)):
                pair = mine, after
            elif mine and before and after:
                pair = before, after
        for tree, entry in zip((base, theirs), pair, strict=True):
            tree.pop(path, None)
            if entry:
                tree[path] = entry
    return base, theirs


class Project:
    """The working tree and the index of the owner."""

    def __init__(self) -> None:
        """Look at the repository of the current folder."""
        self.top = Path(git("rev-parse", "--show-toplevel").removesuffix("\n"))
        self.prefix = git("rev-parse", "--show-prefix").removesuffix("\n")
        flags = [
            line.split(" ", 1)
            for line in fields(git("ls-files", "-v", "-z", "--full-name", cwd=self.top))
        ]
        self.skipped = {path for flag, path in flags if flag in "Ss"}
        self.unseen = {path for flag, path in flags if flag.islower() or flag == "S"}

    def check(self, before: Tree, after: Tree) -> None:
        """Refuse to write where something stands that Git does not know, or does not look at."""
        gone = before.keys() - after.keys()
        for path in sorted(
            self.unseen & {path for path in before if before[path] != after.get(path)}
        ):
            if not (self.top / path).is_file():
                if path in self.skipped:
                    continue
            elif (
                git("hash-object", f"--path={path}", "--", path, cwd=self.top).strip()
                == before[path][1]
            ):
                continue
            raise RefusalError(
                f"You changed {path}, and Git does not look at it: run `git update-index --no-assume-unchanged "
                f"--no-skip-worktree -- {path}`, then commit or stash the change."
            )
        for path in sorted(after.keys() - before.keys()):
            if found := self.obstacle(path, gone):
                raise RefusalError(
                    f"The new version has {path}, and Git does not know your {found}, so it could not bring it back: "
                    f"rename it, or add it with `git add --force` and commit."
                )

    def obstacle(self, path: str, gone: set[str]) -> str:
        """Name what stands in the place of a new file, if Git does not take it away."""
        for folder in reversed(PurePosixPath(path).parents[:-1]):
            place = self.top / folder
            if place.is_symlink() or place.is_file():
                return "" if str(folder) in gone else str(folder)
        place = self.top / path
        if place.is_symlink() or place.is_file():
            return path
        below = (
            Path(folder, name)
            for folder, folders, files in os.walk(place)
            for name in (*folders, *files)
        )
        found = (
            item.relative_to(self.top).as_posix()
            for item in below
            if item.is_symlink() or item.is_file()
        )
        return next((name for name in found if name not in gone), "")

    def write(
        self, before: Tree, after: Tree, stages: Mapping[str, list[Stage]], index: Path, last: str
    ) -> None:
        """Change the index, then the files.

        Args:
            before: The tree of HEAD.
            after: The merged tree.
            stages: The stages of what is unmerged.
            index: An index with the merged tree, to write files from.
            last: The file to write last.
        """
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        gone = sorted(changed - after.keys())
        lines = [f"0 {NO_OBJECT}\t{path}" for path in [*gone, *stages]]
        lines += [
            f"{' '.join(after[path])}\t{path}" for path in sorted(changed - stages.keys() - {*gone})
        ]
        lines += [f"{' '.join(stage)}\t{path}" for path, found in stages.items() for stage in found]
        git(
            "update-index",
            "-z",
            "--index-info",
            text="".join(f"{line}\0" for line in lines),
            cwd=self.top,
        )
        absent = {
            path
            for path in self.skipped & (changed - stages.keys() - {*gone})
            if not (self.top / path).exists()
        }
        if absent:
            names = "".join(f"{path}\0" for path in sorted(absent))
            git("update-index", "-z", "--skip-worktree", "--stdin", text=names, cwd=self.top)
        for path in gone:
            (self.top / path).unlink(missing_ok=True)
            with suppress(OSError):  # until a folder is not empty
                for folder in PurePosixPath(path).parents[:-1]:
                    (self.top / folder).rmdir()
        # Attributes first, since they say how to write the others.
        order = sorted(
            changed - {*gone} - absent,
            key=lambda path: (path == last, ".gitattributes" not in path, path),
        )
        names = "".join(f"{path}\0" for path in order)
        git(
            "checkout-index",
            "--force",
            "-z",
            "--stdin",
            text=names,
            cwd=self.top,
            env={"GIT_INDEX_FILE": str(index)},
        )
        git("update-index", "-q", "--refresh", cwd=self.top, check=False)


def news(changelog: Path, old: str, new: str) -> str:
    """Return the sections of the template's changelog between two versions."""
    text = changelog.read_text("utf-8") if changelog.is_file() else ""
    sections = re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]
    titles = [section.split()[1] for section in sections]
    if old == new or old not in titles or new not in titles:
        return ""
    return "".join(sections[titles.index(new) : titles.index(old)]).strip()


def locks() -> Iterator[tuple[str, list[str]]]:
    """Name the lock files that Git knows, and the command that brings each in line."""
    for name, command in (
        (
            "crates/Cargo.lock",
            ["cargo", "update", "--workspace", "--quiet", "--manifest-path", "crates/Cargo.toml"],
        ),
        ("uv.lock", ["uv", "lock", "--quiet"]),
    ):
        if git("ls-files", "--", name):
            yield name, command


def lock() -> Iterator[str]:
    """Bring the lock files in line; yield the commands that are left to do."""
    for name, command in locks():
        offline = [[*command, "--offline"], command]
        if shutil.which(command[0]) and any(
            not run(*each, check=False).returncode for each in offline
        ):
            git("add", "--", name)
        else:
            yield " ".join(command)


def update(request: Mapping[str, Any], template: Path) -> None:
    """Update the project in the current folder.

    Args:
        request: What Copier knows; see `answers.py`.
        template: The new version of the template.
    """
    name, answers = request["answers_file"], request["answers"]
    last = checked_answers(git("show", f"HEAD:./{name}"), name)
    check_answers(last, answers, request)
    version = answers["_commit"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        project = Project()
        objects = Objects(folder / "git")
        old = Render(last["_src_path"], last["_commit"], last, folder / "old")
        new = asked = Render(
            last["_src_path"], request["version"] or version, answers, folder / "new"
        )
        if {**last, **{key: answers[key] for key in answers if key.startswith("_")}} != answers:
            with suppress(RefusalError):  # an old answer that the new version does not take
                asked = Render(
                    last["_src_path"], request["version"] or version, last, folder / "asked"
                )
        head = objects.read(git("rev-parse", "HEAD^{tree}").strip())
        inside = {path: entry for path, entry in head.items() if path.startswith(project.prefix)}
        outside = {path: entry for path, entry in head.items() if path not in inside}
        is_given = given_once(old, new)
        base, theirs = pick(
            inside,
            *(objects.store(render.folder, project.prefix) for render in (old, asked, new)),
            lambda path: bool(is_given(path.removeprefix(project.prefix))),
        )
        title = f"template-{re.sub(r'[^0-9A-Za-z.-]', '-', version)}"
        root = objects.commit("base", {**outside, **base})
        picked = objects.commit(
            title, {**outside, **theirs}, root, f"build: update the template to {version}"
        )
        objects.commit("yours", head, root)
        merged, stages = objects.merge("yours", title)
        # What the owner deleted stays deleted: there is a base and theirs, but no ours.
        deleted = sorted(
            path for path, found in stages.items() if [stage for *_, stage in found] == ["1", "3"]
        )
        for path in deleted:
            del stages[path]
            merged.pop(path, None)
        project.check(head, merged)
        if merged == head and not stages:
            print(f"Nothing to update: this is version {version} of the template.")
            return
        git("update-ref", "CHERRY_PICK_HEAD", picked)
        git_path("MERGE_MSG").write_text(f"build: update the template to {version}\n", "utf-8")
        try:
            index = objects.index(
                {path: merged[path] for path in merged if head.get(path) != merged[path]}, "files"
            )
            project.write(head, merged, stages, index, project.prefix + name)
        except (RefusalError, OSError) as error:
            raise RefusalError(f"The update stopped half-way: {error}\n{BACK}") from error
    report(last["_commit"], version, template, deleted, stages)


def report(
    old: str, new: str, template: Path, deleted: list[str], stages: Mapping[str, list[Stage]]
) -> None:
    """Tell what happened, and bring the lock files in line if nothing clashes."""
    if changes := news(template / "CHANGELOG.md", old, new):
        print(f"What changed in the template:\n\n{changes}\n")
    if deleted:
        print(
            f"You had deleted what the new version changed, and it stays deleted: {', '.join(deleted)}"
        )
    if stages:
        listed = "".join(f"    {path}\n" for path in sorted(stages))
        left = " && ".join(" ".join(command) for _, command in locks())
        raise RefusalError(
            f"These files have conflicts, your version and the template's:\n{listed}"
            f"Edit each of them, then `git add` it, or `git rm` it if you do without.{left and f' Then: {left}'}\n{BACK}"
        )
    git("update-ref", "-d", "CHERRY_PICK_HEAD")
    left = list(lock())
    print(
        f"The project has version {new} of its template now. See `git diff HEAD`, run `make test`, then commit. {BACK}"
    )
    for command in left:
        print(f"Left to do, since it failed here: {command}")


def main(stage: str, request: str) -> int:
    """Run one of the two stages.

    Args:
        stage: Copier's name for it: before or after.
        request: Path of the file that holds what Copier knows.

    Returns:
        The exit status.
    """
    warnings.simplefilter("ignore")
    sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        if stage == "before":
            refuse_what_copier_cannot_survive()
        else:
            path = Path(request)
            update(json.loads(path.read_text("utf-8")), path.parents[1])
    except RefusalError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

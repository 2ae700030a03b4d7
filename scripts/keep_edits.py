"""Keeps the owner's edits where Copier drops them.

`copier update` runs this in the project when everything else is done. Copier deletes a file that a new version
of the template renamed or no longer has, whatever the owner changed in it. Here the edit moves into the renamed
file, or the file comes back as a conflict. So does a binary file of the owner's, which Copier overwrites. Most
updates do neither, and end at the first lines of `main`.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NO_FILE = "0" * 40


def git(*arguments: str | Path, cwd: Path | None = None, text: str | None = None) -> str:
    """Run Git in the project and return what it printed."""
    command = [
        "git",
        "-c",
        f"core.hooksPath={os.devnull}",
        "-c",
        "core.quotePath=false",
        *map(str, arguments),
    ]
    result = subprocess.run(
        command, cwd=cwd, input=text, capture_output=True, check=True, encoding="utf-8"
    )
    return result.stdout


def deleted() -> list[str]:
    """List the files of the last commit that are gone now."""
    listed = git(
        "diff", "--name-only", "-z", "--no-renames", "--relative", "--diff-filter=D", "HEAD"
    )
    return listed.split("\0")[:-1]


def overwritten() -> list[str]:
    """List the files of the last commit that changed and were or are binary."""
    listed = git("diff", "--numstat", "-z", "--no-renames", "--relative", "--diff-filter=M", "HEAD")
    return [line.split("\t")[2] for line in listed.split("\0")[:-1] if line.startswith("-")]


def render(answers: dict[str, Any], folder: Path) -> Path:
    """Render the template as it was when these answers were written."""
    import copier

    copier.run_copy(
        answers["_src_path"],
        folder,
        data={name: value for name, value in answers.items() if not name.startswith("_")},
        vcs_ref=answers["_commit"],
        defaults=True,
        quiet=True,
        unsafe=True,  # this very update ran with the user's trust in the template
    )
    return folder


def blob(path: Path, name: str) -> str:
    """Store a file in the project's repository, with line ends as Git keeps them, and return its id."""
    return git("hash-object", "-w", f"--path={name}", path.absolute()).strip()


def renames(old: Path, new: Path, folder: Path) -> dict[str, str]:
    """Find the files that have another name in the new version."""
    for message, tree in (("old", old), ("new", new)):
        command = (f"--git-dir={folder / '.git'}", f"--work-tree={tree}")
        if message == "old":
            git(*command, "init", "--quiet")
        git(*command, "add", "--all", "--force")
        git(
            *command, "-c", "user.name=-", "-c", "user.email=-", "-c", "commit.gpgSign=false",
            "commit", "--quiet", "--allow-empty", f"--message={message}",
        )  # fmt: skip
    fields = git(
        f"--git-dir={folder / '.git'}", "diff", "-z", "--name-status", "--find-renames",
        "--diff-filter=R", "HEAD~", "HEAD",
    ).split("\0")  # fmt: skip
    return dict(zip(fields[1::3], fields[2::3], strict=False))


def conflict(name: str, mode: str, base: str, ours: str, theirs: str = "") -> None:
    """Record a conflict, as `git merge` does: base, ours and theirs."""
    path = git("rev-parse", "--show-prefix").strip() + name
    lines = [f"0 {NO_FILE}\t{path}", f"{mode} {base} 1\t{path}", f"{mode} {ours} 2\t{path}"]
    if theirs:
        lines.append(f"{mode} {theirs} 3\t{path}")
    git("update-index", "--index-info", text="\n".join(lines) + "\n")


def move(name: str, target: str, old: Path, new: Path) -> bool:
    """Merge an edit into the file that now has another name.

    Returns:
        Whether that was possible.
    """
    ours = subprocess.run(["git", "show", f"HEAD:./{name}"], capture_output=True, check=True).stdout
    destination = Path(target)
    if b"\0" in ours or not destination.is_file():
        return False
    if destination.read_bytes() != (new / target).read_bytes():
        return False  # the owner had a file of that name
    with tempfile.TemporaryDirectory() as folder:
        edited = Path(folder, "edited")
        edited.write_bytes(ours)
        merged = subprocess.run(
            ["git", "merge-file", "-p", "-L", "before updating", "-L", "last update", "-L", "after updating",
             edited, old / name, new / target],
            capture_output=True,
        )  # fmt: skip
        if not 0 <= merged.returncode < 128:
            return False
        destination.write_bytes(merged.stdout)
        if merged.returncode:
            mode = git("ls-tree", "HEAD", "--", name).split()[0]
            conflict(
                target,
                mode,
                blob(old / name, name),
                blob(edited, target),
                blob(new / target, target),
            )
    print(f"Your changes of {name} moved to {target}.", file=sys.stderr)
    return True


def keep_binary(name: str, old: Path, new: Path) -> None:
    """Bring back the owner's version; a conflict if the template changed the file as well."""
    git("checkout", "HEAD", "--", name)
    bases = [blob(root / name, name) if (root / name).is_file() else "" for root in (old, new)]
    if all(bases) and bases[0] != bases[1]:
        mode, _, ours = git("ls-tree", "HEAD", "--", name).split("\t")[0].split()
        conflict(name, mode, bases[0], ours, bases[1])


def edits(names: list[str], old: Path) -> Iterator[str]:
    """Filter the files that differ from what the template made."""
    for name in names:
        mode, _, ours = git("ls-tree", "HEAD", "--", name).split("\t")[0].split()
        if mode == "120000" or not (old / name).is_file() or blob(old / name, name) != ours:
            yield name


def main(answers_file: str) -> None:
    """Compare what is gone with what the old version of the template had made.

    Args:
        answers_file: Path of Copier's file in the project.
    """
    binaries = overwritten()
    names = [*deleted(), *binaries]
    if not names:
        return
    import yaml

    last = yaml.safe_load(git("show", f"HEAD:./{answers_file}"))
    current = yaml.safe_load(Path(answers_file).read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        old = render(last, Path(folder, "old"))
        names = list(edits(names, old))
        if not names:
            return
        new = render(current, Path(folder, "new"))
        targets = renames(old, new, Path(folder))
        for name in names:
            if name in binaries:
                keep_binary(name, old, new)
                continue
            if name in targets and move(name, targets[name], old, new):
                continue
            git("checkout", "HEAD", "--", name)
            if (old / name).is_file():
                mode, _, ours = git("ls-tree", "HEAD", "--", name).split("\t")[0].split()
                conflict(name, mode, blob(old / name, name), ours)
                print(
                    f"You changed {name}, which the template no longer has: keep it with `git add`, "
                    f"or drop it with `git rm`.",
                    file=sys.stderr,
                )


if __name__ == "__main__":
    main(sys.argv[1])

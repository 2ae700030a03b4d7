"""Compares `copier update` of a default project with Copier's own update of the same template.

The other template lacks what makes the update ours: the migration that runs `update/engine.py`, and the exclusion
that keeps Copier from writing. Both take turns, and medians are compared, so that a busy machine is unfair to none.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
COPIER = Path(sys.executable).with_name("copier")
OPTIONS = ("--trust", "--defaults", "--quiet")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command that must succeed, and return what it printed."""
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    if result.returncode:
        sys.exit(result.stdout + result.stderr)
    return result.stdout


def commit(folder: Path, tag: str) -> None:
    """Commit everything in a folder, and tag it as a version."""
    if not (folder / ".git").exists():
        run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", "--force", cwd=folder)
    run("git", "commit", "--quiet", "--no-verify", "--allow-empty", "--message=x", cwd=folder)
    run("git", "tag", "--annotate", f"--message={tag}", tag, cwd=folder)


def make_plain(template: Path) -> None:
    """Let Copier update by itself."""
    path = template / "copier.yml"
    settings = yaml.safe_load(path.read_text("utf-8"))
    del settings["_migrations"]
    settings["_exclude"] = [name for name in settings["_exclude"] if "'*' if" not in name]
    path.write_text(yaml.safe_dump(settings, sort_keys=False), "utf-8")


def prepare(template: Path, project: Path) -> None:
    """Make two versions of a template, and a project of the first."""
    commit(template, "v1.0.0")
    run(COPIER, "copy", *OPTIONS, template, project, cwd=template)
    commit(project, "start")
    for name in ("MANIFEST.in", "setup.py"):
        with (template / "template" / name).open("a", encoding="utf-8") as file:
            file.write("# new\n")
    commit(template, "v2.0.0")


def seconds(project: Path, copy: Path) -> float:
    """Measure one update of a fresh copy of the project."""
    shutil.copytree(project, copy, symlinks=True)
    started = time.perf_counter()
    run(COPIER, "update", *OPTIONS, cwd=copy)
    taken = time.perf_counter() - started
    assert "# new" in (copy / "setup.py").read_text("utf-8")
    shutil.rmtree(copy)
    return taken


def main(rounds: int) -> None:
    """Print both medians and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        ours, plain = Path(folder, "ours"), Path(folder, "plain")
        listed = run(
            "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT
        )
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (ours / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, ours / name)
        shutil.copytree(ours, plain)
        make_plain(plain)
        times: dict[Path, list[float]] = {ours: [], plain: []}
        for template in times:
            prepare(template, Path(folder, f"{template.name}-project"))
        for _ in range(rounds):
            for template, taken in times.items():
                taken.append(
                    seconds(Path(folder, f"{template.name}-project"), Path(folder, "copy"))
                )
        medians = {template: statistics.median(taken) for template, taken in times.items()}
        print(f"copier update, median of {rounds}:")
        print(f"  this template   {medians[ours]:.2f} s")
        print(f"  Copier alone    {medians[plain]:.2f} s")
        print(f"  ratio           {medians[ours] / medians[plain]:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)

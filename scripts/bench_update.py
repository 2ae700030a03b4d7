"""Compares `copier update` of a default project with Copier's own cost.

The other template has the same files and the same questions. It does without extensions, and so without
escapes, validators, defaults from Git, and the checks before and after an update.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
SETTINGS = """_subdirectory: template
_answers_file: .copier-answers.yml
_envops: {keep_trailing_newline: true, lstrip_blocks: true, trim_blocks: true}
"""
ANSWERS = "# Kept by Copier\n{{ _copier_answers | to_nice_yaml -}}\n"


def run(*command: str | Path, cwd: Path) -> None:
    """Run a command that must succeed."""
    result = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True
    )
    if result.returncode:
        sys.exit(result.stdout + result.stderr)


def commit(folder: Path, tag: str = "") -> None:
    """Commit everything in a folder, and tag it as a version."""
    if not (folder / ".git").exists():
        run("git", "init", "--quiet", cwd=folder)
    run("git", "add", "--all", "--force", cwd=folder)
    run("git", "commit", "--quiet", "--no-verify", "--allow-empty", "--message=x", cwd=folder)
    if tag:
        run("git", "tag", "--annotate", f"--message={tag}", tag, cwd=folder)


def plain_twin(template: Path, twin: Path) -> None:
    """Write the template without what the extensions add."""

    def plain(text: str) -> str:
        text = re.sub(r" \| (?:markdown|html)\b", "", text)
        return text.replace("spdx_ids(license)", "[license]")

    for path in template.rglob("*"):
        if path.is_dir():
            continue
        target = twin / "template" / plain(path.relative_to(template).as_posix())
        target.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text("utf-8")
        target.write_text(plain(text) if path.suffix == ".jinja" else text, "utf-8")
        shutil.copymode(path, target)
    (twin / "template/{{ _copier_conf.answers_file }}.jinja").write_text(ANSWERS, "utf-8")
    shutil.copytree(ROOT / "macros", twin / "macros")
    shutil.copytree(ROOT / "licenses", twin / "licenses")
    # The same questions, since each is asked three times.
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    questions = {name: value for name, value in settings.items() if not name.startswith("_")}
    for question in questions.values():
        question.pop("validator", None)
        if "{{" in str(question["default"]):
            question["default"] = "demo"
    (twin / "copier.yml").write_text(SETTINGS + yaml.safe_dump(questions, sort_keys=False), "utf-8")


def cpu() -> float:
    """Return the processor time of all finished children, which other programs disturb least."""
    times = os.times()
    return times.children_user + times.children_system


def seconds(project: Path, copy: Path) -> float:
    """Measure the processor time of one update of a fresh copy of the project."""
    shutil.copytree(project, copy, symlinks=True)
    started = cpu()
    run(
        Path(sys.executable).with_name("copier"),
        "update",
        "--trust",
        "--defaults",
        "--quiet",
        cwd=copy,
    )
    taken = cpu() - started
    shutil.rmtree(copy)
    return taken


def main(rounds: int) -> None:
    """Print the medians of both templates, measured in turns, and their ratio."""
    copier = Path(sys.executable).with_name("copier")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        ours, twin = root / "ours", root / "twin"
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.split("\0")  # fmt: skip
        for name in filter(None, listed):
            if (ROOT / name).is_file():
                (ours / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, ours / name)
        commit(ours, "v1.0.0")
        times: dict[str, list[float]] = {}
        projects: dict[Path, Path] = {}
        for template in (ours, twin):
            if template == twin:
                plain_twin(ours / "template", twin)
                commit(twin, "v1.0.0")
            projects[template] = root / f"{template.name}-project"
            run(
                copier,
                "copy",
                "--trust",
                "--defaults",
                "--quiet",
                template,
                projects[template],
                cwd=root,
            )
            commit(projects[template])
            for name in ("MANIFEST.in", "setup.py"):
                with (template / "template" / name).open("a") as file:
                    file.write("# new\n")
            commit(template, "v2.0.0")
            seconds(projects[template], root / "warm")
        for _ in range(rounds):
            for template in (ours, twin):
                taken = seconds(projects[template], root / "copy")
                times.setdefault(template.name, []).append(taken)
        medians = {name: statistics.median(values) for name, values in times.items()}
        files = sum(path.is_file() for path in (twin / "template").rglob("*"))
        print(f"copier update, {files} files, median of {rounds}:")
        print(f"  this template        {medians['ours']:.2f} s")
        print(f"  without extensions   {medians['twin']:.2f} s")
        print(f"  ratio                {medians['ours'] / medians['twin']:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)

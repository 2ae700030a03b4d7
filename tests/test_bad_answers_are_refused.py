"""A bad answer writes no file, and the last line says what to type."""

import os
import pty
import re
import select
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from project import run

BAD = [
    ("project_name", "  ", "1 to 300 characters"),
    ("project_name", "two\nlines", "one line, all of it visible"),
    ("project_name", "abc\u202etxt", "without U+202E"),
    ("package_name", "class!", "letters"),
    ("package_name", "json", "json-rs"),
    ("package_name", "fast-math\n", "letters"),
    ("module_name", "class", "class_rs"),
    ("module_name", "match", "match_rs"),
    ("module_name", "con", "con_rs"),
    ("module_name", "Fast", "lower-case"),
    ("description", "bell\a", "without U+0007"),
    ("author_name", "", "1 to 300 characters"),
    ("author_email", "ada(at)example.org", "ada@example.org"),
    ("github_owner", "-octo", "like octocat"),
    ("license", "WTFPL", "'MIT'"),
    ("python_min", "2.7", "'3.11'"),
    ("features", "[docs, blog]", "'docs'"),
    ("features", "docs, pypi", 'type --data "features=[docs, pypi]"'),
    ("features", "[docs", 'type --data "features=[docs]"'),
    ("features", "", 'type --data "features=[]"'),
    ("package-name", "fast-math", "The questions are: project_name, package_name, module_name, "),
    ("newest_minor", "20", "No question is called newest_minor."),
]


@pytest.mark.slow
@pytest.mark.parametrize(("question", "answer", "hint"), BAD)
def test_on_the_command_line(
    template: Path, tmp_path: Path, question: str, answer: str, hint: str
) -> None:
    project = tmp_path / "project"
    result = run(
        *("copier", "copy", "--trust", "--defaults", "--quiet", "--data", "project_name=Demo"),
        *("--data", f"{question}={answer}", template, project),
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode != 0
    last_line = result.stdout.rstrip().splitlines()[-1]
    assert question in last_line
    assert hint in last_line
    assert not project.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("features:", 'features is a list: type --data "features=[]".'),
        ("features: true", 'features is a list: type --data "features=[]".'),
        ("features: '{docs: 1, pypi: 2}'", 'features is a list: type --data "features=[docs, pypi]".'),
        ("features: {docs: false, pypi: true}", 'features is a list: type --data "features=[pypi]".'),
        ("license: {MIT: true}", "license is text: "),
        ('features: "[docs,\\n pypi]"\nlicense: {MIT: true}', "license is text: "),
        ("author_email:", 'author_email is text: type --data "author_email=...", or "author_email=" if it is empty.'),
        ("project_name: [a, b]", "project_name is text: "),
        ("pkg: x", "No question is called pkg."),
    ],
)  # fmt: skip
def test_in_a_file(template: Path, tmp_path: Path, text: str, said: str) -> None:
    """Before anything is asked, since what was typed by then would be lost."""
    (tmp_path / "answers.yml").write_text(text)
    command = "copier", "copy", "--trust", "--data-file=answers.yml", template, "project"
    result = run(*command, cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith(said)
    assert "Traceback" not in result.stdout
    assert not (tmp_path / "project").exists()


@pytest.mark.slow
def test_in_the_answers_of_another_project(template: Path, tmp_path: Path) -> None:
    (tmp_path / "answers.yml").write_text("_commit: v1\n_src_path: /nowhere\npkg: x\n")
    command = "copier", "copy", "--trust", "--defaults", "--data-file=answers.yml"
    result = run(*command, template, "project", cwd=tmp_path, check=False)
    assert result.stdout.splitlines()[-1].startswith("No question is called pkg.")
    assert not (tmp_path / "project").exists()


@pytest.mark.slow
def test_answers_of_another_template_stay(template: Path, tmp_path: Path) -> None:
    """Copier asks before it overwrites a file, but for this one."""
    answers = tmp_path / ".copier-answers.yml"
    answers.write_text(others := "_commit: v9\n_src_path: gh:x/y\nlicense: Proprietary\n")
    command = "copier", "copy", "--trust", template, "."
    result = run(*command, cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert result.stdout.startswith(".copier-answers.yml belongs to another template")
    assert [*tmp_path.iterdir()] == [answers]
    assert answers.read_text() == others
    name = re.findall(r"\.copier-answers\.\w+\.yml", result.stdout)[0]
    run(*command, "--defaults", "--quiet", f"--answers-file={name}", cwd=tmp_path)
    assert answers.read_text() == others
    assert "license: MIT\n" in (tmp_path / name).read_text("utf-8")


@pytest.mark.slow
def test_file_in_the_place_of_the_folder_is_named(template: Path, tmp_path: Path) -> None:
    (tmp_path / "project").write_text("mine")
    command = "copier", "copy", "--trust", "--defaults", template, "project"
    result = run(*command, cwd=tmp_path, check=False)
    assert result.returncode
    assert result.stdout.splitlines()[-1] == "project is a file: type the name of a folder."
    assert (tmp_path / "project").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [".bob's.yml", 'a"b.yml', "a\tb.yml", "a#b.yml", "-a.yml", "a$b.yml", "a`b.yml", r"a\\b.yml"],
)
def test_answers_file_of_a_difficult_name_is_refused(
    template: Path, tmp_path: Path, name: str
) -> None:
    """Tasks, workflows and texts name it, each with quotes of its own."""
    command = "copier", "copy", "--trust", "--defaults", f"--answers-file={name}"
    result = run(*command, template, "project", cwd=tmp_path, check=False)
    said = f"The answers file cannot be called {name}: type letters, digits, dots and dashes."
    assert result.stdout.splitlines()[-1] == said
    assert not (tmp_path / "project").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("scripts", Path.touch, "Your scripts is no folder, as in the template: rename it"),
        ("docs", lambda path: path.symlink_to("nowhere"), "Your docs is no folder"),
        ("src", lambda path: path.symlink_to("/"), "Your src is a link to another place"),
        ("Makefile", Path.mkdir, "Your Makefile is a folder, and a file in the template"),
        (
            "src/fast_math/__init__.py",
            lambda path: path.mkdir(parents=True),
            "Your src/fast_math/__init__.py is a",
        ),
    ],
)
def test_files_and_folders_of_one_name(
    template: Path, tmp_path: Path, name: str, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / name)
    before = [*tmp_path.rglob("*")]
    options = "--trust", "--defaults", "--data=package_name=fast-math"
    result = run("copier", "copy", *options, template, ".", cwd=tmp_path, check=False)
    assert result.returncode == 1
    assert result.stdout.splitlines()[-1].startswith(said)
    assert "Traceback" not in result.stdout
    assert [*tmp_path.rglob("*")] == before


def test_at_the_prompt(template: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    pid, terminal = pty.fork()
    if pid == 0:  # the child, which sees a terminal
        os.environ["TERM"] = "xterm"
        os.execvp("copier", ["copier", "copy", "--trust", str(template), str(project)])
    screen = ""
    typed = False
    deadline = time.monotonic() + 30
    while "Use text without U+202E" not in screen and time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            screen += os.read(terminal, 4096).decode(errors="replace")
        if "Title of the project" in screen and not typed:
            os.write(terminal, b"\x01\x0bend\xe2\x80\xae\r")  # to the start, clear, "end" + U+202E
            typed = True
    os.write(terminal, b"\x03")
    os.waitpid(pid, 0)
    assert "Use text without U+202E" in screen
    assert not project.exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("folder", "package", "module"),
    [
        ("fast-math", "fast-math", "fast_math"),
        ("json", "json-rs", "json_rs"),
        ("3d tools", "py-3d-tools", "py_3d_tools"),
        ("Größe", "grosse", "grosse"),
        ("快速", "u5feb-u901f", "u5feb_u901f"),
        ("nul", "nul-rs", "nul_rs"),
    ],
)
def test_defaults_need_no_identity_and_suit_any_folder(
    template: Path, tmp_path: Path, folder: str, package: str, module: str
) -> None:
    nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(tmp_path)}
    run(
        *("copier", "copy", "--trust", "--defaults", "--quiet", template, folder),
        cwd=tmp_path,
        env=nobody,
    )
    project = tmp_path / folder
    answers = (project / ".copier-answers.yml").read_text("utf-8")
    assert f"package_name: {package}\n" in answers
    assert (project / "src" / module / "__init__.py").exists()
    assert "contributors\n" in answers
    assert "author_email: ''\n" in answers
    assert "github.com/" not in (project / "pyproject.toml").read_text("utf-8").split("[tool")[0]


def test_unusable_identity_is_left_out(template: Path, tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text(
        f"[user]\n\tname = {'x' * 301}\n\temail = root@localhost\n[github]\n\tuser = -octo\n"
    )
    run(
        *("copier", "copy", "--trust", "--defaults", "--quiet", template, "fast-math"),
        cwd=tmp_path,
        env={"GIT_CONFIG_GLOBAL": str(config)},
    )
    answers = (tmp_path / "fast-math/.copier-answers.yml").read_text("utf-8")
    assert "author_name: Fast Math contributors\n" in answers
    assert "author_email: ''\n" in answers
    assert "github_owner: ''\n" in answers
    for length in (290, 300):  # as long as a title and a name may be
        run(
            *("copier", "copy", "--trust", "--defaults", "--quiet", "--data=package_name=long"),
            *(f"--data=project_name={'x' * length}", template, str(length)),
            cwd=tmp_path,
            env={"GIT_CONFIG_GLOBAL": str(config)},
        )
        answers = (tmp_path / f"{length}/.copier-answers.yml").read_text("utf-8")
        assert f"author_name: {'x' * length}\n" in answers


def test_without_trust_nothing_is_written(template: Path, tmp_path: Path) -> None:
    result = run(*("copier", "copy", "--defaults", template, "project"), cwd=tmp_path, check=False)
    assert result.returncode == 4
    assert "--trust" in result.stdout
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize(
    "env",
    [
        {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"},  # Git has a variable to try that
        {"GIT_DIR": "elsewhere"},
        {"GIT_OBJECT_DIRECTORY": "elsewhere"},
        {},
    ],
    ids=["of another user", "GIT_DIR", "GIT_OBJECT_DIRECTORY", "unpacked"],
)
def test_template_that_git_does_not_read(
    template: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    """Copier would take the files as they are, whatever version is asked for, and could never update the project."""
    if not env:
        template = shutil.copytree(
            template, tmp_path / "my template", ignore=shutil.ignore_patterns(".git")
        )
    result = run(
        *("copier", "copy", "--trust", "--defaults", "--data=project_name=Demo"),
        *(template, "project"),
        cwd=tmp_path,
        env=env,
        check=False,
    )
    assert result.returncode != 0
    assert "Git cannot read the template" in result.stdout.rstrip().splitlines()[-1]
    assert not (tmp_path / "project").exists()
    command = result.stdout.split("`")[1]
    said = run("sh", "-c", command, cwd=tmp_path, env=env, check=False).stdout
    assert said.startswith("fatal: ")
    assert "cannot change to" not in said


def test_edits_of_a_clone_are_rendered(template: Path, tmp_path: Path) -> None:
    """As a maintainer of the template tries them."""
    clone = tmp_path / "clone"
    run("git", "clone", "--quiet", "--shared", template, clone, cwd=tmp_path)
    (clone / "template/NEW.md").write_text("# New\n")
    run(
        *("copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref=HEAD", clone, "project"),
        cwd=tmp_path,
    )
    assert (tmp_path / "project/NEW.md").exists()
    (clone / "template/NEW.md.jinja").write_text("# {{ mispelt }}\n")
    command = "copier", "copy", "--trust", "--defaults", "--quiet", "--vcs-ref=HEAD", clone, "other"
    assert "'mispelt' is undefined" in run(*command, cwd=tmp_path, check=False).stdout

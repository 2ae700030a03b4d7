"""What v0.1.0 lost, hid or did not say: each case that was found, alone."""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any

import pytest
import yaml

from history import History, edit, files, remove, rename, unmerged, update, write
from project import IDENTITY, ROOT, Project, home_with, run, user

pytestmark = pytest.mark.slow(minutes=4)

OWNER = b"# the owner's line\n"
JOB = """  check:
    name: Check
    steps:
      - run: make one
      - run: make two
      - run: make three
"""
Kill = Callable[[Project, int, bool], None]


def lines(word: str) -> str:
    return "".join(f"echo {word} {number}\n" for number in range(20))


@pytest.fixture(scope="module")
def history(template: Path, tmp_path_factory: pytest.TempPathFactory) -> History:
    """Return a template with two versions, which differ in every way that the cases need."""
    history = History.of(template, tmp_path_factory.mktemp("history") / "template")
    history.release(
        write("template/.github/jobs.yml", f"jobs:\n{JOB}"),
        write("template/tools/kept.sh", lines("kept")),
        write("template/tools/gone.sh", lines("gone")),
        write("template/tools/moved.sh", lines("moved")),
        write("template/tools/run", "#!/bin/sh\n"),
        write("template/steps/one.sh", lines("one")),
        write("template/becomes_folder", "a file\n"),
        write("template/becomes_file/one.txt", "a folder\n"),
    )
    history.release(
        edit("template/.github/jobs.yml", "jobs:\n", f"jobs:\n{JOB.replace('check', 'twin', 1)}"),
        edit("template/MANIFEST.in", "# Left over", "# new\n# Left over"),
        edit("template/tools/kept.sh", "kept 3\n", "kept three\n"),
        remove("template/tools/gone.sh"),
        rename("template/tools/moved.sh", "template/tools/there.sh"),
        edit("template/tools/there.sh", "moved 3\n", "moved three\n"),
        lambda root: (root / "template/tools/run").chmod(0o755),
        remove("template/becomes_folder"),
        write("template/becomes_folder/one.txt", "a file\n"),
        remove("template/becomes_file"),
        write("template/becomes_file", "a folder\n"),
        write("template/NEW.md", "# New\n"),
        write("template/steps/two.sh", lines("two")),
    )
    return history


@pytest.fixture(scope="module")
def made(history: History, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the older version."""
    path = tmp_path_factory.mktemp("made") / "project"
    return history.project(path, "v10000.0.0", project_name="Demo")


@pytest.fixture(scope="module")
def fresh(history: History, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of the newer version."""
    path = tmp_path_factory.mktemp("fresh") / "project"
    return history.project(path, "v10001.0.0", project_name="Demo")


@pytest.fixture
def project(made: Project, tmp_path: Path) -> Project:
    """Return a copy that a test may change."""
    return made.copy(tmp_path / "project")


def append(project: Project, name: str, line: bytes = OWNER) -> None:
    with (project.path / name).open("ab") as file:
        file.write(line)


def state(project: Project) -> tuple[dict[str, bytes], str]:
    return files(project), project.git("status", "--porcelain")


def refused(project: Project, sentence: str, **options: Any) -> None:
    """Update in vain: one sentence says why, and nothing changes."""
    before = state(project)
    said = update(project, fails=True, **options)
    assert re.search(sentence, said), said
    assert state(project) == before


def with_git(settings: str, home: Path) -> dict[str, str]:
    """Make a home with settings of Git, and return the variable."""
    return home_with({".gitconfig": IDENTITY + settings}, home)


@pytest.mark.parametrize("way", ["copier", "make"])
def test_clean_project_converges(project: Project, fresh: Project, way: str) -> None:
    """A file becomes a folder, a folder a file, and a script executable."""

    def modes(project: Project) -> dict[str, bool]:
        return {name: os.access(project.path / name, os.X_OK) for name in files(project)}

    said = update(project, way=way)
    assert files(project) == files(fresh)
    assert modes(project) == modes(fresh)
    assert project.read(".copier-answers.yml") == fresh.read(".copier-answers.yml")
    assert "The project has version v10001.0.0 of its template now." in said
    project.commit("build: update")
    assert "Nothing to update." in update(project, way=way)


FILTER = """\
[core]
\tattributesFile = {}
[filter "tabs"]
\tclean = sed 's/^    /~/'
\tsmudge = sed 's/^~/    /'
"""


def test_what_a_filter_of_the_owner_changes_is_no_conflict(
    project: Project, fresh: Project, tmp_path: Path
) -> None:
    """As that of Git LFS, which Git keeps in another form than people see."""
    (tmp_path / "attributes").write_text("*.yml filter=tabs\n*.py filter=tabs\n")
    env = with_git(FILTER.format(tmp_path / "attributes"), tmp_path / "home")
    project.run("git", "add", "--renormalize", ".", env=env)
    project.run("git", "commit", "--quiet", "--no-verify", "--message=feat: tabs", env=env)
    assert "\n~" in project.git("show", "HEAD:.github/jobs.yml")
    update(project, env=env)
    assert files(project) == files(fresh)
    status = project.run("git", "status", "--porcelain", "setup.py", ".github", env=env).stdout
    assert status == "M  .github/jobs.yml\n"


def test_new_file_is_where_the_template_says_though_the_owner_moved_the_others(
    project: Project,
) -> None:
    project.git("mv", "steps", "mine")
    project.commit()
    update(project)
    assert project.read("steps/two.sh") == lines("two")
    assert not (project.path / "mine/two.sh").exists()


def test_bytes_that_are_not_utf8_stay(project: Project) -> None:
    latin = "# größer\n".encode("latin-1")
    for changed in ("MANIFEST.in", ".github/dependabot.yml"):
        append(project, changed, latin)
    project.commit()
    update(project)
    for changed in ("MANIFEST.in", ".github/dependabot.yml"):
        assert (project.path / changed).read_bytes().endswith(latin)
    assert b"# new\n" in (project.path / "MANIFEST.in").read_bytes()


def test_name_that_is_not_utf8_is_named(project: Project) -> None:
    append(project, os.fsdecode("grö.txt".encode("latin-1")))
    project.commit()
    refused(project, "Copier cannot read a name that is not UTF-8")


@pytest.mark.parametrize(
    ("name", "quoted", "way"),
    [
        ("grö.log".encode("latin-1"), "true", "rename it first"),
        ("Büro/a.log".encode(), "false", "run `git config core.quotePath true` first"),
        ("日本.log".encode(), "false", ""),
    ],
)
def test_ignored_name_that_copier_cannot_read_is_named(
    project: Project, name: bytes, quoted: str, way: str
) -> None:
    (project.path / ".git/info/exclude").write_text("*.log\n")
    project.git("config", "core.quotePath", quoted)
    path = project.path / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.touch()
    if way:
        refused(project, f"Copier cannot read the name of your ignored .*: {way}", way="copier")
    else:
        update(project, way="copier")


def test_name_that_copier_cannot_read_unquoted_is_named(project: Project) -> None:
    append(project, "Büro.txt")
    project.commit()
    project.git("config", "core.quotePath", "false")
    refused(project, "Copier cannot read Büro.txt: run `git config core.quotePath true`")


def test_answers_behind_a_link_are_refused(project: Project, tmp_path: Path) -> None:
    answers = project.path / ".copier-answers.yml"
    answers.rename(tmp_path / "answers.yml")
    answers.symlink_to(tmp_path / "answers.yml")
    project.commit()
    refused(project, "answers.yml holds no answers in HEAD: commit the file itself", way="copier")


def test_line_stays_in_its_block_when_the_template_copies_the_block(project: Project) -> None:
    edit(".github/jobs.yml", "make two\n", "make two\n      - run: make mine\n")(project.path)
    project.commit()
    update(project)
    twin, check = project.read(".github/jobs.yml").split("  check:\n")
    assert "twin" in twin
    assert "mine" not in twin
    assert "mine" in check


HOSTILE = """
[apply]
	whitespace = error
[commit]
	gpgSign = true
[gpg]
	program = false
[core]
	attributesFile = {home}/attributes
	excludesFile = {home}/ignored
	ignoreStat = true
	quotePath = true
	splitIndex = true
	whitespace = trailing-space,tab-in-indent,space-before-tab
[color]
	ui = always
[column]
	ui = always
[diff]
	algorithm = patience
	external = false
	noprefix = true
	renames = false
	renameLimit = 1
	ignoreSubmodules = all
[index]
	version = 4
[init]
	templateDir = {home}/template
[merge]
	conflictStyle = zdiff3
	renames = false
	renameLimit = 1
	directoryRenames = true
[merge "ours"]
	driver = true
[status]
	showUntrackedFiles = no
	short = true
	renames = false
"""


@pytest.mark.parametrize("way", ["copier", "make"])
def test_settings_of_git_and_python_change_nothing(
    project: Project, tmp_path: Path, way: str
) -> None:
    append(project, "MANIFEST.in", b"# a blank \n\t# and a tab\n \t# both\n")
    append(project, ".github/dependabot.yml", b"# a blank \n")
    append(project, ".gitattributes", b"*.sh -diff merge=ours\n*.in -merge\nMakefile binary\n")
    project.git("mv", "tools/moved.sh", "tools/mine.sh")
    edit("tools/mine.sh", "moved 9\n", "moved nine\n")(project.path)
    edit("tools/kept.sh", "kept 3\n", "kept mine\n")(project.path)
    project.commit()
    plain = project.copy(tmp_path / "plain")
    update(plain, fails=True)
    home = tmp_path / "home"
    settings = HOSTILE.format(home=home)
    if way == "make":  # Git looks for attributes in a place of its own
        settings = settings.replace(f"\tattributesFile = {home}/attributes\n", "")
    variables = {**with_git(settings, home), "PYTHONSAFEPATH": "1"}
    (home / "attributes").write_text("* merge=ours -text\n")
    write(".config/git/attributes", "* merge=union -text\n")(home)
    (home / "ignored").write_text("MANIFEST.in\ntools\n*.md\n")
    write("template/hooks/post-index-change", f"#!/bin/sh\ntouch {tmp_path}/ran\n")(home)
    (home / "template/hooks/post-index-change").chmod(0o755)
    shutil.copytree(home / "template/hooks", project.path / ".git/hooks", dirs_exist_ok=True)
    update(project, fails=True, way=way, env=variables)
    assert files(project) == files(plain)
    for option in ("--stage", "-v"):
        assert project.git("ls-files", option) == plain.git("ls-files", option)


def test_repository_that_a_group_shares_stays_so(project: Project) -> None:
    project.git("config", "core.sharedRepository", "group")
    project.run("chmod", "-R", "g+w", ".git")
    update(project)
    folders = [path for path in (project.path / ".git/objects").rglob("*") if path.is_dir()]
    assert [path for path in folders if not path.stat().st_mode & 0o020] == []


def test_user_without_a_name_can_update(project: Project, fresh: Project, tmp_path: Path) -> None:
    """Only the commit needs one, and that is the user's to make.

    Nor does a hook count that Copier's own commits leave out, or a branch with the name of what Git is amid of.
    """
    write("hooks/pre-commit", "#!/bin/sh\nexit 1\n")(tmp_path)
    (tmp_path / "hooks/pre-commit").chmod(0o755)
    settings = f"[user]\n\tuseConfigOnly = true\n[core]\n\thooksPath = {tmp_path}/hooks\n"
    project.git("branch", "sequencer")
    update(project, env=home_with({".gitconfig": settings}, tmp_path / "home"))
    assert files(project) == files(fresh)


def test_hook_of_the_project_does_not_run(project: Project, tmp_path: Path) -> None:
    """Not even one that sees every change of a branch or tag, and could refuse it."""
    write("reference-transaction", f"#!/bin/sh\ntouch {tmp_path}/ran\n")(
        project.path / ".git/hooks"
    )
    (project.path / ".git/hooks/reference-transaction").chmod(0o755)
    project.git("branch", "other")
    (tmp_path / "ran").unlink()
    update(project)
    assert not (tmp_path / "ran").exists()


def test_edit_that_a_file_system_monitor_hides_is_listed(project: Project, tmp_path: Path) -> None:
    """As one that has stopped: it tells Git that nothing has changed."""
    write("monitor", "#!/bin/sh\nprintf 'token\\0'\n")(tmp_path)
    (tmp_path / "monitor").chmod(0o755)
    project.git("config", "core.fsmonitor", str(tmp_path / "monitor"))
    project.git("config", "core.fsmonitorHookVersion", "2")
    project.git("update-index", "--fsmonitor")
    for _ in range(2):
        project.git("status")
    append(project, "MANIFEST.in")
    assert not project.git("status", "--porcelain")
    assert "changes before an update:\n     M MANIFEST.in\n" in update(project, fails=True)
    assert (project.path / "MANIFEST.in").read_bytes().endswith(OWNER)


def test_trailing_blanks_are_the_owners(project: Project, tmp_path: Path) -> None:
    append(project, "MANIFEST.in", b"# a blank \n")
    project.commit()
    env = with_git("[apply]\n\twhitespace = error\n", tmp_path / "home")
    update(project, way="copier", env=env)
    assert (project.path / "MANIFEST.in").read_bytes().endswith(b"# a blank \n")


@pytest.mark.parametrize("ignored", [b"", b"NEW.md\n"], ids=["untracked", "ignored"])
def test_file_that_git_does_not_know_stays(project: Project, ignored: bytes) -> None:
    project.git("config", "status.showUntrackedFiles", "no")
    append(project, ".git/info/exclude", ignored + b"mine.txt\n")
    append(project, "NEW.md")
    append(project, "mine.txt")
    refused(project, r"NEW\.md")
    (project.path / "NEW.md").unlink()
    update(project, way="copier")
    project.git("reset", "--hard", "--quiet")
    assert (project.path / "mine.txt").read_bytes() == OWNER
    assert not (project.path / "NEW.md").exists()


def test_link_or_folder_that_git_does_not_know_stays(project: Project) -> None:
    append(project, ".git/info/exclude", b"NEW.md\n")
    (project.path / "NEW.md").symlink_to("/nowhere")
    refused(project, r"Git does not know your NEW\.md:")
    (project.path / "NEW.md").unlink()  # fails if it has gone
    write("NEW.md/mine.txt", "mine")(project.path)
    refused(project, r"Git does not know your NEW\.md/mine\.txt:")
    assert project.read("NEW.md/mine.txt") == "mine"


def test_files_that_git_status_hides_are_listed(project: Project) -> None:
    """Copier refuses what `git status` shows."""
    project.git("config", "status.showUntrackedFiles", "no")
    append(project, "notes.txt")
    refused(project, r"Commit or stash your changes before an update:\n    \?\? notes.txt\n")


def test_tracked_file_that_is_ignored_keeps_its_edit(project: Project, tmp_path: Path) -> None:
    (tmp_path / "ignored").write_text("MANIFEST.in\nsetup.py\n")
    variables = with_git(f"[core]\n\texcludesFile = {tmp_path}/ignored\n", tmp_path / "home")
    for name in ("MANIFEST.in", "setup.py"):
        append(project, name)
    project.commit()
    for _ in range(2):
        update(project, way="copier", env=variables)
        for name in ("MANIFEST.in", "setup.py"):
            assert (project.path / name).read_bytes().endswith(OWNER)
        project.git("commit", "--quiet", "--allow-empty", "--all", "--message=build: update")
    append(project, "MANIFEST.in")
    refused(project, "commit or stash", way="copier")


def test_folder_behind_a_symbolic_link_is_not_written_through(project: Project) -> None:
    project.git("mv", "tools", "mine")
    edit("mine/kept.sh", "kept 9\n", "kept nine\n")(project.path)
    (project.path / "tools").symlink_to("mine")
    project.commit()
    refused(project, "tools is a folder .* rename yours first", way="copier")
    (project.path / "tools").unlink()
    project.commit()
    update(project, fails=True, way="copier")  # one of them has two new names
    assert "kept three\n" in project.read("mine/kept.sh")
    assert "kept nine\n" in project.read("mine/kept.sh")


def test_folder_that_leads_out_of_the_project_is_named(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.path / "tools", tmp_path / "outside")
    project.git("rm", "-r", "--quiet", "tools")
    (project.path / "tools").symlink_to(tmp_path / "outside")
    project.commit()
    refused(project, r"tools\b.* (leads|outside)", way="copier")
    assert (tmp_path / "outside/kept.sh").read_text() == lines("kept")


def test_package_that_leads_out_of_the_project_is_named(project: Project, tmp_path: Path) -> None:
    """Another one may, since the template brings nothing into it."""
    for name in ("demo", "other"):
        (tmp_path / name).mkdir()
        shutil.rmtree(project.path / "src" / name, ignore_errors=True)
        (project.path / "src" / name).symlink_to(tmp_path / name)
    project.commit()
    refused(project, r"src/demo leads out of the project: rename it first", way="copier")
    (project.path / "src/demo").unlink()
    project.commit()
    update(project, way="copier")


def test_clean_owner_changes_the_licence(
    history: History, project: Project, tmp_path: Path
) -> None:
    update(project, ":current:", {"license": "Apache-2.0"})
    answers = {"project_name": "Demo", "license": "Apache-2.0"}
    assert files(project) == files(history.project(tmp_path / "fresh", "v10000.0.0", **answers))


def test_moved_folder_keeps_edits_of_what_the_template_dropped(project: Project) -> None:
    project.git("mv", "tools", "mine")
    for name in ("kept", "gone", "moved"):
        append(project, f"mine/{name}.sh")
    project.commit()
    said = update(project, fails=True)
    assert "mine/gone.sh" in unmerged(project)
    assert "    mine/gone.sh\n" in said
    texts = {name: text for name, text in files(project).items() if name.endswith(".sh")}
    for word in (b"kept three", b"gone 3", b"moved three"):
        assert any(word in text and OWNER in text for text in texts.values())


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_edit_that_git_does_not_look_at_is_named(project: Project, flag: str) -> None:
    project.git("update-index", flag, "MANIFEST.in", "setup.py")
    append(project, "MANIFEST.in")
    append(project, "setup.py")
    sentence = r"You changed MANIFEST\.in, and Git does not look at it: run `git update-index"
    refused(project, sentence, way="copier")
    project.git("update-index", flag.replace("--", "--no-"), "MANIFEST.in")
    project.git("commit", "--quiet", "--message=feat: mine", "MANIFEST.in")
    update(project)
    assert (project.path / "MANIFEST.in").read_bytes().endswith(OWNER)
    assert (project.path / "setup.py").read_bytes().endswith(OWNER)  # no business of the update


def test_comments_in_the_answers_file_stay(project: Project) -> None:
    text = project.read(".copier-answers.yml")
    text = text.replace("_commit", "# first\n_commit").replace("license: MIT", "license: MIT  # so")
    write(".copier-answers.yml", f"{text}# last\n")(project.path)
    project.commit()
    update(project)
    now = project.read(".copier-answers.yml")
    assert "# first\n_commit: v10001.0.0\n" in now
    assert "license: MIT\n" in now
    assert "# so\nlicense: MIT\n" in now
    assert now.endswith("# last\n")


def test_comment_behind_an_answer_stays_and_the_line_is_written_anew() -> None:
    keep_comments = run_path(str(ROOT / "update/engine.py"))["keep_comments"]
    old = "_src_path: /x\ngone: 1\nlicense: MIT\nname: it's\nfeatures:\n- docs\n"
    new = "_src_path: /x\nlicense: MIT\nname: it's\nfeatures:\n- docs\n"
    mine = (
        "_src_path: '/x # it''s' # our mirror\ngone: 1 # why\n\nlicense: \"MIT\"\n"
        "name: it's # a name\nfeatures: # some\n- docs # a site\n"
    )
    now = (
        "# our mirror\n_src_path: /x\n# gone: 1 # why\n\nlicense: MIT\n"
        "# a name\nname: it's\n# some\nfeatures:\n- docs\n# a site\n"
    )
    assert keep_comments(mine, old, new) == now
    assert keep_comments(now, new, new) == now
    formatted = "---\n_src_path: '/x'\nname: it's\nfeatures:\n  - docs\nown:\n  - a\n"
    assert keep_comments(formatted, old, new) == f"{new}# own:\n#   - a\n"


def test_sparse_checkout_stays_sparse(project: Project) -> None:
    append(project, ".github/jobs.yml", b"# mine\n")
    project.commit()
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/tools/", "!/.github/")
    assert not (project.path / "tools").exists()
    update(project, way="copier")
    assert not (project.path / "tools/kept.sh").exists()  # a new file is written, and stays visible
    assert not (project.path / ".github").exists()
    assert "kept three" in project.git("show", ":tools/kept.sh")
    assert not project.git("diff", "--name-only")
    project.git("reset", "--hard", "--quiet")
    assert not project.git("status", "--porcelain")


def test_conflict_outside_of_a_sparse_checkout_is_written(project: Project) -> None:
    append(project, "tools/gone.sh")
    edit("tools/kept.sh", "kept 3\n", "kept mine\n")(project.path)
    project.commit()
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/tools/")
    said = update(project, fails=True)
    assert unmerged(project) == {"tools/gone.sh", "tools/kept.sh"}
    assert "Edit each, then" in said
    assert OWNER.decode() in project.read("tools/gone.sh")
    assert "kept mine\n=======\necho kept three\n" in project.read("tools/kept.sh")
    assert not (project.path / "tools/run").exists()


def test_windows_line_ends_stay(project: Project, fresh: Project) -> None:
    project.git("config", "core.autocrlf", "true")
    write(".gitattributes", "* text=auto\n")(project.path)
    project.commit()
    project.git("rm", "--cached", "-r", "--quiet", ".")
    project.git("reset", "--hard", "--quiet")
    assert b"\r\n" in (project.path / "MANIFEST.in").read_bytes()
    project.git("update-index", "--assume-unchanged", "tools/kept.sh")  # and nobody changed it
    update(project)
    assert not project.git("diff", "--name-only")
    text = fresh.read("MANIFEST.in").replace("\n", "\r\n").encode()
    assert (project.path / "MANIFEST.in").read_bytes() == text


def test_hooks_that_copier_does_not_run_are_no_obstacle(project: Project, tmp_path: Path) -> None:
    """It commits with `--no-verify`."""
    hooks = tmp_path / "company"
    for name in ("pre-commit", "commit-msg"):
        write(name, "#!/bin/sh\nexit 1\n")(hooks)
        (hooks / name).chmod(0o755)
    variables = with_git(f"[core]\n\thooksPath = {hooks}\n", tmp_path / "home")
    assert "The project has version" in update(project, way="copier", env=variables)


def test_hook_that_refuses_is_named(project: Project, tmp_path: Path) -> None:
    hooks = tmp_path / "company"
    write("prepare-commit-msg", "#!/bin/sh\nexit 1\n")(hooks)
    (hooks / "prepare-commit-msg").chmod(0o755)
    variables = with_git(f"[core]\n\thooksPath = {hooks}\n", tmp_path / "home")
    before = state(project)
    said = update(project, fails=True, way="copier", env=variables)
    assert f"A Git hook of yours in {hooks} stops Copier's own commits" in said
    assert state(project) == before


KILLER = """#!/bin/sh
echo "$*" >>{folder}/calls
if [ "$(grep -c . {folder}/calls)" = "$(cat {folder}/last)" ]; then
    [ -e {folder}/after ] && {git} "$@"
    kill -9 $PPID
    exit 1
fi
exec {git} "$@"
"""


@pytest.fixture
def kill(tmp_path: Path) -> Kill:
    """Return a function that updates, and kills what calls Git for the n-th time."""
    folder = tmp_path / "killer"
    git = shutil.which("git", path=user()["PATH"])
    write("git", KILLER.format(folder=folder, git=git))(folder)
    (folder / "git").chmod(0o755)

    def kill(project: Project, call: int, after: bool) -> None:
        (folder / "calls").write_text("")
        (folder / "last").write_text(str(call))
        (folder / "after").unlink(missing_ok=True)
        if after:
            (folder / "after").touch()
        update(project, fails=call > 0, env={"PATH": f"{folder}:{user()['PATH']}"})

    return kill


def calls_that_write(project: Project, folder: Path, kill: Kill) -> list[int]:
    """Update, and number the calls of Git behind the first change, among those that nothing is rendered with."""
    kill(project.copy(folder / "rendered"), 0, False)
    kill(project, 0, False)
    calls = (folder / "killer/calls").read_text().splitlines()
    first = [at for at, call in enumerate(calls, 1) if "update-ref CHERRY_PICK_HEAD" in call]
    last = [at for at, call in enumerate(calls, 1) if "update-ref -d CHERRY_PICK_HEAD" in call]
    assert last[0] - first[0] >= 5
    return list(range(first[0], last[0] + 1))


def test_killed_update_is_named_and_taken_back(
    project: Project, tmp_path: Path, kill: Kill
) -> None:
    append(project, "MANIFEST.in")
    append(project, "mine.txt")
    append(project, ".git/info/exclude", b"/mine.txt\n")
    project.commit()
    before = state(project)
    whole = project.copy(tmp_path / "whole")
    *calls, last = calls_that_write(whole, tmp_path, kill)
    for call, after in [*((call, True) for call in calls), (last, False), (last, True)]:
        kill(project, call, after)
        if (call, after) != (last, True):
            assert "currently cherry-picking" in project.git("status")
            ways = ("make", "engine") if call == calls[0] else ("engine",)
            for way in ways:
                said = update(project, fails=True, way=way)
                assert "currently cherry-picking" in said or "Unfinished" in said
        project.git("reset", "--hard", "--quiet")
        assert state(project) == before
        assert (project.path / "mine.txt").read_bytes() == OWNER
    update(project)
    assert files(project) == files(whole)


def test_committed_half_of_an_update_loses_nothing(
    project: Project, tmp_path: Path, kill: Kill
) -> None:
    append(project, "MANIFEST.in")
    project.commit()
    whole = project.copy(tmp_path / "whole")
    for call in calls_that_write(whole, tmp_path, kill)[::2]:
        half = project.copy(tmp_path / f"half{call}")
        kill(half, call, True)
        half.git("add", "--all")
        half.git("commit", "--quiet", "--allow-empty", "--message=feat: whatever")
        update(half)
        assert files(half) == files(whole)


def git_after(script: str, folder: Path) -> dict[str, str]:
    """Return variables with a Git that runs a script first."""
    git = shutil.which("git", path=user()["PATH"])
    write("git", f'#!/bin/sh\n{script}\nexec {git} "$@"\n')(folder)
    (folder / "git").chmod(0o755)
    return {"PATH": f"{folder}:{user()['PATH']}"}


def test_full_disk_is_named_and_taken_back(project: Project, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the new file alone is larger."""
    append(project, "MANIFEST.in")
    project.commit()
    before = state(project)
    env = git_after('case "$*" in *checkout-index*) ulimit -f 0;; esac', tmp_path / "full")
    said = update(project, fails=True, env=env)
    assert "stopped half-way" in said
    assert "git reset --hard" in said
    assert state(project) != before
    project.git("reset", "--hard", "--quiet")
    assert state(project) == before


def test_answers_are_written_last(project: Project, tmp_path: Path) -> None:
    """While they name the old version, nobody takes what is half written for the new one."""
    order = tmp_path / "order"
    script = f'case "$*" in *checkout-index*) cat >{order}; exec <{order};; esac'
    update(project, env=git_after(script, tmp_path / "bin"))
    assert order.read_text().split("\0")[-2:] == [".copier-answers.yml", ""]


def while_git_merges(command: str, folder: Path) -> dict[str, str]:
    """Return variables with a Git that runs a command before it merges, which is before anything is written."""
    return git_after(f'case "$*" in *merge-tree*) {command};; esac', folder)


def test_edit_saved_while_an_update_runs_stays(project: Project, tmp_path: Path) -> None:
    """By an editor, while Copier asks or renders."""
    env = while_git_merges("echo mine >>MANIFEST.in; echo mine >>setup.py; git add setup.py", tmp_path / "bin")  # fmt: skip
    said = update(project, fails=True, env=env)
    assert "Commit or stash your changes before an update:\n     M MANIFEST.in\n    M  setup.py" in said  # fmt: skip
    assert project.read("MANIFEST.in").endswith("mine\n")
    assert project.read("setup.py").endswith("mine\n")
    assert "cherry-pick" not in project.git("status")


def test_interrupt_before_anything_is_written_names_no_way_back(
    project: Project, tmp_path: Path
) -> None:
    """It would drop what is not committed."""
    env = while_git_merges("kill -INT $PPID; sleep 1", tmp_path / "bin")
    refused(project, r"You stopped the update\. Nothing has changed\.\n$", env=env)


def test_file_that_git_keeps_and_nobody_may_write_is_named(project: Project) -> None:
    """As of another user, or on a full disk; a folder stands for it."""
    message = project.path / ".git/MERGE_MSG"
    message.mkdir()
    refused(project, r"The update stopped: .*MERGE_MSG'\. Nothing has changed\.\n$")
    assert "cherry-pick" not in project.git("status")


def test_index_that_another_git_locks_is_named(project: Project) -> None:
    lock = project.path / ".git/index.lock"
    lock.touch()
    for way in ("copier", "engine"):
        refused(project, r"if none runs, delete \S*\.git/index\.lock\.\n", way=way)
    lock.unlink()


PROGRESS = {
    "merge": ("git merge --quiet --no-ff --no-commit other", "MERGE_HEAD"),
    "bisect": ("git bisect start && git bisect bad && git bisect good HEAD~", "BISECT_LOG"),
    "rebase": ("git rebase --quiet --force-rebase --exec false HEAD~", "rebase-merge"),
    "cherry-picks": (
        "git cherry-pick HEAD other; git commit --quiet --allow-empty --message=mine",
        "sequencer",
    ),
    "cherry-pick": ("git update-ref CHERRY_PICK_HEAD other", "Unfinished: 'feat: other'"),
    "revert": ("git update-ref REVERT_HEAD other", "REVERT_HEAD"),
    "patches": ("echo From: me | git am --patch-format=mbox", "rebase-apply"),
}


@pytest.mark.parametrize("operation", PROGRESS)
def test_operation_in_progress_is_named(project: Project, operation: str) -> None:
    project.git("checkout", "--quiet", "-b", "other")
    project.git("commit", "--quiet", "--allow-empty", "--message=feat: other")
    project.git("checkout", "--quiet", "main")
    project.git("commit", "--quiet", "--allow-empty", "--message=feat: mine")
    command, named = PROGRESS[operation]
    project.run("sh", "-c", command, check=False)
    refused(project, named, way="copier" if operation == "merge" else "engine")


def test_git_that_is_too_old_is_named(project: Project, tmp_path: Path) -> None:
    script = 'case "$*" in *version) echo git version 2.37.9; exit;; esac'
    refused(project, "needs Git 2.38 or newer", env=git_after(script, tmp_path / "bin"))


def test_project_without_a_commit_is_named(project: Project) -> None:
    project.git("update-ref", "-d", "HEAD")
    project.git("rm", "-r", "--cached", "--quiet", ".")
    append(project, ".git/info/exclude", b"*\n")
    refused(project, "no commit yet", way="copier")


def test_make_says_what_git_says(project: Project) -> None:
    """Of a folder of another user, say, which Copier takes for no repository at all."""
    (project.path / ".git").rename(project.path.with_name("elsewhere"))
    said = update(project, fails=True, way="make")
    assert "fatal: not a git repository" in said


def test_variables_that_lead_git_elsewhere_are_named(project: Project, tmp_path: Path) -> None:
    shutil.copy(project.path / ".git/index", tmp_path / "index")
    variables = {"GIT_INDEX_FILE": str(tmp_path / "index")}
    before = state(project)
    said = update(project, fails=True, way="copier", env=variables)
    assert "unset GIT_INDEX_FILE" in said
    assert state(project) == before
    update(project, way="make", env=variables)
    for name in ("GIT_COMMON_DIR", "GIT_DIR", "GIT_OBJECT_DIRECTORY", "GIT_WORK_TREE"):
        place = {"GIT_OBJECT_DIRECTORY": ".git/objects", "GIT_WORK_TREE": "."}.get(name, ".git")
        refused(project, f"unset {name}", way="engine", env={name: str(project.path / place)})


def test_repository_of_another_kind_is_updated_as_the_sentence_says(project: Project) -> None:
    """Where Copier's own repositories have other objects than the project, its Git cannot read them."""
    sha256 = {"GIT_DEFAULT_HASH": "sha256"}
    refused(project, "export GIT_DEFAULT_HASH=sha1", way="copier", env=sha256)
    shutil.rmtree(project.path / ".git")
    project.git("init", "--quiet", "--object-format=sha256")
    append(project, "MANIFEST.in")
    project.commit()
    refused(project, "export GIT_DEFAULT_HASH=sha256", way="copier")
    update(project, way="copier", env=sha256)
    assert (project.path / "MANIFEST.in").read_bytes().endswith(OWNER)
    assert b"# new\n" in (project.path / "MANIFEST.in").read_bytes()


@pytest.mark.parametrize("kind", ["folder", "worktree", "submodule", "link"])
def test_project_may_stand_anywhere(
    project: Project, fresh: Project, tmp_path: Path, kind: str
) -> None:
    here = Project(tmp_path / "top/a folder")
    here.path.parent.mkdir()
    if kind == "folder":
        shutil.copytree(project.path, here.path, ignore=shutil.ignore_patterns(".git"))
        write("other.txt", "other\n")(tmp_path / "top")
        Project(tmp_path / "top").commit()
    elif kind == "worktree":
        project.git("worktree", "add", "--quiet", "--detach", str(here.path))
    elif kind == "submodule":
        run("git", "init", "--quiet", cwd=here.path.parent)
        add = "-c", "protocol.file.allow=always", "submodule", "--quiet", "add"
        run("git", *add, project.path, here.path.name, cwd=here.path.parent)
    else:
        here.path.symlink_to(project.path)
    update(here, way="copier")
    assert files(here) == files(fresh)
    assert not unmerged(here)


def test_folders_beside_the_project_stay(history: History, tmp_path: Path) -> None:
    """Whatever Git is asked in a folder counts from there, and names in what it answers may count from the top."""
    own = History(tmp_path / "template", list(history.versions))
    run("git", "clone", "--quiet", history.path, own.path, cwd=tmp_path)
    own.release(
        edit("template/README.md.jinja", "\n", "\nThe template's.\n"),
        edit("template/setup.py", "import sys", "# new\nimport sys"),
        edit("template/pyproject.toml.jinja", "\nversion =", "\n# new\nversion ="),
    )
    (tmp_path / "attributes").write_text("part/.github/*.yml filter=tabs\n")
    env = with_git(FILTER.format(tmp_path / "attributes"), tmp_path / "home")
    top, project = Project(tmp_path / "top"), Project(tmp_path / "top/part")
    own.project(project.path, "v10000.0.0", project_name="Demo")
    shutil.rmtree(project.path / ".git")
    shutil.copytree(project.path, top.path / "other")
    for name in ("pyproject.toml", "crates/Cargo.toml"):
        edit(name, 'version = "0.0.0"', 'version = "0.2.0"')(project.path)
    (project.path / "MANIFEST.in").unlink()
    append(project, "README.md")
    append(top, os.fsdecode("grö.txt".encode("latin-1")))
    top.run("git", "init", "--quiet", env=env)
    top.run("git", "add", ".", env=env)
    top.run("git", "commit", "--quiet", "--message=feat: mine", env=env)
    project.git("update-index", "--assume-unchanged", "setup.py")
    beside = files(Project(top.path / "other"))
    readme = project.read("README.md")
    said = update(project, env=env)
    assert files(Project(top.path / "other")) == beside
    assert project.read("README.md") == readme
    assert "stay deleted: part/MANIFEST.in\n" in said
    assert not (project.path / "MANIFEST.in").exists()
    assert '\n# new\nversion = "0.2.0"' in project.read("pyproject.toml")
    assert "# new\n" in project.read("setup.py")
    assert "\n  twin:\n~name" in top.git("show", ":part/.github/jobs.yml")


def test_news_of_the_template_are_told(made: Project, history: History, tmp_path: Path) -> None:
    """In signs that everybody can see, where the terminal takes no others."""
    own = History(tmp_path / "template", list(history.versions))
    run("git", "clone", "--quiet", history.path, own.path, cwd=tmp_path)
    news = [
        f"## v{number}.0.0 (2026-11-26)\n\n- news → {number}\n\n"
        for number in (10003, 10002, 10001, 10000)
    ]
    own.release(write("CHANGELOG.md", "".join(news)))
    own.release()
    project = made.copy(tmp_path / "project")
    edit(".copier-answers.yml", str(history.path), str(own.path))(project.path)
    project.commit()
    said = update(project, env={"PYTHONIOENCODING": "ascii"})
    assert re.findall(r"news \\u2192 (\d+)", said) == ["10003", "10002", "10001"]


def test_deleted_file_stays_deleted_and_is_named(project: Project) -> None:
    project.git("rm", "--quiet", "tools/kept.sh", "tools/gone.sh", "MANIFEST.in")
    project.commit()
    said = update(project)
    assert "that you had deleted; they stay deleted: MANIFEST.in, tools/kept.sh\n" in said
    assert not {"MANIFEST.in", "tools/kept.sh", "tools/gone.sh"} & files(project).keys()


def test_pretended_update_changes_nothing(project: Project) -> None:
    append(project, "MANIFEST.in")
    project.commit()
    before = state(project)
    update(project, None, None, "--pretend")
    assert state(project) == before


def test_conflict_is_shown_as_git_shows_it(project: Project) -> None:
    edit("tools/kept.sh", "kept 3\n", "kept mine\n")(project.path)
    project.commit()
    before = state(project)
    said = update(project, fails=True)
    assert "    tools/kept.sh\n" in said
    assert (
        "<<<<<<< yours\necho kept mine\n=======\necho kept three\n>>>>>>> template-v10001.0.0\n"
        in project.read("tools/kept.sh")
    )
    stages = [line.split()[2] for line in project.git("ls-files", "--unmerged").splitlines()]
    assert stages == ["1", "2", "3"]
    project.git("reset", "--hard", "--quiet")
    assert state(project) == before
    update(project, fails=True)
    project.git("add", "--all")
    project.git("commit", "--quiet", "--no-verify", "--no-edit")
    subject = project.git("log", "-1", "--format=%s, by %an")
    assert subject == "build: update the template to v10001.0.0, by Ada Lovelace\n"


@pytest.mark.parametrize(
    ("name", "mine", "theirs", "reason"),
    [
        (
            "pyproject.toml",
            '\n[tool.poe.tasks.zip]\ncmd = "mine"\n',
            '[tool.poe.tasks.zip]\ncmd = "theirs"\n\n',
            "twice",
        ),
        (
            ".github/workflows/docs.yml",
            "\n  zip:\n    runs-on: mine\n",
            "  zip:\n    runs-on: theirs\n\n",
            "zip is there twice",
        ),
    ],
)
def test_what_both_add_under_one_name_is_a_conflict(
    template: Path, tmp_path: Path, name: str, mine: str, theirs: str, reason: str
) -> None:
    """Git merges it, for the places are far apart, and nobody could read the file."""
    history = History.of(template, tmp_path / "template")
    project = history.project(tmp_path / "project", project_name="Demo")
    append(project, name, mine.encode())
    project.commit()
    source = name if (history.path / "template" / name).exists() else f"{name}.jinja"
    first = {"pyproject.toml": "[tool.poe.tasks.init]\n"}.get(name, "  build:\n")
    history.release(edit(f"template/{source}", first, theirs + first))
    said = update(project, fails=True)
    assert re.search(rf"    {re.escape(name)}: .*{reason}", said), said
    assert unmerged(project) == {name}
    assert mine.strip() in project.read(name)
    assert theirs.strip() in project.read(name)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.yml", "steps:\n- with: 1\n  with: 2\n", "with is there twice"),
        ("a.yaml", "one: 1\none: 2\n", "one is there twice"),
        ("a.yml", "steps:\n- with: 1\n- with: 2\n", ""),
        ("a.yml", "a: &own [*own]\n", "recursion"),
        ("a.json", "[" * 100_000, "recursion"),
        ("a.json", '{"a"}', "delimiter"),
        ("a.toml", "a = 1\na = 2\n", "Cannot have one key twice"),
        ("a.ipynb", "{", "property name"),
        ("a.ipynb", "{}", ""),
    ],
)
def test_reason_why_nobody_can_read_a_file(name: str, text: str, reason: str) -> None:
    found = run_path(str(ROOT / "update/engine.py"))["fault"](name, text)
    assert reason in found if reason else not found


def test_answers_file_with_another_name(history: History, tmp_path: Path) -> None:
    """As for a project with two templates: tasks never look at what belongs to the other."""
    name, project = ".copier answers;mine.yml", Project(tmp_path / "project")
    copier = Path(sys.executable).with_name("copier")
    command = copier, "copy", "--trust", "--defaults", "--quiet", f"--answers-file={name}"
    path = project.path
    run(*command, "--vcs-ref=v10000.0.0", history.path, path, cwd=tmp_path, base=user())
    other = "_commit: v1\n_src_path: /nowhere\n"
    (path / ".copier-answers.yml").write_text(other)
    project.commit()
    assert "version v10001.0.0" in update(project, way="make")
    assert "_commit: v10001.0.0" in project.read(name)
    assert project.read(".copier-answers.yml") == other
    assert "up-to-date" in project.make("update-check")
    tasks = tomllib.loads(project.read("pyproject.toml"))["tool"]["poe"]["tasks"]
    run_copier = "uvx --with copier-template-extensions copier"
    option = f"--answers-file '{name}'"
    assert tasks["update"]["cmd"] == f"{run_copier} update --trust --defaults --quiet {option}"
    assert tasks["update-check"]["cmd"] == f"uvx copier check-update {option}"
    assert f"\n{run_copier} update --trust {option}\n" in project.read("CONTRIBUTING.md")
    recopy = "copier", "recopy", "--trust", "--defaults", f"--answers-file={name}"
    refused = project.tool(*recopy, "--data=license=MPL-2.0", check=False).stdout
    assert f"copier update --trust --defaults {option} --vcs-ref=:current: --data " in refused


def test_data_for_no_question_is_refused(project: Project) -> None:
    refused(
        project,
        r"No question is called licence. The questions are: .*, license, .*[a-z]\.\n",
        data={"licence": "MIT"},
    )


@pytest.mark.parametrize("way", ["make", "copier"])
def test_question_that_is_gone(template: Path, tmp_path: Path, way: str) -> None:
    """Copier hands its answer on all the same; an answer that is typed to it is refused.

    The new question takes the old answer over, and another one is not always asked.
    """
    history = History.of(template, tmp_path / "template")
    asked = "team:\n  type: str\n  default: Core\n\nlicense:\n  type: str\n"
    history.release(
        edit("copier.yml", "license:\n  type: str\n", asked),
        write("template/docs/team.md.jinja", "By {{ team }}.\n"),
    )
    project = history.project(tmp_path / "project", "v10000.0.0", project_name="Demo", team="Blue")
    write("docs/team.md", "By Blue and me.\n")(project.path)
    project.commit()
    theme = "theme:\n  type: str\n  default: x\n  when: \"{{ 'numpy' in features }}\"\n\n"
    take_over = "\"{{ team if team is defined else 'Core' }}\""
    history.release(
        edit("copier.yml", "team:\n", "squad:\n"),
        edit("copier.yml", "default: Core\n", f"default: {take_over}\n"),
        edit("copier.yml", "license:\n", f"{theme}license:\n"),
        edit("template/docs/team.md.jinja", "team", "squad"),
    )
    refused(project, "No question is called team. The", way=way, data={"team": "Core"})
    said = update(project, way=way, data={"license": "MPL-2.0"})
    assert "has version v10001.0.0 of its template" in said
    answers = yaml.safe_load(project.read(".copier-answers.yml"))
    assert (answers["squad"], answers["license"]) == ("Blue", "MPL-2.0")
    assert "team" not in answers
    assert project.read("docs/team.md") == "By Blue and me.\n"
    assert project.read("LICENSE").startswith("Mozilla Public License")


def test_project_leaves_a_fork(template: Path, tmp_path: Path) -> None:
    """As CONTRIBUTING says, where the fork has a version and a question of its own."""
    asked = "team:\n  type: str\n  default: Core\n\nlicense:\n"
    fork = History.of(template, tmp_path / "fork")
    fork.release(edit("copier.yml", "license:\n", asked), write("template/NOTICE", "Ours.\n"))
    project = fork.project(tmp_path / "project", "v10000.0.0", project_name="Demo")
    write("mine.txt", "mine\n")(project.path)
    upstream = History.of(template, tmp_path / "upstream")
    upstream.release(write("template/NEW.txt", "new\n"))
    text = project.read(".copier-answers.yml").replace("v10000.0.0", "v9999.0.0")
    text = re.sub(r"(?m)^# (commit|checksum): .*\n|^team: .*\n", "", text)
    text = text.replace(str(fork.path.resolve()), str(upstream.path))
    (project.path / ".copier-answers.yml").write_text(text)
    project.commit("build: leave the fork")
    assert "has version v10000.0.0 of its template" in update(project, way="copier")
    assert project.read("NEW.txt") == "new\n"
    assert project.read("mine.txt") == "mine\n"
    assert "team" not in project.read(".copier-answers.yml")


@pytest.mark.parametrize("option", ["--skip", "--exclude"])
def test_option_that_an_update_would_ignore_is_refused(project: Project, option: str) -> None:
    """In a sparse checkout, which Copier fills and a refusal must empty again."""
    project.git("update-index", "-q", "--refresh")  # a copy has other times
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/tools/")
    before = state(project)
    assert not (project.path / "tools").exists()
    said = update(project, None, None, f"{option}=MANIFEST.in", fails=True)
    assert "take back what you do not want with `git restore --staged --worktree FILE`." in said
    assert state(project) == before
    assert not (project.path / "tools").exists()


def test_answer_that_was_typed_to_a_question_is_taken() -> None:
    """Copier changes one by itself only where it asks nothing."""
    engine = run_path(str(ROOT / "update/engine.py"))
    answers: tuple[dict[str, str], ...] = {"license": "MIT"}, {"license": "Apache-2.0"}
    request: dict[str, Any] = {"left_out": [], "data": []}
    engine["check_answers"](*answers, {**request, "defaults": False})
    with pytest.raises(engine["RefusalError"], match="no longer takes 'MIT' for license"):
        engine["check_answers"](*answers, {**request, "defaults": True})


def test_modes_are_right_where_files_have_none() -> None:
    """On Windows: the hooks of the template are all its programs, and what is there stays as it is."""
    mode = run_path(str(ROOT / "update/engine.py"))["mode"]
    for path in (path for path in (ROOT / "template").rglob("*") if path.is_file()):
        assert mode(path, (), windows=True) == mode(path, (), windows=False), path
    hook = ROOT / "template/.githooks/pre-commit"
    assert mode(hook, ("100644", "mine"), windows=True) == "100644"
    assert mode(hook, ("100644", "mine"), windows=False) == "100755"
    assert mode(hook, ("120000", "mine"), windows=True) == "100755"


def test_what_the_template_no_longer_has_is_named(template: Path, tmp_path: Path) -> None:
    """What was given once stays, and may be no longer of use."""
    history = History.of(template, tmp_path / "template")
    history.release(write("template/docs/extra.md", "# Extra\n"))
    project = history.project(tmp_path / "project", "v10000.0.0", project_name="Demo")
    history.release(remove("template/docs/extra.md"))
    said = update(project)
    assert "; delete what you do not use, or list it in mkdocs.yml: docs/extra.md\n" in said
    assert (project.path / "docs/extra.md").exists()


def test_template_with_changes_that_have_no_commit(
    template: Path, tmp_path: Path, project: Project
) -> None:
    """Nobody could render that version again, at the next update."""
    history = History.of(template, tmp_path / "template")
    project = history.project(tmp_path / "other", project_name="Demo")
    write("template/NEW.txt", "new\n")(history.path)
    refused(project, "has uncommitted changes: commit them first", version="HEAD")


def test_lock_file_of_a_workspace_follows(template: Path, tmp_path: Path) -> None:
    """It lies above the project, and Cargo's in a folder that the owner renamed, with a space in it."""
    history = History.of(template, tmp_path / "template")
    top = tmp_path / "top"
    project = history.project(top / "packages/demo", project_name="Demo")
    shutil.rmtree(project.path / ".git")
    (top / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["packages/*"]\n')
    project.run("uv", "lock", "--quiet")
    (project.path / "crates").rename(project.path / "rust core")
    run("git", "init", "--quiet", cwd=top, base=user())
    whole = Project(top)
    whole.commit()
    assert not (project.path / "uv.lock").exists()
    history.release(
        edit("template/pyproject.toml.jinja", '"packaging", "twine', '"packaging>=24", "twine'),
        edit(
            "template/crates/Cargo.toml.jinja", "[dependencies]\n", '[dependencies]\nitoa = "1"\n'
        ),
    )
    said = update(project)
    assert "run it yourself" not in said
    whole.run("uv", "lock", "--check", "--quiet")
    assert 'name = "itoa"' in project.read("rust core/Cargo.lock")
    assert whole.git("diff", "--name-only") == ""


def test_locked_crate_stays_though_another_version_of_it_was_downloaded(
    template: Path, tmp_path: Path
) -> None:
    history = History.of(template, tmp_path / "template")
    project = history.project(tmp_path / "project", project_name="Demo")
    env = {"CARGO_HOME": str(tmp_path / "cargo")}
    for command in ("add fnv itoa@1", "fetch", "remove fnv", "update itoa --precise=1.0.10"):
        options = "--quiet", "--manifest-path=crates/Cargo.toml"
        project.run("cargo", *command.split(), *options, env=env)
    project.commit()
    history.release(
        edit(
            "template/crates/Cargo.toml.jinja",
            "[lib]\n",
            '[build-dependencies]\nfnv = "1"\n\n[lib]\n',
        )
    )
    update(project, env=env)
    locked = tomllib.loads(project.read("crates/Cargo.lock"))["package"]
    versions = {crate["name"]: crate["version"] for crate in locked}
    assert "fnv" in versions
    assert versions["itoa"] == "1.0.10"


def test_file_that_became_a_link_is_named(project: Project) -> None:
    """The template's side would be nowhere."""
    project.git("mv", "tools/kept.sh", "mine.sh")
    (project.path / "tools/kept.sh").symlink_to("../mine.sh")
    project.commit()
    refused(project, "tools/kept.sh is a link in your project .* rename yours first", way="copier")


def test_link_to_itself_does_not_matter(project: Project) -> None:
    (project.path / "loop").symlink_to("loop")
    project.commit()
    assert "of its template now" in update(project, way="copier")
    assert (project.path / "loop").is_symlink()


def test_interrupt_while_lock_files_are_made_is_named(template: Path, tmp_path: Path) -> None:
    """As by Ctrl-C: Git still shows the update as unfinished."""
    history = History.of(template, tmp_path / "template")
    project = history.project(tmp_path / "project", project_name="Demo")
    history.release(edit("template/pyproject.toml.jinja", '"packaging"', '"packaging>=24"'))
    (project.path / "uv.lock").write_text("version = 1\n")
    project.commit()
    uv = tmp_path / "slow/uv"
    uv.parent.mkdir()
    uv.write_text("#!/bin/sh\nkill -INT $PPID\nsleep 1\n")
    uv.chmod(0o755)
    said = update(project, fails=True, env={"PATH": f"{uv.parent}:{user()['PATH']}"})
    assert "You stopped the update. To go back to where you were: git reset --hard" in said
    assert "cherry-pick" in project.git("status")


def test_text_between_programs_keeps_its_ends_of_lines() -> None:
    text = "one\r\ntwo\rthree\n"
    assert run_path(str(ROOT / "update/engine.py"))["run"]("cat", text=text).stdout == text


def entry(name: str) -> tuple[str, str]:
    return "100644", name


def picked(**sides: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what becomes of the old render and of the new one, where all was given once."""
    trees = {side: {path: entry(name) for path, name in sides[side].items()} for side in sides}
    run_path(str(ROOT / "update/engine.py"))["pick"](*trees.values(), lambda path: True)
    return trees["old"], trees["new"]


def test_answer_brings_its_own_difference_only() -> None:
    """Together with a new version, whose other files do not come: the owner would have half of it."""
    old, new = picked(
        ours={"lib.rs": "first", "gone.rs": "first", "mine.rs": "mine", "LICENSE": "MIT"},
        old={"lib.rs": "first", "gone.rs": "first", "mine.rs": "first", "LICENSE": "MIT"},
        asked={"lib.rs": "samples", "gone.rs": "samples", "mine.rs": "samples", "LICENSE": "MIT", "samples.rs": "new", "extra.rs": "f64"},
        new={"lib.rs": "samples, arrays", "LICENSE": "Apache", "samples.rs": "new", "extra.rs": "f32", "arrays.rs": "new"},
    )  # fmt: skip
    assert old == {
        "lib.rs": entry("samples"), "gone.rs": entry("first"), "mine.rs": entry("mine"), "LICENSE": entry("MIT"),
    }  # fmt: skip
    assert new == {
        "lib.rs": entry("samples, arrays"), "mine.rs": entry("mine"), "LICENSE": entry("Apache"), "arrays.rs": entry("new"),
    }  # fmt: skip


def test_what_was_given_once_and_is_no_file_any_more_is_the_owners() -> None:
    """A link, a folder and a submodule, where another answer would change a file or bring one."""
    ours = {"README.md": ("120000", "link"), "LICENSE/MIT.txt": entry("MIT"), "docs": ("160000", "submodule")}  # fmt: skip
    old = {"README.md": entry("readme")}
    new = {name: entry("new") for name in ("README.md", "LICENSE", "docs/index.md", "tests/new.py")}
    pick = run_path(str(ROOT / "update/engine.py"))["pick"]
    pick(ours, old, dict(old), new, lambda path: True)
    assert old == {"README.md": ours["README.md"]}
    assert new == {"README.md": ours["README.md"], "tests/new.py": entry("new")}


def test_settings_of_the_environment_count_in_the_users_repository_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as `safe.directory`, without which Git refuses the folder of another user."""
    run("git", "init", "--quiet", cwd=tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "2")
    for number, name in enumerate(["safe.directory", "merge.renames"]):
        monkeypatch.setenv(f"GIT_CONFIG_KEY_{number}", name)
        monkeypatch.setenv(f"GIT_CONFIG_VALUE_{number}", "one")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'safe.directory'='two' 'merge.renames'='two'")
    engine = run_path(str(ROOT / "update/engine.py"))
    names = "config", "--get-all", "safe.directory"
    assert engine["git"](*names).stdout == "one\ntwo\n"
    assert engine["told"]("config", "merge.renames") == "true"
    objects = engine["Objects"](tmp_path / "objects")
    assert objects.git(*names, allowed=(1,)).stdout == ""
    assert objects.git("config", "--get-all", "merge.renames").stdout == "true\n"


def test_news_begin_behind_the_last_release(tmp_path: Path) -> None:
    """For a project of a commit that came after it, too."""
    news = run_path(str(ROOT / "update/engine.py"))["news"]
    changelog = tmp_path / "CHANGELOG.md"
    changelog.write_text("".join(f"## v0.{number}.0\n\n- {number}\n\n" for number in (3, 2, 1)))
    assert news(changelog, "v0.1.0-3-g5c46c3d", "v0.2.0") == "## v0.2.0\n\n- 2"
    assert news(changelog, "v0.2.0", "v0.3.0-1-g5c46c3d") == "## v0.3.0\n\n- 3"

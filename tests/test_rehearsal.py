"""A rehearsal runs what would be pushed, and its jobs see no more of this machine than a runner would have."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

import pythons
from project import IDENTITY, ROOT, Project, bare
from rehearsal.bare import Bare
from rehearsal.rehearse import Push, RefusalError, Rehearsal, default_project, events, run

pytestmark = pytest.mark.slow

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1"
SETUP_UV = "astral-sh/setup-uv@20cfd1bf945f4377ade1205e4dbc17946fc9a30d"


# With each of them, a rehearsal would fail, push elsewhere or pass other words on.
SETTINGS = """
[clone]
    defaultRemoteName = upstream
[column]
    ui = always
[core]
    hooksPath = {}
[gpg]
    program = {}
[log]
    showSignature = true
[protocol "file"]
    allow = never
[push]
    gpgSign = true
    pushOption = something
    recurseSubmodules = only
"""
GPG = """#!/bin/sh
case "$*" in
*--verify*) echo "[GNUPG:] GOODSIG A Ada"; echo "Good signature of Ada" >&2 ;;
*) cat >/dev/null; echo "[GNUPG:] SIG_CREATED " >&2
   printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n' ;;
esac
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a repository without a workflow, on a branch that is not called main."""
    project = Project(tmp_path / "project")
    project.path.mkdir()
    project.git("init", "--quiet", "--initial-branch=trunk")
    (project.path / "README.md").write_text("# Sample\n")
    project.commit()
    return project


def rehearse(
    project: Project,
    tmp_path: Path,
    *steps: str,
    job: str = "runs-on: ubuntu-latest",
    fetch_depth: int = 1,
    machine: Bare | None = None,
) -> Rehearsal:
    """Rehearse two workflow jobs with the same steps, in a row."""
    lines = "".join(f"      - {step}\n" for step in steps)
    text = "on: push\njobs:\n"
    for name, needs in (("one", ""), ("two", "    needs: one\n")):
        text += f"  {name}:\n{needs}    {job}\n    steps:\n      - uses: {CHECKOUT}\n"
        text += f"        with: {{fetch-depth: {fetch_depth}}}\n{lines}"
    path = project.path / ".github/workflows/ci.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    project.commit("ci: add a workflow")
    folder = tmp_path / f"scratch{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    rehearsal = run(Push.of(project.path, folder), "ci", folder / "kept", machine or bare())
    assert not [*folder.glob("rehearsal-*")]
    return rehearsal


def by_hand(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program in the folder of a project."""
    env = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'scripts'}"}
    command = ("python", "-m", "rehearsal.rehearse")
    return project.tool(*command, *arguments, env=env, check=False)


BOTH = {"one": "success", "two": "success"}


def test_jobs_see_nothing_of_this_machine(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tool, a package, a file in HOME, a Git setting and a variable are planted, and what a job leaves behind."""
    home, tools = tmp_path / "home", tmp_path / "tools"
    for folder in (home / ".config/uv", tools):
        folder.mkdir(parents=True)
    (tools / "canary").write_text("#!/bin/sh\n")
    (tools / "canary").chmod(0o755)
    (tools / "canary_package.py").write_text("")
    (home / ".canary").write_text("")
    (home / ".config/uv/uv.toml").write_text("offline = true\n")
    (home / ".gitconfig").write_text(IDENTITY + "[canary]\n\tkey = value\n")
    for name, default in (("RUSTUP_HOME", ".rustup"), ("CARGO_HOME", ".cargo")):
        monkeypatch.setenv(name, os.environ.get(name, str(Path.home() / default)))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("GIT_CONFIG_GLOBAL")
    monkeypatch.setenv("PATH", str(tools), prepend=os.pathsep)
    monkeypatch.setenv("PYTHONPATH", str(tools))
    monkeypatch.setenv("CANARY", "sings")
    planted = (
        "canary && python3 -c 'import canary_package' && test -e ~/.canary && git config canary.key"
    )
    assert (
        subprocess.run(["bash", "-c", f'{planted} && test "$CANARY"'], cwd=tmp_path).returncode == 0
    )

    rehearsal = rehearse(
        project,
        tmp_path,
        "run: '! command -v canary && ! command -v pytest && ! command -v uv'",
        "run: '! python3 -c \"import canary_package\"'",
        'run: \'! python3 -c "import setuptools" && ! python3 -c "import pip"\'',
        "run: 'test -z \"$CANARY$PYTHONPATH$VIRTUAL_ENV$UV_CACHE_DIR$CARGO_HOME$PYENV_ROOT\"'",
        "run: '! git config canary.key && ! git config user.name'",
        'run: test "${{ github.token }}" = not-a-token',
        'run: \'test "$(find ~ -type f)" = "" && test "$(ls -A)" = "$(printf ".git\\n.github\\nREADME.md")"\'',
        "run: touch ~/left-behind left-behind",
        f"uses: {SETUP_UV}",
        "run: uv --version && ! command -v pytest",
        machine=Bare(tmp_path / "bare", pythons.find_all()),
    )

    assert rehearsal.jobs == BOTH, rehearsal.output


@pytest.mark.parametrize("step", ["uv --version", "pytest --version", "canary"])
def test_a_job_that_needs_an_undeclared_tool_fails(
    project: Project, tmp_path: Path, step: str
) -> None:
    rehearsal = rehearse(project, tmp_path, f"run: {step}")
    assert rehearsal.jobs == {"one": "failure", "two": "skipped"}
    assert not rehearsal.succeeded
    assert "command not found" in rehearsal.output


def test_the_last_lines_of_a_failing_step_are_shown(project: Project, tmp_path: Path) -> None:
    """They say what is wrong; act by itself loses them now and then."""
    step = (
        "run: '{ seq 300; echo ends with $((2 * 21)); exit 3; }'\n        continue-on-error: true"
    )
    rehearsal = rehearse(project, tmp_path, *[step] * 10)
    assert rehearsal.jobs == BOTH
    assert rehearsal.output.count("ends with 42\n") == 20


def test_a_job_that_says_so_has_no_rust(project: Project, tmp_path: Path) -> None:
    for step in ("run: cargo --version", "run: RUSTUP_TOOLCHAIN=none cargo --version"):
        rehearsal = rehearse(project, tmp_path, step)
        assert rehearsal.succeeded == ("RUSTUP" not in step), rehearsal.output


def test_other_systems_are_named_and_never_counted_as_a_success(
    project: Project, tmp_path: Path
) -> None:
    rehearsal = rehearse(project, tmp_path, "run: true", job="runs-on: windows-latest")
    assert rehearsal.jobs == {"one": "left out", "two": "skipped"}
    assert not rehearsal.succeeded
    matrix = (
        "strategy: {matrix: {os: [windows-latest, ubuntu-latest, ubuntu-24.04]}}\n"
        "    runs-on: ${{ matrix.os }}"
    )
    rehearsal = rehearse(project, tmp_path, "run: echo ran $((20 + 3))", job=matrix)
    assert rehearsal.jobs == BOTH
    assert rehearsal.output.count("ran 23\n") == 2, "once for each job"


def test_one_failure_counts_more_than_successes(project: Project, tmp_path: Path) -> None:
    """In one of the jobs, and in one leg of a matrix."""
    matrix = "strategy: {fail-fast: false, matrix: {n: [1, 2]}}\n    runs-on: ubuntu-latest"
    step = "run: test ${{ github.job }} = one || test ${{ matrix.n }} = 2"
    rehearsal = rehearse(project, tmp_path, step, job=matrix)
    assert rehearsal.jobs == {"one": "success", "two": "failure"}
    assert not rehearsal.succeeded


def test_what_act_cannot_read_is_a_failure(project: Project, tmp_path: Path) -> None:
    rehearsal = rehearse(project, tmp_path, "run: true", job="runs-on: {nobody: knows}")
    assert rehearsal.jobs["act"] == "failure"


def test_jobs_check_out_what_a_push_would_bring(project: Project, tmp_path: Path) -> None:
    """Neither ignored files nor other branches nor lightweight tags; as deep as the step says."""
    project.git("tag", "light")
    project.git("branch", "private")
    project.git("tag", "--annotate", "--message=v0.1.0", "v0.1.0")
    (project.path / ".git/info/exclude").write_text("secret\n")
    (project.path / "secret").write_text("mine\n")
    shallow = 'test $(git log --format=%s | wc -l) = 1 && test -z "$(git tag)"'
    rehearsal = rehearse(project, tmp_path, f"run: 'test ! -e secret && {shallow}'")
    assert rehearsal.jobs == BOTH, rehearsal.output
    branches = 'test "$(git branch --remotes --format="%(refname:short)")" = origin/trunk'
    deep = f"test $(git log --format=%s | wc -l) = 3 && test $(git tag) = v0.1.0 && {branches}"
    rehearsal = rehearse(project, tmp_path, f"run: '{deep}'", fetch_depth=0)
    assert rehearsal.jobs == BOTH, rehearsal.output


@pytest.mark.parametrize(
    ("prepare", "arguments", "said"),
    [
        ("", ["{project}/nowhere"], "{project}/nowhere is no folder: name one that holds a project."),
        ("", ["{project}/README.md"], "{project}/README.md is no folder: name one that"),
        ("rm -rf .git", ["{project}"], "{project} is no Git repository: run `git init` there, and"),
        ("", ["{project}/.git"], "{project}/.git is no Git repository: "),
        ("rm -rf .git && git init --quiet", ["{project}"], "Commit first: a push brings commits,"),
        ("git switch --quiet --detach", ["{project}"], "Switch to a branch first: what is pushed"),
        ("git clone --quiet --depth=1 file://$PWD part", ["{project}/part"], "This clone lacks history:"),
        ("", ["{project}", "--workflow=release"], "There is no workflow release: ci is there."),
        ("", ["{project}/package"], "A repository has its workflows in .github/workflows: none"),
    ],
    ids=["no folder", "file", "no repository", "Git's", "no commit", "no branch", "shallow", "no workflow", "part of one"],
)  # fmt: skip
def test_what_cannot_be_rehearsed_is_refused_in_one_sentence(
    project: Project, prepare: str, arguments: list[str], said: str
) -> None:
    text = "on: push\njobs:\n  one:\n    runs-on: ubuntu-latest\n    steps: [run: true]\n"
    folder = "package" if arguments == ["{project}/package"] else "."
    path = project.path / folder / ".github/workflows/ci.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    project.commit("ci: add a workflow")
    project.run("sh", "-c", prepare)
    typed = [argument.format(project=project.path) for argument in arguments]
    result = by_hand(project, *typed)
    assert result.returncode == 1
    (line,) = result.stdout.splitlines()
    assert line.startswith(said.format(project=project.path))


def test_messages_of_a_first_commit_are_left_out(project: Project) -> None:
    """A pull request has a commit that it starts from; and so is what runs elsewhere only."""
    workflows = [("ci", "ubuntu-latest", "true"), ("commits", "ubuntu-latest", "false")]
    for name, runner, command in [*workflows, ("docs", "acme-linux", "false")]:
        path = project.path / f".github/workflows/{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        job = f"{{runs-on: {runner}, steps: [run: {command}]}}"
        path.write_text(f"on: [pull_request, push]\njobs: {{one: {job}}}\n")
    shutil.rmtree(project.path / ".git")
    project.git("init", "--quiet")
    project.commit("feat: start")
    moved = project.path.rename(project.path.with_name("my project"))
    typed = ("make", "rehearse", f"PROJECT={os.path.relpath(moved, ROOT)}")  # as the README says
    printed = Project(ROOT).tool(*typed).stdout
    assert "Left out: commits, " in printed
    assert "\nci:\n  one: success\n" in printed
    systems = "ubuntu-latest or ubuntu-24.04 or ubuntu-26.04"
    assert f"\nLeft out, since no job runs on {systems}: docs.\n" in printed
    alone = by_hand(Project(moved), str(moved), "--workflow=docs")
    assert alone.returncode == 1
    assert alone.stdout.endswith("\nThe rehearsal failed: docs.\n")


def test_a_failed_job_is_the_last_line_and_the_status(project: Project) -> None:
    path = project.path / ".github/workflows/ci.yml"
    path.parent.mkdir(parents=True)
    path.write_text("on: push\njobs: {one: {runs-on: ubuntu-latest, steps: [run: false]}}\n")
    project.commit("ci: add a workflow")
    result = by_hand(project, ".", "--keep", "../kept")
    assert result.returncode == 1
    assert result.stdout.endswith("\nci:\n  one: failure\n\nThe rehearsal failed: ci.\n")
    assert (project.path / "../kept/index").is_dir()


def test_without_a_project_a_fresh_one_is_rehearsed(tmp_path: Path) -> None:
    made = default_project(tmp_path / "fresh", Bare(tmp_path / "bare", pythons.find_all()))
    assert Push.of(made, tmp_path).tag == "v0.1.0"


@pytest.mark.parametrize("change", ["changed", "untracked", "staged"])
def test_what_is_not_committed_is_refused(project: Project, tmp_path: Path, change: str) -> None:
    project.git("config", "status.showUntrackedFiles", "no")
    name = "new.txt" if change == "untracked" else "README.md"
    (project.path / name).write_text("changed\n")
    if change == "staged":
        project.git("add", "--all")
    with pytest.raises(RefusalError, match=f"Commit or stash first, .*\n.*{name}"):
        Push.of(project.path, tmp_path)


def test_settings_of_git_change_nothing(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpg, settings, hook = tmp_path / "gpg", tmp_path / "gitconfig", tmp_path / "hooks/pre-push"
    hook.parent.mkdir()
    for program, text in ((gpg, GPG), (hook, "#!/bin/sh\nexit 1\n")):
        program.write_text(text)
        program.chmod(0o755)
    settings.write_text(IDENTITY + SETTINGS.format(hook.parent, gpg))
    env = {"GIT_CONFIG_GLOBAL": str(settings)}
    project.run("git", "commit", "--allow-empty", "--gpg-sign=A", "--message=feat: one", env=env)
    assert "Good signature" in project.run("git", "log", "-1", env=env).stdout
    for tag in ("v1.0.0", "v1.0.1", "wip"):
        project.git("tag", "--annotate", f"--message={tag}", tag)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    push = Push.of(project.path, tmp_path)
    assert push.tag == "v1.0.1"
    _, request = events(push)["commits"]
    assert request["pull_request"]["title"] == "feat: one"
    assert request["pull_request"]["head"]["sha"] == project.git("rev-parse", "HEAD").strip()


def test_a_lightweight_tag_is_refused(project: Project, tmp_path: Path) -> None:
    project.git("tag", "v0.1.0")
    with pytest.raises(
        RefusalError, match=r"v0\.1\.0 is a lightweight tag.*git tag --delete v0\.1\.0"
    ):
        Push.of(project.path, tmp_path)

"""`copier update` keeps what the owner wrote and brings what only the template changed."""

import os
import re
import subprocess
from pathlib import Path
from runpy import run_path
from typing import Any

import copier
import pytest
import yaml

from history import (
    History,
    edit,
    files,
    given_once,
    remove,
    rename,
    rewrite,
    unmerged,
    update,
    write,
)
from project import FEATURES, IDENTITY, ROOT, Project, run

pytestmark = pytest.mark.slow(minutes=3)

OWNER = "# the owner's line\n"
TEMPLATE = "# the template's line\n"


@pytest.fixture
def history(template: Path, tmp_path: Path) -> History:
    """Return a clone of the template that a test may release new versions in."""
    return History.of(template, tmp_path / "template")


@pytest.fixture(scope="module")
def made(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project made by the working tree."""
    path = tmp_path_factory.mktemp("made") / "project"
    return History(template).project(path, project_name="Demo")


@pytest.fixture
def project(made: Project, template: Path, history: History, tmp_path: Path) -> Project:
    """Return a copy that a test may change, whose template is the clone."""
    project = made.copy(tmp_path / "project")
    edit(".copier-answers.yml", str(template), str(history.path))(project.path)
    project.git("commit", "--quiet", "--amend", "--no-edit", "--all")
    return project


def append(project: Project, name: str, text: str = OWNER, *, commit: bool = True) -> None:
    path = project.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.write(text)
    if commit:
        project.commit(f"feat: change {name}")


def test_untouched_project_becomes_what_the_new_version_renders(
    history: History, project: Project, tmp_path: Path
) -> None:
    new = history.release(
        edit("template/setup.py", "import sys\n", f"import sys\n{TEMPLATE}"),
        write("template/NEW.txt.jinja", "{{ project_name }}\n"),
        remove("template/MANIFEST.in"),
        rename("template/.github/SECURITY.md.jinja", "template/SECURITY.md.jinja"),
        edit("template/README.md.jinja", "#", "# New"),
    )
    before = files(project)
    update(project, way="copier")
    fresh = history.project(tmp_path / "fresh", new, project_name="Demo")
    assert not unmerged(project)
    owned = given_once(history.path)
    expected = files(fresh) | {name: text for name, text in before.items() if owned(name)}
    assert files(project) == expected
    assert (project.path / ".copier-answers.yml").read_bytes() == (
        fresh.path / ".copier-answers.yml"
    ).read_bytes()
    project.commit("build: update the template")
    update(project)
    assert not project.git("status", "--porcelain")


def test_edits_beside_each_other_merge(history: History, project: Project) -> None:
    append(project, "MANIFEST.in")
    history.release(edit("template/MANIFEST.in", "#", f"{TEMPLATE}#"))
    update(project)
    assert not unmerged(project)
    assert project.read("MANIFEST.in").startswith(TEMPLATE)
    assert project.read("MANIFEST.in").endswith(OWNER)


def test_edits_of_one_line_are_a_conflict(history: History, project: Project) -> None:
    edit("MANIFEST.in", "# Left over", f"{OWNER}# Left over")(project.path)
    project.commit()
    history.release(edit("template/MANIFEST.in", "# Left over", f"{TEMPLATE}# Left over"))
    update(project, fails=True)
    assert unmerged(project) == {"MANIFEST.in"}
    assert OWNER in project.read("MANIFEST.in")
    assert TEMPLATE in project.read("MANIFEST.in")


def test_files_that_one_of_two_versions_gives_once_are_the_owners(
    history: History, project: Project
) -> None:
    append(project, "MANIFEST.in")
    before = project.read("MANIFEST.in")
    listed = "_skip_if_exists:\n", "_skip_if_exists:\n  - /MANIFEST.in\n"
    history.release(edit("copier.yml", *listed), rewrite("template/MANIFEST.in", TEMPLATE))
    update(project)
    assert project.read("MANIFEST.in") == before
    project.commit("build: update the template")
    history.release(
        edit("copier.yml", *listed[::-1]), rewrite("template/MANIFEST.in", TEMPLATE * 2)
    )
    update(project)
    assert project.read("MANIFEST.in") == before


def test_files_given_once_are_the_owners(history: History, project: Project) -> None:
    sources = {
        "CHANGELOG.md": "CHANGELOG.md",
        "CITATION.cff": "CITATION.cff.jinja",
        "README.md": "README.md.jinja",
        "crates/Cargo.lock": "crates/Cargo.lock.jinja",
        "crates/src/lib.rs": "crates/src/lib.rs.jinja",
        "src/demo/__init__.py": "src/{{ module_name }}/__init__.py.jinja",
        "tests/test_package.py": "tests/test_package.py.jinja",
        "LICENSE": "LICENSE.jinja",
    }
    for name in sources:
        append(project, name, commit=False)
    project.commit()
    before = files(project)
    history.release(*(rewrite(f"template/{source}", TEMPLATE) for source in sources.values()))
    update(project)
    assert files(project) == before, "changed"

    for name in sources:
        (project.path / name).unlink()
    project.commit("feat: delete them")
    before = files(project)
    history.release(*(rewrite(f"template/{source}", TEMPLATE * 2) for source in sources.values()))
    update(project)
    assert files(project) == before, "resurrected"

    for name in sources:
        append(project, name, commit=False)
    project.commit("feat: write them anew")
    before = files(project)
    history.release(*(remove(f"template/{source}") for source in sources.values()))
    update(project)
    assert files(project) == before, "deleted"


def test_edit_of_a_file_that_the_template_removed_is_a_conflict(
    history: History, project: Project
) -> None:
    append(project, "MANIFEST.in")
    history.release(remove("template/MANIFEST.in"), remove("template/.github/SECURITY.md.jinja"))
    update(project, fails=True)
    assert unmerged(project) == {"MANIFEST.in"}
    assert project.read("MANIFEST.in").endswith(OWNER)
    assert not (project.path / ".github/SECURITY.md").exists()
    project.commit("build: keep the file")
    update(project)
    assert not project.git("status", "--porcelain")


def test_edit_of_a_file_that_the_template_renamed_moves_along(
    history: History, project: Project
) -> None:
    append(project, "MANIFEST.in")
    history.release(
        rename("template/MANIFEST.in", "template/editor/config"),
        edit("template/editor/config", "# Left over", f"# Left over\n{TEMPLATE}"),
    )
    update(project)
    assert not unmerged(project)
    assert not (project.path / "MANIFEST.in").exists()
    assert TEMPLATE in project.read("editor/config")
    assert project.read("editor/config").endswith(OWNER)


def test_clashing_edit_of_a_file_that_the_template_renamed_is_a_conflict(
    history: History, project: Project
) -> None:
    edit("MANIFEST.in", "# Left over", f"# Left over\n{OWNER}")(project.path)
    project.commit()
    history.release(
        rename("template/MANIFEST.in", "template/editor/config"),
        edit("template/editor/config", "# Left over", f"# Left over\n{TEMPLATE}"),
    )
    update(project, fails=True)
    assert unmerged(project) == {"editor/config"}
    assert OWNER in project.read("editor/config")
    assert TEMPLATE in project.read("editor/config")


def test_binary_file_of_the_owner_stays(history: History, project: Project) -> None:
    """A picture in the place of a text, say; Copier alone brings the text back."""
    names = {"MANIFEST.in", ".github/SECURITY.md"}
    for name in names:
        (project.path / name).write_bytes(b"\0\xff mine")
    project.commit()
    history.release(edit("template/MANIFEST.in", "# Left over", f"# Left over\n{TEMPLATE}"))
    update(project, fails=True)
    assert unmerged(project) == {"MANIFEST.in"}
    assert {(project.path / name).read_bytes() for name in names} == {b"\0\xff mine"}


def test_both_add_the_same_file(history: History, project: Project) -> None:
    append(project, "NEW.txt")
    history.release(write("template/NEW.txt", TEMPLATE))
    update(project, fails=True)
    assert unmerged(project) == {"NEW.txt"}
    assert OWNER in project.read("NEW.txt")


def refused(project: Project, message: str, **kwargs: Any) -> None:
    before = files(project)
    said = update(project, fails=True, **kwargs)
    assert re.search(message, said), said
    assert files(project) == before
    assert not project.git("status", "--porcelain")


def test_ignored_file_is_not_overwritten(history: History, project: Project) -> None:
    append(project, ".git/info/exclude", "NEW.txt\n*.rej\n", commit=False)
    append(project, "NEW.txt", commit=False)
    history.release(write("template/NEW.txt", TEMPLATE))
    refused(project, r"Git does not know your NEW\.txt.*git add --force")
    assert project.read("NEW.txt") == OWNER
    (project.path / "NEW.txt").unlink()
    for name in ("a b.rej", "Makefile.rej"):  # Git quotes one of them
        append(project, name, commit=False)
        refused(project, rf'Copier would delete your ignored "?{name}')
        assert project.read(name) == OWNER
        (project.path / name).unlink()


def test_ignored_file_that_was_the_templates_stays(history: History, project: Project) -> None:
    project.git("rm", "--cached", "--quiet", "MANIFEST.in")
    append(project, ".gitignore", "/MANIFEST.in\n")
    append(project, "MANIFEST.in", commit=False)
    history.release(remove("template/MANIFEST.in"))
    update(project)
    assert project.read("MANIFEST.in").endswith(OWNER)


def test_ignored_file_given_once_is_no_obstacle(history: History, project: Project) -> None:
    project.git("rm", "--cached", "--quiet", "crates/Cargo.lock")
    append(project, ".gitignore", "Cargo.lock\n")
    append(project, "crates/Cargo.lock", commit=False)
    history.release(
        write("template/NEW.txt", TEMPLATE), rewrite("template/crates/Cargo.lock.jinja", TEMPLATE)
    )
    update(project)
    assert project.read("NEW.txt") == TEMPLATE
    assert project.read("crates/Cargo.lock").endswith(OWNER)


def test_file_in_the_place_of_a_folder_is_named(history: History, project: Project) -> None:
    append(project, "extra")
    history.release(write("template/extra/file.txt", TEMPLATE))
    refused(project, "extra is a folder in your project or in the new version.*rename yours first")


@pytest.mark.parametrize("name", ["extra", "extra/file.txt"])
def test_pipe_in_the_place_of_a_new_file_is_named(
    history: History, project: Project, name: str
) -> None:
    """Git shows none, as it shows no socket."""
    pipe = project.path / name
    pipe.parent.mkdir(exist_ok=True)
    os.mkfifo(pipe)
    history.release(write("template/extra/file.txt", TEMPLATE))
    refused(project, f"Git does not know your {name}: rename it")
    assert pipe.is_fifo()


@pytest.mark.parametrize("question", ["module_name", "package_name"])
def test_names_cannot_change(history: History, project: Project, question: str) -> None:
    history.release(write("template/NEW.txt", TEMPLATE))
    refused(project, "Keep demo: your source files have this name", data={question: "other"})
    update(project, data={question: "demo"})
    assert project.read("NEW.txt") == TEMPLATE


def test_renamed_package_is_updated_under_its_new_name(history: History, project: Project) -> None:
    """Renamed as CONTRIBUTING.md says."""
    old = re.compile(r"\bdemo\b")
    project.git("mv", "src/demo", "src/gadget")
    for name in files(project).keys() | {".copier-answers.yml"}:
        write(name, old.sub("gadget", project.read(name)))(project.path)
    edit(".copier-answers.yml", "# checksum", "# no checksum")(project.path)
    project.commit("refactor!: rename the package")
    history.release(
        edit("template/setup.py", "import sys\n", f"import sys\n{TEMPLATE}"),
        edit(
            "template/pyproject.toml.jinja",
            "[tool.coverage.paths]",
            f"[tool.coverage.paths]\n{TEMPLATE}",
        ),
        write("template/NEW.txt.jinja", "{{ module_name }}\n"),
    )
    update(project)
    assert not unmerged(project)
    assert TEMPLATE in project.read("setup.py")
    assert TEMPLATE in project.read("pyproject.toml")
    assert project.read("NEW.txt") == "gadget\n"
    project.commit("build: update")
    update(project, data={"package_name": "gadget", "python_min": "3.12"}, way="copier")
    assert 'requires-python = ">=3.12"' in project.read("pyproject.toml")


def test_answers_edited_by_hand_are_refused(history: History, project: Project) -> None:
    history.release(write("template/NEW.txt", TEMPLATE))
    edit(".copier-answers.yml", "'3.11'", "'3.12'")(project.path)
    project.commit()
    refused(project, "was edited by hand")
    edit(".copier-answers.yml", "# checksum", "# no checksum")(project.path)
    project.commit()
    update(project)


def test_note_among_the_answers_is_an_edit_by_hand(history: History, project: Project) -> None:
    """Copier renders the old version with it too, and must not take it for an answer that was typed."""
    history.release(write("template/NEW.txt", TEMPLATE))
    edit(".copier-answers.yml", "license:", "note: mine\nlicense:")(project.path)
    project.commit()
    refused(project, "was edited by hand", way="copier")


@pytest.mark.parametrize("brought", [True, False], ids=["to one version", "of two versions"])
def test_answers_of_two_branches_merge_as_contributing_says(
    history: History, project: Project, brought: bool
) -> None:
    """Files that came with an answer get what changed in between."""
    update(project, data={"features": []})
    project.commit("feat!: drop the container")
    project.git("switch", "--quiet", "--create", "answer")
    update(project, "v9999.0.0", {"features": ["container"]})
    project.commit("feat: add a container")
    project.git("switch", "--quiet", "main")
    fix = edit("template/.dockerignore", "**/*.so\n", "**/*.so\nmine\n")
    new = history.release(write("template/NEW.txt", TEMPLATE), fix)
    update(project, data={"python_min": "3.13"})
    project.commit("feat!: drop older Pythons")
    if brought:
        project.git("switch", "--quiet", "answer")
        update(project, new)
        project.commit("build: update the template")
        project.git("switch", "--quiet", "main")
    clash = project.run("git", "merge", "--quiet", "answer", check=False)
    assert clash.stdout.count("CONFLICT") == 1, clash.stdout
    project.git("checkout", "--quiet", "--theirs", ".copier-answers.yml")  # of the older version
    edit(".copier-answers.yml", "python_min: '3.11'", "python_min: '3.13'")(project.path)
    project.commit("build: merge")
    history.release(write("template/NEWER.txt", TEMPLATE))
    refused(project, "was edited by hand, or two updates were merged")
    edit(".copier-answers.yml", "# checksum", "# no checksum")(project.path)
    project.commit("build: say so")
    update(project)
    assert not unmerged(project)
    assert project.read("NEWER.txt") == project.read("NEW.txt") == TEMPLATE
    assert "python_min: '3.13'" in project.read(".copier-answers.yml")
    assert 'requires-python = ">=3.13"' in project.read("pyproject.toml")
    assert "\nmine\n" in project.read(".dockerignore")


def test_version_of_a_fork_is_not_taken_for_that_of_the_template(
    template: Path, history: History, project: Project, tmp_path: Path
) -> None:
    """Both count alike, so the project would have been made from a version that it was not made from."""
    fork = History.of(template, tmp_path / "fork")
    fork.release(write("template/FORK.txt", TEMPLATE))
    history.release(write("template/NEW.txt", TEMPLATE))
    update(project)
    project.commit("build: update the template")
    edit(".copier-answers.yml", str(history.path), str(fork.path))(project.path)
    project.commit("build: move to the fork")
    message = f"v10000.0.0 at {re.escape(str(fork.path))} is another one than this project was made"
    refused(project, message)
    fork.release(write("template/FORK.txt", TEMPLATE * 2))
    refused(project, message)
    edit(".copier-answers.yml", "# commit", "# no commit")(project.path)
    project.commit("build: it is fine")
    update(project)
    assert not unmerged(project)


@pytest.mark.parametrize("releases", [1, 5], ids=["another", "none"])
def test_project_joins_a_fork_that_merged_what_it_was_made_from(
    template: Path, history: History, project: Project, tmp_path: Path, releases: int
) -> None:
    """Under a version of which the fork has another one, or none."""
    history.versions *= releases
    version = history.release(write("template/NEW.txt", TEMPLATE))
    update(project)
    project.commit("build: update the template")
    fork = History.of(template, tmp_path / "fork")
    fork.release(write("template/FORK.txt", TEMPLATE))
    run("git", "fetch", "--quiet", "--no-tags", history.path, "HEAD", cwd=fork.path)
    run("git", "merge", "--quiet", "--no-edit", "FETCH_HEAD", cwd=fork.path)
    fork.release(write("template/MERGED.txt", TEMPLATE))
    edit(".copier-answers.yml", str(history.path), str(fork.path))(project.path)
    project.commit("build: move to the fork")
    (commit,) = re.findall(r"(?m)^# commit: (\w+)", project.read(".copier-answers.yml"))
    if version in fork.versions:
        refused(
            project, rf"not arrive\. Write {commit} after `_commit:` in \.copier-answers\.yml, "
        )
    answers = project.read(".copier-answers.yml").replace(
        f"_commit: {version}", f"_commit: {commit}"
    )
    answers = re.sub(r"(?m)^# checksum.*\n", "", answers)
    (project.path / ".copier-answers.yml").write_text(answers)
    project.commit("build: name the commit")
    update(project)
    assert not unmerged(project)
    assert project.read("NEW.txt") == project.read("FORK.txt") == TEMPLATE
    assert project.read("MERGED.txt") == TEMPLATE


def test_project_that_leaves_a_fork_needs_its_tag(
    template: Path, history: History, project: Project, tmp_path: Path
) -> None:
    fork = History.of(template, tmp_path / "fork")
    fork.versions *= 5  # numbers of its own, and lower than the template's next one
    history.versions *= 9
    version = fork.release(write("template/FORK.txt", TEMPLATE))
    edit(".copier-answers.yml", str(history.path), str(fork.path))(project.path)
    project.commit("build: move to the fork")
    update(project)
    project.commit("build: update the template")
    edit(".copier-answers.yml", str(fork.path), str(history.path))(project.path)
    project.commit("build: move back")
    new = history.release(write("template/NEW.txt", TEMPLATE))
    command = "copier", "update", "--trust", "--defaults", "--quiet", f"--vcs-ref={new}"
    assert f"Unknown revision: '{version}'" in project.tool(*command, check=False).stdout
    run("git", "push", "--quiet", history.path, version, cwd=fork.path)
    project.tool(*command)
    assert not (project.path / "FORK.txt").exists()
    assert project.read("NEW.txt") == TEMPLATE


def test_recopy_with_another_answer_is_refused(
    history: History, project: Project, tmp_path: Path
) -> None:
    """It would leave the licence and all else that is given once, and say the opposite in the answers file."""
    append(project, "MANIFEST.in")
    recopy = "copier", "recopy", "--trust", "--defaults", "--overwrite"
    data = (
        "--data=license=MPL-2.0",
        '--data=features=["docs"]',
        "--data=description=$(rm -r .); 'x'",
    )
    before = files(project), project.read(".copier-answers.yml")
    result = project.tool(*recopy, *data, check=False)
    assert (files(project), project.read(".copier-answers.yml")) == before
    said = result.stdout.splitlines()[-1]
    assert said.startswith(
        "To change an answer, update, which also changes the files that are yours: "
    )
    project.tool("sh", "-c", said.partition(": ")[2])
    assert project.read("LICENSE").startswith("Mozilla")
    assert "description: $(rm -r .); 'x'\n" in project.read(".copier-answers.yml")
    assert not (project.path / "notebooks").exists()
    assert project.read("MANIFEST.in").endswith(OWNER)
    project.commit("feat: other answers")
    project.tool(*recopy)
    assert not project.read("MANIFEST.in").endswith(OWNER)


def test_recopy_brings_a_newer_version_that_asks_less(history: History, project: Project) -> None:
    question = "colour:\n  type: str\n  default: blue\n\n"
    history.release(edit("copier.yml", "features:\n", f"{question}features:\n"))
    update(project)
    project.commit()
    history.release(edit("copier.yml", question, ""), write("template/NEW.txt", TEMPLATE))
    project.tool("copier", "recopy", "--trust", "--defaults", "--overwrite")
    assert project.read("NEW.txt") == TEMPLATE
    assert "colour" not in project.read(".copier-answers.yml")


def test_copy_over_a_project_of_another_template(history: History, tmp_path: Path) -> None:
    """A question of that template may have the name of one of this template."""
    answers = "_commit: v1\n_src_path: /nowhere\nlicense: BSD\n"
    write(".copier-answers.yml", answers)(tmp_path / "demo")
    copier.run_copy(
        str(history.path),
        tmp_path / "demo",
        defaults=True,
        overwrite=True,
        unsafe=True,
        quiet=True,
    )
    project = Project(tmp_path / "demo")
    assert f"_src_path: {history.path}\n" in project.read(".copier-answers.yml")
    assert project.read("LICENSE").startswith("MIT License")


def test_address_of_the_template_may_change(history: History, project: Project) -> None:
    moved = history.path.rename(history.path.with_name("elsewhere"))
    history.path = moved
    history.release(write("template/NEW.txt", TEMPLATE))
    edit(".copier-answers.yml", "/template\n", "/elsewhere\n")(project.path)
    project.commit()
    update(project, way="copier")
    assert project.read("NEW.txt") == TEMPLATE


def test_template_named_by_a_relative_path_is_found_later(history: History, tmp_path: Path) -> None:
    """And until then, another copy takes the project for one of this template."""
    command = "copier", "copy", "--trust", "--defaults", "--overwrite"
    run(*command, "template", "demo", cwd=tmp_path)
    other = "--data=license=Apache-2.0", "template", "demo"
    assert "To change an answer, update" in run(*command, *other, cwd=tmp_path, check=False).stdout
    project = Project(tmp_path / "demo")
    project.commit()
    history.release(write("template/NEW.txt", TEMPLATE))
    update(project, way="copier")
    assert project.read("NEW.txt") == TEMPLATE


def test_secret_in_the_address_is_not_committed(history: History, tmp_path: Path) -> None:
    """Whoever updates needs none: what Git knows of the host is enough."""

    def stands_for_the_clone(address: str, cache: str) -> dict[str, str]:
        key = f"url.{history.path}.insteadOf"
        git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": key, "GIT_CONFIG_VALUE_0": address}
        return {**git, "COPIER_CACHE_DIR": str(tmp_path / cache)}

    address = "https://ada:s3cret@example.org/octo-org/template.git"
    project = Project(tmp_path / "given")
    run(
        *("copier", "copy", "--trust", "--defaults", "--quiet", address, project.path),
        cwd=tmp_path,
        env=stands_for_the_clone(address, "mine"),
    )
    project.commit()
    assert not project.run("git", "grep", "s3cret", check=False).stdout
    history.release(write("template/NEW.txt", TEMPLATE))
    update(
        project,
        way="copier",
        env=stands_for_the_clone(address.replace("ada:s3cret@", ""), "theirs"),
    )
    assert project.read("NEW.txt") == TEMPLATE


def test_template_in_a_folder_of_another_user_is_updated_as_contributing_says(
    history: History, project: Project, tmp_path: Path
) -> None:
    """Git has a variable to try that; it trusts the project's folder only."""
    history.release(write("template/NEW.txt", TEMPLATE))
    page = " ".join(project.read("CONTRIBUTING.md").split())
    (said,) = re.findall(r"folder, `(only supported in [^`]+)`: .* does not trust it", page)

    def trusting(folder: str | Path) -> dict[str, str]:
        settings = tmp_path / "gitconfig"
        settings.write_text(f"{IDENTITY}[safe]\n\tdirectory = {folder}\n")
        return {"GIT_TEST_ASSUME_DIFFERENT_OWNER": "1", "GIT_CONFIG_GLOBAL": str(settings)}

    env = trusting(project.path)
    assert said in update(project, way="copier", fails=True, env=env)
    status = project.run("git", "-C", history.path, "status", env=env, check=False).stdout
    assert f"git config --global --add safe.directory {history.path}" in status
    update(project, way="copier", env=trusting("*"))
    assert project.read("NEW.txt") == TEMPLATE


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("https://x-access-token:t@example.org/t.git", "https://example.org/t.git"),
        ("https://t@example.org/t.git", "https://example.org/t.git"),
        ("http://t@example.org/t.git", "http://example.org/t.git"),
        ("git+https://ada:p@ss@example.org:8443/t", "git+https://example.org:8443/t"),
        ("ssh://git:p@example.org:22/t.git", "ssh://example.org:22/t.git"),
        ("ssh://git@example.org:22/t.git", None),
        ("git@example.org:octo/t.git", None),
        ("https://example.org/a:b@c/t.git", None),
        ("gh:octo/t", None),
    ],
)
def test_address_is_stored_without_a_secret(address: str, stored: str | None) -> None:
    with_address = run_path(str(ROOT / "update/answers.py"))["with_address"]
    assert with_address({"_src_path": address}) == {"_src_path": stored or address}


def test_answer_that_became_invalid_is_not_reset_silently(
    history: History, project: Project
) -> None:
    """The entry that says so comes first in the list, as `docs/changing-questions.md` wants it."""
    gone = "  - version: v10000.0.0\n    command: echo No wheels for 3.11\n"
    history.release(
        edit("copier.yml", 'choices: ["3.11", "3.12"', 'choices: ["3.12"'),
        edit("copier.yml", 'default: "3.11"', 'default: "3.12"'),
        edit("copier.yml", "_migrations:\n", f"_migrations:\n{gone}"),
    )
    refused(
        project,
        r"No wheels for 3\.11\n(?s:.*)"
        r"no longer takes '3\.11' for python_min: choose an answer with --data",
        way="copier",
    )
    update(project, data={"python_min": "3.13", "license": "Apache-2.0"})
    assert 'requires-python = ">=3.13"' in project.read("pyproject.toml")
    assert "Apache License" in project.read("LICENSE")


def test_old_version_needs_no_new_extension(history: History, project: Project) -> None:
    """The exclusions of the new version are rendered by the old version's extensions as well."""
    history.release(
        edit("extensions/markup.py", 'environment.filters["markdown"] = markdown',
             'environment.filters["markdown"] = environment.filters["shout"] = str.upper'),
        write("template/NEW.txt.jinja", "{{ project_name | shout }}\n"),
    )  # fmt: skip
    update(project, way="copier")
    assert project.read("NEW.txt") == "DEMO\n"


def test_executable_bits_follow_both(history: History, project: Project) -> None:
    (project.path / "MANIFEST.in").chmod(0o755)
    project.commit()
    history.release(
        lambda root: (root / "template/setup.py").chmod(0o755),
        edit("template/MANIFEST.in", "#", f"{TEMPLATE}#"),
    )
    update(project)
    assert (project.path / "MANIFEST.in").stat().st_mode & 0o111
    assert (project.path / "setup.py").stat().st_mode & 0o111


def test_new_attributes_hold_for_the_files_that_come_with_them(
    history: History, project: Project
) -> None:
    names = [f"{number}.cmd" for number in range(40)]
    attributes = (history.path / "template/.gitattributes").read_text("utf-8")
    history.release(
        write("template/.gitattributes", f"{attributes}*.cmd text eol=crlf\n"),
        *(write(f"template/{name}.jinja", TEMPLATE) for name in names),
    )
    update(project)
    written = {(project.path / name).read_bytes() for name in names}
    assert written == {TEMPLATE.replace("\n", "\r\n").encode()}


def test_file_that_the_owner_made_unreadable_merges(history: History, project: Project) -> None:
    """As a template of the owner's: only what an update breaks is a conflict."""
    append(project, ".github/dependabot.yml", "{% if mine %}\n")
    history.release(
        edit("template/.github/dependabot.yml", "version: 2\n", f"{TEMPLATE}version: 2\n")
    )
    update(project)
    assert not unmerged(project)
    assert TEMPLATE in project.read(".github/dependabot.yml")
    assert project.read(".github/dependabot.yml").endswith("{% if mine %}\n")


def test_project_in_a_folder_of_a_repository(history: History, tmp_path: Path) -> None:
    top = tmp_path / "top"
    project = Project(top / "part")
    history.project(project.path, project_name="Demo")
    subprocess.run(["rm", "-rf", project.path / ".git"], check=True)
    Project(top).commit()
    with (project.path / "MANIFEST.in").open("a") as file:
        file.write(OWNER)
    Project(top).commit()
    history.release(remove("template/MANIFEST.in"))
    update(project, fails=True, way="copier")
    assert unmerged(Project(top)) == {"part/MANIFEST.in"}
    assert project.read("MANIFEST.in").endswith(OWNER)


def test_features_come_and_go(history: History, tmp_path: Path) -> None:
    """A feature brings its files when it is switched on, and takes along what nobody touched."""
    add_feature_files(history)
    newest = history.versions[-1]
    without = history.project(tmp_path / "without", newest, project_name="Demo", features=[])
    fresh = history.project(tmp_path / "fresh", newest, project_name="Demo", features=FEATURES)
    switched = without.copy(tmp_path / "switched")
    update(switched, ":current:", {"features": FEATURES})
    assert files(switched) == files(fresh)
    switched.commit("feat: switch on")

    folders = "docs", "notebooks", "benchmarks", ".github/workflows"
    mine = {f"{folder}/mine.txt" for folder in folders} | {"docs/index.md", "README.md"}
    for name in mine:
        append(switched, name)
    before = files(switched)
    said = update(switched, ":current:", {"features": []})
    assert "no longer has these; delete what you do not use: docs/index.md\n" in said
    after = files(switched)
    assert after.keys() == files(without).keys() | mine
    assert all(OWNER.encode() in after[name] for name in mine)
    switched.commit("feat: switch off")

    update(switched, ":current:", {"features": FEATURES})
    assert files(switched) == before


def add_feature_files(history: History) -> None:
    """Give each feature a file of the template's and one for the owner."""
    folders = {"docs": "docs", "notebook": "notebooks", "benchmarks": "benchmarks"}
    changes = []
    for feature in FEATURES:
        there = "{{ '%s' if '" + feature + "' in features else '' }}"
        changes.append(write(f"template/{there % (feature + '.cfg')}", f"{feature}\n"))
        if feature in folders:
            changes.append(write(f"template/{there % folders[feature]}/sample.txt", f"{feature}\n"))
    history.release(*changes)


def test_switching_on_keeps_what_is_there(history: History, tmp_path: Path) -> None:
    add_feature_files(history)
    project = history.project(tmp_path / "demo", history.versions[-1], features=["notebook"])
    append(project, "docs/sample.txt")
    (project.path / "notebooks/sample.txt").unlink()
    project.commit()
    update(project, ":current:", {"features": ["docs", "notebook"]})
    assert not unmerged(project)
    assert project.read("docs/sample.txt") == OWNER
    assert not (project.path / "notebooks/sample.txt").exists()
    assert project.read("docs.cfg") == "docs\n"


def test_edit_in_a_file_of_a_feature_that_goes_is_a_conflict(
    history: History, tmp_path: Path
) -> None:
    add_feature_files(history)
    project = history.project(tmp_path / "demo", history.versions[-1], features=["docs"])
    for name in ("docs.cfg", "docs/index.md", "mkdocs.yml"):
        append(project, name)
    said = update(project, ":current:", {"features": []}, fails=True)
    assert unmerged(project) == {"docs.cfg", "mkdocs.yml"}
    assert project.read("docs.cfg").endswith(OWNER)
    # There will be no site.
    assert "no longer has these; delete what you do not use: docs/index.md\n" in said


def test_raised_floor_arrives_everywhere(
    history: History, project: Project, tmp_path: Path
) -> None:
    """No file given once may name the oldest Python, since it would not follow."""
    update(project, ":current:", {"python_min": "3.13"})
    fresh = history.project(tmp_path / "fresh", project_name="Demo", python_min="3.13")
    assert files(project) == files(fresh)


def test_new_licence_brings_its_texts(history: History, project: Project, tmp_path: Path) -> None:
    append(project, "LICENSE")
    update(project, ":current:", {"license": "MIT OR Apache-2.0"})
    fresh = history.project(tmp_path / "fresh", project_name="Demo", license="MIT OR Apache-2.0")
    assert not unmerged(project)
    assert set(files(project)) == set(files(fresh)) | {"LICENSE"}
    assert project.read("LICENSE").endswith(OWNER)
    assert project.read("pyproject.toml") == fresh.read("pyproject.toml")


def test_finished_update_can_be_undone(project: Project) -> None:
    """By what CONTRIBUTING.md says."""
    before = files(project), project.read(".copier-answers.yml")
    said = update(project, ":current:", {"license": "MIT OR Apache-2.0", "features": ["pypi"]})
    assert "LICENSE-MIT" in files(project)
    assert not (project.path / "notebooks").exists()
    (undo,) = re.findall("`(git reset [^`]*)` undoes it", project.read("CONTRIBUTING.md"))
    assert undo in said
    project.run(*undo.split())
    assert (files(project), project.read(".copier-answers.yml")) == before
    assert not project.git("status", "--porcelain")


@pytest.mark.parametrize(
    ("address", "version", "says"),
    [
        (None, "v77.0.0", "Unknown revision"),
        ("git+file://HISTORY", "v77.0.0", "invalid reference"),
        ("https://localhost:1/template.git", None, "fatal:"),
        ("NOWHERE", None, "only supported in git-tracked templates"),
    ],
    ids=["no version", "no version at an address", "no host", "no folder"],
)
def test_what_copier_says_is_explained(
    history: History,
    project: Project,
    tmp_path: Path,
    address: str | None,
    version: str | None,
    says: str,
) -> None:
    if address:
        answers = project.read(".copier-answers.yml")
        place = str(tmp_path / "nowhere") if address == "NOWHERE" else address
        place = place.replace("HISTORY", str(history.path))
        write(".copier-answers.yml", re.sub("(_src_path: ).*", rf"\g<1>{place}", answers))(
            project.path
        )
        project.commit("build: the template moved")
    before = files(project)
    options = [f"--vcs-ref={version}"] if version else []
    result = project.tool("copier", "update", "--trust", "--defaults", *options, check=False)
    assert result.returncode
    assert says in result.stdout
    assert f"`{says}`" in " ".join(project.read("CONTRIBUTING.md").split())
    assert files(project) == before


def test_new_answers_reach_what_the_owner_moved(project: Project) -> None:
    """And what the owner deleted stays deleted, and is named."""
    project.git("mv", "LICENSE", "LICENSE.txt")
    project.git("mv", "README.md", "README.rst")
    project.git("rm", "--quiet", "CITATION.cff")
    project.commit("docs: rename")
    said = update(project, ":current:", {"license": "Apache-2.0", "github_owner": "octo-org"})
    assert not unmerged(project)
    assert "Apache License" in project.read("LICENSE.txt")
    assert "github.com/octo-org/demo" in project.read("README.rst")
    assert not {"LICENSE", "README.md", "CITATION.cff"} & set(files(project))
    assert "changed files that you had deleted; they stay deleted: CITATION.cff" in said


def test_new_answers_beside_the_version_are_no_conflict(project: Project) -> None:
    """A merge would clash where a line beside one that `make bump` wrote changes."""
    for name in ("pyproject.toml", "crates/Cargo.toml"):
        text = project.read(name)
        assert text.count('version = "0.0.0"') == 1
        (project.path / name).write_text(text.replace('version = "0.0.0"', 'version = "0.2.0"'))
    project.commit("bump: version 0.1.0 → 0.2.0")
    update(project, ":current:", {"description": "Numbers, fast"})
    assert not unmerged(project)
    for name in ("pyproject.toml", "crates/Cargo.toml"):
        assert 'version = "0.2.0"' in project.read(name)
        assert 'description = "Numbers, fast"' in project.read(name)


def test_new_line_beside_the_one_that_1_0_deletes_is_no_conflict(
    history: History, project: Project
) -> None:
    line = "major_version_zero = true"
    text = re.sub(rf"(?m)^{line}.*\n", "", project.read("pyproject.toml"))
    write("pyproject.toml", text)(project.path)
    project.commit("bump: version 0.1.0 → 1.0.0")
    history.release(edit("template/pyproject.toml.jinja", line, f"{TEMPLATE}{line}"))
    update(project)
    assert not unmerged(project)
    assert TEMPLATE in project.read("pyproject.toml")
    assert line not in project.read("pyproject.toml")


def test_no_file_of_the_template_is_ignored(history: History, tmp_path: Path) -> None:
    """Git could not bring back what an update overwrites there."""
    for licence, floor, features in (
        ("MIT", "3.11", []), ("MIT OR Apache-2.0", "3.14", FEATURES), ("MPL-2.0", "3.12", FEATURES[:3]),
    ):  # fmt: skip
        path = tmp_path / f"{floor}"
        project = history.project(
            path, project_name="Demo", license=licence, python_min=floor, features=features
        )
        made = [str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()]
        made = [name for name in made if not name.startswith(".git/")]
        assert len(made) > 30
        ignored = project.run("git", "check-ignore", "--no-index", "--", *made, check=False)
        assert not ignored.stdout


def test_new_question_takes_its_default(history: History, project: Project) -> None:
    history.release(
        edit("copier.yml", "features:\n", "colour:\n  type: str\n  default: blue\n\nfeatures:\n"),
        write("template/NEW.txt.jinja", "{{ colour }}\n"),
    )
    update(project, way="copier")
    assert project.read("NEW.txt") == "blue\n"
    assert "colour: blue" in project.read(".copier-answers.yml")


def test_owners_can_read_which_files_are_theirs(project: Project) -> None:
    settings = yaml.safe_load((ROOT / "copier.yml").read_text("utf-8"))
    patterns = {entry[1:] for entry in settings["_skip_if_exists"] if entry.startswith("/")}
    table = project.read("CONTRIBUTING.md").split("| files | owner |")[1].split("\n\n")[0]
    rows = [row for row in table.splitlines() if row.endswith("| you |")]
    listed = {name.rstrip("/") for row in rows for name in re.findall("`([^`]+)`", row)}
    assert listed == patterns | {"uv.lock"}


def test_refusals_of_copier_itself_are_one_sentence(history: History, project: Project) -> None:
    history.release()
    update(project)
    project.commit()
    refused(project, "Downgrades are not supported", version="v9999.0.0")
    append(project, "README.md", commit=False)
    assert "commit or stash your local changes" in update(project, fails=True, way="copier")

"""`cz bump` moves one version through all files, in one commit and one tag, or changes nothing."""

import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from conftest import Render
from project import Project, run

MANIFESTS = ["pyproject.toml", "crates/Cargo.toml", "crates/Cargo.lock", "uv.lock"]


@pytest.fixture(scope="session")
def committed(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its first commit, to be copied."""
    project = render(package_name="Bump.Sample", module_name="bump_sample", github_owner="ada")
    project = project.copy(tmp_path_factory.mktemp("committed") / "project")
    project.run("uv", "lock")
    project.commit("feat: start the project")
    return project


@pytest.fixture(scope="session")
def bumped(committed: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project with its first release, to be copied."""
    project = committed.copy(tmp_path_factory.mktemp("bumped") / "project")
    bump(project)
    return project


@pytest.fixture
def project(committed: Project, tmp_path: Path) -> Project:
    return committed.copy(tmp_path / "project")


@pytest.fixture
def released(bumped: Project, tmp_path: Path) -> Project:
    return bumped.copy(tmp_path / "project")


def change(project: Project, message: str) -> None:
    """Commit a change of a source file."""
    with (project.path / "src/bump_sample/reference.py").open("a") as file:
        file.write(f"# {message}\n")
    project.commit(message)


def bump(project: Project, *arguments: str) -> str:
    """Bump, check that all files agree, and return the new version."""
    before = project.git("rev-parse", "HEAD")
    project.run("cz", "bump", "--yes", *arguments)
    assert project.git("rev-parse", "HEAD~1") == before
    assert project.git("status", "--porcelain") == ""
    tag = project.git("describe", "--exact-match").strip()
    assert project.git("cat-file", "-t", tag).strip() == "tag"
    files = set(project.git("diff", "--name-only", "HEAD~1").split())
    assert files == {"CHANGELOG.md", *MANIFESTS}
    metadata = project.run(
        *["cargo", "metadata", "--locked", "--offline", "--format-version=1", "--manifest-path"],
        "crates/Cargo.toml",
    ).stdout
    crates = {crate["name"]: crate["version"] for crate in json.loads(metadata)["packages"]}
    pyproject = tomllib.loads(project.read("pyproject.toml"))
    assert tag == "v" + pyproject["project"]["version"] == "v" + crates["accelerate"]
    project.run("uv", "lock", "--check", "--offline")
    return tag.removeprefix("v")


def refused(project: Project, *arguments: str) -> str:
    """Bump, check that it is refused and changes nothing, and return what it said."""
    before = state(project)
    result = project.run("cz", "bump", "--yes", *arguments, check=False)
    assert result.returncode != 0, result.stdout
    assert state(project) == before
    return result.stdout


def state(project: Project) -> list[object]:
    """Return everything that a bump could change."""
    return [
        *(
            project.git(*command.split())
            for command in ("show-ref", "status", "diff", "diff --cached")
        ),
        *((project.path / name).read_bytes() for name in ["CHANGELOG.md", *MANIFESTS]),
    ]


def sections(project: Project) -> dict[str, str]:
    """Return the sections of the changelog by version, in order."""
    parts = re.split(r"^## v(\S+) .*$", project.read("CHANGELOG.md"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_versions_follow_the_commits(project: Project) -> None:
    assert bump(project) == "0.1.0"
    assert "- start the project" in sections(project)["0.1.0"]

    change(project, "fix: one")
    assert bump(project) == "0.1.1"
    change(project, "feat: two")
    change(project, "docs: not in the changelog")
    assert bump(project) == "0.2.0"
    change(project, "feat!: three")
    assert bump(project) == "0.3.0"

    assert [*sections(project)] == ["0.3.0", "0.2.0", "0.1.1", "0.1.0"]
    assert sections(project)["0.2.0"].strip() == "### Feat\n\n- two"
    assert project.read("CHANGELOG.md").startswith("# Changelog\n\n`cz bump` adds")


def test_from_1_0_0_on_breaking_changes_move_the_major_version(released: Project) -> None:
    change(released, "feat: stable")
    assert bump(released, "1.0.0") == "1.0.0"
    change(released, "feat!: break")
    assert bump(released) == "2.0.0"
    change(released, "feat: more")
    assert bump(released) == "2.1.0"


def test_pre_releases_lead_to_a_final_version_with_complete_notes(released: Project) -> None:
    change(released, "feat: one")
    assert bump(released, "--prerelease", "rc") == "0.2.0-rc.0"
    assert 'name = "bump-sample"\nversion = "0.2.0rc0"' in released.read("uv.lock")
    change(released, "fix: two")
    assert bump(released, "--prerelease", "rc") == "0.2.0-rc.1"
    assert sections(released)["0.2.0-rc.1"].strip() == "### Fix\n\n- two"
    assert bump(released) == "0.2.0"

    assert [*sections(released)] == ["0.2.0", "0.1.0"]
    assert sections(released)["0.2.0"].strip() == "### Feat\n\n- one\n\n### Fix\n\n- two"


def test_the_first_release_may_be_a_pre_release(project: Project) -> None:
    assert bump(project, "--prerelease", "rc") == "0.1.0-rc.0"
    assert bump(project) == "0.1.0"
    assert [*sections(project)] == ["0.1.0"]


def test_dependencies_with_the_same_version_stay(released: Project) -> None:
    """The version of the project becomes equal to that of PyO3 and of dependencies of Python."""
    pyo3 = re.findall(r'name = "pyo3"\nversion = "(.+)"', released.read("crates/Cargo.lock"))[0]
    for name, line in {
        "pyproject.toml": f'\n[tool.other]\nversion = "{pyo3}"\nneeds = ["ruff!={pyo3}"]\n',
        "crates/Cargo.toml": f'\n[package.metadata.other]\nversion = "{pyo3}"\n',
    }.items():
        path = released.path / name
        text = re.sub(
            'version = "[^"]+", features', f'version = "{pyo3}", features', path.read_text()
        )
        path.write_text(text + line)
    # Somebody else's crate with the same name too.
    crate = f'[[package]]\nname = "accelerate"\nversion = "{pyo3}"\nsource = "x"\n\n'
    lock_file = released.path / "crates/Cargo.lock"
    lock_file.write_text(lock_file.read_text().replace("[[package]]\n", f"{crate}[[package]]\n", 1))
    # Somebody else's packages with the same version, in front of the project and after it.
    package = f'[[package]]\nname = "{{}}"\nversion = "{pyo3}"\nsource = {{{{ registry = "x" }}}}\n'
    head, *packages = released.read("uv.lock").split("[[package]]\n")
    lock = [head.rstrip(), package.format("aaa"), *packages, package.format("zzz")]
    (released.path / "uv.lock").write_text(
        "\n[[package]]\n".join(lock).replace("[[package]]\n[[package]]", "[[package]]")
    )
    released.commit("feat: depend on something")
    released.run("cz", "bump", "--yes", pyo3)
    before = {name: released.git("show", f"HEAD:{name}") for name in MANIFESTS}
    change(released, "fix: something")
    released.run("cz", "bump", "--yes")

    for name in MANIFESTS:
        old, new = before[name].splitlines(), released.read(name).splitlines()
        changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        assert len(changed) == 1, name
        *minor, patch = pyo3.split(".")
        after = ".".join([*minor, str(int(patch) + 1)])
        assert changed[0][1].split('"')[1] == after, changed
        assert any(pyo3 in line for line in new), name


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md", "pyproject.toml", "uv.lock"])
def test_uncommitted_changes_are_refused_and_kept(project: Project, name: str) -> None:
    for staged in (False, True):
        with (project.path / name).open("a") as file:
            file.write("\n# mine\n")
        if staged:
            project.git("add", name)

        assert "Commit or stash" in refused(project)


def test_nothing_to_release_is_refused(released: Project) -> None:
    assert "NO_COMMITS" in refused(released)
    change(released, "docs: one")
    assert "not eligible" in refused(released)


def test_an_existing_tag_is_refused(released: Project) -> None:
    change(released, "feat: one")
    released.git("switch", "--quiet", "--create=other")
    change(released, "feat: two")
    released.git("tag", "v0.2.0")
    released.git("switch", "--quiet", "main")

    assert "v0.2.0 exists already" in refused(released)


def test_an_older_version_is_refused(released: Project) -> None:
    change(released, "feat: one")

    assert "not newer" in refused(released, "0.0.7")


@pytest.mark.parametrize("depth", ["--depth=1", "--no-tags"])
def test_a_clone_without_tags_is_refused_until_they_are_fetched(
    released: Project, tmp_path: Path, depth: str
) -> None:
    change(released, "fix: one")
    clone = Project(tmp_path / "clone")
    run("git", "clone", "--quiet", depth, released.path.as_uri(), clone.path, cwd=tmp_path)

    advice = re.search(r"`(git fetch .+?)`", refused(clone))
    assert advice
    clone.run(*advice[1].split())
    assert bump(clone) == "0.1.1"


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_version_changed_by_hand_is_refused(released: Project, name: str) -> None:
    text = released.read(name)
    crate = "accelerate" if name.startswith("crates") else "bump-sample"
    pattern = (
        r'(^name = "{}"(?:\n.*)*?\nversion = ")[^"]+'
        if "lock" in name
        else r'(\nversion = "){}[^"]+'
    )
    new = re.sub(
        pattern.format(crate if "lock" in name else ""), r"\g<1>7.0.0", text, count=1, flags=re.M
    )
    assert new != text
    (released.path / name).write_text(new)
    change(released, "fix: one")

    said = refused(released)
    assert f"{name} has version 7.0.0" in said


def test_an_uncommitted_lock_file_is_refused(project: Project) -> None:
    project.git("rm", "--quiet", "--cached", "uv.lock")
    project.git("commit", "--quiet", "--message=chore: forget the lock file")

    assert "uv.lock is not in Git" in refused(project)


def test_no_identity_is_refused(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    change(project, "feat: one")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("EMAIL", "")
    project.git("config", "user.useConfigOnly", "true")

    assert "tell me who you are" in refused(project)


@pytest.mark.parametrize("hook", ["pre-commit", "commit-msg"])
def test_a_commit_that_a_hook_refuses_is_taken_back(project: Project, hook: str) -> None:
    (project.path / ".git/hooks").mkdir(exist_ok=True)
    path = project.path / ".git/hooks" / hook
    path.write_text("#!/bin/sh\necho not today >&2\nexit 1\n")
    path.chmod(0o755)

    assert "not today" in refused(project)


def test_a_signature_that_fails_is_taken_back(project: Project) -> None:
    project.git("config", "tag.gpgSign", "true")
    project.git("config", "gpg.program", shutil.which("false") or "false")

    assert "git tag failed" in refused(project)


def test_the_hooks_of_the_project_accept_a_bump(project: Project) -> None:
    project.git("config", "core.hooksPath", ".githooks")
    project.run("git", "commit", "--allow-empty", "--message=fix: one")
    assert project.run("git", "commit", "--allow-empty", "--message=wip", check=False).returncode

    project.run("cz", "bump", "--yes")
    assert project.git("describe", "--exact-match").strip() == "v0.1.0"

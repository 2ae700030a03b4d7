"""Whatever goes wrong in a release, nothing is published; and a second run completes the first.

These tests run the script and single steps of the workflow. The jobs as a whole are rehearsed in test_release.py.
"""

import hashlib
import itertools
import re
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from conftest import Render
from project import ROOT, Project, run
from rehearsal.bare import Bare
from servers import served
from steps import jobs, run_step, step

pytestmark = pytest.mark.slow

TAG = "v0.1.0"
STEM = "fault_sample-0.1.0"
PLATFORMS = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64",
    "manylinux_2_28_aarch64",
    "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64",
    "macosx_10_12_x86_64",
    "macosx_11_0_arm64",
    "win_amd64",
    "win_arm64",
]
SCRIPT = "uv run --locked --only-group release python"  # what the steps call it with


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    return Bare(tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="module")
def tagged(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project as a bump to 0.1.0 leaves it, but for the lock files."""
    project = render(
        package_name="Fault.Sample",
        module_name="fault_sample",
        github_owner="ada",
        features=["pypi", "free_threaded"],
    ).copy(tmp_path_factory.mktemp("tagged") / "project")
    for name in ("pyproject.toml", "crates/Cargo.toml"):
        edit(project, name, r'^version = "[^"]+"', 'version = "0.1.0"')
    changelog = (
        "# Changelog\n\n## v0.1.0 (2026-01-31)\n\n### Feat\n\n- start\n\n## v0.0.1 (2026-01-30)\n"
    )
    (project.path / "CHANGELOG.md").write_text(changelog)
    project.commit()
    project.git("tag", "--annotate", "--message=x", TAG)
    return project


@pytest.fixture
def project(tagged: Project, tmp_path: Path) -> Project:
    return tagged.copy(tmp_path / "project")


def edit(project: Project, name: str, pattern: str, new: str) -> None:
    """Replace the first match in a file."""
    path = project.path / name
    text, count = re.subn(pattern, new, path.read_text("utf-8"), count=1, flags=re.MULTILINE)
    assert count == 1, (name, pattern)
    path.write_text(text, "utf-8")


def release(project: Project, *arguments: str | Path) -> str:
    """Run the script, and return why it refused; empty if it did not."""
    result = run(sys.executable, "scripts/release.py", *arguments, cwd=project.path, check=False)
    assert (result.returncode == 0) != ("Not released: " in result.stdout), result.stdout
    assert "Traceback" not in result.stdout, result.stdout
    return result.stdout if result.returncode else ""


# What the tag points to.


def origin_of(project: Project, folder: Path, branch: str = "main") -> Path:
    """Push everything to a new repository with this default branch."""
    origin = folder / "origin.git"
    project.git("branch", "--move", branch)
    project.git("init", "--quiet", "--bare", f"--initial-branch={branch}", str(origin))
    project.git("remote", "add", "origin", str(origin))
    return origin


def on_default_branch(project: Project, origin: Path, bare: Bare, folder: Path, branch: str) -> str:
    """Check a tag out as the first job does, and return why its step refused."""
    steps = jobs(project, "release")["gate"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    clone = Project(folder / "clone")
    run("git", "clone", "--quiet", str(origin), str(clone.path), cwd=folder)
    clone.git("checkout", "--quiet", TAG)
    result = run_step(
        step(project, "release", "gate", "Check that the tag is on the default branch"),
        clone.path,
        bare,
        context={"github.event.repository.default_branch": branch},
    )
    assert (result.returncode == 0) == ("::error::" not in result.stdout), result.stdout
    return result.stdout if result.returncode else ""


@pytest.mark.parametrize("branch", ["main", "trunk"])
@pytest.mark.parametrize("kind", ["--annotate", "--no-sign"], ids=["annotated", "lightweight"])
def test_a_tag_on_the_default_branch_is_released(
    project: Project, bare: Bare, tmp_path: Path, branch: str, kind: str
) -> None:
    """A lightweight tag does no harm: whatever a tag promises is checked in the commit."""
    message = ["--message=x"] if kind == "--annotate" else []
    project.git("tag", "--force", kind, *message, TAG)
    origin = origin_of(project, tmp_path, branch)
    project.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=fix: later")
    project.git("push", "--quiet", "origin", branch, TAG)

    assert on_default_branch(project, origin, bare, tmp_path, branch) == ""


@pytest.mark.parametrize("branch", ["main", "trunk"])
def test_a_tag_off_the_default_branch_is_not_released(
    project: Project, bare: Bare, tmp_path: Path, branch: str
) -> None:
    origin = origin_of(project, tmp_path, branch)
    project.git("push", "--quiet", "origin", branch)
    project.git("switch", "--quiet", "--create", "side")
    project.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=fix: aside")
    project.git("tag", "--force", "--annotate", "--message=x", TAG)
    project.git("tag", f"origin/{branch}")  # which Git reads before the branch
    project.git("push", "--quiet", "origin", "side", TAG, f"origin/{branch}")

    said = on_default_branch(project, origin, bare, tmp_path, branch)
    assert f"the tag is not on the branch {branch}" in said


def test_when_a_colleague_pushed_first_no_tag_is_pushed(project: Project, tmp_path: Path) -> None:
    """The command is the one in CONTRIBUTING."""
    origin = origin_of(project, tmp_path)
    project.git("push", "--quiet", "--set-upstream", "origin", "main")
    run("git", "clone", "--quiet", str(origin), str(tmp_path / "colleague"), cwd=tmp_path)
    colleague = Project(tmp_path / "colleague")
    for one in (colleague, project):
        one.git("commit", "--quiet", "--allow-empty", "--no-verify", f"--message=fix: {one.path}")
    colleague.git("push", "--quiet")
    project.git("tag", "--annotate", "--message=x", "v0.2.0")
    (command,) = re.findall(r"^git push .+", project.read("CONTRIBUTING.md"), re.MULTILINE)

    assert project.run(*command.split(), check=False).returncode
    assert run("git", "tag", cwd=origin).stdout == ""


@pytest.mark.parametrize(
    ("name", "pattern", "new", "said"),
    [
        ("pyproject.toml", '^version = "0.1.0"', 'version = "0.1.1"', "pyproject.toml has version"),
        ("CHANGELOG.md", "v0.1.0", "v0.1.0-rc.0", "CHANGELOG.md has no section v0.1.0"),
    ],
)
def test_a_version_that_disagrees_is_not_released(
    project: Project, name: str, pattern: str, new: str, said: str
) -> None:
    edit(project, name, pattern, new)
    assert said in release(project, "notes", TAG)


@pytest.mark.parametrize("tag", ["v0.2.0", "vnext", "v0.1.0-rc.0", "v"])
def test_a_tag_that_disagrees_is_not_released(tagged: Project, tag: str) -> None:
    assert "Not released: " in release(tagged, "notes", tag)


def test_the_notes_are_the_section_of_the_version(project: Project) -> None:
    def notes() -> str:
        return project.run(sys.executable, "scripts/release.py", "notes", TAG).stdout

    assert notes() == "### Feat\n\n- start\n"
    edit(project, "CHANGELOG.md", r"## v0\.1\.0 \(.*\)", "## v0.1.0")
    assert notes() == "### Feat\n\n- start\n"


def test_notes_too_long_for_github_are_cut(project: Project) -> None:
    edit(project, "CHANGELOG.md", "- start", "- é🦀" * 40_000)
    notes = project.run(sys.executable, "scripts/release.py", "notes", TAG).stdout
    assert 119_000 < len(notes) < 125_000


# What is in the files.


def make_wheel(
    folder: Path, tags: str, *extra: str, inside: str = "Fault.Sample 0.1.0", stem: str = STEM
) -> Path:
    """Write a wheel that holds little more than the names of its files."""
    ending = ".pyd" if "win" in tags else ".abi3.so"
    name, _, version = inside.partition(" ")
    path = folder / f"{stem}-{tags}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (
            "fault_sample/",  # auditwheel adds the folders
            "fault_sample/__init__.py",
            f"fault_sample/_accelerate{ending}",
            "fault_sample.libs/libgcc_s-1.so.1",
            "fault_sample/.dylibs/libz.dylib",
            f"{stem}.dist-info/licenses/LICENSE",
            f"{stem}.dist-info/sboms/fault-sample.cdx.json",
            f"{stem}.dist-info/RECORD",
            *extra,
        ):
            archive.writestr(file, b"")
        metadata = f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n"
        archive.writestr(f"{stem}.dist-info/METADATA", metadata)
    return path


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """Return a folder with what a release consists of."""
    folder = tmp_path / "dist"
    folder.mkdir()
    (folder / f"{STEM}.tar.gz").write_bytes(b"source")
    pythons = ["cp311-abi3", "cp314-cp314t", "cp315-cp315t"]
    for python, platform in itertools.product(pythons, PLATFORMS):
        make_wheel(folder, f"{python}-{platform}")
    return folder


def test_a_good_set_is_released(tagged: Project, dist: Path) -> None:
    make_wheel(dist, "cp311-abi3-win_amd64", inside="fault-sample 0.1.0")  # some builders normalise
    assert len(list(dist.iterdir())) == 25
    assert release(tagged, "files", dist) == ""


def test_a_candidate_is_released_under_pythons_spelling(project: Project, tmp_path: Path) -> None:
    edit(project, "pyproject.toml", r'^version = "[^"]+"', 'version = "0.1.0-rc.0"')
    dist, stem = tmp_path / "dist", STEM + "rc0"
    dist.mkdir()
    (dist / f"{stem}.tar.gz").write_bytes(b"source")
    make_wheel(dist, "cp311-abi3-win_amd64", inside="Fault.Sample 0.1.0rc0", stem=stem)
    assert release(project, "files", dist) == ""


@pytest.mark.parametrize(
    ("tags", "inside"),
    [
        # of something else
        ("cp311-abi3-win_amd64", "Fault.Sample 0.1.1"),
        ("cp311-abi3-win_amd64", "fault-sampler 0.1.0"),
        ("cp311-abi3-win_amd64", ""),
        # systems that PyPI does not take wheels for, which it would say when it has half of the files
        ("cp311-abi3-linux_x86_64", "Fault.Sample 0.1.0"),
        ("py3-none-any", "Fault.Sample 0.1.0"),
    ],
)
def test_a_wheel_that_lies_is_not_released(
    tagged: Project, dist: Path, tags: str, inside: str
) -> None:
    make_wheel(dist, tags, inside=inside)
    assert "Not released: " in release(tagged, "files", dist)


@pytest.mark.parametrize(
    "file",
    [
        ".env",
        "fault_sample/.env",
        "fault_sample/secret.pem",
        "fault_sample/_sample.pyc",
        "other/fault_sample.libs/list.txt",
        "tests/test_package.py",
        "README.md",
        f"{STEM}.data/purelib/every_start.pth",
    ],
)
def test_a_wheel_with_a_stray_file_is_not_released(tagged: Project, dist: Path, file: str) -> None:
    make_wheel(dist, "cp311-abi3-win_amd64", file)
    assert f"holds {file}, which does not belong there" in release(tagged, "files", dist)


@pytest.mark.parametrize(
    "name",
    [
        "fault_sample-0.1.1-cp311-abi3-win_amd64.whl",
        "fault_sample-0.1.0.post1-cp311-abi3-win_amd64.whl",
        "fault_sampler-0.1.0-cp311-abi3-win_amd64.whl",
        "fault_sample-0.1.0.zip",
        "notes.txt",
        ".env",
    ],
)
def test_a_file_of_something_else_is_not_released(tagged: Project, dist: Path, name: str) -> None:
    shutil.copy(dist / f"{STEM}-cp311-abi3-win_amd64.whl", dist / name)
    assert f"Not released: {name} is not a wheel of fault-sample 0.1.0 for PyPI" in release(
        tagged, "files", dist
    )


def test_two_jobs_that_build_the_same_file_stop_the_release(
    tagged: Project, bare: Bare, tmp_path: Path
) -> None:
    """One of them would silently take the place of the other."""
    bring = step(tagged, "release", "check", "Bring the files of all jobs together")
    for job in ("dist-sdist", "dist-macos-15-intel", "dist-macos-latest"):
        (tmp_path / "artifacts" / job).mkdir(parents=True)
        (tmp_path / "artifacts" / job / f"{job}.whl").write_text(job)
    assert run_step(bring, tmp_path, bare, context={}).returncode == 0
    assert len(list((tmp_path / "release/dist").iterdir())) == 3

    for job in ("dist-macos-15-intel", "dist-macos-latest"):
        (tmp_path / "artifacts" / job / "arm64.whl").write_text(job)
    result = run_step(bring, tmp_path, bare, context={})
    assert result.returncode
    assert "arm64.whl" in result.stdout


# What is published already. `A` and `B` are two builds of one version with other bytes.


@dataclass
class Index:
    """A package index that keeps the first file of each name."""

    files: dict[str, bytes] = field(default_factory=dict)
    address: str = ""
    broken: int = 0  # the status that it answers with


@contextmanager
def serve(index: Index) -> Iterator[Index]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(index.broken or (200 if index.files else 404))
            self.end_headers()
            assert self.path == "/simple/fault-sample/"
            for name, content in index.files.items():
                digest = hashlib.sha256(content).hexdigest()
                link = f'<a href="../../{name}#sha256={digest}" data-requires-python="&gt;=3.11">{name}</a><br />'
                self.wfile.write(link.encode())

        def log_message(self, *arguments: object) -> None:
            pass

    with served(HTTPServer(("127.0.0.1", 0), Handler)) as address:
        index.address = f"{address}/simple/"
        yield index


@pytest.fixture
def index() -> Iterator[Index]:
    with serve(Index()) as index:
        yield index


def test_an_index_with_the_same_files_or_none_of_the_version_is_no_obstacle(
    tagged: Project, dist: Path, index: Index
) -> None:
    assert release(tagged, "index", dist, index.address) == ""
    index.files = {
        f"{STEM}.tar.gz": b"source",
        "fault_sample-0.1.0.post1.tar.gz": b"x",
        "fault_sample-0.0.9-cp311-abi3-win_amd64.whl": b"x",
    }
    assert release(tagged, "index", dist, index.address) == ""


@pytest.mark.parametrize("name", [f"{STEM}.tar.gz", f"{STEM}-cp310-abi3-win_amd64.whl"])
def test_an_index_with_other_files_of_the_version_stops_the_release(
    tagged: Project, dist: Path, index: Index, name: str
) -> None:
    index.files = {name: b"other"}
    assert f"has another {name}" in release(tagged, "index", dist, index.address)


@pytest.mark.parametrize("status", [0, 403, 429, 500])
def test_an_index_that_does_not_answer_stops_the_release(
    tagged: Project, dist: Path, index: Index, status: int
) -> None:
    index.broken = status
    address = index.address if status else "http://127.0.0.1:9/simple/"  # where nobody listens
    assert "cannot be read" in release(tagged, "index", dist, address)


class Run:
    """One run of the jobs that publish, and of the last step before them."""

    def __init__(
        self, project: Project, folder: Path, bare: Bare, github: Path, index: Index
    ) -> None:
        self.project, self.folder, self.bare = project, folder, bare
        self.github, self.index = github, index
        self.artifact = folder / "artifact"
        self.artifact.mkdir(parents=True)
        self.context = {"github.ref_name": TAG, "github.repository": "a/b", "github.token": "x"}
        github.mkdir(exist_ok=True)
        gh = (ROOT / "rehearsal/bin/gh").read_text().replace("@KEPT@", str(github))
        self.write_gh(gh)

    def write_gh(self, text: str) -> None:
        self.gh = self.folder / "bin/gh"
        self.gh.parent.mkdir(exist_ok=True)
        self.gh.write_text(text)
        self.gh.chmod(0o755)

    def check(self, dist: Path) -> "Run":
        """Do what the job `check` does before it hands the files on."""
        checkout = Project(self.folder / "check")
        for name in ("CHANGELOG.md", "crates/Cargo.toml", "pyproject.toml", "scripts/release.py"):
            (checkout.path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.project.path / name, checkout.path / name)
        shutil.copytree(dist, checkout.path / "release/dist")
        checksums = step(self.project, "release", "check", "Write notes and checksums")
        checksums["run"] = checksums["run"].replace(SCRIPT, sys.executable)
        output = self.folder / "output"
        context = {**self.context, "GITHUB_OUTPUT": str(output)}
        result = run_step(checksums, checkout.path, self.bare, context=context)
        assert result.returncode == 0, result.stdout
        (text,) = re.findall(r"\Aall<<\.\n(.+)\n\.\n\Z", output.read_text(), re.DOTALL)
        self.context["needs.check.outputs.checksums"] = text
        shutil.rmtree(self.artifact)
        shutil.copytree(checkout.path / "release", self.artifact)
        return self

    def step(self, job: str, name: str) -> CompletedProcess[str]:
        folder = self.folder / job
        if not folder.exists():
            shutil.copytree(self.artifact, folder / "release")
        found = step(self.project, "release", job, name)
        return run_step(
            found, folder, self.bare, self.gh.parent, context=self.context, uv=False, rust=False
        )

    def verified(self, job: str) -> bool:
        return not self.step(job, "Check that these are the files").returncode

    def tag_moved(self, job: str) -> bool:
        result = self.step(job, "Check that the tag has not moved")
        assert (f"{TAG} was moved or deleted" in result.stdout) == bool(result.returncode)
        return bool(result.returncode)

    def publish(self) -> str:
        """Run all jobs, and return the one that failed; empty if none did."""
        for job in ("check", "draft", "pypi", "github"):
            shutil.rmtree(self.folder / job, ignore_errors=True)
            if job == "check":
                dist = self.artifact / "dist"
                if release(self.project, "index", dist, self.index.address):
                    return job
            elif self.tag_moved(job):
                return job
            elif job == "github":
                if self.step(job, "Publish the draft").returncode:
                    return job
            elif not self.verified(job):
                return job
            elif job == "pypi":
                for file in sorted((self.artifact / "dist").iterdir()):
                    self.index.files.setdefault(file.name, file.read_bytes())
            elif (result := self.step(job, "Add what the page lacks")).returncode:
                self.said = result.stdout
                return job
        return ""

    @property
    def page(self) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in self.github.glob("release/*")}

    @property
    def public(self) -> bool:
        return bool(self.page) and not (self.github / "draft").exists()


Start = Callable[[str], Run]


@pytest.fixture
def start(tagged: Project, bare: Bare, tmp_path: Path, index: Index) -> Start:
    """Return a way to start a run whose files have other bytes for each name of the run."""
    count = itertools.count()

    def start(content: str) -> Run:
        dist = tmp_path / f"dist-{content}"
        dist.mkdir(exist_ok=True)
        (dist / f"{STEM}.tar.gz").write_text("the same for all")
        for platform in PLATFORMS[:2]:
            (dist / f"{STEM}-cp311-abi3-{platform}.whl").write_text(content + platform)
        run = Run(tagged, tmp_path / f"run{next(count)}", bare, tmp_path / "github", index)
        return run.check(dist)

    return start


def check_complete(run: Run, dist: dict[str, bytes]) -> None:
    """Check that both places hold these files, and the page right checksums of them."""
    assert run.public
    assert run.index.files == dist
    page = run.page
    sums = page.pop("SHA256SUMS").decode()
    assert page == dist
    assert sorted(sums.splitlines()) == sorted(
        f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in dist.items()
    )


def files(run: Run) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (run.artifact / "dist").iterdir()}


def test_a_release_is_published_and_a_second_run_changes_nothing(start: Start) -> None:
    first = start("A")
    assert first.publish() == ""
    check_complete(first, files(first))
    assert "--prerelease=false" in (first.github / "gh.log").read_text()

    second = start("A")
    calls = len((second.github / "gh.log").read_text().splitlines())
    assert second.publish() == ""
    again = (second.github / "gh.log").read_text().splitlines()[calls:]
    changing = {tuple(call.split()[:3]) for call in again if not call.startswith("gh api /")}
    assert {call for call in changing if "repos/" not in call[2]} == {
        ("gh", "release", "view"),
        ("gh", "api", "--silent"),
    }
    check_complete(second, files(first))


@pytest.mark.parametrize("job", ["draft", "pypi", "github"])
@pytest.mark.parametrize("now", ["moved", "deleted"])
def test_a_tag_that_points_elsewhere_by_now_is_not_released(
    start: Start, job: str, now: str
) -> None:
    """Another commit would be published under its name."""
    run = start("A")
    if job != "draft":
        assert not run.step("draft", "Add what the page lacks").returncode
    if now == "moved":
        (run.github / "tag").write_text("2" * 40 + "\n")
    else:
        run.write_gh(run.gh.read_text().replace('|| echo "$GITHUB_SHA"', ""))
    assert run.tag_moved(job)
    assert run.publish() == "draft"
    assert not run.public


def test_a_page_that_github_shows_late_is_not_made_twice(start: Start) -> None:
    run = start("A")
    gh = run.gh.read_text()
    shown = f'test -d "$release" && ! mkdir "{run.github}/seen" 2>/dev/null'
    assert 'test -d "$release" ||' in gh
    run.write_gh(gh.replace('test -d "$release" ||', f"{{ {shown}; }} ||", 1))
    assert run.publish() == ""
    assert (run.github / "gh.log").read_text().count("gh release create") == 1
    check_complete(run, files(run))


def test_no_page_is_made_while_github_is_out_of_order(start: Start) -> None:
    run = start("A")
    gh = run.gh.read_text()
    assert 'echo "release not found"' in gh
    run.write_gh(gh.replace('echo "release not found"', 'echo "HTTP 502"'))
    result = run.step("draft", "Add what the page lacks")
    assert result.returncode
    assert "HTTP 502" in result.stdout
    assert "gh release create" not in (run.github / "gh.log").read_text()


@pytest.mark.parametrize("job", ["draft", "pypi", "github"])
def test_other_bytes_are_refused_whatever_an_earlier_run_published(start: Start, job: str) -> None:
    """And the run that began the release completes it, however often others were refused."""
    first = start("A")
    if job == "draft":
        assert not first.step("draft", "Add what the page lacks").returncode
    elif job == "pypi":
        name = f"{STEM}-cp311-abi3-{PLATFORMS[0]}.whl"
        first.index.files[name] = files(first)[name]
    else:
        assert first.publish() == ""
    before = first.page, dict(first.index.files)

    for _ in range(2):
        other = start("B")
        assert other.publish() == ("draft" if job == "draft" else "check")
        assert (other.page, other.index.files) == before
    if job == "draft":
        assert "Re-run the failed jobs" in other.said

    assert first.publish() == ""
    check_complete(first, files(first))


def test_a_published_page_is_as_good_as_an_index(start: Start) -> None:
    """For projects that do not publish on PyPI."""
    first = start("A")
    assert first.publish() == ""
    first.index.files.clear()
    page = first.page

    other = start("B")
    assert other.publish() == "draft"
    assert other.page == page
    assert not other.index.files


@pytest.mark.parametrize("name", ["notes.txt", f"{STEM}-cp310-abi3-win32.whl"])
def test_a_file_on_the_page_that_does_not_belong_there_stops_the_release(
    start: Start, name: str
) -> None:
    run = start("A")
    (run.github / "release").mkdir()
    (run.github / "draft").touch()
    (run.github / "release" / name).write_text("of the owner")

    assert run.publish() == "draft"
    assert name in run.said
    assert run.page == {name: b"of the owner"}
    assert not run.index.files


def test_a_second_run_completes_an_upload_that_was_killed(start: Start) -> None:
    run = start("A")
    gh = run.gh.read_text()
    assert 'cp "$file" "$release"' in gh
    run.write_gh(gh.replace('cp "$file" "$release"', 'cp "$file" "$release" && kill -9 $PPID $$'))
    assert run.publish() == "draft"
    assert len(run.page) == 1
    assert not run.public
    assert not run.index.files

    run.write_gh(gh)
    assert run.publish() == ""
    check_complete(run, files(run))


def test_a_second_run_replaces_what_github_has_in_part(start: Start) -> None:
    run = start("A")
    assert not run.step("draft", "Add what the page lacks").returncode
    for name in list(run.page)[:2]:
        (run.github / "release" / name).write_bytes(b"")
    assert run.publish() == ""
    check_complete(run, files(run))


@pytest.mark.parametrize("uploaded", [0, 1, 3])
def test_a_second_run_completes_publishing_on_pypi_that_was_killed(
    start: Start, uploaded: int
) -> None:
    """Nothing is public on GitHub before PyPI has everything."""
    killed = start("A")
    assert not killed.step("draft", "Add what the page lacks").returncode
    killed.index.files.update(itertools.islice(files(killed).items(), uploaded))
    assert not killed.public

    second = start("A")
    assert second.publish() == ""
    check_complete(second, files(killed))


def test_what_github_refuses_is_found_out_before_pypi_has_anything(start: Start) -> None:
    """Such as notes that are longer than the 125,000 characters which it takes."""
    run = start("A")
    (run.artifact / "notes.md").write_text("x" * 125_001)
    sums = run.context["needs.check.outputs.checksums"]
    digest = hashlib.sha256((run.artifact / "notes.md").read_bytes()).hexdigest()
    sums = re.sub(r"\w{64}(?=  notes\.md$)", digest, sums)
    run.context["needs.check.outputs.checksums"] = sums

    assert run.publish() == "draft"
    assert "body is too long" in run.said
    assert not run.index.files


@pytest.mark.parametrize("job", ["draft", "pypi"])
@pytest.mark.parametrize(
    "change", ["none", "wheel", "sdist", "added", "removed", "notes", "wheel and checksums"]
)
def test_files_that_changed_after_the_check_are_not_published(
    start: Start, job: str, change: str
) -> None:
    run = start("A")
    wheel = run.artifact / f"dist/{STEM}-cp311-abi3-{PLATFORMS[0]}.whl"
    if change.startswith("wheel"):
        old = hashlib.sha256(wheel.read_bytes()).hexdigest()
        wheel.write_text("evil")
        if change == "wheel and checksums":
            new = hashlib.sha256(b"evil").hexdigest()
            sums = run.artifact / "SHA256SUMS"
            sums.write_text(sums.read_text().replace(old, new))
    elif change == "sdist":
        (run.artifact / f"dist/{STEM}.tar.gz").write_text("evil")
    elif change == "added":
        (run.artifact / f"dist/{STEM}-cp313-cp313-win_amd64.whl").write_text("evil")
    elif change == "removed":
        wheel.unlink()
    elif change == "notes":
        (run.artifact / "notes.md").write_text("evil")

    assert run.verified(job) == (change == "none")


@pytest.mark.parametrize("change", ["altered", "added", "removed"])
def test_a_draft_that_changed_after_the_check_is_not_published(start: Start, change: str) -> None:
    run = start("A")
    assert not run.step("draft", "Add what the page lacks").returncode
    wheel = run.github / f"release/{STEM}-cp311-abi3-{PLATFORMS[0]}.whl"
    if change == "altered":
        wheel.write_text("evil")
    elif change == "added":
        (run.github / "release/evil.whl").write_text("evil")
    else:
        wheel.unlink()

    said = run.step("github", "Publish the draft")
    assert said.returncode
    assert "Re-run the job Draft" in said.stdout
    assert not run.public


@pytest.mark.parametrize(
    ("tag", "prerelease"), [("v1.0.0", "false"), ("v1.0.0-rc.0", "true"), ("v1.0.0rc0", "true")]
)
def test_a_candidate_is_marked_as_one(start: Start, tag: str, prerelease: str) -> None:
    run = start("A")
    run.context["github.ref_name"] = tag
    assert not run.step("draft", "Add what the page lacks").returncode
    assert f"--prerelease={prerelease}" in (run.github / "gh.log").read_text()

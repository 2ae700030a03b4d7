"""A fresh project's own tasks run green, and its files leave nothing to format."""

import re
import shutil
from pathlib import Path

import pytest

import pythons
from conftest import Render
from needs import need
from project import FEATURES, Project, bare, user, user_path
from rehearsal.bare import Bare
from test_readme import blocks

pytestmark = [pytest.mark.slow(minutes=6), pytest.mark.usefixtures("kept_builds")]


def set_up(project: Project, base: dict[str, str]) -> None:
    """Begin with a project as its README says."""
    project.git("init", "--quiet", "--initial-branch=main")
    project.make("init", base=base)


def check_green(project: Project, base: dict[str, str]) -> None:
    """Follow a project from its first commit to its first wheel."""
    project.git("add", "--all")
    project.run("git", "commit", "--message=feat: start the project", base=base)  # with the hooks
    project.make("lint precommit format", base=base)
    assert project.git("status", "--porcelain") == ""
    assert " passed" in project.make("test", base=base)
    made = project.make("wheel", base=base)
    # Whatever its colours, and lines broken within words.
    plain = re.sub(r"\x1b\[\d*m|\s", "", made)
    for said in ("SDistmatchesgit", ".whl:OK", "0ABIviolationsfound", ".tar.gz:PASSED"):
        assert said in plain
    assert "copying " not in made  # the many lines of setuptools
    assert project.git("status", "--porcelain") == ""


def check_uses(project: Project, python: Path) -> None:
    """See that the environment is made of this Python."""
    used, found = (
        project.run(program, "-c", "import sys; print(sys.version)").stdout
        for program in (".venv/bin/python", python)
    )
    assert used == found


# The macro allows the unsafe code that it makes, which a lint that forbids it would not let it do.
SLICES = """\
    #[test]
    fn slices() {
        let array = numpy::ndarray::arr1(&[1, 2, 3]);
        assert_eq!(array.slice(numpy::ndarray::s![..;2]).sum(), 4);
    }
"""


def test_project_with_everything_is_green(render: Render) -> None:
    project = render(
        project_name="Größe-und 速い “Maß”",
        module_name="example",  # which check-wheel-contents would not like
        license="MIT OR Apache-2.0",
        github_owner="octo-org",
        features=FEATURES,
    )
    kernels = project.path / "crates/src/arrays.rs"
    text = kernels.read_text("utf-8").replace("    #[test]\n", f"{SLICES}\n    #[test]\n", 1)
    kernels.write_text(text, "utf-8")
    set_up(project, user())
    check_green(project, user())


def test_project_with_nothing_is_green(render: Render, tmp_path: Path) -> None:
    """With the highest floor, where the newest Python is the only one."""
    newest = pythons.SUPPORTED[-1]
    python = Path(need(f"python{newest}"))
    base = {**user(), "PATH": Bare(tmp_path / "bare", {newest: python}).path()}
    project = render(project_name="m" * 50, python_min="3.14", features=[])
    set_up(project, base)
    check_green(project, base)
    check_uses(project, python)


@pytest.fixture(scope="module")
def ready(render: Render) -> Project:
    """Return a project after `make init`, for tests that put back what they change."""
    project = render(project_name="Fast Math", features=[])
    project.git("init", "--quiet")
    project.make("init")
    project.commit()
    return project


def compiled(crate: str) -> dict[Path, int]:
    """Say when a dependency was compiled, in each of its variants."""
    kept = Path(user()["CARGO_TARGET_DIR"], "debug/.fingerprint")
    found = {path: path.stat().st_mtime_ns for path in kept.glob(f"{crate}-*/lib-{crate}")}
    assert found
    return found


def test_changed_rust_is_rebuilt(ready: Project) -> None:
    dependency = compiled("pyo3")
    source = ready.path / "crates/src/samples.rs"
    text = source.read_text("utf-8")
    source.write_text(text.replace("left.checked_add(right)", "left.checked_add(right + 0 * left)"))
    unchanged = ready.make("test")
    source.write_text(text.replace("left.checked_add(right)", "left.checked_sub(right)"))
    broken = ready.run("make", "test", env={"PATH": user_path()}, check=False)
    source.write_text(text)
    assert " passed" in unchanged
    assert broken.returncode
    assert "adds_and_subtracts ... FAILED" in broken.stdout
    assert " passed" in ready.make("test")
    assert compiled("pyo3") == dependency  # also by what make has Cargo compile ahead


def test_warnings_are_errors_in_tests(ready: Project) -> None:
    """Those of Python and others that say what will stop working."""
    test = ready.path / "tests/test_old.py"
    test.write_text('import warnings\n\n\ndef test_old() -> None:\n    warnings.warn("old")\n')
    failed = ready.run("make", "test", "ARGS=tests/test_old.py", check=False)
    test.unlink()
    assert failed.returncode
    assert "UserWarning: old" in failed.stdout


# Since Rust 1.88.
LET_CHAIN = """
#[allow(dead_code)]
fn is_one(number: Option<i64>) -> bool {
    if let Some(number) = number && number == 1 { true } else { false }
}
"""


def test_code_for_a_newer_rust_than_promised_is_found(ready: Project, tmp_path: Path) -> None:
    need("rustup")
    lock = ready.path / "crates/Cargo.lock"
    locked = lock.read_text("utf-8")
    lock.write_text(
        locked.replace(
            'name = "_fast-math"\nversion = "0.0.0"', 'name = "_fast-math"\nversion = "9.0.0"'
        )
    )
    assert "Checking _fast-math " in ready.make("msrv")
    assert lock.read_text("utf-8") == locked, "the lock file does not follow"
    source = ready.path / "crates/src/samples.rs"
    text = source.read_text("utf-8")
    source.write_text(text + LET_CHAIN)
    command = (
        "rustc",
        "--edition=2024",
        "--crate-type=lib",
        "--emit=metadata",
        "--out-dir",
        tmp_path,
    )
    newest = ready.run(*command, source, check=False)
    oldest = ready.run("make", "msrv", check=False)
    source.write_text(text)
    assert newest.returncode == 0
    assert oldest.returncode
    assert "`let` expressions in this position are unstable" in oldest.stdout
    manifest = ready.path / "crates/Cargo.toml"
    text = manifest.read_text("utf-8")
    (promise,) = re.findall(r"^rust-version = .*\n", text, re.MULTILINE)
    inherited = text.replace(promise, "rust-version.workspace = true\n")
    manifest.write_text(f"{inherited}\n[workspace.package]\n{promise}")
    assert "Checking _fast-math " in ready.make("msrv")
    manifest.write_text(text.replace(promise, ""))
    nameless = ready.run("make", "msrv", check=False)
    manifest.write_text(text)
    assert "Write the oldest Rust that you support into crates/Cargo.toml" in nameless.stdout
    member = ready.path / "crates/member"
    (member / "src").mkdir(parents=True)
    (member / "src/lib.rs").write_text(LET_CHAIN)
    (member / "Cargo.toml").write_text(
        '[package]\nname = "member"\nversion = "0.1.0"\nedition = "2024"\nrust-version = "1.85"\n'
    )
    manifest.write_text(f'{text}\n[workspace]\nmembers = ["member"]\n')
    ready.run("cargo", "update", "--workspace", "--offline", "--manifest-path=crates/Cargo.toml")
    oldest = ready.run("make", "msrv", check=False)
    shutil.rmtree(member)
    lock.write_text(locked)
    assert "`let` expressions in this position are unstable" in oldest.stdout
    manifest.write_text(text)
    without = shutil.copytree(bare().rust(), tmp_path / "rust")
    (without / "rustup").unlink()
    path = f"{without}:{user_path(rust=False)}"
    failed = ready.run("make", "msrv", env={"PATH": path}, check=False)
    assert failed.returncode
    assert "rustup is missing: install it from https://rustup.rs" in failed.stdout


def test_wrapper_is_rebuilt_too(ready: Project) -> None:
    """`cargo test` sees plain Rust only; the compiled module has to follow as well."""
    source = ready.path / "crates/src/lib.rs"
    text = source.read_text("utf-8")
    source.write_text(text.replace("fn add_in_rust", "fn add_in_crust"))
    broken = ready.run("make", "test", env={"PATH": user_path()}, check=False)
    source.write_text(text)
    assert "cannot import name 'add_in_rust'" in broken.stdout
    source.write_text(text.replace("fn add_in_rust(left: i64", "fn add_in_rust(left: &str"))
    refused = ready.run("make", "test", env={"PATH": user_path()}, check=False)
    source.write_text(text)
    assert refused.stdout.count("error[E0308]: mismatched types") == 1
    assert "[stderr]" not in refused.stdout  # with all that the build tools say
    assert " passed" in ready.make("test")


def test_format_mends_what_clippy_can(ready: Project) -> None:
    """What is left it shows, like Ruff, and does not mind."""
    with (ready.path / "crates/src/samples.rs").open("a") as file:
        file.write(
            "\n#[test]\nfn is_fixed() { fn no(x: &Vec<u8>) -> bool { x.len() == 0 } no(&vec![]); }\n"
        )
    printed = ready.make("format")
    formatted = ready.read("crates/src/samples.rs")
    ready.git("checkout", "--quiet", ".")
    assert "writing `&Vec` instead of `&[_]`" in printed
    assert "        x.is_empty()\n" in formatted


@pytest.mark.parametrize(
    ("name", "addition", "said"),
    [
        ("tests/reference.py", "\n\ndef get(l: int) -> int:\n    return l\n", "Ambiguous variable"),
        ("src/fast_math/dist/__init__.py", "import os\n", "`os` imported but unused"),
        ("tests/reference.py", "\n\ntext = 'one'\n", "unformatted: File would be reformatted"),
        ("crates/src/samples.rs", "\nconst  _: i64 = 1;\n", "-const  _: i64"),
        (
            "crates/src/samples.rs",
            "\n#[test]\nfn is_true() {\n    assert!(true);\n}\n",
            "clippy::assertions",
        ),
        (
            "src/fast_math/_accelerate/__init__.pyi",
            "\ndef not_there() -> int: ...\n",
            "The stubs are behind the Rust code",
        ),
        (
            "tests/test_package.py",
            '\n\ndef test_length() -> None:\n    length: int = "one"\n    assert length\n',
            "Incompatible types in assignment",
        ),
        (
            "src/fast_math/__init__.py",
            '\ndel vars(_accelerate)["DEBUG"]\n',
            "fast_math._accelerate.DEBUG is not present at runtime",
        ),
    ],
    ids=[
        "ruff check",
        "a module named dist",
        "ruff format",
        "cargo fmt",
        "clippy",
        "stubs",
        "mypy",
        "stubtest",
    ],
)
def test_lint_sees_bad_code(ready: Project, name: str, addition: str, said: str) -> None:
    """Each addition is one that no other tool minds."""
    path = ready.path / name
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(addition)
    lint = ready.run("make", "lint", env={"PATH": user_path()}, check=False)
    ready.git("checkout", "--quiet", ".")
    ready.git("clean", "-fdq")
    assert lint.returncode
    assert said in lint.stdout


def test_a_class_that_is_not_where_it_says_is_named(ready: Project) -> None:
    """As one that Rust makes without `module`; a method of an object is nowhere, and may be public.

    So may a class of a module that nobody has imported yet.
    """
    package = ready.path / "src/fast_math/__init__.py"
    with package.open("a") as file:
        file.write(
            '__all__ += ["Lost", "now"]\nLost = type("Lost", (), {"__module__": "_accelerate"})\n'
        )
        file.write("now = type('Clock', (), {'now': lambda self: 0})().now\n")
        file.write(
            '__all__ += ["Late"]\nLate = type("Late", (), {"__module__": "fast_math.late"})\n'
        )
    (package.parent / "late.py").write_text("from fast_math import Late\n")
    found = ready.run(".venv/bin/python", "-m", "pytest", "tests/test_package.py", check=False)
    ready.git("checkout", "--quiet", ".")
    ready.git("clean", "-fdq")
    assert 'not in _accelerate: set `module = "fast_math._accelerate"` in Rust' in found.stdout
    assert re.search(r"=== 1 failed, [1-9]\d* passed", found.stdout)


def test_readme_can_be_followed(ready: Project, tmp_path: Path) -> None:
    """The example of use, and the installation of a wheel without Rust."""
    python = ready.path / ".venv/bin/python"
    (example,) = blocks(ready.read("README.md"), "python")
    ready.run(python, "-c", example)
    unknown = ready.path / "crates/src/unknown.rs"
    unknown.touch()
    refused = ready.run("make", "wheel", check=False)
    unknown.unlink()
    assert refused.returncode
    told = "\nCommit or delete what only one of them has, or exclude it in MANIFEST.in.\n"
    assert told in refused.stdout
    # Two modules with the same signatures.
    stubs = ready.path / "src/fast_math/_accelerate"
    shutil.copy(stubs / "basic_functions.pyi", stubs / "other_functions.pyi")
    ready.git("add", "--all")
    ready.make("wheel")
    ready.git("rm", "--quiet", "--force", "src/fast_math/_accelerate/other_functions.pyi")
    tools = ready.run(python, "-P", "-c", "import build, twine", check=False)
    assert "No module named 'build'" in tools.stdout
    install = next(b for b in blocks(ready.read("README.md"), "console") if "pip install" in b)
    ready.run("uv", "venv", "--quiet", "--seed", "--python", python, tmp_path / "venv")
    pip, *arguments = install.split()
    ready.run(tmp_path / "venv/bin" / pip, *arguments, env={"PATH": user_path(rust=False)})
    ready.run(tmp_path / "venv/bin/python", "-c", example)


def test_editors_see_the_bindings(ready: Project) -> None:
    """As rust-analyzer looks at crates: with tests, and a name of its own."""
    source = ready.path / "crates/src/lib.rs"
    text = source.read_text("utf-8")
    source.write_text(text.replace("py.detach(", "py.detached("))
    assert source.read_text("utf-8") != text
    clippy = "cargo", "clippy", "--manifest-path=crates/Cargo.toml", "--lib", "--profile=test", "--"
    unseen = ready.run(*clippy, "-Dwarnings")
    seen = ready.run(*clippy, "--cfg=rust_analyzer", check=False)
    source.write_text(text)
    assert "no method named `detached`" in seen.stdout
    assert "detached" not in unseen.stdout


def test_hooks_refuse_a_bad_message_and_bad_files(ready: Project) -> None:
    bad = ready.run("git", "commit", "--allow-empty", "--message=did things", check=False)
    assert bad.returncode
    assert "commit validation: failed" in bad.stdout
    (ready.path / "bad.py").write_text("import os,sys\n")
    ready.git("add", "bad.py")
    unclean = ready.run("git", "commit", "--message=feat: unclean", check=False)
    ready.git("rm", "-f", "--quiet", "bad.py")
    assert unclean.returncode
    assert "ruff check" in unclean.stdout
    manifest = ready.path / "crates/Cargo.toml"
    text = manifest.read_text("utf-8")
    manifest.write_text(text.replace("[dependencies]\n", '[dependencies]\nitoa = "1"\n'))
    behind = ready.run("git", "commit", "--all", "--message=feat: need a crate", check=False)
    member = ready.path / "crates/core/Cargo.toml"  # of a workspace
    member.parent.mkdir()
    member.touch()
    cargo_lock = "uv", "run", "--no-sync", "prek", "run", "cargo-lock", "--files", member
    assert ready.run(*cargo_lock, check=False).returncode
    shutil.rmtree(member.parent)
    manifest.write_text(text)
    ready.git("reset", "--quiet")
    assert behind.returncode
    assert "cannot update the lock file" in behind.stdout


def test_missing_tools_are_named_in_one_sentence(render: Render, tmp_path: Path) -> None:
    project = render(project_name="Fast Math").copy(tmp_path / "fast-math")
    no_rust = project.run("make", "test", base=user(rust=False), check=False)
    assert no_rust.returncode
    assert "\nRust is missing: install it from https://rustup.rs" in no_rust.stdout
    assert "Traceback" not in no_rust.stdout
    without = tmp_path / "rust"
    without.mkdir()
    for name in ("cargo", "rustc"):
        (without / name).symlink_to(bare().rust() / name)
    no_git = project.make("init", env={"PATH": f"{without}:{user_path(rust=False)}"})
    for tool in ("fmt", "clippy"):
        assert f"\ncargo {tool} is missing, for commits and make lint: rustup comp" in no_git
    assert "So there are no hooks yet: run make init again in a Git repository." in no_git
    project.git("init", "--quiet")
    no_commit = project.run("make", "wheel", check=False)
    assert no_commit.returncode
    assert "\nCommit first: " in no_commit.stdout


def test_uv_is_installed_where_it_is_missing(render: Render, tmp_path: Path) -> None:
    project = render(project_name="Fast Math", features=[]).copy(tmp_path / "fast-math")
    project.git("init", "--quiet")
    elsewhere = str(tmp_path / "elsewhere")
    env = {
        "PATH": user_path(uv=False),
        "PIP_PREFIX": elsewhere,
        "PIP_TARGET": elsewhere,
        "PIP_USER": "1",
    }
    dry = project.run("make", "init", env={**env, "PIP_DRY_RUN": "1"}, check=False)
    assert dry.returncode
    assert "pip did not install uv, see above or `.uv/bin/pip config list`" in dry.stdout
    printed = project.make("init format", env=env)
    assert "is missing" not in printed
    assert "new release of pip" not in printed
    project.git("add", "--all")
    project.run("git", "commit", "--message=feat: start", env=env)
    assert (project.path / ".uv/bin/uv").exists()
    settings = project.read("pyproject.toml")
    (project.path / "pyproject.toml").write_text(
        settings.replace('"packaging", ', '"packaging", "tomli-w", ', 1)
    )
    message = "git", "commit", "--all", "--message=build: lock nothing"
    assert "CI will refuse uv.lock" in project.run(*message, env=env, check=False).stdout

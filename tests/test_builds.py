"""Every usual way to build works in a fresh clone, on a machine with Git, Rust, and uv or pip."""

import os
import platform
import re
import shutil
import sysconfig
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import pythons
from conftest import Render
from history import edit
from needs import need
from project import Project, bare, run, settings_at_home, user, user_path, user_with_targets
from steps import run_step, step
from test_recipes import RECIPES, follow

pytestmark = [pytest.mark.slow(minutes=3), pytest.mark.usefixtures("kept_builds")]

USE = "import fast_math; print('sum', fast_math.add_in_rust(40, 2))"


@pytest.fixture(scope="module")
def clone(render: Render, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a clone of a project that its owner has committed, with its lock file."""
    folder = tmp_path_factory.mktemp("builds")
    project = render(project_name="Fast Math", features=[]).copy(folder / "project")
    project.run("uv", "lock", "--quiet")
    project.commit()
    project.git("clone", "--quiet", str(project.path), str(folder / "clone"))
    return Project(folder / "clone")


@pytest.fixture
def fresh(clone: Project) -> Iterator[Project]:
    """Return the clone as it was."""
    yield clone
    clone.git("clean", "-fdxq")
    assert clone.git("status", "--porcelain") == ""


def check_use(python: str | Path, cwd: Path) -> None:
    """Use the package from another folder, so that the one in `src/` is not what is found."""
    assert "sum 42" in run(python, "-c", USE, cwd=cwd, base=user(rust=False)).stdout


def environment(folder: Path) -> Path:
    """Make an environment of the standard library, with pip, and return its programs."""
    run("python3", "-m", "venv", folder, cwd=folder.parent, base=user())
    return folder / "bin"


@pytest.mark.parametrize("version", [None, pythons.SUPPORTED[-1]])
def test_uv_build(fresh: Project, tmp_path: Path, version: str | None) -> None:
    """Both files, the wheel from the source distribution; with any Python."""
    if version:
        need(f"python{version}")
    fresh.run("uv", "build", *(["-p", version] if version else []))
    (wheel,) = fresh.path.glob("dist/*.whl")
    assert len(list(fresh.path.glob("dist/*.tar.gz"))) == 1
    run("uv", "venv", "--quiet", tmp_path / "env", cwd=tmp_path, base=user())
    install: list[str | Path] = ["uv", "pip", "install", "--no-index", "--python", tmp_path / "env"]
    run(*install, wheel, cwd=tmp_path, base=user(rust=False))
    check_use(tmp_path / "env/bin/python", tmp_path)


def test_uv_build_wheel(fresh: Project) -> None:
    """From the tree, without a source distribution in between."""
    fresh.run("uv", "build", "--wheel")
    (wheel,) = fresh.path.glob("dist/*.whl")
    assert re.fullmatch(r"fast_math-0\.0\.0-cp311-abi3-linux_\w+\.whl", wheel.name)
    assert any(name.endswith(".abi3.so") for name in zipfile.ZipFile(wheel).namelist())


def test_a_lock_file_that_is_behind_stops_a_build(fresh: Project) -> None:
    """Cargo would choose versions that nobody has tested."""
    lock = fresh.path / "crates/Cargo.lock"
    lock.write_text(lock.read_text("utf-8").replace('"0.0.0"', '"9.0.0"', 1), "utf-8")
    stopped = fresh.run("uv", "build", "--wheel", check=False)
    fresh.git("checkout", "--quiet", ".")
    assert stopped.returncode
    assert "because --locked was passed" in stopped.stdout


def test_wheels_hold_what_is_there_now(fresh: Project) -> None:
    """Setuptools keeps copies of what it built before, and takes a file with an older time for an old one."""
    package = fresh.path / "src/fast_math"
    (package / "deleted.py").touch()
    (package / "restored.py").write_text("new\n")
    stubs = fresh.path / "build/stubs/of_make_lint"
    stubs.mkdir(parents=True)
    fresh.run("uv", "build", "--wheel")
    (package / "deleted.py").unlink()
    (package / "restored.py").write_text("old\n")
    os.utime(package / "restored.py", (10**9, 10**9))
    fresh.run("uv", "build", "--wheel")
    assert stubs.exists()
    (wheel,) = fresh.path.glob("dist/*.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert "fast_math/deleted.py" not in archive.namelist()
        assert archive.read("fast_math/restored.py") == b"old\n"


def test_upper_bound_of_python_is_the_owners(fresh: Project) -> None:
    """The oldest Python of a wheel comes from PyO3's feature, so the bounds here may be written in any way."""
    edit("pyproject.toml", 'requires-python = ">=3.11"', 'requires-python = ">=3.11,<4"')(
        fresh.path
    )
    edit("crates/Cargo.toml", "features = [", '# Not ["abi3-py39"].\nfeatures = [')(fresh.path)
    fresh.run("uv", "build", "--wheel")
    fresh.git("checkout", "--quiet", ".")
    (wheel,) = fresh.path.glob("dist/*-cp311-abi3-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"{wheel.name.partition('-cp')[0]}.dist-info/METADATA").decode()
    assert "\nRequires-Python: <4,>=3.11\n" in metadata


def test_older_python_than_the_module_is_refused(fresh: Project) -> None:
    edit("crates/Cargo.toml", "abi3-py311", "abi3-py312")(fresh.path)
    refused = fresh.run("uv", "build", "--wheel", check=False).stdout
    edit("pyproject.toml", 'requires-python = ">=3.11"', "")(fresh.path)
    free = fresh.run("uv", "build", "--wheel", "--python=3.12", check=False).stdout
    fresh.git("checkout", "--quiet", ".")
    assert "abi3-py312 in crates/Cargo.toml: let requires-python begin there too.\n" in refused
    assert "Traceback" not in refused
    assert "-cp312-abi3-" in free


@pytest.mark.parametrize("editable", [False, True], ids=["", "editable"])
def test_pip_install(fresh: Project, tmp_path: Path, editable: bool) -> None:
    programs = environment(tmp_path / "env")
    options = ["--editable"] if editable else []
    fresh.run(programs / "pip", "install", *options, ".")
    check_use(programs / "python", tmp_path)


def test_uv_pip_install_editable(fresh: Project, tmp_path: Path) -> None:
    """Also where a module for this Python alone is left, which Python would take first."""
    python = tmp_path / "env/bin/python"
    fresh.run("uv", "venv", tmp_path / "env")
    ask = "import sysconfig; print(sysconfig.get_config_var('EXT_SUFFIX'), end='')"
    suffix = run(python, "-c", ask, cwd=tmp_path, base=user()).stdout
    (fresh.path / f"src/fast_math/_accelerate{suffix}").touch()
    fresh.run("uv", "pip", "install", "--python", tmp_path / "env", "--editable", ".")
    check_use(python, tmp_path)


def test_uv_sync_and_run(fresh: Project, tmp_path: Path) -> None:
    fresh.run("uv", "sync", "--no-default-groups")
    check_use(fresh.path / ".venv/bin/python", tmp_path)
    fresh.git("clean", "-fdxq")
    run_it = ["uv", "run", "--no-default-groups", "python", "-c", USE]
    assert "sum 42" in fresh.run(*run_it).stdout


def test_uv_run_uses_what_changed(fresh: Project) -> None:
    """Any file that a build reads counts, in whatever folder of the crate; what Cargo writes does not."""
    run_it = ["uv", "run", "--no-default-groups", "python", "-c", USE]
    base = user_with_targets()
    source = fresh.path / "crates/src/samples.rs"
    data = fresh.path / "crates/targets/deep/words.txt"
    data.parent.mkdir(parents=True)
    data.write_text("40")
    text = source.read_text("utf-8")
    fresh.run(*run_it, base=base)
    built = next(fresh.path.glob("src/fast_math/_accelerate*.so"))
    before = built.stat().st_mtime_ns
    (fresh.path / "crates/target/debug/anything").write_text("new")
    (fresh.path / "crates/.idea").mkdir()
    (fresh.path / "crates/.idea/workspace.xml").write_text("new")
    fresh.run(*run_it, base=base)
    assert built.stat().st_mtime_ns == before
    include = 'include_str!("../targets/deep/words.txt").trim().parse::<i64>().unwrap_or(0)'
    source.write_text(text.replace("left.checked_add(", f"(left - 40 + {include}).checked_add("))
    fresh.run(*run_it, base=base)
    data.write_text("41")
    assert "sum 43" in fresh.run(*run_it, base=base).stdout
    for name, text in {
        "setup.py": fresh.read("setup.py") + "\n",
        ".cargo/config.toml": "",
        "rust-toolchain.toml": '[toolchain]\nprofile = "minimal"\n',
        "src/fast_math/sums.c": "",
    }.items():
        before = built.stat().st_mtime_ns
        (fresh.path / name).parent.mkdir(exist_ok=True)
        (fresh.path / name).write_text(text, "utf-8")
        fresh.run(*run_it, base=base)
        assert built.stat().st_mtime_ns > before, name
    fresh.git("checkout", "--quiet", ".")


@pytest.fixture(scope="module")
def sdist(clone: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    data = clone.path / "crates/data/words.txt"
    data.parent.mkdir()
    data.write_text("words")
    clone.run("uv", "build", "--sdist", "--out-dir", folder, base=user(rust=False))
    clone.git("clean", "-fdxq")
    (sdist,) = folder.glob("*.tar.gz")
    return sdist


def test_pip_install_of_a_source_distribution(sdist: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "env")
    run(programs / "pip", "install", sdist, cwd=tmp_path, base=user())
    check_use(programs / "python", tmp_path)


def test_whatever_the_umask_a_release_has_the_same_source_distribution(
    clone: Project, tmp_path: Path
) -> None:
    build = step(clone, "release", "sdist", "Build")
    made = set()
    for umask in (0o022, 0o077):
        before = os.umask(umask)
        folder = tmp_path / str(umask)
        clone.git("clone", "--quiet", str(clone.path), str(folder))
        done = run_step(build, folder, bare(), context={})
        os.umask(before)
        assert done.returncode == 0, done.stdout
        (sdist,) = folder.glob("dist/*.tar.gz")
        made.add(sdist.read_bytes())
    assert len(made) == 1


def test_all_that_cargo_reads_is_in_a_source_distribution(sdist: Path) -> None:
    listed = run("tar", "-tf", sdist, cwd=sdist.parent).stdout
    assert "/crates/data/words.txt\n" in listed
    assert "/crates/Cargo.lock\n" in listed
    assert "/target/" not in listed


def test_vendored_crates_are_whole_in_a_source_distribution(fresh: Project, tmp_path: Path) -> None:
    """For them `.cargo/config.toml` names the folder in which they are, and Cargo knows each file's checksum."""
    fresh.run("cargo", "vendor", "--quiet", "--locked", "--manifest-path=crates/Cargo.toml")
    for name in ("library.so", "__pycache__/module.pyc", "target/words.txt"):
        (fresh.path / "vendor/pyo3" / name).parent.mkdir(exist_ok=True)
        (fresh.path / "vendor/pyo3" / name).touch()
    (fresh.path / "vendor/pyo3/windows.txt").write_bytes(b"ends of lines \r\n")
    fresh.git("add", "--force", "vendor/pyo3/windows.txt")
    assert fresh.git("ls-files", "--eol", "vendor").startswith("i/crlf ")
    fresh.git("reset", "--quiet")
    for name in ("config", "config.toml", "more.toml", "credentials.toml", "registry/CACHEDIR.TAG"):
        (fresh.path / ".cargo" / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh.path / ".cargo" / name).touch()
    for name in ("rust-toolchain", "rust-toolchain.toml"):
        (fresh.path / name).touch()
    submodule = fresh.path / "crates/sys/c"
    submodule.mkdir(parents=True)
    (submodule / ".git").write_text("gitdir: ../../../.git/modules/c\n")
    # What tools write into the folder in which they were started.
    litter = {f"tests/{name}/x" for name in (".hypothesis", ".pytest_cache")}
    litter |= {"crates/.idea/x", "crates/.vscode/x", "scripts/.coverage", "crates/fuzz/target/x"}
    litter |= {"crates/a.dylib", "crates/a.so~", "tests/.DS_Store"}
    kept = {"crates/src/target/mod.rs", "conftest.py", "CITATION.cff"}
    kept |= {f"src/fast_math/a.{end}" for end in ("h", "hh", "hpp", "hxx", "pxd", "pxi")}
    made = [fresh.path / name for name in litter | kept if not (fresh.path / name).exists()]
    for path in made:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    fresh.run("uv", "build", "--sdist", "--quiet", "--out-dir", tmp_path)
    shutil.rmtree(submodule.parent)
    for path in made:
        path.unlink()
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        packed = {member.name.partition("/")[2] for member in archive if member.isfile()}
    files = {
        file.relative_to(fresh.path).as_posix()
        for file in fresh.path.rglob("vendor/**/*")
        if file.is_file()
    }
    assert files <= packed
    assert packed.isdisjoint(litter)
    assert kept <= packed
    # What Cargo and rustup read, and no secret or cache of a CARGO_HOME that is there.
    settings = {".cargo/config", ".cargo/config.toml", ".cargo/more.toml"}
    settings |= {"rust-toolchain", "rust-toolchain.toml"}
    assert {name for name in packed if name.startswith((".cargo/", "rust-"))} == settings
    assert not [name for name in packed if name.endswith("/.git")]


def test_the_tasks_are_in_a_source_distribution(sdist: Path, tmp_path: Path) -> None:
    """README names them."""
    run("tar", "-xf", sdist, "--strip-components=1", cwd=tmp_path)
    project = Project(tmp_path)
    project.make("init test")


def last_words(printed: str) -> str:
    """Return the last line that the build itself printed, inside of what pip prints around it."""
    lines = [line.strip() for line in printed.partition("[end of output]")[0].splitlines()]
    return [line for line in lines if line][-1]


def test_without_rust_one_sentence_says_what_is_needed(sdist: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "env")
    pip = programs / "pip", "install", sdist
    failed = run(*pip, cwd=tmp_path, base=user(rust=False), check=False)
    assert failed.returncode
    assert last_words(failed.stdout) == "This package requires Rust >=1.85."


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with Rust's programs as Debian 12 has them."""
    old = tmp_path / "old"
    old.mkdir()
    more = "binary: rustc\\nrelease: 1.63.0\\nhost: x86_64-unknown-linux-gnu\\n"
    (old / "rustc").write_text(
        "#!/bin/sh\necho 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'\n"
        f"case $* in *v*) printf '{more}' ;; esac\n"
    )
    (old / "cargo").write_text("#!/bin/sh\necho 'error: edition 2024 is unstable' >&2; exit 1\n")
    for program in old.iterdir():
        program.chmod(0o755)
    return old


def test_tasks_say_what_to_do_about_an_old_rust(fresh: Project, old: Path) -> None:
    env = {"PATH": f"{old}:{user_path(rust=False)}"}
    failed = fresh.run("make", "test", env=env, check=False)
    assert failed.returncode
    assert "If your Rust is old, type `rustup update`." in failed.stdout


def test_an_old_rust_is_named_in_one_sentence(sdist: Path, old: Path, tmp_path: Path) -> None:
    programs = environment(tmp_path / "env")
    env = {"PATH": f"{old}:{user_path(rust=False)}"}
    failed = run(
        *(programs / "pip", "install", sdist), cwd=tmp_path, base=user(), env=env, check=False
    )
    assert failed.returncode
    assert "Rust 1.63.0 does not match extension requirement >=1.85" in last_words(failed.stdout)


def test_no_wheel_comes_out_without_the_module(fresh: Project, tmp_path: Path) -> None:
    """Whoever turns isolation off must have what `[build-system]` names; setuptools alone is not enough."""
    programs = environment(tmp_path / "env")
    run(programs / "pip", "install", "setuptools>=84", "wheel", cwd=tmp_path, base=user())
    wheel = programs / "pip", "wheel", "--no-build-isolation", "--wheel-dir", tmp_path / "out", "."
    failed = fresh.run(*wheel, check=False)
    assert failed.returncode
    assert "No module named 'setuptools_rust'" in failed.stdout
    assert not list(tmp_path.glob("out/*.whl"))


def test_the_oldest_build_tools_make_the_same_wheel(fresh: Project, tmp_path: Path) -> None:
    """As a distribution has them, which checks what `[build-system]` asks for; with a C module too."""
    required = tomllib.loads(fresh.read("pyproject.toml"))["build-system"]["requires"]
    oldest = [re.sub(r" >=([\d.]+).*", r"==\1", requirement) for requirement in required]
    # On a Python that is newer than those tools; from a source distribution, which leaves nothing in the folder.
    newest = need(f"python{pythons.SUPPORTED[-1]}")
    (tmp_path / "oldest.txt").write_text("\n".join(oldest))
    build = "uv", "build", "--quiet", "--build-constraints", tmp_path / "oldest.txt"
    fresh.run(*build, "--python", newest, "--out-dir", tmp_path / "newest")
    (made,) = tmp_path.glob("newest/*-cp311-abi3-*.whl")
    modules = [name for name in zipfile.ZipFile(made).namelist() if name.endswith(".so")]
    assert modules == ["fast_math/_accelerate.abi3.so"]
    follow(fresh, RECIPES["c-module"])
    programs = environment(tmp_path / "env")
    run(programs / "pip", "install", *oldest, cwd=tmp_path, base=user())
    wheel = programs / "pip", "wheel", "--no-build-isolation", "--wheel-dir", tmp_path / "out", "."
    fresh.run(*wheel)
    (made,) = tmp_path.glob("out/*.whl")
    assert made.name.startswith("fast_math-0.0.0-cp311-abi3-")
    with zipfile.ZipFile(made) as archive:
        metadata = archive.read("fast_math-0.0.0.dist-info/METADATA").decode()
        files = archive.namelist()
    assert "\nLicense-Expression: MIT\n" in metadata
    (built,) = fresh.path.glob("build/lib.*")
    other = built.with_name(re.sub(r"cpython-\d+", "cpython-399", built.name))
    # As from a build that stopped halfway.
    halfway = built.with_name(f"bdist.{sysconfig.get_platform()}") / "wheel"
    elsewhere = fresh.path / "elsewhere" / built.name
    for folder in (built, other, halfway, elsewhere):
        (folder / "fast_math").mkdir(parents=True, exist_ok=True)
        (folder / "fast_math/old.py").touch()
    fresh.run(programs / "python", "setup.py", "bdist_wheel")
    for steps in (["bdist_wheel", "--skip-build"], ["build", "bdist_wheel"]):
        fresh.run(programs / "python", "setup.py", *steps, f"--dist-dir=dist/{len(steps[0])}")
    for again in fresh.path.glob("dist/**/*.whl"):
        assert zipfile.ZipFile(again).namelist() == files
    assert len(list(fresh.path.glob("dist/**/*.whl"))) == 3
    (fresh.path / "setup.cfg").write_text("[build]\nbuild_base = elsewhere\n")
    fresh.run(programs / "python", "setup.py", "bdist_wheel", "--dist-dir=dist/elsewhere")
    (again,) = fresh.path.glob("dist/elsewhere/*.whl")
    assert zipfile.ZipFile(again).namelist() == files
    assert (other / "fast_math/old.py").exists(), "another Python may be building there"
    own = fresh.path / "own/notes.txt"
    own.parent.mkdir()
    own.touch()
    (fresh.path / "setup.cfg").write_text("[build]\nbuild_lib = own\n")
    fresh.run(programs / "python", "setup.py", "bdist_wheel", "--dist-dir=dist/own")
    assert own.exists(), "only what is in Python's own folder for builds may be deleted"
    fresh.git("reset", "--hard", "--quiet")


ASK = """
import os, runpy, sys
sys.argv = ["setup.py", "--quiet", "--version"]
runpy.run_path("setup.py", run_name="__main__")
print(os.environ["PYO3_PYTHON"])
"""


def test_a_python_that_was_chosen_is_compiled_for(fresh: Project) -> None:
    fresh.run("uv", "sync", "--only-group=build")
    for chosen in ({}, {"PYO3_PYTHON": "/chosen/python"}):
        asked = fresh.run(".venv/bin/python", "-c", ASK, env=chosen).stdout.split()[-1]
        behind = (fresh.path / ".venv/bin/python").resolve()
        assert asked == chosen.get("PYO3_PYTHON", str(behind))


# What Python 3.10 has not, but for what has imported it already.
OLD_PYTHON = """
import runpy, sys
import setuptools.compat.py310, setuptools_rust.setuptools_ext

sys.modules["tomllib"] = None
sys.argv = ["setup.py", "egg_info"]
runpy.run_path("setup.py", run_name="__main__")
"""


def test_an_old_python_can_read_which_it_should_be(fresh: Project) -> None:
    """Then pip says so in a sentence of its own; setup.py must not fail before."""
    tools = ["--no-project", "--with", "setuptools>=84", "--with", "setuptools-rust"]
    fresh.run("uv", "run", "--isolated", *tools, "python", "-c", OLD_PYTHON)
    assert "Requires-Python: >=3.11\n" in fresh.read("src/fast_math.egg-info/PKG-INFO")


MODULE = """
[[tool.setuptools.ext-modules]]
name = "fast_math._c"
sources = ["src/fast_math/_c.c"]
"""


def test_a_wheel_with_a_c_module_is_for_one_python(fresh: Project) -> None:
    """A later one would not find the module; the recipe in `docs/recipes.md` has one that it does find."""
    manifest = fresh.path / "pyproject.toml"
    manifest.write_text(manifest.read_text("utf-8") + MODULE, "utf-8")
    module = fresh.path / "src/fast_math/_c.c"
    module.write_text('#include "_c.h"\nPyMODINIT_FUNC PyInit__c(void) { return NULL; }\n')
    module.with_suffix(".h").write_text("#include <Python.h>\n")
    for name in ("conftest.py", "tox.ini", "tests/data/points.csv", "old/x.txt"):  # which Git knows
        (fresh.path / name).parent.mkdir(exist_ok=True)
        (fresh.path / name).touch()
    fresh.git("add", "--all")
    listed = fresh.path / "src/fast_math.egg-info/SOURCES.txt"
    listed.parent.mkdir(exist_ok=True)
    listed.write_text("old/x.txt\n")  # by a MANIFEST.in of before
    printed = fresh.make("wheel")
    fresh.git("reset", "--hard", "--quiet")
    (wheel,) = fresh.path.glob("dist/*.whl")
    assert re.match(r"fast_math-0\.0\.0-cp(3\d+)-cp\1-", wheel.name)
    assert "This wheel is for one Python" in printed
    (sdist,) = fresh.path.glob("dist/*.tar.gz")
    with tarfile.open(sdist) as archive:  # wheels are tested in it
        assert "fast_math-0.0.0/conftest.py" in archive.getnames()
        assert "fast_math-0.0.0/old/x.txt" not in archive.getnames()


def test_flags_of_cargos_configuration_count_in_wheels(fresh: Project) -> None:
    """They are in the source distribution too, or the wheel from it would differ."""
    (fresh.path / ".cargo").mkdir()
    # What no compiler takes: it shows before anything is compiled.
    flags = '[build]\nrustflags = ["--cfg", "no-name"]\n'
    (fresh.path / ".cargo/config.toml").write_text(flags)
    failed = fresh.run("uv", "build", check=False)
    assert failed.returncode
    assert "Building wheel from source distribution" in failed.stdout
    assert "invalid `--cfg` argument: `no-name`" in failed.stdout


# Names another libc, writes down with which flags Cargo asks, and compiles nothing.
RUSTC = """\
#!/bin/sh
case "$*" in
"--print cfg"*) {rustc} "$@" | sed 's/"gnu"/"{libc}"/' ;;
"- "*) echo "$*" >>{seen}; exec {rustc} "$@" ;;
"--crate-name "*) exit 1 ;;
*) exec {rustc} "$@" ;;
esac
"""
OF_TARGET = f"CARGO_TARGET_{platform.machine().upper()}_UNKNOWN_LINUX_GNU_RUSTFLAGS"


def asked_flags(fresh: Project, tmp_path: Path, libc: str, variables: dict[str, str]) -> str:
    """Return what Cargo calls rustc with for a wheel, after a look at our own flags."""
    rustc, seen = tmp_path / "rustc", tmp_path / "seen"
    real = shutil.which("rustc", path=user_path())
    rustc.write_text(RUSTC.format(rustc=real, libc=libc, seen=seen))
    rustc.chmod(0o755)
    env = {"PATH": f"{tmp_path}:{user_path()}", **variables}
    fresh.run("uv", "build", "--wheel", env=env, check=False)
    last = seen.read_text().splitlines()[-1]
    assert "  " not in last, "an empty word is a file to compile"
    assert re.findall(r"--remap-path-prefix=/[^=]*=(cargo|/rustc/)", last) == ["cargo", "/rustc/"]
    return last


@pytest.mark.parametrize(
    ("libc", "variables", "others"),
    [
        ("gnu", {}, ""),
        ("gnu", {"CARGO_HOME": "build/cargo"}, "/build/cargo=cargo"),
        ("gnu", {"CARGO_HOME": "build/car go"}, "/build/car go=cargo"),
        ("gnu", {"CARGO_HOME": ""}, "/.cargo=cargo"),
        ("gnu", {"CARGO_BUILD_RUSTFLAGS": "--cfg mine"}, "--cfg mine"),
        ("gnu", {OF_TARGET: "--cfg mine"}, "--cfg mine"),
        ("gnu", {"RUSTFLAGS": "--cfg mine", OF_TARGET: "--cfg unread"}, "--cfg mine"),
        ("gnu", {"CARGO_ENCODED_RUSTFLAGS": "--cfg\x1fmine", "RUSTFLAGS": ""}, "--cfg mine"),
        ("musl", {}, "-Ctarget-feature=-crt-static"),
        ("musl", {"CARGO_ENCODED_RUSTFLAGS": ""}, ""),
    ],
)
def test_whichever_flags_cargo_reads_no_folder_gets_into_a_wheel(
    fresh: Project, tmp_path: Path, libc: str, variables: dict[str, str], others: str
) -> None:
    """On musl setuptools-rust sets flags of its own, with which Cargo reads no other variable."""
    assert others in asked_flags(fresh, tmp_path, libc, variables)


MINE = 'rustflags = ["--cfg", "mine"]\n'


@pytest.mark.parametrize(
    "place", [".cargo/config.toml", "../.cargo/config", "build/cargo/config.toml"]
)
@pytest.mark.parametrize(
    "table",
    [
        "target.'cfg(unix)'",
        f"target.{platform.machine()}-unknown-linux-gnu",
        'target.\'cfg(windows)\']\nrustflags = ["--cfg", "unread"]\n[build',
        'target.wasm32-unknown-unknown]\nrustflags = ["--cfg", "unread"]\n[build',
    ],
)
def test_nor_with_those_of_its_configuration(
    fresh: Project, tmp_path: Path, place: str, table: str
) -> None:
    """Those of a target replace those of all builds."""
    file = fresh.path / place
    file.parent.mkdir(parents=True)
    file.write_text(f"[{table}]\n{MINE}")
    try:
        asked = asked_flags(fresh, tmp_path, "gnu", {"CARGO_HOME": "build/cargo"})
    finally:
        shutil.rmtree(file.parent)
    assert "--cfg mine" in asked
    assert "unread" not in asked


@pytest.mark.parametrize("table", ["build", "target.'cfg(all())'"])
def test_flags_of_its_configuration_may_be_text(fresh: Project, tmp_path: Path, table: str) -> None:
    """Cargo does not merge a list with a text, and takes the nearest text only."""
    file = fresh.path / ".cargo/config.toml"
    (fresh.path / "own/crates").mkdir(parents=True)
    file.parent.mkdir()
    file.write_text(
        f'[{table}]\nrustflags = "--cfg mine"\n[source.own]\ndirectory = "own/crates"\n'
    )
    with settings_at_home({".cargo/config.toml": '[build]\nrustflags = "--cfg unread"\n'}):
        asked = asked_flags(fresh, tmp_path, "gnu", {})
    assert "--cfg mine" in asked
    assert "unread" not in asked
    assert f"--remap-path-prefix={fresh.path}/own/crates=vendor" in asked


@pytest.mark.parametrize("variables", [{}, {"RUSTFLAGS": "--cfg mine"}], ids=["file", "variable"])
def test_a_space_would_cut_flags_that_are_text(
    fresh: Project, tmp_path: Path, variables: dict[str, str]
) -> None:
    """So a folder with one stays out of them."""
    (fresh.path / "own/all crates").mkdir(parents=True)
    file = fresh.path / ".cargo/config.toml"
    file.parent.mkdir()
    flags = "" if variables else '[build]\nrustflags = "--cfg mine"\n'
    file.write_text(f'{flags}[source.own]\ndirectory = "own/all crates"\n')
    asked = asked_flags(fresh, tmp_path, "gnu", variables)
    assert "--cfg mine" in asked
    assert "crates=vendor" not in asked

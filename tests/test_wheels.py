"""One abi3 wheel, whichever Python builds it, runs and passes the project's tests on every Python."""

import tarfile
import zipfile
from pathlib import Path

import pytest

import pythons
from conftest import Render
from needs import need
from project import Project, bare, run, user_path, user_with_targets

pytestmark = pytest.mark.slow(minutes=2)


@pytest.fixture(scope="module")
def project(render: Render, kept_builds: None) -> Project:
    """Return a project whose tree is as dirty as it gets: built in place, tested, cached."""
    project = render(project_name="Fast Math", features=[])
    project.git("init", "--quiet")
    project.make("init test", base=user_with_targets())
    assert (project.path / "crates/target/debug").exists()
    return project


@pytest.fixture(scope="module")
def sdist(project: Project) -> Path:
    project.run("uv", "build", "--sdist", "--quiet")
    (sdist,) = project.path.glob("dist/*.tar.gz")
    return sdist


@pytest.fixture(scope="module")
def wheels(
    sdist: Path, interpreters: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Build a wheel from the source distribution on the oldest and on the newest Python.

    Both builds are optimized as for users; what does not depend on Python is compiled once.
    """
    wheels = {}
    base = bare().environment()
    base["CARGO_TARGET_DIR"] = str(tmp_path_factory.mktemp("target"))
    for version in (min(interpreters, key=pythons.SUPPORTED.index), list(interpreters)[-1]):
        folder = tmp_path_factory.mktemp(f"built-on-{version}")
        build: list[str | Path] = [
            "uv",
            "build",
            "--wheel",
            "--quiet",
            "--python",
            interpreters[version],
        ]
        run(*build, "--out-dir", folder, sdist, cwd=folder, base=base)
        (wheels[version],) = folder.glob("*.whl")
    return wheels


def compiled_files(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return [n for n in archive.namelist() if Path(n).suffix in {".so", ".pyd", ".dylib"}]


def test_source_distribution_holds_sources_only(project: Project, sdist: Path) -> None:
    in_place = list(project.path.glob("src/fast_math/*.so"))
    assert in_place, "this project should have been built in place"
    with tarfile.open(sdist) as archive:
        names = {member.name.split("/", 1)[1] for member in archive if member.isfile()}
    sources = {
        path.relative_to(project.path).as_posix()
        for path in project.path.glob("crates/src/**/*.rs")
    }
    assert {"crates/Cargo.lock", "crates/Cargo.toml", *sources} <= names
    assert not [n for n in names if n.endswith((".so", ".pyc")) or "target" in n or "cache" in n]


@pytest.mark.parametrize("built_on", ["oldest", "newest"])
def test_tag_and_module_say_abi3(wheels: dict[str, Path], built_on: str) -> None:
    wheel = list(wheels.values())[0 if built_on == "oldest" else -1]
    assert "-cp311-abi3-" in wheel.name
    assert compiled_files(wheel) == ["fast_math/_accelerate.abi3.so"]
    run(*("abi3audit", "--strict", "--summary", wheel), cwd=wheel.parent)
    run("check-wheel-contents", wheel, cwd=wheel.parent)
    run("twine", "check", "--strict", wheel, cwd=wheel.parent)
    assert "linux_x86_64" in run("auditwheel", "show", wheel, cwd=wheel.parent).stdout


@pytest.mark.parametrize("version", pythons.SUPPORTED)
def test_project_passes_its_tests_on(
    project: Project,
    wheels: dict[str, Path],
    tmp_path: Path,
    version: str,
) -> None:
    interpreter = need(f"python{version}")
    # What a user's machine has: no Rust, and nothing of this repository.
    no_rust = {"PATH": user_path(rust=False)}
    environment = tmp_path / "environment"
    python = environment / "bin/python"
    run("uv", "venv", "--quiet", "--python", interpreter, environment, cwd=tmp_path)
    install: list[str | Path] = ["uv", "pip", "install", "--quiet", "--python", python]
    run(*install, "--group", "test", cwd=project.path)
    for wheel in wheels.values():
        run(*install, "--no-index", "--reinstall", wheel, cwd=tmp_path, env=no_rust)
        tests = project.path / "tests"
        config = project.path / "pyproject.toml"
        command: list[str | Path] = [
            python,
            "-P",
            "-m",
            "pytest",
            "-q",
            f"--config-file={config}",
            "-p",
            "no:cacheprovider",
        ]
        printed = run(*command, tests, cwd=tmp_path, env=no_rust).stdout
        assert " passed" in printed
        assert "skipped" not in printed


def test_free_threaded_python_gets_a_wheel_of_its_own(project: Project, tmp_path: Path) -> None:
    """Setuptools refuses the limited API there, so a source install must not ask for it.

    No free-threaded Python is needed: setup.py and setuptools look at one variable.
    """
    simulated = (
        "import runpy, sys, sysconfig;"
        "sysconfig.get_config_vars()['Py_GIL_DISABLED'] = 1;"
        f"sys.argv = ['setup.py', 'bdist_wheel', '--dist-dir', {str(tmp_path)!r}];"
        "runpy.run_path('setup.py', run_name='__main__')"
    )
    project.run(
        *(project.path / ".venv/bin/python", "-c", simulated),
        env={"SETUPTOOLS_RUST_CARGO_PROFILE": "dev", "PATH": user_path()},
    )
    (wheel,) = tmp_path.glob("*.whl")
    assert "abi3" not in wheel.name
    assert "abi3" not in compiled_files(wheel)[0]


def test_wheel_is_small(wheels: dict[str, Path]) -> None:
    for wheel in wheels.values():
        assert wheel.stat().st_size <= 215_000

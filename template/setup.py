"""What pyproject.toml cannot say: one wheel for every Python, with the same bytes wherever it is built."""

import json
import os
import re
import shutil
import sys
import sysconfig
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path
from runpy import run_path
from subprocess import getoutput, run
from typing import Any

# With this variable, which Python 3.15 introduced, setuptools names the compiled module
# `_accelerate.abi3-<platform>.so`, and no older Python finds it. Setuptools copies the variables when it is imported;
# older versions take the first suffix.
if platform := sysconfig.get_config_vars().pop("SOABI_PLATFORM", None):
    EXTENSION_SUFFIXES.sort(key=lambda suffix: f"-{platform}." in suffix)

import setuptools_rust  # noqa: F401 # without it, setuptools would build a wheel that lacks the module
from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel

# The Python behind the virtual environment: an isolated build makes a new environment each time, and Cargo
# would take that for another Python and compile PyO3 again.
os.environ.setdefault("PYO3_PYTHON", os.path.realpath(sys._base_executable))


def _ask_cargo(question: str) -> dict[str, Any]:
    # `config` is not stable, so Cargo asks for a variable: https://github.com/rust-lang/cargo/issues/9301
    env = {**os.environ, "RUSTC_BOOTSTRAP": "1"}
    asked = run(f"cargo {question}", shell=True, env=env, capture_output=True)
    return json.loads(asked.stdout or "{}")


def _source_folders(rust: str, config: dict[str, Any]) -> dict[Path, str]:
    # Where this machine has the sources of crates and of Rust, with the names that panic messages show instead.
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()
    folders = {home: "cargo"}
    about = _ask_cargo("metadata --no-deps --format-version=1 --manifest-path=crates/Cargo.toml")
    for kind in filter(about.get, ["target_directory", "build_directory"]):
        folders[Path(about[kind])] = "target"  # build scripts may write code there
    for root, commit in re.findall(r"(?m)^((?:/|\w:).*)$(?s:.*)^commit-hash: (\w+)", rust):
        folders[Path(root, "lib/rustlib/src/rust")] = f"/rustc/{commit}"  # component rust-src
    for source in config.get("source", {}).values():
        for place in [*Path("setup.py").absolute().parents, home.parent]:
            if "directory" in source and (place / source["directory"]).is_dir():
                folders[place / source["directory"]] = "vendor"  # by `cargo vendor`
    return folders


class _Wheel(bdist_wheel):  # which says what Rust crates are in it (PEP 770)
    def finalize_options(self) -> None:
        # PyO3 compiles for the Python of its abi3 feature. What has no limited API gets a wheel for its own version.
        manifest = Path("crates/Cargo.toml").read_text("utf-8")
        abi3 = re.search(r"""\n[^#\n]*["']abi3-py(3(\d+))["']""", manifest)
        allowed = getattr(self.distribution.metadata, "python_requires", ())
        if abi3 and f"3.{int(abi3[2]) - 1}.99" in allowed:
            sys.exit(f"abi3-py{abi3[1]} in crates/Cargo.toml: let requires-python begin there too.")
        limited = [module.py_limited_api for module in self.distribution.ext_modules or []]
        limited += [not sysconfig.get_config_var("Py_GIL_DISABLED")]
        if abi3 and sys.implementation.name == "cpython" and all(limited):
            self.py_limited_api = f"cp{abi3[1]}"
        super().finalize_options()

    def run(self) -> None:
        # Setuptools deletes nothing: what an earlier build left would get into the wheel.
        build = self.get_finalized_command("build")
        built = self.skip_build or self.distribution.have_run.get("build")
        for folder in [self.bdist_dir] if built else [self.bdist_dir, build.build_lib]:
            if Path(build.build_base) in Path(folder).parents:
                shutil.rmtree(folder, ignore_errors=True)
        self._keep_folders_out()
        super().run()

    def _keep_folders_out(self) -> None:
        # Panic messages name source files: these flags keep the build machine's folders out of them. Cargo adds them to
        # those of its configuration, and takes [build] or what fits of [target]. Variables replace both, and get them too.
        rust = getoutput("rustc --print cfg --print sysroot && rustc -vV", errors="replace")
        config = _ask_cargo("-Zunstable-options config get --format=json")
        folders = _source_folders(rust, config)
        flags = [f"--remap-path-prefix={folder}={name}" for folder, name in folders.items()]
        plain = [flag for flag in flags if " " not in flag]
        targets = config.get("target", {}).items()
        tables = {f"target.{json.dumps(name)}": t for name, t in targets if "rustflags" in t}
        for table, own in {"build": config.get("build", {}), **tables}.items():
            is_text = isinstance(own.get("rustflags"), str)
            value = json.dumps(" ".join([own["rustflags"], *plain]) if is_text else flags)
            for module in self.distribution.rust_extensions:
                module.args = [*module.args, "--config", f"{table}.rustflags={value}"]
        if 'target_env="musl"' in rust:  # where setuptools-rust sets this variable
            os.environ.setdefault("RUSTFLAGS", "")
        for name in filter(re.compile(r"(CARGO_[ET]\w+_)?RUSTFLAGS").fullmatch, os.environ):
            space, fitting = ("\x1f", flags) if "ENCODED" in name else (" ", plain)
            os.environ[name] = space.join([os.environ[name], *fitting]).strip(space)

    def write_wheelfile(self, wheelfile_base: str, **kwargs: str) -> None:
        super().write_wheelfile(wheelfile_base, **kwargs)
        if "bdist_wheel" in sys.argv:  # for editable installs, this is called too
            run_path("scripts/sbom.py")["write"](self, Path(wheelfile_base, "sboms"))
            # Now all files are there. The wheel holds their modes, which the umask decided.
            for file in filter(Path.is_file, Path(self.bdist_dir).rglob("*")):
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
        elif self.py_limited_api:  # one for this Python, from before, would hide the new module
            for file in Path("src").rglob("_accelerate" + sysconfig.get_config_var("EXT_SUFFIX")):
                file.unlink()


setup(cmdclass={"bdist_wheel": _Wheel})

"""What pyproject.toml cannot say: one wheel for every Python, with the same bytes wherever it is built."""

import os
import re
import shutil
import sys
import sysconfig
from pathlib import Path
from runpy import run_path
from subprocess import getoutput

# With this variable, which Python 3.15 introduced, setuptools names the compiled module
# `_accelerate.abi3-<platform>.so`, and no older Python finds it. Setuptools copies the variables: this is first.
sysconfig.get_config_vars().pop("SOABI_PLATFORM", None)

import setuptools_rust  # noqa: E402, F401 # without it, setuptools would build a wheel that lacks the module
from setuptools import setup  # noqa: E402
from setuptools.command.bdist_wheel import bdist_wheel  # noqa: E402

# The Python behind the virtual environment: an isolated build makes a new environment each time, and Cargo
# would take that for another Python and compile PyO3 again.
os.environ.setdefault("PYO3_PYTHON", os.path.realpath(sys._base_executable))

if "bdist_wheel" in sys.argv and "--skip-build" not in sys.argv:
    # Where setuptools builds for this Python, it deletes nothing: old files would get into the wheel.
    for old in Path("build").glob(f"lib.*-{sys.implementation.cache_tag}*"):
        shutil.rmtree(old)
    # Panic messages name source files. This keeps the build machine's folders out of the wheel. Of these variables
    # Cargo reads one: RUSTFLAGS on musl, where setuptools-rust sets it. With CARGO_BUILD_RUSTFLAGS, flags in Cargo's
    # own configuration still count; those under [target] there replace this one.
    on_musl = 'target_env="musl"' in getoutput("rustc --print cfg", errors="replace")
    os.environ.setdefault("RUSTFLAGS" if on_musl else "CARGO_BUILD_RUSTFLAGS", "")
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()
    flag = f"--remap-path-prefix={home}=cargo"
    for variable in [x for x in os.environ if re.fullmatch(r"(CARGO_\w+_)?RUSTFLAGS", x)]:
        space = "\x1f" if variable == "CARGO_ENCODED_RUSTFLAGS" else " "
        if space not in flag:
            os.environ[variable] = f"{os.environ[variable]}{space}{flag}".strip(space)


class _Wheel(bdist_wheel):  # which says what Rust crates are in it (PEP 770)
    def finalize_options(self) -> None:
        # PyO3 compiles for the Python of its abi3 feature. What has no limited API gets a wheel for its own version.
        abi3 = re.search(r'\n[^#\n]*"abi3-py(\d+)"', Path("crates/Cargo.toml").read_text("utf-8"))
        limited = [module.py_limited_api for module in self.distribution.ext_modules or []]
        limited += [not sysconfig.get_config_var("Py_GIL_DISABLED")]
        if abi3 and sys.implementation.name == "cpython" and all(limited):
            self.py_limited_api = f"cp{abi3[1]}"
        super().finalize_options()

    def write_wheelfile(self, wheelfile_base: str, **kwargs: str) -> None:
        super().write_wheelfile(wheelfile_base, **kwargs)
        if "bdist_wheel" in sys.argv:  # for editable installs, this is called too
            run_path("scripts/sbom.py")["write"](self, Path(wheelfile_base, "sboms"))
            # Now all files are there. The wheel holds their modes, which the umask decided.
            for file in filter(Path.is_file, Path(self.bdist_dir).rglob("*")):
                file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


setup(cmdclass={"bdist_wheel": _Wheel})

"""A machine that holds nothing of ours: what a user has, or a runner of GitHub.

Programs are run with a new environment: PATH leads to links to the tools named here and to nothing else, HOME is
empty, no variable comes along but those that tell how this machine reaches the package registries.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]

# A small part of what GitHub documents for its Ubuntu images, and what every Linux for developers has:
# https://github.com/actions/runner-images/blob/main/images/ubuntu/Ubuntu2404-Readme.md
TOOLS = Path(__file__).with_name("tools.txt").read_text("utf-8").split()
RUST_TOOLS = ("cargo", "cargo-clippy", "cargo-fmt", "clippy-driver", "rustc", "rustdoc", "rustfmt")

# How packages are reached from here, behind a proxy or a certificate of one's own.
NETWORK = {
    *("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("CARGO_HTTP_CAINFO", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "NODE_EXTRA_CA_CERTS", "PIP_CERT"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    *("PIP_INDEX_URL", "PIP_DEFAULT_TIMEOUT", "UV_DEFAULT_INDEX", "UV_HTTP_TIMEOUT"),
}

# As rustup's proxies do, these give up where a job says that there shall be no Rust, and run another where it says so.
_RUSTUP_PROXY = """\
#!/bin/sh
case ${{RUSTUP_TOOLCHAIN-}} in
"") exec {tool} "$@" ;;
none) echo "error: toolchain 'none' is not installed" >&2 && exit 1 ;;
*) exec rustup run "$RUSTUP_TOOLCHAIN" {name} "$@" ;;
esac
"""

# With the toolchains of this machine. One that is there is not asked for again, which would need the network.
_RUSTUP = """\
#!/bin/sh
export RUSTUP_HOME={home}
if [ "$1 $2" = "toolchain install" ]; then
    for version; do :; done # the last argument
    {rustup} run "$version" cargo clippy --version >/dev/null 2>&1 && exit
fi
exec {rustup} "$@"
"""


@dataclass
class Bare:
    """Folders of links that make up a PATH, and homes that hold nothing but caches.

    Attributes:
        folder: Where all of it is made; of the caller, who also removes it.
        pythons: Interpreters to offer, by version such as `3.11`; the first is `python3`. They come without packages.
    """

    folder: Path
    pythons: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folders."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder = self.folder.resolve()

    def path(self, *more: Path, rust: bool = True, uv: bool = True, python: bool = True) -> str:
        """Return a PATH with the tools of the system, and those that are asked for.

        Args:
            *more: Folders that come first.
            rust: Whether Cargo and its companions are there.
            uv: Whether uv is there.
            python: Whether the interpreters are there.
        """
        folders = [*more, self.tools()]
        if rust:
            folders.append(self.rust())
        if uv:
            folders.append(self.uv())
        if python:
            folders += self.interpreters()
        return os.pathsep.join(map(str, folders))

    def environment(self, *more: Path, home: Path | None = None, **offered: bool) -> dict[str, str]:
        """Return all variables that a program gets.

        Args:
            *more: Folders that come first on PATH.
            home: HOME, which is made if it is not there; a new one if None.
            **offered: What PATH offers, see `path`.
        """
        return {
            **network(),
            "HOME": str(self.home(home)),
            "LANG": "C.UTF-8",
            "PATH": self.path(*more, **offered),
            "TMPDIR": os.environ.get("TMPDIR", "/tmp"),
        }

    def home(self, home: Path | None = None) -> Path:
        """Make a home that holds caches of downloads, and nothing else."""
        if home is None:
            homes = self.folder / "homes"
            homes.mkdir(exist_ok=True)
            home = homes / str(len(list(homes.iterdir())))
        home.mkdir(parents=True, exist_ok=True)
        for name, cache in caches().items():
            link = home / name
            if not link.is_symlink():
                cache.mkdir(parents=True, exist_ok=True)
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(cache)
        return home

    def tools(self) -> Path:
        """Link the tools of the system, with what comes with the system only."""
        folder = self.folder / "tools"
        if not folder.exists():
            folder.mkdir()
            for name in TOOLS:
                if found := shutil.which(name, path=os.defpath + ":/usr/local/bin"):
                    (folder / name).symlink_to(found)
        return folder

    def rust(self) -> Path:
        """Stand in for rustup's proxies, which would look for their toolchains in HOME."""
        folder = self.folder / "rust"
        if not folder.exists():
            try:
                sysroot = subprocess.check_output(["rustc", "--print=sysroot"], text=True).strip()
            except (OSError, subprocess.CalledProcessError) as error:
                sys.exit(f"Rust does not run: {error}. Install it from https://rustup.rs.")
            folder.mkdir()
            for name in RUST_TOOLS:
                if found := shutil.which(name, path=f"{sysroot}/bin"):
                    text = _RUSTUP_PROXY.format(tool=found, name=name)
                    (folder / name).write_text(text)
            if found := shutil.which("rustup"):
                home = os.environ.get("RUSTUP_HOME") or Path.home() / ".rustup"
                text = _RUSTUP.format(home=shlex.quote(str(home)), rustup=found)
                (folder / "rustup").write_text(text)
            for program in folder.iterdir():
                program.chmod(0o755)
        return folder

    def uv(self) -> Path:
        """Link uv, which is installed beside the Python that runs this."""
        folder = self.folder / "uv"
        if not folder.exists():
            folder.mkdir()
            for name in ("uv", "uvx"):
                (folder / name).symlink_to(tool(name))
        return folder

    def interpreters(self) -> list[Path]:
        """Make an installation without packages of each interpreter, and return their folders."""
        return [
            bare_python(python, version, self.folder / f"python{version}")
            for version, python in self.pythons.items()
        ]


def bare_python(python: Path, version: str, prefix: Path) -> Path:
    """Make an installation of Python that has the standard library and no packages.

    It is a copy of the program beside links to the library, from which Python finds out where it is installed.

    Args:
        python: An installed interpreter.
        version: Its version, such as `3.11`.
        prefix: Where to make the installation.

    Returns:
        The folder with the program.
    """
    programs = prefix / "bin"
    if not programs.exists():
        code = "import sys; print(sys.base_prefix, sys._base_executable, sep='\\n')"
        asked = subprocess.run([python, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
        base, executable = map(Path, asked.stdout.splitlines())
        library = prefix / f"lib/python{version}"
        (library / "site-packages").mkdir(parents=True)
        skipped = {"site-packages", "dist-packages"}
        for entry in (base / f"lib/python{version}").iterdir():
            if entry.name not in skipped:
                (library / entry.name).symlink_to(entry)
        for entry in base.glob(f"lib/libpython{version}*"):
            (prefix / "lib" / entry.name).symlink_to(entry)
        (prefix / "include").symlink_to(base / "include")
        programs.mkdir()
        shutil.copy(executable.resolve(), programs / f"python{version}")
        for name in ("python", "python3"):
            (programs / name).symlink_to(f"python{version}")
    return programs


def network() -> dict[str, str]:
    """Return the variables that tell how this machine reaches the package registries."""
    return {name: value for name, value in os.environ.items() if name.upper() in NETWORK}


def containers() -> dict[str, str]:
    """Return the variables that tell from which images containers are made here, see `stand-ins/images.sh`."""
    names = ("CIBW_", "CONTAINER_ARGS", "CONTAINERS_CONF")
    return {name: value for name, value in os.environ.items() if name.startswith(names)}


def caches() -> dict[str, Path]:
    """Return where downloads are kept, by the place in HOME where uv and Cargo look for them."""
    uv = os.environ.get("UV_CACHE_DIR") or Path.home() / ".cache/uv"
    cargo = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    pip = Path.home() / ".cache/pip"
    return {".cache/pip": pip, ".cache/uv": Path(uv), ".cargo/registry": cargo / "registry"}


def tool(name: str) -> Path:
    """Find a tool of this repository's own environment, such as act.

    Args:
        name: Its command.

    Raises:
        FileNotFoundError: It is not installed.
    """
    path = ROOT / ".venv/bin" / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `make test` once, which installs it")
    return path

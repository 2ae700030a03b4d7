"""Rust comes into the containers from a pinned rustup-init, or the build stops."""

import hashlib
import http.server
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from conftest import Render
from servers import served

SCRIPT = "scripts/install_rust.sh"
# What it downloads here instead of rustup-init: tells how it was called.
STAND_IN = b'#!/bin/sh\necho "$@" >"$CALLED"\n'


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the stand-in under any address, and remembers the addresses."""

    paths: ClassVar[list[str]] = []
    statuses: ClassVar[list[int]] = []  # before it serves

    def do_GET(self) -> None:
        status = self.statuses.pop(0) if self.statuses else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.path)
        self.end_headers()
        if status == 200:
            self.paths.append(self.path)
            self.wfile.write(STAND_IN)

    def log_message(self, *arguments: object) -> None:
        pass


@contextmanager
def server() -> Iterator[tuple[str, list[str]]]:
    Server.paths = []
    with served(http.server.HTTPServer(("127.0.0.1", 0), Server)) as address:
        yield f"{address}/rustup", Server.paths


@pytest.fixture(scope="module")
def script(render: Render) -> str:
    return render().read(SCRIPT)


def address(script: str, target: str) -> str:
    (version,) = re.findall(r"^rustup=([\d.]+)$", script, re.MULTILINE)
    return f"/rustup/archive/{version}/{target}/rustup-init"


def install(
    script: str, folder: Path, *tools: str, machine: str = "x86_64", musl: bool = False
) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script with nothing but some tools on PATH."""
    path = folder / "bin"
    path.mkdir()
    for tool in ["sh", "curl", "sed", "sha256sum", "mktemp", "rm", "chmod", *tools]:
        found = shutil.which(tool)
        assert found, tool
        (path / tool).symlink_to(found)
    ls = f"case $1 in /lib/ld-musl-*) {str(musl).lower()} ;; *) false ;; esac"
    for name, answer in {"uname": f"echo {machine}", "ls": ls}.items():
        (path / name).write_text(f"#!/bin/sh\n{answer}\n")
        (path / name).chmod(0o755)
    with server() as (address, paths):
        environment = {
            "PATH": str(path),
            "TMPDIR": str(folder),
            "RUSTUP_UPDATE_ROOT": address,
            "CALLED": str(folder / "called"),
        }
        (folder / "here").mkdir()
        result = subprocess.run(
            ["sh", "-c", script],
            cwd=folder / "here",
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    assert not list((folder / "here").iterdir())  # a checkout, for example
    return result, paths


def test_a_wrong_checksum_stops_the_build(script: str, tmp_path: Path) -> None:
    result, paths = install(script, tmp_path)

    assert paths == [address(script, "x86_64-unknown-linux-gnu")]
    assert result.returncode != 0
    assert "FAILED" in result.stdout
    assert not (tmp_path / "called").exists()


@pytest.mark.parametrize("musl", [False, True], ids=["gnu", "musl"])
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_right_checksum_installs_a_pinned_rust(
    script: str, tmp_path: Path, machine: str, musl: bool
) -> None:
    target = f"{machine}-unknown-linux-{'musl' if musl else 'gnu'}"
    right = hashlib.sha256(STAND_IN).hexdigest()
    script, count = re.subn(rf"[0-9a-f]{{64}}  {target}", f"{right}  {target}", script)
    assert count == 1
    Server.statuses = [503, 302] if musl else []

    result, paths = install(script, tmp_path, machine=machine, musl=musl)

    assert result.returncode == 0, result.stdout + result.stderr
    assert paths == [address(script, target)]
    called = (tmp_path / "called").read_text().split()
    assert called[:-1] == ["-y", "--no-modify-path", "--profile", "minimal", "--default-toolchain"]
    assert re.fullmatch(r"1\.\d+\.\d+", called[-1])


def test_the_address_is_that_of_the_checksums(script: str) -> None:
    address = "https://static.rust-lang.org/rustup"
    assert f"# The checksums are those of {address}/archive/VERSION/" in script
    assert f"${{RUSTUP_UPDATE_ROOT:-{address}}}/archive/$rustup/$target/" in script
    assert "\ncurl -fsSL --retry 3 --output rustup-init " in script  # which asks who the server is


def test_an_unknown_machine_stops_the_build(script: str, tmp_path: Path) -> None:
    result, paths = install(script, tmp_path, machine="riscv64")

    assert result.returncode != 0
    assert paths == [address(script, "riscv64-unknown-linux-gnu")]
    assert not (tmp_path / "called").exists()


def test_rust_that_is_there_is_kept(script: str, tmp_path: Path) -> None:
    result, paths = install(script, tmp_path, "cargo")

    assert result.returncode == 0
    assert not paths

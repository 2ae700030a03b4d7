"""The first project on a machine is green, from the first minute to the first wheel, where nothing was ever built."""

from pathlib import Path

import pytest

import pythons
from conftest import Render
from needs import need
from project import IDENTITY
from rehearsal.bare import Bare
from test_tasks import check_green, check_uses, set_up


@pytest.mark.slow(minutes=5)
def test_first_project_of_a_machine_is_green(render: Render, tmp_path: Path) -> None:
    """Nothing was ever built there, and its only Python is an early one.

    Patch levels print differently, for example exceptions; other tests run on the oldest minor version.
    """
    python = Path(need("early-python"))
    base = Bare(tmp_path / "bare", {pythons.SUPPORTED[0]: python}).environment()
    (Path(base["HOME"]) / ".gitconfig").write_text(IDENTITY)
    project = render(project_name="Fast Math")
    set_up(project, base)
    # What was compiled while uv asked for versions was of use.
    assert len(list(project.path.glob("crates/target/debug/deps/libpyo3-*.rlib"))) == 1
    check_green(project, base)
    check_uses(project, python)

"""The recipes of `docs/recipes.md` work in a new project, and leave every task green."""

import re
import zipfile
from pathlib import Path

import pytest

from conftest import Render
from project import ROOT, Project, run, user

pytestmark = [pytest.mark.slow(minutes=4), pytest.mark.usefixtures("kept_builds")]

PAGE = (ROOT / "docs/recipes.md").read_text("utf-8")
_, *SECTIONS = re.split(r"^## ", PAGE, flags=re.MULTILINE)
RECIPES = {section.partition("\n")[0].lower().replace(" ", "-"): section for section in SECTIONS}
LISTED = re.findall(r"\(#([\w-]+)\)", PAGE.partition("\n## ")[0])
# A paragraph that names a file ends in a colon; the block below it is for that file.
BLOCK = re.compile(
    r"(?:(?<=\n\n)((?:(?!\n\n)[^`]|`[^`]*`)*):\n\n)?^```(\w+)\n(.*?)^```", re.M | re.S
)


def follow(project: Project, recipe: str) -> set[str]:
    """Do what a recipe says, make public what its test imports, and return the files that one edits."""
    edited = set()
    for before, language, text in BLOCK.findall(recipe):
        if language == "console":
            run("bash", "-euc", text, cwd=project.path, base=user())
            continue
        name = re.findall(r"`([^`]+/?[^`]+\.\w+)`", before)[-1]
        edited.add(name)
        path = project.path / name
        old = path.read_text("utf-8") if path.exists() else ""
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "crates/src/lib.rs":
            text = f"{old.rstrip().removesuffix('}')}\n{text}}}\n"
        elif name == "pyproject.toml" and text.startswith("package-data"):
            text = re.sub(r"^package-data = .*\n", lambda _: text, old, flags=re.M)  # noqa: B023
        elif old:
            text = f"{old}\n{text}"
        path.write_text(text, "utf-8")
        if name.startswith("tests/"):
            names = re.findall(r"^from fast_math import (.*)$", text, re.M)
            public(project, names)
            edited |= {"src/fast_math/__init__.py"} if names else set()
    return edited


def public(project: Project, imported: list[str]) -> None:
    path = project.path / "src/fast_math/__init__.py"
    text = path.read_text("utf-8")
    for names in imported:
        text = text.replace("import VERSION,", f"import VERSION, {names},")
        listed = ", ".join(f'"{name}"' for name in names.split(", "))
        text = text.replace("__all__ = [", f"__all__ = [{listed}, ")
    path.write_text(text, "utf-8")


def test_every_recipe_is_in_the_list() -> None:
    assert sorted(LISTED) == sorted(RECIPES)


def test_recipes(render: Render, tmp_path: Path) -> None:
    """One after the other in one project, to build once."""
    project = render(project_name="Fast Math")
    project.git("init", "--quiet", "--initial-branch=main")
    project.make("init")
    project.commit()
    for name in LISTED:
        edited = follow(project, RECIPES[name])
        assert len(edited) <= 4, name
        if name == "debugging-and-profiling":
            (module,) = project.path.glob("src/fast_math/_accelerate*.so")
            assert b"/lib.rs/@/_fast_math." in module.read_bytes(), "no lines of it"
        if name == "second-crate":
            assert "\nrust-version.workspace = true\n" in project.read("crates/core/Cargo.toml")
    touched = project.git("status", "--porcelain", "--untracked-files=all").splitlines()
    printed = project.make("stubs format lint test docs")
    assert " passed" in printed
    for line in touched:
        if line.startswith("?? tests/"):
            assert f"{line[3:]} ." in printed
    stubs = "".join(p.read_text("utf-8") for p in project.path.glob("src/fast_math/**/*.pyi"))
    assert "Incomplete" not in stubs
    api = project.read("site/api/index.html")
    assert {"Circle.smallest", "Style"} <= {*re.findall(r'id="fast_math\.([\w.]+)"', api)}
    for hidden in ("__getnewargs__", "__reduce__"):
        assert f"def {hidden}" in stubs
        assert hidden not in api
    for promised in re.findall("`make stubs` writes `(.*?)`", PAGE):
        assert promised in stubs
    project.git("add", "--all")
    project.make("precommit wheel")
    (wheel,) = project.path.glob("dist/*-abi3-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            # The folder where it was built has the name of the source distribution.
            assert not name.endswith(".so") or b"/fast_math-0.0.0" not in archive.read(name), name
        texts = archive.read("fast_math-0.0.0.dist-info/licenses/LICENSE-CRATES").decode()
        assert {"memchr", "pyo3"} <= {*re.findall(r"^==> build/crates/([\w-]+)/", texts, re.M)}
    # What README tells users to type installs no dependencies, as the recipe for packages says.
    (install,) = re.findall("^pip (install --no-index .*)", project.read("README.md"), re.M)
    run("python3", "-m", "venv", tmp_path / "env", cwd=tmp_path, base=user())
    refused = project.run(tmp_path / "env/bin/pip", *install.split(), check=False)
    assert re.search("No matching distribution found for (numpy|packaging)", refused.stdout)

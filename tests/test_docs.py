"""The documentation: a site that builds without Rust, works in a browser, and tells the truth."""

import html
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urldefrag

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from conftest import Render
from needs import need
from project import Project, user_path
from servers import folder_served

pytestmark = pytest.mark.slow(minutes=2)

PAGES = ["", "tutorial/", "api/", "changelog/"]
TITLE = """<b>Größe</b> & "C#" {{ 7 * 7 }} &lt; it's $5 🚀"""
DESCRIPTION = (
    """Say "hi" </title><script>alert(1)</script> {{ x }} # ::: `*it*` &copy; R&D | [a](b)"""
)


@pytest.fixture(scope="session")
def without_rust() -> dict[str, str]:
    """Return variables for a shell that finds uv and Python, and no Rust."""
    return {"PATH": user_path(rust=False)}


def build_command(project: Project) -> list[str]:
    """Return the command that builds the site on GitHub."""
    workflow = yaml.safe_load(project.read(".github/workflows/docs.yml"))
    commands = [step["run"] for step in workflow["jobs"]["build"]["steps"] if "run" in step]
    (command,) = (command for command in commands if "mkdocs" in command)
    return shlex.split(command)


@dataclass
class Site:
    """A built site, served below the folder that GitHub Pages gives it."""

    project: Project
    url: str


@pytest.fixture(scope="session")
def serve(tmp_path_factory: pytest.TempPathFactory, without_rust: dict[str, str]) -> Iterator[Any]:
    """Return a function that builds the site of a project and serves it on this machine."""
    servers = ExitStack()

    def serve(project: Project) -> Site:
        project.run("uv", "lock", env=without_rust)
        printed = project.run(*build_command(project), env=without_rust).stdout
        assert "Building " + project.answers["package_name"] not in printed
        root = tmp_path_factory.mktemp("pages")
        name = project.answers["package_name"]
        (root / name).symlink_to(project.path / "site")
        address = servers.enter_context(folder_served(root))
        return Site(project, f"{address}/{name}/")

    with servers:
        yield serve


@pytest.fixture(scope="session")
def site(render: Render, serve: Any) -> Site:
    """Build the site of a project with all features."""
    project = render(project_name="Fast Math", package_name="fast-math", github_owner="OctoCat")
    project.commit()
    site: Site = serve(project)
    return site


@pytest.fixture(scope="session")
def odd_site(render: Render, serve: Any) -> Site:
    """Build the site of a project with a title full of markup, and without an owner."""
    site: Site = serve(
        render(
            project_name=TITLE,
            description=DESCRIPTION,
            package_name="odd",
            github_owner="",
            features=["docs"],
        )
    )
    return site


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start Chromium without a window."""
    executable = need("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@dataclass
class Visit:
    """A page of a site, and all that went wrong since it was opened."""

    page: Page
    problems: list[str]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    """Return a function that opens a page and takes note of errors and requests to other hosts."""
    contexts = []

    def visit(site: Site, path: str = "", **options: Any) -> Visit:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: problems.append(f"error: {error}"))
        page.on("requestfailed", lambda request: problems.append(f"failed: {request.url}"))

        def check_request(request: Any) -> None:
            if not request.url.startswith((site.url, "data:", "blob:")):
                problems.append(f"request: {request.url}")

        page.on("request", check_request)
        response = page.goto(site.url + path, wait_until="networkidle")
        assert response
        assert response.status == 200, path
        return Visit(page, problems)

    yield visit
    for context in contexts:
        context.close()


def test_every_page_loads_and_every_link_leads_somewhere(visit: Any, site: Site) -> None:
    links: set[str] = set()
    ids: dict[str, list[str]] = {}
    for path in [*PAGES, "404.html"]:
        opened = visit(site, path)
        assert opened.problems == []
        ids[site.url + path] = opened.page.locator("[id]").evaluate_all("all => all.map(x => x.id)")
        links.update(opened.page.locator("a[href]").evaluate_all("all => all.map(x => x.href)"))

    inside = {urldefrag(link) for link in links if link.startswith(site.url)}
    assert len(inside) > 15
    assert [link for link in inside if link.url not in ids] == []
    # Scripts answer `#__…` themselves.
    assert [link for link in inside if link.fragment not in ["", "__skip", *ids[link.url]]] == []
    outside = {link for link in links if not link.startswith(site.url)}
    assert "https://github.com/OctoCat/fast-math/edit/HEAD/docs/tutorial.md" in outside
    assert "https://github.com/OctoCat/fast-math" in outside
    assert "https://github.com/OctoCat/fast-math#install" in outside
    assert "\n## Install\n" in site.project.read("README.md")
    assert "<loc>https://octocat.github.io/fast-math/</loc>" in site.project.read(
        "site/sitemap.xml"
    )


def test_api_page_shows_a_rust_function(visit: Any, site: Site) -> None:
    page = visit(site, "api/").page
    heading = page.locator("#fast_math\\.add_in_rust")
    assert "add_in_rust" in heading.inner_text()
    function = page.locator(".doc-object", has=heading).last
    text = re.sub(r"\s+", " ", function.inner_text())
    assert "add_in_rust(left: int, right: int) -> int" in text
    assert "Add two integers." in text
    assert "left (int) – First addend, a 64-bit integer." in text
    assert "OverflowError – An argument or the sum does not fit into 64 bits." in text
    # The module's own documentation, and no helper that is not public.
    assert "_register_submodules" not in page.locator("body").inner_text()


def test_search_finds_a_rust_function(visit: Any, site: Site) -> None:
    opened = visit(site)
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("add_in_rust", delay=20)
    results = opened.page.locator(".md-search-result__link")
    results.first.wait_for()
    found = results.evaluate_all("all => all.map(x => x.href)")
    assert any("/api/" in link and "add_in_rust" in link for link in found), found
    assert opened.problems == []


def test_changelog_is_the_one_of_the_project(visit: Any, site: Site) -> None:
    heading, text = site.project.read("CHANGELOG.md").strip().split("\n\n")[:2]
    shown = visit(site, "changelog/").page.locator("article").inner_text()
    assert heading.removeprefix("# ") in shown
    assert text.replace("`", "") in shown


@pytest.mark.parametrize(
    ("prefers", "scheme"), [("light", "default"), ("dark", "slate")], ids=["light", "dark"]
)
def test_colours_follow_the_system(visit: Any, site: Site, prefers: str, scheme: str) -> None:
    body = visit(site, color_scheme=prefers).page.locator("body")
    assert body.get_attribute("data-md-color-scheme") == scheme


def test_pages_fit_a_phone(visit: Any, site: Site) -> None:
    for path in PAGES:
        page = visit(site, path, viewport={"width": 360, "height": 740}).page
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


def test_free_text_is_shown_as_it_is(visit: Any, odd_site: Site) -> None:
    opened = visit(odd_site)
    page = opened.page
    assert opened.problems == []
    assert page.title() == TITLE
    header = page.locator(".md-header__topic").first
    assert header.inner_text().strip() == TITLE
    assert page.locator("h1").inner_text().removesuffix("¶") == TITLE
    paragraph = page.locator("article > p").first
    assert paragraph.inner_text() == DESCRIPTION
    assert paragraph.locator("*").count() == 0
    description = page.locator("meta[name=description]")
    assert description.get_attribute("content") == DESCRIPTION
    assert visit(odd_site, "api/").page.title() == f"API reference - {TITLE}"


@pytest.mark.parametrize(
    "mistakes",
    [
        [
            ("tutorial.md", "[x](nowhere.md)", "'nowhere.md', but the target is not found"),
            ("tutorial.md", "[x](index.md#nowhere)", "not contain an anchor '#nowhere'"),
            ("index.md", "[x](#nowhere)", "there is no such anchor on this page"),
            (
                "index.md",
                "[x](/tutorial/)",
                "WARNING -  Doc file 'index.md' contains an absolute link",
            ),
            (
                "index.md",
                "[x](tutorial)",
                "WARNING -  Doc file 'index.md' contains an unrecognized",
            ),
            ("forgotten.md", "# Forgotten", 'not included in the "nav" configuration'),
        ],
        [("api.md", "::: fast_math.nothing", "fast_math.nothing could not be found")],
        [("changelog.md", '--8<-- "HISTORY.md"', "HISTORY.md")],
    ],
    ids=["links", "function", "file"],
)
def test_mistakes_stop_the_build(
    site: Site,
    without_rust: dict[str, str],
    tmp_path: Path,
    mistakes: list[tuple[str, str, str]],
) -> None:
    project = site.project.copy(tmp_path / "project")
    for name, text, _ in mistakes:
        with (project.path / "docs" / name).open("a", encoding="utf-8") as page:
            page.write(f"\n{text}\n")
    result = project.run(*build_command(project), env=without_rust, check=False)
    assert result.returncode != 0
    for _, _, warning in mistakes:
        assert warning in result.stdout


POINT = """
@final
class Point:
    \"\"\"A point.\"\"\"
    def __len__(self, /) -> int: ...
    def __repr__(self, /) -> str: ...
    def __new__(cls, /, x: float, y: float = 2.0) -> Self: ...
    def undocumented(self, /, factor: int) -> None: ...
    def _private(self, /) -> None: ...
"""
LINE = """
\"\"\"Lines.\"\"\"


class Line:
    \"\"\"A line.\"\"\"

    def __init__(self, length: float) -> None:
        self.length = length
"""


def test_api_page_shows_all_that_is_public(
    site: Site, without_rust: dict[str, str], tmp_path: Path
) -> None:
    """Above all what a constructor takes, of a class in Rust or Python, in the package or below."""
    project = site.project.copy(tmp_path / "project")
    package = project.path / "src/fast_math"
    for name, text in {"_accelerate/__init__.pyi": POINT, "lines.py": LINE}.items():
        with (package / name).open("a", encoding="utf-8") as module:
            module.write(text)
    text = project.read("src/fast_math/__init__.py")
    text = text.replace("import VERSION,", "import VERSION, Point,")
    (package / "__init__.py").write_text(text.replace("__all__ = [", '__all__ = [\n    "Point",'))
    project.run(*build_command(project), env=without_rust)
    text = re.sub("<.*?>", "", project.read("site/api/index.html"))
    page = html.unescape(" ".join(text.split()))
    for shown in (
        "__len__() -> int",
        "__new__(x: float, y: float = 2.0) -> Self",
        "__version__ = VERSION",
        "undocumented(factor: int) -> None",
        "Lines. ",
        "__init__(length: float) -> None",
    ):
        assert shown in page
    for hidden in ("__all__ =", "__repr__", "_private", "_accelerate"):
        assert hidden not in page


def test_examples_do_not_depend_on_how_python_prints(site: Site) -> None:
    """Python 3.11.2 prints notes of exceptions in doctest, other versions do not; so do tracebacks differ."""
    for page in (site.project.path / "docs").glob("*.md"):
        assert "Traceback" not in page.read_text("utf-8"), page


def test_nothing_is_left_without_it(render: Render) -> None:
    project = render(features=["notebook"], github_owner="octocat")
    project.commit()
    files = project.git("ls-files").splitlines()
    assert [name for name in files if "docs" in name] == []
    words = r"mkdocs|properdocs|doctest|octocat\.github\.io|only-group docs|tasks\.docs|^ *\"docs/"
    assert project.run("git", "grep", "-niE", words, check=False).stdout == ""

"""Checks the built documentation for what `zensical build --strict` lets pass; run by `make docs`."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

SITE = Path("site")
HOST = "https://site.invalid/"


class Page(HTMLParser):
    """The links of a page, and the places in it that links may name."""

    def __init__(self, file: Path) -> None:
        """Read a page."""
        super().__init__()
        self.url = HOST + file.relative_to(SITE).as_posix().removesuffix("index.html")
        self.links: set[str] = set()
        self.places = {""}
        self.feed(file.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take note of a link or a place."""
        self.links |= {value for name, value in attrs if name in ("href", "src") and value}
        self.places |= {value for name, value in attrs if name in ("id", "name") and value}


# The page for missing addresses has absolute links, since it is shown anywhere.
files = (file for file in SITE.rglob("*.html") if file != SITE / "404.html")
pages = {page.url: page for page in map(Page, files)}
wrong, linked = [], {HOST}
for page in pages.values():
    for link in page.links:
        if link.startswith("/"):
            wrong.append(f"{page.url} links to {link}: write the address relative to the page")
        elif (target := urlsplit(urljoin(page.url, link))).netloc == urlsplit(HOST).netloc:
            url, place = f"{HOST}{target.path[1:]}", unquote(target.fragment)
            if page.url != url:
                linked.add(url)
            if url not in pages and not (SITE / unquote(target.path[1:])).is_file():
                wrong.append(f"{page.url} links to {link}, which is not there")
            elif url in pages and not place.startswith("__") and place not in pages[url].places:
                wrong.append(f"{page.url} links to {link}, and there is no such place")
wrong += [f"nothing links to {url}: add it to `nav` in mkdocs.yml" for url in pages.keys() - linked]
if wrong:
    sys.exit("\n".join(sorted(wrong)).replace(HOST, "/"))

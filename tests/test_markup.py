"""Markup: free text reads the same after Markdown, and is escaped no more than needed."""

from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from extension_loader import environment, load_module

MARKUP = environment(load_module("markup"), "Markup")
FILTERS = MARKUP.filters
NAMES = environment(load_module("names"), "Names").filters

COMMONMARK = MarkdownIt("commonmark")
GITHUB = MarkdownIt("gfm-like", {"linkify": False})

PLACES = [
    pytest.param(COMMONMARK, "{}", id="paragraph"),
    pytest.param(COMMONMARK, "# {}", id="heading"),
    pytest.param(COMMONMARK, "- {}", id="list item"),
    pytest.param(COMMONMARK, "[{}](https://example.org)", id="link label"),
    pytest.param(GITHUB, "{}", id="GitHub paragraph"),
    pytest.param(GITHUB, "Some *text*\n{}\nand more", id="GitHub line"),
    pytest.param(GITHUB, "## {}", id="GitHub heading"),
    pytest.param(GITHUB, "- {}", id="GitHub list item"),
    pytest.param(GITHUB, "| a | b |\n| - | - |\n| {} | b |", id="GitHub table cell"),
    pytest.param(GITHUB, "[{}](https://example.org)", id="GitHub link label"),
]

# Random text seldom has markup in it, so most of the text here is made of the pieces of markup.
pieces = st.sampled_from(
    [*"\\`*_[]{}()<>#+-.!|~&=:;\"'^$@/ ax1é快", "\u0301", "🚀", " ", "&amp;", "&#35;", "<b>",
     "<!--", "~~", "**", "__", "](x)", "]: ", "1. ", "12) ", " #", "---", "===", "***", "```"]
)  # fmt: skip
free_text = (st.lists(pieces, min_size=1, max_size=12).map("".join) | st.text()).filter(
    lambda text: NAMES["text_error"](text) == ""
)


def flatten(tokens: list[Token]) -> list[Token]:
    """List all tokens in the order of the text."""
    return [deep for token in tokens for deep in (token, *flatten(token.children or []))]


def structure_and_text(parser: MarkdownIt, source: str) -> tuple[list[str], str]:
    """Return the kinds of everything that is not text, and the text."""
    tokens = flatten(parser.parse(source))
    kinds = [token.type for token in tokens if token.type != "text"]
    return kinds, "".join(token.content for token in tokens if token.type == "text")


@pytest.mark.parametrize(("parser", "place"), PLACES)
@settings(deadline=None)
@given(text=free_text)
@example(text="C #")
@example(text="C # ##")
@example(text="# one")
@example(text="back\\slash\\")
@example(text="'''triple''' \"\"\"quotes\"\"\"")
@example(text="{{ 7 * 7 }} {% raw %} ${{ github }}")
@example(text="<script>alert(1)</script> &lt; &copy")
@example(text="<1@example.org>")
@example(text="![a](b)")
@example(text="~~a~~ ~b~")
@example(text="a | b \\| c")
@example(text="1. one")
@example(text="2) two")
@example(text="1.")
@example(text="-")
@example(text="+ plus")
@example(text="> quoted")
@example(text="===")
@example(text=":-")
@example(text="***")
def test_text_survives(parser: MarkdownIt, place: str, text: str) -> None:
    kinds, shown = structure_and_text(parser, place.format(FILTERS["markdown"](text)))
    plain_kinds, plain = structure_and_text(parser, place.format("PLAIN"))

    assert shown == plain.replace("PLAIN", text)
    assert kinds == plain_kinds


@pytest.mark.parametrize(
    "text",
    [
        "my_lib and my_other_lib",
        "a < b > c",
        "R&D, Tom & Jerry",
        "about ~5 ms (~6)",
        "https://example.org/~me/a_b?x=1&y=2",
        'Fast maths (in Rust) - at last! 100 % + more: "yes", it\'s C# 3.0',
        "-5 degrees",
        "3.14 is enough",
        "快速 🚀",
    ],
)
def test_harmless_text_stays_readable(text: str) -> None:
    assert FILTERS["markdown"](text) == text


# MkDocs uses Python-Markdown, which differs: it ends a heading at any #, has blocks and lists of
# attributes of its own, and shows the backslash before most signs.
@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("C#", r"C\#"),
        ("C##", r"C\#\#"),
        ("{{ x }}", r"\{\{ x }}"),
        ("title {#id .class}", r"title \{#id .class}"),
        ("!!! note", r"\!!! note"),
        ("??? note", "&#63;?? note"),
        ("::: json", "&#58;:: json"),
        ("[a]: b", r"\[a\]&#58; b"),
        ("&#0 and &amp;", "&amp;#0 and &amp;amp;"),
        ("<b> | ~~c~~", "&lt;b> &#124; &#126;&#126;c&#126;&#126;"),
        ("==", "&#61;="),
    ],
)
def test_text_survives_mkdocs(text: str, escaped: str) -> None:
    assert FILTERS["markdown"](text) == escaped


# GitHub makes links of addresses before it reads escapes, and shows these in the link.
@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("see https://example.org/a*b now", r"see https&#58;//example.org/a\*b now"),
        ("www.example.org/a_", r"www\.example.org/a\_"),
        ("https://example.org?a&lt;", "https&#58;//example.org?a&amp;lt;"),
        ("https://example.org 2*3", r"https://example.org 2\*3"),
    ],
)
def test_address_is_shown_without_escapes(text: str, escaped: str) -> None:
    assert FILTERS["markdown"](text) == escaped


class Recorder(HTMLParser):
    """Lists what HTML holds: text as text, and tags with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[object] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))

    def handle_data(self, data: str) -> None:
        self.text += data


@given(text=free_text)
@example(text="R&D &copy &lt; &#35;")
@example(text="a < b <c> </title>")
def test_text_survives_html(text: str) -> None:
    parser = Recorder()
    parser.feed('<p title="{0}">{0}</p>'.format(FILTERS["html"](text)))
    parser.close()

    assert parser.tags == [("p", [("title", text)])]
    assert parser.text == text


def test_harmless_text_stays_readable_in_html() -> None:
    text = "It's a < b > c & Tom: C# {{ x }} 🚀"
    assert FILTERS["html"](text) == text


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("MIT", ["MIT"]),
        ("MIT OR Apache-2.0", ["MIT", "Apache-2.0"]),
        ("(MIT AND GPL-2.0+) OR MIT", ["MIT", "GPL-2.0+"]),
        ("Apache-2.0 WITH LLVM-exception", ["Apache-2.0", "LLVM-exception"]),
        ("LicenseRef-ORACLE", ["LicenseRef-ORACLE"]),
    ],
)
def test_spdx_ids(expression: str, ids: list[str]) -> None:
    template = MARKUP.from_string("{{ spdx_ids(license) | join(' + ') }}")

    assert template.render(license=expression) == " + ".join(ids)


def test_markdown_is_a_filter() -> None:
    assert MARKUP.from_string("# {{ text | markdown }}").render(text="C#") == r"# C\#"

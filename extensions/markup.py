"""Text for Markdown and HTML, and the parts of a licence expression."""

import re

from jinja2 import Environment
from jinja2.ext import Extension

# What Markdown would not show as it is. Signs that are harmless where they stand are left alone,
# so that the file stays readable: `my_lib`, `a < b`, `R&D` and `~5 ms` need no escape.
_SPECIAL = re.compile(
    r"""
    [\\`*\[\]{|]                      # special everywhere; { starts an attribute list in MkDocs
    | _(?![^\W_])                     # the end of emphasis; without an end there is no start
    | ~(?!\w) | (?<=[^\s/(])~         # the same for struck-out text
    | &(?=\#|\w+;)                    # a character reference
    | <(?!\s|\Z)                      # a tag or a link
    | (?<=\]):                        # the definition of a link
    | \#(?=\#*\Z)                     # the signs that may close a heading
    | \A[\#>]                         # a heading or a quotation
    | \A[-+=:!?](?=[-+=:!?\s]|\Z)     # a list, a line below a heading, a block of MkDocs
    | \A[0-9]+[.)](?=\s|\Z)           # a numbered list
    """,
    re.VERBOSE,
)

# GitHub makes a link of an address before it looks for escapes, and would show them. An address
# with an escape in it has its own `:` or `.` escaped as well, and stays text.
_ESCAPED_ADDRESS = re.compile(r"(?:(?<=www)\.|:(?=//))(?=\S*(?:\\|&[#\w]+;))")

# CommonMark lets a backslash escape any sign, Python-Markdown (MkDocs) only these.
_BACKSLASH = frozenset(r"\`*_{}[]()>#+-.!")

_REFERENCES = {"<": "&lt;", "&": "&amp;", '"': "&quot;"}

# What HTML would not show as it is, as text or between double quotes.
_SPECIAL_IN_HTML = re.compile(r'"|&(?=[#\w])|<(?!\s|\Z)')


def _escape(match: re.Match[str]) -> str:
    number, sign = match[0][:-1], match[0][-1]
    if sign in _BACKSLASH:
        return f"{number}\\{sign}"
    return _REFERENCES.get(sign, f"&#{ord(sign)};")


def markdown(text: str) -> str:
    """Escape one line of free text for Markdown.

    The result reads exactly like the text in a paragraph, a heading, a list item, a table cell
    or the label of a link, in CommonMark, on GitHub and in MkDocs.

    Args:
        text: One line without whitespace at either end, such as `2 * 3 < 7`.

    Returns:
        The text, with an escape only where Markdown would read a sign as its own.
    """
    return _ESCAPED_ADDRESS.sub(_escape, _SPECIAL.sub(_escape, text))


def html(text: str) -> str:
    """Escape one line of free text for HTML, for a tool that puts it there as it is.

    Args:
        text: One line, such as `Fast & "safe"`.

    Returns:
        The text, with an escape only where HTML would read a sign as its own.
    """
    return _SPECIAL_IN_HTML.sub(lambda match: _REFERENCES[match[0]], text)


def spdx_ids(expression: str) -> list[str]:
    """List the identifiers in an SPDX licence expression.

    Args:
        expression: A licence expression, such as `MIT OR Apache-2.0`.

    Returns:
        Every identifier once, in the order of the expression, such as `["MIT", "Apache-2.0"]`.
    """
    words = re.findall(r"[A-Za-z0-9.+-]+", expression)
    return list(dict.fromkeys(word for word in words if word not in {"AND", "OR", "WITH"}))


class Markup(Extension):
    """Add the filters for Markdown and HTML and the function for licences to the template."""

    def __init__(self, environment: Environment) -> None:
        """Register the filters and the function.

        Args:
            environment: The environment that renders the template.
        """
        super().__init__(environment)
        environment.filters["html"] = html
        environment.filters["markdown"] = markdown
        environment.globals["spdx_ids"] = spdx_ids  # `|` is not legal in Windows file names

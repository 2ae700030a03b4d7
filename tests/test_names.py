"""Names: derived defaults are always valid, and bad answers are refused with a useful text."""

import ast
import keyword
import re
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.utils import InvalidName, canonicalize_name

import pythons
from conftest import Render
from extension_loader import EXTENSIONS, environment, load_module
from needs import need
from project import FEATURES, run

FILTERS = environment(load_module("names"), "Names").filters

# Any text at all, lone surrogates included: a folder can be named almost anything.
anything = st.text(st.characters())
name_like = st.text("aZ09._- \n", max_size=60) | st.from_regex(r"[A-Za-z0-9._-]+")


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("my-fast_lib", "My Fast Lib"),
        ("my.lib", "My Lib"),
        (".hidden", "Hidden"),
        ("HTTPLib", "HTTPLib"),
        ("größe", "Größe"),
        ("快速-lib", "快速 Lib"),
        ("évil\u202etxt", "Éviltxt"),
        (" two\twords\n", "Two Words"),
        ("{{ x }}", "{{ X }}"),
        ("", "Rust Extension"),
        ("-_-", "Rust Extension"),
        ("\x07\udcff", "Rust Extension"),
        ("a" * 400, "A" + "a" * 299),
    ],
)
def test_folder_becomes_title(folder: str, title: str) -> None:
    assert FILTERS["folder_title"](folder) == title


@pytest.mark.parametrize(
    ("title", "package"),
    [
        ("My Fast Lib", "my-fast-lib"),
        ("Größe", "grosse"),
        ("Crème brûlée", "creme-brulee"),
        ("Bob's — Lib", "bobs-lib"),
        ("ﬁne №1", "fine-no1"),
        ("快速", "u5feb-u901f"),
        ("快速 Lib", "lib"),
        ("快速 3", "u5feb-u901f-u33"),
        ("\U0010ffff" * 9, "-".join(["u10ffff"] * 6)),
        ("🚀", "u1f680"),
        ("3D Tools", "py-3d-tools"),
        ("C", "py-c"),
        ("json", "json-rs"),
        ("Py Compile", "py-compile-rs"),
        ("CON", "con-rs"),
        ("pytest", "pytest-rs"),
        ("requirements.txt", "requirements-txt-rs"),
        ("Rich", "rich-rs"),
        ("YAML", "yaml-rs"),
        ("", "rust-extension"),
        ("x" * 49 + " y", "x" * 49),
    ],
)
def test_title_becomes_package_name(title: str, package: str) -> None:
    assert FILTERS["package_name_from"](title) == package


@pytest.mark.parametrize(
    ("package", "module"),
    [
        ("My.Fast-Lib", "my_fast_lib"),
        ("a--b__c", "a_b_c"),
        ("3d", "py_3d"),
        ("match", "match_rs"),
        ("struct", "struct_rs"),
        ("yaml", "yaml_rs"),
        ("attr", "attr_rs"),
        ("proc-macro", "proc_macro"),
        ("tests", "tests_rs"),
        ("é", "rust_extension"),
        ("x" * 49 + "-y", "x" * 49),
    ],
)
def test_package_name_becomes_module_name(package: str, module: str) -> None:
    assert FILTERS["module_name_from"](package) == module


@settings(deadline=None)
@given(anything)
@example("\u202e")
@example("ŉ" * 300)
def test_derived_title_is_valid(folder: str) -> None:
    title = FILTERS["folder_title"](folder)

    assert FILTERS["title_error"](title) == ""


@settings(deadline=None)
@given(anything | name_like | st.sampled_from(["nul", "site", "Ruff", "setuptools rust"]))
def test_derived_package_name_is_valid_and_normalised(title: str) -> None:
    name = FILTERS["package_name_from"](title)

    assert FILTERS["package_name_error"](name) == ""
    assert canonicalize_name(name, validate=True) == name


@settings(deadline=None)
@given(anything | name_like | st.sampled_from([*keyword.kwlist, "gen", "core", "deps", "aux"]))
def test_derived_module_name_is_valid(package: str) -> None:
    name = FILTERS["module_name_from"](package)

    assert FILTERS["module_name_error"](name) == ""
    assert name.isidentifier()


@pytest.mark.parametrize("check", ["title_error", "text_error"])
@pytest.mark.parametrize(
    "text",
    [
        "x",
        "x" * 300,
        'say "hi" \\ bye',
        "{{ 7 * 7 }} {% raw %}",
        "it's <b>bold</b> & 'quoted'",
        "Größe 快速 عربي",
        "🚀 👩\u200d🔬",
    ],
)
def test_plain_text_is_accepted(check: str, text: str) -> None:
    assert FILTERS[check](text) == ""


@pytest.mark.parametrize("check", ["title_error", "text_error"])
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "1 to 300"),
        (" \u3000", "1 to 300"),
        ("x" * 301, "1 to 300"),
        (" x", "either end"),
        ("x\u00a0", "either end"),
        ("x\n", "U+000A"),
        ("a\tb", "U+0009"),
        ("a\x7fb", "U+007F"),
        ("a\x85b", "U+0085"),
        ("a\x9fb", "U+009F"),
        ("a\u2028b", "U+2028"),
        ("a\u2029b", "U+2029"),
        ("a\u202ab", "U+202A"),
        ("a\u202db", "U+202D"),
        ("a\u202eb", "U+202E"),
        ("a\u2066b", "U+2066"),
        ("a\u2067b", "U+2067"),
        ("a\u2069b", "U+2069"),
        ("a\u200eb", "U+200E"),
        ("a\u200fb", "U+200F"),
        ("a\u061cb", "U+061C"),
        ("a\ud800b", "U+D800"),
        ("a\udfffb", "U+DFFF"),
        ("a\ufdd0b", "U+FDD0"),
        ("a\ufdefb", "U+FDEF"),
        ("a\ufeffb", "U+FEFF"),
        ("a\uffffb", "U+FFFF"),
        ("a\U0001fffeb", "U+1FFFE"),
        ("a\U0010ffffb", "U+10FFFF"),
    ],
)
def test_unsafe_text_is_refused(check: str, text: str, rule: str) -> None:
    error = FILTERS[check](text)

    assert error.startswith("Use ")
    assert rule in error


# The last four are from PEP 503 and from PyPA's specification of names.
@pytest.mark.parametrize(
    "name",
    ["a", "ab", "a" * 50, "json-rs", "fast-math", "Friendly-Bard", "FRIENDLY-BARD", "friendly.bard",
     "FrIeNdLy-._.-bArD"],
)  # fmt: skip
def test_package_name_is_accepted(name: str) -> None:
    assert FILTERS["package_name_error"](name) == ""


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "letters and digits"),
        ("fast-math\n", "letters and digits"),
        ("fast math", "letters and digits"),
        ("-fast", "letters and digits"),
        ("fast_", "letters and digits"),
        ("3d", "a letter first"),
        ("größe", "letters and digits"),
        ("\u212aelvin", "letters and digits"),  # the Kelvin sign, whose lower case is k
        ("fast{{x}}", "letters and digits"),
        ("a" * 51, "at most 50"),
        ("json", "json-rs, for example: json is in Python's standard library"),
        ("Py.Compile", "py-compile-rs, for example: py_compile is in Python's standard library"),
        ("cProfile", "standard library"),
        ("test", "standard library"),
        ("Aux", "device on Windows"),
        ("com1.tools", "device on Windows"),
        ("Com1.tools", "device on Windows"),
        ("setuptools-rust", "a tool"),
        ("Rich", "needed by a tool"),
        ("typing.extensions", "needed by a tool"),
        ("requirements.txt", "not allowed on PyPI"),
        ("warehouse", "not allowed on PyPI"),
        ("pip", "a tool"),
    ],
)
def test_package_name_is_refused(name: str, rule: str) -> None:
    error = FILTERS["package_name_error"](name)

    assert error.startswith("Use ")
    assert rule in error


def test_no_name_is_that_of_a_requirement(render: Render) -> None:
    """A project would depend on itself."""
    manifest = tomllib.loads(render(features=FEATURES).read("pyproject.toml"))
    groups = [manifest["project"]["dependencies"], *manifest["dependency-groups"].values()]
    for requirement in (line for group in groups for line in group if isinstance(line, str)):
        name = Requirement(requirement).name
        assert "a tool the project uses" in FILTERS["package_name_error"](name), name


@settings(deadline=None)
@given(name_like)
@example("fast-math\n")
@example("ıſ")
def test_package_name_agrees_with_packaging(name: str) -> None:
    """Ours are the names that `packaging` knows, of a good length, with a letter first."""
    try:
        canonicalize_name(name, validate=True)
        valid = name.isascii() and name[0].isalpha() and len(name) <= 50
    except InvalidName:
        valid = False
    error = FILTERS["package_name_error"](name)

    if valid:
        assert error == "" or "-rs, for example: " in error
    else:
        assert error != ""


@pytest.mark.parametrize(
    "name",
    [
        "a",
        "fast_math",
        "a1_b2",
        "x" * 50,
        "json_rs",
        "_core2",
        "class_",
        "a__b",
        "impl",
        "pyo3",
        "build",
        "attr",
    ],
)
def test_module_name_is_accepted(name: str) -> None:
    assert FILTERS["module_name_error"](name) == ""


DEVICES = ["aux", "con", "nul", "prn", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))]  # fmt: skip
FILES = ["conftest", "crates", "docs", "notebooks", "setup", "site_packages", "src", "tests"]


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "lower-case"),
        ("fast_math\n", "lower-case"),
        ("Fast", "lower-case"),
        ("fast-math", "lower-case"),
        ("__main__", "lower-case"),
        ("_", "lower-case"),
        ("_0", "lower-case"),
        ("3d", "lower-case"),
        ("größe", "lower-case"),
        ("x" * 51, "at most 50"),
        ("class", "class_rs, for example: class is a Python keyword"),
        ("match", "Python keyword"),
        ("lazy", "Python keyword"),
        ("json", "standard library"),
        ("cprofile", "standard library"),
        ("struct", "standard library"),
        ("_json", "standard library"),
        ("_thread", "standard library"),
        *((name, "device on Windows") for name in DEVICES),
        ("pytest", "a tool"),
        ("yaml", "yaml_rs, for example: yaml is needed by a tool"),
        ("_pytest", "needed by a tool"),
        *((name, "file or folder") for name in FILES),
    ],
)
def test_module_name_is_refused(name: str, rule: str) -> None:
    error = FILTERS["module_name_error"](name)

    assert error.startswith("Use ")
    assert rule in error


@pytest.mark.parametrize(
    "email",
    ["", "ada@example.org", "a.b+c@x-y.co.uk", "a%b@x.org", f"a@{'b' * 63}.org", "1+ada_x@users.noreply.github.com",
     "ada@example.xn--p1ai", "f.o'brien@example.org"],
)  # fmt: skip
def test_email_is_accepted(email: str) -> None:
    assert FILTERS["email_error"](email) == ""


@pytest.mark.parametrize(
    "email",
    [
        " ",
        "ada",
        "ada@localhost",
        "ada@example.org\n",
        "ada@example.org, bob@example.org",
        "Ada <ada@example.org>",
        '"ada"@example.org',
        "ada(x)@example.org",
        ".ada@example.org",
        "a..b@example.org",
        "ada@-x.org",
        "ada@x-.org",
        "ada@x..org",
        "ada@x.1",
        "ada@x.o",
        f"a@{'b' * 64}.org",
        "ada@größe.de",
        "a" * 65 + "@example.org",
        "a@" + "b." * 130 + "org",
    ],
)
def test_email_is_refused(email: str) -> None:
    assert FILTERS["email_error"](email).startswith("Use one like ada@example.org, ")


@pytest.mark.parametrize("owner", ["", "a", "octocat", "My-Org-2", "octo-cat_acme", "a" * 39])
def test_github_owner_is_accepted(owner: str) -> None:
    assert FILTERS["github_owner_error"](owner) == ""


@pytest.mark.parametrize(
    "owner",
    ["-a", "a-", "a--b", "a_", "_a", "a_b_c", "a.b", "a b", "@a", "a/b", "a\n", "é", "a" * 40],
)
def test_github_owner_is_refused(owner: str) -> None:
    assert FILTERS["github_owner_error"](owner).startswith("Use a name")


def test_errors_begin_with_what_to_type() -> None:
    """A terminal of 80 columns shows 34 characters behind the words of the prompt."""
    for error, start in {
        FILTERS["text_error"](""): "1 to 300 characters",
        FILTERS["text_error"](" x"): "without a space",
        FILTERS["text_error"]("\u202ex"): "without U+202E",
        FILTERS["package_name_error"]("é"): "fast-math",
        FILTERS["package_name_error"]("x" * 51): "fast-math",
        FILTERS["package_name_error"]("multiprocessing"): "multiprocessing-rs",
        FILTERS["module_name_error"]("é"): "fast_math",
        FILTERS["module_name_error"]("x" * 51): "fast_math",
        FILTERS["module_name_error"]("multiprocessing"): "multiprocessing_rs",
        FILTERS["email_error"]("é"): "ada@example.org",
        FILTERS["github_owner_error"]("é"): "octocat",
    }.items():
        assert start in error[:34]
        assert len(error) <= 100, error


@pytest.mark.parametrize("version", pythons.SUPPORTED)
def test_no_module_may_shadow_python(version: str) -> None:
    code = (
        "import keyword, sys; names = [name.lower() for name in sys.stdlib_module_names];"
        "print(*names, *keyword.kwlist, *keyword.softkwlist)"
    )
    names = run(need(f"python{version}"), "-c", code, cwd=Path("/")).stdout.split()
    assert len(names) > 200

    accepted = [name for name in names if FILTERS["module_name_error"](name) == ""]

    assert accepted == []


def test_rules_do_not_follow_the_running_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that becomes stricter by itself would reset old answers at `copier update`."""
    monkeypatch.setattr(sys, "stdlib_module_names", frozenset({"fast_math"}))
    monkeypatch.setattr(keyword, "kwlist", ["quick"])
    monkeypatch.setattr(keyword, "iskeyword", {"quick"}.__contains__)
    filters = environment(load_module("names"), "Names").filters

    assert filters["module_name_error"]("fast_math") == ""
    assert filters["module_name_error"]("quick") == ""
    assert filters["module_name_error"]("json") != ""
    assert filters["module_name_error"]("class") != ""


def test_filters_work_in_a_template() -> None:
    template = environment(load_module("names"), "Names").from_string(
        "{{ folder | folder_title | package_name_from | module_name_from }}"
        "{{ folder | module_name_error }}"
    )

    assert re.fullmatch(r"my_fast_libUse .+", template.render(folder="my-fast_lib"))


@pytest.mark.parametrize("path", sorted(EXTENSIONS.glob("*.py")), ids=lambda path: path.name)
def test_extension_stays_importable(path: Path) -> None:
    """Old tags are rendered again at every update, with any Python that Copier supports."""
    tree = ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 10))
    imported: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or ""))

    foreign = {name for name in imported if name.split(".")[0] not in sys.stdlib_module_names}

    # Copier itself cannot run without these.
    assert {name.split(".")[0] for name in foreign} <= {"copier", "jinja2", "yaml"}

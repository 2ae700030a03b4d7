"""Names for a generated project: defaults to offer and rules to check answers against.

Every rule is a fixed literal. A rule that followed the running Python could become stricter by
itself, and `copier update` silently replaces an answer that is no longer valid by the default.
For the same reason, only ever loosen a rule here, unless no project could be set up with a name.
"""

import re
import unicodedata
from collections.abc import Iterable

from jinja2 import Environment
from jinja2.ext import Extension

_MAX_TEXT = 300
_MAX_NAME = 50

# Characters that break TOML, YAML or Rust literals, or that make a line read differently from
# what it says: controls, line separators, bidi controls, lone surrogates, the byte order mark
# and the noncharacters.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    r"\ud800-\udfff\ufdd0-\ufdef\ufeff"
    + "".join(rf"\U{plane:04x}fffe-\U{plane:04x}ffff" for plane in range(17))
    + "]"
)

# Always used with `fullmatch`: `$` would let a newline through at the end.
_PACKAGE = re.compile(r"[A-Za-z](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_MODULE = re.compile(r"_?[a-z][a-z0-9]*(?:_+[a-z0-9]+)*_?")
_EMAIL = re.compile(
    r"(?=.{1,64}@)[A-Za-z0-9_%+'-]+(?:\.[A-Za-z0-9_%+'-]+)*@"
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z][A-Za-z0-9-]{0,61}[A-Za-z0-9]"
)
# The part after `_` is the short code of an enterprise that manages its own users.
_GITHUB_OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9])*(?:_[A-Za-z0-9]+)?")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The top-level names of CPython 3.11 to 3.15, in lower case, plus `test`. `_json` and the like are
# left out: `_module_clash` finds them by the name without the underscore.
_STDLIB = _words(
    """
    abc aifc annotationlib antigravity argparse array ast asynchat asyncio asyncore atexit
    audioop base64 bdb binascii bisect builtins bz2 calendar cgi cgitb chunk cmath cmd code
    codecs codeop collections colorsys compileall compression concurrent configparser contextlib
    contextvars copy copyreg cprofile crypt csv ctypes curses dataclasses datetime dbm decimal
    difflib dis distutils doctest email encodings ensurepip enum errno faulthandler fcntl
    filecmp fileinput fnmatch fractions ftplib functools gc genericpath getopt getpass gettext
    glob graphlib grp gzip hashlib heapq hmac html http idlelib imaplib imghdr imp importlib
    inspect io ipaddress itertools json keyword lib2to3 linecache locale logging lzma mailbox
    mailcap marshal math mimetypes mmap modulefinder msilib msvcrt multiprocessing netrc nis
    nntplib nt ntpath nturl2path numbers opcode operator optparse os ossaudiodev pathlib pdb
    pickle pickletools pipes pkgutil platform plistlib poplib posix posixpath pprint profile
    profiling pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue quopri random re
    readline reprlib resource rlcompleter runpy sched secrets select selectors shelve shlex
    shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3 sre_compile
    sre_constants sre_parse ssl stat statistics string stringprep struct subprocess sunau
    symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios test textwrap this
    threading time timeit tkinter token tokenize tomllib trace traceback tracemalloc tty turtle
    turtledemo types typing unicodedata unittest urllib uu uuid venv warnings wave weakref
    webbrowser winreg winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
    _aix_support _android_support _apple_support _ast_unparse _blake2 _bootsubprocess _codecs_cn
    _codecs_hk _codecs_iso2022 _codecs_jp _codecs_kr _codecs_tw _collections_abc _colorize
    _compat_pickle _curses_panel _elementtree _frozen_importlib _frozen_importlib_external _gdbm
    _interpchannels _interpqueues _interpreters _ios_support _lsprof _markupbase _math_integer _md5
    _missing_stdlib_info _msi _multibytecodec _opcode_metadata _osx_support _overlapped _posixshmem
    _posixsubprocess _py_abc _py_warnings _pydatetime _pydecimal _pyio _pylong _pyrepl
    _remote_debugging _scproxy _sha1 _sha2 _sha256 _sha3 _sha512 _sitebuiltins _sre _strptime
    _suggestions _thread _threading_local _weakrefset _winapi _wmi _zstd
    """
)

# The hard and soft keywords of CPython 3.15 that are in lower case.
_PYTHON_KEYWORDS = _words(
    """
    and as assert async await break case class continue def del elif else except finally for
    from global if import in is lambda lazy match nonlocal not or pass raise return try type
    while with yield
    """
)

_WINDOWS_DEVICES = _words(
    """
    aux com1 com2 com3 com4 com5 com6 com7 com8 com9 con lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8
    lpt9 nul prn
    """
)

# Tools that a generated project uses: with the same name it would depend on itself.
_TOOLS = _words(
    """
    abi3audit check_sdist check_wheel_contents cibuildwheel commitizen coverage hypothesis
    ipykernel matplotlib maturin mkdocs mkdocs_material mkdocstrings_python mypy nbmake nbstripout
    numpy packaging pip poethepoet prek properdocs py pytest pytest_benchmark ruff setuptools
    setuptools_rust twine uv
    """
)

# What these tools need, whatever the features: such a project would depend on itself as well.
_NEEDED = _words(
    """
    abi3info annotated_types argcomplete ast_serialize attrs backports_tarfile bashlex bracex
    build cattrs certifi cffi charset_normalizer click colorama cryptography decli
    dependency_groups deprecated docutils filelock humanize id idna importlib_metadata
    iniconfig jaraco_classes jaraco_context jaraco_functools jeepney jinja2 kaitaistruct
    keyring lazy_importer librt markdown_it_py markupsafe mdurl more_itertools mypy_extensions
    nh3 pathspec pefile platformdirs pluggy prompt_toolkit pycparser pydantic pydantic_core
    pyelftools pygments pyproject_hooks pywin32_ctypes pyyaml questionary readme_renderer
    requests requests_cache requests_toolbelt rfc3986 rich secretstorage semantic_version
    sortedcontainers termcolor tomlkit typing_extensions typing_inspection url_normalize
    urllib3 wcwidth wheel_filename wrapt zipp
    """
)

# Modules in the environment of every project: its tests would import a tool's module instead of the project's, so no
# project could be set up with such a name.
_IMPORTED = _words(
    """
    _distutils_hack _hypothesis_ftz_detector _hypothesis_globals _hypothesis_pytestplugin _pytest
    _yaml argcomplete ast_serialize charset_normalizer colorama decli deprecated iniconfig jinja2
    librt markupsafe mypy_extensions mypyc pathspec pluggy prompt_toolkit pygments questionary
    semantic_version sortedcontainers termcolor tomlkit typing_extensions wcwidth wrapt yaml
    """
)

# Modules that some tasks and features bring: names that can be typed, but are not offered.
_SOMETIMES_IMPORTED = _words(
    """
    _cffi_backend asttokens attr backports cattr comm contourpy cycler dateutil debugpy elftools
    executing fastjsonschema fonttools ipykernel_launcher ipython ipython_pygments_lexers jaraco
    jedi jsonschema jsonschema_specifications jupyter jupyter_client jupyter_core kiwisolver
    markdown_it matplotlib_inline mpl_toolkits nbclient nbformat nest_asyncio2 ordlookup parso
    peutils pexpect pil psutil ptyprocess pure_eval pylab pyparsing referencing rpds stack_data
    tornado traitlets tzdata zmq
    """
)

# Refused by PyPI as well, written with `_` like every name here.
_PYPI_REFUSED = _words("requirements_txt warehouse")

_PROJECT_FILES = _words("conftest crates docs notebooks setup site_packages src test tests")

_Clashes = tuple[tuple[frozenset[str], str], ...]

_PACKAGE_CLASHES: _Clashes = (
    (_STDLIB, "in Python's standard library"),
    (_WINDOWS_DEVICES, "a device on Windows"),
    (_TOOLS, "a tool the project uses"),
    (_NEEDED, "needed by a tool the project uses"),
    (_PYPI_REFUSED, "not allowed on PyPI"),
)

_MODULE_CLASHES: _Clashes = (
    (_STDLIB, "in Python's standard library"),
    (_PYTHON_KEYWORDS, "a Python keyword"),
    (_WINDOWS_DEVICES, "a device on Windows"),
    (_TOOLS, "a tool the project uses"),
    (_IMPORTED, "needed by a tool the project uses"),
    (_PROJECT_FILES, "a file or folder of the project"),
)

_NOT_OFFERED = _NEEDED | _IMPORTED | _SOMETIMES_IMPORTED


def _clash(name: str, clashes: _Clashes) -> str:
    """Say what already has this name, or return an empty string."""
    return next((owner for names, owner in clashes if name in names), "")


def _module_clash(name: str) -> str:
    """Say what already has the name of a module, or return an empty string."""
    private = name.startswith("_") and name[1:] in _STDLIB
    return _clash(name[1:] if private else name, _MODULE_CLASHES)


def _fit(words: Iterable[str], separator: str, clashes: _Clashes) -> str:
    """Join words of ASCII lower-case letters and digits into a valid name."""
    name = separator.join(words) or f"rust{separator}extension"
    if len(name) == 1 or name[0].isdigit():
        name = f"py{separator}{name}"
    name = name[:_MAX_NAME].rstrip(separator)
    plain = name.replace("-", "_")
    # The names to avoid are short, so the suffix always fits.
    return f"{name}{separator}rs" if plain in _NOT_OFFERED or _clash(plain, clashes) else name


def folder_title(folder: str) -> str:
    """Turn the name of a folder into a title.

    Args:
        folder: Name of the destination folder, such as `my-fast_lib`.

    Returns:
        A title that `title_error` accepts, such as `My Fast Lib`.
    """
    words = (_UNSAFE.sub("", word) for word in re.split(r"[-_.\s]+", folder))
    # Not `str.title`, which would turn `HTTPLib` into `Httplib`.
    title = " ".join(word[0].title() + word[1:] for word in words if word)
    return title[:_MAX_TEXT].rstrip() or "Rust Extension"


def package_name_from(title: str) -> str:
    """Turn a title into the name of a package on PyPI.

    Args:
        title: Title of the project, such as `My Fast Lib`.

    Returns:
        A normalized name that `package_name_error` accepts, such as `my-fast-lib`.
    """
    folded = unicodedata.normalize("NFKD", title).casefold()
    # A letter or accent without an ASCII form is dropped; a sign (a dash, say) separates words.
    ascii_or_sign = "".join(
        char
        for char in folded
        if char.isascii() or not (char.isalnum() or unicodedata.combining(char))
    )
    words = re.findall(r"[a-z0-9]+", ascii_or_sign.replace("'", ""))
    if sum(map(len, words)) < (1 if title.isascii() else 2):
        # Nothing readable is left: spell the code points. Six of them always fit.
        words = [f"u{ord(char):x}" for char in "".join(title.split())[:6]]
    return _fit(words, "-", _PACKAGE_CLASHES)


def module_name_from(package_name: str) -> str:
    """Turn the name of a package into the name of its module.

    Args:
        package_name: Name of the package, such as `My.Fast-Lib`.

    Returns:
        A name that `module_name_error` accepts, such as `my_fast_lib`.
    """
    return _fit(re.findall(r"[a-z0-9]+", package_name.lower()), "_", _MODULE_CLASHES)


def text_error(text: str) -> str:
    """Check free text that is shown to people: a title, a description, an author.

    Args:
        text: The answer.

    Returns:
        What to type instead, or an empty string if the text is fine.
    """
    if not text.strip() or len(text) > _MAX_TEXT:
        return f"Use 1 to {_MAX_TEXT} characters."
    if unsafe := _UNSAFE.search(text):
        return f"Use text without U+{ord(unsafe[0]):04X}: one line, all of it visible."
    if text != text.strip():
        return "Use text without a space at either end."
    return ""


def package_name_error(name: str) -> str:
    """Check the name of a package on PyPI.

    Args:
        name: The answer.

    Returns:
        What to type instead, or an empty string if the name is fine.
    """
    if not _PACKAGE.fullmatch(name):
        return "Use a name like fast-math: a letter first, then letters and digits, with - . _ between them."
    if len(name) > _MAX_NAME:
        return f"Use a name like fast-math: at most {_MAX_NAME} characters."
    # PyPI compares names this way: `Py.Compile` is the same as `py_compile`.
    normalised = re.sub(r"[-_.]+", "_", name).lower()
    # Windows ignores what follows a dot: a folder `con.tools` cannot exist either.
    for candidate in (normalised, name.lower().partition(".")[0]):
        if owner := _clash(candidate, _PACKAGE_CLASHES):
            return f"Use {normalised.replace('_', '-')}-rs, for example: {candidate} is {owner}."
    return ""


def module_name_error(name: str) -> str:
    """Check the name of the Python module.

    Args:
        name: The answer.

    Returns:
        What to type instead, or an empty string if the name is fine.
    """
    if not _MODULE.fullmatch(name):
        return "Use a name like fast_math: lower-case letters, digits and _, no digit first."
    if len(name) > _MAX_NAME:
        return f"Use a name like fast_math: at most {_MAX_NAME} characters."
    if owner := _module_clash(name):
        return f"Use {name}_rs, for example: {name} is {owner}."
    return ""


def email_error(email: str) -> str:
    """Check an e-mail address, which may be left empty.

    Args:
        email: The answer.

    Returns:
        What to type instead, or an empty string if the address is fine.
    """
    if not email or (len(email) <= 254 and _EMAIL.fullmatch(email)):
        return ""
    return "Use one like ada@example.org, or nothing."


def github_owner_error(owner: str) -> str:
    """Check the name of a GitHub user or organization, which may be left empty.

    Args:
        owner: The answer.

    Returns:
        What to type instead, or an empty string if the name is fine.
    """
    if not owner or (len(owner) <= 39 and _GITHUB_OWNER.fullmatch(owner)):
        return ""
    return "Use a name like octocat, or nothing: a user or organization on GitHub."


class Names(Extension):
    """Add the filters for names to the template."""

    def __init__(self, environment: Environment) -> None:
        """Register the filters.

        Args:
            environment: The environment that renders the template.
        """
        super().__init__(environment)
        environment.filters.update(
            folder_title=folder_title,
            package_name_from=package_name_from,
            module_name_from=module_name_from,
            title_error=text_error,
            text_error=text_error,
            package_name_error=package_name_error,
            module_name_error=module_name_error,
            email_error=email_error,
            github_owner_error=github_owner_error,
        )

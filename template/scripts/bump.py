"""Makes the next version: runs Commitizen, does as its hook what that cannot, undoes all on failure."""

import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import date
from pathlib import Path

from packaging.version import Version

VERSIONS = {  # found by what surrounds them, since a dependency may have the same one
    "pyproject.toml": r"""^ *version *= *["']([^"']+)["'] *# x-release-version""",
    "crates/Cargo.toml": r"""^\ufeff?\[ *package *\].*(?:\n(?! *\[).*)*?\n *version *= *["']([^"']+)""",
    "crates/Cargo.lock": r'^name = "CRATE"\r?\nversion = "([^"]+)"\r?\n(?!source)',
    "uv.lock": r'^version = "([^"]+)"\r?\nsource = \{ (?:editable|virtual) = "\."',
}
FILES = ["CHANGELOG.md", *VERSIONS]
READABLE = re.compile(r"v\d+\.\d+\.\d+(-(alpha|beta|rc|dev)\.\d+)?")  # by Cargo and by Python
CZ = ["cz", "--config", "pyproject.toml"]  # whatever else there is, such as an old .cz.toml
TAGS = ["git", "for-each-ref", "--format=%(refname:strip=2)", "refs/tags"]
BREAK = r"(?m)^(?=BREAKING[- ]|[^:\n]+!:)(?:BREAKING[- ]CHANGE|\w+)(?:\(([^()\n]+)\))?!?: *\n{0,2}(.+(?:\n(?!#|\(cherry picked |[-=!:]{3}| *(?:`{3}|~{3})|\S+(?: #|: )).+)*)"  # up to a heading, fence, rule or trailer
SECTION = r"(?m)^(?=##(?: \S+|#)? \[?v?\d+\.\w+\b[^\w\n]*(?:\d|$))"  # of a version, not of something else with a number
MARKS = r"(?m)(^#.*|(`+)(?:(?!\2).)*\2|<?https?://[^\s<>]+>?|(?<!\S)\*\*?\w[^*<&`\n\\\[]*(?<=[\w)])\*\*?(?![\w*]))|<(?=[A-Za-z/!?]|--)|&(?=#?\w+;)|\\(?=[^\w\s]|_)|(?<=\])(?:\((?!https?:|#)|\[)|!(?=\[)|(?<![^\W_])_|_(?![^\W_])|\*|(?<=^- )(?:[#>]|[+-](?= )|\[(?=[^]\n]*\]:))|(?:(?<=^- \d)|(?<=^- \d\d)|(?<=^- \d{3})|(?<=^- \d{4}))[.)](?= )"  # outside headings, code, addresses and emphasis: tags, entities, links, images, __init__, a*b, headings, lists


def run(*command: str, **options: object) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, **options)  # type: ignore[call-overload]
    why = f"`{' '.join(command[:2])}` failed:\n{done.stdout}{done.stderr}"
    return sys.exit(why.rstrip()) if done.returncode else str(done.stdout).rstrip()


def check(current: str, tag: str) -> None:
    """Refuse what would go wrong."""
    if os.environ["CZ_PRE_CHANGELOG_FILE_NAME"]:  # to which Commitizen has written already
        written = rb"(?s)\n## %b .*?(?=\n## |\Z)" % tag.encode()
        changelog.write_bytes(re.sub(written, b"", changelog.read_bytes()))
        sys.exit("The changelog is written anyway: drop `--changelog`, `update_changelog_on_bump`.")
    if not READABLE.fullmatch(tag) or Version(tag) <= Version(current):
        sys.exit(f"Type a version after {current}, like 1.2.3 or 1.2.3-rc.0, not {tag}.")
    if run("git", "rev-parse", "--is-shallow-repository") == "true":
        sys.exit("This clone lacks history: type `git fetch --unshallow --tags` first.")
    tags = run(*TAGS)
    with suppress(SystemExit, subprocess.TimeoutExpired):  # without a terminal it cannot ask
        tags += "\n" + run("git", "ls-remote", "--tags", start_new_session=True, timeout=10)
    if tag in re.split(r"\s(?:refs/tags/)?", tags):
        way = f"if others made it, or `git tag -d {tag}` if no branch has its commit"
        sys.exit(f"{tag} exists already: type `git pull --tags` {way}, or `make bump ARGS=1.2.3`.")
    amid = map(str, begun.parent.glob("*ER*_HEAD"))  # a merge, cherry-pick or revert
    if changed := run("git", "status", "--porcelain", "--untracked-files=no") or "\n".join(amid):
        sys.exit(f"Commit or stash your changes first:\n{changed}")
    if unseen := " ".join(n for n in FILES if run("git", "ls-files", "-v", n) != f"H {n}"):
        way = f"update-index --force-remove {unseen} && git -c core.ignoreStat=0 add -f {unseen}"
        sys.exit(f"Git ignores {unseen}, or changes to it: type `git {way}`, and commit.")


def with_version(current: str, new: str) -> dict[str, str]:
    """Return the four files with the version, if they have the one of the newest tag."""
    texts = {name: Path(name).read_bytes().decode() for name in VERSIONS}
    of_crate = VERSIONS["crates/Cargo.toml"].replace("version", "name")
    crate = re.escape("".join(re.findall(of_crate, texts["crates/Cargo.toml"], re.M)))
    places = {n: re.search(p.replace("CRATE", crate), texts[n], re.M) for n, p in VERSIONS.items()}
    for name, text in texts.items():
        found = places[name] or sys.exit(f"{name} needs its own version: see `git log -p {name}`.")
        if Version(old := found[1]) != Version(current):
            own = [t for t in tags if re.search(rf"(^|[^v\d.]){re.escape(old)}$", t)]  # not v1.2.3
            commit = run("git", "log", "-1", "--format=%h", *own[:1] or (f'-S"{old}"', "--", name))
            top = max(old, current, key=Version)  # on another branch, or no release
            make = f"-d v{top}" if f"v{old}" in tags else f"-a -m v{old} v{old} {commit}"
            agreed = all(m and Version(m[1]) == Version(old) for m in places.values())
            way = f"Type `git fetch --tags` for more{f'; if a tag is wrong or missing, `git tag {make}`, or `git revert {commit}` if its section lacks commits before it; if it is on another branch, `git merge -s ours v{top}`; ' if agreed else ', '}or write {current} there."
            sys.exit(f"{name} has version {old}, newest tag: {current if tags else 'none'}. {way}")
        text = f"{text[: found.start(1)]}{Version(new) if name == 'uv.lock' else new}{text[found.end(1) :]}"
        if name == "pyproject.toml" and Version(new).major:
            text, lines = re.subn(r"(?m)^major_version_zero = true.*\n", "", text)
            if lines and Version(current).major:  # Commitizen has counted wrong
                sys.exit("Delete `major_version_zero = true` from pyproject.toml, and commit.")
        texts[name] = text
    return texts


def with_section(tag: str) -> str:
    """Return the changelog with the section of the version; a final one replaces its pre-releases."""
    older = filter(READABLE.fullmatch, run(*TAGS, "--merged=HEAD").split())
    start = max((name for name in older if "-" in tag or "-" not in name), key=Version, default="")
    options = "--dry-run", f"--unreleased-version={tag}", f"--start-rev={start}"
    log = run("git", "log", "--format=%B%n%n", f"{start}.." if start else "HEAD")
    broken = [f"- **{a}**: {b}" if a else f"- {b}" for a, b in re.findall(BREAK, log)]
    groups = {"### BREAKING CHANGE": [*dict.fromkeys(broken)]}  # Commitizen overlooks some
    printed = run(*CZ, "--no-raise=3", "changelog", *options)  # by tags, which may be merged ones
    for name, its in re.findall(r"(?m)^(#+ (?!BREAKING).*)((?:\n(?!#).*)*)", printed):
        groups.setdefault(name, []).extend(x for x in its.split("\n") if x and x not in broken)
    body = "\n\n".join("\n".join([name, "", *its]) for name, its in groups.items() if its)
    body = re.sub(MARKS, lambda m: m[1] or {"<": "&lt;", "&": "&amp;"}.get(m[0], rf"\{m[0]}"), body)
    section = f"## {tag} ({date.today()})\n\n{body or 'No features or fixes.'}"
    again = "|".join(map(re.escape, re.findall(r"(?m)^(?!#).+", f"{body}\nNo features or fixes.")))
    gone = rf"(?m)^### .*\n+(?:(?:{again})\n+)+(?=### |\Z)|^(?:{again})\n"  # and their headings
    text = changelog.read_bytes().decode()
    head, *sections = re.split(SECTION, text.replace("\r\n", "\n"))
    while "-" not in tag and sections and re.match(r"## v\S+-", sections[0]):
        old = re.sub(gone, "", sections.pop(0).partition("\n")[2])
        section = re.sub(r"(?<=\n\n)\n+", "", f"{section}\n\n{old}")
    new = "\n\n".join(filter(None, map(str.strip, [head, section, *sections]))) + "\n"
    return new.replace("\n", "\r\n" if "\r\n" in text else "\n")


me = os.environ.get("_BUMP", f"bump.{os.getpid()}")  # what the reflog says of my commit
changelog, begun = Path("CHANGELOG.md"), Path(run("git", "rev-parse", "--git-path", f"{me}-"))
run("git", "log", "-1", "--format=")  # says so if there is no commit
tag, tags, bad = os.environ.get("CZ_PRE_NEW_TAG_VERSION", ""), run(*TAGS).split(), 1
git = f"{os.environ.get('GIT_CONFIG_PARAMETERS', '')} 'core.ignoreStat=0' 'core.logAllRefUpdates=true' 'i18n.commitEncoding=UTF-8' 'i18n.logOutputEncoding=UTF-8' 'log.showSignature=false'".strip()
os.environ |= {"PYTHONUTF8": "1", "GIT_CONFIG_PARAMETERS": git, "GIT_REFLOG_ACTION": me}
signal.signal(getattr(signal, "SIGHUP", signal.SIGTERM), signal.default_int_handler)  # hang-up
try:
    if tag:
        check(current := os.environ["CZ_PRE_CURRENT_VERSION"], tag)
        texts = {**with_version(current, tag[1:]), "CHANGELOG.md": with_section(tag)}
        for n, name in enumerate(FILES):  # beside their places first, since the disk may be full
            Path(shutil.copy(name, f"{begun}{n}")).write_bytes(texts[name].encode())
        begun.write_text(f"{run('git', 'rev-parse', 'HEAD')} {tag}")
        for n, name in enumerate(FILES):
            shutil.move(f"{begun}{n}", os.path.realpath(name))
        if "_BUMP" not in os.environ:  # by `cz bump` itself: try what may fail after this
            run("git", "commit", "--all", f"--message={os.environ['CZ_PRE_MESSAGE']}")
            run("git", "tag", "--annotate", f"--message={tag}", tag)
        bad = 0
    else:
        bad = subprocess.call([*CZ, "bump", "--yes", *sys.argv[1:]], env=dict(os.environ, _BUMP=me))
except (KeyboardInterrupt, OSError) as error:
    print(f"Stopped: {error!r}", file=sys.stderr)
finally:  # undo what was made of it, and nothing that others did meanwhile
    if "_BUMP" not in os.environ:
        old, _, new = (begun.read_text() if begun.exists() else "").partition(" ")
        for left in begun.parent.glob(f"{begun.name}*"):
            left.unlink()
        if old and (bad or tag) and run("git", "reflog", "-1", "--format=%gs").startswith(f"{me}:"):
            run("git", "tag", "--delete", *{new} & {*run(*TAGS, "--points-at=HEAD").split()})
            run("git", "update-ref", "HEAD", "HEAD^")
        if bad and old:
            run("git", "checkout", "--quiet", "HEAD", "--", *map(os.path.realpath, FILES))
hint = "To release all the same, type a version: `make bump ARGS=1.2.3`." if bad in (3, 21) else ""
sys.exit(f"{hint}\nNothing was changed." if bad else 0)

"""What `copier update` must know about the project before it changes anything.

Copier renders three times: the old template and the new one into empty folders, and the new one into
the project. Only the project has an answers file, so everything here does nothing in the other two.

The exclusions in copier.yml are rendered by the extensions of the OLD version too: what they call must
stay in every later version, under the same name.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

import yaml  # Copier itself needs it
from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

_SUBDIRECTORY = "template"
_CHECKSUM = re.compile(r"^# checksum: ([0-9a-f]+)", re.MULTILINE)


def answers_checksum(answers: Mapping[str, Any]) -> str:
    """Sum up the answers, so that an edit by hand shows.

    Args:
        answers: The content of the answers file. The address of the template does not count: it may move.

    Returns:
        Sixteen hexadecimal digits.
    """
    counted = {name: value for name, value in answers.items() if name != "_src_path"}
    text = json.dumps(counted, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def with_address(answers: Mapping[str, Any]) -> dict[str, Any]:
    """Return the answers with an address of the template that holds in every folder.

    Args:
        answers: What Copier writes into the answers file; the address in it is as the user typed it.

    Returns:
        The same, with the absolute path if the template is a folder of this machine.
    """
    address = answers.get("_src_path", "")
    if address and Path(address).is_dir():
        return {**answers, "_src_path": str(Path(address).resolve())}
    return dict(answers)


def _refuse(message: str) -> NoReturn:
    try:
        # Copier prints this one as a sentence, without a traceback.
        from copier.errors import UserMessageError as Refusal
    except ImportError:
        Refusal = ValueError  # type: ignore[assignment,misc]  # noqa: N806
    raise Refusal(message)


def _git(*arguments: str | Path, cwd: Path) -> list[str]:
    """List the paths that Git prints with `-z`; none if it fails, as outside of repositories."""
    result = subprocess.run(
        ["git", *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True
    )
    return [] if result.returncode else result.stdout.decode().split("\0")[:-1]


def _answers_file(context: Context) -> Path:
    settings = context["_copier_conf"]
    return Path(settings["dst_path"], settings["answers_file"])


def _last_answers(context: Context) -> dict[str, Any]:
    try:
        answers = yaml.safe_load(_answers_file(context).read_text("utf-8"))
    except (OSError, yaml.YAMLError):
        return {}
    return answers if isinstance(answers, dict) else {}


def _is_update(context: Context) -> bool:
    return bool(context.get("_copier_operation") == "update")


@pass_context
def fixed_error(context: Context, question: str, answer: str) -> str:
    """Check an answer that holds for the life of a project.

    Args:
        context: Where the template is rendered.
        question: Name of the question.
        answer: The answer.

    Returns:
        What to do instead, or an empty string if the project is new or the answer is the old one.
    """
    last = _last_answers(context).get(question, answer)
    if last == answer:
        return ""
    return f"Keep {last}: your source files have this name, so an update cannot change it; rename by hand."


@pass_context
def switched_on(context: Context, feature: str) -> bool:
    """Tell whether an update adds a feature that the project did not have.

    Args:
        context: Where the template is rendered.
        feature: One of the choices of `features`.

    Returns:
        Whether the project gets the feature now.
    """
    last = _last_answers(context)
    return bool(
        _is_update(context)
        and last
        and feature in context["features"]
        and feature not in last.get("features", [])
    )


@pass_context
def changed(context: Context, question: str) -> bool:
    """Tell whether an update changes an answer.

    Args:
        context: Where the template is rendered.
        question: Name of the question.

    Returns:
        Whether the project had another answer before.
    """
    last = _last_answers(context)
    return bool(_is_update(context) and question in last and last[question] != context[question])


@pass_context
def check_update(context: Context) -> str:
    """Refuse an update that would lose something, before it changes anything.

    Args:
        context: Where the exclusions are rendered, the first thing that Copier does in a project.

    Returns:
        An empty string, which excludes nothing.
    """
    last = _last_answers(context)
    if _is_update(context) and last:
        _check_answers(context, last)
        _check_files(context)
    return ""


def _check_answers(context: Context, last: Mapping[str, Any]) -> None:
    path = _answers_file(context)
    checksum = _CHECKSUM.search(path.read_text("utf-8"))
    if checksum and checksum[1] != answers_checksum(last):
        _refuse(
            f"{path.name} was edited by hand, so nobody knows what the project was made from: restore it "
            f"from Git, and change answers with `--data`. If you are sure that its answers describe the "
            f"project as it is, delete the line with the checksum."
        )
    settings = context["_copier_conf"]
    if not settings["defaults"]:
        return  # the user sees every answer
    for question, answer in last.items():
        if question in settings["data"] or question.startswith("_"):
            continue
        if context.get(question, answer) != answer:
            _refuse(
                f"This version of the template no longer takes {answer!r} for {question}: choose an answer "
                f"with --data '{question}=...'."
            )


def _check_files(context: Context) -> None:
    project = Path(context["_copier_conf"]["dst_path"])
    template = Path(context["_copier_conf"]["src_path"])
    new = set(_managed(context, _listed(template / _SUBDIRECTORY)))
    for path in sorted(new):
        for folder in list(PurePosixPath(path).parents)[:-1]:
            if (project / folder).is_file():
                _refuse(
                    f"The template has a folder {folder}, and you have a file: rename yours first."
                )
        if (project / path).is_dir():
            _refuse(f"The template has a file {path}, and you have a folder: rename yours first.")

    commit = str(_last_answers(context).get("_commit", ""))
    listing = "-r", "-z", "--name-only", f"{commit}:{_SUBDIRECTORY}"
    old = _managed(context, _git("ls-tree", *listing, cwd=template))
    existing = sorted(path for path in {*new, *old} if (project / path).is_file())
    ignored = "ls-files", "-z", "--others", "--ignored", "--exclude-standard"
    for path in _git(*ignored, "--", *existing, cwd=project) if existing else ():
        _refuse(
            f"Git ignores {path}, but the template has a file of that name, and Git could not bring yours "
            f"back: rename it, or add it with `git add --force` and commit."
        )
    # Copier looks for the rejects of Git, and takes these for its own.
    for path in _git(*ignored, "--directory", "--", "*.rej", cwd=project):
        if not path.endswith(".rej"):
            continue
        _refuse(f"Copier deletes {path}, which Git ignores: rename it first.")


def _listed(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _managed(context: Context, names: Iterable[str]) -> Iterator[str]:
    """Name the project's files that the template's files become, without those given once."""
    settings = yaml.safe_load(
        Path(context["_copier_conf"]["src_path"], "copier.yml").read_text("utf-8")
    )
    given_once = [pattern[1:] for pattern in settings["_skip_if_exists"] if pattern.startswith("/")]
    seen: dict[str, str] = {}

    def render(part: str) -> str:
        if "{" in part and part not in seen:
            seen[part] = context.environment.from_string(part).render(context.get_all())
        return seen.get(part, part)

    for name in names:
        # Only the licences, given once, have names with a loop.
        if "{% yield" in name:
            continue
        parts = [render(part) for part in name.removesuffix(".jinja").split("/")]
        path = "/".join(parts)
        if all(parts) and not any(
            fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*")
            for pattern in given_once
        ):
            yield path


class Update(Extension):
    """Add what the exclusions, the validators and the answers file need to the template."""

    def __init__(self, environment: Environment) -> None:
        """Register the functions.

        Args:
            environment: The environment that renders the template.
        """
        super().__init__(environment)
        environment.globals.update(
            answers_checksum=answers_checksum,
            changed=changed,
            check_update=check_update,
            fixed_error=fixed_error,
            switched_on=switched_on,
            with_address=with_address,
        )

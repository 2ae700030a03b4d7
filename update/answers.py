"""What Copier's answers file says, and what the engine must know of an update.

A command that held all answers would be too long to read when Copier shows it, so they are in a file.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, pass_context
from jinja2.ext import Extension
from jinja2.runtime import Context

_ALWAYS = "{{ check_start() }}"  # the condition of a question that is always asked

# A password or token in an address; `git@` of SSH is neither.
_SECRET = re.compile(r"(?<=://)[^/]*:[^/]*@|(?<=http://)[^/]*@|(?<=https://)[^/]*@")


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
    """Return the answers with an address of the template that holds in every folder, and for everybody.

    Args:
        answers: What Copier writes into the answers file; the address in it is as the user typed it.

    Returns:
        The same, with the absolute path if the template is a folder of this machine, and without a
        password or token, which would be committed: Git asks for it, or knows it, at an update.
    """
    address = answers.get("_src_path", "")
    if address and Path(address).is_dir():
        return {**answers, "_src_path": str(Path(address).resolve())}
    return {**answers, "_src_path": _SECRET.sub("", address)} if address else dict(answers)


def _last_answers(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Read the answers file of the folder that Copier writes into, if there is one."""
    import yaml

    path = Path(settings["dst_path"], settings["answers_file"])
    return (yaml.safe_load(path.read_text("utf-8")) if path.is_file() else None) or {}


def _check_given(settings: Mapping[str, Any]) -> None:
    """Refuse answers given by `--data` or `--data-file` to no question, or of a wrong kind."""
    import yaml
    from copier.errors import UserMessageError

    given = {name: value for name, value in settings["data"].items() if name[0] != "_"}
    if not given:
        return
    template = yaml.safe_load(Path(settings["src_path"], "copier.yml").read_text("utf-8"))
    conditions = {name: template[name].get("when", True) for name in template if name[0] != "_"}
    questions = [name for name, when in conditions.items() if when]
    unknown = given.keys() - questions
    # An update renders the new version with all answers that there are, also to questions that are gone.
    always = {name for name in questions if conditions[name] in (True, _ALWAYS)}
    is_whole = settings["defaults"] and settings["quiet"] and given.keys() >= always
    if unknown and not is_whole:
        raise UserMessageError(
            f"No question is called {', '.join(sorted(unknown))}. "
            f"The questions are: {', '.join(questions)}."
        )
    for name, value in given.items():
        if name in unknown:
            continue
        is_list = isinstance(value, list | tuple | set)
        if template[name].get("multiselect"):
            if not is_list and not re.fullmatch(r"\s*\[.*\]\s*", str(value), re.DOTALL):
                words = re.findall(r"[^\W\d]\w*", value) if isinstance(value, str) else []
                if isinstance(value, dict):
                    words = [word for word, chosen in value.items() if chosen]
                listed = ", ".join(map(str, words))
                raise UserMessageError(f'{name} is a list: type --data "{name}=[{listed}]".')
        elif is_list or isinstance(value, dict) or value is None:
            raise UserMessageError(
                f'{name} is text: type --data "{name}=...", or "{name}=" if it is empty.'
            )


@pass_context
def check_start(context: Context) -> bool:
    """Refuse what cannot become a project that updates, before anything is asked.

    Args:
        context: Where the first question is rendered.

    Returns:
        True.

    Raises:
        UserMessageError: Git does not read the template, an answer given by `--data` or `--data-file` is none, or
            the answers file is that of another template; Copier shows what to type.
    """
    from copier.errors import UserMessageError

    settings, about = context["_copier_conf"], context["_copier_answers"]
    if "_commit" not in about:  # Copier would render a folder as it is, and no update could follow
        address = shlex.quote(about["_src_path"])
        raise UserMessageError(
            f"Git cannot read the template, so updates would fail. Check that Git is installed and that the template "
            f"is the top folder of a clone made by `git clone`: `git -C {address} status` says what is wrong."
        )
    # With a version, the data are the answers of a project, as when an update renders what the project was made
    # from: the engine says better whether those were edited by hand.
    if "_commit" not in settings["data"]:
        _check_given(settings)
    if (folder := Path(settings["dst_path"])).exists() and not folder.is_dir():
        raise UserMessageError(f"{folder} is a file: type the name of a folder.")
    name = settings["answers_file"].as_posix()
    if re.search(r"""^-|[\\"'#$`\x00-\x1f]""", name):  # tasks, workflows and texts hold it
        raise UserMessageError(
            f"The answers file cannot be called {name}: type letters, digits, dots and dashes."
        )
    last = _last_answers(settings)
    if last and "module_name" not in last and not settings["overwrite"]:
        raise UserMessageError(  # Copier asks about every other file
            f"{settings['answers_file'].name} belongs to another template: to keep it, add --answers-file "
            f"with a name of its own, such as .copier-answers.pyo3.yml; to replace it, add --overwrite."
        )
    return True


def _check_places(context: Context) -> None:
    """Refuse a folder in which Copier could not write some of the files, and would stop half-way."""
    from copier.errors import UserMessageError

    settings = context["_copier_conf"]
    template, top = Path(settings["src_path"], "template"), Path(settings["dst_path"]).resolve()

    def rendered(part: str) -> str:
        name = part.removesuffix(".jinja")
        if "{" not in name:
            return name
        return context.environment.from_string(name).render(context.get_all())

    for path in sorted(template.rglob("*")):
        parts = [rendered(part) for part in path.relative_to(template).parts]
        if not all(parts):
            continue  # Copier leaves out what has no name
        place, kind = top.joinpath(*parts), ""
        if path.is_dir() and not place.is_dir() and (place.exists() or place.is_symlink()):
            kind = "no folder, as in the template"
        elif path.is_dir() and top not in place.resolve().parents:
            kind = "a link to another place, and Copier writes nothing there"
        elif path.is_file() and place.is_dir():
            kind = "a folder, and a file in the template"
        if kind:
            raise UserMessageError(f"Your {place.relative_to(top)} is {kind}: rename it first.")


@pass_context
def refuse_answers(context: Context) -> str:
    """Refuse another answer for a project that is there, as of `copier recopy --data`.

    What was given once, such as the licence, would stay as it is, and no later update would change it.

    Args:
        context: Where a pattern of files is rendered, before the first is written.

    Returns:
        An empty string, which is no pattern.

    Raises:
        UserMessageError: An answer is to no question, or another one than before, or the folder holds what Copier
            cannot write beside; Copier shows what to type.
    """
    from copier.errors import UserMessageError

    settings, answers = context["_copier_conf"], with_address(context["_copier_answers"])
    _check_places(context)
    if "_commit" in settings["data"]:  # from the answers file of another project, by `--data-file`
        _check_given(settings)
    last = _last_answers(settings)
    if not last or with_address(last).get("_src_path") != answers["_src_path"]:
        return ""
    questions = [name for name in last if name[0] != "_" and name in answers]
    others = [name for name in questions if answers[name] != last[name]]
    if not others:
        return ""
    pairs = (
        f"{name}={answers[name] if isinstance(answers[name], str) else json.dumps(answers[name])}"
        for name in others
    )
    data = " ".join(f"--data {shlex.quote(pair)}" for pair in pairs)
    raise UserMessageError(
        f"To change an answer, update, which also changes the files that are yours: copier update "
        f"--trust --defaults{answers_option(context)} --vcs-ref=:current: {data}"
    )


@pass_context
def answers_option(context: Context) -> str:
    """Name the answers file for Copier, which would look at that of another template.

    Args:
        context: Where a file of the project is rendered.

    Returns:
        An option behind a space, or nothing if the file has the name that Copier looks for.
    """
    name = context["_copier_conf"]["answers_file"].as_posix()
    return "" if name == ".copier-answers.yml" else f" --answers-file {shlex.quote(name)}"


@pass_context
def update_request(context: Context) -> str:
    """Write the answers and the options of an update beside the engine.

    Args:
        context: Where the migration is rendered.

    Returns:
        The path of the file, in Copier's own clone of the template.
    """
    settings = context["_copier_conf"]
    request = {
        "answers": context["_copier_answers"],
        "answers_file": settings["answers_file"].as_posix(),
        "data": list(settings["data"]),
        "defaults": settings["defaults"],
        "left_out": [*settings.get("exclude", ()), *settings.get("skip_if_exists", ())],
        "version": settings["vcs_ref"],
    }
    path = Path(settings["src_path"], "update", "request.json")
    path.write_text(json.dumps(request, default=str), "utf-8")
    return str(path)


class Answers(Extension):
    """Add the functions to the template."""

    def __init__(self, environment: Environment) -> None:
        """Register the functions.

        Args:
            environment: The environment that renders the template.
        """
        super().__init__(environment)
        environment.globals.update(
            answers_checksum=answers_checksum,
            answers_option=answers_option,
            check_start=check_start,
            refuse_answers=refuse_answers,
            update_request=update_request,
            with_address=with_address,
        )

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


@pass_context
def template_error(context: Context) -> str:
    """Check that Git reads the template: Copier would render a folder as it is, and no update could follow.

    Args:
        context: Where a validator is rendered.

    Returns:
        What to type, or an empty string if all is well.
    """
    answers = context["_copier_answers"]
    if "_commit" in answers:
        return ""
    address = shlex.quote(answers["_src_path"])
    return (
        f"Git cannot read the template, so updates would fail. Check that Git is installed and that the "
        f"template is the top folder of a clone made by `git clone`: `git -C {address} status` says what is wrong."
    )


@pass_context
def features_error(context: Context) -> str:
    """Check that what was given for `features` is a list, before Copier says in its own words that it is not.

    Args:
        context: Where a validator is rendered.

    Returns:
        What to type, or an empty string if all is well.
    """
    given = context["_copier_conf"]["data"].get("features", [])
    if not isinstance(given, str) or re.fullmatch(r"\s*\[.*\]\s*", given, re.DOTALL):
        return ""
    listed = ", ".join(re.findall(r"\w+", given))
    return f'features is a list: type --data "features=[{listed}]".'


@pass_context
def refuse_answers(context: Context) -> str:
    """Refuse answers to no question, and another answer for a project that is there, as of `copier recopy --data`.

    What was given once, such as the licence, would stay as it is, and no later update would change it.

    Args:
        context: Where a pattern of files is rendered, before the first is written.

    Returns:
        An empty string, which is no pattern.

    Raises:
        UserMessageError: There is no such question, or the answer is another one than before; Copier
            shows what to type.
    """
    import yaml
    from copier.errors import UserMessageError

    settings, answers = context["_copier_conf"], with_address(context["_copier_answers"])
    given = {name for name in settings["data"] if not name.startswith("_")}
    if unknown := ", ".join(sorted(given - answers.keys())):
        listed = ", ".join(name for name in answers if not name.startswith("_"))
        raise UserMessageError(f"No question is called {unknown}. The questions are: {listed}.")
    path = Path(settings["dst_path"], settings["answers_file"])
    last = yaml.safe_load(path.read_text("utf-8")) if path.is_file() else {}
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
            features_error=features_error,
            refuse_answers=refuse_answers,
            template_error=template_error,
            update_request=update_request,
            with_address=with_address,
        )

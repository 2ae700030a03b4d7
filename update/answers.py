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
        f"Git does not read the template, so updates could not follow: `git -C {address} status` "
        f"says why; if it is no clone, make one with `git clone`."
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
            template_error=template_error,
            update_request=update_request,
            with_address=with_address,
        )

"""The program as its user called it."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection
from pathlib import Path

import click
from click.core import ParameterSource

# The options that say where and with what a command works.
PLACES = ("data", "datamart", "engine", "master", "tables")
# How messages of all rooms name the program.
_NAMED = "python main.py"


def program() -> str:
    """The program as it was called: `lakehouse`, `python -m lakehouse` or `python main.py`."""
    name = Path(sys.argv[0]).name if sys.argv else ""
    if name.removesuffix(".exe") == "lakehouse":
        return "lakehouse"
    is_module = Path(*Path(sys.argv[0]).parts[-2:]) == Path("lakehouse", "__main__.py")
    return "python -m lakehouse" if is_module else _NAMED


def same_place(words: str, same: Collection[str] = PLACES) -> str:
    """A command with the options of the current one that are named in `same`, if the user gave them."""
    context = click.get_current_context(silent=True)
    offered = [name for name in _offered(context, words) if name in same]
    return " ".join(
        [program(), words, *(word for name in offered for word in _given(context, name))]
    )


def is_given(name: str) -> bool:
    """Whether the user gave this option to the current command."""
    return bool(_given(click.get_current_context(silent=True), name))


def _offered(context: click.Context | None, words: str) -> list[str]:
    """The names of the options that the command of these words uses."""
    group = context.find_root().command if context else None
    command = group.commands.get(words.split()[0]) if isinstance(group, click.Group) else None
    params = command.params if command else ()
    return [str(param.name) for param in params if not getattr(param, "hidden", False)]


def _given(context: click.Context | None, name: str) -> list[str]:
    """The option and its value, if the user gave it to the current command."""
    if not context or context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
        return []
    option = next(each for each in context.command.params if each.name == name).opts[0]
    value = context.params[name]
    if value is True:
        return [option]
    if isinstance(value, tuple):  # lists of names, if it may be given several times
        lists = value if value and isinstance(value[0], tuple) else (value,)
        return [word for names in lists for word in (option, shlex.quote(",".join(names)))]
    return [option, shlex.quote(str(value))]


def as_called(message: str) -> str:
    """The message, with the program named the way it was called."""
    return message.replace(_NAMED, program())

"""The line that a command prints when it ends with an error."""

from __future__ import annotations

import re

import click

from lakehouse.cli.program import program
from lakehouse.errors import LakehouseError, NoSpace, not_installed
from lakehouse.stop import Stopped

# As click says it.
_EXTRA = re.compile(r"Got unexpected extra arguments? \((.+)\)")
_STOPPED = "stopped; nothing is half done, the next run goes on from here"
_ENGINE_LOST = (
    "the process of the Spark engine is gone, killed or out of memory; nothing is half done, the next "
    "run goes on from here; --engine embedded needs less"
)
_NO_SPACE = (
    "no space left on the disk of the datamart, or of the file to write; free some space and start again, "
    "nothing is half done"
)
_UNREADABLE = (
    "a table cannot be read; python main.py doctor --deep says which, and what to do; --debug shows "
    "the whole error"
)


def error_line(error: BaseException) -> str | None:
    """One line that says what failed and what to do; None for an unexpected error."""
    message = _message(error)
    return None if message is None else " ".join(message.split())


def _message(error: BaseException) -> str | None:
    if isinstance(error, click.ClickException):
        return _of_arguments(error)
    if isinstance(error, LakehouseError):
        says_cause = isinstance(error, NoSpace) or not _is_disk_full(error.__cause__)
        return str(error) if says_cause else _NO_SPACE
    if isinstance(error, Stopped):
        return _STOPPED
    if isinstance(error, ModuleNotFoundError) and (line := not_installed(error)):
        return line
    if isinstance(error, _unreadable()):
        return _NO_SPACE if _is_disk_full(error) else _UNREADABLE
    if isinstance(error, _engine_losses()):
        return _ENGINE_LOST
    return _system_error(error) if isinstance(error, OSError) else None


def _of_arguments(error: click.ClickException) -> str:
    """The words of click, with a way out where they name none."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    shown = f"`{context.command_path} --help`" if context else "--help"
    if isinstance(error, click.NoSuchOption):
        near = " or ".join(error.possibilities or ())
        way_out = f"is it {near}?" if near else f"{shown} lists all"
        return f"no option is called {error.option_name!r}; {way_out}"
    if isinstance(error, click.MissingParameter):
        return f"{error.format_message().removesuffix('.')}; {shown} shows how"
    message = error.format_message()
    extra = _EXTRA.fullmatch(message)
    return _of_extra(context, extra[1]) if context and extra else message


def _of_extra(context: click.Context, words: str) -> str:
    """The way out for words that a command does not take: one may be a command that stands too late."""
    group = context.find_root().command
    named = [each for each in words.split() if each in getattr(group, "commands", ())]
    if named:
        return f"a command stands before all options; begin with `{program()} {named[0]}`"
    return f"{context.info_name} takes no {words}; `{context.command_path} --help` shows how"


def _system_error(error: OSError) -> str:
    from lakehouse.storage.object_store import of_store

    named = f": {error.filename}" if error.filename else ""
    return of_store(str(error)) or f"{error.strerror or error}{named}"


# The imports below take time, so they are done only after an error.


def _is_disk_full(error: BaseException | None) -> bool:
    from lakehouse.run.failures import is_disk_full

    return is_disk_full(error)


def _unreadable() -> tuple[type[Exception], ...]:
    from deltalake.exceptions import DeltaError
    from pyarrow import ArrowException

    return DeltaError, ArrowException


def _engine_losses() -> tuple[type[Exception], ...]:
    from lakehouse.engines.choose import engine_losses

    return engine_losses()

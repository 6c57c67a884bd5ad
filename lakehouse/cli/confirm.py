"""The question before a command destroys or replaces something."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from lakehouse.errors import BadInput


def check_confirmed(
    command: str,
    yes: bool,
    show_what_goes: Callable[[], None],
    does: str = "destroys data",
    look: str = "--dry-run",
) -> None:
    """Show what would go, and ask. BadInput for any answer but yes, and without a terminal.

    `does` says what the command does, and `look` is how to see that before.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            f"{command} {does} and cannot ask without a terminal; look with {look}, then give --yes"
        )
    show_what_goes()
    if not click.confirm(f"{command}: go on?", err=True):
        raise BadInput(f"{command} was not confirmed; nothing was changed")

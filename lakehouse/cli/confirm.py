"""The question before a command destroys something."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from lakehouse.errors import BadInput


def check_confirmed(command: str, yes: bool, show_what_goes: Callable[[], None]) -> None:
    """Show what would go, and ask. BadInput for any answer but yes, and without a terminal."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput(
            f"{command} destroys data and cannot ask without a terminal; look with --dry-run, "
            "then give --yes"
        )
    show_what_goes()
    if not click.confirm(f"{command}: go on?", err=True):
        raise BadInput(f"{command} was not confirmed; nothing was changed")

"""Rows as a table for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from lakehouse.cli.show.terminal import plain, say

if TYPE_CHECKING:
    from rich.console import Console


def rows(title: str, lines: Sequence[Mapping[str, object]]) -> None:
    """Print lines as a table; numbers are aligned to the right."""
    if not lines:
        say(f"{title}: none")
        return
    from rich import box
    from rich.table import Table

    table = Table(title=plain(title), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold")
    for name, value in lines[0].items():
        table.add_column(name.replace("_", " "), justify="right" if _is_number(value) else "left")
    for line in lines:
        table.add_row(*(_cell(value) for value in line.values()))
    _out().print(table)


def _out() -> Console:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    # A file or a pipe has no width, so tables get the room they need.
    return (
        console
        if console.is_terminal
        else Console(highlight=False, markup=False, emoji=False, width=160)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.1f}"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return plain(str(value)).replace("\n", "\\n")

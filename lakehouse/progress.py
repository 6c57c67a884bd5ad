"""How long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# Called with a table, what is done to it, and the months.
OnProgress = Callable[[str, str, Sequence[str]], None]


# A line that stays.
Note = Callable[[str], None]


def silent(_table: str, _doing: str, _months: Sequence[str]) -> None:
    """Report nothing."""

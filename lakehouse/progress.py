"""What long work tells as it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# What a run tells as it goes: the table, what it does, and the months.
OnProgress = Callable[[str, str, Sequence[str]], None]


def silent(_table: str, _doing: str, _months: Sequence[str]) -> None:
    """Progress that nobody sees."""

"""How long work tells what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

# Hears a line that is to stay.
Note = Callable[[str], None]
# Hears for whom work waits; None where it is not to wait.
Wait = Note | None


class Progress(Protocol):
    """Hears what long work does: to which table, file or check, and for which months."""

    def __call__(self, subject: str, doing: str, months: Sequence[str] = (), /) -> None: ...


def silent(_subject: str, _doing: str, _months: Sequence[str] = (), /) -> None:
    """Report nothing."""

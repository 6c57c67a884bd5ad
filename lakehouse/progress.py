"""The types with which long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

# Receives a line that stays on the screen.
Note = Callable[[str], None]
# Receives a line about the run that is waited for; None means that nothing waits.
Wait = Note | None


class Progress(Protocol):
    """Receives what long work does: the table, file or check, the action and the months."""

    def __call__(self, subject: str, doing: str, months: Sequence[str] = (), /) -> None: ...


def silent(_subject: str, _doing: str, _months: Sequence[str] = (), /) -> None:
    """Report nothing."""

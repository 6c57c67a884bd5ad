"""The types with which long work reports its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

# Receives a line that stays on the screen.
Note = Callable[[str], None]
# Receives a line about the run that is waited for; None means that nothing waits.
Wait = Note | None


@dataclass(frozen=True)
class Done:
    """The steps and months that are done, of all that there are; without months `of_months` is 0.

    A month counts once in each table that a step covers.
    """

    steps: int
    of_steps: int
    months: int = 0
    of_months: int = 0


class Progress(Protocol):
    """Receives what long work does: the table, file or check, the action, the months and what is done."""

    def __call__(
        self, subject: str, doing: str, months: Sequence[str] = (), done: Done | None = None, /
    ) -> None: ...


@dataclass
class Steps:
    """Reports a known number of steps; where one begins, those before it are done."""

    on_progress: Progress
    of_steps: int
    _begun: int = 0

    def begin(self, subject: str, doing: str) -> None:
        """Report the step that begins now."""
        self.on_progress(subject, doing, (), Done(self._begun, self.of_steps))
        self._begun += 1


def silent(
    _subject: str, _doing: str, _months: Sequence[str] = (), _done: Done | None = None, /
) -> None:
    """Report nothing."""


def uncounted(_done: Done) -> None:
    """Do nothing with the steps that are done."""

"""Calendar arithmetic on months written as text, YYYY-MM."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from lakehouse.errors import BadInput

# The month of rows without a date. It is before all others, so that each cut-off in time keeps these rows.
UNDATED = "0000-00"
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Group(NamedTuple):
    """Months that are taken together, and the months after them."""

    months: tuple[str, ...]
    later: tuple[str, ...]


def is_month(text: str) -> bool:
    """Whether the text is a month, YYYY-MM."""
    return _MONTH.fullmatch(text) is not None


def checked_month(text: str) -> str:
    """The month as a user gives it; BadInput if it is not one."""
    # A user of Python may give a number or a date.
    month = str(text)
    if not is_month(month):
        raise BadInput(f"{month!r} is not a month; write it as 2023-05")
    return month


def shift(month: str, by: int) -> str:
    """The month `by` months later, or earlier if `by` is negative; that of rows without a date stays."""
    if month == UNDATED:
        return month
    index = int(month[:4]) * 12 + int(month[5:]) - 1 + by
    return f"{index // 12:04d}-{index % 12 + 1:02d}"


def widen(months: Iterable[str], before: int = 0, after: int = 0) -> set[str]:
    """The months, together with the `before` months before each and the `after` months after each."""
    return {shift(month, by) for month in months for by in range(-before, after + 1)}


def in_groups(months: Iterable[str], size: int) -> list[Group]:
    """The months in order, in groups of at most `size`, each with all months after it."""
    ordered = tuple(sorted(months))
    starts = range(0, len(ordered), size)
    return [Group(ordered[start : start + size], ordered[start + size :]) for start in starts]


def spell(months: Iterable[str]) -> str:
    """The months in few words: `2023-01 to 2023-06, 2024-01`, or `no month`.

    `no date` stands for rows without one.
    """
    runs: list[list[str]] = []
    every = set(months)
    for month in sorted(every - {UNDATED}):
        if runs and shift(runs[-1][-1], 1) == month:
            runs[-1].append(month)
        else:
            runs.append([month])
    spelt = [run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs]
    return ", ".join([*(["no date"] if UNDATED in every else []), *spelt]) or "no month"


@dataclass(frozen=True)
class MonthRange:
    """Months from `first` to `last`, both included; None is open."""

    first: str | None = None
    last: str | None = None

    @staticmethod
    def checked(first: str | None = None, last: str | None = None) -> MonthRange:
        """The range as a user gives it; BadInput if an end is not a month, or the first is later."""
        months = MonthRange(*(None if end is None else checked_month(end) for end in (first, last)))
        if first and last and first > last:
            raise BadInput(f"no month is from {first} to {last}; give the earlier one first")
        return months

    def has(self, month: str) -> bool:
        """Whether the month is in the range; rows without a date are in each."""
        after_first = self.first is None or month >= self.first
        return month == UNDATED or (after_first and (self.last is None or month <= self.last))

    def covers(self, other: MonthRange) -> bool:
        """Whether every month of the other is one of this."""
        first_ok = self.first is None or (other.first is not None and self.first <= other.first)
        last_ok = self.last is None or (other.last is not None and self.last >= other.last)
        return first_ok and last_ok

    def spell(self) -> str:
        """The range in few words: `2023-01 to 2023-06`, `2023-05`, `up to 2023-05` or `any month`."""
        if self.first is None:
            return f"up to {self.last}" if self.last else "any month"
        if self.last is None:
            return f"from {self.first} on"
        return self.first if self.first == self.last else f"{self.first} to {self.last}"

"""When too many cells of a column become NULL: more than a share, or far more than in the months before.

No engine is needed; the numbers are counted elsewhere.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

# More than this share is too much in any case.
MOST = 0.2
# A smaller share is never too much, however clean the months before were.
LEAST = 0.01
# Fewer cells are dirt, whatever their share of a small file: three ages of nine may be impossible.
_FEWEST = 5
# More than so many times the share of the months before is too much, unless it may be chance:
_TIMES = 3
# what chance brings more often than once in ten thousand columns.
_CHANCE = 1e-4
# If none of n cells is bad, the true share may still be 3 / n.
_UNSEEN = 3


@dataclass(frozen=True)
class Nulls:
    """The cells of a column that are neither missing nor a placeholder, and why some of them are NULL."""

    filled: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: Nulls) -> Nulls:
        return Nulls(self.filled + other.filled, self.reasons + other.reasons)

    @property
    def cells(self) -> int:
        """The cells that are NULL."""
        return self.reasons.total()

    @property
    def share(self) -> float:
        return self.cells / self.filled if self.filled else 0.0

    @property
    def reason(self) -> str:
        """The most frequent one."""
        return max(self.reasons, key=lambda reason: (self.reasons[reason], reason))


def total(nulls: Iterable[Nulls]) -> Nulls:
    return sum(nulls, Nulls())


ByMonth = Mapping[str, Nulls]


@dataclass(frozen=True)
class Excess:
    """A column with too many NULL cells in some months: by themselves, or beside those of `before`."""

    column: str
    months: list[str]
    now: Nulls
    before: Nulls | None = None


def excess_by_itself(column: str, delivered: ByMonth, most: float) -> Excess | None:
    """All months of a file, if more than a share of their cells is NULL."""
    now = total(delivered.values())
    is_too_much = now.cells >= _FEWEST and now.share > most
    return Excess(column, sorted(delivered), now) if is_too_much else None


def may_have_changed(delivered: ByMonth) -> bool:
    """Whether the months before are worth a look."""
    return any(map(_is_much, (*delivered.values(), total(delivered.values()))))


def _is_much(nulls: Nulls) -> bool:
    return nulls.cells >= _FEWEST and nulls.share > LEAST


def excess_over_before(column: str, delivered: ByMonth, held: ByMonth) -> Excess | None:
    """The first month of a file, or all its months, with far more NULL cells than the months before.

    Those are earlier months of the file, and held months that are not in it. A share that was accepted
    before does not count as new: that of the latest month before, and of the same months as they are held.
    """
    months = sorted(delivered)
    for window in [*([month] for month in months), months]:
        now = total(delivered[month] for month in window)
        earlier = {month: nulls for month, nulls in delivered.items() if month < window[0]}
        before = {**{m: nulls for m, nulls in held.items() if m not in delivered}, **earlier}
        past = total(before.values())
        if not _is_much(now) or not past.filled:
            continue
        latest = max((month for month in before if month < window[0]), default="")
        same = total(held[month] for month in window if month in held)
        shares = [(past.cells + _UNSEEN) / past.filled, same.share]
        shares += [before[latest].share] if latest else []
        expected = max(shares) * now.filled
        if now.cells > _TIMES * expected and not _is_chance(now.cells, expected):
            return Excess(column, window, now, past)
    return None


def _is_chance(cells: int, expected: float) -> bool:
    """Whether so many cells come about by chance where fewer are expected (Chernoff's bound)."""
    return cells - expected - cells * math.log(cells / expected) > math.log(_CHANCE)

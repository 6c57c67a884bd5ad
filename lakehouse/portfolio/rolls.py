"""The roll-rate matrix: from each bucket of days past due to each, in loans and shares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.gold.arrears import BUCKETS
from lakehouse.portfolio.shares import Share, share


@dataclass(frozen=True)
class Move:
    """The loans that went from a bucket to another in a month: a row of gold.roll_rates."""

    month: str
    bucket_from: str
    bucket_to: str
    loans: int
    balance: float | None  # None if it is known of no loan


@dataclass(frozen=True)
class RollRow:
    """The moves from one bucket: to each, to a worse or better one, to nothing overdue, and to itself."""

    bucket: str
    loans: int
    balance: float
    to: tuple[Share, ...]  # in the order of BUCKETS
    worse: Share
    better: Share
    cured: Share
    stays: Share


@dataclass(frozen=True)
class Matrix:
    """The roll rates of a month, or of all months together (then `month` is None)."""

    month: str | None
    rows: tuple[RollRow, ...]

    @property
    def loans(self) -> int:
        return sum(row.loans for row in self.rows)


def matrix(moves: Sequence[Move], month: str | None = None) -> Matrix:
    """The matrix of some moves."""
    return Matrix(month, tuple(_row(place, moves) for place in range(len(BUCKETS))))


def by_month(moves: Sequence[Move]) -> tuple[Matrix, ...]:
    """The matrix of each month, in order."""
    months = sorted({move.month for move in moves})
    return tuple(matrix([m for m in moves if m.month == month], month) for month in months)


def _row(place: int, moves: Sequence[Move]) -> RollRow:
    own = [move for move in moves if move.bucket_from == BUCKETS[place]]
    counts = [sum(move.loans for move in own if move.bucket_to == bucket) for bucket in BUCKETS]
    loans = sum(counts)
    return RollRow(
        bucket=BUCKETS[place],
        loans=loans,
        balance=sum(move.balance or 0.0 for move in own),
        to=tuple(share(n, loans) for n in counts),
        worse=share(sum(counts[place + 1 :]), loans),
        better=share(sum(counts[:place]), loans),
        cured=share(counts[0] if place else 0, loans),
        stays=share(counts[place], loans),
    )

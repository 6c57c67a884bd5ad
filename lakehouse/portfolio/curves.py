"""Vintage curves: the share of a cohort that is or was past due, by month on book; blank where not mature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.portfolio.shares import Share, share

# Fewer cohorts or bad loans than these tell chance, not the portfolio.
FEWEST_COHORTS, FEWEST_BAD = 3, 100


@dataclass(frozen=True)
class Cell:
    """A cohort at a month on book for a bound: a row of gold.vintages."""

    cohort: str
    mob: int
    dpd_bound: int
    loans: int
    unknown: int
    bad: int
    bad_ever: int
    mature: bool

    @property
    def is_shown(self) -> bool:
        """Whether its shares are those of the whole cohort: each loan has a record with a known dpd."""
        return self.mature and not self.unknown


@dataclass(frozen=True)
class Point:
    """The cohorts that are mature up to a horizon, together, at a month on book.

    `reached`: of the loans that are bad up to the horizon, those that were so by then.
    """

    mob: int
    bad: Share
    bad_ever: Share
    reached: Share


@dataclass(frozen=True)
class Together:
    """The curve of all cohorts that are mature up to the `horizon`, the longest that enough cohorts reach.

    Without such cohorts there is no horizon, and no points; `bad` are the loans bad up to the horizon.
    """

    dpd_bound: int
    horizon: int | None
    cohorts: tuple[str, ...]
    loans: int
    bad: int
    points: tuple[Point, ...]

    @property
    def is_enough(self) -> bool:
        """Whether there are enough bad loans to say where the curve flattens."""
        return self.horizon is not None and self.bad >= FEWEST_BAD

    def flat_from(self, reached: float) -> Point | None:
        """The first month on book by which that share of the bad loans was bad; None if that is not known."""
        if not self.is_enough:
            return None
        return next((p for p in self.points if (p.reached.value or 0) >= reached), None)


def together(cells: Sequence[Cell], dpd_bound: int) -> Together:
    """The curve of a bound; the same cohorts are at each of its months on book."""
    own = {(c.cohort, c.mob): c for c in cells if c.dpd_bound == dpd_bound}
    reach = {cohort: _mature_up_to(own, cohort) for cohort, _ in own}
    lengths = sorted((mob for mob in reach.values() if mob is not None), reverse=True)
    if len(lengths) < FEWEST_COHORTS or not lengths[FEWEST_COHORTS - 1]:
        return Together(dpd_bound, None, (), 0, 0, ())
    horizon = lengths[FEWEST_COHORTS - 1]
    cohorts = tuple(sorted(c for c, mob in reach.items() if mob is not None and mob >= horizon))
    loans, bad = (
        sum(getattr(own[cohort, horizon], name) for cohort in cohorts)
        for name in ("loans", "bad_ever")
    )
    mobs = [m for m in range(horizon + 1) if all((cohort, m) in own for cohort in cohorts)]
    points = []
    for mob in mobs:
        now, ever = (
            sum(getattr(own[cohort, mob], name) for cohort in cohorts)
            for name in ("bad", "bad_ever")
        )
        points.append(Point(mob, share(now, loans), share(ever, loans), share(ever, bad)))
    return Together(dpd_bound, horizon, cohorts, loans, bad, tuple(points))


def _mature_up_to(cells: dict[tuple[str, int], Cell], cohort: str) -> int | None:
    """The last month on book up to which all cells of a cohort are shown; None if the first is not."""
    last = None
    for mob in sorted(mob for each, mob in cells if each == cohort):
        if not cells[cohort, mob].is_shown:
            break
        last = mob
    return last

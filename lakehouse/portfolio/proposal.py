"""A default definition and a window to propose, with the numbers behind them and what they cannot say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lakehouse.gold.arrears import BOUNDS, BUCKETS, LAST_BUCKET
from lakehouse.portfolio.curves import FEWEST_BAD, FEWEST_COHORTS, Together
from lakehouse.portfolio.rolls import Matrix, RollRow
from lakehouse.portfolio.shares import Share

FLAT = 0.95  # of the loans that ever become bad
HALF = 0.5
# The bucket that begins at each bound.
_BUCKET = dict(zip(BOUNDS, BUCKETS[-len(BOUNDS) :], strict=True))


@dataclass(frozen=True)
class Proposal:
    """The days past due and the month on book of a default; None where the data cannot tell.

    `reasons` say why, and `limits` what the data cannot say.
    """

    dpd_bound: int | None
    mob: int | None
    headline: str
    reasons: tuple[str, ...]
    limits: tuple[str, ...]


def propose(rolls: Matrix, curves: Sequence[Together], longest_loan: int | None) -> Proposal:
    """The first bound from which most loans do not come back, and the month by which its curve is flat."""
    rows = {row.bucket: row for row in rolls.rows}
    bound = next((b for b in BOUNDS if _is_lost(rows[_BUCKET[b]])), None)
    curve = next((each for each in curves if each.dpd_bound == bound), None)
    flat = curve.flat_from(FLAT) if curve else None
    return Proposal(
        bound,
        flat.mob if flat else None,
        _headline(bound, flat.mob if flat else None),
        tuple(_reasons(rows, bound, curve)),
        tuple(_limits(rows, bound, curve, longest_loan)),
    )


def not_back(row: RollRow) -> Share:
    """The share that gets worse; of the last bucket, the share that stays."""
    return row.stays if row.bucket == LAST_BUCKET else row.worse


def spelt(share: Share) -> str:
    """The share with its interval, as `91.2% (95% interval 89.0% to 93.0%)`."""
    if share.value is None:
        return "none"
    return f"{share.value:.1%} (95% interval {share.low:.1%} to {share.high:.1%})"


def _is_lost(row: RollRow) -> bool:
    low = not_back(row).low
    return low is not None and low > HALF


def _headline(bound: int | None, mob: int | None) -> str:
    if bound is None:
        return "No default definition can be proposed from these data."
    if mob is None:
        return f"A default is {bound} or more days past due; no window can be proposed yet."
    return f"A default is {bound} or more days past due, seen by month on book {mob}."


def _reasons(rows: dict[str, RollRow], bound: int | None, curve: Together | None) -> Iterator[str]:
    for each in BOUNDS:
        row = rows[_BUCKET[each]]
        if row.loans and (bound is None or each <= bound):
            do = "stay there" if row.bucket == LAST_BUCKET else "are worse a month later"
            yield (
                f"{spelt(not_back(row))} of {row.loans:,} loans at {row.bucket} days past due {do}; "
                f"{row.cured.value:.1%} have nothing overdue any more."
            )
    flat = curve.flat_from(FLAT) if curve else None
    if curve and flat:
        yield (
            f"{spelt(flat.reached)} of the {curve.bad:,} loans that are bad by month on book "
            f"{curve.horizon} were bad by {flat.mob}, the first month with at least {FLAT:.0%}."
        )
        gone = 1 - flat.bad.n / flat.bad_ever.n
        yield (
            f"{gone:.1%} of the loans that were bad by month on book {flat.mob} are below {bound} days "
            "then; a label of that month alone counts them as good."
        )


def _limits(
    rows: dict[str, RollRow], bound: int | None, curve: Together | None, longest_loan: int | None
) -> Iterator[str]:
    unseen = [bucket for bucket in BUCKETS if not rows[bucket].loans]
    if unseen:
        yield f"No loan was ever seen at {' or '.join(unseen)} days past due with a record a month later."
    if bound is None:
        yield (
            "At no bound do clearly more than half of the loans get worse, so none marks a point of no "
            "return; more months, or a bound of your own, must decide."
        )
        return
    assert curve is not None
    if curve.horizon is None:
        yield f"Fewer than {FEWEST_COHORTS} cohorts are mature, so nothing tells where curves flatten."
    elif not curve.is_enough:
        yield (
            f"Only {curve.bad:,} loans are bad in the mature cohorts; below {FEWEST_BAD} nothing tells "
            "where curves flatten."
        )
    if curve.horizon is not None:
        told = f" Loans run for up to {longest_loan} months." if longest_loan is not None else ""
        yield (
            f"Curves are followed up to month on book {curve.horizon}, which {len(curve.cohorts)} cohorts "
            f"reach; nothing is known of later months.{told}"
        )
    yield "It cannot say what is lost: the loan system tells no recoveries and no charge-offs."

"""Declared delays: whether rows come as soon after their date as their feature group says.

It takes training sets of labelled loans, as pandas, from `lakehouse.model.features.prepared`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pandas as pd

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.restated import Earlier, delivered
from lakehouse.model.features import KEY
from lakehouse.model.split import month_of
from lakehouse.months import spell
from lakehouse.training.point_in_time import JoinedGroup

# A source that began late and brought its past along is in time in its newest months.
_NEWEST_MONTHS = 3
# Single rows come late in any bank; more than this share of them, of so many loans, is how the source comes.
_SHARE, _FEWEST = 0.5, 10


def with_delays(known_then: Check, now: pd.DataFrame, earlier: Earlier | str) -> Check:
    """The check of features as known then, and whether releases of their months had the rows that are used.

    A text in place of earlier loans says why there are none to compare with.
    """
    if isinstance(earlier, str):
        return known_then
    assert now[KEY].equals(earlier.loans[KEY]), "training sets of other loans"
    compared = [(group, _late(now, earlier, group)) for group in earlier.groups]
    shares = ", ".join(f"{g.name} {late.mean():.0%}" for g, late in compared if len(late))
    late_rows = [finding for group, late in compared for finding in _findings(now, group, late)]
    return replace(
        known_then,
        proves=f"{known_then.proves} Rows come by the day that their feature group declares.",
        looked_at=known_then.looked_at
        + (
            f"; rows that came later, in the newest {_NEWEST_MONTHS} months: {shares}"
            if shares
            else ""
        ),
        findings=(*known_then.findings, *late_rows),
    )


def _late(now: pd.DataFrame, earlier: Earlier, group: JoinedGroup) -> pd.Series:
    """Whether the release of a loan lacked the row that it uses now; of the newest months only."""
    used, then = now[group.date_column], earlier.loans[group.date_column]
    known = used.notna() & delivered(used, earlier.through) & earlier.had.get(group.name, True)
    months = month_of(now)[known]
    newest = months.isin(sorted(months.unique())[-_NEWEST_MONTHS:])
    late: pd.Series = (then.isna() | (then < used))[known][newest]
    return late


def _findings(now: pd.DataFrame, group: JoinedGroup, late: pd.Series) -> Iterator[Finding]:
    if late.sum() >= _FEWEST and late.mean() > _SHARE:
        months = sorted(month_of(now)[late.index].unique())
        yield Finding(
            group.table,
            f"{late.sum():,} of {len(late):,} applications of {spell(months)} use a row that the release of "
            f"their month did not have, with the declared delay of {group.delay_days} days: declare "
            "delay_days until it is there, or build with --known then",
        )

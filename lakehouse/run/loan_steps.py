"""Loans whose records do not follow each other: the month on book restarts or jumps, the application moves.

A label is taken from the record at its month on book, so such a loan may get the label of another month.
A run tells of it; no row and no label changes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.store import Store
from lakehouse.label import LoanColumns
from lakehouse.months import widen
from lakehouse.run.masked import shown
from lakehouse.storage.datamart import Datamart
from lakehouse.table import MONTH, Table, quoted
from lakehouse.words import counted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Two records of a loan are compared if they are at most so many months apart.
_MONTHS_APART = 3


def loans_version(datamart: Datamart) -> int:
    """The version of the table of loans; 0 if there is none."""
    tables = [table.upstreams[0] for table in datamart.catalog.tables if table.labels]
    return max((datamart.log.version(table) or 0 for table in tables), default=0)


def broken_steps(store: Store, since: int) -> list[str]:
    """One line per way in which records of loans do not follow, if one of two is new since that version."""
    catalog = store.datamart.catalog
    # Without a month on book there are no steps.
    if not any(table.labels and table.labels.has_days for table in catalog.tables):
        return []
    labels, loans = catalog.labels, catalog.label_store.upstreams[0]
    changed = store.log.changed_months(loans, since, store.log.version(loans) or 0)
    if not changed:
        return []
    near = sorted(widen(changed, before=_MONTHS_APART, after=_MONTHS_APART))
    return told(store.read(loans).where(F.col(MONTH).isin(near)), loans, labels.loans, changed)


def told(
    records: DataFrame, loans: Table, columns: LoanColumns, changed: Collection[str]
) -> list[str]:
    """One line per way in which records of a loan do not follow, if one of two is of a changed month.

    Between two records the counter goes up once per whole month, or once more if their days differ.
    """
    mob, applied = columns.mob, columns.application
    named = _named(records, loans.date, columns)
    screen = _screened(named)
    lines = []
    if screen.example:
        loan = shown(loans, columns.loan, screen.example)
        lines.append(
            f"{loans.full_name}: {mob} is ahead of the months since {applied} in "
            f"{counted(screen.ahead, 'loan')}, such as {loan}; does it begin with 0?"
        )
    if not screen.uneven:
        return lines
    steps = _steps(named)
    # The first of two records may be the one that came late.
    is_new = F.col("month").isin(*changed) | _before("month").isin(*changed)
    grown, months = F.col("mob") - _before("mob"), F.months_between("day", "before.day")
    steps = steps.where(is_new & (months <= _MONTHS_APART))
    ways = {
        f"{mob} goes back": _counted(grown < 0, "mob"),
        f"{mob} stays behind": _counted((grown >= 0) & (grown < F.floor(months)), "mob"),
        f"{mob} jumps": _counted(grown > F.ceil(months), "mob"),
        f"{applied} changes": _counted(F.col("applied") != _before("applied"), "applied"),
    }
    found = steps.select(*(column for pair in ways.values() for column in pair)).collect()[0]
    for way, n, example in zip(ways, found[::2], found[1::2], strict=True):
        if n:
            loan = shown(loans, columns.loan, example["loan"])
            lines.append(
                f"{loans.full_name}: {way} in {counted(n, 'record')}, such as {loan}: "
                f"{example['was']} on {example['first']}, then {example['now']} on {example['second']}"
            )
    return lines


def _named(records: DataFrame, date: str, columns: LoanColumns) -> DataFrame:
    names = {"month": MONTH, "loan": columns.loan, "day": date}
    names |= {"mob": columns.mob, "applied": columns.application}
    return records.select(*(F.col(quoted(name)).alias(alias) for alias, name in names.items()))


@dataclass(frozen=True)
class _Screen:
    """The loans with another start or distance from the calendar in some records, and those ahead of it."""

    uneven: int
    ahead: int
    example: str | None


def _screened(records: DataFrame) -> _Screen:
    """The screen of all records. If no loan is uneven, all records follow each other.

    To see that takes a quarter of the time of comparing them in order.
    """
    distance, start = _month_of("day") - F.col("mob"), _month_of("applied")
    ends = (end(column) for column in (distance, F.col("applied")) for end in (F.min, F.max))
    names = ("nearest", "farthest", "first", "last")
    by_loan = records.groupBy("loan").agg(
        *(end.alias(name) for end, name in zip(ends, names, strict=True)),
        F.max(start - distance).alias("ahead"),
    )
    uneven = (F.col("nearest") < F.col("farthest")) | (F.col("first") < F.col("last"))
    ahead = F.col("ahead") > 0
    counts = [F.count(F.when(is_, 1)) for is_ in (uneven, ahead)]
    return _Screen(*by_loan.select(*counts, F.min(F.when(ahead, F.col("loan")))).collect()[0])


def _month_of(day: str) -> Column:
    """The number of the day's month, counted from the year 0."""
    return F.year(day) * 12 + F.month(day)


def _steps(records: DataFrame) -> DataFrame:
    """Each record of a loan with the one before it."""
    from pyspark.sql import Window

    before = F.lag(F.struct("month", "day", "mob", "applied"))
    return records.withColumn("before", before.over(Window.partitionBy("loan").orderBy("day")))


def _before(name: str) -> Column:
    return F.col(f"before.{name}")


def _counted(is_broken: Column, shown: str) -> tuple[Column, Column]:
    """The number of such steps, and the first of them."""
    step = F.struct(
        "loan",
        _before("day").alias("first"),
        _before(shown).alias("was"),
        F.col("day").alias("second"),
        F.col(shown).alias("now"),
    )
    return F.count(F.when(is_broken, 1)), F.min(F.when(is_broken, step))

"""The dates of rows: each row is in the partition of its own month, on a day of its own sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.table import MONTH, Table, quoted

_WHO, _DAY, _IS_THERE = "_who", "_day", "_is_there"
_MEND = "correct what computes the date, then run again"
Read = Callable[[Table], DataFrame]


def month_check(tables: Sequence[Table], read: Read) -> Check:
    """Check that the partition of each row is the month of its own date."""

    def judged(table: Table) -> _Judged:
        day = F.col(quoted(table.date))
        return _Judged(
            read(table),
            ~F.col(MONTH).eqNullSafe(F.date_format(day, "yyyy-MM")),
            F.concat_ws(" in ", day.cast("string"), F.col(MONTH)),
            f"are in another partition than the month of their {table.date}",
        )

    return _check(
        "month of each row",
        "Each row is in the partition of the month of its date, by which it is read and replayed.",
        tables,
        judged,
    )


def source_dates_check(tables: Sequence[Table], read: Read) -> Check:
    """Check that each row has the date of a row of the same customer in a table it is computed from."""

    def judged(table: Table) -> _Judged:
        dated = [upstream for upstream in table.upstreams if upstream.entity and upstream.date]
        # A label by a rule has the day that its loan says, and not the one on which the loan was seen.
        due = table.labels.due if table.labels else ""
        days = {each: due if due in each.columns else each.date for each in dated}
        sources = reduce(DataFrame.union, (_keyed(t, read(t), day) for t, day in days.items()))
        sources = sources.distinct().withColumn(_IS_THERE, F.lit(True))
        names = " or ".join(each.full_name for each in dated)
        return _Judged(
            _keyed(table, read(table), table.date).join(sources, [_WHO, _DAY], "left"),
            F.col(_IS_THERE).isNull(),
            F.col(_DAY).cast("string"),
            f"have a {table.date} on which their {table.entity} has no row in {names}",
        )

    return _check(
        "dates of sources",
        "Each row has a date of its customer in the tables from which it is computed.",
        tables,
        judged,
    )


@dataclass(frozen=True)
class _Judged:
    """The rows of a table, which of them are wrong and in what, and how to show one of these."""

    rows: DataFrame
    wrong: Column
    example: Column
    why: str


def _check(
    name: str, proves: str, tables: Sequence[Table], judge: Callable[[Table], _Judged]
) -> Check:
    rows, findings = 0, []
    for table in tables:
        judged = judge(table)
        counted, wrong, example = _counted(judged)
        rows += counted
        if wrong:
            evidence = f"{wrong:,} rows {judged.why}, such as {example}: {_MEND}"
            findings.append(Finding(table.full_name, evidence))
    looked_at = f"{rows:,} rows of {len(tables)} tables"
    return Check(name=name, proves=proves, looked_at=looked_at, findings=tuple(findings))


def _keyed(table: Table, rows: DataFrame, day: str) -> DataFrame:
    names = {_WHO: table.entity, _DAY: day}
    return rows.select(*(F.col(quoted(name)).alias(alias) for alias, name in names.items()))


def _counted(judged: _Judged) -> tuple[int, int, str]:
    """The number of rows, that of wrong ones, and the first example of these."""
    wrong = judged.wrong
    counts = (F.count("*"), F.count(F.when(wrong, 1)), F.min(F.when(wrong, judged.example)))
    total, wrong_rows, first = judged.rows.select(*counts).collect()[0]
    return int(total), int(wrong_rows), first or "one without a date"

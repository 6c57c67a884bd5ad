"""Dates that look swapped: read month first, although their file had the day first.

Version 0.1.0 read 5/1/2023 as 1 May in every file. Bronze keeps some of these texts, but of a snapshot_date
only the day. Such a day is written month first again, and landing's rule is asked as if the file came now:
if these texts prove that the day comes first, then the days held are wrong.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.dates import WITH_SHORT_YEAR, WITH_SLASHES, Written, date_order
from lakehouse.table import Source, Table, quoted

_REFUSED = f" is not in the calendar: '({WITH_SLASHES})'"
_AGAIN = "let a run read the whole raw file again, which decides the order from all its rows"
# A usual day of the month is one of more months than any other, and of at least so many.
_FEWEST_MONTHS = 3
Read = Callable[[Table], DataFrame]
Orders = dict[str, DateOrder | BadInput | None]  # by column; BadInput where none is sure
File = tuple[str, str]  # its name, and the run that took it


@dataclass(frozen=True)
class _Date:
    """A date of a file: its text, or the text that a day has month first."""

    file: File
    written: Written
    is_day: bool = False
    is_held: bool = True  # bronze has rows with it; if not, the quarantine has

    @property
    def held(self) -> dt.date | None:
        return self.written.day("mdy") if self.is_held else None

    @property
    def day_first(self) -> dt.date | None:
        """The day that it is day first, if it is another one."""
        day = self.written.day("dmy")
        return day if day != self.held else None


def swapped_dates_check(sources: Sequence[Table], quarantine: Table, read: Read) -> Check:
    """Check the dates of raw rows by the rule that landing follows today."""
    looked_at, findings = [], []
    for table in sources:
        assert table.source is not None
        dates = [
            *_held(table, table.source, read(table)),
            *_refused(table.source, read(quarantine)),
        ]
        looked_at.append(
            f"{len({each.written.text for each in dates}):,} days of {table.full_name}"
        )
        findings += _found(table, table.source, dates)
    return Check(
        name="dates that look swapped",
        proves="No date was read month first out of a file that has the day first.",
        looked_at=", ".join(looked_at),
        findings=tuple(findings),
    )


def _held(table: Table, source: Source, rows: DataFrame) -> Iterator[_Date]:
    """The days of bronze rows, and the texts with slashes in their other dates."""
    for name, kind in source.required:
        # A declared form has one reading only.
        if kind != "date" or source.date_form:
            continue
        cell = F.col(quoted(name))
        is_day = name == source.date
        text = F.trim(cell)
        dated = (
            rows if is_day else rows.where(text.rlike(f"^({WITH_SLASHES}|{WITH_SHORT_YEAR})\\z"))
        )
        for *file, found, n, row in _counted(dated, cell if is_day else text, "_source_row"):
            written = f"{found.month}/{found.day}/{found.year:04d}" if is_day else found
            yield _Date(tuple(file), Written(name, written, n, row, "row"), is_day)


def _refused(source: Source, quarantine: DataFrame) -> Iterator[_Date]:
    """The dates with slashes for which rows of a source were put aside and not mended since."""
    is_open = (F.col("source") == source.name) & F.col("mended_run_id").isNull()
    reasons = quarantine.where(is_open).withColumn("reason", F.explode("reasons"))
    reason = F.col("reason")
    dates = {name for name, kind in source.required if kind == "date"}
    for *file, text, n, line in _counted(
        reasons.where(reason.rlike(f"{_REFUSED}\\z")), reason, "_source_line"
    ):
        name, _, _ = text.partition(" ")
        if name in dates:
            written = re.findall(WITH_SLASHES, text)[-1]
            yield _Date(tuple(file), Written(name, written, n, line), is_held=False)


def _counted(rows: DataFrame, what: Column, number: str) -> list[Row]:
    """Each value with its file and run, the number of its rows, and its first row; few, as days are few."""
    grouped = rows.groupBy("_source_file", "_run_id", what.alias("what"))
    return grouped.agg(F.count("*"), F.min(number)).collect()


def _found(table: Table, source: Source, dates: Sequence[_Date]) -> list[Finding]:
    """The findings about all dates of a table together; if these prove nothing, about each file."""
    orders = _orders(table, source, dates)
    findings = _day_first(table, orders, dates)
    if findings:
        return findings
    by_file: dict[File, list[_Date]] = defaultdict(list)
    for each in dates:
        by_file[each.file].append(each)
    for own in by_file.values():
        findings += _day_first(table, _orders(table, source, own), own)
    if not findings and source.monthly:
        findings += _beside_the_usual_day(table, [each for each in dates if each.is_day])
    return findings or _unsure(table, orders, dates)


def _orders(table: Table, source: Source, dates: Sequence[_Date]) -> Orders:
    """The order of each column that all dates prove, or where they contradict each other its own."""
    columns = dict.fromkeys(each.written.column for each in dates)
    together = _order(table, source, dates)
    if not isinstance(together, BadInput):
        return dict.fromkeys(columns, together)
    by_column = {c: [each for each in dates if each.written.column == c] for c in columns}
    return {column: _order(table, source, own) for column, own in by_column.items()}


def _order(table: Table, source: Source, dates: Sequence[_Date]) -> DateOrder | BadInput | None:
    monthly = source.date if source.monthly else None
    try:
        return date_order(table.full_name, [each.written for each in dates], monthly=monthly)
    except BadInput as unsure:
        return unsure


def _day_first(table: Table, orders: Orders, dates: Sequence[_Date]) -> list[Finding]:
    """One finding per column whose dates prove that the day comes first."""
    findings = []
    for column, order in orders.items():
        if isinstance(order, DateOrder) and order.order == "dmy":
            own = [each for each in dates if each.written.column == column]
            findings += _swapped(table, own, f"their file looks day first ({order.proof})")
    return findings


def _swapped(table: Table, dates: Sequence[_Date], why: str) -> list[Finding]:
    wrong = [each for each in dates if each.held and each.day_first]
    if not wrong:
        return []
    first, n = min(wrong, key=lambda each: str(each.held)), sum(each.written.rows for each in wrong)
    return [
        Finding(
            f"{table.full_name}.{first.written.column}",
            f"{n:,} rows have a date that was read month first, such as {first.held} for "
            f"{first.day_first}, but {why}: {_AGAIN}",
        )
    ]


def _beside_the_usual_day(table: Table, days: Sequence[_Date]) -> list[Finding]:
    """The days that only swapped are the day of the month on which the other months are."""
    months: dict[int, set[tuple[int, int]]] = defaultdict(set)
    for each in days:
        if each.held:
            months[each.held.day].add((each.held.year, each.held.month))
    most = Counter({day: len(its) for day, its in months.items()}).most_common(2)
    if not most or most[0][1] < _FEWEST_MONTHS or (most[0][1] == most[-1][1] and len(most) > 1):
        return []
    usual, n = most[0]
    beside = [each for each in days if each.day_first and each.day_first.day == usual]
    why = f"{n} months have their rows on day {usual}, which it is in the other order"
    return _swapped(table, [each for each in beside if each.held and each.held.day != usual], why)


def _unsure(table: Table, orders: Orders, dates: Sequence[_Date]) -> list[Finding]:
    """The columns whose texts are held as they came, and prove no order."""
    as_text = {each.written.column for each in dates if each.is_held and not each.is_day}
    return [
        Finding(
            f"{table.full_name}.{column}",
            f"dates were read month first, but nothing says so: {order}",
        )
        for column, order in orders.items()
        if isinstance(order, BadInput) and column in as_text
    ]

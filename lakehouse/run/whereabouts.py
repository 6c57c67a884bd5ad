"""The places of the rows of a raw file: by fate, month and table, and which other file stands for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import DELETION, EQUAL, FATE, KEY_HASH
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Counts
from lakehouse.run.superseded_rows import key_hash
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_FILE, _STANDS, _LINE = "_source_file", "stands", "_source_line"
_FIRST_LINES = 3
# A file may be superseded by thousands of others, and its reasons may all differ.
_MOST = 1000
# A cell as a reason shows it; it may be personal.
_CELL = "'.*'"


@dataclass(frozen=True)
class RowsOfFile:
    """Rows of a raw file with one fate in one month.

    `stands` is the file whose row or deletion stands for them. `table` is null for duplicates of a row of the
    same file, which are kept nowhere.
    """

    fate: str
    month: str | None
    rows: int
    table: str | None
    stands: str | None


@dataclass(frozen=True)
class Reason:
    """A reason for quarantine, with the number of its rows in a raw file and the first of their lines."""

    reason: str
    rows: int
    first_lines: list[int]


def rows_of_file(
    store: Store, table: Table, file: str, counts: Mapping[str | None, Counts]
) -> list[RowsOfFile]:
    """The places of the rows of a file of a bronze table; `counts` are those of its newest version."""
    own = store.read(table).where(F.col(_FILE) == file)
    found = [
        *_counted("accepted", table, own),
        *_superseded(store, table, file),
        *_counted("quarantined", QUARANTINE, _quarantined(store, table, file)),
    ]
    return sorted([*found, *_equal_within(counts, found)], key=lambda each: each.month or "")


def reasons_of_file(store: Store, table: Table, file: str) -> list[Reason]:
    """The reasons for which rows of a file are in quarantine, the most frequent first; cells are left out."""
    from pyspark.sql import Window

    reason = F.regexp_replace(F.explode("reasons"), _CELL, "'…'").alias("reason")
    rows = _quarantined(store, table, file).select(_LINE, reason).distinct()
    by_line = Window.partitionBy("reason").orderBy(_LINE)
    numbered = rows.withColumns(
        {
            "nth": F.row_number().over(by_line),
            "rows": F.count(F.lit(1)).over(Window.partitionBy("reason")),
        }
    )
    first = numbered.where(F.col("nth") <= _FIRST_LINES).orderBy(F.desc("rows"), "reason", "nth")
    lines: dict[tuple[str, int], list[int]] = {}
    for row in first.limit(_MOST).collect():
        lines.setdefault((row["reason"], row["rows"]), []).append(row[_LINE])
    return [Reason(reason, n, first_lines) for (reason, n), first_lines in lines.items()]


def _counted(fate: str, table: Table, rows: DataFrame) -> Iterator[RowsOfFile]:
    for row in rows.groupBy(MONTH).agg(F.count(F.lit(1)).alias("n")).collect():
        yield RowsOfFile(fate, row[MONTH], row["n"], table.full_name, None)


def _quarantined(store: Store, table: Table, file: str) -> DataFrame:
    assert table.source is not None
    rows = store.read(QUARANTINE).where(F.col("mended_run_id").isNull())
    return rows.where((F.col("source") == table.source.name) & (F.col(_FILE) == file))


def _superseded(store: Store, table: Table, file: str) -> Iterator[RowsOfFile]:
    """The rows for which that of another file stands, and the deletions."""
    if not store.log.exists(SUPERSEDED):
        return
    assert table.source is not None
    at = (MONTH, KEY_HASH)
    held = store.read(SUPERSEDED).where(F.col("source") == table.source.name)
    own = held.where(F.col(_FILE) == file).select(*at, FATE)
    months = [row[MONTH] for row in own.select(MONTH).distinct().collect()]
    if not months:
        return
    stand = store.read(table).where(F.col(MONTH).isin(months)).withColumn(KEY_HASH, key_hash(table))
    deletions = held.where((F.col(FATE) == DELETION) & (F.col(_FILE) != file))
    winners = stand.select(*at, F.col(_FILE).alias(_STANDS)).unionByName(
        deletions.select(*at, F.col(_FILE).alias(_STANDS))
    )
    counted = own.join(winners, [*at], "left").groupBy(FATE, MONTH, _STANDS)
    rows = counted.agg(F.count(F.lit(1)).alias("n")).orderBy(MONTH, FATE, F.desc("n"), _STANDS)
    for row in rows.limit(_MOST).collect():
        yield RowsOfFile(row[FATE], row[MONTH], row["n"], SUPERSEDED.full_name, row[_STANDS])


def _equal_within(
    counts: Mapping[str | None, Counts], found: Iterable[RowsOfFile]
) -> Iterator[RowsOfFile]:
    """The duplicates of a row of the same file: those that no row of another file stands for."""
    elsewhere = Counter[str | None]()
    for each in found:
        elsewhere[each.month] += each.rows if each.fate == EQUAL else 0
    for month, n in counts.items():
        within = n.equal_duplicates - elsewhere[month]
        if within > 0:
            yield RowsOfFile(EQUAL, month, within, None, None)

"""Counts the rows of each raw file by month and by where they are now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import EQUAL, FATE
from lakehouse.bronze.superseded import SUPERSEDED as IS_SUPERSEDED
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Counts
from lakehouse.run.candidates import FILE
from lakehouse.run.taking import held_of
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ACCEPTED, _QUARANTINED = "accepted", "quarantined"
FileMonth = tuple[str, str | None]


def rows_by_file(store: Store, table: Table, months: Sequence[str]) -> Mapping[FileMonth, Counts]:
    """The rows of a source's files in some months, and those without a month, by file and month.

    A deletion that is in effect counts as accepted. Rows that are equal to another of their own file are in
    no table, so they are not counted.
    """
    assert table.source is not None
    in_months = F.col(MONTH).isin(list(months))
    parts = [_counted(store.read(table).where(in_months), F.lit(_ACCEPTED))]
    held = held_of(store, table, months)
    if held is not None:
        parts.append(_counted(held, F.col(FATE)))
    is_open = (F.col("source") == table.source.name) & F.col("mended_run_id").isNull()
    bad = store.read(QUARANTINE).where(is_open & (in_months | F.col(MONTH).isNull()))
    parts.append(_counted(bad, F.lit(_QUARANTINED)))
    counts: dict[FileMonth, Counts] = {}
    # One row per file, month and fate.
    for file, month, fate, rows in reduce(lambda a, b: a.unionByName(b), parts).collect():
        met = counts.get((file, month), Counts())
        counts[file, month] = met + _of_fate(fate, rows)
    return counts


def _counted(rows: DataFrame, fate: Column) -> DataFrame:
    return rows.groupBy(FILE, MONTH, fate.alias(FATE)).agg(F.count(F.lit(1)).alias("rows"))


def _of_fate(fate: str, rows: int) -> Counts:
    if fate == _QUARANTINED:
        return Counts(rows, quarantined=rows)
    if fate == EQUAL:
        return Counts(rows, equal_duplicates=rows)
    if fate == IS_SUPERSEDED:
        return Counts(rows, superseded=rows)
    return Counts(rows, accepted=rows)

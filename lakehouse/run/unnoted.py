"""Files that a bronze table has rows of, and ledger.deliveries does not know.

A run was stopped before it noted them, or the ledger was lost, and they were archived since. A run that
knows nothing of them would take the present files for all there are.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime, timedelta, timezone
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Counts
from lakehouse.releases.deliveries import FileVersion
from lakehouse.releases.recorded import Recorded
from lakehouse.run.candidates import FILE
from lakehouse.run.rows_by_file import rows_by_file
from lakehouse.run.taking import held_of
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.table import Table

if TYPE_CHECKING:
    from pyspark.sql import Row

# The bytes of an archived file are not there to be hashed; no file has this hash.
_UNKNOWN = ""
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def unnoted(store: Store, table: Table, own: Recorded, known: Container[str]) -> list[FileVersion]:
    """The files besides the `known` ones that rows of a bronze table came in, as the rows tell them.

    Their bytes are not known, unless the table never had another file. The months that were taken of them are
    those of every file of the table.
    """
    assert table.source is not None
    months = sorted({*store.log.rows_by_month(table)} | _superseded_months(store))
    if not months:
        return []
    counts: dict[str, dict[str | None, Counts]] = {}
    held = rows_by_file(store, table, months)
    for (file, month), of_month in held.items():
        if file not in known:
            counts.setdefault(file, {})[month] = of_month
    if not counts:
        return []
    if own.sha256 and len({file for file, _ in held}) == 1:
        record = own.source
    else:
        record = SourceRecord(_UNKNOWN, own.scopes, rows_only=own.source.rows_only)
    return [
        FileVersion(
            table.source.name,
            row[FILE],
            record.sha256 or _UNKNOWN,
            record.extent.bytes if record.extent else 0,
            "",
            counts[row[FILE]],
            "rows" if record.rows_only else "months",
            record,
            row["first"]["_run_id"],
            row["last"]["_run_id"],
            _EPOCH + timedelta(microseconds=row["last"]["at"]),
        )
        for row in _runs_of_files(store, table, months)
        if row[FILE] in counts
    ]


def _superseded_months(store: Store) -> set[str]:
    return {*store.log.rows_by_month(SUPERSEDED)} if store.log.exists(SUPERSEDED) else set()


def _runs_of_files(store: Store, table: Table, months: list[str]) -> list[Row]:
    """One row for each file of a bronze table: the first and the last run that wrote rows of it."""
    parts = [store.read(table), held_of(store, table, months)]
    at = F.unix_micros("_ingested_at").alias("at")
    stamped = [
        rows.select(FILE, F.struct(at, "_run_id").alias("run"))
        for rows in parts
        if rows is not None
    ]
    of_files = reduce(lambda one, other: one.unionByName(other), stamped).groupBy(FILE)
    rows: list[Row] = of_files.agg(
        F.min("run").alias("first"), F.max("run").alias("last")
    ).collect()
    return rows

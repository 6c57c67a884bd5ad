"""Raw rows into bronze: what a landed file changes in its table and in the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.raw import ROW_HASH
from lakehouse.engine.landing import Counts, Landed
from lakehouse.engine.store import DELETE, OPERATION, Merged, Store, as_declared, differing, upserts
from lakehouse.months import Scope
from lakehouse.table import MONTH, Table


@dataclass(frozen=True)
class Writer:
    """Who writes: goes into each row and each commit."""

    run_id: str
    started_at: datetime


def taken(landed: Landed, scope: Scope) -> Counts:
    """The rows of the file that the scope takes; a row whose month cannot be told is always taken."""
    counted = [each for month, each in landed.counts.items() if month is None or scope.has(month)]
    return reduce(Counts.__add__, counted, Counts(0, 0, 0, 0))


def delivered_months(landed: Landed, scope: Scope) -> list[str]:
    """The months that the file has rows of, within the scope."""
    return sorted(month for month in landed.counts if month is not None and scope.has(month))


def ingest(
    store: Store,
    table: Table,
    landed: Landed,
    months: Sequence[str],
    writer: Writer,
    metadata: dict[str, Any],
) -> Merged:
    """Make the delivered months of a bronze table equal to the file's.

    A delivery replaces the months it contains and leaves the others. A row of such a month that the file
    no longer has is deleted, unless a row in quarantine mentions its customer: a damaged row is no
    vanished row.
    """
    table = _with_columns(store, table, landed)
    new = as_declared(_stamped(store.read_parquet(str(landed.accepted)), writer), table)
    new = new.where(F.col(MONTH).isin(list(months)))
    known = store.log.rows_by_month(table)
    if not any(month in known for month in months):
        return store.merge(table, upserts(new), metadata, insert_only=True)
    old = store.read(table).where(F.col(MONTH).isin(list(months)))
    changes = differing(new, old.select(*table.keys, MONTH, ROW_HASH), table, [ROW_HASH])
    return store.merge(table, _spare_damaged(store, changes, landed), metadata, insert_only=False)


def quarantine(
    store: Store, landed: Landed, months: Sequence[str], writer: Writer, metadata: dict[str, Any]
) -> Merged:
    """Make the open list of the quarantine equal to the bad rows of the delivered months."""
    in_scope = F.col(MONTH).isNull() | F.col(MONTH).isin(list(months))
    bad = _stamped(store.read_parquet(str(landed.quarantined)), writer)
    new = as_declared(bad, QUARANTINE).where(in_scope)
    known = store.log.rows_by_month(QUARANTINE)
    if landed.source.name not in known:
        return store.merge(QUARANTINE, upserts(new), metadata, insert_only=True)
    old = store.read(QUARANTINE).where((F.col("source") == landed.source.name) & in_scope)
    opened = differing(new, old, QUARANTINE, ["reasons", "mended_run_id"]).where(
        F.col(OPERATION) != DELETE
    )
    gone = old.where(F.col("mended_run_id").isNull()).join(new, list(QUARANTINE.keys), "left_anti")
    mended = as_declared(gone.withColumn("mended_run_id", F.lit(writer.run_id)), QUARANTINE)
    return store.merge(QUARANTINE, opened.unionByName(upserts(mended)), metadata, insert_only=False)


def _with_columns(store: Store, table: Table, landed: Landed) -> Table:
    """The table as declared, with every raw column that it has or now gets beyond that."""
    have = store.log.columns(table)
    wide = table.with_extra((*(name for name in have), *landed.extra_columns))
    missing = [name for name in wide.columns if name not in have]
    if missing:
        store.log.add_columns(wide, missing)
    return wide


def _stamped(rows: DataFrame, writer: Writer) -> DataFrame:
    return rows.withColumns(
        {
            "_run_id": F.lit(writer.run_id),
            "_ingested_at": F.lit(writer.started_at.isoformat()).cast("timestamp"),
        }
    )


def _spare_damaged(store: Store, changes: DataFrame, landed: Landed) -> DataFrame:
    """The changes without deletions of rows whose customer a row in quarantine mentions."""
    if not sum(counts.quarantined for counts in landed.counts.values()):
        return changes
    raw = store.read_parquet(str(landed.quarantined)).select("raw_text")
    cells = raw.select(F.explode(F.split("raw_text", '[",;\\s]+')).alias("_cell")).distinct()
    marked = cells.withColumn("_mentioned", F.lit(True))
    joined = changes.join(marked, F.col("Customer_ID") == F.col("_cell"), "left")
    spared = (F.col(OPERATION) == DELETE) & F.col("_mentioned").isNotNull()
    return joined.where(~spared).drop("_cell", "_mentioned")

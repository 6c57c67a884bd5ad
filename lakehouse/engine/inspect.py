"""What is there: tables, versions, releases, and how two releases differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.engine import ledger
from lakehouse.engine.choose import open_store
from lakehouse.engine.datamart import check_datamart
from lakehouse.engine.log import Log, changed_rows, months_of
from lakehouse.engine.store import any_of
from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.table import MONTH, Table


def status(root: Path, catalog: Catalog) -> list[dict[str, Any]]:
    """A row a table: rows, months, version, size, when it last changed."""
    log = existing_log(root, catalog)
    return [_status(log, table) for table in catalog.tables if log.exists(table)]


def _status(log: Log, table: Table) -> dict[str, Any]:
    by_month = log.rows_by_month(table)
    newest = log.history(table, 1)[0]
    return {
        "table": table.full_name,
        "rows": sum(by_month.values()),
        "months": spell(months_of(by_month)) if table.partition == MONTH else None,
        "version": newest["version"],
        "MB": log.size_bytes(table) / 1e6,
        "last changed": newest["timestamp"],
    }


def history(
    root: Path, catalog: Catalog, name: str | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """A row a version, newest first, of one table or of all."""
    log = existing_log(root, catalog)
    asked = [catalog.table(name)] if name else catalog.tables
    tables = [table for table in asked if log.exists(table)]
    if not tables:
        raise BadInput(f"table {name} was never built; run main.py")
    rows = [_version(table, commit) for table in tables for commit in log.history(table, limit)]
    return sorted(rows, key=lambda row: row["time"], reverse=True)[:limit]


def _version(table: Table, commit: dict[str, Any]) -> dict[str, Any]:
    return {
        "table": table.full_name,
        "version": commit["version"],
        "time": commit["timestamp"],
        "operation": commit["operation"],
        **changed_rows(commit["metrics"]),
        "run": commit["metadata"].get("run_id"),
        "engine": commit["engine"].split("/")[0],
    }


def releases(root: Path, catalog: Catalog) -> list[ledger.Release]:
    """Every release, oldest first."""
    return ledger.releases(existing_log(root, catalog))


def diff(
    root: Path, catalog: Catalog, old: int, new: int, engine: str, master: str | None = None
) -> list[dict[str, Any]]:
    """A row a table that differs: rows added, changed and removed from release `old` to `new`.

    Rows are told apart by the table's keys; columns that only tell of the writing do not count.
    """
    log = existing_log(root, catalog)
    before, after = (ledger.release(log, number)["versions"] for number in (old, new))
    moved = [
        table
        for table in catalog.tables
        if table.full_name in after and before.get(table.full_name) != after[table.full_name]
    ]
    if not moved:
        return []
    store = open_store(engine, log, master)
    found = []
    for table in moved:
        frames = [store.read(table, each.get(table.full_name, 0)) for each in (before, after)]
        found.append({"table": table.full_name, **_count_changes(table, *frames)})
    return [row for row in found if row["added"] or row["changed"] or row["removed"]]


def _count_changes(table: Table, before: DataFrame, after: DataFrame) -> dict[str, int]:
    passive = {*table.keys, *table.unversioned}
    compared = [name for name in before.columns if name in after.columns and name not in passive]
    old = before.select(*table.keys, *(F.col(f"`{n}`").alias(f"_old_{n}") for n in compared))
    both = after.withColumn("_new", F.lit(1)).join(
        old.withColumn("_old", F.lit(1)), list(table.keys), "full"
    )
    differs = any_of(~F.col(f"`{n}`").eqNullSafe(F.col(f"`_old_{n}`")) for n in compared)
    in_both = F.col("_new").isNotNull() & F.col("_old").isNotNull()
    counted = both.select(
        F.count(F.when(F.col("_old").isNull(), 1)).alias("added"),
        F.count(F.when(in_both & differs, 1)).alias("changed"),
        F.count(F.when(F.col("_new").isNull(), 1)).alias("removed"),
    )
    return {name: int(n) for name, n in counted.collect()[0].asDict().items()}


def existing_log(root: Path, catalog: Catalog) -> Log:
    """The log of a datamart that is there; BadInput where none is."""
    log = Log(str(root))
    check_datamart(root, log, catalog)
    if not any(log.exists(table) for table in catalog.tables):
        raise BadInput(f"datamart {root} is empty; `python main.py --datamart {root}` builds it")
    return log

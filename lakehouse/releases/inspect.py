"""What is there: tables, versions, releases."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.commit import Commit
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of
from lakehouse.table import MONTH, Table


def status(datamart: Datamart) -> list[dict[str, Any]]:
    """A row a table: rows, months, version, size, when it last changed."""
    check_built(datamart)
    log = datamart.log
    return [_status(log, table) for table in datamart.catalog.tables if log.exists(table)]


def _status(log: Log, table: Table) -> dict[str, Any]:
    by_month = log.rows_by_month(table)
    newest = log.history(table, 1)[0]
    return {
        "table": table.full_name,
        "rows": sum(by_month.values()),
        "months": spell(months_of(by_month)) if table.partition == MONTH else None,
        "version": newest.version,
        "MB": sum(log.files(table).values()) / 1e6,
        "last changed": newest.timestamp,
    }


def history(
    datamart: Datamart, name: str | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """A row a version, newest first, of one table or of all."""
    check_built(datamart)
    log, catalog = datamart.log, datamart.catalog
    asked = [catalog.table(name)] if name else catalog.tables
    tables = [table for table in asked if log.exists(table)]
    if not tables:
        raise BadInput(f"table {name} was never built; run main.py")
    rows = [_version(table, commit) for table in tables for commit in log.history(table, limit)]
    return sorted(rows, key=lambda row: row["time"], reverse=True)[:limit]


def _version(table: Table, commit: Commit) -> dict[str, Any]:
    return {
        "table": table.full_name,
        "version": commit.version,
        "time": commit.timestamp,
        "operation": commit.operation,
        **asdict(commit.changed_rows),
        "run": commit.note.run_id,
        "engine": commit.engine.split("/")[0],
    }


def releases(datamart: Datamart) -> list[Release]:
    """Every release, oldest first."""
    check_built(datamart)
    return published.releases(datamart.log)


def check_built(datamart: Datamart) -> None:
    """BadInput where no table is there yet, or where a datamart is not ours."""
    check_datamart(datamart)
    if not any(datamart.log.exists(table) for table in datamart.catalog.tables):
        raise BadInput(
            f"datamart {datamart} is empty; `python main.py --datamart {datamart}` builds it"
        )

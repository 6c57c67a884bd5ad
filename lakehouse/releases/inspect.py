"""The state of a datamart: its tables, their versions, its releases."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

from lakehouse.errors import BadInput
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.commit import Commit
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of
from lakehouse.table import MONTH, Table


@dataclass(frozen=True)
class TableStatus:
    """A table as it is now; `months` in words, None for a table without months."""

    table: str
    rows: int
    months: str | None
    version: int
    bytes: int
    changed_at: datetime


@dataclass(frozen=True)
class TableVersion:
    """A version of a table: its time, run and engine, and the number of rows that it changed."""

    table: str
    version: int
    time: datetime
    operation: str
    inserted: int
    updated: int
    deleted: int
    run: str | None
    engine: str

    @property
    def changed(self) -> int:
        return self.inserted + self.updated + self.deleted


def status(datamart: Datamart) -> list[TableStatus]:
    """The status of every existing table, in the order of the catalog."""
    check_built(datamart)
    log = datamart.log
    return [_status(log, table) for table in datamart.catalog.tables if log.exists(table)]


def _status(log: Log, table: Table) -> TableStatus:
    by_month = log.rows_by_month(table)
    newest = log.history(table, 1)[0]
    return TableStatus(
        table.full_name,
        sum(by_month.values()),
        spell(months_of(by_month)) if table.partition == MONTH else None,
        newest.version,
        sum(log.files(table).values()),
        newest.timestamp,
    )


def history(
    datamart: Datamart, name: str | None = None, limit: int | None = None
) -> list[TableVersion]:
    """The versions of one table or of all, newest first."""
    check_built(datamart)
    log, catalog = datamart.log, datamart.catalog
    asked = catalog.tables if name is None else [catalog.table(name)]
    tables = [table for table in asked if log.exists(table)]
    if not tables:
        raise BadInput(f"table {name} was never built; run main.py")
    versions = [_version(table, commit) for table in tables for commit in log.history(table, limit)]
    return sorted(versions, key=lambda version: version.time, reverse=True)[:limit]


def _version(table: Table, commit: Commit) -> TableVersion:
    return TableVersion(
        table.full_name,
        commit.version,
        commit.timestamp,
        commit.operation,
        **asdict(commit.changed_rows),
        run=commit.note.run_id,
        engine=commit.engine.split("/")[0],
    )


def releases(datamart: Datamart) -> list[Release]:
    """Every release, oldest first."""
    check_built(datamart)
    return published.releases(datamart.log)


def check_built(datamart: Datamart) -> None:
    """BadInput if there is no table yet, or if another program made the datamart."""
    check_datamart(datamart)
    if not datamart.has_tables:
        bank = datamart.catalog.bank.option
        raise BadInput(
            f"datamart {datamart} has no tables yet; `python main.py --datamart {datamart}{bank}` builds it"
        )

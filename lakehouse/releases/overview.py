"""The tables that a datamart holds at a release, for a person who opens it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.bank import SHIPPED
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import months_of
from lakehouse.table import MONTH, Table


@dataclass(frozen=True)
class TableAt:
    """A table at a release; `months` in words, None for a table without months."""

    table: str
    rows: int
    months: str | None
    version: int
    one_row_is: str


@dataclass(frozen=True)
class Overview:
    """A datamart at a release: where it is, which release, and its tables.

    `release` is None as long as no run has published one; then there are no tables.
    """

    datamart: str
    release: Release | None
    is_newest: bool
    tables: Sequence[TableAt]
    bank: str = SHIPPED.name

    @property
    def title(self) -> str:
        """One line: place, release, when it was finished and how far its data goes.

        A bank other than the shipped one is named.
        """
        held = f" of the bank {self.bank}" if self.bank != SHIPPED.name else ""
        if self.release is None:
            return f"Lakehouse {self.datamart}{held}: no release yet, run() makes the first"
        which = "the newest" if self.is_newest else "not the newest"
        return (
            f"Lakehouse {self.datamart}{held} at release {self.release.number} ({which}), finished "
            f"{self.release.finished_at:%Y-%m-%d %H:%M} UTC, data up to {self.release.through}"
        )

    def __str__(self) -> str:
        width = max((len(table.table) for table in self.tables), default=0)
        return "\n".join(
            [
                self.title,
                *(
                    f"  {t.table:{width}} {t.rows:>12,} rows  {t.months or ''}".rstrip()
                    for t in self.tables
                ),
            ]
        )


def overview(datamart: Datamart, release: Release | None = None) -> Overview:
    """A datamart at a release; without one at the newest, and with the ledger as it is now.

    Only logs are read. The ledger is about all releases, so no release has its tables.
    """
    newest = published.releases(datamart.log)[-1:]
    at = release or (newest[0] if newest else None)
    tables = [] if at is None else _tables(datamart, at, with_ledger=release is None)
    return Overview(str(datamart), at, newest == [at], tables, datamart.catalog.bank.name)


def _tables(datamart: Datamart, release: Release, with_ledger: bool) -> list[TableAt]:
    log = datamart.log
    held = [
        table
        for table in datamart.catalog.tables
        if (
            with_ledger and log.exists(table)
            if table.is_ledger
            else table.full_name in release.versions
        )
    ]
    return log.of_each(held, lambda table: _table_at(datamart, table, release))


def _table_at(datamart: Datamart, table: Table, release: Release) -> TableAt:
    version = release.versions.get(table.full_name)
    by_month = datamart.log.rows_by_month(table, version)
    return TableAt(
        table.full_name,
        sum(by_month.values()),
        spell(months_of(by_month)) if table.partition == MONTH else None,
        datamart.log.version(table) or 0 if version is None else version,
        table.doc,
    )

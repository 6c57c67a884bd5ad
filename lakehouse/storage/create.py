"""Tables that are not there yet are made, and columns that a declaration got since."""

from __future__ import annotations

from lakehouse.catalog import Catalog
from lakehouse.storage.log import Log
from lakehouse.table import Table


def create_missing(log: Log, catalog: Catalog) -> None:
    """Make the tables that are not there yet; the ledger first, by which a datamart is known as ours."""
    for table in sorted(catalog.tables, key=lambda table: not table.is_ledger):
        if table.layer == "bronze":
            # Names and numbers of persons are in this folder.
            log.place.make_personal(table.layer)
        if not log.exists(table):
            log.create(table)
        elif table.is_ledger:
            add_missing_columns(log, table)


def add_missing_columns(log: Log, table: Table) -> None:
    """Columns that the declaration got after the table was made; its rows have none of them."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)

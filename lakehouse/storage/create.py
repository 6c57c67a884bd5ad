"""Creation of missing tables, and of columns that a ledger table got after it was made."""

from __future__ import annotations

from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table


def create_missing(datamart: Datamart) -> None:
    """Make the missing tables; the ledger comes first, because it shows that a datamart is ours."""
    log = datamart.log
    for table in sorted(datamart.catalog.tables, key=lambda table: not table.is_ledger):
        if table.layer == "bronze":
            # This folder holds names and numbers of persons.
            log.place.make_personal(table.layer)
        if not log.exists(table):
            log.create(table)
        elif table.is_ledger:
            add_missing_columns(log, table)


def add_missing_columns(log: Log, table: Table) -> None:
    """Add the columns that the declaration got after the table was made; they are NULL in its rows."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)

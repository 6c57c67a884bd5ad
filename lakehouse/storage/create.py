"""Creation of missing tables, and of columns that a ledger table got after it was made."""

from __future__ import annotations

from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import properties_of, write_format
from lakehouse.storage.log import Log
from lakehouse.storage.sync import sync
from lakehouse.table import Table


def create_missing(datamart: Datamart) -> None:
    """Make the missing tables; the releases come first, because they show that a datamart is ours."""
    log = datamart.log
    made = []
    for table in sorted(datamart.catalog.tables, key=lambda t: (t != RELEASES, not t.is_ledger)):
        if table.layer == "bronze":
            # This folder holds names and numbers of persons.
            log.place.make_personal(table.layer)
        if not log.exists(table):
            log.create(table, properties_of(table, datamart.catalog.bank.name))
            made.append(table)
            if table.is_ledger:
                # Before the next table is made: without its releases a datamart would not be ours.
                log.sync_commits(made.pop(), since=-1)
        elif table.is_ledger:
            add_missing_columns(log, table)
    # Before rows come: a folder with rows and without a log would be nobody's.
    sync((path for table in made for path in log.unsynced(table, since=-1)), log.place.folder)
    write_format(log)


def add_missing_columns(log: Log, table: Table) -> None:
    """Add the columns that the declaration got after the table was made; they are NULL in its rows."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)
        # From now on an older program would write rows without them.
        write_format(log)

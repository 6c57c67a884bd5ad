"""Undoes what another program wrote to a table: a new version restores the one before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.releases.recorded import Recorded
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table


def undo_others(
    datamart: Datamart, recorded_by_table: Mapping[str, Recorded], run_id: str
) -> list[str]:
    """Restore each table that another program wrote to; return one line per table about what was done."""
    tables = [table for table in datamart.catalog.tables if table.full_name in recorded_by_table]
    written = [(table, recorded_by_table[table.full_name]) for table in tables]
    return [
        _undo(datamart.log, table, own, run_id) for table, own in written if own.undo_to is not None
    ]


def _undo(log: Log, table: Table, record: Recorded, run_id: str) -> str:
    assert record.undo_to is not None
    try:
        log.restore(table, record.undo_to, replace(record.note(run_id), undone=record.version))
    except (DeltaError, OverflowError) as error:
        raise LakehouseError(
            f"{table.full_name}: another program wrote to it, and the version before is gone; "
            "python main.py run --repair makes it again"
        ) from error
    return (
        f"{table.full_name}: another program wrote to it; that was undone, and version {record.version} "
        "still has it"
    )

"""Mends the ledger: every row that a copy, a data file or a note in a table still holds is there again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lakehouse.releases.ledger_copies import copied_keys, drop_copies
from lakehouse.releases.ledger_rows import write
from lakehouse.releases.salvage import Salvaged, salvage
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import properties_of
from lakehouse.storage.set_aside import damaged_folder
from lakehouse.table import Table
from lakehouse.upkeep.verify import Checked


@dataclass(frozen=True)
class _Mending:
    """A ledger table with its damage in words, whether its log can be kept, and the rows it gets."""

    table: Table
    what: str
    keeps_log: bool
    salvaged: Salvaged


def mend_ledger(
    datamart: Datamart, run_id: str, before_loss: Callable[[Sequence[str]], None]
) -> list[str]:
    """Put each damaged ledger table right; return one line per table. The datamart is locked.

    `before_loss` gets in words what no place holds any more, before anything is changed.
    """
    with datamart.place.receipts_locked():
        mendings = _mendings(datamart)
        lost = [each for mending in mendings for each in mending.salvaged.lost]
        if lost:
            before_loss(lost)
        return [line for mending in mendings for line in _mend(datamart, mending, run_id)]


def _mendings(datamart: Datamart) -> list[_Mending]:
    checked = Checked(datamart)
    found = []
    for table in datamart.catalog.tables:
        if table.is_ledger and (what := checked.ledger_damage(table)):
            damage = checked.damage(table)
            keeps_log = datamart.log.exists(table) and not (damage and damage.is_of_log)
            found.append(_Mending(table, what, keeps_log, salvage(datamart, table)))
    return found


def _mend(datamart: Datamart, mending: _Mending, run_id: str) -> list[str]:
    log, table, note = datamart.log, mending.table, CommitNote(run_id)
    line = f"{table.full_name}: {mending.what}; "
    if mending.keeps_log:
        # A commit of its own: it shows that a number of a release is lost.
        if mending.salvaged.lost and log.lacking(table, log.files(table)):
            log.take_out_missing(table, note)
        add_missing_columns(log, table)
    else:
        folder = log.folder(table)
        if folder.exists():
            aside = damaged_folder(datamart.place.on_this_machine()) / f"{table.full_name}-{run_id}"
            shutil.move(folder, aside)
            line += f"what was left is in {aside}, "
        log.create(table, properties_of(table, datamart.catalog.bank.name))
    rows = mending.salvaged.rows
    write(log, table, rows, note, "overwrite", ChangedRows(len(rows), 0, 0))
    drop_copies(log, table, copied_keys(log, table) - {str(row[table.keys[0]]) for row in rows})
    lost = mending.salvaged.lost
    kept = f"{len(rows):,} rows are there again"
    return [
        line + kept + (f", lost are {', '.join(lost)}" if lost else ""),
        *mending.salvaged.notes,
    ]

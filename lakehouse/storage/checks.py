"""Checks that a datamart was made by this program; any other one, or one without its ledger, is refused."""

from __future__ import annotations

from deltalake.exceptions import DeltaError

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import check_bank, check_format
from lakehouse.storage.layout import DAMAGED, LEASES, RECEIPTS, RUNS, WORK, WRITER
from lakehouse.storage.log import Log
from lakehouse.table import Table

_NOT_CONTENT = {
    ".gitkeep",
    ".gitignore",
    RUNS,
    WRITER,
    RECEIPTS,
    WORK,
    LEASES,
    "_landing",
    DAMAGED,
    ".DS_Store",
}


def content(datamart: Datamart) -> set[str]:
    """The names in a datamart's folder, without locks and work files."""
    return datamart.place.names() - _NOT_CONTENT


def check_datamart(datamart: Datamart) -> None:
    """Refuse a datamart that is a file, was made by another program, has links, or cannot be opened."""
    datamart.place.check()
    held = content(datamart)
    if held:
        check_bank(datamart)
    if held and not datamart.log.exists(RELEASES) and not _is_unmade(datamart, held):
        _check_ledger_is_not_lost(datamart)
        raise BadInput(
            f"datamart {datamart} holds {min(held)} but no ledger/releases: it is not a lakehouse "
            "datamart; give another folder with --datamart"
        )
    tables = datamart.catalog.tables
    datamart.log.of_each(tables, lambda table: _check_table(datamart, table))
    if datamart.log.exists(RELEASES):
        check_format(datamart.log, datamart)


def _is_unmade(datamart: Datamart, held: set[str]) -> bool:
    """Whether nothing was begun but ledger/releases, the first table of a datamart, when power was lost."""
    begun = datamart.place.names(RELEASES.layer)
    is_first = held == {RELEASES.layer} and begun <= {RELEASES.name}
    return is_first and (not begun or datamart.log.is_unmade(RELEASES))


def _check_ledger_is_not_lost(datamart: Datamart) -> None:
    """LakehouseError if a datamart of this program has lost its releases."""
    log = datamart.log
    ours = [table for table in datamart.catalog.tables if log.exists(table)]
    if ours and all({*table.keys} <= (_columns(log, table) or {}).keys() for table in ours):
        raise LakehouseError(
            f"datamart {datamart} has lost its {RELEASES.path}: python main.py run --repair puts back what "
            "is held elsewhere, and names what is not; a backup has all that it had then"
        )


def _columns(log: Log, table: Table) -> dict[str, str] | None:
    """The columns of a table; None if it is missing, LakehouseError if its log is damaged."""
    try:
        return log.columns(table) if log.exists(table) else None
    except DeltaError:
        raise LakehouseError(
            f"the log of {table.full_name} cannot be read; python main.py doctor --deep tells more, "
            "run --repair repairs it"
        ) from None


def _check_table(datamart: Datamart, table: Table) -> None:
    folder, columns = f"{datamart}/{table.path}", _columns(datamart.log, table)
    has_content = bool(datamart.place.names(table.path)) and not datamart.log.is_unmade(table)
    if columns is None and has_content and table.is_ledger:
        raise LakehouseError(
            f"the log of {table.full_name} is gone; python main.py run --repair puts its rows back"
        )
    if columns is None and has_content:
        raise BadInput(
            f"datamart table {folder} is not a Delta table; move it away or give another --datamart"
        )
    lacking = [key for key in table.keys if columns is not None and key not in columns]
    if lacking:
        raise BadInput(
            f"datamart table {folder} has no column {lacking[0]}: another program made it; "
            "move it away or give another --datamart"
        )

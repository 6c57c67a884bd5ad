"""Checks that a datamart was made by this program; any other one, or one without its ledger, is refused."""

from __future__ import annotations

from deltalake.exceptions import DeltaError

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.layout import DAMAGED, LEASES, RECEIPTS, RUNS, WORK, WRITER
from lakehouse.storage.log import Log
from lakehouse.storage.place import Place
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


def check_datamart(root: Place, log: Log, catalog: Catalog) -> None:
    """Refuse a datamart that is a file, was made by another program, has links, or cannot be opened."""
    root.check()
    content = root.names() - _NOT_CONTENT
    if content and not log.exists(RELEASES):
        _check_ledger_is_not_lost(root, log, catalog)
        raise BadInput(
            f"datamart {root} holds {sorted(content)[0]} but no ledger/releases: it is not a lakehouse "
            "datamart; give another folder with --datamart"
        )
    log.of_each(
        catalog.tables,
        lambda table: _check_table(root, log, table.path, table.keys, _columns(log, table)),
    )


def _check_ledger_is_not_lost(root: Place, log: Log, catalog: Catalog) -> None:
    """LakehouseError if a datamart of this program has lost its releases."""
    ours = [table for table in catalog.tables if log.exists(table)]
    if ours and all({*table.keys} <= (_columns(log, table) or {}).keys() for table in ours):
        raise LakehouseError(
            f"datamart {root} has lost its {RELEASES.path}: restore it from a backup, or python main.py "
            "run --repair begins a new one without the earlier releases"
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


def _check_table(
    root: Place, log: Log, path: str, keys: tuple[str, ...], columns: dict[str, str] | None
) -> None:
    folder = f"{root}/{path}"
    if columns is None and root.names(path):
        raise BadInput(
            f"datamart table {folder} is not a Delta table; move it away or give another --datamart"
        )
    lacking = [key for key in keys if columns is not None and key not in columns]
    if lacking:
        raise BadInput(
            f"datamart table {folder} has no column {lacking[0]}: another program made it; "
            "move it away or give another --datamart"
        )

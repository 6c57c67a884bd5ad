"""The datamart as a whole: is it ours, can it be written, and who is writing."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from deltalake.exceptions import DeltaError

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.folders import DAMAGED, PERSONAL, WORK, user
from lakehouse.storage.locks import LEASES, RECEIPTS, RUNS, WRITER
from lakehouse.storage.log import LOG_FOLDER, Log
from lakehouse.storage.paths import check_no_links, check_openable
from lakehouse.storage.place import Bucket, Place
from lakehouse.table import Table

if TYPE_CHECKING:
    pass

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
    """Refuse a datamart that is a file, of foreign making, led elsewhere by a link, or not to be opened."""
    if isinstance(root, Bucket):
        root.check()
    else:
        _check_folder(root)
    content = _names(root) - _NOT_CONTENT
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


def _check_folder(root: Path) -> None:
    check_openable(root)
    check_no_links(root)
    if root.exists() and not root.is_dir():
        raise BadInput(f"datamart {root} is a file; give a folder with --datamart")


def _names(root: Place, within: str = "") -> set[str]:
    """What is in a datamart, or in a folder of it; nothing where that is not there."""
    if isinstance(root, Bucket):
        return root.names(within)
    folder = root / within
    return {each.name for each in folder.iterdir()} if folder.is_dir() else set()


def _check_ledger_is_not_lost(root: Place, log: Log, catalog: Catalog) -> None:
    """LakehouseError where a datamart of ours has lost its releases."""
    ours = [table for table in catalog.tables if log.exists(table)]
    if ours and all({*table.keys} <= (_columns(log, table) or {}).keys() for table in ours):
        raise LakehouseError(
            f"datamart {root} has lost its {RELEASES.path}: restore it from a backup, or python main.py "
            "run --repair begins a new one, which knows nothing of earlier releases"
        )


def _columns(log: Log, table: Table) -> dict[str, str] | None:
    """The columns of a table; None where it is not there, LakehouseError where its log is damaged."""
    try:
        return log.columns(table) if log.exists(table) else None
    except DeltaError:
        raise LakehouseError(
            f"the log of {table.full_name} cannot be read; python main.py doctor --deep tells more, "
            "run --repair mends"
        ) from None


def _check_table(
    root: Place, log: Log, path: str, keys: tuple[str, ...], columns: dict[str, str] | None
) -> None:
    folder = f"{root}/{path}"
    if columns is None and _names(root, path):
        raise BadInput(
            f"datamart table {folder} is no Delta table; move it away or give another --datamart"
        )
    lacking = [key for key in keys if columns is not None and key not in columns]
    if lacking:
        raise BadInput(
            f"datamart table {folder} has no column {lacking[0]}: another program made it; "
            "move it away or give another --datamart"
        )


def check_writable(root: Place) -> None:
    """Refuse a datamart folder that cannot be made or written, nor any folder of its tables."""
    # Whether a store can be written, its lease tells.
    folder = None if isinstance(root, Bucket) else unwritable(root)
    if folder and _is_read_only(folder):
        raise BadInput(
            f"datamart {root} cannot be written: the disk of {folder} is mounted read-only; mount it "
            "for writing, or give another --datamart"
        )
    if folder:
        raise BadInput(
            f"datamart {root} cannot be written: {folder} belongs to user {folder.stat().st_uid}, and "
            f"this runs as user {user()}; change its owner or rights, or give another --datamart"
        )


def unwritable(root: Path) -> Path | None:
    """What keeps a datamart from being made or written: a folder of it or above it, or a file there."""
    nearest = next(each for each in (root, *root.absolute().parents) if each.exists())
    within = (*root.glob("*"), *root.glob("*/*"), *root.glob(f"*/*/{LOG_FOLDER}"))
    folders = (nearest, *(each for each in within if each.is_dir()))
    return next((each for each in folders if not _is_open(each)), None)


def _is_read_only(folder: Path) -> bool:
    # Windows tells by its rights alone.
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _is_open(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def create_missing(log: Log, catalog: Catalog) -> None:
    """Make the tables that are not there yet; the ledger first, by which a datamart is known as ours."""
    for table in sorted(catalog.tables, key=lambda table: not table.is_ledger):
        if table.layer == "bronze":
            _close_to_others(log.place, table.layer)
        if not log.exists(table):
            log.create(table)
        elif table.is_ledger:
            add_missing_columns(log, table)


def _close_to_others(root: Place, layer: str) -> None:
    """Names and numbers of persons are in this folder, so it is its owner's alone; a store has policies."""
    if isinstance(root, Bucket):
        return
    folder = root / layer
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    # Another's folder that we may write: its owner's next run does it.
    with suppress(PermissionError):
        folder.chmod(PERSONAL)


def add_missing_columns(log: Log, table: Table) -> None:
    """Columns that the declaration got after the table was made; its rows have none of them."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)

"""A copy of each row of the ledger, as a file: from these a lost or edited ledger is put back.

A copy is at least as new as its row. A new row is committed before it is copied, so that no copy tells of a
row that was never published; a row that changes is copied before. A row without a copy gets one with the
next commit. Copies are kept in a folder only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lakehouse.releases.row_hash import as_json, from_json, is_sound
from lakehouse.storage.layout import LEDGER_COPIES
from lakehouse.storage.log import Log
from lakehouse.storage.sync import sync
from lakehouse.table import ROW_HASH, Table

_SUFFIX = ".json"


def copies_folder(table: Table) -> str:
    """The folder of a table's copies, within the datamart."""
    return f"{LEDGER_COPIES}/{table.name}"


def copied_keys(log: Log, table: Table) -> frozenset[str]:
    """The keys, as texts, of the rows that have a copy."""
    if log.place.folder is None:
        return frozenset()
    return keys_of(table, log.place.names(copies_folder(table)))


def keys_of(table: Table, names: Iterable[str]) -> frozenset[str]:
    """The keys of the rows whose copies have these file names.

    Files with other names, as sync programs make them, do not count.
    """
    (kind,) = (field.type for field in table.fields if field.name == table.keys[0])
    of_copy = re.compile(r"([0-9]+)\.json" if kind == "BIGINT" else r"(\w[\w-]*)\.json")
    return frozenset(found[1] for name in names if (found := of_copy.fullmatch(name)))


def copies(log: Log, table: Table) -> dict[Any, dict[str, Any]]:
    """The copied rows by key, without copies that are torn or altered."""
    folder = log.place.on_this_machine() / copies_folder(table)
    read = (_row(table, file) for file in sorted(folder.glob(f"*{_SUFFIX}")))
    return {row[table.keys[0]]: row for row in read if row is not None}


def _row(table: Table, file: Path) -> dict[str, Any] | None:
    try:
        row = from_json(table, file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return row if is_sound(row) and str(row[table.keys[0]]) == file.stem else None


def copy_rows(log: Log, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Copy rows that have a hash, and put the copies on the disk; a copy that is right stays."""
    if log.place.folder is None:
        return
    folder = log.place.folder / copies_folder(table)
    texts = {folder / f"{row[table.keys[0]]}{_SUFFIX}": as_json(row) for row in rows}
    differing = {file: text for file, text in texts.items() if _text(file) != text}
    if not differing:
        return
    folder.mkdir(parents=True, exist_ok=True)
    written = {file: file.with_suffix(".part") for file in differing}
    for file, text in differing.items():
        written[file].write_text(text, encoding="utf-8")
    sync(written.values())
    for file, part in written.items():
        part.replace(file)
    sync(written, log.place.folder)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def copy_anew(log: Log, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    """Make the copies those of some rows, which are all of a table; a row without a hash gets none."""
    hashed = [row for row in rows if row.get(ROW_HASH)]
    drop_copies(log, table, copied_keys(log, table) - {str(row[table.keys[0]]) for row in hashed})
    copy_rows(log, table, hashed)


def drop_copies(log: Log, table: Table, keys: Iterable[str]) -> None:
    """Delete the copies of rows that were given up."""
    folder = log.place.on_this_machine() / copies_folder(table)
    gone = [folder / f"{key}{_SUFFIX}" for key in keys]
    for file in gone:
        file.unlink(missing_ok=True)
    sync(gone)

"""The hash of a row of the ledger, and the row as JSON, from which it is read back as it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from lakehouse.table import ROW_HASH, Table


def stamped(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its hash."""
    return {**row, ROW_HASH: row_hash(row)}


def row_hash(row: Mapping[str, Any]) -> str:
    """The hash of the cells of a row, without NULL and empty ones: a later column changes no hash."""
    cells = {name: cell for name, cell in _plain(row).items() if name != ROW_HASH}
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()[:32]


def is_sound(row: Mapping[str, Any]) -> bool:
    """Whether a row with a hash has the cells of that hash."""
    return row.get(ROW_HASH) == row_hash(row)


def as_json(row: Mapping[str, Any]) -> str:
    """The row as one line of JSON."""
    return json.dumps(_plain(row), sort_keys=True)


def from_json(table: Table, text: str) -> dict[str, Any]:
    """The row of a ledger table with that text; ValueError if it is not one."""
    cells = json.loads(text)
    if not isinstance(cells, dict):
        raise ValueError(text)
    kinds = {field.name: field.type for field in table.fields}
    return {name: _typed(kind, cells.get(name)) for name, kind in kinds.items()}


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """The cells that are not empty, as values of JSON."""
    cells = {
        name: cell.astimezone(timezone.utc).isoformat(timespec="microseconds")
        if isinstance(cell, datetime)
        else cell
        for name, cell in row.items()
    }
    return {name: cell for name, cell in cells.items() if cell not in (None, {}, [], ())}


def _typed(kind: str, cell: Any) -> Any:
    if cell is None:
        return {} if kind.startswith("MAP<") else [] if kind.startswith("ARRAY<") else None
    return datetime.fromisoformat(cell) if kind == "TIMESTAMP" else cell

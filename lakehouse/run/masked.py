"""Cells as a message may show them."""

from __future__ import annotations

import re

from lakehouse.table import Table


def masked(cell: str) -> str:
    """The cell with 9 for each digit and x for each letter, up to 30 characters."""
    text = re.sub(r"[^\W\d_]", "x", re.sub(r"\d", "9", cell))
    return text if len(text) <= 30 else f"{text[:30]}..."


def shown(table: Table, column: str, cell: str) -> str:
    """The cell of a column, masked if the column is personal."""
    is_personal = any(field.personal for field in table.fields if field.name == column)
    return masked(cell) if is_personal else cell

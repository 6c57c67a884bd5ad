"""Constraints of a Delta table: conditions that delta-rs checks, whose SQL is smaller than an engine has."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.storage.delta_schema import schema
from lakehouse.table import Table

CONSTRAINT = "delta.constraints."


def refused_constraints(table: Table, conditions: Sequence[str]) -> str:
    """The reason why a table of this schema cannot have these conditions as constraints; empty if it can.

    A table without rows is made for the question, outside of any datamart.
    """
    if not conditions:
        return ""
    try:
        _kept(table, {f"c{n}": sql for n, sql in enumerate(conditions)})
    except DeltaError as error:
        return str(error).split("\n")[0].rpartition("rror: ")[2]
    return ""


def kept_as(table: Table) -> dict[str, str]:
    """The expectations of a table as delta-rs writes them into its properties: with other brackets, say."""
    kept = _kept(table, dict(table.expectations))
    return {name: kept[f"{CONSTRAINT}{name}"] for name, _ in table.expectations}


def _kept(table: Table, conditions: dict[str, str]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="lakehouse-") as folder:
        made = DeltaTable.create(folder, schema(table))
        made.alter.add_constraint(conditions)
        return dict(made.metadata().configuration)

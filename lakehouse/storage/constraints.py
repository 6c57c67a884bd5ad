"""Constraints of a Delta table: conditions that delta-rs checks, whose SQL is smaller than that of engines."""

from __future__ import annotations

import tempfile

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.storage.delta_schema import schema
from lakehouse.table import Table


def refused_constraint(table: Table, sql: str) -> str:
    """The reason why no table of this schema can have a condition as its constraint; empty if it can.

    A table without rows is made for the question, outside of any datamart.
    """
    with tempfile.TemporaryDirectory(prefix="lakehouse-") as folder:
        made = DeltaTable.create(folder, schema(table))
        try:
            made.alter.add_constraint({"asked": sql})
        except DeltaError as error:
            return str(error).split("\n")[0].rpartition("rror: ")[2]
    return ""

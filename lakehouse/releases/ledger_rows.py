"""Rows of the small tables of the ledger, read and merged without an engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from deltalake.table import TableMerger

from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.log import Log, commit_properties
from lakehouse.table import Table


def rows(log: Log, table: Table) -> list[dict[str, Any]]:
    """The rows of a ledger table, with maps as dicts; empty if the table was never made."""
    stored = log.read(table) if log.exists(table) else []
    maps = [field.name for field in table.fields if field.type.startswith("MAP<")]
    return [{**row, **{name: dict(row.get(name) or []) for name in maps}} for row in stored]


def put(log: Log, table: Table, wanted: Iterable[Mapping[str, Any]], note: CommitNote) -> None:
    """Insert or update rows of a ledger table by their key."""
    there = rows(log, table)
    differing = [row for row in wanted if row not in there]
    if differing:
        merger = _merger(log, table, differing, note)
        merger.when_matched_update_all().when_not_matched_insert_all().execute()


def insert(log: Log, table: Table, row: Mapping[str, Any], note: CommitNote) -> None:
    """Merge a row, whose key is new, into a ledger table."""
    _merger(log, table, [row], note).when_not_matched_insert_all().execute()


def _merger(
    log: Log, table: Table, wanted: Iterable[Mapping[str, Any]], note: CommitNote
) -> TableMerger:
    """A merge by delta-rs: no engine is needed for one row, and Spark would take seconds."""
    import pyarrow as pa

    maps = [field.name for field in table.fields if field.type.startswith("MAP<")]
    values = [{**row, **{name: list(row[name].items()) for name in maps}} for row in wanted]
    key = table.keys[0]
    return log.open(table).merge(
        pa.Table.from_pylist(values, pa.schema(schema(table).to_arrow())),
        f"t.{key} = s.{key}",
        source_alias="s",
        target_alias="t",
        commit_properties=commit_properties(note),
    )

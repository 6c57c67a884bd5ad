"""Rows of the small tables of the ledger, read and written without an engine.

In a folder the rows are on the disk before the commit that names them, and a writer goes on when the commit
is on the disk too. The ledger is therefore never behind what a caller was told.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from deltalake.table import TableMerger
from deltalake.transaction import AddAction

from lakehouse.releases.ledger_check import Seen, check_rows
from lakehouse.releases.ledger_copies import copied_keys, copy_rows
from lakehouse.releases.row_hash import row_hash, stamped
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.log import Log, commit_properties
from lakehouse.storage.sync import sync
from lakehouse.table import ROW_HASH, Table

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

Rows = Iterable[Mapping[str, Any]]


def rows(log: Log, table: Table, version: int | None = None) -> list[dict[str, Any]]:
    """The rows of a ledger table, with maps as dicts; empty if the table was never made.

    LedgerFault if the newest rows are not those that this program wrote.
    """
    if version is not None:
        return unchecked_rows(log, table, version)
    seen = Seen.now(log, table)
    stored = unchecked_rows(log, table)
    check_rows(log, table, stored, seen)
    return stored


def unchecked_rows(log: Log, table: Table, version: int | None = None) -> list[dict[str, Any]]:
    """The rows as they are, whoever wrote them."""
    stored = log.read(table, version) if log.exists(table) else []
    return [{**row, **{name: dict(row.get(name) or []) for name in _maps(table)}} for row in stored]


def put(log: Log, table: Table, wanted: Rows, note: CommitNote) -> None:
    """Insert or update rows of a ledger table by their key."""
    there = rows(log, table)
    hashes = {row_hash(row) for row in there}
    differing = [row for row in wanted if row_hash(row) not in hashes]
    if not differing:
        return
    if log.place.folder is None:
        merger = _merger(log, table, differing, note)
        merger.when_matched_update_all().when_not_matched_insert_all().execute()
        return
    key = table.keys[0]
    by_key = {row[key]: row for row in (*there, *differing)}
    inserted = len(by_key) - len(there)
    changed = ChangedRows(inserted, len(differing) - inserted, 0)
    write(log, table, by_key.values(), note, "overwrite", changed)


def insert(log: Log, table: Table, row: Mapping[str, Any], note: CommitNote) -> None:
    """Write a row, whose key is new, into a ledger table."""
    if log.place.folder is None:
        _merger(log, table, [row], note).when_not_matched_insert_all().execute()
        return
    there = rows(log, table)
    older = [each for each in there if not each.get(ROW_HASH)]
    if older and ROW_HASH in log.columns(table):
        # Rows of an older program get their hash, and their copy, with the first new row.
        put(log, table, [*older, row], note)
    else:
        write(log, table, [row], note, "append", ChangedRows(1, 0, 0))
        _copy_others(log, table, there)


def _copy_others(log: Log, table: Table, there: Rows) -> None:
    """Copy rows whose copies are lost: once any row has a copy, a row without one could go unseen."""
    copied = copied_keys(log, table)
    hashed = (row for row in there if row.get(ROW_HASH))
    copy_rows(log, table, (row for row in hashed if str(row[table.keys[0]]) not in copied))


def compact(log: Log, table: Table, note: CommitNote) -> int | None:
    """Join the files of a ledger table in a folder; the new version."""
    write(log, table, rows(log, table), note, "overwrite", ChangedRows(0, 0, 0))
    return log.version(table)


def write(
    log: Log,
    table: Table,
    wanted: Rows,
    note: CommitNote,
    mode: Literal["append", "overwrite"],
    changed: ChangedRows,
) -> None:
    """Write rows as one file, put it on the disk, and then commit it; each row gets a hash and a copy."""
    # By its own schema, because a table of an older program version may lack columns.
    opened = log.open_to_write(table)
    delta = opened.schema()
    stamped_rows = [stamped(row) for row in wanted]
    has_hash = ROW_HASH in {field.name for field in delta.fields}
    if has_hash:
        copied = copied_keys(log, table)
        copy_rows(log, table, (r for r in stamped_rows if str(r[table.keys[0]]) in copied))
    commit(log, table, opened, _arrow(table, stamped_rows, delta.to_arrow()), note, mode, changed)
    if has_hash:
        copy_rows(log, table, stamped_rows)


def commit(
    log: Log,
    table: Table,
    opened: DeltaTable,
    values: pa.Table,
    note: CommitNote,
    mode: Literal["append", "overwrite"],
    changed: ChangedRows,
) -> None:
    """Write rows for a ledger table in a folder, opened to write, as one file on the disk; then commit it."""
    import pyarrow.parquet as pq

    written = log.folder(table) / f"part-00000-{uuid.uuid4()}-c000.snappy.parquet"
    pq.write_table(values, written)
    sync([written])
    replaced = len(log.files(table)) if mode == "overwrite" else 0
    # By these a commit that is cut off is known.
    files = {"num_added_files": "1", "num_removed_files": str(replaced)}
    opened.create_write_transaction(
        [_added(written, values.num_rows)],
        mode,
        opened.schema(),
        commit_properties=commit_properties(note, {**changed.as_metrics(), **files}),
    )
    log.sync_commits(table, since=opened.version())


def _added(written: Path, count: int) -> AddAction:
    stats = json.dumps({"numRecords": count})
    size, now = written.stat().st_size, int(time.time() * 1000)
    return AddAction(written.name, size, {}, now, True, stats)


def _merger(
    log: Log, table: Table, wanted: Sequence[Mapping[str, Any]], note: CommitNote
) -> TableMerger:
    """A merge by delta-rs: no engine is needed for one row, and Spark would take seconds."""
    key = table.keys[0]
    return log.open_to_write(table).merge(
        _arrow(table, [stamped(row) for row in wanted], schema(table).to_arrow()),
        f"t.{key} = s.{key}",
        source_alias="s",
        target_alias="t",
        commit_properties=commit_properties(note),
    )


def _arrow(table: Table, wanted: Sequence[Mapping[str, Any]], columns: Any) -> pa.Table:
    import pyarrow as pa

    # Arrow takes a map as pairs.
    pairs = [{**row, **{name: list(row[name].items()) for name in _maps(table)}} for row in wanted]
    return pa.Table.from_pylist(pairs, pa.schema(columns))


def _maps(table: Table) -> list[str]:
    return [field.name for field in table.fields if field.type.startswith("MAP<")]

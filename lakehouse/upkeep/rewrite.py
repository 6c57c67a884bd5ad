"""Rewrites the folder of a Delta table without one person: data files, commits and checkpoints.

All versions, the change feed and files that no version uses any more stay the same, except for the
person's rows. A file without such rows is linked, not copied.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.errors import LakehouseError
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.upkeep.person import Owned

_OF_FILES = ("add", "remove", "cdc")
_LAST_CHECKPOINT = "_last_checkpoint"


@dataclass(frozen=True)
class Rewritten:
    """The size and rows of a rewritten data file."""

    size_bytes: int
    rows: int


def data_files(folder: Path) -> dict[str, Path]:
    """Every Parquet file of a table by its path in the folder, whether a version uses it or not."""
    files = {file.relative_to(folder): file for file in folder.rglob("*.parquet")}
    return {path.as_posix(): file for path, file in files.items() if path.parts[0] != LOG_FOLDER}


def rewrite_table(folder: Path, into: Path, owned: Owned, touched: set[str]) -> None:
    """Write the table's folder again, with its `touched` data files without the person's rows."""
    for path in touched:
        write_without(folder / path, into / path, owned)
    rewritten = {path: _rewritten(into / path) for path in touched}
    for file in (path for path in folder.rglob("*") if path.is_file()):
        within = file.relative_to(folder)
        if within.as_posix() not in touched and not _is_stale(within):
            _take(file, into / within, rewritten)
    for made in (path for path in (into, *into.rglob("*")) if path.is_dir()):
        shutil.copymode(folder / made.relative_to(into), made)


def _is_stale(path: Path) -> bool:
    """Whether the file is one of Spark's checksums, which Spark makes again when it needs them."""
    return path.suffix == ".crc"


def _rewritten(file: Path) -> Rewritten:
    return Rewritten(file.stat().st_size, pq.read_metadata(file).num_rows)


def write_without(file: Path, to: Path, owned: Owned) -> None:
    """Write a Parquet file without the person's rows; columns, types, compression and metadata stay."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetFile(file) as old:
        schema = _plain_schema(old)
        with pq.ParquetWriter(to, schema, **_as_written(old)) as new:
            for i in range(old.num_row_groups):
                rows = old.read_row_group(i).cast(schema)
                kept = rows.filter(pc.invert(owned.mask(rows)))
                if kept.num_rows:
                    new.write_table(kept)
    shutil.copymode(file, to)


def _plain_schema(parquet: pq.ParquetFile) -> pa.Schema:
    fields = parquet.schema_arrow
    return pa.schema([_plain(field) for field in fields], fields.metadata)


def _plain(field: pa.Field) -> pa.Field:
    """The field with strings in place of string views, which Arrow cannot filter; Parquet has one form."""
    kind = field.type
    if kind == pa.string_view():
        return field.with_type(pa.string())
    if pa.types.is_list(kind):
        return field.with_type(pa.list_(_plain(kind.value_field)))
    if pa.types.is_map(kind):
        return field.with_type(pa.map_(_plain(kind.key_field), _plain(kind.item_field)))
    return field


def _as_written(old: pq.ParquetFile) -> dict[str, Any]:
    if not old.num_row_groups:
        return {"store_schema": False}
    group = old.metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {
        "store_schema": False,
        "compression": {c.path_in_schema: _codec(c.compression) for c in columns},
        "use_dictionary": [c.path_in_schema for c in columns if c.has_dictionary_page],
        # The form in which Spark writes a time.
        "use_deprecated_int96_timestamps": any(c.physical_type == "INT96" for c in columns),
    }


def _codec(name: str) -> str:
    """The name of a compression for the writer, from the name that the reader gives."""
    return "none" if name == "UNCOMPRESSED" else name.lower()


def _take(file: Path, to: Path, rewritten: Mapping[str, Rewritten]) -> None:
    """Link a file without rows of the person; in a file of the log, correct entries of rewritten files."""
    to.parent.mkdir(parents=True, exist_ok=True)
    corrected = file.parent.name == LOG_FOLDER and _correct(file, to, rewritten)
    if corrected:
        # TIMESTAMP AS OF uses the time of the commit's file.
        shutil.copystat(file, to)
    else:
        link(file, to)


def link(file: Path, to: Path) -> None:
    """Make a hard link to a file, or copy the file if the disk does not support links."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)


def _correct(file: Path, to: Path, rewritten: Mapping[str, Rewritten]) -> bool:
    """Write a file of the log with the new sizes and rows; False if nothing in it changes."""
    if file.name == _LAST_CHECKPOINT:
        return _correct_hint(file, to)
    if file.suffix == ".json":
        return _correct_commit(file, to, rewritten)
    return file.suffix == ".parquet" and _correct_checkpoint(file, to, rewritten)


def _correct_commit(file: Path, to: Path, rewritten: Mapping[str, Rewritten]) -> bool:
    lines = file.read_bytes().splitlines(keepends=True)
    corrected = [_corrected_line(line, rewritten) for line in lines]
    if corrected != lines:
        to.write_bytes(b"".join(corrected))
    return corrected != lines


def _corrected_line(line: bytes, rewritten: Mapping[str, Rewritten]) -> bytes:
    entry = json.loads(line) if line.strip() else {}
    if not _correct_action(entry, rewritten):
        return line
    return json.dumps(entry, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _correct_checkpoint(file: Path, to: Path, rewritten: Mapping[str, Rewritten]) -> bool:
    with pq.ParquetFile(file) as old:
        schema, changed = _plain_schema(old), 0
        with pq.ParquetWriter(to, schema, **_as_written(old)) as new:
            for i in range(old.num_row_groups):
                rows = old.read_row_group(i).to_pylist()
                changed += sum(_correct_action(row, rewritten) for row in rows)
                new.write_table(pa.Table.from_pylist(rows, schema))
    if not changed:
        to.unlink()
    return bool(changed)


def _correct_action(entry: dict[str, Any], rewritten: Mapping[str, Rewritten]) -> bool:
    """Set the size and rows of rewritten files in an entry of the log; False if it has none of them."""
    changed = False
    for action in (entry[kind] for kind in _OF_FILES if entry.get(kind)):
        new_file = rewritten.get(unquote(action["path"]))
        if new_file and action.get("deletionVector"):
            raise LakehouseError(
                f"{action['path']} has a deletion vector, which names rows by their position; rewrite "
                "the table without it (REORG TABLE ... APPLY (PURGE)), then erase again"
            )
        if new_file:
            _correct_file(action, new_file)
            changed = True
    return changed


def _correct_file(action: dict[str, Any], new_file: Rewritten) -> None:
    if action.get("size") is not None:
        action["size"] = new_file.size_bytes
    if action.get("stats"):
        action["stats"] = json.dumps(_stats(json.loads(action["stats"]), new_file))
    if action.get("stats_parsed"):
        action["stats_parsed"] = _stats(action["stats_parsed"], new_file)


def _stats(stats: Mapping[str, Any], new_file: Rewritten) -> dict[str, Any]:
    """The statistics of a file with its new rows; without minima and maxima, which may be the person's."""
    return {
        name: new_file.rows if name == "numRecords" else _emptied(value)
        for name, value in stats.items()
    }


def _emptied(value: Any) -> Any:
    return {} if isinstance(value, dict) else value


def _correct_hint(file: Path, to: Path) -> bool:
    """Write the pointer to the newest checkpoint without its size, which may have changed."""
    hint = json.loads(file.read_bytes())
    kept = {name: hint[name] for name in hint if name not in ("sizeInBytes", "checksum")}
    to.write_text(json.dumps(kept), encoding="utf-8")
    return True

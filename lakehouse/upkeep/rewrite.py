"""A Delta table's folder written anew without one person: data files, commits and checkpoints.

Each version, the change feed and files that no version has any more stay what they were, less the
person's rows; what holds none of them is linked, not copied.
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
from lakehouse.upkeep.person import Person

_OF_FILES = ("add", "remove", "cdc")
_LAST_CHECKPOINT = "_last_checkpoint"


@dataclass(frozen=True)
class Rewritten:
    """A data file as it is now."""

    size_bytes: int
    rows: int


def data_files(folder: Path) -> dict[str, Path]:
    """Every Parquet file of a table by its path in the folder, whether a version has it or not."""
    files = {file.relative_to(folder): file for file in folder.rglob("*.parquet")}
    return {path.as_posix(): file for path, file in files.items() if path.parts[0] != LOG_FOLDER}


def rewrite_table(folder: Path, into: Path, person: Person, touched: set[str]) -> None:
    """The table's folder once more, its `touched` data files without the person's rows."""
    for path in touched:
        write_without(folder / path, into / path, person)
    truth = {path: _as_it_is(into / path) for path in touched}
    for file in (each for each in folder.rglob("*") if each.is_file()):
        there = file.relative_to(folder)
        if there.as_posix() not in touched and not _is_stale(there):
            _take(file, into / there, truth)
    for made in (each for each in (into, *into.rglob("*")) if each.is_dir()):
        shutil.copymode(folder / made.relative_to(into), made)


def _is_stale(path: Path) -> bool:
    """Checksums that Spark keeps beside files and of versions; it makes them again where it needs them."""
    return path.suffix == ".crc"


def _as_it_is(file: Path) -> Rewritten:
    return Rewritten(file.stat().st_size, pq.read_metadata(file).num_rows)


def write_without(file: Path, to: Path, person: Person) -> None:
    """A Parquet file without the person's rows, else as it was: columns, types, compression, metadata."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetFile(file) as old:
        schema = _plain_schema(old)
        with pq.ParquetWriter(to, schema, **_as_written(old)) as new:
            for i in range(old.num_row_groups):
                rows = old.read_row_group(i).cast(schema)
                kept = rows.filter(pc.invert(person.in_rows(rows)))
                if kept.num_rows:
                    new.write_table(kept)
    shutil.copymode(file, to)


def _plain_schema(parquet: pq.ParquetFile) -> pa.Schema:
    fields = parquet.schema_arrow
    return pa.schema([_plain(field) for field in fields], fields.metadata)


def _plain(field: pa.Field) -> pa.Field:
    """The field without views of strings, which Arrow cannot filter; in Parquet they are the same."""
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
        "compression": {each.path_in_schema: _codec(each.compression) for each in columns},
        "use_dictionary": [each.path_in_schema for each in columns if each.has_dictionary_page],
        # Spark's form of a time.
        "use_deprecated_int96_timestamps": any(each.physical_type == "INT96" for each in columns),
    }


def _codec(name: str) -> str:
    """The name of a compression as it is read, for writing."""
    return "none" if name == "UNCOMPRESSED" else name.lower()


def _take(file: Path, to: Path, truth: Mapping[str, Rewritten]) -> None:
    """A file that holds no row of the person; of the log, with what it says of those that did."""
    to.parent.mkdir(parents=True, exist_ok=True)
    corrected = file.parent.name == LOG_FOLDER and _correct(file, to, truth)
    if corrected:
        # TIMESTAMP AS OF goes by the time of a commit's file.
        shutil.copystat(file, to)
    else:
        link(file, to)


def link(file: Path, to: Path) -> None:
    """One more name for a file; a copy where the disk has no such links."""
    try:
        os.link(file, to)
    except OSError:
        shutil.copy2(file, to)


def _correct(file: Path, to: Path, truth: Mapping[str, Rewritten]) -> bool:
    """Write a file of the log with the sizes and rows that are; False where it said nothing else."""
    if file.name == _LAST_CHECKPOINT:
        return _correct_hint(file, to)
    if file.suffix == ".json":
        return _correct_commit(file, to, truth)
    return file.suffix == ".parquet" and _correct_checkpoint(file, to, truth)


def _correct_commit(file: Path, to: Path, truth: Mapping[str, Rewritten]) -> bool:
    lines = file.read_bytes().splitlines(keepends=True)
    corrected = [_corrected_line(line, truth) for line in lines]
    if corrected != lines:
        to.write_bytes(b"".join(corrected))
    return corrected != lines


def _corrected_line(line: bytes, truth: Mapping[str, Rewritten]) -> bytes:
    said = json.loads(line) if line.strip() else {}
    if not _correct_action(said, truth):
        return line
    return json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _correct_checkpoint(file: Path, to: Path, truth: Mapping[str, Rewritten]) -> bool:
    with pq.ParquetFile(file) as old:
        schema, changed = _plain_schema(old), 0
        with pq.ParquetWriter(to, schema, **_as_written(old)) as new:
            for i in range(old.num_row_groups):
                rows = old.read_row_group(i).to_pylist()
                changed += sum(_correct_action(row, truth) for row in rows)
                new.write_table(pa.Table.from_pylist(rows, schema))
    if not changed:
        to.unlink()
    return bool(changed)


def _correct_action(said: dict[str, Any], truth: Mapping[str, Rewritten]) -> bool:
    """Make the action of a file say the file's size and rows; False where it is of another file."""
    changed = False
    for action in (said[kind] for kind in _OF_FILES if said.get(kind)):
        now = truth.get(unquote(action["path"]))
        if now and action.get("deletionVector"):
            raise LakehouseError(
                f"{action['path']} has a deletion vector, whose rows are told by their numbers; "
                "rewrite the table without (REORG TABLE ... APPLY (PURGE)), then erase again"
            )
        if now:
            _correct_file(action, now)
            changed = True
    return changed


def _correct_file(action: dict[str, Any], now: Rewritten) -> None:
    if action.get("size") is not None:
        action["size"] = now.size_bytes
    if action.get("stats"):
        action["stats"] = json.dumps(_stats(json.loads(action["stats"]), now))
    if action.get("stats_parsed"):
        action["stats_parsed"] = _stats(action["stats_parsed"], now)


def _stats(said: Mapping[str, Any], now: Rewritten) -> dict[str, Any]:
    """Statistics of a file: its rows; least and greatest values, which may be the person's, go."""
    return {
        name: now.rows if name == "numRecords" else _emptied(each) for name, each in said.items()
    }


def _emptied(value: Any) -> Any:
    return {} if isinstance(value, dict) else value


def _correct_hint(file: Path, to: Path) -> bool:
    """Where the newest checkpoint is, without its size, which may be another now."""
    said = json.loads(file.read_bytes())
    kept = {name: said[name] for name in said if name not in ("sizeInBytes", "checksum")}
    to.write_text(json.dumps(kept), encoding="utf-8")
    return True

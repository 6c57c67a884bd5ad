"""Rows whose key another row of the table has too, which Delta itself does not forbid."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError
from lakehouse.releases.release import Release
from lakehouse.releases.state import released_tables
from lakehouse.storage.data_file import DataFile, data_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table

if TYPE_CHECKING:
    import pyarrow as pa


def check_keys(datamart: Datamart, release: Release) -> None:
    """LakehouseError if a partition that is new in a release has a key twice.

    An object store is not looked at: there each write matches the keys that the table has.
    """
    for table in released_tables(datamart.catalog):
        new = {path for path in release.checksums if path.startswith(f"{table.path}/")}
        files = list(data_files(datamart.log, table)) if new else []
        written = {file.partition for file in files if f"{table.path}/{file.path}" in new}
        for partition, rows in repeated_keys(datamart.log, table, files, written).items():
            raise LakehouseError(
                f"{table.full_name}: {rows:,} rows of {partition} have a key that another row has too, "
                "so nothing is published; another run may have written beside this one; python main.py "
                "run --repair makes these rows again"
            )


def repeated_keys(
    log: Log, table: Table, files: Iterable[DataFile], within: Iterable[str] | None = None
) -> dict[str, int]:
    """The number of rows that are too many, by partition; only partitions that have any.

    Read partition by partition, as the date is a part of the key.
    """
    by_partition: dict[str, list[DataFile]] = {}
    for file in files:
        by_partition.setdefault(file.partition, []).append(file)
    wanted = by_partition if within is None else {name: by_partition[name] for name in within}
    surplus = {name: _surplus(log.folder(table), table, wanted[name]) for name in sorted(wanted)}
    return {name: rows for name, rows in surplus.items() if rows}


def _surplus(folder: Path, table: Table, files: Iterable[DataFile]) -> int:
    # Not at the top, because a run with nothing to do imports this module.
    import pyarrow as pa

    # Delta keeps the partition in the path, not in the file.
    keys = [key for key in table.keys if key != table.partition]
    parts = [_keys_of(folder / file.path, keys) for file in files]
    rows = pa.concat_tables(parts, promote_options="permissive")
    return int(rows.num_rows - rows.group_by(keys, use_threads=False).aggregate([]).num_rows)


def _keys_of(file: Path, keys: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(file) as parquet:
        rows = parquet.read(keys, use_threads=False)
    # Arrow cannot group string views, and delta-rs writes text that it has read under that type.
    types = [pa.string() if f.type == pa.string_view() else f.type for f in rows.schema]
    return rows.cast(pa.schema(zip(rows.column_names, types, strict=True)))

"""The data files of a table's version, as its log describes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from lakehouse.storage.log import Log
from lakehouse.table import Table


@dataclass(frozen=True)
class DataFile:
    """A data file as the log of a version describes it."""

    path: str
    size_bytes: int
    rows: int
    partition: str


def data_files(log: Log, table: Table, version: int | None = None) -> Iterator[DataFile]:
    """The data files of a version, as its log describes them."""
    actions = log.add_actions(table, version)
    names = ("path", "size_bytes", "num_records")
    paths, sizes, counts = (actions.column(name).to_pylist() for name in names)
    name = f"partition.{table.partition}"
    is_partitioned = name in actions.column_names
    partitions = actions.column(name).to_pylist() if is_partitioned else [""] * len(paths)
    for path, size, count, partition in zip(paths, sizes, counts, partitions, strict=True):
        yield DataFile(unquote(path), size, int(count or 0), partition or "")

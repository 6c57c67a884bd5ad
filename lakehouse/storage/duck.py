"""A DuckDB for the files of one job: it streams, and spills to the job's own folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.storage.paths import plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "900MiB"  # of DuckDB; Python, numpy and what DuckDB does not count come on top


@contextmanager
def duckdb_in(work: Path) -> Iterator[DuckDBPyConnection]:
    """A connection that is closed in the end."""
    import duckdb

    connection = duckdb.connect(
        config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(work / "spill")}
    )
    # Of a slow query it would stand in the answer on stdout. SET is refused in a notebook.
    connection.execute("PRAGMA disable_progress_bar")
    try:
        yield connection
    finally:
        connection.close()


def identifier(name: str) -> str:
    """A name of a column in SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: Path) -> str:
    """The path of one file in SQL, whatever characters it has."""
    return literal(plain(path))


def parquet_in(folder: Path) -> str:
    """The rows of all Parquet files of one folder in SQL, whatever characters its path has."""
    return f"read_parquet({literal(f'{plain(folder)}/*.parquet')}, hive_partitioning = false)"

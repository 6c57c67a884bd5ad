"""A DuckDB for the files of one job; it streams, and spills to the folder of the job."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.storage.paths import plain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY_LIMIT = "900MiB"  # for DuckDB; memory of Python, numpy and some of DuckDB's own comes on top


@contextmanager
def duckdb_in(work: Path, within: DuckDBPyConnection | None = None) -> Iterator[DuckDBPyConnection]:
    """A connection that is closed at the end; `within` the database of another one, or in one of its own.

    To open a database takes 10 ms. Connections of one share its memory, not their temporary tables.
    """
    import duckdb

    if within:
        connection = within.cursor()
    else:
        connection = duckdb.connect(
            config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(work / "spill")}
        )
    # The progress bar of a slow query would go to stdout, into the answer. A notebook refuses SET.
    connection.execute("PRAGMA disable_progress_bar")
    try:
        yield connection
    finally:
        connection.close()


def identifier(name: str) -> str:
    """The name of a column as SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as a SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def path_literal(path: Path) -> str:
    """The path of one file as SQL, whatever characters it has."""
    return literal(plain(path))


def parquet_in(folder: Path) -> str:
    """The rows of all Parquet files in a folder as SQL, whatever characters its path has."""
    return f"read_parquet({literal(f'{plain(folder)}/*.parquet')}, hive_partitioning = false)"

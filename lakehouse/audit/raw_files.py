"""The raw files that a replay builds on: the cells of a release's bronze tables, cut, scrambled or halved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.releases.published import Release
from lakehouse.storage.duck import duckdb_in, identifier, literal, parquet_in
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

CUSTOMER = "Customer_ID"
# The last digits of a customer's MD5 that tell the halves apart.
HALVES = (tuple("02468ace"), tuple("13579bdf"))
# Takes a source and the SQL of its rows; gives the SQL of the rows to build on.
Rows = Callable[[Source, str], str]


def export(store: Store, catalog: Catalog, release: Release, into: Path) -> None:
    """The raw cells of every bronze table of a release, as Parquet in a folder a source."""
    for table in catalog.sources:
        assert table.source is not None
        cells = [F.col(f"`{name}`") for name in table.source.header]
        rows = store.read(table, release["versions"][table.full_name]).select(*cells)
        store.write_parquet(rows, into / table.source.name)


def write(catalog: Catalog, exported: Path, rows: Rows, into: Path) -> None:
    """A CSV file a source, of the rows chosen of what was exported; BadInput where one has none."""
    into.mkdir(parents=True)
    with duckdb_in(into) as duckdb:
        duckdb.execute("SET preserve_insertion_order = false")
        for table in catalog.sources:
            assert table.source is not None
            _write_one(duckdb, table.source, exported, rows, into)


def _write_one(
    duckdb: DuckDBPyConnection, source: Source, exported: Path, rows: Rows, into: Path
) -> None:
    every = f"(FROM {parquet_in(exported / source.name)})"
    file = into / source.file_names[0]
    written = duckdb.execute(
        f"COPY ({rows(source, every)}) TO {literal(str(file))} (FORMAT csv, HEADER)"
    ).fetchall()[0][0]
    if not written:
        raise BadInput(
            f"{file.name} of a replay would have no row: the release is too small to audit"
        )


def truncated(cut: str) -> Rows:
    """The rows up to the month of the cut, YYYY-MM."""
    return lambda source, every: f"SELECT * FROM {every} WHERE {_known(cut)}"


def scrambled(cut: str) -> Rows:
    """Every row; those after the cut keep key and date, and have the other cells of another of them."""

    def rows(source: Source, every: str) -> str:
        moved = [name for name in source.header if name not in source.keys]
        keys, cells = _listed(source.keys), ", ".join(_entry(name) for name in moved)
        taken = ", ".join(f"cells[{literal(name)}] AS {identifier(name)}" for name in moved)
        return f"""
            SELECT {_listed(source.header)} FROM {every} WHERE {_known(cut)}
            UNION ALL BY NAME
            SELECT {keys}, {taken} FROM (
                SELECT {keys}, coalesce(lead(own) OVER shuffled, first(own) OVER shuffled) AS cells
                FROM (SELECT {keys}, {{{cells}}} AS own FROM {every} WHERE NOT {_known(cut)})
                WINDOW shuffled AS (ORDER BY md5(concat_ws(chr(31), {keys}))))
        """

    return rows


def halved(last_digits: tuple[str, ...]) -> Rows:
    """The rows of every second customer: those whose MD5 ends with one of these digits."""
    digits = ", ".join(literal(digit) for digit in last_digits)
    return lambda source, every: (
        f"SELECT * FROM {every} WHERE right(md5({identifier(CUSTOMER)}), 1) IN ({digits})"
    )


def _known(cut: str) -> str:
    return f"strftime(snapshot_date, '%Y-%m') <= {literal(cut)}"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(identifier(name) for name in names)


def _entry(name: str) -> str:
    return f"{literal(name)}: {identifier(name)}"

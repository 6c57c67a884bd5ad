"""Raw files for a replay: the cells of a release's bronze tables, cut, scrambled, halved or of other ids."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.landing.decimals import may_be_numbers, with_comma
from lakehouse.releases.release import Release
from lakehouse.storage.duck import duckdb_in, identifier, literal, parquet_in, path_literal
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The two halves of the customers, by the last digit of their MD5.
HALVES = (tuple("02468ace"), tuple("13579bdf"))
# A replay has one file per source, so that no date in a name matters.
_ANY_DAY = "2000-01-31"
# Takes a source and the SQL of its rows; returns the SQL of the rows that the replay builds on.
RowsSql = Callable[[Source, str], str]


def export(store: Store, catalog: Catalog, release: Release, into: Path) -> None:
    """Write the raw cells of every bronze table of a release as Parquet, in one folder per source."""
    for table in catalog.sources:
        assert table.source is not None
        cells = [F.col(f"`{name}`") for name in table.source.header]
        rows = store.read(table, release.versions[table.full_name]).select(*cells)
        store.write_parquet(rows, into / table.source.name)


def write(catalog: Catalog, exported: Path, rows_sql: RowsSql, into: Path) -> None:
    """Write one CSV file per source, with the chosen exported rows; BadInput if a file would have none."""
    into.mkdir(parents=True)
    with duckdb_in(into) as duckdb:
        duckdb.execute("SET preserve_insertion_order = false")
        for table in catalog.sources:
            _write_one(duckdb, catalog.source_of(table), exported, rows_sql, into)


def _write_one(
    duckdb: DuckDBPyConnection, source: Source, exported: Path, rows_sql: RowsSql, into: Path
) -> None:
    all_rows = f"(FROM {parquet_in(exported / source.name)})"
    file = into / _file_name(source)
    file.parent.mkdir(parents=True, exist_ok=True)
    form = f"FORMAT csv, HEADER, DELIMITER {literal(source.delimiter or ',')}"
    rows = _as_delivered(source, rows_sql(source, all_rows))
    written = duckdb.execute(f"COPY ({rows}) TO {literal(str(file))} ({form})").fetchall()[0][0]
    if source.encoding:
        _encode(file, source.encoding)
    if not written:
        raise BadInput(
            f"{file.name} of a replay would have no row: the release is too small to audit; "
            "audit a release of more months"
        )


def _file_name(source: Source) -> str:
    """A name that the source takes; one with a date, if that tells which of its files is the later one."""
    if source.supersedes != "date":
        return source.file_names[0]
    if source.patterns:
        return source.patterns[0].replace("**/", "").replace("*", _ANY_DAY)
    return f"{source.file_names[0].removesuffix('.csv')}_{_ANY_DAY}.csv"


def _as_delivered(source: Source, rows: str) -> str:
    """The rows, with a decimal comma where the source declares one: bronze holds a point."""
    if source.decimal == ".":
        return rows
    numbers = may_be_numbers(source)
    commas = (f"{with_comma(identifier(n))} AS {identifier(n)}" for n in numbers)
    return f"SELECT * REPLACE ({', '.join(commas)}) FROM ({rows})" if numbers else rows


def _encode(file: Path, encoding: str) -> None:
    """Write a file of UTF-8 again in the encoding that its source declares."""
    plain = file.with_name(f".{file.name}.utf8")
    file.replace(plain)
    with (
        plain.open(encoding="utf-8", newline="") as text,
        file.open("w", encoding=encoding, newline="") as encoded,
    ):
        shutil.copyfileobj(text, encoded)
    plain.unlink()


def truncated(cut: str) -> RowsSql:
    """The rows up to the cut, a month (YYYY-MM) or a day (YYYY-MM-DD)."""
    return lambda source, all_rows: f"SELECT * FROM {all_rows} WHERE {_up_to(cut, source)}"


def scrambled(cut: str) -> RowsSql:
    """All rows; those after the cut keep key and date, and get the other cells from another such row."""

    def rows_sql(source: Source, all_rows: str) -> str:
        up_to = _up_to(cut, source)
        # The end of a row's validity stays with its beginning: exchanged, rows would hold at once.
        kept = (*source.keys, source.valid_to) if source.valid_to else source.keys
        moved = [name for name in source.header if name not in kept]
        keys = _listed(kept)
        cells = ", ".join(_entry(name) for name in moved)
        times = {name for name, kind in source.required if kind == "time"}
        taken = ", ".join(f"{_taken(name, name in times)} AS {identifier(name)}" for name in moved)
        return f"""
            SELECT {_listed(source.header)} FROM {all_rows} WHERE {up_to}
            UNION ALL BY NAME
            SELECT {keys}, {taken} FROM (
                SELECT {keys}, coalesce(lead(moved) OVER shuffled, first(moved) OVER shuffled) AS cells
                FROM (SELECT {keys}, {{{cells}}} AS moved FROM {all_rows} WHERE NOT {up_to})
                WINDOW shuffled AS (ORDER BY md5(concat_ws(chr(31), {keys}))))
        """

    return rows_sql


def halved(last_digits: tuple[str, ...], sources: Sequence[Source]) -> RowsSql:
    """The rows of half of the customers of these sources: those whose MD5 ends with one of these digits.

    Other sources stay whole: half of the districts would be no other customers.
    """
    digits, halved_names = ", ".join(map(literal, last_digits)), _names(sources)

    def rows_sql(source: Source, all_rows: str) -> str:
        if source.name not in halved_names:
            return f"SELECT * FROM {all_rows}"
        is_kept = f"right(md5({identifier(source.entity)}), 1) IN ({digits})"
        return f"SELECT * FROM {all_rows} WHERE {is_kept}"

    return rows_sql


def relabelled(new_ids: Path, sources: Sequence[Source]) -> RowsSql:
    """All rows; each customer of these sources has the id of another one, see `write_new_ids`."""
    renamed_names = _names(sources)

    def rows_sql(source: Source, all_rows: str) -> str:
        if source.name not in renamed_names:
            return f"SELECT * FROM {all_rows}"
        entity, others = identifier(source.entity), [n for n in source.header if n != source.entity]
        return f"""
            SELECT new_id AS {entity}, {_listed(others)}
            FROM {all_rows} JOIN read_parquet({path_literal(new_ids)}) ON {entity} = old_id
        """

    return rows_sql


def write_new_ids(exported: Path, sources: Sequence[Source], into: Path) -> None:
    """Write a Parquet file that gives each customer the id of another one: `old_id` and `new_id`.

    In the order of their MD5 each id takes the place of the one before, so none keeps its own.
    """
    ids = " UNION ALL ".join(
        f"SELECT {identifier(source.entity)} AS id FROM {parquet_in(exported / source.name)}"
        for source in sources
    )
    with duckdb_in(into.parent) as duckdb:
        duckdb.execute(f"""
            COPY (
                SELECT id AS old_id, coalesce(lead(id) OVER dealt, first(id) OVER dealt) AS new_id
                FROM (SELECT DISTINCT id FROM ({ids})) WINDOW dealt AS (ORDER BY md5(id), id)
            ) TO {path_literal(into)} (FORMAT parquet)
        """)


def _up_to(cut: str, source: Source) -> str:
    if not source.date:
        return "true"
    day = f"strftime({identifier(source.date)}, '%Y-%m-%d')"
    return f"left({day}, {len(cut)}) <= {literal(cut)}"


def _names(sources: Sequence[Source]) -> set[str]:
    """The names of sources: a source may come with more than its bank declares, as the cells of silver."""
    return {source.name for source in sources}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(identifier(name) for name in names)


def _taken(name: str, is_time: bool) -> str:
    """The cell of another row; of a time only that of the day, for its day is that of the row."""
    cell = f"cells[{literal(name)}]"
    return f"substr({cell}, length('2023-05-01 ') + 1)" if is_time else cell


def _entry(name: str) -> str:
    return f"{literal(name)}: {identifier(name)}"

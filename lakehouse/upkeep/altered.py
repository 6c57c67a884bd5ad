"""Bronze rows whose cells are not those that were landed: each row keeps a hash of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.raw import PROVENANCE, ROW_HASH
from lakehouse.bronze.superseded import CELLS
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.days import DateOrder
from lakehouse.landing import cells
from lakehouse.landing.row_hash import refused_hash, row_hash, row_hash_of_map
from lakehouse.months import spell
from lakehouse.storage.data_file import DataFile, data_files
from lakehouse.storage.duck import duckdb_in, identifier, literal, path_literal
from lakehouse.storage.log import Log
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.words import counted

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

# They tell a row, also one whose key has changed.
PLACE = ("_run_id", "_source_file", "_source_row")
# An older program hashed the day of a date with slashes, and kept the cell as it was.
_ORDERS = (DateOrder("mdy", ""), DateOrder("dmy", ""))


@dataclass(frozen=True)
class Altered:
    """The rows of a partition whose cells do not have their hash; the raw file of one, and its row there.

    `unknown` rows cannot be compared: an older program hashed them under the raw name of an undeclared
    column, which it did not keep.
    """

    rows: int
    file: str
    row: int
    unknown: int


def told(found: Mapping[str, Altered]) -> str:
    """The altered rows of partitions in words; empty if there are none."""
    there = {name: each for name, each in found.items() if each.rows}
    rows = sum(each.rows for each in there.values())
    for first in there.values():
        return (
            f"{counted(rows, 'row')} of {spell(there)} {'has' if rows == 1 else 'have'} "
            f"other cells than when landed, such as row {first.row:,} of {first.file}"
        )
    return ""


def has_hashes(table: Table) -> bool:
    """Whether the rows of a table keep a hash of their cells."""
    return bool(table.source) or table in _JUDGED


def altered(log: Log, table: Table, files: Iterable[DataFile]) -> dict[str, Altered]:
    """The altered rows of some data files, by partition; only partitions with altered or unknown rows."""
    found: dict[str, Altered] = {}
    asked = [*files]
    if not asked:
        return found
    with _opened() as duckdb:
        for name in _each(duckdb, log, table, asked):
            count = "count(*) FILTER (NOT unknown), count(*) FILTER (unknown)"
            place = "min((_source_file, _source_row)) FILTER (NOT unknown)"
            (row,) = duckdb.execute(f"SELECT {count}, {place} FROM altered").fetchall()
            rows, unknown, example = row
            file, number = example or ("", 0)
            found[name] = Altered(rows, file, number, unknown)
    return found


def places(log: Log, table: Table, files: Iterable[DataFile]) -> pa.Table:
    """The partition, run, raw file and row number of each altered row of some data files."""
    import pyarrow as pa

    found = []
    with _opened() as duckdb:
        for name in _each(duckdb, log, table, files):
            columns = f"{literal(name)} AS {table.partition}, {', '.join(PLACE)}"
            rows = duckdb.execute(f"SELECT {columns} FROM altered WHERE NOT unknown")
            found += rows.to_arrow_reader()
    return pa.Table.from_batches(found)


def not_delivered(
    log: Log, table: Table, files: Iterable[DataFile], delivered: Path, months: Sequence[str]
) -> int:
    """The number of altered rows that landed rows of these months have neither by hash nor by key."""
    listed = ", ".join(map(literal, months)) or "NULL"
    keys = ", ".join(identifier(key) for key in table.keys)
    landed = f"read_parquet({path_literal(delivered)}, hive_partitioning = false)"
    with _opened() as duckdb:
        duckdb.execute(f"CREATE TEMP VIEW landed AS FROM {landed} WHERE month IN ({listed})")
        lacking = f"""
            SELECT count(*) FROM altered
            ANTI JOIN landed USING ({ROW_HASH}) ANTI JOIN landed USING ({keys})
            WHERE NOT unknown"""
        return sum(
            duckdb.execute(lacking).fetchall()[0][0] for _ in _each(duckdb, log, table, files)
        )


@contextmanager
def _opened() -> Iterator[DuckDBPyConnection]:
    # Not in the datamart, which may be there only to be read.
    with work_folder(None) as work, duckdb_in(work) as duckdb:
        yield duckdb


def _each(
    duckdb: DuckDBPyConnection, log: Log, table: Table, files: Iterable[DataFile]
) -> Iterator[str]:
    """The partitions that have altered or unknown rows, one after the other in the table `altered`."""
    paths = _paths(log, table, files)
    whole = _paths(log, table, data_files(log, table)) if table == QUARANTINE else {}
    for name in sorted(paths):
        _view(duckdb, "rows", paths[name])
        if name in whole:
            _view(duckdb, "partition_rows", whole[name])
        # Not the columns that Spark adds to a file: its partition, and what a merge did with the row.
        own = log.columns(table).keys() - {table.partition}
        described = duckdb.execute("DESCRIBE rows").fetchall()
        there = [str(name) for name, *_ in described if name in own]
        forms = [] if table in _JUDGED else _forms(table, there)
        # Only where a row lacks its usual hash are older ones computed.
        if (
            forms
            and not duckdb.execute(
                f"SELECT 1 FROM rows WHERE {ROW_HASH} IS DISTINCT FROM {forms[0]} LIMIT 1"
            ).fetchall()
        ):
            continue
        judged = _judged(table, there, forms) if forms else _JUDGED[table]
        kept = [n for n in there if n in (*PLACE, ROW_HASH, *table.keys)]
        duckdb.execute(f"CREATE OR REPLACE TEMP TABLE altered AS {_altered(kept, judged)}")
        if duckdb.execute("SELECT 1 FROM altered LIMIT 1").fetchall():
            yield name


def _paths(log: Log, table: Table, files: Iterable[DataFile]) -> dict[str, list[Path]]:
    """The data files of each partition."""
    paths: dict[str, list[Path]] = {}
    for file in files:
        paths.setdefault(file.partition, []).append(log.folder(table) / file.path)
    return paths


def _view(duckdb: DuckDBPyConnection, name: str, paths: Iterable[Path]) -> None:
    """Make a view of the rows of data files."""
    listed = ", ".join(map(path_literal, paths))
    duckdb.execute(
        f"""CREATE OR REPLACE TEMP VIEW {name} AS FROM read_parquet([{listed}],
            hive_partitioning = false, union_by_name = true)"""
    )


def _forms(table: Table, there: Sequence[str]) -> list[str]:
    """The hashes that a sound row may have, as SQL: that of today first, then those of older programs."""
    assert table.source is not None
    provenance = {field.name for field in PROVENANCE}
    names = [name for name in there if name not in provenance]
    extra = _extra(table, there)
    dates = {n for n, kind in table.source.required if kind == "date" and n != table.source.date}
    forms = [row_hash({name: identifier(name) for name in names}, escaped=False)]
    for folded, order in product((False, True), (None, *_ORDERS)):
        values = {}
        for name in names:
            day = f"{cells.day(cells.trimmed(identifier(name)), order)}::VARCHAR"
            value = (
                f"coalesce({day}, {identifier(name)})"
                if order and name in dates
                else identifier(name)
            )
            values[name.casefold() if folded and name in extra else name] = value
        forms.append(row_hash(values))
    return list(dict.fromkeys(forms))


def _extra(table: Table, there: Sequence[str]) -> list[str]:
    """The columns that are not declared."""
    return [name for name in there if name not in table.columns]


def _judged(table: Table, there: Sequence[str], forms: Sequence[str]) -> str:
    """Each row, with whether it is sound, and whether it has a cell in an undeclared column."""
    extra = ", ".join(map(identifier, _extra(table, there)))
    has_extra = f"coalesce({extra}) IS NOT NULL" if extra else "false"
    is_sound = " OR ".join(f"{ROW_HASH} = {form}" for form in forms)
    return f"SELECT *, coalesce({is_sound}, false) AS sound, {has_extra} AS has_extra FROM rows"


# The same of rows in quarantine: which of the equal rows has which number is not kept. Such rows may come
# with several deliveries, so they are counted in the whole partition.
_JUDGED_REFUSED = f"""
        WITH numbered AS (SELECT _source_file, raw_text, unnest(range(1, count(*) + 1)) AS number
                          FROM partition_rows GROUP BY ALL)
        SELECT rows.*, number IS NOT NULL AS sound, false AS has_extra
        FROM rows LEFT JOIN numbered ON rows._source_file = numbered._source_file
            AND rows.raw_text = numbered.raw_text
            AND {ROW_HASH} = {refused_hash("numbered.raw_text", "number")}"""
# The same of superseded rows, which have their cells by name.
_JUDGED_SUPERSEDED = f"""
        SELECT *, coalesce({ROW_HASH} = {row_hash_of_map(CELLS)}, false) AS sound, false AS has_extra
        FROM rows"""
_JUDGED = {QUARANTINE: _JUDGED_REFUSED, SUPERSEDED: _JUDGED_SUPERSEDED}


def _altered(columns: Sequence[str], judged: str) -> str:
    """The rows that are not sound; those are unknown whose run took no sound row with an undeclared cell."""
    return f"""
        WITH judged AS ({judged}),
        named AS (SELECT DISTINCT _run_id, _source_file, true AS is_named
                  FROM judged WHERE sound AND has_extra)
        SELECT {", ".join(map(identifier, columns))}, has_extra AND is_named IS NULL AS unknown
        FROM judged LEFT JOIN named USING (_run_id, _source_file) WHERE NOT sound"""

"""The differences between two releases: rows added, changed and removed, and the changed cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.bronze.raw import ROW_HASH
from lakehouse.engines.changes import any_of
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table, quoted

ADDED, CHANGED, REMOVED = "added", "changed", "removed"
HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Cell:
    """A cell that changed; `old` and `new` are HIDDEN if they are personal."""

    column: str
    old: Any
    new: Any


@dataclass(frozen=True)
class DifferingRow:
    """A row that only one release has (then without cells), or whose cells differ between the two."""

    what: str
    key: dict[str, Any]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class TableDiff:
    """The number of rows of a table that differ, and the first of these rows, by key, up to a limit."""

    table: str
    added: int
    changed: int
    removed: int
    rows: tuple[DifferingRow, ...]

    @property
    def more(self) -> int:
        """The number of rows that differ and are not in `rows`."""
        return self.added + self.changed + self.removed - len(self.rows)

    @property
    def counts(self) -> dict[str, object]:
        """The table with the numbers of added, changed and removed rows."""
        return {name: getattr(self, name) for name in ("table", ADDED, CHANGED, REMOVED)}

    def as_json(self) -> dict[str, object]:
        """The diff as plain values."""
        return {**asdict(self), "more": self.more}


def diff(
    datamart: Datamart,
    old: int,
    new: int,
    open_engine: Callable[[], Store],
    name: str | None = None,
    limit: int = 0,
) -> list[TableDiff]:
    """One TableDiff per table that differs between release `old` and `new`, for one table or for all.

    Rows are matched by the table's keys. Columns about the writing do not count; a column that a
    release lacks is NULL there. `limit` is the number of rows to list per table. BadInput for a table
    in neither release; LakehouseError if one of the releases cannot be read any more.
    """
    log, catalog = datamart.log, datamart.catalog
    releases = [published.release(log, number) for number in (old, new)]
    asked = [catalog.table(name)] if name else catalog.tables
    if name and not any(asked[0].full_name in release.versions for release in releases):
        raise BadInput(f"neither release {old} nor release {new} has a table {name}")
    for release in releases:
        check_readable(log, release.pins, asked)
    moved = [m for table in asked if (m := _moved(log, table, *releases)).partitions]
    if not moved:
        return []
    store = open_engine()
    diffs = [_of_table(store, table, limit) for table in moved]
    return [diff for diff in diffs if diff.added or diff.changed or diff.removed]


def changed_cells(
    datamart: Datamart,
    old: int,
    new: int,
    open_engine: Callable[[], Store],
    table: str | None = None,
    limit: int = 20,
) -> list[dict[str, object]]:
    """The differing rows of two releases as `lines`, `limit` rows per table; a last line counts others."""
    diffs = diff(datamart, old, new, open_engine, table, limit)
    return [line for of_table in diffs for line in (*lines(of_table), *_line_of_more(of_table))]


def lines(of_table: TableDiff) -> list[dict[str, object]]:
    """One line per changed cell, added row and removed row: table, what, key, column, old, new."""
    return [
        {
            "table": of_table.table,
            "what": row.what,
            **row.key,
            "column": cell.column,
            "old": cell.old,
            "new": cell.new,
        }
        for row in of_table.rows
        for cell in row.cells or (Cell("", None, None),)
    ]


def _line_of_more(of_table: TableDiff) -> list[dict[str, object]]:
    return (
        [{"table": of_table.table, "what": f"… and {of_table.more:,} more"}]
        if of_table.more
        else []
    )


@dataclass(frozen=True)
class _Moved:
    """A table at two releases (None: it has no version there), and the partitions whose files differ."""

    table: Table
    versions: tuple[int | None, int | None]
    partitions: frozenset[str | None]


def _moved(log: Log, table: Table, *releases: Release) -> _Moved:
    old, new = (release.versions.get(table.full_name) for release in releases)
    # Equal files hold equal rows.
    differing = _files(log, table, old) ^ _files(log, table, new)
    return _Moved(table, (old, new), frozenset(partition for partition, _ in differing))


def _files(log: Log, table: Table, version: int | None) -> set[tuple[str | None, str]]:
    """Partition and path of each data file."""
    if version is None:
        return set()
    actions = pa.table(log.open(table, version).get_add_actions(flatten=True))
    columns = (f"partition.{table.partition}", "path")
    return set(zip(*(actions.column(name).to_pylist() for name in columns), strict=True))


def _of_table(store: Store, moved: _Moved, limit: int) -> TableDiff:
    table, frames = moved.table, _frames(store, moved)
    compared = _compared_columns(table, frames)
    rows = _differing(table, frames, compared)
    counts = dict(map(tuple, rows.groupBy("what").count().collect()))
    added, changed, removed = (int(counts.get(what, 0)) for what in (ADDED, CHANGED, REMOVED))
    listed = _first_rows(table, rows, compared, limit) if limit else ()
    return TableDiff(table.full_name, added, changed, removed, listed)


def _frames(store: Store, moved: _Moved) -> list[DataFrame]:
    """The rows of the differing partitions in the old and the new release; empty if it has no version."""
    either = next(version for version in moved.versions if version is not None)
    partition = F.col(str(moved.table.partition))
    differs = any_of(partition.eqNullSafe(F.lit(value)) for value in moved.partitions)
    return [
        store.read(moved.table, either if version is None else version).where(
            F.lit(False) if version is None else differs
        )
        for version in moved.versions
    ]


def _compared_columns(table: Table, frames: Iterable[DataFrame]) -> list[str]:
    names = dict.fromkeys(name for frame in frames for name in frame.columns)
    return [name for name in names if name not in (*table.keys, *table.unversioned)]


def _differing(table: Table, frames: Sequence[DataFrame], compared: Sequence[str]) -> DataFrame:
    """The rows that differ: `what`, the key as key_i, and each compared column as old_i and new_i."""
    old, new = (
        _numbered(table, *side, compared) for side in zip(("old", "new"), frames, strict=True)
    )
    keys = [f"key_{i}" for i, _ in enumerate(table.keys)]
    differs = any_of(_differs(i) for i, _ in enumerate(compared))
    what = (
        F.when(F.col("old").isNull(), ADDED)
        .when(F.col("new").isNull(), REMOVED)
        .when(differs, CHANGED)
    )
    return old.join(new, keys, "full").withColumn("what", what).where(F.col("what").isNotNull())


def _numbered(table: Table, side: str, rows: DataFrame, compared: Sequence[str]) -> DataFrame:
    """The rows with numbered columns instead of names, because a raw file may use any name."""
    names = set(rows.columns)
    keys = (F.col(quoted(name)).alias(f"key_{i}") for i, name in enumerate(table.keys))
    cells = (
        (F.col(quoted(name)) if name in names else F.lit(None)).alias(f"{side}_{i}")
        for i, name in enumerate(compared)
    )
    return rows.select(F.lit(True).alias(side), *keys, *cells)


def _differs(i: int) -> Column:
    return ~F.col(f"old_{i}").eqNullSafe(F.col(f"new_{i}"))


def _first_rows(
    table: Table, rows: DataFrame, compared: Sequence[str], limit: int
) -> tuple[DifferingRow, ...]:
    keys = [f"key_{i}" for i, _ in enumerate(table.keys)]
    hidden = hidden_columns(table, compared)
    cells = (_changed_cell(i, name in hidden) for i, name in enumerate(compared))
    first = rows.orderBy(*keys).limit(limit).select("what", *keys, *cells)
    return tuple(_row(table, compared, *row) for row in first.collect())


def hidden_columns(table: Table, compared: Iterable[str]) -> set[str]:
    """The columns that must not be shown: personal ones, and those that are not declared.

    If a raw file has personal columns, all its columns: in a shifted row any cell may be a name.
    """
    hidden = {field.name for field in table.fields if field.personal}
    hidden |= set(table.source.header) if table.source and hidden else set()
    hidden |= set(compared) - set(table.columns)
    # A number of nine digits can be guessed from the hash of a row that holds it.
    return hidden | {ROW_HASH} if hidden else hidden


def _changed_cell(i: int, hidden: bool) -> Column:
    """A struct of both values; they leave the engine only if they differ and may be shown."""
    sides = (
        (F.lit(HIDDEN) if hidden else F.col(f"{side}_{i}")).alias(side) for side in ("old", "new")
    )
    changed = (F.col("what") == CHANGED) & _differs(i)
    return F.when(changed, F.struct(*sides)).alias(f"cell_{i}")


def _row(table: Table, compared: Sequence[str], what: str, *values: Any) -> DifferingRow:
    key, pairs = values[: len(table.keys)], values[len(table.keys) :]
    cells = (Cell(name, *pair) for name, pair in zip(compared, pairs, strict=True) if pair)
    return DifferingRow(what, dict(zip(table.keys, key, strict=True)), tuple(cells))

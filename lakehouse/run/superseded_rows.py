"""Rows of bronze tables in the form of `bronze.superseded`, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.raw import PROVENANCE, ROW_HASH
from lakehouse.bronze.superseded import CELLS, DELETES, ENTITY, FATE, KEY_HASH
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.changes import DELETE, OPERATION, as_declared
from lakehouse.run.candidates import AT, FILE
from lakehouse.table import MONTH, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

END, _ESCAPE = "\x1f", "\x1e"


def key_hash(table: Table) -> Column:
    """MD5 of the cells of a row's key."""
    return _hash(table.keys)


def _hash(names: Iterable[str]) -> Column:
    """MD5 of cells by name, as `landing.row_hash` makes it."""
    pairs = []
    for name in sorted(names):
        value = F.col(quoted(name)).cast("string")
        value = F.replace(value, F.lit(_ESCAPE), F.lit(f"{_ESCAPE}0"))
        value = F.replace(value, F.lit(END), F.lit(f"{_ESCAPE}1"))
        pairs.append(F.concat(F.lit(f"{name}{END}"), value))
    return F.md5(F.concat_ws(END, *pairs, F.lit("")))


def raw_columns(table: Table) -> list[str]:
    """The columns of a bronze table that are cells of the raw file."""
    ours = {MONTH, *(each.name for each in PROVENANCE)}
    return [name for name in table.columns if name not in ours]


def as_candidates(
    rows: DataFrame, table: Table, deletes: bool = False, more: Sequence[str] = ()
) -> DataFrame:
    """Rows of a bronze table, or deletions of its keys, in the form of `bronze.superseded`.

    They keep `more` columns of their own.
    """
    assert table.source is not None
    cells = table.keys if deletes else raw_columns(table)
    texts = (each for name in cells for each in (F.lit(name), F.col(quoted(name)).cast("string")))
    has_entity = table.entity in cells
    made = rows.withColumns(
        {
            "source": F.lit(table.source.name),
            KEY_HASH: key_hash(table),
            FATE: F.lit(None).cast("string"),
            DELETES: F.lit(deletes),
            ENTITY: F.col(quoted(table.entity)) if has_entity else F.lit(None),
            CELLS: F.create_map(*texts),
            # Made again, as an older program made it in another way, or of names in other letters.
            ROW_HASH: _hash(cells),
        }
    )
    return as_declared(made, SUPERSEDED, *more)


def as_rows(superseded: DataFrame, table: Table) -> DataFrame:
    """Rows of `bronze.superseded` as those of their bronze table."""
    raw = {*raw_columns(table)}
    return superseded.select(
        *(
            (F.col(CELLS)[each.name] if each.name in raw else F.col(each.name))
            .cast(each.type)
            .alias(each.name)
            for each in table.fields
        )
    )


def taken_out(places: DataFrame, table: Table) -> DataFrame:
    """Changes that take rows out of `bronze.superseded`, which are told by month, key and file."""
    assert table.source is not None
    absent = {name: F.lit(None) for name in SUPERSEDED.columns if name not in places.columns}
    rows = places.withColumns({**absent, "source": F.lit(table.source.name)})
    return as_declared(rows, SUPERSEDED).withColumn(OPERATION, F.lit(DELETE))


def settled(held: DataFrame, bronze: DataFrame, table: Table) -> DataFrame:
    """Changes that take out the rows that the table has from the same file: a run was stopped between."""
    rows = bronze.withColumn(KEY_HASH, key_hash(table)).select(*AT, FILE)
    return taken_out(held.select(*AT, FILE).join(rows, [*AT, FILE], "left_semi"), table)

"""The things that only one person owns, as an account: their ids, and the rows of tables that name them."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import CELLS
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.catalog import Catalog
from lakehouse.landing.cells import BLANKS
from lakehouse.storage.datamart import Datamart
from lakehouse.table import OwnedBy, Table
from lakehouse.upkeep.person import RAW_TEXT, Held
from lakehouse.upkeep.rewrite import data_files

# The ids of what a person owns, by the declaration that says so.
Owns = Mapping[OwnedBy, frozenset[str]]


def owns(datamart: Datamart, customer: str) -> Owns:
    """The things that a customer owns in any version of the sources that say so, and nobody else in any."""
    declared = {t.source.owned_by for t in datamart.catalog.sources if t.source}
    return {by: ids for by in declared if by and (ids := _ids(datamart, by, customer))}


def held(catalog: Catalog, table: Table, owned: Owns) -> tuple[Held, ...]:
    """The rows of a table that name what the person owns."""
    if table.full_name == QUARANTINE.full_name:
        return tuple(Held(ids, RAW_TEXT) for ids in owned.values())
    if table.full_name == SUPERSEDED.full_name:
        sources = (each.source for each in catalog.sources if each.source)
        told = ((each.name, by) for each in sources if (by := each.owned_by) and by in owned)
        return tuple(Held(owned[by], by.column, name, CELLS) for name, by in told)
    columns = catalog.owned_columns(table).items()
    return tuple(Held(owned[by], column) for column, by in columns if by in owned)


def _ids(datamart: Datamart, by: OwnedBy, customer: str) -> frozenset[str]:
    (table,) = (t for t in datamart.catalog.sources if t.source and t.source.name == by.source)
    names = [table.entity, by.column, *(by.where[:1] if by.where else ())]
    own: set[str] = set()
    others: set[str] = set()
    for file in data_files(datamart.place.on_this_machine() / table.path).values():
        with pq.ParquetFile(file) as parquet:
            if not {*names} <= {*parquet.schema_arrow.names}:
                continue
            rows = parquet.read(columns=names)
        if by.where:
            rows = rows.filter(pc.equal(_trimmed(rows, by.where[0]), by.where[1]))
        is_own = pc.fill_null(pc.equal(_trimmed(rows, table.entity), customer), False)
        ids = _trimmed(rows, by.column)
        own |= {*ids.filter(is_own).drop_null().to_pylist()}
        others |= {*ids.filter(pc.invert(is_own)).drop_null().to_pylist()}
    return frozenset(own - others)


def _trimmed(rows: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.utf8_trim(rows[name].cast(pa.string()), BLANKS)

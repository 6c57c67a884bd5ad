"""A sample of what was published before, compared at each release, so that rot that travelled is found."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.store import Store
from lakehouse.errors import LakehouseError
from lakehouse.releases.release import Release
from lakehouse.run.failures import explained
from lakehouse.run.recomputed import AGAIN, changes_of, compared, differences
from lakehouse.storage.data_file import data_files
from lakehouse.storage.log import months_of
from lakehouse.storage.sound import check_sound
from lakehouse.table import Table, quoted
from lakehouse.upkeep.altered import altered, told

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_PARTS = 16
_MOST_COLUMNS = 24  # to plan the comparison of 150 took as long as the rest


@dataclass(frozen=True)
class Sample:
    """A month of a table; in silver and gold some columns, and customers whose hash falls in a part of 16."""

    table: Table
    month: str
    columns: tuple[str, ...]
    part: int


def check_sample(store: Store, release: Release) -> None:
    """LakehouseError if a sample is not what was landed, or not what its upstreams give.

    It follows from the number of the release, so a run that is started again looks at the same.
    """
    sample = chosen(store, release)
    if sample is None:
        return
    with explained(store.datamart, sample.table):
        if sample.table.source:
            _check_landed(store, sample)
        elif _differs(store, sample):
            # Compared whole: rows that depend on other customers differ in a part of them.
            for difference in differences(store, sample.table, [sample.month]):
                raise LakehouseError(
                    f"{sample.table.full_name}: {difference}; nothing is published; {AGAIN}"
                )


def chosen(store: Store, release: Release) -> Sample | None:
    """The sample of a release: its table in turns, and a month in which no table has changed; else None.

    Tables about nobody are left out: an erased person still counts in them.
    """
    log, catalog = store.log, store.datamart.catalog
    derived = [t for t in catalog.derived if all(map(catalog.entity_columns, (t, *t.upstreams)))]
    # Hashes are computed from files of this machine.
    tables = [*(catalog.sources if log.place.folder else ()), *derived]
    if not tables:
        return None
    table, chance = tables[release.number % len(tables)], Random(release.number)
    months = [each for each in months_of(log.rows_by_month(table)) if each not in release.months]
    if not months:
        return None
    columns = compared(table)
    begin = chance.randrange(0, max(len(columns), 1), _MOST_COLUMNS)
    return Sample(
        table,
        chance.choice(months),
        tuple(columns[begin : begin + _MOST_COLUMNS]),
        chance.randrange(_PARTS),
    )


def _check_landed(store: Store, sample: Sample) -> None:
    log, table = store.log, sample.table
    check_sound(log, table, months=[sample.month])
    files = [file for file in data_files(log, table) if file.partition == sample.month]
    found = told(altered(log, table, files))
    if found:
        raise LakehouseError(
            f"{table.full_name}: {found}; nothing is published; python main.py run --repair brings them "
            "again from the raw file"
        )


def _differs(store: Store, sample: Sample) -> bool:
    catalog, table = store.datamart.catalog, sample.table

    def of(rows: DataFrame, of_table: Table) -> DataFrame:
        entity = F.col(quoted(catalog.entity_columns(of_table)[0]))
        return rows.where(F.pmod(F.xxhash64(entity), F.lit(_PARTS)) == sample.part)

    changes = changes_of(store, table, [sample.month], sample.columns, of)
    return bool(changes.select(*map(quoted, table.keys)).limit(1).collect())

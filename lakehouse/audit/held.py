"""Checks that read the tables of a release and build nothing.

So they also work on a release that other code built, or that is too small to be replayed.
"""

from __future__ import annotations

from collections.abc import Iterator

from pyspark.sql import DataFrame

from lakehouse.audit.applications import applications_check
from lakehouse.audit.dated import month_check, source_dates_check
from lakehouse.audit.finding import Check
from lakehouse.audit.keys import keys_check
from lakehouse.audit.swapped import swapped_dates_check
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.table import MONTH, Table


def held_checks(store: Store, catalog: Catalog, release: Release) -> Iterator[Check]:
    """The checks of what a release holds; LakehouseError if one of its tables cannot be read."""
    held = [table for table in catalog.data if table.full_name in release.versions]
    check_readable(store.log, release.pins, held)

    def read(table: Table) -> DataFrame:
        return store.read(table, release.versions[table.full_name])

    sources = [table for table in held if table.source]
    yield swapped_dates_check(sources, QUARANTINE, read)
    yield keys_check(sources, read)
    yield applications_check(catalog.label_store, read)
    dated = [table for table in held if table.partition == MONTH and table.date]
    yield month_check(dated, read)
    yield source_dates_check([table for table in dated if _has_dated_upstream(table)], read)


def _has_dated_upstream(table: Table) -> bool:
    has_any = any(each.entity and each.date for each in table.upstreams)
    return bool(table.entity) and has_any and not table.own_days

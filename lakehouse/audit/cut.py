"""The month after which a replay cuts a release off."""

from __future__ import annotations

from itertools import accumulate

from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.months import is_month, shift
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log, months_of
from lakehouse.table import Table


def gold(catalog: Catalog) -> list[Table]:
    """The tables that a replay must reproduce: feature groups and the label store."""
    return [table for table in catalog.derived if table.layer == "gold"]


def chosen_cut(store: Store, catalog: Catalog, release: Release, asked: str | None = None) -> str:
    """The last month that a replay knows, YYYY-MM: the one asked for, else that of the median application.

    With the median, half of the loans applied up to that month and half of them after it.
    BadInput if a raw file or a gold table would have no row on one side.
    """
    first, last = _possible(store.log, catalog, release)
    if asked is None:
        return min(max(_median_application(store, catalog, release), first), last)
    if not is_month(asked) or not first <= asked <= last:
        raise BadInput(
            f"release {release.number} cannot be cut after {asked}: each raw file and gold table "
            f"must have rows on both sides; give a month from {first} to {last}"
        )
    return asked


def _possible(log: Log, catalog: Catalog, release: Release) -> tuple[str, str]:
    """The first and the last month of a cut that leaves rows of every table on both sides."""
    versions = release.versions
    held = [
        months_of(log.rows_by_month(table, versions[table.full_name]))
        for table in (*catalog.sources, *gold(catalog))
    ]
    if all(held):
        first, last = max(months[0] for months in held), min(months[-1] for months in held)
        if first < last:
            return first, shift(last, -1)
    raise BadInput(
        f"release {release.number} is too small to replay: no month has rows of each raw file "
        "and gold table both up to it and after it; audit a release of more months"
    )


def _median_application(store: Store, catalog: Catalog, release: Release) -> str:
    table, day = catalog.label_store, catalog.labels.own.application
    labels = store.read(table, release.versions[table.full_name])
    month = F.substring(F.col(day).cast("string"), 1, 7)
    # One row per month, so they are few.
    counted = sorted((str(name), int(n)) for name, n in labels.groupBy(month).count().collect())
    up_to = list(accumulate(n for _, n in counted))
    return next(name for (name, _), n in zip(counted, up_to, strict=True) if 2 * n >= up_to[-1])

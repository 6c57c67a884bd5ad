"""The month, and the day in it, after which a replay cuts a release off."""

from __future__ import annotations

from itertools import accumulate

from pyspark.sql import Column
from pyspark.sql import functions as F

from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.months import is_month, shift
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log, months_of
from lakehouse.table import MONTH, Table


def gold(catalog: Catalog) -> list[Table]:
    """The tables that a replay must reproduce: feature groups and the label store."""
    return [table for table in catalog.derived if table.group or table.labels]


def _cut(catalog: Catalog) -> list[Table]:
    """The raw files and the gold tables that a cut parts; it leaves reference data without a date whole."""
    return [table for table in (*catalog.sources, *gold(catalog)) if not table.is_undated]


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


def finer(store: Store, catalog: Catalog, release: Release, month: str) -> str:
    """The day of the month, YYYY-MM-DD, that parts the raw rows of the month best; the month if none does.

    A feature that looks at a later row of its own month is seen only if the cut is between the two.
    """
    tables = _cut(catalog)
    counted = {table: _by_day(store, release, table, month) for table in tables}
    # Without a row up to the cut, a raw file could not be written and a table not be compared.
    firsts = [min(counted[t]) for t in tables if not _begins_before(store, release, t, month)]
    raw = [counted[table] for table in tables if table.source]
    days = sorted({day for by_day in raw for day in by_day if day >= max(firsts, default="")})
    days = _asked(days, [counted[table] for table in tables if _has_own_days(table)])
    parts = {day: [part for by_day in raw if (part := _smaller_part(by_day, day))] for day in days}
    best = max(days, key=lambda day: (len(parts[day]), sum(parts[day])), default=month)
    return best if parts.get(best) else month


def _has_own_days(table: Table) -> bool:
    """Whether a group has days that are asked, by itself or from the table that it is made of."""
    made_of = (table, *table.upstreams)
    return table.group is not None and any(each.own_days for each in made_of)


def _asked(days: list[str], own: list[dict[str, int]]) -> list[str]:
    """Those of the days on which most groups with days of their own have a row; all if none has one.

    Such a group has few days. A cut between two of them would not part a row from the events soon after it.
    """
    most = max((sum(day in by_day for by_day in own) for day in days), default=0)
    return [day for day in days if sum(day in by_day for by_day in own) == most]


def _by_day(store: Store, release: Release, table: Table, month: str) -> dict[str, int]:
    """The number of rows on each day of a month."""
    rows = store.read(table, release.versions[table.full_name]).where(F.col(MONTH) == month)
    day = F.col(table.date).cast("string")
    return {str(day): int(n) for day, n in rows.groupBy(day).count().collect()}


def _begins_before(store: Store, release: Release, table: Table, month: str) -> bool:
    by_month = store.log.rows_by_month(table, release.versions[table.full_name])
    return months_of(by_month)[0] < month


def _smaller_part(by_day: dict[str, int], cut: str) -> float:
    """The share of the rows on that side of the cut that has fewer of them."""
    up_to_cut, total = sum(n for day, n in by_day.items() if day <= cut), sum(by_day.values())
    return min(up_to_cut, total - up_to_cut) / total if total else 0.0


def up_to(table: Table, cut: str) -> Column:
    """Whether a row of a table has a date up to the cut; its partition may tell another month."""
    if not table.date:
        return F.col(MONTH) <= cut if is_month(cut) else F.col(MONTH) < cut[: len("YYYY-MM")]
    return F.substring(F.col(table.date).cast("string"), 1, len(cut)) <= cut


def _possible(log: Log, catalog: Catalog, release: Release) -> tuple[str, str]:
    """The first and the last month of a cut that leaves rows of every table on both sides."""
    versions = release.versions
    held = [
        months_of(log.rows_by_month(table, versions[table.full_name])) for table in _cut(catalog)
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

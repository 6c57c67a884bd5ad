"""Checks that a raw file can restore what its bronze table has lost; otherwise later tables lose it too."""

from __future__ import annotations

from collections.abc import Iterable

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Landed
from lakehouse.months import MonthRange, spell
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log, months_of
from lakehouse.table import Table


def check_refill(
    datamart: Datamart,
    table: Table,
    landed: Landed,
    scope: MonthRange,
    lost: Iterable[str] = (),
    is_there: bool = True,
    archived: bool = False,
    is_whole: bool = False,
) -> None:
    """BadInput if the file, within the scope, lacks months that are `lost` or that only later tables hold.

    If the table `is_whole`, only later tables hold a month because a run that was stopped took its rows away.
    It is also BadInput if such a month has fewer good rows than are held, and the file has damaged rows, or
    others were `archived`.
    """
    log, catalog = datamart.log, datamart.catalog
    is_there = is_there and log.exists(table)
    held = _rows_by_month(log, [*([table] if is_there else []), *_downstream(catalog, table)])
    own = log.rows_by_month(table) if is_there else {}
    wanted = {*lost, *(() if is_whole else months_of(held.keys() - own.keys()))}
    counts = {month: n for month, n in landed.counts.items() if month and scope.has(month)}
    partial = archived or any(counted.quarantined for counted in landed.counts.values())
    short = [
        month
        for month in wanted
        if month not in counts or (partial and counts[month].accepted < held.get(month, 0))
    ]
    if short:
        raise BadInput(
            f"{table.full_name} has lost rows of {spell(short)}, and {landed.file_name} does not have "
            f"all of them{'' if scope == MonthRange() else ' in the months asked for'}; nothing was changed: "
            f"restore {log.uri(table)} from a backup, or put a file with these months in its place"
        )


def _rows_by_month(log: Log, tables: Iterable[Table]) -> dict[str, int]:
    """The largest number of rows of each month in any of the tables."""
    most: dict[str, int] = {}
    for table in filter(log.exists, tables):
        for month, rows in log.rows_by_month(table).items():
            most[month] = max(rows, most.get(month, 0))
    return most


def _downstream(catalog: Catalog, table: Table) -> list[Table]:
    """Every table that is computed from a table, directly or not, and from no other source.

    A table of several sources may hold months that this one never had.
    """
    reached = {table}
    for derived in catalog.derived:
        if derived.upstreams and reached >= {*derived.upstreams}:
            reached.add(derived)
    return [derived for derived in catalog.derived if derived in reached]

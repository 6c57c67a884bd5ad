"""Derived tables: recomputes the months that changed upstream, and merges the rows that differ."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.engines.changes import as_declared, differing, matched_columns
from lakehouse.engines.expectations import check_held
from lakehouse.engines.store import Merged, Store, add
from lakehouse.releases.recorded import Recorded
from lakehouse.run.groups import write_in_groups
from lakehouse.run.plan import Step
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.delta_schema import type_names
from lakehouse.storage.log import months_of
from lakehouse.storage.sound import check_sound
from lakehouse.table import MONTH, Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def pending_months(
    store: Store, step: Step, record: Recorded | None, again: Iterable[str] = ()
) -> list[str]:
    """The months of a table that changes of its upstreams reach, and those to compute `again`."""
    table = step.table
    is_all = step.everything or record is None
    changed: set[str] = set()
    again = {*again}
    if record is not None and not is_all:
        again |= {*record.pending_months}
        for upstream in table.upstreams:
            until = store.log.version(upstream) or 0
            since = record.consumed.get(upstream.full_name, -1)
            changed |= store.log.changed_months(upstream, since, until)
        if not (again or changed):
            return []
    held = table.possible(existing(store, table.upstreams)) | existing(store, [table])
    if table.own_months:
        held |= _months_of_rows(store, table)
    return sorted(held if is_all else held & (again | table.reached(changed, held)))


def _months_of_rows(store: Store, table: Table) -> set[str]:
    """The months of all rows that a table computes."""
    assert table.transform is not None, f"{table.full_name} has no transformation"
    frames = [store.read(upstream) for upstream in table.upstreams]
    rows = table.transform(*frames, **({"months": None} if table.look_back_months else {}))
    return {str(row[MONTH]) for row in rows.select(MONTH).distinct().collect()}


def refresh(
    store: Store,
    table: Table,
    months: Sequence[str],
    note: CommitNote,
    working: Callable[[Sequence[str]], AbstractContextManager[None]],
) -> list[Merged]:
    """Recompute the months of a table from its upstreams as they are now; one commit per group of months.

    `working` goes around the work on each group.

    Months that the table does not have yet are loaded, because there are no rows to merge with.
    """
    versions = {
        upstream.full_name: store.log.version(upstream) or 0 for upstream in table.upstreams
    }

    def write(group: Sequence[str], group_note: CommitNote) -> list[Merged]:
        with working(group):
            return _write(store, table, computed(store, table, group, versions), group, group_note)

    consumed = replace(note, consumed=versions)
    return write_in_groups(store, table, months, largest_month(store, table), consumed, write)


def computed(
    store: Store,
    table: Table,
    months: Sequence[str],
    versions: Mapping[str, int] | None = None,
    of: Callable[[DataFrame, Table], DataFrame] = lambda rows, _table: rows,
) -> DataFrame:
    """The rows of the months, computed from the upstreams, or from those of their rows that `of` takes.

    `versions` are those of the upstreams; without them they are read as they are now.
    """
    assert table.transform is not None, f"{table.full_name} has no transformation"
    # A long look back names only months that are there.
    there = existing(store, table.upstreams) | {*months}
    needed = sorted(table.needed(months, _largest(store, table, versions or {})) & there)
    for upstream in table.upstreams:
        check_sound(store.log, upstream, months=needed)
    frames = [
        of(store.read(upstream, (versions or {}).get(upstream.full_name)), upstream).where(
            F.col(MONTH).isin(needed)
        )
        for upstream in table.upstreams
    ]
    wanted = {"months": months} if table.look_back_months else {}
    rows = as_declared(table.transform(*frames, **wanted), table)
    return rows.where(F.col(MONTH).isin(list(months)))


def _largest(store: Store, table: Table, versions: Mapping[str, int]) -> int | None:
    """The largest value of the column that bounds a look back; None if there is none, or it is not told."""
    if not table.look_back_column:
        return None
    found: list[int] = []
    for upstream in table.upstreams:
        # Only the newest version is asked; of an earlier one as many months are read as there may be.
        newest = store.log.version(upstream)
        if newest is None or versions.get(upstream.full_name, newest) != newest:
            return None
        largest = store.log.largest(upstream, table.look_back_column)
        if largest is None:
            return None
        found.append(largest)
    return max(found, default=None)


def _write(
    store: Store, table: Table, new: DataFrame, months: Sequence[str], note: CommitNote
) -> list[Merged]:
    if not set(months) & existing(store, [table]):
        return add(store, table, new, note, months)
    old = store.read(table).where(F.col(MONTH).isin(list(months)))
    matched = matched_columns(table)
    compared = [name for name in table.columns if name not in matched]
    return store.merge(table, differing(new, old, table, compared), note, months)


def evolve(store: Store, table: Table, note: CommitNote, is_new_code: bool) -> bool:
    """Make columns and expectations the declared ones; return whether that emptied the table.

    LakehouseError if rows that are there break an expectation that is new or has changed.
    """
    others = store.log.other_expectations(table, by_text=is_new_code)
    have, wanted = store.log.columns(table), type_names(table)
    is_emptied = any(wanted.get(name) != kind for name, kind in have.items())
    missing = [name for name in wanted if name not in have]
    if not is_emptied:
        if missing:
            store.log.add_columns(table, missing)
        check_held(store, table, others)
    store.log.drop_expectations(table, others)
    if is_emptied:
        store.log.replace_schema(table, replace(note, code=None, consumed={}))
    store.log.add_expectations(table, others)
    return is_emptied


def existing(store: Store, tables: Iterable[Table]) -> set[str]:
    """The months that any of the tables has."""
    return {month for table in tables for month in months_of(store.log.rows_by_month(table))}


def largest_month(store: Store, table: Table) -> int:
    """The number of rows of the largest month in any upstream."""
    by_month = [store.log.rows_by_month(upstream) for upstream in table.upstreams]
    return max((rows for counted in by_month for rows in counted.values()), default=1)

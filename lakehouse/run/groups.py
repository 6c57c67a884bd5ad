"""Months written a group at a time: as many as fit into one merge, and a commit per group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lakehouse.engines.store import Merged, Store
from lakehouse.months import in_groups
from lakehouse.storage.commit_note import CommitNote
from lakehouse.table import Table

WriteMonths = Callable[[Sequence[str], CommitNote], list[Merged]]


def write_in_groups(
    store: Store,
    table: Table,
    months: Sequence[str],
    rows_of_largest: int,
    note: CommitNote,
    write: WriteMonths,
) -> list[Merged]:
    """Write the months in order; each commit's note says which months are still to come.

    `rows_of_largest` is the number of rows of the largest month, which says how many fit into a merge.
    """
    merges: list[Merged] = []
    size = store.months_at_once(rows_of_largest * len(table.fields), len(months))
    for group, later in in_groups(months, size):
        merges += write(group, replace(note, pending_months=later))
    return merges

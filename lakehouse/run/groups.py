"""Writes months in groups: as many months as fit into one merge, with one commit per group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from lakehouse.engines.store import Merged, Store
from lakehouse.months import in_groups
from lakehouse.storage.commit_note import CommitNote
from lakehouse.table import Table

WriteMonths = Callable[[Sequence[str], CommitNote], Sequence[Merged]]


def write_in_groups(
    store: Store,
    table: Table,
    months: Sequence[str],
    rows_of_largest: int,
    note: CommitNote,
    write: WriteMonths,
    then: Sequence[str] = (),
) -> list[Merged]:
    """Write the months in order; the note of each commit says which months come after it, `then` last.

    `rows_of_largest` is the number of rows of the largest month. It decides how many months fit.
    """
    merges: list[Merged] = []
    size = store.months_at_once(rows_of_largest * len(table.fields), len(months))
    for group, later in in_groups(months, size):
        merges += write(group, replace(note, pending_months=(*later, *then)))
    return merges

"""A report of a run in words, for a terminal and for a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse.landing.counts import Counts
from lakehouse.run.refused import told_held_back
from lakehouse.words import counted

if TYPE_CHECKING:
    from lakehouse.run.job import Report


def told(done: Report) -> list[str]:
    """All that the report says, a line each: its sentence, notes, refusals, odd cells and coverage."""
    # Imported here, because help and status need no engine.
    from lakehouse.run.issues import odd_lines

    if not done.tables:
        return [*done.notes, f"Nothing was pending: release {done.release} is up to date."]
    refused = (
        [told_held_back(done.refused, done.raw_files, bool(done.published))] if done.refused else []
    )
    shares = ", ".join(f"{group.group} {group.whole.share:.1%}" for group in done.coverage)
    coverage = [f"Applications that find features: {shares}"] if shares else []
    return [closing_sentence(done), *done.notes, *refused, *odd_lines(done.odd_cells), *coverage]


def closing_sentence(done: Report) -> str:
    """The rows that a run read and changed, its release, and how long it took."""
    spent = f"{done.seconds:.1f} s on the {done.engine} engine"
    what = f"{_read(done)}{_changed(done)}"
    if done.release is None:
        return f"{what} There is no release yet ({spent})."
    if not done.published:
        return f"{what} Release {done.release} stays the newest ({spent})."
    made = done.published
    which = f"Release {made[0]}" if len(made) == 1 else f"Releases {made[0]} to {made[-1]}"
    return f"{what} {which} published ({spent})."


def _read(done: Report) -> str:
    counts = [table.rows for table in done.tables.values() if table.rows]
    if not counts:
        return ""
    total = sum(counts, Counts())
    superseded = f", {total.superseded:,} superseded" if total.superseded else ""
    return (
        f"{total.rows_in:,} raw rows read: {total.accepted:,} accepted, {total.quarantined:,} quarantined, "
        f"{total.equal_duplicates:,} equal duplicates{superseded}. "
    )


def _changed(done: Report) -> str:
    changed = [table.changed for table in done.tables.values() if table.changed]
    if not changed:
        return "No row changed."
    deleted = sum(table.deleted for table in done.tables.values())
    removed = f" ({deleted:,} of them deleted)" if deleted else ""
    rows, tables = counted(sum(changed), "row"), counted(len(changed), "table")
    return f"{rows} changed in {tables}{removed}."

"""Plans and reports of runs, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.show.answers import Json
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import note, say

if TYPE_CHECKING:
    from lakehouse.run.job import Report
    from lakehouse.run.plan import Step


def plan(steps: Sequence[Step]) -> None:
    """Print what a run would do."""
    pending = [step for step in steps if step.pending]
    if not pending:
        say("Nothing is pending: every table is up to date.")
        return
    rows("Pending", [{"table": step.table.full_name, "why": step.reason} for step in pending])


def report(done: Report) -> None:
    """Print the closing table of a run and one sentence on what it means."""
    for text in done.notes:
        note(text)
    if not done.tables:
        say(f"Nothing is pending: release {done.release} is up to date ({done.seconds:.2f} s).")
        return
    only_inserted = not any(table.updated or table.deleted for table in done.tables.values())
    hidden = ("inserted", "updated", "deleted") if only_inserted else ("changed",)
    rows(
        "What this run did",
        [{name: row[name] for name in row if name not in hidden} for row in _report_rows(done)],
    )
    say(_closing_sentence(done))


def _report_rows(done: Report) -> list[dict[str, Json]]:
    return [
        {
            "table": table.table,
            "rows in": table.rows.rows_in if table.rows else None,
            "accepted": table.rows.accepted if table.rows else None,
            "quarantined": table.rows.quarantined if table.rows else None,
            "equal duplicates": table.rows.equal_duplicates if table.rows else None,
            "inserted": table.inserted,
            "updated": table.updated,
            "deleted": table.deleted,
            "changed": table.changed,
            "version": table.version,
            "seconds": table.seconds,
        }
        for table in done.tables.values()
    ]


def _closing_sentence(done: Report) -> str:
    spent = f"{done.seconds:.1f} s on the {done.engine} engine"
    what = f"{_read(done)}{_changed(done)}"
    if not done.published:
        return f"{what} Release {done.release} stays the newest ({spent})."
    made = done.published
    which = f"Release {made[0]}" if len(made) == 1 else f"Releases {made[0]} to {made[-1]}"
    return f"{what} {which} published ({spent})."


def _read(done: Report) -> str:
    counts = [table.rows for table in done.tables.values() if table.rows]
    if not counts:
        return ""
    return (
        f"{sum(n.rows_in for n in counts):,} raw rows read: "
        f"{sum(n.accepted for n in counts):,} accepted, "
        f"{sum(n.quarantined for n in counts):,} quarantined, "
        f"{sum(n.equal_duplicates for n in counts):,} equal duplicates. "
    )


def _changed(done: Report) -> str:
    changed = [table.changed for table in done.tables.values() if table.changed]
    if not changed:
        return "No row changed."
    deleted = sum(table.deleted for table in done.tables.values())
    told = f" ({deleted:,} of them deleted)" if deleted else ""
    return f"{sum(changed):,} rows changed in {len(changed)} tables{told}."


def report_as_json(done: Report) -> dict[str, Json]:
    """The report as plain values."""
    return {**asdict(done), "tables": _report_rows(done)}

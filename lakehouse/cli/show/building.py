"""Plans and reports of runs, as people read them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.program import PLACES
from lakehouse.cli.show.answers import Json
from lakehouse.cli.show.looking import odd_cells, quarantine_steps
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import next_step, note, say
from lakehouse.cli.show.training import say_coverage
from lakehouse.run.told import closing_sentence

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.run.job import Report
    from lakehouse.run.plan import Step


# The options of `plan` that decide what a run takes.
_OF_RAW_ROWS = (
    "through",
    "month",
    "by_month",
    "full_refresh",
    "max_bad",
    "max_null",
    "delivery",
    "date_order",
)


def generated(row_counts: Mapping[str, int], out: Path) -> None:
    """Print the files that were written, those of an inbox by folder, and how to build from them."""
    of_folder: dict[str, list[int]] = {}
    for name, n in row_counts.items():
        of_folder.setdefault(name.rpartition("/")[0], []).append(n)
    if "" in of_folder:
        lines = [{"file": str(out / name), "rows": n} for name, n in row_counts.items()]
    else:
        lines = [
            {"folder": str(out / name), "files": len(counts), "rows": sum(counts)}
            for name, counts in of_folder.items()
        ]
    rows("Generated", lines)
    # Files beside the default folder have other customers: in its datamart a run would be refused.
    elsewhere = "" if str(out) == "data" else " --datamart DIR"
    next_step("Build from them", f"run --data {shlex.quote(str(out))}{elsewhere}")


def plan(steps: Sequence[Step]) -> None:
    """Print what a run would do."""
    for text in dict.fromkeys(step.absent for step in steps if step.absent):
        note(text)
    pending = [step for step in steps if step.pending]
    if not pending:
        say("Nothing is pending: every table is up to date.")
        return
    rows("Pending", [{"table": step.table.full_name, "why": step.reason} for step in pending])
    next_step("Do it", "run", (*PLACES, *_OF_RAW_ROWS))


def report(done: Report) -> None:
    """Print the closing table of a run and one sentence on what it means."""
    for text in done.notes:
        note(text)
    if not done.tables:
        say(f"Nothing is pending: release {done.release} is up to date ({done.seconds:.2f} s).")
        return
    only_inserted = not any(table.updated or table.deleted for table in done.tables.values())
    hidden = {"inserted", "updated", "deleted"} if only_inserted else {"changed"}
    if not any(table.rows and table.rows.superseded for table in done.tables.values()):
        hidden.add("superseded")
    rows(
        "What this run did",
        [{name: row[name] for name in row if name not in hidden} for row in _report_rows(done)],
        less=(
            "seconds",
            "version",
            "equal_duplicates",
            "rows_in",
            "accepted",
            "updated",
            "inserted",
        ),
    )
    if done.odd_cells:
        odd_cells(done.odd_cells)
    say_coverage(done.coverage)
    say(closing_sentence(done))
    bad_rows = {
        name.partition(".")[2]: table.rows.quarantined
        for name, table in done.tables.items()
        if table.rows
    }
    quarantine_steps(bad_rows)
    if done.published and not any(bad_rows.values()):
        _clean_step(*done.published)


def _clean_step(first: int, *later: int) -> None:
    """Say what to do after a run whose rows were all taken, and which published these releases."""
    if first == 1:
        next_step("Build a training set", "training-set --out train.parquet")
    else:
        next_step("See what changed", f"diff {first - 1} {[first, *later][-1]}")


def _report_rows(done: Report) -> list[dict[str, Json]]:
    return [
        {
            "table": table.table,
            "rows_in": table.rows.rows_in if table.rows else None,
            "accepted": table.rows.accepted if table.rows else None,
            "quarantined": table.rows.quarantined if table.rows else None,
            "equal_duplicates": table.rows.equal_duplicates if table.rows else None,
            "superseded": table.rows.superseded if table.rows else None,
            "inserted": table.inserted,
            "updated": table.updated,
            "deleted": table.deleted,
            "changed": table.changed,
            "version": table.version,
            "seconds": table.seconds,
        }
        for table in done.tables.values()
    ]


def report_as_json(done: Report) -> dict[str, Json]:
    """The report as plain values."""
    return {**asdict(done), "tables": _report_rows(done)}

"""Raw files and what became of their rows, as people read them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.cli.program import PLACES
from lakehouse.cli.show.tables import UTC, rows
from lakehouse.cli.show.terminal import next_step, say
from lakehouse.months import spell
from lakehouse.words import counted

if TYPE_CHECKING:
    from lakehouse.run.deliveries import Delivery, FileRows

# Those that wait for somebody come first.
_STATES = ("refused", "left out", "changed", "new", "taken", "archived")
_FATES = ("rows_in", "accepted", "quarantined", "equal_duplicates", "superseded")


def deliveries(files: Sequence[Delivery], limit: int) -> None:
    """Print a row per raw file: those that were not taken, then the newest of the others."""
    ordered = sorted(files, key=lambda each: each.file)
    ordered.sort(key=lambda each: each.taken_at.timestamp() if each.taken_at else 0, reverse=True)
    ordered.sort(key=lambda each: _STATES.index(each.state))
    first = ordered[:limit]
    rows(
        f"Raw files {UTC}",
        [
            {
                "file": each.file,
                "state": each.state,
                **_counts(each),
                "months": spell(each.months) if each.months else "",
                "taken": each.taken_at,
                "run": each.last_run_id,
                "bytes": each.bytes,
            }
            for each in first
        ],
        less=("bytes", "run", "taken", "equal_duplicates", "months", "rows_in", "accepted"),
    )
    _say_why(first)
    if files:
        states = Counter(each.state for each in files)
        told = (f"{states[state]:,} {state}" for state in _STATES if states[state])
        say(f"{counted(len(files), 'raw file')}: {', '.join(told)}.")
    if len(files) > limit:
        words = f"deliveries --limit {len(files)}"
        next_step("See all of them", words, (*PLACES, "source"))
    _next(first)


def file_rows(found: FileRows) -> None:
    """Print where each row of a raw file is, and why some are in quarantine."""
    file = found.delivery
    rows(
        f"{file.file} is {file.state}",
        [{**_counts(file), "first run": file.first_run_id, "last run": file.last_run_id}],
        less=("first run", "equal_duplicates"),
    )
    _say_why([file])
    of_others = any(each.stands for each in found.rows)
    rows(
        "Where its rows are",
        [
            {
                "month": each.month or "unknown",
                "fate": each.fate,
                "rows": each.rows,
                "in": each.table or "no table: a row of this file is equal",
                **({"stands instead": each.stands} if of_others else {}),
            }
            for each in found.rows
        ],
    )
    if found.reasons:
        rows(
            "In quarantine",
            [
                {
                    "reason": each.reason,
                    "rows": each.rows,
                    "first lines": ", ".join(f"{line:,}" for line in each.first_lines),
                }
                for each in found.reasons
            ],
        )
        next_step("See these rows", f"quarantine --source {file.source}")


def _counts(file: Delivery) -> dict[str, int | None]:
    return {name: getattr(file, name) for name in _FATES}


def _say_why(files: Sequence[Delivery]) -> None:
    why = [{"file": each.file, "why": each.why} for each in files if each.why]
    if why:
        rows("Not taken", why)


def _next(first: Sequence[Delivery]) -> None:
    """Say what to do about the files that come first."""
    if any(each.state in ("new", "changed") for each in first):
        next_step("Take them in", "run")
    elif any(each.state == "refused" for each in first):
        next_step("Mend the refused files, and take them in", "run")
    elif first:
        next_step("See where the rows of a file are", f"deliveries {shlex.quote(first[0].file)}")

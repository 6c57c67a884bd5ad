"""Training sets and their receipts, as people read them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.show.answers import Json
from lakehouse.cli.show.tables import UTC, rows
from lakehouse.cli.show.terminal import next_step, note, say
from lakehouse.training.waterfall import LOANS, excluded_as

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.training.coverage import Coverage
    from lakehouse.training.receipts import Receipt

_MOST_TOLD = 5


def say_coverage(groups: Sequence[Coverage]) -> None:
    """Print per feature group how many applications find a row; nothing without groups."""
    if groups:
        shares = ", ".join(f"{group.group} {group.whole.share:.1%}" for group in groups)
        say(f"Applications that find features: {shares}")


def training_set(
    made: Receipt, out: Path | None, again: bool, groups: Sequence[Coverage] = ()
) -> None:
    """Print one training set: its id, its size and file, its waterfall, and its coverage."""
    columns = sum(len(group.features) for group in made.selection.groups)
    known_by = made.selection.labels_known_by
    say(made.training_set_id)
    say(
        f"{made.row_count:,} rows, {columns} features, as known at release {made.release}"
        + (f", labels known by {known_by}" if known_by else "")
        + (f"; written to {out}" if out else "")
        + ("; the same content as on " + f"{made.created_at:%Y-%m-%d %H:%M} UTC" if again else "")
    )
    _say_then(made)
    _say_waterfall(made)
    say_coverage(groups)
    if out and made.selection.label:
        next_step("Look for leaks in it", f"audit --training-set {shlex.quote(str(out))}")
    for group in groups:
        warning = group.warning()
        if warning:
            note(warning)


def _say_waterfall(made: Receipt) -> None:
    """Print each line of the waterfall that has a loan; with a spine there is nothing to tell."""
    if not made.left_out:
        return
    reasons = {excluded_as(each.name): each.reason for each in made.selection.exclusions}
    told = {line: n for line, n in made.lines.items() if n or line in reasons}
    loans = told.get(LOANS, 0)
    rows(
        "Waterfall",
        [
            {
                "line": line.replace("_", " "),
                "loans": n,
                "share": f"{n / max(loans, 1):.1%}",
                "reason": reasons.get(line, ""),
            }
            for line, n in told.items()
        ],
        less=("reason",),
    )


def _say_then(made: Receipt) -> None:
    """Say which releases the applications read, and how many of them lack features because of that."""
    then = made.selection.then
    if then is None:
        return
    numbers = [each.release for each in then.releases]
    read = (
        f"{len(numbers)} releases from {numbers[0]} to {numbers[-1]}" if numbers else "no release"
    )
    say(f"Features as known then, by the clock {then.clock}: {read}")
    if made.unknown_then:
        told = [f"{n:,} applications ({why})" for why, n in made.unknown_then.items()]
        more = f", and {len(told) - _MOST_TOLD} more reasons" if len(told) > _MOST_TOLD else ""
        note(
            f"features are NULL because of what was known then: {', '.join(told[:_MOST_TOLD])}{more}"
        )


def training_set_as_json(made: Receipt, groups: Sequence[Coverage]) -> dict[str, Json]:
    """The receipt as plain values, with the applications that found a row of each group by month."""
    coverage: dict[str, Json] = {
        group.group: {month: asdict(found) for month, found in group.by_month.items()}
        for group in groups
    }
    return {**receipt_as_json(made), "coverage": coverage}


def receipt_as_json(receipt: Receipt) -> dict[str, Json]:
    """The receipt as plain values, its parameters as an object."""
    return {**asdict(receipt), "parameters": json.loads(receipt.parameters)}


def training_sets(receipts: Sequence[Receipt]) -> None:
    """Print receipts, the newest last."""
    rows(
        f"Training sets {UTC}",
        [
            {
                "training set": receipt.training_set_id,
                "built": receipt.created_at,
                "release": receipt.release,
                "known": "then" if receipt.selection.then else "now",
                "rows": receipt.row_count,
                "features": sum(len(group.features) for group in receipt.selection.groups),
                "label": receipt.selection.label.name if receipt.selection.label else "own spine",
                "content": receipt.content_hash[:12],
                "engine": receipt.engine,
                "a person erased": receipt.erased_at,
            }
            for receipt in receipts
        ],
        less=("engine", "content", "features", "known", "rows"),
    )
    if receipts and not receipts[-1].erased_at:
        next_step("Build it again", f"training-set --reproduce {receipts[-1].training_set_id}")

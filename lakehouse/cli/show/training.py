"""Training sets and their receipts, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from lakehouse.cli.show.answers import Json
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import note, say

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.training.coverage import Coverage
    from lakehouse.training.receipts import Receipt


def training_set(
    made: Receipt, out: Path | None, again: bool, groups: Sequence[Coverage] = ()
) -> None:
    """Print one training set: its id, its size and file, the loans left out, and its coverage."""
    left = [f"{n:,} {reason.replace('_', ' ')}" for reason, n in made.left_out.items() if n]
    columns = sum(len(group.features) for group in made.selection.groups)
    say(made.training_set_id)
    say(
        f"{made.row_count:,} rows, {columns} features, as known at release {made.release}"
        + (f"; left out: {', '.join(left)}" if left else "")
        + (f"; written to {out}" if out else "")
        + ("; the same content as on " + f"{made.created_at:%Y-%m-%d %H:%M} UTC" if again else "")
    )
    if groups:
        shares = ", ".join(f"{group.group} {group.whole.share:.1%}" for group in groups)
        say(f"Applications that find features: {shares}")
    for group in groups:
        warning = group.warning()
        if warning:
            note(warning)


def training_set_as_json(made: Receipt, groups: Sequence[Coverage]) -> dict[str, Json]:
    """The receipt as plain values, with the applications that found a row of each group by month."""
    coverage: dict[str, Json] = {
        group.group: {month: asdict(found) for month, found in group.by_month.items()}
        for group in groups
    }
    return {**asdict(made), "coverage": coverage}


def training_sets(receipts: Sequence[Receipt]) -> None:
    """Print receipts, the newest last."""
    rows(
        "Training sets",
        [
            {
                "training set": receipt.training_set_id,
                "built": receipt.created_at,
                "release": receipt.release,
                "rows": receipt.row_count,
                "features": sum(len(group.features) for group in receipt.selection.groups),
                "label": receipt.selection.label.name if receipt.selection.label else "own spine",
                "content": receipt.content_hash[:12],
                "engine": receipt.engine,
                "a person erased": receipt.erased_at,
            }
            for receipt in receipts
        ],
    )

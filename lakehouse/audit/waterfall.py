"""Waterfalls: each loan is in one line, in the training set of a release and in each receipt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lakehouse.audit.finding import Check, Finding
from lakehouse.errors import LakehouseError
from lakehouse.training.receipts import Receipt
from lakehouse.training.sets import TrainingSet
from lakehouse.training.waterfall import ROWS, adds_up


def waterfall_check(training_set: TrainingSet, receipts: Sequence[Receipt]) -> Check:
    """Check that the lines of waterfalls add up to all loans, and that the last is the number of rows."""
    told = [receipt for receipt in receipts if receipt.waterfall]
    return Check(
        name="waterfall",
        proves="Every loan is a row of the training set, or is left out for one reason.",
        looked_at=f"the loans of release {training_set.release}, and {len(told):,} receipts",
        findings=(*_recounted(training_set), *_kept(told)),
    )


def _recounted(training_set: TrainingSet) -> Iterator[Finding]:
    try:
        counted = training_set.waterfall()
    except LakehouseError as error:
        yield Finding("the training set", str(error))
        return
    rows = training_set.frame.count()
    if rows != counted.rows:
        yield Finding(
            "the training set", f"{counted.rows:,} loans are taken, and {rows:,} are rows"
        )


def _kept(receipts: Sequence[Receipt]) -> Iterator[Finding]:
    for receipt in receipts:
        if not adds_up(receipt.waterfall) or receipt.waterfall[ROWS] != receipt.row_count:
            yield Finding(receipt.training_set_id, "the lines of its waterfall do not add up")

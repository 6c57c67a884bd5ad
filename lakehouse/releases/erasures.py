"""Receipts of erasures, without anything that identifies the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.releases.ledger_rows import rows
from lakehouse.storage.log import Log


@dataclass(frozen=True)
class ErasureReceipt:
    """A row of ledger/erasures; the declaration of that table describes the columns."""

    erasure_id: str
    erased_at: datetime
    row_counts: Mapping[str, int]
    files: int
    training_sets: Sequence[str]


def erasures(log: Log) -> list[ErasureReceipt]:
    """Every erasure of a person, oldest first."""
    receipts = [
        ErasureReceipt(**{name: row[name] for name in ERASURES.columns})
        for row in rows(log, ERASURES)
    ]
    return sorted(receipts, key=lambda receipt: (receipt.erased_at, receipt.erasure_id))

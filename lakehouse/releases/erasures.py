"""Receipts of erasures, without anything that identifies the person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

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

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> ErasureReceipt:
        """The receipt of a row that may have more columns."""
        return cls(**{each.name: row[each.name] for each in fields(cls)})


def erasures(log: Log) -> list[ErasureReceipt]:
    """Every erasure of a person, oldest first."""
    receipts = map(ErasureReceipt.from_row, rows(log, ERASURES))
    return sorted(receipts, key=lambda receipt: (receipt.erased_at, receipt.erasure_id))

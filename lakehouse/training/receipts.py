"""Receipts of training sets: what each set was built from, and the hash of its content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.erasures import ErasureReceipt, erasures
from lakehouse.releases.readable import check_kept
from lakehouse.releases.release import Pins
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.log import Log
from lakehouse.training.selection import Selection


@dataclass(frozen=True)
class Receipt:
    """The record of a training set: a row of ledger/training_sets."""

    training_set_id: str
    release: int
    parameters: str
    versions: Mapping[str, int]
    row_count: int
    left_out: Mapping[str, int]
    content_hash: str
    code_fingerprint: str
    engine: str
    created_at: datetime
    erased_at: datetime | None = None

    @property
    def pins(self) -> Pins:
        """The table versions from which the set was built."""
        return Pins(f"training set {self.training_set_id}", self.created_at, self.versions)

    @property
    def selection(self) -> Selection:
        return Selection.from_json(self.parameters)


def receipts(log: Log) -> list[Receipt]:
    """The receipts of all training sets, oldest first; no engine is needed."""
    unordered = [_receipt(row) for row in ledger_rows.rows(log, TRAINING_SETS)]
    return sorted(unordered, key=lambda receipt: (receipt.created_at, receipt.training_set_id))


def _receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(**{name: row.get(name) for name in TRAINING_SETS.columns})  # type: ignore[arg-type]


def receipt(log: Log, training_set_id: str) -> Receipt:
    """The receipt of that id; BadInput if there is none."""
    by_id = {receipt.training_set_id: receipt for receipt in receipts(log)}
    if training_set_id not in by_id:
        newest = ", ".join(list(by_id)[-5:]) or "none yet"
        raise BadInput(f"no training set has the id {training_set_id}; the newest are: {newest}")
    return by_id[training_set_id]


def check_same(past: Receipt, made: Receipt) -> None:
    """LakehouseError if a training set that was built again has other content."""
    if (made.content_hash, made.row_count) == (past.content_hash, past.row_count):
        return
    changed = made.code_fingerprint != past.code_fingerprint
    why = (
        "the code of the join has changed since" if changed else "a table or the spine was altered"
    )
    raise LakehouseError(
        f"training set {past.training_set_id} came out different: {made.row_count:,} rows with hash "
        f"{made.content_hash[:12]}, not {past.row_count:,} with {past.content_hash[:12]}; {why}"
    )


def check_not_erased(past: Receipt) -> None:
    """LakehouseError if a person in the training set was erased."""
    if past.erased_at:
        raise LakehouseError(
            f"training set {past.training_set_id} cannot be built again exactly: a person in it was "
            f"erased on {past.erased_at:%Y-%m-%d %H:%M} UTC; build a new one with the same options"
        )


def keep(store: Store, made: Receipt, erased: Sequence[ErasureReceipt]) -> Receipt:
    """Write the receipt and return it; if the same set was built before, return the earlier receipt.

    LakehouseError if a person was erased after `erased` was read, which was before the set was computed.
    """
    with store.log.place.receipts_locked():
        _check_no_erasure_since(store.log, erased, made)
        add_missing_columns(store.log, TRAINING_SETS)
        past = {receipt.training_set_id: receipt for receipt in receipts(store.log)}
        if made.training_set_id in past:
            check_same(past[made.training_set_id], made)
            return past[made.training_set_id]
        # A vacuum, which also holds the receipts, may have deleted what the set was computed from.
        check_kept(store.log, published.release(store.log, made.release).pins)
        note = CommitNote(training_set_id=made.training_set_id)
        ledger_rows.insert(store.log, TRAINING_SETS, asdict(made), note)
    return made


def _check_no_erasure_since(log: Log, erased: Sequence[ErasureReceipt], made: Receipt) -> None:
    """LakehouseError if a person was erased meanwhile: the set could not be built again."""
    check_no_erasure_begun(log.place)
    if erasures(log) != erased:
        raise LakehouseError(
            f"a person was erased while training set {made.training_set_id} was computed; no receipt "
            "was written, build it again"
        )

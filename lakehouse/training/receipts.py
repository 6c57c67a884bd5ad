"""Receipts of training sets: what each was built of, and the hash of what came out."""

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
    """What is written down of a training set: a row of ledger/training_sets."""

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
        """The versions that it was built of."""
        return Pins(f"training set {self.training_set_id}", self.created_at, self.versions)

    @property
    def selection(self) -> Selection:
        return Selection.from_json(self.parameters)


def receipts(log: Log) -> list[Receipt]:
    """Every training set ever built, oldest first; needs no engine."""
    found = [_receipt(row) for row in ledger_rows.rows(log, TRAINING_SETS)]
    return sorted(found, key=lambda each: (each.created_at, each.training_set_id))


def _receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(**{name: row.get(name) for name in TRAINING_SETS.columns})  # type: ignore[arg-type]


def receipt(log: Log, training_set_id: str) -> Receipt:
    """The receipt of that id; BadInput if there is none."""
    known = {each.training_set_id: each for each in receipts(log)}
    if training_set_id not in known:
        some = ", ".join(list(known)[-5:]) or "none yet"
        raise BadInput(f"no training set has the id {training_set_id}; the newest are: {some}")
    return known[training_set_id]


def check_same(past: Receipt, made: Receipt) -> None:
    """LakehouseError where a training set that was built again has other content."""
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
    """LakehouseError where a person in the training set was erased since."""
    if past.erased_at:
        raise LakehouseError(
            f"training set {past.training_set_id} cannot be built again exactly: a person in it was "
            f"erased on {past.erased_at:%Y-%m-%d %H:%M} UTC; ask for the same choices to build one without"
        )


def keep(store: Store, made: Receipt, erased: Sequence[ErasureReceipt]) -> Receipt:
    """Write the receipt; the one that is there already if the same set was built before.

    LakehouseError where a person was erased since `erased` was read, before the set was computed.
    """
    with store.log.place.receipts_locked():
        _check_no_erasure_since(store.log, erased, made)
        add_missing_columns(store.log, TRAINING_SETS)
        past = {each.training_set_id: each for each in receipts(store.log)}
        if made.training_set_id in past:
            check_same(past[made.training_set_id], made)
            return past[made.training_set_id]
        # Vacuum, which holds the receipts, may have deleted what the set was computed of.
        check_kept(store.log, published.release(store.log, made.release).pins)
        note = CommitNote(training_set_id=made.training_set_id)
        ledger_rows.insert(store.log, TRAINING_SETS, asdict(made), note)
    return made


def _check_no_erasure_since(log: Log, erased: Sequence[ErasureReceipt], made: Receipt) -> None:
    """What was computed of tables that changed meanwhile cannot be built again, so it is not kept."""
    check_no_erasure_begun(log.place)
    if erasures(log) != erased:
        raise LakehouseError(
            f"a person was erased while training set {made.training_set_id} was computed; no receipt "
            "of it is kept, build it again"
        )

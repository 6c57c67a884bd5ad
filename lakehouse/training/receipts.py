"""Receipts of training sets: what each set was built from, and the hash of its content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.erasures import ErasureReceipt, erasures
from lakehouse.releases.go_back import go_back_in_ledger
from lakehouse.releases.readable import check_kept
from lakehouse.releases.release import Pins, Release
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.log import Log
from lakehouse.training.known_then import check_all_kept
from lakehouse.training.selection import Selection
from lakehouse.training.waterfall import Waterfall


@dataclass(frozen=True)
class Receipt:
    """The record of a training set: a row of ledger/training_sets. It shows itself in six lines."""

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
    unknown_then: Mapping[str, int] = field(default_factory=dict)
    waterfall: Mapping[str, int] = field(default_factory=dict)

    def __repr__(self) -> str:
        label, groups = self.selection.label, self.selection.groups
        lacking = {**self.left_out, **self.unknown_then}
        missing = [f"{n:,} {reason.replace('_', ' ')}" for reason, n in lacking.items() if n]
        features = sum(len(group.features) for group in groups)
        return "\n".join(
            [
                f"training set  {self.training_set_id}, built {self.created_at:%Y-%m-%d %H:%M} UTC",
                f"release       {self.release}, features as known {'then' if self.then else 'now'}",
                f"rows          {self.row_count:,}, label {label.name if label else 'none: own spine'}",
                f"left out      {', '.join(missing) or 'no loan'}",
                f"features      {features} of {', '.join(group.name for group in groups)}",
                f"content       {self.content_hash[:16]}; as_json() has all of it",
            ]
        )

    @property
    def lines(self) -> dict[str, int]:
        """The waterfall; a receipt of an older program has only the reasons, whose sum is its first line."""
        counted = Waterfall(
            sum(self.left_out.values()) + self.row_count, self.left_out, self.row_count
        )
        return {**(self.waterfall or counted.as_lines())}

    def as_json(self) -> str:
        """All of the receipt as JSON, its parameters as an object; times are in ISO form."""
        values = {**asdict(self), "parameters": json.loads(self.parameters)}
        return json.dumps(values, indent=2, default=lambda moment: moment.isoformat())

    def pins(self, releases: Mapping[int, Release]) -> list[Pins]:
        """The table versions from which the set was built, those of its own release first.

        `releases`, by number, identify the versions; one that is not there does not.
        """
        own = {self.release: self.versions}
        return [
            self._pins(releases.get(number), versions)
            for read in (own, self.then)
            for number, versions in read.items()
        ]

    @property
    def then(self) -> dict[int, Mapping[str, int]]:
        """The releases that the applications read, with known=then, and the table versions of each."""
        then = self.selection.then
        return {each.release: each.versions for each in (then.releases if then else ())}

    def _pins(self, release: Release | None, versions: Mapping[str, int]) -> Pins:
        # The time of the release, not that of the set: the clock may have been set back between them.
        moment = release.finished_at if release else self.created_at
        commits = release.commits if release else {}
        return Pins(f"training set {self.training_set_id}", moment, versions, commits)

    @property
    def selection(self) -> Selection:
        return Selection.from_json(self.parameters)


def receipts(log: Log) -> list[Receipt]:
    """The receipts of all training sets, oldest first; no engine is needed."""
    unordered = [_receipt(row) for row in ledger_rows.rows(log, TRAINING_SETS)]
    return sorted(unordered, key=lambda receipt: (receipt.created_at, receipt.training_set_id))


def _receipt(row: Mapping[str, Any]) -> Receipt:
    return Receipt(**{each.name: row.get(each.name) for each in fields(Receipt)})  # type: ignore[arg-type]


def receipt(log: Log, training_set_id: str) -> Receipt:
    """The receipt whose id is or begins with this text; BadInput if there is none, or are several."""
    by_id = {receipt.training_set_id: receipt for receipt in receipts(log)}
    if training_set_id in by_id:
        return by_id[training_set_id]
    meant = [id_ for id_ in by_id if training_set_id and id_.startswith(training_set_id)]
    if not meant:
        newest = ", ".join(list(by_id)[-5:]) or "none yet"
        raise BadInput(f"no training set has the id {training_set_id}; the newest are: {newest}")
    if len(meant) > 1:
        raise BadInput(
            f"{len(meant)} training sets have an id that begins with {training_set_id}: "
            f"{', '.join(meant[-5:])}; give more of the one you mean"
        )
    return by_id[meant[0]]


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
        go_back_in_ledger(store.log, TRAINING_SETS)
        add_missing_columns(store.log, TRAINING_SETS)
        past = {receipt.training_set_id: receipt for receipt in receipts(store.log)}
        if made.training_set_id in past:
            check_same(past[made.training_set_id], made)
            return past[made.training_set_id]
        # A vacuum, which also holds the receipts, may have deleted what the set was computed from.
        check_kept(store.log, published.release(store.log, made.release).pins)
        check_all_kept(store.datamart, made.selection.then)
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

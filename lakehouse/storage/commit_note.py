"""The note of our commits in the Delta log of their table; only this module knows its bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from lakehouse.days import DateOrder
from lakehouse.months import MonthRange
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class SourceRecord:
    """The raw file that a bronze table holds: its SHA-256, the months that were taken, and the part read.

    If there are several files, it is what all of them have. `sha256` is then the digest of their versions in
    ledger/deliveries, and `before` the digest before the run that took some of them.
    `rows_only`: the file was taken as rows to add or correct, not as all rows of its months. `date_order`
    is that of its dates with slashes, if their order matters. From `waits_until` on, a row that was dated
    in the future no longer is.
    """

    sha256: str | None = None
    scopes: tuple[MonthRange, ...] = ()
    extent: Extent | None = None
    rows_only: bool = False
    date_order: DateOrder | None = None
    waits_until: date | None = None
    before: str | None = None

    def waited_for(self, today: date) -> bool:
        """Whether a row of the file that was dated in the future no longer is."""
        return self.waits_until is not None and self.waits_until <= today

    def as_json(self) -> str:
        """The text that a release keeps in `sources`."""
        return json.dumps(self.as_values())

    def as_values(self) -> dict[str, Any]:
        """The same as JSON values, in their order."""
        return {
            "sha256": self.sha256,
            "scopes": [[scope.first, scope.last] for scope in self.scopes],
            "extent": asdict(self.extent) if self.extent else None,
            **({"delivery": "rows"} if self.rows_only else {}),
            **({"date_order": asdict(self.date_order)} if self.date_order else {}),
            **({"waits_until": self.waits_until.isoformat()} if self.waits_until else {}),
            **({"before": self.before} if self.before else {}),
        }

    @classmethod
    def from_json(cls, text: str) -> SourceRecord:
        """The record with that text."""
        return cls.from_values(json.loads(text))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> SourceRecord:
        """The record with these values; an older release may lack any of them."""
        extent, order = values.get("extent"), values.get("date_order")
        waits_until = values.get("waits_until")
        return cls(
            values.get("sha256"),
            tuple(MonthRange(first, last) for first, last in values.get("scopes", [])),
            Extent(**{**extent, "months": tuple(extent["months"])}) if extent else None,
            rows_only=values.get("delivery") == "rows",
            date_order=DateOrder(**order) if order else None,
            waits_until=date.fromisoformat(waits_until) if waits_until else None,
            before=values.get("before"),
        )


@dataclass(frozen=True)
class Quarantined:
    """The bronze table that a commit of the quarantine is about, and the SHA-256 of its raw file."""

    quarantined_of: str
    sha256: str


@dataclass(frozen=True)
class CommitNote:
    """The note of a commit about itself; a value is None if the note does not have it.

    `consumed` is the version of each upstream by its full name. `pending_months` are left to later
    commits. `undone` is the version of another program that was undone. `lost` are partitions whose
    lost files a repair took out of the log. A receipt, a vacuum and an erasure write to the ledger
    without a run; their notes have `training_set_id`, `given_up` (releases) or `erasure_id`.
    """

    run_id: str | None = None
    code: str | None = None
    consumed: Mapping[str, int] | None = None
    quarantined: Quarantined | None = None
    source: SourceRecord | None = None
    pending_months: tuple[str, ...] | None = None
    undone: int | None = None
    lost: tuple[str, ...] | None = None
    training_set_id: str | None = None
    given_up: tuple[int, ...] | None = None
    erasure_id: str | None = None

    def with_later(self, months: Iterable[str]) -> CommitNote:
        """The same note with these months put before the pending ones, so that later commits write them."""
        return replace(self, pending_months=(*months, *(self.pending_months or ())))

    def as_json(self) -> str:
        """The text in the log; only `code` next to `consumed`, and the values of a source, may be null."""
        source = self.source.as_values() if self.source else {}
        values = {
            "run_id": self.run_id,
            "code": self.code,
            "consumed": None if self.consumed is None else dict(self.consumed),
            **(asdict(self.quarantined) if self.quarantined else {}),
            **source,
            "pending_months": self.pending_months,
            "undone": self.undone,
            "lost": self.lost,
            "training_set_id": self.training_set_id,
            "given_up": self.given_up,
            "erasure_id": self.erasure_id,
        }
        nulls = source.keys() if self.consumed is None else {"code", *source}
        return json.dumps({key: v for key, v in values.items() if v is not None or key in nulls})

    @classmethod
    def from_json(cls, text: str | None) -> CommitNote:
        """The note of a commit of a run; an empty note if no run of this program wrote the text."""
        try:
            values = json.loads(text or "{}")
        except json.JSONDecodeError:
            return cls()
        if not isinstance(values, dict) or not values.get("run_id"):
            return cls()
        quarantined_of = values.get("quarantined_of")
        return cls(
            run_id=values["run_id"],
            code=values.get("code"),
            consumed=values.get("consumed"),
            quarantined=Quarantined(quarantined_of, values["sha256"]) if quarantined_of else None,
            source=None
            if quarantined_of or "sha256" not in values
            else SourceRecord.from_values(values),
            pending_months=_as_tuple(values.get("pending_months")),
            undone=values.get("undone"),
            lost=_as_tuple(values.get("lost")),
        )


def is_ours(text: object) -> bool:
    """Whether the `userMetadata` of a commit is a note of this program, also one without a run."""
    try:
        values = json.loads(text) if isinstance(text, str) else None
    except json.JSONDecodeError:
        return False
    ids = ("run_id", "training_set_id", "given_up", "erasure_id")
    return isinstance(values, dict) and any(values.get(each) for each in ids)


def _as_tuple(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)

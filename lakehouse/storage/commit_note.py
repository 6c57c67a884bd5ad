"""The note that a commit of ours has in its table's Delta log: the one place that knows its bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from lakehouse.months import MonthRange
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class SourceRecord:
    """The raw file that a bronze table holds: its SHA-256, the months taken, how far it was read."""

    sha256: str | None = None
    scopes: tuple[MonthRange, ...] = ()
    extent: Extent | None = None

    def as_json(self) -> str:
        """The text that a release keeps in `sources`."""
        return json.dumps(self.as_values())

    def as_values(self) -> dict[str, Any]:
        """The same as values of JSON, in their order."""
        return {
            "sha256": self.sha256,
            "scopes": [[scope.first, scope.last] for scope in self.scopes],
            "extent": asdict(self.extent) if self.extent else None,
        }

    @classmethod
    def from_json(cls, text: str) -> SourceRecord:
        """The record whose text that is."""
        return cls.from_values(json.loads(text))

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> SourceRecord:
        """The record of these values; an older release may lack any of them."""
        extent = values.get("extent")
        return cls(
            values.get("sha256"),
            tuple(MonthRange(first, last) for first, last in values.get("scopes", [])),
            Extent(**{**extent, "months": tuple(extent["months"])}) if extent else None,
        )


@dataclass(frozen=True)
class Quarantined:
    """The bronze table that a commit of the quarantine is about, and the SHA-256 of its raw file."""

    quarantined_of: str
    sha256: str


@dataclass(frozen=True)
class CommitNote:
    """The words of a commit about itself; None stands for what it does not say.

    `consumed` is the version of each upstream by its full name. `pending_months` are left to later
    commits. `undone` is the version of another program that was taken back. `lost` are partitions
    whose lost files a repair took out of the log. A receipt, a vacuum and an erasure write to the
    ledger without a run: they say `training_set_id`, `given_up` (releases) or `erasure_id`.
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
        """The same where these months, before those that are pending anyway, are left to later commits."""
        return replace(self, pending_months=(*months, *(self.pending_months or ())))

    def as_json(self) -> str:
        """The text in the log; a null stands in it only for a code beside `consumed`, and in a source."""
        source = self.source.as_values() if self.source else {}
        said = {
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
        return json.dumps({key: v for key, v in said.items() if v is not None or key in nulls})

    @classmethod
    def from_json(cls, text: str | None) -> CommitNote:
        """The note of a commit of a run; an empty one where no run of ours has written the text."""
        try:
            said = json.loads(text or "{}")
        except json.JSONDecodeError:
            return cls()
        if not isinstance(said, dict) or not said.get("run_id"):
            return cls()
        of = said.get("quarantined_of")
        return cls(
            run_id=said["run_id"],
            code=said.get("code"),
            consumed=said.get("consumed"),
            quarantined=Quarantined(of, said["sha256"]) if of else None,
            source=None if of or "sha256" not in said else SourceRecord.from_values(said),
            pending_months=_as_tuple(said.get("pending_months")),
            undone=said.get("undone"),
            lost=_as_tuple(said.get("lost")),
        )


def _as_tuple(names: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)

"""A commit in the history of a Delta table, whichever engine wrote it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from lakehouse.storage.commit_note import CommitNote

# The names that both engines give to the counts of a MERGE or an append.
_INSERTED = (
    "num_target_rows_inserted",
    "numTargetRowsInserted",
    "num_added_rows",
    "numOutputRows",
)
_UPDATED = ("num_target_rows_updated", "numTargetRowsUpdated")
_DELETED = ("num_target_rows_deleted", "numTargetRowsDeleted")

_OWN = (_INSERTED[0], _UPDATED[0], _DELETED[0])


@dataclass(frozen=True)
class ChangedRows:
    """The number of rows that a commit inserted, updated and deleted."""

    inserted: int
    updated: int
    deleted: int

    @staticmethod
    def of(metrics: Mapping[str, Any]) -> ChangedRows:
        """The counts of a MERGE or an append by either engine; 0 if the engine gives no count."""
        return ChangedRows(*(_first(metrics, names) for names in (_INSERTED, _UPDATED, _DELETED)))

    def as_metrics(self) -> dict[str, str]:
        """The counts under names that `of` reads, as texts, for a commit without metrics of its engine."""
        counts = (self.inserted, self.updated, self.deleted)
        return {name: str(count) for name, count in zip(_OWN, counts, strict=True)}


def _first(metrics: Mapping[str, Any], names: tuple[str, ...]) -> int:
    return next((int(metrics[name]) for name in names if name in metrics), 0)


@dataclass(frozen=True)
class Commit:
    """A version of a table: its time (UTC), operation, metrics, note and engine."""

    version: int
    timestamp: datetime
    operation: str
    metrics: Mapping[str, Any]
    note: CommitNote
    engine: str

    @staticmethod
    def of(entry: Mapping[str, Any]) -> Commit:
        """The commit of an entry of delta-rs' history."""
        return Commit(
            version=entry["version"],
            timestamp=datetime.fromtimestamp(entry["timestamp"] / 1000, tz=timezone.utc),
            operation=entry.get("operation", ""),
            # A commit without metrics of its engine has the counts of `as_metrics` itself.
            metrics=entry.get("operationMetrics")
            or {name: entry[name] for name in _OWN if name in entry},
            note=CommitNote.from_json(entry.get("userMetadata")),
            engine=entry.get("engineInfo", ""),
        )

    @property
    def changed_rows(self) -> ChangedRows:
        return ChangedRows.of(self.metrics)

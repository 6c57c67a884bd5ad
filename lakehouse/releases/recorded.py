"""The content of a table, as its commits or a release record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lakehouse.months import MonthRange
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class Recorded:
    """The content of a table, as its newest commit or a later release records it.

    `consumed` is the version of each upstream. `source` is the part of the raw file that the table holds.
    `pending_months` were not yet written when a run was stopped between two commits. `again` is the
    reason why everything must be taken again. `undo_to` is the version before another program wrote.
    `lost` are partitions that lost files since the release. `is_released` is whether no run has written
    since then.
    """

    version: int
    code: str | None = None
    consumed: Mapping[str, int] = field(default_factory=dict)
    source: SourceRecord = field(default_factory=SourceRecord)
    pending_months: tuple[str, ...] = ()
    again: str = ""
    undo_to: int | None = None
    lost: tuple[str, ...] = ()
    is_released: bool = False

    @classmethod
    def by_note(cls, version: int, note: CommitNote) -> Recorded:
        """The content of a table at this version, as a commit of a run tells it."""
        return cls(
            version,
            note.code,
            note.consumed or {},
            note.source or SourceRecord(),
            note.pending_months or (),
        )

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the raw file; None if it is to be read again, or never was."""
        return self.source.sha256

    @property
    def scopes(self) -> tuple[MonthRange, ...]:
        """The months of the raw file that were taken."""
        return self.source.scopes

    @property
    def extent(self) -> Extent | None:
        """How far the raw file was read, if it can be read on from there."""
        return self.source.extent

    def as_not_read(self) -> Recorded:
        """The same, but the raw files count as not read."""
        return replace(self, source=replace(self.source, sha256=None, before=None))

    def as_stopped(self) -> Recorded:
        """The same, but the raw files that a run read, and did not note, count as not read."""
        return replace(self, source=replace(self.source, sha256=None, before=self.sha256))

    def note(self, run_id: str) -> CommitNote:
        """The note of a commit after which the table holds this content."""
        return CommitNote(
            run_id,
            self.code,
            self.consumed,
            source=self.source,
            pending_months=self.pending_months,
        )

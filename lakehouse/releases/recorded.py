"""The content of a table, as its commits or a release record it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.months import MonthRange
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class Recorded:
    """The content of a table, as its newest commit or a later release records it.

    `consumed` is the version of each upstream. `sha256` and `scopes` are the raw file and the months
    taken from it; `extent` is the part that was read, if a longer file can be read on from there.
    `pending_months` were not yet written when a run was stopped between two commits. `again` is the
    reason why everything must be taken again. `undo_to` is the version before another program wrote.
    `lost` are partitions that lost files since the release.
    """

    version: int
    code: str | None = None
    consumed: Mapping[str, int] = field(default_factory=dict)
    sha256: str | None = None
    scopes: tuple[MonthRange, ...] = ()
    extent: Extent | None = None
    pending_months: tuple[str, ...] = ()
    again: str = ""
    undo_to: int | None = None
    lost: tuple[str, ...] = ()

    @classmethod
    def by_note(cls, version: int, note: CommitNote) -> Recorded:
        """The content of a table at this version, as the note of a commit records it."""
        source = note.source or SourceRecord()
        return cls(
            version,
            note.code,
            note.consumed or {},
            source.sha256,
            source.scopes,
            source.extent,
            note.pending_months or (),
        )

    @property
    def source(self) -> SourceRecord:
        """The part of the raw file that the table holds."""
        return SourceRecord(self.sha256, self.scopes, self.extent)

    def note(self, run_id: str) -> CommitNote:
        """The note of a commit after which the table holds this content."""
        return CommitNote(
            run_id,
            self.code,
            self.consumed,
            source=self.source,
            pending_months=self.pending_months,
        )

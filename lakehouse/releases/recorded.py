"""What a table holds, as its commits or a release say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lakehouse.months import MonthRange
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.extent import Extent


@dataclass(frozen=True)
class Recorded:
    """What a table's newest commit, or a release since, says that it holds.

    `consumed` is the version of each upstream; `sha256` and `scopes` are the raw file and its months,
    `extent` how far it was read, where it can be read on from there;
    `pending_months` had not been written when a run was stopped between two commits. `again`: why all
    of it is to be taken anew. `undo_to`: the version before another program wrote. `lost`: partitions
    of which files were lost since the release.
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
        """The content of a table at this version, as a commit of a run tells it."""
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
        """The raw file as far as the table holds it."""
        return SourceRecord(self.sha256, self.scopes, self.extent)

    def note(self, run_id: str) -> CommitNote:
        """The note of a commit that leaves the table holding this."""
        return CommitNote(
            run_id,
            self.code,
            self.consumed,
            source=self.source,
            pending_months=self.pending_months,
        )

"""Optimize: the small files of each partition are joined, and a release pins the tables afterwards."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from lakehouse.engines.store import Store
from lakehouse.ledger.deliveries import TABLE as DELIVERIES
from lakehouse.progress import Progress, Steps, Wait
from lakehouse.releases import deliveries, ledger_rows, published
from lakehouse.releases.inspect import check_built
from lakehouse.releases.publish import next_release, publish
from lakehouse.releases.state import is_published
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table
from lakehouse.upkeep.erasure import locked_and_whole


@dataclass(frozen=True)
class Compacted:
    """A table whose small files were joined: its number of files before and after, and its new version."""

    table: str
    files_before: int
    files_after: int
    version: int


@dataclass(frozen=True)
class Optimized:
    """The compacted tables, and the new release: None if only the ledger changed or a run was stopped."""

    tables: tuple[Compacted, ...]
    published: int | None
    notes: tuple[str, ...] = ()


def optimize(
    datamart: Datamart,
    open_engine: Callable[[Datamart], Store],
    on_progress: Progress,
    wait: Wait = None,
) -> Optimized:
    """Compact every table that has a partition with several files; no row changes.

    If there is no such table, no engine starts. A new release is published if the old one pinned the
    tables; if not, a run was stopped, and the next run goes on from there.
    """
    check_built(datamart)
    datamart.place.check_writable()
    with locked_and_whole(datamart, wait) as told:
        if not any(_is_scattered(datamart.log, table) for table in datamart.catalog.tables):
            return Optimized((), None, tuple(told))
        done = _Optimize(open_engine(datamart), on_progress).whole()
        return replace(done, notes=tuple(told))


def _is_scattered(log: Log, table: Table) -> bool:
    """Whether a partition has several files."""
    files = log.files(table) if log.exists(table) else {}
    return any(n > 1 for n in Counter(PurePosixPath(path).parent for path in files).values())


class _Optimize:
    """One optimize under the lock."""

    def __init__(self, store: Store, on_progress: Progress) -> None:
        self.store = store
        self.datamart = store.datamart
        self.log = store.log
        self.tables = Steps(on_progress, len(self.datamart.catalog.tables))
        self.run_id = uuid.uuid4().hex[:12]

    def whole(self) -> Optimized:
        was_published = is_published(self.datamart)
        data = self._compact_all(is_ledger=False)
        published = self._publish() if data and was_published else None
        # The ledger comes last, because the release adds a file to it.
        return Optimized((*data, *self._compact_all(is_ledger=True)), published)

    def _compact_all(self, is_ledger: bool) -> list[Compacted]:
        tables = [t for t in self.datamart.catalog.tables if (t.is_ledger) is is_ledger]
        return [done for table in tables if (done := self._compact(table))]

    def _compact(self, table: Table) -> Compacted | None:
        self.tables.begin(table.full_name, "compacting")
        with self._held(table):
            if not _is_scattered(self.log, table):
                return None
            before = len(self.log.files(table))
            # The note has only the run: the commit before this one says what the table holds.
            version = self._compacted(table, CommitNote(run_id=self.run_id))
        if version is None:
            return None
        return Compacted(table.full_name, before, len(self.log.files(table)), version)

    def _compacted(self, table: Table, note: CommitNote) -> int | None:
        """The version after the compaction; the ledger, which no release pins, puts it on the disk itself."""
        if table == DELIVERIES:
            return deliveries.compact(self.log, note)
        if table.is_ledger and self.datamart.place.folder is not None:
            return ledger_rows.compact(self.log, table, note)
        return self.store.compact(table, note)

    def _held(self, table: Table) -> AbstractContextManager[None]:
        """The lock of the receipts for a ledger table, because receipts are written during a run."""
        return self.datamart.place.receipts_locked() if table.is_ledger else nullcontext()

    def _publish(self) -> int | None:
        before = published.newest(self.log)
        sources = {name: SourceRecord.from_json(record) for name, record in before.sources.items()}
        release = next_release(self.datamart, self.run_id, self.store.name, sources)
        if release is None:
            return None
        # The rows are still those that the earlier code made.
        code, together = before.code, before.code_fingerprint
        return publish(self.datamart, replace(release, code=code, code_fingerprint=together))

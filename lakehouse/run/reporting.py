"""The report of a run while it works: rows, seconds and notes, from all its threads."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Lock

from lakehouse.engines.store import Merged
from lakehouse.progress import Done
from lakehouse.run.failures import explained
from lakehouse.run.job import Job, Report, TableReport
from lakehouse.table import Table


class Reporting:
    """Fills the report of one run, and reports its progress."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self.report = Report()
        self._done = Done(0, 0)
        self._left: dict[str, int] = {}
        self._counting = Lock()

    def note(self, *lines: str) -> None:
        """Add lines for the user to the report."""
        self.report.notes += lines

    def tell(self, table: Table, doing: str, months: Sequence[str]) -> None:
        """Report what is done to a table now, with the number of rows changed so far."""
        # A copy, because other threads add entries.
        rows = sum(entry.changed for entry in [*self.report.tables.values()])
        self._job.on_progress(table.full_name, f"{doing} ({rows:,} rows so far)", months)

    def begin(self, passes: Sequence[Mapping[str, int]]) -> None:
        """Begin to count: for each pass the tables, and the most months that a table may cover."""
        months = sum(sum(each.values()) for each in passes)
        self._done = Done(0, sum(map(len, passes)), 0, months)
        self._job.on_done(self._done)

    def begin_pass(self, months: Mapping[str, int]) -> None:
        """Begin the next of the passes that were given to `begin`."""
        self._left = {**months}

    @contextmanager
    def working(self, table: Table, doing: str, months: Sequence[str]) -> Iterator[None]:
        """Report what is done to months of a table; they are done when the block ends."""
        self.tell(table, doing, months)
        yield
        self._count(table, min(len(months), self._left[table.full_name]))

    def step(self, table: Table) -> None:
        """Count a table's step, with the months that did not have to be covered after all."""
        self._count(table, self._left[table.full_name], steps=1)

    def _count(self, table: Table, months: int, steps: int = 0) -> None:
        # Tables at work at once count in turn.
        with self._counting:
            self._left[table.full_name] -= months
            done = self._done
            self._done = replace(done, steps=done.steps + steps, months=done.months + months)
            self._job.on_done(self._done)

    def add(self, table: Table, merges: Sequence[Merged]) -> None:
        """Add the rows that commits changed, and the table's new version."""
        entry = self.report.entry(table)
        entry.inserted += sum(merged.rows.inserted for merged in merges)
        entry.updated += sum(merged.rows.updated for merged in merges)
        entry.deleted += sum(merged.rows.deleted for merged in merges)
        entry.version = self._job.log.version(table)

    @contextmanager
    def timed(self, table: Table) -> Iterator[TableReport]:
        """The entry of a table; the seconds of the block are added to it, and its errors are explained."""
        entry, began = self.report.entry(table), time.monotonic()
        with explained(self._job.datamart, table):
            yield entry
        entry.seconds += time.monotonic() - began

    def finished(self, release: int | None) -> Report:
        """The complete report, with the newest release and the tables in the order of the catalog."""
        report = self.report
        report.release = release
        # Until here they are in the order in which the work on them began.
        names = [table.full_name for table in self._job.catalog.tables]
        report.tables = {name: report.tables[name] for name in names if name in report.tables}
        return report

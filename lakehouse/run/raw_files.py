"""The raw files of a run: which ones are read, from where on, and with what result."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from lakehouse.engines.sizing import tables_at_once
from lakehouse.landing.counts import Landed, Reading
from lakehouse.landing.land import land, listed
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded
from lakehouse.run.job import Job, RawBytes
from lakehouse.run.near_ids import near_ids
from lakehouse.run.plan import Step, follows_raw_files, read_before
from lakehouse.run.refill import check_refill
from lakehouse.run.reporting import Reporting
from lakehouse.run.side_by_side import side_by_side
from lakehouse.storage.extent import Extent
from lakehouse.table import Table


class RawFiles:
    """The raw files of one run; `landed` has the result for each file that was read, by bronze table."""

    def __init__(
        self,
        job: Job,
        steps: Sequence[Step],
        recorded_by_table: Mapping[str, Recorded],
        reporting: Reporting,
    ) -> None:
        self._job = job
        self._steps = steps
        self._recorded = recorded_by_table
        self._reporting = reporting
        self._held_bytes = sum(path.stat().st_size for path in job.files.values())
        self.landed: dict[str, Landed] = {}

    @property
    def months(self) -> set[str]:
        """The months of the files that were read."""
        return {month for landed in self.landed.values() for month in landed.months}

    @property
    def bytes_at_work(self) -> int:
        """The size of the part of the raw files that this run works on: what is new, or all."""
        if not follows_raw_files(self._steps, self._recorded):
            return self._held_bytes
        return sum(map(self._new_bytes, self._pending))

    @property
    def _pending(self) -> list[Table]:
        """The tables whose raw files must be read."""
        return [step.table for step in self._steps if step.table.source and step.pending]

    def _new_bytes(self, table: Table) -> int:
        landed = self.landed.get(table.full_name)
        before = landed.before if landed else self._read_before(table)
        size = self._job.files[table].stat().st_size
        return size - before.bytes if before and before.bytes <= size else size

    def _read_before(self, table: Table) -> Extent | None:
        """The part of the file that was read before, if the table still has it."""
        code = self._job.catalog.code[table.full_name]
        extent = read_before(self._recorded.get(table.full_name), code, self._job.request)
        if extent and {*extent.months} <= self._job.log.rows_by_month(table).keys():
            return extent
        return None

    def read(self, folder: Path, meanwhile: Callable[[RawBytes], None]) -> None:
        """Read the pending files into a folder; `meanwhile` runs beside it and gets their size.

        Bad input is found here, before any table is changed.
        """
        at_work = self.bytes_at_work
        size = RawBytes(self._held_bytes, at_work)
        side_by_side(
            self._pending,
            lambda table: self._read_file(table, folder),
            tables_at_once(at_work),
            meanwhile=lambda: meanwhile(size),
        )
        self._reporting.note(*near_ids(self.landed.values(), folder))

    def _read_file(self, table: Table, folder: Path) -> None:
        assert table.source is not None
        path = self._job.files[table]
        self._job.on_progress(table.full_name, f"reading {path.name}")
        with self._reporting.timed(table):
            before = self._read_before(table)
            reading = self._reading(table, path)
            landed = land(table.source, path, folder, self._job.max_bad, before, reading)
        self.landed[table.full_name] = landed
        if landed.date_order:
            self._reporting.note(
                f"{landed.file_name}: dates with slashes are read {landed.date_order.spelt}: "
                f"{landed.date_order.proof}"
            )
        if landed.before:
            self._reporting.note(
                f"{landed.file_name} only grew: it was read from row {landed.before.rows + 1:,} on"
            )
        if landed.extra_columns:
            self._reporting.note(
                f"{landed.file_name}: column {listed(landed.extra_columns)} is not declared; "
                f"it is kept as text in {table.full_name}"
            )

    def _reading(self, table: Table, path: Path) -> Reading:
        recorded = self._recorded.get(table.full_name)
        said = self._job.request.said_order(recorded, self._job.sha256(path))
        return Reading(self._job.today, said, recorded.source.date_order if recorded else None)

    def check_refills(self, months: MonthRange) -> None:
        """BadInput if a bronze table has lost months that its raw file cannot restore."""
        for table in (t for t in self._job.catalog.sources if t.full_name in self.landed):
            recorded = self._recorded.get(table.full_name, Recorded(0))
            lost = {*recorded.lost} & {*recorded.pending_months}
            check_refill(self._job.datamart, table, self.landed[table.full_name], months, lost)

"""The raw files of a run: which ones are read, from where on, and with what result."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DateOrder
from lakehouse.engines.sizing import SMALL_BYTES, tables_at_once
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Arrival, Landed, LandedFile, Reading
from lakehouse.landing.header import listed
from lakehouse.landing.land import land_files
from lakehouse.landing.raw_file import RawFile, Refused
from lakehouse.months import MonthRange
from lakehouse.releases.date_orders import date_orders
from lakehouse.releases.recorded import Recorded
from lakehouse.run.job import Job, RawBytes, nothing
from lakehouse.run.near_ids import near_ids
from lakehouse.run.plan import Step, follows_raw_files, read_before
from lakehouse.run.refill import check_refill
from lakehouse.run.reporting import Reporting
from lakehouse.run.side_by_side import side_by_side
from lakehouse.run.source_files import Files
from lakehouse.storage.extent import Extent
from lakehouse.table import Table
from lakehouse.words import counted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Later than any run before.
_NOW = 2**62


class RawFiles:
    """The raw files of one run; `landed` has the result for the files that were read, by bronze table.

    `refused` are the files of each bronze table that are not taken.
    """

    def __init__(
        self,
        job: Job,
        steps: Sequence[Step],
        files: Files,
        recorded_by_table: Mapping[str, Recorded],
        reporting: Reporting,
    ) -> None:
        self._job = job
        self._steps = steps
        self._files = files
        self._recorded = recorded_by_table
        self._reporting = reporting
        self.landed: dict[str, Landed] = {}
        self.refused = {name: each.refused for name, each in files.items()}

    @cached_property
    def _held_bytes(self) -> int:
        return sum(file.size for files in self._files.values() for file in files.present)

    @property
    def months(self) -> set[str]:
        """The months of the files that were read."""
        return {month for landed in self.landed.values() for month in landed.months}

    @property
    def bytes_at_work(self) -> int:
        """The size of the part of the raw files that this run works on: what is new, or all."""
        if not follows_raw_files(self._steps, self._recorded):
            return self._held_bytes
        return sum(
            self._new_bytes(step.table, file) for step in self._pending for file in step.files
        )

    @property
    def _pending(self) -> list[Step]:
        """The steps whose raw files must be read."""
        return [step for step in self._steps if step.files]

    def _new_bytes(self, table: Table, file: RawFile) -> int:
        landed = self.landed.get(table.full_name)
        of_file = [each for each in (landed.files if landed else ()) if each.name == file.name]
        before = of_file[0].before if of_file else self._read_before(table, file)
        return file.size - before.bytes if before and before.bytes <= file.size else file.size

    def _read_before(self, table: Table, file: RawFile) -> Extent | None:
        """The part of a file that was read before, if the table still has it."""
        own, taken = self._recorded.get(table.full_name), self._files[table.full_name].taken
        if own and file.name in taken:
            own = replace(own, source=taken[file.name].record)
        elif taken:
            return None
        extent = read_before(own, self._job.catalog.code[table.full_name], self._job.request)
        # A month from which everybody was erased was read too, and is not to come back.
        if extent and {*extent.months} <= self._job.log.months_taken(table):
            return extent
        return None

    def read(self, folder: Path, meanwhile: Callable[[RawBytes], None] = nothing) -> None:
        """Read the pending files into a folder; `meanwhile` runs beside it and gets their size.

        Bad input is found here, before any table is changed.
        """
        at_work = self.bytes_at_work
        size = RawBytes(self._held_bytes, at_work)
        self._job.prepare(size)
        files = {step.table: step.files for step in self._pending}
        with self._database(folder, at_work) if files else nullcontext() as within:
            side_by_side(
                [*files],
                lambda table: self.read_files(table, files[table], folder, within),
                tables_at_once(at_work),
                meanwhile=lambda: meanwhile(size),
            )
            self._reporting.note(*near_ids(self.landed.values(), folder, within))

    @staticmethod
    @contextmanager
    def _database(folder: Path, at_work: int) -> Iterator[DuckDBPyConnection | None]:
        """One database for all small files; large ones get one per table, whose memory is free again."""
        if at_work >= SMALL_BYTES:
            yield None
            return
        from lakehouse.storage.duck import duckdb_in

        with duckdb_in(folder) as opened:
            yield opened

    def read_files(
        self,
        table: Table,
        files: Sequence[RawFile],
        folder: Path,
        within: DuckDBPyConnection | None = None,
    ) -> None:
        """Read files of a table into the folder, and keep what is refused of them."""
        assert table.source is not None

        def begins(number: int) -> None:
            of_all = f"file {number:,} of {len(arrivals):,}: " if len(arrivals) > 1 else ""
            name = arrivals[number - 1].file.name
            self._job.on_progress(table.full_name, f"reading {of_all}{name}")

        with self._reporting.timed(table):
            arrivals = [each for file in files if (each := self._arrival(table, file))]
            try:
                proved = self._files[table.full_name].date_orders
                landed = land_files(
                    self._job.catalog.source_of(table),
                    arrivals,
                    folder,
                    self._job.max_bad,
                    proved,
                    begins,
                    within,
                )
            except BadInput as error:
                self._refuse(table, Refused(arrivals[0].file.name, str(error)))
                return
        self._refuse(table, *landed.refused)
        if landed.files:
            self.landed[table.full_name] = landed
            self._reporting.note(*_notes(landed, table))

    def _refuse(self, table: Table, *refused: Refused) -> None:
        self.refused[table.full_name] += refused

    def _arrival(self, table: Table, file: RawFile) -> Arrival | None:
        """A file as it is landed; None if it is not there any more, and so refused."""
        try:
            path = self._job.path(file)
            reading = self._reading(table, file, path)
        except BadInput as error:
            self._refuse(table, Refused(file.name, str(error)))
            return None
        files = self._files[table.full_name]
        arrived = _NOW if file in (*files.new, *files.changed) else files.taken[file.name].taken_at
        return Arrival(file, path, reading, self._read_before(table, file), arrived)

    @cached_property
    def _orders(self) -> Mapping[str, DateOrder]:
        """The order of the dates of each file that was read before, also where its table is lost."""
        return date_orders(self._job.log, self._job.catalog.sources)

    def _reading(self, table: Table, file: RawFile, path: Path) -> Reading:
        files = self._files[table.full_name]
        of_table = self._recorded.get(table.full_name, Recorded(0))
        same = files.record(file, of_table)
        if same:
            order = same.date_order
        else:
            order = self._orders.get(self._job.sha256(path)) if self._orders else None
        taken = files.taken.get(file.name)
        before = taken.record if taken else of_table.source
        return Reading(self._job.today, self._job.request.said_order(order), before.date_order)

    def check_refills(self, months: MonthRange) -> None:
        """BadInput if a bronze table has lost months that its raw files cannot restore."""
        for table in (t for t in self._job.catalog.sources if t.full_name in self.landed):
            recorded = self._recorded.get(table.full_name, Recorded(0))
            lost = {*recorded.lost} & {*recorded.pending_months}
            landed, archived = self.landed[table.full_name], self._files[table.full_name].archived
            check_refill(
                self._job.datamart,
                table,
                landed,
                months,
                lost,
                archived=bool(archived),
                is_whole=self._is_whole(table),
            )

    def _is_whole(self, table: Table) -> bool:
        """Whether a bronze table has every version of it from which a later table was computed."""
        derived = [each for each in self._job.catalog.derived if table in each.upstreams]
        records = [self._recorded.get(each.full_name) for each in derived]
        return table.full_name in self._recorded and not any(r.again for r in records if r)


def _notes(landed: Landed, table: Table) -> Iterator[str]:
    """Notes for the user about files that were read: of each kind the first, and the number of others."""
    kinds: dict[str, list[str]] = {}
    for file in landed.files:
        for kind, text in _notes_of(file, table):
            kinds.setdefault(kind, []).append(f"{file.name}{text}")
    for first, *others in kinds.values():
        more = f" (the same of {counted(len(others), 'other file')})" if others else ""
        yield f"{first}{more}"


def _notes_of(file: LandedFile, table: Table) -> Iterator[tuple[str, str]]:
    """Notes about one file, without its name, each with what it is about."""
    if file.date_order:
        order = file.date_order
        yield order.order, f": dates with slashes are read {order.spelt}: {order.proof}"
    if file.before:
        yield "grown", f" only grew: it was read from row {file.before.rows + 1:,} on"
    if file.extra_columns:
        names = listed(file.extra_columns)
        yield (
            names,
            f": column {names} is not declared; it is kept as text in {table.full_name}",
        )

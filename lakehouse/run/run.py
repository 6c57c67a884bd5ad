"""A run: plan, land every pending file, bring each table up to date, publish a release."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from threading import Lock
from typing import Any

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engines.sizing import tables_at_once
from lakehouse.engines.store import Merged, Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.landing.counts import Landed
from lakehouse.landing.land import land, listed
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import MonthRange, spell
from lakehouse.releases import published
from lakehouse.releases.publish import next_release, now_utc, publish
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import State, is_published, read_state, recorded
from lakehouse.run.failures import told_clearly
from lakehouse.run.ingest import Delivery, Writer, ingest, quarantine
from lakehouse.run.job import Job, RawBytes, Report
from lakehouse.run.plan import Step, follows_raw_files, make_plan, read_before
from lakehouse.run.refill import check_refill
from lakehouse.run.refresh import evolve, pending_months, refresh
from lakehouse.run.side_by_side import side_by_side
from lakehouse.run.undo import undo_others
from lakehouse.storage.begun_erasure import is_erasure_begun
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.create import create_missing
from lakehouse.storage.extent import Extent
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.upkeep.erasure import locked_and_whole

_CLOCK_MAY_BE_OFF = timedelta(days=1)


def plan(job: Job) -> list[Step]:
    """What a run would do, a step a table; changes nothing and starts no engine."""
    return _planned(job)[0]


def _planned(job: Job) -> tuple[list[Step], State]:
    """The steps, and the state of the datamart that they were planned on."""
    check_datamart(job.datamart)
    sha256 = _checksums(job)
    state = read_state(job.datamart)
    return make_plan(job.catalog, state.recorded, sha256, job.request), state


def _checksums(job: Job) -> dict[str, str]:
    """SHA-256 of the raw file of each bronze table."""
    files = job.files
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        found = readers.map(job.sha256, files.values())
        return {table.full_name: sha256 for table, sha256 in zip(files, found, strict=True)}


def run(job: Job) -> Report:
    """Bring every table up to date with the raw files; a run with nothing to do touches nothing."""
    began = time.monotonic()
    if job.request.repair:
        job.datamart.place.on_this_machine()
    begun = job.request.repair or is_erasure_begun(job.datamart.place)
    report = None if begun else _up_to_date(job, *_planned(job))
    if report is None:
        job.datamart.place.check_writable()
        with locked_and_whole(job.datamart, job.wait):
            mended = _mended(job) if job.request.repair else []
            # Another run may have done it meanwhile.
            steps, state = _planned(job)
            report = _up_to_date(job, steps, state) or _Run(job, state).whole(steps)
            report.notes[:0] = mended
    report.seconds = time.monotonic() - began
    return report


def _mended(job: Job) -> list[str]:
    from lakehouse.run.repair import mend

    return mend(job)


def _up_to_date(job: Job, steps: Sequence[Step], state: State) -> Report | None:
    """What is told of a datamart where nothing is to do; None where something is."""
    there = all(job.log.of_each(job.catalog.tables, job.log.exists))
    if not (there and state.newest and state.is_published) or any(step.pending for step in steps):
        return None
    tables = job.catalog.sources
    _check_scope(job, {m for table in tables for m in job.log.rows_by_month(table)})
    return Report(state.newest.number)


def _check_scope(job: Job, held: set[str]) -> None:
    """Months asked for of which there is no row are a mistake of the asker."""
    scope = job.request.scope
    if held and not any(scope.has(month) for month in held):
        raise BadInput(
            f"no raw file in {job.data} has rows of month {scope.spell()}; they have {spell(held)}"
        )


def _check_clock(job: Job) -> None:
    """Rows of the days between would be taken for rows of the future, and stay in quarantine."""
    now = now_utc()
    for newest in published.releases(job.log)[-1:]:
        if now < newest.finished_at - _CLOCK_MAY_BE_OFF:
            raise LakehouseError(
                f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, which is before release "
                f"{newest.number} was published ({newest.finished_at:%Y-%m-%d %H:%M}); set it right"
            )


def _to_read(steps: Sequence[Step]) -> list[Table]:
    """The tables whose raw files are to be read."""
    return [step.table for step in steps if step.table.source and step.pending]


class _Run:
    """One run under the lock."""

    def __init__(self, job: Job, state: State) -> None:
        self.job = job
        self.before = state.recorded
        self.log = job.log
        self.report = Report()
        self.writer = Writer(uuid.uuid4().hex[:12], datetime.now(timezone.utc))
        self.landed: dict[str, Landed] = {}
        self.quarantining = Lock()
        self.raw_bytes = sum(path.stat().st_size for path in job.files.values())

    def whole(self, steps: Sequence[Step]) -> Report:
        _check_clock(self.job)
        with work_folder(self.job.datamart.place) as landing:
            store = self._land_and_start(steps, landing)
            _check_scope(self.job, {m for each in self.landed.values() for m in each.months})
            self._check_refills()
            with told_clearly(self.job.datamart, RELEASES):
                self._note_lost_receipts()
                create_missing(self.job.datamart)
                self.report.notes += undo_others(self.job.datamart, self.before, self.writer.run_id)
            self._passes(store, store.tables_at_once(self._bytes_at_work(steps)))
        self.report.release = published.releases(self.log)[-1].number
        # They came in the order in which their work began.
        names = [table.full_name for table in self.job.catalog.tables]
        self.report.tables = {n: self.report.tables[n] for n in names if n in self.report.tables}
        return self.report

    def _bytes_at_work(self, steps: Sequence[Step]) -> int:
        """Of the raw files, what this run works on: what is new in them, or all of it."""
        if not follows_raw_files(steps, self.before):
            return self.raw_bytes
        return sum(map(self._new_bytes, _to_read(steps)))

    def _new_bytes(self, table: Table) -> int:
        landed = self.landed.get(table.full_name)
        before = landed.before if landed else self._read_before(table)
        size = self.job.files[table].stat().st_size
        return size - before.bytes if before and before.bytes <= size else size

    def _land_and_start(self, steps: Sequence[Step], landing: Path) -> Store:
        """Read the pending files and start the engine; bad input changes nothing, as no table has changed."""
        opened: list[Store] = []
        at_work = self._bytes_at_work(steps)
        size = RawBytes(self.raw_bytes, at_work)
        side_by_side(
            _to_read(steps),
            lambda table: self._land(table, landing),
            tables_at_once(at_work),
            meanwhile=lambda: opened.append(self.job.open_store(self.log, size)),
        )
        self.report.engine = opened[0].name
        return opened[0]

    def _land(self, table: Table, landing: Path) -> None:
        assert table.source is not None
        path = self.job.files[table]
        self.job.on_progress(table.full_name, f"reading {path.name}")
        with self._timed(table):
            landed = land(table.source, path, landing, self.job.max_bad, self._read_before(table))
        self.landed[table.full_name] = landed
        if landed.before:
            self.report.notes.append(
                f"{landed.file_name} only grew: read from row {landed.before.rows + 1:,} on"
            )
        if landed.extra_columns:
            self.report.notes.append(
                f"{landed.file_name}: no declaration knows column {listed(landed.extra_columns)}; "
                f"kept as text in {table.full_name}"
            )

    def _read_before(self, table: Table) -> Extent | None:
        """How far the file was read before, where the table still has what was read."""
        code = self.job.catalog.code[table.full_name]
        known = read_before(self.before.get(table.full_name), code, self.job.request)
        return known if known and {*known.months} <= self.log.rows_by_month(table).keys() else None

    def _check_refills(self) -> None:
        """A bronze table that has lost months gets them from its raw file, or nothing is changed."""
        catalog, scope = self.job.catalog, self._scopes()[0]
        for table in (each for each in catalog.sources if each.full_name in self.landed):
            own = self.before.get(table.full_name, Recorded(0))
            lost = {*own.lost} & {*own.pending_months}
            check_refill(self.job.datamart, table, self.landed[table.full_name], scope, lost)

    def _note_lost_receipts(self) -> None:
        if self.log.exists(RELEASES):
            self.report.notes += [
                f"{table.full_name} was not there: an empty one was made; if it was lost, restore it "
                "from a backup"
                for table in self.job.catalog.tables
                if table.is_ledger and not self.log.exists(table)
            ]

    def _passes(self, store: Store, at_once: int) -> None:
        scopes = self._scopes()
        for scope in scopes:
            self._pass(store, scope, at_once, last=scope is scopes[-1])

    def _scopes(self) -> list[MonthRange]:
        """The scope of each release this run is to make: one, or with --by-month one a month."""
        asked = self.job.request.scope
        if not self.job.request.by_month:
            return [asked]
        delivered = {month for each in self.landed.values() for month in each.counts if month}
        scopes = [replace(asked, last=month) for month in sorted(delivered) if asked.has(month)]
        # The last one is what was asked, so that the files count as wholly taken.
        return [*scopes[:-1], asked]

    def _pass(self, store: Store, scope: MonthRange, at_once: int, last: bool) -> None:
        """Every table once, upstreams first, and the release; a month that changed nothing has none."""
        known = recorded(self.job.datamart)
        sources: dict[str, SourceRecord] = {}

        def bring_up_to_date(table: Table) -> None:
            own = known[table.full_name]
            if table.source:
                sources[table.full_name] = self._ingest(store, table, scope, own)
            else:
                self._refresh(store, table, own)

        tables = [*self.job.catalog.sources, *self.job.catalog.derived]
        side_by_side(tables, bring_up_to_date, at_once)
        if not last and is_published(self.job.datamart):
            return
        with told_clearly(self.job.datamart, RELEASES):
            release = next_release(self.job.datamart, self.writer.run_id, store.name, sources)
            if release:
                self.report.published.append(publish(self.log, release))

    def _ingest(
        self, store: Store, table: Table, scope: MonthRange, known: Recorded
    ) -> SourceRecord:
        """Bring a bronze table up to its file; gives what it now holds of the file."""
        landed = self.landed.get(table.full_name)
        if landed is None:
            return known.source
        delivery = Delivery(
            table, landed, scope, known, self.job.catalog.code[table.full_name], self.writer
        )
        months = delivery.months(again=self.job.request.full_refresh or bool(known.again))
        rows = delivery.checked_counts()
        # First: a table that has its file is not read again.
        with self.quarantining, self._timed(QUARANTINE):
            self._note(QUARANTINE, quarantine(store, delivery, months))
        with self._timed(table) as entry:
            if months:
                self._tell(table, "merging", months)
            entry.rows = rows
            self._note(table, ingest(store, delivery, months))
        return delivery.record

    def _refresh(self, store: Store, table: Table, known: Recorded) -> None:
        code = self.job.catalog.code[table.full_name]
        note = CommitNote(self.writer.run_id, code)
        with self._timed(table):
            asked = self.job.request.full_refresh or bool(known.again)
            everything = asked or known.code != code
            everything = evolve(store, table, note) or everything
            months = pending_months(store, Step(table, "pending", everything), known)
            self._note(
                table,
                refresh(
                    store,
                    table,
                    months,
                    note,
                    lambda group: self._tell(table, "computing", group),
                ),
            )

    def _tell(self, table: Table, doing: str, months: Sequence[str]) -> None:
        # A copy: another thread adds to them.
        rows = sum(entry.changed for entry in [*self.report.tables.values()])
        self.job.on_progress(table.full_name, f"{doing} ({rows:,} rows so far)", months)

    def _note(self, table: Table, merges: Sequence[Merged]) -> None:
        entry = self.report.entry(table)
        entry.changed += sum(merged.changed for merged in merges)
        entry.version = self.log.version(table)

    @contextmanager
    def _timed(self, table: Table) -> Iterator[Any]:
        entry, began = self.report.entry(table), time.monotonic()
        with told_clearly(self.job.datamart, table):
            yield entry
        entry.seconds += time.monotonic() - began

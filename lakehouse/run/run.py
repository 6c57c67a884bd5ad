"""A run: it plans, lands every pending file, brings each table up to date and publishes a release."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.publish import now_utc
from lakehouse.releases.state import State, read_state
from lakehouse.run.failures import explained
from lakehouse.run.ingest import Writer
from lakehouse.run.job import Job, Report
from lakehouse.run.passes import Passes, scopes
from lakehouse.run.plan import Step, make_plan
from lakehouse.run.raw_files import RawFiles
from lakehouse.run.reporting import Reporting
from lakehouse.run.undo import undo_others
from lakehouse.storage.begun_erasure import is_erasure_begun
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.create import create_missing
from lakehouse.storage.work import work_folder
from lakehouse.upkeep.erasure import locked_and_whole

_CLOCK_MAY_BE_OFF = timedelta(days=1)


def plan(job: Job) -> list[Step]:
    """The steps of a run, one per table; nothing is changed and no engine starts."""
    return _planned(job)[0]


def _planned(job: Job) -> tuple[list[Step], State]:
    """The steps, and the state of the datamart from which they were planned."""
    check_datamart(job.datamart)
    sha256 = _checksums(job)
    state = read_state(job.datamart)
    return make_plan(job.catalog, state.recorded, sha256, job.request, job.today), state


def _checksums(job: Job) -> dict[str, str]:
    """SHA-256 of the raw file of each bronze table."""
    files = job.files
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        checksums = readers.map(job.sha256, files.values())
        return {table.full_name: sha256 for table, sha256 in zip(files, checksums, strict=True)}


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
            # Planned again, because another run may have done the work meanwhile.
            steps, state = _planned(job)
            report = _up_to_date(job, steps, state) or _carried_out(job, steps, state)
            report.notes[:0] = mended
    report.seconds = time.monotonic() - began
    return report


def _mended(job: Job) -> list[str]:
    from lakehouse.run.repair import mend

    return mend(job)


def _up_to_date(job: Job, steps: Sequence[Step], state: State) -> Report | None:
    """The report if there is nothing to do; None if there is."""
    there = all(job.log.of_each(job.catalog.tables, job.log.exists))
    if not (there and state.newest and state.is_published) or any(step.pending for step in steps):
        return None
    tables = job.catalog.sources
    _check_scope(job, {m for table in tables for m in job.log.rows_by_month(table)})
    return Report(state.newest.number)


def _check_scope(job: Job, held: set[str]) -> None:
    """BadInput if no raw file has a row of the months that were asked for."""
    scope = job.request.scope
    if held and not any(scope.has(month) for month in held):
        raise BadInput(
            f"no raw file in {job.data} has rows of month {scope.spell()}; they have {spell(held)}"
        )


def _check_clock(job: Job) -> None:
    """LakehouseError if the clock is before the newest release: rows would seem to be in the future."""
    now = now_utc()
    for newest in published.releases(job.log)[-1:]:
        if now < newest.finished_at - _CLOCK_MAY_BE_OFF:
            raise LakehouseError(
                f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, which is before release "
                f"{newest.number} was published ({newest.finished_at:%Y-%m-%d %H:%M}); set it right"
            )


def _carried_out(job: Job, steps: Sequence[Step], state: State) -> Report:
    """Do the steps; the datamart is locked."""
    writer = Writer(uuid.uuid4().hex[:12], datetime.now(timezone.utc))
    reporting = Reporting(job)
    recorded_by_table = state.recorded
    raw_files = RawFiles(job, steps, recorded_by_table, reporting)
    _check_clock(job)
    with work_folder(job.datamart.place) as folder:
        store = _read_and_started(job, raw_files, folder)
        reporting.report.engine = store.name
        _check_scope(job, raw_files.months)
        raw_files.check_refills(scopes(job.request, raw_files.landed)[0])
        passes = Passes(job, store, writer, raw_files.landed, reporting)
        passes.check_null_shares()
        if not job.request.allow_shrink:
            passes.check_shrinks()
        with explained(job.datamart, RELEASES):
            reporting.note(*_lost_receipts(job))
            create_missing(job.datamart)
            reporting.note(*undo_others(job.datamart, recorded_by_table, writer.run_id))
        passes.run(store.tables_at_once(raw_files.bytes_at_work))
        if reporting.report.published:
            with explained(job.datamart, RELEASES):
                reporting.note(*_coverage_warnings(store))
    return reporting.finished(published.newest(job.log).number)


def _coverage_warnings(store: Store) -> list[str]:
    """One line per feature group that far fewer applications find than before."""
    from lakehouse.training.coverage import coverage

    warnings = (group.warning() for group in coverage(store))
    return [warning for warning in warnings if warning]


def _read_and_started(job: Job, raw_files: RawFiles, folder: Path) -> Store:
    """Read the pending files and start the engine meanwhile."""
    opened: list[Store] = []
    raw_files.read(folder, meanwhile=lambda size: opened.append(job.open_store(job.datamart, size)))
    return opened[0]


def _lost_receipts(job: Job) -> list[str]:
    """One line per table of the ledger that is missing although there are releases."""
    if not job.log.exists(RELEASES):
        return []
    return [
        f"{table.full_name} was not there: an empty one was made; if it was lost, restore it "
        "from a backup"
        for table in job.catalog.tables
        if table.is_ledger and not job.log.exists(table)
    ]

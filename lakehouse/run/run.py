"""A run: it plans, lands every pending file, brings each table up to date and publishes a release."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError, LedgerFault
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import UNDATED, spell
from lakehouse.releases import published
from lakehouse.releases.deliveries import Key, restamp
from lakehouse.releases.publish import CLOCK_MAY_BE_OFF, now_utc
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import State, read_state, released_tables
from lakehouse.run.expressions import check_expressions
from lakehouse.run.failures import explained
from lakehouse.run.ingest import Writer
from lakehouse.run.issues import OddCells, odd_cells
from lakehouse.run.job import Job, RawBytes, Report, nothing
from lakehouse.run.loan_steps import broken_steps, loans_version
from lakehouse.run.passes import Passes, scopes
from lakehouse.run.plan import Step, follows_raw_files, make_plan
from lakehouse.run.raw_files import RawFiles
from lakehouse.run.refused import RefusedFile, refused_files, told_refused
from lakehouse.run.reporting import Reporting
from lakehouse.run.source_files import Files, source_files, told_files, told_other_numbers
from lakehouse.run.undo import undo_others
from lakehouse.run.unproven import check_landed, unproven
from lakehouse.storage.begun_erasure import is_erasure_begun
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import create_missing
from lakehouse.storage.sound import lost_files
from lakehouse.storage.work import work_folder
from lakehouse.upkeep.erasure import locked_and_whole

if TYPE_CHECKING:
    from lakehouse.training.coverage import Coverage


@dataclass(frozen=True)
class Planned:
    """The steps of a run, and the raw files and the state of the datamart from which they were planned."""

    steps: Sequence[Step]
    files: Files
    state: State
    listed_at_ns: int

    @property
    def other_stamps(self) -> dict[Key, str]:
        """The stamps of files that have the bytes that were taken, and are not known by their stamps."""
        return {
            key: stamp
            for step in self.steps
            if (source := step.table.source)
            for key, stamp in self.files[step.table.full_name]
            .other_stamps(source.name, self.listed_at_ns)
            .items()
        }

    @property
    def refused(self) -> tuple[RefusedFile, ...]:
        """The files that are refused before any is read."""
        return refused_files({name: each.refused for name, each in self.files.items()})

    @property
    def raw_files(self) -> int:
        """The number of files that are there, refused ones too."""
        return sum(len(each.present) + len(each.refused) for each in self.files.values())


def plan(job: Job) -> list[Step]:
    """The steps of a run, one per table; nothing is changed and no engine starts.

    Those that it would read are read. BadInput if the run would refuse a raw file.
    """
    job = job.of_present()
    planned = _planned(job)
    refused = planned.refused
    if _up_to_date(job, planned) is None:
        raw_files = _raw_files(job, planned, Reporting(job))
        with work_folder(None) as folder:
            refused = _read(job, planned, raw_files, folder)
    if refused:
        raise BadInput(told_refused(refused, planned.raw_files))
    gone = (Step(table, absent=str(each)) for each in job.absent for table in each.tables)
    return [*planned.steps, *gone]


def looked_at(job: Job) -> tuple[Files, tuple[RefusedFile, ...]]:
    """The raw files of each bronze table, and those that a run would refuse; nothing is changed."""
    job = job.of_present()
    planned = _planned(job)
    raw_files = _raw_files(job, planned, Reporting(job))
    with work_folder(None) as folder:
        raw_files.read(folder)
    return planned.files, refused_files(raw_files.refused)


def _raw_files(job: Job, planned: Planned, reporting: Reporting) -> RawFiles:
    return RawFiles(job, planned.steps, planned.files, planned.state.recorded, reporting)


def _read(
    job: Job,
    planned: Planned,
    raw_files: RawFiles,
    folder: Path,
    meanwhile: Callable[[RawBytes], None] = nothing,
) -> tuple[RefusedFile, ...]:
    """Read the pending files while `meanwhile` is done; return those that are refused.

    BadInput if that keeps the run from doing anything.
    """
    _check_clock(job)
    raw_files.read(folder, meanwhile)
    refused = refused_files(raw_files.refused)
    if refused:
        _check_goes_on(job, planned, raw_files, refused)
    _check_scope(job, raw_files.months)
    raw_files.check_refills(scopes(job.request, raw_files.landed)[0])
    return refused


def _check_goes_on(
    job: Job, planned: Planned, raw_files: RawFiles, refused: Sequence[RefusedFile]
) -> None:
    """BadInput if the run has nothing to do but to refuse files, or is not to go on without them."""
    is_needed = any(
        _needs_refused(planned, name, has_good=name in raw_files.landed)
        for name, files in raw_files.refused.items()
        if files
    )
    follows = follows_raw_files(planned.steps, planned.state.recorded)
    nothing_else = follows and not raw_files.landed and planned.state.is_published
    if job.request.strict or is_needed or nothing_else:
        raise BadInput(told_refused(refused, planned.raw_files))


def _needs_refused(planned: Planned, name: str, has_good: bool) -> bool:
    """Whether a table would lack rows that it had, or have none, if its refused files are left out."""
    record = planned.state.recorded.get(name, Recorded(0))
    if not (record.sha256 or record.source.before):
        return bool(planned.files[name].taken) or not has_good
    return bool(record.again or record.lost or record.undo_to is not None)


def _planned(job: Job, look_again: bool = True) -> Planned:
    """The steps, from what there is now; raw files that were listed a moment ago need not be listed again."""
    check_datamart(job.datamart)
    if look_again:
        job.look_again()
    state = read_state(job.datamart)
    recorded = state.recorded
    files = source_files(job, recorded)
    steps = make_plan(job.catalog, recorded, files, job.request, job.today)
    return Planned(steps, files, state, job.looked_at_ns)


def run(job: Job) -> Report:
    """Bring every table up to date with the raw files; a run with nothing to do touches nothing."""
    began = time.monotonic()
    job = job.of_present()
    if job.request.repair:
        job.datamart.place.on_this_machine()
    begun = job.request.repair or is_erasure_begun(job.datamart.place)
    report = None if begun else _already_up_to_date(job)
    if report is None:
        job.datamart.place.check_writable()
        with locked_and_whole(job.datamart, job.wait, job.request.repair) as told:
            mended = _mended(job) if job.request.repair else []
            # Planned again, because another run may have done the work meanwhile. If none was waited for, the
            # raw files are those of a moment ago; to list 10,000 takes a twentieth of a small run.
            planned = _planned(job, look_again=begun or job.wait is not None)
            report = _up_to_date(job, planned) or _carried_out(job, planned)
            report.notes[:0] = [*told, *mended]
    report.notes += map(str, job.absent)
    report.seconds = time.monotonic() - began
    return report


def _already_up_to_date(job: Job) -> Report | None:
    """The report if there is nothing to do; None if there is, also if the ledger may have to be mended."""
    try:
        return _up_to_date(job, _planned(job))
    except LedgerFault:
        return None  # it heals under the lock, or is raised again there


def _mended(job: Job) -> list[str]:
    from lakehouse.run.repair import mend

    return mend(job)


def _up_to_date(job: Job, planned: Planned) -> Report | None:
    """The report if there is nothing to do; None if there is."""
    there = all(job.log.of_each(job.catalog.tables, job.log.exists))
    newest, is_published = planned.state.newest, planned.state.is_published
    if not (there and newest and is_published) or any(step.pending for step in planned.steps):
        return None
    if planned.refused:
        raise BadInput(told_refused(planned.refused, planned.raw_files))
    tables = job.catalog.sources
    _check_scope(job, {m for table in tables for m in job.log.rows_by_month(table)})
    return Report(
        newest.number, notes=[*told_files(job, planned.files)], raw_files=planned.raw_files
    )


def _check_scope(job: Job, held: set[str]) -> None:
    """BadInput if no raw file has a row of the months that were asked for."""
    scope = job.request.scope
    held = held - {UNDATED}
    if held and not any(scope.has(month) for month in held):
        raise BadInput(
            f"no raw file in {job.data} has rows of month {scope.spell()}; they have {spell(held)}"
        )


def _check_clock(job: Job) -> None:
    """LakehouseError if the clock is before the newest release: rows would seem to be in the future."""
    now = now_utc()
    for newest in published.releases(job.log)[-1:]:
        if now < newest.finished_at - CLOCK_MAY_BE_OFF and not job.clock_is_right:
            raise LakehouseError(
                f"this machine's clock says {now:%Y-%m-%d %H:%M} UTC, which is before release "
                f"{newest.number} was published ({newest.finished_at:%Y-%m-%d %H:%M}); set it right, or, "
                "if it is right now and was wrong then, start again with --clock-is-right"
            )


def _carried_out(job: Job, planned: Planned) -> Report:
    """Do the steps; the datamart is locked."""
    writer = Writer(uuid.uuid4().hex[:12], datetime.now(timezone.utc))
    reporting = Reporting(job)
    state = planned.state
    raw_files = _raw_files(job, planned, reporting)
    with work_folder(job.datamart.place) as folder:
        store = _read_and_started(job, planned, raw_files, folder, reporting)
        reporting.note(*told_files(job, planned.files))
        reporting.note(*told_other_numbers(job, planned.files, state.recorded))
        passes = Passes(job, store, writer, raw_files.landed, reporting)
        at_once = store.tables_at_once(raw_files.bytes_at_work)
        passes.check_null_shares(at_once)
        if not job.request.allow_shrink:
            passes.check_shrinks()
        with explained(job.datamart, RELEASES):
            reporting.note(*_lost_receipts(job), *_lost_superseded(job, state))
            create_missing(job.datamart)
            reporting.note(*undo_others(job.datamart, state.recorded, writer.run_id))
            restamp(job.log, planned.other_stamps, CommitNote(writer.run_id))
        loans_before = loans_version(job.datamart)
        left = unproven(job.log, state)
        check_landed(job.log, state, left)
        passes.run(left, at_once)
        if reporting.report.published and job.tells:
            with explained(job.datamart, RELEASES):
                with ThreadPoolExecutor(1) as beside:
                    coverage = beside.submit(_coverage, store)
                    reporting.report.odd_cells = _odd_cells(store, reporting.report.published)
                    reporting.report.coverage = coverage.result()
                warnings = (group.warning() for group in reporting.report.coverage)
                reporting.note(*filter(None, warnings), *broken_steps(store, loans_before))
    reporting.note(*lost_files(job.log, released_tables(job.catalog)))
    # None at all if a file was refused in the first run.
    numbers = [release.number for release in published.releases(job.log)]
    return reporting.finished(max(numbers, default=None))


def _odd_cells(store: Store, numbers: Sequence[int]) -> list[OddCells]:
    """The cells that were not taken as they were, in months of these releases."""
    made = [release for release in published.releases(store.log) if release.number in numbers]
    return odd_cells(store, {month for release in made for month in release.months})


def _coverage(store: Store) -> list[Coverage]:
    from lakehouse.training.coverage import coverage

    return coverage(store)


def _read_and_started(
    job: Job, planned: Planned, raw_files: RawFiles, folder: Path, reporting: Reporting
) -> Store:
    """Read the pending files; meanwhile start the engine, and ask it about declarations that changed."""
    opened: list[Store] = []

    def open_and_check(size: RawBytes) -> None:
        opened.append(job.open_store(job.datamart, size))
        check_expressions(opened[0].spark, job.catalog, planned.steps)

    refused = _read(job, planned, raw_files, folder, open_and_check)
    reporting.report.engine = opened[0].name
    reporting.report.refused, reporting.report.raw_files = [*refused], planned.raw_files
    return opened[0]


def _lost_superseded(job: Job, state: State) -> list[str]:
    """A line if superseded rows were lost since the release: those of archived files do not come again."""
    name = SUPERSEDED.full_name
    had_rows = state.newest is not None and state.newest.row_counts.get(name, 0) > 0
    held = state.standings.get(name)
    if not had_rows or (held is not None and held.base >= 0 and not held.lost):
        return []
    where = f" of {spell(held.lost)}" if held and held.base >= 0 else ""
    return [
        f"{name} has lost rows{where}: those of raw files in {job.data} come again, those of files that are "
        "gone do not; a later correction may need them, so restore it from a backup"
    ]


def _lost_receipts(job: Job) -> list[str]:
    """One line per table of the ledger that is missing although there are releases."""
    if not job.log.exists(RELEASES):
        return []
    return [
        f"{table.full_name} was not there: an empty one was made; if it was lost, restore it "
        "from a backup"
        for table in job.catalog.tables
        if table.is_copied and not job.log.exists(table)
    ]

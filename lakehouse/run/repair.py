"""Repair: takes lost files out of the logs of tables, so that a run makes their rows again from raw files.

A table whose log is lost is set aside, and made again as if it had been dropped.
"""

from __future__ import annotations

import shutil
import uuid
from dataclasses import replace

from deltalake.exceptions import DeltaError

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.landing.counts import Reading
from lakehouse.landing.land import land
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import recorded
from lakehouse.run.job import Job
from lakehouse.run.refill import check_refill
from lakehouse.run.undo import undo_others
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.set_aside import damaged_folder
from lakehouse.storage.work import work_folder
from lakehouse.upkeep.verify import Checked, Damage


def mend(job: Job) -> list[str]:
    """Take lost files out of the logs of tables; return one line per table about what was done.

    BadInput, with nothing changed, if the raw files cannot restore the lost rows.
    """
    log, catalog = job.log, job.catalog
    if not any(log.exists(table) for table in catalog.tables):
        return []
    run_id = uuid.uuid4().hex[:12]
    damages = _refillable(job)
    done = [_set_aside(job, damage, run_id) for damage in damages if not damage.files]
    if not log.exists(RELEASES):
        create_missing(job.datamart)
        done.append(
            f"{RELEASES.full_name} was gone: a new one begins; earlier releases are forgotten"
        )
    # The ledger comes first, because it says what the other tables hold.
    done += [_take_out(job, d, run_id) for d in damages if d.files and _is_ledger(d)]
    undone = undo_others(job.datamart, recorded(job.datamart), run_id)
    if undone:
        damages = _refillable(job)
    lost = [damage for damage in damages if damage.files and not _is_ledger(damage)]
    return [*done, *undone, *(_take_out(job, damage, run_id) for damage in lost)]


def _is_ledger(damage: Damage) -> bool:
    return damage.table.is_ledger


def _refillable(job: Job) -> list[Damage]:
    """The damages of all tables; BadInput if the raw file of a bronze table lacks lost rows."""
    damages = Checked(job.datamart).damages()
    held = _readable_records(job.datamart) if damages else {}
    for damage in damages:
        if damage.table.source:
            with work_folder(job.datamart.place) as work:
                path = job.files[damage.table]
                said = job.request.said_order(held.get(damage.table.full_name), job.sha256(path))
                reading = Reading(job.today, said)
                landed = land(damage.table.source, path, work, job.max_bad, reading=reading)
            asked = (job.datamart, damage.table, landed, job.request.scope)
            check_refill(*asked, damage.partitions, is_there=bool(damage.files))
    return damages


def _readable_records(datamart: Datamart) -> dict[str, Recorded]:
    """The record of each table; none if a log or the ledger is too damaged to be read."""
    try:
        return recorded(datamart)
    except DeltaError:
        return {}


def _set_aside(job: Job, damage: Damage, run_id: str) -> str:
    folder = job.log.folder(damage.table)
    aside = (
        damaged_folder(job.datamart.place.on_this_machine()) / f"{damage.table.full_name}-{run_id}"
    )
    shutil.move(folder, aside)
    next_step = "a new, empty one begins" if _is_ledger(damage) else "it is made again"
    return f"{damage.table.full_name}: {damage.what}; {next_step}, and what was left is in {aside}"


def _take_out(job: Job, damage: Damage, run_id: str) -> str:
    """Commit a version without the lost files; its note says that their partitions are pending."""
    table = damage.table
    for path in damage.files:
        (job.log.folder(table) / path).unlink(missing_ok=True)
    job.log.take_out_missing(table, _note(job, damage, run_id))
    next_step = "their rows are forgotten" if _is_ledger(damage) else "their rows are made again"
    return f"{table.full_name}: {damage.what}; {next_step}"


def _note(job: Job, damage: Damage, run_id: str) -> CommitNote:
    if _is_ledger(damage):
        return CommitNote(run_id)
    lost = tuple(sorted(damage.partitions))
    record = recorded(job.datamart)[damage.table.full_name]
    pending = {*record.pending_months, *(() if damage.table == QUARANTINE else lost)}
    return replace(record.note(run_id), pending_months=tuple(sorted(pending)), lost=lost)

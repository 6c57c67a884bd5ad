"""Repair: takes lost files out of the logs of tables, so that a run makes their rows again from raw files.

A table whose log is lost is set aside, and made again as if it had been dropped. The ledger keeps every row
that any place still holds; before it gives one up, the user is asked.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Arrival, Landed, Reading
from lakehouse.landing.land import land_files
from lakehouse.releases.date_orders import date_orders
from lakehouse.releases.state import BESIDE, recorded
from lakehouse.run.job import Job
from lakehouse.run.refill import check_refill
from lakehouse.run.undo import undo_others
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.data_file import DataFile, data_files
from lakehouse.storage.log import Log
from lakehouse.storage.set_aside import damaged_folder
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.upkeep.altered import not_delivered, places
from lakehouse.upkeep.mend_ledger import mend_ledger
from lakehouse.upkeep.verify import Checked, Damage


def mend(job: Job) -> list[str]:
    """Put the ledger right, and take lost files out of the logs of tables; return one line per table.

    BadInput, with nothing changed, if the user keeps what would be given up. BadInput also if the raw files
    cannot restore the lost rows; then only the ledger was changed.
    """
    if not job.datamart.has_tables:
        return []
    run_id = uuid.uuid4().hex[:12]
    # The ledger comes first, because it says what the other tables hold.
    told = mend_ledger(job.datamart, run_id, job.before_loss)
    damages = _refillable(job)
    done = [_set_aside(job, damage, run_id) for damage in damages if damage.is_of_log]
    undone = undo_others(job.datamart, recorded(job.datamart), run_id)
    if undone:
        damages = _refillable(job)
    lost = [damage for damage in damages if not damage.is_of_log]
    return [*told, *done, *undone, *(_take_out(job, damage, run_id) for damage in lost)]


def _refillable(job: Job) -> list[Damage]:
    """The damages of tables of data; BadInput if the raw file of a bronze table lacks lost rows."""
    damages = Checked(job.datamart).damages()
    orders = date_orders(job.log, job.catalog.sources) if damages else {}
    for damage in damages:
        if damage.table.source:
            with work_folder(job.datamart.place) as work:
                landed = _landed(job, damage.table, orders, work)
                asked = (job.datamart, damage.table, landed, job.request.scope)
                if damage.is_of_rows:
                    _check_delivered(job, damage, landed)
                else:
                    check_refill(*asked, damage.partitions, is_there=not damage.is_of_log)
    return damages


def _landed(job: Job, table: Table, orders: Mapping[str, DateOrder], into: Path) -> Landed:
    """All raw files of a bronze table; BadInput if there are none, or one of them is refused."""
    assert table.source is not None
    listing = job.files(table)
    if not (listing.files or listing.refused):
        raise job.inbox.none_of(table.source)
    paths = [(file, job.path(file)) for file in listing.files]
    said = {file: orders.get(job.sha256(path)) for file, path in paths} if orders else {}
    landed = land_files(
        job.catalog.source_of(table),
        [
            Arrival(file, path, Reading(job.today, job.request.said_order(said.get(file))))
            for file, path in paths
        ],
        into,
        job.max_bad,
    )
    for each in (*listing.refused, *landed.refused):
        raise BadInput(each.why)
    return landed


def _check_delivered(job: Job, damage: Damage, landed: Landed) -> None:
    """BadInput if the raw file, within the scope, does not have the altered rows any more."""
    months = [month for month in landed.months if job.request.scope.has(month)]
    lacking = not_delivered(*_altered(job, damage), landed.accepted, months)
    if lacking:
        raise BadInput(
            f"{damage.table.full_name}: {damage.what}, and {landed.file_name} does not have {lacking:,} of "
            f"them; nothing was changed: restore {job.log.uri(damage.table)} from a backup, or put a file "
            "with these rows in its place"
        )


def _altered(job: Job, damage: Damage) -> tuple[Log, Table, list[DataFile]]:
    """The log, table and data files in which the rows of a damage are."""
    files = data_files(job.log, damage.table)
    return job.log, damage.table, [file for file in files if file.partition in damage.partitions]


def _set_aside(job: Job, damage: Damage, run_id: str) -> str:
    folder = job.log.folder(damage.table)
    aside = (
        damaged_folder(job.datamart.place.on_this_machine()) / f"{damage.table.full_name}-{run_id}"
    )
    shutil.move(folder, aside)
    return f"{damage.table.full_name}: {damage.what}; it is made again, and what was left is in {aside}"


def _take_out(job: Job, damage: Damage, run_id: str) -> str:
    """Commit a version without the lost files, altered rows, or partitions in which a key is there twice.

    Its note says that the partitions are pending.
    """
    table, note = damage.table, _note(job, damage, run_id)
    for path in damage.files:
        (job.log.folder(table) / path).unlink(missing_ok=True)
    if damage.files:
        job.log.take_out_missing(table, note)
    elif damage.is_of_rows:
        job.log.take_out_rows(table, places(*_altered(job, damage)), note)
    else:
        job.log.take_out_partitions(table, damage.partitions, note)
    return f"{table.full_name}: {damage.what}; their rows are made again"


def _note(job: Job, damage: Damage, run_id: str) -> CommitNote:
    lost = tuple(sorted(damage.partitions))
    record = recorded(job.datamart)[damage.table.full_name]
    pending = {*record.pending_months, *(() if damage.table in BESIDE else lost)}
    return replace(record.note(run_id), pending_months=tuple(sorted(pending)), lost=lost)

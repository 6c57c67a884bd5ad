"""All that a run would refuse of its raw files, in the same words, for the doctor to list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from deltalake.exceptions import DeltaError

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import recorded
from lakehouse.run.job import Job
from lakehouse.run.pending import SourceFiles
from lakehouse.run.plan import make_plan
from lakehouse.run.raw_files import RawFiles
from lakehouse.run.refused import refused_files
from lakehouse.run.reporting import Reporting
from lakehouse.run.source_files import files_of
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.work import work_folder

T = TypeVar("T")


@dataclass(frozen=True)
class Refusal:
    """The refused datamart, or raw file of a source, and the error that says why."""

    subject: str
    error: BadInput


def refusals(job: Job) -> list[Refusal]:
    """The refusals of a run that need no engine: of the datamart, and of each raw file that it would read."""
    refused: list[Refusal] = []

    def attempt(subject: str, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except BadInput as error:
            # A missing folder is one fault, not one per file.
            if str(error) not in (str(each.error) for each in refused):
                refused.append(Refusal(subject, error))
            return None

    job = attempt("Datamart", job.of_present) or job
    recorded_by_table = attempt("Datamart", lambda: _recorded(job)) or {}
    found: dict[str, SourceFiles] = {}
    for table in job.catalog.sources:
        files = attempt(table.name, partial(files_of, job, table, recorded_by_table))
        found[table.full_name] = files or SourceFiles(())
    steps = make_plan(job.catalog, recorded_by_table, found, job.request, job.today)
    raw_files = RawFiles(job, steps, found, recorded_by_table, Reporting(job))
    with work_folder(None) as folder:
        for step in steps:
            if step.files:
                attempt(
                    step.table.name, partial(raw_files.read_files, step.table, step.files, folder)
                )
        for each in refused_files(raw_files.refused):
            attempt(each.table.partition(".")[2], partial(_refuse, each.why))
        attempt("Raw files", partial(raw_files.check_refills, job.request.scope))
    return refused


def _refuse(why: str) -> None:
    raise BadInput(why)


def _recorded(job: Job) -> dict[str, Recorded]:
    """The content of each table; of a damaged datamart none, as `doctor --deep` tells what ails it."""
    try:
        check_datamart(job.datamart)
        return recorded(job.datamart)
    except BadInput:
        raise
    except (LakehouseError, DeltaError):
        return {}

"""The raw files in the data folder, compared with those that were taken; only doubtful ones are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from lakehouse.errors import BadInput
from lakehouse.landing.raw_file import RawFile, Refused
from lakehouse.releases.deliveries import newest_taken
from lakehouse.releases.recorded import Recorded
from lakehouse.run.job import Job
from lakehouse.run.pending import SourceFiles, unsure
from lakehouse.table import Table
from lakehouse.words import counted

Files = Mapping[str, SourceFiles]


def source_files(job: Job, recorded: Mapping[str, Recorded]) -> Files:
    """The raw files of each bronze table; BadInput if a source that was never taken has none."""
    files = {table.full_name: files_of(job, table, recorded) for table in job.catalog.sources}
    if files and not any(each.present or each.refused for each in files.values()):
        assert job.catalog.sources[0].source is not None
        raise job.inbox.none_of(job.catalog.sources[0].source)
    return files


def told_files(job: Job, files: Files) -> Iterator[str]:
    """At most two lines for each bronze table: how many files it has, and names that are left out.

    And one line about raw files that are of no source.
    """
    for table, each in files.items():
        counts = {"new": each.new, "changed": each.changed, "archived": each.archived}
        told = [f"{len(which):,} {word}" for word, which in counts.items() if which]
        if not each.present:
            yield f"{table}: no file of it is there any more; the rows that were taken stay"
        elif (each.new or each.changed) and not each.is_one:
            yield f"{table}: {counted(len(each.present), 'file')}, {', '.join(told)}"
        if each.left_out:
            yield each.left_out
    if of_none := job.inbox.told_of_no_source:
        yield of_none


def told_other_numbers(job: Job, files: Files, recorded: Mapping[str, Recorded]) -> Iterator[str]:
    """A line for each source with decimal commas that other code reads now, and that has lost files.

    Bronze holds the cells of these as they were read then.
    """
    for table in job.catalog.sources:
        assert table.source is not None
        lost, before = files[table.full_name].archived, recorded.get(table.full_name)
        is_other = before is not None and before.code != job.catalog.code[table.full_name]
        if lost and is_other and table.source.decimal == ",":
            yield (
                f"{table.full_name}: its code changed, and {counted(len(lost), 'file')} that it took cannot "
                "be read again; if a column became one of numbers since, its 1.234 of these files is not 1234"
            )


def files_of(job: Job, table: Table, recorded: Mapping[str, Recorded]) -> SourceFiles:
    """The raw files of a bronze table; BadInput if it was never taken and has none."""
    assert table.source is not None
    files, of_table = _files(job, table, recorded), recorded.get(table.full_name)
    if files.present or files.taken or (of_table and of_table.sha256):
        return files
    if files.refused:
        raise BadInput(files.refused[0].why)
    raise job.inbox.none_of(table.source)


def _files(job: Job, table: Table, recorded: Mapping[str, Recorded]) -> SourceFiles:
    assert table.source is not None
    listing = job.files(table)
    taken = newest_taken(job.log).get(table.source.name, {})
    of_table = recorded.get(table.full_name)
    doubtful = unsure(listing.files, taken, of_table, job.request.verify)
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        answers = readers.map(partial(_sha256, job), doubtful)
        hashed = dict(zip(doubtful, answers, strict=True))
    refused = tuple(each for each in hashed.values() if isinstance(each, Refused))
    gone = {each.name for each in refused}
    return SourceFiles(
        tuple(file for file in listing.files if file.name not in gone),
        taken,
        {file.name: sha256 for file, sha256 in hashed.items() if isinstance(sha256, str)},
        (*listing.refused, *refused),
        listing.told_left_out,
    )


def _sha256(job: Job, file: RawFile) -> str | Refused:
    """SHA-256 of a file, or why it cannot be read."""
    try:
        return job.sha256(job.path(file))
    except BadInput as error:
        return Refused(file.name, str(error))

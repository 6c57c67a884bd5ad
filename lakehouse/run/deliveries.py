"""The raw files of a datamart: those that were taken, and those in the data folder that a run would take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.nearest import meant
from lakehouse.releases.deliveries import FileVersion, file_versions
from lakehouse.run.job import Job
from lakehouse.run.pending import SourceFiles
from lakehouse.run.run import looked_at
from lakehouse.run.whereabouts import Reason, RowsOfFile, reasons_of_file, rows_of_file


@dataclass(frozen=True)
class Delivery:
    """A raw file: what it is now, and the rows of the version that was taken last, by fate.

    `state` is taken, archived, new, changed, refused or left out. The counts are null if no version was
    taken. `why` says why a file is refused.
    """

    source: str
    file: str
    state: str
    bytes: int | None
    rows_in: int | None
    accepted: int | None
    quarantined: int | None
    equal_duplicates: int | None
    superseded: int | None
    months: list[str]
    first_run_id: str | None
    last_run_id: str | None
    taken_at: datetime | None
    why: str | None


@dataclass(frozen=True)
class FileRows:
    """A raw file, where each of its rows is, and why some of them are in quarantine."""

    delivery: Delivery
    rows: list[RowsOfFile]
    reasons: list[Reason]


def deliveries(job: Job, source: str | None = None) -> list[Delivery]:
    """Every raw file that is there or was taken, by source and name; nothing is changed.

    Those that a run would read are read, to find what it would refuse. BadInput if there is no such source.
    """
    names = [table.source.name for table in job.catalog.sources if table.source]
    if source is not None and source not in names:
        near = meant(source, names) or " or ".join(names)
        raise BadInput(f"no source is called {source!r}; is it {near}?")
    files, refused = looked_at(job)
    versions = [each for each in file_versions(job.log) if not each.replaced]
    return [
        each
        for table in job.catalog.sources
        if table.source and source in (None, table.source.name) and table.full_name in files
        for each in _of_source(
            table.source.name,
            files[table.full_name],
            {each.file: each for each in versions if each.source == table.source.name},
            {each.file: each.why for each in refused if each.table == table.full_name},
            job.files(table).left_out,
        )
    ]


def delivery(open_store: Callable[[], Store], job: Job, file: str) -> FileRows:
    """A raw file, and where each of its rows is; BadInput if there is no such file."""
    all_files = {each.file: each for each in deliveries(job)}
    if file not in all_files:
        near = meant(file, all_files)
        hint = f"is it {near}?" if near else "`python main.py deliveries` lists all"
        raise BadInput(f"no raw file is called {file!r}; {hint}")
    found = all_files[file]
    table = next(t for t in job.catalog.sources if t.source and t.source.name == found.source)
    if found.rows_in is None:
        return FileRows(found, [], [])
    (version,) = (v for v in file_versions(job.log) if v.file == file and not v.replaced)
    store = open_store()
    rows = rows_of_file(store, table, file, version.counts)
    return FileRows(found, rows, reasons_of_file(store, table, file))


def _of_source(
    source: str,
    files: SourceFiles,
    versions: Mapping[str, FileVersion],
    refused: Mapping[str, str],
    left_out: Iterable[str],
) -> Iterator[Delivery]:
    states = {
        **dict.fromkeys(versions, "archived"),
        **dict.fromkeys((file.name for file in files.present), "taken"),
        **dict.fromkeys((file.name for file in files.changed), "changed"),
        **dict.fromkeys((file.name for file in files.new), "new"),
        **dict.fromkeys(left_out, "left out"),
        **dict.fromkeys(refused, "refused"),
    }
    sizes = {file.name: file.size for file in files.present}
    for file in sorted(states):
        version = versions.get(file)
        total = version.total if version else None
        yield Delivery(
            source,
            file,
            states[file],
            sizes.get(file, version.size if version else None),
            total.rows_in if total else None,
            total.accepted if total else None,
            total.quarantined if total else None,
            total.equal_duplicates if total else None,
            total.superseded if total else None,
            sorted(filter(None, version.counts)) if version else [],
            version.first_run_id if version else None,
            version.last_run_id if version else None,
            version.taken_at if version else None,
            refused.get(file),
        )

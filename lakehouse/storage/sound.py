"""Checks that data files still have the bytes that they had when they were published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from lakehouse.errors import LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.data_file import data_files
from lakehouse.storage.log import Log
from lakehouse.table import Table

_Recorded = dict[str, tuple[int, str]]  # path -> its release and SHA-256


def check_sound(
    log: Log, table: Table, version: int | None = None, months: Sequence[str] | None = None
) -> None:
    """LakehouseError if a data file of a version does not have the SHA-256 that a release recorded.

    `months` are the partitions to look at; None means all. A process reads each file once. A file without
    a recorded checksum is not looked at: it is of an older program, in an object store or not published yet.
    """
    if log.place.folder is None or not log.exists(RELEASES):
        return
    if not _unsound(log, table, version, months):
        return
    check_no_erasure_begun(log.place)
    # Compared again: an erasure may have just replaced the file and its checksum.
    for file, number in _unsound(log, table, version, months):
        is_now = file in log.files(table)
        remedy = "run --repair repairs it" if is_now else "restore it from a backup"
        raise LakehouseError(
            f"{table.full_name} is damaged: {file} has other bytes than when release {number} was "
            f"published with it; nothing was made of it; python main.py doctor --deep tells more, {remedy}"
        )


def lost_files(log: Log, tables: Iterable[Table]) -> Iterator[str]:
    """One line per table whose newest version has lost data files, or has files of another size."""
    for table in tables if log.place.folder else ():
        there = log.files(table) if log.exists(table) else {}
        lost = [file for file, size in there.items() if _size(log, table, file) != size]
        if lost:
            yield (
                f"{table.full_name}: {len(lost)} of its {len(there)} data files are gone or cut off, as "
                f"{lost[0]}; python main.py run --repair makes their rows again"
            )


def _size(log: Log, table: Table, file: str) -> int | None:
    try:
        return (log.folder(table) / file).stat().st_size
    except FileNotFoundError:
        return None


def _unsound(
    log: Log, table: Table, version: int | None, months: Sequence[str] | None
) -> list[tuple[str, int]]:
    """The files that have other bytes, each with the release that recorded its checksum."""
    held = data_files(log, table, version)
    paths = (f"{table.path}/{f.path}" for f in held if months is None or f.partition in months)
    unsound = unsound_files(log, paths)
    return [(path.removeprefix(f"{table.path}/"), number) for path, number in unsound.items()]


def unsound_files(log: Log, paths: Iterable[str]) -> dict[str, int]:
    """The files of these that have other bytes than a release recorded, each with that release."""
    recorded = _recorded(log, log.stamp(RELEASES))
    now = log.place.checksums(path for path in paths if path in recorded)
    return {path: recorded[path][0] for path in now if now[path] != recorded[path][1]}


@lru_cache(maxsize=2)
def _recorded(log: Log, _stamp: object) -> _Recorded:
    """The checksums of all releases; the newest wins, as an erasure corrects all that have the file."""
    rows = sorted(log.read(RELEASES), key=lambda row: row["release"])
    return {
        path: (row["release"], sha256)
        for row in rows
        for path, sha256 in row.get("checksums") or ()
    }

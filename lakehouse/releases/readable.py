"""Checks that a release can still be read; if not, the error says which table is lost, since when and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.releases import published
from lakehouse.releases.release import Pins
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.log import Log
from lakehouse.table import Table


@dataclass(frozen=True)
class _Loss:
    table: Table
    version: int
    what: str  # what is lost, since when, and why if that is known

    def __str__(self) -> str:
        return f"{self.table.full_name} version {self.version}: {self.what}"


def check_readable(log: Log, pins: Pins, tables: Iterable[Table]) -> None:
    """LakehouseError if a release was given up, or if a table has lost a pinned version.

    A version is lost with the folder, the log, its entry in the log, or one of its files. Tables that
    are not pinned are ignored.
    """
    check_kept(log, pins)
    asked = tuple(tables)
    first = _first_loss(log, pins, asked)
    if first:
        _check_kept_meanwhile(log, pins)
        check_no_erasure_begun(log.place)
        raise LakehouseError(
            f"{pins.name} cannot be read any more: {first}; "
            f"restore {log.uri(first.table)} from a backup{_or_instead(log, asked)}"
        )


def check_kept(log: Log, pins: Pins) -> None:
    """LakehouseError if vacuum gave the release up, even if all its files still exist."""
    if pins.given_up_at:
        oldest = published.kept(log)[0].number
        raise LakehouseError(
            f"{pins.name} was given up on {pins.given_up_at:%Y-%m-%d} by vacuum; "
            f"the oldest kept one is release {oldest}"
        )


def _check_kept_meanwhile(log: Log, pins: Pins) -> None:
    """LakehouseError if vacuum gave the release up after it was read."""
    for release in published.releases(log):
        if release.pins.name == pins.name:
            check_kept(log, release.pins)


def _first_loss(log: Log, pins: Pins, tables: Sequence[Table]) -> _Loss | None:
    for table in tables:
        version = pins.versions.get(table.full_name)
        if version is not None and (what := loss(log, table, version, pins.moment)):
            return _Loss(table, version, what)
    return None


def loss(log: Log, table: Table, version: int, moment: datetime) -> str | None:
    """The loss of a table version in words; None if the version is complete."""
    if not log.exists(table):
        return _without_log(log, table)
    then = _opened(log, table, version)
    made = _made(then or _opened(log, table))
    if made and made > moment:
        return f"the table was made again on {_utc(made)}, after the release"
    if then is None:
        return (
            f"its log was cleaned or set back{_latest(log, f'{table.path}/{LOG_FOLDER}', ', by')}"
        )
    return _without_files(log, table, version)


def _without_log(log: Log, table: Table) -> str:
    gone = "log" if log.place.has_folder(table.path) else "folder"
    return f"its {gone} is gone{_latest(log, table.path, ' since')}"


def _without_files(log: Log, table: Table, version: int) -> str | None:
    files = log.files(table, version)
    lacking = log.lacking(table, files)
    if not lacking:
        return None
    by_vacuum = _by_vacuum(log, table, version, lacking)
    why = f", {by_vacuum}" if by_vacuum else _by_another(log, table, lacking)
    return f"{len(lacking)} of its {len(files)} data files are gone{why}"


def _opened(log: Log, table: Table, version: int | None = None) -> DeltaTable | None:
    try:
        return log.open(table, version)
    except DeltaError:
        return None


def _made(table: DeltaTable | None) -> datetime | None:
    milliseconds = table.metadata().created_time if table else None
    return _moment(milliseconds / 1000) if milliseconds else None


def _by_vacuum(log: Log, table: Table, version: int, lacking: set[str]) -> str | None:
    """When VACUUM may have removed the files; None if they were still in use at the last VACUUM."""
    vacuums = [
        commit
        for commit in log.history(table)
        if commit.operation == "VACUUM START" and commit.version > version
    ]
    unused = [lacking - log.files(table, commit.version).keys() for commit in vacuums]
    if not vacuums or unused[0] != lacking:
        return None
    times = [commit.timestamp for commit, files in zip(vacuums, unused, strict=True) if files]
    first, last = _utc(times[-1]), _utc(times[0])
    return f"removed by VACUUM {f'on {first}' if first == last else f'between {first} and {last}'}"


def _by_another(log: Log, table: Table, lacking: set[str]) -> str:
    folders = {str(PurePosixPath(table.path, file).parent) for file in lacking}
    since = min(_latest(log, folder, ", since") for folder in folders)
    return f"{since}; no VACUUM did it, another program or a person deleted them"


def _or_instead(log: Log, tables: Sequence[Table]) -> str:
    names = {table.full_name for table in tables}
    for release in published.kept(log):
        if names <= release.versions.keys() and not _first_loss(log, release.pins, tables):
            return f", or choose release {release.number}, the oldest that can still be read"
    return "; without that no release can be read"


def _latest(log: Log, folder: str, word: str) -> str:
    """When a folder of the datamart last changed, in words; empty in an object store, which does not know."""
    changed_at = log.place.changed_at(folder)
    return f"{word} {_utc(changed_at)} at the latest" if changed_at else ""


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=timezone.utc)


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"

"""Checks that a release can still be read; if not, the error says which table is lost, since when and why."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import PurePosixPath

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.releases import published
from lakehouse.releases.identity import identity, is_same
from lakehouse.releases.release import Pins, Release
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.commit_file import whole_until
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.storage.log import Log
from lakehouse.storage.sound import check_sound
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


def readable_version(log: Log, release: Release, table: Table) -> int:
    """The version of a table at a release; BadInput if it has none, LakehouseError if it is lost."""
    if table.full_name not in release.versions:
        raise BadInput(
            f"release {release.number} has no table {table.full_name}; take a later release"
        )
    check_readable(log, release.pins, [table])
    return release.versions[table.full_name]


def version_at(log: Log, pinned: Release | None, table: Table) -> int | None:
    """The version of a table at a pinned release, else at the newest; None is the ledger as it is now.

    BadInput for a table of the ledger at a pinned release, because no release pins the ledger.
    """
    if not table.is_ledger:
        return readable_version(log, pinned or published.newest(log), table)
    if pinned:
        raise BadInput(
            f"this lake is at release {pinned.number}, and {table.full_name} is about all releases; take a "
            "lake that is at none, as Lakehouse(...)"
        )
    return None


def check_not_newer(pinned: Release | None, number: int, what: str) -> None:
    """BadInput if a release is newer than the one that is pinned; `what` is how the user called it."""
    if pinned and number > pinned.number:
        raise BadInput(
            f"{what} is newer than release {pinned.number}, at which this lake is; ask the lake without at()"
        )


def check_whole(log: Log, pins: Pins, tables: Iterable[Table]) -> None:
    """As `check_readable`, and LakehouseError if a data file has other bytes than when it was published."""
    asked = tuple(tables)
    check_readable(log, pins, asked)
    for table in asked:
        if table.full_name in pins.versions:
            check_sound(log, table, pins.versions[table.full_name])


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
        if version is not None and (what := loss(log, table, pins)):
            return _Loss(table, version, what)
    return None


def loss(log: Log, table: Table, pins: Pins) -> str | None:
    """The loss of a pinned version of a table in words; None if the version is complete."""
    if not log.exists(table):
        return _without_log(log, table)
    version = pins.versions[table.full_name]
    then = _opened(log, table, version)
    replaced = then is None or not _is_pinned(log, table, pins)
    made = _made(then or _opened(log, table))
    # Only after another commit: a clock may be wrong, so a time by itself tells nothing certain.
    if replaced and made and made > pins.moment:
        return f"the table was made again on {_utc(made)}, after the release"
    changed = _latest(log, f"{table.path}/{LOG_FOLDER}", ", by")
    if then is None:
        return _torn(log, table, version) or f"its log was cleaned or set back{changed}"
    if replaced and (torn := _torn(log, table, version)):
        return torn
    if replaced and (table.full_name in pins.commits or _is_younger(log, table, pins)):
        return (
            "another commit has that number now, because the table was set back or made again, and "
            f"written on{changed}"
        )
    return _without_files(log, table, version)


def _torn(log: Log, table: Table, version: int) -> str:
    """The fault of the first commit that is not whole, if the version needs it; empty if there is none."""
    if log.place.folder is None:
        return ""
    last, fault = whole_until(log.folder(table))
    is_needed = bool(fault) and last < version
    return (
        f"{fault}, as after a loss of power; python main.py goes back and on" if is_needed else ""
    )


def _is_younger(log: Log, table: Table, pins: Pins) -> bool:
    """Whether a commit says that it was made after a release that does not identify its versions."""
    commit = log.commit(table, pins.versions[table.full_name])
    return commit is not None and commit.timestamp > pins.moment


def _is_pinned(log: Log, table: Table, pins: Pins) -> bool:
    """Whether the pinned number still is the pinned version; False if the pins do not identify it."""
    pinned = pins.commits.get(table.full_name)
    return pinned is not None and is_same(
        pinned, identity(log, table, pins.versions[table.full_name])
    )


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

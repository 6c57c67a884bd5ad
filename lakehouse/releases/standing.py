"""A table compared with the newest release: the same, changed by runs or others, or made again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lakehouse.releases.identity import is_made_by
from lakehouse.releases.release import Release
from lakehouse.storage.commit import Commit
from lakehouse.storage.log import Log
from lakehouse.table import Table

# Operations that change no row, as both engines write them.
_HARMLESS = {
    "CREATE TABLE",
    "ADD COLUMN",
    "ADD COLUMNS",
    "ADD CONSTRAINT",
    "DROP CONSTRAINT",
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "CHANGE COLUMN",
    "UPDATE FIELD METADATA",
    "UPDATE TABLE METADATA",
    "UPGRADE PROTOCOL",
    "OPTIMIZE",
    "VACUUM START",
    "VACUUM END",
}


@dataclass(frozen=True)
class Standing:
    """The version of a table, and its commits since the newest release, newest first.

    `base` is the version that the release pins, if the log of the table still has it. It is -1 if the
    table was set back, made again, or never released.
    """

    version: int
    base: int
    commits: tuple[Commit, ...]

    @property
    def is_released(self) -> bool:
        """Whether the table is what the newest release says."""
        return self.version == self.base

    @property
    def has_other_rows(self) -> bool:
        """Whether a run has changed a row since the release; new columns and undone commits change none."""
        return self.base < 0 or any(commit.note.undone is None for commit in self.ours)

    @property
    def undo_to(self) -> int | None:
        """The version before another program wrote; None if none has written, or if it was undone."""
        foreign = []
        for commit in self.commits:
            if commit.note.undone is not None:
                break
            if is_foreign(commit):
                foreign.append(commit.version)
        return min(foreign) - 1 if foreign else None

    @property
    def lost(self) -> frozenset[str]:
        """Partitions from which a repair removed files since the release."""
        return frozenset(name for commit in self.commits for name in commit.note.lost or ())

    def newest_of_ours(self, until: int) -> Commit | None:
        """The newest commit of a run since the release, up to a version."""
        return next((commit for commit in self.ours if commit.version <= until), None)

    @property
    def ours(self) -> tuple[Commit, ...]:
        """The commits of runs since the release, newest first."""
        return tuple(filter(_is_of_a_run, self.commits))

    def has(self, version: int, since: datetime) -> bool:
        """Whether the table has a version that was already there at a moment."""
        at = [commit.timestamp for commit in self.commits if commit.version == version]
        return version <= self.version and all(moment <= since for moment in at)


def standing(log: Log, table: Table, newest: Release | None) -> Standing | None:
    """The table compared with the newest release; None if it does not exist. Only its log is read."""
    commit = log.newest_commit(table)
    if commit is None:
        return None
    version = commit.version
    pinned = newest.versions.get(table.full_name) if newest else None
    if newest and pinned is not None and pinned <= version:
        commits = log.history(table, version - pinned + 1) if pinned < version else [commit]
        if commits[-1].version == pinned and _is_pinned(newest, table, commits[-1]):
            return Standing(version, pinned, tuple(commits[:-1]))
    return Standing(version, -1, tuple(log.history(table)))


def _is_pinned(newest: Release, table: Table, commit: Commit) -> bool:
    """Whether a commit with the pinned number is the pinned one."""
    pinned = newest.commits.get(table.full_name)
    return is_made_by(pinned, commit) if pinned else commit.timestamp <= newest.finished_at


def is_foreign(commit: Commit) -> bool:
    """Whether a commit changed rows and was not made by a run of this program."""
    return _changes_rows(commit) and not commit.note.run_id


def _is_of_a_run(commit: Commit) -> bool:
    return _changes_rows(commit) and bool(commit.note.run_id)


def _changes_rows(commit: Commit) -> bool:
    return commit.operation not in _HARMLESS

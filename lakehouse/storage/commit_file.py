"""The commits of a Delta log as files: which are whole, and which data files they name.

A loss of power may leave a commit that was not yet on the disk empty, cut off, with zeros, or not at all.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from deltalake.exceptions import DeltaError

from lakehouse.storage.commit_note import CommitNote, is_ours
from lakehouse.storage.layout import LOG_FOLDER

_COMMIT = re.compile(r"(\d{20})\.json")
# Checksums that Spark writes: one of a version, and one of each file in the log.
_CHECKSUM = re.compile(r"\.?(\d{20})\.(?:json\.)?crc(?:\.crc)?")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\b.*\.parquet")
# The names that the engines give to the number of files that a commit adds, with those of the change feed,
# and to the number of those that it removes.
_ADDED = (
    "num_added_files",
    "num_target_files_added",
    "numFilesAdded",
    "numTargetFilesAdded",
    "numAddedFiles",
    "numRestoredFile",
    "numRestoredFiles",
    "numFiles",
)
_REMOVED = (
    "num_removed_files",
    "num_target_files_removed",
    "numFilesRemoved",
    "numTargetFilesRemoved",
    "numRemovedFiles",
    "numRemovedFile",
)
_OF_FILES = ("add", "cdc")
_OF_ROWS = ("add", "remove")
# Operations that write the columns of the table, and operations that only write their own name.
_OF_COLUMNS = ("ADD C", "DROP C", "SET ", "UNSET ", "CHANGE C", "UPDATE ")
_OF_NOTHING = ("VACUUM START", "VACUUM END")


class TornCommit(DeltaError):
    """A version cannot be read because a commit that it needs is not whole."""


@dataclass(frozen=True)
class CommitFile:
    """A commit as a file."""

    version: int
    path: Path

    @property
    def fault(self) -> str:
        """The fault of the file in words; empty if it is whole."""
        if not self._bytes:
            return f"commit {self.path.name} of its log is empty"
        if not self._actions or not self._has_all_files:
            return f"commit {self.path.name} of its log is cut off or has other bytes"
        return ""

    @property
    def is_empty(self) -> bool:
        return not self.path.stat().st_size

    @property
    def entry(self) -> Mapping[str, Any]:
        """The commit as an entry of delta-rs' history."""
        return {**self._info, "version": self.version}

    @property
    def data_files(self) -> dict[str, int | None]:
        """The size of each file that the commit adds, with those of the change feed, by path."""
        named = (
            action[kind] for action in self._actions or () for kind in _OF_FILES if kind in action
        )
        return {unquote(file["path"]): file.get("size") for file in named}

    @property
    def changed_partitions(self) -> Iterator[Mapping[str, str | None]]:
        """The partition of each file in which rows changed; a file without rows is left out.

        As the change feed has it: its own files if the commit has any, else those added and removed.
        """
        feed = [action["cdc"] for action in self._actions or () if "cdc" in action]
        files = (
            action[kind] for action in self._actions or () for kind in _OF_ROWS if kind in action
        )
        for file in feed or (file for file in files if file.get("dataChange")):
            if json.loads(file.get("stats") or "{}").get("numRecords") != 0:
                yield file.get("partitionValues") or {}

    @property
    def is_ours(self) -> bool:
        """Whether this program made the commit."""
        return is_ours(self._info.get("userMetadata"))

    @property
    def note(self) -> CommitNote:
        return CommitNote.from_json(self._info.get("userMetadata"))

    @cached_property
    def _bytes(self) -> bytes:
        return self.path.read_bytes()

    @cached_property
    def _actions(self) -> list[Mapping[str, Any]] | None:
        """The entries of the commit; None if one cannot be read."""
        try:
            actions = [json.loads(line) for line in self._bytes.splitlines() if line.strip()]
        except ValueError:
            return None
        return actions if all(isinstance(action, dict) for action in actions) else None

    @property
    def _info(self) -> Mapping[str, Any]:
        found = (action["commitInfo"] for action in self._actions or () if "commitInfo" in action)
        return next(found, {})

    @property
    def _has_all_files(self) -> bool:
        """Whether the commit has as many files as it says; it may be cut off between two entries."""
        has = Counter(kind for action in self._actions or () for kind in action)
        added, removed = (self._said(names) for names in (_ADDED, _REMOVED))
        enough = added <= has["add"] + has["cdc"] and removed <= has["remove"]
        operation = self._info.get("operation", "")
        # delta-rs, by which a run restores a version, writes the columns then too.
        restored = operation == "RESTORE" and self._info.get("engineInfo", "").startswith(
            "delta-rs"
        )
        needs_columns = self.version == 0 or restored or operation.startswith(_OF_COLUMNS)
        says_all = needs_columns <= has["metaData"] and (self.version > 0 or bool(has["protocol"]))
        return enough and says_all and (len(has) > 1 or operation in _OF_NOTHING)

    def _said(self, names: Iterable[str]) -> int:
        metrics = self._info.get("operationMetrics") or self._info
        return next((int(metrics[name]) for name in names if name in metrics), 0)


def commit_files(table: Path) -> list[CommitFile]:
    """The commits in the log of a table's folder, oldest first."""
    return [CommitFile(version, path) for version, path in sorted(_versions(table, _COMMIT))]


def checksums(table: Path, since: int) -> Iterator[Path]:
    """The checksums that Spark wrote of the versions after one, and of their commits and data files."""
    for version, path in _versions(table, _CHECKSUM):
        if version > since:
            yield path
    for commit in commit_files(table):
        if commit.version > since:
            for name in commit.data_files:
                yield (table / name).with_name(f".{Path(name).name}.crc")


def commit_file(table: Path, version: int) -> CommitFile | None:
    """The commit of a version in the log of a table's folder; None if its file is not there."""
    path = table / LOG_FOLDER / f"{version:020d}.json"
    return CommitFile(version, path) if path.is_file() else None


def whole_until(table: Path, trusted: int = -1) -> tuple[int, str]:
    """The newest version up to which all commits are there and whole; and the fault after it, if any.

    The version is -1 if there is none. Commits up to `trusted` are not read: they only have to be there.
    """
    begin = begin_of_log(table)
    last = begin or -1
    for commit in commit_files(table):
        if commit.version <= begin and begin:
            continue
        gap = commit.version != last + 1
        is_read = commit.version > trusted or commit.is_empty
        fault = f"commit {last + 1} of its log is gone" if gap else commit.fault if is_read else ""
        if fault:
            return last, fault
        last = commit.version
    return last, ""


def begin_of_log(table: Path) -> int:
    """The version of the newest checkpoint: the log is read from there on; 0 if there is none."""
    return max((version for version, _ in _versions(table, _CHECKPOINT)), default=0)


def _versions(table: Path, form: re.Pattern[str]) -> Iterator[tuple[int, Path]]:
    folder = table / LOG_FOLDER
    for path in folder.iterdir() if folder.is_dir() else ():
        named = form.fullmatch(path.name)
        if named:
            yield int(named[1]), path

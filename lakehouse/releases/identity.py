"""The identity of a table's version, because a number can be used twice: after a table was set back.

It has two parts: the commit that made the version, and the paths of its data files. Neither changes when
a person is erased, which writes files again under their names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from lakehouse.storage.commit import Commit
from lakehouse.storage.log import Log
from lakehouse.table import Table

_BETWEEN = "/"


def identity(log: Log, table: Table, version: int) -> str:
    """The identity of a version; without a commit where the log keeps only a checkpoint of it."""
    commit = log.commit(table, version)
    made = commit_mark(commit) if commit else ""
    return f"{made}{_BETWEEN}{_mark(sorted(log.files(table, version)))}"


def is_same(pinned: str, now: str) -> bool:
    """Whether two identities are of one version; a part that one of them lacks is not compared."""
    pairs = zip(pinned.split(_BETWEEN), now.split(_BETWEEN), strict=True)
    return all(then == part for then, part in pairs if then and part)


def is_made_by(pinned: str, commit: Commit) -> bool:
    """Whether a commit made the version of an identity."""
    made = pinned.split(_BETWEEN)[0]
    return made in ("", commit_mark(commit))


def commit_mark(commit: Commit) -> str:
    """A hash of when, by which operation and by which run a commit was made."""
    moment = commit.timestamp.isoformat(timespec="milliseconds")
    return _mark([str(commit.version), moment, commit.operation, commit.note.run_id or ""])


def _mark(parts: Iterable[str]) -> str:
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:32]

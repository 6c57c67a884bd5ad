"""An erasure that is decided and not yet done: a folder beside the tables, which any later job carries out.

The folder exists completely or not at all. An erasure that was killed can be repeated with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.progress import Wait
from lakehouse.releases import ledger_rows
from lakehouse.releases.release import Release
from lakehouse.storage.begun_erasure import erasure_folder, is_erasure_begun
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.log import Log
from lakehouse.table import Table

_PLAN, _NEW, _OLD = "plan.json", "new", "old"


@dataclass(frozen=True)
class Erasure:
    """The erasure of one person, without anything that identifies them: a row of ledger/erasures and a plan.

    `row_counts`: rows removed from the newest version, by layer.table. `paths`: tables and spines that
    are rewritten. `checksums`: SHA-256 of each new data file. `releases`: by release, the number of rows
    that each of these tables has afterwards.
    """

    erasure_id: str
    erased_at: str
    row_counts: Mapping[str, int]
    files: int
    training_sets: tuple[str, ...]
    paths: tuple[str, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.erased_at)


def new_files(prepared: Path) -> Path:
    """The folder of the rewritten tables and spines in a prepared erasure."""
    return prepared / _NEW


def decide(root: Path, prepared: Path, erasure: Erasure) -> None:
    """Put a prepared erasure in its place; from now on this process or a later one carries it out."""
    (prepared / _PLAN).write_text(json.dumps(asdict(erasure)), encoding="utf-8")
    prepared.replace(erasure_folder(root))


@contextmanager
def locked_and_whole(datamart: Datamart, wait: Wait = None) -> Iterator[None]:
    """Hold the lock of the datamart, as `Place.locked`; an erasure that was killed is finished first."""
    with datamart.place.locked(wait):
        if is_erasure_begun(datamart.place):
            finish_erasure(datamart)
        yield


def finish_erasure(datamart: Datamart) -> None:
    """Carry out an erasure that was killed after it was decided; the datamart is locked."""
    with datamart.place.receipts_locked():
        carry_out(datamart)


def carry_out(datamart: Datamart) -> None:
    """Mark training sets, swap folders, correct releases and write the row; both locks are held."""
    root, log = datamart.place.on_this_machine(), datamart.log
    folder = erasure_folder(root)
    plan = folder / _PLAN
    if plan.exists():
        erasure = Erasure(**json.loads(plan.read_text(encoding="utf-8")))
        # First, so that a process that builds such a set again meanwhile gets the right error.
        _mark_training_sets(log, erasure)
        for path in erasure.paths:
            _swap(root / path, folder / _NEW / path, folder / _OLD / path)
        _correct_releases(log, erasure)
        _keep_receipt(log, erasure)
    rmtree(folder)


def _swap(live: Path, new: Path, old: Path) -> None:
    """Swap two folders with two renames; a rename that was done before is not repeated."""
    if not new.exists():
        return
    if live.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        live.replace(old)
    new.replace(live)


def _mark_training_sets(log: Log, erasure: Erasure) -> None:
    rows = [
        {**row, "erased_at": row.get("erased_at") or erasure.moment}
        for row in _rows(log, TRAINING_SETS)
        if row["training_set_id"] in erasure.training_sets
    ]
    _write(log, TRAINING_SETS, rows, erasure)


def _correct_releases(log: Log, erasure: Erasure) -> None:
    """Set the checksums and row counts of every release to those of the new files."""
    releases = (_corrected(Release.from_row(row), erasure) for row in _rows(log, RELEASES))
    _write(log, RELEASES, [release.as_row() for release in releases], erasure)


def _corrected(release: Release, erasure: Erasure) -> Release:
    counts = {**release.row_counts, **erasure.releases.get(str(release.number), {})}
    checksums = {path: erasure.checksums.get(path, old) for path, old in release.checksums.items()}
    return replace(release, checksums=checksums, row_counts=counts)


def _keep_receipt(log: Log, erasure: Erasure) -> None:
    if not log.exists(ERASURES):
        log.create(ERASURES)
    row = {**asdict(erasure), "erased_at": erasure.moment}
    _write(log, ERASURES, [{name: row[name] for name in ERASURES.columns}], erasure)


def _rows(log: Log, table: Table) -> list[dict[str, Any]]:
    if log.exists(table):
        add_missing_columns(log, table)
    return ledger_rows.rows(log, table)


def _write(log: Log, table: Table, rows: Iterable[Mapping[str, Any]], erasure: Erasure) -> None:
    ledger_rows.put(log, table, rows, CommitNote(erasure_id=erasure.erasure_id))

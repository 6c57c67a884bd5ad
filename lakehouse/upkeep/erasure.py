"""An erasure that is decided and not yet done: a folder beside the tables, which any later job carries out.

The folder exists completely or not at all, and is on the disk before a table changes. An erasure that was
killed, or cut off with the power, can be repeated with the same result.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from shutil import rmtree
from typing import Any

from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.progress import Wait
from lakehouse.releases import ledger_rows
from lakehouse.releases.erasures import ErasureReceipt
from lakehouse.releases.go_back import go_back
from lakehouse.releases.release import Release
from lakehouse.storage.begun_erasure import erasure_folder, is_erasure_begun
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import add_missing_columns
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.format import check_bank, check_format
from lakehouse.storage.log import Log
from lakehouse.storage.sync import sync, sync_tree
from lakehouse.table import Table

_PLAN, _NEW, _OLD = "plan.json", "new", "old"


@dataclass(frozen=True)
class Erasure:
    """The erasure of one person, without anything that identifies them: a row of ledger/erasures and a plan.

    `row_counts`: rows removed from the newest version, by layer.table. `paths`: tables and spines that
    are rewritten. `checksums`: SHA-256 of each new data file. `releases`: by release, the number of rows
    that each of these tables has afterwards. `through`: by release, its last month of raw data afterwards,
    if a source loses all rows of a file.
    """

    erasure_id: str
    erased_at: str
    row_counts: Mapping[str, int]
    files: int
    training_sets: tuple[str, ...]
    paths: tuple[str, ...] = ()
    checksums: Mapping[str, str] = field(default_factory=dict)
    releases: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    through: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def moment(self) -> datetime:
        return datetime.fromisoformat(self.erased_at)


def new_files(prepared: Path) -> Path:
    """The folder of the rewritten tables and spines in a prepared erasure."""
    return prepared / _NEW


def decide(root: Path, prepared: Path, erasure: Erasure) -> None:
    """Put a prepared erasure in its place; from now on this process or a later one carries it out."""
    folder = erasure_folder(root)
    (prepared / _PLAN).write_text(json.dumps(asdict(erasure)), encoding="utf-8")
    sync_tree(prepared)
    prepared.replace(folder)
    sync([folder], root)


@contextmanager
def locked_and_whole(
    datamart: Datamart, wait: Wait = None, repairs: bool = False
) -> Iterator[list[str]]:
    """Hold the lock of the datamart, as `Place.locked`; an erasure that was killed is finished first.

    If it cannot be, because its plan is lost, it is given up. Before that, what a loss of power left unsound
    is taken back. The value has a line for the user about each of them. BadInput if a newer program has
    written the datamart, or if it holds another bank.
    """
    with suppress(DeltaError):  # a damaged log is for a repair
        if datamart.log.exists(RELEASES):
            check_format(datamart.log, datamart)
    check_bank(datamart)
    with datamart.place.locked(wait):
        notes = go_back(datamart, repairs)
        notes += _finish_erasure(datamart) if is_erasure_begun(datamart.place) else []
        yield notes


def _finish_erasure(datamart: Datamart) -> list[str]:
    """Carry out an erasure that was killed after it was decided; the datamart is locked."""
    folder = erasure_folder(datamart.place.on_this_machine())
    with datamart.place.receipts_locked():
        if _read_plan(folder) is None and _files_in(folder / _NEW):
            return [_give_up(folder)]
        carry_out(datamart)
    return []


def _read_plan(folder: Path) -> Erasure | None:
    """The plan of an erasure; None if it is gone, empty or torn."""
    try:
        return Erasure(**json.loads((folder / _PLAN).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _files_in(folder: Path) -> bool:
    return any(path.is_file() for path in folder.rglob("*"))


def _give_up(folder: Path) -> str:
    """Remove an erasure whose plan is lost, and return a line for the user.

    LakehouseError if it has already changed tables.
    """
    if _files_in(folder / _OLD):
        raise LakehouseError(
            f"the plan of an erasure, {folder / _PLAN}, is lost, and tables are already exchanged: move each "
            f"folder of {folder / _OLD} back in place of that of its table, remove {folder}, and erase again"
        )
    rmtree(folder)
    return "the plan of an erasure is lost, and no table was changed by it; erase the person again"


def carry_out(datamart: Datamart) -> None:
    """Mark training sets, swap folders, correct releases and write the row; both locks are held."""
    root, log = datamart.place.on_this_machine(), datamart.log
    folder = erasure_folder(root)
    erasure = _read_plan(folder)
    if erasure:
        # First, so that a process that builds such a set again meanwhile gets the right error.
        _mark_training_sets(log, erasure)
        for path in erasure.paths:
            _swap(root / path, folder / _NEW / path, folder / _OLD / path)
        _correct_releases(log, erasure)
        _keep_receipt(log, erasure)
        (folder / _PLAN).unlink()
        sync([folder / _PLAN])
    rmtree(folder)


def _swap(live: Path, new: Path, old: Path) -> None:
    """Swap two folders with two renames, the first on the disk before the second.

    A rename that was done before is not repeated.
    """
    if not new.exists():
        return
    if live.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        live.replace(old)
        sync([live, old], old.parents[1])
    new.replace(live)
    sync([live, new])


def _mark_training_sets(log: Log, erasure: Erasure) -> None:
    rows = [
        {**row, "erased_at": row.get("erased_at") or erasure.moment}
        for row in _rows(log, TRAINING_SETS)
        if row["training_set_id"] in erasure.training_sets
    ]
    _write(log, TRAINING_SETS, rows, erasure)


def _correct_releases(log: Log, erasure: Erasure) -> None:
    """Set checksums, row counts and the last month of every release to those of the new files."""
    releases = (_corrected(Release.from_row(row), erasure) for row in _rows(log, RELEASES))
    _write(log, RELEASES, [release.as_row() for release in releases], erasure)


def _corrected(release: Release, erasure: Erasure) -> Release:
    counts = {**release.row_counts, **erasure.releases.get(str(release.number), {})}
    checksums = {path: erasure.checksums.get(path, old) for path, old in release.checksums.items()}
    through = erasure.through.get(str(release.number), release.through)
    return replace(release, checksums=checksums, row_counts=counts, through=through)


def _keep_receipt(log: Log, erasure: Erasure) -> None:
    if not log.exists(ERASURES):
        log.create(ERASURES)
    row = {**asdict(erasure), "erased_at": erasure.moment}
    _write(log, ERASURES, [asdict(ErasureReceipt.from_row(row))], erasure)


def _rows(log: Log, table: Table) -> list[dict[str, Any]]:
    if log.exists(table):
        add_missing_columns(log, table)
    return ledger_rows.rows(log, table)


def _write(log: Log, table: Table, rows: Iterable[Mapping[str, Any]], erasure: Erasure) -> None:
    ledger_rows.put(log, table, rows, CommitNote(erasure_id=erasure.erasure_id))

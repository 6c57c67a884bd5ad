"""The datamart as a folder: is it ours, can it be written, and who is writing."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from deltalake.exceptions import DeltaError
from filelock import FileLock, Timeout

from lakehouse.catalog import Catalog
from lakehouse.engine.log import LOG_FOLDER, Log
from lakehouse.engine.paths import check_no_links, check_openable
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.table import Table

_RUNS, _WRITER, _RECEIPTS, _WORK = ".lock", ".writer", ".receipts.lock", "_work"
_NOT_CONTENT = {
    ".gitkeep",
    ".gitignore",
    _RUNS,
    _WRITER,
    _RECEIPTS,
    _WORK,
    "_landing",
    "_damaged",
    ".DS_Store",
}
_WAIT_SECONDS = 60
_ALIVE = ".alive"
_ERASURE = "erasure"
_DAMAGED = "_damaged"
_PERSONAL = 0o700


def check_datamart(root: Path, log: Log, catalog: Catalog) -> None:
    """Refuse a datamart that is a file, of foreign making, led elsewhere by a link, or not to be opened."""
    check_openable(root)
    check_no_links(root)
    if root.exists() and not root.is_dir():
        raise BadInput(f"datamart {root} is a file; give a folder with --datamart")
    content = {each.name for each in root.iterdir()} - _NOT_CONTENT if root.exists() else set()
    if content and not log.exists(RELEASES):
        _check_ledger_is_not_lost(root, log, catalog)
        raise BadInput(
            f"datamart {root} holds {sorted(content)[0]} but no ledger/releases: it is not a lakehouse "
            "datamart; give another folder with --datamart"
        )
    for table in catalog.tables:
        _check_table(root, log, table.path, table.keys, _columns(log, table))


def _check_ledger_is_not_lost(root: Path, log: Log, catalog: Catalog) -> None:
    """LakehouseError where a datamart of ours has lost its releases."""
    ours = [table for table in catalog.tables if log.exists(table)]
    if ours and all({*table.keys} <= (_columns(log, table) or {}).keys() for table in ours):
        raise LakehouseError(
            f"datamart {root} has lost its {RELEASES.path}: restore it from a backup, or python main.py "
            "run --repair begins a new one, which knows nothing of earlier releases"
        )


def _columns(log: Log, table: Table) -> dict[str, str] | None:
    """The columns of a table; None where it is not there, LakehouseError where its log is damaged."""
    try:
        return log.columns(table) if log.exists(table) else None
    except DeltaError:
        raise LakehouseError(
            f"the log of {table.full_name} cannot be read; python main.py doctor --deep tells more, "
            "run --repair mends"
        ) from None


def _check_table(
    root: Path, log: Log, path: str, keys: tuple[str, ...], columns: dict[str, str] | None
) -> None:
    folder = root / path
    if columns is None and folder.is_dir() and any(folder.iterdir()):
        raise BadInput(
            f"datamart table {folder} is no Delta table; move it away or give another --datamart"
        )
    lacking = [key for key in keys if columns is not None and key not in columns]
    if lacking:
        raise BadInput(
            f"datamart table {folder} has no column {lacking[0]}: another program made it; "
            "move it away or give another --datamart"
        )


def check_writable(root: Path) -> None:
    """Refuse a datamart folder that cannot be made or written, nor any folder of its tables."""
    folder = unwritable(root)
    if folder and _is_read_only(folder):
        raise BadInput(
            f"datamart {root} cannot be written: the disk of {folder} is mounted read-only; mount it "
            "for writing, or give another --datamart"
        )
    if folder:
        raise BadInput(
            f"datamart {root} cannot be written: {folder} belongs to user {folder.stat().st_uid}, and "
            f"this runs as user {_user()}; change its owner or rights, or give another --datamart"
        )


def unwritable(root: Path) -> Path | None:
    """What keeps a datamart from being made or written: a folder of it or above it, or a file there."""
    nearest = next(each for each in (root, *root.absolute().parents) if each.exists())
    within = (*root.glob("*"), *root.glob("*/*"), *root.glob(f"*/*/{LOG_FOLDER}"))
    folders = (nearest, *(each for each in within if each.is_dir()))
    return next((each for each in folders if not _is_open(each)), None)


def _is_read_only(folder: Path) -> bool:
    # Windows tells by its rights alone.
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _is_open(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


@contextmanager
def locked(root: Path, wait: Callable[[str], None] | None = None) -> Iterator[None]:
    """Hold the datamart alone; a lock whose holder has died, here or elsewhere, is free by itself.

    Where another holds it: LakehouseError, or with `wait` told who it is, and held once that one ends.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"datamart {root} cannot be made ({error.strerror}); give another folder with --datamart"
        ) from None
    lock = FileLock(root / _RUNS)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if wait is None:
            raise LakehouseError(
                f"another run{_writer(root)} is writing to datamart {root}; start again when it has "
                "ended, or with --wait"
            ) from None
        wait(f"waiting for another run{_writer(root)} to end")
        lock.acquire(poll_interval=0.2)
    try:
        (root / _WRITER).write_text(_who(), encoding="utf-8")
        _finish_erasure(root)
        yield
    finally:
        (root / _WRITER).unlink(missing_ok=True)
        lock.release()


def erasure_folder(root: Path) -> Path:
    """Where an erasure stands from when it was decided until it is done."""
    return root / _WORK / _ERASURE


def check_no_erasure_begun(root: Path) -> None:
    """LakehouseError where an erasure is under way or was killed, so that tables may not fit together."""
    if erasure_folder(root).exists():
        raise LakehouseError(
            f"a person is being erased from datamart {root}; try again in a moment (an erasure that was "
            "killed is finished by `python main.py`)"
        )


def _finish_erasure(root: Path) -> None:
    """An erasure that was killed is done to its end before anything else is written."""
    if erasure_folder(root).exists():
        from lakehouse.engine.erasure import finish_erasure

        finish_erasure(root)


def _who() -> str:
    return (
        f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S}"
    )


def _writer(root: Path) -> str:
    """Who holds the datamart, in brackets; nothing where that is not written yet."""
    with suppress(FileNotFoundError):
        told = (root / _WRITER).read_text(encoding="utf-8")
        return f" ({told})" if told else ""
    return ""


@contextmanager
def receipts_locked(root: Path) -> Iterator[None]:
    """Hold the receipts alone for a moment; runs go on beside it."""
    try:
        with FileLock(root / _RECEIPTS, timeout=_WAIT_SECONDS):
            yield
    except Timeout:
        raise LakehouseError(
            f"another process holds the receipts of datamart {root}; try again when it has ended"
        ) from None


@contextmanager
def work_folder(root: Path) -> Iterator[Path]:
    """A folder for the files of one job, beside the tables; it goes with the job.

    Where a job was killed, with the next job: a lock in it tells whether its job is alive.
    """
    work = root / _WORK
    work.mkdir(exist_ok=True, mode=_PERSONAL)
    with FileLock(work / _RUNS, timeout=_WAIT_SECONDS):
        for each in work.glob("job-*"):
            _remove_if_dead(each)
        folder = Path(tempfile.mkdtemp(dir=work, prefix="job-"))
        alive = FileLock(folder / _ALIVE)
        alive.acquire()
    try:
        yield folder
    finally:
        alive.release()
        shutil.rmtree(folder, ignore_errors=True)


def _remove_if_dead(folder: Path) -> None:
    with suppress(Timeout, FileNotFoundError), FileLock(folder / _ALIVE, timeout=0):
        shutil.rmtree(folder, ignore_errors=True)


def damaged_folder(root: Path) -> Path:
    """Where tables are set aside whose logs were lost."""
    folder = root / _DAMAGED
    folder.mkdir(exist_ok=True, mode=_PERSONAL)
    return folder


def set_aside(root: Path) -> list[Path]:
    """Tables that a repair has set aside."""
    return sorted((root / _DAMAGED).glob("*"))


def create_missing(log: Log, catalog: Catalog) -> None:
    """Make the tables that are not there yet; the ledger first, by which a datamart is known as ours."""
    for table in sorted(catalog.tables, key=lambda table: table.layer != "ledger"):
        if table.layer == "bronze":
            _close_to_others(Path(log.root) / table.layer)
        if not log.exists(table):
            log.create(table)
        elif table.layer == "ledger":
            add_missing_columns(log, table)


def _close_to_others(folder: Path) -> None:
    """Names and numbers of persons are in this folder, so it is its owner's alone."""
    folder.mkdir(exist_ok=True, mode=_PERSONAL)
    # Another's folder that we may write: its owner's next run does it.
    with suppress(PermissionError):
        folder.chmod(_PERSONAL)


def add_missing_columns(log: Log, table: Table) -> None:
    """Columns that the declaration got after the table was made; its rows have none of them."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)

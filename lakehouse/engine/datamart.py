"""The datamart as a whole: is it ours, can it be written, and who is writing."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltalake.exceptions import DeltaError

from lakehouse.catalog import Catalog
from lakehouse.engine.log import LOG_FOLDER, Log
from lakehouse.engine.paths import check_no_links, check_openable
from lakehouse.engine.place import LANDED, Bucket, Place
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.table import Table

if TYPE_CHECKING:
    from filelock import FileLock

    from lakehouse.engine.lease import Lease

_RUNS, _WRITER, _RECEIPTS, _WORK = ".lock", ".writer", ".receipts.lock", "_work"
_LEASES = "_leases"
_NOT_CONTENT = {
    ".gitkeep",
    ".gitignore",
    _RUNS,
    _WRITER,
    _RECEIPTS,
    _WORK,
    _LEASES,
    "_landing",
    "_damaged",
    ".DS_Store",
}
_WAIT_SECONDS = 60
_ALIVE = ".alive"
_ERASURE = "erasure"
_DAMAGED = "_damaged"
_PERSONAL = 0o700
# The leases of this process: another may get one while this machine sleeps.
_HELD: dict[Place, Lease] = {}


def check_datamart(root: Place, log: Log, catalog: Catalog) -> None:
    """Refuse a datamart that is a file, of foreign making, led elsewhere by a link, or not to be opened."""
    if isinstance(root, Bucket):
        root.check()
    else:
        _check_folder(root)
    content = _names(root) - _NOT_CONTENT
    if content and not log.exists(RELEASES):
        _check_ledger_is_not_lost(root, log, catalog)
        raise BadInput(
            f"datamart {root} holds {sorted(content)[0]} but no ledger/releases: it is not a lakehouse "
            "datamart; give another folder with --datamart"
        )
    log.of_each(
        catalog.tables,
        lambda table: _check_table(root, log, table.path, table.keys, _columns(log, table)),
    )


def _check_folder(root: Path) -> None:
    check_openable(root)
    check_no_links(root)
    if root.exists() and not root.is_dir():
        raise BadInput(f"datamart {root} is a file; give a folder with --datamart")


def _names(root: Place, within: str = "") -> set[str]:
    """What is in a datamart, or in a folder of it; nothing where that is not there."""
    if isinstance(root, Bucket):
        return root.names(within)
    folder = root / within
    return {each.name for each in folder.iterdir()} if folder.is_dir() else set()


def _check_ledger_is_not_lost(root: Place, log: Log, catalog: Catalog) -> None:
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
    root: Place, log: Log, path: str, keys: tuple[str, ...], columns: dict[str, str] | None
) -> None:
    folder = f"{root}/{path}"
    if columns is None and _names(root, path):
        raise BadInput(
            f"datamart table {folder} is no Delta table; move it away or give another --datamart"
        )
    lacking = [key for key in keys if columns is not None and key not in columns]
    if lacking:
        raise BadInput(
            f"datamart table {folder} has no column {lacking[0]}: another program made it; "
            "move it away or give another --datamart"
        )


def check_writable(root: Place) -> None:
    """Refuse a datamart folder that cannot be made or written, nor any folder of its tables."""
    # Whether a store can be written, its lease tells.
    folder = None if isinstance(root, Bucket) else unwritable(root)
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


def locked(root: Place, wait: Callable[[str], None] | None = None) -> AbstractContextManager[None]:
    """Hold the datamart alone; a lock whose holder has died, here or elsewhere, is free by itself.

    Where another holds it: LakehouseError, or with `wait` told who it is, and held once that one ends.
    """
    return _leased(root, wait) if isinstance(root, Bucket) else _locked(root, wait)


@contextmanager
def _locked(root: Path, wait: Callable[[str], None] | None) -> Iterator[None]:
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"datamart {root} cannot be made ({error.strerror}); give another folder with --datamart"
        ) from None
    lock = _lock(root / _RUNS)
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        _at_work(root, _writer(root), wait)
        lock.acquire(poll_interval=0.2)
    try:
        (root / _WRITER).write_text(_who(), encoding="utf-8")
        _finish_erasure(root)
        yield
    finally:
        (root / _WRITER).unlink(missing_ok=True)
        lock.release()


def _lock(file: Path, seconds: float = -1) -> FileLock:
    """The lock of a file; TimeoutError where it is not to be had in so many seconds, -1 waits for ever."""
    # Its import brings asyncio along, which a run with nothing to do does without.
    from filelock import FileLock

    return FileLock(file, timeout=seconds)


def _at_work(root: Place, writer: str, wait: Callable[[str], None] | None) -> None:
    if wait is None:
        raise LakehouseError(
            f"another run{writer} is writing to datamart {root}; start again when it has ended, or "
            "with --wait"
        ) from None
    wait(f"waiting for another run{writer} to end")


@contextmanager
def _leased(root: Bucket, wait: Callable[[str], None] | None) -> Iterator[None]:
    """The lock of a store, which has none: a lease, taken again while the work goes on."""
    lease = _lease(root, _RUNS)
    holder = lease.take()
    if holder:
        _at_work(root, f" ({holder})", wait)
        lease.wait()
    _HELD[root] = lease
    try:
        with lease.kept():
            # Of a run that was killed on a cluster.
            root.delete(LANDED)
            yield
            root.delete(LANDED)
    finally:
        del _HELD[root]


def _lease(root: Bucket, name: str) -> Lease:
    from lakehouse.engine.lease import Lease

    return Lease(f"{root}/{_LEASES}/{name.strip('.')}", _who())


def check_held(root: Place) -> None:
    """LakehouseError where the lease of a run has gone to another, as while this machine slept."""
    lease = _HELD.get(root)
    if lease and lease.take():
        raise LakehouseError(
            f"this run stood still for so long that another one took datamart {root}; nothing more is "
            "written, start again when that one has ended"
        )


def erasure_folder(root: Path) -> Path:
    """Where an erasure stands from when it was decided until it is done."""
    return root / _WORK / _ERASURE


def is_erasure_begun(root: Place) -> bool:
    """Whether an erasure is under way or was killed; in a store none is ever begun."""
    return not isinstance(root, Bucket) and erasure_folder(root).exists()


def check_no_erasure_begun(root: Place) -> None:
    """LakehouseError where an erasure is under way or was killed, so that tables may not fit together."""
    if is_erasure_begun(root):
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
def receipts_locked(root: Place) -> Iterator[None]:
    """Hold the receipts alone for a moment; runs go on beside it."""
    try:
        with _receipts(root):
            yield
    except TimeoutError:
        raise LakehouseError(
            f"another process holds the receipts of datamart {root}; try again when it has ended"
        ) from None


def _receipts(root: Place) -> AbstractContextManager[Any]:
    if isinstance(root, Bucket):
        lease = _lease(root, _RECEIPTS)
        lease.wait(_WAIT_SECONDS)
        return lease.kept()
    return _lock(root / _RECEIPTS, _WAIT_SECONDS)


@contextmanager
def work_folder(root: Place) -> Iterator[Path]:
    """A folder for the files of one job, beside the tables, or on this machine; it goes with the job.

    Where a job was killed, with the next job: a lock in it tells whether its job is alive.
    """
    work = (_own_folder() if isinstance(root, Bucket) else root) / _WORK
    work.mkdir(exist_ok=True, mode=_PERSONAL)
    with _lock(work / _RUNS, _WAIT_SECONDS):
        for each in work.glob("job-*"):
            _remove_if_dead(each)
        folder = Path(tempfile.mkdtemp(dir=work, prefix="job-"))
        alive = _lock(folder / _ALIVE)
        alive.acquire()
    try:
        yield folder
    finally:
        alive.release()
        shutil.rmtree(folder, ignore_errors=True)


def _own_folder() -> Path:
    """A folder of this user alone for what is computed before it goes to a store."""
    folder = Path(tempfile.gettempdir(), f"lakehouse-{_user()}")
    folder.mkdir(exist_ok=True, mode=_PERSONAL)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        raise BadInput(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
    return folder


def _remove_if_dead(folder: Path) -> None:
    # FileExistsError: its job removes it between the lock's mkdir and the look at what that found.
    with suppress(TimeoutError, FileNotFoundError, FileExistsError), _lock(folder / _ALIVE, 0):
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
            _close_to_others(log.place, table.layer)
        if not log.exists(table):
            log.create(table)
        elif table.layer == "ledger":
            add_missing_columns(log, table)


def _close_to_others(root: Place, layer: str) -> None:
    """Names and numbers of persons are in this folder, so it is its owner's alone; a store has policies."""
    if isinstance(root, Bucket):
        return
    folder = root / layer
    folder.mkdir(exist_ok=True, mode=_PERSONAL)
    # Another's folder that we may write: its owner's next run does it.
    with suppress(PermissionError):
        folder.chmod(_PERSONAL)


def add_missing_columns(log: Log, table: Table) -> None:
    """Columns that the declaration got after the table was made; its rows have none of them."""
    missing = set(table.columns) - set(log.columns(table))
    if missing:
        log.add_columns(table, missing)

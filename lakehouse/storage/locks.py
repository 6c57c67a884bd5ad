"""Who works on a datamart: one run at a time, one writer of receipts at a time; a store has leases."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.place import LANDED, Bucket, Place

if TYPE_CHECKING:
    from filelock import FileLock

    from lakehouse.storage.lease import Lease


RUNS, WRITER, RECEIPTS = ".lock", ".writer", ".receipts.lock"
LEASES = "_leases"
WAIT_SECONDS = 60
# The leases of this process: another may get one while this machine sleeps.
_HELD: dict[Place, Lease] = {}


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
    lock = file_lock(root / RUNS)
    try:
        lock.acquire(timeout=0)
    except TimeoutError:
        _at_work(root, _writer(root), wait)
        lock.acquire(poll_interval=0.2)
    try:
        (root / WRITER).write_text(_who(), encoding="utf-8")
        yield
    finally:
        (root / WRITER).unlink(missing_ok=True)
        lock.release()


def file_lock(file: Path, seconds: float = -1) -> FileLock:
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
    lease = _lease(root, RUNS)
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
    from lakehouse.storage.lease import Lease

    return Lease(f"{root}/{LEASES}/{name.strip('.')}", _who())


def check_held(root: Place) -> None:
    """LakehouseError where the lease of a run has gone to another, as while this machine slept."""
    lease = _HELD.get(root)
    if lease and lease.take():
        raise LakehouseError(
            f"this run stood still for so long that another one took datamart {root}; nothing more is "
            "written, start again when that one has ended"
        )


def _who() -> str:
    return (
        f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S}"
    )


def _writer(root: Path) -> str:
    """Who holds the datamart, in brackets; nothing where that is not written yet."""
    with suppress(FileNotFoundError):
        told = (root / WRITER).read_text(encoding="utf-8")
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
        lease = _lease(root, RECEIPTS)
        lease.wait(WAIT_SECONDS)
        return lease.kept()
    return file_lock(root / RECEIPTS, WAIT_SECONDS)

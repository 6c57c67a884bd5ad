"""Locks on files, and the messages when another process holds a lock; an object store has leases."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import LakehouseError
from lakehouse.progress import Wait

if TYPE_CHECKING:
    from filelock import FileLock

WAIT_SECONDS = 60


def file_lock(file: Path, seconds: float = -1) -> FileLock:
    """The lock of a file; TimeoutError if it is not free in this number of seconds, -1 waits for ever."""
    # The import also loads asyncio, which a run with nothing to do does not need.
    from filelock import FileLock

    return FileLock(file, timeout=seconds)


def this_process() -> str:
    """The name of this process in messages to others."""
    return (
        f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S}"
    )


def tell_of_writer(datamart: object, writer: str, wait: Wait) -> None:
    """Tell `wait` which process writes a datamart; without `wait`, LakehouseError."""
    if wait is None:
        raise LakehouseError(
            f"another run{writer} is writing to datamart {datamart}; start again when it has ended, or "
            "with --wait"
        ) from None
    wait(f"waiting for another run{writer} to end")


@contextmanager
def receipts_awaited(datamart: object) -> Iterator[None]:
    """LakehouseError if the lock of the receipts is not free in time."""
    try:
        yield
    except TimeoutError:
        raise LakehouseError(
            f"another process holds the receipts of datamart {datamart}; try again when it has ended"
        ) from None

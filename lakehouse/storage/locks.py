"""Locks on files, and what is told where a lock of a datamart is another's; a store has leases."""

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
    """The lock of a file; TimeoutError where it is not to be had in so many seconds, -1 waits for ever."""
    # Its import brings asyncio along, which a run with nothing to do does without.
    from filelock import FileLock

    return FileLock(file, timeout=seconds)


def this_process() -> str:
    """This process as others are told of it."""
    return (
        f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S}"
    )


def tell_of_writer(datamart: object, writer: str, wait: Wait) -> None:
    """Tell `wait` who writes a datamart, so that it can be waited for; LakehouseError without it."""
    if wait is None:
        raise LakehouseError(
            f"another run{writer} is writing to datamart {datamart}; start again when it has ended, or "
            "with --wait"
        ) from None
    wait(f"waiting for another run{writer} to end")


@contextmanager
def receipts_awaited(datamart: object) -> Iterator[None]:
    """LakehouseError where the lock of the receipts is not to be had in time."""
    try:
        yield
    except TimeoutError:
        raise LakehouseError(
            f"another process holds the receipts of datamart {datamart}; try again when it has ended"
        ) from None

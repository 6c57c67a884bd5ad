"""Folders of a datamart beside its tables: for work under way, an erasure, what a repair set aside."""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.locks import RUNS, WAIT_SECONDS, file_lock
from lakehouse.storage.place import Bucket, Place

WORK, DAMAGED = "_work", "_damaged"
_ALIVE = ".alive"
_ERASURE = "erasure"
# For the owner only.
PERSONAL = 0o700


def user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def erasure_folder(root: Path) -> Path:
    """Where an erasure stands from when it was decided until it is done."""
    return root / WORK / _ERASURE


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


@contextmanager
def work_folder(root: Place) -> Iterator[Path]:
    """A folder for the files of one job, beside the tables, or on this machine; it goes with the job.

    Where a job was killed, with the next job: a lock in it tells whether its job is alive.
    """
    work = (_own_folder() if isinstance(root, Bucket) else root) / WORK
    work.mkdir(exist_ok=True, mode=PERSONAL)
    with file_lock(work / RUNS, WAIT_SECONDS):
        for each in work.glob("job-*"):
            _remove_if_dead(each)
        folder = Path(tempfile.mkdtemp(dir=work, prefix="job-"))
        alive = file_lock(folder / _ALIVE)
        alive.acquire()
    try:
        yield folder
    finally:
        alive.release()
        shutil.rmtree(folder, ignore_errors=True)


def _own_folder() -> Path:
    """A folder of this user alone for what is computed before it goes to a store."""
    folder = Path(tempfile.gettempdir(), f"lakehouse-{user()}")
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        raise BadInput(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
    return folder


def _remove_if_dead(folder: Path) -> None:
    # FileExistsError: its job removes it between the lock's mkdir and the look at what that found.
    with suppress(TimeoutError, FileNotFoundError, FileExistsError), file_lock(folder / _ALIVE, 0):
        shutil.rmtree(folder, ignore_errors=True)


def damaged_folder(root: Path) -> Path:
    """Where tables are set aside whose logs were lost."""
    folder = root / DAMAGED
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    return folder


def set_aside(root: Path) -> list[Path]:
    """Tables that a repair has set aside."""
    return sorted((root / DAMAGED).glob("*"))

"""A folder for the files of one job, which is removed at its end."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.storage.layout import RUNS, WORK
from lakehouse.storage.locks import WAIT_SECONDS, file_lock
from lakehouse.storage.place import Place
from lakehouse.storage.rights import PERSONAL, user

_ALIVE = ".alive"


@contextmanager
def work_folder(place: Place | None) -> Iterator[Path]:
    """A folder for the files of one job: beside the tables, or in TMPDIR for an object store or no place.

    It is removed at the end of the job. If the job was killed, the next job removes it: a lock in the
    folder shows whether its job is alive.
    """
    work = ((place and place.folder) or _own_folder()) / WORK
    work.mkdir(exist_ok=True, mode=PERSONAL)
    with file_lock(work / RUNS, WAIT_SECONDS):
        for folder in work.glob("job-*"):
            _remove_if_dead(folder)
        folder = Path(tempfile.mkdtemp(dir=work, prefix="job-"))
        alive = file_lock(folder / _ALIVE)
        alive.acquire()
    try:
        yield folder
    finally:
        alive.release()
        shutil.rmtree(folder, ignore_errors=True)


def _own_folder() -> Path:
    """A folder that only this user can enter, for files that are computed before they go to a store."""
    folder = Path(tempfile.gettempdir(), f"lakehouse-{user()}")
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    if folder.is_symlink() or (hasattr(os, "getuid") and folder.stat().st_uid != os.getuid()):
        raise BadInput(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
    return folder


def _remove_if_dead(folder: Path) -> None:
    # FileExistsError: the job itself removes the folder while the lock is being made.
    with suppress(TimeoutError, FileNotFoundError, FileExistsError), file_lock(folder / _ALIVE, 0):
        shutil.rmtree(folder, ignore_errors=True)

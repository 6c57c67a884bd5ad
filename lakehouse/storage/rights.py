"""The rights of this user on folders, and folders that are closed to all other users."""

from __future__ import annotations

import getpass
import os
from contextlib import suppress
from pathlib import Path

from lakehouse.errors import BadInput
from lakehouse.storage.layout import LOG_FOLDER

# For the owner only.
PERSONAL = 0o700


def user() -> str:
    """The user of this process: a number, on Windows a name."""
    return str(os.getuid()) if hasattr(os, "getuid") else getpass.getuser()


def check_writable(datamart: Path) -> None:
    """Refuse a datamart folder if it, or a folder of a table in it, cannot be made or written."""
    folder = unwritable(datamart)
    if folder and _is_read_only(folder):
        raise BadInput(
            f"datamart {datamart} cannot be written: the disk of {folder} is mounted read-only; mount it "
            "for writing, or give another --datamart"
        )
    if folder:
        raise BadInput(
            f"datamart {datamart} cannot be written: {folder} belongs to user {folder.stat().st_uid}, and "
            f"this runs as user {user()}; change its owner or rights, or give another --datamart"
        )


def unwritable(datamart: Path) -> Path | None:
    """The folder or file that prevents a datamart from being made or written; None if there is none."""
    nearest = nearest_there(datamart)
    within = (
        *datamart.glob("*"),
        *datamart.glob("*/*"),
        *datamart.glob(f"*/*/{LOG_FOLDER}"),
    )
    folders = (nearest, *(path for path in within if path.is_dir()))
    return next((folder for folder in folders if not _is_open(folder)), None)


def nearest_there(path: Path) -> Path:
    """The path itself if it exists, else the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.absolute().parents) if folder.exists())


def _is_read_only(folder: Path) -> bool:
    # On Windows only the rights of the folder show it.
    return hasattr(os, "statvfs") and bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def _is_open(folder: Path) -> bool:
    return folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)


def make_personal(folder: Path) -> None:
    """Make the folder if it is missing, and close it to everybody except its owner."""
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    # If the folder belongs to another user, the next run of that user closes it.
    with suppress(PermissionError):
        folder.chmod(PERSONAL)

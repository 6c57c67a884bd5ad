"""Puts files and folders on the disk, so that a loss of power does not take them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# For tests, which need no disk: set to `off`.
SWITCH = "LAKEHOUSE_SYNC"
# Most of a sync is waiting for the disk, which takes several at once.
_AT_ONCE = 8


def sync(paths: Iterable[Path], within: Path | None = None) -> None:
    """Put files on the disk, then the folders that name them.

    A path may be a folder; then only the list of its entries is meant. The folders are the parent of
    each path, and each folder above it up to `within`. A path that is gone is left out.
    """
    if os.environ.get(SWITCH) == "off":
        return
    given = set(paths)
    folders = {folder for path in given for folder in _above(path, within)}
    _sync_all(given - folders)
    _sync_all(folders)


def sync_tree(folder: Path) -> None:
    """Put a folder with everything in it on the disk, and its name in the folder above."""
    sync((path for path in (folder, *folder.rglob("*")) if not path.is_symlink()), folder.parent)


def _above(path: Path, within: Path | None) -> Iterator[Path]:
    """The folder of a path and those above it up to `within`."""
    for folder in path.parents:
        yield folder
        if within is None or folder == within:
            return


def _sync_all(paths: Iterable[Path]) -> None:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(_sync_one, paths):
            pass


def _sync_one(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return  # Windows has no such thing as an unsynced folder, and cannot open one
    # Windows syncs only what is open for writing.
    access = os.O_RDWR | os.O_BINARY if os.name == "nt" else os.O_RDONLY  # type: ignore[attr-defined]
    try:
        descriptor = os.open(path, access)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

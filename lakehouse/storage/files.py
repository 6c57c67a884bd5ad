"""Reading of files that others deliver: only plain files that do not change while they are read."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from lakehouse.errors import BadInput
from lakehouse.storage.sync import sync

# Name, inode, time of change and size of each file of a folder; they differ if a file was written again. An
# object has no inode.
Entries = frozenset[tuple[str, int, int, int]]

# O_NONBLOCK: otherwise a pipe opens only when somebody writes to it. O_BINARY: Windows changes line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def opened(path: Path) -> BinaryIO:
    """The file, opened to read; BadInput if it is missing, or a folder, pipe or device."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise BadInput(
            f"{path} cannot be read ({error.strerror}); put a file there that can"
        ) from None
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        found = "folder" if stat.S_ISDIR(kind) else "pipe or device"
        raise BadInput(f"{path.name} is a {found}, not a file; put the file in its place")
    return os.fdopen(descriptor, "rb")


def state(path: Path) -> tuple[int, ...]:
    """A value that changes when the file is written, replaced or removed; BadInput as in `opened`."""
    with opened(path) as file:
        return _state(os.fstat(file.fileno()))


@contextmanager
def steady(path: Path, name: str | None = None) -> Iterator[BinaryIO]:
    """The file, opened to read; BadInput if it is written, replaced or removed meanwhile.

    This BadInput replaces one that is raised in the block. `name` is what the file is called there.
    """
    name = name or path.name
    with opened(path) as file:
        before = _state(os.fstat(file.fileno()))
        try:
            yield file
        except BadInput:
            _check_same(path, name, file, before)
            raise
        _check_same(path, name, file, before)


def _check_same(path: Path, name: str, file: BinaryIO, before: tuple[int, ...]) -> None:
    try:
        is_same = before == _state(os.fstat(file.fileno())) == _state(path.stat())
    except OSError:
        is_same = False
    if not is_same:
        raise BadInput(
            f"{name} changed while it was read; run again once its delivery has ended"
        ) from None


def _state(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def placed(out: Path, as_in: str) -> Iterator[Path]:
    """A file beside `out` that replaces it if the block succeeds, and is removed if it fails.

    Missing folders are made. An error shows the file name `as_in` as an example.
    """
    if out.is_dir():
        raise BadInput(f"--out {out} is a folder; name a file in it, as {out / as_in}")
    missing = [folder for folder in out.parents if not folder.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"--out {out}: its folder cannot be made ({error.strerror}); name another"
        ) from None
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise BadInput(f"--out {out}: {out.parent} cannot be written; name another folder")
    # A name without that of `out`, which may already have the longest possible name.
    written = out.with_name(f".{os.getpid()}.part")
    try:
        yield written
        replace(written, out)
    finally:
        written.unlink(missing_ok=True)
        for folder in missing:
            with suppress(OSError):  # a folder that holds the file stays
                folder.rmdir()


def replace(written: Path, out: Path) -> None:
    """Put a file in the place of another one, so that also after a loss of power one of them is whole."""
    sync([written])
    written.replace(out)
    sync([out])


def fingerprint(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    digest = hashlib.sha256()
    with opened(path) as file:
        while chunk := file.read(1024**2):
            digest.update(chunk)
    return digest.hexdigest()

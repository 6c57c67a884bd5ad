"""A file of somebody else, read as it is: a plain file, and the same from its first byte to its last."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import BadInput

if TYPE_CHECKING:
    pass

import stat
from typing import BinaryIO

# Else a pipe would be opened only once somebody writes to it. Windows has its own way with line ends.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def opened(path: Path) -> BinaryIO:
    """The file to read; BadInput where there is none, or a folder, pipe or device, which may never end."""
    try:
        descriptor = os.open(path, _READ)
    except OSError as error:
        raise BadInput(f"{path.name} cannot be read ({error.strerror}): {path}") from None
    kind = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(kind):
        os.close(descriptor)
        what = "folder" if stat.S_ISDIR(kind) else "pipe or device"
        raise BadInput(f"{path.name} is a {what}, not a file; put the file in its place")
    return os.fdopen(descriptor, "rb")


def state(path: Path) -> tuple[int, ...]:
    """What differs once the file is written, replaced or removed; BadInput as of `opened`."""
    with opened(path) as file:
        return _state(os.fstat(file.fileno()))


@contextmanager
def steady(path: Path) -> Iterator[BinaryIO]:
    """The file to read; BadInput where it is written, replaced or removed meanwhile, whatever else fails."""
    with opened(path) as file:
        before = _state(os.fstat(file.fileno()))
        try:
            yield file
        except BadInput:
            _check_same(path, file, before)
            raise
        _check_same(path, file, before)


def _check_same(path: Path, file: BinaryIO, before: tuple[int, ...]) -> None:
    try:
        is_same = before == _state(os.fstat(file.fileno())) == _state(path.stat())
    except OSError:
        is_same = False
    if not is_same:
        raise BadInput(
            f"{path.name} changed while it was read; run again once its delivery has ended"
        ) from None


def _state(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def placed(out: Path, as_in: str) -> Iterator[Path]:
    """A file beside `out` that takes its place when all went well, and leaves nothing when not.

    Folders that are missing are made; `as_in` is a file name that an error shows as example.
    """
    if out.is_dir():
        raise BadInput(f"--out {out} is a folder; name a file in it, as {out / as_in}")
    missing = [each for each in out.parents if not each.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {out}: no folder for it ({error.strerror}); name another") from None
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise BadInput(f"--out {out}: {out.parent} cannot be written; name another folder")
    # Not by its own name, which may be as long as a name can be.
    written = out.with_name(f".{os.getpid()}.part")
    try:
        yield written
        written.replace(out)
    finally:
        written.unlink(missing_ok=True)
        for each in missing:
            with suppress(OSError):  # it holds the file
                each.rmdir()


def fingerprint(path: Path) -> str:
    """SHA-256 of the bytes of a file."""
    digest = hashlib.sha256()
    with opened(path) as file:
        while chunk := file.read(1024**2):
            digest.update(chunk)
    return digest.hexdigest()

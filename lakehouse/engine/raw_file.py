"""A file of somebody else, read as it is: a plain file, and the same from its first byte to its last."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lakehouse.errors import BadInput

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

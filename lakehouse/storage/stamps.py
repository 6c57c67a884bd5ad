"""The stamp of a file or object: a text that differs when it is written again."""

from __future__ import annotations

# Some file systems know times to two seconds only: a later write may leave the stamp of a younger file.
_FILE_SETTLES_NS = 2 * 10**9
# A store knows seconds, and refuses requests of a clock that is 15 minutes off its own.
_OBJECT_SETTLES_NS = 15 * 60 * 10**9 + _FILE_SETTLES_NS
_OBJECT = "object"


def of_file(inode: int, mtime_ns: int, ctime_ns: int) -> str:
    """The stamp of a file; a copy that keeps the time of the original changes only the last."""
    return f"{inode}-{mtime_ns}-{ctime_ns}"


def of_object(mtime_ns: int) -> str:
    """The stamp of an object of a store: when it was put there."""
    return f"{_OBJECT}-{mtime_ns}"


def time_of_object(stamp: str) -> int:
    """When the object of a stamp was put there, in nanoseconds."""
    return int(stamp.removeprefix(f"{_OBJECT}-"))


def is_settled(stamp: str, read_at_ns: int) -> bool:
    """Whether each write after that time, when the bytes were read, makes another stamp."""
    kind, *times = stamp.split("-")
    settles = _OBJECT_SETTLES_NS if kind == _OBJECT else _FILE_SETTLES_NS
    return max(map(int, times)) + settles <= read_at_ns

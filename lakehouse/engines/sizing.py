"""How much memory this process may use: the machine's, or what its container was given."""

from __future__ import annotations

import os
from pathlib import Path

# Of the second and the first version of Linux control groups, as a container sees its own.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """Bytes of memory of the machine, or of the container where it has less."""
    # Without sysconf (Windows) there is no container of this kind either.
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    machine = pages * os.sysconf("SC_PAGE_SIZE") if pages else 1 << 63
    return min([machine, *map(_limit, limits)])


def _limit(file: Path) -> int:
    told = file.read_text().strip() if file.is_file() else "max"
    return int(told) if told.isdigit() else 1 << 63


# Of raw files at work; from there on the work on one table keeps every core busy.
SMALL_BYTES = 128 * 1024**2


# What a table of raw files of that size may take.
_MEMORY_A_TABLE = 2 * 1024**3


_MOST = 4


def tables_at_once(raw_bytes: int) -> int:
    """How many tables to work on at once, for so many bytes of raw files at work together."""
    if raw_bytes >= SMALL_BYTES:
        return 1
    return max(min(os.cpu_count() or 1, memory_bytes() // _MEMORY_A_TABLE, _MOST), 1)

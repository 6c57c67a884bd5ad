"""The memory that this process may use, and the amount of work that fits into it."""

from __future__ import annotations

import os
from pathlib import Path

# The limit of a container, as it sees it: in the second and in the first version of Linux control groups.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes(limits: tuple[Path, ...] = _LIMITS) -> int:
    """The memory of the machine in bytes, or that of the container if it is less."""
    # Windows has no sysconf, and no container of this kind either.
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 0
    machine = pages * os.sysconf("SC_PAGE_SIZE") if pages else 1 << 63
    return min([machine, *map(_limit, limits)])


def _limit(file: Path) -> int:
    limit = file.read_text().strip() if file.is_file() else "max"
    return int(limit) if limit.isdigit() else 1 << 63


# Size of raw files from which on the work on one table keeps every core busy.
SMALL_BYTES = 128 * 1024**2


# Memory that one table may take if the raw files are below that size.
_MEMORY_A_TABLE = 2 * 1024**3


_MOST = 4


def tables_at_once(raw_bytes: int) -> int:
    """The number of tables to work on at once, if the raw files at work have this size together."""
    if raw_bytes >= SMALL_BYTES:
        return 1
    return max(min(os.cpu_count() or 1, memory_bytes() // _MEMORY_A_TABLE, _MOST), 1)

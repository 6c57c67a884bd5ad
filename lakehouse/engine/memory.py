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

"""The memory that a process may use, in a container as on a machine, and what Spark takes of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakehouse.engines.sizing import memory_bytes, tables_at_once
from lakehouse.engines.spark_session import heap_mib
from lakehouse.errors import BadInput

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (str(1 << 30), 1 << 30),
        ("max", MACHINE),
        # The first version of control groups says "no limit" by a number above any memory.
        ("9223372036854771712", MACHINE),
        (None, MACHINE),
    ],
)
def test_the_limit_of_a_container_counts_where_it_is_below_the_machine(
    tmp_path: Path, told: str | None, expected: int
) -> None:
    limit = tmp_path / "memory.max"
    if told is not None:
        limit.write_text(told + "\n")
    assert memory_bytes((limit,)) == expected


def test_the_least_of_several_limits_counts(tmp_path: Path) -> None:
    limits = (tmp_path / "one", tmp_path / "two")
    for limit, told in zip(limits, (3 << 20, 2 << 20), strict=True):
        limit.write_text(str(told))
    assert memory_bytes(limits) == 2 << 20


@pytest.mark.parametrize(("gib", "heap"), [(1.5, 512), (2, 1024), (4, 3072), (64, 3072)])
def test_spark_leaves_room_beside_its_heap(gib: float, heap: int) -> None:
    assert heap_mib(int(gib * 2**30)) == heap


def test_spark_is_refused_where_it_has_no_room() -> None:
    with pytest.raises(
        BadInput, match=r"needs 1.5 GiB of memory, and there is 1.0 GiB: take --engine embedded"
    ):
        heap_mib(1 << 30)


def test_large_files_and_little_memory_leave_one_table_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 16)
    monkeypatch.setattr("lakehouse.engines.sizing.memory_bytes", lambda: 64 * 2**30)
    assert tables_at_once(10**6) == 4
    assert tables_at_once(10**9) == 1
    monkeypatch.setattr("lakehouse.engines.sizing.memory_bytes", lambda: 2**30)
    assert tables_at_once(10**6) == 1

"""In which order tables are worked on, and what happens to the others when one fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Barrier, Event, Lock

import pytest

from lakehouse.run.side_by_side import side_by_side
from lakehouse.table import Field, Table

WAIT_SECONDS = 60


def table(name: str, *upstreams: Table, columns: int = 1) -> Table:
    fields = tuple(Field(f"c{i}", "INT", "A number.") for i in range(columns))
    return Table("gold", name, "A table.", ("c0",), fields, upstreams=upstreams)


A, B = table("a"), table("b")
A1, B1 = table("a1", A), table("b1", B)
BOTH = table("both", A1, B1)
TABLES = [A, B, A1, B1, BOTH]


class Noted:
    """Work that notes when it begins and ends."""

    def __init__(self, work: Callable[[Table], None] = lambda _table: None) -> None:
        self.work = work
        self.begun: list[Table] = []
        self.ended: list[Table] = []
        self.lock = Lock()

    def __call__(self, table: Table) -> None:
        with self.lock:
            assert {*table.upstreams} <= {*self.ended}
            self.begun.append(table)
        self.work(table)
        with self.lock:
            self.ended.append(table)


@pytest.mark.parametrize("at_once", [1, 2, 8])
def test_each_table_is_done_once_and_after_its_upstreams(at_once: int) -> None:
    noted = Noted()
    side_by_side(TABLES, noted, at_once)
    assert sorted(each.name for each in noted.ended) == ["a", "a1", "b", "b1", "both"]


def test_an_upstream_that_is_not_among_the_tables_is_not_waited_for() -> None:
    done: list[Table] = []
    side_by_side([A1, BOTH], done.append, 2)
    assert done == [A1, BOTH]


def test_tables_are_worked_on_at_once_but_never_more_than_asked() -> None:
    both, others, most, lock = Barrier(2, timeout=WAIT_SECONDS), [0], [0], Lock()

    def work(_table: Table) -> None:
        with lock:
            others[0] += 1
            most[0] = max(most[0], others[0])
        # It opens for two at a time, so that no more than two would be seen here for long.
        both.wait()
        with lock:
            others[0] -= 1

    side_by_side([table(f"t{i}") for i in range(6)], work, 2)
    assert most == [2]


def test_the_table_on_the_longest_way_goes_first() -> None:
    short = table("short", columns=5)
    long = table("long", columns=2)
    noted = Noted()
    side_by_side([short, long, table("wide", long, columns=9)], noted, 2)
    assert noted.begun[0] is long


def test_when_one_fails_what_had_begun_ends_and_the_rest_is_left() -> None:
    both, failing = Barrier(2, timeout=WAIT_SECONDS), Event()

    def work(table: Table) -> None:
        both.wait()
        if table is A:
            failing.set()
            raise ValueError("a failed")
        assert failing.wait(WAIT_SECONDS)
        time.sleep(0.05)

    noted = Noted(work)
    with pytest.raises(ValueError, match="a failed"):
        side_by_side(TABLES, noted, 2)
    assert noted.ended == [B]
    assert {*noted.begun} == {A, B}


def test_a_stop_meanwhile_is_raised_once_what_is_under_way_has_ended() -> None:
    begun, noted = Event(), Noted(lambda _table: begun.set())

    def stop() -> None:
        assert begun.wait(WAIT_SECONDS)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(TABLES, noted, 2, meanwhile=stop)
    assert noted.begun == noted.ended
    assert not {*noted.begun} & {A1, B1, BOTH}

"""Works on several tables at once, each after its upstreams."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from queue import PriorityQueue

from lakehouse.table import Table


def side_by_side(
    tables: Sequence[Table],
    work: Callable[[Table], None],
    at_once: int,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Do the work of each table, upstreams first, `at_once` tables at a time; `meanwhile` runs beside it.

    After an error or a stop no other table is begun, and it is raised when the running work has ended.
    """
    if at_once == 1:
        for table in tables:
            work(table)
        meanwhile()
        return
    order = TopologicalSorter({t: [u for u in t.upstreams if u in tables] for t in tables})
    order.prepare()
    weights = _weights(tables)
    waiting: PriorityQueue[tuple[int, int, Table]] = PriorityQueue()
    running: set[Future[Table]] = set()

    def work_on_the_heaviest() -> Table:
        *_, table = waiting.get_nowait()
        work(table)
        return table

    with ThreadPoolExecutor(at_once) as pool:

        def begin() -> None:
            ready = order.get_ready()
            for table in ready:
                waiting.put((-weights[table], tables.index(table), table))
            running.update(pool.submit(work_on_the_heaviest) for _ in ready)

        try:
            begin()
            meanwhile()
            while running:
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    running.remove(done)
                    order.done(done.result())
                begin()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _weights(tables: Sequence[Table]) -> dict[Table, int]:
    """The number of columns on the longest path that begins with a table; the longest path is begun first."""
    weights: dict[Table, int] = {}
    for table in reversed(tables):
        after = [weights[later] for later in weights if table in later.upstreams]
        weights[table] = len(table.fields) + max(after, default=0)
    return weights

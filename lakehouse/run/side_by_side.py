"""Work on several tables at once, each after its upstreams."""

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
    """Do the work of each table, upstreams first, so many at once, and something else meanwhile.

    What fails, or a stop, is raised when what had begun has ended; the rest is left.
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
    """The columns on the longest way that begins with a table: the last to end would be alone at the end."""
    weights: dict[Table, int] = {}
    for table in reversed(tables):
        after = [weights[each] for each in weights if table in each.upstreams]
        weights[table] = len(table.fields) + max(after, default=0)
    return weights

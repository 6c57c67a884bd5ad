"""The time of a run by phase, for a full build, one more month, and a run with nothing new.

`python benchmarks/phases.py [--customers 12500 | --data DIR] [--engine embedded]`. Calls are wrapped from
outside; an inner phase takes its time from the outer one, so that all add up to the whole process. For
that tables are worked on one after the other, where a run takes several at once.
CPU seconds are those of the whole process meanwhile, of the JVM too.
"""

from __future__ import annotations

import argparse
import builtins
import functools
import importlib
import json
import os
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.delivered import through
from benchmarks.measure import MAIN, Cost, measured

START, IMPORTS, REST, EXIT = "interpreter", "imports", "rest", "exit"
# Module, name in it, phase; where it is used, as a name that was imported is a name of its own.
WRAPPED = (
    ("lakehouse.engines.embedded", "session", "start of the engine"),
    ("lakehouse.engines.spark", "start", "start of the engine"),
    ("lakehouse.run.job", "fingerprint", "hashing raw files"),
    ("lakehouse.storage.folder", "fingerprint", "hashing data files for the release"),
    ("lakehouse.run.raw_files", "land_files", "landing: DuckDB"),
    ("lakehouse.landing.working_copies", "split", "landing: records split"),
    ("lakehouse.run.run", "create_missing", "creating tables"),
    ("lakehouse.storage.log", "Log.version", "reading logs"),
    ("lakehouse.storage.log", "Log.history", "reading logs"),
    ("lakehouse.storage.log", "Log.rows_by_month", "reading logs"),
    ("lakehouse.storage.log", "Log.changed_months", "reading logs"),
    ("lakehouse.storage.log", "Log.read", "reading logs"),
    ("lakehouse.storage.log", "Log.files", "reading logs"),
    ("lakehouse.storage.log", "Log.columns", "reading logs"),
    ("lakehouse.storage.log", "Log.open", "reading logs"),
    ("pyspark.sql.connect.client.core", "SparkConnectClient._analyze", "Sail: analysing"),
    ("pyspark.sql.connect.client.core", "SparkConnectClient.execute_command", "Sail: computing"),
    ("pyspark.sql.connect.client.core", "SparkConnectClient.to_table", "Sail: computing"),
    ("pyspark.sql.connect.client.core", "SparkConnectClient.to_table_as_iterator", "Sail: computing"),
    ("deltalake.table", "TableMerger.execute", "delta-rs: merging"),
    ("lakehouse.engines.embedded", "write_deltalake", "delta-rs: appending"),
    ("deltalake.table", "DeltaTable.history", "reading logs"),
    ("lakehouse.engines.spark", "SparkStore.merge", "Spark: computing and merging"),
    ("lakehouse.engines.spark", "SparkStore.load", "Spark: computing and appending"),
)  # fmt: skip
Row = Callable[[str, str], str]  # the name of a row, of a table and a phase
Phases = dict[tuple[str, str], list[float]]  # (table, phase): wall seconds, CPU seconds


class Clock:
    """Charges time to the innermost phase; only the main thread has phases."""

    def __init__(self, began: float) -> None:
        self.phases: Phases = defaultdict(lambda: [0.0, 0.0])
        self.table = ""
        self._stack = [START]
        self._jvm: list[psutil.Process] = []
        self._last = (began, 0.0)

    def charge(self) -> None:
        """Book what passed since the last call on the innermost phase."""
        now = time.time(), time.process_time() + self._jvm_seconds()
        spent = self.phases[self.table, self._stack[-1]]
        for i in range(2):
            spent[i] += now[i] - self._last[i]
        self._last = now

    def _jvm_seconds(self) -> float:
        return sum(sum(each.cpu_times()[:2]) for each in self._jvm)

    def find_jvm(self) -> None:
        self._jvm = [p for p in psutil.Process().children(recursive=True) if "java" in p.name()]

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread() or self._stack[-1] == name:
            yield
            return
        self.charge()
        self._stack.append(name)
        try:
            yield
        finally:
            if name == "start of the engine":
                self.find_jvm()
            self.charge()
            self._stack.pop()

    @contextmanager
    def of_table(self, name: str) -> Iterator[None]:
        self.charge()
        before, self.table = self.table, name
        try:
            yield
        finally:
            self.charge()
            self.table = before


def wrap(clock: Clock) -> None:
    """Wrap the calls now, or when their module comes."""
    waiting = list(WRAPPED)
    ordinary = builtins.__import__

    def imported(*args: Any, **kwargs: Any) -> Any:
        if clock._stack[-1] == IMPORTS or threading.current_thread() is not threading.main_thread():
            return ordinary(*args, **kwargs)
        with clock.phase(IMPORTS):
            module = ordinary(*args, **kwargs)
            for each in [each for each in waiting if each[0] in sys.modules]:
                waiting.remove(each)
                _replace(clock, *each)
        return module

    builtins.__import__ = imported


def _replace(clock: Clock, module: str, name: str, phase: str) -> None:
    *path, last = name.split(".")
    owner = functools.reduce(getattr, path, importlib.import_module(module))
    function = getattr(owner, last)

    @functools.wraps(function)
    def timed(*args: Any, **kwargs: Any) -> Any:
        with clock.phase(phase):
            return function(*args, **kwargs)

    setattr(owner, last, timed)


def by_table(clock: Clock) -> None:
    """Have a run take one table at a time, and tell the clock which."""
    from lakehouse.engines import sizing
    from lakehouse.run.reporting import Reporting

    sizing._MOST = 1
    plain: Callable[..., Any] = Reporting.timed

    @contextmanager
    def timed(reporting: Any, table: Any) -> Iterator[Any]:
        with clock.of_table(table.full_name), plain(reporting, table) as entry:
            yield entry

    Reporting.timed = timed  # type: ignore[method-assign]


def inside(out: Path, began: float, argv: list[str]) -> None:
    """The command in this process, which was asked for at `began`; its phases as JSON."""
    clock = Clock(began)
    clock.charge()
    clock._stack = [REST]
    wrap(clock)
    from lakehouse.cli import main
    from lakehouse.stop import leave

    by_table(clock)
    code = main(argv)
    clock.charge()
    out.write_text(json.dumps([[*key, *spent] for key, spent in clock.phases.items()]))
    leave(code)


def phases_of(argv: list[str], work: Path) -> tuple[Phases, Cost]:
    """The phases of one command in a process of its own."""
    out = work / "phases.json"
    told = ["--inside", str(out), "--began", str(time.time())]
    cost = measured([sys.executable, __file__, *told, "--", *argv])
    found: Phases = {(t, p): [wall, cpu] for t, p, wall, cpu in json.loads(out.read_text())}
    wall, cpu = (sum(spent[i] for spent in found.values()) for i in range(2))
    found["", EXIT] = [cost.wall_seconds - wall, cost.cpu_seconds - cpu]
    return found, cost


def jobs(data: Path, work: Path, engine: str) -> dict[str, list[str]]:
    """The commands in their order; those whose name is empty are only there for the next one."""

    def run(raw: Path, datamart: str) -> list[str]:
        place = ["--data", str(raw), "--datamart", str(work / datamart)]
        return ["run", *place, "--engine", engine]

    before, after = (through(data, month, work / month) for month in ("2024-11", "2024-12"))
    return {
        "full build": run(data, "full"),
        "nothing new": run(data, "full"),
        "": run(before, "monthly"),
        "one more month": run(after, "monthly"),
    }


def summed(phases: Phases, row: Row) -> dict[str, list[float]]:
    total: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for (at, phase), spent in phases.items():
        for i in range(2):
            total[row(at, phase)][i] += spent[i]
    return total


def table(found: dict[str, tuple[Phases, Cost]], what: str, row: Row, most: int = 99) -> str:
    """A row a phase, a table or both, dearest first: wall and CPU seconds of each job."""
    sums = {job: summed(phases, row) for job, (phases, _) in found.items()}
    names = sorted(
        {name for each in sums.values() for name in each},
        key=lambda name: -max(each.get(name, [0.0, 0.0])[1] for each in sums.values()),
    )
    head = " | ".join(f"{job}: wall s | CPU s" for job in found)
    lines = [f"| {what} | {head} |", "|---" * (1 + 2 * len(found)) + "|"]
    for name in names[:most]:
        spent = (each.get(name, [0.0, 0.0]) for each in sums.values())
        cells = " | ".join(f"{wall:.2f} | {cpu:.2f}" for wall, cpu in spent)
        lines.append(f"| {name} | {cells} |")
    totals = " | ".join(f"{c.wall_seconds:.2f} | {c.cpu_seconds:.2f}" for _, c in found.values())
    return "\n".join([*lines, f"| all | {totals} |"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--data", type=Path, help="raw files, in place of generated ones")
    parser.add_argument("--engine", choices=["embedded", "spark"], default="embedded")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--began", type=float, help=argparse.SUPPRESS)
    parser.add_argument("argv", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.inside:
        inside(given.inside, given.began, given.argv)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = given.data or work / "data"
        if not given.data:
            measured([*MAIN, "generate", "--customers", str(given.customers), "--out", str(data)])
        found = {
            name: phases_of(argv, work) for name, argv in jobs(data, work, given.engine).items()
        }
    found.pop("")
    print(f"{given.engine}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print(table(found, "phase", lambda _, phase: phase), end="\n\n")
    print(table(found, "table", lambda at, _: at or "no table"), end="\n\n")
    print(table(found, "the dearest", lambda at, phase: f"{at or 'no table'}, {phase}", 20))


if __name__ == "__main__":
    main()

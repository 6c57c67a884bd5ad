"""The lakehouse beside pipelines of others: the same raw files, the same gold, one table.

`python benchmarks/run.py [--customers 12500] [--repeat 3] [--pipelines embedded duckdb ...] [--full-alone]`.
Each job runs from process start to exit; pipelines take turns within a round. One more month comes in raw
files that grew by it. Medians of wall and CPU seconds, the largest peak of memory of all processes
together, and seconds in those of the first pipeline.
In the end every gold is compared with the first one's, cell by cell: the exit code is 1 where one differs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import delivered
from benchmarks.measure import MAIN, ROOT, Cost, measured, median

OTHERS = ROOT / "benchmarks" / "others"
# 2024-11 is the last month but one of the clickstream: the month after has all four tables.
BEFORE, MONTH, LAST = "2024-11", "2024-12", "2025-11"
JOBS = FULL, AGAIN, ONE_MORE = "full build", "rerun, nothing new", "one more month"
TRAINING = "training set"
ENGINES = ("embedded", "spark")
Round = dict[tuple[str, str], Cost]  # by job and pipeline
Command = list[str]
Pipeline = Callable[[Path, Path, str], Command]  # raw files, tables, through which month


def lakehouse(engine: str) -> Pipeline:
    def command(data: Path, out: Path, through: str) -> Command:
        place = ["--data", str(data), "--datamart", str(out), "--engine", engine]
        return [*MAIN, "run", *place, "--through", through]

    return command


def script(name: str, *options: str) -> Pipeline:
    def command(data: Path, out: Path, through: str) -> Command:
        place = ["--data", str(data), "--out", str(out)]
        return [sys.executable, str(OTHERS / name), *place, "--through", through, *options]

    return command


PIPELINES = {
    "embedded": lakehouse("embedded"),
    "spark": lakehouse("spark"),
    "duckdb": script("duckdb_delta.py"),
    "polars": script("polars_delta.py"),
    "loop": script("spark_months.py"),
}
NAMES = {
    "embedded": "lakehouse, embedded",
    "spark": "lakehouse, Spark",
    "duckdb": "DuckDB + deltalake, only gold",
    "polars": "Polars + deltalake, only gold",
    "loop": "PySpark month loop",
}
# The loop does all months again where it is not told the one.
ONE_MONTH = PIPELINES | {"loop": script("spark_months.py", "--month", MONTH)}


def one_round(
    data: Path, work: Path, names: Sequence[str] = ("embedded",), jobs: Sequence[str] = JOBS
) -> Round:
    """Each job of each pipeline once, in turns; `work` is a folder only for these raw files."""
    known = {
        FULL: (PIPELINES, _anew, data, LAST),
        AGAIN: (PIPELINES, _as_it_is, data, LAST),
        ONE_MORE: (ONE_MONTH, _as_before, work / "raw-month", MONTH),
    }
    taken: Round = {}
    for job in jobs:
        pipelines, prepared, raw, through = known[job]
        for name in names:
            out = prepared(data, work, name)
            taken[job, name] = measured(pipelines[name](raw, out, through))
    for name in (name for name in names if name in ENGINES):
        place = ["--datamart", str(work / f"{name}-full"), "--engine", name]
        out = work / f"{name}.parquet"
        taken[TRAINING, name] = measured([*MAIN, "training-set", *place, "--out", str(out)])
    return taken


def _anew(_data: Path, work: Path, name: str) -> Path:
    shutil.rmtree(work / f"{name}-full", ignore_errors=True)
    return work / f"{name}-full"


def _as_it_is(_data: Path, work: Path, name: str) -> Path:
    return work / f"{name}-full"


def _as_before(data: Path, work: Path, name: str) -> Path:
    """The tables without the month, and raw files with it; they are made once."""
    before, out = work / f"{name}-before", work / f"{name}-month"
    delivered.through(data, MONTH, work / "raw-month")
    if not before.exists():
        raw = delivered.through(data, BEFORE, work / "raw-before")
        measured(PIPELINES[name](raw, before, BEFORE))
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(before, out)
    return out


def table(rounds: Sequence[Round], first: str) -> str:
    """A row a job and pipeline."""
    costs = defaultdict(list)
    for each in rounds:
        for key, cost in each.items():
            costs[key].append(cost)
    lines = ["| job | pipeline | wall s | CPU s | peak MiB | wall, times | CPU, times |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for (job, name), taken in costs.items():
        cost, ours = median(taken), median(costs.get((job, first), taken))
        times = (cost.wall_seconds / ours.wall_seconds, cost.cpu_seconds / ours.cpu_seconds)
        lines.append(
            f"| {job} | {NAMES[name]} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} "
            f"| {cost.peak_mib:.0f} | {times[0]:.1f} | {times[1]:.1f} |"
        )
    return "\n".join(lines)


def gold(work: Path, name: str) -> Path:
    """The folder of a pipeline's gold tables."""
    return work / f"{name}-full" / ("" if name in ("duckdb", "polars") else "gold")


def agree(work: Path, first: str, name: str) -> bool:
    from benchmarks.others.agree import unlike

    found = unlike(gold(work, first), gold(work, name))
    print(f"{NAMES[name]}: {'; '.join(found) or 'the same gold'}")
    return not found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument(
        "--pipelines", nargs="+", choices=list(PIPELINES), default=["embedded", "duckdb", "polars"]
    )
    parser.add_argument(
        "--full-alone", action="store_true", help="the full build and the training set alone"
    )
    given = parser.parse_args()
    jobs = [FULL] if given.full_alone else JOBS
    first, *others = given.pipelines
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = work / "data"
        measured([*MAIN, "generate", "--customers", str(given.customers), "--out", str(data)])
        rounds = [one_round(data, work, given.pipelines, jobs) for _ in range(given.repeat)]
        print(f"{given.customers} customers, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        print(f"medians of {given.repeat}; times: in those of {NAMES[first]}\n")
        print(table(rounds, first), end="\n\n")
        all_agree = [agree(work, first, name) for name in others]
    sys.exit(not all(all_agree))


if __name__ == "__main__":
    main()

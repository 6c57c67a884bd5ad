"""Time the five runs that users wait for, each from process start to exit, and print a table.

`python benchmarks/run.py [--customers 12500] [--engine embedded] [--repeat 3] [--reference]`:
a full build, the last month after all others, a rerun with nothing new, a training set, and with
--reference the same gold in DuckDB and deltalake, all on one generated delivery. Medians of wall and
CPU seconds, the largest peak of memory.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
MAIN = [sys.executable, str(ROOT / "main.py")]
Measured = tuple[float, float, float]  # wall seconds, CPU seconds, peak MiB


def measured(command: list[str]) -> Measured:
    """Run a command to its end; a non-zero exit is an error."""
    began = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} failed:\n{told.decode()}")
    return time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def pipeline(data: Path, datamart: Path, engine: str, *options: str) -> list[str]:
    given = ["--data", str(data), "--datamart", str(datamart), "--engine", engine]
    return [*MAIN, "run", *given, *options]


def one_round(data: Path, work: Path, engine: str, reference: bool) -> dict[str, Measured]:
    """Each job once, on datamarts of its own."""
    full, monthly = work / "full", work / "monthly"
    for each in (full, monthly, work / "reference"):
        shutil.rmtree(each, ignore_errors=True)
    jobs: dict[str, Callable[[], list[str]]] = {
        "full build": lambda: pipeline(data, full, engine),
        "rerun, nothing new": lambda: pipeline(data, full, engine),
    }
    taken = {name: measured(job()) for name, job in jobs.items()}
    out = str(work / "train.parquet")
    place = ["--datamart", str(full), "--engine", engine]
    taken["training set"] = measured([*MAIN, "training-set", *place, "--out", out])
    # 2024-11 is the last month but one of the clickstream: the month after has all four tables.
    measured(pipeline(data, monthly, engine, "--through", "2024-11"))
    taken["one more month"] = measured(pipeline(data, monthly, engine, "--through", "2024-12"))
    if reference:
        script = str(ROOT / "benchmarks" / "duckdb_reference.py")
        out = str(work / "reference")
        taken["gold alone, DuckDB + deltalake"] = measured(
            [sys.executable, script, "--data", str(data), "--out", out]
        )
    return taken


def table(rounds: list[dict[str, Measured]]) -> str:
    lines = ["| job | wall s | CPU s | peak MiB |", "|---|---|---|---|"]
    for name in rounds[0]:
        walls, cpus, peaks = zip(*(each[name] for each in rounds), strict=True)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} | {max(peaks):.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--engine", choices=["embedded", "spark"], default="embedded")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--reference", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        data = work / "data"
        measured([*MAIN, "generate", "--customers", str(given.customers), "--out", str(data)])
        rounds = [one_round(data, work, given.engine, given.reference) for _ in range(given.repeat)]
    load = os.getloadavg()[0]
    print(f"{given.customers} customers, {given.engine}, {os.cpu_count()} cores, load {load:.1f}\n")
    print(table(rounds))


if __name__ == "__main__":
    main()

"""One more month after a short and a long history: what it costs, and what the datamart then holds.

`python benchmarks/history.py [--customers 12500] [--months 12 24 48] [--repeat 3] [--engine embedded]`.
For each history a datamart takes the raw files of all months of clicks but the last one; then raw files with
rows of the last one alone are delivered to copies of it. Clicks are as many in each month. Medians.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.growth import deliver, months
from benchmarks.measure import MAIN, Cost, measured, median, print_heading, size

COLUMNS = (
    "months before", "rows of the month", "wall s", "CPU s", "peak MiB", "MB", "files", "log MB"
)  # fmt: skip


def split(data: Path, last: str, before: Path, alone: Path) -> int:
    """Raw files of the months before one, and of it alone; how many rows it has."""
    for folder in (before, alone):
        folder.mkdir()
    delivered = 0
    for file in data.glob("*.csv"):
        rows = pd.read_csv(file, dtype=str, keep_default_na=False)
        month = pd.to_datetime(rows.snapshot_date, format="mixed").dt.strftime("%Y-%m")
        rows[month < last].to_csv(before / file.name, index=False)
        rows[month == last].to_csv(alone / file.name, index=False)
        delivered += int((month == last).sum())
    return delivered


def one_more_month(run: list[str], datamart: Path, alone: Path, copy: Path) -> Cost:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(datamart, copy)
    return measured([*run, "--data", str(alone), "--datamart", str(copy)])


def rows(given: argparse.Namespace, work: Path) -> Iterator[str]:
    run = [*MAIN, "run", "--engine", given.engine]
    for count in given.months:
        at = work / str(count)
        options = ("--customers", str(given.customers), "--months", str(count + 1))
        deliver(list(MAIN), at / "raw", *options)
        delivered = split(at / "raw", months(count + 1)[-1], at / "before", at / "alone")
        measured([*run, "--data", str(at / "before"), "--datamart", str(at / "datamart")])
        taken = [
            one_more_month(run, at / "datamart", at / "alone", at / "copy")
            for _ in range(given.repeat)
        ]
        cost, held = median(taken), size(at / "copy")
        yield (
            f"| {count} | {delivered:,} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} "
            f"| {cost.peak_mib:.0f} | {held.mb:.0f} | {held.files:,} | {held.log_mb:.2f} |"
        )
        shutil.rmtree(at)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--months", type=int, nargs="+", default=[12, 24, 48])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--engine", choices=["embedded", "spark"], default="embedded")
    given = parser.parse_args()
    print_heading(COLUMNS)
    with tempfile.TemporaryDirectory() as folder:
        for row in rows(given, Path(folder)):
            print(row, flush=True)


if __name__ == "__main__":
    main()

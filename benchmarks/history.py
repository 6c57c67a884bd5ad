"""One more month after a short and a long history: what it costs, and what the datamart then holds.

`python benchmarks/history.py [--customers 12500] [--months 12 24 48] [--repeat 3] [--engine embedded]`.
For each history a datamart takes the raw files of all months of clicks but the last one; then copies of it
take those files grown by the last one. Clicks are as many in each month. Medians.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.delivered import through
from benchmarks.growth import deliver, months
from benchmarks.measure import MAIN, Cost, measured, median, print_heading, size

COLUMNS = (
    "months before", "rows of the month", "wall s", "CPU s", "peak MiB", "MB", "files", "log MB"
)  # fmt: skip


def rows_of(raw: Path) -> int:
    return sum(sum(1 for _ in file.open("rb")) - 1 for file in raw.glob("*.csv"))


def one_more_month(run: list[str], datamart: Path, raw: Path, copy: Path) -> Cost:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(datamart, copy)
    return measured([*run, "--data", str(raw), "--datamart", str(copy)])


def rows(given: argparse.Namespace, work: Path) -> Iterator[str]:
    run = [*MAIN, "run", "--engine", given.engine]
    for count in given.months:
        at = work / str(count)
        options = ("--customers", str(given.customers), "--months", str(count + 1))
        deliver(list(MAIN), at / "raw", *options)
        before, after = (through(at / "raw", month, at / month) for month in months(count + 1)[-2:])
        measured([*run, "--data", str(before), "--datamart", str(at / "datamart")])
        taken = [
            one_more_month(run, at / "datamart", after, at / "copy") for _ in range(given.repeat)
        ]
        cost, held = median(taken), size(at / "copy")
        new = rows_of(after) - rows_of(before)
        yield (
            f"| {count} | {new:,} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} "
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

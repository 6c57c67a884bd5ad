"""A training set as known then, from a datamart of monthly releases, beside one as known now.

`python benchmarks/known_then.py [--customers 12500] [--releases 24] [--corrected] [--repeat 5]
[--engine embedded] [--keep DIR]`. The same raw files make a datamart in one release, and another in one
release per month and a last one with all. With --corrected each month also corrects a twentieth of the clicks
of the three months before it. Medians of whole processes, in turns; the first row is the one-release time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import MAIN, Cost, measured, median, print_heading
from lakehouse.months import shift

COLUMNS = ("releases", "known", "wall s", "CPU s", "peak MiB", "times the CPU of the first")
CLICKS = "feature_clickstream.csv"
FIRST, CORRECTED_FOR, ONE_IN = "2023-01", 3, 20


def corrected(raw: Path, month: str, into: Path) -> Path:
    """The raw files as they were delivered in a month, its last three months with a correction each."""
    into.mkdir(exist_ok=True)
    for file in raw.glob("*.csv"):
        text = file.read_bytes()
        if file.name == CLICKS:
            header, *rows = text.splitlines(keepends=True)
            text = b"".join([header, *(_corrected(row, month) for row in rows)])
        (into / file.name).write_bytes(text)
    return into


def _corrected(row: bytes, month: str) -> bytes:
    first, _, others = row.partition(b",")
    customer, day = others.rsplit(b",", 2)[1:]
    of_row = day[:7].decode()
    age = sum(shift(of_row, months) <= month for months in range(1, CORRECTED_FOR + 1))
    if not age or zlib.crc32(customer) % ONE_IN:
        return row
    return b"%d,%b" % (int(first) + age, others)


def delivered(raw: Path, work: Path, releases: int, is_corrected: bool) -> Path:
    """The datamart of so many monthly releases, and one with everything."""
    datamart = work / "datamart"
    for number in range(releases):
        month = shift(FIRST, number)
        data = corrected(raw, month, work / "raw-of-a-month") if is_corrected else raw
        place = ("--data", str(data), "--datamart", str(datamart))
        measured([*MAIN, "run", "--through", month, *place])
    measured([*MAIN, "run", "--data", str(data if is_corrected else raw), *place[2:]])
    return datamart


def taken(
    datamarts: dict[int, Path], out: Path, engine: str, repeat: int
) -> dict[tuple[int, str], Cost]:
    """The median cost of each training set."""
    asked = [(1, "now"), *((n, known) for n in datamarts if n > 1 for known in ("now", "then"))]
    costs: dict[tuple[int, str], list[Cost]] = {each: [] for each in asked}
    for _ in range(repeat):
        for releases, known in asked:
            place = ("--datamart", str(datamarts[releases]), "--out", str(out), "--engine", engine)
            costs[releases, known].append(
                measured([*MAIN, "training-set", "--known", known, *place])
            )
    return {each: median(every) for each, every in costs.items()}


def rows(given: argparse.Namespace, work: Path) -> Iterator[str]:
    raw, once, monthly = work / "raw", work / "once", work / "monthly"
    if not raw.exists():
        measured([*MAIN, "generate", "--customers", str(given.customers), "--out", str(raw)])
        measured([*MAIN, "run", "--data", str(raw), "--datamart", str(once)])
        monthly.mkdir()
        delivered(raw, monthly, given.releases, given.corrected)
    datamarts = {1: once, given.releases + 1: monthly / "datamart"}
    costs = taken(datamarts, work / "train.parquet", given.engine, given.repeat)
    for (releases, known), cost in costs.items():
        yield (
            f"| {releases} | {known} | {cost.wall_seconds:.1f} | {cost.cpu_seconds:.1f} "
            f"| {cost.peak_mib:.0f} | {cost.cpu_seconds / costs[1, 'now'].cpu_seconds:.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--releases", type=int, default=24)
    parser.add_argument("--corrected", action="store_true")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--engine", choices=["embedded", "spark"], default="embedded")
    parser.add_argument(
        "--keep", type=Path, help="A folder for the datamarts, to measure them again."
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = given.keep or Path(folder)
        work.mkdir(exist_ok=True)
        print_heading(COLUMNS)
        for row in rows(given, work):
            print(row, flush=True)


if __name__ == "__main__":
    main()

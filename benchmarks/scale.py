"""How cost grows with the number of customers: 1 is 12,500 of them and 378,000 raw rows.

`python benchmarks/scale.py [--factors 1 10] [--pipelines embedded spark duckdb] [--limit 3600] [--work DIR]`:
for each factor the raw files are generated; then each pipeline builds their months up to one, takes one
more out of files that grew by it, and writes a training set. A row a step: wall and CPU seconds, the peak
memory of all processes together, and what the tables hold after it. A step over its limit of seconds is
killed, and ends its pipeline.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import delivered
from benchmarks.measure import MAIN, Cost, TookTooLong, measured, print_heading, size
from benchmarks.run import BEFORE, ENGINES, MONTH, NAMES, PIPELINES

CUSTOMERS = 12_500
COLUMNS = ("factor", "pipeline", "step", "wall s", "CPU s", "peak MiB", "MB", "files", "log MB")


def steps(data: Path, out: Path, name: str) -> Iterator[tuple[str, list[str]]]:
    """The commands of one pipeline, in their order."""
    yield f"build through {BEFORE}", PIPELINES[name](data / BEFORE, out, BEFORE)
    yield "one more month", PIPELINES[name](data / MONTH, out, MONTH)
    if name in ENGINES:
        place = ["--datamart", str(out), "--engine", name, "--out", str(out.parent / "set.parquet")]
        yield "training set", [*MAIN, "training-set", *place]


def told(factor: float, who: str, step: str, cost: Cost | None, out: Path) -> None:
    """Print one row, as soon as it is known; without a cost the step took too long."""
    held = size(out)
    taken = (
        (f"{cost.wall_seconds:.1f}", f"{cost.cpu_seconds:.1f}", f"{cost.peak_mib:.0f}")
        if cost
        else ("too long", "", "")
    )
    cells = (f"{factor:g}", who, step, *taken, f"{held.mb:.0f}", f"{held.files:,}",
             f"{held.log_mb:.2f}")  # fmt: skip
    print(f"| {' | '.join(cells)} |", flush=True)


def generated(factor: float, data: Path) -> None:
    command = [*MAIN, "generate", "--customers", str(round(CUSTOMERS * factor)), "--out", str(data)]
    told(factor, "generate", "", measured(command), data)
    for month in (BEFORE, MONTH):
        delivered.through(data, month, data / month)
    for file in data.glob("*.csv"):
        file.unlink()


def built(factor: float, name: str, data: Path, work: Path, limit: float) -> None:
    """All steps of one pipeline; its tables are removed, as the disk is small."""
    out = work / name
    try:
        for step, command in steps(data, out, name):
            told(factor, NAMES[name], step, measured(command, limit), out)
    except TookTooLong:
        told(factor, NAMES[name], step, None, out)
    finally:
        shutil.rmtree(out, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--factors", type=float, nargs="+", default=[1, 10])
    parser.add_argument(
        "--pipelines", nargs="*", choices=list(PIPELINES), default=["embedded", "spark", "duckdb"]
    )
    parser.add_argument("--limit", type=float, default=3600, help="seconds a step may take")
    parser.add_argument(
        "--work", type=Path, help="where there is room; a temporary folder if not given"
    )
    given = parser.parse_args()
    print_heading(COLUMNS)
    for factor in given.factors:
        with tempfile.TemporaryDirectory(dir=given.work) as folder:
            data = Path(folder) / "data"
            generated(factor, data)
            for name in given.pipelines:
                built(factor, name, data, Path(folder), given.limit)


if __name__ == "__main__":
    main()

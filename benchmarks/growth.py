"""A hundred monthly runs, each a process and a release: how files, log and start-up time grow.

`python benchmarks/growth.py [--months 100] [--customers 100] [--narrow] [--out growth.png]`: once without
upkeep, once with `optimize` and `vacuum --keep-releases 12` after every ten releases. One row per ten:
files and megabytes of the datamart, megabytes of its Delta logs, seconds of a run with nothing to
do (medians of three) and CPU seconds of one more month (median of the ten). Prints a table and draws the
curve. --narrow takes the tests' catalog, whose clicks have few features: as many files, in less time.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import ROOT, measured, median, size

# Between monthly runs lie more hours than vacuum lets readers have; here they follow each other.
MONTH_LATER = """
import sys
from datetime import timedelta
from lakehouse.upkeep import vacuum
vacuum.READERS_READ_ON = timedelta(0)
from lakehouse.cli import main
sys.exit(main(sys.argv[1:]))
"""
NARROW = """
import lakehouse.catalog
from tests.narrow import narrow
catalog = narrow()
lakehouse.catalog.load = lambda *_given: catalog
"""
EVERY = 10
YEARS_BACK = 6
KEPT = 12
ALONE, MAINTAINED = "left alone", f"optimize, vacuum --keep-releases {KEPT}"
COLUMNS = (
    "releases", "files", "MB", "log MB", "nothing new: wall s", "CPU s", "one more month: CPU s"
)  # fmt: skip


@dataclass(frozen=True)
class Grown:
    """A datamart after so many releases."""

    releases: int
    files: int
    mb: float
    log_mb: float
    noop_wall_seconds: float
    noop_cpu_seconds: float
    month_cpu_seconds: float


def started(narrow: bool) -> list[str]:
    """main.py, with a month between its runs."""
    return [sys.executable, "-c", (NARROW if narrow else "") + MONTH_LATER]


def deliver(main: list[str], data: Path, *options: str) -> None:
    """Generate raw files, and set them back by years: a row of the future is a bad one."""
    measured([*main, "generate", *options, "--out", str(data)])
    for file in data.glob("*.csv"):
        text = file.read_text(encoding="utf-8")
        set_back = re.sub(r"\b20[23]\d(?=-\d\d)", lambda y: str(int(y[0]) - YEARS_BACK), text)
        file.write_text(set_back, encoding="utf-8")


def months(count: int) -> list[str]:
    """As many months as there are clicks of, from the first on."""
    first = 2023 - YEARS_BACK
    return [f"{first + number // 12}-{number % 12 + 1:02d}" for number in range(count)]


def growing(main: list[str], place: list[str], count: int, maintained: bool) -> Iterator[Grown]:
    """Run month after month; a size after every ten."""
    taken = []
    for release, month in enumerate(months(count), start=1):
        run = [*main, "run", "--through", month, *place]
        taken.append(measured(run))
        if release % EVERY:
            continue
        if maintained:
            measured([*main, "optimize", *place])
            measured([*main, "vacuum", "--yes", "--keep-releases", str(KEPT), *place])
        noop, month = median([measured(run) for _ in range(3)]), median(taken[-EVERY:])
        held = astuple(size(Path(place[-1])))
        yield Grown(release, *held, noop.wall_seconds, noop.cpu_seconds, month.cpu_seconds)


def table(sizes: list[Grown]) -> str:
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    for each in sizes:
        cells = (f"{cell:,}" if isinstance(cell, int) else f"{cell:.2f}" for cell in astuple(each))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(curves: dict[str, list[Grown]], out: Path) -> None:
    """The four curves, each with and without maintenance."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, places = plt.subplots(1, 4, figsize=(13, 3), layout="constrained")
    for place, column in zip(places, (1, 2, 5, 6), strict=True):
        for name, sizes in curves.items():
            rows = [astuple(each) for each in sizes]
            place.plot([row[0] for row in rows], [row[column] for row in rows], label=name)
        title = "nothing new: CPU s" if column == 5 else COLUMNS[column]
        place.set(title=title, xlabel="releases")
        place.set_ylim(bottom=0)
    places[0].legend(frameon=False, fontsize="small")
    figure.savefig(out, dpi=100)


def measure() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--months", type=int, default=100)
    parser.add_argument("--customers", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("growth.png").resolve())
    parser.add_argument("--narrow", action="store_true")
    given = parser.parse_args()
    main = started(given.narrow)
    curves: dict[str, list[Grown]] = {ALONE: [], MAINTAINED: []}
    os.chdir(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder, "data")
        wanted = ["--customers", str(given.customers), "--months", str(given.months)]
        deliver(main, data, *wanted)
        for name, sizes in curves.items():
            print(f"\n{name}, {os.cpu_count()} cores\n", flush=True)
            datamart = Path(folder, "maintained" if name == MAINTAINED else "alone")
            place = ["--data", str(data), "--datamart", str(datamart)]
            for each in growing(main, place, given.months, name == MAINTAINED):
                sizes.append(each)
                print(table([each]).splitlines()[-1], flush=True)
            print(f"\n{table(sizes)}", flush=True)
    draw(curves, given.out)


if __name__ == "__main__":
    measure()

"""An inbox of many files: what a run costs with nothing new, with one new file, with a month, at first.

`python benchmarks/inbox.py [--customers 12500] [--repeat 3] [--files 100 1000 10000] [--work DIR]
[--parts build month files]`. Part `build` takes all months at first, from a file per source and month, and
from one file per source. Part `month` takes one more month as a file of its own per source, and as one file
per source that grew by it. Part `files` has the same rows in more and more files; the last one comes later.
Jobs of a part take turns; medians of wall and CPU seconds, and the largest peak of memory.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import delivered
from benchmarks.measure import MAIN, Cost, measured, median, print_heading
from benchmarks.run import BEFORE, MONTH

COLUMNS = ("job", "raw files", "wall s", "CPU s", "peak MiB")
Job = tuple[str, str]  # what is done, and with which raw files
Jobs = dict[Job, Callable[[], Cost]]


def run(data: Path, datamart: Path) -> Cost:
    return measured([*MAIN, "run", "--data", str(data), "--datamart", str(datamart)])


def on_copy(datamart: Path, data: Path, files: Sequence[Path] = (), into: Path = Path()) -> Cost:
    """The cost of a run on a copy of the datamart, for which these files came into a folder."""
    with tempfile.TemporaryDirectory(dir=datamart.parent) as folder, moved(files, into):
        copy = shutil.copytree(datamart, Path(folder) / "datamart")
        return run(data, copy)


@contextmanager
def moved(files: Sequence[Path], into: Path) -> Iterator[None]:
    """The files within a folder, each in that of its source; afterwards they are where they were."""
    there = [into / file.parent.name / file.name for file in files]
    for file, place in zip(files, there, strict=True):
        file.rename(place)
    try:
        yield
    finally:
        for file, place in zip(files, there, strict=True):
            place.rename(file)


def settled(folder: Path) -> Path:
    """The folder, once its files are old enough to be known by their times: a run hashes newer ones again."""
    time.sleep(3)
    return folder


def kept_back(files: Iterable[Path], into: Path) -> list[Path]:
    """The files, moved out of their inbox into another folder."""
    there = [into / file.parent.name / file.name for file in files]
    for file, place in zip(files, there, strict=True):
        place.parent.mkdir(parents=True, exist_ok=True)
        file.rename(place)
    return there


def of_files(data: Path, work: Path, counts: Sequence[int]) -> tuple[Jobs, Jobs]:
    """The first builds of the same rows in more and more files, and the jobs that follow them."""
    builds: Jobs = {}
    later: Jobs = {}
    for count in counts:
        inbox = settled(delivered.in_files(data, count, work / f"files-{count}"))
        last = sorted((inbox / "feature_clickstream").iterdir())[-1:]
        new = kept_back(last, work / f"new-{count}")
        datamart = work / f"datamart-{count}"
        named = f"{sum(1 for _ in inbox.rglob('*.csv')):,}"
        builds["first build", named] = partial(run, inbox, datamart)
        later["nothing new", named] = partial(run, inbox, datamart)
        later["one new file", named] = partial(on_copy, datamart, inbox, new, inbox)
    return builds, later


def of_month(data: Path, inbox: Path, work: Path) -> Jobs:
    """One more month: files of its own, and files that grew by it."""
    before, after = (delivered.through(data, month, work / month) for month in (BEFORE, MONTH))
    late = [file for file in inbox.rglob("*.csv") if file.stem > BEFORE]
    new = [file for file in kept_back(late, work / "later") if file.stem == MONTH]
    run(before, work / "one-before")
    run(inbox, work / "inbox-before")
    job = "one more month"
    return {
        (job, "one per source, grown"): lambda: on_copy(work / "one-before", after),
        (job, "its own, one per source"): lambda: on_copy(work / "inbox-before", inbox, new, inbox),
    }


def of_build(data: Path, inbox: Path, work: Path) -> Jobs:
    """The first build from one file per source, and from a file per source and month."""
    files = sum(1 for _ in inbox.rglob("*.csv"))

    def anew(raw: Path) -> Cost:
        shutil.rmtree(work / "anew", ignore_errors=True)
        return run(raw, work / "anew")

    return {
        ("first build", "4, one per source"): partial(anew, data),
        ("first build", f"{files}, one per source and month"): partial(anew, inbox),
    }


def in_turns(jobs: Jobs, repeat: int) -> None:
    """Print the medians of each job; the jobs take turns."""
    taken: dict[Job, list[Cost]] = defaultdict(list)
    for _ in range(repeat):
        for job, cost_of in jobs.items():
            taken[job].append(cost_of())
    for (done, files), costs in taken.items():
        cost = median(costs)
        print(
            f"| {done} | {files} | {cost.wall_seconds:.2f} | {cost.cpu_seconds:.2f} "
            f"| {cost.peak_mib:.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=12500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--files", type=int, nargs="+", default=[100, 1000, 10000])
    parts = ["build", "month", "files"]
    parser.add_argument("--parts", nargs="+", choices=parts, default=parts)
    parser.add_argument(
        "--work", type=Path, help="where there is room; a temporary folder if not given"
    )
    given = parser.parse_args()
    print(
        f"{given.customers} customers, medians of {given.repeat}; a first build of many files once"
    )
    print_heading(COLUMNS)
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        work = Path(folder)
        generate = [*MAIN, "generate", "--customers", str(given.customers)]
        measured([*generate, "--out", str(work / "data")])
        measured([*generate, "--by-month", "--out", str(work / "inbox")])
        data, inbox = work / "data", settled(work / "inbox")
        if "build" in given.parts:
            in_turns(of_build(data, inbox, work), given.repeat)
        if "month" in given.parts:
            in_turns(of_month(data, inbox, work), given.repeat)
        if "files" in given.parts:
            builds, later = of_files(data, work, given.files)
            in_turns(builds, 1)
            in_turns(later, given.repeat)


if __name__ == "__main__":
    main()

"""CPU seconds of windows of 30, 90 and 180 days over 1.5 million events of 5,000 entities.

`python benchmarks/over_days.py` computes all month ends, then one month of them, as a run does.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb
from pyspark.sql import functions as F

from lakehouse.engines.embedded import session
from lakehouse.gold.over_days import days_asked, month_ends, months_back, over_days
from lakehouse.months import shift

WINDOWS = (30, 90, 180)
FIRST, LAST, DAYS = "1993-01-01", "1997-12", 1826


def write_events(folder: Path, events: int, entities: int) -> str:
    """A file of events on any day of five years, each with an amount, a third of them in cash."""
    file = str(folder / "events.parquet")
    duckdb.sql(f"""
        COPY (SELECT 'A' || (i % {entities}) AS account, month, day, amount,
                     CASE WHEN hash(i * 13) % 3 = 0 THEN amount END AS cash
              FROM (SELECT i, DATE '{FIRST}' + (hash(i) % {DAYS})::INT AS day,
                           strftime(day, '%Y-%m') AS month, (hash(i * 7) % 1000000) / 100.0 AS amount
                    FROM range({events}) AS numbers(i)))
        TO '{file}' (FORMAT parquet)
    """)
    return file


def measure(file: str, months: list[str] | None, into: Path) -> None:
    """Compute the windows of these months, or of all, and print what it took."""
    events = session().read.parquet(file)
    if months:
        needed = [shift(months[0], -back) for back in range(months_back(max(WINDOWS)) + 1)]
        events = events.where(F.col("month").isin(needed))
    began, used = time.monotonic(), sum(os.times()[:4])
    ends = month_ends(events, ["account"], "asked_on", "day")
    asked = days_asked(["account"], "asked_on", ends, months=months)
    columns = ["amount", "cash"]
    found = over_days(asked, events, ["account"], "asked_on", "day", columns, WINDOWS)
    found.write.parquet(str(into))
    cpu, wall = sum(os.times()[:4]) - used, time.monotonic() - began
    rows = session().read.parquet(str(into)).count()
    print(f"{months or 'all months'}: {rows:,} rows, {cpu:.1f} CPU s, {wall:.1f} s")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_500_000)
    parser.add_argument("--entities", type=int, default=5_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        file = write_events(Path(name), asked.events, asked.entities)
        for number, months in enumerate((None, [LAST])):
            measure(file, months, Path(name) / f"found_{number}")


if __name__ == "__main__":
    main()

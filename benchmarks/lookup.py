"""How long a lookup takes, first and warm, of one customer and of a hundred: one JSON line.

    python main.py generate --customers 12500 --out /tmp/raw
    python main.py run --data /tmp/raw --datamart /tmp/datamart
    python benchmarks/lookup.py --datamart /tmp/datamart

Customers are drawn at random, and the day is in the newest month of clicks. Wall times are true only if
nothing else runs on the machine; otherwise look at the CPU times.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from deltalake import DeltaTable, QueryBuilder


def customers(datamart: Path) -> list[str]:
    """The ids of all customers with attributes."""
    rows = QueryBuilder().register("t", DeltaTable(datamart / "silver/attributes"))
    found = rows.execute("SELECT DISTINCT customer_id FROM t ORDER BY 1").read_all()
    return [str(each) for each in found.column("customer_id").to_pylist()]


def newest_day(datamart: Path) -> str:
    months = DeltaTable(datamart / "gold/features_clickstream").partitions()
    return f"{max(each['month'] for each in months)}-28"


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds of a call: wall, CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def spread(calls: list[tuple[float, float]]) -> dict[str, float]:
    wall, cpu = (quantiles(each, n=100) for each in zip(*calls, strict=True))
    found = {"median_ms": wall[49], "p99_ms": wall[98], "median_cpu_ms": cpu[49]}
    return {name: round(value, 1) for name, value in found.items()}


def rss_mib() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datamart", type=Path, default=Path("datamart"))
    parser.add_argument("--calls", type=int, default=500, help="warm lookups of each size")
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    known, day = customers(asked.datamart), newest_day(asked.datamart)
    drawn = random.Random(asked.seed)

    from lakehouse import Lakehouse

    def lookup(lake: Lakehouse, size: int) -> tuple[float, float]:
        some = drawn.sample(known, size)
        return timed(lambda: lake.lookup(some, as_of=day))

    opened, before = timed(lambda: Lakehouse(asked.datamart)), rss_mib()
    lake = Lakehouse(asked.datamart)
    first = lookup(lake, 1)
    # One that nobody knows is looked for in every month that may be seen.
    whole = timed(lambda: lake.lookup("nobody", as_of=day))
    sizes: dict[int, list[tuple[float, float]]] = {1: [], 100: []}
    for _ in range(asked.calls):
        for size, calls in sizes.items():
            calls.append(lookup(lake, size))
    told = {
        "customers": len(known),
        "as_of": day,
        "open_ms": round(opened[0]),
        "first_ms": round(first[0]),
        "first_of_all_months_ms": round(first[0] + whole[0]),
        **{f"warm_{size}": spread(calls) for size, calls in sizes.items()},
        "rss_mib_before": before,
        "rss_mib_after": rss_mib(),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()

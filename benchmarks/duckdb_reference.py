"""The gold tables by DuckDB and deltalake alone, for scale: time and memory as one JSON line.

    python benchmarks/duckdb_reference.py --data data --out /tmp/duckdb_gold

No history, no quarantine, no increments: what a plain script over the same raw files costs.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import duckdb
from deltalake import DeltaTable, write_deltalake

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.reference.gold import KEYS, reference_gold

BATCH_ROWS = 50_000


def build(data: Path, out: Path, memory_limit: str) -> dict[str, int]:
    """Write each gold table as a Delta table partitioned by month; the number of its rows."""
    spill = str(out / ".spill")
    with duckdb.connect(
        config={"memory_limit": memory_limit, "temp_directory": spill}
    ) as connection:
        for name, rows in reference_gold(data, connection).items():
            path = out / name.replace(".", "/")
            path.mkdir(parents=True, exist_ok=True)
            batches = rows.to_arrow_reader(BATCH_ROWS)
            write_deltalake(path, batches, mode="overwrite", partition_by=["month"])
    return {name: DeltaTable(out / name.replace(".", "/")).count() for name in KEYS}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the raw CSV files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the Delta tables")
    parser.add_argument("--memory-limit", default="1GiB", help="of DuckDB, which spills beyond it")
    asked = parser.parse_args()
    started = time.perf_counter()
    rows = build(asked.data, asked.out, asked.memory_limit)
    wall = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {
                "rows": rows,
                "wall_s": round(wall, 2),
                "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                "peak_rss_mib": round(used.ru_maxrss / 1024),
            }
        )
    )


if __name__ == "__main__":
    main()

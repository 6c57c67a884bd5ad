"""The costs of gold/vintages and gold/roll_rates: built in full, and for one more month; one JSON line.

    python main.py generate --customers 12500 --out /tmp/raw
    python main.py run --data /tmp/raw --datamart /tmp/datamart
    python benchmarks/portfolio.py --datamart /tmp/datamart

It works on a copy. `cpu` are seconds of this process, in which the engine is; `wall` is true only if nothing
else runs on the machine. The medians of some rounds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from lakehouse.catalog import load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.run.refresh import existing, refresh
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table

CATALOG = load()
TABLES = ("gold.vintages", "gold.roll_rates", "gold.label_store")


def rounds(
    datamart: Path, table: Table, repeat: int, last: str | None
) -> Iterator[tuple[dict[str, float], ...]]:
    """The costs of all months but the newest, of that month, and of all of them at once.

    `last` is the month that counts as the newest; by default it is.
    """
    for _ in range(repeat):
        shutil.rmtree(datamart / table.path)
        store = EmbeddedStore(Datamart.at(datamart, CATALOG))
        create_missing(store.datamart)
        months = [m for m in sorted(existing(store, table.upstreams)) if m <= (last or m)]
        # A run of the newest month also computes the months that its records reach.
        newest = sorted(table.reached(months[-1:]) & {*months})
        before = cost(store, table, months[:-1])
        more = cost(store, table, newest)
        shutil.rmtree(datamart / table.path)
        store = EmbeddedStore(Datamart.at(datamart, CATALOG))
        create_missing(store.datamart)
        yield cost(store, table, months), before, more


def cost(store: EmbeddedStore, table: Table, months: Sequence[str]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    refresh(store, table, months, CommitNote("benchmark"), lambda _months: nullcontext())
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--datamart", type=Path, default=Path("datamart"))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--newest", help="the month that counts as the newest, as 2024-12")
    asked = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(shutil.copytree(asked.datamart, Path(folder) / "datamart"))
        for name in TABLES:
            every = list(rounds(copy, CATALOG.table(name), asked.repeat, asked.newest))
            for job, costs in zip(
                ("full", "without newest", "one more"), zip(*every, strict=True), strict=True
            ):
                for kind in ("wall", "cpu"):
                    found[f"{name}, {job}, {kind}"] = round(median(c[kind] for c in costs), 3)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

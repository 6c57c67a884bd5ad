"""CPU seconds of each check that verifies a datamart, by itself, in one process, medians of some rounds.

`python benchmarks/verification.py --datamart DIR [--rounds 5]`: a datamart on this machine. Nothing in
it is changed.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.measure import print_heading
from lakehouse.catalog import load
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.releases import published
from lakehouse.releases.readable import check_whole
from lakehouse.run.recomputed import examine_computed
from lakehouse.run.sample import check_sample, chosen
from lakehouse.storage import folder
from lakehouse.storage.data_file import data_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.sound import check_sound
from lakehouse.upkeep.altered import altered
from lakehouse.upkeep.verify import Checked

Check = tuple[str, Callable[[], object]]


def checks(store: EmbeddedStore) -> Iterator[Check]:
    """Each check with its name."""
    log, catalog = store.log, store.datamart.catalog
    newest = published.newest(log)
    read = (*catalog.feature_groups, catalog.label_store)
    last = max(log.rows_by_month(catalog.feature_groups[0]))
    yield "training set: files", lambda: check_whole(log, newest.pins, read)
    yield (
        "lookup: files of a month",
        lambda: [check_sound(log, table, months=[last]) for table in catalog.feature_groups],
    )
    for number in range(len(catalog.sources) + len(catalog.derived)):
        release = replace(newest, number=number, months=[])
        sample = chosen(store, release)
        if sample:
            name = f"release: sample of {sample.table.full_name}"
            yield name, lambda release=release: check_sample(store, release)
    yield (
        "doctor --deep: row hashes",
        lambda: [altered(log, t, list(data_files(log, t))) for t in catalog.sources],
    )
    yield "doctor --deep: all tables", lambda: Checked(store.datamart).damages()
    yield "doctor --recompute: silver and gold", lambda: examine_computed(store)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datamart", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    store = EmbeddedStore(Datamart.at(Path(asked.datamart), load()))
    print_heading(("check", "CPU s"))
    for name, check in checks(store):
        spent = []
        for _ in range(asked.rounds + 1):
            # As in a process that has read no file yet.
            folder._READ.clear()
            began = time.process_time()
            check()
            spent.append(time.process_time() - began)
        # The first round imports and opens.
        print(f"| {name} | {statistics.median(spent[1:]):.2f} |", flush=True)


if __name__ == "__main__":
    main()

"""Spark computes the same labels, vintages and roll rates as Sail, also of loans that no calendar fits."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lakehouse.gold import label_store, roll_rates, vintages
from lakehouse.table import Table
from tests.gold.loans import computed, record
from tests.on_spark import OnSpark

TABLES = (vintages.TABLE, roll_rates.TABLE, label_store.TABLE)


def irregular() -> list[tuple[Any, ...]]:
    """Loans with gaps, late and second records, unknown dpd, unknown and odd balances."""
    chance = random.Random(7)
    records = {}
    for n in range(60):
        start = f"2023-{chance.randint(1, 4):02d}-{chance.choice(['01', '15', '31'])}"
        start = start.replace("02-31", "02-28").replace("04-31", "04-30")
        for mob in range(6):
            for day in chance.choice([["01"], ["01", "20"], [], ["28"]]):
                late = chance.choice([0, 0, 0, 1, 2])
                month = int(start[5:7]) + mob + late
                seen = f"2023-{month:02d}-{day}"
                dpd = chance.choice([None, 0, 0, 0, 29, 30, 31, 60, 90, 4000])
                balance = chance.choice([None, 0.1, 833.335, 1e9 / 3])
                if seen >= start:
                    records[n, seen] = record(f"L{n}", mob, dpd, start, seen, balance)
    return list(records.values())


def on_this_engine(name: str) -> list[dict[str, Any]]:
    """The rows of a table as Spark computes them."""
    from lakehouse.engines.spark_session import start

    (table,) = (each for each in TABLES if each.name == name)
    return computed(table, irregular(), spark=start(None))


@pytest.mark.spark
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_both_engines_compute_the_same_rows(table: Table, on_spark: OnSpark) -> None:
    rows = computed(table, irregular())

    assert len(rows) > 20
    assert on_spark(on_this_engine, table.name) == rows

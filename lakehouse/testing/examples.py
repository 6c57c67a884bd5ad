"""Random rows of the upstreams of a table, of the declared types and bounds."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from datetime import date, datetime, time, timedelta

from lakehouse.months import UNDATED, shift
from lakehouse.table import MONTH, Table
from lakehouse.testing.frames import Row

# The share of cells that are NULL.
_MISSING = 0.2


def examples(
    table: Table, entities: int = 3, months: int = 8, seed: int = 0
) -> dict[str, list[Row]]:
    """Rows of each upstream of a table, the same for each seed: two days of each month of each entity.

    A table without dates has one row of each entity. The values are random within the declared types and
    bounds; a fifth of them are NULL. A column of texts that several tables have joins them.
    """
    chance = random.Random(seed)
    days = [
        date.fromisoformat(f"{shift('2023-01', number)}-{day:02d}")
        for number in range(months)
        for day in (1, 20)
    ]
    shared = _shared(table)
    return {
        upstream.full_name: [
            _example(upstream, number, day, chance, shared, entities)
            for number in range(entities)
            for day in (days if upstream.date else days[:1])
        ]
        for upstream in table.upstreams
    }


def _shared(table: Table) -> set[str]:
    """The columns by which upstreams may be joined: texts that several have, besides entity and date."""
    counts = Counter(
        field.name
        for upstream in table.upstreams
        for field in upstream.fields
        if field.type == "STRING" and field.name not in (MONTH, upstream.date)
    )
    return {name for name, count in counts.items() if count > 1}


def _example(
    table: Table,
    number: int,
    day: date,
    chance: random.Random,
    shared: Collection[str],
    entities: int,
) -> Row:
    entity = f"E{number}"
    row: dict[str, object] = {field.name: None for field in table.fields}
    for field in table.fields:
        if chance.random() >= _MISSING:
            low, high = (field.bounds.low, field.bounds.high) if field.bounds else (0, 100)
            row[field.name] = _any(field.type, low, high, day, chance)
    row |= dict.fromkeys(table.keys, f"{entity}-{day}")
    # Rows of tables that are joined meet, because such a column has the id of some entity in each.
    for name in table.columns:
        if name in shared:
            row[name] = entity if name in table.keys else f"E{chance.randrange(entities)}"
    row |= {name: entity for name in (table.entity,) if name}
    row |= {name: day for name in (table.date,) if name}
    return row | {MONTH: f"{day:%Y-%m}" if table.date else UNDATED}


def _any(type_: str, low: float, high: float, day: date, chance: random.Random) -> object:
    """A random value of a Spark SQL type; None for one that is not known here."""
    made: dict[str, Callable[[], object]] = {
        "STRING": lambda: chance.choice(["a", "b", "c"]),
        "BOOLEAN": lambda: chance.random() < 0.5,
        "DATE": lambda: day - timedelta(chance.randrange(400)),
        "TIMESTAMP": lambda: datetime.combine(
            day, time(chance.randrange(24), chance.randrange(60))
        ),
        "ARRAY<STRING>": lambda: chance.choice([[], ["a"], ["a", "b"]]),
        **dict.fromkeys(["INT", "BIGINT"], lambda: chance.randint(int(low), int(high))),
        **dict.fromkeys(["DOUBLE", "FLOAT"], lambda: chance.uniform(low, high)),
    }
    return made[type_.upper()]() if type_.upper() in made else None

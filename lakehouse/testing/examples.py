"""Random rows of the upstreams of a table, of the declared types and bounds."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from lakehouse.months import shift
from lakehouse.table import MONTH, Table
from lakehouse.testing.frames import Row

# The share of cells that are NULL.
_MISSING = 0.2


def examples(
    table: Table, entities: int = 3, months: int = 8, seed: int = 0
) -> dict[str, list[Row]]:
    """Rows of each upstream of a table, the same for each seed: two days of each month of each entity.

    The values are random within the declared types and bounds; a fifth of them are NULL.
    """
    chance = random.Random(seed)
    days = [
        date.fromisoformat(f"{shift('2023-01', number)}-{day:02d}")
        for number in range(months)
        for day in (1, 20)
    ]
    return {
        upstream.full_name: [
            _example(upstream, f"E{number}", day, chance)
            for number in range(entities)
            for day in days
        ]
        for upstream in table.upstreams
    }


def _example(table: Table, entity: str, day: date, chance: random.Random) -> Row:
    row: dict[str, object] = {field.name: None for field in table.fields}
    for field in table.fields:
        if chance.random() >= _MISSING:
            low, high = (field.bounds.low, field.bounds.high) if field.bounds else (0, 100)
            row[field.name] = _any(field.type, low, high, day, chance)
    row |= dict.fromkeys(table.keys, f"{entity}-{day}")
    row |= {name: entity for name in (table.entity,) if name}
    row |= {name: day for name in (table.date,) if name}
    return row | {MONTH: f"{day:%Y-%m}"}


def _any(type_: str, low: float, high: float, day: date, chance: random.Random) -> object:
    """A random value of a Spark SQL type; None for one that is not known here."""
    made: dict[str, Callable[[], object]] = {
        "STRING": lambda: chance.choice(["a", "b", "c"]),
        "BOOLEAN": lambda: chance.random() < 0.5,
        "DATE": lambda: day - timedelta(chance.randrange(400)),
        "ARRAY<STRING>": lambda: chance.choice([[], ["a"], ["a", "b"]]),
        **dict.fromkeys(["INT", "BIGINT"], lambda: chance.randint(int(low), int(high))),
        **dict.fromkeys(["DOUBLE", "FLOAT"], lambda: chance.uniform(low, high)),
    }
    return made[type_.upper()]() if type_.upper() in made else None

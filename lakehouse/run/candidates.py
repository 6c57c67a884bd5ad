"""Which of the rows that several files have of a key stands.

A file has at most one row, or deletion, of a key: that of its newest version. The latest file wins. Its row
is in the bronze table; all others, and deletions, are in `bronze.superseded`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.raw import ROW_HASH
from lakehouse.bronze.superseded import DELETES, DELETION, EQUAL, FATE, KEY_HASH, SUPERSEDED
from lakehouse.table import MONTH

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FILE = "_source_file"
# The place of a candidate: the files that are read now, the bronze table, or bronze.superseded.
ORIGIN, NEW, BRONZE, HELD = "_origin", "new", "bronze", "held"
# The name under which a file has one candidate per key; it is the same for all plain names of a source.
SLOT, RANK, MAY_GO = "_slot", "_rank", "_may_go"
# The changes that a candidate asks for.
TO_BRONZE, FROM_BRONZE, RETRACTED = "_to_bronze", "_from_bronze", "_retracted"
TO_SUPERSEDED, FROM_SUPERSEDED, SETTLED = "_to_superseded", "_from_superseded", "_settled"
HELD_FILE, HELD_FATE = "_held_file", "_held_fate"
WINNER_FILE, WINNER_ORIGIN = "_winner_file", "_winner_origin"
AT = (MONTH, KEY_HASH)
_PLACES = (NEW, BRONZE, HELD)
_OWN = (ROW_HASH, DELETES, FILE)
_SAID = (*_OWN, FATE)
_OF_LATEST = (*_OWN, SLOT, ORIGIN)
_OF_THERE = (ROW_HASH, SLOT, FILE)


def light(rows: DataFrame, origin: str, *more: Column) -> DataFrame:
    """The part of candidates by which it is decided which of them stands."""
    return rows.select(*AT, FILE, ROW_HASH, DELETES, FATE, F.lit(origin).alias(ORIGIN), *more)


def touched(new: DataFrame, old: DataFrame, by_arrival: bool) -> DataFrame:
    """The months and keys that may change by what is read now.

    All others are left out before anything is decided, as they are most of a month that comes again. A file
    that came again is the latest one by `arrival`, so each key that several files have counts.
    """
    slot = (*AT, SLOT)
    bronze, held = (old.where(F.col(ORIGIN) == place) for place in (BRONZE, HELD))
    in_bronze = bronze.select(*slot, ROW_HASH, F.lit(False).alias(DELETES))
    said = (*slot, ROW_HASH, DELETES)
    other = new.join(in_bronze, list(said), "left_anti").join(
        held.select(*said, FILE), [*said, FILE], "left_anti"
    )
    gone = old.where(F.col(MAY_GO)).join(new.select(*slot), list(slot), "left_anti")
    between = [held] if by_arrival else _between(bronze, held)
    keys = [rows.select(*AT) for rows in (other, gone, *between)]
    return reduce(lambda one, more: one.unionByName(more), keys).distinct()


def _between(bronze: DataFrame, held: DataFrame) -> list[DataFrame]:
    """The candidates whose keys a run has left when it was stopped between the two tables.

    A candidate is in both, or a row is there although its key is deleted, or no row stands for those that
    are held and nothing deletes their key.
    """
    slot = [*AT, SLOT]
    deleted = held.where(F.col(FATE) == DELETION).select(*AT)
    twice = bronze.join(held.select(*slot), slot, "left_semi")
    undeleted = bronze.join(deleted, [*AT], "left_semi")
    bereft = held.join(bronze.select(*AT), [*AT], "left_anti").join(deleted, [*AT], "left_anti")
    return [twice, undeleted, bereft]


def verdicts(placed: DataFrame) -> DataFrame:
    """The changes that each candidate asks for; only candidates that ask for one.

    `placed` is read several times, so it is to be kept.
    """
    alive = placed.where("alive")
    # Joined, not as a window, and the largest of texts, not of structs: over many small groups these took a
    # hundred times as long on Sail.
    last = alive.groupBy(*AT).agg(F.max(RANK).alias(RANK))
    latest = alive.join(last, [*AT, RANK]).select(*AT, *_called("latest", _OF_LATEST))
    in_bronze = alive.where(F.col(ORIGIN) == BRONZE).select(*AT, *_called("there", _OF_THERE))
    rows = placed.join(latest, [*AT], "left").join(in_bronze, [*AT], "left")
    says_the_same = (F.col(ROW_HASH) == _of("latest", ROW_HASH)) & (
        F.col(DELETES) == _of("latest", DELETES)
    )
    # A row that bronze has stays as it is where the latest file says the same.
    is_kept = _is((_of("there", ROW_HASH) == _of("latest", ROW_HASH)) & ~_of("latest", DELETES))
    winner = F.when(is_kept, _of("there", SLOT)).otherwise(_of("latest", SLOT))
    wins = F.col("alive") & _is(F.col(SLOT) == winner)
    row_stands = _is(~_of("latest", DELETES))
    is_other = F.col("alive") & (~wins | F.col(DELETES))
    fate = (
        F.when(wins, DELETION)
        .when(says_the_same, EQUAL)
        .when(F.col(DELETES) | ~row_stands, SUPERSEDED)
    )
    is_held = _of(HELD, ROW_HASH).isNotNull()
    moved = _is(_of(HELD, FILE) != F.col(FILE))
    is_as_held = (_of(HELD, ROW_HASH) == F.col(ROW_HASH)) & (_of(HELD, DELETES) == F.col(DELETES))
    held_fate = F.when(is_as_held & ~moved, _of(HELD, FATE))
    # If the winner stays, so does what was found when the cells were compared.
    is_same = _is(held_fate == fate) | (is_kept & _is(held_fate != DELETION))
    judged = rows.select(
        *AT,
        FILE,
        ORIGIN,
        fate.alias(FATE),
        (wins & ~F.col(DELETES) & (F.col(ORIGIN) != BRONZE)).alias(TO_BRONZE),
        (F.col("in_bronze") & ~row_stands).alias(FROM_BRONZE),
        (F.col("in_bronze") & _of("latest", SLOT).isNull()).alias(RETRACTED),
        (is_other & ~is_same).alias(TO_SUPERSEDED),
        (is_held & (~F.col("alive") | (is_other & moved))).alias(FROM_SUPERSEDED),
        (is_held & F.col("alive") & ~is_other).alias(SETTLED),
        _of(HELD, FILE).alias(HELD_FILE),
        held_fate.alias(HELD_FATE),
        F.when(is_kept, _of("there", FILE)).otherwise(_of("latest", FILE)).alias(WINNER_FILE),
        F.when(is_kept, BRONZE).otherwise(_of("latest", ORIGIN)).alias(WINNER_ORIGIN),
    )
    acts = (TO_BRONZE, FROM_BRONZE, TO_SUPERSEDED, FROM_SUPERSEDED, SETTLED)
    return judged.where(" OR ".join(acts))


def _of(whose: str, name: str) -> Column:
    return F.col(f"{whose}{name}")


def _called(whose: str, names: Iterable[str]) -> list[Column]:
    return [F.col(name).alias(f"{whose}{name}") for name in names]


def _is(condition: Column) -> Column:
    return F.coalesce(condition, F.lit(False))


def placed(candidates: DataFrame) -> DataFrame:
    """One row per key and slot: its newest candidate, where it is, and whether it is still one.

    `candidates` are light, with a slot, its rank, and whether the row goes if its file no longer has it.
    A row that its file has again as it was stays where it is.
    """
    # Each place has at most one row of a slot, so the largest of each column is that of the row.
    met = candidates.groupBy(*AT, SLOT).agg(
        F.max(RANK).alias(RANK),
        F.max(MAY_GO).alias(MAY_GO),
        *(
            F.max(F.when(F.col(ORIGIN) == origin, F.col(name))).alias(f"{origin}{name}")
            for origin in _PLACES
            for name in _SAID
        ),
    )
    is_new, in_bronze, is_held = (_of(o, ROW_HASH).isNotNull() for o in (NEW, BRONZE, HELD))
    is_same_row = _of(NEW, ROW_HASH) == _of(BRONZE, ROW_HASH)
    is_same_held = (
        (_of(NEW, ROW_HASH) == _of(HELD, ROW_HASH))
        & (_of(NEW, DELETES) == _of(HELD, DELETES))
        & (_of(NEW, FILE) == _of(HELD, FILE))
    )
    stays_in_bronze = in_bronze & (~is_new | (~_of(NEW, DELETES) & is_same_row))
    stays_held = is_held & (~is_new | is_same_held)

    def own(values: Mapping[str, Column]) -> Column:
        in_place = F.when(stays_in_bronze, values[BRONZE]).when(stays_held, values[HELD])
        return in_place.otherwise(values[NEW])

    return met.select(
        *AT,
        SLOT,
        RANK,
        own({place: F.lit(place) for place in _PLACES}).alias(ORIGIN),
        in_bronze.alias("in_bronze"),
        (is_new | ~F.col(MAY_GO)).alias("alive"),
        *(own({p: _of(p, name) for p in _PLACES}).alias(name) for name in _OWN),
        *(_of(HELD, name) for name in _SAID),
    )

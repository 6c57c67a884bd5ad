"""The union of what files say of some months: what is read now, and what earlier files have said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.superseded import CELLS, DELETES, FATE, KEY_HASH
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Landed
from lakehouse.run.candidates import (
    AT,
    BRONZE,
    FILE,
    HELD,
    MAY_GO,
    NEW,
    RANK,
    SLOT,
    light,
    placed,
    touched,
    verdicts,
)
from lakehouse.run.superseded_rows import as_candidates, key_hash
from lakehouse.table import MONTH, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_ENTITY, _MENTIONED = "_entity", "_mentioned"


@dataclass(frozen=True)
class Rules:
    """By what it is decided which candidates stand, and which go.

    `replaces` are files, each with a month: a row that such a file had, and its newest version lacks, goes.
    It stays if a damaged row of the file mentions its `entity`. `rank` is a text that is greater for
    the rows of a month in a later file.
    """

    landed: Landed
    replaces: Sequence[tuple[str, str]]
    entity: str | None
    rank: Callable[[str, str], str]

    @property
    def plain_name(self) -> str | None:
        """The file that is read now under one of the plain names of its source, which all mean the same."""
        plain = self.landed.source.file_names
        return next((file.name for file in self.landed.files if file.name in plain), None)


@dataclass(frozen=True)
class Said:
    """All rows about some months: those of the files that are read now, and those of earlier ones.

    `new`, `others` and `bronze` are rows of the table, `deletions` have its key, and `held` are rows of
    `bronze.superseded`; None where there are none. In the place of `others` newer ones stand.
    """

    new: DataFrame
    others: DataFrame | None = None
    deletions: DataFrame | None = None
    bronze: DataFrame | None = None
    held: DataFrame | None = None

    @property
    def is_first(self) -> bool:
        """Whether nothing is held of the months."""
        return self.bronze is None and self.held is None

    @property
    def has_contested(self) -> bool:
        """Whether two of the files that are read now may say something of one key."""
        return self.others is not None or self.deletions is not None

    @property
    def all_new(self) -> DataFrame:
        """All rows of the files that are read now."""
        return self.new if self.others is None else self.new.unionByName(self.others)


@contextmanager
def judged(store: Store, table: Table, rules: Rules, said: Said) -> Iterator[DataFrame]:
    """The verdicts on the candidates of all keys that may change."""
    new = said.all_new.withColumns({KEY_HASH: key_hash(table), **_is_row()})
    rows = _of_now(new)
    if said.deletions is not None:
        rows = _union(rows, _of_now(as_candidates(said.deletions, table, deletes=True)))
    old = _earlier(table, rules.entity, said)
    if old is not None:
        old = _with_retractions(store, old, rules)
        by_arrival = said.held is not None and rules.landed.source.supersedes == "arrival"
        keys = touched(rows, old, by_arrival)
        rows = _union(rows, old).join(keys, [*AT], "left_semi")
    with store.kept(placed(_ranked(store, rows, rules))) as kept, store.kept(verdicts(kept)) as few:
        yield few


def contested(said: Said, table: Table) -> Said:
    """The same without new rows whose keys no other file that is read now has."""
    rows = [each for each in (said.others, said.deletions) if each is not None]
    keys = reduce(_union, (each.select(MONTH, *map(quoted, table.keys)) for each in rows))
    return replace(said, new=said.new.join(keys, [MONTH, *table.keys], "left_semi"))


def _is_row() -> dict[str, Column]:
    return {DELETES: F.lit(False), FATE: F.lit(None).cast("string")}


def _earlier(table: Table, entity: str | None, said: Said) -> DataFrame | None:
    """The light candidates of earlier files, with the entity by which damaged rows are known."""
    parts = []
    if said.bronze is not None:
        rows = said.bronze.withColumns({KEY_HASH: key_hash(table), **_is_row()})
        owner = F.col(quoted(entity)).cast("string") if entity else F.lit(None).cast("string")
        parts.append(light(rows, BRONZE, owner.alias(_ENTITY)))
    if said.held is not None:
        owner = F.col(CELLS)[entity] if entity else F.lit(None).cast("string")
        parts.append(light(said.held, HELD, owner.alias(_ENTITY)))
    return reduce(_union, parts) if parts else None


def _of_now(rows: DataFrame) -> DataFrame:
    return light(rows, NEW).withColumns({SLOT: F.col(FILE), MAY_GO: F.lit(False)})


def _union(one: DataFrame, other: DataFrame) -> DataFrame:
    return one.unionByName(other)


def _with_retractions(store: Store, old: DataFrame, rules: Rules) -> DataFrame:
    """Earlier candidates with their slot, and whether they go if their file no longer has them."""
    slot = F.col(FILE)
    if rules.plain_name:
        plain = F.col(FILE).isin(*rules.landed.source.file_names)
        slot = F.when(plain, rules.plain_name).otherwise(slot)
    rows = old.withColumn(SLOT, slot)
    if not rules.replaces:
        return rows.withColumn(MAY_GO, F.lit(False)).drop(_ENTITY)
    going = frame(store, rules.replaces, (SLOT, MONTH)).withColumn(MAY_GO, F.lit(True))
    rows = rows.join(going, [SLOT, MONTH], "left")
    may_go = F.col(MAY_GO).isNotNull()
    damaged = _mentioned(store, rules)
    if damaged is not None:
        rows = rows.join(damaged, [SLOT, _ENTITY], "left")
        may_go = may_go & F.col(_MENTIONED).isNull()
    return rows.withColumn(MAY_GO, may_go).drop(_ENTITY, _MENTIONED)


def _mentioned(store: Store, rules: Rules) -> DataFrame | None:
    """The words of the damaged rows of each file: the row of an entity among them has not vanished."""
    landed = rules.landed
    if not rules.entity or not any(n.quarantined for n in landed.counts.values()):
        return None
    raw = store.read_parquet(str(landed.quarantined)).select(F.col(FILE).alias(SLOT), "raw_text")
    words = raw.select(SLOT, F.explode(F.split("raw_text", '[",;\\s]+')).alias(_ENTITY)).distinct()
    return words.withColumn(_MENTIONED, F.lit(True))


def _ranked(store: Store, rows: DataFrame, rules: Rules) -> DataFrame:
    """The candidates with the rank of their file; by default it is the name."""
    by_name = rows.withColumn(RANK, F.col(SLOT))
    if rules.landed.source.supersedes == "name":
        return by_name
    # As many rows as there are files of each month.
    places = [(row[SLOT], row[MONTH]) for row in rows.select(SLOT, MONTH).distinct().collect()]
    if not places:
        return by_name
    ranks = frame(store, [(*at, rules.rank(*at)) for at in places], (SLOT, MONTH, RANK))
    return rows.join(ranks, [SLOT, MONTH])


def frame(store: Store, rows: Iterable[tuple[str, ...]], names: tuple[str, ...]) -> DataFrame:
    """A few rows of texts, about files, as a DataFrame."""
    import pyarrow as pa

    columns = zip(*rows, strict=True)
    return store.spark.createDataFrame(
        pa.table(
            {
                name: pa.array(column, pa.string())
                for name, column in zip(names, columns, strict=True)
            }
        )
    )

"""The changes that verdicts make to a bronze table and to `bronze.superseded`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.superseded import (
    CELLS,
    EQUAL,
    FATE,
    KEY_HASH,
    SUPERSEDED,
)
from lakehouse.bronze.superseded import TABLE as SUPERSEDED_ROWS
from lakehouse.engines.changes import DELETE, OPERATION, as_declared, upserts
from lakehouse.run import candidates
from lakehouse.run.candidates import AT, BRONZE, FILE, HELD, NEW, ORIGIN
from lakehouse.run.compared import compared
from lakehouse.run.superseded_rows import END, as_candidates, as_rows, key_hash, taken_out
from lakehouse.run.union import Said
from lakehouse.table import Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Changes:
    """The changes that the verdicts on what is said of months of a bronze table make.

    Only what the verdicts need is computed.
    """

    table: Table
    verdicts: DataFrame
    said: Said

    @cached_property
    def _needed(self) -> Mapping[str, frozenset[str]]:
        """For each kind of change, the places of its candidates; at most a few rows are collected."""
        acts = (
            candidates.TO_BRONZE,
            candidates.FROM_BRONZE,
            candidates.TO_SUPERSEDED,
            candidates.FROM_SUPERSEDED,
            candidates.SETTLED,
        )
        to_compare = F.col(candidates.TO_SUPERSEDED) & F.col(FATE).isNull()
        met = self.verdicts.groupBy(ORIGIN, candidates.WINNER_ORIGIN).agg(
            *(F.max(act).alias(act) for act in acts), F.max(to_compare).alias(_COMPARED)
        )
        rows = met.collect()
        found = {act: frozenset(row[ORIGIN] for row in rows if row[act]) for act in acts}
        winners = (row[candidates.WINNER_ORIGIN] for row in rows if row[_COMPARED])
        return {**found, _COMPARED: frozenset(winners)}

    @property
    def settles(self) -> bool:
        """Whether rows of `bronze.superseded` go into the table."""
        return bool(self._needed[candidates.SETTLED])

    def of_superseded(self) -> DataFrame | None:
        """The changes of `bronze.superseded` that come before those of the table; None for none."""
        changes = [*self._put(), *self._taken_out(candidates.FROM_SUPERSEDED)]
        return reduce(_union, changes) if changes else None

    def of_settled(self) -> DataFrame | None:
        """The changes of `bronze.superseded` that come after those of the table; None for none."""
        changes = [*self._taken_out(candidates.SETTLED)]
        return changes[0] if changes else None

    def of_bronze(self) -> DataFrame | None:
        """The changes of the bronze table; None for none."""
        changes = [upserts(rows) for rows in self._to_bronze()]
        if self._needed[candidates.FROM_BRONZE] and self.said.bronze is not None:
            gone = self._of(candidates.FROM_BRONZE).select(*AT).distinct()
            rows = self.said.bronze.withColumn(KEY_HASH, key_hash(self.table))
            rows = rows.join(gone, [*AT], "left_semi").drop(KEY_HASH)
            changes.append(as_declared(rows, self.table).withColumn(OPERATION, F.lit(DELETE)))
        return reduce(_union, changes) if changes else None

    def _of(self, act: str, origin: str | None = None) -> DataFrame:
        rows = self.verdicts.where(F.col(act))
        return rows if origin is None else rows.where(F.col(ORIGIN) == origin)

    def _to_bronze(self) -> Iterable[DataFrame]:
        origins = self._needed[candidates.TO_BRONZE]
        places = [*AT, FILE]
        if NEW in origins:
            new = self.said.all_new.withColumn(KEY_HASH, key_hash(self.table))
            wins = self._of(candidates.TO_BRONZE, NEW).select(*places)
            yield as_declared(new.join(wins, places, "left_semi"), self.table)
        if HELD in origins and self.said.held is not None:
            wins = self._of(candidates.TO_BRONZE, HELD).select(*places)
            yield as_rows(self.said.held.join(wins, places, "left_semi"), self.table)

    def _put(self) -> Iterable[DataFrame]:
        origins = self._needed[candidates.TO_SUPERSEDED]
        if not origins:
            return
        said = (FATE, candidates.HELD_FATE)
        found = self._of(candidates.TO_SUPERSEDED)
        puts = self._forms(found.select(*AT, FILE, ORIGIN, *said), origins)
        if self._needed[_COMPARED]:
            winners = found.where(F.col(FATE).isNull()).select(
                *AT,
                F.col(candidates.WINNER_FILE).alias(FILE),
                F.col(candidates.WINNER_ORIGIN).alias(ORIGIN),
            )
            stand = self._forms(winners.distinct(), self._needed[_COMPARED])
            stand = stand.select(*AT, F.col(_CONTENT).alias(_STANDS))
            puts = puts.join(stand, [*AT], "left")
            says_the_same = F.when(F.col(FATE).isNull(), F.col(_CONTENT)) == F.col(_STANDS)
            compared_fate = F.when(says_the_same, EQUAL).otherwise(SUPERSEDED)
            puts = puts.withColumn(FATE, F.coalesce(F.col(FATE), compared_fate))
        changed = puts.where(~F.col(FATE).eqNullSafe(F.col(candidates.HELD_FATE)))
        yield upserts(as_declared(changed, SUPERSEDED_ROWS))

    def _taken_out(self, act: str) -> Iterable[DataFrame]:
        if self._needed[act]:
            rows = self._of(act).select(*AT, F.col(candidates.HELD_FILE).alias(FILE))
            yield taken_out(rows, self.table)

    def _forms(self, wanted: DataFrame, origins: Iterable[str]) -> DataFrame:
        """The candidates at these places in the form of `bronze.superseded`; fates are those of `wanted`."""
        forms = []
        for origin in sorted(origins):
            there = wanted.where(F.col(ORIGIN) == origin).drop(ORIGIN)
            made = reduce(_union, self._made(origin, there.select(*AT, FILE)))
            forms.append(made.drop(FATE).join(there, [*AT, FILE]))
        return reduce(_union, forms)

    def _made(self, origin: str, places: DataFrame) -> Iterable[DataFrame]:
        """The candidates at these places, with what they say if candidates are compared.

        Cells are put together after the others are left out.
        """
        is_compared = bool(self._needed[_COMPARED])
        if origin == HELD and self.said.held is not None:
            held = self.said.held.join(places, [*AT, FILE], "left_semi")
            cells = [F.col(CELLS)[name] for name in self._names]
            yield held.withColumn(_CONTENT, _content(cells)) if is_compared else held
        for rows, deletes in {
            NEW: ((self.said.all_new, False), (self.said.deletions, True)),
            BRONZE: ((self.said.bronze, False),),
        }.get(origin, ()):
            if rows is not None:
                keyed = rows.withColumn(KEY_HASH, key_hash(self.table))
                there = keyed.join(places, [*AT, FILE], "left_semi")
                # Not from the map of cells, which Sail would make again for each cell: planning took seconds.
                names = () if deletes else self._names
                if is_compared:
                    texts = (F.col(quoted(name)).cast("string") for name in names)
                    there = there.withColumn(_CONTENT, _content(texts))
                yield as_candidates(there, self.table, deletes, [_CONTENT] if is_compared else ())

    @property
    def _names(self) -> list[str]:
        """The declared cells besides the key, by which it is told whether rows say the same."""
        assert self.table.source is not None
        return [name for name in self.table.source.header if name not in self.table.keys]


_COMPARED, _STANDS, _CONTENT = "_compared", "_stands", "_content"


def _content(cells: Iterable[Column]) -> Column:
    """The cells as one text, so that those that say the same are the same."""
    return F.concat_ws(END, *map(compared, cells))


def _union(one: DataFrame, other: DataFrame) -> DataFrame:
    return one.unionByName(other)

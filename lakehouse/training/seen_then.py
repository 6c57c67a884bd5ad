"""The row of a feature group that each application saw then, from the data files of several releases.

Each file is read once, however many releases have it: a month that no run changed is one file for all. Only
keys are read with the days on which they were known; with all columns that took four times as long.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import DataType, StructType

from lakehouse.engines.store import Store
from lakehouse.table import Table, quoted
from lakehouse.training.known_then import KnownThen
from lakehouse.training.layers import Files, Layer, chosen, layers
from lakehouse.training.point_in_time import JoinedGroup, may_use
from lakehouse.training_columns import APPLICATION, CUSTOMER, SPINE

# A row is known to applications from the first of these days until before the second.
_FROM, _UNTIL, _LAYER = "_known_from", "_known_until", "_layer"
# No application is as late.
_NEVER = date(9999, 12, 31)


@dataclass(frozen=True)
class SeenThen:
    """A feature group as the applications of a training set saw it; types are those of `version`."""

    store: Store
    table: Table
    group: JoinedGroup
    then: KnownThen
    version: int

    def rows(self, applications: DataFrame) -> DataFrame:
        """The row that each application saw, if there was one.

        A feature is NULL in a release that did not have it.
        """
        group = self.group
        if not self._layers:
            nothing = [F.lit(None).cast(type_).alias(name) for name, type_ in self._types.items()]
            return applications.where(F.lit(False)).select(*SPINE, *nothing)
        is_known = (F.col(_FROM) <= F.col(APPLICATION)) & (F.col(APPLICATION) < F.col(_UNTIL))
        candidates = applications.join(_together(self._keys()), CUSTOMER)
        newest = (
            candidates.where(may_use(group) & is_known)
            .groupBy(*SPINE)
            .agg(F.max(F.struct(group.date_column, _LAYER)).alias("_used"))
            .select(*SPINE, "_used.*")
        )
        joined = newest.join(_together(self._features()), [CUSTOMER, group.date_column, _LAYER])
        return joined.select(*SPINE, *map(quoted, group.features), group.date_column)

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self.group.features, self.table.date)

    @cached_property
    def _layers(self) -> list[Layer]:
        versions = [each.versions.get(self.table.full_name) for each in self.then.releases]
        names = (self.table.entity, *self._names)
        return layers(self.store.log, self.table, names, versions)

    @cached_property
    def _types(self) -> dict[str, DataType]:
        """The types of the features and of the day, by their names in the training set."""
        now = _types(self.store.log.schema(self.table, self.version))
        return {self._renamed(name): now[name] for name in self._names}

    def _renamed(self, name: str) -> str:
        return self.group.date_column if name == self.table.date else name

    def _keys(self) -> list[DataFrame]:
        """The keys of all layers, with the layer and the days on which they were known."""
        return [
            self._read(layer, list(files.months), [])
            .withColumn(_LAYER, F.lit(number))
            .select("*", F.lit(first).alias(_FROM), F.lit(end).alias(_UNTIL))
            for number, layer in enumerate(self._layers)
            for files in layer.files
            for first, end in self._days(files)
        ]

    def _features(self) -> list[DataFrame]:
        """The rows of each layer with all features."""
        return [
            self._read(layer, layer.paths, self.group.features).withColumn(_LAYER, F.lit(number))
            for number, layer in enumerate(self._layers)
        ]

    def _days(self, files: Files) -> Iterator[tuple[date, date]]:
        """The days of application whose release has the files: from the first until before the second."""
        starts = [date.fromisoformat(each.since) for each in self.then.releases]
        ends = [*starts, _NEVER][1:]
        for place in files.releases:
            if place - 1 not in files.releases:
                first = starts[place]
            if place + 1 not in files.releases:
                yield first, ends[place]

    def _read(self, layer: Layer, paths: Sequence[str], features: Sequence[str]) -> DataFrame:
        """The key and some features of data files, with the types of today."""
        table, group = self.table, self.group
        columns = chosen(layer.columns, (table.entity, table.date, *features))
        folder = self.store.path(self.store.log.uri(table))
        files = [f"{folder}/{path}" for path in paths]
        rows = self.store.spark.read.schema(_struct(columns)).parquet(*files)
        had = _types(columns)
        key = (
            F.col(quoted(table.entity)).alias(CUSTOMER),
            F.col(quoted(table.date)).alias(group.date_column),
        )
        return rows.select(*key, *(self._feature(name, had.get(name)) for name in features))

    def _feature(self, name: str, had: DataType | None) -> Column:
        now = self._types[name]
        column = F.lit(None) if had is None else F.col(quoted(name))
        return column if had == now else column.cast(now).alias(name)


def _struct(columns: str) -> StructType:
    return StructType.fromJson(json.loads(columns))


def _types(columns: str) -> dict[str, DataType]:
    return {field.name: field.dataType for field in _struct(columns)}


def _together(frames: list[DataFrame]) -> DataFrame:
    """The rows of all frames, joined in pairs: a chain of many is too deep for the plan's message."""
    while len(frames) > 1:
        pairs = [frames[i : i + 2] for i in range(0, len(frames), 2)]
        frames = [pair[0].union(pair[-1]) if len(pair) > 1 else pair[0] for pair in pairs]
    return frames[0]

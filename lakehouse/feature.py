"""A Feature: a small function whose name, parameters, type and docstring say everything about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.errors import BadInput
from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Prepare = Callable[["DataFrame", "Sequence[str] | None"], "DataFrame"]


@dataclass(frozen=True)
class Feature:
    """A column that is computed from others; `inputs` name columns of the silver table or other features."""

    name: str
    type: str
    doc: str
    inputs: tuple[str, ...]
    compute: Callable[..., Column]

    @property
    def field(self) -> Field:
        return Field(self.name, self.type, self.doc)


@dataclass(frozen=True, eq=False)
class FeatureTransform:
    """The transformation of a feature group: its key and month, and the features of its silver rows.

    `prepare` adds the columns that the features need; without it they take those of the silver table.
    """

    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    prepare: Prepare | None = None

    def __call__(self, rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        return self._prepared(rows, months).select(*self.keys, *columns(self.features))

    def uncast(self, rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        """The same rows, each feature in the type that its expression gives."""
        prepared = self._prepared(rows, months)
        return prepared.select(*self.keys, *columns(self.features, cast=False))

    def _prepared(self, rows: DataFrame, months: Sequence[str] | None) -> DataFrame:
        return self.prepare(rows, months) if self.prepare else rows


def feature(type_: str) -> Callable[[Callable[..., Column]], Feature]:
    """Decorator that makes a Feature from a function: its name, its parameters as inputs, its docstring."""
    if not isinstance(type_, str):
        name = getattr(type_, "__name__", type_)
        raise BadInput(f'feature {name} has no type; write its decorator as @feature("DOUBLE")')

    def declare(compute: Callable[..., Column]) -> Feature:
        return Feature(
            name=compute.__name__,
            type=type_,
            doc=" ".join((inspect.getdoc(compute) or "").split()),
            inputs=tuple(inspect.signature(compute).parameters),
            compute=compute,
        )

    return declare


def declared_in(namespace: dict[str, object]) -> tuple[Feature, ...]:
    """Every Feature of a module, in the order in which they are written."""
    return tuple(value for value in namespace.values() if isinstance(value, Feature))


def columns(features: Iterable[Feature], cast: bool = True) -> list[Column]:
    """The features as columns of their declared types; an input may be another feature.

    Without `cast` each is of the type that its expression gives, while its inputs are as declared.
    """
    from pyspark.sql import functions as F

    by_name = {feature.name: feature for feature in features}

    def resolve(name: str, asked_by: str | None = None) -> Column:
        # A feature whose input has its own name takes the column of the silver table.
        if name not in by_name or name == asked_by:
            return F.col(name)
        return computed(by_name[name]).cast(by_name[name].type)

    def computed(feature: Feature) -> Column:
        return feature.compute(*(resolve(each, asked_by=feature.name) for each in feature.inputs))

    return [
        (resolve(name) if cast else computed(feature)).alias(name)
        for name, feature in by_name.items()
    ]

"""A Feature: a small function whose name, parameters, type and docstring say everything about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.errors import BadInput
from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Takes the silver rows, those of each joined table, and the months.
Prepare = Callable[..., "DataFrame"]

# The months before a row's own that are read for the feature group whose `prepare` runs now.
READ_BACK: ContextVar[int | None] = ContextVar("READ_BACK", default=None)


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

    `prepare` adds the columns that the features need; without it they take those of the silver table. It
    gets the rows of the silver table, those of each table that is joined to it, and the months. Rows of
    `look_back_months` before these are there for it.
    """

    keys: tuple[str, ...]
    features: tuple[Feature, ...]
    prepare: Prepare | None = None
    look_back_months: int = 0

    def __call__(self, *rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        return self._prepared(rows, months).select(*self.keys, *columns(self.features))

    def uncast(
        self,
        *rows: DataFrame,
        months: Sequence[str] | None = None,
        only: Collection[str] | None = None,
    ) -> DataFrame:
        """The same rows, each feature in the type that its expression gives; `only` these, if given."""
        prepared = self._prepared(rows, months)
        return prepared.select(*self.keys, *uncast_columns(self.features, only))

    def _prepared(self, rows: Sequence[DataFrame], months: Sequence[str] | None) -> DataFrame:
        if self.prepare is None:
            return rows[0]
        token = READ_BACK.set(self.look_back_months)
        try:
            return self.prepare(*rows, months)
        finally:
            READ_BACK.reset(token)


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
            inputs=_parameters(compute),
            compute=compute,
        )

    return declare


def _parameters(compute: Callable[..., Column]) -> tuple[str, ...]:
    """The names of a function's parameters."""
    code: Any = getattr(compute, "__code__", None)
    is_plain = code and not (code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS))
    if is_plain and not code.co_kwonlyargcount and not hasattr(compute, "__wrapped__"):
        # A bank may have thousands of features, and a signature takes fifty times as long.
        return tuple(code.co_varnames[: code.co_argcount])
    return tuple(inspect.signature(compute).parameters)


def declared_in(namespace: dict[str, object]) -> tuple[Feature, ...]:
    """Every Feature of a module, in the order in which they are written."""
    return tuple(value for value in namespace.values() if isinstance(value, Feature))


def columns(features: Iterable[Feature]) -> list[Column]:
    """The features as columns of their declared types; an input may be another feature."""
    by_name = {feature.name: feature for feature in features}
    return [_computed(each, by_name).cast(each.type).alias(name) for name, each in by_name.items()]


def uncast_columns(
    features: Iterable[Feature], only: Collection[str] | None = None
) -> list[Column]:
    """The features as columns of the types that their expressions give, while inputs are as declared."""
    by_name = {feature.name: feature for feature in features}
    return [
        _computed(each, by_name).alias(name)
        for name, each in by_name.items()
        if only is None or name in only
    ]


def _computed(feature: Feature, by_name: Mapping[str, Feature]) -> Column:
    from pyspark.sql import functions as F

    def resolve(name: str) -> Column:
        # A feature whose input has its own name takes the column of the silver table.
        if name not in by_name or name == feature.name:
            return F.col(name)
        return _computed(by_name[name], by_name).cast(by_name[name].type)

    return feature.compute(*map(resolve, feature.inputs))

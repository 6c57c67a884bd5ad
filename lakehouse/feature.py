"""A Feature: a small function whose name, parameters, type and docstring say everything about it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse.table import Field

if TYPE_CHECKING:
    from pyspark.sql import Column


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


def feature(type_: str) -> Callable[[Callable[..., Column]], Feature]:
    """Decorator that makes a Feature from a function: its name, its parameters as inputs, its docstring."""

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


def columns(features: Iterable[Feature]) -> list[Column]:
    """The features as columns of their declared types; an input may be another feature."""
    from pyspark.sql import functions as F

    by_name = {feature.name: feature for feature in features}

    def resolve(name: str, asked_by: str | None = None) -> Column:
        # A feature whose input has its own name takes the column of the silver table.
        if name not in by_name or name == asked_by:
            return F.col(name)
        feature = by_name[name]
        inputs = [resolve(input_name, asked_by=name) for input_name in feature.inputs]
        return feature.compute(*inputs).cast(feature.type)

    return [resolve(name).alias(name) for name in by_name]

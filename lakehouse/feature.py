"""What a Feature is: a small function whose name, parameters, type and docstring say it all."""

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
    """A column computed from columns: `inputs` name columns of the input, or other features."""

    name: str
    type: str
    doc: str
    inputs: tuple[str, ...]
    compute: Callable[..., Column]

    @property
    def field(self) -> Field:
        return Field(self.name, self.type, self.doc)


def feature(type_: str) -> Callable[[Callable[..., Column]], Feature]:
    """Turn a function of columns into the Feature of that name, inputs and meaning."""

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
    """Every Feature of a module, in the order of its text."""
    return tuple(value for value in namespace.values() if isinstance(value, Feature))


def columns(features: Iterable[Feature]) -> list[Column]:
    """The features as columns of their declared types; a feature may name another as its input."""
    from pyspark.sql import functions as F

    by_name = {feature.name: feature for feature in features}

    def resolve(name: str, asked_by: str | None = None) -> Column:
        # A feature that takes the column of its own name means the input column.
        if name not in by_name or name == asked_by:
            return F.col(name)
        feature = by_name[name]
        inputs = [resolve(each, asked_by=name) for each in feature.inputs]
        return feature.compute(*inputs).cast(feature.type)

    return [resolve(name).alias(name) for name in by_name]

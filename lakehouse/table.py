"""What a Table, a Field and a Source are: frozen values, no session and no disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MONTH = "month"


@dataclass(frozen=True)
class Field:
    """One column: its name, its Spark SQL type, and what it means."""

    name: str
    type: str
    doc: str


@dataclass(frozen=True)
class Source:
    """A raw CSV file: the names it may have, its header, its key, and the cells a row is useless without."""

    name: str
    file_names: tuple[str, ...]
    columns: tuple[Field, ...]
    keys: tuple[str, ...]
    required: tuple[tuple[str, str], ...]  # (raw column, kind: text | date | integer | number)

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


@dataclass(frozen=True)
class Table:
    """One Delta table: what a row is, its key, its columns and where its rows come from.

    `look_back_months`: how many months before its own a row depends on; n - 1 for a window of n.
    `expectations`: (name, SQL) pairs that hold for every row; they become Delta CHECK constraints.
    `unversioned`: columns that tell of the writing, not of the row; a change in them alone is no change.
    """

    layer: str
    name: str
    doc: str
    keys: tuple[str, ...]
    fields: tuple[Field, ...]
    upstreams: tuple[Table, ...] = ()
    transform: Callable[..., DataFrame] | None = None
    look_back_months: int = 0
    expectations: tuple[tuple[str, str], ...] = ()
    unversioned: tuple[str, ...] = ()
    partition: str | None = MONTH
    source: Source | None = None

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    def with_extra(self, columns: tuple[str, ...]) -> Table:
        """The same table with raw columns that its declaration does not know, as text."""
        extra = tuple(
            Field(name, "STRING", "A column of the raw file that no declaration knows.")
            for name in dict.fromkeys(columns)
            if name not in self.columns
        )
        return replace(self, fields=self.fields + extra)


MONTH_FIELD = Field(MONTH, "STRING", "Calendar month of snapshot_date as YYYY-MM; the partition.")


def snake_case(raw_name: str) -> str:
    """`Num_of_Loan` -> `num_of_loan`."""
    return re.sub(r"[^0-9a-z]+", "_", raw_name.lower()).strip("_")

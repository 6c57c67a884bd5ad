"""What a Table, a Field and a Source are: frozen values, no session and no disk."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lakehouse.label import LabelStore

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MONTH = "month"
AS_OF_SUFFIX = "_snapshot_date"


@dataclass(frozen=True)
class PersonalNumber:
    """A number that only one person has: its form as a regular expression, and its name, as `an SSN`."""

    form: str
    called: str


@dataclass(frozen=True)
class Field:
    """One column: its name, its Spark SQL type, and what it means.

    `outcome`: it tells how a loan went on, which no feature may know. `personal`: it tells who
    somebody is, which nothing may show. `number`: its well-formed values tell it wherever they stand.
    """

    name: str
    type: str
    doc: str
    outcome: bool = False
    personal: bool = False
    number: PersonalNumber | None = None


@dataclass(frozen=True)
class Source:
    """A raw CSV file: the names it may have, its header, its key, and the cells a row is useless without.

    `entity` is the column that says whose row it is, `date` the one that says of which day.
    """

    name: str
    file_names: tuple[str, ...]
    columns: tuple[Field, ...]
    keys: tuple[str, ...]
    entity: str
    date: str
    # (raw column, kind: text | identifier | date | integer | number)
    required: tuple[tuple[str, str], ...]

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def personal(self) -> tuple[str, ...]:
        """The columns whose cells nothing may show."""
        return tuple(column.name for column in self.columns if column.personal)

    @property
    def personal_numbers(self) -> tuple[PersonalNumber, ...]:
        return tuple(column.number for column in self.columns if column.number)


@dataclass(frozen=True)
class FeatureGroup:
    """Which rows of a table of features an application may see.

    A row is known `delay_days` after its snapshot_date, and too old once snapshot_date lies more than
    `max_age_months` before the application.
    """

    name: str
    max_age_months: int
    delay_days: int = 0

    @property
    def date_column(self) -> str:
        """The column of a training set that holds the snapshot_date of the row that was used."""
        return f"{self.name}{AS_OF_SUFFIX}"


@dataclass(frozen=True)
class Table:
    """One Delta table: what a row is, its key, its columns and where its rows come from.

    `transform`: the upstreams' rows to its own; with `look_back_months` it takes `months` too, those whose
    rows are wanted, None for all, so that it need not look at all that is around each.
    `look_back_months`: how many months before its own a row depends on; n - 1 for a window of n.
    `expectations`: (name, SQL) pairs that hold for every row; they become Delta CHECK constraints.
    `unversioned`: columns that tell of the writing, not of the row; a change in them alone is no change.
    `entity`, `date`: the columns that say whose row it is and of which day; empty where none does.
    `group`: where the table is a feature group, how it is joined to applications.
    `labels`: where the table is the label store, what its labels are.
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
    entity: str = ""
    date: str = ""
    group: FeatureGroup | None = None
    labels: LabelStore | None = None

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def is_ledger(self) -> bool:
        """Whether the table tells of releases, so that it belongs to none."""
        return self.layer == "ledger"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def features(self) -> tuple[Field, ...]:
        """The columns of a feature group that a model may see: all but key and partition."""
        return tuple(f for f in self.fields if f.name not in (*self.keys, self.partition))

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


def quoted(name: str) -> str:
    """The name of a column as Spark SQL takes it, whatever characters it has."""
    return f"`{name.replace('`', '``')}`"

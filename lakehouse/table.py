"""Table, Field, Source and FeatureGroup: frozen values without session or disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from lakehouse.errors import BadInput
from lakehouse.label import LabelStore
from lakehouse.months import UNDATED, widen

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MONTH = "month"
# A file is complete for each month it contains, or only has rows to add or correct.
DeliveryMode = Literal["months", "rows"]
# By what the later of two files is known that say different things of a key: the whole name, the date in
# the name, or the run that took it.
FileOrder = Literal["name", "date", "arrival"]
# The form of a cell that every row needs.
CellKind = Literal["text", "identifier", "date", "time", "integer", "number"]
# How dates are written beside 2023-05-01; a name of DATE_FORMS.
DateForm = Literal["yymmdd", "dd.mm.yyyy"]
RAW_SUFFIXES = (".csv", ".csv.gz", ".csv.zst", ".parquet")
AS_OF_SUFFIX = "_snapshot_date"


@dataclass(frozen=True)
class PersonalNumber:
    """A number that only one person has: its form as a regular expression, and its name, such as `an SSN`."""

    form: str
    called: str


@dataclass(frozen=True)
class Bounds:
    """The plausible values of a number, both ends included; its unit, if that is declared."""

    low: float
    high: float
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.low:,.15g} to {self.high:,.15g} {self.unit}".rstrip()


@dataclass(frozen=True)
class Field:
    """One column: its name, its Spark SQL type, and what it means.

    `outcome`: the column says what happened to a loan after the application; no feature may use it.
    `personal`: the column identifies a person; nothing may show it.
    `number`: the form of a personal number, by which it is recognised in any cell.
    `bounds`: a raw value beyond them is impossible, and NULL here.
    """

    name: str
    type: str
    doc: str
    outcome: bool = False
    personal: bool = False
    number: PersonalNumber | None = None
    bounds: Bounds | None = None


@dataclass(frozen=True)
class OwnedBy:
    """The `source` that says whose rows these are, where a row names no person: as of an account.

    Both sources have `column`, and that one has the entity who owns what a cell of it names. `where` is a
    column of that source and its text for an owner, as ("role", "OWNER").
    """

    source: str
    column: str
    where: tuple[str, str] | None = None


@dataclass(frozen=True)
class Source:
    """A raw CSV file: the names it may have, its header, its key, and the cells that every row needs.

    `required` are the cells that each row needs, each with its kind: text, identifier, date, time, integer,
    number. `entity` is the column that says whose row it is; `date` is the column with the day of the row.
    Reference data has neither: with `date=""` a row is what is so as of a release, whatever the day.
    `order`: pairs of required dates, the first never after the second. `date_order`: how dates
    with slashes are written, dmy or mdy; None if the file is to prove it. `date_form`: a form of its dates
    that is read beside 2023-05-01. With yymmdd goes `first_year`, the first year that two digits mean: with
    1970 they are 1970 to 2069. `day_of`: pairs of a date and of the time whose day it is, where a file has no
    column of that date. `valid_to`: the column with the first day on which a row no longer holds, from its
    `date` on; empty as long as it holds. `monthly`: all rows of a month
    have the same day, so a field of their dates that never varies is the day.

    `patterns`: names of its files within the data folder, as `loans/**/*.csv`, where ** is any number of
    folders; by default `file_names` and what begins as they do. `deleted_names`: patterns of files whose
    rows delete keys. `deleted_column`: a row deletes its key where this column has 1, true, y or yes.
    `renames`: pairs of a column's name in files and its own name here; a file may use either.
    `delimiter`, `encoding`: of its CSV files, as `;` and `cp1252`; without one it is inferred where that is
    certain. `decimal`: the mark before the decimals of its numbers. `numbers`: columns that hold them,
    beside those that are `required` as such, or that a cell of silver reads as numbers. `supersedes`: which
    of two files is the later one. `optional`: as long as no file of it has come, its tables are absent, and
    all that are computed from them. `owned_by`: the source that says whose its rows are, if it has no entity.
    """

    name: str
    file_names: tuple[str, ...]
    columns: tuple[Field, ...]
    keys: tuple[str, ...]
    entity: str
    date: str
    required: tuple[tuple[str, CellKind], ...]
    delivery: DeliveryMode = "months"
    order: tuple[tuple[str, str], ...] = ()
    date_order: str | None = None
    monthly: bool = False
    patterns: tuple[str, ...] = ()
    deleted_names: tuple[str, ...] = tuple(f"**/*.deleted{suffix}" for suffix in RAW_SUFFIXES)
    deleted_column: str | None = None
    renames: tuple[tuple[str, str], ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    decimal: Literal[".", ","] = "."
    numbers: tuple[str, ...] | None = None
    supersedes: FileOrder = "name"
    optional: bool = False
    date_form: DateForm | None = None
    first_year: int | None = None
    day_of: tuple[tuple[str, str], ...] = ()
    owned_by: OwnedBy | None = None
    valid_to: str = ""

    def __post_init__(self) -> None:
        for pattern in (*self.patterns, *self.deleted_names):
            if not pattern or "\\" in pattern or {"", ".", ".."} & {*pattern.split("/")}:
                raise self._wrong(
                    f"pattern {pattern!r}", "as loans/**/*.csv, within the data folder"
                )
        if self.deleted_column == "" or self.deleted_column in (*self.keys, self.date):
            raise self._wrong(
                f"deleted_column {self.deleted_column!r}", "the name of a column that is no key"
            )
        if self.delimiter is not None and not _DELIMITER.fullmatch(self.delimiter):
            raise self._wrong(f"delimiter {self.delimiter!r}", "one sign, as ; or a tab")
        if self.encoding is not None and not _is_encoding(self.encoding):
            raise self._wrong(f"encoding {self.encoding!r}", "one that Python knows, as cp1252")
        if self.decimal not in (".", ","):
            raise self._wrong(f"decimal {self.decimal!r}", "a point or a comma")
        if self.date_form is not None and self.date_form not in get_args(DateForm):
            raise self._wrong(f"date_form {self.date_form!r}", " or ".join(get_args(DateForm)))
        if (self.date_form == "yymmdd") != (self.first_year is not None):
            raise self._wrong(
                f"date_form {self.date_form!r} and first_year {self.first_year!r}",
                "first_year=1970 if 70 is 1970 and 69 is 2069, and only with date_form='yymmdd'",
            )
        if self.supersedes not in get_args(FileOrder):
            raise self._wrong(f"supersedes {self.supersedes!r}", "name, date or arrival")

    def _wrong(self, declared: str, form: str) -> BadInput:
        return BadInput(f"source {self.name} declares {declared}; declare {form}")

    @property
    def header(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    def own_name(self, in_file: str) -> str:
        """The name here of a column of a file."""
        return dict(self.renames).get(in_file, in_file)

    @property
    def personal(self) -> tuple[str, ...]:
        """The columns whose cells nothing may show."""
        return tuple(column.name for column in self.columns if column.personal)

    @property
    def sure_numbers(self) -> tuple[str, ...]:
        """The columns that hold numbers for sure: no other cell may change with `decimal`."""
        kinds = dict(self.required)
        stay = {*self.keys, self.entity, self.date, *self.personal}
        named = {*(self.numbers or ())} - stay
        return tuple(
            name
            for name in self.header
            if (kinds.get(name) in ("integer", "number") and name not in self.personal)
            or (name in named and kinds.get(name, "text") == "text")
        )

    @property
    def personal_numbers(self) -> tuple[PersonalNumber, ...]:
        return tuple(column.number for column in self.columns if column.number)


# Neither what a number, a date or a name may have, nor what ends or quotes a cell.
_DELIMITER = re.compile(r"[!#$%&*,:;<=>?@\\^`|~\t\x01-\x08]")


def _is_encoding(name: str) -> bool:
    try:
        "a".encode(name)
    except (LookupError, ValueError):
        return False
    return True


@dataclass(frozen=True)
class FeatureGroup:
    """The rows of a feature table that an application may see.

    A row is known from `delay_days` after its snapshot_date on. It is too old if its snapshot_date is
    more than `max_age_months` before the application.
    """

    name: str
    max_age_months: int
    delay_days: int = 0

    def __post_init__(self) -> None:
        # A row that is known before its own day would let the future in.
        if self.delay_days < 0:
            raise BadInput(
                f"feature group {self.name} declares delay_days {self.delay_days}; declare 0 or more days, "
                "from the snapshot_date of a row until it is known"
            )

    @property
    def date_column(self) -> str:
        """The column of a training set that holds the snapshot_date of the row that was used."""
        return f"{self.name}{AS_OF_SUFFIX}"


@dataclass(frozen=True)
class Table:
    """One Delta table: what one row is, its key, its columns and where its rows come from.

    `transform` computes its rows from those of its upstreams. If `look_back_months` is above 0, it also
    takes `months`: the months whose rows are wanted, None for all. A method `uncast` of it gives the same
    rows, each column in the type that its expression gives, before it becomes the declared one.
    `look_back_months`: the number of earlier months that a row depends on; n - 1 for a window of n.
    `look_back_column`: the column of its upstreams whose largest value bounds `look_back_months` further, so
    that a long look back reads no month that cannot matter.
    `look_ahead_months`: the number of later months that it depends on; no table of features may have one.
    `expectations`: (name, SQL) pairs that hold for every row; they become Delta CHECK constraints.
    `unversioned`: columns about the writing, not about the row; a change only in them does not count.
    `entity`, `date`: the columns that say whose row it is, and its day; empty if there is none.
    `own_months`: it may have rows in months that its upstreams do not have, so its code is asked for them.
    `own_days`: its days are its own, as the first of each month, and not those of rows that it is made of.
    `group`: how a feature group is joined to applications; None for any other table.
    `raw_columns`: in silver, each column with the raw column that it is read from.
    `rules`: in silver, (column, SQL) pairs of rules over `raw_columns`, keys and month that judge a row.
    `noted`: in silver, the texts in `_issues` that leave a value as it is.
    `labels`: what the labels of the label store are; None for any other table.
    """

    layer: str
    name: str
    doc: str
    keys: tuple[str, ...]
    fields: tuple[Field, ...]
    upstreams: tuple[Table, ...] = ()
    transform: Callable[..., DataFrame] | None = None
    look_back_months: int = 0
    look_back_column: str = ""
    look_ahead_months: int = 0
    expectations: tuple[tuple[str, str], ...] = ()
    unversioned: tuple[str, ...] = ()
    partition: str | None = MONTH
    source: Source | None = None
    entity: str = ""
    date: str = ""
    own_days: bool = False
    own_months: bool = False
    group: FeatureGroup | None = None
    labels: LabelStore | None = None
    raw_columns: tuple[tuple[str, str], ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    noted: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        # A hash of all fields would go through all upstreams, each time that a table is looked up.
        return hash((self.layer, self.name))

    @property
    def full_name(self) -> str:
        return f"{self.layer}.{self.name}"

    @property
    def path(self) -> str:
        return f"{self.layer}/{self.name}"

    @property
    def is_ledger(self) -> bool:
        """Whether the table is about releases and therefore not part of one."""
        return self.layer == "ledger"

    @property
    def is_copied(self) -> bool:
        """Whether its rows have a hash and a copy: the ledger's, but what can be made again has none."""
        return self.is_ledger and ROW_HASH in self.columns

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(field.name for field in self.fields)

    @property
    def raw_numbers(self) -> list[str]:
        """In silver, the raw columns that it reads as numbers."""
        types = {field.name: field.type for field in self.fields}
        return [raw for own, raw in self.raw_columns if types[own] in ("INT", "BIGINT", "DOUBLE")]

    @cached_property
    def is_undated(self) -> bool:
        """Whether its rows have no date, because no row of its source, or of its upstreams, has one."""
        if self.source:
            return not self.source.date
        return bool(self.upstreams) and all(each.is_undated for each in self.upstreams)

    def needed(self, months: Iterable[str], largest: int | None = None) -> set[str]:
        """The months of its upstreams that rows of these months depend on, and all rows without a date.

        `largest` is the largest value of `look_back_column`; None if it is not known.
        """
        bounds = [self.look_back_months] if largest is None else [self.look_back_months, largest]
        undated = {UNDATED} if any(each.is_undated for each in self.upstreams) else set()
        return widen(months, max(min(bounds), 0), self.look_ahead_months) | undated

    def reached(self, months: Iterable[str], held: Iterable[str]) -> set[str]:
        """Those of the months that are `held` whose rows depend on these months of an upstream.

        All do on a row without a date, for nothing tells which of them it is about.
        """
        months = {*months}
        if UNDATED in months:
            return {*held}
        return widen(months, self.look_ahead_months, self.look_back_months) & {*held}

    def possible(self, months: Iterable[str]) -> set[str]:
        """The months in which it may have rows, if these are the months of its upstreams."""
        found = widen(months, self.look_ahead_months)
        return found if self.is_undated else found - {UNDATED}

    @property
    def features(self) -> tuple[Field, ...]:
        """The columns of a feature group that a model may see: all except key and partition."""
        return tuple(f for f in self.fields if f.name not in (*self.keys, self.partition))

    def with_extra(self, columns: tuple[str, ...]) -> Table:
        """The same table with additional raw columns, as text, that its declaration does not have."""
        extra = tuple(
            Field(name, "STRING", "A column of the raw file that is not declared.")
            for name in dict.fromkeys(columns)
            if name not in self.columns
        )
        return replace(self, fields=self.fields + extra)


ROW_HASH = "row_hash"
ROW_HASH_FIELD = Field(
    ROW_HASH, "STRING", "Hash of the row's other cells, by which a row that was edited is known."
)
MONTH_FIELD = Field(MONTH, "STRING", "Calendar month of snapshot_date as YYYY-MM; the partition.")
UNDATED_FIELD = replace(
    MONTH_FIELD, doc=f"{UNDATED}, because no row here has a date; the only partition."
)


def snake_case(raw_name: str) -> str:
    """`Num_of_Loan` -> `num_of_loan`."""
    return re.sub(r"[^0-9a-z]+", "_", raw_name.lower()).strip("_")


def quoted(name: str) -> str:
    """The name of a column in Spark SQL, whatever characters it has."""
    return f"`{name.replace('`', '``')}`"

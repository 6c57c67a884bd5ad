"""Finds the rows of one person in Parquet files, one row group at a time and without an engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.ids import alike
from lakehouse.landing.cells import BLANKS

# A row of the quarantine has only a text, which may mention the person.
RAW_TEXT = "raw_text"
_SOURCE = "source"
_EDGE = rf"[\s{BLANKS},;|\"'=\\()\[\]{{}}<>]"


@dataclass(frozen=True)
class Person:
    """A customer by id, and by numbers that nobody else has."""

    customer: str
    numbers: frozenset[str] = frozenset()

    @property
    def is_telling(self) -> bool:
        """Whether a cell that equals the id means the person; `44` may be an age, and `add` is a word."""
        return bool(re.search(r"[0-9]", self.customer) and re.search(r"[^\W\d_]", self.customer))

    @property
    def mentioned(self) -> str:
        """A pattern (for RE2 and Python) for a raw cell with the id, with a number, or with a loan's id."""
        loan = "(?:_[0-9]{4}_[0-9]{2}_[0-9]{2})?"
        cells = [f"_*{re.escape(self.customer)}{loan}_*", *map(re.escape, sorted(self.numbers))]
        return _among_edges(cells)

    @property
    def numbered(self) -> str | None:
        """A pattern for a raw cell with one of the numbers; None if there is none."""
        return _among_edges(map(re.escape, sorted(self.numbers))) if self.numbers else None


def _among_edges(cells: Iterable[str]) -> str:
    return f"(?:^|{_EDGE})(?:{'|'.join(cells)})(?:$|{_EDGE})"


@dataclass(frozen=True)
class Held:
    """Rows that name what only the person owns, as an account: those with one of the ids in a column.

    In a table with rows of all sources these are rows of the `source`, whose cells are in its column of maps
    `within`. In a raw text each word counts as an id, for nobody can tell the cells of a row that is broken.
    """

    ids: frozenset[str]
    column: str
    source: str = ""
    within: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that tell."""
        return (_SOURCE, self.within) if self.within else (self.column,)

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row names such a thing."""
        if self.within:
            is_of_source = pc.equal(rows[_SOURCE].cast(pa.string()), self.source)
            return pc.and_(is_of_source, self._is_one(of_maps(rows[self.within], self.column)))
        if self.column != RAW_TEXT:
            return self._is_one(rows[self.column])
        pattern = _among_edges(map(re.escape, sorted(self.ids)))
        return pc.match_substring_regex(rows[RAW_TEXT].cast(pa.string()), pattern)

    def _is_one(self, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        trimmed = pc.utf8_trim(cells.cast(pa.string()), BLANKS)
        return pc.is_in(trimmed, pa.array(sorted(self.ids), pa.string()))


@dataclass(frozen=True)
class Owned:
    """The rows of a person in tables or files with some columns that say whose a row is.

    In a file without such columns, a row in which a text equals a telling id. Also the rows of what only the
    person owns.
    """

    person: Person
    columns: tuple[str, ...]
    held: tuple[Held, ...] = ()

    def mask(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row belongs to the person."""
        is_in = [self._is_in(name, rows[name]) for name in self._looked_at(rows.schema)]
        is_in += [pc.fill_null(each.mask(rows), False) for each in self._there(rows.schema)]
        nowhere = pa.chunked_array([pa.repeat(pa.scalar(False), rows.num_rows)])
        return reduce(pc.or_, is_in, nowhere)

    def rows_in(self, file: Path) -> int:
        """The number of rows of the person in a Parquet file."""
        with pq.ParquetFile(file) as parquet:
            schema = parquet.schema_arrow
            named = (name for each in self._there(schema) for name in each.columns)
            columns = [*dict.fromkeys([*self._looked_at(schema), *named])]
            if not columns:
                return 0
            groups = (
                parquet.read_row_group(i, columns=columns) for i in range(parquet.num_row_groups)
            )
            return sum(pc.sum(self.mask(rows)).as_py() or 0 for rows in groups)

    def _there(self, schema: pa.Schema) -> list[Held]:
        """The rows that are held, where the file has the columns that tell."""
        return [each for each in self.held if {*each.columns} <= {*schema.names}]

    def _looked_at(self, schema: pa.Schema) -> list[str]:
        named = [name for name in self.columns if name in schema.names]
        if named or not self.person.is_telling:
            return named
        return [field.name for field in schema if is_text(field.type)]

    def _is_in(self, name: str, cells: pa.ChunkedArray) -> pa.ChunkedArray:
        texts = cells.cast(pa.string())
        is_persons = (
            pc.match_substring_regex(texts, self.person.mentioned)
            if name == RAW_TEXT
            else pc.equal(pc.utf8_trim(texts, BLANKS), self.person.customer)
        )
        return pc.fill_null(is_persons, False)


def is_text(kind: pa.DataType) -> bool:
    """Whether the cells of a type are texts."""
    return kind in (pa.string(), pa.large_string(), pa.string_view())


@dataclass(frozen=True)
class Numbered:
    """Parquet files with a column of numbers that only one person has."""

    files: Sequence[Path]
    entity: str
    column: str
    form: str
    within: str | None = None  # a column of maps, which have the two under their names

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Entity and number of the rows with a well-formed number, one row group at a time."""
        names = [self.within] if self.within else [self.entity, self.column]
        for file in self.files:
            with pq.ParquetFile(file) as parquet:
                if not {*names} <= set(parquet.schema_arrow.names):
                    continue
                for i in range(parquet.num_row_groups):
                    rows = parquet.read_row_group(i, columns=names)
                    ids, numbers = (
                        pc.utf8_trim(self._cells(rows, name).cast(pa.string()), BLANKS)
                        for name in (self.entity, self.column)
                    )
                    is_sound = pc.match_substring_regex(numbers, f"^{self.form}$")
                    is_sound = pc.fill_null(is_sound, False)
                    yield ids.filter(is_sound), numbers.filter(is_sound)

    def _cells(self, rows: pa.Table, name: str) -> pa.ChunkedArray:
        return rows[name] if self.within is None else of_maps(rows[self.within], name)


def of_maps(maps: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    """The values under a name in a column of maps."""
    whole = maps.combine_chunks()
    return pa.chunked_array([pc.map_lookup(whole, pa.scalar(name, whole.type.key_type), "first")])


def near_ids(customer: str, columns: Sequence[str], files: Iterable[Path]) -> list[str]:
    """The ids in Parquet files that differ from this one only in case, or in zeros at the front of a part.

    In a raw text each word counts as an id.
    """
    near: set[str] = set()
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for name in {*columns, RAW_TEXT} & set(parquet.schema_arrow.names):
                cells = parquet.read(columns=[name])[name].cast(pa.string())
                near |= set(_near_words(customer, name, pc.unique(cells)))
    return sorted(near - {customer})


def _near_words(customer: str, column: str, cells: pa.Array) -> Iterator[str]:
    is_like = pc.match_substring_regex(cells, _nearly(customer))
    for cell in cells.filter(pc.fill_null(is_like, False)).to_pylist():
        words = re.split(_EDGE, cell) if column == RAW_TEXT else [cell.strip(BLANKS)]
        yield from (word for word in words if alike(word) == alike(customer))


def _nearly(customer: str) -> str:
    """A pattern for all texts with an id that differs from this one only in case or in such zeros."""
    parts = re.split(r"(?:^|(?<=[^0-9a-z]))(?=[0-9])", alike(customer))
    return "(?i)" + "0*".join(map(re.escape, parts))


def find_person(customer: str, numbered: Iterable[Numbered]) -> Person:
    """The person with an id, and with the numbers that only this person has in the files."""
    numbers = (own for column in numbered for own in _only_of(customer, column))
    return Person(customer, frozenset(numbers))


def _only_of(customer: str, numbered: Numbered) -> list[str]:
    """The numbers of the customer that no row of another id has."""
    owners: dict[str, set[str]] = {}
    for ids, numbers in numbered.pairs():
        own = pc.equal(ids, customer)
        for number in numbers.filter(own).unique().to_pylist():
            owners.setdefault(number, {customer})
    for ids, numbers in numbered.pairs() if owners else ():
        shared = pc.is_in(numbers, pa.array(sorted(owners), pa.string()))
        for owner, number in zip(
            *(column.filter(shared).to_pylist() for column in (ids, numbers)), strict=True
        ):
            owners[number].add(owner)
    return [number for number, ids in owners.items() if ids == {customer}]

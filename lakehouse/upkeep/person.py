"""Finds the rows of one person in Parquet files, one row group at a time and without an engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A row of the quarantine has only a text, which may mention the person.
_TEXT = "raw_text"
_EDGE = r"[\s,;|\"']"
# Zeros before other digits, at the front of an id or of a part of it.
_ZEROS = re.compile(r"(^|[^0-9a-z])0+(?=[0-9])")


@dataclass(frozen=True)
class Person:
    """A customer by id, which is in one of `columns`, and by numbers that nobody else has."""

    customer: str
    columns: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()

    @property
    def mentioned(self) -> str:
        """A pattern (for RE2 and Python) for a raw cell with the id, with a number, or with a loan's id."""
        loan = "(?:_[0-9]{4}_[0-9]{2}_[0-9]{2})?"
        cells = [f"_*{re.escape(self.customer)}{loan}_*", *map(re.escape, sorted(self.numbers))]
        return f"(?:^|{_EDGE})(?:{'|'.join(cells)})(?:$|{_EDGE})"

    def in_rows(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row belongs to the person."""
        column = self._looked_at(rows.schema)
        values = rows[column].cast(pa.string())
        is_persons = (
            pc.match_substring_regex(values, self.mentioned)
            if column == _TEXT
            else pc.equal(pc.utf8_trim_whitespace(values), self.customer)
        )
        return pc.fill_null(is_persons, False)

    def rows_in(self, file: Path) -> int:
        """The number of rows of the person in a Parquet file; 0 if it has no such column."""
        with pq.ParquetFile(file) as parquet:
            column = self._looked_at(parquet.schema_arrow)
            if column is None:
                return 0
            groups = (
                parquet.read_row_group(i, columns=[column]) for i in range(parquet.num_row_groups)
            )
            return sum(pc.sum(self.in_rows(rows)).as_py() or 0 for rows in groups)

    def _looked_at(self, schema: pa.Schema) -> str | None:
        return next((name for name in (*self.columns, _TEXT) if name in schema.names), None)


@dataclass(frozen=True)
class Numbered:
    """Parquet files with a column of numbers that only one person has."""

    files: Sequence[Path]
    entity: str
    column: str
    form: str

    def pairs(self) -> Iterator[tuple[Any, Any]]:
        """Entity and number of the rows with a well-formed number, one row group at a time."""
        for file in self.files:
            with pq.ParquetFile(file) as parquet:
                for i in range(parquet.num_row_groups):
                    rows = parquet.read_row_group(i, columns=[self.entity, self.column])
                    ids, numbers = (
                        rows[name].cast(pa.string()) for name in (self.entity, self.column)
                    )
                    numbers = pc.utf8_trim_whitespace(numbers)
                    is_sound = pc.match_substring_regex(numbers, f"^{self.form}$")
                    is_sound = pc.fill_null(is_sound, False)
                    yield ids.filter(is_sound), numbers.filter(is_sound)


def near_ids(customer: str, columns: Sequence[str], files: Iterable[Path]) -> list[str]:
    """The ids in Parquet files that differ from this one only in case, or in zeros at the front of a part."""
    customer, near = customer.strip(), set()
    for file in files:
        with pq.ParquetFile(file) as parquet:
            column = next((name for name in columns if name in parquet.schema_arrow.names), None)
            if column:
                ids = parquet.read(columns=[column])[column].cast(pa.string())
                near |= {id_ for id_ in pc.unique(ids).to_pylist() if id_ and _alike(id_, customer)}
    return sorted({id_.strip() for id_ in near} - {customer})


def _alike(one: str, other: str) -> bool:
    return _without_zeros(one) == _without_zeros(other)


def _without_zeros(id_: str) -> str:
    return _ZEROS.sub(r"\1", id_.strip().casefold())


def find_person(customer: str, columns: tuple[str, ...], numbered: Sequence[Numbered]) -> Person:
    """The person with an id, and with the numbers that only this person has in the files."""
    customer = customer.strip()
    numbers = (own for column in numbered for own in _only_of(customer, column))
    return Person(customer, columns, frozenset(numbers))


def _only_of(customer: str, numbered: Numbered) -> list[str]:
    """The numbers of the customer that no row of another id has."""
    owners: dict[str, set[str]] = {}
    for ids, numbers in numbered.pairs():
        own = pc.equal(pc.utf8_trim_whitespace(ids), customer)
        for number in numbers.filter(own).unique().to_pylist():
            owners.setdefault(number, {customer})
    for ids, numbers in numbered.pairs() if owners else ():
        shared = pc.is_in(numbers, pa.array(sorted(owners), pa.string()))
        for owner, number in zip(
            *(column.filter(shared).to_pylist() for column in (ids, numbers)), strict=True
        ):
            owners[number].add(owner.strip())
    return [number for number, ids in owners.items() if ids == {customer}]

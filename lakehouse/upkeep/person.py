"""Which rows of a Parquet file are of one person; a row group at a time, and no engine."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A row of the quarantine mentions the person in its text.
_TEXT = "raw_text"
_EDGE = r"[\s,;|\"']"


@dataclass(frozen=True)
class Person:
    """A customer by the id, which stands in one of `columns`, and by numbers that nobody else has."""

    customer: str
    columns: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()

    @property
    def mentioned(self) -> str:
        """RE2 and Python: the id or a number as a cell of a raw row, or a loan's id, which begins with it."""
        loan = "(?:_[0-9]{4}_[0-9]{2}_[0-9]{2})?"
        cells = [f"_*{re.escape(self.customer)}{loan}_*", *map(re.escape, sorted(self.numbers))]
        return f"(?:^|{_EDGE})(?:{'|'.join(cells)})(?:$|{_EDGE})"

    def in_rows(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row is of the person."""
        column = self._looked_at(rows.schema)
        values = rows[column].cast(pa.string())
        found = (
            pc.match_substring_regex(values, self.mentioned)
            if column == _TEXT
            else pc.equal(pc.utf8_trim_whitespace(values), self.customer)
        )
        return pc.fill_null(found, False)

    def rows_in(self, file: Path) -> int:
        """How many rows of a Parquet file are of the person; 0 where no column tells."""
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
        """Entity and well-formed number of the rows that have one, a row group at a time."""
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


def find_person(customer: str, columns: tuple[str, ...], numbered: Sequence[Numbered]) -> Person:
    """The person of an id, with the numbers that only this person has in those files."""
    customer = customer.strip()
    numbers = (own for column in numbered for own in _only_of(customer, column))
    return Person(customer, columns, frozenset(numbers))


def _only_of(customer: str, numbered: Numbered) -> list[str]:
    """The numbers of the customer that stand beside no other id."""
    owners: dict[str, set[str]] = {}
    for ids, numbers in numbered.pairs():
        own = pc.equal(pc.utf8_trim_whitespace(ids), customer)
        for number in numbers.filter(own).unique().to_pylist():
            owners.setdefault(number, {customer})
    for ids, numbers in numbered.pairs() if owners else ():
        shared = pc.is_in(numbers, pa.array(sorted(owners), pa.string()))
        for owner, number in zip(
            *(each.filter(shared).to_pylist() for each in (ids, numbers)), strict=True
        ):
            owners[number].add(owner.strip())
    return [number for number, of in owners.items() if of == {customer}]

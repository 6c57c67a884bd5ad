"""Which rows of a Parquet file are of one person; a row group at a time, and no engine."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

# A row is of the customer in one of the first, or (in quarantine) mentions the person in its text.
_IDS, _TEXT = ("Customer_ID", "customer_id"), "raw_text"
_WELL_FORMED_SSN = "^[0-9]{3}-[0-9]{2}-[0-9]{4}$"
_EDGE = r"[\s,;|\"']"


@dataclass(frozen=True)
class Person:
    """A customer by the id, and by the SSNs that are of nobody else."""

    customer: str
    ssns: frozenset[str] = frozenset()

    @property
    def mentioned(self) -> str:
        """RE2 and Python: the id or an SSN as a cell of a raw row, or a loan's id, which begins with it."""
        loan = "(?:_[0-9]{4}_[0-9]{2}_[0-9]{2})?"
        cells = [f"_*{re.escape(self.customer)}{loan}_*", *map(re.escape, sorted(self.ssns))]
        return f"(?:^|{_EDGE})(?:{'|'.join(cells)})(?:$|{_EDGE})"

    def in_rows(self, rows: pa.Table) -> pa.ChunkedArray:
        """Whether each row is of the person."""
        column = _looked_at(rows.schema)
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
            column = _looked_at(parquet.schema_arrow)
            if column is None:
                return 0
            groups = (
                parquet.read_row_group(i, columns=[column]) for i in range(parquet.num_row_groups)
            )
            return sum(pc.sum(self.in_rows(rows)).as_py() or 0 for rows in groups)


def _looked_at(schema: pa.Schema) -> str | None:
    return next((name for name in (*_IDS, _TEXT) if name in schema.names), None)


def find_person(customer: str, attributes: Iterable[Path]) -> Person:
    """The person of an id, with the SSNs that the files of bronze.attributes tell."""
    files, customer = list(attributes), customer.strip()
    owners: dict[str, set[str]] = {}
    for ids, ssns in _known(files):
        own = pc.equal(pc.utf8_trim_whitespace(ids), customer)
        for ssn in ssns.filter(own).unique().to_pylist():
            owners.setdefault(ssn, {customer})
    for ids, ssns in _known(files) if owners else ():
        shared = pc.is_in(ssns, pa.array(sorted(owners), pa.string()))
        for owner, ssn in zip(
            *(each.filter(shared).to_pylist() for each in (ids, ssns)), strict=True
        ):
            owners[ssn].add(owner.strip())
    return Person(customer, frozenset(ssn for ssn, of in owners.items() if of == {customer}))


def _known(files: Iterable[Path]) -> Iterator[tuple[Any, Any]]:
    """Customer_ID and well-formed SSN of the rows that have one, a row group at a time."""
    for file in files:
        with pq.ParquetFile(file) as parquet:
            for i in range(parquet.num_row_groups):
                rows = parquet.read_row_group(i, columns=["Customer_ID", "SSN"])
                ids, ssns = (rows[name].cast(pa.string()) for name in ("Customer_ID", "SSN"))
                ssns = pc.utf8_trim_whitespace(ssns)
                known = pc.fill_null(pc.match_substring_regex(ssns, _WELL_FORMED_SSN), False)
                yield ids.filter(known), ssns.filter(known)

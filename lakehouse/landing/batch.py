"""The raw files of one source, landed together: split one by one, then checked in one pass of DuckDB."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.days import DateOrder
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.chunks import NotGrown
from lakehouse.landing.counts import Arrival, Landed, LandedFile, months_met
from lakehouse.landing.fates import ByMonth, check_nothing_is_lost, counts_by_file, refusals
from lakehouse.landing.latest import Latest, Written
from lakehouse.landing.numbers import other_spellings
from lakehouse.landing.orders import read_orders
from lakehouse.landing.raw_file import Refused
from lakehouse.landing.rows import Rows
from lakehouse.landing.working_copies import SplitFile, WorkingCopies
from lakehouse.storage.duck import duckdb_in
from lakehouse.storage.extent import Extent
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Batch:
    """The files of a source that land together; `proved` are the orders of dates of earlier files.

    `begins` gets the number of each file, from 1 on, when it is read. `within` is a connection whose database
    they use.
    """

    source: Source
    into: Path
    max_bad: float
    proved: Mapping[str, DateOrder]
    begins: Callable[[int], None] | None = None
    within: DuckDBPyConnection | None = None

    def land(self, arrivals: Sequence[Arrival]) -> Landed:
        """Land the files; those that did not only grow are read from their beginning."""
        while True:
            with tempfile.TemporaryDirectory(dir=self.into, prefix=".landing-") as work:
                landing = _Landing(self, arrivals, Path(work))
                try:
                    return landing.landed()
                except NotGrown:
                    arrivals = [
                        replace(arrival, after=None) if number in landing.not_grown else arrival
                        for number, arrival in enumerate(arrivals)
                    ]


class _Landing:
    """One try to land files; NotGrown if some of them must be read whole."""

    def __init__(self, batch: Batch, arrivals: Sequence[Arrival], work: Path) -> None:
        self._batch = batch
        self._arrivals = arrivals
        self._work = work
        self._refused: dict[int, str] = {}
        self.not_grown: list[int] = []

    def landed(self) -> Landed:
        with BrokenRecords(self._work / "broken.parquet") as broken:
            copies = WorkingCopies(self._batch.source, self._work, broken)
            files = [*self._split(copies)]
        if not files:
            return self._result((), _nothing(self._batch.source, self._batch.into))
        with _duckdb(self._work, self._batch.within) as connection:
            rows = Rows(connection, copies, files, self._arrivals[0].reading.today)
            orders = read_orders(rows, self._batch.proved)
            self._read_whole(orders.not_grown)
            self._leave_out(rows, orders.refused)
            if not rows.files:
                return self._result((), _nothing(self._batch.source, self._batch.into))
            rows.read_dates(orders.by_file)
            spelt = other_spellings(rows)
            rows.accept()
            rows.quarantine()
            counts = counts_by_file(rows)
            self._check(rows, counts)
            waits = rows.first_days_of_the_future()
            written = Latest(rows, self._batch.into).write()
        landed = tuple(
            LandedFile(
                each.arrival.file,
                each.split.fingerprint,
                counts[each.name],
                _extra_columns(self._batch.source, each),
                before=each.before,
                extent=_extent(each, counts[each.name]),
                date_order=orders.by_file[each.number],
                waits_until=waits.get(each.name),
                other_spelling=spelt.get(each.number),
            )
            for each in rows.files
        )
        return self._result(landed, written)

    def _split(self, copies: WorkingCopies) -> Iterator[SplitFile]:
        for number, arrival in enumerate(self._arrivals):
            if self._batch.begins:
                self._batch.begins(number + 1)
            try:
                yield copies.take(number, arrival)
            except BadInput as error:
                self._refuse({number: str(error)})

    def _check(self, rows: Rows, counts: Mapping[str, ByMonth]) -> None:
        """Leave out the files whose rows are too bad; LakehouseError if a row of any has no fate."""
        self._read_whole(
            [
                each.number
                for each in rows.files
                if each.before and not {None, *each.before.months}.isdisjoint(counts[each.name])
            ]
        )
        for each in rows.files:
            check_nothing_is_lost(each, counts[each.name])
        self._leave_out(rows, refusals(rows, counts, self._batch.max_bad))

    def _read_whole(self, numbers: list[int]) -> None:
        self.not_grown = numbers
        if numbers:
            raise NotGrown

    def _leave_out(self, rows: Rows, why_by_number: Mapping[int, str]) -> None:
        self._refuse(why_by_number)
        rows.leave_out([*why_by_number])

    def _refuse(self, why_by_number: Mapping[int, str]) -> None:
        self._refused |= why_by_number
        if len(self._arrivals) == 1 and self._refused:
            raise BadInput(*self._refused.values())

    def _result(self, files: tuple[LandedFile, ...], written: Written) -> Landed:
        good_rows = sum(counts.accepted for file in files for counts in file.counts.values())
        if good_rows != written.good_rows:
            raise LakehouseError(
                f"{self._batch.source.name}: {good_rows:,} rows were accepted, but {written.good_rows:,} "
                "were written; none of them was kept. This is a fault of the lakehouse: please report it."
            )
        refused = (
            Refused(self._arrivals[number].file.name, why)
            for number, why in sorted(self._refused.items())
        )
        return Landed(
            self._batch.source,
            files,
            written.accepted,
            written.quarantined,
            written.others,
            written.deleted,
            tuple(refused),
        )


def _extra_columns(source: Source, file: SplitFile) -> tuple[str, ...]:
    known = (*source.header, source.deleted_column)
    return tuple(name for name in file.split.header if name not in known)


def _extent(file: SplitFile, counts: ByMonth) -> Extent | None:
    """The part of the file that was read; None if it may end inside a row, or has a bad row.

    Later bytes may complete a bad row, for example close a quote.
    """
    split = file.split
    has_bad = any(of_month.quarantined for of_month in counts.values())
    if not (split.grows and split.ends_a_line) or has_bad:
        return None
    months = sorted(months_met(file.before, counts))
    return Extent(split.fingerprint, split.size, split.rows, split.lines, tuple(months))


def _nothing(source: Source, into: Path) -> Written:
    """Parquet files without a row, where every file is refused."""
    names = [*source.header, "_source_file", "_source_row", "_row_hash", "month"]
    types = {source.date: pa.date32(), "_source_row": pa.int64()}
    schema = pa.schema([(name, types.get(name, pa.string())) for name in names])
    accepted, bad = (into / f"{source.name}.{kind}.parquet" for kind in ("accepted", "quarantined"))
    for path in (accepted, bad):
        pq.write_table(schema.empty_table(), path)
    return Written(accepted, bad, others=None, deleted=None, good_rows=0)


@contextmanager
def _duckdb(work: Path, within: DuckDBPyConnection | None) -> Iterator[DuckDBPyConnection]:
    """A DuckDB for the files of one source; its errors become a LakehouseError."""
    with duckdb_in(work, within) as connection:
        connection.execute("SET preserve_insertion_order = false")
        try:
            yield connection
        except duckdb.Error as error:
            raise LakehouseError(f"Landing failed inside DuckDB: {_reason(error)}") from error


def _reason(error: duckdb.Error) -> str:
    """DuckDB's message about memory or disk, else only the kind of error: other messages may show a row."""
    is_safe = isinstance(error, (duckdb.OutOfMemoryException, duckdb.IOException))
    return " ".join(str(error).split())[:300] if is_safe else type(error).__name__

"""The newest features of some customers, without an engine: months of feature groups are kept in memory.

Only an erasure or a vacuum changes a release. Each of them writes to ledger/releases, like a new release.
So the memory is valid until that table has another commit.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock

import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError

from lakehouse.errors import LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases import published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.duck import identifier, literal
from lakehouse.storage.sound import check_sound
from lakehouse.table import MONTH, Table
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training.selection import joined_groups
from lakehouse.training.sets import features_at
from lakehouse.training_columns import SPINE

KEPT_BYTES = 1 << 30
# Number of cells that are read at once: one month of many wide rows, or years of few.
CELLS_A_SPAN = 2_000_000


@dataclass(frozen=True)
class Wanted:
    """The customers, the day and the features of a lookup; all features if none and no group is named."""

    customers: Sequence[str]
    day: date
    groups: tuple[str, ...] = ()
    features: tuple[str, ...] = ()


class Lookup:
    """The lookups of one datamart, for any number of threads."""

    def __init__(self, datamart: Datamart) -> None:
        self._datamart = datamart
        self._lock = Lock()
        self._kept: _Kept | None = None

    def find(self, wanted: Wanted, release: int | None) -> pa.Table:
        """One row per customer, in their order: what a training set joins to an application of that day.

        As of the release, or of the newest if none is given. BadInput for unknown names or releases;
        LakehouseError for a release that cannot be read any more.
        """
        kept = self._now()
        try:
            return kept.find(wanted, release)
        except LakehouseError:
            # An erasure may have just replaced a file.
            again = self._now()
            if again is kept:
                raise
            return again.find(wanted, release)

    def _now(self) -> _Kept:
        """The memory, which is new and empty if the ledger has changed."""
        with self._lock:
            stamp = self._datamart.log.stamp(RELEASES)
            if self._kept is None or self._kept.stamp != stamp:
                self._kept = _Kept(self._datamart, stamp)
            return self._kept


@dataclass(frozen=True)
class _Groups:
    """The feature groups of one release: the features of each, and its table by name."""

    release: Release
    features: Mapping[Table, Sequence[str]]
    tables: Mapping[str, _Versioned]


@dataclass(frozen=True)
class _Versioned:
    """A table at a version: its columns, and the spans of months in which it is read, newest first."""

    table: Table
    delta: DeltaTable
    schema: pa.Schema
    spans: Sequence[_Span]

    @staticmethod
    def of(table: Table, delta: DeltaTable, rows_by_month: Mapping[str, int]) -> _Versioned:
        schema = pa.schema(delta.schema().to_arrow())
        return _Versioned(table, delta, schema, _spans(rows_by_month, CELLS_A_SPAN // len(schema)))

    def rows(self, span: _Span) -> _Rows:
        between = f"BETWEEN {literal(span.first)} AND {literal(span.last)}"
        query = f"SELECT * FROM t WHERE {identifier(MONTH)} {between}"
        rows = QueryBuilder().register("t", self.delta).execute(query)
        # Cast, because Arrow cannot take rows from string views.
        whole = pa.RecordBatchReader.from_stream(rows).read_all().cast(self.schema)
        return _Rows.of(whole.combine_chunks(), self.table)


@dataclass(frozen=True)
class _Span:
    """Months that are read together, from the first to the last."""

    first: str
    last: str

    def has(self, month: str) -> bool:
        return self.first <= month <= self.last


def _spans(rows_by_month: Mapping[str, int], rows_at_once: int) -> list[_Span]:
    """All months in spans with at most `rows_at_once` rows, or with one month; the newest span first."""
    spans: list[_Span] = []
    taken = 0
    for month, rows in sorted(rows_by_month.items(), reverse=True):
        taken += rows
        if spans and taken <= rows_at_once:
            spans[-1] = _Span(month, spans[-1].last)
        else:
            spans.append(_Span(month, month))
            taken = rows
    return spans


class _Kept:
    """The rows that were read while the ledger had the same newest commit."""

    def __init__(self, datamart: Datamart, stamp: Hashable) -> None:
        self.stamp = stamp
        self._datamart = datamart
        self._log = datamart.log
        self._catalog = datamart.catalog
        self._lock = Lock()
        self._releases: dict[int | None, _Groups] = {}
        self._rows: OrderedDict[Hashable, _Rows] = OrderedDict()

    def find(self, wanted: Wanted, release: int | None) -> pa.Table:
        at = self._release(release)
        groups = joined_groups(at.features, wanted.groups, wanted.features)
        days = pa.array([wanted.day] * len(wanted.customers), pa.date32())
        columns = dict(zip(SPINE, (pa.array(wanted.customers, pa.string()), days), strict=True))
        for group in groups:
            seen = self._seen(at, group, wanted)
            columns |= zip((*group.features, group.date_column), seen.columns, strict=True)
        return pa.table(columns)

    def _seen(self, at: _Groups, group: JoinedGroup, wanted: Wanted) -> pa.Table:
        """One row per customer: the group's features and their snapshot_date; NULL if no row may be used."""
        oldest, newest = group.window(wanted.day)
        missing = dict.fromkeys(wanted.customers)
        place: dict[str, int] = {}
        names = [*group.features, at.tables[group.table].table.date]
        parts = []
        for rows in self._between(at, group.table, oldest, newest):
            if not missing:
                break
            numbers = rows.newest(missing, oldest, newest)
            if numbers:
                parts.append(rows.rows.select(names).take(pa.array(numbers.values())))
            for customer in numbers:
                place[customer] = len(place)
                del missing[customer]
        places = pa.array([place.get(customer) for customer in wanted.customers], pa.int64())
        none = at.tables[group.table].schema.empty_table().select(names)
        return pa.concat_tables(parts or [none]).combine_chunks().take(places)

    def _between(self, at: _Groups, table: str, oldest: date, newest: date) -> Iterator[_Rows]:
        """The rows of each span that has a month of the window, the newest first."""
        first, last = (day.isoformat()[:7] for day in (oldest, newest))
        for span in at.tables[table].spans:
            if first <= span.last and span.first <= last:
                yield self._rows_of(at, table, span)

    def _release(self, number: int | None) -> _Groups:
        with self._lock:
            if number not in self._releases:
                self._releases[number] = self._opened(number)
            return self._releases[number]

    def _opened(self, number: int | None) -> _Groups:
        log = self._log
        row = published.newest(log) if number is None else published.release(log, number)
        features = features_at(self._datamart, row)
        versions = {table: row.versions[table.full_name] for table in features}
        tables = {
            table.full_name: _Versioned.of(table, log.open(table, at), log.rows_by_month(table, at))
            for table, at in versions.items()
        }
        return _Groups(row, features, tables)

    def _rows_of(self, at: _Groups, table: str, span: _Span) -> _Rows:
        key = (table, at.release.versions[table], span)
        with self._lock:
            if key not in self._rows:
                self._rows[key] = self._read(at, table, span)
            self._rows.move_to_end(key)
            rows = self._rows[key]
            self._forget_oldest()
            return rows

    def _forget_oldest(self) -> None:
        while sum(rows.size for rows in self._rows.values()) > KEPT_BYTES:
            self._rows.popitem(last=False)

    def _read(self, at: _Groups, table: str, span: _Span) -> _Rows:
        read, version = at.tables[table], at.release.versions[table]
        months = [*filter(span.has, self._log.rows_by_month(read.table, version))]
        check_sound(self._log, read.table, version, months)
        try:
            return read.rows(span)
        except (DeltaError, pa.ArrowException) as error:
            check_readable(self._log, at.release.pins, [self._catalog.table(table)])
            raise LakehouseError(
                f"{table} cannot be read at release {at.release.number}; python main.py doctor --deep "
                "tells more"
            ) from error


@dataclass(frozen=True)
class _Rows:
    """Rows of a feature group, with the day and number of each row by customer."""

    rows: pa.Table
    size: int  # in bytes; stored, because Arrow takes a millisecond to compute it
    of_customer: Mapping[str, Sequence[tuple[date, int]]]

    @staticmethod
    def of(rows: pa.Table, table: Table) -> _Rows:
        of_customer: dict[str, list[tuple[date, int]]] = {}
        keys = (rows.column(name).to_pylist() for name in (table.entity, table.date))
        for number, (customer, day) in enumerate(zip(*keys, strict=True)):
            of_customer.setdefault(customer, []).append((day, number))
        return _Rows(rows, rows.nbytes, of_customer)

    def newest(self, customers: Iterable[str], oldest: date, newest: date) -> dict[str, int]:
        """Customer -> number of the newest row from `oldest` to `newest`, for customers that have one."""
        seen = {
            customer: [at for at in self.of_customer.get(customer, ()) if oldest <= at[0] <= newest]
            for customer in customers
        }
        return {customer: max(rows)[1] for customer, rows in seen.items() if rows}

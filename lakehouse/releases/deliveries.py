"""The versions of raw files that were taken, read and written without an engine.

A run looks at thousands of them, so rows that it does not change never become values of Python.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from deltalake import write_deltalake

from lakehouse.landing.counts import Counts
from lakehouse.ledger.deliveries import TABLE as DELIVERIES
from lakehouse.months import MonthRange
from lakehouse.releases import ledger_rows
from lakehouse.storage.commit import ChangedRows
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.log import Log, commit_properties
from lakehouse.table import DeliveryMode

if TYPE_CHECKING:
    import pyarrow as pa

# With more data files the next write makes them one.
_MOST_FILES = 16

Key = tuple[str, str, str]
# By source and file, the rows of some months by what became of them.
FatesNow = Mapping[tuple[str, str], Mapping[str | None, Counts]]


@dataclass(frozen=True)
class Taken:
    """The newest version of a raw file that was taken, as far as a plan needs it."""

    file: str
    sha256: str
    size: int
    stamp: str
    taken_at: int  # microseconds since 1970
    text: str  # the record as JSON
    of_months: str = ""

    @property
    def months(self) -> list[str]:
        """The months of its rows."""
        return self.of_months.split()

    @cached_property
    def record(self) -> SourceRecord:
        """The part of the file that was taken."""
        return SourceRecord.from_json(self.text)


@dataclass(frozen=True)
class FileVersion:
    """A row of ledger/deliveries; the declaration of that table describes the columns.

    `grew_from` is the version whose rows were not read again, if that is how it was taken. Nothing was taken
    again of the months in `kept`, so that the counts of before hold.
    """

    source: str
    file: str
    sha256: str
    size: int
    stamp: str
    counts: Mapping[str | None, Counts]
    delivery: DeliveryMode
    record: SourceRecord
    first_run_id: str
    last_run_id: str
    taken_at: datetime
    replaced: bool = False
    grew_from: str | None = field(default=None, compare=False)
    kept: tuple[MonthRange, ...] = field(default=(), compare=False)

    @property
    def key(self) -> Key:
        return self.source, self.file, self.sha256

    @property
    def total(self) -> Counts:
        return sum(self.counts.values(), Counts())

    @property
    def months(self) -> list[str]:
        return sorted(filter(None, self.counts))

    @property
    def taken(self) -> Taken:
        """The same, as a plan needs it."""
        at = round(self.taken_at.timestamp() * 1_000_000)
        text, months = self.record.as_json(), " ".join(self.months)
        return Taken(self.file, self.sha256, self.size, self.stamp, at, text, months)

    def after(self, before: FileVersion) -> FileVersion:
        """The same version, which was taken before."""
        # If it was replaced meanwhile, it has arrived a second time.
        at = self.taken_at if before.replaced else before.taken_at
        counts = {m: n for m, n in before.counts.items() if n.rows_in or not self._took(m)}
        as_before = {m for m in counts if m and any(scope.has(m) for scope in self.kept)}
        counts |= {m: n for m, n in self.counts.items() if m not in as_before}
        return replace(self, first_run_id=before.first_run_id, taken_at=at, counts=counts)

    def _took(self, month: str | None) -> bool:
        return month is None or any(scope.has(month) for scope in self.record.scopes)

    def with_fates(self, now: Mapping[str | None, Counts]) -> FileVersion:
        """The same version, with the fates that rows of some months have now."""
        if not now:
            return self
        counts = {m: n.placed(now[m]) if m in now else n for m, n in self.counts.items()}
        return replace(self, counts=counts)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> FileVersion:
        """The version of a row."""
        names = ("source", "file", "sha256", "size", "stamp", "delivery", "first_run_id")
        return cls(
            **{name: row[name] for name in (*names, "last_run_id", "taken_at", "replaced")},
            counts={
                month or None: Counts(*numbers)
                for month, numbers in json.loads(row["rows_by_month"]).items()
            },
            record=SourceRecord.from_json(row["record"]),
        )

    def as_row(self) -> dict[str, Any]:
        """The row, by column."""
        by_month = {month or "": _numbers(counts) for month, counts in self.counts.items()}
        return {
            "source": self.source,
            "file": self.file,
            "sha256": self.sha256,
            "size": self.size,
            "stamp": self.stamp,
            **dict(zip(_FATES, _numbers(self.total), strict=True)),
            "months": self.months,
            "delivery": self.delivery,
            "record": self.record.as_json(),
            "rows_by_month": json.dumps(by_month, sort_keys=True),
            "first_run_id": self.first_run_id,
            "last_run_id": self.last_run_id,
            "taken_at": self.taken_at,
            "replaced": self.replaced,
        }


_FATES = ("rows_in", "accepted", "quarantined", "equal_duplicates", "superseded")


def _numbers(counts: Counts) -> list[int]:
    return [getattr(counts, name) for name in _FATES]


Newest = Mapping[str, Mapping[str, Taken]]
# The answer for each log, with the state of the table when it was read.
_READ: WeakKeyDictionary[Log, tuple[Any, Newest]] = WeakKeyDictionary()


def newest_taken(log: Log) -> Newest:
    """The newest version of each file that was taken, by source and name."""
    if not log.exists(DELIVERIES):
        return {}
    stamp = log.stamp(DELIVERIES)
    seen, newest = _READ.get(log, (None, {}))
    if seen != stamp:
        newest = _read_newest(log)
        _READ[log] = stamp, newest
    return newest


def _read_newest(log: Log) -> Newest:
    casts = "CAST(taken_at AS BIGINT), record, array_to_string(months, ' ')"
    query = f"SELECT source, file, sha256, size, stamp, {casts} FROM t WHERE NOT replaced"
    newest: dict[str, dict[str, Taken]] = {}
    for source, *of_file in _rows(log, query):
        taken = Taken(*of_file)
        newest.setdefault(source, {})[taken.file] = taken
    return newest


def _rows(log: Log, query: str) -> Iterable[tuple[Any, ...]]:
    batch = log.ask(DELIVERIES, query)
    return zip(*(batch.column(name).to_pylist() for name in batch.column_names), strict=True)


def arrivals(log: Log, source: str) -> dict[tuple[str, str], int]:
    """For each file and month, when the last version with rows of that month was taken: microseconds."""
    if not log.exists(DELIVERIES):
        return {}
    each = "SELECT source, file, unnest(months) AS of_month, CAST(taken_at AS BIGINT) AS at FROM t"
    query = f"SELECT source, file, of_month, max(at) FROM ({each}) GROUP BY source, file, of_month"
    return {(file, month): at for of, file, month, at in _rows(log, query) if of == source}


def digest(taken: Mapping[str, Taken]) -> str | None:
    """SHA-256 of the one file of a source; of several, that of the lines of their names and SHA-256."""
    if len(taken) < 2:
        return next((each.sha256 for each in taken.values()), None)
    lines = (f"{name}\t{taken[name].sha256}\n" for name in sorted(taken))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def file_versions(log: Log) -> list[FileVersion]:
    """Every version of a file that was taken, by source and name, older ones first."""
    if not log.exists(DELIVERIES):
        return []
    versions = map(FileVersion.from_row, _held(log).to_pylist())
    return sorted(versions, key=lambda each: (*each.key[:2], each.taken_at, each.sha256))


def put(
    log: Log, versions: Sequence[FileVersion], note: CommitNote, now: FatesNow | None = None
) -> None:
    """Insert or update versions of files; every other version of these files counts as replaced.

    `now` has the fates of rows, by source, file and month, that may have another one since they were taken.
    """
    if not versions:
        return
    import pyarrow as pa
    import pyarrow.compute as pc

    held, now = _held(log), now or {}
    of_these = _is_of(held, {*(each.key[:2] for each in versions), *now})
    rows = held.filter(of_these).to_pylist()
    there = {each.key: each for each in map(FileVersion.from_row, rows)}
    wanted = {
        key: each if each.replaced else each.with_fates(now.get(key[:2], {}))
        for key, each in _merged(there, versions).items()
    }
    if wanted == there:
        return
    updated = sum(wanted[key] != there[key] for key in there)
    changed = ChangedRows(len(wanted) - len(there), updated, 0)
    values = _arrow(wanted.values())
    if not there and len(log.files(DELIVERIES)) < _MOST_FILES:
        _write(log, values, note, "append", changed)
    else:
        others = held.filter(pc.invert(of_these))
        _write(log, pa.concat_tables([others, values]), note, "overwrite", changed)


def restamp(log: Log, stamps: Mapping[Key, str], note: CommitNote) -> None:
    """Note other stamps of versions whose files have the same bytes."""
    if not stamps:
        return
    import pyarrow as pa

    held = _held(log)
    before = held["stamp"].to_pylist()
    keys = zip(*(held[name].to_pylist() for name in DELIVERIES.keys), strict=True)
    after = [stamps.get(key, was) for key, was in zip(keys, before, strict=True)]
    updated = sum(now != was for now, was in zip(after, before, strict=True))
    if updated:
        at = held.column_names.index("stamp")
        held = held.set_column(at, held.schema.field(at), pa.array(after, pa.string()))
        _write(log, held, note, "overwrite", ChangedRows(0, updated, 0))


def compact(log: Log, note: CommitNote) -> int | None:
    """Join the data files; the new version."""
    _write(log, _held(log), note, "overwrite", ChangedRows(0, 0, 0))
    return log.version(DELIVERIES)


def _merged(
    there: Mapping[Key, FileVersion], versions: Iterable[FileVersion]
) -> dict[Key, FileVersion]:
    """All versions of some files after some of them were taken."""
    newest = {each.key[:2]: each for each in versions}
    merged = {
        key: replace(each, replaced=each.replaced or newest.get(key[:2], each).key != key)
        for key, each in there.items()
    }
    for each in newest.values():
        shorter = there.get((*each.key[:2], each.grew_from or ""))
        whole = replace(each, counts={**shorter.counts, **each.counts}) if shorter else each
        merged[each.key] = whole.after(there[each.key]) if each.key in there else whole
    return merged


def _held(log: Log) -> pa.Table:
    """All rows, as Arrow."""
    import pyarrow as pa

    held = pa.table(log.ask(DELIVERIES, "SELECT * FROM t"))
    return held.select(DELIVERIES.columns).cast(_columns())


def _is_of(held: pa.Table, files: Iterable[tuple[str, str]]) -> pa.ChunkedArray:
    """Whether each row is about one of some files, by source and name."""
    import pyarrow as pa
    import pyarrow.compute as pc

    # No name has a line end.
    names = pc.binary_join_element_wise(held["source"], held["file"], "\n")
    wanted = pa.array(["\n".join(file) for file in files], pa.string())
    return pc.is_in(names, value_set=wanted)


def _arrow(versions: Iterable[FileVersion]) -> pa.Table:
    import pyarrow as pa

    rows = [each.as_row() for each in versions]
    by_column = {name: [row[name] for row in rows] for name in DELIVERIES.columns}
    return pa.table(by_column, _columns())


def _columns() -> pa.Schema:
    import pyarrow as pa

    return pa.schema(schema(DELIVERIES).to_arrow())


def _write(
    log: Log,
    values: pa.Table,
    note: CommitNote,
    mode: Literal["append", "overwrite"],
    changed: ChangedRows,
) -> None:
    opened = log.open_to_write(DELIVERIES)
    if log.place.folder is not None:
        ledger_rows.commit(log, DELIVERIES, opened, values, note, mode, changed)
        return
    properties = commit_properties(note, changed.as_metrics())
    write_deltalake(opened, values, mode=mode, commit_properties=properties)

"""One customer through every table and release: the rows, and which release changed what."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from deltalake import QueryBuilder
from deltalake.exceptions import DeltaError

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.html_table import html_table
from lakehouse.ids import alike
from lakehouse.months import spell
from lakehouse.releases import published
from lakehouse.releases.diff import ADDED, CHANGED, HIDDEN, REMOVED, hidden_columns
from lakehouse.releases.erasures import erasures
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.data_file import data_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.duck import identifier, literal
from lakehouse.storage.log import Log
from lakehouse.table import MONTH, Table
from lakehouse.upkeep.owned import owns
from lakehouse.upkeep.person import RAW_TEXT, Person
from lakehouse.words import spans

if TYPE_CHECKING:
    import pandas as pd

_Row = dict[str, Any]
_Rows = dict[tuple[Any, ...], _Row]
_Files = dict[str, frozenset[str]]  # the data files of each month
_SHOWN = 20  # changes in the display
_NEAR, _MOST_LETTERS = 3, 3
_TEXTS = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}


@dataclass(frozen=True)
class Change:
    """A row that a release added or removed (then without a column), or a cell that it changed."""

    release: int
    finished_at: datetime
    table: str
    what: str
    key: Mapping[str, Any]
    column: str = ""
    old: Any = None
    new: Any = None

    @property
    def spelt(self) -> str:
        """The change in words, as `gold.label_store 2023-07-01: dpd 0 -> 31`."""
        key = " ".join(map(str, self.key.values()))
        cell = f"{self.column} {_cell(self.old)} -> {_cell(self.new)}" if self.column else self.what
        return f"{self.table} {key}: {cell}"


@dataclass(frozen=True)
class _OfTable:
    """The rows of a customer in a table at the newest of the releases, and the changes until then."""

    table: Table
    columns: tuple[str, ...]
    rows: Sequence[_Row]
    changes: Sequence[Change]

    @property
    def line(self) -> dict[str, object]:
        """The table in one line: its rows and months, and the releases that brought or changed some."""
        came, changed = (
            sorted({c.release for c in self.changes if (c.what == ADDED) == is_new})
            for is_new in (True, False)
        )
        return {
            "table": self.table.full_name,
            "rows": len(self.rows),
            "months": spell(sorted({str(row[MONTH]) for row in self.rows})) if self.rows else "",
            "new_in": spans(came),
            "changed_in": spans(changed),
        }


class Customer:
    """One customer: `tables` has a DataFrame per table, `changes` a row per cell that a release changed.

    Personal cells are hidden. The display shows the rows per table and the newest changes.
    """

    def __init__(self, id_: str, release: int, of_tables: Sequence[_OfTable], note: str) -> None:
        self.id = id_
        self.release = release
        self.note = note
        self._of_tables = of_tables

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """The rows as of the release, per table that has some; the table's columns, by key."""
        import pandas as pd

        # As objects, because pandas would turn whole numbers into floats if there is a NULL.
        return {
            each.table.full_name: pd.DataFrame(each.rows, columns=[*each.columns], dtype=object)
            for each in self._of_tables
            if each.rows
        }

    @property
    def changes(self) -> pd.DataFrame:
        """One row per added or removed row and per changed cell, oldest release first: column, old, new."""
        import pandas as pd

        rows = [
            {
                **{name: getattr(c, name) for name in ("release", "finished_at", "table", "what")},
                "key": " ".join(map(str, c.key.values())),
                **{name: getattr(c, name) for name in ("column", "old", "new")},
            }
            for c in self._changes
        ]
        return pd.DataFrame(rows, dtype=object)

    @property
    def _changes(self) -> list[Change]:
        changes = [change for each in self._of_tables for change in each.changes]
        return sorted(changes, key=lambda change: change.release)

    @property
    def _later(self) -> list[Change]:
        """The changes of rows that were there before, newest first."""
        return [change for change in reversed(self._changes) if change.what != ADDED]

    @property
    def title(self) -> str:
        rows = sum(len(each.rows) for each in self._of_tables)
        tables = sum(bool(each.rows) for each in self._of_tables)
        return f"Customer {self.id} at release {self.release}: {rows} rows in {tables} tables"

    def _more(self) -> str:
        n = len(self._later)
        return f"… {n - _SHOWN} more in .changes" if n > _SHOWN else ""

    def __repr__(self) -> str:
        import pandas as pd

        lines = [each.line for each in self._of_tables if each.changes]
        table = pd.DataFrame(lines).to_string(index=False) if lines else ""
        later = [f"release {c.release} {c.what} {c.spelt}" for c in self._later[:_SHOWN]]
        return "\n".join(filter(None, [self.title, self.note, table, *later, self._more()]))

    def _repr_html_(self) -> str:
        import pandas as pd

        lines = pd.DataFrame([each.line for each in self._of_tables if each.changes])
        later = pd.DataFrame(
            [
                {"release": c.release, "what": c.what, "change": c.spelt}
                for c in self._later[:_SHOWN]
            ]
        )
        parts = [f"<p>{escape(text)}</p>" for text in (self.title, self.note) if text]
        parts += [html_table(frame) for frame in (lines, later) if len(frame)]
        return "".join([*parts, f"<p>{self._more()}</p>" if self._more() else ""])


def customer(datamart: Datamart, id_: str, pinned: Release | None = None) -> Customer:
    """A customer as of a release, or the newest, with the changes of all kept releases until then.

    Only months are read whose files differ from those of the version before. BadInput for an
    id that no table has, with near ids; if somebody was erased, a customer without rows that says so.
    """
    log = datamart.log
    last = pinned or published.newest(log)
    releases = [release for release in published.kept(log) if release.number <= last.number]
    catalog = datamart.catalog
    entities = [(t, found[0]) for t in catalog.data if (found := catalog.entity_columns(t))]
    of_tables = [_of_table(log, table, entity, {id_}, releases) for table, entity in entities]
    of_tables += _of_owned(datamart, id_, releases)
    note = _quarantined(log, catalog.table(QUARANTINE.full_name), id_, last)
    if datamart.place.folder is None and any(
        s.source and s.source.owned_by for s in catalog.sources
    ):
        unread = "Rows that name only what the customer owns are not looked for in an object store."
        note = f"{note} {unread}".strip()
    if not any(each.changes for each in of_tables):
        near = _near(log, entities, id_, last)
        hint = f"; near ids are {', '.join(near)}" if near else ""
        erased = len(erasures(log))
        if not erased:
            raise BadInput(f"no release has a row of a customer {id_!r}{hint}")
        note = (
            f"No release has a row of this id. {erased} {'person was' if erased == 1 else 'persons were'} "
            f"erased, of whom nothing is left that tells the id{hint}."
        )
    return Customer(id_, last.number, of_tables, note)


def _of_owned(datamart: Datamart, id_: str, releases: Sequence[Release]) -> list[_OfTable]:
    """The rows that name what only the customer owns, as an account; none in an object store."""
    if datamart.place.folder is None:
        return []
    catalog, owned = datamart.catalog, owns(datamart, id_)
    return [
        _of_table(datamart.log, table, column, owned[by], releases)
        for table in catalog.data
        for column, by in catalog.owned_columns(table).items()
        if by in owned
    ]


def _of_table(
    log: Log, table: Table, entity: str, ids: Iterable[str], releases: Iterable[Release]
) -> _OfTable:
    steps = list(_steps(log, table, releases))
    held = _held(log, table, _is_one_of(entity, ids), steps)
    now: _Rows = {}
    files: _Files = {}
    changes: list[Change] = []
    for release, there in steps:
        differing = {month for month in {**files, **there} if files.get(month) != there.get(month)}
        new = {key: row for key, row in now.items() if row[MONTH] not in differing}
        for month in differing & there.keys():
            for row in held[month, there[month]]:
                new[tuple(row[key] for key in table.keys)] = row
        changes += _changes(table, entity, release, now, new)
        now, files = new, there
    columns = tuple(log.columns(table, steps[-1][0].versions[table.full_name])) if steps else ()
    hidden = hidden_columns(table, columns) - set(table.keys)
    rows = [
        {name: HIDDEN if name in hidden else row.get(name) for name in columns}
        for row in now.values()
    ]
    return _OfTable(table, columns, _sorted(table, rows), changes)


def _is_one_of(column: str, ids: Iterable[str]) -> str:
    return f"{identifier(column)} IN ({', '.join(map(literal, sorted(ids)))})"


def _steps(log: Log, table: Table, releases: Iterable[Release]) -> Iterator[tuple[Release, _Files]]:
    """The releases at which a table has a version that it did not have before, and its files then."""
    seen: int | None = None
    for release in releases:
        version = release.versions.get(table.full_name)
        if version is not None and version != seen:
            seen = version
            yield release, _files(log, table, release, version)


def _held(
    log: Log, table: Table, which: str, steps: Sequence[tuple[Release, _Files]]
) -> dict[tuple[str, frozenset[str]], list[_Row]]:
    """The rows of a condition by month and files of that month; equal files are read once."""
    held: dict[tuple[str, frozenset[str]], list[_Row]] = {}
    # From the newest on, as one query then reads all months that have not changed since.
    for release, there in reversed(steps):
        months = [month for month in there if (month, there[month]) not in held]
        held |= {(month, there[month]): [] for month in months}
        rows = _read(log, table, release, which, months).to_pylist() if months else []
        for row in rows:
            held[row[MONTH], there[row[MONTH]]].append(row)
    return held


def _sorted(table: Table, rows: Iterable[_Row]) -> list[_Row]:
    first = (table.date, *table.keys)
    return sorted(rows, key=lambda row: [str(row.get(name)) for name in first])


def _files(log: Log, table: Table, release: Release, version: int) -> _Files:
    """The data files of each month."""
    try:
        found: dict[str, set[str]] = {}
        for file in data_files(log, table, version):
            found.setdefault(file.partition, set()).add(file.path)
    except DeltaError as error:
        raise _unreadable(log, table, release) from error
    return {month: frozenset(paths) for month, paths in found.items()}


def _read(log: Log, table: Table, release: Release, which: str, months: Sequence[str]) -> pa.Table:
    """The rows of some months for which a condition holds, as a table of a release has them."""
    version = release.versions[table.full_name]
    listed = ", ".join(map(literal, months))
    query = f"SELECT * FROM t WHERE {which} AND {identifier(MONTH)} IN ({listed})"
    try:
        return _asked(log, table, version, query)
    except (DeltaError, pa.ArrowException, OSError) as error:
        raise _unreadable(log, table, release) from error


def _asked(log: Log, table: Table, version: int, query: str) -> pa.Table:
    opened = log.open(table, version)
    found = QueryBuilder().register("t", opened).execute(query)
    rows = pa.RecordBatchReader.from_stream(found).read_all()
    return rows.cast(pa.schema([f.with_type(_TEXTS.get(f.type, f.type)) for f in rows.schema]))


def _unreadable(log: Log, table: Table, release: Release) -> LakehouseError:
    """The error of a table that cannot be read at a release; raises another one that knows why."""
    check_readable(log, release.pins, [table])
    return LakehouseError(
        f"{table.full_name} cannot be read at release {release.number}; python main.py doctor --deep "
        "tells more"
    )


def _changes(
    table: Table, entity: str, release: Release, old: _Rows, new: _Rows
) -> Iterator[Change]:
    """The changes by a release of the rows of a customer, by their keys."""
    ignored = {*table.keys, *table.unversioned, MONTH}
    for key in {**old, **new}:
        before, after = old.get(key), new.get(key)
        # The customer is known.
        named = zip(table.keys, key, strict=True)
        shown = {name: value for name, value in named if name != entity}
        made = (release.number, release.finished_at, table.full_name)
        if before is None or after is None:
            yield Change(*made, ADDED if before is None else REMOVED, shown)
            continue
        names = [
            n for n in {**before, **after} if n not in ignored and before.get(n) != after.get(n)
        ]
        hidden = hidden_columns(table, names)
        for name in names:
            pair = (HIDDEN, HIDDEN) if name in hidden else (before.get(name), after.get(name))
            yield Change(*made, CHANGED, shown, name, *pair)


def _quarantined(log: Log, table: Table, id_: str, release: Release) -> str:
    """A sentence with the number of rows in quarantine that mention an id; empty if none does."""
    version = release.versions.get(table.full_name)
    if version is None:
        return ""
    query = f"SELECT {RAW_TEXT} FROM t WHERE strpos({RAW_TEXT}, {literal(id_)}) > 0"
    texts = _asked(log, table, version, query).column(RAW_TEXT).to_pylist()
    n = sum(bool(re.search(Person(id_).mentioned, text)) for text in texts)
    return f"{n} {'row' if n == 1 else 'rows'} of bronze.quarantine mention the id." if n else ""


def _near(log: Log, entities: Iterable[tuple[Table, str]], id_: str, release: Release) -> list[str]:
    """The ids of a release that differ from one in the fewest letters, or only in case or zeros."""
    near: dict[str, int] = {}
    for table, entity in entities:
        version = release.versions.get(table.full_name)
        if version is None or table.is_ledger or not table.transform:
            continue
        letters = f"levenshtein(lower({identifier(entity)}), {literal(id_.casefold())})"
        query = (
            f"SELECT DISTINCT {identifier(entity)} AS id, {letters} AS letters FROM t "
            f"WHERE {letters} <= {_MOST_LETTERS} ORDER BY letters, id LIMIT {_NEAR}"
        )
        for row in _asked(log, table, version, query).to_pylist():
            near[row["id"]] = 0 if alike(row["id"]) == alike(id_) else row["letters"]
    return sorted(near, key=lambda each: (near[each], each))[:_NEAR]


def _cell(value: Any) -> str:
    return "NULL" if value is None else str(value)

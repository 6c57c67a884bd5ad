"""The meaning of each name of a query: a CTE, a frame of the caller's, or a table at one of its versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from sqlglot import exp

from lakehouse.days import moment
from lakehouse.errors import BadInput
from lakehouse.releases import published
from lakehouse.releases.readable import (
    check_not_newer,
    check_readable,
    readable_version,
    version_at,
)
from lakehouse.releases.release import Pins, Release
from lakehouse.sql.clauses import RELEASE, VERSION, Clause
from lakehouse.sql.nearest import instead
from lakehouse.sql.parse import Query, Reference
from lakehouse.sql.place import QueryError
from lakehouse.storage.commit import Commit
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

Frame: TypeAlias = "DataFrame | pd.DataFrame"


@dataclass(frozen=True)
class TableAt:
    """A table at a version; None is the newest one, of a table of the ledger."""

    table: Table
    version: int | None


@dataclass(frozen=True)
class Resolved:
    """A name of a query with its table, or with the name of the caller's frame that it means."""

    reference: Reference
    source: TableAt | str

    @property
    def full_name(self) -> str:
        return self.source if isinstance(self.source, str) else self.source.table.full_name


@dataclass(frozen=True)
class Resolver:
    """The tables of a datamart as of a release: the one that is pinned, or the newest.

    `frames` are what the caller calls by a name of its own. `note` takes what a user should know.
    """

    datamart: Datamart
    pinned: Release | None
    frames: Mapping[str, Frame]
    note: Callable[[str], None]

    def resolve(self, query: Query) -> Iterator[Resolved]:
        """Each name of a query that is not a CTE; QueryError for one that means nothing, or newer rows."""
        tables = {table.full_name for table in self.datamart.catalog.tables}
        for name, place in query.dotted:
            # An engine would read it at its newest commit.
            if name.casefold() in tables:
                raise QueryError(f"{name} cannot be read here; write it behind FROM or JOIN", place)
        for reference in query.references:
            if not _is_cte(reference):
                yield Resolved(reference, self._of(reference))

    def _of(self, reference: Reference) -> TableAt | str:
        frame = self._frame(reference)
        if frame is not None:
            return frame
        table = self._table(reference)
        try:
            return TableAt(table, self._version(table, reference.clause))
        except QueryError:
            raise
        except BadInput as error:
            raise QueryError(str(error), reference.place) from None

    def _frame(self, reference: Reference) -> str | None:
        if len(reference.parts) > 1 or reference.clause:
            return None
        named = (each for each in self.frames if each.casefold() == reference.name.casefold())
        return next(named, None)

    def _table(self, reference: Reference) -> Table:
        """The table of a name with its layer, or without where only one layer has it."""
        tables = self.datamart.catalog.tables
        name = reference.name.casefold()
        named = [t for t in tables if name in (t.full_name, t.name)]
        if len(named) == 1:
            return named[0]
        if named:
            both = " and ".join(table.full_name for table in named)
            raise QueryError(
                f"{reference.name} is the name of {both}; write the layer, too", reference.place
            )
        known = [table.full_name for table in tables]
        known += [table.name for table in tables] if len(reference.parts) == 1 else []
        names = [*self.frames, *known]
        raise QueryError(
            f"no table is called {reference.name!r}; {instead(reference.name, names)}",
            reference.place,
        )

    @property
    def release(self) -> Release:
        """The release that is pinned, or the newest."""
        return self.pinned or published.newest(self.datamart.log)

    def _version(self, table: Table, clause: Clause | None) -> int | None:
        log = self.datamart.log
        if table.is_ledger and clause:
            raise BadInput(
                f"{table.full_name} is about releases and has no past; leave out {clause}"
            )
        if clause is None:
            return version_at(log, self.pinned, table)
        if clause.kind == RELEASE:
            release = published.release(log, _number(clause))
            check_not_newer(self.pinned, release.number, str(clause))
            return readable_version(log, release, table)
        return self._explicit(table, clause)

    def _explicit(self, table: Table, clause: Clause) -> int:
        """The version that a clause of Delta names; a note tells what it is."""
        commits = self.datamart.log.history(table)
        if clause.kind == VERSION:
            commit = next((c for c in commits if c.version == _number(clause)), None)
        else:
            then = moment(clause.value)
            commit = next((c for c in commits if c.timestamp <= then), None)
        if commit is None:
            raise BadInput(_absent(table, clause, commits))
        releases = published.releases(self.datamart.log)
        version = commit.version
        if self.pinned and version > self.pinned.versions.get(table.full_name, -1):
            raise BadInput(
                f"{clause} is newer than release {self.pinned.number}, at which this lake is; ask the "
                "lake without at()"
            )
        pins = Pins(
            f"{table.full_name} version {version}", commit.timestamp, {table.full_name: version}, {}
        )
        check_readable(self.datamart.log, pins, [table])
        self._explain(table, clause, version, releases)
        return version

    def _explain(self, table: Table, clause: Clause, version: int, releases: list[Release]) -> None:
        owning = [r.number for r in releases if r.versions.get(table.full_name) == version]
        read = "" if clause.kind == VERSION else f" reads version {version}, which"
        self.note(
            f"{table.full_name} {clause}{read} is a version of this table, and no release; "
            f"{_belongs(owning)}"
        )
        if sum(self.datamart.log.rows_by_month(table, version).values()) == 0:
            self.note(
                f"{table.full_name} {clause} has no rows: a table counts its own commits, and the first "
                f"only makes it; {_release_instead(table, releases)}"
            )


def _number(clause: Clause) -> int:
    if not clause.value.isdigit():
        raise BadInput(f"{clause.kind} AS OF takes a number, and {clause.value!r} is none")
    return int(clause.value)


def _absent(table: Table, clause: Clause, commits: list[Commit]) -> str:
    if not commits:
        return f"{table.full_name} was never built; run main.py"
    oldest, newest = commits[-1], commits[0]
    if clause.kind == VERSION:
        return (
            f"{table.full_name} has no version {clause.value}; there are {oldest.version} to "
            f"{newest.version}"
        )
    return f"{table.full_name} has no version of {clause.value}; the first is of {_utc(oldest.timestamp)}"


def _utc(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _belongs(releases: list[int]) -> str:
    if not releases:
        return "it is in no release"
    numbers = ", ".join(map(str, releases))
    return f"it is in release {numbers}" if len(releases) == 1 else f"it is in releases {numbers}"


def _release_instead(table: Table, releases: list[Release]) -> str:
    first = next((r for r in releases if r.row_counts.get(table.full_name)), None)
    if first is None:
        return "no release has a row of it"
    return (
        f"release {first.number} has its version {first.versions[table.full_name]}, which RELEASE AS OF "
        f"{first.number} reads"
    )


def _is_cte(reference: Reference) -> bool:
    """Whether a name is that of a WITH around it which it can see.

    QueryError where the embedded engine would not see it, and would look for a view of the session.
    """
    if len(reference.parts) > 1:
        return False
    node: exp.Expr | None = reference.node
    while node is not None:
        parent = node.parent
        with_ = parent.args.get("with_") if parent else None
        if with_ is not None and with_ is not node and _has(with_.expressions, reference):
            return True
        if isinstance(parent, exp.With):
            place = next(i for i, each in enumerate(parent.expressions) if each is node)
            if _has(parent.expressions[:place], reference):
                return True
            if parent.args.get("recursive") and _has([node], reference):
                raise QueryError(
                    "a WITH that reads itself is refused, as the embedded engine knows none",
                    reference.place,
                )
        node = parent
    return False


def _has(ctes: Sequence[exp.Expr], reference: Reference) -> bool:
    aliases = [cte.alias for cte in ctes if cte.alias.casefold() == reference.name.casefold()]
    if aliases and reference.name not in aliases:
        raise QueryError(
            f"{reference.name!r} is {aliases[0]!r} in WITH; write both the same", reference.place
        )
    return bool(aliases)

"""The input of a run, and its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.absent import Absent, absent, present
from lakehouse.catalog import Catalog
from lakehouse.days import today
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.html_table import html_table
from lakehouse.landing.counts import Counts
from lakehouse.landing.inbox import Inbox, Listing
from lakehouse.landing.raw_file import RawFile
from lakehouse.progress import Done, Progress, Wait, silent, uncounted
from lakehouse.releases.arrived import has_come
from lakehouse.run.plan import Request
from lakehouse.run.refused import RefusedFile
from lakehouse.run.told import told
from lakehouse.storage.checks import check_datamart
from lakehouse.storage.data_bucket import Data, data_place
from lakehouse.storage.data_folder import DataPlace
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint, state
from lakehouse.storage.log import Log
from lakehouse.table import Table

if TYPE_CHECKING:
    import pandas as pd

    from lakehouse.run.issues import OddCells
    from lakehouse.training.coverage import Coverage


@dataclass(frozen=True)
class RawBytes:
    """The size of the raw files, and the size of the part that a run works on: all, or what is new."""

    held: int
    at_work: int


def nothing(_size: RawBytes) -> None:
    """Do nothing with the size of the raw files."""


def refuse_loss(lost: Sequence[str]) -> None:
    """BadInput: the rows of the ledger that a repair would give up are named, and nothing is changed."""
    raise BadInput(f"the repair would give up {', '.join(lost)}; nothing was changed")


@dataclass(frozen=True)
class Job:
    """Everything that a run needs; `open_store` starts an engine for raw files of a given size.

    `prepare` sets the environment of that engine, and is called before a run begins its threads.

    If another run is at work, `wait` gets a message and this run starts when the other has ended.
    Without `wait` it fails. A file is refused if its share of bad rows is above `max_bad`, or if the share
    of a column's cells that become NULL is above `max_null`; None means a fifth, or three times the share
    of the months before. `on_day` is the calendar day to run as of; it is the bank's own if it is None.
    A clock before the newest release is refused, unless `clock_is_right`. Without `tells` the report has no
    odd cells, no coverage and no word about loans whose records do not follow.
    `absent` are the optional sources that `of_present` has left out of the catalog.
    `before_loss` gets what a repair would give up of the ledger, in words, and raises BadInput to keep it.
    """

    data: Data
    datamart: Datamart
    open_store: Callable[[Datamart, RawBytes], Store]
    request: Request = Request()
    max_bad: float = 0.2
    max_null: float | None = None
    on_progress: Progress = silent
    on_done: Callable[[Done], None] = uncounted
    wait: Wait = None
    on_day: date | None = None
    clock_is_right: bool = False
    tells: bool = True
    prepare: Callable[[RawBytes], None] = nothing
    before_loss: Callable[[Sequence[str]], None] = refuse_loss
    absent: tuple[Absent, ...] = ()
    _sha256: dict[tuple[Path, tuple[int, ...]], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _inboxes: list[tuple[Inbox, int]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )

    def of_present(self) -> Job:
        """The same run without the tables of optional sources that have no file yet."""
        if not any(table.source and table.source.optional for table in self.catalog.sources):
            return self
        check_datamart(self.datamart)

        def is_there(table: Table) -> bool:
            listing = self.files(table)
            return bool(listing.files or listing.refused) or has_come(self.log, table)

        gone = absent(self.catalog, is_there)
        datamart = replace(self.datamart, catalog=present(self.catalog, is_there))
        return replace(self, datamart=datamart, absent=gone)

    @property
    def log(self) -> Log:
        return self.datamart.log

    @property
    def catalog(self) -> Catalog:
        return self.datamart.catalog

    @cached_property
    def today(self) -> date:
        """The day after which a row is in the future, the same for all files."""
        return self.on_day or today(self.catalog.time_zone)

    @cached_property
    def _place(self) -> DataPlace:
        """The place of the raw files; what it has fetched of a store stays until the job is done."""
        return data_place(self.data)

    @property
    def inbox(self) -> Inbox:
        """The raw files that lie in the data folder, as they were when they were first looked at."""
        if not self._inboxes:
            self.look_again()
        return self._inboxes[-1][0]

    @property
    def looked_at_ns(self) -> int:
        """When the raw files were looked at, in nanoseconds since 1970; they were listed no earlier."""
        return self._inboxes[-1][1]

    def look_again(self) -> None:
        """Forget which raw files there are, because others may have come or gone."""
        sources = [table.source for table in self.catalog.sources if table.source]
        self._inboxes[:] = [(Inbox(self._place, sources), time.time_ns())]

    def files(self, table: Table) -> Listing:
        """The raw files of a bronze table; BadInput if the data folder cannot be listed."""
        assert table.source is not None
        return self.inbox.listing(table.source)

    def path(self, file: RawFile) -> Path:
        """A raw file on this machine; BadInput if it is no longer the one that was listed."""
        return self.inbox.path(file)

    def file(self, table: Table) -> Path:
        """The raw file of a bronze table; BadInput if it is missing, or is not the only one."""
        assert table.source is not None
        listing = self.files(table)
        if listing.refused:
            raise BadInput(listing.refused[0].why)
        if not listing.files:
            raise self.inbox.none_of(table.source)
        if len(listing.files) > 1:
            first, second = (file.name for file in listing.files[:2])
            raise BadInput(f"{self.data} holds {first} and {second}; only one of them can be read")
        return self.path(listing.files[0])

    def sha256(self, path: Path) -> str:
        """SHA-256 of a raw file; the file is read again only if it has changed."""
        version = path, state(path)
        if version not in self._sha256:
            self._sha256[version] = fingerprint(path)
        return self._sha256[version]


@dataclass
class TableReport:
    """The result of a run for one table; `rows` are the counts of its raw file, if one was read."""

    table: str
    rows: Counts | None = None
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    version: int | None = None
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        return self.inserted + self.updated + self.deleted


@dataclass
class Report:
    """The result of a run; `release` is the newest release, `published` are those that this run made.

    `raw_files` are those in the data folder; `refused` were not taken, while others were.

    `odd_cells`: the cells of silver that were not taken as they were. `coverage`: per feature group,
    how many applications find a row; empty if nothing was published.
    """

    release: int | None = None
    published: list[int] = field(default_factory=list)
    tables: dict[str, TableReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    raw_files: int = 0
    refused: list[RefusedFile] = field(default_factory=list)
    odd_cells: list[OddCells] = field(default_factory=list)
    coverage: list[Coverage] = field(default_factory=list)
    engine: str = "none"
    seconds: float = 0.0

    def __repr__(self) -> str:
        return "\n".join(told(self))

    def _repr_html_(self) -> str:
        changes = self.changes()
        shown = html_table(changes) if len(changes) else ""
        return "".join(f"<p>{escape(line)}</p>" for line in told(self)) + shown

    def changes(self) -> pd.DataFrame:
        """One row per table that changed: the rows inserted, updated and deleted, and the new version."""
        import pandas as pd

        names = ("inserted", "updated", "deleted", "version")
        changed = [each for each in self.tables.values() if each.changed]
        index = pd.Index([each.table for each in changed], name="table")
        return pd.DataFrame(
            {name: [getattr(each, name) for each in changed] for name in names}, index
        )

    def entry(self, table: Table) -> TableReport:
        return self.tables.setdefault(table.full_name, TableReport(table.full_name))

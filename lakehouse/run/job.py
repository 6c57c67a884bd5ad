"""The input of a run, and its report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from lakehouse.catalog import Catalog
from lakehouse.days import today
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Counts
from lakehouse.landing.land import find_file
from lakehouse.progress import Progress, Wait, silent
from lakehouse.run.plan import Request
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint, state
from lakehouse.storage.log import Log
from lakehouse.table import Table


@dataclass(frozen=True)
class RawBytes:
    """The size of the raw files, and the size of the part that a run works on: all, or what is new."""

    held: int
    at_work: int


@dataclass(frozen=True)
class Job:
    """Everything that a run needs; `open_store` starts an engine for raw files of a given size.

    If another run is at work, `wait` gets a message and this run starts when the other has ended.
    Without `wait` it fails. A file is refused if its share of bad rows is above `max_bad`, or if the share
    of a column's cells that become NULL is above `max_null`. `on_day` is the calendar day to run as of; it
    is the bank's own if it is None.
    """

    data: Path
    datamart: Datamart
    open_store: Callable[[Datamart, RawBytes], Store]
    request: Request = Request()
    max_bad: float = 0.2
    max_null: float = 0.2
    on_progress: Progress = silent
    wait: Wait = None
    on_day: date | None = None
    _sha256: dict[tuple[Path, tuple[int, ...]], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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

    @property
    def files(self) -> dict[Table, Path]:
        """The raw file of each bronze table; BadInput if one is missing."""
        tables = self.catalog.sources
        return {table: find_file(table.source, self.data) for table in tables if table.source}

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
    """The result of a run; `release` is the newest release, `published` are those that this run made."""

    release: int | None = None
    published: list[int] = field(default_factory=list)
    tables: dict[str, TableReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    engine: str = "none"
    seconds: float = 0.0

    def entry(self, table: Table) -> TableReport:
        return self.tables.setdefault(table.full_name, TableReport(table.full_name))

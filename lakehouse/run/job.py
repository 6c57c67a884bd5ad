"""What a run is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.catalog import Catalog
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
    """How large the raw files are, and what of it a run works on: all, or what is new."""

    held: int
    at_work: int


@dataclass(frozen=True)
class Job:
    """Everything a run needs to know; `open_store` starts an engine for raw files of that size.

    `wait`: where another run is at work, tell it this and go on once it has ended; None fails instead.
    """

    data: Path
    datamart: Datamart
    open_store: Callable[[Datamart, RawBytes], Store]
    request: Request = Request()
    max_bad: float = 0.2
    on_progress: Progress = silent
    wait: Wait = None
    _sha256: dict[tuple[Path, tuple[int, ...]], str] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def log(self) -> Log:
        return self.datamart.log

    @property
    def catalog(self) -> Catalog:
        return self.datamart.catalog

    @property
    def files(self) -> dict[Table, Path]:
        """The raw file of each bronze table; BadInput where one is missing."""
        tables = self.catalog.sources
        return {table: find_file(table.source, self.data) for table in tables if table.source}

    def sha256(self, path: Path) -> str:
        """Of the bytes of a raw file, which is not read again while it is as it was."""
        now = path, state(path)
        if now not in self._sha256:
            self._sha256[now] = fingerprint(path)
        return self._sha256[now]


@dataclass
class TableReport:
    """What a run did to one table; `rows` where it read a raw file."""

    table: str
    rows: Counts | None = None
    changed: int = 0
    version: int | None = None
    seconds: float = 0.0


@dataclass
class Report:
    """What a run did: `release` is the newest one, `published` those that this run made."""

    release: int | None = None
    published: list[int] = field(default_factory=list)
    tables: dict[str, TableReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    engine: str = "none"
    seconds: float = 0.0

    def entry(self, table: Table) -> TableReport:
        return self.tables.setdefault(table.full_name, TableReport(table.full_name))

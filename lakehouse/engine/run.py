"""A run: plan, land every pending file, then bring each table up to date, then publish a release."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.catalog import Catalog
from lakehouse.engine import ledger
from lakehouse.engine.datamart import check_datamart, check_writable, create_missing, locked
from lakehouse.engine.ingest import Writer, delivered_months, ingest, quarantine, taken
from lakehouse.engine.landing import Counts, Landed, find_file, fingerprint, land
from lakehouse.engine.log import Log
from lakehouse.engine.refresh import evolve, pending_months, refresh
from lakehouse.engine.store import Merged, Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.months import Scope, in_groups, spell
from lakehouse.plan import Recorded, Request, Step, make_plan
from lakehouse.table import Table

# What the run tells as it goes: the table, what it does, and the months.
OnProgress = Callable[[str, str, Sequence[str]], None]


@dataclass
class TableReport:
    """What a run did to one table."""

    table: str
    rows: Counts | None = None
    changed: int = 0
    version: int | None = None
    seconds: float = 0.0


@dataclass
class Report:
    """What a run did; `release` is the newest one, `published` those that this run made."""

    release: int | None
    published: list[int] = field(default_factory=list)
    tables: dict[str, TableReport] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    engine: str = "none"
    seconds: float = 0.0


@dataclass(frozen=True)
class Job:
    """Everything a run needs to know."""

    root: Path
    data: Path
    log: Log
    catalog: Catalog
    request: Request
    max_bad: float
    open_store: Callable[[Log, int], Store]  # (log, bytes of raw files) -> engine
    on_progress: OnProgress


def plan(job: Job) -> list[Step]:
    """What a run would do, a step a table; changes nothing and starts no engine."""
    check_datamart(job.root, job.log, job.catalog)
    sha256 = {t.full_name: fingerprint(path) for t, path in _files(job).items()}
    return make_plan(job.catalog, ledger.recorded(job.log, job.catalog), sha256, job.request)


def run(job: Job) -> Report:
    """Bring every table up to date with the raw files; a run with nothing to do touches nothing."""
    started = time.monotonic()
    steps = plan(job)
    if not any(step.pending for step in steps) and _published(job):
        return Report(ledger.releases(job.log)[-1]["release"], seconds=time.monotonic() - started)
    check_writable(job.root)
    with locked(job.root):
        report = _Run(job).whole()
    report.seconds = time.monotonic() - started
    return report


def _files(job: Job) -> dict[Table, Path]:
    return {
        table: find_file(table.source, job.data) for table in job.catalog.sources if table.source
    }


def _published(job: Job) -> bool:
    """Whether the newest release pins the tables as they are."""
    known = ledger.releases(job.log)
    now = {t.full_name: job.log.version(t) for t in job.catalog.tables if t.layer != "ledger"}
    return bool(known) and known[-1]["versions"] == now


class _Run:
    """One run, from the plan made under the lock to the release."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.writer = Writer(uuid.uuid4().hex[:12], datetime.now(timezone.utc))
        self.report = Report(release=None)
        self.landed: dict[str, Landed] = {}
        self.changed_months: set[str] = set()
        self.landing = job.root / "_landing" / self.writer.run_id

    def whole(self) -> Report:
        steps = plan(self.job)
        try:
            self._land([step.table for step in steps if step.table.source and step.pending])
            self._check_month()
            create_missing(self.job.log, self.job.catalog)
            self._compute()
        finally:
            shutil.rmtree(self.landing.parent, ignore_errors=True)
        known = ledger.releases(self.job.log)
        self.report.release = known[-1]["release"] if known else None
        return self.report

    def _land(self, tables: Sequence[Table]) -> None:
        """Read every pending file before any table changes, so that bad input changes nothing."""
        files = _files(self.job)
        for table in tables:
            assert table.source is not None
            self.job.on_progress(table.full_name, f"reading {files[table].name}", ())
            began = time.monotonic()
            landed = land(table.source, files[table], self.landing, self.job.max_bad)
            self.landed[table.full_name] = landed
            entry = self._entry(table)
            entry.seconds += time.monotonic() - began
            if landed.extra_columns:
                known = ", ".join(landed.extra_columns)
                self.report.notes.append(
                    f"{landed.file_name}: column {known} is not declared; kept as text in {table.full_name}"
                )

    def _check_month(self) -> None:
        """A month asked for by --month that no raw file has is a mistake of the asker."""
        scope = self.job.request.scope
        if scope.first is None or not self.landed:
            return
        if not any(delivered_months(landed, scope) for landed in self.landed.values()):
            held = sorted({m for each in self.landed.values() for m in each.counts if m})
            raise BadInput(
                f"no raw file in {self.job.data} has rows of month {scope.first}; they have {spell(held)}"
            )

    def _compute(self) -> None:
        size = sum(path.stat().st_size for path in _files(self.job).values())
        store = self.job.open_store(self.job.log, size)
        self.report.engine = store.name
        try:
            for scope in self._scopes():
                self._pass(store, scope)
        finally:
            store.stop()

    def _scopes(self) -> list[Scope]:
        """The scope of each release this run is to make: one, or with --by-month one a month."""
        asked = self.job.request.scope
        if not self.job.request.by_month:
            return [asked]
        months = {m for each in self.landed.values() for m in delivered_months(each, asked)}
        return [replace(asked, last=month) for month in sorted(months)] or [asked]

    def _pass(self, store: Store, scope: Scope) -> None:
        """Every table once, upstreams first, and the release."""
        request = replace(self.job.request, scope=scope)
        known = ledger.recorded(self.job.log, self.job.catalog)
        self.changed_months = set()
        sources = {
            table.full_name: self._ingest(store, table, scope, known.get(table.full_name))
            for table in self.job.catalog.sources
        }
        for table in self.job.catalog.derived:
            self._refresh(store, table, request, known.get(table.full_name))
        row = ledger.next_release(
            self.job.log,
            self.job.catalog,
            self.writer.run_id,
            store.name,
            self.changed_months,
            sources,
        )
        if row:
            self.report.published.append(ledger.publish(store, row))

    def _ingest(
        self, store: Store, table: Table, scope: Scope, known: Recorded | None
    ) -> dict[str, Any]:
        """Bring a bronze table up to its file; gives what it now holds of the file."""
        landed = self.landed.get(table.full_name)
        if landed is None:
            assert known is not None and known.sha256 is not None
            return ledger.source_record(known.sha256, known.scopes)
        began = time.monotonic()
        record = ledger.source_record(
            landed.fingerprint, self._scopes_taken(landed, scope, known, table)
        )
        months = self._months_to_ingest(landed, scope, record, known, table)
        metadata = {
            "run_id": self.writer.run_id,
            "code": self.job.catalog.code[table.full_name],
            **record,
        }
        merges = self._ingest_groups(store, table, landed, months, metadata)
        held = quarantine(store, landed, months, self.writer, {"run_id": self.writer.run_id})
        entry = self._entry(table)
        entry.rows = self._checked(table, taken(landed, scope))
        self._note(table, merges, began)
        self._note(QUARANTINE, [held], time.monotonic())
        return record

    def _scopes_taken(
        self, landed: Landed, scope: Scope, known: Recorded | None, table: Table
    ) -> list[Scope]:
        same = (
            known is not None
            and known.sha256 == landed.fingerprint
            and known.code == self.job.catalog.code[table.full_name]
        )
        before = known.scopes if known is not None and same else ()
        return [each for each in before if not scope.covers(each)] + [scope]

    def _months_to_ingest(
        self,
        landed: Landed,
        scope: Scope,
        record: Mapping[str, Any],
        known: Recorded | None,
        table: Table,
    ) -> list[str]:
        """The delivered months of the scope, less those that an earlier pass of this file took."""
        months = delivered_months(landed, scope)
        if known is None or known.sha256 != landed.fingerprint or self.job.request.full_refresh:
            return months
        if known.code != self.job.catalog.code[table.full_name] or known.pending_months:
            return months
        return [month for month in months if not any(each.has(month) for each in known.scopes)]

    def _ingest_groups(
        self,
        store: Store,
        table: Table,
        landed: Landed,
        months: Sequence[str],
        metadata: Mapping[str, Any],
    ) -> list[Merged]:
        largest = max((landed.counts[month].rows_in for month in months), default=1)
        size = len(months) or 1
        if store.cells_at_once is not None:
            size = max(store.cells_at_once // (largest * len(table.fields)), 1)
        groups = in_groups(months, size)
        merges = []
        for position, group in enumerate(groups):
            self.job.on_progress(table.full_name, "merging", group)
            later = [month for each in groups[position + 1 :] for month in each]
            commit = {**metadata, "pending_months": later}
            merges.append(ingest(store, table, landed, group, self.writer, commit))
        return merges

    def _checked(self, table: Table, rows: Counts) -> Counts:
        if rows.rows_in != rows.accepted + rows.quarantined + rows.equal_duplicates:
            raise LakehouseError(
                f"{table.full_name}: {rows.rows_in} rows came in, but {rows.accepted} accepted + "
                f"{rows.quarantined} quarantined + {rows.equal_duplicates} equal duplicates are not as many"
            )
        return rows

    def _refresh(
        self, store: Store, table: Table, request: Request, known: Recorded | None
    ) -> None:
        began = time.monotonic()
        code = self.job.catalog.code[table.full_name]
        metadata = {"run_id": self.writer.run_id, "code": code}
        emptied = evolve(store, table, metadata)
        everything = emptied or request.full_refresh or known is None or known.code != code
        months = pending_months(store, Step(table, "pending", everything), known)
        done = refresh(
            store,
            table,
            months,
            metadata,
            lambda group: self.job.on_progress(table.full_name, "computing", group),
        )
        self._note(table, done.merges, began)

    def _note(self, table: Table, merges: Sequence[Merged], began: float) -> None:
        entry = self._entry(table)
        before = entry.version
        changed = sum(merged.changed for merged in merges)
        entry.changed += changed
        entry.version = self.job.log.version(table)
        entry.seconds += time.monotonic() - began
        if changed and before != entry.version and table is not QUARANTINE:
            self.changed_months |= self._months_changed(table, merges)

    def _months_changed(self, table: Table, merges: Sequence[Merged]) -> set[str]:
        wrote = [merged.version for merged in merges if merged.changed]
        return self.job.log.changed_months(table, min(wrote) - 1, max(wrote))

    def _entry(self, table: Table) -> TableReport:
        return self.report.tables.setdefault(table.full_name, TableReport(table.full_name))

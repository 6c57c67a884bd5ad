"""A run: plan, land every pending file, bring each table up to date, publish a release."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from deltalake.exceptions import DeltaError
from pyarrow import ArrowException
from pyspark.errors import PySparkException

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engine import ledger
from lakehouse.engine.datamart import (
    check_datamart,
    check_writable,
    create_missing,
    locked,
    work_folder,
)
from lakehouse.engine.ingest import Delivery, Writer, ingest, quarantine
from lakehouse.engine.job import Job, Report
from lakehouse.engine.landing import Landed, fingerprint, land
from lakehouse.engine.refresh import evolve, pending_months, refresh
from lakehouse.engine.store import Merged, Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.months import Scope, spell
from lakehouse.plan import Recorded, Step, make_plan
from lakehouse.table import Table

_ENGINE_ERRORS = (PySparkException, DeltaError, ArrowException)


def plan(job: Job) -> list[Step]:
    """What a run would do, a step a table; changes nothing and starts no engine."""
    check_datamart(job.datamart, job.log, job.catalog)
    sha256 = {table.full_name: fingerprint(path) for table, path in job.files.items()}
    return make_plan(job.catalog, ledger.recorded(job.log, job.catalog), sha256, job.request)


def run(job: Job) -> Report:
    """Bring every table up to date with the raw files; a run with nothing to do touches nothing."""
    began = time.monotonic()
    report = _up_to_date(job, plan(job))
    if report is None:
        check_writable(job.datamart)
        with locked(job.datamart, job.wait):
            # Another run may have done it meanwhile.
            steps = plan(job)
            report = _up_to_date(job, steps) or _Run(job).whole(steps)
    report.seconds = time.monotonic() - began
    return report


def _up_to_date(job: Job, steps: Sequence[Step]) -> Report | None:
    """What is told of a datamart where nothing is to do; None where something is."""
    if any(step.pending for step in steps) or not ledger.is_published(job.log, job.catalog):
        return None
    tables = job.catalog.sources
    _check_scope(job, {m for table in tables for m in job.log.rows_by_month(table)})
    return Report(ledger.releases(job.log)[-1]["release"])


def _check_scope(job: Job, held: set[str]) -> None:
    """Months asked for of which there is no row are a mistake of the asker."""
    scope = job.request.scope
    if held and not any(scope.has(month) for month in held):
        asked = scope.first or f"up to {scope.last}"
        raise BadInput(
            f"no raw file in {job.data} has rows of month {asked}; they have {spell(held)}"
        )


def _months(landed: Iterable[Landed]) -> set[str]:
    return {month for each in landed for month in each.counts if month}


class _Run:
    """One run under the lock."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.log = job.log
        self.report = Report()
        self.writer = Writer(uuid.uuid4().hex[:12], datetime.now(timezone.utc))
        self.landed: dict[str, Landed] = {}

    def whole(self, steps: Sequence[Step]) -> Report:
        with work_folder(self.job.datamart) as landing:
            for step in steps:
                if step.table.source and step.pending:
                    self._land(step.table, landing)
            _check_scope(self.job, _months(self.landed.values()))
            store = self._open_store()
            create_missing(self.log, self.job.catalog)
            self._passes(store)
        self.report.release = ledger.releases(self.log)[-1]["release"]
        return self.report

    def _land(self, table: Table, landing: Path) -> None:
        """Read a pending file; all are read before any table changes, so bad input changes nothing."""
        assert table.source is not None
        path = self.job.files[table]
        self.job.on_progress(table.full_name, f"reading {path.name}", ())
        with self._timed(table):
            landed = land(table.source, path, landing, self.job.max_bad)
        self.landed[table.full_name] = landed
        if landed.extra_columns:
            self.report.notes.append(
                f"{landed.file_name}: no declaration knows column {', '.join(landed.extra_columns)}; "
                f"kept as text in {table.full_name}"
            )

    def _open_store(self) -> Store:
        size = sum(path.stat().st_size for path in self.job.files.values())
        store = self.job.open_store(self.log, size)
        self.report.engine = store.name
        return store

    def _passes(self, store: Store) -> None:
        scopes = self._scopes()
        for scope in scopes:
            self._pass(store, scope, last=scope is scopes[-1])

    def _scopes(self) -> list[Scope]:
        """The scope of each release this run is to make: one, or with --by-month one a month."""
        asked = self.job.request.scope
        if not self.job.request.by_month:
            return [asked]
        held = _months(self.landed.values())
        scopes = [replace(asked, last=month) for month in sorted(held) if asked.has(month)]
        # The last one is what was asked, so that the files count as wholly taken.
        return [*scopes[:-1], asked]

    def _pass(self, store: Store, scope: Scope, last: bool) -> None:
        """Every table once, upstreams first, and the release; a month that changed nothing has none."""
        known = ledger.recorded(self.log, self.job.catalog)
        sources = {}
        for table in self.job.catalog.sources:
            sources[table.full_name] = self._ingest(store, table, scope, known[table.full_name])
        for table in self.job.catalog.derived:
            self._refresh(store, table, known[table.full_name])
        if not last and ledger.is_published(self.log, self.job.catalog):
            return
        row = ledger.next_release(
            self.log, self.job.catalog, self.writer.run_id, store.name, sources
        )
        if row:
            self.report.published.append(ledger.publish(store, row))

    def _ingest(self, store: Store, table: Table, scope: Scope, known: Recorded) -> dict[str, Any]:
        """Bring a bronze table up to its file; gives what it now holds of the file."""
        landed = self.landed.get(table.full_name)
        if landed is None:
            return ledger.source_record(known.sha256, known.scopes)
        delivery = Delivery(
            table, landed, scope, known, self.job.catalog.code[table.full_name], self.writer
        )
        months = delivery.months(again=self.job.request.full_refresh)
        rows = delivery.checked_counts()
        # First: a table that has its file is not read again.
        with self._timed(QUARANTINE):
            self._note(QUARANTINE, quarantine(store, delivery, months))
        with self._timed(table) as entry:
            if months:
                self._tell(table, "merging", months)
            entry.rows = rows
            self._note(table, ingest(store, delivery, months))
        return delivery.record

    def _refresh(self, store: Store, table: Table, known: Recorded) -> None:
        code = self.job.catalog.code[table.full_name]
        metadata = {"run_id": self.writer.run_id, "code": code}
        with self._timed(table):
            everything = self.job.request.full_refresh or known.code != code
            everything = evolve(store, table, metadata) or everything
            months = pending_months(store, Step(table, "pending", everything), known)
            self._note(
                table,
                refresh(
                    store,
                    table,
                    months,
                    metadata,
                    lambda group: self._tell(table, "computing", group),
                ),
            )

    def _tell(self, table: Table, doing: str, months: Sequence[str]) -> None:
        rows = sum(entry.changed for entry in self.report.tables.values())
        self.job.on_progress(table.full_name, f"{doing} ({rows:,} rows so far)", months)

    def _note(self, table: Table, merges: Sequence[Merged]) -> None:
        entry = self.report.entry(table)
        entry.changed += sum(merged.changed for merged in merges)
        entry.version = self.log.version(table)

    @contextmanager
    def _timed(self, table: Table) -> Iterator[Any]:
        entry, began = self.report.entry(table), time.monotonic()
        try:
            yield entry
        except _ENGINE_ERRORS as error:
            # Their messages may show rows, which no log may hold.
            raise LakehouseError(
                f"{table.full_name}: {type(error).__name__} in the engine; what was whole stays, the "
                "next run goes on from there; --debug shows all of it"
            ) from error
        entry.seconds += time.monotonic() - began

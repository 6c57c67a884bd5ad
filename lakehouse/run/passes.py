"""The passes of a run over all tables: each brings every table up to date and publishes a release."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from threading import Lock

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Landed
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import MonthRange
from lakehouse.releases.publish import next_release, publish
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import is_published, recorded
from lakehouse.run.failures import explained
from lakehouse.run.ingest import Delivery, Writer, ingest, quarantine
from lakehouse.run.job import Job
from lakehouse.run.null_share import check_null_share
from lakehouse.run.plan import Request, Step
from lakehouse.run.refresh import evolve, pending_months, refresh
from lakehouse.run.reporting import Reporting
from lakehouse.run.shrinking import check_shrink
from lakehouse.run.side_by_side import side_by_side
from lakehouse.storage.commit_note import CommitNote, SourceRecord
from lakehouse.table import Table


def scopes(request: Request, landed: Mapping[str, Landed]) -> list[MonthRange]:
    """The months of each release that a run makes: one range, or with --by-month one per month."""
    asked = request.scope
    if not request.by_month:
        return [asked]
    delivered = {month for file in landed.values() for month in file.counts if month}
    by_month = [replace(asked, last=month) for month in sorted(delivered) if asked.has(month)]
    # The last range is the one asked for, so that the files count as completely taken.
    return [*by_month[:-1], asked]


class Passes:
    """The passes of one run; `landed` are the files that were read, by bronze table."""

    def __init__(
        self,
        job: Job,
        store: Store,
        writer: Writer,
        landed: Mapping[str, Landed],
        reporting: Reporting,
    ) -> None:
        self._job = job
        self._store = store
        self._writer = writer
        self._landed = landed
        self._reporting = reporting
        self._quarantining = Lock()

    def run(self, at_once: int) -> None:
        """Make every release; `at_once` is the number of tables to work on at a time."""
        every = scopes(self._job.request, self._landed)
        for scope in every:
            self._pass(scope, at_once, last=scope is every[-1])

    def _pass(self, scope: MonthRange, at_once: int, last: bool) -> None:
        """Bring every table up to date, upstreams first, and publish a release if something changed."""
        datamart, catalog = self._job.datamart, self._job.catalog
        recorded_by_table = recorded(datamart)
        sources: dict[str, SourceRecord] = {}

        def bring_up_to_date(table: Table) -> None:
            own = recorded_by_table[table.full_name]
            if table.source:
                sources[table.full_name] = self._ingest(table, scope, own)
            else:
                self._refresh(table, own)

        side_by_side([*catalog.sources, *catalog.derived], bring_up_to_date, at_once)
        if last or not is_published(datamart):
            self._publish(sources)

    def _publish(self, sources: Mapping[str, SourceRecord]) -> None:
        datamart = self._job.datamart
        with explained(datamart, RELEASES):
            release = next_release(datamart, self._writer.run_id, self._store.name, sources)
            if release:
                self._reporting.report.published.append(publish(datamart.log, release))

    def delivery(self, table: Table, landed: Landed, scope: MonthRange, own: Recorded) -> Delivery:
        code, asked = self._job.catalog.code[table.full_name], self._job.request.delivery
        return Delivery(table, landed, scope, own, code, self._writer, self._job.today, asked)

    def check_shrinks(self) -> None:
        """BadInput where a file would delete more rows of a month than a correction does."""
        recorded_by_table = recorded(self._job.datamart)
        for table in self._job.catalog.sources:
            landed, own = self._landed.get(table.full_name), recorded_by_table.get(table.full_name)
            if landed and own:
                delivery = self.delivery(table, landed, self._job.request.scope, own)
                check_shrink(self._store, delivery, delivery.months(self._is_taken_again(own)))

    def check_null_shares(self) -> None:
        """BadInput where cells of a file that was read would become NULL, more than the user allows."""
        for table in self._job.catalog.derived:
            landed = [
                self._landed[up.full_name] for up in table.upstreams if up.full_name in self._landed
            ]
            if landed and table.raw_columns:
                check_null_share(self._store, table, landed[0], self._job.max_null)

    def _ingest(self, table: Table, scope: MonthRange, own: Recorded) -> SourceRecord:
        """Bring a bronze table up to date with its file; return what it now holds of the file."""
        landed = self._landed.get(table.full_name)
        if landed is None:
            return own.source
        delivery = self.delivery(table, landed, scope, own)
        months = delivery.months(again=self._is_taken_again(own))
        rows = delivery.checked_counts()
        # The quarantine comes first, because a table that has its file is not read again.
        with self._quarantining, self._reporting.timed(QUARANTINE):
            self._reporting.add(QUARANTINE, quarantine(self._store, delivery, months))
        with self._reporting.timed(table) as entry:
            if months:
                self._reporting.tell(table, "merging", months)
            entry.rows = rows
            self._reporting.add(table, ingest(self._store, delivery, months))
        return delivery.record

    def _refresh(self, table: Table, own: Recorded) -> None:
        """Compute the months of a derived table that changes of its upstreams reach."""
        code = self._job.catalog.code[table.full_name]
        note = CommitNote(self._writer.run_id, code)
        with self._reporting.timed(table):
            everything = self._is_taken_again(own) or own.code != code
            everything = evolve(self._store, table, note) or everything
            months = pending_months(self._store, Step(table, "pending", everything), own)
            merges = refresh(
                self._store,
                table,
                months,
                note,
                lambda group: self._reporting.tell(table, "computing", group),
            )
            self._reporting.add(table, merges)

    def _is_taken_again(self, own: Recorded) -> bool:
        return self._job.request.full_refresh or bool(own.again)

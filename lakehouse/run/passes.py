"""The passes of a run over all tables: each brings every table up to date and publishes a release."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from threading import Lock

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts, Landed
from lakehouse.ledger.deliveries import TABLE as DELIVERIES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import UNDATED, MonthRange
from lakehouse.releases.deliveries import FileVersion, arrivals, digest, newest_taken, put
from lakehouse.releases.publish import next_release, publish, sync_commits
from lakehouse.releases.recorded import Recorded
from lakehouse.releases.state import read_state, recorded
from lakehouse.run.failures import explained
from lakehouse.run.ingest import Delivery, Writer, ingest, quarantine
from lakehouse.run.job import Job
from lakehouse.run.null_share import check_null_share
from lakehouse.run.plan import Request, Step
from lakehouse.run.refresh import evolve, existing, pending_months, refresh
from lakehouse.run.reporting import Reporting
from lakehouse.run.rows_by_file import rows_by_file
from lakehouse.run.sample import check_sample
from lakehouse.run.shrinking import check_shrink
from lakehouse.run.side_by_side import side_by_side
from lakehouse.run.taking import Target, held_of
from lakehouse.run.unnoted import unnoted
from lakehouse.run.unproven import Unproven
from lakehouse.storage.commit_note import CommitNote, Quarantined, SourceRecord
from lakehouse.table import Table
from lakehouse.upkeep.repeated import check_keys
from lakehouse.words import counted


def scopes(request: Request, landed: Mapping[str, Landed]) -> list[MonthRange]:
    """The months of each release that a run makes: one range, or with --by-month one per month."""
    asked = request.scope
    if not request.by_month:
        return [asked]
    delivered = {month for file in landed.values() for month in file.counts if month}
    dated = sorted(delivered - {UNDATED})
    by_month = [replace(asked, last=month) for month in dated if asked.has(month)]
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
        self._unproven: Unproven = {}
        self._quarantining = Lock()
        self._superseding = Lock()
        # By bronze table, the archived files that the ledger does not know.
        self._unnoted: dict[str, list[FileVersion]] = {}
        # By bronze table, the months that a run has written which was stopped, or published nothing.
        self._stopped_in: dict[str, set[str]] = {}
        # The fates of rows that may have changed in this run.
        self._fates: dict[tuple[str, str], dict[str | None, Counts]] = {}

    def run(self, left: Unproven, at_once: int) -> None:
        """Make every release; `at_once` is the number of tables to work on at a time.

        The months of the files that a stopped run has `left` are computed again.
        """
        self._unproven = left
        self._settle()
        self._find_unnoted()
        every = scopes(self._job.request, self._landed)
        months = self._months_by_pass(every)
        self._reporting.begin(months)
        for scope, months_of_pass in zip(every, months, strict=True):
            self._reporting.begin_pass(months_of_pass)
            self._pass(scope, at_once, last=scope is every[-1])

    def _settle(self) -> None:
        """Finish what a stopped run has left in `bronze.superseded`."""
        log, state = self._store.log, read_state(self._job.datamart)
        for table in self._job.catalog.sources:
            own = state.standings.get(table.full_name)
            if own and own.ours and log.exists(SUPERSEDED):
                changed = log.changed_months(table, max(own.base, 0), own.version)
                sha256 = state.recorded[table.full_name].sha256 or ""
                begun = CommitNote(
                    self._writer.run_id, quarantined=Quarantined(table.full_name, sha256)
                )
                self._stopped_in[table.full_name] = changed
                target = Target(self._store, table, sorted(changed), begun, self._superseding)
                self._reporting.add(SUPERSEDED, target.settle())

    def _find_unnoted(self) -> None:
        """Find the archived files that the ledger does not know, so that this run notes them."""
        recorded_by_table = recorded(self._job.datamart)
        for table in self._job.catalog.sources:
            landed, own = self._landed.get(table.full_name), recorded_by_table.get(table.full_name)
            if landed is None or own is None or self._is_noted(table, own):
                continue
            delivery = self.delivery(table, landed, self._job.request.scope, own)
            known = {*delivery.taken, *(file.name for file in landed.files)}
            found = unnoted(self._store, table, own, known)
            self._unnoted[table.full_name] = found
            if found:
                self._reporting.note(
                    f"{table.full_name}: {DELIVERIES.full_name} did not know {counted(len(found), 'file')} "
                    f"that it has rows of ({found[0].file}); they count as taken, and their rows stay"
                )

    def _months_by_pass(self, every: Sequence[MonthRange]) -> list[dict[str, int]]:
        """For each pass, the most months that it may cover in each table, whether or not rows differ."""
        catalog, recorded_by_table = self._job.catalog, recorded(self._job.datamart)
        tables = [*catalog.sources, *catalog.derived]
        there = {table.full_name: existing(self._store, [table]) for table in tables}
        passes: list[dict[str, int]] = []
        taken: set[str] = set()
        for scope in every:
            covered: dict[str, set[str]] = {}
            for table in tables:
                name, own = table.full_name, recorded_by_table[table.full_name]
                landed, again = self._landed.get(name), self._is_taken_again(own)
                above = [up.full_name for up in table.upstreams]
                held = there[name].union(
                    table.possible(m for up in above for m in there.get(up, ()))
                )
                reached = set().union(*(covered.get(up, ()) for up in above))
                if landed:
                    delivery = self.delivery(table, landed, scope, own)
                    covered[name] = {*delivery.months(again)} - taken
                elif table.upstreams and (again or (own.code != catalog.code[name] and not passes)):
                    covered[name] = held
                else:
                    covered[name] = table.reached(reached, held)
                there[name] |= covered[name]
            taken = taken.union(*covered.values())
            passes.append({name: len(months) for name, months in covered.items()})
        return passes

    def _pass(self, scope: MonthRange, at_once: int, last: bool) -> None:
        """Bring every table up to date, upstreams first, and publish a release if a row changed.

        The last pass also publishes which files are taken, though all their rows were there.
        """
        datamart, catalog = self._job.datamart, self._job.catalog
        recorded_by_table = recorded(datamart)
        sources: dict[str, SourceRecord] = {}

        def bring_up_to_date(table: Table) -> None:
            own = recorded_by_table[table.full_name]
            if table.source:
                sources[table.full_name] = self._ingest(table, scope, own)
            else:
                self._refresh(table, own)
            self._reporting.step(table)

        side_by_side([*catalog.sources, *catalog.derived], bring_up_to_date, at_once)
        if last or read_state(datamart).has_other_rows:
            self._note_deliveries(scope, recorded_by_table)
            self._publish(sources)

    def _note_deliveries(self, scope: MonthRange, before: Mapping[str, Recorded]) -> None:
        """Write which files were taken; later, a table that says so needs its files no more."""
        versions = [
            version
            for table in self._job.catalog.sources
            if (landed := self._landed.get(table.full_name))
            for version in (
                *self._unnoted.pop(table.full_name, ()),
                *self.delivery(table, landed, scope, before[table.full_name]).versions,
            )
        ]
        note, catalog = CommitNote(self._writer.run_id), self._job.catalog
        with explained(self._job.datamart, DELIVERIES):
            # A ledger that outlives the rows of its files in a loss of power would keep them from being read.
            sync_commits(self._job.datamart, [*catalog.sources, QUARANTINE, SUPERSEDED])
            put(self._job.log, versions, note, self._fates)

    def _publish(self, sources: Mapping[str, SourceRecord]) -> None:
        datamart = self._job.datamart
        if self._reporting.report.refused and not self._job.request.publish_good:
            return
        with explained(datamart, RELEASES):
            release = next_release(datamart, self._writer.run_id, self._store.name, sources)
            if release:
                check_keys(datamart, release)
                check_sample(self._store, release)
                self._reporting.report.published.append(publish(datamart, release))

    def delivery(self, table: Table, landed: Landed, scope: MonthRange, own: Recorded) -> Delivery:
        code, asked = self._job.catalog.code[table.full_name], self._job.request.delivery
        assert table.source is not None
        log, source = self._job.log, table.source
        taken = newest_taken(log).get(source.name, {})
        return Delivery(
            table,
            landed,
            scope,
            own,
            code,
            self._writer,
            self._job.today,
            asked,
            taken,
            self._is_noted(table, own),
            {each.file: each.taken for each in self._unnoted.get(table.full_name, ())},
            partial(arrivals, log, source.name),
        )

    def _is_noted(self, table: Table, own: Recorded) -> bool:
        """Whether the ledger knows all files that a table has taken.

        It does not after an older program, nor after a run that was stopped before it noted them.
        """
        assert table.source is not None
        taken = newest_taken(self._job.log).get(table.source.name, {})
        return digest(taken) == own.sha256 and bool(taken or not self._job.log.exists(table))

    def check_shrinks(self) -> None:
        """BadInput where a file would delete more rows of a month than a correction does."""
        recorded_by_table = recorded(self._job.datamart)
        for table in self._job.catalog.sources:
            landed, own = self._landed.get(table.full_name), recorded_by_table.get(table.full_name)
            if landed and own:
                delivery = self.delivery(table, landed, self._job.request.scope, own)
                held = recorded_by_table.get(SUPERSEDED.full_name)
                months = delivery.months(self._is_taken_again(own))
                check_shrink(self._store, delivery, months, held.undo_to if held else None)

    def check_null_shares(self, at_once: int) -> None:
        """BadInput where cells of a file would become NULL or other numbers, more than the user allows."""
        recorded_by_table = recorded(self._job.datamart)

        def check(table: Table, landed: Landed) -> None:
            own = recorded_by_table.get(table.full_name)
            version = own.undo_to if own else None
            with explained(self._job.datamart, table):
                check_null_share(self._store, table, landed, self._job.max_null, version)

        with ThreadPoolExecutor(at_once) as pool:
            # In the order of the tables, so that of several refusals the same one is told each time.
            for done in [pool.submit(check, *each) for each in self._cleaned()]:
                done.result()
        for landed in self._landed.values():
            declared = f"1234{landed.source.decimal}5"
            for file in landed.files:
                if file.other_spelling and self._job.max_null != 1:
                    raise BadInput(
                        f"{file.name}: {file.other_spelling}; nothing was changed: deliver numbers like"
                        f" {declared}, or allow it with --max-null 1"
                    )

    def _cleaned(self) -> Iterator[tuple[Table, Landed]]:
        """Each table that cleans raw cells, with the files that came for it."""
        for table in self._job.catalog.derived:
            ups = [each for up in table.upstreams if (each := self._landed.get(up.full_name))]
            if ups and table.raw_columns and "_issues" in table.columns:
                yield table, ups[0]

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
            merges = quarantine(self._store, delivery, months)
            for merged in merges:
                # On the disk first as well: its loss would leave no trace.
                self._store.log.sync_commits(QUARANTINE, since=merged.version - 1)
            self._reporting.add(QUARANTINE, merges)
        with self._reporting.timed(table) as entry:
            entry.rows = rows
            with self._reporting.working(table, "merging", months) if months else nullcontext():
                written = ingest(self._store, delivery, months, self._superseding)
                self._reporting.add(table, written.table)
        self._reporting.add(SUPERSEDED, written.superseded)
        stopped = self._stopped_in.pop(table.full_name, set())
        if (
            stopped
            or written.superseded
            or (months and held_of(self._store, table, months) is not None)
        ):
            entry.rows = self._counted_again(table, delivery, sorted({*months, *stopped}))
        return delivery.record

    def _counted_again(self, table: Table, delivery: Delivery, months: Sequence[str]) -> Counts:
        """The fates of the delivered rows; those of all files of these months are kept to be noted."""
        source = delivery.landed.source.name
        for (file, month), counts in rows_by_file(self._store, table, months).items():
            self._fates.setdefault((source, file), {})[month] = counts
        now = (each.with_fates(self._fates.get(each.key[:2], {})) for each in delivery.versions)
        return sum((each.total for each in now), Counts())

    def _refresh(self, table: Table, own: Recorded) -> None:
        """Compute the months of a derived table that changes of its upstreams reach."""
        code = self._job.catalog.code[table.full_name]
        note = CommitNote(self._writer.run_id, code)
        with self._reporting.timed(table):
            everything = self._is_taken_again(own) or own.code != code
            everything = evolve(self._store, table, note, own.code != code) or everything
            again = {
                file.partition for file in self._unproven.get(table.full_name, ()) if file.rows
            }
            months = pending_months(self._store, Step(table, "pending", everything), own, again)
            merges = refresh(
                self._store,
                table,
                months,
                note,
                lambda group: self._reporting.working(table, "computing", group),
            )
            self._reporting.add(table, merges)

    def _is_taken_again(self, own: Recorded) -> bool:
        return self._job.request.full_refresh or bool(own.again)

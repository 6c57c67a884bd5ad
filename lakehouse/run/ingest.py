"""Raw rows into bronze: the changes that a landed file makes to its table and to the quarantine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, reduce
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.raw import ROW_HASH
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.changes import DELETE, OPERATION, as_declared, differing, upserts
from lakehouse.engines.store import Merged, Store
from lakehouse.errors import LakehouseError
from lakehouse.landing.counts import Counts, Landed, LandedFile
from lakehouse.landing.file_names import day_in
from lakehouse.landing.repeated import CONTRADICTS
from lakehouse.landing.row_hash import kept_as
from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import FileVersion, Taken
from lakehouse.releases.recorded import Recorded
from lakehouse.run.candidates import FILE
from lakehouse.run.groups import write_in_groups
from lakehouse.run.records import together
from lakehouse.run.taking import Target, Written, held_of
from lakehouse.run.union import Rules, Said, frame
from lakehouse.storage.commit_note import CommitNote, Quarantined, SourceRecord
from lakehouse.table import MONTH, DeliveryMode, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_WORDS = "_words"


@dataclass(frozen=True)
class Writer:
    """The run that writes; its id is in each row and each commit."""

    run_id: str
    started_at: datetime


@dataclass(frozen=True)
class Delivery:
    """The landed files of a source on their way into its table; only the months of the scope are taken.

    `taken` are the newest versions of its files by name, as the ledger has them; `is_noted` tells whether
    these are all. `unnoted` are others: the table has rows of them, and the ledger does not know them.
    `arrivals` tells by file and month when the last version with such rows came; it is asked if that decides.
    """

    table: Table
    landed: Landed
    scope: MonthRange
    recorded: Recorded
    code: str
    writer: Writer
    today: date
    asked: DeliveryMode | None = None
    taken: Mapping[str, Taken] = field(default_factory=dict)
    is_noted: bool = False
    unnoted: Mapping[str, Taken] = field(default_factory=dict)
    arrivals: Callable[[], Mapping[tuple[str, str], int]] = dict

    @cached_property
    def rows_only(self) -> bool:
        """Whether the file only has rows to add or correct, so that none of a month vanishes by it.

        As asked for; else as before, where the file was taken before; else as its source declares.
        """
        if self.asked is not None:
            return self.asked == "rows"
        before = [self._same_before(file) for file in self.landed.files]
        taken_so = bool(before) and all(record and record.rows_only for record in before)
        return taken_so or self.landed.source.delivery == "rows"

    def _same_before(self, file: LandedFile) -> SourceRecord | None:
        """The part of a file that was taken before with the same bytes; None if there is none."""
        taken, of_table = self.taken.get(file.name), self.recorded.source
        record = taken.record if taken else None if self.taken else of_table
        return record if record and record.sha256 == file.sha256 else None

    def _taken_scopes(self, file: LandedFile) -> tuple[MonthRange, ...]:
        """The months that were taken of a file with the same bytes and this code, read in the same way."""
        before = self._same_before(file)
        # The ledger may know of files whose rows are lost.
        if self.taken and not self.is_noted:
            return ()
        if not before or self.recorded.code != self.code or self.recorded.pending_months:
            return ()
        orders = [each and each.order for each in (before.date_order, file.date_order)]
        is_same = orders[0] == orders[1] and not before.waited_for(self.today)
        return before.scopes if is_same else ()

    @cached_property
    def delivered(self) -> set[str]:
        """The months of the files that are in the scope."""
        return {month for month in self.landed.counts if month and self.scope.has(month)}

    def months(self, again: bool = False) -> list[str]:
        """The months to take: those of the files in the scope, without those taken before.

        Also those that an earlier version of one of the files had.
        """
        taken = {each.name: () if again else self._taken_scopes(each) for each in self.landed.files}
        contained = [(file.name, month) for file in self.landed.files for month in file.counts]
        return sorted(
            {
                month
                for file, month in (*contained, *self.replaces)
                if month and self.scope.has(month)
                if not any(scope.has(month) for scope in taken[file])
            }
        )

    @cached_property
    def replaces(self) -> list[tuple[str, str]]:
        """Each file that was taken before, with the months in which a row goes that it no longer has.

        A file with a plain name leaves the months that it no longer contains: each delivery has that name.
        """
        if self.rows_only:
            return []
        return [
            (file.name, month)
            for file in self.landed.files
            if not self.is_noted or file.name in self._names_before
            for month in sorted(self._replaced(file))
        ]

    @cached_property
    def _names_before(self) -> set[str]:
        plain = {*self.landed.source.file_names}
        names = {*self.taken}
        return names | (plain if names & plain else set())

    def _replaced(self, file: LandedFile) -> set[str]:
        if file.name in self.landed.source.file_names:
            return {month for month in file.counts if month}
        read_on = file.before.months if file.before else ()
        return (file.months | self._months_before(file)) - {*read_on}

    def _months_before(self, file: LandedFile) -> set[str]:
        """The months of the version of a file that was taken last."""
        before = self.taken.get(file.name)
        return {*before.months} if before else set()

    @cached_property
    def rules(self) -> Rules:
        """By what it is decided which rows of the files, and of earlier ones, stand."""
        return Rules(self.landed, self.replaces, self.damaged_by, self._rank)

    @property
    def damaged_by(self) -> str | None:
        """The column that a damaged row mentions; in a table about nobody the first key besides the date."""
        table = self.table
        return table.entity or next((key for key in table.keys if key != table.date), None)

    def _rank(self, file: str, month: str) -> str:
        """A text that is greater for a later file, by the declared order."""
        if self.landed.source.supersedes == "date":
            return f"{day_in(file) or ''} {file}"
        return f"{self._arrived(file, month):020d} {file}"

    def _arrived(self, file: str, month: str) -> int:
        """When rows of this month came in a file; a version without the month leaves the earlier ones."""
        now, before = self._files_now.get(file), self.taken.get(file) or self.unnoted.get(file)
        is_other = now is not None and not (before and before.sha256 == now.sha256)
        if now and is_other and month in now.months:
            return self._now
        plain = self.landed.source.file_names
        names = plain if file in plain else (file,)
        came = [at for each in names if (at := self._arrivals.get((each, month)))]
        return max(came, default=before.taken_at if before and not is_other else 0)

    @cached_property
    def _arrivals(self) -> Mapping[tuple[str, str], int]:
        return self.arrivals()

    @cached_property
    def _files_now(self) -> dict[str, LandedFile]:
        return {each.name: each for each in self.landed.files}

    @cached_property
    def _now(self) -> int:
        return int(self.writer.started_at.timestamp() * 1_000_000)

    def extra_columns(self, held: Iterable[str]) -> dict[str, str]:
        """Undeclared raw columns, each with its name in a table that has the columns `held`.

        Delta does not distinguish names by case.
        """
        spelt = {name.casefold(): name for name in held}
        names = {raw: kept_as(raw) for raw in self.landed.extra_columns}
        return {raw: spelt.get(name.casefold(), name) for raw, name in names.items()}

    @cached_property
    def record(self) -> SourceRecord:
        """The part of its files that the table holds after this delivery."""
        now = {each.file: each.taken for each in self.versions}
        return together(self.taken, {**self.unnoted, **now})

    @cached_property
    def versions(self) -> list[FileVersion]:
        """The files as ledger.deliveries has them after this delivery."""
        return [self._version(file) for file in self.landed.files]

    def _version(self, file: LandedFile) -> FileVersion:
        before = self._taken_scopes(file)
        scopes = (each for each in before if not self.scope.covers(each))
        record = SourceRecord(
            file.sha256,
            (*scopes, self.scope),
            file.extent,
            self.rows_only,
            file.date_order,
            file.waits_until,
        )
        run_id, began = self.writer.run_id, self.writer.started_at
        in_scope = {m: n for m, n in file.counts.items() if m is None or self.scope.has(m)}
        # Before it was read: a later write leaves another stamp.
        is_known = file.file.stamp and file.file.is_settled(int(began.timestamp() * 10**9))
        return FileVersion(
            self.landed.source.name,
            file.name,
            file.sha256,
            file.file.size,
            file.file.stamp if is_known else "",
            {**self._left_of_earlier(file), **in_scope},
            "rows" if self.rows_only else "months",
            record,
            run_id,
            run_id,
            began,
            grew_from=file.before.sha256 if file.before else None,
            kept=before,
        )

    def _left_of_earlier(self, file: LandedFile) -> dict[str | None, Counts]:
        """The months in which rows of an earlier version stay until a run takes these months, too."""
        before = self.taken.get(file.name)
        is_plain = file.name in self.landed.source.file_names
        if self.rows_only or is_plain or (before and before.sha256 == file.sha256):
            return {}
        return {m: Counts() for m in self._months_before(file) if not self.scope.has(m)}

    def checked_counts(self) -> Counts:
        """The counts of the file's rows in the scope; a row without a readable month always counts."""
        counts = reduce(
            Counts.__add__,
            (
                n
                for month, n in self.landed.counts.items()
                if month is None or self.scope.has(month)
            ),
            Counts(),
        )
        if counts.rows_in != counts.settled:
            raise LakehouseError(
                f"{self.table.full_name}: of {counts.rows_in} rows of {self.landed.file_name} "
                f"{counts.accepted} were accepted, {counts.quarantined} quarantined and "
                f"{counts.equal_duplicates} equal duplicates: rows were lost, please report this"
            )
        return counts


def ingest(
    store: Store, delivery: Delivery, months: Sequence[str], superseding: Lock | None = None
) -> Written:
    """Make these months of a bronze table those of the files, with one commit per group of months.

    Earlier files count as well, and the latest one wins. A row that the newest version of its file
    no longer has is deleted. It stays if a row of that file in quarantine mentions its entity, as a damaged
    row has not vanished, and if the delivery only has rows to add or correct.
    `superseding` is held while `bronze.superseded` is written.
    """
    table = _with_columns(store, delivery)
    record = delivery.record
    taken = CommitNote(delivery.writer.run_id, delivery.code, source=record)
    superseded: list[Merged] = []

    def write(group: Sequence[str], note: CommitNote) -> Sequence[Merged]:
        target = Target(store, table, group, _begun(delivery), superseding or Lock())
        written = _write(target, delivery, note)
        superseded.extend(written.superseded)
        return written.table

    rows = {month: counts.rows_in for month, counts in delivery.landed.counts.items()}
    largest = max((rows.get(month, 0) for month in months), default=1)
    held = {*store.log.rows_by_month(table)}
    # Apart, so that a month that is new is only appended.
    new, old = ([m for m in months if (m in held) == is_old] for is_old in (False, True))
    merges = write_in_groups(store, delivery.table, new, largest, taken, write, then=old)
    merges += write_in_groups(store, delivery.table, old, largest, taken, write)
    return Written(merges, superseded)


def _begun(delivery: Delivery) -> CommitNote:
    """The note that a delivery was begun, in a table beside that of the delivery."""
    of_table = Quarantined(delivery.table.full_name, delivery.record.sha256 or "")
    return CommitNote(delivery.writer.run_id, quarantined=of_table)


def _write(target: Target, delivery: Delivery, note: CommitNote) -> Written:
    store, table, months = target.store, target.table, target.months
    said = said_of(store, table, delivery, months)
    if said.is_first:
        return target.append(delivery.rules, said, note)
    if not is_alone(said, delivery):
        return target.unite(delivery.rules, said, note)
    assert said.bronze is not None
    changes = differing(said.new, said.bronze, table, [ROW_HASH])
    if delivery.rows_only:
        changes = changes.where(F.col(OPERATION) != DELETE)
    else:
        changes = without_damaged(store, changes, delivery)
    return target.merge(changes, note)


def said_of(
    store: Store,
    table: Table,
    delivery: Delivery,
    months: Sequence[str],
    versions: Mapping[str, int | None] | None = None,
) -> Said:
    """All rows about these months, of tables at these versions; without one the newest."""
    landed, in_months, at = delivery.landed, F.col(MONTH).isin(list(months)), versions or {}
    others = deletions = bronze = None
    if landed.others:
        others = _delivered(store, table, delivery, landed.others).where(in_months)
    if landed.deleted:
        deleted = store.read_parquet(str(landed.deleted)).where(in_months)
        deletions = _stamped(deleted, delivery.writer)
    version = at.get(table.full_name)
    if {*months} & {*store.log.rows_by_month(table, version)}:
        bronze = store.read(table, version).where(in_months)
    return Said(
        _delivered(store, table, delivery, landed.accepted).where(in_months),
        others,
        deletions,
        bronze,
        held_of(store, table, months, at.get(SUPERSEDED.full_name)),
    )


def is_alone(said: Said, delivery: Delivery) -> bool:
    """Whether all rows about the months are of the one file that is read."""
    if said.has_contested or said.held is not None or len(delivery.landed.files) > 1:
        return False
    name, plain = delivery.landed.file_name, delivery.landed.source.file_names
    own = {*plain} if name in plain else {name}
    if delivery.is_noted:
        return {*delivery.taken} <= own
    if said.bronze is None:
        return True
    return not said.bronze.where(~F.col(FILE).isin(*own)).select(FILE).limit(1).collect()


def _delivered(store: Store, table: Table, delivery: Delivery, rows: Path) -> DataFrame:
    """The rows of a landed file in the form of the table."""
    accepted = store.read_parquet(str(rows))
    extra = delivery.extra_columns(table.columns)
    accepted = accepted.withColumnsRenamed(extra)
    # Columns of earlier deliveries that this delivery does not have.
    gone = {*table.columns} - {*delivery.table.columns} - {*extra.values()}
    accepted = accepted.select("*", *(F.lit(None).alias(name) for name in sorted(gone)))
    return as_declared(_stamped(accepted, delivery.writer), table)


def quarantine(store: Store, delivery: Delivery, months: Sequence[str]) -> list[Merged]:
    """Make the open rows of the quarantine of these files equal to their bad rows of these months."""
    name = delivery.landed.source.name
    note = _begun(delivery)
    delivered = sum(counts.quarantined for counts in delivery.landed.counts.values())
    if not delivered and name not in store.log.rows_by_month(QUARANTINE):
        return []
    in_scope = F.col(MONTH).isNull() | F.col(MONTH).isin(list(months))
    bad = _stamped(store.read_parquet(str(delivery.landed.quarantined)), delivery.writer)
    new = as_declared(bad.withColumn("mended_run_id", F.lit(None)), QUARANTINE).where(in_scope)
    if name not in store.log.rows_by_month(QUARANTINE):
        return store.merge(QUARANTINE, upserts(new), note, insert_only=True)
    old = store.read(QUARANTINE).where((F.col("source") == name) & in_scope)
    opened = differing(_with_words(new), _with_words(old), QUARANTINE, [_WORDS, "mended_run_id"])
    opened = opened.where(F.col(OPERATION) != DELETE)
    closing = _closing(store, old.where(F.col("mended_run_id").isNull()), delivery, months)
    if closing is None:
        return store.merge(QUARANTINE, opened, note)
    gone = closing.join(new, list(QUARANTINE.keys), "left_anti")
    mended = gone.withColumn("mended_run_id", F.lit(delivery.writer.run_id))
    changes = opened.unionByName(upserts(as_declared(mended, QUARANTINE)))
    return store.merge(QUARANTINE, changes, note)


def _closing(
    store: Store, rows: DataFrame, delivery: Delivery, months: Sequence[str]
) -> DataFrame | None:
    """Those of the open rows that newer versions of their files replace; None if there are no such files.

    A file with a plain name replaces those of the months that it contains.
    """
    plain_names = delivery.landed.source.file_names
    closing = []
    for plain in (file for file in delivery.landed.files if file.name in plain_names):
        if delivery.rows_only:
            continue
        of_file = {month for month in plain.counts if month and delivery.scope.has(month)}
        there = F.col(MONTH).isin([month for month in months if month in of_file])
        # A row without a readable month may belong to a month that this delivery does not contain.
        if {*store.log.rows_by_month(delivery.table)} <= of_file:
            there = there | F.col(MONTH).isNull()
        closing.append(rows.where(F.col(FILE).isin(*plain_names) & there))
    names = {file.name for file in delivery.landed.files} - {*plain_names}
    if delivery.is_noted:
        names &= {*delivery.taken}
    if names:
        files = frame(store, [(name,) for name in sorted(names)], (FILE,))
        closing.append(rows.join(files, [FILE], "left_semi"))
    return reduce(lambda one, other: one.unionByName(other), closing) if closing else None


def _with_words(rows: DataFrame) -> DataFrame:
    """The rows with the words of their reasons: the number of another row changes with any order of rows."""
    words = F.regexp_replace(F.array_join("reasons", "; "), f"{CONTRADICTS}[0-9]+", CONTRADICTS)
    return rows.withColumn(_WORDS, words)


def _with_columns(store: Store, delivery: Delivery) -> Table:
    """The declared table with all additional raw columns that it has, or that this delivery brings."""
    table = delivery.table
    have = store.log.columns(table)
    wide = table.with_extra((*have, *delivery.extra_columns(have).values()))
    missing = [name for name in wide.columns if name not in have]
    if missing:
        store.log.add_columns(wide, missing)
    return wide


def _stamped(rows: DataFrame, writer: Writer) -> DataFrame:
    return rows.withColumns(
        {
            "_run_id": F.lit(writer.run_id),
            "_ingested_at": F.lit(writer.started_at.isoformat()).cast("timestamp"),
        }
    )


def without_damaged(store: Store, changes: DataFrame, delivery: Delivery) -> DataFrame:
    """The changes without deletions of rows whose entity a row in quarantine mentions.

    In a table about nobody, the first key that is not the date stands for the entity.
    """
    landed, entity = delivery.landed, delivery.damaged_by
    if not entity or not sum(counts.quarantined for counts in landed.counts.values()):
        return changes
    raw = store.read_parquet(str(landed.quarantined)).select("raw_text")
    cells = raw.select(F.explode(F.split("raw_text", '[",;\\s]+')).alias("_cell")).distinct()
    marked = cells.withColumn("_mentioned", F.lit(True))
    joined = changes.join(marked, F.col(quoted(entity)) == F.col("_cell"), "left")
    spared = (F.col(OPERATION) == DELETE) & F.col("_mentioned").isNotNull()
    return joined.where(~spared).drop("_cell", "_mentioned")

"""Raw rows into bronze: the changes that a landed file makes to its table and to the quarantine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.raw import ROW_HASH
from lakehouse.engines.changes import DELETE, OPERATION, as_declared, differing, upserts
from lakehouse.engines.store import Merged, Store, add
from lakehouse.errors import LakehouseError
from lakehouse.landing.counts import Counts, Landed
from lakehouse.landing.land import kept_as
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded
from lakehouse.run.groups import write_in_groups
from lakehouse.storage.commit_note import CommitNote, Quarantined, SourceRecord
from lakehouse.table import MONTH, DeliveryMode, Table, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Writer:
    """The run that writes; its id is in each row and each commit."""

    run_id: str
    started_at: datetime


@dataclass(frozen=True)
class Delivery:
    """A landed file on its way into its bronze table; only the months of the scope are taken."""

    table: Table
    landed: Landed
    scope: MonthRange
    recorded: Recorded
    code: str
    writer: Writer
    today: date
    asked: DeliveryMode | None = None

    @property
    def rows_only(self) -> bool:
        """Whether the file only has rows to add or correct, so that none of a month vanishes by it.

        As asked for; else as before, where the file was taken before; else as its source declares.
        """
        if self.asked is not None:
            return self.asked == "rows"
        taken_so = (
            self.recorded.source.rows_only and self.recorded.sha256 == self.landed.fingerprint
        )
        return taken_so or self.landed.source.delivery == "rows"

    @property
    def _goes_on(self) -> bool:
        """Whether the table has already taken a part of this file with this code, read in the same way."""
        known, landed = self.recorded, self.landed
        same_file = known.sha256 == landed.fingerprint and known.code == self.code
        orders = [each and each.order for each in (known.source.date_order, landed.date_order)]
        same_rows = orders[0] == orders[1] and not known.source.waited_for(self.today)
        return same_file and same_rows and not known.pending_months

    @property
    def delivered(self) -> set[str]:
        """The months of the file that are in the scope."""
        return {month for month in self.landed.counts if month and self.scope.has(month)}

    def months(self, again: bool = False) -> list[str]:
        """The months to take: those of the file in the scope, without those taken before."""
        taken = self.recorded.scopes if self._goes_on and not again else ()
        return [
            month
            for month in sorted(self.delivered)
            if not any(scope.has(month) for scope in taken)
        ]

    def extra_columns(self, held: Iterable[str]) -> dict[str, str]:
        """Undeclared raw columns, each with its name in a table that has the columns `held`.

        Delta does not distinguish names by case.
        """
        spelt = {name.casefold(): name for name in held}
        names = {raw: kept_as(raw) for raw in self.landed.extra_columns}
        return {raw: spelt.get(name.casefold(), name) for raw, name in names.items()}

    @property
    def record(self) -> SourceRecord:
        """The part of the file that the table holds after this delivery."""
        before = self.recorded.scopes if self._goes_on else ()
        scopes = (each for each in before if not self.scope.covers(each))
        taken = (*scopes, self.scope)
        landed = self.landed
        return SourceRecord(
            landed.fingerprint,
            taken,
            landed.extent,
            self.rows_only,
            landed.date_order,
            landed.waits_until,
        )

    def checked_counts(self) -> Counts:
        """The counts of the file's rows in the scope; a row without a readable month always counts."""
        counts = reduce(
            Counts.__add__,
            (
                n
                for month, n in self.landed.counts.items()
                if month is None or self.scope.has(month)
            ),
            Counts(0, 0, 0, 0),
        )
        if counts.rows_in != counts.accepted + counts.quarantined + counts.equal_duplicates:
            raise LakehouseError(
                f"{self.table.full_name}: of {counts.rows_in} rows of {self.landed.file_name} "
                f"{counts.accepted} were accepted, {counts.quarantined} quarantined and "
                f"{counts.equal_duplicates} equal duplicates: rows were lost, please report this"
            )
        return counts


def ingest(store: Store, delivery: Delivery, months: Sequence[str]) -> list[Merged]:
    """Make these months of a bronze table equal to those of the file, with one commit per group of months.

    A delivery replaces the months it contains and leaves the others. A row of such a month that the file
    no longer has is deleted. It stays if a row in quarantine mentions its entity, as a damaged row has
    not vanished, and if the delivery only has rows to add or correct.
    """
    table = _with_columns(store, delivery)
    taken = CommitNote(delivery.writer.run_id, delivery.code, source=delivery.record)

    def write(group: Sequence[str], note: CommitNote) -> list[Merged]:
        new = _delivered(store, table, delivery, group)
        return _write(store, table, new, delivery, group, note)

    largest = max((delivery.landed.counts[month].rows_in for month in months), default=1)
    return write_in_groups(store, delivery.table, months, largest, taken, write)


def _delivered(store: Store, table: Table, delivery: Delivery, months: Sequence[str]) -> DataFrame:
    """The rows of the months in the file, in the form of the table."""
    accepted = store.read_parquet(str(delivery.landed.accepted))
    extra = delivery.extra_columns(table.columns)
    accepted = accepted.withColumnsRenamed(extra)
    # Columns of earlier deliveries that this delivery does not have.
    gone = {*table.columns} - {*delivery.table.columns} - {*extra.values()}
    accepted = accepted.select("*", *(F.lit(None).alias(name) for name in sorted(gone)))
    stamped = as_declared(_stamped(accepted, delivery.writer), table)
    return stamped.where(F.col(MONTH).isin(list(months)))


def _write(
    store: Store,
    table: Table,
    new: DataFrame,
    delivery: Delivery,
    months: Sequence[str],
    note: CommitNote,
) -> list[Merged]:
    if not set(months) & set(store.log.rows_by_month(table)):
        return add(store, table, new, note, months)
    old = store.read(table).where(F.col(MONTH).isin(list(months)))
    changes = differing(new, old, table, [ROW_HASH])
    if delivery.rows_only:
        changes = changes.where(F.col(OPERATION) != DELETE)
    else:
        changes = without_damaged(store, changes, delivery)
    return store.merge(table, changes, note, months)


def quarantine(store: Store, delivery: Delivery, months: Sequence[str]) -> list[Merged]:
    """Make the open rows of the quarantine equal to the bad rows of these months."""
    name = delivery.landed.source.name
    bad_rows_of = Quarantined(delivery.table.full_name, delivery.landed.fingerprint)
    note = CommitNote(delivery.writer.run_id, quarantined=bad_rows_of)
    delivered = sum(counts.quarantined for counts in delivery.landed.counts.values())
    if not delivered and name not in store.log.rows_by_month(QUARANTINE):
        return []
    in_scope = F.col(MONTH).isNull() | F.col(MONTH).isin(list(months))
    held = set(store.log.rows_by_month(delivery.table))
    # A row without a readable month may belong to a month that this delivery does not contain.
    closing = in_scope if held <= delivery.delivered else F.col(MONTH).isin(list(months))
    if delivery.rows_only:
        closing = F.lit(False)
    bad = _stamped(store.read_parquet(str(delivery.landed.quarantined)), delivery.writer)
    new = as_declared(bad.withColumn("mended_run_id", F.lit(None)), QUARANTINE).where(in_scope)
    if name not in store.log.rows_by_month(QUARANTINE):
        return store.merge(QUARANTINE, upserts(new), note, insert_only=True)
    old = store.read(QUARANTINE).where((F.col("source") == name) & in_scope)
    opened = differing(new, old, QUARANTINE, ["reasons", "mended_run_id"])
    opened = opened.where(F.col(OPERATION) != DELETE)
    is_open = F.col("mended_run_id").isNull()
    gone = old.where(is_open & closing).join(new, list(QUARANTINE.keys), "left_anti")
    mended = gone.withColumn("mended_run_id", F.lit(delivery.writer.run_id))
    changes = opened.unionByName(upserts(as_declared(mended, QUARANTINE)))
    return store.merge(QUARANTINE, changes, note)


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
    """The changes without deletions of rows whose entity a row in quarantine mentions."""
    landed = delivery.landed
    if not sum(counts.quarantined for counts in landed.counts.values()):
        return changes
    raw = store.read_parquet(str(landed.quarantined)).select("raw_text")
    cells = raw.select(F.explode(F.split("raw_text", '[",;\\s]+')).alias("_cell")).distinct()
    marked = cells.withColumn("_mentioned", F.lit(True))
    joined = changes.join(marked, F.col(quoted(delivery.table.entity)) == F.col("_cell"), "left")
    spared = (F.col(OPERATION) == DELETE) & F.col("_mentioned").isNotNull()
    return joined.where(~spared).drop("_cell", "_mentioned")

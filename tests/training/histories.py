"""Banks with random histories: releases with rows that are new, late, corrected or deleted.

Tables and releases are written as a run leaves them, without computing anything: 200 banks take minutes.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow as pa
from deltalake import write_deltalake
from hypothesis import strategies as st

from lakehouse.catalog import Catalog
from lakehouse.gold.label_store import TABLE as LABELS
from lakehouse.ledger.erasures import TABLE as ERASURES
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.ledger.training_sets import TABLE as TRAINING_SETS
from lakehouse.releases.ledger_rows import insert
from lakehouse.releases.release import Release
from lakehouse.silver.loan_daily import TABLE as LOANS
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.log import Log
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table

ZONE = "Asia/Singapore"
# In the future, because a table made after a release counts as another one.
YEAR = 2040
MONTHS = [f"{YEAR + n // 12}-{n % 12 + 1:02d}" for n in range(15)]
CUSTOMERS = [f"CUS_0x{n}" for n in range(4)]
Key = tuple[str, date]
Value = tuple[int, str] | None


def group_table(name: str, max_age_months: int, delay_days: int) -> Table:
    """A feature group of a number and a text."""
    return Table(
        layer="gold",
        name=f"features_{name}",
        doc="A group.",
        keys=("customer_id", "snapshot_date"),
        fields=(
            Field("customer_id", "STRING", "The customer."),
            Field("snapshot_date", "DATE", "The day."),
            Field(f"{name}_n", "INT", "A number."),
            MONTH_FIELD,
            Field(f"{name}_text", "STRING", "A text."),
        ),
        entity="customer_id",
        date="snapshot_date",
        group=FeatureGroup(name, max_age_months, delay_days),
    )


CLICKS, PERSONS = group_table("clicks", 2, 0), group_table("persons", 6, 3)
GROUPS = (CLICKS, PERSONS)
CATALOG = Catalog(
    tuple(
        (table, f"lakehouse.{table.layer}")
        for table in (LOANS, *GROUPS, LABELS, RELEASES, TRAINING_SETS, ERASURES)
    ),
    ZONE,
)


@dataclass(frozen=True)
class Delivered:
    """A release: what it changed in each group (None deletes a row), what it knew, when it was finished."""

    changes: Mapping[str, Mapping[Key, Value]]
    through: str
    finished_at: datetime


@dataclass(frozen=True)
class History:
    """Releases and applications. The second group, and the texts of the first, may come later."""

    releases: Sequence[Delivered]
    applications: Sequence[Key]
    persons_from: int
    texts_from: int
    asked: int

    def rows(self, release: int, name: str) -> dict[Key, Value] | None:
        """The rows of a group at a release (1, 2, ..), None without the table."""
        if name == PERSONS.name and release < self.persons_from:
            return None
        rows: dict[Key, Value] = {}
        for delivered in self.releases[:release]:
            rows |= delivered.changes[name]
        return {key: value for key, value in rows.items() if value is not None}

    def release_of(self, day: date, clock: str) -> int | None:
        """The number of the release that an application of a day reads."""

        def known(delivered: Delivered) -> bool:
            if clock == "month":
                return delivered.through <= f"{day:%Y-%m}"
            return delivered.finished_at.astimezone(ZoneInfo(ZONE)).date() < day

        asked = enumerate(self.releases[: self.asked], start=1)
        return max((number for number, delivered in asked if known(delivered)), default=None)

    def seen(self, application: Key, clock: str, table: Table) -> tuple[object, ...]:
        """A group's features and their day, as the application saw them then: by definition."""
        customer, day = application
        number = self.release_of(day, clock)
        rows = self.rows(number, table.name) if number else None
        assert table.group
        oldest = months_before(day, table.group.max_age_months)
        newest = day - timedelta(table.group.delay_days)
        days = [at for who, at in rows or () if who == customer and oldest <= at <= newest]
        if not number or not rows or not days:
            return None, None, None
        value = rows[customer, max(days)]
        assert value
        has_text = table is not CLICKS or number >= self.texts_from
        return value[0], value[1] if has_text else None, max(days)

    def training_set(self, clock: str) -> list[tuple[object, ...]]:
        """One row per application with the features of both groups."""
        return [
            (f"loan {n}", *each, *self.seen(each, clock, CLICKS), *self.seen(each, clock, PERSONS))
            for n, each in enumerate(self.applications)
        ]


def months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


@dataclass
class _Making:
    """A bank that is being written."""

    log: Log
    versions: dict[str, int] = field(default_factory=dict)

    def create(self, table: Table) -> None:
        self.log.create(table)
        self.note(table)

    def note(self, table: Table) -> None:
        self.versions[table.full_name] = self.log.version(table) or 0

    def write(self, table: Table, month: str | None, rows: Sequence[Mapping[str, object]]) -> None:
        """Write the rows of a month again; a month without rows before is appended, as runs do."""
        types = pa.schema(schema(table).to_arrow())
        known = pa.table({n: [row.get(n) for row in rows] for n in types.names}, schema=types)
        kept = [name for name in types.names if name in self.log.columns(table)]
        has_month = month in self.log.rows_by_month(table)
        write_deltalake(
            self.log.open(table),
            known.select(kept),
            mode="overwrite" if has_month else "append",
            predicate=f"month = '{month}'" if has_month else None,
        )
        self.note(table)


def write(history: History, root: Path) -> Datamart:
    """The datamart of a history, with its releases."""
    datamart = Datamart.at(root, CATALOG)
    making = _Making(datamart.log)
    for table in CATALOG.tables:
        if table not in GROUPS:
            making.create(table)
    _write_loans(making, history)
    for number, delivered in enumerate(history.releases, start=1):
        for table in GROUPS:
            _deliver(making, history, number, table)
        release = _release(number, delivered, making.versions)
        insert(datamart.log, RELEASES, release.as_row(), CommitNote(run_id=release.run_id))
    return datamart


def _write_loans(making: _Making, history: History) -> None:
    loans = [
        {
            "loan_id": f"loan {n}",
            "customer_id": customer,
            "application_date": day,
            "loan_start_date": day,
            "snapshot_date": day,
            "month": f"{day:%Y-%m}",
            "mob": 6,
            "dpd": 0,
            "label": 0,
            "label_def": "30dpd_6mob",
        }
        for n, (customer, day) in enumerate(history.applications)
    ]
    making.write(LABELS, None, loans)
    making.write(LOANS, None, loans)


def _deliver(making: _Making, history: History, number: int, table: Table) -> None:
    rows = history.rows(number, table.name)
    if rows is None:
        return
    if not making.log.exists(table):
        fields = [f for f in table.fields if table is not CLICKS or f.name != "clicks_text"]
        making.create(Table(**{**vars(table), "fields": tuple(fields)}))
    before = history.rows(number - 1, table.name) or {}
    if table is CLICKS and number == history.texts_from:
        making.log.add_columns(table, ["clicks_text"])
        making.note(table)
        before = {}  # the new column is computed for every row
    changed = {key for key in rows.keys() | before.keys() if rows.get(key) != before.get(key)}
    for month in sorted({f"{day:%Y-%m}" for _, day in changed}):
        _write_month(making, table, month, rows)


def _write_month(making: _Making, table: Table, month: str, rows: Mapping[Key, Value]) -> None:
    number, text = (f.name for f in table.features)
    written = [
        {"customer_id": key[0], "snapshot_date": key[1], "month": month}
        | dict(zip((number, text), value or (), strict=False))
        for key, value in rows.items()
        if f"{key[1]:%Y-%m}" == month
    ]
    making.write(table, month, written)


def _release(number: int, delivered: Delivered, versions: Mapping[str, int]) -> Release:
    pinned = {n: v for n, v in versions.items() if not n.startswith("ledger.")}
    return Release(
        number, f"run {number}", delivered.finished_at, (), delivered.through, pinned, {}, {}, {}, {}, "",
        "embedded", {},
    )  # fmt: skip


DAYS = st.builds(
    lambda n, day: date(YEAR + n // 12, n % 12 + 1, day),
    st.integers(0, len(MONTHS) - 1),
    st.sampled_from((1, 2, 15, 27, 28)),
)
KEYS = st.tuples(st.sampled_from(CUSTOMERS), DAYS)
VALUES = st.one_of(st.none(), st.tuples(st.integers(0, 99), st.sampled_from(("a", "b"))))


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Two to six releases; each month may have none, one or more."""
    month, finished = 0, datetime(YEAR, 1, 1, tzinfo=timezone.utc)
    releases = []
    for _ in range(draw(st.integers(2, 6))):
        month = min(month + draw(st.integers(0, 4)), len(MONTHS) - 1)
        # Midnights of the bank are among these times.
        finished += timedelta(hours=draw(st.integers(1, 150)) * 8)
        changes = {
            table.name: dict(draw(st.lists(st.tuples(KEYS, VALUES), min_size=2, max_size=14)))
            for table in GROUPS
        }
        releases.append(Delivered(changes, MONTHS[month], finished))
    count = len(releases)
    return History(
        releases,
        draw(st.lists(KEYS, min_size=6, max_size=20)),
        persons_from=draw(st.integers(1, 3)),
        texts_from=draw(st.integers(1, 3)),
        asked=draw(st.integers(2, count)) if draw(st.booleans()) else count,
    )

"""A small source of many files: deliveries are taken by ingest itself, and a model says what must follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.raw import bronze_table
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.catalog import Catalog
from lakehouse.engines.store import Store
from lakehouse.landing.counts import Counts, Landed, LandedFile
from lakehouse.landing.raw_file import RawFile
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import Taken
from lakehouse.releases.recorded import Recorded
from lakehouse.run.ingest import Delivery, Writer, ingest, quarantine
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.create import create_missing
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Field, Source

SOURCE = Source(
    name="payments",
    file_names=("payments.csv", "all_payments.csv"),
    columns=(
        Field("customer", "STRING", "The customer."),
        Field("day", "STRING", "The day."),
        Field("amount", "STRING", "The amount."),
        Field("note", "STRING", "A remark."),
    ),
    keys=("customer", "day"),
    entity="customer",
    date="day",
    required=(("customer", "text"), ("day", "date")),
)
TABLE = bronze_table(SOURCE, "A payment.")
CATALOG = Catalog(tuple((each, "tests") for each in (TABLE, QUARANTINE, SUPERSEDED, RELEASES)))
DELETED = "deleted"
Key = tuple[str, str]
# A file says an amount of a key, or that the key is deleted.
Content = Mapping[Key, str]
_KEYS = [("customer", pa.string()), ("day", pa.date32())]
_PLACE = [
    ("_source_file", pa.string()),
    ("_source_row", pa.int64()),
    ("_row_hash", pa.string()),
    ("month", pa.string()),
]
_ROW = pa.schema([*_KEYS, ("amount", pa.string()), ("note", pa.string()), *_PLACE])
_DELETION = pa.schema([*_KEYS, *_PLACE])
_BAD = pa.schema(
    [
        ("source", pa.string()),
        ("_source_file", pa.string()),
        ("_source_row", pa.int64()),
        ("_source_line", pa.int64()),
        ("raw_text", pa.string()),
        ("reasons", pa.list_(pa.string())),
        ("month", pa.string()),
        ("_row_hash", pa.string()),
    ]
)


@dataclass
class Inbox:
    """A datamart of one source, and what the newest versions of its files say."""

    store: Store
    work: Path
    source: Source = SOURCE
    knows_files: bool = True
    said: dict[str, Content] = field(default_factory=dict)
    taken: dict[str, Taken] = field(default_factory=dict)
    runs: int = 0

    @classmethod
    def at(cls, open_store: Any, folder: Path, **changes: Any) -> Inbox:
        """An empty one in a folder."""
        datamart = Datamart.at(folder / "datamart", CATALOG)
        create_missing(datamart)
        return cls(open_store(datamart), folder, **changes)

    def deliver(
        self, files: Mapping[str, Content], bad: Mapping[str, list[str]] | None = None, **asked: Any
    ) -> Delivery:
        """Take files together, as a run does; `bad` are the damaged rows of some, as text."""
        delivery = self.delivery(files, bad, **asked)
        quarantine(self.store, delivery, delivery.months())
        ingest(self.store, delivery, delivery.months())
        self._remember(delivery, files)
        return delivery

    def delivery(
        self, files: Mapping[str, Content], bad: Mapping[str, list[str]] | None = None, **asked: Any
    ) -> Delivery:
        """The files, landed and not yet taken."""
        self.runs += 1
        return Delivery(
            TABLE,
            self._landed(files, bad or {}),
            MonthRange(),
            Recorded(0),
            "code",
            Writer(f"run{self.runs}", datetime(2024, 1, self.runs, tzinfo=timezone.utc)),
            date(2030, 1, 1),
            taken=dict(self.taken),
            is_noted=self.knows_files,
            **asked,
        )

    def _remember(self, delivery: Delivery, files: Mapping[str, Content]) -> None:
        for file in delivery.landed.files:
            held = self.said.get(file.name, {})
            kept = {
                key: what
                for key, what in held.items()
                if delivery.rows_only
                or (file.name in self.source.file_names and key[1][:7] not in file.counts)
            }
            self.said[file.name] = {**kept, **files[file.name]}
            months = " ".join(sorted({key[1][:7] for key in self.said[file.name]}))
            text = SourceRecord(file.sha256, rows_only=delivery.rows_only).as_json()
            self.taken[file.name] = Taken(file.name, file.sha256, 0, "", self.runs, text, months)

    def _landed(self, files: Mapping[str, Content], bad: Mapping[str, list[str]]) -> Landed:
        folder = self.work / f"landed{self.runs}"
        folder.mkdir()
        latest: dict[Key, str] = {}
        for name in sorted(files):
            latest.update(dict.fromkeys(files[name], name))
        accepted: list[dict[str, Any]] = []
        others: list[dict[str, Any]] = []
        deleted: list[dict[str, Any]] = []
        landed_files = []
        for name, content in files.items():
            counts: dict[str | None, Counts] = {}
            for number, (key, what) in enumerate(content.items(), start=2):
                row = _row(name, number, key, what)
                month = row["month"]
                counts[month] = counts.get(month, Counts()) + Counts(1, 1)
                into = deleted if what == DELETED else accepted if latest[key] == name else others
                into.append(row)
            if name in bad:
                n = len(bad[name])
                counts[None] = Counts(n, 0, n)
            sha256 = hashlib.sha256(json.dumps([[*k, v] for k, v in content.items()]).encode())
            landed_files.append(LandedFile(RawFile(name, 0, ""), sha256.hexdigest(), counts, ()))
        damaged = [
            {
                "source": self.source.name,
                "_source_file": name,
                "_source_row": number,
                "_source_line": number,
                "raw_text": text,
                "reasons": ["is damaged"],
                "month": None,
                "_row_hash": hashlib.md5(text.encode()).hexdigest(),
            }
            for name, texts in bad.items()
            for number, text in enumerate(texts, start=2)
        ]
        for rows, kind, schema in (
            (accepted, "accepted", _ROW),
            (others, "others", _ROW),
            (deleted, "deleted", _DELETION),
            (damaged, "quarantined", _BAD),
        ):
            pq.write_table(pa.Table.from_pylist(rows, schema), folder / f"{kind}.parquet")
        return Landed(
            self.source,
            tuple(landed_files),
            folder / "accepted.parquet",
            folder / "quarantined.parquet",
            folder / "others.parquet" if others else None,
            folder / "deleted.parquet" if deleted else None,
        )

    @property
    def bronze(self) -> dict[Key, tuple[str, str]]:
        """Amount and file of each key in the table."""
        rows = self.store.log.read(TABLE)
        return {
            (row["customer"], row["day"].isoformat()): (row["amount"], row["_source_file"])
            for row in rows
        }

    @property
    def superseded(self) -> dict[tuple[str, Key], tuple[str, str]]:
        """Fate and amount of each row that is superseded, by file and key."""
        found = {}
        for row in self.store.log.read(SUPERSEDED):
            cells = dict(row["cells"])
            key = (cells["customer"], cells["day"])
            amount = DELETED if row["deletes"] else cells["amount"]
            place = row["_source_file"], key
            assert place not in found
            found[place] = row["fate"], amount
        return found

    def check(self, later: Mapping[str, Any] | None = None) -> None:
        """Assert that the tables are what the newest versions of all files say together."""
        candidates: dict[Key, dict[str, str]] = {}
        for name, content in self.said.items():
            for key, what in content.items():
                candidates.setdefault(key, {})[name] = what
        bronze, superseded = self.bronze, self.superseded
        wanted = {}
        for key, by_file in candidates.items():
            winner = max(by_file, key=lambda name: later[name] if later else name)
            stands = by_file[winner]
            own = winner if stands == DELETED else None
            if stands != DELETED:
                amount, own = bronze.pop(key)
                assert amount == stands
                assert by_file[own] == stands
            for name, what in by_file.items():
                if name == own and what != DELETED:
                    continue
                alike = what == stands or _is_number(what, stands)
                fate = "deletion" if name == own else "equal" if alike else "superseded"
                wanted[name, key] = fate, what
        assert not bronze
        assert superseded == wanted


def _is_number(one: str, other: str) -> bool:
    return DELETED not in (one, other) and float(one) == float(other)


def _row(file: str, number: int, key: Key, what: str) -> dict[str, Any]:
    customer, day = key
    cells = f"amount\x1f{what}\x1fcustomer\x1f{customer}\x1fday\x1f{day}\x1f"
    return {
        "customer": customer,
        "day": date.fromisoformat(day),
        "amount": what,
        "note": None,
        "_source_file": file,
        "_source_row": number,
        "_row_hash": hashlib.md5(cells.encode()).hexdigest(),
        "month": day[:7],
    }


def with_order(inbox: Inbox, supersedes: Any) -> Inbox:
    """The same, with another declared order of files."""
    return replace(inbox, source=replace(SOURCE, supersedes=supersedes))

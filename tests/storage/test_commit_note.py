"""The bytes of a commit's note are a format on disk: what an older version wrote is read, and written so."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from lakehouse.days import DateOrder
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded
from lakehouse.storage.commit_note import CommitNote, Quarantined, SourceRecord
from lakehouse.storage.extent import Extent

FIXTURES = Path(__file__).parent.parent / "fixtures"
EXTENT = Extent("ab12", 15686, 177, 178, ("2023-01", "2023-02"))
SOURCE = SourceRecord("ab12", (MonthRange(None, "2023-09"), MonthRange()), EXTENT)
SOURCE_TEXT = (
    '"sha256": "ab12", "scopes": [[null, "2023-09"], [null, null]], "extent": {"sha256": "ab12", '
    '"bytes": 15686, "rows": 177, "lines": 178, "months": ["2023-01", "2023-02"]}'
)
OF_A_RUN = {
    "a bronze table": (
        CommitNote("285165e0c20d", "04b3", source=SOURCE, pending_months=("2023-02",)),
        f'{{"run_id": "285165e0c20d", "code": "04b3", {SOURCE_TEXT}, "pending_months": ["2023-02"]}}',
    ),
    "a file with a bad row, of which nothing can be read on": (
        CommitNote(
            "285165e0c20d", "04b3", source=SourceRecord("ab12", (MonthRange(),)), pending_months=()
        ),
        '{"run_id": "285165e0c20d", "code": "04b3", "sha256": "ab12", "scopes": [[null, null]], '
        '"extent": null, "pending_months": []}',
    ),
    "a quarantine that delta-rs merged": (
        CommitNote(
            "285165e0c20d", quarantined=Quarantined("bronze.attributes", "ab12"), pending_months=()
        ),
        '{"run_id": "285165e0c20d", "quarantined_of": "bronze.attributes", "sha256": "ab12", '
        '"pending_months": []}',
    ),
    "a quarantine that Spark merged": (
        CommitNote("285165e0c20d", quarantined=Quarantined("bronze.attributes", "ab12")),
        '{"run_id": "285165e0c20d", "quarantined_of": "bronze.attributes", "sha256": "ab12"}',
    ),
    "a derived table": (
        CommitNote(
            "789af316f7c9", "f28c", consumed={"silver.b": 5, "silver.a": 0}, pending_months=()
        ),
        '{"run_id": "789af316f7c9", "code": "f28c", "consumed": {"silver.b": 5, "silver.a": 0}, '
        '"pending_months": []}',
    ),
    "a table that was emptied for other columns": (
        CommitNote("789af316f7c9", code=None, consumed={}),
        '{"run_id": "789af316f7c9", "code": null, "consumed": {}}',
    ),
    "a table of which another program's rows were undone": (
        CommitNote(
            "789af316f7c9",
            "04b3",
            consumed={},
            source=SOURCE,
            pending_months=("2023-01",),
            undone=7,
        ),
        f'{{"run_id": "789af316f7c9", "code": "04b3", "consumed": {{}}, {SOURCE_TEXT}, '
        '"pending_months": ["2023-01"], "undone": 7}',
    ),
    "a table of which lost files were taken out": (
        CommitNote(
            "789af316f7c9",
            "f28c",
            consumed={"silver.b": 5},
            source=SourceRecord(),
            pending_months=("2023-01",),
            lost=("2023-01",),
        ),
        '{"run_id": "789af316f7c9", "code": "f28c", "consumed": {"silver.b": 5}, "sha256": null, '
        '"scopes": [], "extent": null, "pending_months": ["2023-01"], "lost": ["2023-01"]}',
    ),
    "a release, or a table that was compacted": (
        CommitNote("789af316f7c9"),
        '{"run_id": "789af316f7c9"}',
    ),
}
OF_THE_LEDGER = {
    "a receipt": (CommitNote(training_set_id="ts-61dc"), '{"training_set_id": "ts-61dc"}'),
    "a vacuum": (CommitNote(given_up=(1, 2)), '{"given_up": [1, 2]}'),
    "an erasure": (CommitNote(erasure_id="9f3b"), '{"erasure_id": "9f3b"}'),
}


@pytest.mark.parametrize("kind", [*OF_A_RUN, *OF_THE_LEDGER])
def test_a_note_has_these_bytes(kind: str) -> None:
    note, text = {**OF_A_RUN, **OF_THE_LEDGER}[kind]
    assert note.as_json() == text


@pytest.mark.parametrize("kind", OF_A_RUN)
def test_a_note_of_a_run_is_read_back(kind: str) -> None:
    note, text = OF_A_RUN[kind]
    assert CommitNote.from_json(text) == note


def test_every_note_of_a_run_of_version_0_1_0_is_read_and_written_as_it_was() -> None:
    with zipfile.ZipFile(FIXTURES / "datamart_0.1.0.zip") as archive:
        logs = [name for name in archive.namelist() if "_delta_log/0" in name]
        lines = [line for name in logs for line in archive.read(name).splitlines()]
    infos = [json.loads(line).get("commitInfo", {}) for line in lines]
    texts = [info["userMetadata"] for info in infos if "run_id" in info.get("userMetadata", "")]
    assert len(texts) > 20
    assert [CommitNote.from_json(text).as_json() for text in texts] == texts


@pytest.mark.parametrize(
    "text", [None, "", "made by hand", "[]", '"text"', '{"consumed": 5}', '{"run_id": null}']
)
def test_what_another_program_says_of_its_commit_is_an_empty_note(text: str | None) -> None:
    assert CommitNote.from_json(text) == CommitNote()


def test_the_months_of_a_merge_in_parts_come_before_those_that_are_pending() -> None:
    note = CommitNote("789af316f7c9", pending_months=("2023-05",))
    assert note.with_later(["2023-02", "2023-03"]).pending_months == (
        "2023-02",
        "2023-03",
        "2023-05",
    )
    assert CommitNote("789af316f7c9").with_later([]).pending_months == ()


def test_the_record_of_a_source_has_these_bytes_and_is_read_back() -> None:
    assert SOURCE.as_json() == f"{{{SOURCE_TEXT}}}"
    assert SourceRecord.from_json(SOURCE.as_json()) == SOURCE
    assert SourceRecord.from_json("{}") == SourceRecord()


def test_a_table_holds_what_its_note_says() -> None:
    source = SourceRecord("ab12", (MonthRange(),), EXTENT)
    held = Recorded(3, "04b3", {"silver.a": 1}, source, ("2023-01",))
    assert Recorded.by_note(3, CommitNote.from_json(held.note("789a").as_json())) == held


def test_a_file_of_rows_only_says_so_and_any_other_says_nothing_of_it() -> None:
    assert "delivery" not in SourceRecord("ab12").as_values()
    record = SourceRecord("ab12", (MonthRange(),), rows_only=True)
    assert record.as_values()["delivery"] == "rows"
    assert SourceRecord.from_json(record.as_json()) == record


def test_a_source_says_the_order_of_its_dates_and_its_next_day_only_if_it_has_them() -> None:
    assert "date_order" not in SOURCE.as_json() and "waits_until" not in SOURCE.as_json()
    told = replace(SOURCE, date_order=DateOrder("dmy", "a proof"), waits_until=date(2025, 1, 1))
    assert SourceRecord.from_json(told.as_json()) == told
    assert told.waited_for(date(2025, 1, 1)) and not told.waited_for(date(2024, 12, 31))
    assert not SOURCE.waited_for(date.max)

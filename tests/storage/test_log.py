"""A log is read once, then updated by new commits, and read again if it was replaced."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.bronze.attributes import TABLE
from lakehouse.storage.log import Log


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(str(tmp_path))


def written(log: Log, months: list[str]) -> None:
    rows = pa.table({"Customer_ID": months, "month": months})
    write_deltalake(log.uri(TABLE), rows, mode="append", partition_by=["month"])


def test_a_commit_of_another_is_seen_at_the_next_look(log: Log) -> None:
    written(log, ["2023-01"])
    assert (log.version(TABLE), log.rows_by_month(TABLE)) == (0, {"2023-01": 1})
    written(log, ["2023-01", "2023-02"])
    assert (log.version(TABLE), log.rows_by_month(TABLE)) == (1, {"2023-01": 2, "2023-02": 1})
    assert log.rows_by_month(TABLE, version=0) == {"2023-01": 1}


def test_a_table_made_anew_at_the_same_version_is_seen_at_the_next_look(log: Log) -> None:
    written(log, ["2023-01"])
    assert log.rows_by_month(TABLE) == log.rows_by_month(TABLE, version=0) == {"2023-01": 1}
    shutil.rmtree(log.folder(TABLE))
    written(log, ["2023-05"])
    assert log.rows_by_month(TABLE) == log.rows_by_month(TABLE, version=0) == {"2023-05": 1}


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tables that were opened since, each as often as it was."""
    tables: list[str] = []
    begin = DeltaTable.__init__

    def counted(table: DeltaTable, uri: str, *given: Any, **named: Any) -> None:
        tables.append(uri)
        begin(table, uri, *given, **named)

    monkeypatch.setattr(DeltaTable, "__init__", counted)
    return tables


def test_a_log_that_stays_as_it_is_is_opened_once(log: Log, opened: list[str]) -> None:
    written(log, ["2023-01"])
    opened.clear()
    for _ in range(3):
        log.version(TABLE), log.history(TABLE), log.columns(TABLE), log.files(TABLE)
    assert opened == [log.uri(TABLE)]


def test_the_newest_version_is_not_opened_again_by_its_number_and_stays_as_it_was(
    log: Log, opened: list[str]
) -> None:
    written(log, ["2023-01"])
    opened.clear()
    assert log.rows_by_month(TABLE) == log.rows_by_month(TABLE, version=0) == {"2023-01": 1}
    assert len(opened) == 1

    written(log, ["2023-02"])
    assert log.rows_by_month(TABLE) == {"2023-01": 1, "2023-02": 1}
    assert log.rows_by_month(TABLE, version=0) == {"2023-01": 1}
    assert log.files(TABLE, version=0).keys() < log.files(TABLE).keys()


def test_of_a_log_that_only_grew_the_new_commits_alone_are_read(
    log: Log, opened: list[str]
) -> None:
    written(log, ["2023-01"])
    assert log.rows_by_month(TABLE) == {"2023-01": 1}
    written(log, ["2023-02"])
    opened.clear()
    assert log.version(TABLE) == 1
    assert log.rows_by_month(TABLE) == {"2023-01": 1, "2023-02": 1}
    assert [commit.version for commit in log.history(TABLE)] == [1, 0]
    assert opened == []


def test_rows_are_read_once_while_their_log_stays(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(log, ["2023-01"])
    first = log.read(TABLE)
    with monkeypatch.context() as reading:
        reading.delattr("lakehouse.storage.log.QueryBuilder")
        again = log.read(TABLE)
    assert again == first == [{"Customer_ID": "2023-01", "month": "2023-01"}]
    again[0]["month"] = "changed by who asked"
    assert log.read(TABLE) == first
    written(log, ["2023-02"])
    assert sorted(row["month"] for row in log.read(TABLE)) == ["2023-01", "2023-02"]
    assert log.read(TABLE, version=0) == first


FEED = {"delta.enableChangeDataFeed": "true"}


def changed_in_every_way(log: Log) -> int:
    """A table whose commits append, merge, delete, overwrite and restore; return its newest version."""
    rows = pa.table({"Customer_ID": ["A", "B"], "month": ["2023-01", "2023-02"]})
    uri = log.uri(TABLE)
    write_deltalake(uri, rows, partition_by=["month"], configuration=FEED)
    merged = pa.table({"Customer_ID": ["A", "C"], "month": ["2023-01", "2023-03"]})
    (
        DeltaTable(uri)
        .merge(merged, "t.Customer_ID = s.Customer_ID AND t.month = s.month", "s", "t")
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )
    DeltaTable(uri).delete("month = '2023-02'")
    write_deltalake(uri, rows.slice(0, 0), mode="append")
    DeltaTable(uri).optimize.compact()
    DeltaTable(uri).restore(1)
    write_deltalake(uri, rows.slice(1), mode="overwrite")
    return int(DeltaTable(uri).version())


def test_the_commits_tell_the_same_changed_months_as_the_change_feed(log: Log) -> None:
    newest = changed_in_every_way(log)

    assert newest >= 5
    for since in range(-1, newest):
        for until in range(since, newest + 1):
            by_feed = log._months_of_feed(TABLE, since, until) if since < until else set()
            assert log.changed_months(TABLE, since, until) == by_feed, (since, until)
    assert log.changed_months(TABLE, 0, 1) == {"2023-01", "2023-03"}


def test_changed_months_do_not_need_the_files_of_the_change_feed(log: Log) -> None:
    changed_in_every_way(log)
    shutil.rmtree(log.folder(TABLE) / "_change_data")

    assert log.changed_months(TABLE, 0, 1) == {"2023-01", "2023-03"}


def test_without_all_commits_the_change_feed_is_asked(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = changed_in_every_way(log)
    (log.folder(TABLE) / "_delta_log" / f"{1:020d}.json").write_bytes(b"")
    monkeypatch.setattr(Log, "_months_of_feed", lambda *_: {"asked"})

    assert log.changed_months(TABLE, 0, newest) == {"asked"}

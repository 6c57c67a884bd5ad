"""A log is read once while it stays as it is, and anew as soon as anybody has changed it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.bronze.attributes import TABLE
from lakehouse.engine.log import Log


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


def test_a_log_that_stays_as_it_is_is_opened_once(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(log, ["2023-01"])
    opened: list[str] = []
    begin = DeltaTable.__init__

    def counted(table: DeltaTable, uri: str, version: int | None = None) -> None:
        opened.append(uri)
        begin(table, uri, version=version)

    monkeypatch.setattr(DeltaTable, "__init__", counted)
    for _ in range(3):
        log.version(TABLE), log.history(TABLE), log.columns(TABLE), log.files(TABLE)
    assert opened == [log.uri(TABLE)]

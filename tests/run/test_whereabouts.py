"""A raw file tells where each of its rows is, and which other file stands for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.spark import SparkStore
from lakehouse.landing.counts import Counts
from lakehouse.run.whereabouts import Reason, RowsOfFile, reasons_of_file, rows_of_file
from tests.on_spark import OnSpark
from tests.run.inbox import DELETED, TABLE, Inbox

ANN, BOB, CID = ("Ann", "2024-01-03"), ("Bob", "2024-01-04"), ("Cid", "2024-01-05")
DAN = ("Dan", "2024-02-05")
JANUARY, FEBRUARY = "2024-01", "2024-02"
TAKEN, HELD, BAD = TABLE.full_name, "bronze.superseded", "bronze.quarantine"


def taken(inbox: Inbox) -> Inbox:
    """Four files; each row of the first has another fate."""
    first = {ANN: "1", BOB: "2", CID: "3", DAN: "4"}
    inbox.deliver({"p_01.csv": first}, {"p_01.csv": ["Eve,?", "Fay,?"]})
    inbox.deliver({"p_02.csv": {BOB: "9"}, "p_03.csv": {CID: "3"}})
    inbox.deliver({"p_04.deleted.csv": {DAN: DELETED}})
    return inbox


def told(inbox: Inbox, file: str) -> list[RowsOfFile]:
    return rows_of_file(inbox.store, TABLE, file, {})


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: pytest.TempPathFactory) -> Inbox:
    return taken(Inbox.at(EmbeddedStore, tmp_path_factory.mktemp("whereabouts")))


def where_the_rows_are(inbox: Inbox) -> None:
    first = {(each.fate, each.month): each for each in told(inbox, "p_01.csv")}
    assert first == {
        ("accepted", JANUARY): RowsOfFile("accepted", JANUARY, 2, TAKEN, None),
        ("superseded", JANUARY): RowsOfFile("superseded", JANUARY, 1, HELD, "p_02.csv"),
        ("superseded", FEBRUARY): RowsOfFile("superseded", FEBRUARY, 1, HELD, "p_04.deleted.csv"),
        ("quarantined", None): RowsOfFile("quarantined", None, 2, BAD, None),
    }
    assert told(inbox, "p_02.csv") == [RowsOfFile("accepted", JANUARY, 1, TAKEN, None)]
    assert told(inbox, "p_03.csv") == [RowsOfFile("equal", JANUARY, 1, HELD, "p_01.csv")]
    assert told(inbox, "p_04.deleted.csv") == [RowsOfFile("deletion", FEBRUARY, 1, HELD, None)]


def test_each_row_of_a_file_has_one_place(inbox: Inbox) -> None:
    where_the_rows_are(inbox)


@pytest.mark.slow
@pytest.mark.spark
def test_each_row_of_a_file_has_one_place_on_spark(on_spark: OnSpark, tmp_path: Path) -> None:
    on_spark(_on_spark, tmp_path)


def _on_spark(folder: Path) -> None:
    where_the_rows_are(taken(Inbox.at(SparkStore, folder)))


def test_duplicates_within_a_file_are_in_no_table(inbox: Inbox) -> None:
    counts = {JANUARY: Counts(3, 1, equal_duplicates=2)}
    assert RowsOfFile("equal", JANUARY, 2, None, None) in rows_of_file(
        inbox.store, TABLE, "p_02.csv", counts
    )
    [of_another] = rows_of_file(
        inbox.store, TABLE, "p_03.csv", {JANUARY: Counts(1, equal_duplicates=1)}
    )
    assert of_another.stands == "p_01.csv"


def test_reasons_are_counted_with_the_first_lines_of_their_rows(inbox: Inbox) -> None:
    [reason] = reasons_of_file(inbox.store, TABLE, "p_01.csv")
    assert reason == Reason(reason.reason, 2, reason.first_lines)
    assert len(reason.first_lines) == len(set(reason.first_lines)) == 2

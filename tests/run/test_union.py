"""A table is the union of what the newest versions of all files say, in whatever order they come."""

from __future__ import annotations

import random
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.spark import SparkStore
from lakehouse.errors import BadInput
from lakehouse.landing.counts import Counts
from lakehouse.run.rows_by_file import rows_by_file
from lakehouse.run.shrinking import check_shrink
from lakehouse.run.taking import Target
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.data_file import data_files
from lakehouse.upkeep.altered import altered
from lakehouse.upkeep.person import Numbered, Owned, Person
from lakehouse.upkeep.proof import what_is_left
from tests.on_spark import OnSpark
from tests.run.inbox import DELETED, TABLE, Content, Inbox, Key, with_order

pytestmark = [pytest.mark.slow, pytest.mark.each]

ANN, BOB = ("Ann", "2024-01-03"), ("Bob", "2024-01-04")
ANN_LATER, BOB_LATER = ("Ann", "2024-02-03"), ("Bob", "2024-02-04")


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox.at(EmbeddedStore, tmp_path)


def version(inbox: Inbox, table: object = TABLE) -> int:
    found = inbox.store.log.version(table)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_a_month_of_its_own_file_is_appended_and_nothing_is_superseded(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.csv": {ANN_LATER: "3"}})
    inbox.check()
    assert version(inbox, SUPERSEDED) == 0


def test_a_later_file_wins_and_the_row_it_replaced_is_kept(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.csv": {ANN: "9", ANN_LATER: "3"}})
    inbox.check()
    assert inbox.bronze[ANN] == ("9", "p_02.csv")
    assert inbox.superseded == {("p_01.csv", ANN): ("superseded", "1")}


def test_an_earlier_file_that_comes_late_adds_only_what_is_new(inbox: Inbox) -> None:
    inbox.deliver({"p_02.csv": {ANN: "9"}})
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.check()
    assert inbox.bronze == {ANN: ("9", "p_02.csv"), BOB: ("2", "p_01.csv")}


def test_equal_rows_make_no_new_version_of_the_table(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    before = version(inbox)
    inbox.deliver({"p_02.csv": {ANN: "1", BOB: "2"}})
    inbox.check()
    assert version(inbox) == before
    assert inbox.bronze[ANN] == ("1", "p_01.csv")


def test_the_same_number_in_another_text_is_equal_and_the_later_text_stands(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1.0"}})
    inbox.deliver({"p_02.csv": {ANN: "1"}})
    inbox.check()
    assert inbox.bronze[ANN] == ("1", "p_02.csv")
    assert inbox.superseded == {("p_01.csv", ANN): ("equal", "1.0")}


def test_a_newer_version_takes_back_what_it_no_longer_says(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.csv": {ANN: "9", ANN_LATER: "3"}})
    inbox.deliver({"p_02.csv": {ANN_LATER: "4"}})
    inbox.check()
    assert inbox.bronze[ANN] == ("1", "p_01.csv")
    assert not inbox.superseded


def test_a_row_moves_to_another_month_with_the_newer_version_of_its_file(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_01.csv": {ANN_LATER: "1"}})
    inbox.check()
    assert {*inbox.bronze} == {ANN_LATER}


def test_the_file_of_a_row_is_one_that_still_has_it(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.csv": {ANN: "1"}})
    inbox.deliver({"p_01.csv": {BOB: "2"}})
    inbox.check()
    assert inbox.bronze[ANN] == ("1", "p_02.csv")


def test_a_deletion_stands_until_a_later_file_has_the_key_again(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.deleted.csv": {ANN: DELETED}})
    inbox.check()
    assert ANN not in inbox.bronze
    inbox.deliver({"p_01b.csv": {ANN: "5"}})
    inbox.check()
    assert ANN not in inbox.bronze
    inbox.deliver({"p_03.csv": {ANN: "7"}})
    inbox.check()
    inbox.deliver({"p_03.csv": {ANN_LATER: "7"}})
    inbox.check()
    assert ANN not in inbox.bronze
    inbox.deliver({"p_02.deleted.csv": {BOB: DELETED}})
    inbox.check()
    assert inbox.bronze[ANN] == ("5", "p_01b.csv")


def test_files_that_come_together_are_those_that_come_one_by_one(inbox: Inbox) -> None:
    inbox.deliver(
        {
            "p_01.csv": {ANN: "1", BOB: "2"},
            "p_02.csv": {ANN: "9", ANN_LATER: "3"},
            "p_03.deleted.csv": {BOB: DELETED},
            "p_04.deleted.csv": {BOB: DELETED},
            "p_05.csv": {ANN_LATER: "3.0"},
        }
    )
    inbox.check()


def test_a_plain_name_keeps_the_months_that_it_no_longer_contains(inbox: Inbox) -> None:
    inbox.deliver({"payments.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"q_01.csv": {ANN_LATER: "5"}})
    inbox.deliver({"payments.csv": {ANN_LATER: "3"}})
    inbox.check()
    assert {*inbox.bronze} == {ANN, BOB, ANN_LATER}


def test_rows_to_add_or_correct_take_nothing_back(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1"}})
    inbox.deliver({"p_02.csv": {ANN: "2", BOB: "3"}}, asked="rows")
    inbox.deliver({"p_02.csv": {ANN: "4"}}, asked="rows")
    inbox.check()
    assert inbox.bronze[BOB] == ("3", "p_02.csv")


def test_a_row_that_came_damaged_in_the_newer_version_has_not_vanished(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}, "p_02.csv": {ANN: "1"}})
    inbox.deliver({"p_01.csv": {}}, {"p_01.csv": ["Bob,2024-01-04,2,,,"]})
    assert {*inbox.bronze} == {ANN, BOB}
    inbox.deliver({"p_01.csv": {ANN: "1"}})
    inbox.check()


def test_bad_rows_stay_open_until_their_own_file_mends_them(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1"}}, {"p_01.csv": ["Cid,?"]})
    inbox.deliver({"p_02.csv": {BOB: "1"}}, {"p_02.csv": ["Dan,?"]})

    def open_rows() -> set[str]:
        rows = inbox.store.log.read(QUARANTINE)
        return {row["raw_text"] for row in rows if row["mended_run_id"] is None}

    assert open_rows() == {"Cid,?", "Dan,?"}
    inbox.deliver({"p_02.csv": {BOB: "1"}})
    assert open_rows() == {"Cid,?"}
    inbox.deliver({"p_01.csv": {ANN: "1"}})
    assert not open_rows()


def test_the_date_in_a_name_tells_the_later_file(inbox: Inbox) -> None:
    inbox = with_order(inbox, "date")
    inbox.deliver({"z_2024-01.csv": {ANN: "1"}})
    inbox.deliver({"a_2024-02.csv": {ANN: "2"}})
    inbox.check(later={"z_2024-01.csv": 1, "a_2024-02.csv": 2})


def test_the_file_that_came_last_is_the_later_one(inbox: Inbox) -> None:
    inbox = with_order(inbox, "arrival")
    inbox.deliver({"z.csv": {ANN: "1", BOB: "1"}})
    inbox.deliver({"a.csv": {ANN: "2", BOB: "2"}})
    inbox.check(later={"z.csv": 1, "a.csv": 2})
    inbox.deliver({"z.csv": {ANN: "1", BOB: "1"}})
    inbox.check(later={"z.csv": 1, "a.csv": 2})
    inbox.deliver({"z.csv": {ANN: "3"}})
    inbox.check(later={"z.csv": 3, "a.csv": 2})


def history(seed: int, runs: int) -> list[dict[str, Content]]:
    """The files of each run: new ones, the same again, changed ones, deletions; late or in order."""
    chance = random.Random(seed)
    keys: list[Key] = [(who, f"2024-0{m}-05") for who in ("Ann", "Bob", "Cid") for m in (1, 2, 3)]
    seen: dict[str, Content] = {}
    came = []
    for _ in range(runs):
        files = {}
        for _ in range(chance.randint(1, 3)):
            name = f"p_{chance.randint(1, 5)}.csv"
            if chance.random() < 0.3 and name in seen:
                files[name] = seen[name]
                continue
            of_file = chance.sample(keys, chance.randint(1, 5))
            says = ("1", "1.0", "2", DELETED)
            files[name] = {key: chance.choice(says) for key in of_file}
            seen[name] = files[name]
        came.append(files)
    return came


@pytest.mark.parametrize("seed", [1, 2])
def test_files_in_any_order_end_as_their_newest_versions_say(inbox: Inbox, seed: int) -> None:
    for files in history(seed, runs=6):
        inbox.deliver(files)
        inbox.check()
    for table in (TABLE, SUPERSEDED):
        assert altered(inbox.store.log, table, data_files(inbox.store.log, table)) == {}
        before = version(inbox, table)
        inbox.deliver(files)
        assert version(inbox, table) == before


def test_the_rows_of_each_file_are_counted_by_month_and_by_where_they_are(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2", BOB_LATER: "6"}}, {"p_01.csv": ["Cid,?"]})
    inbox.deliver({"p_02.csv": {ANN: "9", BOB: "2"}, "p_03.deleted.csv": {BOB_LATER: DELETED}})
    assert rows_by_file(inbox.store, TABLE, ["2024-01", "2024-02"]) == {
        ("p_01.csv", None): Counts(1, quarantined=1),
        ("p_01.csv", "2024-01"): Counts(2, accepted=1, superseded=1),
        ("p_01.csv", "2024-02"): Counts(1, superseded=1),
        ("p_02.csv", "2024-01"): Counts(2, accepted=1, equal_duplicates=1),
        ("p_03.deleted.csv", "2024-02"): Counts(1, accepted=1),
    }


def test_a_file_that_would_take_back_many_rows_is_refused_but_not_for_rows_that_others_have(
    inbox: Inbox,
) -> None:
    many = {(f"C{n}", "2024-01-03"): "1" for n in range(40)}
    few = dict(list(many.items())[:2])
    inbox.deliver({"p_01.csv": many, "p_02.csv": many})
    shrunk = inbox.delivery({"p_01.csv": few})
    check_shrink(inbox.store, shrunk, shrunk.months())
    inbox.deliver({"p_02.csv": few})
    inbox.check()
    shrunk = inbox.delivery({"p_01.csv": few})
    with pytest.raises(BadInput, match="would delete 38 of 40 rows of 2024-01"):
        check_shrink(inbox.store, shrunk, shrunk.months())
    deleted = inbox.delivery({"p_03.deleted.csv": dict.fromkeys(many, DELETED)})
    check_shrink(inbox.store, deleted, deleted.months())


def test_a_run_that_was_stopped_before_it_took_rows_out_of_superseded_is_finished(
    inbox: Inbox,
) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    inbox.deliver({"p_02.csv": {ANN: "9", ANN_LATER: "3"}})
    held = inbox.store.log.version(SUPERSEDED)
    inbox.deliver({"p_02.csv": {ANN_LATER: "3"}})
    inbox.store.log.restore(SUPERSEDED, held or 0, CommitNote("killed"))
    assert inbox.superseded
    target = Target(inbox.store, TABLE, ["2024-01"], CommitNote("next"), Lock())
    target.settle()
    inbox.check()
    assert target.settle() == []


def test_a_run_that_was_stopped_before_the_table_was_written_is_done_again(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}})
    before = version(inbox)
    said, known = dict(inbox.said), dict(inbox.taken)
    inbox.deliver({"p_02.csv": {ANN: "9"}})
    inbox.store.log.restore(TABLE, before, CommitNote("killed"))
    inbox.said, inbox.taken = said, known
    inbox.deliver({"p_02.csv": {ANN: "9"}})
    inbox.check()


def taken(kind: str, folder: str) -> tuple[Any, Any]:
    """The tables after a history on an engine: the same again, changed files, deletions, and late ones."""
    opened = EmbeddedStore if kind == "embedded" else SparkStore
    inbox = Inbox.at(opened, Path(folder))
    first, again, changed, *_, late = history(5, runs=6)
    for files in (first, again, changed, late):
        inbox.deliver(files)
        inbox.check()
    return inbox.bronze, inbox.superseded


@pytest.mark.spark
def test_both_engines_make_the_same_tables(tmp_path: Path, on_spark: OnSpark) -> None:
    folders = [tmp_path / kind for kind in ("embedded", "spark")]
    for folder in folders:
        folder.mkdir()
    by_spark = on_spark(taken, "spark", str(folders[1]))
    assert by_spark == taken("embedded", str(folders[0]))


def test_what_is_superseded_is_hashed_found_and_told_of_as_a_row_of_its_table(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}, "p_02.csv": {ANN: "9"}})
    log, datamart = inbox.store.log, inbox.store.datamart
    left = what_is_left(datamart, Person("Ann"))
    assert {each.column for each in left if each.file.startswith(SUPERSEDED.path)} == {
        "column entity_id",
        "column customer",
    }
    owned = Owned(Person("Ann"), datamart.catalog.entity_columns(SUPERSEDED))
    files = [log.folder(SUPERSEDED) / each.path for each in data_files(log, SUPERSEDED)]
    assert sum(map(owned.rows_in, files)) == 1
    numbered = Numbered(files, "customer", "amount", "1", within="cells")
    assert [(ids.to_pylist(), n.to_pylist()) for ids, n in numbered.pairs()] == [(["Ann"], ["1"])]


def test_a_superseded_row_that_rotted_is_found(inbox: Inbox) -> None:
    inbox.deliver({"p_01.csv": {ANN: "1", BOB: "2"}, "p_02.csv": {ANN: "9"}})
    log = inbox.store.log
    log.open_to_write(SUPERSEDED).update(
        {"cells": "map(['customer', 'day'], ['Ann', '2024-01-03'])"}
    )
    assert altered(log, SUPERSEDED, data_files(log, SUPERSEDED))["2024-01"].rows == 1

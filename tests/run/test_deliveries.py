"""Raw files: those that were taken, those that a run would take, and how their rows are told."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput
from lakehouse.generate import Inbox, generate
from lakehouse.lake import Lakehouse
from lakehouse.run.deliveries import Delivery, deliveries, delivery
from lakehouse.run.job import Job
from lakehouse.run.run import run
from tests.conftest import job

pytestmark = [pytest.mark.slow, pytest.mark.each]

MONTH = "2023-02"
FIRST, SECOND = f"lms_loan_daily/{MONTH}.csv", f"lms_loan_daily/{MONTH}_corrected.csv"


class World(NamedTuple):
    """An inbox and its datamart."""

    inbox: Path
    datamart: Path

    @property
    def job(self) -> Job:
        return job(self.inbox, self.datamart)

    def files(self, source: str | None = None) -> dict[str, Delivery]:
        return {each.file: each for each in deliveries(self.job, source)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """An inbox whose second month has a correction and a bad row, after a run. Not to be changed."""
    root = tmp_path_factory.mktemp("deliveries")
    made = World(root / "inbox", root / "datamart")
    generate(made.inbox, customers=60, months=3, seed=3, inbox=Inbox(corrected=MONTH))
    with (made.inbox / FIRST).open("a") as rows:
        rows.write(f",CUS_0x1,2023-01-01,10,1,10000,1000.0,0.0,1000.0,9000.0,{MONTH}-01\n")
    run(made.job)
    return made


def test_each_file_has_its_rows_by_fate(world: World) -> None:
    files = world.files()
    assert {each.state for each in files.values()} == {"taken"}
    for each in files.values():
        rows = (world.inbox / each.file).read_text().count("\n") - 1
        fates = (each.accepted, each.quarantined, each.equal_duplicates, each.superseded)
        assert each.rows_in == rows == sum(n or 0 for n in fates)
    corrected = files[SECOND]
    assert files[FIRST].superseded == corrected.accepted == corrected.rows_in
    assert files[FIRST].quarantined == 1
    assert files[FIRST].months == [MONTH]


def test_a_file_tells_where_its_rows_are_and_which_file_stands_for_them(world: World) -> None:
    found = delivery(lambda: EmbeddedStore(world.job.datamart), world.job, FIRST)
    rows = {(each.fate, each.table, each.month, each.stands): each.rows for each in found.rows}
    told = found.delivery
    assert rows == {
        ("accepted", "bronze.loan_daily", MONTH, None): told.accepted,
        ("superseded", "bronze.superseded", MONTH, SECOND): told.superseded,
        ("quarantined", "bronze.quarantine", MONTH, None): 1,
    }
    [reason] = found.reasons
    assert (reason.reason, reason.rows) == ("loan_id is missing", 1)
    assert reason.first_lines == [(world.inbox / FIRST).read_text().count("\n")]


def test_a_source_has_only_its_files(world: World) -> None:
    assert {each.split("/")[0] for each in world.files("loan_daily")} == {"lms_loan_daily"}
    with pytest.raises(BadInput, match="no source is called 'loans'"):
        world.files("loans")


def test_a_file_that_is_not_there_is_asked_for_by_its_near_name(world: World) -> None:
    with pytest.raises(BadInput, match=rf"no raw file is called .*is it {FIRST}"):
        delivery(pytest.fail, world.job, FIRST.replace("daily", "daly"))


@pytest.fixture
def changed(world: World, tmp_path: Path) -> World:
    """A copy of the world whose inbox may be changed."""
    return World(*(Path(shutil.copytree(each, tmp_path / each.name)) for each in world))


def test_what_is_in_the_inbox_now_is_told_beside_what_was_taken(changed: World) -> None:
    attributes, money = changed.inbox / "features_attributes", changed.inbox / "features_financials"
    (attributes / "2023-01.csv").unlink()
    (attributes / "2023-03.csv").rename(attributes / "2023-03_again.csv")
    header, *rows = (money / "2023-01.csv").read_text().splitlines(keepends=True)
    (money / "2023-01.csv").write_text("".join([header, *rows[1:]]))
    (money / "2023-02.csv").write_text("nothing of this\n")
    (changed.inbox / "lms_loan_daily.xlsx").touch()

    files = changed.files()
    states = Counter(each.state for each in files.values())
    assert {state: n for state, n in states.items() if state != "taken"} == {
        "archived": 2, "new": 1, "changed": 1, "refused": 1, "left out": 1,
    }  # fmt: skip
    assert files["features_attributes/2023-01.csv"].state == "archived"
    assert files["features_attributes/2023-03_again.csv"].rows_in is None
    refused = files["features_financials/2023-02.csv"]
    assert refused.state == "refused" and "wrong header" in (refused.why or "")
    assert refused.rows_in, "the version that was taken before still counts"


def test_a_lake_has_a_row_for_each_version_of_a_file(world: World) -> None:
    lake = Lakehouse(world.datamart)
    frame = lake.deliveries()
    assert sorted(frame.file) == sorted(world.files())
    by_fate = frame[["accepted", "quarantined", "equal_duplicates", "superseded"]].sum(axis=1)
    assert (frame.rows_in == by_fate).all()
    with pytest.raises(BadInput, match="counted as they are now"):
        lake.at(release=1).deliveries()

"""A datamart for Python: what a lake answers, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lakehouse import Lakehouse
from lakehouse.errors import BadInput
from lakehouse.releases import published
from lakehouse.storage.log import Log
from tests.bank import CATALOG, CORRECTED, EARLY, FULL, LATER_DAY, Bank

RELEASES = (EARLY, FULL, LATER_DAY, CORRECTED)
LABELS = "gold.label_store"


@pytest.fixture(scope="module")
def datamart(pristine: Bank, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in which tests may build training sets, and change nothing else."""
    return pristine.copied(tmp_path_factory.mktemp("lake") / "bank").datamart


@pytest.fixture
def lake(datamart: Path) -> Lakehouse:
    return Lakehouse(datamart, engine="embedded")


def finished(lake: Lakehouse, release: int) -> datetime:
    moment: pd.Timestamp = lake.releases().loc[release, "finished_at"]
    return moment.to_pydatetime()


def counts(lake: Lakehouse) -> list[int]:
    """Rows of the loans at each release."""
    known = published.releases(Log(str(lake.datamart)))
    return [row.row_counts["silver.loan_daily"] for row in known]


def test_a_release_refuses_a_table_that_came_later(
    lake: Lakehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    then = lake.at(release=FULL)
    assert then.table(LABELS).count() > 0
    release = published.release(Log(str(lake.datamart)), FULL)
    others = {name: v for name, v in release.versions.items() if name != LABELS}
    monkeypatch.setattr(published, "release", lambda _log, _n: replace(release, versions=others))
    then = lake.at(release=FULL)
    with pytest.raises(BadInput, match=r"release 2 has no table gold\.label_store"):
        then.table(LABELS)


def test_whatever_a_lake_offers_ends_at_its_release(lake: Lakehouse) -> None:
    then = lake.at(release=FULL)
    assert [*then.releases().index] == [EARLY, FULL]
    assert then.history(LABELS).index.max() == then.releases().loc[FULL, "versions"][LABELS]
    assert len(then.history(LABELS)) < len(lake.history(LABELS))
    assert not [name for name in then.tables().index if name.startswith("ledger.")]
    old, new = (
        each.receipt(each.training_set(features="age")).training_set_id for each in (then, lake)
    )
    assert old in then.training_sets().index and new not in then.training_sets().index
    assert then.reproduce(old).count() > 0
    newer: list[tuple[str, Callable[[], object]]] = [
        ("release 3 is newer than release 2, at", lambda: then.training_set(LATER_DAY)),
        ("release 4 is newer than release 2, at", lambda: then.diff(EARLY, CORRECTED)),
        (f"{new} of release 4 is newer than release 2, at", lambda: then.reproduce(new)),
        ("ledger.releases is about all releases", lambda: then.table("ledger.releases")),
        ("ledger.releases is about all releases", lambda: then.history("ledger.releases")),
    ]
    for message, ask in newer:
        with pytest.raises(BadInput, match=re.escape(message)):
            ask()


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda lake: lake.customer(1), "takes an id as CUS_0x1069, or a list of ids, not a value"),
        (lambda lake: lake.customer(["CUS_a", "CUS_b"]), "customer() takes one id, not 2"),
        (lambda lake: lake.lookup(1, "2024-06-30"), "or a list of ids, not a value of type int"),
        (lambda lake: lake.table(3), "no table is called 3; there are bronze.attributes"),
        (lambda lake: lake.table(None), "no table is called None; there are bronze.attributes"),
        (lambda lake: lake.history(""), "no table is called ''; there are bronze.attributes"),
        (lambda lake: lake.quality(""), "no table is called ''; there are bronze.attributes"),
        (lambda lake: lake.diff(1, 2, 3), "no table is called 3; there are"),
        (lambda lake: lake.quarantine(month="2024"), "'2024' is not a month; write it as 2023-05"),
        (
            lambda lake: lake.training_set(from_month=date(2024, 1, 1)),
            "'2024-01-01' is not a month",
        ),
        (lambda lake: lake.quarantine(limit=-1), "-1 is not a number of rows; give one as 20"),
        (lambda lake: lake.diff(1, 2, limit="x"), "'x' is not a number of rows; give one as 20"),
        (lambda lake: lake.run("data", max_null=7), "max_null is a share from 0 to 1, not 7"),
        (lambda lake: lake.sql(None), "a query is a text, not a value of type NoneType"),
        (lambda lake: lake.sql("SELECT 1", x=[1]), "x is a list; a query reads DataFrames of"),
        (
            lambda lake: lake.sql("SELECT * FROM x", x=pd.DataFrame({"a": [1, "b"]})),
            "the DataFrame x cannot be asked in SQL: ",
        ),
        (lambda lake: lake.training_set(label_def=3), "no label definition is called 3"),
        (lambda lake: lake.training_set(groups=3), "takes a name or a list of names, not a value"),
        (
            lambda lake: Lakehouse(str(lake.datamart), engine="sprak"),
            "no engine is called 'sprak'; is it spark?",
        ),
    ],
)
def test_a_value_of_another_type_or_an_empty_name_is_refused_in_words(
    lake: Lakehouse, ask: Callable[[Any], object], message: str
) -> None:
    with pytest.raises(BadInput, match=re.escape(message)):
        ask(lake)


def test_an_answer_without_rows_has_its_columns_and_can_be_asked(lake: Lakehouse) -> None:
    assert [*lake.diff(FULL, FULL).columns] == ["table", "what", "column", "old", "new"]
    assert "row_count" in lake.at(EARLY).training_sets().columns
    none = lake.sql(f"SELECT loan_id, mob FROM {LABELS} WHERE mob = 999").toPandas()
    assert lake.sql(f"SELECT x.mob FROM x JOIN {LABELS} USING (loan_id)", x=none).count() == 0


# The looks of a lake


def test_a_lake_shows_its_place_its_release_and_the_rows_and_months_of_each_table(
    lake: Lakehouse,
) -> None:
    for at, number in ((lake, CORRECTED), (lake.at(EARLY), EARLY)):
        title, *tables = repr(at).splitlines()
        newest = "the newest" if at is lake else "not the newest"
        assert f"{lake.datamart} at release {number} ({newest}), finished" in title
        ledger = 0 if at.release else sum(table.is_ledger for table in CATALOG.tables)
        assert len(tables) == len(at.tables()) == len(at.releases().iloc[-1].versions) + ledger
        (loans,) = (line for line in tables if "silver.loan_daily" in line)
        assert f"{counts(lake)[number - 1]:,} rows  2023-01 to" in loans
        html = at._repr_html_()
        assert f"at release {number}" in html and ">silver.loan_daily<" in html


def test_completion_offers_only_what_a_user_calls(lake: Lakehouse) -> None:
    assert {"at", "table", "tables", "training_set", "receipt"} <= set(dir(lake))
    assert [name for name in dir(lake) if name.startswith("_")] == []
    assert all(hasattr(lake, name) for name in dir(lake))


def test_columns_are_described_as_declared_and_as_they_are_at_the_release(lake: Lakehouse) -> None:
    (dpd,) = (each for each in CATALOG.table(LABELS).fields if each.name == "dpd")
    assert lake.columns(LABELS).loc["dpd"].tolist() == ["INT", dpd.doc]
    early, newest = lake.at(EARLY).describe("silver.loan_daily"), lake.describe("silver.loan_daily")
    assert early.loc["snapshot_date", "max"] < newest.loc["snapshot_date", "max"]
    assert newest.loc["mob", ["nulls", "min"]].tolist() == [0, 0]
    persons = lake.describe("bronze.attributes")
    assert persons.loc["SSN", ["min", "max"]].isna().all()


def test_a_receipt_shows_six_lines_and_has_all_of_it_as_json(lake: Lakehouse) -> None:
    kept = lake.receipt(lake.training_set(groups="attributes", label_def="30dpd_3mob"))
    shown = repr(kept).splitlines()
    assert len(shown) == 6 and max(map(len, shown)) < 80
    assert kept.training_set_id in shown[0]
    values = json.loads(kept.as_json())
    assert values["content_hash"] == kept.content_hash
    assert values["parameters"]["label"]["name"] == "30dpd_3mob"


# The past


def test_at_a_release_each_table_is_as_it_was(lake: Lakehouse) -> None:
    found = [lake.at(release=n).table("silver.loan_daily").count() for n in RELEASES]
    assert found == counts(lake) and len(set(found)) == 3  # the last has a corrected age
    assert lake.table("silver.loan_daily").count() == found[-1]
    assert (lake.release, lake.at(release=EARLY).release) == (None, EARLY)


def test_at_a_time_it_is_the_newest_release_that_was_finished(lake: Lakehouse) -> None:
    for number in RELEASES:
        moment = finished(lake, number)
        assert lake.at(timestamp=moment).release == number
        just_before = moment - timedelta(microseconds=1)
        if number > EARLY:
            assert lake.at(timestamp=just_before).release == number - 1
    assert lake.at(timestamp="2999-01-01").release == CORRECTED


def test_a_time_is_utc_where_it_names_no_zone(lake: Lakehouse) -> None:
    moment = finished(lake, FULL)
    naive = moment.astimezone(timezone.utc).replace(tzinfo=None)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-9)))
    given = [naive, str(naive), naive.isoformat(), elsewhere, elsewhere.isoformat()]
    assert [lake.at(timestamp=each).release for each in given] == [FULL] * len(given)


def test_at_a_month_it_is_the_newest_release_that_knew_up_to_it_and_not_more(
    lake: Lakehouse,
) -> None:
    months = {"2023-10": EARLY, "2024-02": EARLY, "2024-03": CORRECTED}
    found = {month: lake.at(month=month).release for month in months}
    assert found == months
    assert lake.at(month="2030-01").release == CORRECTED


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"release": 9}, "no release 9; there are 1 to 4"),
        ({"release": 0}, "no release 0"),
        ({"timestamp": "1999-12-31"}, r"no release was finished by 1999-12-31 00:00:00 UTC; the"),
        ({"timestamp": "2000-01-01T01:00:00+02:00"}, "finished by 1999-12-31 23:00:00 UTC"),
        ({"timestamp": "yesterday"}, "'yesterday' is not a time; write it as 2023-07-01 12:00"),
        ({"month": "2023-05"}, "no release knew data up to 2023-05 .* the first .* 2023-10"),
        ({"month": "2023-5"}, "'2023-5' is not a month"),
        (
            {"release": "1"},
            r"'1' is not the number of a release; give one as 3, or ask at\(\) by month",
        ),
        ({"release": True}, "True is not the number of a release"),
        ({"release": 1.0}, r"1\.0 is not the number of a release"),
        ({}, "one of release, timestamp and month"),
        ({"release": 1, "month": "2023-06"}, "one of release, timestamp and month"),
    ],
    ids=str,
)
def test_a_past_that_is_not_there_is_refused(
    lake: Lakehouse, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        lake.at(**asked)


def test_sql_reads_a_table_at_a_version_and_at_a_time(lake: Lakehouse) -> None:
    def count(as_of: str) -> int:
        row = lake.spark.sql(f"SELECT count(*) FROM silver.loan_daily {as_of}").first()
        assert row is not None
        return int(row[0])

    for number, expected in enumerate(counts(lake), start=1):
        version = lake.releases().loc[number, "versions"]["silver.loan_daily"]
        assert count(f"VERSION AS OF {version}") == expected
        assert count(f"TIMESTAMP AS OF '{finished(lake, number):%Y-%m-%d %H:%M:%S.%f}'") == expected
    assert count("") == counts(lake)[-1]


# Training sets


def test_a_training_set_is_of_the_release_the_lake_is_at_else_of_the_newest(
    lake: Lakehouse,
) -> None:
    def of(training_set: Any) -> int:
        return lake.receipt(training_set).release

    then = lake.at(release=FULL)
    assert of(lake.training_set(features="age")) == CORRECTED
    assert of(then.training_set(features="age")) == FULL
    assert of(then.training_set(release=EARLY, features=["age"])) == EARLY


def test_a_training_set_is_what_its_receipt_says(lake: Lakehouse) -> None:
    found = lake.training_set(groups="attributes", label_def="30dpd_3mob", from_month="2023-02")
    kept = lake.receipt(found)
    assert found.count() == kept.row_count > 0
    assert kept.selection.label and kept.selection.label.name == "30dpd_3mob"
    assert found.columns[5:8] == ["label_observed", "age", "age_decade"]
    again = lake.reproduce(kept.training_set_id)
    assert lake.receipt(again) == kept
    assert sorted(again.collect()) == sorted(found.collect())
    listed = lake.training_sets()
    assert listed.loc[kept.training_set_id, "content_hash"] == kept.content_hash
    assert listed.columns[-1] == "parameters"


def test_labels_known_by_a_day_are_what_the_receipt_says(lake: Lakehouse) -> None:
    found = lake.training_set(groups="attributes", labels_known_by="2023-10-01")
    kept = lake.receipt(found)
    assert 0 < found.count() == kept.row_count
    assert kept.left_out["label_observed_later"] > 0
    assert {row.label_observed <= date(2023, 10, 1) for row in found.collect()} == {True}
    with pytest.raises(BadInput, match="'2023-06-31' is not a time"):
        lake.training_set(labels_known_by="2023-06-31")


def files(datamart: Path) -> set[tuple[str, int]]:
    return {
        (str(each.relative_to(datamart)), each.stat().st_size)
        for each in datamart.rglob("*")
        if each.is_file()
    }


def test_looking_at_a_training_set_writes_nothing_and_its_receipt_is_kept_when_asked_for(
    lake: Lakehouse, datamart: Path
) -> None:
    labels = lake.table(LABELS).limit(3).toPandas()
    spine = labels[["customer_id", "application_date"]].assign(score=[0.1, 0.2, 0.3])
    before, receipts = files(datamart), len(lake.training_sets())
    looked = [lake.training_set(features="age", to_month="2023-02"),
              lake.training_set(features="age", spine=spine)]  # fmt: skip
    rows = [frame.count() for frame in looked]
    assert min(rows) > 0 and files(datamart) == before
    kept = [lake.receipt(frame) for frame in looked]
    assert [receipt.row_count for receipt in kept] == rows
    assert len(lake.training_sets()) == receipts + 2
    for frame, receipt in zip(looked, kept, strict=True):
        again = lake.reproduce(receipt.training_set_id)
        assert sorted(again.collect()) == sorted(frame.collect())


def test_a_receipt_is_kept_at_once_if_that_is_asked(lake: Lakehouse) -> None:
    found = lake.training_set(features="age", to_month="2023-03", keep_receipt=True)
    listed = lake.training_sets()
    assert lake.receipt(found).training_set_id in listed.index
    assert len(lake.training_sets()) == len(listed)


def test_a_dataframe_made_from_a_training_set_has_no_receipt(lake: Lakehouse) -> None:
    with pytest.raises(BadInput, match="may be made from one; ask for the receipt of that"):
        lake.receipt(lake.training_set(features="age").select("age"))


def test_a_pandas_dataframe_of_customers_and_days_gets_its_features(lake: Lakehouse) -> None:
    labels = lake.table(LABELS).toPandas()
    spine = labels[["customer_id", "application_date"]].drop_duplicates()
    spine = spine.assign(application_date=pd.to_datetime(spine.application_date), score=0.5)
    found = lake.training_set(spine=spine, features=["age"])
    shown = found.toPandas()
    assert list(shown) == [*spine.columns, "age", "attributes_snapshot_date"]
    assert len(shown) == len(spine) and shown.age.notna().any()
    assert lake.reproduce(lake.receipt(found).training_set_id).count() == len(spine)


def test_releases_history_and_training_sets_start_no_engine(
    datamart: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def started(*_: Any) -> None:
        raise AssertionError("an engine was started")

    Lakehouse(datamart, engine="embedded").training_set(features="age", keep_receipt=True)
    monkeypatch.setattr("lakehouse.engines.session.open_store", started)
    lake = Lakehouse(datamart, engine="embedded")
    assert list(lake.releases().index) == [1, 2, 3, 4]
    assert len(lake.history(LABELS)) > 0
    assert len(lake.training_sets()) > 0
    with pytest.raises(AssertionError, match="an engine was started"):
        lake.table(LABELS)

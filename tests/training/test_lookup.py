"""Lookups: what a training set would join to an application of that day, without an engine."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import QueryBuilder, write_deltalake
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from lakehouse import Lakehouse
from lakehouse.catalog import Catalog
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases import ledger_rows, published
from lakehouse.releases.publish import now_utc
from lakehouse.storage.commit_note import CommitNote
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.delta_schema import schema
from lakehouse.storage.log import Log
from lakehouse.table import MONTH_FIELD, FeatureGroup, Field, Table
from lakehouse.training import lookup
from lakehouse.training.lookup import Lookup, Wanted
from lakehouse.training.point_in_time import JoinedGroup, with_features
from lakehouse.training_columns import SPINE
from lakehouse.upkeep.erase import erase
from tests.bank import CATALOG, CORRECTED, EARLY, FULL, PERSONS, Bank, aged_70

NOBODY = "CUS_0xnobody"
DAY = "2023-05-15"
# Before all rows, among them, where some are too old, and where all are.
DAYS = ("2022-12-31", "2023-01-01", "2023-04-15", "2024-03-02", "2026-01-01")


@pytest.fixture(scope="module")
def bank(pristine: Bank, tmp_path_factory: pytest.TempPathFactory) -> Bank:
    """A copy in which tests may build training sets, and change nothing else."""
    return pristine.copied(tmp_path_factory.mktemp("lookup") / "bank")


@pytest.fixture
def lake(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> Lakehouse:
    """A lake that can start no engine."""

    def started(*_: Any) -> None:
        raise AssertionError("an engine was started")

    monkeypatch.setattr("lakehouse.engines.session.open_store", started)
    return Lakehouse(bank.datamart)


@pytest.fixture(scope="module")
def customers(bank: Bank) -> list[str]:
    """All customers, and one that nobody knows."""
    known = bank.arrow("silver.attributes", FULL).column("customer_id").to_pylist()
    return [*sorted(set(known)), NOBODY]


# What it answers


def spine(customers: Sequence[str], day: str) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": customers, "application_date": date.fromisoformat(day)})


@pytest.mark.parametrize("release", [EARLY, FULL, CORRECTED])
def test_a_lookup_is_what_the_engine_writes_as_a_training_set_of_that_spine(
    lake: Lakehouse, bank: Bank, customers: list[str], release: int, tmp_path: Path
) -> None:
    asked = pd.concat([spine(customers, day) for day in DAYS])
    asked.to_parquet(tmp_path / "spine.parquet", index=False)
    bank.build(release, tmp_path / "set.parquet", spine=tmp_path / "spine.parquet")
    for day, rows in pd.read_parquet(tmp_path / "set.parquet").groupby("application_date"):
        found = lake.at(release=release).lookup(customers, as_of=day)
        expected = rows.reset_index(drop=True)
        whole = expected.select_dtypes("integer").columns
        expected = expected.astype(dict.fromkeys(whole, "float64"))
        pd.testing.assert_frame_equal(found, expected, check_exact=True)


def test_a_row_each_in_the_order_asked_and_as_often(lake: Lakehouse, customers: list[str]) -> None:
    asked = [customers[3], NOBODY, customers[0], customers[3]]
    found = lake.lookup(asked, as_of=DAY)
    assert list(found.customer_id) == asked
    pd.testing.assert_series_equal(found.loc[0], found.loc[3], check_names=False)
    assert found.loc[0].drop([*SPINE]).notna().any()
    assert found.loc[1].drop([*SPINE]).isna().all()
    for each in (customers[3], f" {customers[3]} ", pd.Series([customers[3]])):
        pd.testing.assert_frame_equal(lake.lookup(each, as_of=DAY), found[:1])
    nothing = lake.lookup([], as_of=DAY)
    assert len(nothing) == 0 and list(nothing) == list(found)


def test_groups_and_features_are_chosen_as_those_of_a_training_set(lake: Lakehouse) -> None:
    some = lake.lookup(NOBODY, DAY, features=["fe_2", "age"])
    dates = ["attributes_snapshot_date", "clickstream_snapshot_date"]
    assert list(some) == [*SPINE, "age", dates[0], "fe_2", dates[1]]
    group = lake.lookup(NOBODY, DAY, groups="attributes")
    assert list(group)[-1] == dates[0] and "occupation" in group and "fe_2" not in group


def test_the_day_is_that_of_a_time_in_utc_and_today_where_none_is_given(lake: Lakehouse) -> None:
    given = [
        "2023-07-01",
        "2023-07-01 23:59",
        date(2023, 7, 1),
        datetime(2023, 7, 1, 12),
        pd.Timestamp("2023-07-01"),
        datetime(2023, 7, 2, 1, tzinfo=timezone(timedelta(hours=3))),
    ]
    days = [lake.lookup(NOBODY, as_of=each).application_date[0] for each in given]
    assert days == [date(2023, 7, 1)] * len(given)
    before = datetime.now(timezone.utc).date()
    today = lake.lookup(NOBODY).application_date[0]
    assert before <= today <= datetime.now(timezone.utc).date()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"customer_ids": ""}, "id 1 of 1 is not a text, or is empty"),
        ({"customer_ids": ["CUS_0x1", " "]}, "id 2 of 2"),
        ({"customer_ids": [7]}, "id 1 of 1"),
        ({"customer_ids": ["CUS_0x1", " NULL"]}, "id 2 of 2 is a word for a missing value"),
        ({"customer_ids": "#VALUE!"}, "is a word for a missing value"),
        ({"customer_ids": ["CUS_0x1", None]}, "id 2 of 2"),
        ({"as_of": "yesterday"}, "'yesterday' is not a time"),
        ({"as_of": ""}, "'' is not a time"),
        ({"as_of": pd.NaT}, "NaT is not a time"),
        ({"as_of": "0001-01-01T00:00+02:00"}, "is not a time"),
        ({"features": "agee"}, "no feature is called 'agee'; is it age"),
        ({"groups": "loans"}, "no feature group is called 'loans'"),
    ],
    ids=str,
)
def test_what_cannot_be_looked_up_is_refused(
    lake: Lakehouse, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        lake.lookup(**{"customer_ids": NOBODY, "as_of": "2023-07-01", **asked})


# The law


VALUES = (
    Field("number", "INT", "A number."),
    Field("long", "BIGINT", "A long one."),
    Field("share", "DOUBLE", "A share."),
    Field("text", "STRING", "A text."),
    Field("yes", "BOOLEAN", "Yes or no."),
)
KEYS = ("customer_id", "snapshot_date")
IDS = [f"CUS_0x{n}" for n in range(6)]
# Close to each other, so that many are just known and just fresh.
SNAPSHOTS = st.dates(date(2023, 12, 25), date(2024, 3, 5))
APPLICATIONS = st.dates(date(2024, 2, 1), date(2024, 3, 5))
SOME_VALUES = st.tuples(
    st.none() | st.integers(-3, 3),
    st.none() | st.integers(-(2**60), 2**60),
    st.none() | st.floats(allow_nan=False),
    st.none() | st.text("ab'ö", max_size=2),
    st.none() | st.booleans(),
)
ROWS = st.dictionaries(
    st.tuples(st.sampled_from(IDS[:-1]), SNAPSHOTS), SOME_VALUES, min_size=8, max_size=40
)


@st.composite
def groups(draw: st.DrawFn) -> Table:
    """A feature group with any delay and any maximum age."""
    name = draw(st.sampled_from(["a", "b"]))
    keys = (Field("customer_id", "STRING", "Who."), Field("snapshot_date", "DATE", "When."))
    declared = FeatureGroup(name, draw(st.integers(1, 2)), draw(st.integers(0, 20)))
    named = tuple(Field(f"{name} {each.name}", each.type, each.doc) for each in VALUES)
    fields = (*keys, *named, MONTH_FIELD)
    return Table(
        "gold", f"features_{name}", "Any.", KEYS, fields,
        entity="customer_id", date="snapshot_date", group=declared,
    )  # fmt: skip


def release_of(
    log: Log, tables: dict[Table, dict[tuple[str, date], Any]], release: int = 1
) -> None:
    """Write the rows as tables of one release."""
    for table, rows in tables.items():
        cells = [(*key, *values, key[1].isoformat()[:7]) for key, values in rows.items()]
        arrays = list(zip(*cells, strict=True)) or [[]] * len(table.fields)
        fields = pa.schema(schema(table).to_arrow())
        log.create(table)
        columns = [pa.array(each, field.type) for each, field in zip(arrays, fields, strict=True)]
        write_deltalake(log.open(table), pa.table(columns, schema=fields), mode="append")
    log.create(RELEASES)
    row = {field.name: {} if field.type.startswith("MAP") else None for field in RELEASES.fields}
    versions = {table.full_name: log.version(table) for table in tables}
    said = {"release": release, "finished_at": now_utc(), "versions": versions}
    ledger_rows.put(log, RELEASES, [{**row, **said, "months": []}], CommitNote())


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(groups(), min_size=1, max_size=2, unique_by=lambda table: table.name),
    st.tuples(ROWS, ROWS),
    st.lists(APPLICATIONS, min_size=3, max_size=6, unique=True),
    st.sampled_from([1, 60, 10_000]),
)
def test_a_lookup_is_the_join_of_a_training_set_for_any_rows_types_ages_and_delays(
    tables: list[Table], rows: Any, days: list[date], cells_at_once: int
) -> None:
    with tempfile.TemporaryDirectory() as root, pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookup, "CELLS_A_SPAN", cells_at_once)
        log = Log(root)
        datamart = Datamart(log.place, log, Catalog(tuple((table, "any") for table in tables)))
        store = EmbeddedStore(datamart)
        release_of(log, dict(zip(tables, rows, strict=False)))

        service = Lookup(datamart)
        found = pa.concat_tables([service.find(Wanted(IDS, day), None) for day in days])

        spine = store.spark.createDataFrame(
            [(who, day) for day in days for who in IDS], "customer_id STRING, application_date DATE"
        )
        joined = with_features(spine, [(joined_of(table), store.read(table)) for table in tables])
        expected = joined.toArrow()
        event(f"{found.num_rows - found.columns[-1].null_count} of {found.num_rows} see a row")
        assert found.schema.names == expected.schema.names
        assert [plain(each.type) for each in found.schema] == [
            plain(each.type) for each in expected.schema
        ]
        assert sorted(map(str, found.to_pylist())) == sorted(map(str, expected.to_pylist()))


def joined_of(table: Table) -> JoinedGroup:
    group, names = table.group, tuple(field.name for field in table.features)
    assert group
    return JoinedGroup(group.name, table.full_name, names, group.max_age_months, group.delay_days)


def plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if kind in (pa.large_string(), pa.string_view()) else kind


# A service that goes on


def test_threads_that_ask_at_once_get_what_one_gets_alone(
    lake: Lakehouse, customers: list[str], bank: Bank
) -> None:
    lakes = [lake, lake.at(release=EARLY), lake.at(release=FULL)]
    asked = [(at, day) for at in range(len(lakes)) for day in DAYS] * 2

    def answered(at: int, day: str) -> pd.DataFrame:
        return lakes[at].lookup(customers, as_of=day)

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda each: answered(*each), asked))
    alone = Lakehouse(bank.datamart)
    lakes = [alone, alone.at(release=EARLY), alone.at(release=FULL)]
    for each, answer in zip(asked, found, strict=True):
        pd.testing.assert_frame_equal(answer, answered(*each))


def test_more_than_may_be_kept_is_read_again(
    lake: Lakehouse, customers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []

    class Counted(QueryBuilder):
        def execute(self, sql: str) -> Any:
            reads.append(sql)
            return super().execute(sql)

    monkeypatch.setattr(lookup, "QueryBuilder", Counted)
    before = lake.lookup(customers, DAY)
    once = reads.copy()
    lake.lookup(customers, DAY)
    assert reads == once != []
    monkeypatch.setattr(lookup, "KEPT_BYTES", 1)
    lake.lookup(customers, DAY)
    reads.clear()
    pd.testing.assert_frame_equal(lake.lookup(customers, DAY), before)
    assert reads == once


def test_an_open_lake_sees_the_next_release_and_one_at_a_release_does_not(
    pristine: Bank, customers: list[str], tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart)
    then, who = lake.at(release=CORRECTED), customers[1]
    asked = {"customer_ids": who, "as_of": "2024-01-01", "features": "age"}
    before = lake.lookup(**asked)
    bank.change(PERSONS, aged_70(who))
    bank.run()
    assert before.age[0] != 70 and lake.lookup(**asked).age[0] == 70
    pd.testing.assert_frame_equal(then.lookup(**asked), before)


def test_an_erased_person_is_answered_by_no_lake_that_is_open(
    pristine: Bank, customers: list[str], tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lakes = [Lakehouse(bank.datamart), Lakehouse(bank.datamart).at(release=EARLY)]
    person, other = customers[:2]
    days = ("2023-04-30", "2023-10-31")

    def seen(customer: str) -> list[pd.DataFrame]:
        return [lake.lookup(customer, day) for lake in lakes for day in days]

    assert any(each.drop(columns=[*SPINE]).notna().any(axis=None) for each in seen(person))
    before = seen(other)
    erase(Datamart.at(bank.datamart, CATALOG), bank.data, person)
    assert all(each.drop(columns=[*SPINE]).isna().all(axis=None) for each in seen(person))
    for now, then in zip(seen(other), before, strict=True):
        pd.testing.assert_frame_equal(now, then)


def test_a_release_that_was_given_up_or_lost_a_file_is_answered_no_more(
    pristine: Bank, tmp_path: Path
) -> None:
    bank = pristine.copied(tmp_path / "bank")
    lake = Lakehouse(bank.datamart).at(release=EARLY)
    lake.lookup(NOBODY, DAY)
    given_up = replace(published.release(bank.log, EARLY), given_up_at=now_utc())
    ledger_rows.put(bank.log, RELEASES, [given_up.as_row()], CommitNote())
    with pytest.raises(LakehouseError, match="release 1 was given up"):
        lake.lookup(NOBODY, DAY)
    newest = Lakehouse(bank.datamart)
    newest.lookup(NOBODY, "2022-12-31")
    for file in bank.datamart.glob("gold/features_attributes/month=2023-02/*.parquet"):
        file.unlink()
    with pytest.raises(
        LakehouseError, match=r"release 4 cannot be read any more: gold\.features_at"
    ):
        newest.lookup(NOBODY, DAY)

"""Features as known then: each application sees its release, and nothing that came later."""

from __future__ import annotations

import json
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, event, given, seed, settings
from hypothesis import strategies as st

from lakehouse import Lakehouse
from lakehouse.cli import main
from lakehouse.engines.choose import open_store
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.generate import generate
from lakehouse.months import MonthRange
from lakehouse.releases import published
from lakehouse.storage.datamart import Datamart
from lakehouse.training.build import build, reproduce
from lakehouse.training.known_then import NO_RELEASE
from lakehouse.training.sets import Asked, TrainingSet, prepare
from lakehouse.upkeep.erase import erase
from lakehouse.upkeep.vacuum import vacuum
from tests.bank import PERSONS, Bank, aged_70
from tests.narrow import narrow
from tests.on_spark import OnSpark
from tests.training.histories import CATALOG, History, histories, write

pytestmark = [pytest.mark.slow, pytest.mark.each]

COLUMNS = (
    "loan_id", "customer_id", "application_date",
    "clicks_n", "clicks_text", "clicks_snapshot_date",
    "persons_n", "persons_text", "persons_snapshot_date",
)  # fmt: skip
CLOCKS = st.sampled_from(("month", "finished"))
SLOW_OK = (HealthCheck.too_slow, HealthCheck.data_too_large)


def asked_of(store: Store, history: History, clock: str) -> TrainingSet:
    release = published.release(store.log, history.asked)
    return prepare(store, release, Asked(known="then", clock=clock))


def rows_of(store: Store, history: History, clock: str) -> list[tuple[object, ...]]:
    """The rows in the order of the loans, with NULL for a column that the asked release lacks."""
    frame = asked_of(store, history, clock).frame
    names = set(frame.columns)
    rows = [row.asDict() for row in frame.collect()]
    found = [tuple(row[n] if n in names else None for n in COLUMNS) for row in rows]
    return sorted(found, key=lambda row: int(str(row[0]).split()[1]))


def check_by_oracle(history: History, clock: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = EmbeddedStore(write(history, Path(folder) / "datamart"))
        found = rows_of(store, history, clock)
        unknown = asked_of(store, history, clock).unknown_then()
    expected = history.training_set(clock)
    unread = sum(history.release_of(day, clock) is None for _, day in history.applications)
    assert found == expected
    assert unknown.get(NO_RELEASE, 0) == unread
    event("some application sees a row", str(any(row[5] or row[8] for row in expected)))


@settings(max_examples=5, suppress_health_check=SLOW_OK)
@given(histories(), CLOCKS)
def test_every_application_sees_its_release_as_a_plain_oracle_has_it(
    history: History, clock: str
) -> None:
    check_by_oracle(history, clock)


@pytest.mark.slow
@pytest.mark.parametrize("begin", range(5))
def test_200_random_histories_equal_a_plain_oracle(begin: int) -> None:
    """Forty histories for each beginning of chance."""
    of_chance = settings(max_examples=40, suppress_health_check=SLOW_OK, phases=[Phase.generate])
    seed(begin)(of_chance(given(histories(), CLOCKS)(check_by_oracle)))()


def by_spark(history: History, clock: str, root: str) -> list[tuple[object, ...]]:
    store = open_store("spark", Datamart.at(root, CATALOG))
    return rows_of(store, history, clock)


@pytest.mark.spark
@settings(max_examples=4, suppress_health_check=SLOW_OK, phases=[Phase.generate])
@given(histories(), CLOCKS)
def test_spark_sees_the_same(on_spark: OnSpark, history: History, clock: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(history, Path(folder) / "datamart")
        assert on_spark(by_spark, history, clock, f"{folder}/datamart") == history.training_set(
            clock
        )


# A bank that runs month by month; later files correct, delete and add a row of January


CATALOG_OF_RUNS = narrow()
CORRECTED, DELETED, LATE, OF_MAY = "CUS_0x3e8", "CUS_0x451", "CUS_0x432", "CUS_0x457"
JANUARY, FEBRUARY, ALL = 1, 2, 3
AGES = {"features": ("age",)}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    bank = Bank(tmp_path_factory.mktemp("then"))
    generate(bank.data, customers=30, months=4, seed=3)
    whole = pd.read_csv(bank.data / PERSONS, dtype=str, keep_default_na=False)
    bank.change(PERSONS, lambda rows: rows[rows.Customer_ID != LATE])
    bank.run(through="2023-01", catalog=CATALOG_OF_RUNS)
    bank.run(through="2023-02", catalog=CATALOG_OF_RUNS)
    bank.change(PERSONS, lambda _: aged_70(CORRECTED)(whole[whole.Customer_ID != DELETED]))
    bank.run(catalog=CATALOG_OF_RUNS)
    return bank


@pytest.fixture
def bank(made: Bank, tmp_path: Path) -> Bank:
    """A copy that a test may change."""
    return made.copied(tmp_path / "bank")


def of_ages(bank: Bank, release: int = ALL, **asked: Any) -> TrainingSet:
    return bank.prepared(release, CATALOG_OF_RUNS, **{**AGES, **asked})


def ages(training_set: TrainingSet) -> dict[str, int | None]:
    return {row["customer_id"]: row["age"] for row in training_set.frame.collect()}


def test_a_later_correction_a_deletion_and_a_late_row_are_invisible_then(made: Bank) -> None:
    now, then = ages(of_ages(made)), ages(of_ages(made, known="then"))
    three = (CORRECTED, DELETED, LATE)
    assert [now[who] for who in three] == [70, None, 36]
    assert [then[who] for who in three] == [40, 25, None]
    # The others of these months are the same; those of March read the release of February.
    first = {
        row["customer_id"]
        for row in of_ages(made, months=MonthRange(None, "2023-02")).frame.collect()
    }
    assert {who: now[who] for who in first - {*three}} == {
        who: then[who] for who in first - {*three}
    }
    assert not any(then[who] for who in then.keys() - first) and any(
        now[who] for who in now.keys() - first
    )


def test_each_application_reads_the_release_of_its_month(made: Bank) -> None:
    lake = Lakehouse(made.datamart)
    then = of_ages(made, known="then").selection.then
    assert then and [(each.since, each.release) for each in then.releases] == [
        ("2023-01-01", JANUARY),
        ("2023-02-01", FEBRUARY),
    ]
    for month, release in (("2023-01", JANUARY), ("2023-02", FEBRUARY), ("2023-05", FEBRUARY)):
        assert lake.at(month=month).release == release


def test_a_pinned_lake_reads_no_newer_release(made: Bank, tmp_path: Path) -> None:
    spine = tmp_path / "spine.csv"
    spine.write_text(f"customer_id,application_date\n{OF_MAY},2024-04-30\n")
    seen = {
        release: Lakehouse(made.datamart)
        .at(release=release)
        .training_set(spine=spine, features="age", known="then", keep_receipt=False)
        .collect()[0]["age"]
        for release in (FEBRUARY, ALL)
    }
    assert seen == {FEBRUARY: None, ALL: 30}


def test_by_the_day_of_finishing_no_release_of_today_was_known_in_2023(made: Bank) -> None:
    prepared = of_ages(made, known="then", clock="finished")
    assert set(ages(prepared).values()) == {None}
    assert prepared.unknown_then() == {NO_RELEASE: prepared.spine.count()}


def test_a_finished_release_is_known_from_the_next_day_of_the_bank_on(
    made: Bank, tmp_path: Path
) -> None:
    finished = published.release(made.log, ALL).finished_at
    spine = tmp_path / "spine.csv"
    days = [finished.date() + timedelta(days) for days in (0, 1)]
    spine.write_text("customer_id,application_date\n" + "".join(f"CUS,{day}\n" for day in days))
    prepared = of_ages(made, known="then", clock="finished", spine=spine)
    then = prepared.selection.then
    assert then and [(each.since, each.release) for each in then.releases] == [(str(days[1]), ALL)]
    assert prepared.unknown_then() == {NO_RELEASE: 1}


def test_its_receipt_has_the_releases_and_builds_the_same_again(bank: Bank, tmp_path: Path) -> None:
    now, then = (build(of_ages(bank, known=known), bank.store) for known in ("now", "then"))
    said = json.loads(then.parameters)
    assert (said["known"], said["clock"]) == ("then", "month")
    assert [each["release"] for each in said["releases"]] == [JANUARY, FEBRUARY]
    assert now.training_set_id != then.training_set_id and "known" not in json.loads(now.parameters)
    bank.change(PERSONS, aged_70(LATE))
    bank.run(catalog=CATALOG_OF_RUNS)
    out = tmp_path / "again.parquet"
    assert reproduce(bank.store_of(CATALOG_OF_RUNS), then.training_set_id, out) == then
    assert build(of_ages(bank, known="then"), bank.store).training_set_id == then.training_set_id
    assert pq.read_table(out).num_rows == then.row_count


def test_vacuum_keeps_what_its_receipt_needs_and_another_set_is_refused(bank: Bank) -> None:
    then = build(of_ages(bank, known="then"), bank.store)
    done = vacuum(Datamart.at(bank.datamart, CATALOG_OF_RUNS), 1, False, lambda *_: None)
    assert done.given_up == (JANUARY, FEBRUARY)
    assert reproduce(bank.store_of(CATALOG_OF_RUNS), then.training_set_id) == then
    with pytest.raises(
        LakehouseError, match=r"of 2023-01 read release 1.*was given up on .* by vacuum"
    ):
        of_ages(bank, known="then", features=("occupation",))


def test_a_release_that_lost_a_file_is_not_replaced_by_another(bank: Bank) -> None:
    table, log = CATALOG_OF_RUNS.table("gold.features_attributes"), bank.log
    of_first = log.files(table, bank.versions(JANUARY)[table.full_name]).keys()
    for path in of_first - log.files(table).keys():
        (log.folder(table) / path).unlink()
    assert ages(of_ages(bank))
    with pytest.raises(
        LakehouseError, match="read release 1, as it was known then: release 1 cannot"
    ):
        of_ages(bank, known="then")


def test_an_erasure_reaches_the_rows_of_then(bank: Bank) -> None:
    before = build(of_ages(bank, known="then"), bank.store)
    done = erase(Datamart.at(bank.datamart, CATALOG_OF_RUNS), bank.data, DELETED, exact=True)
    assert before.training_set_id in done.training_sets
    with pytest.raises(LakehouseError, match="a person in it was erased"):
        reproduce(bank.store_of(CATALOG_OF_RUNS), before.training_set_id)
    then = of_ages(bank, known="then")
    assert DELETED not in ages(then) and then.training_set_id != before.training_set_id


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"known": "later"}, "known takes now or then, not 'later'"),
        ({"known": "then", "clock": "day"}, "clock takes month or finished, not 'day'"),
        ({"clock": "month"}, "give it with known then"),
    ],
)
def test_other_words_are_refused(made: Bank, given: dict[str, str], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        of_ages(made, **given)


def test_the_command_tells_the_releases_and_how_many_are_null(
    bank: Bank, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["training-set", "--known", "then", "--features", "age", "--engine", "embedded"]
    argv += ["--datamart", str(bank.datamart), "--out", str(tmp_path / "out.parquet")]
    main(argv, CATALOG_OF_RUNS)
    assert (
        "Features as known then, by the clock month: 2 releases from 1 to 2"
        in capsys.readouterr().out
    )
    main([*argv, "--clock", "finished", "--json"], CATALOG_OF_RUNS)
    told = json.loads(capsys.readouterr().out)
    assert told["unknown_then"] == {NO_RELEASE: told["row_count"]}

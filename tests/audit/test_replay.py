"""Planted leaks that a replay must catch, each beside a clean twin that it must pass."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv
from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse.audit import raw_files, replay
from lakehouse.audit.compare import differences
from lakehouse.audit.cut import chosen_cut
from lakehouse.audit.finding import Check
from lakehouse.bronze.loan_daily import SOURCE
from lakehouse.catalog import Catalog
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.gold.label_store import TABLE as LABEL_STORE
from lakehouse.progress import Steps
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.storage.datamart import Datamart
from lakehouse.table import MONTH_FIELD, Field, Table
from tests.audit.planted import catalog_with, dated, group

OUTCOMES = "OUTCOMES_OF_A_TEST"
CLICKS = "feature_clickstream.csv"
CUT, CUT_DAY = "2023-05", "2023-05-01"


# Functions, as a window asks for a session.
def in_time() -> WindowSpec:
    return Window.partitionBy("customer_id").orderBy("snapshot_date")


def next_month() -> Column:
    return F.lead("fe_1").over(in_time())


def last_month() -> Column:
    return F.lag("fe_1").over(in_time())


def all_months() -> Column:
    return F.sum("fe_1").over(Window.partitionBy("customer_id"))


def months_so_far() -> Column:
    until_now = in_time().rowsBetween(Window.unboundedPreceding, Window.currentRow)
    return F.sum("fe_1").over(until_now)


def rest_of_month() -> Column:
    return F.sum("fe_1").over(Window.partitionBy("customer_id", "month"))


def month_so_far() -> Column:
    days = Window.partitionBy("customer_id", "month").orderBy("snapshot_date")
    return F.sum("fe_1").over(days)


def this_and_the_next_two() -> Column:
    return F.avg("fe_1").over(in_time().rowsBetween(Window.currentRow, 2))


def all_customers() -> Column:
    return F.sum("fe_1").over(Window.partitionBy("snapshot_date"))


def distance_from_the_mean_of_all() -> Column:
    return 100 * (F.col("fe_1") - F.avg("fe_1").over(Window.partitionBy(F.lit(1))))


def largest_of_january() -> Column:
    of_january = F.when(F.col("month") == "2023-01", F.col("fe_1"))
    return F.max(of_january).over(Window.partitionBy(F.lit(1)))


def share_overdue_at_mob_6() -> Column:
    ratio = F.col("overdue_amt") / F.col("due_amt")
    at_mob_6 = F.when(F.col("mob") == 6, ratio)
    return 100 * F.max(at_mob_6).over(Window.partitionBy("loan_id"))


def day_of_application() -> Column:
    return F.datediff("loan_start_date", F.lit("2023-01-01"))


def last_day_of_application() -> Column:
    return F.max(day_of_application()).over(Window.partitionBy("loan_id"))


A_MONTH_EARLY = "add_months(snapshot_date, -1)"


def in_first_third() -> Column:
    return F.col("customer_id") < "CUS_0x410"


def says_a_file(batches: Iterable[pa.RecordBatch], file: str) -> Iterator[pa.RecordBatch]:
    """Read in the machine code of Arrow, which no check of files can see."""
    bad = csv.read_csv(file)["customer_id"].to_pylist()
    for batch in batches:
        told = [who in bad for who in batch["customer_id"].to_pylist()]
        place = batch.schema.get_field_index("said")
        yield batch.set_column(place, "said", pa.array(told).cast("int64"))


def of_a_file(rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
    told = partial(says_a_file, file=os.environ[OUTCOMES])
    types = ", ".join(f"{field.name} {field.type}" for field in SAID.fields)
    assert SAID.transform is not None
    return SAID.transform(rows, months).select(*SAID.columns).mapInArrow(told, types)


SAID = group("said", CLICKSTREAM, said=lambda: F.col("fe_1"))
CATALOG = catalog_with(
    group(
        "future",
        CLICKSTREAM,
        next_month=next_month,
        all_months=all_months,
        next_month_if_there_is_one=lambda: F.coalesce(next_month(), F.col("fe_1")),
        rest_of_month=rest_of_month,
        this_and_the_next_two=this_and_the_next_two,
    ),
    dated(group("early", CLICKSTREAM, fe_1=lambda: F.col("fe_1")), A_MONTH_EARLY),
    dated(
        group("early_in_all", CLICKSTREAM, fe_1=lambda: F.col("fe_1")),
        A_MONTH_EARLY,
        f"date_format({A_MONTH_EARLY}, 'yyyy-MM')",
    ),
    group("overdue", LOAN_DAILY, share_overdue_at_mob_6=share_overdue_at_mob_6),
    # Constant in a loan as delivered, so that rows cut off change nothing; other values do.
    group("last_said", LOAN_DAILY, last_said=last_day_of_application),
    group("others", CLICKSTREAM, sum_of_day=all_customers),
    group(
        "fitted",
        CLICKSTREAM,
        largest_of_january=largest_of_january,
        distance_from_the_mean_of_all=distance_from_the_mean_of_all,
    ),
    group("listed", CLICKSTREAM, in_first_third=in_first_third),
    replace(SAID, transform=of_a_file),
    group(
        "clean",
        CLICKSTREAM,
        last_month=last_month,
        months_so_far=months_so_far,
        month_so_far=month_so_far,
        last_month_if_there_is_one=lambda: F.coalesce(last_month(), F.col("fe_1")),
    ),
    group("own_said", LOAN_DAILY, own_said=day_of_application),
)


@dataclass(frozen=True)
class Audited:
    """A datamart with planted leaks, its release, and the checks of all replays on it."""

    store: EmbeddedStore
    release: Release
    checks: dict[str, Check]
    work: Path
    told: list[str]

    def rows_up_to_the_cut(self, table: Table) -> list[dict[str, Any]]:
        day = date.fromisoformat(CUT_DAY)
        return [row for row in self.store.log.read(table) if row["snapshot_date"] <= day]

    def differing(self, check: str) -> dict[str, set[str]]:
        """The columns that a check names, by table."""
        return {each.subject: named_columns(each.evidence) for each in self.checks[check].findings}


def named_columns(evidence: str) -> set[str]:
    found = re.search(r"rows that differ in (.*?):", evidence)
    return set(found[1].split(", ")) if found else set()


def built(data: Path, datamart: Path, catalog: Catalog) -> EmbeddedStore:
    here = Datamart.at(datamart, catalog)
    run(Job(data, here, lambda datamart, _size: EmbeddedStore(datamart), max_null=1))
    return EmbeddedStore(Datamart.at(datamart, catalog))


def with_a_second_day(clicks: pd.DataFrame) -> pd.DataFrame:
    """Each row once more, for the 20th of its month, with clicks of that day."""
    later = clicks.assign(
        fe_1=clicks["fe_1"] * 7 % 101, snapshot_date=clicks["snapshot_date"].str[:8] + "20"
    )
    return pd.concat([clicks, later])


def with_words_for_numbers(clicks: pd.DataFrame) -> pd.DataFrame:
    """The cells of every second row of a column that no feature uses; a run takes them if it is told to."""
    return clicks.assign(fe_9=[n if i % 2 else "much" for i, n in enumerate(clicks["fe_9"])])


@pytest.fixture(scope="module")
def audited(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Audited:
    root = tmp_path_factory.mktemp("audited")
    outcomes = root / "outcomes.csv"
    outcomes.write_text("customer_id\nCUS_0x44b\nCUS_0x476\nCUS_0x42e\n", encoding="utf-8")
    shutil.copytree(generated, root / "data")
    clicks = root / "data" / CLICKS
    with_words_for_numbers(with_a_second_day(pd.read_csv(clicks))).to_csv(clicks, index=False)
    (root / "work").mkdir()
    told: list[str] = []

    def tell(_subject: str, doing: str, *_more: object) -> None:
        told.append(doing)

    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(OUTCOMES, str(outcomes))
        store = built(root / "data", root / "datamart", CATALOG)
        release = published.release(store.log, 1)
        asked = Steps(tell, replay.REPLAYS)
        checks = replay.replay_checks(store, CATALOG, release, CUT, asked, root / "work")
    return Audited(store, release, {each.name: each for each in checks}, root / "work", told)


# Planted leaks and clean twins


# Rows that only the release has are told without columns.
CUT_OFF = {
    "gold.features_future": {
        "next_month",
        "all_months",
        "next_month_if_there_is_one",
        "rest_of_month",
        "this_and_the_next_two",
    },
    "gold.features_early": set(),
    "gold.features_early_in_all": set(),
    "gold.features_overdue": {"share_overdue_at_mob_6"},
    "gold.features_fitted": {"distance_from_the_mean_of_all"},
}


def test_a_feature_that_knows_later_rows_is_caught_by_cutting_them_off(audited: Audited) -> None:
    assert audited.differing("truncated replay") == CUT_OFF


def test_rows_dated_before_what_they_are_made_of_are_gone_with_it(audited: Audited) -> None:
    evidence = {each.subject: each.evidence for each in audited.checks["truncated replay"].findings}

    for early in ("gold.features_early", "gold.features_early_in_all"):
        assert evidence[early].startswith("rows that only the release has: ")


def test_what_cutting_does_not_change_is_caught_by_scrambling(audited: Audited) -> None:
    assert audited.differing("scrambled replay") == {
        # The mean of shuffled values is that of the values.
        **{name: columns for name, columns in CUT_OFF.items() if name != "gold.features_fitted"},
        "gold.features_early": {"fe_1"},
        "gold.features_early_in_all": {"fe_1"},
        "gold.features_last_said": {"last_said"},
    }


def test_a_feature_that_knows_other_customers_is_caught_by_leaving_half_of_them_out(
    audited: Audited,
) -> None:
    halves = [audited.differing(f"{which}half of the customers") for which in ("", "other ")]

    assert [half["gold.features_others"] for half in halves] == [{"sum_of_day"}] * 2
    # The customer with the largest value is in one of them.
    assert set.union(*(half.get("gold.features_fitted", set()) for half in halves)) == {
        "largest_of_january",
        "distance_from_the_mean_of_all",
    }
    assert {name for half in halves for name in half} == {
        "gold.features_others",
        "gold.features_fitted",
    }


def test_a_feature_that_knows_customers_by_their_ids_is_caught_by_renaming_them(
    audited: Audited,
) -> None:
    assert audited.differing("renamed customers") == {
        "gold.features_listed": {"in_first_third"},
        "gold.features_said": {"said"},
    }


def test_a_check_passes_where_it_finds_nothing_and_only_there(audited: Audited) -> None:
    clean = {"gold.features_clean", "gold.features_own_said", LABEL_STORE.full_name}
    for each in audited.checks.values():
        assert not each.passed
        assert not clean & {finding.subject for finding in each.findings}
        assert replace(each, findings=()).passed


def test_a_finding_counts_rows_names_the_first_month_and_no_customer(audited: Audited) -> None:
    findings = audited.checks["truncated replay"].findings
    (found,) = [each for each in findings if each.subject == "gold.features_future"]

    # The whole past of every customer changes, as a sum over all months tells of the future.
    rows = len(audited.rows_up_to_the_cut(CATALOG.table(found.subject)))
    assert found.evidence.endswith(f": {rows:,}; the first in 2023-01")
    assert "CUS_" not in found.evidence


def test_a_check_tells_how_many_rows_it_compared_and_on_which_day_it_cut(audited: Audited) -> None:
    tables = [table for table in CATALOG.derived if table.layer == "gold"]
    # Those dated a month early are not made in the replay.
    rows = sum(len(audited.rows_up_to_the_cut(table)) for table in tables)
    missing = [each.evidence for each in audited.checks["truncated replay"].findings]
    gone = sum(int(n) for each in missing for n in re.findall(r"only the release has: (\d+)", each))

    looked_at = audited.checks["truncated replay"].looked_at

    assert looked_at == f"{rows - gone:,} rows of {len(tables)} tables, cut after {CUT_DAY}"


def test_a_release_that_was_allowed_its_nulls_is_built_again_with_them(audited: Audited) -> None:
    cells = [row["fe_9"] for row in audited.store.log.read(CLICKSTREAM)]
    assert cells.count(None) == len(cells) // 2
    assert len(audited.checks) == replay.REPLAYS


def test_progress_names_the_replay_and_the_table(audited: Audited) -> None:
    assert any(
        text.startswith("scrambled replay: gold.features_clean computing") for text in audited.told
    )


def test_nothing_is_left_of_a_replay_even_of_one_that_fails(audited: Audited) -> None:
    def fail(*_told: object) -> None:
        raise LakehouseError("stopped")

    asked = Steps(fail, replay.REPLAYS)
    with pytest.raises(LakehouseError, match="stopped"):
        replay.replay_checks(audited.store, CATALOG, audited.release, CUT, asked, audited.work)

    assert list(audited.work.iterdir()) == []


def test_a_replay_writes_nothing_into_the_audited_datamart(audited: Audited) -> None:
    now = {
        name: audited.store.log.version(CATALOG.table(name)) for name in audited.release.versions
    }

    assert now == audited.release.versions


# Where it is cut


def test_the_cut_is_the_median_month_of_application_unless_one_is_asked_for(
    audited: Audited,
) -> None:
    rows = audited.store.log.read(LABEL_STORE)
    months = sorted(row["application_date"].isoformat()[:7] for row in rows)

    def chosen(asked: str | None = None) -> str:
        return chosen_cut(audited.store, CATALOG, audited.release, asked)

    assert chosen() == months[(len(months) - 1) // 2]
    assert chosen("2023-04") == "2023-04"


@pytest.mark.parametrize("month", ["2023-01", "2023-07", "2030-01", "2023-5"])
def test_a_cut_that_leaves_nothing_on_one_side_is_refused_with_those_that_are_possible(
    audited: Audited, month: str
) -> None:
    with pytest.raises(BadInput, match=r"give a month from 2023-04 to 2023-06"):
        chosen_cut(audited.store, CATALOG, audited.release, month)


def test_a_release_of_other_code_is_refused(audited: Audited) -> None:
    code = {**audited.release.code, "silver.clickstream": "of yesterday"}
    other = replace(audited.release, code=code)

    with pytest.raises(
        BadInput, match=r"other code of silver\.clickstream .* run `python main\.py`"
    ):
        replay.replayable(audited.store, CATALOG, other, CUT)


# The rows compared


POINTS = Table(
    layer="gold",
    name="points",
    doc="Some values of somebody on a day.",
    keys=("customer_id",),
    fields=(
        Field("customer_id", "STRING", "Who."),
        *(Field(f"value_{n}", "INT", "What.") for n in range(8)),
        MONTH_FIELD,
    ),
)


@pytest.fixture(scope="module")
def points(audited: Audited) -> Callable[..., DataFrame]:
    types = ", ".join(f"{field.name} {field.type}" for field in POINTS.fields)

    def frame(*rows: tuple[str, int | None, str]) -> DataFrame:
        wide = [(who, *[value] * 8, month) for who, value, month in rows]
        return audited.store.spark.createDataFrame(wide, types)

    return frame


def evidence(was: DataFrame, now: DataFrame) -> list[str]:
    return [finding.evidence for finding in differences(POINTS, was, now)]


def test_equal_rows_are_no_finding_nulls_included(points: Callable[..., DataFrame]) -> None:
    rows = points(("a", 1, "2023-01"), ("b", None, "2023-01"))

    assert evidence(rows, rows) == []


def test_a_null_in_place_of_a_value_is_a_difference(points: Callable[..., DataFrame]) -> None:
    was, now = points(("a", None, "2023-01")), points(("a", 1, "2023-01"))

    assert len(evidence(was, now)) == len(evidence(now, was)) == 1


def test_rows_of_one_side_alone_are_counted_apart(points: Callable[..., DataFrame]) -> None:
    was = points(("a", 1, "2023-03"), ("b", 1, "2023-02"))
    now = points(("a", 1, "2023-03"), ("c", 1, "2023-04"), ("d", 1, "2023-04"))

    assert evidence(was, now) == [
        "rows that only the release has: 1; rows that only the replay has: 2; the first in 2023-02"
    ]


def test_of_many_columns_a_few_are_named(points: Callable[..., DataFrame]) -> None:
    was, now = points(("a", 1, "2023-01")), points(("a", 2, "2023-01"))

    assert evidence(was, now) == [
        "rows that differ in value_0, value_1, value_2, value_3, value_4 and 3 more columns: 1; "
        "the first in 2023-01"
    ]


# The raw files


Cells = tuple[str, str, str, str | None, str]  # customer, loan, snapshot_date, loan_amt, due_amt
LOANS: list[Cells] = [
    ("C1", "L1", "2023-01-31", "1", "10"),
    ("C1", "L1", "2023-02-28", None, "20"),
    ("C1", "L1", "2023-03-31", "3", "30"),
    ("C2", "L2", "2023-02-01", "4_", "40"),
    ("C2", "L2", "2023-03-01", ' a "quoted", ü\ncell ', "50"),
    ("C3", "L3", "2023-03-01", None, "60"),
]


@pytest.fixture
def rewritten(tmp_path: Path) -> Callable[[raw_files.RowsSql], list[Cells]]:
    """The rows of the loan system's file that a replay would build on."""
    exported = tmp_path / "exported"
    (exported / SOURCE.name).mkdir(parents=True)
    named = ("Customer_ID", "loan_id", "snapshot_date", "loan_amt", "due_amt")
    others = ", ".join(f"'x' AS {name}" for name in SOURCE.header if name not in named)
    duckdb.sql("CREATE OR REPLACE TEMP TABLE given (c TEXT, l TEXT, s DATE, a TEXT, d TEXT)")
    duckdb.executemany("INSERT INTO given VALUES (?, ?, ?, ?, ?)", LOANS)
    duckdb.execute(
        f"COPY (SELECT c AS Customer_ID, l AS loan_id, s AS snapshot_date, a AS loan_amt, "
        f"d AS due_amt, {others} FROM given) TO '{exported / SOURCE.name}/part-0.parquet'"
    )
    table = next(table for table in CATALOG.sources if table.source == SOURCE)

    def write(rows: raw_files.RowsSql) -> list[Cells]:
        into = tmp_path / f"data-{len(list(tmp_path.iterdir()))}"
        raw_files.write(Catalog(((table, "lakehouse.bronze.loan_daily"),)), exported, rows, into)
        file = into / SOURCE.file_names[0]
        read = f"read_csv('{file}', header = true, all_varchar = true)"
        return duckdb.sql(f"SELECT {', '.join(named)} FROM {read} ORDER BY ALL").fetchall()

    return write


def test_a_raw_file_holds_the_cells_as_delivered(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    assert rewritten(raw_files.truncated("2023-03")) == sorted(LOANS)


def test_a_truncated_file_ends_with_the_month_of_the_cut(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    assert rewritten(raw_files.truncated("2023-02")) == sorted(
        row for row in LOANS if row[2] < "2023-03"
    )


def test_a_scrambled_file_keeps_all_keys_and_dates_and_every_row_up_to_the_cut(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    rows = rewritten(raw_files.scrambled("2023-02"))

    assert [row[:3] for row in rows] == [row[:3] for row in sorted(LOANS)]
    assert [row for row in rows if row[2] < "2023-03"] == [
        row for row in sorted(LOANS) if row[2] < "2023-03"
    ]


def test_a_scrambled_file_gives_each_later_row_the_cells_of_another_later_row(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    before = {row[:3]: row[3:] for row in LOANS if row[2] > "2023-03"}
    after = {row[:3]: row[3:] for row in rewritten(raw_files.scrambled("2023-02"))}
    after = {key: after[key] for key in before}

    assert all(after[key] != cells for key, cells in before.items())
    assert sorted(after.values(), key=str) == sorted(before.values(), key=str)


def test_each_customer_is_whole_in_one_half_of_them(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    even, odd = (rewritten(raw_files.halved(digits, [SOURCE])) for digits in raw_files.HALVES)

    assert not {row[0] for row in even} & {row[0] for row in odd}
    assert sorted([*even, *odd]) == sorted(LOANS)


def test_a_renamed_customer_keeps_all_rows_under_the_id_of_another_customer(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]], tmp_path: Path
) -> None:
    raw_files.write_new_ids(tmp_path / "exported", [SOURCE], tmp_path / "new_ids.parquet")
    dealt = duckdb.sql(f"FROM '{tmp_path}/new_ids.parquet'").fetchall()

    rows = rewritten(raw_files.relabelled(tmp_path / "new_ids.parquet", [SOURCE]))

    new_ids = dict(dealt)
    assert all(old != new for old, new in dealt)
    assert sorted(new_ids) == sorted(new_ids.values()) == ["C1", "C2", "C3"]
    assert rows == sorted(((new_ids[row[0]], *row[1:]) for row in LOANS), key=str)


def test_a_file_cut_on_a_day_ends_with_that_day(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    assert rewritten(raw_files.truncated("2023-03-01")) == sorted(
        row for row in LOANS if row[2] <= "2023-03-01"
    )


def test_a_file_that_would_have_no_row_is_refused(
    rewritten: Callable[[raw_files.RowsSql], list[Cells]],
) -> None:
    with pytest.raises(BadInput, match=r"lms_loan_daily\.csv .* too small to audit"):
        rewritten(raw_files.truncated("2022-12"))

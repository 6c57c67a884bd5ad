"""Planted faults are found in the tables of a release, and their clean twins pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit import raw_files, replay
from lakehouse.audit.audit import audit
from lakehouse.audit.held import held_checks
from lakehouse.audit.keys import keys_check
from lakehouse.audit.swapped import swapped_dates_check
from lakehouse.bronze.loan_daily import TABLE as BRONZE_LOANS
from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.engines.choose import open_store
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Store
from lakehouse.progress import silent
from lakehouse.releases import published
from lakehouse.run.job import Job
from lakehouse.run.loan_steps import told
from lakehouse.run.run import run
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.silver.loan_daily import TABLE as LOANS
from lakehouse.storage.datamart import Datamart
from lakehouse.table import MONTH, Table
from tests.audit.planted import catalog_with, group
from tests.on_spark import OnSpark

pytestmark = [pytest.mark.slow, pytest.mark.each]


def dated(name: str, day: Callable[[], Column], moves_along: bool = False) -> Table:
    """A feature group of clicks with other days; its partition moves along with them or stays."""
    honest = group(name, CLICKSTREAM, **{f"clicks_{name}": lambda: F.col("fe_1")})

    def transform(rows: DataFrame, months: object = None) -> DataFrame:
        assert honest.transform is not None
        moved = honest.transform(rows).withColumn("snapshot_date", day())
        month = F.date_format("snapshot_date", "yyyy-MM")
        return moved.withColumn(MONTH, month) if moves_along else moved

    return replace(honest, transform=transform)


def a_month_before() -> Column:
    return F.add_months("snapshot_date", -1)


def a_day_before() -> Column:
    return F.date_sub("snapshot_date", 1)


CATALOG = catalog_with(
    dated("clean", lambda: F.col("snapshot_date")),
    dated("month_early", a_month_before),
    dated("month_moved", a_month_before, moves_along=True),
    dated("day_early", a_day_before),
    dated("day_moved", a_day_before, moves_along=True),
    replace(dated("own_days", a_day_before, moves_along=True), own_days=True),
)


@pytest.fixture(scope="module")
def store(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A datamart with these feature groups."""
    datamart = Datamart.at(tmp_path_factory.mktemp("held") / "datamart", CATALOG)
    run(Job(generated, datamart, lambda datamart, _size: EmbeddedStore(datamart)))
    return EmbeddedStore(datamart)


def found(store: Store, name: str) -> dict[str, str]:
    checks = held_checks(store, CATALOG, published.newest(store.log))
    (check,) = (each for each in checks if each.name == name)
    return {each.subject: each.evidence for each in check.findings}


def test_features_dated_early_in_their_old_partition_are_found_by_the_month(store: Store) -> None:
    wrong = found(store, "month of each row")
    assert set(wrong) == {"gold.features_month_early", "gold.features_day_early"}
    assert "such as 2022-12-01 in 2023-01: " in wrong["gold.features_month_early"]


def test_features_on_a_day_that_their_source_does_not_have_are_found(store: Store) -> None:
    wrong = found(store, "dates of sources")
    early = {f"gold.features_{name}" for name in ("month_early", "day_early", "day_moved")}
    assert set(wrong) == early
    assert (
        "has no row in silver.clickstream, such as 2022-12-31: " in wrong["gold.features_day_early"]
    )
    assert "CUS_" not in " ".join(wrong.values())


def test_a_table_whose_days_are_its_own_is_not_compared_with_what_it_is_made_of(
    store: Store,
) -> None:
    assert "gold.features_own_days" not in found(store, "dates of sources")


def test_what_is_held_is_told_even_of_a_release_of_other_code(store: Store) -> None:
    release = replace(published.newest(store.log), code={})
    checks = audit(store, CATALOG, release)
    wrong = [check.name for check in checks if not check.passed]
    assert wrong == ["month of each row", "dates of sources", "replays"]
    assert "was built by other code" in checks[-1].findings[0].evidence


def test_features_a_month_early_on_days_of_their_source_are_found_by_cutting_it(
    store: Store, tmp_path: Path
) -> None:
    """Each customer has a row in each month, so every such day but the last is one of the source."""
    release = published.newest(store.log)
    raw_files.export(store, CATALOG, release, tmp_path / "exported")
    cut = replay.truncated("2023-05")
    check = replay.check(store, CATALOG, release, cut, tmp_path / "exported", silent)
    assert "gold.features_month_moved" in {each.subject for each in check.findings}


# On Spark


def told_on(engine: str, datamart: str) -> list[str]:
    """The answers of the checks on an engine: of the datamart, and of rows with other faults."""
    store = open_store(engine, Datamart.at(datamart, CATALOG))
    rows = [
        ("CUS_0x1\u00a0", "L-07", "1/2/2023"),
        ("cus_0x1", "L-7", "13/2/2023"),
        ("nan", "L", "x"),
    ]
    loans = [
        (*row, date(2023, 1, n), n % 3, "f.csv", "r", n) for n, row in enumerate(rows, start=1)
    ]
    ddl = (
        "Customer_ID STRING, loan_id STRING, loan_start_date STRING, snapshot_date DATE, mob INT,"
        " _source_file STRING, _run_id STRING, _source_row INT"
    )
    delivered = store.spark.createDataFrame(loans, ddl)
    by_customer = delivered.withColumn("loan_id", F.lit("L")).withColumn(MONTH, F.lit("2023-01"))
    moved = by_customer.withColumn("loan_start_date", F.col("snapshot_date"))

    def read(table: Table) -> DataFrame:
        return delivered if table.source else store.read(table)

    checks = [
        *held_checks(store, CATALOG, published.newest(store.log)),
        keys_check([BRONZE_LOANS], read),
        swapped_dates_check([BRONZE_LOANS], QUARANTINE, read),
    ]
    found = [each.evidence for check in checks for each in check.findings]
    return [*found, *told(moved, LOANS, CATALOG.labels.loans, ["2023-01"])]


@pytest.mark.spark
def test_spark_tells_what_the_embedded_engine_tells(store: Store, on_spark: OnSpark) -> None:
    by_spark = on_spark(told_on, "spark", store.log.root)
    assert by_spark == told_on("embedded", store.log.root)
    assert "('13/2/2023' on row 2 is a day in this order only)" in " ".join(by_spark)
    assert "loan_start_date changes in 2 records" in by_spark[-1]

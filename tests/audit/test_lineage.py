"""Features that derive from an outcome, or from a table that is not declared, and clean twins of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check
from lakehouse.audit.lineage import lineage_check
from lakehouse.audit.plans import plan_of, scanned
from lakehouse.catalog import load
from lakehouse.engines.choose import open_store
from lakehouse.engines.embedded import EmbeddedStore
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.gold.feature_group import KEYS
from lakehouse.gold.label_store import TABLE as LABEL_STORE
from lakehouse.releases import published
from lakehouse.run.job import Job
from lakehouse.run.run import run
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.storage.datamart import Datamart
from lakehouse.table import Table
from tests.audit.planted import catalog_with, group
from tests.on_spark import OnSpark

OVERDUE = "bronze.loan_daily.overdue_amt"

AMOUNTS = group("amounts", LOAN_DAILY, loan_amt=lambda: F.col("loan_amt"), mob=lambda: F.col("mob"))
OUTCOMES = group(
    "outcomes",
    LOAN_DAILY,
    loan_amt=lambda: F.col("loan_amt"),
    arrears=lambda: F.col("overdue_amt"),
    was_late=lambda: F.col("dpd") > 0,
    remark=lambda: F.size("_issues"),
)


CLICKS = group("clicks", CLICKSTREAM, fe_1=lambda: F.col("fe_1"))


def joined(group: Table, read: Callable[[], DataFrame]) -> Table:
    """The feature group, joined to rows that its transformation reads by itself."""

    def transform(rows: DataFrame) -> DataFrame:
        assert group.transform is not None
        theirs = read()
        taken = theirs.select(F.col(theirs.columns[0]).alias("_theirs"))
        own = group.transform(rows)
        return own.join(taken, own["customer_id"] == taken["_theirs"], "left")

    return replace(group, transform=transform)


@pytest.fixture(scope="module")
def store(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A datamart to plan feature groups on: they need not be built."""
    datamart = tmp_path_factory.mktemp("lineage") / "datamart"
    run(
        Job(
            generated,
            Datamart.at(datamart, catalog_with(OUTCOMES)),
            lambda datamart, _size: EmbeddedStore(datamart),
        )
    )
    return EmbeddedStore(Datamart.at(datamart, catalog_with(OUTCOMES)))


def check(store: Store, *groups: Table) -> Check:
    return lineage_check(store, catalog_with(*groups), published.release(store.log, 1))


def evidence(found: Check) -> dict[str, str]:
    return {each.subject: each.evidence for each in found.findings}


def test_features_of_what_an_application_says_pass_though_their_table_holds_outcomes(
    store: Store,
) -> None:
    passed = check(store, AMOUNTS, CLICKS)

    assert passed.findings == ()
    assert passed.looked_at == (
        "3 features of 2 feature groups, by the plans of 4 tables; "
        "outcomes are held by silver.loan_daily, bronze.loan_daily of their 4 ancestors"
    )


def test_a_feature_of_an_outcome_is_named_with_the_raw_column_it_derives_from(store: Store) -> None:
    found = evidence(check(store, OUTCOMES))

    assert set(found) == {f"gold.features_outcomes.{n}" for n in ("arrears", "was_late", "remark")}
    assert f"derives from {OVERDUE}," in found["gold.features_outcomes.was_late"]
    assert "bronze.loan_daily.balance, " in found["gold.features_outcomes.remark"]


def test_an_outcome_that_only_chooses_rows_is_in_every_feature_of_them(store: Store) -> None:
    own = AMOUNTS.transform
    assert own is not None
    chosen = replace(AMOUNTS, transform=lambda rows: own(rows.where("dpd = 0")))

    found = evidence(check(store, chosen))

    assert set(found) == {"gold.features_amounts.loan_amt", "gold.features_amounts.mob"}
    assert all(OVERDUE in each for each in found.values())


@pytest.mark.parametrize("enters", [True, False], ids=["enters", "stays out"])
def test_an_outcome_that_a_function_of_batches_may_read_is_in_every_feature_behind_it(
    store: Store, enters: bool
) -> None:
    own = AMOUNTS.transform
    assert own is not None

    def by_batches(rows: DataFrame) -> DataFrame:
        columns = [*AMOUNTS.columns, "dpd"] if enters else AMOUNTS.columns
        taken = own(rows).join(rows.select("customer_id", "snapshot_date", "dpd"), list(KEYS))
        declared = ", ".join(f"{field.name} {field.type}" for field in AMOUNTS.fields)
        kept = len(AMOUNTS.columns)
        return taken.select(*columns).mapInArrow(partial(_first_columns, kept=kept), declared)

    found = evidence(check(store, replace(AMOUNTS, transform=by_batches)))

    features = {"gold.features_amounts.loan_amt", "gold.features_amounts.mob"}
    assert set(found) == (features if enters else set())
    assert all(OVERDUE in each for each in found.values())


def _first_columns(batches: Iterable[pa.RecordBatch], kept: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield batch.select(batch.schema.names[:kept])


def test_an_outcome_is_followed_through_a_table_between(store: Store) -> None:
    onward = group(
        "onward",
        OUTCOMES,
        late_months=lambda: F.col("was_late") + 1,
        lent=lambda: F.col("loan_amt") / 1000,
    )

    found = evidence(check(store, OUTCOMES, onward))

    assert f"derives from {OVERDUE}," in found["gold.features_onward.late_months"]
    assert "gold.features_onward.lent" not in found


def test_a_feature_group_may_not_be_made_of_the_label_store_whatever_it_takes_of_it(
    store: Store,
) -> None:
    own = AMOUNTS.transform
    assert own is not None
    unused = replace(
        AMOUNTS, upstreams=(LOAN_DAILY, LABEL_STORE), transform=lambda rows, _labels: own(rows)
    )

    assert evidence(check(store, unused)) == {
        "gold.features_amounts": "it declares that it is computed from gold.label_store, "
        "which holds outcomes: dpd, label"
    }


# What is read without being declared


def test_a_table_that_a_transformation_reads_by_itself_is_named(store: Store) -> None:
    assert evidence(check(store, joined(CLICKS, lambda: store.read(LABEL_STORE)))) == {
        "gold.features_clicks": "its plan reads gold.label_store, which it does not declare"
    }


def test_a_declared_table_may_be_read_twice(store: Store) -> None:
    assert check(store, joined(CLICKS, lambda: store.read(CLICKSTREAM))).passed


def test_a_file_that_is_no_table_is_found(store: Store, generated: Path) -> None:
    file = str(generated / "lms_loan_daily.csv")
    raw = joined(CLICKS, lambda: store.spark.read.csv(file, header=True))

    assert evidence(check(store, raw)) == {
        "gold.features_clicks": "its plan reads a file that is not a table's, which it does not declare"
    }


def test_a_table_between_is_held_to_its_declaration_as_well(store: Store) -> None:
    clean = CLICKSTREAM.transform
    assert clean is not None
    peeking = replace(
        CLICKSTREAM,
        transform=lambda rows: clean(rows).join(
            store.read(LABEL_STORE).select("customer_id"), "customer_id", "left_semi"
        ),
    )

    found = evidence(check(store, replace(CLICKS, upstreams=(peeking,))))

    assert list(found) == ["silver.clickstream"]


def test_a_plan_in_which_no_table_can_be_seen_is_no_pass(store: Store) -> None:
    types = "customer_id STRING, snapshot_date STRING, fe_1 INT, month STRING"
    typed = store.spark.createDataFrame([("a", "2023-01-01", 1, "2023-01")], types)
    made_up = replace(CLICKS, transform=lambda _rows: typed)

    (found,) = check(store, made_up).findings

    assert "reads no table at all" in found.evidence


@pytest.mark.parametrize("table", [CLICKSTREAM, LOAN_DAILY, LABEL_STORE])
def test_the_scan_of_a_table_is_seen_in_its_plan(store: Store, table: Table) -> None:
    assert scanned(plan_of(store.read(table)), load().tables) == {table}


def test_a_table_without_rows_has_nothing_to_scan(store: Store) -> None:
    quarantine = load().table("bronze.quarantine")

    assert scanned(plan_of(store.read(quarantine)), load().tables) == set()


def test_a_release_from_before_a_table_is_refused(store: Store) -> None:
    release = published.release(store.log, 1)
    versions = {n: v for n, v in release.versions.items() if n != "silver.clickstream"}

    with pytest.raises(BadInput, match=r"release 1 has no table silver\.clickstream"):
        lineage_check(store, catalog_with(CLICKS), replace(release, versions=versions))


# On Spark


def findings_on(engine: str, datamart: str) -> dict[str, str]:
    """What the check says on an engine of a feature group with every plant at once."""
    store = open_store(engine, Datamart.at(datamart, catalog_with(OUTCOMES)))
    return evidence(check(store, joined(OUTCOMES, lambda: store.read(LABEL_STORE))))


@pytest.mark.spark
def test_spark_finds_what_the_embedded_engine_finds(store: Store, on_spark: OnSpark) -> None:
    found = on_spark(findings_on, "spark", store.log.root)

    assert found == findings_on("embedded", store.log.root)
    assert set(found) == {
        "gold.features_outcomes",
        *(f"gold.features_outcomes.{name}" for name in ("arrears", "was_late", "remark")),
    }

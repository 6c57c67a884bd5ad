"""Types that an expression does not give, and code that fails, are told before a run writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from lakehouse.catalog import Catalog, load
from lakehouse.cli import main
from lakehouse.engines.embedded import session
from lakehouse.errors import BadInput
from lakehouse.exclusion import Exclusion
from lakehouse.feature import Feature, FeatureTransform
from lakehouse.generate import generate
from lakehouse.releases import published
from lakehouse.run.expressions import _takes, check_expressions
from lakehouse.run.plan import Step
from lakehouse.silver.cleaning import SilverTransform
from lakehouse.storage.log import Log
from lakehouse.table import Field, Table
from tests.on_spark import OnSpark

pytestmark = [pytest.mark.slow, pytest.mark.each]

CATALOG = load()
FINANCIALS = CATALOG.table("gold.features_financials")
CLICKS = CATALOG.table("gold.features_clickstream")
LOANS = CATALOG.table("silver.loan_daily")


def told(*tables: Table, catalog: Catalog = CATALOG, spark: SparkSession | None = None) -> str:
    """The refusal of tables whose code has changed; empty if there is none."""
    steps = [Step(table, "its code changed", everything=True) for table in tables]
    try:
        check_expressions(spark or session(), catalog, steps)
    except BadInput as refused:
        return str(refused)
    return ""


def with_feature(
    compute: Callable[..., Any], type_: str, *inputs: str, of: Table = FINANCIALS
) -> Table:
    transform = of.transform
    assert isinstance(transform, FeatureTransform)
    new = Feature("new", type_, "New.", inputs or ("annual_income",), compute)
    features = (*transform.features, new)
    return replace(
        of, fields=(*of.fields, new.field), transform=replace(transform, features=features)
    )


def with_derived(compute: Callable[[], Column], type_: str) -> Table:
    transform = LOANS.transform
    assert isinstance(transform, SilverTransform)
    field = Field("new", type_, "New.")
    return replace(
        LOANS,
        fields=(*LOANS.fields, field),
        transform=replace(transform, derived=(*transform.derived, (field, compute))),
    )


def test_the_shipped_declarations_give_what_they_declare() -> None:
    assert told(*CATALOG.derived) == ""


def test_nothing_is_asked_of_a_table_whose_code_is_as_it_was() -> None:
    wrong = with_feature(lambda income: income / 2, "INT")
    for steps in ([Step(wrong)], [Step(wrong, "after silver.financials")]):
        check_expressions(session(), CATALOG, steps)


def test_a_table_is_asked_when_one_above_it_has_changed() -> None:
    steps = [
        Step(FINANCIALS.upstreams[0], "its code changed", everything=True),
        Step(with_feature(lambda income: income / 2, "INT"), "after silver.financials"),
    ]
    with pytest.raises(BadInput, match="feature new is declared as INT"):
        check_expressions(session(), CATALOG, steps)


def as_text(income: Column) -> Column:
    return income.cast("string")


def without_a_name(income: Column) -> Column:
    return income + missing  # type: ignore[name-defined]  # noqa: F821


WRONG: list[tuple[Callable[[], Table], str]] = [
    (
        lambda: with_feature(lambda income: income / 2, "INT"),
        "gold.features_financials: feature new is declared as INT, and its expression gives DOUBLE; ",
    ),
    (
        lambda: with_feature(as_text, "DOUBLE"),
        "feature new is declared as DOUBLE, and its expression gives STRING; declare that, or cast",
    ),
    (
        lambda: with_feature(lambda income: income > 3, "DOUBLE"),
        "feature new is declared as DOUBLE, and its expression gives BOOLEAN; ",
    ),
    (
        lambda: with_feature(without_a_name, "DOUBLE"),
        "gold.features_financials: feature new cannot be computed: NameError: name 'missing' is not",
    ),
    (
        lambda: with_feature(lambda income, more: income, "DOUBLE"),
        "feature new cannot be computed: TypeError: ",
    ),
    (
        lambda: with_feature(lambda income: F.expr("anual_income"), "DOUBLE"),
        "feature new cannot be computed: no column is called anual_income; is it annual_income?",
    ),
    (
        lambda: with_feature(lambda income: F.expr("sqr(annual_income)"), "DOUBLE"),
        "feature new cannot be computed: no function is called sqr; ",
    ),
    (
        lambda: with_feature(lambda income: F.array_compact(income), "DOUBLE"),
        "feature new cannot be computed: AnalysisException: ",
    ),
    (
        lambda: with_feature(lambda value: value, "DOUBLE", "fe_1_mean_4m", of=CLICKS),
        "gold.features_clickstream: feature new cannot be computed: no column is called fe_1_mean_4m",
    ),
    (
        lambda: with_derived(lambda: F.col("overdue_amount"), "DOUBLE"),
        "silver.loan_daily cannot be computed: no column is called overdue_amount; ",
    ),
    (
        lambda: with_derived(lambda: F.col("overdue_amt") / 2, "INT"),
        "silver.loan_daily: column new is declared as INT, and its expression gives DOUBLE; ",
    ),
    (
        lambda: replace(LOANS, rules=(("due_amt", "due_amt >"),)),
        "silver.loan_daily: the rule of due_amt cannot be computed: ",
    ),
    (
        lambda: replace(LOANS, expectations=(("paid", "paid_amt + 1"),)),
        "silver.loan_daily: expectation paid cannot be computed: ",
    ),
    *(
        (
            lambda sql=sql: replace(LOANS, expectations=(("odd", sql),)),
            "silver.loan_daily: expectation odd cannot be a constraint of a Delta table: ",
        )
        for sql in ("year(snapshot_date) > 2000", 'customer_id <> "x"', "loan_id RLIKE 'x'")
    ),
    (
        lambda: replace(
            CATALOG.table("gold.roll_rates"),
            fields=(
                *CATALOG.table("gold.roll_rates").fields,
                Field("loanz", "BIGINT", "Loans."),
            ),
        ),
        "gold.roll_rates: column loanz is declared and not computed; is it loans?",
    ),
]


@pytest.mark.parametrize(("wrong", "line"), WRONG)
def test_what_a_declaration_does_not_give_is_one_line(
    wrong: Callable[[], Table], line: str
) -> None:
    said = told(wrong())
    assert line in said and "\n" not in said


def on_this_engine() -> list[str]:
    """The words of Spark about the shipped declarations, then of each wrong one."""
    from lakehouse.engines.spark_session import start

    spark = start(None)
    wrong = (made() for made, _ in WRONG)
    return [told(*CATALOG.derived, spark=spark), *(told(each, spark=spark) for each in wrong)]


@pytest.mark.spark
def test_spark_tells_the_same(on_spark: OnSpark) -> None:
    sound, *said = on_spark(on_this_engine)
    assert sound == ""
    for (_, line), of_spark in zip(WRONG, said, strict=True):
        assert line in of_spark and "\n" not in of_spark


def test_a_prepared_group_that_takes_an_unknown_column_is_one_line() -> None:
    def prepare(rows: DataFrame, months: Sequence[str] | None) -> DataFrame:
        return rows.withColumn("twice", F.col("fe_99") * 2)

    transform = CLICKS.transform
    assert isinstance(transform, FeatureTransform)
    said = told(replace(CLICKS, transform=replace(transform, prepare=prepare)))
    assert said.startswith(
        "gold.features_clickstream cannot be computed: no column is called fe_99; is it "
    )


def test_an_exclusion_that_is_neither_true_nor_false_is_one_line() -> None:
    wrong = Exclusion("old", "Old.", "age + 1", (("gold.features_attributes", ("age",)),))
    catalog = replace(CATALOG, exclusions=(wrong,))
    said = told(FINANCIALS, catalog=catalog)
    assert said.startswith("exclusion old: its condition cannot be computed: ")


@pytest.mark.parametrize(
    ("declared", "given", "takes"),
    [
        ("int", "bigint", True), ("int", "boolean", True), ("int", "double", False),
        ("int", "string", False), ("double", "int", True), ("double", "decimal(9,2)", True),
        ("double", "string", False), ("string", "int", False), ("string", "void", True),
        ("date", "timestamp", False), ("timestamp", "timestamp_ntz", True),
        ("array<string>", "array<string>", True), ("array<int>", "array<bigint>", True),
        ("array<string>", "string", False), ("map<string,bigint>", "map<string,int>", True),
    ],
)  # fmt: skip
def test_a_declared_type_takes_what_loses_nothing(declared: str, given: str, takes: bool) -> None:
    assert _takes(declared, given) is takes


def test_a_run_refuses_before_it_writes_and_goes_on_when_corrected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generate(tmp_path / "data", customers=5, months=2, seed=3)
    places = ["--data", str(tmp_path / "data"), "--datamart", str(tmp_path / "datamart")]
    wrong = with_feature(lambda income: income / 2, "INT")
    modules = tuple((wrong if t is FINANCIALS else t, m) for t, m in CATALOG.modules)
    capsys.readouterr()

    assert main(["run", *places], replace(CATALOG, modules=modules)) == 2

    err = capsys.readouterr().err
    assert err.count("feature new is declared as INT, and its expression gives DOUBLE") == 1
    assert "Traceback" not in err
    assert not any(Log(str(tmp_path / "datamart")).exists(table) for table in CATALOG.tables)
    assert main(["run", *places], CATALOG) == 0
    assert len(published.releases(Log(str(tmp_path / "datamart")))) == 1

"""The same gold by the usual month loop in PySpark: bronze, silver, gold, a folder a table and month.

    python benchmarks/others/spark_months.py --data data --out /tmp/gold --through 2025-11 [--month 2024-12]

As such projects are written: a local session with its default settings; of every month each CSV is read
whole and filtered, each layer is written and read back, rows are counted and printed. It does no more than
gold needs: no schema is inferred, a month without rows is skipped. A run again does everything again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from functools import reduce
from pathlib import Path

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.others.rules import (
    AMOUNTS,
    BEHAVIOUR,
    CREDIT_MIX,
    EVER_DEFINITIONS,
    FILES,
    HISTORY,
    KINDS_OF_LOAN,
    LABEL_DEFINITIONS,
    LABEL_MONTHS,
    LONGEST_MONTHS,
    MEASURED,
    NO_AMOUNT,
    PAYS_MINIMUM,
    SIGNALS,
    SIZE,
    SOURCE_OF,
    SPENDING,
    WHOLE,
    WINDOWS_MONTHS,
    months_before,
    raw_file,
)

FIRST = "2023-01"


def keys() -> tuple[Column, Column]:
    return F.col("Customer_ID").alias("customer_id"), F.col("snapshot_date").cast("date")


def amount(name: str, low: float, high: float) -> Column:
    text = F.trim(name)
    value = F.regexp_replace(text, "^_+|_+$", "").try_cast("double")
    return F.when(value.between(low, high) & (text != NO_AMOUNT), value)


def whole(name: str, low: float, high: float) -> Column:
    value = amount(name, low, high)
    return F.when(value == F.floor(value), value).cast("int")


def ratio(part: Column, total: Column) -> Column:
    return part.cast("double") / F.when(total > 0, total)


def ranked(text: Column, ranks: Mapping[str, int]) -> Column:
    return F.coalesce(*(F.when(text == word, rank) for word, rank in ranks.items()))


def is_emptied(raw: str, name: str) -> Column:
    """1 where a cell was given and nothing is left of it."""
    return (F.coalesce(F.trim(raw), F.lit("")) != "").cast("int") * F.col(name).isNull().cast("int")


# ---------------------------------------------------------------- silver


def silver_attributes(raw: DataFrame) -> DataFrame:
    occupation = F.trim("Occupation")
    return raw.select(
        *keys(),
        whole("Age", 18, 100).alias("age"),
        F.when(~occupation.isin("", "_______"), occupation).alias("occupation"),
        F.trim("SSN").rlike(r"^[0-9]{3}-[0-9]{2}-[0-9]{4}$").alias("ssn_valid"),
    )


def silver_financials(raw: DataFrame) -> DataFrame:
    history = [
        F.regexp_extract(F.trim("Credit_History_Age"), HISTORY, i).try_cast("int") for i in (1, 2)
    ]
    spent, size = (F.regexp_extract(F.trim("Payment_Behaviour"), BEHAVIOUR, i) for i in (1, 2))
    listed = F.split(F.coalesce("Type_of_Loan", F.lit("")), r"(^|,)\s*(and\s+)?")
    cleaned = {
        **{name: whole(name, *bounds) for name, bounds in WHOLE.items()},
        **{name: amount(name, *bounds) for name, bounds in AMOUNTS.items()},
        "credit_history_months": 12 * history[0] + history[1],
        "credit_mix_rank": ranked(F.trim("Credit_Mix"), CREDIT_MIX),
        "pays_minimum": ranked(F.trim("Payment_of_Min_Amount"), PAYS_MINIMUM),
        "spending_level": ranked(spent, SPENDING),
        "payment_size": ranked(size, SIZE),
        "loans": F.filter(listed, lambda each: each != ""),
    }
    typed = raw.select(
        *(F.col(name).alias(f"raw_{name}") for name in raw.columns),
        *(column.alias(name.lower()) for name, column in cleaned.items()),
    )
    income, salary, emi = (
        F.col(name) for name in ("annual_income", "monthly_inhand_salary", "total_emi_per_month")
    )
    judged = typed.withColumns(
        {
            "annual_income": F.when(
                F.coalesce(income.between(2 * salary, 24 * salary), F.lit(True)), income
            ),
            "total_emi_per_month": F.when(~F.coalesce(emi > salary, F.lit(False)), emi),
        }
    )
    emptied = [
        *(is_emptied(f"raw_{name}", name.lower()) for name in (*WHOLE, *AMOUNTS)),
        is_emptied("raw_Credit_History_Age", "credit_history_months"),
        is_emptied("raw_Credit_Mix", "credit_mix_rank"),
        is_emptied("raw_Payment_of_Min_Amount", "pays_minimum"),
        is_emptied("raw_Payment_Behaviour", "spending_level"),
    ]
    return judged.select(
        F.col("raw_Customer_ID").alias("customer_id"),
        F.col("raw_snapshot_date").cast("date").alias("snapshot_date"),
        *(name.lower() for name in cleaned if name not in ("credit_mix_rank", "pays_minimum")),
        F.col("credit_mix_rank").alias("credit_mix"),
        F.col("pays_minimum").alias("payment_of_min_amount"),
        sum(emptied, F.lit(0)).alias("impossible_values_count"),
    )


def silver_clickstream(raw: DataFrame) -> DataFrame:
    return raw.select(*keys(), *(whole(name, -1e6, 1e6).alias(name) for name in SIGNALS))


def silver_loan_daily(raw: DataFrame) -> DataFrame:
    due, overdue, day = F.col("due"), F.col("overdue"), F.col("snapshot_date")
    missed = F.when(overdue <= 0, 0).when(due > 0, F.ceil(overdue / due * (1 - 1e-6))).cast("int")
    return (
        raw.select(
            "loan_id",
            *keys(),
            F.col("loan_start_date").cast("date").alias("application_date"),
            whole("installment_num", 0, 600).alias("mob"),
            amount("due_amt", 0, 1e15).alias("due"),
            amount("overdue_amt", -1e15, 1e15).alias("overdue"),
        )
        .where(due.isNotNull())
        .withColumn("missed", missed)
        .withColumn("dpd", F.datediff(day, F.add_months(day, -F.col("missed"))))
    )


SILVER_OF = {
    "attributes": silver_attributes,
    "clickstream": silver_clickstream,
    "financials": silver_financials,
    "loan_daily": silver_loan_daily,
}


# ---------------------------------------------------------------- gold


def features_attributes(rows: DataFrame) -> DataFrame:
    return rows.select(
        "customer_id",
        "snapshot_date",
        "age",
        (F.col("age") - F.col("age") % 10).alias("age_decade"),
        "occupation",
        F.col("occupation").isNotNull().cast("int").alias("occupation_known"),
        F.coalesce(F.col("ssn_valid"), F.lit(False)).cast("int").alias("ssn_valid"),
    )


def features_financials(rows: DataFrame) -> DataFrame:
    c = F.col
    salary, income, debt = c("monthly_inhand_salary"), c("annual_income"), c("outstanding_debt")
    emi, history = c("total_emi_per_month"), c("credit_history_months")
    late, lines = c("num_of_delayed_payment"), c("credit_lines_count")
    derived = {
        "credit_lines_count": c("num_bank_accounts") + c("num_credit_card") + c("num_of_loan"),
        "debt_to_income_ratio": ratio(debt, income),
        "debt_to_monthly_salary_ratio": ratio(debt, salary),
        "emi_to_income_ratio": ratio(emi, salary),
        "investment_to_income_ratio": ratio(c("amount_invested_monthly"), salary),
        "balance_to_income_ratio": ratio(c("monthly_balance"), salary),
        "disposable_income_amt": salary - emi,
        "salary_to_income_ratio": ratio(12 * salary, income),
        "debt_per_loan_amt": ratio(debt, c("num_of_loan")),
        "debt_per_credit_card_amt": ratio(debt, c("num_credit_card")),
        "emi_per_loan_amt": ratio(emi, c("num_of_loan")),
        "cards_per_bank_account_ratio": ratio(c("num_credit_card"), c("num_bank_accounts")),
        "inquiries_per_history_year_ratio": ratio(12 * c("num_credit_inquiries"), history),
        "delayed_payments_per_history_year_ratio": ratio(12 * late, history),
        "delay_over_30_days": (c("delay_from_due_date") > 30).cast("int"),
        "utilization_over_30_percent": (c("credit_utilization_ratio") > 30).cast("int"),
        "interest_burden_ratio": ratio(debt * c("interest_rate"), 100 * income),
        "credit_history_under_5_years": (history < 60).cast("int"),
        "loans_listed_count": F.size("loans"),
        "loan_kinds_count": F.size(F.array_distinct("loans")),
        **{f"{name}_count": _count_of(kind) for name, kind in KINDS_OF_LOAN.items()},
    }
    has = {
        f"has_{name}": (F.col(f"{name}_count") > 0).cast("int")
        for name, kind in KINDS_OF_LOAN.items()
    }
    late_per_line = {"delayed_payments_per_credit_line_ratio": ratio(late, lines)}
    return rows.withColumns(derived).withColumns({**has, **late_per_line}).drop("loans")


def _count_of(kind: str) -> Column:
    return F.size(F.filter("loans", lambda each: each == kind))


def features_clickstream(rows: DataFrame, month: str) -> DataFrame:
    """The customers of a month, over the last six months; `t` counts from this one, 0 and below."""
    now = 12 * int(month[:4]) + int(month[5:])
    t = 12 * F.year("snapshot_date") + F.month("snapshot_date") - now
    is_now = F.col("t") == 0
    activity = sum((F.coalesce(F.col(name), F.lit(0)) for name in SIGNALS), F.lit(0))
    names = {name: name for name in SIGNALS} | {"activity": "activity_sum"}
    statistics = []
    for name in MEASURED:
        for months in WINDOWS_MONTHS:
            value = F.when(F.col("t") > -months, F.col(name))
            statistics += [
                F.avg(value).alias(f"{name}_mean_{months}m"),
                F.stddev_samp(value).alias(f"{name}_std_{months}m"),
                F.regr_slope(value, "t").alias(f"{name}_trend_{months}m"),
            ]
    return (
        rows.withColumns({"t": t, "activity": activity})
        .groupBy("customer_id")
        .agg(
            F.max(F.when(is_now, F.col("snapshot_date"))).alias("snapshot_date"),
            *(F.max(F.when(is_now, F.col(name))).alias(kept) for name, kept in names.items()),
            *statistics,
            F.count("*").alias("months_observed"),
            F.min(F.when(~is_now, -F.col("t"))).alias("months_since_previous"),
        )
        .where(F.col("snapshot_date").isNotNull())
    )


def label_store(loans: DataFrame, month: str) -> DataFrame:
    """The labels that are observed in a month, from the rows of a loan up to it."""
    columns = "loan_id", "customer_id", "application_date", "snapshot_date", "mob", "dpd"
    loan = Window.partitionBy("loan_id", "customer_id").orderBy("snapshot_date")
    is_now = F.date_format("snapshot_date", "yyyy-MM") == month
    worst = loans.withColumn("dpd", F.max("dpd").over(loan)).where(is_now)
    ever = [
        worst.where(F.col("mob") == mob).select(
            *columns,
            (F.col("dpd") >= dpd).cast("int").alias("label"), F.lit(name).alias("label_def"),
        )
        for name, (dpd, mob) in EVER_DEFINITIONS.items()
    ]  # fmt: skip
    return reduce(DataFrame.unionByName, ever, _at_month(loans.where(is_now)))


def _at_month(loans: DataFrame) -> DataFrame:
    dpd = F.col("dpd")
    label = F.when(dpd >= F.col("default_dpd"), 1).when(dpd < F.col("neither_dpd"), 0)
    return loans.crossJoin(_definitions(loans.sparkSession)).where(
        (F.col("mob") == F.col("observed_mob")) & F.col("dpd").isNotNull()
    ).select(
        "loan_id", "customer_id", "application_date", "snapshot_date", "mob", "dpd",
        label.cast("int").alias("label"), "label_def",
    )  # fmt: skip


def _definitions(spark: SparkSession) -> DataFrame:
    rows = [(name, *rule) for name, rule in LABEL_DEFINITIONS.items()]
    columns = "label_def string, default_dpd int, neither_dpd int, observed_mob int"
    return spark.createDataFrame(rows, columns)


# ---------------------------------------------------------------- the loop


def folder(out: Path, layer: str, table: str, month: str) -> Path:
    return out / layer / table / f"{layer}_{table}_{month.replace('-', '_')}.parquet"


def written(rows: DataFrame, path: Path) -> None:
    rows.write.mode("overwrite").parquet(str(path))


def build(spark: SparkSession, data: Path, out: Path, month: str) -> None:
    """One month through the three layers."""
    for source in FILES:
        bronze = spark.read.csv(str(raw_file(data, source)), header=True, escape='"')
        bronze = bronze.where(F.col("snapshot_date").startswith(month))
        count = bronze.count()
        print(f"{month} bronze {source} row count: {count}")
        if count:
            written(bronze, folder(out, "bronze", source, month))
    for source, silver in SILVER_OF.items():
        path = folder(out, "bronze", source, month)
        if path.exists():
            rows = silver(spark.read.parquet(str(path)))
            written(rows, folder(out, "silver", source, month))
            print(f"{month} silver {source} saved")
    for table, source in SOURCE_OF.items():
        if folder(out, "silver", source, month).exists():
            rows = gold(spark, out, table, month).withColumn("month", F.lit(month))
            written(rows, folder(out, "gold", table, month))
            print(f"{month} gold {table} saved")


def gold(spark: SparkSession, out: Path, table: str, month: str) -> DataFrame:
    source = SOURCE_OF[table]
    over = {
        "features_clickstream": (features_clickstream, LONGEST_MONTHS),
        "label_store": (label_store, LABEL_MONTHS),
    }
    if table in over:
        transform, reach = over[table]
        months = [months_before(month, age) for age in range(reach)]
        paths = [folder(out, "silver", source, each) for each in months]
        rows = spark.read.parquet(*(str(path) for path in paths if path.exists()))
        return transform(rows, month)
    rows = spark.read.parquet(str(folder(out, "silver", source, month)))
    of = {"features_attributes": features_attributes, "features_financials": features_financials}
    return of[table](rows)


def months(first: str, last: str) -> list[str]:
    found = [last]
    while found[-1] > first:
        found.append(months_before(found[-1], 1))
    return found[::-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the raw CSV files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the three layers")
    parser.add_argument("--through", required=True, help="the last month")
    parser.add_argument("--month", help="this month alone")
    asked = parser.parse_args()
    spark = SparkSession.builder.appName("dev").master("local[*]").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    for month in [asked.month] if asked.month else months(FIRST, asked.through):
        build(spark, asked.data, asked.out, month)
    spark.stop()


if __name__ == "__main__":
    main()

"""Figures that no command gives: aggregates of a release, read through `lakehouse.Lakehouse`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse import Lakehouse
from lakehouse.catalog import load
from lakehouse.gold.features_clickstream import WINDOWS_MONTHS
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import snake_case

_CLEANED = ("attributes", "financials")
_AS_NUMBERS = ("INT", "DOUBLE")


def sources(lake: Lakehouse) -> list[dict[str, Any]]:
    """Each silver table: rows, customers, first and last month."""
    return [_source(lake, name) for name in ("clickstream", *_CLEANED, "loan_daily")]


def _source(lake: Lakehouse, name: str) -> dict[str, Any]:
    rows, customers, first, last = lake.table(f"silver.{name}").select(
        F.count("*"), F.count_distinct("customer_id"), F.min("month"), F.max("month")
    ).collect()[0]  # fmt: skip
    return {"name": name, "rows": rows, "customers": customers, "first": first, "last": last}


def dirt(lake: Lakehouse) -> dict[str, Any]:
    """Impossible cells and placeholders, by column and reason; numbers that were read out of dirt."""
    issues = [each for name in _CLEANED for each in _issues(lake, name)]
    rows, dirty = lake.table("silver.attributes").count(), _dirty_customers(lake)
    return {
        "cells": sum(each["rows"] for each in issues),
        "issues": sorted(issues, key=lambda each: -each["rows"]),
        "customers": dirty,
        "customers_share": dirty / rows,
        "numbers_recovered": sum(_recovered(lake, name) for name in _CLEANED),
        "impossible_loan_or_click_cells": sum(
            each["rows"] for name in ("clickstream", "loan_daily") for each in _issues(lake, name)
        ),
    }


def _issues(lake: Lakehouse, name: str) -> list[dict[str, Any]]:
    silver = lake.table(f"silver.{name}")
    found = silver.select(F.explode("_issues").alias("issue")).groupBy("issue").count().collect()
    rows = silver.count()
    split = [(*issue.split(": ", 1), n) for issue, n in found]
    return [
        {"table": name, "column": column, "reason": reason, "rows": n, "share": n / rows}
        for column, reason, n in split
    ]


def _dirty_customers(lake: Lakehouse) -> int:
    dirty = [
        lake.table(f"silver.{name}").where(F.size("_issues") > 0).select("customer_id")
        for name in _CLEANED
    ]
    return dirty[0].union(dirty[1]).distinct().count()


def _recovered(lake: Lakehouse, name: str) -> int:
    """Cells with an underscore around their number, which silver could read all the same."""
    catalog = load()
    raw, typed = catalog.table(f"bronze.{name}"), catalog.table(f"silver.{name}")
    numbers = {field.name for field in typed.fields if field.type in _AS_NUMBERS}
    columns = [column for column in raw.columns if snake_case(column) in numbers]
    told = [F.col(column).contains("_").alias(f"_dirty_{column}") for column in columns]
    keys = {key: snake_case(key) for key in raw.keys}
    bronze = lake.table(raw.full_name).select(
        *(F.col(key).alias(clean) for key, clean in keys.items()), *told
    )
    both = bronze.join(lake.table(typed.full_name), list(keys.values()))
    counts = [
        F.count(F.when(F.col(f"_dirty_{column}") & F.col(snake_case(column)).isNotNull(), 1))
        for column in columns
    ]
    return int(sum(both.select(*counts).collect()[0]))


def coverage(loans: DataFrame) -> dict[str, Any]:
    """By month of application: loans of a training set, and those with a clickstream row."""
    known = F.col("clickstream_snapshot_date").isNotNull().cast("int")
    month = F.substring(F.col("application_date").cast("string"), 1, 7).alias("month")
    rows = loans.groupBy(month).agg(
        F.count("*").alias("loans"), F.sum(known).alias("known"), F.sum("label").alias("defaults")
    ).orderBy("month").collect()  # fmt: skip
    months = [row.asDict() for row in rows]
    last_known = max(each["month"] for each in months if each["known"])
    since = [each for each in months if each["month"] > last_known]
    return {
        "months": months,
        "last_month_known": last_known,
        "first_month_unknown": since[0]["month"] if since else None,
        "known_until_then": sum(each["known"] for each in months),
        "loans_until_then": sum(each["loans"] for each in months if each["month"] <= last_known),
        "loans_since": sum(each["loans"] for each in since),
    }


def labels(lake: Lakehouse) -> dict[str, Any]:
    """Loans and defaults by definition, and the days past due that occur at month 6."""
    store = lake.table("gold.label_store")
    rows = store.groupBy("label_def").agg(F.count("*"), F.sum("label")).collect()
    late = store.where("label_def = '30dpd_6mob' AND dpd > 0")
    between = late.where("dpd < 30").count()
    return {
        "definitions": {
            name: {"loans": n, "defaults": bad, "rate": bad / n} for name, n, bad in rows
        },
        "late_but_no_default": between,
        "smallest_dpd_of_a_default": late.agg(F.min("dpd")).collect()[0][0],
    }


def example_loan(lake: Lakehouse) -> list[dict[str, Any]]:
    """A made-up loan that pays four installments and then none, computed by silver's own function."""
    days = ["2024-01-01", *(f"2024-{month:02}-01" for month in range(2, 8))]
    raw = [
        {
            "loan_id": "EXAMPLE",
            "Customer_ID": "EXAMPLE",
            "loan_start_date": days[0],
            "tenure": "10",
            "installment_num": str(number),
            "loan_amt": "10000",
            "due_amt": "1000" if number else "0",
            "paid_amt": "1000" if 0 < number <= 4 else "0",
            "overdue_amt": str(1000 * max(0, number - 4)),
            "balance": str(10000 - 1000 * min(number, 4)),
            "snapshot_date": day,
            "month": day[:7],
        }
        for number, day in enumerate(days)
    ]
    frame = lake.table("silver.loan_daily").sparkSession.createDataFrame(pd.DataFrame(raw))
    frame = frame.withColumn("snapshot_date", F.col("snapshot_date").cast("date"))
    assert LOAN_DAILY.transform is not None
    wanted = ["snapshot_date", "mob", "installments_missed", "dpd"]
    rows = LOAN_DAILY.transform(frame).select(*wanted).orderBy("snapshot_date").collect()
    return [{**row.asDict(), "snapshot_date": str(row["snapshot_date"])} for row in rows]


def changed_loans(old: Path, new: Path) -> int:
    """Loans of two training sets that are not the same in both, cell by cell."""
    one, other = (pd.read_parquet(each).set_index("loan_id").sort_index() for each in (old, new))
    differs = ~(one.eq(other) | (one.isna() & other.isna()))
    return int(differs.any(axis=1).sum())


def catalogue() -> list[dict[str, Any]]:
    """Every declared table: layer, name, key, and what a feature group says."""
    return [
        {
            "table": table.full_name,
            "layer": table.layer,
            "keys": list(table.keys),
            "features": len(table.features) if table.group else None,
            "max_age_months": table.group.max_age_months if table.group else None,
            "look_back_months": table.look_back_months,
        }
        for table in load().tables
    ]


def windows() -> list[int]:
    """The windows of the clickstream features, in months."""
    return list(WINDOWS_MONTHS)

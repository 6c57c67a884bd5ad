"""The same gold by Polars and deltalake: the months that gold has not yet, straight from the raw files.

    python benchmarks/others/polars_delta.py --data data --out /tmp/gold [--through 2024-11]

As duckdb_delta.py: no bronze, no silver, no quarantine, no history, no corrections. Four forms of the
clickstream's windows were tried (rolling groups, rolling expressions, each row spread over six months,
five joins by month); this is the fastest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from deltalake import write_deltalake

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from benchmarks.others.append import given, pending, taken
from benchmarks.others.rules import (
    AMOUNTS,
    BEHAVIOUR,
    CREDIT_MIX,
    EVER_DEFINITIONS,
    HISTORY,
    KINDS_OF_LOAN,
    LABEL_DEFINITIONS,
    LABELLED,
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
    raw_file,
)

KEYS = (
    pl.col("Customer_ID").alias("customer_id"),
    pl.col("snapshot_date").str.to_date("%Y-%m-%d"),
)
MONTH = pl.col("snapshot_date").dt.strftime("%Y-%m").alias("month")


def amount(name: str, low: float, high: float) -> pl.Expr:
    """The number of a raw cell, underscores around it apart; NULL where it is none or impossible."""
    text = pl.col(name).str.strip_chars(" ")
    value = text.str.strip_chars("_").cast(pl.Float64, strict=False)
    return pl.when(value.is_between(low, high) & (text != NO_AMOUNT)).then(value)


def whole(name: str, low: float, high: float) -> pl.Expr:
    value = amount(name, low, high)
    return pl.when(value == value.floor()).then(value).cast(pl.Int32)


def ratio(part: pl.Expr, total: pl.Expr) -> pl.Expr:
    return part / pl.when(total > 0).then(total)


def ranked(text: pl.Expr, ranks: Mapping[str, int]) -> pl.Expr:
    return text.replace_strict(ranks, default=None, return_dtype=pl.Int32)


def attributes(raw: pl.LazyFrame) -> pl.LazyFrame:
    occupation = pl.col("Occupation").str.strip_chars(" ").replace({"_______": None, "": None})
    age = whole("Age", 18, 100)
    ssn_valid = pl.col("SSN").str.contains(r"^\s*\d{3}-\d{2}-\d{4}\s*$").fill_null(False)
    return raw.select(
        *KEYS,
        age.alias("age"),
        (age - age % 10).alias("age_decade"),
        occupation.alias("occupation"),
        occupation.is_not_null().cast(pl.Int32).alias("occupation_known"),
        ssn_valid.cast(pl.Int32).alias("ssn_valid"),
    ).with_columns(MONTH)


def financials(raw: pl.LazyFrame) -> pl.LazyFrame:
    cleaned = raw.with_columns(
        *(whole(name, *bounds).alias(name.lower()) for name, bounds in WHOLE.items()),
        *(amount(name, *bounds).alias(name.lower()) for name, bounds in AMOUNTS.items()),
        _history().alias("credit_history_months"),
        ranked(pl.col("Credit_Mix").str.strip_chars(" "), CREDIT_MIX).alias("credit_mix"),
        ranked(pl.col("Payment_of_Min_Amount").str.strip_chars(" "), PAYS_MINIMUM).alias(
            "payment_of_min_amount"
        ),
        *(ranked(_behaviour(group), ranks).alias(name) for group, name, ranks in (
            (1, "spending_level", SPENDING), (2, "payment_size", SIZE))),
        _loans().alias("loans"),
    )  # fmt: skip
    income, emi, salary = (
        pl.col(name) for name in ("annual_income", "total_emi_per_month", "monthly_inhand_salary")
    )
    judged = cleaned.with_columns(
        pl.when(income.is_between(2 * salary, 24 * salary).fill_null(True)).then(income)
        .alias("annual_income"),
        pl.when((emi > salary).fill_null(False)).then(None).otherwise(emi).alias("total_emi_per_month"),
    )  # fmt: skip
    names = (*(name.lower() for name in (*WHOLE, *AMOUNTS)), "credit_history_months",
             "credit_mix", "payment_of_min_amount", "spending_level", "payment_size")  # fmt: skip
    return judged.select(
        *KEYS, *names, *(each.alias(name) for name, each in _derived().items()), *_listed_loans()
    ).with_columns(MONTH)


def _history() -> pl.Expr:
    years, months = (
        pl.col("Credit_History_Age").str.strip_chars(" ").str.extract(HISTORY, group).cast(pl.Int32)
        for group in (1, 2)
    )
    return 12 * years + months


def _behaviour(group: int) -> pl.Expr:
    return pl.col("Payment_Behaviour").str.strip_chars(" ").str.extract(BEHAVIOUR, group)


def _loans() -> pl.Expr:
    """The kinds listed in a cell such as `Auto Loan, Payday Loan, and Auto Loan`."""
    listed = pl.col("Type_of_Loan").fill_null("").str.replace_all(r"(^|,)\s*(and\s+)?", "\n")
    return listed.str.split("\n").list.eval(pl.element().filter(pl.element() != ""))


def _derived() -> dict[str, pl.Expr]:
    c = pl.col
    salary, income, debt = c("monthly_inhand_salary"), c("annual_income"), c("outstanding_debt")
    emi, history = c("total_emi_per_month"), c("credit_history_months")
    lines = c("num_bank_accounts") + c("num_credit_card") + c("num_of_loan")
    raw_of = {name: name.lower() for name in (*WHOLE, *AMOUNTS)} | {
        "Credit_History_Age": "credit_history_months",
        "Credit_Mix": "credit_mix",
        "Payment_of_Min_Amount": "payment_of_min_amount",
        "Payment_Behaviour": "spending_level",
    }
    emptied = [
        (c(raw).str.strip_chars(" ").fill_null("") != "") & c(name).is_null()
        for raw, name in raw_of.items()
    ]
    return {
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
        "credit_lines_count": lines,
        "inquiries_per_history_year_ratio": ratio(12 * c("num_credit_inquiries"), history),
        "delayed_payments_per_history_year_ratio": ratio(12 * c("num_of_delayed_payment"), history),
        "delayed_payments_per_credit_line_ratio": ratio(c("num_of_delayed_payment"), lines),
        "delay_over_30_days": (c("delay_from_due_date") > 30).cast(pl.Int32),
        "utilization_over_30_percent": (c("credit_utilization_ratio") > 30).cast(pl.Int32),
        "interest_burden_ratio": ratio(debt * c("interest_rate"), 100 * income),
        "credit_history_under_5_years": (history < 60).cast(pl.Int32),
        "loans_listed_count": c("loans").list.len().cast(pl.Int32),
        "loan_kinds_count": c("loans").list.n_unique().cast(pl.Int32),
        "impossible_values_count": pl.sum_horizontal(each.cast(pl.Int32) for each in emptied),
    }


def _listed_loans() -> Iterator[pl.Expr]:
    for name, kind in KINDS_OF_LOAN.items():
        count = pl.col("loans").list.count_matches(kind).cast(pl.Int32)
        yield count.alias(f"{name}_count")
        yield (count > 0).cast(pl.Int32).alias(f"has_{name}")


def clickstream(raw: pl.LazyFrame) -> pl.LazyFrame:
    """Each month of clicks beside the five before it."""
    day = pl.col("snapshot_date")
    clicks = (
        raw.select(*KEYS, *(whole(name, -1e6, 1e6).cast(pl.Int64).alias(name) for name in SIGNALS))
        .with_columns(
            (12 * day.dt.year().cast(pl.Int64) + day.dt.month()).alias("t"),
            pl.sum_horizontal(SIGNALS).alias("activity"),
        )
        .collect()
    )
    beside = clicks
    for age in range(1, LONGEST_MONTHS):
        earlier = clicks.select(
            "customer_id",
            pl.col("t") + age,
            pl.lit(age).alias(f"age_{age}"),
            *(pl.col(name).alias(f"{name}_{age}") for name in MEASURED),
        )
        beside = beside.join(earlier, on=["customer_id", "t"], how="left")
    ages = [pl.col(f"age_{age}") for age in range(1, LONGEST_MONTHS)]
    return beside.lazy().select(
        "customer_id",
        "snapshot_date",
        *SIGNALS,
        pl.col("activity").alias("activity_sum"),
        *(each for n in MEASURED for months in WINDOWS_MONTHS for each in _statistics(n, months)),
        (1 + pl.sum_horizontal(each.is_not_null().cast(pl.Int32) for each in ages)).alias(
            "months_observed"
        ),
        pl.coalesce(ages).alias("months_since_previous"),
        MONTH,
    )


def _statistics(name: str, months: int) -> Iterator[pl.Expr]:
    values = [pl.col(f"{name}_{age}" if age else name) for age in range(months)]
    known = [each.is_not_null().cast(pl.Int64) for each in values]
    n, x, xx, a, aa, ax = map(
        pl.sum_horizontal,
        (
            known,
            values,
            [each * each for each in values],
            [age * each for age, each in enumerate(known)],
            [age * age * each for age, each in enumerate(known)],
            [age * each for age, each in enumerate(values)],
        ),
    )
    yield _over(x, n).alias(f"{name}_mean_{months}m")
    yield _over(n * xx - x * x, n * (n - 1)).sqrt().alias(f"{name}_std_{months}m")
    yield _over(a * x - n * ax, n * aa - a * a).alias(f"{name}_trend_{months}m")


def _over(part: pl.Expr, total: pl.Expr) -> pl.Expr:
    return part / pl.when(total != 0).then(total)


def labels(raw: pl.LazyFrame) -> pl.LazyFrame:
    due, overdue = amount("due_amt", 0, 1e15), amount("overdue_amt", -1e15, 1e15)
    missed = pl.when(overdue <= 0).then(0.0).when(due > 0).then((overdue / due * (1 - 1e-6)).ceil())
    day = pl.col("snapshot_date")
    first_missed = day.dt.offset_by(pl.format("-{}mo", pl.col("missed").cast(pl.Int64)))
    late = (
        raw.with_columns(*KEYS, pl.col("loan_start_date").str.to_date("%Y-%m-%d"))
        .with_columns(whole("installment_num", 0, 600).alias("mob"), missed.alias("missed"))
        .filter(due.is_not_null() & pl.col("missed").is_not_null())
        .with_columns((day - first_missed).dt.total_days().cast(pl.Int32).alias("dpd"))
    )
    worst = pl.col("dpd").cum_max().over("loan_id", "Customer_ID", order_by="snapshot_date")
    ever = late.with_columns(worst.alias("dpd"))
    return pl.concat(
        [
            *(_labelled(late, name, *rule) for name, rule in LABEL_DEFINITIONS.items()),
            *(_labelled(ever, n, dpd, dpd, mob) for n, (dpd, mob) in EVER_DEFINITIONS.items()),
        ]
    )


def _labelled(late: pl.LazyFrame, name: str, dpd: int, neither: int, mob: int) -> pl.LazyFrame:
    is_bad = pl.when(pl.col("dpd") >= dpd).then(1).when(pl.col("dpd") < neither).then(0)
    return late.filter(pl.col("mob") == mob).select(
        "loan_id",
        "customer_id",
        pl.col("loan_start_date").alias("application_date"),
        "snapshot_date",
        "mob",
        "dpd",
        is_bad.cast(pl.Int32).alias("label"),
        pl.lit(name).alias("label_def"),
        MONTH,
    )


GOLD_OF = {
    "features_clickstream": clickstream,
    "features_attributes": attributes,
    "features_financials": financials,
    "label_store": labels,
}


def main() -> None:
    asked = given(__doc__)
    raw_month = pl.col("snapshot_date").str.head(7)
    for name, source in SOURCE_OF.items():
        raw = pl.scan_csv(raw_file(asked.data, source), infer_schema=False)
        has_rows = (
            pl.col("installment_num").is_in(LABELLED) if name == "label_store" else pl.lit(True)
        )
        held = raw.filter(has_rows).select(raw_month.unique()).collect().to_series().to_list()
        months = pending(asked.out / name, held, asked.through)
        if months:
            rows = GOLD_OF[name](raw.filter(raw_month.is_in(taken(name, months))))
            gold = rows.filter(pl.col("month").is_in(months)).collect()
            write_deltalake(asked.out / name, gold, mode="append", partition_by=["month"])


if __name__ == "__main__":
    main()

"""One row: what happened on a client's account in the days before a day, that day left out.

Installments of loans are left out: they tell how a loan goes.
"""

from lakehouse import functions as F
from lakehouse.feature import Feature, declared_in, feature
from lakehouse.gold.feature_group import feature_group, ratio

from ..silver.client_day import TABLE as CLIENT_DAYS
from ..silver.trans import TABLE as TRANSACTIONS

WINDOWS_DAYS = (30, 90, 180)
LONGEST = max(WINDOWS_DAYS)
# 180 days before the first day of a month are in the sixth month before it.
LOOK_BACK_MONTHS = 6


def prepare(days, transactions, months):
    """The days with sums over the transactions of the windows before each of them."""
    if months is not None:
        days = days.where(F.col("month").isin(list(months)))
    # Installments tell how a loan goes, and no feature may know that, not of an earlier loan either.
    is_installment = F.coalesce(F.col("k_symbol") == "UVER", F.lit(False))
    booked = transactions.where(~is_installment).select(
        "account_id",
        F.struct("booked_on", F.col("trans_id").try_cast("bigint").alias("n"), "balance").alias(
            "place"
        ),
        *("booked_on", "balance", "amount_hal", "is_in", "is_cash", "manner", "k_symbol"),
    )
    age = F.datediff("as_of_day", "booked_on")
    before = days.join(booked, "account_id").where(age.between(1, LONGEST))
    keys = ("client_id", "as_of_day", "month")
    sums = before.groupBy(*keys).agg(*_sums(age))
    return days.select(*keys).join(sums, list(keys), "left")


def _sums(age):
    is_in, amount, day = F.col("is_in"), F.col("amount_hal"), F.col("booked_on")
    is_income = F.col("manner") == "PREVOD Z UCTU"
    for window in WINDOWS_DAYS:
        is_near = age <= window
        yield F.sum(F.when(is_near & is_in, amount)).alias(f"in_{window}d_hal")
        yield F.sum(F.when(is_near & ~is_in, amount)).alias(f"out_{window}d_hal")
        yield F.min(F.when(is_near, F.col("balance"))).alias(f"lowest_{window}d")
        yield F.count(F.when(is_near, 1)).alias(f"n_{window}d")
    yield F.sum(F.when(F.col("is_cash") & ~is_in, amount)).alias("cash_out_hal")
    yield F.count(F.when(F.col("k_symbol") == "SANKC. UROK", 1)).alias("penalties")
    yield F.countDistinct(F.when(is_income, F.trunc("booked_on", "month"))).alias("paid_months")
    yield F.max(F.when(is_income, amount)).alias("highest_income_hal")
    yield F.min(F.when(is_income, amount)).alias("lowest_income_hal")
    yield F.max(F.when(is_income, F.dayofmonth(day))).alias("latest_payday")
    yield F.min(F.when(is_income, F.dayofmonth(day))).alias("earliest_payday")
    yield F.min(age).alias("age_days")
    yield F.max("place").alias("last")


def _crowns(hal):
    return F.coalesce(hal, F.lit(0)) / 100


def _whole(number):
    return F.coalesce(number, F.lit(0))


def _of_window(days):
    last = f"in the last {days} days"
    return (
        Feature(
            f"turnover_in_{days}d", "DOUBLE", f"What came in {last}, in crowns.",
            (f"in_{days}d_hal",), _crowns,
        ),
        Feature(
            f"turnover_out_{days}d", "DOUBLE", f"What went out {last}, in crowns.",
            (f"out_{days}d_hal",), _crowns,
        ),
        Feature(
            f"balance_min_{days}d", "DOUBLE",
            f"The lowest balance after a transaction {last}; NULL without one.",
            (f"lowest_{days}d",), lambda lowest: lowest,
        ),
        Feature(
            f"transactions_{days}d", "INT", f"Transactions {last}.", (f"n_{days}d",), _whole
        ),
    )  # fmt: skip


@feature("DOUBLE")
def balance_last(last):
    """The balance after the last transaction of the last 180 days; NULL without one."""
    return last["balance"]


@feature("INT")
def days_since_transaction(age_days):
    """Days since the last transaction, if there was one in the last 180 days."""
    return age_days


@feature("DOUBLE")
def cash_share_180d(cash_out_hal, out_180d_hal):
    """The part of what went out in the last 180 days that was cash; NULL if nothing went out."""
    return ratio(F.coalesce(cash_out_hal, F.lit(0)), out_180d_hal)


@feature("INT")
def penalties_180d(penalties):
    """How often penalty interest was taken in the last 180 days, because the balance was below 0."""
    return _whole(penalties)


@feature("INT")
def salary_months_180d(paid_months):
    """Calendar months of the last 180 days with a transfer from another bank, as of a salary."""
    return _whole(paid_months)


@feature("INT")
def salary_day_spread_180d(earliest_payday, latest_payday):
    """Days of the month between the earliest and the latest such transfer; NULL without one."""
    return latest_payday - earliest_payday


@feature("DOUBLE")
def salary_spread_180d(lowest_income_hal, highest_income_hal):
    """The smallest such transfer as a part of the largest; 1 is a regular salary, NULL is none."""
    return ratio(lowest_income_hal, highest_income_hal)


TABLE = feature_group(
    "turnover",
    "What happened on a client's account in the days before a day, that day left out.",
    CLIENT_DAYS,
    (*(each for days in WINDOWS_DAYS for each in _of_window(days)), *declared_in(globals())),
    max_age_months=2,
    prepare=prepare,
    look_back_months=LOOK_BACK_MONTHS,
    joined=(TRANSACTIONS,),
)

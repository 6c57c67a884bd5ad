"""One row: what happened on a client's account in the days before a day, that day left out.

Installments of loans are left out: they tell how a loan goes.
"""

from lakehouse import functions as F
from lakehouse.feature import Feature, declared_in, feature
from lakehouse.gold.feature_group import feature_group, ratio
from lakehouse.gold.over_days import over_days

from ..silver.client_day import TABLE as CLIENT_DAYS
from ..silver.trans import TABLE as TRANSACTIONS

WINDOWS_DAYS = (30, 90, 180)
COLUMNS = ("balance", "in", "out", "cash", "penalty", "salary", "payday", "booked")


def prepare(days, transactions, months):
    """The days with statistics of the windows before each of them."""
    if months is not None:
        days = days.where(F.col("month").isin(list(months)))
    # No feature may know how a loan goes, not of an earlier loan either.
    is_installment = F.coalesce(F.col("k_symbol") == "UVER", F.lit(False))
    is_in, is_salary = F.col("is_in"), F.col("manner") == "PREVOD Z UCTU"
    booked = transactions.where(~is_installment).select(
        *("account_id", "booked_on", "balance"),
        F.when(is_in, F.col("amount")).alias("in"),
        F.when(~is_in, F.col("amount")).alias("out"),
        F.when(~is_in & F.col("is_cash"), F.col("amount")).alias("cash"),
        F.when(F.col("k_symbol") == "SANKC. UROK", F.col("amount")).alias("penalty"),
        F.when(is_salary, F.col("amount")).alias("salary"),
        F.when(is_salary, F.dayofmonth("booked_on")).alias("payday"),
        F.datediff("booked_on", F.lit("1970-01-01").cast("date")).alias("booked"),
    )
    return over_days(days, booked, ["account_id"], "as_of_day", "booked_on", COLUMNS, WINDOWS_DAYS)


def _or_0(amount):
    return F.coalesce(amount, F.lit(0.0))


def _as_it_is(value):
    return value


def _of_window(days):
    last, of = f"in the last {days} days", f"{days}d"
    return (
        Feature(
            f"turnover_in_{of}", "DOUBLE", f"The amount that came in {last}, in crowns.",
            (f"in_sum_{of}",), _or_0,
        ),
        Feature(
            f"turnover_out_{of}", "DOUBLE", f"The amount that went out {last}, in crowns.",
            (f"out_sum_{of}",), _or_0,
        ),
        Feature(
            f"balance_min_{of}", "DOUBLE",
            f"The lowest balance after a transaction {last}; NULL without one.",
            (f"balance_min_{of}",), _as_it_is,
        ),
        Feature(
            f"transactions_{of}", "INT", f"Transactions {last}.", (f"events_{of}",), _as_it_is
        ),
    )  # fmt: skip


@feature("INT")
def days_since_transaction(as_of_day, booked_max_180d):
    """Days since the last transaction, if there was one in the last 180 days."""
    return F.datediff(as_of_day, F.lit("1970-01-01").cast("date")) - booked_max_180d


@feature("DOUBLE")
def cash_share_180d(cash_sum_180d, out_sum_180d):
    """The part of the amount that went out in the last 180 days that was cash; NULL if nothing did."""
    return ratio(_or_0(cash_sum_180d), out_sum_180d)


@feature("INT")
def penalties_180d(penalty_count_180d):
    """Times that penalty interest was taken in the last 180 days, because the balance was below 0."""
    return penalty_count_180d


@feature("INT")
def salaries_180d(salary_count_180d):
    """Transfers from another bank in the last 180 days, as of a salary or a pension."""
    return salary_count_180d


@feature("INT")
def salary_day_spread_180d(payday_min_180d, payday_max_180d):
    """Days of the month between the earliest and the latest such transfer; NULL without one."""
    return payday_max_180d - payday_min_180d


@feature("DOUBLE")
def salary_spread_180d(salary_min_180d, salary_max_180d):
    """The smallest such transfer as a part of the largest; 1 is a regular salary, NULL is none."""
    return ratio(salary_min_180d, salary_max_180d)


TABLE = feature_group(
    "turnover",
    "The events on a client's account in the days before a day, that day left out.",
    CLIENT_DAYS,
    (*(each for days in WINDOWS_DAYS for each in _of_window(days)), *declared_in(globals())),
    max_age_months=2,
    prepare=prepare,
    joined=(TRANSACTIONS,),
    look_back_days=max(WINDOWS_DAYS),
)

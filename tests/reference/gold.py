"""The gold tables once more: from the raw CSV files, in DuckDB SQL, by formulas of their own.

It shares no code with the lakehouse, so that one mistake cannot be on both sides. Days past due are
counted in millionths of the currency, without a double.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from duckdb import DuckDBPyConnection, DuckDBPyRelation

from benchmarks.others.rules import KINDS_OF_LOAN
from tests.reference import clickstream
from tests.reference.differences import differences

__all__ = ["KEYS", "differences", "reference_gold"]

KEYS = {
    "gold.features_clickstream": ("customer_id", "snapshot_date"),
    "gold.features_attributes": ("customer_id", "snapshot_date"),
    "gold.features_financials": ("customer_id", "snapshot_date"),
    "gold.label_store": ("customer_id", "loan_id", "label_def", "snapshot_date"),
    "gold.vintages": ("cohort", "mob", "dpd_bound"),
    "gold.roll_rates": ("month", "bucket_from", "bucket_to"),
}

FILES = {
    "clickstream": ("feature_clickstream.csv", "features_clickstream.csv"),
    "attributes": ("feature_attributes.csv", "features_attributes.csv"),
    "financials": ("feature_financials.csv", "features_financials.csv"),
    "loan_daily": ("lms_loan_daily.csv",),
}

MACROS = r"""
CREATE OR REPLACE TEMP MACRO given(cell) AS nullif(trim(cell), '');

CREATE OR REPLACE TEMP MACRO day_of(cell) AS CASE
    WHEN regexp_full_match(trim(cell), '\d{4}-\d{2}-\d{2}') THEN try_cast(trim(cell) AS DATE)
    ELSE try_strptime(trim(cell), '%m/%d/%Y')::DATE END;

CREATE OR REPLACE TEMP MACRO is_past(day) AS day BETWEEN DATE '1970-01-01' AND current_date;

CREATE OR REPLACE TEMP MACRO number(cell) AS CASE
    WHEN regexp_full_match(trim(cell), '_*[-+.0-9eE]+_*')
    THEN try_cast(trim(trim(cell), '_') AS DOUBLE) END;

CREATE OR REPLACE TEMP MACRO amount(cell, low, high) AS CASE
    WHEN number(cell) BETWEEN low AND high THEN number(cell) END;

CREATE OR REPLACE TEMP MACRO whole(cell, low, high) AS CASE
    WHEN number(cell) = floor(number(cell)) THEN amount(cell, low, high)::INTEGER END;

CREATE OR REPLACE TEMP MACRO ratio(part, total) AS part / CASE WHEN total > 0 THEN total END;
"""

# Equal rows of a key are one row, rows of a key that contradict each other are none.
DELIVERED = """
CREATE OR REPLACE TEMP VIEW delivered_{source} AS
SELECT unnest(any_value(delivery))
FROM (
    SELECT * REPLACE ({dates})
    FROM read_csv('{path}', header = true, all_varchar = true, delim = ',', quote = '"',
                  escape = '"', ignore_errors = true)
    WHERE {readable}
) AS delivery
GROUP BY {keys}
HAVING min(hash(delivery)) = max(hash(delivery))
"""

ATTRIBUTES = r"""
WITH person AS (
    SELECT Customer_ID AS customer_id, snapshot_date,
           whole(Age, 18, 100) AS age,
           nullif(given(Occupation), '_______') AS occupation,
           regexp_full_match(trim(SSN), '\d{3}-\d{2}-\d{4}') AS well_formed
    FROM delivered_attributes
)
SELECT customer_id, snapshot_date, age, age - age % 10 AS age_decade, occupation,
       (occupation IS NOT NULL)::INTEGER AS occupation_known,
       (well_formed IS TRUE)::INTEGER AS ssn_valid,
       strftime(snapshot_date, '%Y-%m') AS month
FROM person
"""

CLEANED = {
    "monthly_inhand_salary": "amount(raw.Monthly_Inhand_Salary, 0, 1e6)",
    # Typing errors: over 24 monthly salaries a year, or under 2; installments of more than the salary.
    "annual_income": """CASE WHEN amount(raw.Annual_Income, 0, 1e7)
        NOT BETWEEN 2 * amount(raw.Monthly_Inhand_Salary, 0, 1e6)
            AND 24 * amount(raw.Monthly_Inhand_Salary, 0, 1e6) THEN NULL
        ELSE amount(raw.Annual_Income, 0, 1e7) END""",
    "num_bank_accounts": "whole(raw.Num_Bank_Accounts, 0, 20)",
    "num_credit_card": "whole(raw.Num_Credit_Card, 0, 15)",
    "interest_rate": "amount(raw.Interest_Rate, 0, 50)",
    "num_of_loan": "whole(raw.Num_of_Loan, 0, 20)",
    "delay_from_due_date": "whole(raw.Delay_from_due_date, -31, 366)",
    "num_of_delayed_payment": "whole(raw.Num_of_Delayed_Payment, 0, 50)",
    "changed_credit_limit": "amount(raw.Changed_Credit_Limit, -100, 100)",
    "num_credit_inquiries": "whole(raw.Num_Credit_Inquiries, 0, 30)",
    "outstanding_debt": "amount(raw.Outstanding_Debt, 0, 1e7)",
    "credit_utilization_ratio": "amount(raw.Credit_Utilization_Ratio, 0, 100)",
    "total_emi_per_month": """CASE WHEN amount(raw.Total_EMI_per_month, 0, 1e7)
        > amount(raw.Monthly_Inhand_Salary, 0, 1e6) THEN NULL
        ELSE amount(raw.Total_EMI_per_month, 0, 1e7) END""",
    "amount_invested_monthly": """CASE WHEN trim(raw.Amount_invested_monthly) <> '__10000__'
        THEN amount(raw.Amount_invested_monthly, 0, 1e7) END""",
    "monthly_balance": "amount(raw.Monthly_Balance, -1e6, 1e6)",
    "credit_history_age": r"""12 * try_cast(regexp_extract(trim(raw.Credit_History_Age),
            '^(\d{1,3}) Years? and (?:\d|1[01]) Months?$', 1) AS INTEGER)
        + try_cast(regexp_extract(trim(raw.Credit_History_Age),
            '^\d{1,3} Years? and (\d|1[01]) Months?$', 1) AS INTEGER)""",
    "credit_mix": """CASE trim(raw.Credit_Mix)
        WHEN 'Bad' THEN 0 WHEN 'Standard' THEN 1 WHEN 'Good' THEN 2 END""",
    "payment_of_min_amount": """CASE trim(raw.Payment_of_Min_Amount)
        WHEN 'No' THEN 0 WHEN 'Yes' THEN 1 END""",
    "payment_behaviour": r"""nullif(regexp_extract(trim(raw.Payment_Behaviour),
        '^(Low|High)_spent_(Small|Medium|Large)_value_payments$', 0), '')""",
}

FINANCIALS = """
WITH cleaned AS (
    SELECT raw,
           {cleaned},
           list_filter(
               list_transform(
                   string_split(coalesce(raw.Type_of_Loan, ''), ','),
                   lambda loan: regexp_replace(trim(loan), '^and +', '')),
               lambda loan: loan <> '') AS loans
    FROM (SELECT delivery AS raw FROM delivered_financials AS delivery)
)
SELECT raw.Customer_ID AS customer_id, raw.snapshot_date AS snapshot_date,
       cleaned.* EXCLUDE (raw, loans, credit_history_age, payment_behaviour),
       credit_history_age AS credit_history_months,
       list_position(['Low', 'High'], split_part(payment_behaviour, '_', 1)) - 1
           AS spending_level,
       list_position(['Small', 'Medium', 'Large'], split_part(payment_behaviour, '_', 3)) - 1
           AS payment_size,
       ratio(outstanding_debt, annual_income) AS debt_to_income_ratio,
       ratio(outstanding_debt, monthly_inhand_salary) AS debt_to_monthly_salary_ratio,
       ratio(total_emi_per_month, monthly_inhand_salary) AS emi_to_income_ratio,
       ratio(amount_invested_monthly, monthly_inhand_salary) AS investment_to_income_ratio,
       ratio(monthly_balance, monthly_inhand_salary) AS balance_to_income_ratio,
       monthly_inhand_salary - total_emi_per_month AS disposable_income_amt,
       12 * ratio(monthly_inhand_salary, annual_income) AS salary_to_income_ratio,
       ratio(outstanding_debt, num_of_loan) AS debt_per_loan_amt,
       ratio(outstanding_debt, num_credit_card) AS debt_per_credit_card_amt,
       ratio(total_emi_per_month, num_of_loan) AS emi_per_loan_amt,
       ratio(num_credit_card, num_bank_accounts) AS cards_per_bank_account_ratio,
       num_bank_accounts + num_credit_card + num_of_loan AS credit_lines_count,
       ratio(num_credit_inquiries, credit_history_age / 12) AS inquiries_per_history_year_ratio,
       ratio(num_of_delayed_payment, credit_history_age / 12)
           AS delayed_payments_per_history_year_ratio,
       ratio(num_of_delayed_payment, credit_lines_count) AS delayed_payments_per_credit_line_ratio,
       (delay_from_due_date > 30)::INTEGER AS delay_over_30_days,
       (credit_utilization_ratio > 30)::INTEGER AS utilization_over_30_percent,
       ratio(outstanding_debt, annual_income) * interest_rate / 100 AS interest_burden_ratio,
       (credit_history_age < 12 * 5)::INTEGER AS credit_history_under_5_years,
       len(loans)::INTEGER AS loans_listed_count,
       list_unique(loans)::INTEGER AS loan_kinds_count,
       ({emptied})::INTEGER AS impossible_values_count,
       {kinds},
       strftime(raw.snapshot_date, '%Y-%m') AS month
FROM cleaned
"""

LABEL_STORE = """
WITH installment AS (
    SELECT loan_id, Customer_ID AS customer_id, loan_start_date AS application_date, snapshot_date,
           whole(installment_num, 0, 600) AS mob, amount(balance, 0, 1e15) AS balance,
           (amount(due_amt, 0, 1e15)::DECIMAL(38, 6) * 1000000)::HUGEINT AS due_millionths,
           (amount(overdue_amt, -1e15, 1e15)::DECIMAL(38, 6) * 1000000)::HUGEINT AS overdue_millionths
    FROM delivered_loan_daily
), missed AS (
    -- A millionth more than whole installments is a rounded amount.
    SELECT *, CASE WHEN overdue_millionths <= 0 THEN 0
              WHEN due_millionths > 0 THEN (overdue_millionths * 999999 + due_millionths * 1000000 - 1)
                  // (due_millionths * 1000000) END AS missed
    FROM installment
), late AS (
    SELECT *, (snapshot_date - (snapshot_date - to_months(missed::INTEGER))::DATE)::INTEGER AS dpd
    FROM missed
), at_month AS (
    SELECT loan_id, customer_id, application_date, snapshot_date, mob, dpd,
           CASE WHEN dpd >= default_dpd THEN 1 WHEN dpd < neither_dpd THEN 0 END AS label, label_def
    FROM late
    JOIN (VALUES ('30dpd_6mob', 6, 30, 30), ('60dpd_6mob', 6, 60, 60), ('30dpd_3mob', 3, 30, 30),
                 ('30dpd_6mob_indeterminate_1dpd', 6, 30, 1))
        AS definition(label_def, observed_mob, default_dpd, neither_dpd) ON mob = observed_mob
    WHERE dpd IS NOT NULL
), window_end AS (
    -- The month is there, or the loan left before it and has no row up to it in a file that has that month.
    SELECT last.*, label_def, end_mob, default_dpd, mob < end_mob AS left_early,
           CASE WHEN mob = end_mob THEN snapshot_date
                ELSE greatest((application_date + to_months(end_mob))::DATE,
                              (snapshot_date + to_months(end_mob - mob))::DATE) END AS end_date
    FROM late AS last
    JOIN (VALUES ('30dpd_ever_6mob', 6, 30), ('90dpd_ever_9mob', 9, 90))
        AS definition(label_def, end_mob, default_dpd) ON mob <= end_mob
    WHERE mob = end_mob
       OR (date_trunc('month', end_date) IN (SELECT date_trunc('month', snapshot_date) FROM late)
           AND NOT EXISTS (SELECT 1 FROM late AS next
                           WHERE next.loan_id = last.loan_id AND next.customer_id = last.customer_id
                             AND next.snapshot_date > last.snapshot_date
                             AND next.snapshot_date <= last_day(end_date)))
), ever AS (
    SELECT w.loan_id, w.customer_id, w.application_date, w.end_date AS snapshot_date, w.end_mob AS mob,
           coalesce(max(late.dpd) FILTER (late.mob >= 1), 0)::INTEGER AS dpd,
           count(*) FILTER (late.mob >= 1 AND late.dpd IS NULL) AS unknown,
           CASE WHEN max(late.dpd) FILTER (late.mob >= 1) >= w.default_dpd THEN 1
                WHEN unknown = 0 AND (NOT w.left_early OR w.balance <= 0) THEN 0 END AS label,
           w.label_def
    FROM window_end AS w
    JOIN late ON late.loan_id = w.loan_id AND late.customer_id = w.customer_id
             AND late.snapshot_date <= w.snapshot_date AND late.mob <= w.end_mob
    GROUP BY w.loan_id, w.customer_id, w.application_date, w.end_date, w.end_mob, w.label_def,
             w.default_dpd, w.left_early, w.balance
), labels AS (
    FROM at_month UNION ALL SELECT * EXCLUDE (unknown) FROM ever WHERE label IS NOT NULL
)
SELECT *, strftime(snapshot_date, '%Y-%m') AS month FROM labels
"""

# The loans by month of application, with whole months between two records as numbers.
PORTFOLIO = """
CREATE OR REPLACE VIEW portfolio AS
WITH installment AS (
    SELECT loan_id, Customer_ID AS customer_id, snapshot_date, whole(installment_num, 0, 600) AS mob,
           strftime(loan_start_date, '%Y-%m') AS cohort, amount(balance, 0, 1e15) AS balance,
           (amount(due_amt, 0, 1e15)::DECIMAL(38, 6) * 1000000)::HUGEINT AS due,
           (amount(overdue_amt, -1e15, 1e15)::DECIMAL(38, 6) * 1000000)::HUGEINT AS overdue
    FROM delivered_loan_daily
), late AS (
    SELECT *, CASE WHEN overdue <= 0 THEN 0
              WHEN due > 0 THEN (overdue * 999999 + due * 1000000 - 1) // (due * 1000000) END AS missed
    FROM installment
)
SELECT *, (snapshot_date - (snapshot_date - to_months(missed::INTEGER))::DATE)::INTEGER AS dpd,
       strftime(snapshot_date, '%Y-%m') AS month,
       datediff('month', DATE '2000-01-01', snapshot_date) AS n
FROM late
"""

VINTAGES = """
WITH size AS (
    SELECT cohort, count(DISTINCT loan_id) AS in_cohort FROM portfolio GROUP BY cohort
), bound(dpd_bound) AS (VALUES (30), (60), (90))
SELECT cohort, mob, dpd_bound, count(*) AS loans, count(*) FILTER (dpd IS NULL) AS unknown,
       count(*) FILTER (dpd >= dpd_bound) AS bad,
       (SELECT count(DISTINCT loan_id) FROM portfolio AS earlier
        WHERE earlier.cohort = now.cohort AND earlier.mob <= now.mob
          AND earlier.dpd >= bound.dpd_bound) AS bad_ever,
       count(*) = any_value(in_cohort) AS mature, any_value(month) AS month
FROM portfolio AS now JOIN size USING (cohort) CROSS JOIN bound
GROUP BY cohort, mob, dpd_bound
"""

ROLL_RATES = """
WITH placed AS (
    SELECT *, CASE WHEN dpd = 0 THEN '0' WHEN dpd < 30 THEN '1-29' WHEN dpd < 60 THEN '30-59'
                   WHEN dpd < 90 THEN '60-89' ELSE '90+' END AS bucket
    FROM portfolio WHERE dpd IS NOT NULL
)
SELECT month, bucket_from, bucket AS bucket_to, count(*) AS loans,
       round(sum(balance::DECIMAL(38, 2)), 2)::DOUBLE AS balance
FROM (
    SELECT *, lag(bucket) OVER loan AS bucket_from, lag(mob) OVER loan AS mob_before,
           lag(n) OVER loan AS n_before
    FROM placed WINDOW loan AS (PARTITION BY customer_id, loan_id ORDER BY snapshot_date)
)
WHERE mob = mob_before + 1 AND n = n_before + 1
GROUP BY month, bucket_from, bucket_to
"""


def reference_gold(data: Path, connection: DuckDBPyConnection) -> dict[str, DuckDBPyRelation]:
    """Each gold table as a lazy relation over the raw CSV files of a folder."""
    connection.execute(MACROS + clickstream.MACROS)
    for source in FILES:
        connection.execute(_delivered_sql(source, data))
    connection.execute(PORTFOLIO)
    return {
        "gold.features_clickstream": connection.sql(clickstream.SQL),
        "gold.features_attributes": connection.sql(ATTRIBUTES),
        "gold.features_financials": connection.sql(financials_sql()),
        "gold.label_store": connection.sql(LABEL_STORE),
        "gold.vintages": connection.sql(VINTAGES),
        "gold.roll_rates": connection.sql(ROLL_RATES),
    }


def _delivered_sql(source: str, data: Path) -> str:
    path = next(data / name for name in FILES[source] if (data / name).exists())
    keys, dates = ["Customer_ID", "snapshot_date"], ["snapshot_date"]
    readable = ["given(Customer_ID) IS NOT NULL"]
    if source == "loan_daily":
        keys, dates = [*keys, "loan_id"], [*dates, "loan_start_date"]
        readable += [
            "given(loan_id) IS NOT NULL",
            "regexp_full_match(trim(installment_num), '[-+]?[0-9]+')",
            "isfinite(try_cast(due_amt AS DOUBLE)) AND isfinite(try_cast(overdue_amt AS DOUBLE))",
        ]
    readable += [f"is_past(day_of({day}))" for day in dates]
    return DELIVERED.format(
        source=source,
        path=str(path).replace("'", "''"),
        dates=", ".join(f"day_of({day}) AS {day}" for day in dates),
        readable=" AND ".join(readable),
        keys=", ".join(f"delivery.{key}" for key in keys),
    )


def financials_sql() -> str:
    emptied = (f"(given(raw.{name}) IS NOT NULL AND {name} IS NULL)::INTEGER" for name in CLEANED)
    kinds = (
        f"len(list_filter(loans, lambda loan: loan = '{kind}'))::INTEGER AS {name}_count,"
        f" list_contains(loans, '{kind}')::INTEGER AS has_{name}"
        for name, kind in KINDS_OF_LOAN.items()
    )
    return FINANCIALS.format(
        cleaned=_listed(f"{sql} AS {name}" for name, sql in CLEANED.items()),
        emptied=" + ".join(emptied),
        kinds=_listed(kinds),
    )


def _listed(columns: Iterable[str]) -> str:
    return ",\n           ".join(columns)

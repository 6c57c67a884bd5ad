"""The gold tables of examples/czech once more: from its raw files, in DuckDB SQL, by formulas of their own.

It shares no code with the bank. Amounts are exact decimals, and a window is a range of days.
"""

from __future__ import annotations

from pathlib import Path

from duckdb import DuckDBPyConnection, DuckDBPyRelation

KEYS = {
    "gold.features_client": ("client_id", "as_of_day"),
    "gold.features_turnover": ("client_id", "as_of_day"),
    "gold.loan_outcomes": ("client_id", "loan_id", "label_def", "observed_on"),
}
FILES = ("account", "client", "disp", "district", "loan", "trans")

TYPED = """
CREATE OR REPLACE TEMP VIEW owners AS SELECT client_id, account_id FROM disp WHERE type = 'OWNER';

CREATE OR REPLACE TEMP VIEW loans AS
SELECT client_id, account_id, loan_id, status, day, (day + to_months(duration::INT))::DATE AS ends_on
FROM (SELECT *, strptime('19' || date, '%Y%m%d')::DATE AS day FROM loan) JOIN owners USING (account_id);

CREATE OR REPLACE TEMP TABLE booked AS
SELECT client_id, strptime('19' || date, '%Y%m%d')::DATE AS booked_on,
       type = 'PRIJEM' AS is_in, operation, k_symbol,
       amount::DECIMAL(18, 2) AS amount, balance::DECIMAL(18, 2) AS balance
FROM trans JOIN owners USING (account_id);

CREATE OR REPLACE TEMP TABLE days AS
SELECT client_id, day FROM loans
UNION
SELECT client_id, (date_trunc('month', booked_on) + INTERVAL 1 MONTH)::DATE AS day FROM booked
WHERE date_trunc('month', booked_on) < (SELECT date_trunc('month', max(booked_on)) FROM booked);
"""

CLIENT = """
WITH known AS (
    SELECT days.client_id, day, birth_number AS b, opened_on, frequency, district.*
    FROM days
    JOIN client USING (client_id)
    JOIN owners USING (client_id)
    JOIN (SELECT account_id, frequency, strptime('19' || date, '%Y%m%d')::DATE AS opened_on FROM account)
        USING (account_id)
    JOIN district ON client.district_id = A1
), people AS (
    SELECT *, b[3:4]::INT > 50 AS is_woman,
           make_date(1900 + b[1:2]::INT, (b[3:4]::INT - 1) % 50 + 1, 1) AS born_in,
           CASE year(day) WHEN 1996 THEN A12 WHEN 1997 THEN A13 END AS unemployed,
           CASE year(day) WHEN 1996 THEN A15 WHEN 1997 THEN A16 END AS crimes
    FROM known
)
SELECT client_id, day AS as_of_day,
       (date_diff('month', born_in, date_trunc('month', day)) // 12)::INT AS age,
       CASE WHEN is_woman THEN 'F' ELSE 'M' END AS sex,
       date_diff('day', opened_on, day)::INT AS account_age_days,
       frequency AS statement_frequency,
       A4::INT AS district_inhabitants,
       A10::DOUBLE / 100 AS district_urban_ratio,
       A11::INT AS district_salary,
       try_cast(unemployed AS DOUBLE) / 100 AS district_unemployment_ratio,
       try_cast(crimes AS DOUBLE) * 1000 / A4::DOUBLE AS district_crimes_per_1000,
       strftime(day, '%Y-%m') AS month
FROM people
"""

OF_A_WINDOW = """
coalesce(sum(amount) FILTER (booked_on >= day - {d} AND is_in), 0)::DOUBLE AS turnover_in_{d}d,
coalesce(sum(amount) FILTER (booked_on >= day - {d} AND NOT is_in), 0)::DOUBLE AS turnover_out_{d}d,
min(balance) FILTER (booked_on >= day - {d})::DOUBLE AS balance_min_{d}d,
count(*) FILTER (booked_on >= day - {d})::INT AS transactions_{d}d
"""

TURNOVER = """
CREATE OR REPLACE TEMP TABLE turnover AS
WITH seen AS (
    SELECT days.client_id, day, booked.* EXCLUDE (client_id),
           operation = 'PREVOD Z UCTU' AS is_salary,
           operation IN ('VKLAD', 'VYBER', 'VYBER KARTOU') AND NOT is_in AS is_cash_out
    FROM days LEFT JOIN booked
      ON days.client_id = booked.client_id AND booked_on >= day - 180 AND booked_on < day
      AND coalesce(k_symbol, '') <> 'UVER'
)
SELECT client_id, day AS as_of_day, {windows},
       date_diff('day', max(booked_on), day)::INT AS days_since_transaction,
       CASE WHEN sum(amount) FILTER (NOT is_in) > 0
           THEN coalesce(sum(amount) FILTER (is_cash_out), 0)::DOUBLE
                / (sum(amount) FILTER (NOT is_in))::DOUBLE END AS cash_share_180d,
       count(*) FILTER (k_symbol = 'SANKC. UROK')::INT AS penalties_180d,
       count(*) FILTER (is_salary)::INT AS salaries_180d,
       (max(day(booked_on)) FILTER (is_salary) - min(day(booked_on)) FILTER (is_salary))::INT
           AS salary_day_spread_180d,
       (min(amount) FILTER (is_salary))::DOUBLE / (max(amount) FILTER (is_salary))::DOUBLE
           AS salary_spread_180d,
       strftime(day, '%Y-%m') AS month
FROM seen GROUP BY client_id, day
"""

OUTCOMES = """
SELECT client_id, loan_id, 'unpaid_at_end' AS label_def, ends_on AS observed_on, day AS granted_on,
       (status = 'B')::INT AS is_unpaid, strftime(ends_on, '%Y-%m') AS month
FROM loans WHERE status IN ('A', 'B')
"""


def reference_czech(data: Path, duckdb: DuckDBPyConnection) -> dict[str, DuckDBPyRelation]:
    """Every gold table of the bank, from the raw files in a folder."""
    for name in FILES:
        duckdb.execute(
            f"CREATE OR REPLACE TEMP TABLE {name} AS FROM read_csv('{data}/{name}*.asc', delim = ';', "
            "quote = '\"', header = true, all_varchar = true)"
        )
    windows = ", ".join(OF_A_WINDOW.format(d=days) for days in (30, 90, 180))
    duckdb.execute(TYPED)
    duckdb.execute(TURNOVER.format(windows=windows))
    return {
        "gold.features_client": duckdb.sql(CLIENT),
        "gold.features_turnover": duckdb.sql("FROM turnover"),
        "gold.loan_outcomes": duckdb.sql(OUTCOMES),
    }

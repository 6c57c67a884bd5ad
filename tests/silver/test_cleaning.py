"""A raw cell becomes a typed value, or NULL with the reason; a missing cell has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lakehouse.engines.embedded import session
from lakehouse.silver import cleaning
from lakehouse.silver.attributes import TABLE as ATTRIBUTES
from lakehouse.silver.cleaning import Rule, silver_table
from lakehouse.silver.clickstream import TABLE as CLICKSTREAM
from lakehouse.silver.currency import Currency, amount
from lakehouse.silver.financials import TABLE as FINANCIALS
from lakehouse.silver.loan_daily import TABLE as LOAN_DAILY
from lakehouse.table import Field, Source, Table

DAY = date(2023, 5, 1)


def bronze_of(*columns: str) -> Table:
    text = tuple(Field(name, "STRING", "") for name in ("Customer_ID", *columns))
    day = (Field("snapshot_date", "DATE", ""), Field("month", "STRING", ""))
    return Table("bronze", "raw", "", ("Customer_ID", "snapshot_date"), (*text, *day))


def cleaned(silver: Table, rows: Sequence[dict[str, str | None]]) -> list[dict[str, Any]]:
    """The silver rows of raw rows; columns that a row does not name are NULL."""
    assert silver.transform is not None
    (bronze,) = silver.upstreams
    names = [name for name in bronze.columns if name not in ("snapshot_date", "month")]
    ddl = ", ".join(f"`{name}` STRING" for name in names) + ", snapshot_date DATE, month STRING"
    values = [
        (*({"Customer_ID": f"C{i}", **row}.get(name) for name in names), DAY, "2023-05")
        for i, row in enumerate(rows)
    ]
    found = silver.transform(session().createDataFrame(values, ddl)).collect()
    assert len(found) == len(rows)
    return [row.asDict() for row in sorted(found, key=lambda row: int(row["customer_id"][1:]))]


def check_cells(cell: cleaning.Cell, cases: Sequence[tuple[str | None, Any, str | None]]) -> None:
    """Each raw text gives the value and the reason; all in one frame, each named where it fails."""
    name = cell.field.name
    rows = cleaned(silver_table(bronze_of(cell.raw), "", [cell]), [{cell.raw: c[0]} for c in cases])
    expected = [(raw, value, [f"{name}: {why}"] if why else []) for raw, value, why in cases]
    found = [(c[0], row[name], row["_issues"]) for c, row in zip(cases, rows, strict=True)]
    assert found == expected


OUT = "outside -10 to 1000"


def test_a_number_is_read_out_of_its_dirt_or_told_why_not() -> None:
    check_cells(
        cleaning.number("Amt", -10, 1000, "", placeholders=["_", "__10000__"]),
        [
            ("12.5", 12.5, None),
            (" 12.5 ", 12.5, None),
            ("12.5_", 12.5, None),
            ("__12.5___", 12.5, None),
            ("_-3_", -3.0, None),
            ("+7", 7.0, None),
            (".5", 0.5, None),
            ("5.", 5.0, None),
            ("007", 7.0, None),
            ("1e2", 100.0, None),
            ("1E-05", 0.00001, None),
            ("-0.0", 0.0, None),
            ("-10", -10.0, None),
            ("1000", 1000.0, None),
            (None, None, None),
            ("_", None, "a placeholder"),
            ("__10000__", None, "a placeholder"),
            ("1000.0000001", None, OUT),
            ("-10.5", None, OUT),
            ("1e400", None, OUT),
            ("-1e400", None, OUT),
            ("9" * 40, None, OUT),
            ("__-333333333333333333333333333__", None, OUT),
            ("NaN", None, "not a number"),
            ("nan", None, "not a number"),
            ("Infinity", None, "not a number"),
            ("-inf", None, "not a number"),
            ("1_000", None, "not a number"),
            ("1,000", None, "not a number"),
            ("1 000", None, "not a number"),
            ("0x10", None, "not a number"),
            ("5d", None, "not a number"),
            ("5f", None, "not a number"),
            ("1e", None, "not a number"),
            ("--1", None, "not a number"),
            (".", None, "not a number"),
            ("-", None, "not a number"),
            ("1.2.3", None, "not a number"),
            ("٣٤", None, "not a number"),  # Arabic digits
            ("\uff11\uff12", None, "not a number"),  # digits of full width
            ("twelve", None, "not a number"),
            ("12\n13", None, "not a number"),
            ("12\n", None, "not a number"),
            ("_12_\n", None, "not a number"),
        ],
    )


def test_a_whole_number_has_no_fraction() -> None:
    check_cells(
        cleaning.number("N", -5, 100, "", whole=True),
        [
            ("7", 7, None),
            ("7.0", 7, None),
            ("1e1", 10, None),
            ("-3_", -3, None),
            ("7.5", None, "not a whole number"),
            ("-0.5", None, "not a whole number"),
            ("101", None, "outside -5 to 100"),
            ("3000000000", None, "outside -5 to 100"),
            ("1e400", None, "outside -5 to 100"),
            (None, None, None),
        ],
    )


def test_a_cell_of_spaces_is_missing_not_impossible() -> None:
    check_cells(cleaning.number("N", 0, 9, ""), [("", None, None), ("   ", None, None)])
    check_cells(cleaning.choice("C", ["a"], ""), [("", None, None), ("   ", None, None)])
    check_cells(cleaning.date("D", ""), [("", None, None), ("   ", None, None)])


def test_a_choice_is_one_of_its_words() -> None:
    check_cells(
        cleaning.choice("Mix", ["Bad", "Good"], "", placeholders=["_"]),
        [
            ("Bad", "Bad", None),
            (" Good ", "Good", None),
            ("_", None, "a placeholder"),
            ("good", None, "not a known value"),
            ("Great", None, "not a known value"),
            (None, None, None),
        ],
    )


@pytest.mark.parametrize(
    ("order", "day", "why"),
    [
        (None, None, "either of two days"),
        ("mdy", date(2023, 5, 1), None),
        ("dmy", date(2023, 1, 5), None),
        ("ymd", None, "not a date"),
    ],
)
def test_a_date_with_slashes_is_read_in_the_order_that_its_source_declares(
    order: str | None, day: date | None, why: str | None
) -> None:
    bronze = bronze_of("Start")
    source = Source(
        "raw", ("raw.csv",), bronze.fields[:2], bronze.keys, "Customer_ID", "snapshot_date",
        (("Customer_ID", "text"), ("snapshot_date", "date")), date_order=order,
    )  # fmt: skip
    silver = silver_table(replace(bronze, source=source), "", [cleaning.date("Start", "")])
    slashes, plain = cleaned(silver, [{"Start": "5/1/2023"}, {"Start": "2023-05-01"}])
    assert slashes["start"] == day
    assert slashes["_issues"] == ([f"start: {why}"] if why else [])
    assert plain["start"] == date(2023, 5, 1)


def test_a_date_of_no_known_order_is_a_day_only_if_it_can_be_no_other() -> None:
    check_cells(
        cleaning.date("Start", ""),
        [
            ("2023-05-01", date(2023, 5, 1), None),
            ("5/1/2023", None, "either of two days"),
            ("7/7/2023", date(2023, 7, 7), None),
            ("25/1/2023", date(2023, 1, 25), None),
            ("1/25/2023", date(2023, 1, 25), None),
            ("25/25/2023", None, "not a date"),
            ("29/2/2023", None, "not a date"),
            ("soon", None, "not a date"),
            (None, None, None),
        ],
    )


def test_a_required_date_was_rewritten_by_landing_and_is_month_first_in_rows_before_that() -> None:
    bronze = bronze_of("Start")
    source = Source(
        "raw", ("raw.csv",), bronze.fields[:2], bronze.keys, "Customer_ID", "snapshot_date",
        (("Customer_ID", "text"), ("snapshot_date", "date"), ("Start", "date")),
    )  # fmt: skip
    silver = silver_table(replace(bronze, source=source), "", [cleaning.date("Start", "")])
    (row,) = cleaned(silver, [{"Start": "5/1/2023"}])
    assert row["start"] == date(2023, 5, 1)


def test_a_date_is_read_in_both_forms() -> None:
    check_cells(
        cleaning.date("Start", "", "mdy"),
        [
            ("2023-05-01", date(2023, 5, 1), None),
            ("5/1/2023", date(2023, 5, 1), None),
            ("05/01/2023", date(2023, 5, 1), None),
            ("12/31/2023", date(2023, 12, 31), None),
            ("2024-02-29", date(2024, 2, 29), None),
            (" 2023-05-01 ", date(2023, 5, 1), None),
            ("2023-02-30", None, "not a date"),
            ("2023-02-29", None, "not a date"),
            ("31/12/2023", None, "not a date"),
            ("2023-13-01", None, "not a date"),
            ("20230501", None, "not a date"),
            ("soon", None, "not a date"),
            (None, None, None),
        ],
    )


def test_a_broken_rule_empties_its_column_and_adds_its_reason() -> None:
    cells = [cleaning.number("A", 0, 100, ""), cleaning.number("B", 0, 100, "")]
    rules = [Rule("a", "a > b", "over b"), Rule("b", "b > 50", "over 50")]
    table = silver_table(bronze_of("A", "B"), "", cells, rules)
    rows = cleaned(
        table,
        [
            {"A": "1", "B": "2"},
            {"A": "3", "B": "2"},
            {"A": "70", "B": "60"},
            {"A": "3", "B": None},
            {"A": "3", "B": "x"},
        ],
    )
    assert [(row["a"], row["b"], row["_issues"]) for row in rows] == [
        (1.0, 2.0, []),
        (None, 2.0, ["a: over b"]),
        (None, None, ["a: over b", "b: over 50"]),
        (3.0, None, []),
        (3.0, None, ["b: not a number"]),
    ]


def test_an_income_of_over_24_salaries_and_an_installment_over_the_salary_are_typing_errors() -> (
    None
):
    rows = cleaned(
        FINANCIALS,
        [
            {"Monthly_Inhand_Salary": "1000", "Annual_Income": "24000"},
            {"Monthly_Inhand_Salary": "1000", "Annual_Income": "24000.01"},
            {"Monthly_Inhand_Salary": None, "Annual_Income": "24000.01"},
            {"Monthly_Inhand_Salary": "1000", "Total_EMI_per_month": "1000"},
            {"Monthly_Inhand_Salary": "1000", "Total_EMI_per_month": "1000.5"},
        ],
    )
    found = [(r["annual_income"], r["total_emi_per_month"], r["_issues"]) for r in rows]
    assert found == [
        (24000.0, None, []),
        (None, None, ["annual_income: over 24 monthly salaries"]),
        (24000.01, None, []),
        (None, 1000.0, []),
        (None, None, ["total_emi_per_month: over the monthly salary"]),
    ]


@pytest.mark.parametrize(
    ("table", "row", "expected"),
    [
        (
            FINANCIALS,
            {
                "Credit_History_Age": "10 Years and 9 Months",
                "Type_of_Loan": "Credit-Builder Loan, Auto Loan, and Home Equity Loan",
                "Payment_Behaviour": "High_spent_Small_value_payments",
                "Num_of_Loan": "3_",
                "Outstanding_Debt": "809.98_",
            },
            {
                "credit_history_months": 129,
                "type_of_loan": ["Credit-Builder Loan", "Auto Loan", "Home Equity Loan"],
                "payment_behaviour": "High_spent_Small_value_payments",
                "num_of_loan": 3,
                "outstanding_debt": 809.98,
                "_issues": [],
            },
        ),
        (
            FINANCIALS,
            {
                "Credit_History_Age": "ten Years",
                "Type_of_Loan": None,
                "Payment_Behaviour": "!@9#%8",
                "Payment_of_Min_Amount": "NM",
                "Credit_Mix": "_",
                "Num_Bank_Accounts": "-1",
                "Interest_Rate": "5789",
                "Amount_invested_monthly": "__10000__",
                "Monthly_Balance": "__-333333333333333333333333333__",
            },
            {
                "credit_history_months": None,
                "type_of_loan": None,
                "_issues": [
                    "num_bank_accounts: outside 0 to 20",
                    "interest_rate: outside 0 to 50",
                    "credit_mix: a placeholder",
                    "credit_history_months: not like `10 Years and 9 Months`",
                    "payment_of_min_amount: a placeholder",
                    "amount_invested_monthly: a placeholder",
                    "payment_behaviour: a placeholder",
                    "monthly_balance: outside -1e+06 to 1e+06",
                ],
            },
        ),
        (
            FINANCIALS,
            {"Type_of_Loan": "Payday Loan", "Credit_History_Age": "1 Year and 1 Month"},
            {"type_of_loan": ["Payday Loan"], "credit_history_months": 13, "_issues": []},
        ),
        (ATTRIBUTES, {"Age": "40_", "SSN": "913-74-1218"}, {"age": 40, "ssn_valid": True}),
        (
            ATTRIBUTES,
            {"Age": "-500", "SSN": "#F%$D@*&8", "Occupation": "_______"},
            {
                "age": None,
                "occupation": None,
                "_issues": [
                    "age: outside 18 to 100",
                    "occupation: a placeholder",
                    "ssn_valid: not well-formed",
                ],
            },
        ),
        (
            FINANCIALS,
            {"Credit_History_Age": "9 Years and 9 Months\n"},
            {"credit_history_months": None},
        ),
        (ATTRIBUTES, {"SSN": "913-74-1218\n"}, {"_issues": ["ssn_valid: not well-formed"]}),
        (ATTRIBUTES, {"Age": "17"}, {"age": None, "_issues": ["age: outside 18 to 100"]}),
        (ATTRIBUTES, {"Age": "18"}, {"age": 18, "ssn_valid": None, "_issues": []}),
        (CLICKSTREAM, {"fe_1": "-41", "fe_20": "1000001"}, {"fe_1": -41, "fe_20": None}),
    ],
)
def test_the_dirt_of_the_real_files_is_cleaned(
    table: Table, row: dict[str, str | None], expected: dict[str, Any]
) -> None:
    (found,) = cleaned(table, [row])
    assert {name: found[name] for name in expected} == expected


@pytest.mark.parametrize("ssn", ["913-74-1218", "913741218", "#F%$D@*&8", "913-74-121x"])
def test_no_name_and_no_ssn_leaves_bronze(ssn: str) -> None:
    (row,) = cleaned(ATTRIBUTES, [{"Name": "Aaron Maashoh", "SSN": ssn, "Age": "Aaron Maashoh"}])
    assert {"name", "ssn"} & {column.lower() for column in row} == set()
    told = repr(row)
    assert "Aaron" not in told and ssn not in told
    assert {"name", "ssn"} & set(ATTRIBUTES.columns) == set()


@pytest.mark.parametrize(
    "table", [ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOAN_DAILY], ids=lambda t: t.full_name
)
def test_a_row_of_nothing_but_its_key_has_no_issue_and_every_declared_column(table: Table) -> None:
    (row,) = cleaned(table, [{}])
    assert set(row) == set(table.columns)
    assert row["_issues"] == [] and row["customer_id"] == "C0" and row["snapshot_date"] == DAY
    keys = {*table.keys, "_issues", "month"}
    assert {
        name: value for name, value in row.items() if name not in keys and value is not None
    } == {}


@pytest.mark.parametrize(
    "table", [ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOAN_DAILY], ids=lambda t: t.full_name
)
def test_silver_columns_are_snake_case_and_documented(table: Table) -> None:
    assert all(name == cleaning.snake_case(name) or name == "_issues" for name in table.columns)
    assert all(field.doc.strip() for field in table.fields)


def test_the_bounds_of_an_amount_follow_the_declared_currency() -> None:
    in_dollars = amount("Amt", 0, 1e7, "")
    check_cells(in_dollars, [("5e6", 5e6, None), ("5e9", None, "outside 0 to 1e+07")])
    in_rupiah = amount("Amt", 0, 1e7, "", currency=Currency("rupiah", 15_000))
    check_cells(in_rupiah, [("5e9", 5e9, None), ("5e12", None, "outside 0 to 1.5e+11")])
    assert str(in_dollars.field.bounds) == "0 to 10,000,000 dollars"
    assert str(in_rupiah.field.bounds) == "0 to 150,000,000,000 rupiah"


def test_every_number_of_silver_declares_its_bounds() -> None:
    for table in (ATTRIBUTES, CLICKSTREAM, FINANCIALS, LOAN_DAILY):
        raw = dict(table.raw_columns)
        numbers = [f for f in table.fields if f.name in raw and f.type in ("INT", "DOUBLE")]
        without = [f.name for f in numbers if f.bounds is None]
        assert without == (["credit_history_months"] if table is FINANCIALS else [])

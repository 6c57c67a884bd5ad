"""Ratios that a credit analyst reads from a customer's finances; NULL if they cannot be computed."""

from __future__ import annotations

from typing import Any

import pytest

from lakehouse.bronze.credit_words import KINDS_OF_LOAN
from lakehouse.gold.features_attributes import TABLE as ATTRIBUTES
from lakehouse.gold.features_financials import TABLE
from lakehouse.table import Table, snake_case
from lakehouse.testing import computed


def features_of(*rows: dict[str, Any], table: Table = TABLE) -> list[dict[str, Any]]:
    """The features of silver rows, in their order; columns that a row does not name are NULL."""
    return [dict(row) for row in computed(table, [{"_issues": [], **row} for row in rows])]


FULL = {
    "annual_income": 24000.0,
    "monthly_inhand_salary": 2000.0,
    "num_bank_accounts": 2,
    "num_credit_card": 4,
    "interest_rate": 10,
    "num_of_loan": 4,
    "type_of_loan": ["Auto Loan", "Payday Loan", "Auto Loan", "Not Specified"],
    "delay_from_due_date": 31,
    "num_of_delayed_payment": 5,
    "changed_credit_limit": 1.5,
    "num_credit_inquiries": 6,
    "credit_mix": "Good",
    "outstanding_debt": 6000.0,
    "credit_utilization_ratio": 30.0,
    "credit_history_months": 60,
    "payment_of_min_amount": "Yes",
    "total_emi_per_month": 500.0,
    "amount_invested_monthly": 100.0,
    "payment_behaviour": "High_spent_Medium_value_payments",
    "monthly_balance": -50.0,
    "_issues": ["x: y", "z: w"],
}
EXPECTED = {
    "debt_to_income_ratio": 0.25,
    "debt_to_monthly_salary_ratio": 3.0,
    "emi_to_income_ratio": 0.25,
    "investment_to_income_ratio": 0.05,
    "balance_to_income_ratio": -0.025,
    "disposable_income_amt": 1500.0,
    "salary_to_income_ratio": 1.0,
    "debt_per_loan_amt": 1500.0,
    "debt_per_credit_card_amt": 1500.0,
    "emi_per_loan_amt": 125.0,
    "cards_per_bank_account_ratio": 2.0,
    "credit_lines_count": 10,
    "inquiries_per_history_year_ratio": 1.2,
    "delayed_payments_per_history_year_ratio": 1.0,
    "delayed_payments_per_credit_line_ratio": 0.5,
    "delay_over_30_days": 1,
    "utilization_over_30_percent": 0,
    "interest_burden_ratio": 0.025,
    "credit_history_under_5_years": 0,
    "credit_history_months": 60,
    "credit_mix": 2,
    "payment_of_min_amount": 1,
    "spending_level": 1,
    "payment_size": 1,
    "loans_listed_count": 4,
    "loan_kinds_count": 3,
    "impossible_values_count": 2,
    "auto_loan_count": 2,
    "has_auto_loan": 1,
    "payday_loan_count": 1,
    "not_specified_count": 1,
    "mortgage_loan_count": 0,
    "has_mortgage_loan": 0,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_feature_is_what_its_name_says(full: dict[str, Any], name: str) -> None:
    assert full[name] == pytest.approx(EXPECTED[name])


@pytest.fixture(scope="module")
def full() -> dict[str, Any]:
    return features_of(FULL)[0]


def test_every_declared_column_is_there_with_its_meaning(full: dict[str, Any]) -> None:
    assert set(full) == set(TABLE.columns)
    assert all(field.doc for field in TABLE.fields)


def test_every_cleaned_number_is_a_feature_as_it_stands(full: dict[str, Any]) -> None:
    numbers = {name: value for name, value in FULL.items() if isinstance(value, (int, float))}
    assert len(numbers) == 16
    assert {name: full[name] for name in numbers} == numbers


@pytest.mark.parametrize("whole", [0, None])
def test_a_ratio_over_nothing_is_null(whole: int | None) -> None:
    over: dict[str, Any] = dict.fromkeys(
        ["num_bank_accounts", "num_credit_card", "num_of_loan", "credit_history_months"], whole
    )
    over |= dict.fromkeys(
        ["annual_income", "monthly_inhand_salary"], None if whole is None else 0.0
    )
    (row,) = features_of({**FULL, **over})
    ratios = {n: v for n, v in row.items() if n.endswith("_ratio") and n not in FULL}
    per = {n: row[n] for n in ("debt_per_loan_amt", "debt_per_credit_card_amt", "emi_per_loan_amt")}
    assert len(ratios) >= 10
    assert {n: v for n, v in {**ratios, **per}.items() if v is not None} == {}


def test_of_a_row_without_values_nothing_is_made_up() -> None:
    (row,) = features_of({})
    counts = {n for n in row if n.endswith("_count") or n.startswith("has_")}
    known = {
        n
        for n, v in row.items()
        if v is not None and n not in ("customer_id", "snapshot_date", "month")
    }
    assert known == counts - {"credit_lines_count"}
    assert all(row[n] == 0 for n in known)


@pytest.mark.parametrize(
    ("column", "feature", "codes"),
    [
        ("credit_mix", "credit_mix", {"Bad": 0, "Standard": 1, "Good": 2, None: None}),
        ("payment_of_min_amount", "payment_of_min_amount", {"No": 0, "Yes": 1, None: None}),
        (
            "payment_behaviour",
            "spending_level",
            {
                "Low_spent_Small_value_payments": 0,
                "High_spent_Large_value_payments": 1,
                None: None,
            },
        ),
        (
            "payment_behaviour",
            "payment_size",
            {
                "High_spent_Small_value_payments": 0,
                "Low_spent_Medium_value_payments": 1,
                "Low_spent_Large_value_payments": 2,
                None: None,
            },
        ),
    ],
)
def test_words_in_order_are_numbers_in_order(
    column: str, feature: str, codes: dict[str | None, int | None]
) -> None:
    rows = features_of(*({column: word} for word in codes))
    assert [row[feature] for row in rows] == list(codes.values())


@pytest.mark.parametrize("kind", KINDS_OF_LOAN)
def test_each_kind_of_loan_has_a_count_and_a_flag(kind: str) -> None:
    rows = features_of(
        {"type_of_loan": [kind, kind, "Other"]}, {"type_of_loan": ["Other"]}, {"type_of_loan": None}
    )
    name = snake_case(kind)
    assert [row[f"{name}_count"] for row in rows] == [2, 0, 0]
    assert [row[f"has_{name}"] for row in rows] == [1, 0, 0]


def test_marks_are_set_beyond_their_bound_not_at_it() -> None:
    rows = features_of(
        {"delay_from_due_date": 30, "credit_utilization_ratio": 30.0, "credit_history_months": 60},
        {"delay_from_due_date": 31, "credit_utilization_ratio": 30.1, "credit_history_months": 59},
    )
    marks = ("delay_over_30_days", "utilization_over_30_percent", "credit_history_under_5_years")
    assert [[row[name] for name in marks] for row in rows] == [[0, 0, 0], [1, 1, 1]]


def test_nothing_of_the_loan_systems_outcomes_is_a_feature() -> None:
    outcomes = {"dpd", "paid_amt", "overdue_amt", "balance", "label", "installments_missed"}
    for table in (TABLE, ATTRIBUTES):
        assert outcomes & set(table.columns) == set()
        assert {upstream.name for upstream in table.upstreams} <= {"financials", "attributes"}


def test_attributes_tell_age_decade_and_what_was_given() -> None:
    rows = features_of(
        {"age": 40, "occupation": "Teacher", "ssn_valid": True},
        {"age": 39, "ssn_valid": False},
        {},
        table=ATTRIBUTES,
    )
    names = ("age", "age_decade", "occupation", "occupation_known", "ssn_valid")
    assert [tuple(row[name] for name in names) for row in rows] == [
        (40, 40, "Teacher", 1, 1),
        (39, 30, None, 0, 0),
        (None, None, None, 0, 0),
    ]
    assert set(rows[0]) == set(ATTRIBUTES.columns)


def test_a_loan_of_an_unknown_kind_leaves_open_what_it_may_be() -> None:
    (row,) = features_of({"type_of_loan": ["Auto Loan", None]})
    assert (row["has_auto_loan"], row["auto_loan_count"]) == (1, None)
    assert (row["has_payday_loan"], row["payday_loan_count"]) == (None, None)
    assert (row["loans_listed_count"], row["loan_kinds_count"]) == (2, None)

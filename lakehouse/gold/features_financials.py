"""One row: a customer's finances, as of snapshot_date."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.credit_words import CREDIT_MIX, KINDS_OF_LOAN, PAYMENT_SIZES, SPENDING
from lakehouse.feature import Feature, declared_in, feature
from lakehouse.gold.feature_group import feature_group, passed_on, ratio
from lakehouse.silver.financials import TABLE as FINANCIALS
from lakehouse.table import snake_case

if TYPE_CHECKING:
    from pyspark.sql import Column


def _ordinal(value: Column, *words: str) -> Column:
    """0 for the first word, 1 for the second, and so on; NULL for any other."""
    ranked = F.lit(None).cast("int")
    for rank, word in enumerate(words):
        ranked = F.when(value == word, rank).otherwise(ranked)
    return ranked


@feature("INT")
def credit_mix(credit_mix: Column) -> Column:
    """Mix of credits: 0 Bad, 1 Standard, 2 Good."""
    return _ordinal(credit_mix, *CREDIT_MIX)


@feature("INT")
def payment_of_min_amount(payment_of_min_amount: Column) -> Column:
    """1 if only the minimum was paid, 0 if more was paid."""
    return _ordinal(payment_of_min_amount, "No", "Yes")


@feature("INT")
def spending_level(payment_behaviour: Column) -> Column:
    """Level of spending from Payment_Behaviour: 0 Low, 1 High."""
    return _ordinal(F.split_part(payment_behaviour, F.lit("_"), F.lit(1)), *SPENDING)


@feature("INT")
def payment_size(payment_behaviour: Column) -> Column:
    """Size of payments from Payment_Behaviour: 0 Small, 1 Medium, 2 Large."""
    return _ordinal(F.split_part(payment_behaviour, F.lit("_"), F.lit(3)), *PAYMENT_SIZES)


@feature("DOUBLE")
def debt_to_income_ratio(outstanding_debt: Column, annual_income: Column) -> Column:
    """Outstanding debt divided by annual income."""
    return ratio(outstanding_debt, annual_income)


@feature("DOUBLE")
def debt_to_monthly_salary_ratio(outstanding_debt: Column, monthly_inhand_salary: Column) -> Column:
    """Outstanding debt divided by the monthly salary."""
    return ratio(outstanding_debt, monthly_inhand_salary)


@feature("DOUBLE")
def emi_to_income_ratio(total_emi_per_month: Column, monthly_inhand_salary: Column) -> Column:
    """Monthly installments divided by the monthly salary: the debt service ratio."""
    return ratio(total_emi_per_month, monthly_inhand_salary)


@feature("DOUBLE")
def investment_to_income_ratio(
    amount_invested_monthly: Column, monthly_inhand_salary: Column
) -> Column:
    """Amount invested per month divided by the monthly salary."""
    return ratio(amount_invested_monthly, monthly_inhand_salary)


@feature("DOUBLE")
def balance_to_income_ratio(monthly_balance: Column, monthly_inhand_salary: Column) -> Column:
    """Balance at the end of the month divided by the monthly salary."""
    return ratio(monthly_balance, monthly_inhand_salary)


@feature("DOUBLE")
def disposable_income_amt(monthly_inhand_salary: Column, total_emi_per_month: Column) -> Column:
    """Monthly salary minus the monthly installments."""
    return monthly_inhand_salary - total_emi_per_month


@feature("DOUBLE")
def salary_to_income_ratio(monthly_inhand_salary: Column, annual_income: Column) -> Column:
    """Twelve monthly salaries divided by annual income: the share of income that is paid out."""
    return ratio(monthly_inhand_salary * 12, annual_income)


@feature("DOUBLE")
def debt_per_loan_amt(outstanding_debt: Column, num_of_loan: Column) -> Column:
    """Outstanding debt per loan."""
    return ratio(outstanding_debt, num_of_loan)


@feature("DOUBLE")
def debt_per_credit_card_amt(outstanding_debt: Column, num_credit_card: Column) -> Column:
    """Outstanding debt per credit card."""
    return ratio(outstanding_debt, num_credit_card)


@feature("DOUBLE")
def emi_per_loan_amt(total_emi_per_month: Column, num_of_loan: Column) -> Column:
    """Monthly installments per loan."""
    return ratio(total_emi_per_month, num_of_loan)


@feature("DOUBLE")
def cards_per_bank_account_ratio(num_credit_card: Column, num_bank_accounts: Column) -> Column:
    """Credit cards per bank account."""
    return ratio(num_credit_card, num_bank_accounts)


@feature("INT")
def credit_lines_count(
    num_bank_accounts: Column, num_credit_card: Column, num_of_loan: Column
) -> Column:
    """Number of bank accounts, credit cards and loans together."""
    return num_bank_accounts + num_credit_card + num_of_loan


@feature("DOUBLE")
def inquiries_per_history_year_ratio(
    num_credit_inquiries: Column, credit_history_months: Column
) -> Column:
    """Credit inquiries per year of credit history."""
    return ratio(num_credit_inquiries * 12, credit_history_months)


@feature("DOUBLE")
def delayed_payments_per_history_year_ratio(
    num_of_delayed_payment: Column, credit_history_months: Column
) -> Column:
    """Late payments per year of credit history."""
    return ratio(num_of_delayed_payment * 12, credit_history_months)


@feature("DOUBLE")
def delayed_payments_per_credit_line_ratio(
    num_of_delayed_payment: Column, credit_lines_count: Column
) -> Column:
    """Late payments per credit line: bank accounts, credit cards and loans."""
    return ratio(num_of_delayed_payment, credit_lines_count)


@feature("INT")
def delay_over_30_days(delay_from_due_date: Column) -> Column:
    """1 if payments come more than 30 days late on average, else 0."""
    return delay_from_due_date > 30


@feature("INT")
def utilization_over_30_percent(credit_utilization_ratio: Column) -> Column:
    """1 if over 30 percent of the credit limit is in use, the usual mark of stretched credit, else 0."""
    return credit_utilization_ratio > 30


@feature("DOUBLE")
def interest_burden_ratio(
    outstanding_debt: Column, interest_rate: Column, annual_income: Column
) -> Column:
    """One year's interest on the outstanding debt divided by annual income."""
    return ratio(outstanding_debt * interest_rate, annual_income * 100)


@feature("INT")
def credit_history_under_5_years(credit_history_months: Column) -> Column:
    """1 if the credit history is shorter than five years, else 0."""
    return credit_history_months < 60


@feature("INT")
def loans_listed_count(type_of_loan: Column) -> Column:
    """Number of loans listed in Type_of_Loan, 0 if there are none."""
    return F.when(type_of_loan.isNull(), 0).otherwise(F.size(type_of_loan))


@feature("INT")
def loan_kinds_count(type_of_loan: Column) -> Column:
    """Number of different kinds of loan in Type_of_Loan, NULL if a kind is not known, 0 without loans."""
    kinds = F.size(F.array_distinct(type_of_loan))
    return F.when(type_of_loan.isNull(), 0).when(~_has_unknown_kind(type_of_loan), kinds)


@feature("INT")
def impossible_values_count(_issues: Column) -> Column:
    """Number of cells of the delivered row that were impossible or a placeholder."""
    return F.size(_issues)


def _has_unknown_kind(type_of_loan: Column) -> Column:
    return F.size(F.array_compact(type_of_loan)) < F.size(type_of_loan)


def _of_kind(kind: str) -> tuple[Feature, Feature]:
    """Two features: the number of loans of a kind in Type_of_Loan, and whether there is one.

    A loan of an unknown kind may be of this one: then the count is NULL, and the flag is NULL or 1.
    """
    name = snake_case(kind)

    def listed(type_of_loan: Column) -> Column:
        return F.size(F.filter(type_of_loan, lambda loan: loan == kind))

    def count(type_of_loan: Column) -> Column:
        known = ~_has_unknown_kind(type_of_loan)
        return F.when(type_of_loan.isNull(), 0).when(known, listed(type_of_loan))

    def has(type_of_loan: Column) -> Column:
        return F.when(listed(type_of_loan) > 0, 1).otherwise(count(type_of_loan))

    return (
        Feature(
            f"{name}_count", "INT", f"Number of loans of the kind {kind}.", ("type_of_loan",), count
        ),
        Feature(
            f"has_{name}",
            "INT",
            f"1 if there is a loan of the kind {kind}, else 0.",
            ("type_of_loan",),
            has,
        ),
    )


_CLEANED_NUMBERS = tuple(
    passed_on(field) for field in FINANCIALS.fields if field.type in ("INT", "DOUBLE")
)

TABLE = feature_group(
    "financials",
    "A customer's finances, as of snapshot_date.",
    FINANCIALS,
    (
        *_CLEANED_NUMBERS,
        *declared_in(globals()),
        *(feature for kind in KINDS_OF_LOAN for feature in _of_kind(kind)),
    ),
    max_age_months=12,
    expectations=[
        ("credit_mix_is_ordinal", "credit_mix IS NULL OR (credit_mix >= 0 AND credit_mix <= 2)")
    ],
)

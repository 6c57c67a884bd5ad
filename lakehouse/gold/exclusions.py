"""The kinds of loans that a training set leaves out on request: none unless it is asked for by name."""

from lakehouse.exclusion import Exclusion

EXCLUSIONS = (
    Exclusion(
        "no_income",
        "No income is known, so the bank could not have decided.",
        "annual_income IS NULL AND monthly_inhand_salary IS NULL",
        reads=(("gold.features_financials", ("annual_income", "monthly_inhand_salary")),),
    ),
    Exclusion(
        "no_financials",
        "No financial facts of the last 12 months are known.",
        "financials_snapshot_date IS NULL",
        reads=(("gold.features_financials", ("annual_income",)),),
    ),
    Exclusion(
        "second_loan_within_a_month",
        "The customer took another loan within a month before: one decision, two rows.",
        "previous_application_date >= add_months(application_date, -1)",
        earlier_loans=True,
    ),
    Exclusion(
        "under_21",
        "The policy of many banks: no cash loan below the age of 21.",
        "age < 21",
        reads=(("gold.features_attributes", ("age",)),),
    ),
    Exclusion(
        "occupation_unknown",
        "The application is incomplete: no occupation is given.",
        "occupation IS NULL",
        reads=(("gold.features_attributes", ("occupation",)),),
    ),
)

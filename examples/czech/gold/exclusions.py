"""The kinds of loans that a training set leaves out on request."""

from lakehouse.exclusion import Exclusion

EXCLUSIONS = (
    Exclusion(
        "new_account",
        "The account is younger than 180 days, so the longest window is not full.",
        "account_age_days < 180",
        reads=(("gold.features_client", ("account_age_days",)),),
    ),
)

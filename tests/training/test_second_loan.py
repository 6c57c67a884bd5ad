"""A second loan within a month is one decision with two rows; the first stays, whatever comes later."""

from __future__ import annotations

from datetime import date

import pytest

from lakehouse.engines.embedded import session
from lakehouse.gold.exclusions import EXCLUSIONS
from lakehouse.training.exclusions import AskedExclusion, excluded, with_previous

(SECOND,) = (each for each in EXCLUSIONS if each.name == "second_loan_within_a_month")
COLUMNS = "loan_id STRING, customer_id STRING, application_date DATE"


def left_out(*days: str) -> list[str]:
    """The loans that are left out of those of one customer, named by letter in the order of these days."""
    values = [(name, "C", date.fromisoformat(day)) for name, day in zip("ABC", days, strict=False)]
    loans = session().createDataFrame([*values, ("Z", "OTHER", values[0][2])], COLUMNS)
    asked = AskedExclusion(SECOND.name, SECOND.reason, SECOND.condition, (), SECOND.earlier_loans)
    # A loan has a row per month, so each is there several times.
    out = excluded(with_previous(loans, loans.union(loans)), [asked]).collect()
    return sorted(row["loan_id"] for row in out)


@pytest.mark.parametrize(
    ("days", "out"),
    [
        (["2023-03-15"], []),
        (["2023-03-15", "2023-04-15"], ["B"]),
        (["2023-03-15", "2023-04-16"], []),
        (["2023-04-16", "2023-03-20"], ["A"]),
        (["2023-03-15", "2023-03-15"], ["B"]),
        (["2023-03-01", "2023-03-20", "2023-04-10"], ["B", "C"]),
        (["2023-02-28", "2023-03-31"], ["B"]),
    ],
)
def test_a_loan_within_a_month_after_another_is_left_out(days: list[str], out: list[str]) -> None:
    assert left_out(*days) == out

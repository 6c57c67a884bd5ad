"""Roll rates are shares of counted moves; the public package transitionMatrix gives the same matrix."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.gold.arrears import BUCKETS
from lakehouse.portfolio.rolls import Move, by_month, matrix
from lakehouse.portfolio.shares import share

HAND = [
    Move("2023-02", "0", "0", 90, 900.0),
    Move("2023-02", "0", "30-59", 10, 100.0),
    Move("2023-03", "30-59", "0", 2, 20.0),
    Move("2023-03", "30-59", "1-29", 1, 10.0),
    Move("2023-03", "30-59", "30-59", 1, 10.0),
    Move("2023-03", "30-59", "60-89", 6, 60.0),
]
MOVES = st.lists(
    st.builds(
        Move,
        st.sampled_from(["2023-02", "2023-03", "2023-04"]),
        st.sampled_from(BUCKETS),
        st.sampled_from(BUCKETS),
        st.integers(1, 40),
        st.just(1.0),
    ),
    min_size=1,
    max_size=20,
)


def test_a_matrix_counted_by_hand() -> None:
    rows = {row.bucket: row for row in matrix(HAND).rows}

    assert [each.value for each in rows["0"].to] == [0.9, 0.0, 0.1, 0.0, 0.0]
    late = rows["30-59"]
    assert (late.loans, late.balance) == (10, 100.0)
    assert [s.value for s in (late.worse, late.better, late.cured, late.stays)] == [
        0.6,
        0.3,
        0.2,
        0.1,
    ]
    assert rows["90+"].loans == 0 and rows["90+"].to[0].value is None
    assert [each.month for each in by_month(HAND)] == ["2023-02", "2023-03"]


def test_the_interval_is_that_of_wilson() -> None:
    found = share(6, 10)

    # By hand: (0.6 + 1.96^2/20) / (1 + 1.96^2/10), give or take its half width.
    assert found.low == pytest.approx(0.312674, abs=1e-6)
    assert found.high == pytest.approx(0.831820, abs=1e-6)
    assert (share(0, 10).low, share(10, 10).high) == (0.0, 1.0)
    assert share(0, 0).value is None


@given(MOVES)
def test_each_row_adds_up_and_all_months_together_are_the_sum(moves: list[Move]) -> None:
    together = matrix(moves)

    assert together.loans == sum(move.loans for move in moves)
    assert together.loans == sum(each.loans for each in by_month(moves))
    for row in together.rows:
        assert sum(each.n for each in row.to) == row.loans
        assert row.worse.n + row.better.n + row.stays.n == row.loans
        assert row.cured.n <= row.better.n
        for each in row.to:
            if each.value is not None and each.low is not None and each.high is not None:
                assert 0 <= each.low <= each.value <= each.high <= 1


@pytest.mark.filterwarnings("ignore:invalid value encountered in divide:RuntimeWarning")
@given(MOVES)
def test_the_shares_are_those_of_the_package_transitionmatrix(moves: list[Move]) -> None:
    estimators = pytest.importorskip("transitionMatrix.estimators.simple_estimator")
    spaces = pytest.importorskip("transitionMatrix.statespaces.statespace")
    places = {bucket: place for place, bucket in enumerate(BUCKETS)}
    loans = pd.DataFrame(
        [
            (n, move.month, places[move.bucket_from], places[move.bucket_to])
            for n, move in enumerate(moves)
            for _ in range(move.loans)
        ],
        columns=["ID", "Time", "From", "To"],
    )
    states = spaces.StateSpace([(str(place), bucket) for bucket, place in places.items()])
    estimator = estimators.SimpleEstimator(states=states, ci={"method": "goodman", "alpha": 0.05})

    (theirs,) = estimator.fit(loans)

    for ours, row in zip(matrix(moves).rows, theirs, strict=True):
        assert [each.value or 0.0 for each in ours.to] == pytest.approx(list(row), abs=1e-12)

"""Any sequence of files over any number of runs leads to the tables of one run over the final set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, event, given, settings

from lakehouse.table import Source
from tests.inbox.sequences import Step, follow, names_of, steps
from tests.inbox.small_bank import FEES, VISITS
from tests.on_spark import OnSpark

pytestmark = pytest.mark.slow


def few(examples: int) -> settings:
    """Few examples, as each writes real tables."""
    return settings(
        max_examples=examples,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    )


ONE, OTHER, THIRD = "a,1,2023-01-01", "a,2,2023-01-01", "a,7,2023-01-01"
PLAIN, FIRST, SECOND = "visits.csv", "visits_2023-01.csv", "visits_2023-02.csv.gz"
LAST, TOMBSTONE = "visits_2023-04.csv", "visits_2023-03.deleted.csv"
TOLD = {
    "a later file wins, also when the earlier one is archived, and gives the row back": [
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
        Step(((SECOND, (OTHER,)),)),
        Step(gone=(FIRST,)),
        Step(((SECOND, ("c,1,2023-02-01",)),)),
    ],
    "a late file of an earlier name changes nothing that a later one says": [
        Step(((SECOND, (OTHER,)),)),
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
    ],
    "the same bytes under another name are equal rows": [
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
        Step(((LAST, (ONE, "b,1,2023-01-01")),)),
        Step(((FIRST, ("c,1,2023-01-01",)),)),
    ],
    "a tombstone deletes until it is withdrawn, and a later file brings the key back": [
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
        Step(((TOMBSTONE, (ONE,)),)),
        Step(((LAST, (THIRD,)),)),
        Step(((LAST, ("c,1,2023-01-01",)),)),
        Step(((TOMBSTONE, ("b,1,2023-01-01",)),)),
    ],
    "a tombstone that comes first deletes what comes late": [
        Step(((TOMBSTONE, (ONE,)), (LAST, ("b,1,2023-03-01",)))),
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
    ],
    "a file of a wrong form is taken when it is mended": [
        Step(((FIRST, (ONE,)),), wrong=(SECOND,)),
        Step(((LAST, ("b,1,2023-03-01",)),)),
        Step(((SECOND, (OTHER,)),)),
    ],
    "a taken file that becomes a wrong one keeps its rows until it is mended": [
        Step(((FIRST, (ONE,)), (SECOND, ("b,1,2023-01-01",)))),
        Step(wrong=(FIRST,)),
        Step(((FIRST, (OTHER,)),)),
    ],
    "damaged rows are mended by the file's next version": [
        Step(((FIRST, (ONE, "b,1,2023-01-01", "c,1,2023-02-01")),)),
        Step(((FIRST, (ONE, "b,many,2023-01-01")),)),
        Step(((FIRST, (ONE, "b,7,2023-01-01")),)),
    ],
    "the plain name keeps the months that its next delivery does not have": [
        Step(((PLAIN, (ONE, "b,1,2023-01-01")),)),
        Step(((PLAIN, ("a,1,2023-02-01",)),)),
        Step(((SECOND, (OTHER,)),)),
        Step(((PLAIN, (ONE,)),)),
    ],
    "a version that was there before is taken again": [
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
        Step(((FIRST, (OTHER,)),)),
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
    ],
    "amounts that are equal and written otherwise are equal rows": [
        Step(((FIRST, ("a,2,2023-01-01",)),)),
        Step(((SECOND, ("a,2.0,2023-01-01",)),)),
        Step(((FIRST, ("a,2.00,2023-01-01", "b,1,2023-01-01")),)),
    ],
    "each month by itself counts the equal rows of the months before it": [
        Step(((FIRST, (ONE, "b,1,2023-02-01")),)),
        Step(((LAST, (ONE, "b,1,2023-01-01", "c,1,2023-03-01")),), options=("--by-month",)),
    ],
    "rows move from one file to another": [
        Step(((FIRST, (ONE,)), (SECOND, ("b,1,2023-02-01",)))),
        Step(((FIRST, ("b,1,2023-02-01",)), (SECOND, (ONE,)))),
    ],
}
OF_ROWS = {
    "rows of a file are added and corrected, and never vanish": [
        Step((("fees_2023-01.csv", (ONE, "b,1,2023-01-01")),)),
        Step((("fees_2023-01.csv", (OTHER,)),)),
        Step((("fees_2023-02.csv", ("b,7,2023-01-01", "c,1,2023-02-01")),)),
        Step((("fees_2023-03.deleted.csv", ("b,7,2023-01-01",)),)),
    ],
    "an equal damaged row that comes later, in a run that was killed, is no altered one": [
        Step((("fees_2023-01.csv", (ONE, "c,1")),)),
        replace(Step((("fees_2023-01.csv", (ONE, "c,1", "c,1")),)), killed_at=1),
        Step((("fees_2023-02.csv", (OTHER,)),)),
    ],
}


@pytest.mark.parametrize("told", TOLD)
def test_in_months(told: str) -> None:
    follow(VISITS, TOLD[told])


@pytest.mark.parametrize("told", OF_ROWS)
def test_in_rows(told: str) -> None:
    follow(FEES, OF_ROWS[told])


EVERYTHING_AT_ONCE = [
    Step(((FIRST, (ONE, "b,1,2023-01-01")), (SECOND, ("c,1,2023-02-01", "c,many,2023-02-15")))),
    Step(
        (
            (FIRST, ("b,1,2023-01-01", "b,2,2023-01-15")),
            (SECOND, (OTHER, "c,1,2023-02-01")),
            (TOMBSTONE, ("b,1,2023-01-01",)),
            (LAST, ("a,1,2023-03-01",)),
        )
    ),
]


@pytest.mark.parametrize(
    "nth", [2, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, *range(4, 15)))]
)
def test_a_run_that_was_killed_at_any_commit_is_ended_by_the_next(nth: int) -> None:
    first, second = EVERYTHING_AT_ONCE
    follow(VISITS, [first, replace(second, killed_at=nth)])


@pytest.mark.slow
@pytest.mark.parametrize("told", TOLD)
@pytest.mark.parametrize("nth", range(1, 6))
@pytest.mark.parametrize("before", ["published", "not published"])
def test_the_last_run_killed_at_any_commit_is_ended_by_the_next(
    told: str, nth: int, before: str
) -> None:
    """Also where no earlier run was published, as a file of a wrong form lay there all the time."""
    first, *steps = [*TOLD[told][:-1], replace(TOLD[told][-1], killed_at=nth)]
    if before == "not published":
        first = replace(first, wrong=(*first.wrong, "visits/other.csv"))
    follow(VISITS, [first, *steps])


WITHDRAWN = [
    Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
    Step(((TOMBSTONE, (ONE,)),)),
    Step(((TOMBSTONE, ("b,1,2023-01-01",)),)),
]


@pytest.mark.parametrize(
    "nth", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 10))]
)
def test_a_deletion_whose_withdrawal_was_killed_is_withdrawn_by_the_next_run(nth: int) -> None:
    follow(VISITS, [*WITHDRAWN[:-1], replace(WITHDRAWN[-1], killed_at=nth)])


REFUSED_BEFORE = [
    Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
    Step(((LAST, ("c,1,2023-01-01",)),), wrong=(SECOND,)),
    Step(((TOMBSTONE, (ONE,)),), gone=(SECOND,)),
]


@pytest.mark.parametrize("nth", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in (3, 4))])
def test_a_deletion_that_was_killed_after_rows_that_were_not_published_deletes(nth: int) -> None:
    follow(VISITS, [*REFUSED_BEFORE[:-1], replace(REFUSED_BEFORE[-1], killed_at=nth)])


@pytest.mark.parametrize("nth", range(4, 13))
@pytest.mark.slow
def test_a_run_by_month_that_was_killed_is_noted_whole_by_the_next(nth: int) -> None:
    rows = (ONE, "b,1,2023-02-01", "c,1,2023-03-01")
    first = Step(((FIRST, (ONE,)),))
    follow(VISITS, [first, Step(((LAST, rows),), options=("--by-month",), killed_at=nth)])


def test_by_arrival_the_file_that_came_last_wins() -> None:
    sequence = [
        Step(((SECOND, (OTHER,)),)),
        Step(((FIRST, (ONE, "b,1,2023-01-01")),)),
        Step(((SECOND, (THIRD,)),)),
    ]
    follow(replace(VISITS, supersedes="arrival"), sequence)


def test_by_arrival_a_file_that_comes_as_another_one_leaves_its_rows() -> None:
    sequence = [
        Step(((PLAIN, (ONE, ONE)),)),
        Step(((FIRST, (ONE, ONE)), (PLAIN, (ONE, "a,1,2023-02-01")))),
    ]
    follow(replace(VISITS, supersedes="arrival"), sequence)


def test_by_arrival_a_row_that_a_delivery_leaves_came_when_its_month_did() -> None:
    sequence = [
        Step(((PLAIN, (ONE,)),)),
        Step(((FIRST, (OTHER,)),)),
        Step(((PLAIN, ("b,1,2023-02-01",)),), options=("--full-refresh",)),
        Step(options=("--full-refresh",)),
    ]
    follow(replace(VISITS, supersedes="arrival"), sequence)


def test_by_date_the_date_in_the_name_wins() -> None:
    sequence = [
        Step((("visits_z_2023-01.csv", (ONE,)), ("visits_a_2023-02.csv", (OTHER,)))),
        Step((("visits_m_2023-01.csv", (THIRD,)),)),
    ]
    follow(replace(VISITS, supersedes="date"), sequence)


@pytest.mark.slow
@few(3)
@given(sequence=steps(names_of("visits"), most=3))
def test_any_sequence_of_files_ends_in_the_tables_of_one_run(sequence: list[Step]) -> None:
    event(f"{len(sequence)} runs")
    follow(VISITS, sequence)


@pytest.mark.slow
@few(20)
@given(sequence=steps(names_of("visits"), most=5))
def test_many_sequences_of_files_end_in_the_tables_of_one_run(sequence: list[Step]) -> None:
    event(f"{len(sequence)} runs")
    follow(VISITS, sequence)


@pytest.mark.slow
@few(12)
@given(sequence=steps(names_of("fees"), most=5))
def test_many_sequences_of_files_of_rows_end_in_what_the_model_says(sequence: list[Step]) -> None:
    follow(FEES, sequence)


@pytest.mark.slow
@few(8)
@given(sequence=steps(names_of("visits"), most=4))
def test_many_sequences_of_files_by_arrival_end_in_what_the_model_says(
    sequence: list[Step],
) -> None:
    follow(replace(VISITS, supersedes="arrival"), sequence)


# The plain name keeps months, a late file of an earlier name changes nothing, a wrong file is mended, a
# tombstone comes and goes, damaged rows are mended, and a version that was there before comes again.
MONTHS_ON_SPARK = [
    Step(((PLAIN, (ONE, "b,1,2023-01-01")), (SECOND, (OTHER,))), wrong=(LAST,)),
    Step(
        (
            (PLAIN, ("a,1,2023-02-01",)),
            (FIRST, (THIRD, "c,many,2023-01-01")),
            (TOMBSTONE, ("b,1,2023-01-01",)),
            (LAST, ("b,1,2023-03-01",)),
        )
    ),
    Step(((SECOND, (THIRD,)), (FIRST, (ONE, "c,7,2023-01-01"))), gone=(TOMBSTONE,)),
    Step(((SECOND, (OTHER,)), (TOMBSTONE, ("c,1,2023-01-01",))), gone=(LAST,)),
]
# Rows are added and corrected and never vanish, and an equal damaged row comes in a run that was killed.
ROWS_ON_SPARK = [
    Step((("fees_2023-01.csv", (ONE, "b,1,2023-01-01", "c,1")),)),
    replace(Step((("fees_2023-01.csv", (OTHER, "c,1", "c,1")),)), killed_at=1),
    Step(
        (
            ("fees_2023-02.csv", ("b,7,2023-01-01", "c,1,2023-01-01")),
            ("fees_2023-03.deleted.csv", ("b,7,2023-01-01",)),
        )
    ),
]


@pytest.mark.parametrize(("source", "sequence"), [(VISITS, MONTHS_ON_SPARK), (FEES, ROWS_ON_SPARK)])
def test_what_is_followed_on_spark_holds_here(source: Source, sequence: list[Step]) -> None:
    follow(source, sequence)


@pytest.mark.spark
def test_on_spark_sequences_of_files_end_in_the_tables_of_one_run(on_spark: OnSpark) -> None:
    on_spark(follow, VISITS, MONTHS_ON_SPARK, "spark")
    on_spark(follow, FEES, ROWS_ON_SPARK, "spark")

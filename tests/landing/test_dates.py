"""The order of dates with slashes: proved by all rows of a file together, or refused in one line."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.dates import Written, date_order

DAY_FIRST = [f"1/{month}/{year}" for year in (2023, 2024) for month in range(1, 13)]
MONTH_FIRST = [f"{month}/1/{year}" for year in (2023, 2024) for month in range(1, 13)]


def order_of(
    texts: Sequence[str], monthly: bool = True, asked: DateOrder | None = None
) -> DateOrder | None:
    written = [Written("day", text, 1, line) for line, text in enumerate(texts, start=2)]
    return date_order("clicks.csv", written, asked, "day" if monthly else None)


def refusal(texts: Sequence[str], monthly: bool = True, asked: DateOrder | None = None) -> str:
    with pytest.raises(BadInput) as refused:
        order_of(texts, monthly, asked)
    message = str(refused.value)
    assert message.startswith("clicks.csv: ") and "\n" not in message
    return message


@pytest.mark.parametrize("texts", [[], ["1/1/2023"], ["1/1/2023", "7/7/2023"], ["13/32/2023"]])
def test_dates_that_are_the_same_in_both_orders_or_in_none_need_no_order(texts: list[str]) -> None:
    assert order_of(texts) is None


@pytest.mark.parametrize(
    ("texts", "order", "proof"),
    [
        (["1/5/2023", "13/5/2023"], "dmy", "'13/5/2023' on line 3 is a day in this order only"),
        (["1/5/2023", "5/31/2023"], "mdy", "'5/31/2023' on line 3 is a day in this order only"),
        (["29/2/2024", "30/2/2024"], "dmy", "'29/2/2024' on line 2 is a day in this order only"),
        (["1/2/2023", "1/7/2023"], "dmy", "the first field is always 1, the second varies"),
        (["2/1/2023", "7/1/2023"], "mdy", "the second field is always 1, the first varies"),
    ],
)
def test_a_field_above_12_or_one_that_stays_proves_the_order_of_a_monthly_file(
    texts: list[str], order: str, proof: str
) -> None:
    assert order_of(texts) == DateOrder(order, proof)


@pytest.mark.parametrize(
    ("texts", "order"), [(DAY_FIRST, "dmy"), (MONTH_FIRST, "mdy"), (MONTH_FIRST[6:13], "mdy")]
)
def test_months_that_follow_each_other_in_one_order_only_prove_it(
    texts: list[str], order: str
) -> None:
    found = order_of(texts, monthly=False)
    assert found and found.order == order and "follow each other" in found.proof


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        pytest.param(["5/1/2023"], "'5/1/2023' on line 2", id="one date"),
        pytest.param(["1/1/2023", "3/4/2023"], "'3/4/2023' on line 3", id="two dates"),
        pytest.param(
            [f"1/{day}/2023" for day in range(1, 13)], "'1/2/2023'", id="12 days of a month"
        ),
        pytest.param(DAY_FIRST[:12] + MONTH_FIRST[12:], "'1/2/2023'", id="a year of each order"),
        pytest.param(
            [(DAY_FIRST, MONTH_FIRST)[i % 2][i] for i in range(24)], "'2/1/2023'", id="by turns"
        ),
    ],
)
def test_what_nothing_proves_is_refused_with_a_date_and_the_option(
    texts: list[str], shown: str
) -> None:
    message = refusal(texts, monthly=False)
    assert shown in message and "--date-order" in message


def test_one_row_against_the_others_refuses_the_file_and_is_named() -> None:
    for texts in (
        [*MONTH_FIRST, "18/3/2024"],
        ["5/31/2023", "6/30/2023", "18/3/2024"],
        ["5/31/2023", "1/2/2023", "6/30/2023", "18/3/2024"],
    ):
        message = refusal(texts)
        assert f"'18/3/2024' on line {len(texts) + 1} can only be day first" in message


def test_a_year_of_two_digits_refuses_the_file_once() -> None:
    assert "'5/1/23' on line 3 has a year of two digits (2 dates" in refusal(
        ["5/31/2023", "5/1/23", "6/1/23"]
    )


def test_the_order_that_is_asked_for_is_taken_unless_a_date_is_against_it() -> None:
    asked = DateOrder("dmy", "--date-order says so")
    assert order_of(["5/1/2023"], asked=asked) == asked
    assert order_of([], asked=asked) is None
    message = refusal(["5/1/2023", "5/31/2023"], asked=asked)
    assert "'5/31/2023' on line 3 is not a day with the day first, but --date-order" in message
    assert "year first" in refusal(["5/1/2023"], asked=DateOrder("ymd", "its declaration says so"))


def two_columns(
    snapshots: Sequence[str], starts: Sequence[str], asked: DateOrder | None = None
) -> DateOrder | None:
    written = [
        Written(column, text, 1, line)
        for column, texts in (("snapshot_date", snapshots), ("loan_start_date", starts))
        for line, text in enumerate(texts, start=2)
    ]
    return date_order("loans.csv", written, asked)


@pytest.mark.parametrize(("proving", "other"), [(MONTH_FIRST, DAY_FIRST), (DAY_FIRST, MONTH_FIRST)])
def test_columns_of_two_orders_are_refused_although_only_one_of_them_proves_its_own(
    proving: list[str], other: list[str]
) -> None:
    gaps = [text for i, text in enumerate(other) if i % 5]
    assert two_columns(proving, proving[:3])
    with pytest.raises(BadInput, match=r"in loan_start_date the (first|second) field is always 1"):
        two_columns(proving, gaps)
    with pytest.raises(BadInput, match="a file has one order"):
        two_columns([*proving, "31/1/2023" if proving is DAY_FIRST else "1/31/2023"], gaps)


def test_an_order_that_was_said_against_the_habit_of_the_file_is_told_with_it() -> None:
    said = DateOrder("mdy", "it was said with --date-order")
    found = order_of(DAY_FIRST, asked=said)
    assert found and found.order == "mdy"
    assert "although the first field is always 1" in found.proof
    told = two_columns([], DAY_FIRST[:9], said)
    assert told and "although" in told.proof


@pytest.mark.parametrize(("form", "order"), [("{}/7/2024", "dmy"), ("7/{}/2024", "mdy")])
def test_the_days_of_one_month_prove_their_order_and_raise_no_doubt(form: str, order: str) -> None:
    days = [form.format(day) for day in range(1, 32)]
    found = order_of(days, monthly=False)
    assert found and found.order == order
    said = DateOrder(order, "its declaration says so")
    assert order_of(days, monthly=False, asked=said) == said


def test_another_month_in_one_row_leaves_the_doubt() -> None:
    assert "a file has one order" in refusal([*MONTH_FIRST[:9], "25/12/2023"], monthly=False)

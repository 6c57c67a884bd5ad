"""The split by application month; nobody is on two sides of it."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest

from lakehouse.errors import BadInput
from lakehouse.model.features import prepared
from lakehouse.model.split import Split, divide, month_of

TrainingSet = Callable[..., pd.DataFrame]


def with_customer(frame: pd.DataFrame, customer: str, months: list[str]) -> pd.DataFrame:
    """The first loan of each of the months is this customer's."""
    month = pd.to_datetime(frame["application_date"]).dt.strftime("%Y-%m")
    rows = [frame.index[month == each][0] for each in months]
    return prepared(
        frame.assign(customer_id=frame["customer_id"].where(~frame.index.isin(rows), customer))
    )


def test_the_last_months_are_test_the_one_before_validation(training_set: TrainingSet) -> None:
    parts = divide(prepared(training_set()), Split())
    assert [part.months for part in parts.in_order] == [
        ("2024-01", "2024-02"), ("2024-03",), ("2024-04", "2024-05", "2024-06")
    ]  # fmt: skip
    assert [len(part.loans) for part in parts.in_order] == [200, 100, 300]
    assert all(set(month_of(p.loans)) == set(p.months) for p in parts.in_order)


def test_the_split_is_by_its_parameters(training_set: TrainingSet) -> None:
    parts = divide(prepared(training_set()), Split(test_months=1, validation_months=2))
    assert [len(part.months) for part in parts.in_order] == [3, 2, 1]


def test_a_customer_is_left_out_of_the_earlier_parts_and_counted(training_set: TrainingSet) -> None:
    frame = with_customer(training_set(), "again", ["2024-01", "2024-02", "2024-03", "2024-05"])
    parts = divide(frame, Split())
    assert [part.left_out for part in parts.in_order] == [2, 1, 0]
    assert ["again" in set(part.loans["customer_id"]) for part in parts.in_order] == [
        False,
        False,
        True,
    ]


def test_several_loans_within_one_part_stay(training_set: TrainingSet) -> None:
    parts = divide(with_customer(training_set(), "again", ["2024-01", "2024-02"]), Split())
    assert parts.train.left_out == 0 and len(parts.train.loans) == 200


def test_repeat_customers_stay_where_that_is_declared(training_set: TrainingSet) -> None:
    frame = with_customer(training_set(), "again", ["2024-01", "2024-05"])
    parts = divide(frame, Split(repeat_customers=True))
    assert len(parts.train.loans) == 200 and parts.train.left_out == 0


# Jan. to May are train, June is validation, July to Sept. are test. A label takes two months and a day
# or two: that of April is observed on 1 June or the day before, that of May on 1 July or the day before.
@pytest.mark.parametrize(
    ("days_to_label", "before_validation", "before_test"), [(60, 400, 500), (61, 300, 400)]
)
def test_a_label_observed_on_the_first_day_of_a_part_is_not_known_before_it(
    training_set: TrainingSet, days_to_label: int, before_validation: int, before_test: int
) -> None:
    parts = divide(prepared(training_set(months=9, days_to_label=days_to_label)), Split())
    for part, known in ((parts.validation, before_validation), (parts.test, before_test)):
        learnt = parts.train_for(part)
        assert len(learnt.loans) == known
        assert learnt.loans["label_observed"].max() < part.first_day
        assert set(month_of(learnt.loans)) == set(learnt.months)
    assert len(parts.train.loans) == 500


def test_without_the_rule_every_label_of_train_is_learnt_from(training_set: TrainingSet) -> None:
    frame = prepared(training_set(months=9, days_to_label=400))
    assert divide(frame, Split()).train_for(divide(frame, Split()).test).loans.empty
    parts = divide(frame, Split(labels_known=False))
    assert parts.train_for(parts.validation) is parts.train_for(parts.test) is parts.train


def test_a_set_that_does_not_say_when_labels_were_observed_is_refused(
    training_set: TrainingSet,
) -> None:
    parts = divide(prepared(training_set().drop(columns="label_observed")), Split())
    with pytest.raises(BadInput, match="lacks label_observed; build it again"):
        parts.train_for(parts.test)


def test_too_few_months_are_refused(training_set: TrainingSet) -> None:
    with pytest.raises(BadInput, match=r"4 months \(2024-01 to 2024-04\).* at least 5"):
        divide(prepared(training_set(months=4)), Split())


def test_a_part_of_one_outcome_is_refused(training_set: TrainingSet) -> None:
    frame = prepared(training_set())
    frame.loc[month_of(frame) == "2024-03", "label"] = 0
    with pytest.raises(BadInput, match=r"validation \(2024-03\) has 100 loans, 0 of them defaults"):
        divide(frame, Split())


def test_a_part_whose_customers_all_come_again_is_refused(training_set: TrainingSet) -> None:
    with pytest.raises(BadInput, match="100 were left out as customers of a later part"):
        divide(prepared(training_set()).assign(customer_id="one"), Split())


@pytest.mark.parametrize("months", [{"test_months": 0}, {"validation_months": 0}])
def test_a_split_without_a_part_is_refused(months: dict[str, int]) -> None:
    with pytest.raises(BadInput, match="at least one"):
        Split(**months)

"""Statistics over months by numpy: what they come to, and that workers need nothing of this package."""

from __future__ import annotations

import datetime as dt
import statistics
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import cloudpickle

from lakehouse.gold import over_months
from lakehouse.months import shift

KEYS = ("customer_id", "snapshot_date")
SIGNALS = ("fe_1", "fe_2")
values_by_age = st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=2, max_size=6)


def clicks(*rows: tuple[str, str, Sequence[int | None]]) -> pa.RecordBatch:
    """One batch: of each row its customer, its day and its signals."""
    customers, days, signals = zip(*rows, strict=True)
    columns: list[pa.Array] = [pa.array(customers), pa.array(map(dt.date.fromisoformat, days))]
    columns += [pa.array(each, pa.int32()) for each in zip(*signals, strict=True)]
    return pa.RecordBatch.from_arrays(columns, [*KEYS, *SIGNALS])


def computed(
    batches: Sequence[pa.RecordBatch],
    names: Sequence[str],
    window: int = 2,
    months: Sequence[str] | None = None,
) -> list[dict[str, object]]:
    found = over_months.with_features(batches, KEYS, SIGNALS, (window,), names, months)
    return [row for batch in found for row in batch.to_pylist()]


def row(*months: Sequence[int | None] | None) -> dict[str, object]:
    """The features of one customer by name, out of the signals of each month, the row's own first."""
    there = [
        ("CUS_1", f"{shift('2024-12', -age)}-01", month)
        for age, month in enumerate(months)
        if month is not None
    ]
    found = computed([clicks(*there)], all_names(len(months)), len(months), ["2024-12"])
    assert len(found) == 1
    return found[0]


def all_names(months: int) -> list[str]:
    stems = [*SIGNALS, "activity"]
    windows = [f"{stem}_{each}_{months}m" for stem in stems for each in ("mean", "std", "trend")]
    return [*SIGNALS, "activity_sum", *windows, "months_observed", "months_since_previous"]


@given(values_by_age)
def test_mean_spread_and_trend_are_those_of_the_months_that_are_known(
    values: list[int | None],
) -> None:
    known = [(-age, value) for age, value in enumerate(values) if value is not None]
    found = row(*([value, None] for value in values))
    mean, std, trend = (found[f"fe_1_{each}_{len(values)}m"] for each in ("mean", "std", "trend"))
    amounts = [value for _, value in known]
    assert mean == (pytest.approx(statistics.fmean(amounts), rel=1e-12) if amounts else None)
    if len(known) < 2:
        assert std is None and trend is None
        return
    scale = max(map(abs, amounts), default=1)
    assert std == pytest.approx(statistics.stdev(amounts), rel=1e-12)
    line = statistics.linear_regression([month for month, _ in known], amounts)
    assert trend == pytest.approx(line.slope, rel=1e-9, abs=1e-9 * scale)


def test_activity_is_the_sum_of_the_signals_known_and_null_where_none_is() -> None:
    assert row([3, 4], None)["activity_sum"] == 7
    assert row([3, None], None)["activity_sum"] == 3
    found = row([None, None], [1, 2])
    assert found["activity_sum"] is None
    assert found["activity_mean_2m"] == 3


def test_a_month_without_clicks_is_not_one_whose_signals_are_unknown() -> None:
    found = row([1, 1], None, [None, None], None)
    assert (found["months_observed"], found["months_since_previous"]) == (2, 2)
    found = row([1, 1], None, None)
    assert (found["months_observed"], found["months_since_previous"]) == (1, None)


def test_of_a_month_with_several_rows_the_last_counts_and_no_row_sees_a_later_one() -> None:
    rows = clicks(
        ("CUS_1", "2024-02-20", [4, 0]),
        ("CUS_1", "2024-01-31", [2, 0]),
        ("CUS_1", "2024-01-05", [100, 0]),
        ("CUS_1", "2024-02-10", [8, 0]),
        ("CUS_1", "2024-03-01", [1000, 0]),
    )
    found = {str(each["snapshot_date"]): each for each in computed([rows], ["fe_1_mean_2m"])}
    means = {day: each["fe_1_mean_2m"] for day, each in found.items()}
    assert means == {
        "2024-01-05": 100,
        "2024-01-31": 2,
        "2024-02-10": 5,
        "2024-02-20": 3,
        "2024-03-01": 502,
    }


@given(
    st.dictionaries(
        st.tuples(
            st.sampled_from(["CUS_1", "CUS_2"]),
            st.dates(dt.date(2023, 10, 1), dt.date(2024, 3, 31)),
        ),
        st.integers(-9, 9),
        min_size=1,
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 4),
)
def test_a_row_is_the_same_in_whatever_order_and_batches_the_rows_come(
    signals: dict[tuple[str, dt.date], int], random: Random, batch_rows: int
) -> None:
    rows = [(id_, day.isoformat(), [value, None]) for (id_, day), value in signals.items()]
    names = all_names(4)
    expected = {
        (id_, day): one
        for id_, day, _ in rows
        for one in computed([clicks(*_up_to(rows, id_, day))], names, 4, [day[:7]])
        if str(one["snapshot_date"]) == day
    }
    random.shuffle(rows)
    batches = [clicks(*rows[i : i + batch_rows]) for i in range(0, len(rows), batch_rows)]
    found = computed(batches, names, 4)
    assert {(one["customer_id"], str(one["snapshot_date"])): one for one in found} == expected
    assert len(found) == len(rows)


def test_only_the_rows_of_the_months_come_out_a_month_after_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(over_months, "ROWS_AT_ONCE", 2)
    days = ["2024-03-01", "2024-01-01", "2024-02-01"]
    rows = clicks(*((f"CUS_{i}", day, [i, -i]) for i in range(4) for day in days))
    found = computed([rows], ["fe_1", "fe_2"], months=["2024-02", "2024-03"])
    assert [str(each["snapshot_date"]) for each in found] == ["2024-02-01"] * 4 + ["2024-03-01"] * 4
    assert all(each["fe_1"] == float(str(each["customer_id"])[4:]) for each in found)
    assert all(each["fe_2"] == -each["fe_1"] for each in found)  # type: ignore[operator]


def test_no_rows_are_no_rows() -> None:
    assert computed([], ["fe_1"]) == []
    assert computed([clicks(("CUS_1", "2024-01-01", [1, 2]))], ["fe_1"], months=["2024-02"]) == []


def test_a_worker_that_has_no_module_of_this_package_computes_them() -> None:
    cloudpickle.register_pickle_by_value(over_months)  # type: ignore[no-untyped-call]
    compute = partial(
        over_months.with_features,
        keys=KEYS,
        signals=["fe_1"],
        windows=(2,),
        names=["fe_1"],
        months=None,
    )
    code = (
        "import sys, pickle, datetime, pyarrow as pa\n"
        "compute = pickle.load(sys.stdin.buffer)\n"
        "day = pa.array([datetime.date(2024, 1, 1)] * 2)\n"
        "columns = [pa.array(['CUS_1', 'CUS_2']), day, pa.array([2, None], pa.int32())]\n"
        "batch = pa.RecordBatch.from_arrays(columns, ['customer_id', 'snapshot_date', 'fe_1'])\n"
        "assert not any(name.startswith('lakehouse') for name in sys.modules)\n"
        "print([each.column('fe_1').to_pylist() for each in compute([batch])])\n"
    )
    isolated = [sys.executable, "-I", "-c", code]
    sent = cloudpickle.dumps(compute)  # type: ignore[no-untyped-call]
    answer = subprocess.run(isolated, input=sent, capture_output=True, check=False)
    assert answer.stdout.decode().strip() == "[[2.0, None]]", answer.stderr


def _up_to(
    rows: Sequence[tuple[str, str, Sequence[int | None]]], customer: str, day: str
) -> list[tuple[str, str, Sequence[int | None]]]:
    return [each for each in rows if each[0] == customer and each[1] <= day]

"""Statistics over months by numpy: what they come to, and that workers need nothing of this package."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence
from functools import partial

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark import cloudpickle

from lakehouse import over_months

SIGNALS = ("fe_1", "fe_2")
values_by_age = st.lists(st.none() | st.integers(-(10**6), 10**6), min_size=2, max_size=6)


def row(*months: Sequence[int | None] | None) -> dict[str, object]:
    """The features of one customer by name, out of the signals of each month, the row's own first."""
    lists = [pa.array([month], pa.list_(pa.int32())) for month in months]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(["CUS_1"]), *lists], ["customer_id", *map(str, range(len(lists)))]
    )
    (found,) = over_months.with_features(
        [batch], 1, SIGNALS, (len(months),), all_names(len(months))
    )
    return dict(found.to_pylist()[0])


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


def test_rows_keep_their_order_and_keys_however_many_are_taken_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = [f"CUS_{i}" for i in range(7)]
    own = pa.array([[i, -i] for i in range(7)], pa.list_(pa.int32()))
    none = pa.nulls(7, own.type)
    batch = pa.RecordBatch.from_arrays([pa.array(ids), own, none], ["customer_id", "0", "1"])
    monkeypatch.setattr(over_months, "_ROWS", 3)
    found = over_months.with_features([batch], 1, SIGNALS, (1,), ("fe_1", "fe_2"))
    rows = pa.Table.from_batches(found).to_pylist()
    assert rows == [
        {"customer_id": id_, "fe_1": float(i), "fe_2": float(-i)} for i, id_ in enumerate(ids)
    ]


def test_a_worker_that_has_no_module_of_this_package_computes_them() -> None:
    cloudpickle.register_pickle_by_value(over_months)  # type: ignore[no-untyped-call]
    compute = partial(
        over_months.with_features, keys=0, signals=SIGNALS, windows=(1,), names=("fe_2",)
    )
    code = (
        "import sys, pickle, pyarrow as pa\n"
        "compute = pickle.load(sys.stdin.buffer)\n"
        "own = pa.array([[1, 2], [3, None]], pa.list_(pa.int32()))\n"
        "batch = pa.RecordBatch.from_arrays([own, own], ['0', '1'])\n"
        "assert not any(name.startswith('lakehouse') for name in sys.modules)\n"
        "print([each.to_pylist() for each in compute([batch])])\n"
    )
    isolated = [sys.executable, "-I", "-c", code]
    sent = cloudpickle.dumps(compute)  # type: ignore[no-untyped-call]
    answer = subprocess.run(isolated, input=sent, capture_output=True, check=False)
    assert answer.stdout.decode().strip() == "[[{'fe_2': 2.0}, {'fe_2': None}]]", answer.stderr

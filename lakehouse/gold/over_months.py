"""Statistics of each customer's signals over the last months, computed by numpy for many customers at once.

An engine plans column by column: as expressions, these features took Sail longer to plan than to compute.
The functions are sent to Spark's workers by value, so they use only numpy and Arrow, not this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]
    Places = NDArray[np.int64]

# Smaller batches cost an engine more; larger ones do not fit into the processor's cache.
ROWS_AT_ONCE = 8192
# The place of a month without a row: the last column of the values, which is NaN.
_NOWHERE = -1


def with_features(
    batches: Iterable[pa.RecordBatch],
    keys: Sequence[str],
    signals: Sequence[str],
    windows: Sequence[int],
    names: Sequence[str],
    months: Sequence[str] | None,
) -> Iterator[pa.RecordBatch]:
    """The keys and the named features of each row of the months; features are doubles, NULL if unknown.

    A batch has the keys (`customer_id` and `snapshot_date` among them) and the signals. Together the
    batches hold all rows of each of their customers, in any order.
    """
    batches = list(batches)
    if not batches:
        return
    rows = pa.Table.from_batches(batches)
    beside = _beside(rows, max(windows), months)
    values = _values(rows, signals)
    keyed = rows.select(keys).combine_chunks()
    # The rows were copied. If they were kept, a partition would take twice its memory.
    del batches, rows
    for start in range(0, beside.shape[1], ROWS_AT_ONCE):
        taken = beside[:, start : start + ROWS_AT_ONCE]
        features_by_name = _features(values, taken, signals, windows)
        features = [pa.array(features_by_name[name], from_pandas=True) for name in names]
        key_batch = keyed.take(pa.array(taken[0])).combine_chunks().to_batches()[0]
        yield pa.RecordBatch.from_arrays([*key_batch.columns, *features], [*keys, *names])


def _beside(rows: pa.Table, longest: int, months: Sequence[str] | None) -> Places:
    """The place of the row that each window value comes from: an array of age in months x row.

    For each row of the months, in order of month, and each age, it is the customer's last row of the
    month that is so much earlier. Age 0 is the row itself.
    """
    day = rows["snapshot_date"].to_numpy()
    customer = rows["customer_id"].combine_chunks().dictionary_encode().indices.to_numpy()
    order = np.lexsort((day, customer))
    customer, month = customer[order], _ordinals(day[order])
    is_last = np.append((np.diff(customer) != 0) | (np.diff(month) != 0), True)
    lasts, ended = np.flatnonzero(is_last), np.cumsum(is_last) - is_last
    wanted = np.arange(len(month)) if months is None else np.flatnonzero(_is_in(month, months))
    wanted = wanted[np.argsort(month[wanted], kind="stable")]
    beside = np.full((longest, len(wanted)), _NOWHERE)
    beside[0] = order[wanted]
    for back in range(1, longest):
        # A clipped place is a row that was met before, or one that is not an earlier row of this customer.
        earlier = lasts.take(ended[wanted] - back, mode="clip")
        age = month[wanted] - month[earlier]
        is_one = (customer[earlier] == customer[wanted]) & (age > 0) & (age < longest)
        beside[age[is_one], np.flatnonzero(is_one)] = order[earlier[is_one]]
    return beside


def _ordinals(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The month of each day, as a running number."""
    return days.astype("datetime64[M]").astype(np.int64)


def _is_in(ordinals: NDArray[np.int64], months: Sequence[str]) -> NDArray[np.bool_]:
    return np.isin(ordinals, _ordinals(np.array(months, dtype="datetime64[M]")))


def _values(rows: pa.Table, signals: Sequence[str]) -> Doubles:
    """An array of signal x row, NaN if unknown, then the sum of the known signals as the last signal.

    The last column, behind the last row, is NaN.
    """
    values = np.full((len(signals) + 1, rows.num_rows + 1), np.nan)
    activity, is_any_known = np.zeros(rows.num_rows), np.zeros(rows.num_rows, dtype=bool)
    for value, signal in zip(values[:-1, :-1], signals, strict=True):
        value[:] = rows[signal].to_numpy()
        is_known = ~np.isnan(value)
        np.add(activity, value, out=activity, where=is_known)
        is_any_known |= is_known
    values[-1, :-1] = np.where(is_any_known, activity, np.nan)
    return values


def _features(
    values: Doubles, beside: Places, signals: Sequence[str], windows: Sequence[int]
) -> dict[str, Doubles]:
    """The features by name, each with one value per row; `activity` is the sum of the known signals."""
    by_age = (values.take(places, axis=1) for places in beside)
    features = dict(zip([*signals, "activity_sum"], values.take(beside[0], axis=1), strict=True))
    for months, statistic, results in statistics(by_age, windows):
        for signal, result in zip([*signals, "activity"], results, strict=True):
            features[f"{signal}_{statistic}_{months}m"] = result
    is_there = beside != _NOWHERE
    earlier = is_there[1:]
    features["months_observed"] = is_there.sum(axis=0, dtype=float)
    features["months_since_previous"] = np.where(
        earlier.any(axis=0), earlier.argmax(axis=0) + 1, np.nan
    )
    return features


def statistics(
    values: Iterable[Doubles], windows: Sequence[int]
) -> Iterator[tuple[int, str, Doubles]]:
    """Mean, sample standard deviation and least squares slope per month of each window; NaN if undefined.

    `values` come by age, NaN if unknown. All sums are of whole numbers held as doubles, so their order
    does not matter, and each result is one division of such sums. There is no product of matrices:
    the threads of its library wait for each other when several threads call it.
    """
    n = a = b = s = p = q = np.asarray(0.0)
    for age, value in enumerate(values):
        is_known = ~np.isnan(value)
        value = np.where(is_known, value, 0)
        # Counts and sums of ages, squared ages, values, values times age, squared values.
        n, a, b = n + is_known, a + age * is_known, b + age * age * is_known
        s, p, q = s + value, p + age * value, q + value * value
        if age + 1 in windows:
            yield age + 1, "mean", _ratio(s, n)
            yield age + 1, "std", np.sqrt(_ratio(n * q - s * s, n * (n - 1)))
            # Age runs against time, so the sign is the other way round.
            yield age + 1, "trend", _ratio(a * s - n * p, n * b - a * a)


def _ratio(part: Doubles, whole: Doubles) -> Doubles:
    """part / whole, NaN if the whole is not above 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)

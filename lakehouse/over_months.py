"""What a customer's signals of the last months come to, of many customers at once, by numpy.

Engines plan column by column: as expressions these features took Sail longer to plan than to compute.
The functions go to Spark's workers by value, so they use numpy, Arrow and nothing else of this package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

# So many rows at once that what is worked on stays in the processor's cache.
_ROWS = 2048


def with_features(
    batches: Iterable[pa.RecordBatch],
    keys: int,
    signals: Sequence[str],
    windows: Sequence[int],
    names: Sequence[str],
) -> Iterator[pa.RecordBatch]:
    """Each row's keys, then the features of these names as doubles, NULL where unknown.

    A row comes as its keys and, for each age in months (0 is the row's own), a list of the signals,
    NULL where there is no such month.
    """
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            rows = batch.slice(start, _ROWS)
            found = _features(rows.columns[keys:], signals, windows)
            features = [pa.array(found[name], from_pandas=True) for name in names]
            columns = [*rows.columns[:keys], *features]
            yield pa.RecordBatch.from_arrays(columns, [*rows.schema.names[:keys], *names])


def _features(
    lists: Sequence[pa.ListArray], signals: Sequence[str], windows: Sequence[int]
) -> dict[str, Doubles]:
    """The features by name, each by row; `activity` is the sum of the signals known of a month."""
    # By age, row and signal, as the lists hold them: turned once, as results.
    by_age = np.stack([_signals(each, len(signals)) for each in lists])
    values = np.concatenate([by_age, _sum_of_known(by_age)], axis=2)
    found = dict(zip([*signals, "activity_sum"], values[0].T.copy(), strict=True))
    for months in windows:
        for statistic, results in statistics(values[:months]).items():
            for signal, result in zip([*signals, "activity"], results.T.copy(), strict=True):
                found[f"{signal}_{statistic}_{months}m"] = result
    seen = np.stack([_is_valid(each) for each in lists])
    earlier = seen[1:]
    found["months_observed"] = seen.sum(axis=0, dtype=float)
    found["months_since_previous"] = np.where(
        earlier.any(axis=0), earlier.argmax(axis=0) + 1, np.nan
    )
    return found


def statistics(values: Doubles) -> dict[str, Doubles]:
    """Mean, sample standard deviation and least squares slope a month; NaN where undefined.

    `values` are by age, NaN where unknown. All sums run over whole numbers held as doubles, so their
    order does not matter; each result is one division of such sums.
    """
    months, shape = len(values), values.shape[1:]
    is_known = ~np.isnan(values)
    known = is_known.astype(float).reshape(months, -1)
    value = np.where(is_known, values, 0).reshape(months, -1)
    powers = np.arange(months, dtype=float) ** np.arange(3).reshape(-1, 1)
    # Counts and sums of ages, squared ages, values, values times age, squared values.
    n, a, b = (powers @ known).reshape(3, *shape)
    s, p = (powers[:2] @ value).reshape(2, *shape)
    q = (value * value).sum(axis=0).reshape(shape)
    return {
        "mean": _ratio(s, n),
        "std": np.sqrt(_ratio(n * q - s * s, n * (n - 1))),
        # Age runs against time, hence the sign.
        "trend": _ratio(a * s - n * p, n * b - a * a),
    }


def _ratio(part: Doubles, whole: Doubles) -> Doubles:
    """part / whole, NaN where the whole is not above 0."""
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _signals(lists: pa.ListArray, count: int) -> Doubles:
    """By row and signal; NaN where unknown."""
    values = np.full((len(lists), count), np.nan)
    values[_is_valid(lists)] = _doubles(lists.flatten()).reshape(-1, count)
    return values


def _sum_of_known(values: Doubles) -> Doubles:
    """The sum over the signals as one signal more; NaN where none is known."""
    known = ~np.isnan(values).all(axis=2, keepdims=True)
    return np.where(known, np.nansum(values, axis=2, keepdims=True), np.nan)


def _is_valid(values: pa.Array) -> NDArray[np.bool_]:
    valid: NDArray[np.bool_] = values.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _doubles(values: pa.Array) -> Doubles:
    doubles: Doubles = values.to_numpy(zero_copy_only=False).astype(float)
    return doubles

"""The clickstream: 20 signals per customer and month, which know nothing about who defaults."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from lakehouse.generate.cells import chunks, integers, month_starts
from lakehouse.generate.customers import LoanBook
from lakehouse.generate.files import CLICKSTREAM, Output

CLICK_MEANS = (101, 103, 105, 106, 107, 103, 107, 110, 114, 117) + (100,) * 10
CLICK_NOISE = np.array(  # the normal distribution with sd 100, as 65,536 equally likely integers
    [round(NormalDist(0, 100).inv_cdf((i + 0.5) / 65_536)) for i in range(65_536)], dtype=np.int16
)


def write_clickstream(output: Output, book: LoanBook, seed: int) -> None:
    """Write 20 signals per customer and month, by month, then application month, then customer."""
    customers = book.by_application()
    for month, date in enumerate(month_starts(book.months, "{}-{:02}-01").tolist()):
        for number, chunk in chunks(len(customers)):
            rng = np.random.default_rng([seed, 2, month, number])
            ids = book.ids[customers[chunk]]
            draws = rng.integers(0, 65_536, (len(CLICK_MEANS), len(ids)), dtype=np.uint16)
            signals = [
                integers(mean + CLICK_NOISE[draw].astype(np.int64))
                for mean, draw in zip(CLICK_MEANS, draws, strict=True)
            ]
            output.write(CLICKSTREAM, [*signals, ids, np.full(len(ids), date)])

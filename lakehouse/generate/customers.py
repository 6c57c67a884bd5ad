"""The customers: their ids, the month each applies for a loan, and who has a clickstream."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lakehouse.generate.cells import Ints, Text
from lakehouse.generate.chance import below

CLICKSTREAM_SHARE = 0.71792  # of the borrowers: those of the first 18 in 25 application months


@dataclass(frozen=True)
class LoanBook:
    """One loan per customer, in the order of the files: by Customer_ID as text."""

    ids: Text
    start: Ints  # application month, counted from the first
    path: npt.NDArray[np.uint8]  # position in PAYMENT_PATHS, known once the finances are
    months: int

    def by_application(self) -> Ints:
        """Positions of the customers with a clickstream, by application month."""
        order = np.argsort(self.start, kind="stable")
        return order[: round(CLICKSTREAM_SHARE * len(order))]


def book_loans(customers: int, months: int, seed: int) -> LoanBook:
    """The loans of this number of customers; it is not decided yet how each is paid."""
    rng = np.random.default_rng([seed, 0])
    numbers = 1_000 + 4 * np.arange(customers, dtype=np.int64) + below(rng, customers, 4)
    hexadecimal = np.array([f"CUS_0x{number:x}".encode() for number in numbers.tolist()])
    early_months = (18 * (months + 1) + 12) // 25
    early = np.argsort(rng.random(customers), kind="stable") < round(CLICKSTREAM_SHARE * customers)
    month = rng.random(customers)
    start = np.where(
        early, month * early_months, early_months + month * (months + 1 - early_months)
    ).astype(np.int64)
    return LoanBook(np.sort(hexadecimal), start, np.zeros(customers, np.uint8), months)

"""The loans: which of them default, and one row per loan and month of its life."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from lakehouse.generate.cells import Ints, Reals, Text, chunks, joined, month_starts
from lakehouse.generate.chance import weighted
from lakehouse.generate.customers import LoanBook
from lakehouse.generate.files import LOANS, Output

TENURE_MONTHS = 10
DEFAULT_SHARE = 0.288  # 30 or more days past due at mob 6
# The part of each of installments 1 to 5 that is paid; a defaulter pays nothing from the 6th on.
# The first path is the borrower who always pays. The others are defaulters, with their frequency.
PAYMENT_PATHS = {
    "11111": 0, "11000": 302, "10000": 164, "11100": 161, "10200": 110, "02000": 68,
    "11020": 56, "02100": 46, "10030": 42, "11110": 37, "00000": 32, "00300": 25,
    "10210": 21, "00040": 12, "02020": 7, "02110": 7, "00310": 5,
}  # fmt: skip


def payment_paths(rng: np.random.Generator, clean: dict[str, Reals]) -> Ints:
    """Positions in PAYMENT_PATHS; after luck is added, the riskiest DEFAULT_SHARE of loans default."""
    log_odds = _default_log_odds(clean)
    rows = len(log_odds)
    luck = rng.random(rows) + 1e-17  # never 0, which has no logarithm
    risk = log_odds + np.log(luck / (1 - luck))
    paths = weighted(rng, rows, list(PAYMENT_PATHS.values()))
    paths[np.argsort(-risk, kind="stable")[round(DEFAULT_SHARE * rows) :]] = 0
    return paths


def _default_log_odds(clean: dict[str, Reals]) -> Reals:
    """The logarithm of the odds of default, up to a constant that DEFAULT_SHARE settles."""

    def strain(name: str, none: float, full: float) -> Reals:
        part: Reals = np.clip((clean[name] - none) / (full - none), 0, 1)
        return part

    burdened = strain("debt", 1100, 1600) * strain("interest", 13, 17)
    return (
        2.3 * burdened
        + 1.6 * strain("delay_days", 12, 26) * (1 - burdened)
        + 0.7 * strain("debt", 300, 1800)
        - 0.9 * strain("debt", 2200, 3600)
        - 1.0 * strain("limit_change", 14, 20)
        + 1.6 * strain("credit_cards", 1, 6)
        + 0.5 * strain("inquiries", 4, 12)
    )


def write_loans(output: Output, book: LoanBook) -> None:
    """Write one row per loan and month of its life, sorted by month, then customer."""
    dates = month_starts(book.months + 1 + TENURE_MONTHS, "{}-{:02}-01")
    suffixes = month_starts(book.months + 1, "_{}_{:02}_01")
    ledger = _ledger_cells()
    for month, date in enumerate(dates.tolist()):
        age = month - book.start
        alive = np.flatnonzero((age >= 0) & (age <= TENURE_MONTHS))
        for _, chunk in chunks(len(alive)):
            loan = alive[chunk]
            ids, start = book.ids[loan], book.start[loan]
            cells = ledger[book.path[loan], age[loan]]
            loan_ids = joined(ids, suffixes[start])
            output.write(LOANS, [loan_ids, ids, dates[start], cells, np.full(len(loan), date)])


def _ledger_cells() -> Text:
    """`tenure` to `balance` of each payment path (rows) at installments 0 to 10 (columns)."""
    return np.array([list(_ledger_of(path)) for path in PAYMENT_PATHS])


def _ledger_of(path: str) -> Iterator[bytes]:
    total, later = 0, int(PAYMENT_PATHS[path] == 0)
    for number, paid in enumerate([0, *map(int, path), *[later] * 5]):
        total += paid
        counts = (int(number > 0), paid, number - total, TENURE_MONTHS - total)
        amounts = ",".join(f"{count * 1000.0}" for count in counts)
        yield f"{TENURE_MONTHS},{number},10000,{amounts}".encode()

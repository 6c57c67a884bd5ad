"""The whole bank: the files of all four sources, from the same customers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lakehouse.errors import BadInput
from lakehouse.generate.attributes import attribute_cells
from lakehouse.generate.cells import chunks, month_starts
from lakehouse.generate.clickstream import write_clickstream
from lakehouse.generate.customers import LoanBook, book_loans
from lakehouse.generate.files import ATTRIBUTES, FINANCIALS, Output, whole_files
from lakehouse.generate.finances import clean_finances
from lakehouse.generate.financials import financial_cells
from lakehouse.generate.inbox import Inbox, MonthlyOutput, correct, spell_files
from lakehouse.generate.loans import payment_paths, write_loans
from lakehouse.progress import Progress, silent

MAX_CUSTOMERS, MAX_MONTHS = 10_000_000, 1_200


def generate(
    out: Path,
    customers: int = 1500,
    months: int = 24,
    seed: int = 7,
    on_progress: Progress = silent,
    force: bool = False,
    inbox: Inbox | None = None,
) -> dict[str, int]:
    """Write the four raw CSV files of an invented bank into folder `out`; return the rows by file.

    `months` is the length of the clickstream from 2023-01 on; loans start in those months and the
    one after. With `inbox` the same rows come in a file per source and month. `on_progress` hears a source's
    file and its rows so far. The files get their names once all are whole. Raises BadInput for arguments that
    make no sense, where `out` has other files of the sources, and, without `force`, where a file of the same
    name is there and differs.
    """
    _check_arguments(out, customers, months, seed)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{out}: no folder can be made there ({error.strerror}); name another"
        ) from None
    book = book_loans(customers, months, seed)
    with whole_files(out, force) as staged:
        if inbox is None:
            output = Output(staged, on_progress)
            _write_bank(output, book, seed)
        else:
            output = MonthlyOutput(staged, on_progress, seed=seed, late=inbox.late)
            _write_bank(output, book, seed)
            if inbox.corrected:
                correct(output, inbox.corrected, seed)
            spell_files(output, inbox.format)
    return output.rows


def _check_arguments(out: Path, customers: int, months: int, seed: int) -> None:
    if not 1 <= customers <= MAX_CUSTOMERS:
        raise BadInput(f"customers must be 1 to {MAX_CUSTOMERS:,}, not {customers:,}")
    if not 1 <= months <= MAX_MONTHS:
        raise BadInput(f"months must be 1 to {MAX_MONTHS:,}, not {months:,}")
    if seed < 0:
        raise BadInput(f"seed must be 0 or more, not {seed}")
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file; give a folder to write the CSV files into")


def _write_bank(output: Output, book: LoanBook, seed: int) -> None:
    _write_borrowers(output, book, seed)
    write_loans(output, book)
    write_clickstream(output, book, seed)


def _write_borrowers(output: Output, book: LoanBook, seed: int) -> None:
    """Write attributes and financials, one row per customer; record in the loan book how each will pay."""
    dates = month_starts(book.months + 1, "{}-{:02}-01")
    for number, chunk in chunks(len(book.ids)):
        rng = np.random.default_rng([seed, 1, number])
        ids, applied = book.ids[chunk], dates[book.start[chunk]]
        positions = np.arange(chunk.start, chunk.stop, dtype=np.int64)
        clean = clean_finances(rng, len(ids))
        book.path[chunk] = payment_paths(rng, clean)
        output.write(ATTRIBUTES, [ids, *attribute_cells(rng, clean, positions), applied])
        output.write(FINANCIALS, [ids, *financial_cells(rng, clean, positions), applied])

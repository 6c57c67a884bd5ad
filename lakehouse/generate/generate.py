"""Synthetic raw files: names, columns, formats, dirt and shares of the bank's, the data of nobody.

A borrower belongs to one of six hidden classes, from sound to strained. The class sets the ranges
of the finances, the clean finances set the odds of default (`_default_log_odds`), dirt comes on
top. The clickstream is noise: it knows nothing about who defaults.

The same arguments give the same bytes on every machine: randomness comes out of PCG64 as uniform
numbers, and arithmetic is element by element, so that no BLAS, thread or hash order has a say.
Memory is bounded by CHUNK rows of text and some 60 bytes a customer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import NormalDist
from typing import IO, TypeVar

import numpy as np
import numpy.typing as npt

from lakehouse.errors import BadInput

Text = npt.NDArray[np.bytes_]  # NUL inside or behind a text is padding, which `_csv_rows` drops
Ints = npt.NDArray[np.int64]
Reals = npt.NDArray[np.float64]
Cells = TypeVar("Cells", Text, Reals)
Scalar = bytes | float
Progress = Callable[[str, int], None]

CLICKSTREAM, ATTRIBUTES = "feature_clickstream.csv", "features_attributes.csv"
FINANCIALS, LOANS = "features_financials.csv", "lms_loan_daily.csv"
HEADERS = {
    CLICKSTREAM: ",".join(f"fe_{i}" for i in range(1, 21)) + ",Customer_ID,snapshot_date",
    ATTRIBUTES: "Customer_ID,Name,Age,SSN,Occupation,snapshot_date",
    FINANCIALS: "Customer_ID,Annual_Income,Monthly_Inhand_Salary,Num_Bank_Accounts,Num_Credit_Card,"
    "Interest_Rate,Num_of_Loan,Type_of_Loan,Delay_from_due_date,Num_of_Delayed_Payment,"
    "Changed_Credit_Limit,Num_Credit_Inquiries,Credit_Mix,Outstanding_Debt,"
    "Credit_Utilization_Ratio,Credit_History_Age,Payment_of_Min_Amount,Total_EMI_per_month,"
    "Amount_invested_monthly,Payment_Behaviour,Monthly_Balance,snapshot_date",
    LOANS: "loan_id,Customer_ID,loan_start_date,tenure,installment_num,loan_amt,due_amt,paid_amt,"
    "overdue_amt,balance,snapshot_date",
}

CHUNK = 50_000  # rows in memory at a time; part of the seeding, so another value gives other bytes
MAX_CUSTOMERS, MAX_MONTHS = 10_000_000, 1_200
FIRST_YEAR = 2023
TENURE_MONTHS = 10
DEFAULT_SHARE = 0.288  # 30 or more days past due at mob 6
CLICKSTREAM_SHARE = 0.71792  # of the borrowers: those of the first 18 in 25 application months

# The hidden classes: share of the borrowers, credit mix, share that pays just the minimum.
CLASS_SHARES = (0.30, 0.10, 0.14, 0.125, 0.09, 0.245)
CLASS_CREDIT_MIX = np.array([2.0, 1, 1, 1, 1, 0])
CLASS_PAYS_MINIMUM = np.array([0.0, 0, 1, 1, 1, 1])
# fmt: off
# Minimum, quartiles and maximum of a quantity in each class; whole numbers are rounded down.
QUARTILES = {
    "age": ((18, 28, 37, 46, 57), (18, 28, 38, 46, 57), (15, 27, 36, 45, 57),
            (14, 22, 30, 39, 47), (14, 23, 31, 39, 47), (14, 22, 30, 37, 47)),
    "income": ((14000, 31000, 45000, 106000, 178000), (10000, 26500, 42000, 82000, 145000),
               (10000, 25000, 43000, 85000, 146000), (7500, 19000, 34000, 65000, 130000),
               (7100, 15000, 20000, 48000, 83500), (7000, 15400, 20600, 53000, 83500)),
    "bank_accounts": ((0, 1.6, 3.1, 4.6, 6), (2, 4.5, 6.2, 7.6, 9), (3, 4.5, 5.9, 7.4, 9),
                      (3, 4.4, 5.7, 7.2, 9), (3, 5.4, 7.1, 8.5, 11), (6, 7.2, 8.4, 9.6, 11)),
    "credit_cards": ((1, 3.5, 4.8, 6.1, 8), (3, 4.4, 5.5, 7, 8), (3, 4.2, 5.4, 6.7, 8),
                     (3, 4.4, 5.5, 6.7, 8), (3, 5.5, 7.1, 8.9, 11), (5, 6.6, 8, 9.5, 11)),
    "interest": ((1, 4, 6.8, 9.6, 13), (1, 7.4, 11.8, 16.1, 21), (5, 9.2, 13.7, 17.5, 21),
                 (5, 9.4, 13.8, 17.4, 21), (15, 19.7, 25.7, 30.1, 35), (15, 19.9, 24.5, 29.7, 35)),
    "loans": ((0, 1.2, 2.5, 3.7, 5), (0, 1.5, 2.9, 4.1, 5), (0, 1.1, 2.4, 3.6, 5),
              (0, 3.1, 4.5, 6.2, 8), (2, 3.4, 5.2, 6.4, 8), (2, 5.7, 7, 8.4, 10)),
    "delay_days": ((0, 4.5, 8.9, 13.6, 31), (4, 11.7, 17.3, 24.1, 34), (2, 10.9, 18.2, 25.4, 35),
                   (3, 11.5, 18.4, 25.4, 36), (5, 17, 23, 33, 62), (13, 27, 38, 50, 65)),
    "delayed_payments": ((0, 3.3, 6.7, 9.9, 16), (5, 11.4, 14.6, 17.8, 23),
                         (6, 11.4, 14.6, 18.3, 24), (5, 11.4, 14.6, 18.2, 23),
                         (6, 11.6, 14.4, 17, 22), (13, 17.6, 20.3, 23.1, 29)),
    "limit_change": ((0.5, 3.3, 6.4, 9.2, 17.3), (0.5, 3.1, 5.9, 8.9, 13.9),
                     (0.5, 8.6, 11.9, 15.7, 24.5), (2.1, 9.8, 13.8, 17.1, 24.3),
                     (1.6, 9.8, 12.9, 16.7, 24.1), (0.5, 6, 15.5, 22, 30.8)),
    "inquiries": ((0, 2.5, 4, 5.7, 10), (0, 2, 3.9, 5.8, 10), (0, 3.3, 4.9, 7.3, 13),
                  (4, 6.4, 8.1, 9.7, 14), (4, 8.9, 11.4, 12.8, 18), (6, 9.2, 11.1, 13, 18)),
    "debt": ((1, 390, 750, 1150, 1490), (1, 420, 720, 1080, 1490), (1, 350, 740, 1140, 1480),
             (30, 510, 1040, 1420, 2680), (1260, 1640, 1980, 2330, 2690),
             (1260, 2180, 2860, 3850, 4985)),
    "history_months": ((189, 242, 297, 351, 405), (189, 239, 292, 344, 405),
                       (189, 236, 291, 351, 403), (69, 111, 156, 200, 249),
                       (69, 121, 162, 203, 249), (9, 76, 119, 162, 247)),
}
# fmt: on
QUARTILES_OF_INVESTED_RATIO = (0.008, 0.0254, 0.0451, 0.0755, 0.135)
CREDIT_MIX = np.array([b"Bad", b"Standard", b"Good"])
PAYS_MINIMUM = np.array([b"No", b"Yes"])
BEHAVIOUR = np.array([
    f"{spent}_spent_{size}_value_payments".encode()
    for spent in ("Low", "High") for size in ("Small", "Medium", "Large")
])  # fmt: skip

OCCUPATIONS = np.array(
    b"Accountant Architect Developer Doctor Engineer Entrepreneur Journalist Lawyer Manager "
    b"Mechanic Media_Manager Musician Scientist Teacher Writer".split()
)
LOAN_KINDS = (
    "Auto Loan", "Credit-Builder Loan", "Debt Consolidation Loan", "Home Equity Loan",
    "Mortgage Loan", "Not Specified", "Payday Loan", "Personal Loan", "Student Loan",
)  # fmt: skip
# Entry 0 is no loan; then each kind as the first of a list, in its middle, and as its last.
LISTED_KINDS = np.array(
    [b""] + [(link + kind).encode() for link in ("", ", ", ", and ") for kind in LOAN_KINDS]
)
ONSETS = ("Bra", "Cel", "Dov", "Fen", "Gri", "Hal", "Jor", "Kev", "Lun", "Mor", "Nel", "Pri", "Quo",
          "Ras", "Sil", "Tov", "Ul", "Vex", "Wim", "Zan")  # fmt: skip
CODAS = ("adel", "bek", "dunn", "ferro", "gath", "ilsk", "kamp", "lorin", "mund", "neth", "oski",
         "pelt", "quin", "rath", "strom")  # fmt: skip
GIVEN_NAMES = np.array([f"{onset}{end} ".encode() for onset in ONSETS for end in ("ia", "o", "en")])
SURNAMES = np.array([f"{onset}{coda}".encode() for onset in ONSETS for coda in CODAS])
NAME_MARKS = np.array([b"", b".", b"-", b'""', b", "])  # the last two need quotes around the name
LETTERS = np.array([bytes([code]) for code in range(ord("a"), ord("z") + 1)])
LOWEST_INTEGER = -500
INTEGERS = np.array([str(i).encode() for i in range(LOWEST_INTEGER, 10_000)])
HISTORY_AGES = np.array([f"{m // 12} Years and {m % 12} Months".encode() for m in range(420)])
NO_BALANCE = b"__-333333333333333333333333333__"

CLICK_MEANS = (101, 103, 105, 106, 107, 103, 107, 110, 114, 117) + (100,) * 10
CLICK_NOISE = np.array(  # the normal distribution with sd 100, as 65,536 equally likely integers
    [round(NormalDist(0, 100).inv_cdf((i + 0.5) / 65_536)) for i in range(65_536)], dtype=np.int16
)

# What is paid of installments 1 to 5, in installments; a defaulter pays nothing from the 6th on.
# The first is the borrower who always pays, the others are defaulters, with their frequency.
PAYMENT_PATHS = {
    "11111": 0, "11000": 302, "10000": 164, "11100": 161, "10200": 110, "02000": 68,
    "11020": 56, "02100": 46, "10030": 42, "11110": 37, "00000": 32, "00300": 25,
    "10210": 21, "00040": 12, "02020": 7, "02110": 7, "00310": 5,
}  # fmt: skip


def generate(
    out: Path,
    customers: int = 1500,
    months: int = 24,
    seed: int = 7,
    on_progress: Progress | None = None,
) -> dict[str, int]:
    """Writes the four raw CSV files of a made-up bank into folder `out`; returns rows by file.

    `months` is the length of the clickstream from 2023-01 on; loans start in those months and the
    one after. `on_progress` hears a file's name and its rows so far. Files of the same names are
    replaced, once all four are whole. Raises BadInput for arguments that make no sense.
    """
    _check_arguments(out, customers, months, seed)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"{out}: no folder can be made there ({error.strerror}); name another"
        ) from None
    book = _book_loans(customers, months, seed)
    with _whole_files(out) as files:
        output = _Output(files, on_progress)
        _write_borrowers(output, book, seed)
        _write_loans(output, book)
        _write_clickstream(output, book, seed)
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


# ---------------------------------------------------------------- files and text


@contextmanager
def _whole_files(out: Path) -> Iterator[dict[str, IO[bytes]]]:
    """The four files open under temporary names, which take their own names if all went well."""
    parts = {name: out / f".{name}.part" for name in HEADERS}
    try:
        with ExitStack() as stack:
            yield {name: stack.enter_context(part.open("wb")) for name, part in parts.items()}
        for name, part in parts.items():
            part.replace(out / name)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


@dataclass
class _Output:
    files: dict[str, IO[bytes]]
    on_progress: Progress | None
    rows: dict[str, int] = field(default_factory=dict)

    def write(self, name: str, columns: Sequence[Text]) -> None:
        """Appends rows, given as columns of text; the first time under the file's header."""
        if name not in self.rows:
            self.files[name].write(HEADERS[name].encode() + b"\n")
        self.files[name].write(_csv_rows(columns))
        self.rows[name] = self.rows.get(name, 0) + len(columns[0])
        if self.on_progress:
            self.on_progress(name, self.rows[name])


def _csv_rows(columns: Sequence[Text]) -> bytes:
    ends = [b","] * (len(columns) - 1) + [b"\n"]
    pieces = [piece for pair in zip(columns, ends, strict=True) for piece in pair]
    return _joined(*pieces).tobytes().translate(None, b"\0")


def _joined(*pieces: Text | bytes) -> Text:
    """Text columns and constants side by side as one text column; padding stays within."""
    rows = next(len(piece) for piece in pieces if isinstance(piece, np.ndarray))
    texts = [p if isinstance(p, np.ndarray) else np.full(rows, p) for p in pieces]
    block = np.concatenate([text.view(np.uint8).reshape(rows, -1) for text in texts], axis=1)
    return block.view(f"S{block.shape[1]}").ravel()


def _entries(table: Text, positions: Reals | Ints) -> Text:
    return table[positions.astype(np.int64)]


def _integers(values: Reals | Ints) -> Text:
    return _entries(INTEGERS, values - LOWEST_INTEGER)


def _decimals(values: Reals) -> Text:
    return np.array(list(map(repr, values.tolist())), dtype=np.bytes_)


def _month_starts(months: int, pattern: str) -> Text:
    dates = ((FIRST_YEAR + m // 12, m % 12 + 1) for m in range(months))
    return np.array([pattern.format(year, month).encode() for year, month in dates])


def _chunks(rows: int) -> Iterator[tuple[int, slice]]:
    for number, start in enumerate(range(0, rows, CHUNK)):
        yield number, slice(start, min(start + CHUNK, rows))


# ---------------------------------------------------------------- chance


def _below(rng: np.random.Generator, rows: int, limit: int) -> Ints:
    return (rng.random(rows) * limit).astype(np.int64)


def _weighted(rng: np.random.Generator, rows: int, weights: Sequence[float]) -> Ints:
    """Positions in `weights`, each as often as its weight says."""
    bounds = np.cumsum(weights)
    place = rng.random(rows) * bounds[-1]
    positions: Ints = np.searchsorted(bounds[:-1], place, side="right").astype(np.int64)
    return positions


def _between_quartiles(rng: np.random.Generator, quartiles: Reals) -> Reals:
    """A draw for each row of (minimum, three quartiles, maximum), even between neighbours."""
    place = rng.random(len(quartiles)) * 4
    quarter = place.astype(np.int64)
    row = np.arange(len(quartiles))
    low, high = quartiles[row, quarter], quartiles[row, quarter + 1]
    drawn: Reals = low + (high - low) * (place - quarter)
    return drawn


def _replaced(rng: np.random.Generator, cells: Cells, share: float, by: Cells | Scalar) -> Cells:
    """The cells with a share of them replaced: this is how dirt comes on top of clean values."""
    return np.where(rng.random(len(cells)) < share, by, cells)


def _impossible(
    rng: np.random.Generator, values: Reals, share: float, low: int, high: int
) -> Reals:
    """A share of the values replaced by whole numbers from `low` to below `high`."""
    return _replaced(rng, values, share, low + np.floor(rng.random(len(values)) * (high - low)))


def _underscored(rng: np.random.Generator, text: Text, share: float) -> Text:
    return _joined(text, _replaced(rng, np.full(len(text), b""), share, b"_"))


# ---------------------------------------------------------------- borrowers


@dataclass(frozen=True)
class _LoanBook:
    """One loan a customer, in the order of the files: by Customer_ID as text."""

    ids: Text
    start: Ints  # application month, counted from the first
    path: npt.NDArray[np.uint8]  # position in PAYMENT_PATHS, known once the finances are
    months: int

    def by_application(self) -> Ints:
        """Positions of the customers with a clickstream, by application month."""
        order = np.argsort(self.start, kind="stable")
        return order[: round(CLICKSTREAM_SHARE * len(order))]


def _book_loans(customers: int, months: int, seed: int) -> _LoanBook:
    rng = np.random.default_rng([seed, 0])
    numbers = 1_000 + 4 * np.arange(customers, dtype=np.int64) + _below(rng, customers, 4)
    hexadecimal = np.array([f"CUS_0x{number:x}".encode() for number in numbers.tolist()])
    early_months = (18 * (months + 1) + 12) // 25
    early = np.argsort(rng.random(customers), kind="stable") < round(CLICKSTREAM_SHARE * customers)
    month = rng.random(customers)
    start = np.where(
        early, month * early_months, early_months + month * (months + 1 - early_months)
    ).astype(np.int64)
    return _LoanBook(np.sort(hexadecimal), start, np.zeros(customers, np.uint8), months)


def _write_borrowers(output: _Output, book: _LoanBook, seed: int) -> None:
    """Attributes and financials, one row a customer; notes how each will pay in the loan book."""
    dates = _month_starts(book.months + 1, "{}-{:02}-01")
    for number, chunk in _chunks(len(book.ids)):
        rng = np.random.default_rng([seed, 1, number])
        ids, applied = book.ids[chunk], dates[book.start[chunk]]
        positions = np.arange(chunk.start, chunk.stop, dtype=np.int64)
        clean = _clean_finances(rng, len(ids))
        book.path[chunk] = _payment_paths(rng, clean)
        output.write(ATTRIBUTES, [ids, *_attribute_cells(rng, clean, positions), applied])
        output.write(FINANCIALS, [ids, *_financial_cells(rng, clean, positions), applied])


def _clean_finances(rng: np.random.Generator, rows: int) -> dict[str, Reals]:
    """The true finances: amounts in currency units a month, income a year."""
    group = _weighted(rng, rows, CLASS_SHARES)
    clean = {
        name: _between_quartiles(rng, np.array(classes, dtype=np.float64)[group])
        for name, classes in QUARTILES.items()
    }
    for name, values in clean.items():
        cents = name in {"income", "limit_change", "debt"}
        clean[name] = np.rint(values * 100) / 100 if cents else np.floor(values)
    salary = clean["income"] / 12 + (_below(rng, rows, 601) - 300)
    spread = rng.random(rows) + rng.random(rows) - 1
    clean["utilization"] = 24.2 + 16.7 * rng.random(rows) + 4.6 * spread
    clean["emi"] = clean["loans"] * salary * (0.0044 + 0.0062 * rng.random(rows))
    invested_ratio = np.tile(np.array(QUARTILES_OF_INVESTED_RATIO), (rows, 1))
    thrift = 1.3 - 0.8 * np.minimum(salary / 10_000, 1)  # who earns more invests a smaller part
    clean["invested"] = salary * thrift * _between_quartiles(rng, invested_ratio)
    clean["behaviour"] = _behaviour(rng, salary)
    disposable = 290 - 10 * clean["behaviour"] + salary / 10
    clean["balance"] = np.abs(disposable - clean["emi"] - clean["invested"])
    clean["credit_mix"] = CLASS_CREDIT_MIX[group]
    clean["pays_minimum"] = CLASS_PAYS_MINIMUM[group]
    return clean | {"salary": salary}


def _behaviour(rng: np.random.Generator, salary: Reals) -> Reals:
    """Positions in BEHAVIOUR: who earns more spends more, who spends more pays larger sums."""
    high = rng.random(len(salary)) < 0.25 + 0.55 * np.minimum(salary / 10_000, 1)
    place = rng.random(len(salary))
    medium = place >= np.where(high, 0.26, 0.50)
    large = place >= np.where(high, 0.68, 0.78)
    return (3 * high + medium + large).astype(np.float64)


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


def _payment_paths(rng: np.random.Generator, clean: dict[str, Reals]) -> Ints:
    """Positions in PAYMENT_PATHS; the riskiest DEFAULT_SHARE default, once luck is added."""
    log_odds = _default_log_odds(clean)
    rows = len(log_odds)
    luck = rng.random(rows) + 1e-17  # never 0, which has no logarithm
    risk = log_odds + np.log(luck / (1 - luck))
    paths = _weighted(rng, rows, list(PAYMENT_PATHS.values()))
    paths[np.argsort(-risk, kind="stable")[round(DEFAULT_SHARE * rows) :]] = 0
    return paths


# ---------------------------------------------------------------- cells and their dirt


def _attribute_cells(
    rng: np.random.Generator, clean: dict[str, Reals], positions: Ints
) -> list[Text]:
    rows = len(positions)
    age = _replaced(rng, _impossible(rng, clean["age"], 0.0145, 100, 8_679), 0.008, -500.0)
    return [
        _names(rng, rows),
        _underscored(rng, _integers(age), 0.05),
        _replaced(rng, _social_security_numbers(positions), 0.06, b"#F%$D@*&8"),
        _replaced(rng, OCCUPATIONS[_below(rng, rows, len(OCCUPATIONS))], 0.07, b"_______"),
    ]


def _names(rng: np.random.Generator, rows: int) -> Text:
    """Names no one has, each with a stray letter at its end, some with punctuation before it."""
    given = GIVEN_NAMES[_below(rng, rows, len(GIVEN_NAMES))]
    mark = _weighted(rng, rows, (0.96, 0.014, 0.016, 0.009, 0.001))
    quote = np.where(mark >= 3, b'"', b"")
    return _joined(
        quote,
        _replaced(rng, given, 0.6, b""),
        SURNAMES[_below(rng, rows, len(SURNAMES))],
        NAME_MARKS[mark],
        LETTERS[_below(rng, rows, len(LETTERS))],
        quote,
    )


def _social_security_numbers(positions: Ints) -> Text:
    """All different, and no one's: areas 900 to 999 with groups below 50 were never issued."""
    numbers = (positions * 31_622_777 + 17_320_508) % 50_000_000
    area, group, serial = numbers // 500_000, numbers // 10_000 % 50, numbers % 10_000
    digits = zip((900 + area, group, serial), (3, 2, 4), strict=True)
    area_text, *texts = (np.char.zfill(_integers(part), width) for part, width in digits)
    return _joined(area_text, b"-", texts[0], b"-", texts[1])


def _financial_cells(
    rng: np.random.Generator, clean: dict[str, Reals], positions: Ints
) -> list[Text]:
    rows = len(positions)
    income = _impossible(rng, clean["income"], 0.009, 300_000, 23_835_000)
    accounts = _impossible(rng, clean["bank_accounts"], 0.0133, 11, 1_757)
    cards = _impossible(rng, clean["credit_cards"], 0.0258, 20, 1_500)
    interest = _impossible(rng, clean["interest"], 0.0218, 50, 5_790)
    loans = _impossible(rng, _replaced(rng, clean["loans"], 0.039, -100.0), 0.0037, 50, 1_496)
    late_days = _impossible(rng, clean["delay_days"], 0.0067, -5, 0)
    late_payments = _impossible(rng, clean["delayed_payments"], 0.0067, -3, 0)
    late_payments = _impossible(rng, late_payments, 0.0099, 80, 4_294)
    cut = clean["limit_change"] - 7  # in floats: 10.37 becomes 3.369999999999999, 6.1 negative
    limit_change = _replaced(rng, clean["limit_change"], 0.05, cut)
    inquiries = _impossible(rng, clean["inquiries"], 0.02, 50, 2_555)
    elsewhere = clean["salary"] * rng.random(rows) * 0.19  # some pay off debts not known here
    emi = _impossible(rng, _replaced(rng, clean["emi"], 0.06, elsewhere), 0.0354, 1_200, 81_972)
    return [
        _underscored(rng, _decimals(income), 0.07),
        _decimals(clean["salary"]),
        _integers(_replaced(rng, accounts, 0.0003, -1.0)),
        _integers(cards),
        _integers(interest),
        _underscored(rng, _integers(loans), 0.05),
        _loan_list(rng, clean["loans"]),
        _integers(late_days),
        _underscored(rng, _integers(late_payments), 0.03),
        _replaced(rng, _decimals(limit_change), 0.023, b"_"),
        _joined(_integers(inquiries), b".0"),
        _replaced(rng, _entries(CREDIT_MIX, clean["credit_mix"]), 0.21, b"_"),
        _underscored(rng, _decimals(clean["debt"]), 0.01),
        _decimals(clean["utilization"]),
        _entries(HISTORY_AGES, clean["history_months"]),
        _replaced(rng, _entries(PAYS_MINIMUM, clean["pays_minimum"]), 0.12, b"NM"),
        _decimals(emi),
        _replaced(rng, _decimals(clean["invested"]), 0.042, b"__10000__"),
        _replaced(rng, _entries(BEHAVIOUR, clean["behaviour"]), 0.08, b"!@9#%8"),
        # one balance in 12,500 is lost, at a fixed place so that a small set has it too
        np.where(positions % 12_500 == 777, NO_BALANCE, _decimals(clean["balance"])),
    ]


def _loan_list(rng: np.random.Generator, loans: Reals) -> Text:
    """As many kinds of loan as there are loans: `Auto Loan, Payday Loan, and Auto Loan`."""
    quote = np.where(loans > 1, b'"', b"")
    listed: list[Text | bytes] = [quote]
    for place in range(9):
        link = np.where(place == loans - 1, 2, 1) if place else 0
        kind = 1 + link * len(LOAN_KINDS) + _below(rng, len(loans), len(LOAN_KINDS))
        listed.append(LISTED_KINDS[np.where(place < loans, kind, 0)])
    return _joined(*listed, quote)


# ---------------------------------------------------------------- loans and clicks


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


def _write_loans(output: _Output, book: _LoanBook) -> None:
    """A row a loan and month of its life, by month, then customer."""
    dates = _month_starts(book.months + 1 + TENURE_MONTHS, "{}-{:02}-01")
    suffixes = _month_starts(book.months + 1, "_{}_{:02}_01")
    ledger = _ledger_cells()
    for month, date in enumerate(dates.tolist()):
        age = month - book.start
        alive = np.flatnonzero((age >= 0) & (age <= TENURE_MONTHS))
        for _, chunk in _chunks(len(alive)):
            loan = alive[chunk]
            ids, start = book.ids[loan], book.start[loan]
            cells = ledger[book.path[loan], age[loan]]
            loan_ids = _joined(ids, suffixes[start])
            output.write(LOANS, [loan_ids, ids, dates[start], cells, np.full(len(loan), date)])


def _write_clickstream(output: _Output, book: _LoanBook, seed: int) -> None:
    """20 signals a customer and month, by month, then application month, then customer."""
    customers = book.by_application()
    for month, date in enumerate(_month_starts(book.months, "{}-{:02}-01").tolist()):
        for number, chunk in _chunks(len(customers)):
            rng = np.random.default_rng([seed, 2, month, number])
            ids = book.ids[customers[chunk]]
            draws = rng.integers(0, 65_536, (len(CLICK_MEANS), len(ids)), dtype=np.uint16)
            signals = [
                _integers(mean + CLICK_NOISE[draw].astype(np.int64))
                for mean, draw in zip(CLICK_MEANS, draws, strict=True)
            ]
            output.write(CLICKSTREAM, [*signals, ids, np.full(len(ids), date)])

"""Writes the bank's raw files, in the form of the public PKDD'99 set; the same seed gives the same bytes.

    python examples/czech/generate.py --out czech_data --size small

Every number is invented. Files have `;` between cells and quotes around texts, days are YYMMDD, words are
Czech, and a birth number has 50 added to its month for a woman.
"""

from __future__ import annotations

import argparse
import calendar
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from random import Random

# Accounts of each size: about 5,000, 55,000 and 1.5 million transactions.
SIZES = {"small": 55, "medium": 600, "large": 16_500}
FIRST_DAY, LAST_GRANTED, LAST_DAY = date(1993, 1, 1), date(1995, 12, 31), date(1996, 12, 31)
DURATIONS_MONTHS = (12, 12, 12, 12, 24, 24, 36)
FREQUENCIES = ("POPLATEK MESICNE",) * 8 + ("POPLATEK TYDNE", "POPLATEK PO OBRATU")
BANKS = ("AB", "CD", "EF", "GH", "IJ", "KL", "MN", "OP", "QR", "ST", "UV", "WX", "YZ")
DISTRICTS = (
    ("Hl.m. Praha", "Prague"), ("Benesov", "central Bohemia"), ("Beroun", "central Bohemia"),
    ("Kladno", "central Bohemia"), ("Ceske Budejovice", "south Bohemia"), ("Tabor", "south Bohemia"),
    ("Cheb", "west Bohemia"), ("Plzen - mesto", "west Bohemia"), ("Decin", "north Bohemia"),
    ("Liberec", "north Bohemia"), ("Hradec Kralove", "east Bohemia"), ("Pardubice", "east Bohemia"),
    ("Brno - mesto", "south Moravia"), ("Zlin", "south Moravia"), ("Jesenik", "north Moravia"),
    ("Olomouc", "north Moravia"), ("Ostrava - mesto", "north Moravia"),
)  # fmt: skip
HEADERS = {
    "account": ("account_id", "district_id", "frequency", "date"),
    "client": ("client_id", "birth_number", "district_id"),
    "disp": ("disp_id", "client_id", "account_id", "type"),
    "trans": (
        "trans_id", "account_id", "date", "type", "operation", "amount", "balance", "k_symbol", "bank",
        "account",
    ),
    "loan": ("loan_id", "account_id", "date", "amount", "duration", "payments", "status"),
    "order": ("order_id", "account_id", "bank_to", "account_to", "amount", "k_symbol"),
    "card": ("card_id", "disp_id", "type", "issued"),
    "district": tuple(f"A{n}" for n in range(1, 17)),
}  # fmt: skip
# The cell with the day of a row, by which files are parted into months; the others come whole.
DAYS = {"account": 3, "trans": 2, "loan": 2}
Cell = int | float | str
Row = list[Cell]


@dataclass
class Person:
    """How the owner of an account earns and spends; `care` from 0 to 1 goes with paying a loan back."""

    care: float
    salary_hal: int
    payday: int
    is_retired: bool


@dataclass
class Account:
    """An account on its way through time, amounts in hundredths of a crown."""

    number: int
    opened: date
    balance_hal: int = 0
    bookings: list[tuple[date, Row]] = field(default_factory=list)

    def book(
        self, day: date, sign: int, hal: int, operation: str, symbol: str = "", to: str = ""
    ) -> None:
        """Add a transaction; `to` is the other bank."""
        self.balance_hal += sign * hal
        # As in the public set, some withdrawals have their operation as their type.
        kind = "PRIJEM" if sign > 0 else "VYBER" if hal % 97 == 0 else "VYDAJ"
        other: Cell = 10_000_000 + hal * 7919 % 89_999_999 if to else ""
        row: Row = [0, self.number, _short(day), kind, operation, hal / 100, self.balance_hal / 100]
        self.bookings.append((day, [*row, symbol, to, other]))


@dataclass
class Loan:
    """A loan of an account; `fails_after` are the installments that are paid before it fails."""

    day: date
    amount: int
    months: int
    fails_after: int | None

    @property
    def installment_hal(self) -> int:
        return self.amount * 100 // self.months

    def ended(self) -> date:
        """The day of the last installment."""
        return _months_later(self.day, self.months)

    def status(self) -> str:
        """A letter as of the last day of all: A and B for loans that are over, C and D for running ones."""
        paid = min(self.months, _months_between(self.day, LAST_DAY))
        fails = self.fails_after is not None and self.fails_after < paid
        return ("AB" if self.ended() <= LAST_DAY else "CD")[fails]


def write(folder: Path, accounts: int, seed: int = 1999, by_month: bool = False) -> Path:
    """Write all files of a bank with so many accounts; `by_month` parts those whose rows have a day."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in _rows(accounts, seed).items():
        parts: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            parts[f"_{str(row[DAYS[name]])[:4]}" if by_month and name in DAYS else ""].append(row)
        for part, own in parts.items():
            lines = [";".join(f'"{each}"' for each in HEADERS[name]), *map(_line, own)]
            if name == "district":
                lines[0] = lines[0].replace('"', "")
            text = "\n".join(lines) + "\n"
            (folder / f"{name}{part}.asc").write_text(text, encoding="ascii", newline="\n")
    return folder


def _rows(accounts: int, seed: int) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {name: [] for name in HEADERS}
    tables["district"] = [*_districts(Random(f"districts {seed}"))]
    bookings: list[tuple[date, Row]] = []
    clients = disps = 0
    for number in range(1, accounts + 1):
        # One account after the other, so that a larger bank has the accounts of a smaller one.
        chance = Random(f"account {number} of {seed}")
        account, loan, person = _lived(chance, number)
        district = chance.randint(1, len(DISTRICTS))
        frequency = chance.choice(FREQUENCIES)
        tables["account"].append([number, district, frequency, _short(account.opened)])
        for role in ("OWNER", *(["DISPONENT"] if chance.random() < 0.2 else [])):
            clients, disps = clients + chance.choice((1, 1, 2)), disps + 1
            own = district if chance.random() < 0.9 else chance.randint(1, len(DISTRICTS))
            born = _birth_number(chance, person.is_retired)
            tables["client"].append([clients, born, own])
            tables["disp"].append([disps, clients, number, role])
            if role == "OWNER" and chance.random() < 0.2:
                issued = account.opened + timedelta(chance.randint(60, 700))
                if issued <= LAST_DAY:
                    kind = chance.choice(("classic", "classic", "junior", "gold"))
                    when = f"{_short(issued)} 00:00:00"
                    tables["card"].append([len(tables["card"]) + 1, disps, kind, when])
        order = [
            1 + len(tables["order"]),
            number,
            chance.choice(BANKS),
            chance.randint(10**7, 10**8),
        ]
        tables["order"].append([*order, chance.randint(8000, 60000) / 10, "SIPO"])
        if loan:
            money: Row = [loan.amount, loan.months, loan.installment_hal / 100, loan.status()]
            tables["loan"].append([5000 + len(tables["loan"]), number, _short(loan.day), *money])
        bookings += account.bookings
    bookings.sort(key=lambda each: each[0])
    for number, (_, row) in enumerate(bookings, 1):
        row[0] = number
        tables["trans"].append(row)
    return tables


def _lived(chance: Random, number: int) -> tuple[Account, Loan | None, Person]:
    """An account with all its transactions, and with its loan if it has one."""
    care = chance.random()
    person = Person(
        care=care,
        salary_hal=round(chance.triangular(6_000, 30_000, 9_000)) * 100,
        payday=chance.randint(4, 16),
        is_retired=chance.random() < 0.15,
    )
    granted = LAST_GRANTED - timedelta(chance.randint(0, 820))
    opened = max(granted - timedelta(chance.randint(90, 400)), FIRST_DAY)
    loan = _loan(chance, person, granted) if chance.random() < 0.9 else None
    account = Account(number, opened)
    account.book(opened, 1, chance.randint(2, 9) * 10_000, "VKLAD")
    end = min(LAST_DAY, loan.day + timedelta(420)) if loan else opened + timedelta(300)
    for month in _months(_months_later(opened, 1), min(end, LAST_DAY)):
        _live_a_month(chance, account, person, loan, month)
    account.bookings.sort(key=lambda each: each[0])
    _set_balances(account)
    return account, loan, person


def _loan(chance: Random, person: Person, day: date) -> Loan:
    months = chance.choice(DURATIONS_MONTHS)
    amount = chance.randint(10, 120) * 100 * months
    fails = chance.random() < 0.05 + 0.7 * (1 - person.care) ** 2
    return Loan(day, amount, months, chance.randint(2, months - 1) if fails else None)


def _live_a_month(
    chance: Random, account: Account, person: Person, loan: Loan | None, month: date
) -> None:
    """Book what happens in a month: income, rent, cash, installment, fee and interest."""

    def on(day: int) -> date:
        last = calendar.monthrange(month.year, month.month)[1]
        return month.replace(day=min(day, last))

    is_paid = chance.random() < 0.7 + 0.3 * person.care
    if person.is_retired:
        account.book(on(20), 1, person.salary_hal // 2, "PREVOD Z UCTU", "DUCHOD", "ST")
    elif is_paid:
        late = 0 if chance.random() < person.care else chance.randint(0, 9)
        varied = round(person.salary_hal * (1 + (1 - person.care) * chance.uniform(-0.3, 0.3)))
        account.book(on(person.payday + late), 1, varied, "PREVOD Z UCTU", "", "YZ")
    if chance.random() < 0.5:
        account.book(on(8), -1, chance.randint(8_000, 60_000) * 10, "PREVOD NA UCET", "SIPO", "QR")
    spent = person.salary_hal * (0.35 + 0.5 * (1 - person.care) * chance.random())
    account.book(on(chance.randint(10, 27)), -1, round(spent), "VYBER")
    if chance.random() < 0.25 + 0.2 * (1 - person.care):
        account.book(on(chance.randint(1, 28)), 1, chance.randint(5, 60) * 10_000, "VKLAD")
    if loan and loan.day < on(12) <= loan.ended():
        installments = _months_between(loan.day, on(12))
        if loan.fails_after is None or installments <= loan.fails_after:
            account.book(on(12), -1, loan.installment_hal, "PREVOD NA UCET", "UVER", "AB")
    if month.month % 3 == 0:
        account.book(on(31), -1, 1460, "VYBER", "SLUZBY")
        account.book(on(31), 1, chance.randint(500, 20_000), "", "UROK")
    if account.balance_hal < 0:
        account.book(on(31), -1, chance.randint(10, 900) * 10, "", "SANKC. UROK")


def _set_balances(account: Account) -> None:
    """Write the balances again, in order of the days."""
    balance = 0
    for _, row in account.bookings:
        hal = round(float(row[5]) * 100)
        balance += hal if row[3] == "PRIJEM" else -hal
        row[6] = balance / 100


def _districts(chance: Random) -> Iterator[Row]:
    for number, (name, region) in enumerate(DISTRICTS, 1):
        inhabitants, rate = chance.randint(40, 400) * 1000, chance.uniform(0.3, 7)
        villages: Row = [chance.randint(0, 90), chance.randint(0, 40), chance.randint(0, 9)]
        towns: Row = [
            chance.randint(1, 4),
            chance.randint(1, 11),
            round(chance.uniform(35, 100), 1),
        ]
        crimes = chance.randint(900, 9000)
        # One district was made in 1996, so nothing is known of it in 1995.
        is_new = name == "Jesenik"
        of_1995: Row = ["?", "?"] if is_new else [round(rate, 2), crimes]
        yield [
            number, name, region, inhabitants, *villages, *towns, chance.randint(8000, 12_500),
            of_1995[0], round(rate * chance.uniform(1, 1.4), 2), chance.randint(80, 170),
            of_1995[1], round(crimes * chance.uniform(0.9, 1.2)),
        ]  # fmt: skip


def _birth_number(chance: Random, is_retired: bool) -> str:
    year = chance.randint(1914, 1935) if is_retired else chance.randint(1936, 1974)
    day = date(year, 1, 1) + timedelta(chance.randint(0, 364))
    month = day.month + (50 if chance.random() < 0.5 else 0)
    return f"{day:%y}{month:02}{day:%d}"


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = _months_later(month, 1)


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    last = calendar.monthrange(day.year + years, month + 1)[1]
    return date(day.year + years, month + 1, min(day.day, last))


def _months_between(first: date, last: date) -> int:
    """The number of whole months."""
    months = (last.year - first.year) * 12 + last.month - first.month
    return months - (last.day < first.day)


class Day(str):
    """A day as it stands in a file, without quotes."""


def _short(day: date) -> Day:
    return Day(f"{day:%y%m%d}")


def _line(row: Sequence[Cell]) -> str:
    return ";".join(map(_cell, row))


def _cell(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}"
    return f'"{cell}"' if isinstance(cell, str) and not isinstance(cell, Day) else str(cell)


def main() -> None:
    """Write the files that the arguments ask for."""
    parser = argparse.ArgumentParser(description="Writes the raw files of the Czech bank.")
    parser.add_argument("--out", type=Path, default=Path("czech_data"))
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--seed", type=int, default=1999)
    parser.add_argument(
        "--by-month", action="store_true", help="a file per month of rows with a day"
    )
    asked = parser.parse_args()
    write(asked.out, SIZES[asked.size], asked.seed, asked.by_month)
    print(f"The files of a bank with {SIZES[asked.size]:,} accounts are in {asked.out}.")


if __name__ == "__main__":
    main()

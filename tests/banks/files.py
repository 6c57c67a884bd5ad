"""The raw files of the corner bank: customers, and a credit of each, over eight months of application."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent / "corner"
MONTHS, PER_MONTH, INSTALLMENTS = 8, 20, 4


def write(folder: Path, months: int = MONTHS) -> Path:
    """Write people.csv and credits.csv; the credits are of applications of the first `months`."""
    folder.mkdir(parents=True, exist_ok=True)
    people = ["cust_no;full_name;turnover;branch;seen_on"]
    credits = ["credit_no;cust_no;opened_on;installment_no;days_late;rest;seen_on"]
    for person, loan in _customers(months):
        people.append(person)
        credits += loan
    (folder / "people.csv").write_text("\n".join(people) + "\n", encoding="utf-8")
    (folder / "credits.csv").write_text("\n".join(credits) + "\n", encoding="utf-8")
    return folder


def _customers(months: int) -> Iterator[tuple[str, list[str]]]:
    chance = random.Random(5)
    for number in range(months * PER_MONTH):
        month, cust_no = number // PER_MONTH, 70_000 + number
        turnover, branch = chance.randint(100, 900), chance.choice(["east", "west"])
        late = 30 if chance.random() < 0.1 + 0.7 * (turnover < 400) else 0
        opened = _day(month)
        yield (
            f"{cust_no};Ann {number};{turnover};{branch};{opened}",
            [
                f"K{number};{cust_no};{opened};{due};{late * (due > 2)};{900 - 200 * due};{_day(month + due)}"
                for due in range(INSTALLMENTS + 1)
            ],
        )


def _day(month: int) -> str:
    return f"{2024 + month // 12}-{month % 12 + 1:02}-01"


def copied(to: Path) -> Path:
    """A copy of the bank under another name, which a test may change; a process loads each name once."""
    for file in FOLDER.rglob("*.py"):
        text = file.read_text(encoding="utf-8").replace("from corner", f"from {to.name}")
        (to / file.relative_to(FOLDER)).parent.mkdir(parents=True, exist_ok=True)
        (to / file.relative_to(FOLDER)).write_text(text, encoding="utf-8")
    return to

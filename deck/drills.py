"""Raw files changed on purpose, always the same way: a late correction, damaged rows, a ruined file."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

CLICKSTREAM, LOANS = "feature_clickstream.csv", "lms_loan_daily.csv"
CORRECTED_MONTH = "2024-03"
EVERY = 20  # one in twenty rows of the month is corrected
PLANTED = 50  # rows of each kind of damage
RUINED_SHARE = 0.3  # above the 20 % that a run accepts

Row = list[str]
Damage = Callable[[Row], list[Row]]


def copied(data: Path, into: Path) -> Path:
    """The raw files in a folder of their own."""
    into.mkdir(parents=True)
    for file in data.glob("*.csv"):
        shutil.copy(file, into)
    return into


def correct(data: Path) -> int:
    """Raise the first signal of every twentieth click row of one month; how many rows."""
    header, rows = _read(data / CLICKSTREAM)
    signal, day = header.index("fe_1"), header.index("snapshot_date")
    late = [row for row in rows if row[day].startswith(CORRECTED_MONTH)][::EVERY]
    for row in late:
        row[signal] = str(int(row[signal]) + 100)
    _write(data / CLICKSTREAM, header, rows)
    return len(late)


def damage(data: Path) -> dict[str, int]:
    """Damage rows of the loan file in ways that deliveries are damaged; rows a kind."""
    header, rows = _read(data / LOANS)
    kinds = _kinds(header)
    step = len(rows) // (len(kinds) * PLANTED)
    chosen = iter(range(0, len(rows), step))
    fates = {next(chosen): kind for _ in range(PLANTED) for kind in kinds}
    _write(data / LOANS, header, _damaged(rows, fates, kinds))
    return dict.fromkeys(kinds, PLANTED)


def ruin(data: Path) -> float:
    """Cut so many rows of the loan file short that a run must refuse it; their share."""
    header, rows = _read(data / LOANS)
    cut = int(len(rows) * RUINED_SHARE)
    _write(data / LOANS, header, [row[:3] for row in rows[:cut]] + rows[cut:])
    return cut / len(rows)


def _kinds(header: Sequence[str]) -> dict[str, Damage]:
    at = {name: header.index(name) for name in ("snapshot_date", "due_amt", "paid_amt")}

    def with_cell(name: str, text: str) -> Damage:
        return lambda row: [[*row[: at[name]], text, *row[at[name] + 1 :]]]

    return {
        "row cut short": lambda row: [row[:3]],
        "day that is none": with_cell("snapshot_date", "2024-02-31"),
        "amount that is none": with_cell("due_amt", "n/a"),
        "two rows that contradict": lambda row: [row, *with_cell("paid_amt", "77.0")(row)],
        "the same row twice": lambda row: [row, row],
    }


def _damaged(rows: list[Row], fates: dict[int, str], kinds: dict[str, Damage]) -> Iterator[Row]:
    for number, row in enumerate(rows):
        yield from kinds[fates[number]](row) if number in fates else [row]


def _read(file: Path) -> tuple[Row, list[Row]]:
    with file.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines)
    return header, rows


def _write(file: Path, header: Row, rows: Sequence[Row] | Iterator[Row]) -> None:
    with file.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, lineterminator="\n").writerows([header, *rows])

"""The meaning of deliveries in plain Python: what tables and counts any sequence of files leads to."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

Key = tuple[str, str]  # customer and day
DELETED = None  # what a tombstone says of a key
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
_DATE_IN_NAME = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")


@dataclass(frozen=True)
class Candidate:
    """The amount that a file gives for a key, as text; None deletes it. `taken_in` is the run."""

    amount: str | None
    taken_in: int


@dataclass(frozen=True)
class Landed:
    """A file by itself: the amount of each good key, how many equal copies it has, its bad rows."""

    good: Mapping[Key, str | None]
    copies: int
    bad: tuple[str, ...]

    @property
    def rows_in(self) -> int:
        return len(self.good) + self.copies + len(self.bad)

    @property
    def months(self) -> set[str]:
        """The months of its rows, good or bad, as far as their days can be read."""
        days = [day for _, day in self.good] + [text.split(",")[-1] for text in self.bad]
        return {day[:7] for day in days if _is_day(day)}


def landed(lines: Sequence[str], deletes: bool = False) -> Landed:
    """The rows of one file by itself; two that contradict each other are both bad.

    A row that deletes says nothing besides its key.
    """
    sound = [line for line in lines if _is_sound(line, deletes)]
    bad = [line for line in lines if line not in sound]
    amounts: dict[Key, list[str]] = {}
    texts: dict[Key, list[str]] = {}
    for line in sound:
        customer, amount, day = line.split(",")
        amounts.setdefault((customer, day), []).append(amount)
        texts.setdefault((customer, day), []).append(line)
    good: dict[Key, str | None] = {}
    copies = 0
    for key, found in amounts.items():
        if not deletes and len({float(amount) for amount in found}) > 1:
            bad += texts[key]
        else:
            good[key] = DELETED if deletes else found[0]
            copies += len(found) - 1
    return Landed(good, copies, tuple(bad))


def _is_sound(line: str, deletes: bool) -> bool:
    cells = line.split(",")
    return (
        len(cells) == 3
        and bool(cells[0])
        and (deletes or bool(_NUMBER.fullmatch(cells[1])))
        and _is_day(cells[2])
    )


def _is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


@dataclass
class Model:
    """The candidates of each key, by the file that gives them."""

    plain: str  # the name that is used for each delivery
    rows_only: bool = False
    supersedes: str = "name"
    files: dict[str, Landed] = field(default_factory=dict)  # the newest version of each
    candidates: dict[str, dict[Key, Candidate]] = field(default_factory=dict)

    def take(self, name: str, file: Landed, run: int) -> None:
        """Take a version of a file, in a run of this number."""
        before = self.candidates.get(name, {})
        self.files[name] = file
        new = {key: Candidate(amount, run) for key, amount in file.good.items()}
        kept = {
            # By arrival it came again with a version that has rows of its month.
            key: replace(old, taken_in=run) if key[1][:7] in file.months else old
            for key, old in before.items()
            if self._stays(name, key, file)
        }
        self.candidates[name] = {**kept, **new}

    def _stays(self, name: str, key: Key, newer: Landed) -> bool:
        """Whether a row of an earlier version stays, though the newer one does not have it."""
        mentioned = {cell for text in newer.bad for cell in re.split(r'[",;\s]+', text)}
        other_month = name == self.plain and key[1][:7] not in newer.months
        return self.rows_only or other_month or key[0] in mentioned

    def _order(self, name: str, candidate: Candidate) -> tuple[object, ...]:
        if self.supersedes == "arrival":
            return candidate.taken_in, name
        if self.supersedes == "date":
            found = _DATE_IN_NAME.search(name)
            assert found
            return found.group(), name
        return (name,)

    def _of_key(self) -> Iterator[tuple[Key, list[tuple[str, Candidate]]]]:
        """Each key with its candidates, the latest last."""
        keys = {key for each in self.candidates.values() for key in each}
        for key in keys:
            found = [(name, each[key]) for name, each in self.candidates.items() if key in each]
            yield key, sorted(found, key=lambda pair: self._order(*pair))

    @property
    def bronze(self) -> dict[Key, str]:
        latest = {key: found[-1][1].amount for key, found in self._of_key()}
        return {key: amount for key, amount in latest.items() if amount is not DELETED}

    @property
    def gold(self) -> dict[Key, float]:
        """For each row the sum of the customer's amounts of its month and the two before."""
        rows = self.bronze
        return {
            (customer, day): sum(
                float(amount)
                for (other, on), amount in rows.items()
                if other == customer and 0 <= _months(day) - _months(on) <= 2
            )
            for customer, day in rows
        }

    @property
    def superseded(self) -> Counter[str]:
        """By file, how many of its rows say something else than the latest of their key."""
        counts: Counter[str] = Counter()
        for _, found in self._of_key():
            _, latest = found[-1]
            counts.update(n for n, each in found[:-1] if not _alike(each.amount, latest.amount))
        return counts

    @property
    def quarantined(self) -> list[tuple[str, str]]:
        """File and text of each bad row of the newest versions."""
        return sorted((name, text) for name, file in self.files.items() for text in file.bad)


def _alike(one: str | None, other: str | None) -> bool:
    if one is None or other is None:
        return one is other
    return float(one) == float(other)


def _months(day: str) -> int:
    return 12 * int(day[:4]) + int(day[5:7])

"""Rows of months that only an earlier version of a file had go when these months are taken."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from tests.inbox.inbox import Inbox
from tests.inbox.sequences import KilledError, killed_at_commit
from tests.inbox.small_bank import VISITS, bank_of

pytestmark = [pytest.mark.slow, pytest.mark.each]

FILE, OTHER = "visits_a.csv", "visits_b.csv"
JANUARY, MARCH = "a,1,2023-01-01", "a,3,2023-03-01"
CORRECTED = "a,2,2023-01-01"


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    """A file of January and March, taken, and another one."""
    inbox = Inbox(tmp_path, bank_of(VISITS))
    inbox.put(FILE, JANUARY, MARCH)
    inbox.put(OTHER, "b,1,2023-02-01")
    inbox.taken()
    return inbox


def amounts(inbox: Inbox) -> dict[str, str]:
    """The amount of each day of the customer of the changed file."""
    return {day: amount for (who, day), amount in inbox.bronze("visits").items() if who == "a"}


def check_end(inbox: Inbox) -> None:
    assert amounts(inbox) == {"2023-01-01": "2"}
    assert inbox.deliveries()[FILE]["months"] == ["2023-01"]
    inbox.check_nothing_is_left_to_do()


def test_a_changed_file_that_is_taken_in_part_loses_its_later_months_when_they_are_taken(
    inbox: Inbox,
) -> None:
    inbox.put(FILE, CORRECTED)
    inbox.taken("--through", "2023-02")
    assert amounts(inbox) == {"2023-01-01": "2", "2023-03-01": "3"}
    inbox.taken()
    check_end(inbox)


def test_so_does_one_that_changed_twice_meanwhile(inbox: Inbox) -> None:
    inbox.put(FILE, JANUARY, "a,4,2023-03-01")
    inbox.taken("--through", "2023-02")
    inbox.put(FILE, CORRECTED)
    inbox.taken("--through", "2023-02")
    assert amounts(inbox) == {"2023-01-01": "2", "2023-03-01": "3"}
    inbox.taken()
    check_end(inbox)


def test_so_does_one_whose_releases_are_by_month(inbox: Inbox) -> None:
    inbox.put(FILE, CORRECTED)
    inbox.taken("--by-month")
    check_end(inbox)


@pytest.mark.parametrize("nth", range(1, 5))
def test_so_does_one_whose_run_was_killed(inbox: Inbox, nth: int) -> None:
    inbox.put(FILE, CORRECTED)
    with killed_at_commit(nth), suppress(KilledError):
        inbox.run()
    inbox.taken()
    check_end(inbox)


@pytest.mark.parametrize("nth", range(1, 5))
def test_a_tombstone_that_empties_a_month_is_ended_after_a_kill(inbox: Inbox, nth: int) -> None:
    inbox.put("visits_c.deleted.csv", MARCH)
    with killed_at_commit(nth), suppress(KilledError):
        inbox.run("--allow-shrink")
    inbox.taken()
    assert amounts(inbox) == {"2023-01-01": "1"}
    inbox.check_nothing_is_left_to_do()


def test_months_that_were_taken_stay_when_the_same_file_is_read_again_in_part(inbox: Inbox) -> None:
    inbox.taken("--through", "2023-02", "--full-refresh")
    assert amounts(inbox) == {"2023-01-01": "1", "2023-03-01": "3"}
    assert inbox.fates()[FILE] == (2, 2, 0, 0, 0)
    inbox.taken()
    assert inbox.fates()[FILE] == (2, 2, 0, 0, 0)

"""A file that the ledger of deliveries does not know any more keeps its rows when it is archived."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from unittest.mock import patch

import pytest

from lakehouse.run.passes import Passes
from tests.inbox.inbox import Inbox
from tests.inbox.sequences import KilledError
from tests.inbox.small_bank import VISITS, bank_of

BANK = bank_of(VISITS)
ONE, TWO, THREE = "a,1,2023-01-01", "b,2,2023-01-01", "c,3,2023-02-01"
GOOD, ODD = "visits_2023-01.csv", "visits_2023-02.csv"
HELD = {("a", "2023-01-01"): "1", ("b", "2023-01-01"): "2"}
ALL = {**HELD, ("c", "2023-02-01"): "3"}


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    """A file of two rows, that nothing has read yet."""
    inbox = Inbox(tmp_path, BANK)
    inbox.put(GOOD, ONE, TWO)
    return inbox


def test_a_lost_ledger_of_deliveries_does_not_cost_the_rows_of_archived_files(inbox: Inbox) -> None:
    inbox.taken()
    inbox.put(ODD, THREE)
    inbox.taken()
    (inbox.data / GOOD).unlink()
    shutil.rmtree(inbox.datamart / "ledger" / "deliveries")
    inbox.put(ODD, THREE, "d,4,2023-01-01")
    notes = inbox.taken()["notes"]
    assert any(GOOD in note and "did not know 1 file" in note for note in notes), notes
    assert inbox.fates() == {GOOD: (2, 2, 0, 0, 0), ODD: (2, 2, 0, 0, 0)}
    for amount in ("5", "6"):
        inbox.put(ODD, f"c,{amount},2023-02-01", f"d,{amount},2023-01-01")
        inbox.taken()
        inbox.check_nothing_is_left_to_do()
        assert inbox.bronze("visits") == {
            **HELD,
            ("c", "2023-02-01"): amount,
            ("d", "2023-01-01"): amount,
        }
    inbox.put(GOOD, TWO)
    inbox.taken("--allow-shrink")
    assert ("a", "2023-01-01") not in inbox.bronze("visits"), "it is known again when it is back"
    inbox.check_nothing_is_left_to_do()


def test_a_file_that_a_stopped_run_did_not_note_and_that_is_archived_then_keeps_its_rows(
    inbox: Inbox,
) -> None:
    inbox.taken()
    inbox.put(ODD, THREE)
    with patch.object(Passes, "_note_deliveries", side_effect=KilledError), suppress(KilledError):
        inbox.run()
    assert inbox.bronze("visits") == ALL
    (inbox.data / ODD).unlink()
    for amount in ("5", "6"):
        inbox.put(GOOD, f"a,{amount},2023-01-01", TWO, f"d,{amount},2023-02-01")
        inbox.taken()
        assert inbox.bronze("visits") == {
            **ALL,
            ("a", "2023-01-01"): amount,
            ("d", "2023-02-01"): amount,
        }
    inbox.check_nothing_is_left_to_do()

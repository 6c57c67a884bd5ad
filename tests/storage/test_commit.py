"""A commit of a Delta log is told the same, whichever engine or program wrote it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from lakehouse.storage.commit import ChangedRows, Commit
from lakehouse.storage.commit_note import CommitNote


@pytest.mark.parametrize(
    ("metrics", "rows"),
    [
        (
            {
                "num_target_rows_inserted": 3,
                "num_target_rows_updated": 2,
                "num_target_rows_deleted": 1,
            },
            ChangedRows(3, 2, 1),
        ),
        (
            {
                "numTargetRowsInserted": "3",
                "numTargetRowsUpdated": "2",
                "numTargetRowsDeleted": "1",
            },
            ChangedRows(3, 2, 1),
        ),
        ({"num_added_rows": 7}, ChangedRows(7, 0, 0)),
        ({"numOutputRows": "7"}, ChangedRows(7, 0, 0)),
        ({}, ChangedRows(0, 0, 0)),
    ],
)
def test_changed_rows_are_counted_as_either_engine_spells_them(
    metrics: dict[str, Any], rows: ChangedRows
) -> None:
    assert ChangedRows.of(metrics) == rows


def test_a_commit_of_a_program_that_says_little_is_told_too() -> None:
    assert Commit.of({"version": 4, "timestamp": 1_700_000_000_500}) == Commit(
        version=4,
        timestamp=datetime(2023, 11, 14, 22, 13, 20, 500_000, timezone.utc),
        operation="",
        metrics={},
        note=CommitNote(),
        engine="",
    )

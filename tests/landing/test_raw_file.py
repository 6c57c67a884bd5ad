"""A raw file is known by its stamp, once a later write cannot leave it the same one."""

from __future__ import annotations

import pytest

from lakehouse.landing.raw_file import RawFile
from lakehouse.storage.stamps import of_file, of_object

SECOND = 10**9


@pytest.mark.parametrize(
    ("stamp", "settles_after"),
    [
        (of_file(7, 100 * SECOND, 50 * SECOND), 2),
        (of_file(7, 50 * SECOND, 100 * SECOND), 2),
        (of_object(100 * SECOND), 15 * 60 + 2),
    ],
)
def test_a_young_file_is_not_known_by_its_stamp_alone(stamp: str, settles_after: int) -> None:
    file = RawFile("people.csv", 10, stamp)
    settled_at = (100 + settles_after) * SECOND
    assert file.is_settled(settled_at)
    assert not file.is_settled(settled_at - 1)


def test_a_copy_that_keeps_the_time_of_its_original_has_another_stamp() -> None:
    assert of_file(7, 100, 200) != of_file(7, 100, 300)

"""The rows of an account that only the erased person owned are found in every kind of table."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.bronze.superseded import CELLS
from lakehouse.upkeep.person import RAW_TEXT, Held, Owned, Person

IDS = frozenset({"7", "A8"})
MAPS = pa.map_(pa.string(), pa.string())


@pytest.mark.parametrize(
    ("held", "rows", "expected"),
    [
        (Held(IDS, "account"), {"account": ["7", "77", None, " A8 "]}, [True, False, False, True]),
        (
            Held(IDS, RAW_TEXT),
            {RAW_TEXT: ["1;7;x", "1;70;x", "x,A8"]},
            [True, False, True],
        ),
        (
            Held(IDS, "account", "trans", CELLS),
            {
                "source": ["trans", "trans", "loan"],
                CELLS: pa.array(
                    [[("account", "7")], [("other", "7")], [("account", "7")]], type=MAPS
                ),
            },
            [True, False, False],
        ),
    ],
    ids=["a table of its own", "quarantine", "superseded"],
)
def test_only_rows_that_name_the_account_are_the_persons(
    held: Held, rows: dict[str, object], expected: list[bool]
) -> None:
    table = pa.table(rows)
    owned = Owned(Person("5"), (), (held,))
    assert owned.mask(table).to_pylist() == expected


def test_a_file_without_the_column_has_no_such_row() -> None:
    rows = pa.table({"name": ["7"]})
    assert Owned(Person("5"), (), (Held(IDS, "account"),)).mask(rows).to_pylist() == [False]

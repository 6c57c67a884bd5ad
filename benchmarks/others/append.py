"""How the two pipelines on deltalake are asked, and which months they append: those that are not there."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path

from deltalake import DeltaTable

from benchmarks.others.rules import LABEL_MONTHS, LONGEST_MONTHS, months_before


def given(doc: str | None) -> argparse.Namespace:
    """`data`, `out` and `through` of the command line."""
    parser = argparse.ArgumentParser(description=(doc or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the raw CSV files")
    parser.add_argument("--out", type=Path, required=True, help="folder for the Delta tables")
    parser.add_argument("--through", default="9999-12", help="take raw rows up to this month")
    return parser.parse_args()


def pending(table: Path, held: Iterable[str], through: str) -> list[str]:
    """The months of a raw file, up to one, that a table has not."""
    there: set[str] = set()
    if DeltaTable.is_deltatable(str(table)):
        there = {each["month"] for each in DeltaTable(table).partitions()}
    return sorted(month for month in {*held} - there if month <= through)


def taken(name: str, months: Sequence[str]) -> list[str]:
    """The months whose rows a gold table needs for these: for a window, those before them too."""
    reach = {"features_clickstream": LONGEST_MONTHS, "label_store": LABEL_MONTHS}.get(name, 1)
    return sorted({months_before(month, age) for month in months for age in range(reach)})

"""The large bank of the benchmark is a sound one, of as many tables and features as are asked for."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.catalog import NUMBERS, write_bank, write_data
from lakehouse.catalog import load


def test_the_bank_has_the_tables_and_features_that_are_asked_for(tmp_path: Path) -> None:
    write_bank(tmp_path / "bank_of_three", groups=3, features=5)
    write_data(tmp_path / "data", groups=3)
    finders = [*sys.meta_path]
    try:
        catalog = load(tmp_path / "bank_of_three")
    finally:
        sys.meta_path[:] = finders
    assert len(catalog.sources) == len(catalog.feature_groups) == 3
    assert [len(group.features) for group in catalog.feature_groups] == [5, 5, 5]
    assert len(set(catalog.code.values())) == len(catalog.code) == 9
    head, *rows = (tmp_path / "data" / "s1.csv").read_text().splitlines()
    assert len(head.split(",")) == NUMBERS + 2 and len(rows) == 3

"""Whether the erasure of a person is under way: from when it was decided it stands in a folder."""

from __future__ import annotations

from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.storage.layout import ERASURE, WORK
from lakehouse.storage.place import Place


def erasure_folder(root: Path) -> Path:
    """Where an erasure stands from when it was decided until it is done."""
    return root / WORK / ERASURE


def is_erasure_begun(place: Place) -> bool:
    """Whether an erasure is under way or was killed; in a store none is ever begun."""
    return place.folder is not None and erasure_folder(place.folder).exists()


def check_no_erasure_begun(place: Place) -> None:
    """LakehouseError where an erasure is under way or was killed, so that tables may not fit together."""
    if is_erasure_begun(place):
        raise LakehouseError(
            f"a person is being erased from datamart {place}; try again in a moment (an erasure that was "
            "killed is finished by `python main.py`)"
        )

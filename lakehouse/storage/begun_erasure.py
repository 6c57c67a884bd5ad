"""Whether the erasure of a person is under way; a folder exists from its decision to its end."""

from __future__ import annotations

from pathlib import Path

from lakehouse.errors import LakehouseError
from lakehouse.storage.layout import ERASURE, WORK
from lakehouse.storage.place import Place


def erasure_folder(root: Path) -> Path:
    """The folder of an erasure, which exists from its decision to its end."""
    return root / WORK / ERASURE


def is_erasure_begun(place: Place) -> bool:
    """Whether an erasure is under way or was killed; an object store never has one."""
    return place.folder is not None and erasure_folder(place.folder).exists()


def check_no_erasure_begun(place: Place) -> None:
    """LakehouseError if an erasure is under way or was killed, because tables may not fit together then."""
    if is_erasure_begun(place):
        raise LakehouseError(
            f"a person is being erased from datamart {place}; try again in a moment (an erasure that was "
            "killed is finished by `python main.py`)"
        )

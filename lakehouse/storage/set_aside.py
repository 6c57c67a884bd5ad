"""Tables that a repair has set aside because their logs were lost, or that a restore has replaced."""

from __future__ import annotations

from pathlib import Path

from lakehouse.storage.layout import DAMAGED
from lakehouse.storage.rights import PERSONAL


def damaged_folder(root: Path) -> Path:
    """The folder for such tables; it is made if it is missing."""
    folder = root / DAMAGED
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    return folder


def set_aside(root: Path) -> list[Path]:
    """The folders of the tables that were set aside."""
    return sorted((root / DAMAGED).glob("*"))

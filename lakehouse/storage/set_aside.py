"""Tables that a repair has set aside, as their logs were lost."""

from __future__ import annotations

from pathlib import Path

from lakehouse.storage.layout import DAMAGED
from lakehouse.storage.rights import PERSONAL


def damaged_folder(root: Path) -> Path:
    """Where they are put; made if it is not there."""
    folder = root / DAMAGED
    folder.mkdir(exist_ok=True, mode=PERSONAL)
    return folder


def set_aside(root: Path) -> list[Path]:
    """The tables that are there, by their folders."""
    return sorted((root / DAMAGED).glob("*"))

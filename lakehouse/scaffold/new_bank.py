"""A new bank: a folder with declarations, raw files and a test, which runs as it is."""

from __future__ import annotations

from pathlib import Path

from lakehouse.bank import OF_A_BANK, check_name
from lakehouse.errors import BadInput
from lakehouse.scaffold.bank_files import bank_files
from lakehouse.scaffold.files import all_or_none


def new_bank(folder: Path) -> list[Path]:
    """Write a new bank and return its files; BadInput if a bank is there, or no bank can be called so."""
    folder = folder.resolve() if folder.name in ("", "..") else folder
    check_name(folder.absolute())
    if folder.exists() and not folder.is_dir():
        raise BadInput(f"{folder} is a file; give the name of a new folder")
    there = [layer for layer in OF_A_BANK if (folder / layer).exists()]
    if there:
        raise BadInput(
            f"{folder} has a folder {there[0]}, so it may be a bank already; add to it with `python main.py "
            f"new source FILE.csv --tables {folder}`, or give another folder"
        )
    with all_or_none() as written:
        written.add(folder, bank_files(folder.absolute().name))
    return written.files

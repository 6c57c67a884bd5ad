"""Marks in the bytes of a file: signs that some of its cells may need a closer look, found in one pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lakehouse.landing.cells import BLANKS

_CHUNK_BYTES = 4 * 1024**2
_ODD_BLANKS = [blank.encode() for blank in BLANKS if blank.isascii() and blank not in " \n"]
# A quote may hold a comma; the others are around or behind a number, or between its thousands.
_OF_ODD_NUMBERS = (b'"', b"'", b"(", b"-\n", b" ")
_THREE_DECIMALS = re.compile(rb"\.[0-9]{3}[^0-9]")


@dataclass(frozen=True)
class Marks:
    """Whether a file has slashes, blanks beyond spaces, and what numbers in other spellings have."""

    slashes: bool
    odd_blanks: bool
    odd_numbers: bool

    @classmethod
    def any_of(cls, marks: Sequence[Marks]) -> Marks:
        """The marks of several working copies together."""
        return cls(
            any(each.slashes for each in marks),
            any(each.odd_blanks for each in marks),
            any(each.odd_numbers for each in marks),
        )

    @classmethod
    def of(cls, sound: Path, delimiter: str = ",") -> Marks:
        """The marks of a working copy, whose lines end in line feeds."""
        of_numbers = [*_OF_ODD_NUMBERS, f"-{delimiter}".encode()]
        if delimiter != ",":
            of_numbers.append(b",")
        slashes = odd_blanks = odd_numbers = False
        with sound.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                # A mark may lie across two chunks.
                chunk += file.readline()
                is_ascii = chunk.isascii()
                slashes = slashes or b"/" in chunk
                odd_blanks = odd_blanks or not is_ascii or any(b in chunk for b in _ODD_BLANKS)
                odd_numbers = (
                    odd_numbers
                    or not is_ascii
                    or any(mark in chunk for mark in of_numbers)
                    or _THREE_DECIMALS.search(chunk) is not None
                )
        return cls(slashes, odd_blanks, odd_numbers)

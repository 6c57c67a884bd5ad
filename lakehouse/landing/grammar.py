"""The grammar of a CSV record as bytes, and why a line breaks it."""

from __future__ import annotations

import re

_CELL = rb'(?:"[^"]*(?:""[^"]*)*"|[^",\r\n][^,\r\n]*|)'
CELL = re.compile(rb"(%b)(?:,|\r?\n)" % _CELL)
RECORD = re.compile(rb"%b(?:,%b)*\r?\n" % (_CELL, _CELL))
OPEN_QUOTE = re.compile(rb'(?:%b,)*"[^"]*(?:""[^"]*)*\Z' % _CELL)


def canonical(block: bytes, start: int, end: int) -> bytes:
    """The record with each cell that has a bare quote quoted, so that all readers read it in the same way."""
    record = block[start:end] + b"\n"
    return b",".join(
        b'"%b"' % cell.replace(b'"', b'""') if b'"' in cell and cell[:1] != b'"' else cell
        for cell in CELL.findall(record)
    )


def cells_as_text(record: bytes) -> list[str]:
    """The cells of a record without the quotes around them."""
    return [
        cell[1:-1].replace(b'""', b'"').decode() if cell[:1] == b'"' else cell.decode()
        for cell in CELL.findall(record)
    ]


def why_broken(line: bytes) -> str:
    """The reason why a line does not begin a record."""
    if b'"' not in line:
        return "a carriage return inside the row"
    if OPEN_QUOTE.match(line):
        return "a quote that is not closed"
    return "text after a closing quote"

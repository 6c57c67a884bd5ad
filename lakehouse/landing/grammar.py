"""The grammar of a CSV record as bytes, and why a line breaks it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Grammar:
    """The grammar of records whose cells end with a delimiter, and how to read and to write them."""

    delimiter: bytes
    cell: re.Pattern[bytes]
    record: re.Pattern[bytes]
    open_quote: re.Pattern[bytes]

    def canonical(self, block: bytes, start: int, end: int) -> bytes:
        """The record with each cell that has a bare quote quoted, so that all readers read it alike."""
        record = block[start:end] + b"\n"
        return self.delimiter.join(
            b'"%b"' % cell.replace(b'"', b'""') if b'"' in cell and cell[:1] != b'"' else cell
            for cell in self.cell.findall(record)
        )

    def cells_as_text(self, record: bytes) -> list[str]:
        """The cells of a record without the quotes around them."""
        return [
            cell[1:-1].replace(b'""', b'"').decode() if cell[:1] == b'"' else cell.decode()
            for cell in self.cell.findall(record)
        ]

    def why_broken(self, line: bytes) -> str:
        """The reason why a line does not begin a record."""
        if b'"' not in line:
            return "a carriage return inside the row"
        if self.open_quote.match(line):
            return "a quote that is not closed"
        return "text after a closing quote"


@cache
def grammar(delimiter: str) -> Grammar:
    """The grammar of records with this delimiter, one sign of ASCII."""
    mark = delimiter.encode()
    end = re.escape(mark)
    cell = rb'(?:"[^"]*(?:""[^"]*)*"|[^"%b\r\n][^%b\r\n]*|)' % (end, end)
    return Grammar(
        mark,
        re.compile(rb"(%b)(?:%b|\r?\n)" % (cell, end)),
        re.compile(rb"%b(?:%b%b)*\r?\n" % (cell, end, cell)),
        re.compile(rb'(?:%b%b)*"[^"]*(?:""[^"]*)*\Z' % (cell, end)),
    )

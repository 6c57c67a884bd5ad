"""The clauses that say at which release, version or time one table of a query is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlglot import Token, TokenType

RELEASE, VERSION, TIMESTAMP = "RELEASE", "VERSION", "TIMESTAMP"
_KINDS = {"SYSTEM_VERSION": VERSION, "SYSTEM_TIME": TIMESTAMP}
_CLAUSE = re.compile(
    r"""\b (?:FOR\s+)? (RELEASE|SYSTEM_VERSION|VERSION|SYSTEM_TIME|TIMESTAMP) \s+AS\s+OF\s+
    (?:(?:TIMESTAMP|DATE)\s*)? ([0-9]+ | '[^']*' | "[^"]*")""",
    re.IGNORECASE | re.VERBOSE,
)
_BEGUN = re.compile(r"\bRELEASE\s+AS\s+OF\b", re.IGNORECASE)
_QUOTED = (TokenType.STRING, TokenType.RAW_STRING, TokenType.IDENTIFIER)


@dataclass(frozen=True)
class Clause:
    """A clause as `RELEASE AS OF 2`: its kind, what it names, and where it stands in the query."""

    kind: str
    value: str
    start: int
    end: int

    def __str__(self) -> str:
        shown = self.value if self.value.isdigit() else f"'{self.value}'"
        return f"{self.kind} AS OF {shown}"


def clauses(query: str, code: str) -> Iterator[Clause]:
    """The clauses of a query, in their order; `code` is its `code_of`."""
    for found in _CLAUSE.finditer(code):
        kind = found[1].upper()
        value = query[found.start(2) : found.end(2)].strip("'\"")
        yield Clause(_KINDS.get(kind, kind), value, *found.span())


def begun(code: str, found: Sequence[Clause]) -> tuple[int, int] | None:
    """The place of a `RELEASE AS OF` that no number follows; None if each is among the clauses."""
    starts = (each.span() for each in _BEGUN.finditer(code))
    return next((at for at in starts if not any(c.start <= at[0] < c.end for c in found)), None)


def code_of(query: str, tokens: Sequence[Token]) -> str:
    """The query with spaces for its comments, and with nothing to be found inside its quotes."""
    code = [" "] * len(query)
    for token in tokens:
        text = query[token.start : token.end + 1]
        if token.token_type in _QUOTED:
            text = text[0] + "\0" * (len(text) - 2) + text[-1]
        code[token.start : token.end + 1] = text
    return "".join(code)


def blanked(query: str, found: Sequence[Clause]) -> str:
    """The query with spaces in the place of clauses, so that every other word stays where it was."""
    for clause in found:
        query = query[: clause.start] + " " * (clause.end - clause.start) + query[clause.end :]
    return query

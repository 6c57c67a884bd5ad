"""Completion in SQL: tables behind FROM and JOIN, columns of the query's tables elsewhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    context_matcher,
)

from lakehouse.errors import LakehouseError
from lakehouse.table import Table

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from lakehouse.lake import Lakehouse

_CELL = re.compile(r"\s*%%sql\b.*")
_LINE = re.compile(r"^.*(?:^|=)\s*%sql\b(.*)$")
# A text in Python that is not closed yet, behind `.sql(`.
_CALL = re.compile(r"\.sql\(\s*[frFR]*(\"\"\"|'''|\"|')((?:(?!\1).)*)\Z", re.DOTALL)
_WORD = re.compile(r"[\w.]*\Z")
_WANTS_TABLE = re.compile(
    r"(?:\b(?:FROM|JOIN|DESCRIBE|DESC|HISTORY)\s+|\bFROM\s+[^()]*,\s*)[\w.]*\Z", re.IGNORECASE
)
_USED = re.compile(
    r"""\b(?:FROM|JOIN)\s+([\w.]+) (?:\s+(?:RELEASE|VERSION|TIMESTAMP)\s+AS\s+OF\s+\S+)?
    (?:\s+(?:AS\s+)?(?!(?:ON|USING|WHERE|GROUP|ORDER|JOIN|LEFT|INNER|CROSS|FULL|LIMIT|UNION)\b)(\w+))?""",
    re.IGNORECASE | re.VERBOSE,
)
_WORDS = (
    *("SELECT", "FROM", "WHERE", "GROUP BY", "ORDER BY", "HAVING", "LIMIT", "JOIN", "LEFT JOIN"),
    *("USING", "DISTINCT", "RELEASE AS OF", "VERSION AS OF", "DESCRIBE HISTORY", "SHOW TABLES"),
)


def sql_at(text: str, cursor: int) -> tuple[str, str] | None:
    """The SQL around a place of a cell: up to the place, and all of it; None where Python stands."""
    before = text[:cursor]
    if cell := _CELL.match(text):
        return (before[cell.end() :], text[cell.end() :]) if cursor >= cell.end() else None
    line = _LINE.match(before.rpartition("\n")[2])
    if line:
        return line[1], line[1] + text[cursor:].partition("\n")[0]
    call = _CALL.search(before)
    return (call[2], call[2] + text[cursor:].partition(call[1])[0]) if call else None


def completions(before: str, whole: str, tables: Iterable[Table]) -> list[str]:
    """The names that the last word of a query may become, in the order of its tables and columns."""
    known = list(tables)
    found = _WORD.search(before)
    word = found[0].casefold() if found else ""
    if _WANTS_TABLE.search(before):
        offered = [*(table.full_name for table in known), *_only_once(known)]
    else:
        offered = list(_columns(whole, known, dotted="." in word))
    return [each for each in dict.fromkeys(offered) if each.casefold().startswith(word)]


def _only_once(tables: Iterable[Table]) -> list[str]:
    """The names that need no layer."""
    names = [table.name for table in tables]
    return [name for name in names if names.count(name) == 1]


def _columns(whole: str, tables: Iterable[Table], dotted: bool) -> Iterator[str]:
    """The columns of the tables that a query uses, behind their aliases if there is a dot; words of SQL."""
    used = [(name.casefold(), alias) for name, alias in _USED.findall(whole)]
    for name, alias in used:
        for table in tables:
            if name in (table.full_name, table.name):
                called = alias or table.name
                yield from (f"{called}.{c}" if dotted else c for c in table.columns)
    if not dotted:
        yield from (alias for _, alias in used if alias)
        yield from _WORDS


@dataclass(frozen=True)
class Completion:
    """The completion of one notebook, on the tables of its lake."""

    lake: Callable[[], Lakehouse]

    def add_to(self, shell: InteractiveShell) -> None:
        """Have the notebook ask this for every completion."""

        @context_matcher()  # type: ignore[untyped-decorator]
        def lakehouse_sql(context: CompletionContext) -> SimpleMatcherResult:
            return self.match(context)

        matchers = shell.Completer.custom_matchers
        matchers[:] = [each for each in matchers if each.__name__ != lakehouse_sql.__name__]
        matchers.append(lakehouse_sql)

    def match(self, context: CompletionContext) -> SimpleMatcherResult:
        lines = context.full_text.split("\n")[: context.cursor_line]
        cursor = sum(len(line) + 1 for line in lines) + context.cursor_position
        at = sql_at(context.full_text, cursor)
        if at is None:
            return _offer((), "")
        try:
            tables = self.lake().datamart.catalog.tables
        except LakehouseError:
            return _offer((), "")
        word = _WORD.search(at[0])
        return _offer(completions(*at, tables), word[0] if word else "")


def _offer(names: Sequence[str], word: str) -> SimpleMatcherResult:
    """Names to put in the place of a word; where there is one, nothing of Python is offered."""
    return SimpleMatcherResult(
        completions=[SimpleCompletion(each, type="sql") for each in names],
        matched_fragment=word,
        suppress=bool(names),
        do_not_suppress=set(),
        ordered=True,
    )

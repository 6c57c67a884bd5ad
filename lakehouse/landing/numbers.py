"""Columns whose numbers are written in another way than declared, decided once from all of their cells.

`1,234` in one cell of a column is dirt. If no other cell of the column has a thousand without a comma, it
is how the column is written, and its largest numbers would be lost. With points it is worse: `1.234`
would be read as a number near one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.landing.cells import BLANKS, is_like
from lakehouse.landing.decimals import DECLARE, are_surely_commas
from lakehouse.storage.duck import literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from duckdb import DuckDBPyConnection

    from lakehouse.landing.rows import Rows

_PLAIN_THOUSAND = r"[+-]?[0-9]{4,}(\.[0-9]*)?"
_WITH_POINT = r"[+-]?[0-9]*\.[0-9]+"
_BETWEEN = "[,'\u2019 \u00a0\u2007\u2009\u202f]"
# As 1.000 or 12.345: with a zero in front nobody means thousands.
_THREE_DECIMALS = r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}"
_THREE_ZEROS = r"[+-]?[1-9][0-9]{0,2}\.000"
_WHOLE = r"[+-]?[1-9][0-9]{0,2}"


@dataclass(frozen=True)
class _Spelling:
    """A way to write numbers; a cell of the form `against` shows that its column has the declared way."""

    called: str
    form: str
    against: str


_SPELLINGS = (
    _Spelling(
        "thousands with a separator",
        rf"[+-]?[0-9]{{1,3}}({_BETWEEN}[0-9]{{3}})+(\.[0-9]*)?",
        _PLAIN_THOUSAND,
    ),
    _Spelling("a decimal comma", r"[+-]?[0-9.]*,[0-9]+", _WITH_POINT),
    _Spelling(
        "negative numbers without a minus in front",
        r"\([0-9.]+\)|[0-9.]+ ?-|[\x{2212}\x{2013}][0-9.]+",
        r"-[0-9.]+",
    ),
)
# If a comma is declared: a point that cannot part thousands.
_POINT = _Spelling(
    "a decimal point",
    r"[+-]?([0-9]+\.([0-9]{1,2}|[0-9]{4,})|[0-9]{4,}\.[0-9]+)",
    r"[+-]?[0-9.]*,[0-9]+",
)


def other_spellings(rows: Rows) -> dict[int, str]:
    """By file, one line about a column of it that has its numbers in another spelling than declared."""
    texts = rows.texts
    if not texts.numbers:
        return {}
    if rows.source.decimal == ",":
        # As they were delivered: in the texts each comma is a point by now.
        cells = {name: texts.cell[name] for name in texts.numbers}
        return _Spellings(rows.duckdb, cells, (_POINT,)).told()
    if not texts.marks.odd_numbers:
        return {}
    cells = {name: texts.text.get(name, texts.cell[name]) for name in texts.numbers}
    return _Spellings(rows.duckdb, cells, _SPELLINGS).told()


@dataclass(frozen=True)
class _Spellings:
    """The spellings of each file; `cells` is the SQL of each column over the view `texts`."""

    duckdb: DuckDBPyConnection
    cells: Mapping[str, str]
    spellings: Sequence[_Spelling]

    def told(self) -> dict[int, str]:
        # Only a column with such a cell is counted: to look for any takes a tenth of counting each form.
        forms = [spelling.form for spelling in self.spellings]
        odd = self._like(
            self.cells, *forms, *(() if _POINT in self.spellings else (_THREE_DECIMALS,))
        )
        found: dict[int, tuple[str, str, str]] = {}
        for (file, name), counted in self._counted({name for _, name in odd}).items():
            spelling = (
                self._other(file, counted) if (file, name) in odd and file not in found else None
            )
            if spelling:
                found[file] = name, *spelling
        return {file: self._line(file, *spelling) for file, spelling in found.items()}

    def _other(self, file: int, counted: tuple[int, ...]) -> tuple[str, str] | None:
        """The name of another spelling, and the form of its cells; None where there is none."""
        for i, spelling in enumerate(self.spellings):
            written, against = counted[2 * i : 2 * i + 2]
            if written and not against:
                return spelling.called, spelling.form
        if _POINT in self.spellings:
            return None
        three, zeros, whole, plain, point = counted[2 * len(self.spellings) :]
        # Each with three decimals has a point as well.
        if not three or plain or point != three:
            return None
        if zeros == three or whole or not any(each == file for each, _ in self._plain_thousands):
            return "thousands with points", _THREE_DECIMALS
        return None

    @cached_property
    def _plain_thousands(self) -> set[tuple[int, str]]:
        return self._like(self.cells, _PLAIN_THOUSAND)

    def _like(self, cells: Mapping[str, str], *forms: str) -> set[tuple[int, str]]:
        """The files and columns with a cell of one of the forms, with blanks and underscores or without."""
        # By the expression itself, because to trim so many kinds of blanks takes longer than the search.
        around = f"[{BLANKS}_]*"
        form = f"{around}(?:{'|'.join(forms)}){around}"
        asked = ", ".join(f"bool_or({is_like(cell, form)})" for cell in cells.values())
        found = self.duckdb.execute(f"SELECT _file, {asked} FROM texts GROUP BY _file").fetchall()
        return {
            (file, name)
            for file, *are in found
            for name, is_so in zip(cells, are, strict=True)
            if is_so
        }

    def _counted(self, names: set[str]) -> dict[tuple[int, str], tuple[int, ...]]:
        """The number of cells of each form, by file and column."""
        forms = [each for spelling in self.spellings for each in (spelling.form, spelling.against)]
        forms += [_THREE_DECIMALS, _THREE_ZEROS, _WHOLE, _PLAIN_THOUSAND, _WITH_POINT]
        chosen = [name for name in self.cells if name in names]
        counts = [
            f"count(*) FILTER ({is_like(_bare(self.cells[name]), form)})"
            for name in chosen
            for form in forms
        ]
        if not counts:
            return {}
        found = self.duckdb.execute(
            f"SELECT _file, {', '.join(counts)} FROM texts GROUP BY _file"
        ).fetchall()
        width = len(forms)
        return {
            (file, name): tuple(numbers[i * width : (i + 1) * width])
            for file, *numbers in found
            for i, name in enumerate(chosen)
        }

    def _line(self, file: int, name: str, called: str, form: str) -> str:
        cell = self.cells[name]
        found = self.duckdb.execute(
            f"SELECT count(*), min(_source_line), arg_min({_bare(cell)}, _source_line)"
            f" FROM texts WHERE _file = {file} AND {is_like(_bare(cell), form)}"
        ).fetchone()
        assert found is not None
        n, line, text = found
        masked = "".join("9" if sign.isdigit() else sign for sign in text)
        declare = f" ({DECLARE}, if that is so)" if are_surely_commas([text]) else ""
        return (
            f"{n:,} {'cell' if n == 1 else 'cells'} of {name} seem to have {called}, for example {masked!r} "
            f"with 9 for each digit on line {line}, and no other cell speaks against it{declare}"
        )


def _bare(cell: str) -> str:
    """The cell without blanks and underscores around it: these are dirt of any column."""
    return f"trim({cell}, {literal(BLANKS + '_')})"

"""The columns of a raw file as landing reads it: how full and how varied they are, and their forms."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DATE_ORDERS, FIRST_DAY, DateOrder, today
from lakehouse.errors import BadInput
from lakehouse.landing import cells
from lakehouse.landing.broken_records import BrokenRecords
from lakehouse.landing.counts import Arrival
from lakehouse.landing.dates import WITH_SHORT_YEAR, WITH_SLASHES, Unproven, Written, date_order
from lakehouse.landing.decimals import are_surely_commas
from lakehouse.landing.raw_file import RawFile
from lakehouse.landing.raw_text import possible_delimiters
from lakehouse.landing.texts import Texts
from lakehouse.landing.working_copies import SplitFile, WorkingCopies
from lakehouse.scaffold.unsure import Unsure
from lakehouse.storage.duck import duckdb_in
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# The form of cells, by the name of the form, for every engine's regular expressions.
FORMS = {
    "integer": cells.INTEGER,
    "with point": ".*[.].*",
    "number": cells.NUMBER,
    "no code": cells.NO_CODE,
    "iso day": cells.ISO_DATE,
    "slashes": WITH_SLASHES,
    "short year": WITH_SHORT_YEAR,
    "decimal comma": "[+-]?[0-9.]*[0-9],[0-9]+",
    "yes or no": "(?i)true|false|t|f|yes|no|y|n",
    "word with digit": cells.WORD_WITH_DIGIT,
    "mail": r"[^@\s]+@[^@\s]+\.[A-Za-z]{2,}",
    "ssn": "[0-9]{3}-[0-9]{2}-[0-9]{4}",
    "iban": "[A-Z]{2}[0-9]{2}( ?[A-Z0-9]{4}){3,7}( ?[A-Z0-9]{1,3})?",
    "phone": r"(\+|00)[0-9][0-9 ()/.-]{6,}|\(?0[0-9]{1,5}\)?[ /-][0-9 /-]{4,}"
    r"|\(?[0-9]{3}\)?[ -][0-9]{3}-[0-9]{4}",
    "two names": r"\p{Lu}[\p{L}'.-]*( \p{Lu}[\p{L}'.-]*)+",
}
_INT = 2**31
_TEXTS_FOR_COMMAS = 10_000


@dataclass(frozen=True)
class Seen:
    """A column of a file: its cells that are filled, how many differ, and how many have each form.

    `orders`: the order of its dates with slashes, None where it has none, or they have no order.
    `days`: the cells that are a day in that order, from 1970 to today.
    """

    name: str
    rows: int
    filled: int
    distinct: int
    forms: dict[str, int]
    order: DateOrder | None = None
    days: int = 0
    is_unproven: bool = False
    fits_int: bool = False

    @property
    def is_full(self) -> bool:
        return self.filled == self.rows > 0

    def all_are(self, *names: str) -> bool:
        """Whether each filled cell has one of these forms, which exclude each other."""
        return 0 < self.filled == sum(self.forms[name] for name in names)

    @property
    def are_dates(self) -> bool:
        """Whether each filled cell is written as a day."""
        return self.all_are("iso day", "slashes")

    @property
    def may_be_dates(self) -> bool:
        """Whether half of the filled cells are written as a day, so that the others may be faults."""
        return 0 < self.filled <= 2 * (self.forms["iso day"] + self.forms["slashes"])


@dataclass(frozen=True)
class RawColumns:
    """A raw file: how it is written, its rows, and its columns in their order."""

    file_name: str
    delimiter: str
    encoding: str | None
    decimal: str
    rows: int
    broken: int
    columns: tuple[Seen, ...]
    work: Looked

    def column(self, name: str) -> Seen:
        return next(each for each in self.columns if each.name == name)


class Looked:
    """The sound rows of a file in DuckDB."""

    def __init__(self, duckdb: DuckDBPyConnection, texts: Texts) -> None:
        self._duckdb = duckdb
        self._texts = texts
        duckdb.execute(f"CREATE TEMP VIEW texts AS {texts.sql()}")
        cells_of_row = ", ".join(f"{cells.trimmed(cell)} AS {cell}" for cell in texts.cell.values())
        # A row that is there twice is taken once.
        duckdb.execute(f"CREATE TEMP TABLE looked AS SELECT DISTINCT {cells_of_row} FROM texts")

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._texts.cell)

    @cached_property
    def rows(self) -> int:
        return self._one("SELECT count(*) FROM looked")[0]

    def is_unique(self, names: Sequence[str]) -> bool:
        """Whether no two rows that differ have the same cells in these columns."""
        cells_ = ", ".join(self._texts.cell[name] for name in names)
        return (
            self._one(f"SELECT count(*) FROM (SELECT DISTINCT {cells_} FROM looked)")[0]
            == self.rows
        )

    def seen(self, name: str) -> Seen:
        """The cells of a column, counted before the order of its dates is looked for."""
        text = self._text(name)
        counts = ", ".join(
            f"count(*) FILTER ({cells.is_like('text', form)})" for form in FORMS.values()
        )
        whole = (
            f"max(abs(try_cast(text AS DOUBLE))) FILTER ({cells.is_like('text', cells.INTEGER)})"
        )
        rows, filled, distinct, largest, *found = self._one(
            f"SELECT count(*), count(text), count(DISTINCT text), {whole}, {counts} FROM ({text})"
        )
        forms = dict(zip(FORMS, found, strict=True))
        return Seen(name, rows, filled, distinct, forms, fits_int=(largest or 0) < _INT)

    def written(self, name: str) -> list[Written]:
        """The dates with slashes of a column, as they are written."""
        text = self._text(name)
        found = self._duckdb.execute(
            f"""SELECT text, count(*), min(line) FROM ({text})
                WHERE {cells.is_like("text", WITH_SLASHES)} GROUP BY text ORDER BY min(line), text"""
        ).fetchall()
        return [Written(name, *row) for row in found]

    def days(self, name: str, order: DateOrder | None) -> int:
        """The cells that are a day in this order, from 1970 to today."""
        day = cells.day("text", order)
        within = f"{day} BETWEEN DATE '{FIRST_DAY}' AND DATE '{today()}'"
        return self._one(f"SELECT count(*) FILTER ({within}) FROM ({self._text(name)})")[0]

    def some(self, name: str) -> list[str]:
        """Different texts of a column, to look at and never to show."""
        query = f"SELECT DISTINCT text FROM ({self._text(name)}) WHERE text IS NOT NULL"
        found = self._duckdb.execute(f"{query} LIMIT {_TEXTS_FOR_COMMAS}").fetchall()
        return [text for (text,) in found]

    def _text(self, name: str) -> str:
        """The texts of a column with their lines; NULL where a cell is missing."""
        text = cells.trimmed(self._texts.cell[name])
        return f"""SELECT {cells.unless_null_word("text")} AS text, line
                   FROM (SELECT {text} AS text, _source_line AS line FROM texts)"""

    def _one(self, query: str) -> tuple[int, ...]:
        found = self._duckdb.execute(query).fetchone()
        assert found
        return found


@contextmanager
def looked_at(
    path: Path, delimiter: str | None, encoding: str | None, order: str | None
) -> Iterator[RawColumns]:
    """The columns of a raw file; Unsure where it does not tell how it is written."""
    source = Source("new", (path.name,), (), (), "", "", (), delimiter=delimiter, encoding=encoding)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        copies, split = _split(path, source, work)
        with duckdb_in(work) as duckdb:
            looked = Looked(duckdb, Texts(copies.source, copies.every))
            seen = [looked.seen(name) for name in looked.names]
            yield RawColumns(
                path.name,
                copies.every[0].form.delimiter,
                encoding,
                _decimal(looked, seen),
                split.split.rows_in,
                split.split.broken,
                tuple(_with_orders(path.name, looked, seen, order)),
                looked,
            )


def _split(path: Path, source: Source, work: Path) -> tuple[WorkingCopies, SplitFile]:
    """The records of a file, by the delimiter that fits; Unsure if several fit, or it is not UTF-8."""
    possible = (
        (source.delimiter,) if source.delimiter else possible_delimiters(path, path.name, source)
    )
    tries = []
    for number, delimiter in enumerate(possible or (",",)):
        folder = work / str(number)
        folder.mkdir()
        with BrokenRecords(folder / "broken.parquet") as broken:
            copies = WorkingCopies(replace(source, delimiter=delimiter), folder, broken)
            try:
                arrival = Arrival(RawFile(path.name, size=0, stamp=""), path)
                tries.append((copies, copies.take(0, arrival)))
            except BadInput as error:
                if "is not UTF-8" in str(error) and not source.encoding:
                    where = str(error).partition(";")[0]
                    raise Unsure(
                        f"{where}, and only you know its encoding", "--encoding, as cp1252"
                    ) from None
                if delimiter == (possible or (",",))[-1] and not tries:
                    raise
    sound = [each for each in tries if each[1].split.broken == 0]
    if len(sound) > 1 or (len(tries) > 1 and not sound):
        signs = [str(each[0].source.delimiter) for each in tries]
        raise Unsure(
            f"{path.name} may be parted by {' or '.join(map(repr, signs))}", "--delimiter", signs
        )
    return (sound or tries)[0]


def _decimal(looked: Looked, seen: Sequence[Seen]) -> str:
    """The mark before the decimals of numbers: a comma only if no column of numbers has a point."""
    with_comma = [
        each.name
        for each in seen
        if each.forms["decimal comma"]
        and each.filled == each.forms["decimal comma"] + each.forms["integer"]
    ]
    with_point = [
        each for each in seen if each.all_are("number") and each.forms["integer"] < each.filled
    ]
    sure = bool(with_comma) and all(are_surely_commas(looked.some(name)) for name in with_comma)
    return "," if sure and not with_point else "."


def _with_orders(
    file_name: str, looked: Looked, seen: Sequence[Seen], asked: str | None
) -> Iterator[Seen]:
    """The columns with the order of their dates; one that proves none takes that of the others."""
    order = DateOrder(asked, "you say so") if asked in DATE_ORDERS else None
    proved: dict[str, DateOrder | None] = {}
    unproven = set()
    for each in seen:
        if each.may_be_dates and each.forms["slashes"]:
            try:
                proved[each.name] = date_order(file_name, looked.written(each.name), order)
            except Unproven:
                unproven.add(each.name)
            except BadInput:  # two orders in one column: it stays a text
                proved[each.name] = None
    orders = {each.order: each for each in proved.values() if each}
    lent = next(iter(orders.values())) if len(orders) == 1 else None
    for each in seen:
        if not each.may_be_dates:
            yield each
            continue
        own = proved.get(each.name, lent if each.name in unproven else None)
        yield replace(
            each,
            order=own,
            days=looked.days(each.name, own),
            is_unproven=each.name in unproven and lent is None,
        )

"""The raw files of a bank in another spelling: the same days, ids, words and numbers, written otherwise."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from hypothesis import assume
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.table import Source, Table

Cells = list[str]
Value = TypeVar("Value")
SOURCES = {
    table.source.file_names[0]: table.source for table in load().sources if table.source is not None
}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

DAYS = {
    "2023-05-01": "{y}-{m:02}-{d:02}",
    "5/1/2023": "{m}/{d}/{y}",
    "1/5/2023": "{d}/{m}/{y}",
    "05/01/2023": "{m:02}/{d:02}/{y}",
    "01/05/2023": "{d:02}/{m:02}/{y}",
    "5/1/23": "{m}/{d}/{short:02}",
    "1/5/23": "{d}/{m}/{short:02}",
    "01.05.2023": "{d:02}.{m:02}.{y}",
    "2023/05/01": "{y}/{m:02}/{d:02}",
    "2023-5-1": "{y}-{m}-{d}",
    "20230501": "{y}{m:02}{d:02}",
    "2023-05-01 00:00:00": "{y}-{m:02}-{d:02} 00:00:00",
}


def _with_a_point(text: str) -> str:
    return text if "." in text else f"{text}.0"


def _with_two_digits(text: str) -> str:
    return text if "." in text else f"{text}.00"


def _without_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _whole(text: str) -> str:
    return text.removesuffix(".0")


def _commas(text: str) -> str:
    return f"{Decimal(text):,}"


def _swapped(text: str) -> str:
    """Points for commas, and commas for points."""
    return text.translate(str.maketrans(",.", ".,"))


NUMBERS: dict[str, Callable[[str], str]] = {
    "6": _without_zeros,
    "6.0": _with_a_point,
    "6.00": _with_two_digits,
    "+6": lambda text: text if text.startswith("-") else f"+{text}",
    "6E+0": lambda text: f"{Decimal(text):E}",
    "6e3": lambda text: text if Decimal(text) % 1000 else f"{int(Decimal(text)) // 1000}e3",
    "6_": lambda text: f"{text}_",
    "06": lambda text: re.sub("([0-9])", r"0\1", text, count=1),
    "1,234.5": _commas,
    "1.234,5": lambda text: _swapped(_commas(text)),
    "1234,5": _swapped,
    "1.234": lambda text: text if "." in _whole(text) else _swapped(_commas(_whole(text))),
    "1 234.5": lambda text: _commas(text).replace(",", " "),
    "1\u202f234.5": lambda text: _commas(text).replace(",", "\u202f"),
    "1'234.5": lambda text: _commas(text).replace(",", "'"),
    "$6": lambda text: f"${text}",
    "6 %": lambda text: f"{text} %",
    "(6)": lambda text: f"({text[1:]})" if text.startswith("-") else text,
    "6-": lambda text: f"{text[1:]}-" if text.startswith("-") else text,
    "\u22126": lambda text: text.replace("-", "\u2212"),
}
BLANKS = ["", " ", "  ", "\t", "\u00a0", "\u2007 ", "\u3000", "\ufeff", "\r"]
MISSING = ["", " ", "NULL", "null", "NA", "N/A", "nan", "NaN", "None", "#N/A", "<NA>", "\\N"]
OF_NUMBERS = {
    raw
    for table in load().tables
    for (_, raw), field in zip(table.raw_columns, table.fields[len(table.keys) :], strict=False)
    if field.type in ("INT", "DOUBLE")
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"]


@dataclass(frozen=True)
class Spelling:
    """How a file is written; the first value of each is how `generate` writes it."""

    days: str = "2023-05-01"
    numbers: str = ""
    only_column: int | None = None  # whose numbers are written so; None is all
    blanks: tuple[str, str] = ("", "")
    blank_columns: str = "all"
    missing: str = ""
    header: str = "plain"
    quoting: int = csv.QUOTE_MINIMAL
    line_end: str = "\n"
    delimiter: str = ","
    encoding: str = "utf-8"
    end: str = ""
    extra: str = ""
    again: bool = False
    seed: int = 0

    @property
    def can_be_written(self) -> bool:
        """Whether the encoding has the characters that this spelling puts into cells and header."""
        numbers = NUMBERS[self.numbers]("-1234.5") if self.numbers else ""
        text = "".join((*self.blanks, numbers, self.missing, self._name("")))
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def write(self, source: Source, rows: Sequence[Cells], path: Path) -> None:
        header, *body = rows
        body = [
            [self._cell(source, *pair) for pair in zip(header, row, strict=True)] for row in body
        ]
        if self.again:
            body += body[:: max(len(body) // 3, 1)]
        body = self._shuffled(body)
        header = [self._name(name) for name in header]
        if self.extra:
            header = [*header, self.extra]
            body = [[*row, str(i)] for i, row in enumerate(body)]
        places = self._shuffled(range(len(header)))
        text = io.StringIO()
        csv.writer(text, "excel", delimiter=self.delimiter, lineterminator=self.line_end,
                   quoting=self.quoting).writerows(
            [row[i] for i in places] for row in [header, *body]
        )  # fmt: skip
        whole = text.getvalue() + self.end
        if self.end == "none":
            whole = text.getvalue().removesuffix(self.line_end)
        path.write_bytes(whole.encode(self.encoding))

    def _shuffled(self, values: Sequence[Value]) -> list[Value]:
        """The values as they are for seed 0, else in another order."""
        ordered = list(values)
        if self.seed:
            import random

            random.Random(self.seed).shuffle(ordered)
        return ordered

    def _name(self, name: str) -> str:
        return {
            "plain": name, "padded": f" {name} ", "no-break": f"{name}\u00a0", "upper": name.upper(),
            "lower": name.lower(), "quoted": f'"{name}"',
        }[self.header]  # fmt: skip

    def _cell(self, source: Source, name: str, text: str) -> str:
        kinds = dict(source.required)
        numeric = [n for n in source.header if kinds.get(n) not in ("text", "identifier", "date")]
        if kinds.get(name) == "date" and _DAY.fullmatch(text):
            year, month, day = map(int, text.split("-"))
            text = DAYS[self.days].format(y=year, m=month, d=day, short=year % 100)
        elif self.numbers and name in numeric and _NUMBER.fullmatch(text):
            only = self.only_column
            if only is None or numeric[only % len(numeric)] == name:
                text = NUMBERS[self.numbers](text)
        elif not text and name not in OF_NUMBERS:
            # In a column of numbers a word is told as one, which is another value of `_issues`.
            text = self.missing
        if self.blank_columns == "all" or name in kinds:
            text = f"{self.blanks[0]}{text}{self.blanks[1]}"
        return text


# Each a kind of freedom that a program which writes a CSV has.
_FREEDOMS: dict[str, st.SearchStrategy[dict[str, object]]] = {
    "days": st.fixed_dictionaries({"days": st.sampled_from(list(DAYS))}),
    "numbers": st.fixed_dictionaries(
        {
            "numbers": st.sampled_from(list(NUMBERS)),
            "only_column": st.none() | st.integers(0, 30),
        }
    ),
    "blanks": st.fixed_dictionaries(
        {
            "blanks": st.tuples(st.sampled_from(BLANKS), st.sampled_from(BLANKS)),
            "blank_columns": st.sampled_from(["all", "required"]),
        }
    ),
    "missing": st.fixed_dictionaries({"missing": st.sampled_from(MISSING)}),
    "header": st.fixed_dictionaries(
        {"header": st.sampled_from(["padded", "no-break", "upper", "lower", "quoted"])}
    ),
    "form": st.fixed_dictionaries(
        {
            "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
            "line_end": st.sampled_from(["\n", "\r\n", "\r"]),
            "end": st.sampled_from(["", "\n", "\n\n\r\n", "none", "\x1a", "  \n"]),
        }
    ),
    "delimiter": st.fixed_dictionaries({"delimiter": st.sampled_from([";", "\t", "|"])}),
    "encoding": st.fixed_dictionaries({"encoding": st.sampled_from(ENCODINGS)}),
    "order": st.fixed_dictionaries(
        {
            "seed": st.integers(0, 9),
            "extra": st.sampled_from(["", "loaded_at", "Unnamed: 0", "index"]),
            "again": st.booleans(),
        }
    ),
}


@st.composite
def spellings(draw: st.DrawFn, most: int = 3) -> Spelling:
    """A spelling that uses some of the freedoms."""
    used = draw(st.lists(st.sampled_from(list(_FREEDOMS)), max_size=most, unique=True))
    chosen: dict[str, object] = {}
    for name in used:
        chosen |= draw(_FREEDOMS[name])
    spelling = Spelling(**chosen)  # type: ignore[arg-type]
    assume(spelling.can_be_written)
    return spelling


def read(folder: Path) -> dict[str, list[Cells]]:
    """The cells of each raw file of a folder."""
    found = {}
    for name in SOURCES:
        with (folder / name).open(newline="", encoding="utf-8") as file:
            found[name] = list(csv.reader(file))
    return found


def tables_of(layers: Sequence[str]) -> list[Table]:
    return [table for table in load().tables if table.layer in layers]

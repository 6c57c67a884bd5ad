"""Reads every file of a datamart and finds the cells that still hold a person: the proof of an erasure.

One column of one row group is in memory at a time. No engine is needed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from lakehouse.catalog import Catalog
from lakehouse.landing.cells import BLANKS
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.table import snake_case
from lakehouse.training_columns import CUSTOMER
from lakehouse.upkeep.person import RAW_TEXT, Person, is_text
from lakehouse.words import counted


@dataclass(frozen=True)
class Left:
    """A column of a file with cells that hold the person; `cells` is None if the file cannot be read.

    `is_sure`: the cells mean the person. Not so where an id that is only a number or a word equals a cell.
    """

    file: str
    column: str
    cells: int | None
    is_sure: bool = True

    def __str__(self) -> str:
        if self.cells is None:
            return f"{self.file} cannot be read"
        return f"{self.file}, {self.column}: {counted(self.cells, 'cell')}"


def what_is_left(datamart: Datamart, person: Person) -> list[Left]:
    """The places of a datamart that hold a person, whether a table or version uses the file or not."""
    root = datamart.place.on_this_machine()
    looked_for = _LookedFor(person, datamart.catalog)
    files = sorted(file for file in root.rglob("*") if file.is_file())
    return [left for file in files for left in _in_file(file, root, looked_for)]


@dataclass(frozen=True)
class _LookedFor:
    """The patterns that tell of a person, by the column of a cell.

    An id that is only a number or a word is sure to be meant only in columns that say whose a row is.
    """

    person: Person
    catalog: Catalog

    @cached_property
    def entities(self) -> set[str]:
        """The columns that say whose a row is."""
        declared = {n for table in self.catalog.data for n in self.catalog.entity_columns(table)}
        return {*declared, *map(snake_case, declared), CUSTOMER}

    @cached_property
    def _numbers(self) -> set[str]:
        """The raw columns that a later layer reads as something other than a text."""
        return {
            raw
            for table in self.catalog.data
            for own, raw in table.raw_columns
            if any(field.name == own and field.type != "STRING" for field in table.fields)
        }

    def in_cells(self, column: str) -> Iterator[tuple[str, bool]]:
        """Patterns for the cells of a column, each with whether a match is sure to be the person."""
        if self.person.is_telling or column in (*self.entities, RAW_TEXT):
            yield self.person.mentioned, True
            return
        if self.person.numbered:
            yield self.person.numbered, True
        if column not in self._numbers:
            yield f"^[{BLANKS}]*{re.escape(self.person.customer)}[{BLANKS}]*$", False

    @cached_property
    def in_texts(self) -> str:
        """A pattern (for RE2 and Python) for a text of a program: a commit, a path, statistics."""
        customer = self.person.customer
        if self.person.is_telling:
            spelt = {json.dumps(customer)[1:-1], quote(customer), customer}
            return "|".join(Person(each, self.person.numbers).mentioned for each in sorted(spelt))
        names = "|".join(map(re.escape, sorted(self.entities)))
        keyed = rf"(?:{names})[`\\\"' =:>]+{re.escape(customer)}(?:$|[^0-9A-Za-z])"
        return "|".join(filter(None, (keyed, self.person.numbered)))


def _in_file(file: Path, root: Path, looked_for: _LookedFor) -> Iterator[Left]:
    name = file.relative_to(root).as_posix()
    if re.search(looked_for.in_texts, name.replace("/", " ")):
        yield Left(name, "its name", 1)
    try:
        if file.suffix == ".parquet":
            yield from _in_parquet(file, name, looked_for)
        elif lines := _lines(file, looked_for):
            yield Left(name, "its lines", lines)
    except FileNotFoundError:
        return  # a job that ended meanwhile has removed it
    except (pa.ArrowException, OSError):
        yield Left(name, "", None)


def _lines(file: Path, looked_for: _LookedFor) -> int:
    told = re.compile(looked_for.in_texts)
    with file.open(encoding="utf-8", errors="replace") as lines:
        return sum(bool(told.search(line)) for line in lines)


def _in_parquet(file: Path, name: str, looked_for: _LookedFor) -> Iterator[Left]:
    with pq.ParquetFile(file) as plain:
        texts = [field.name for field in plain.schema_arrow if is_text(field.type)]
    # A text that many rows have is then looked at once.
    with pq.ParquetFile(file, read_dictionary=texts) as parquet:
        for field in parquet.schema_arrow:
            found: dict[tuple[str, bool], int] = {}
            for i in range(parquet.num_row_groups if _may_hold(field, looked_for) else 0):
                cells = parquet.read_row_group(i, columns=[field.name])[field.name]
                for column, values in _leaves(field.name, cells):
                    for pattern, is_sure in _patterns(file, column, looked_for):
                        n = _matches(values, pattern)
                        found[column, is_sure] = found.get((column, is_sure), 0) + n
            for (column, is_sure), n in found.items():
                if n:
                    yield Left(name, f"column {column}", n, is_sure)


def _patterns(file: Path, column: str, looked_for: _LookedFor) -> Iterator[tuple[str, bool]]:
    if file.parent.name == LOG_FOLDER and column not in looked_for.entities:
        yield looked_for.in_texts, True
    else:
        yield from looked_for.in_cells(column)


def _may_hold(field: pa.Field, looked_for: _LookedFor) -> bool:
    """Whether the column has texts, or ids that are whole numbers."""
    is_id = field.name in looked_for.entities and pa.types.is_integer(field.type)
    return is_id or pa.types.is_nested(field.type) or _is_text(field.type)


def _is_text(kind: pa.DataType) -> bool:
    return is_text(kind) or pa.types.is_dictionary(kind) or pa.types.is_binary(kind)


def _leaves(name: str, cells: Any) -> Iterator[tuple[str, Any]]:
    """The texts and whole numbers in cells of any type, each with the name of its innermost field."""
    kind = cells.type
    if pa.types.is_struct(kind):
        for field, inner in zip(kind, cells.flatten(), strict=True):
            yield from _leaves(field.name, inner)
    elif pa.types.is_map(kind):
        for part in cells.chunks:
            names, values = part.keys, part.items
            yield from _leaves(name, pa.chunked_array([names]))
            if not _is_text(names.type):
                yield from _leaves(name, pa.chunked_array([values]))
                continue
            # A cell is looked at as in a table with a column of its name.
            for each in pc.unique(names.cast(pa.string())).to_pylist():
                of_name = values.filter(pc.equal(names.cast(pa.string()), each))
                yield from _leaves(each, pa.chunked_array([of_name]))
    elif pa.types.is_nested(kind):
        yield from _leaves(name, pc.list_flatten(cells))
    elif pa.types.is_integer(kind) or kind == pa.string_view():
        yield name, cells.cast(pa.string())
    elif _is_text(kind):
        yield name, cells


def _matches(cells: pa.ChunkedArray, pattern: str) -> int:
    return sum(_matches_in(part, pattern) for part in cells.chunks)


def _matches_in(cells: pa.Array, pattern: str) -> int:
    if not pa.types.is_dictionary(cells.type):
        return pc.sum(pc.match_substring_regex(cells, pattern)).as_py() or 0
    is_like = pc.match_substring_regex(cells.dictionary, pattern)
    return pc.sum(is_like.take(cells.indices)).as_py() or 0 if pc.any(is_like).as_py() else 0

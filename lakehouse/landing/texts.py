"""The sound rows of all working copies as one view, `texts`, with a column per cell whatever its file has.

In SQL a raw column is `c<i>`, its text without blanks is `t<i>` and its date is `d<i>`. A name from a file is
only used as a quoted alias, so that no header can run SQL. `_file` is the number of a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from lakehouse.bronze.raw import NULL_WORDS
from lakehouse.landing import cells
from lakehouse.landing.decimals import may_be_numbers, with_point
from lakehouse.landing.lines import PREFIX_DIGITS
from lakehouse.landing.marks import Marks
from lakehouse.landing.working_copies import WorkingCopy
from lakehouse.storage.duck import literal, path_literal
from lakehouse.table import Source

_YES, _NO = ("1", "true", "y", "yes"), ("0", "false", "n", "no")


class Texts:
    """The columns of the view `texts`, by their raw names."""

    def __init__(self, source: Source, copies: Sequence[WorkingCopy]) -> None:
        self._source = source
        self._copies = copies
        self.marks = Marks.any_of([copy.marks for copy in copies])
        names = dict.fromkeys([*(n for copy in copies for n in copy.form.header), *source.header])
        self.extra_columns = tuple(
            n for n in names if n not in (*source.header, source.deleted_column)
        )
        self.cell = {name: f"c{i}" for i, name in enumerate(names)}
        self.text = {n: self.cell[n].replace("c", "t") for n in names if n in self._changed}
        self.day = {
            name: self.cell[name].replace("c", "d")
            for name, kind in source.required
            if kind == "date"
        }
        if source.valid_to:
            self.day[source.valid_to] = self.cell[source.valid_to].replace("c", "d")
        self.moment = {
            name: self.cell[name].replace("c", "m")
            for name, kind in source.required
            if kind == "time"
        }
        deleting = source.deleted_column
        self.deletion = self.cell[deleting] if deleting in names else None  # cell that says it
        self.may_delete = bool(self.deletion) or any(copy.form.deletes for copy in copies)

    @property
    def numbers(self) -> list[str]:
        return may_be_numbers(self._source)

    @cached_property
    def _changed(self) -> list[str]:
        """The columns whose texts are not their cells."""
        changed = [name for name, _ in self._source.required]
        if self._source.valid_to:
            changed.append(self._source.valid_to)
        if self._source.decimal == ",":
            changed += self.numbers
        if self.marks.odd_blanks or any(copy.spans_lines for copy in self._copies):
            changed += self._source.header
        return changed

    def sql(self) -> str:
        """The query of the view."""
        return " UNION ALL BY NAME ".join(map(self._of_copy, self._copies))

    def neither_yes_nor_no(self) -> str:
        """The reason why a cell that may say that a row is a deletion says nothing; NULL if it does."""
        text = cells.trimmed(self.deletion or "NULL")
        known = ", ".join(map(literal, (*_YES, *_NO, *NULL_WORDS)))
        told = literal(f"{self._source.deleted_column} is neither yes nor no")
        return f"CASE WHEN lower({text}) NOT IN ({known}) THEN {told} || {cells.shown(text)} END"

    def _of_copy(self, copy: WorkingCopy) -> str:
        form = copy.form
        places = 10**PREFIX_DIGITS
        times = dict(self._source.day_of)
        absent = "".join(
            f", {self._day_of(times.get(n), form.header)} AS {c}"
            for n, c in self.cell.items()
            if n not in form.header
        )
        texts = "".join(f", {self._text_of(name)} AS {t}" for name, t in self.text.items())
        deletes = f", {self._deletes(copy)} AS _deletes" if self.may_delete else ""
        return f"""
            SELECT *{texts}{deletes}, {self._raw_text(copy)} AS raw_text,
                   _place // {places} AS _file, _place % {places} AS _source_row
            FROM (SELECT *{absent} FROM {self._records(copy)})
        """

    def _day_of(self, time: str | None, there: Sequence[str]) -> str:
        """The text of a date that a file has only within a time; NULL if it has no such time."""
        if time is None or time not in there:
            return "NULL::VARCHAR"
        return cells.day_part(cells.trimmed(self.cell[time]))

    def _text_of(self, name: str) -> str:
        if name == self._source.valid_to:
            return cells.unless_null_word(cells.trimmed(self.cell[name]))
        is_required = name in dict(self._source.required)
        text = (cells.trimmed if is_required else cells.without_odd_blanks)(self.cell[name])
        if self._source.decimal == "," and name in self.numbers:
            return with_point(f"({text})")
        return text

    def _deletes(self, copy: WorkingCopy) -> str:
        if copy.form.deletes or self.deletion is None:
            return str(copy.form.deletes).lower()
        yes = ", ".join(map(literal, _YES))
        return f"coalesce(lower({cells.trimmed(self.deletion)}) IN ({yes}), false)"

    def _raw_text(self, copy: WorkingCopy) -> str:
        """The record as it is in its file, without needless quotes."""
        mark = copy.form.delimiter
        sign = rf"\{mark}" if mark in r"\^" else mark
        odd = literal(rf'["{sign}\r\n]')
        texts = [
            f"""CASE WHEN regexp_matches({cell}, {odd}) THEN '"' || replace({cell}, '"', '""') || '"'
                     ELSE coalesce({cell}, '') END"""
            for cell in (self.cell[name] for name in copy.form.header)
        ]
        return f"concat_ws({literal(mark)}, {', '.join(texts)})"

    def _records(self, copy: WorkingCopy) -> str:
        columns = {"_place": "BIGINT", "_source_line": "BIGINT"}
        columns |= dict.fromkeys((self.cell[name] for name in copy.form.header), "VARCHAR")
        types = ", ".join(f"{name}: '{type_}'" for name, type_ in columns.items())
        # The working copy doubles each bare quote, so a line may become twice as long.
        longest = max(2 * 1024**2, 2 * copy.longest_bytes + 1024)
        return rf"""read_csv({path_literal(copy.path)},
            auto_detect = false, header = false, columns = {{{types}}}, strict_mode = true,
            delim = {literal(copy.form.delimiter)}, quote = '"', escape = '"', new_line = '\n', nullstr = '',
            null_padding = false, hive_partitioning = false,
            max_line_size = {longest}, parallel = {not copy.spans_lines})"""

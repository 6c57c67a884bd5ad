"""The sound rows of a raw file, checked by DuckDB against what their source requires.

In SQL a raw column is `c<i>`, by its place in the header, and its date is `d<i>`. A name from a file is
only used as a quoted alias, so that no header can run SQL.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.landing.counts import Counts
from lakehouse.storage.duck import identifier, literal, path_literal
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lakehouse.landing.records import Split

IDENTIFIER = "identifier"
SHOWN_CHARACTERS = 40
ROW_GROUP_BYTES = 64 * 1024**2
ROW_GROUP_ROWS = 122_880

ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
US_DATE = "[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}"  # month first
INTEGER = "[+-]?[0-9]+"
WORD_WITH_DIGIT = r"\S*[0-9]\S*"
NUMBER = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"


class Rows:
    """The rows of one raw file on their way into two Parquet files."""

    def __init__(
        self, duckdb: DuckDBPyConnection, source: Source, file_name: str, split: Split, work: Path
    ) -> None:
        self.duckdb = duckdb
        self.source = source
        self.file_name = file_name
        self.split = split
        self.candidates = work / "candidates.parquet"
        self.accepted = work / "accepted.parquet"
        self.quarantined = work / "quarantined.parquet"
        self.broken = work / "broken.parquet"
        self.extra_columns = tuple(n for n in split.header if n not in source.header)
        self._cell = {name: f"c{i}" for i, name in enumerate(split.header)}
        self._date = {
            name: self._cell[name].replace("c", "d")
            for name, kind in source.required
            if kind == "date"
        }
        self._today = dt.datetime.now(dt.timezone.utc).date()
        self._define_checked(work / "sound.csv")

    def accept(self) -> None:
        """Write the rows that pass all checks, then remove those that repeat a key."""
        self.write(self._candidates_sql(), self.candidates)
        self.duckdb.execute(self._repeated_sql())
        if self._count("FROM repeated") == 0:
            self.candidates.replace(self.accepted)
            return
        self.write(
            f"SELECT * FROM {_parquet(self.candidates)} ANTI JOIN repeated USING (_source_row)",
            self.accepted,
        )
        self.candidates.unlink()

    def quarantine(self) -> None:
        """Write the broken records, the rows that fail a check and the rows that contradict another.

        `_row_hash` includes a count of equal texts, so that each of them stays a separate row.
        """
        refused = f"SELECT *, NULL::VARCHAR AS month FROM {_parquet(self.broken)}"
        sound = self.split.rows_in - self.split.broken
        settled = self._count(f"FROM {_parquet(self.accepted)}")
        if settled + self._count("FROM repeated WHERE contradicts IS NULL") < sound:
            refused += f" UNION ALL {self._refused_sql()}"
        self.write(
            f"""
            SELECT {literal(self.source.name)} AS source,
                   {literal(self.file_name)} AS _source_file,
                   _source_row, _source_line, raw_text, reasons, month,
                   md5(concat(raw_text, chr(31), row_number() OVER
                       (PARTITION BY md5(raw_text) ORDER BY _source_row))) AS _row_hash
            FROM ({refused})
            """,
            self.quarantined,
        )

    def counts(self) -> dict[str | None, Counts]:
        """The counts of rows per month, read back from the written files."""
        counted = self.duckdb.execute(
            f"""
            SELECT month, count(*) AS rows_in, count(*) FILTER (fate = 'accepted'),
                   count(*) FILTER (fate = 'quarantined'), count(*) FILTER (fate = 'equal')
            FROM (SELECT month, 'accepted' AS fate FROM {_parquet(self.accepted)}
                  UNION ALL SELECT month, 'quarantined' FROM {_parquet(self.quarantined)}
                  UNION ALL SELECT month, 'equal' FROM repeated WHERE contradicts IS NULL)
            GROUP BY month ORDER BY month NULLS LAST
            """
        ).fetchall()
        return {month: Counts(*numbers) for month, *numbers in counted}

    def most_frequent_reasons(self) -> str:
        """The three most frequent reasons, as `reason (n rows, first on line m)`."""
        reasons = self.duckdb.execute(
            f"""
            SELECT regexp_replace(split_part(reason, ': ', 1), 'row [0-9]+', 'another row') AS kind,
                   count(*) AS n, min(_source_line) AS line
            FROM (SELECT unnest(reasons) AS reason, _source_line
                  FROM {_parquet(self.quarantined)})
            GROUP BY kind ORDER BY n DESC, line LIMIT 3
            """
        ).fetchall()
        return "; ".join(
            f"{kind} ({n:,} {'row' if n == 1 else 'rows'}, first on line {line})"
            for kind, n, line in reasons
        )

    def _define_checked(self, sound: Path) -> None:
        """Create the view `checked`: the sound rows with their dates parsed."""
        columns = {"_source_row": "BIGINT", "_source_line": "BIGINT"}
        columns |= dict.fromkeys(self._cell.values(), "VARCHAR")
        types = ", ".join(f"{name}: '{type_}'" for name, type_ in columns.items())
        # The working copy doubles each bare quote, so a line may become twice as long.
        longest = max(2 * 1024**2, 2 * self.split.longest_bytes + 1024)
        dates = "".join(f", {_date(self._cell[n])} AS {d}" for n, d in self._date.items())
        self.duckdb.execute(
            rf"""
            CREATE TEMP VIEW checked AS
            SELECT *{dates} FROM read_csv({path_literal(sound)},
                auto_detect = false, header = false, columns = {{{types}}}, strict_mode = true,
                delim = ',', quote = '"', escape = '"', new_line = '\n', nullstr = '',
                null_padding = false, hive_partitioning = false,
                max_line_size = {longest}, parallel = {not self.split.spans_lines})
            """
        )

    def _candidates_sql(self) -> str:
        cells = [
            f"{self._date[name] if name == self.source.date else self._cell[name]} AS {identifier(name)}"
            for name in (*self.source.header, *self.extra_columns)
        ]
        return f"""
            SELECT {", ".join(cells)},
                   {literal(self.file_name)} AS _source_file, _source_row,
                   {self._row_hash_sql()} AS _row_hash, {self._month_sql()} AS month
            FROM checked WHERE {self.is_good_sql()}
        """

    def _repeated_sql(self) -> str:
        """The rows with a repeated key that are not accepted; `contradicts` is NULL for equal rows."""
        keys = ", ".join(identifier(key) for key in self.source.keys)
        # To group by a hash first needs little memory if (nearly) every key is there only once.
        return f"""
            CREATE TEMP TABLE repeated AS
            WITH candidates AS (FROM {_parquet(self.candidates)}),
            alike AS (
                SELECT hash({keys}) AS h FROM candidates GROUP BY h HAVING count(*) > 1),
            members AS (
                SELECT {keys}, _source_row, _row_hash, month FROM candidates
                WHERE hash({keys}) IN (SELECT h FROM alike)),
            groups AS (
                SELECT {keys}, min(_source_row) AS first_row,
                       arg_min(_row_hash, _source_row) AS first_hash
                FROM members GROUP BY {keys} HAVING count(*) > 1),
            disagreeing AS (
                SELECT {keys}, min(_source_row) AS other_row
                FROM members JOIN groups USING ({keys})
                WHERE _row_hash <> first_hash GROUP BY {keys})
            SELECT _source_row, month,
                   CASE WHEN other_row IS NULL THEN NULL
                        WHEN _row_hash = first_hash THEN other_row
                        ELSE first_row END AS contradicts
            FROM members JOIN groups USING ({keys}) LEFT JOIN disagreeing USING ({keys})
            WHERE other_row IS NOT NULL OR _source_row > first_row
        """

    def _refused_sql(self) -> str:
        keys = ", ".join(self.source.keys)
        contradiction = f"'contradicts row ' || contradicts || {literal(' of the same ' + keys)}"
        return f"""
            SELECT _source_row, _source_line, {self._raw_text_sql()} AS raw_text,
                   list_filter([{", ".join([*self._reasons_sql(), contradiction])}],
                               lambda reason: reason IS NOT NULL) AS reasons,
                   {self._month_sql()} AS month
            FROM checked LEFT JOIN (
                SELECT _source_row, contradicts FROM repeated WHERE contradicts IS NOT NULL
            ) USING (_source_row)
            WHERE contradicts IS NOT NULL OR NOT ({self.is_good_sql()})
        """

    def _reasons_sql(self) -> list[str]:
        """One expression per required column: the reason why its cell is bad, or NULL."""
        return [self._reason_sql(name, kind) for name, kind in self.source.required]

    def _reason_sql(self, name: str, kind: str) -> str:
        cell = self._cell[name]
        faults = _faults(kind, cell, self._date.get(name, ""), self._today)
        if kind == IDENTIFIER:
            numbers = self.source.personal_numbers
            faults += [
                (_is_like(f"trim({cell})", number.form), f"is {number.called}")
                for number in numbers
            ]
        # Reasons are printed and logged, so they must not show personal data.
        is_shown = kind != IDENTIFIER and name not in self.source.personal
        return _reason(name, cell, faults, is_shown)

    def is_good_sql(self) -> str:
        """The condition that a record is a row of this source."""
        return " AND ".join(f"({reason}) IS NULL" for reason in self._reasons_sql()) or "true"

    def _month_sql(self) -> str:
        day = self._date[self.source.date]
        within = f"{day} BETWEEN DATE '1970-01-01' AND DATE '{self._today}'"
        return f"CASE WHEN {within} THEN strftime({day}, '%Y-%m') END"

    def _row_hash_sql(self) -> str:
        """MD5 of the cells that are not empty, sorted by name; required dates are in ISO form.

        Each name and each value ends with 0x1F; inside them 0x1E and 0x1F are escaped.
        """
        pairs = []
        for name in sorted(self.split.header):
            value = f"{self._date.get(name, self._cell[name])}::VARCHAR"
            if self.split.holds_separators:
                value = (
                    f"replace(replace({value}, chr(30), chr(30) || '0'), chr(31), chr(30) || '1')"
                )
            escaped = name.replace("\x1e", "\x1e0").replace("\x1f", "\x1e1")
            pairs.append(f"({literal(escaped)} || chr(31)) || {value}")
        # concat_ws leaves out NULL, and with it the names of empty cells.
        return f"md5(concat_ws(chr(31), {', '.join(pairs)}, ''))"

    def _raw_text_sql(self) -> str:
        cells = [
            f"""CASE WHEN regexp_matches({cell}, '[",\\r\\n]')
                     THEN '"' || replace({cell}, '"', '""') || '"'
                     ELSE coalesce({cell}, '') END"""
            for cell in self._cell.values()
        ]
        return f"concat_ws(',', {', '.join(cells)})"

    def write(self, query: str, path: Path) -> None:
        """Write the rows of a query as a Parquet file, in row groups that bound memory."""
        row_bytes = max(self.split.bytes_in // self.split.rows_in, 1)
        group_rows = min(max(ROW_GROUP_BYTES // row_bytes, 2048), ROW_GROUP_ROWS)
        # The files exist for seconds, and to compress them took longer than it saved.
        options = f"FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE {group_rows}"
        self.duckdb.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")

    def _count(self, relation: str) -> int:
        counted = self.duckdb.execute(f"SELECT count(*) {relation}").fetchone()
        return int(counted[0]) if counted else 0


def _faults(kind: str, cell: str, day: str, today: dt.date) -> list[tuple[str, str]]:
    """SQL conditions under which a cell of a kind is bad, each with the reason."""
    text = f"trim({cell})"
    return {
        "text": [],
        IDENTIFIER: [
            (f"NOT {_is_like(text, WORD_WITH_DIGIT)}", "is not one word with a digit in it")
        ],
        "date": [
            (f"{day} IS NULL AND {_is_like(text, ISO_DATE, US_DATE)}", "is not in the calendar"),
            (f"{day} IS NULL", "is not a date like 2023-05-01 or 5/1/2023"),
            (f"{day} < DATE '1970-01-01'", "is before 1970-01-01"),
            (f"{day} > DATE '{today}'", "is in the future"),
        ],
        "integer": [
            (f"NOT {_is_like(text, INTEGER)}", "is not a whole number"),
            (f"try_cast({text} AS INTEGER) IS NULL", "is beyond 32 bits"),
        ],
        "number": [
            (f"NOT {_is_like(text, NUMBER)}", "is not a number"),
            (f"NOT coalesce(isfinite(try_cast({text} AS DOUBLE)), false)", "is too large"),
        ],
    }[kind]


def _reason(name: str, cell: str, faults: Iterable[tuple[str, str]], is_shown: bool) -> str:
    """SQL: that a cell is missing, or its first fault; NULL if it is good."""
    shown = _shown(cell) if is_shown else "''"
    cases = "".join(
        f" WHEN {fault} THEN {literal(f'{name} {reason}')} || {shown}" for fault, reason in faults
    )
    missing = f"{cell} IS NULL OR NOT regexp_matches({cell}, '\\S')"
    return f"CASE WHEN {missing} THEN {literal(name + ' is missing')}{cases} END"


def _date(cell: str) -> str:
    """SQL: the DATE of a cell in one of the two valid forms, else NULL."""
    text = f"trim({cell})"
    return f"""CASE WHEN {_is_like(text, ISO_DATE)} THEN try_cast({text} AS DATE)
                    WHEN {_is_like(text, US_DATE)}
                    THEN try_strptime({text}, '%m/%d/%Y')::DATE END"""


def _is_like(text: str, *patterns: str) -> str:
    return f"regexp_full_match({text}, {literal('|'.join(patterns))})"


def _shown(cell: str) -> str:
    n = SHOWN_CHARACTERS
    flat = f"regexp_replace(left({cell}, {n}), '\\s+', ' ', 'g')"
    return f"': ''' || {flat} || CASE WHEN length({cell}) > {n} THEN '...' ELSE '' END || ''''"


def _parquet(path: Path) -> str:
    return f"read_parquet({path_literal(path)}, hive_partitioning = false)"

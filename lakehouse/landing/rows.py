"""The sound rows of a raw file, checked by DuckDB against what their source requires.

In SQL a raw column is `c<i>`, by its place in the header, its text without blanks is `t<i>` and its date is
`d<i>`. A name from a file is only used as a quoted alias, so that no header can run SQL.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DateOrder
from lakehouse.landing import cells, repeated
from lakehouse.landing.counts import Counts
from lakehouse.landing.dates import WITH_SHORT_YEAR, WITH_SLASHES, Written
from lakehouse.storage.duck import identifier, literal, path_literal
from lakehouse.table import Source

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from lakehouse.landing.records import Split

ROW_GROUP_BYTES = 64 * 1024**2
ROW_GROUP_ROWS = 122_880
_CHUNK_BYTES = 4 * 1024**2


class Rows:
    """The rows of one raw file on their way into two Parquet files; `read_dates` comes first."""

    def __init__(
        self,
        duckdb: DuckDBPyConnection,
        source: Source,
        file_name: str,
        split: Split,
        work: Path,
        today: dt.date,
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
        self._today = today
        self._has_slashes, is_ascii = _looked_through(work / "sound.csv")
        self._cell = {name: f"c{i}" for i, name in enumerate(split.header)}
        trimmed = [name for name, _ in source.required]
        trimmed += [] if is_ascii else [name for name in source.header if name not in trimmed]
        self._text = {n: self._cell[n].replace("c", "t") for n in split.header if n in trimmed}
        self._date = {
            name: self._cell[name].replace("c", "d")
            for name, kind in source.required
            if kind == "date"
        }
        self._define_texts(work / "sound.csv")

    def written_dates(self) -> list[Written]:
        """Each date with slashes of a required column, as it is written."""
        if not self._has_slashes:
            return []
        pairs = ", ".join(f"({literal(name)}, {self._text[name]})" for name in self._date)
        found = self.duckdb.execute(
            f"""
            SELECT name, text, count(*), min(_source_line)
            FROM texts, LATERAL (VALUES {pairs}) AS written(name, text)
            WHERE {cells.is_like("text", WITH_SLASHES, WITH_SHORT_YEAR)}
            GROUP BY name, text ORDER BY min(_source_line), name
            """
        ).fetchall()
        return [Written(*each) for each in found]

    def read_dates(self, order: DateOrder | None) -> None:
        """Read the dates with slashes in this order."""
        days = "".join(f", {cells.day(self._text[n], order)} AS {d}" for n, d in self._date.items())
        self.duckdb.execute(f"CREATE TEMP VIEW checked AS SELECT *{days} FROM texts")

    def accept(self) -> None:
        """Write the rows that pass all checks, then remove those that repeat a key."""
        self.write(self._candidates_sql(), self.candidates)
        candidates = _parquet(self.candidates)
        members = repeated.members(self.source, candidates)
        self.duckdb.execute(f"CREATE TEMP TABLE members AS {members}")
        differ = self._count("FROM members WHERE differ")
        rows = repeated.repeated_rows(self.source, candidates) if differ else repeated.EQUAL_ROWS
        self.duckdb.execute(f"CREATE TEMP TABLE repeated AS {rows}")
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
        found = self.duckdb.execute(
            f"""
            SELECT month, count(*) AS rows_in, count(*) FILTER (fate = 'accepted'),
                   count(*) FILTER (fate = 'quarantined'), count(*) FILTER (fate = 'equal')
            FROM (SELECT month, 'accepted' AS fate FROM {_parquet(self.accepted)}
                  UNION ALL SELECT month, 'quarantined' FROM {_parquet(self.quarantined)}
                  UNION ALL SELECT month, 'equal' FROM repeated WHERE contradicts IS NULL)
            GROUP BY month ORDER BY month NULLS LAST
            """
        ).fetchall()
        return {month: Counts(*numbers) for month, *numbers in found}

    def most_frequent_reasons(self) -> str:
        """The three most frequent reasons, as `reason (n rows, first on line m)`."""
        found = self.duckdb.execute(
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
            for kind, n, line in found
        )

    def why_cut_off(self) -> str | None:
        """Why the last row of the file is not whole, where it is not; its last cell may be cut too."""
        found = self.duckdb.execute(
            f"""
            SELECT reason FROM (SELECT unnest(reasons) AS reason
                FROM {_parquet(self.quarantined)} WHERE _source_row = {self.split.rows})
            WHERE starts_with(reason, 'too few columns') OR reason = 'a quote that is not closed'
                  OR starts_with(reason, {literal(self.split.header[-1] + " is ")})
            """
        ).fetchone()
        return str(found[0]).split(": ")[0].replace("too few", "has too few") if found else None

    def first_day_of_the_future(self) -> dt.date | None:
        """The first day on which a row that is of the future now no longer is; None where none is."""
        if not self._count(
            f"""FROM (SELECT unnest(reasons) AS reason FROM {_parquet(self.quarantined)})
                WHERE contains(reason, {literal(" " + cells.IN_THE_FUTURE)})"""
        ):
            return None
        latest = f"greatest({', '.join(self._date.values())})"
        found = self.duckdb.execute(
            f"SELECT min({latest}) FROM checked WHERE {latest} > DATE '{self._today}'"
        ).fetchone()
        return found[0] if found else None

    def _define_texts(self, sound: Path) -> None:
        """The sound rows with the texts of their cells as the view `texts`."""
        columns = {"_source_row": "BIGINT", "_source_line": "BIGINT"}
        columns |= dict.fromkeys(self._cell.values(), "VARCHAR")
        types = ", ".join(f"{name}: '{type_}'" for name, type_ in columns.items())
        # The working copy doubles each bare quote, so a line may become twice as long.
        longest = max(2 * 1024**2, 2 * self.split.longest_bytes + 1024)
        required = dict(self.source.required)
        texts = "".join(
            f", {(cells.trimmed if name in required else cells.without_wide_blanks)(self._cell[name])}"
            f" AS {text}"
            for name, text in self._text.items()
        )
        self.duckdb.execute(
            rf"""
            CREATE TEMP VIEW texts AS
            SELECT *{texts} FROM read_csv({path_literal(sound)},
                auto_detect = false, header = false, columns = {{{types}}}, strict_mode = true,
                delim = ',', quote = '"', escape = '"', new_line = '\n', nullstr = '',
                null_padding = false, hive_partitioning = false,
                max_line_size = {longest}, parallel = {not self.split.spans_lines})
            """
        )

    def _value(self, name: str) -> str:
        """A cell as bronze keeps it: a required date in ISO form, without blanks around it."""
        if name in self._date:
            day = self._date[name]
            return day if name == self.source.date else f"{day}::VARCHAR"
        return self._text.get(name, self._cell[name])

    def _candidates_sql(self) -> str:
        values = [
            f"{self._value(name)} AS {identifier(name)}"
            for name in (*self.source.header, *self.extra_columns)
        ]
        return f"""
            SELECT {", ".join(values)},
                   {literal(self.file_name)} AS _source_file, _source_row,
                   {self._row_hash_sql()} AS _row_hash, {self._month_sql()} AS month
            FROM checked WHERE {self.is_good_sql()}
        """

    def _refused_sql(self) -> str:
        of_key = literal(" of the same " + ", ".join(self.source.keys) + ": it differs in ")
        contradiction = f"'contradicts row ' || contradicts || {of_key} || differs_in"
        return f"""
            SELECT _source_row, _source_line, {self._raw_text_sql()} AS raw_text,
                   list_filter([{", ".join([*self._reasons_sql(), contradiction])}],
                               lambda reason: reason IS NOT NULL) AS reasons,
                   {self._month_sql()} AS month
            FROM checked LEFT JOIN (
                SELECT _source_row, contradicts, differs_in FROM repeated
                WHERE contradicts IS NOT NULL
            ) USING (_source_row)
            WHERE contradicts IS NOT NULL OR NOT ({self.is_good_sql()})
        """

    def _reasons_sql(self) -> list[str]:
        """One expression per required column and order of two dates: the reason why a row is bad, or NULL."""
        required = [self._reason_sql(name, kind) for name, kind in self.source.required]
        return [*required, *(self._order_sql(*pair) for pair in self.source.order)]

    def _reason_sql(self, name: str, kind: str) -> str:
        text = self._text[name]
        faults = cells.faults(kind, text, self._date.get(name, ""), self._today)
        if kind != "date" and name in (*self.source.keys, self.source.entity):
            faults.insert(0, (cells.is_null_word(text), "is a word for a missing value"))
        if kind == cells.IDENTIFIER:
            numbers = self.source.personal_numbers
            faults += [(cells.is_like(text, each.form), f"is {each.called}") for each in numbers]
        # Reasons are printed and logged, so they must not show personal data.
        is_shown = kind != cells.IDENTIFIER and name not in self.source.personal
        return cells.reason(name, text, faults, is_shown)

    def _order_sql(self, earlier: str, later: str) -> str:
        told = f"{literal(f'{earlier} is after {later}')} || {cells.shown(self._text[earlier])}"
        return f"CASE WHEN {self._date[earlier]} > {self._date[later]} THEN {told} END"

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
            value = f"{self._value(name)}::VARCHAR"
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
        found = self.duckdb.execute(f"SELECT count(*) {relation}").fetchone()
        return int(found[0]) if found else 0


def _looked_through(sound: Path) -> tuple[bool, bool]:
    """Whether a file has a slash, and whether it has nothing but ASCII."""
    has_slashes, is_ascii = False, True
    with sound.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            has_slashes = has_slashes or b"/" in chunk
            is_ascii = is_ascii and chunk.isascii()
    return has_slashes, is_ascii


def _parquet(path: Path) -> str:
    return f"read_parquet({path_literal(path)}, hive_partitioning = false)"

"""The sound rows of raw files, checked by DuckDB against what their source requires."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.days import DateOrder
from lakehouse.landing import cells, repeated
from lakehouse.landing.row_hash import deletion_hash, hashed_as, refused_hash, row_hash
from lakehouse.landing.texts import Texts
from lakehouse.landing.working_copies import SplitFile, WorkingCopies
from lakehouse.months import UNDATED
from lakehouse.storage.duck import identifier, literal, path_literal

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROW_GROUP_BYTES = 64 * 1024**2
ROW_GROUP_ROWS = 122_880
PLACE = "_source_file, _source_row"


class Rows:
    """The rows of raw files on their way into Parquet files; `read_dates` comes first.

    Rows of files that the table `files` does not have are passed over.
    """

    def __init__(
        self,
        duckdb: DuckDBPyConnection,
        copies: WorkingCopies,
        files: Sequence[SplitFile],
        today: dt.date,
    ) -> None:
        self.duckdb = duckdb
        self.source = copies.source
        self.files = files
        self.has_left_out = False
        self.texts = Texts(copies.source, copies.every)
        self.candidates = copies.work / "candidates.parquet"
        self.quarantined = copies.work / "quarantined.parquet"
        self._broken = copies.broken.path
        self._today = today
        duckdb.execute(f"CREATE TEMP VIEW texts AS {self.texts.sql()}")
        self._list_files()

    def _list_files(self) -> None:
        """Make the table of the files that are taken, each with its place in the order of files."""
        self.duckdb.execute(
            "CREATE TEMP TABLE files (_file BIGINT, _source_file VARCHAR, place BIGINT)"
        )
        latest_last = sorted(self.files, key=lambda each: each.arrival.order(self.source))
        self.duckdb.execute(
            "INSERT INTO files SELECT unnest(?), unnest(?), unnest(?)",
            [
                [each.number for each in latest_last],
                [each.name for each in latest_last],
                [*range(len(latest_last))],
            ],
        )

    def leave_out(self, numbers: Sequence[int]) -> None:
        """Take nothing of these files."""
        if numbers:
            self.has_left_out = True
            self.files = [each for each in self.files if each.number not in {*numbers}]
            self.duckdb.execute("DELETE FROM files WHERE _file IN (SELECT unnest(?))", [[*numbers]])

    def read_dates(self, orders: Mapping[int, DateOrder | None]) -> None:
        """Read the dates with slashes of each file in its order."""
        days = "".join(
            f", {self._day_sql(self.texts.text[n], orders)} AS {d}"
            for n, d in self.texts.day.items()
        )
        dated = f"SELECT *{days} FROM {self._named('texts')}"
        moments = "".join(
            f", {self._moment_sql(self.texts.text[n], orders)} AS {m}"
            for n, m in self.texts.moment.items()
        )
        whole = f"SELECT *{moments} FROM ({dated})" if moments else dated
        self.duckdb.execute(f"CREATE TEMP VIEW checked AS {whole}")

    def _moment_sql(self, text: str, orders: Mapping[int, DateOrder | None]) -> str:
        its_day = self._day_sql(cells.day_part(text), orders)
        return cells.moment(text, f"({its_day})::VARCHAR", f"{self._day_of_row}::VARCHAR")

    @property
    def _day_of_row(self) -> str:
        return self.texts.day[self.source.date] if self.source.date else "NULL"

    def _day_sql(self, text: str, orders: Mapping[int, DateOrder | None]) -> str:
        files_by_day: dict[str, list[int]] = {}
        for number, order in orders.items():
            files_by_day.setdefault(cells.day(text, order, self.source), []).append(number)
        *others, (most, _) = sorted(files_by_day.items(), key=lambda each: len(each[1]))
        cases = "".join(
            f" WHEN _file IN ({', '.join(map(str, numbers))}) THEN {day}" for day, numbers in others
        )
        return f"CASE{cases} ELSE {most} END" if cases else most

    def _named(self, relation: str) -> str:
        """The rows of a relation with the name of their file."""
        if len(self.files) == 1:
            (only,) = self.files
            rows = f"SELECT *, {literal(only.name)} AS _source_file FROM {relation}"
            return f"({rows} WHERE _file = {only.number})"
        return f"(FROM {relation} JOIN (SELECT _file, _source_file FROM files) USING (_file))"

    def accept(self) -> None:
        """Write the rows that pass all checks, and find those that repeat a key of their file."""
        self.write(self._candidates_sql(), self.candidates)
        candidates = parquet(self.candidates)
        met = repeated.met(self.source, candidates, self.texts.may_delete)
        self.duckdb.execute(f"CREATE TEMP TABLE met AS {met}")
        self.duckdb.execute(f"CREATE TEMP TABLE members AS {repeated.members(self.source)}")
        rows = repeated.EQUAL_ROWS
        if self.count("FROM members WHERE differ"):
            rows = repeated.repeated_rows(self.source, candidates, self.texts.may_delete)
        self.duckdb.execute(f"CREATE TEMP TABLE repeated AS {rows}")

    def quarantine(self) -> None:
        """Write the broken records, the rows that fail a check and the rows that contradict another.

        `_row_hash` includes a count of equal texts, so that each of them stays a separate row.
        """
        columns = f"{PLACE}, _source_line, raw_text, reasons"
        broken = self._named(parquet(self._broken))
        refused = f"SELECT {columns}, NULL::VARCHAR AS month FROM {broken}"
        sound = sum(each.split.rows_in - each.split.broken for each in self.files)
        good = self.count(f"FROM {parquet(self.candidates)}")
        if good - self.count("FROM repeated WHERE contradicts IS NOT NULL") < sound:
            refused += f" UNION ALL {self._refused_sql()}"
        number = "row_number() OVER (PARTITION BY _source_file, md5(raw_text) ORDER BY _source_row)"
        self.write(
            f"""
            SELECT {literal(self.source.name)} AS source, {columns}, month,
                   {refused_hash("raw_text", number)} AS _row_hash
            FROM ({refused})
            """,
            self.quarantined,
        )

    def first_days_of_the_future(self) -> dict[str, dt.date]:
        """By file, the first day on which a row that is of the future now no longer is."""
        if not self.count(
            f"""FROM (SELECT unnest(reasons) AS reason FROM {parquet(self.quarantined)})
                WHERE contains(reason, {literal(" " + cells.IN_THE_FUTURE)})"""
        ):
            return {}
        # The end of validity may be in the future.
        days = (day for name, day in self.texts.day.items() if name != self.source.valid_to)
        latest = f"greatest({', '.join(days)})"
        found = self.duckdb.execute(
            f"""SELECT _source_file, min({latest}) FROM checked WHERE {latest} > DATE '{self._today}'
                GROUP BY _source_file"""
        ).fetchall()
        return dict(found)

    def _value(self, name: str) -> str:
        """A cell as bronze keeps it: a required date or time in ISO form, without blanks around it."""
        if name in self.texts.day:
            day = self.texts.day[name]
            return day if name == self.source.date else f"{day}::VARCHAR"
        if name in self.texts.moment:
            return f"{self.texts.moment[name]}::VARCHAR"
        return self.texts.text.get(name, self.texts.cell[name])

    def _candidates_sql(self) -> str:
        names = (*self.source.header, *self.texts.extra_columns)
        values = [
            f"{self._of_row(name, self._value(name))} AS {identifier(name)}" for name in names
        ]
        deletes = ", _deletes" if self.texts.may_delete else ""
        return f"""
            SELECT {", ".join(values)}, {PLACE},
                   {self._row_hash_sql()} AS _row_hash, {self._month_sql()} AS month{deletes}
            FROM checked WHERE {self.is_good_sql()}
        """

    def _of_row(self, name: str, value: str) -> str:
        """A value of a column; NULL outside the key of a row that deletes it."""
        if not self.texts.may_delete or name in self.source.keys:
            return value
        return f"CASE WHEN NOT _deletes THEN {value} END"

    def _refused_sql(self) -> str:
        of_key = literal(" of the same " + ", ".join(self.source.keys) + ": it differs in ")
        contradiction = f"{literal(repeated.CONTRADICTS)} || contradicts || {of_key} || differs_in"
        return f"""
            SELECT {PLACE}, _source_line, raw_text,
                   list_filter([{", ".join([*self._reasons_sql(), contradiction])}],
                               lambda reason: reason IS NOT NULL) AS reasons,
                   {self._month_sql()} AS month
            FROM checked LEFT JOIN (
                SELECT {PLACE}, contradicts, differs_in FROM repeated
                WHERE contradicts IS NOT NULL
            ) USING ({PLACE})
            WHERE contradicts IS NOT NULL OR NOT ({self.is_good_sql()})
        """

    def _reasons_sql(self) -> list[str]:
        """One expression per required column and order of two dates: the reason why a row is bad, or NULL."""
        reasons = [
            self._of_row(name, f"({self._reason_sql(name, kind)})")
            for name, kind in self.source.required
        ]
        reasons += (self._of_row("", f"({self._order_sql(*pair)})") for pair in self.source.order)
        if end := self.source.valid_to:
            text, day = self.texts.text[end], self.texts.day[end]
            why = cells.end_reason(self.source, text, day, self._day_of_row, cells.shown(text))
            reasons.append(self._of_row("", f"({why})"))
        return [*reasons, self.texts.neither_yes_nor_no()] if self.texts.deletion else reasons

    def _reason_sql(self, name: str, kind: str) -> str:
        text = self.texts.text[name]
        read = self.texts.day.get(name) or self.texts.moment.get(name, "")
        of_row = self._day_of_row if self.source.date else ""
        faults = cells.faults(kind, text, read, self._today, self.source, of_row)
        if kind not in ("date", "time") and name in (*self.source.keys, self.source.entity):
            faults.insert(0, (cells.is_no_id(text), "is a word for a missing value"))
        if kind == cells.IDENTIFIER:
            numbers = self.source.personal_numbers
            faults += [(cells.is_like(text, each.form), f"is {each.called}") for each in numbers]
        # Reasons are printed and logged, so they must not show personal data.
        is_shown = kind != cells.IDENTIFIER and name not in self.source.personal
        return cells.reason(name, text, faults, is_shown)

    def _order_sql(self, earlier: str, later: str) -> str:
        shown = cells.shown(self.texts.text[earlier])
        told = f"{literal(f'{earlier} is after {later}')} || {shown}"
        return f"CASE WHEN {self.texts.day[earlier]} > {self.texts.day[later]} THEN {told} END"

    def is_good_sql(self) -> str:
        """The condition that a record is a row of this source."""
        return " AND ".join(f"({reason}) IS NULL" for reason in self._reasons_sql()) or "true"

    def _month_sql(self) -> str:
        if not self.source.date:
            return literal(UNDATED)
        day = self.texts.day[self.source.date]
        within = f"{day} BETWEEN DATE '1970-01-01' AND DATE '{self._today}'"
        return f"CASE WHEN {within} THEN strftime({day}, '%Y-%m') END"

    def _row_hash_sql(self) -> str:
        """The hash of the cells as bronze keeps them; a deletion has only those of its key."""
        escaped = any(each.split.holds_separators for each in self.files)
        names = (*self.source.header, *self.texts.extra_columns)
        values = {hashed_as(name, self.source): self._value(name) for name in names}
        of_row = row_hash(values, escaped)
        if not self.texts.may_delete:
            return of_row
        keys = {name: values[name] for name in self.source.keys}
        return f"CASE WHEN _deletes THEN {deletion_hash(keys, escaped)} ELSE {of_row} END"

    def write(self, query: str, path: Path) -> None:
        """Write the rows of a query as a Parquet file, in row groups that bound memory."""
        rows_in = sum(each.split.rows_in for each in self.files)
        row_bytes = max(sum(each.split.bytes_in for each in self.files) // max(rows_in, 1), 1)
        group_rows = min(max(ROW_GROUP_BYTES // row_bytes, 2048), ROW_GROUP_ROWS)
        # The files exist for seconds, and to compress them took longer than it saved.
        options = f"FORMAT parquet, COMPRESSION uncompressed, ROW_GROUP_SIZE {group_rows}"
        self.duckdb.execute(f"COPY ({query}) TO {literal(str(path))} ({options})")

    def count(self, relation: str) -> int:
        found = self.duckdb.execute(f"SELECT count(*) {relation}").fetchone()
        return int(found[0]) if found else 0


def parquet(path: Path) -> str:
    """The rows of a Parquet file as SQL."""
    return f"read_parquet({path_literal(path)}, hive_partitioning = false)"

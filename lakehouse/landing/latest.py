"""The good rows of all files, written: for each key that of the latest file, apart from the others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lakehouse.landing.rows import PLACE, Rows, parquet
from lakehouse.storage.duck import identifier


@dataclass(frozen=True)
class Written:
    """The Parquet files of a source; None for one without a row."""

    accepted: Path
    quarantined: Path
    others: Path | None
    deleted: Path | None
    good_rows: int  # in all of them but the quarantine


class Latest:
    """Writes into a folder what the files have that were not left out."""

    def __init__(self, rows: Rows, into: Path) -> None:
        self._rows = rows
        self._into = into
        self._may_delete = rows.texts.may_delete
        self._good, self._bad = parquet(rows.candidates), parquet(rows.quarantined)
        if rows.has_left_out:
            kept = "SEMI JOIN files USING (_source_file)"
            self._good, self._bad = f"(FROM {self._good} {kept})", f"(FROM {self._bad} {kept})"

    def write(self) -> Written:
        self._rows.duckdb.execute(f"CREATE TEMP TABLE others AS {self._places_of_others()}")
        others, deleted, accepted = self._others(), self._deleted(), self._accepted()
        every = [path for path in (accepted, others, deleted) if path]
        good_rows = sum(self._rows.count(f"FROM {parquet(path)}") for path in every)
        return Written(accepted, self._quarantined(), others, deleted, good_rows)

    def _places_of_others(self) -> str:
        """The rows for which a row, or a deletion, of a later file stands."""
        keys = ", ".join(map(identifier, self._rows.source.keys))
        return f"""
            SELECT {PLACE}
            FROM met ANTI JOIN repeated USING ({PLACE}) JOIN files USING (_source_file)
            QUALIFY place < max(place) OVER (PARTITION BY {keys})
        """

    def _accepted(self) -> Path:
        path = self._path("accepted")
        settled = f"(SELECT {PLACE} FROM repeated UNION ALL SELECT {PLACE} FROM others)"
        is_changed = self._rows.has_left_out or self._may_delete
        if is_changed or self._rows.count(f"FROM {settled}"):
            self._rows.write(self._rows_of(f"ANTI JOIN {settled}"), path)
        else:
            self._rows.candidates.replace(path)
        return path

    def _others(self) -> Path | None:
        if self._rows.count("FROM others") == 0:
            return None
        return self._unless_empty("others", self._rows_of("SEMI JOIN others"))

    def _deleted(self) -> Path | None:
        """Each deletion, also if a later file has a row of its key again."""
        if not self._may_delete:
            return None
        keys = ", ".join(map(identifier, self._rows.source.keys))
        once = f"ANTI JOIN repeated USING ({PLACE}) WHERE _deletes"
        columns = f"{keys}, month, {PLACE}, _row_hash"
        return self._unless_empty("deleted", f"SELECT {columns} FROM {self._good} {once}")

    def _quarantined(self) -> Path:
        path = self._path("quarantined")
        if self._rows.has_left_out:
            self._rows.write(f"FROM {self._bad}", path)
        else:
            self._rows.quarantined.replace(path)
        return path

    def _rows_of(self, joined: str) -> str:
        """The good rows, without deletions, that are joined to such places."""
        without = ("* EXCLUDE (_deletes)", "WHERE NOT _deletes") if self._may_delete else ("*", "")
        return f"SELECT {without[0]} FROM {self._good} {joined} USING ({PLACE}) {without[1]}"

    def _unless_empty(self, kind: str, query: str) -> Path | None:
        path = self._path(kind)
        self._rows.write(query, path)
        if self._rows.count(f"FROM {parquet(path)}"):
            return path
        path.unlink()
        return None

    def _path(self, kind: str) -> Path:
        return self._into / f"{self._rows.source.name}.{kind}.parquet"

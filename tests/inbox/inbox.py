"""A folder of raw files and the datamart made of it, by commands; what is in its tables, as plain values."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import lakehouse.catalog
from lakehouse.catalog import Catalog
from lakehouse.cli import main
from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.log import Log
from lakehouse.table import Table
from tests.inbox import files

SUPERSEDED = "bronze.superseded"


@dataclass(frozen=True)
class Told:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Inbox:
    """Raw files at `data` and their datamart; commands know the tables of the catalog."""

    root: Path
    catalog: Catalog
    engine: str = "embedded"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def datamart(self) -> Path:
        return self.root / "datamart"

    @property
    def log(self) -> Log:
        return Log(str(self.datamart))

    def put(self, name: str, *lines: str) -> Path:
        """Deliver a file of the first source, or one that names another."""
        source = next(
            (t.source for t in self.catalog.sources if t.source and name.startswith(t.source.name)),
            None,
        )
        assert source, name
        path = self.data / name
        files.write(path, source.header, lines)
        return path

    def call(self, command: str, *arguments: str | Path) -> Told:
        """Do a command in this process."""
        places = ["--data", str(self.data), "--datamart", str(self.datamart)]
        out, err = io.StringIO(), io.StringIO()
        with (
            patch.object(lakehouse.catalog, "load", lambda *_given: self.catalog),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            code = main([command, *map(str, arguments), *places], self.catalog)
        return Told(code, out.getvalue(), err.getvalue())

    def run(self, *arguments: str) -> Told:
        return self.call("run", "--engine", self.engine, "--json", *arguments)

    def taken(self, *arguments: str) -> Any:
        """The report of a run, which must go well."""
        told = self.run(*arguments)
        assert told.code == 0, told.err
        return told.json

    def refused(self, *arguments: str) -> str:
        """The one line of a run that refuses something."""
        told = self.run(*arguments)
        assert (told.code, told.err.count("\n")) == (2, 1), (told.code, told.err)
        return told.err

    @property
    def releases(self) -> list[Release]:
        return published.releases(self.log)

    @property
    def versions(self) -> dict[str, int | None]:
        """The Delta version of every table, those of the ledger too."""
        return {table.full_name: self.log.version(table) for table in self.catalog.tables}

    def rows(self, name: str, version: int | None = None) -> dict[tuple[Any, ...], dict[str, Any]]:
        """The rows of a table by key, less the columns that tell of the writing; no key is there twice."""
        return by_key(self.log, self.catalog.table(name), version)

    def everything(self) -> dict[str, Mapping[tuple[Any, ...], dict[str, Any]]]:
        """The rows of every table that does not say which file a row came from."""
        return {
            table.full_name: self.rows(table.full_name)
            for table in self.catalog.data
            if table.source or table.transform
        }

    def bronze(self, source: str) -> dict[tuple[str, str], str]:
        """The amount of each customer and day."""
        rows = self.log.read(self.catalog.table(f"bronze.{source}"))
        found = {(row["customer"], str(row["day"])): row["amount"] for row in rows}
        assert len(found) == len(rows), f"bronze.{source} has a key twice"
        return found

    def gold(self, source: str) -> dict[tuple[str, str], float]:
        rows = self.log.read(self.catalog.table(f"gold.sums_of_{source}"))
        found = {(row["customer"], str(row["day"])): row["amount_3m"] for row in rows}
        assert len(found) == len(rows), f"gold.sums_of_{source} has a key twice"
        return found

    def superseded(self, fate: str = "superseded") -> list[tuple[str, int]]:
        """File and row of each row of this fate that another file stands for."""
        rows = self.log.read(self.catalog.table(SUPERSEDED))
        assert len({(r["source"], r["_source_file"], r["_key"]) for r in rows}) == len(rows)
        return sorted((r["_source_file"], r["_source_row"]) for r in rows if r["fate"] == fate)

    def quarantined(self) -> list[tuple[str, str]]:
        """File and text of every row in quarantine that is not mended."""
        rows = self.log.read(self.catalog.table("bronze.quarantine"))
        still_open = [row for row in rows if row["mended_run_id"] is None]
        return sorted((row["_source_file"], row["raw_text"]) for row in still_open)

    def deliveries(self, newest: bool = True) -> dict[str, dict[str, Any]]:
        """The ledger's row of each file, by name; of each version by name and SHA-256 if not `newest`."""
        rows = self.log.read(self.catalog.table("ledger.deliveries"))
        versions = {(row["source"], row["file"], row["sha256"]): row for row in rows}
        assert len(versions) == len(rows)
        if not newest:
            return {f"{row['file']} {row['sha256']}": row for row in rows}
        of_now = [row for row in rows if not row["replaced"]]
        by_name = {row["file"]: row for row in of_now}
        assert len(by_name) == len(of_now), "two versions of a file count as the newest"
        return by_name

    def fates(self) -> dict[str, tuple[int, int, int, int, int]]:
        """By file: rows in, accepted, quarantined, equal, superseded."""
        return {
            name: (
                row["rows_in"],
                row["accepted"],
                row["quarantined"],
                row["equal_duplicates"],
                row["superseded"],
            )
            for name, row in self.deliveries().items()
        }

    def check_nothing_is_left_to_do(self) -> None:
        """The run again writes nothing, not even to the ledger."""
        before = self.versions
        report = self.taken()
        assert (report["published"], report["engine"], self.versions) == ([], "none", before)


def by_key(
    log: Log, table: Table, version: int | None = None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = log.read(table, version)
    kept = [name for name in table.columns if name not in table.unversioned]
    found = {tuple(row[key] for key in table.keys): {n: row[n] for n in kept} for row in rows}
    assert len(found) == len(rows), f"{table.full_name} has a key twice"
    return found


def lines(*rows: Sequence[object]) -> list[str]:
    """Rows as lines of a CSV."""
    return [",".join(map(str, row)) for row in rows]


@contextmanager
def unlistable(folder: Path) -> Iterator[None]:
    """A folder that nobody may list."""
    before = folder.stat().st_mode
    folder.chmod(0)
    try:
        yield
    finally:
        folder.chmod(before)

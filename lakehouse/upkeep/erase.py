"""Erases one person from every version of every table, the change feed, the quarantine and kept spines.

Files are rewritten without the person's rows, beside the tables; then the folders are swapped. Versions,
their times and all other rows stay, so that time travel still works. Raw files are left to the user.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from itertools import compress
from pathlib import Path

import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput
from lakehouse.progress import Wait
from lakehouse.releases import published
from lakehouse.releases.inspect import check_built
from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.set_aside import set_aside
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.spine import SPINES
from lakehouse.training_columns import CUSTOMER
from lakehouse.upkeep.erasure import Erasure, carry_out, decide, locked_and_whole, new_files
from lakehouse.upkeep.person import Numbered, Person, find_person, near_ids
from lakehouse.upkeep.rewrite import data_files, rewrite_table, write_without


@dataclass(frozen=True)
class Erased:
    """The result of an erasure, or of a dry run (without an id), and where the person still is."""

    erasure_id: str | None
    row_counts: Mapping[str, int]
    files: int
    training_sets: tuple[str, ...]
    notes: tuple[str, ...]


def erase(
    datamart: Datamart,
    data: Path,
    customer: str,
    dry_run: bool = False,
    wait: Wait = None,
    exact: bool = False,
) -> Erased:
    """Erase a customer by id, completely or not at all; BadInput if the customer has no row.

    BadInput also if there are near ids, which differ only in case or in zeros at the front, unless `exact`.
    """
    place, root = datamart.place, datamart.place.on_this_machine()
    check_built(datamart)
    if not customer.strip():
        raise BadInput("--customer takes the id of a customer, as CUS_0x1069")
    if not exact:
        _check_no_near_ids(datamart, customer)
    if dry_run:
        decided = _Search(datamart, customer).plan(None)
        return _erased(decided, datamart, data, customer, done=False)
    place.check_writable()
    was_killed = erasure_folder(root).exists()
    with locked_and_whole(datamart, wait), work_folder(place) as work:
        search = _Search(datamart, customer, was_killed)
        search.rewrite(work / "erasure")
        # The lock keeps out new receipts from the search for those with the person until the end.
        with place.receipts_locked():
            decided = search.plan(new_files(work / "erasure"))
            decide(root, work / "erasure", decided)
            carry_out(datamart)
    return _erased(decided, datamart, data, customer, done=True)


def _check_no_near_ids(datamart: Datamart, customer: str) -> None:
    """The person may stand in a table under another spelling of the id, with name and number."""
    root = datamart.place.on_this_machine()
    files = [
        file
        for table in datamart.catalog.tables
        if not table.is_ledger
        for file in data_files(root / table.path).values()
    ]
    near = near_ids(customer, _entity_columns(datamart.catalog), files)
    if near:
        raise BadInput(
            f"the datamart also has {', '.join(near)}, which may be the same person as {customer}; nothing "
            "was erased: erase each of them by its id with --exact, if they are one person"
        )


class _Search:
    """The data files and spines that hold the person, with the number of the person's rows in each."""

    def __init__(self, datamart: Datamart, customer: str, was_killed: bool = False) -> None:
        self.log, self.catalog = datamart.log, datamart.catalog
        self.root = self.log.place.on_this_machine()
        self.person = find_person(customer, _entity_columns(self.catalog), self._numbered())
        self.tables = {
            table: rows_by_file
            for table in datamart.catalog.tables
            if not table.is_ledger
            if (rows_by_file := self._rows_by_file(data_files(self._folder(table))))
        }
        kept = (self.root / SPINES).glob("*.parquet")
        self.spines = self._rows_by_file({f"{SPINES}/{file.name}": file for file in kept})
        if not self.tables and not self.spines:
            done = "; an erasure that was killed has just been finished" if was_killed else ""
            raise BadInput(f"datamart {self.log.root} has no row of that customer{done}")

    def _numbered(self) -> list[Numbered]:
        """The raw columns with numbers that only one person has."""
        return [
            Numbered(
                [*data_files(self._folder(table)).values()], table.entity, field.name, number.form
            )
            for table in self.catalog.sources
            for field in table.fields
            if (number := field.number)
        ]

    def _folder(self, table: Table) -> Path:
        return self.root / table.path

    def _rows_by_file(self, files: Mapping[str, Path]) -> dict[str, int]:
        counted = ((path, self.person.rows_in(file)) for path, file in files.items())
        return {path: n for path, n in counted if n}

    def rewrite(self, prepared: Path) -> None:
        """Write each table and spine that holds the person again, without the person."""
        new = new_files(prepared)
        for table, rows_by_file in self.tables.items():
            rewrite_table(self._folder(table), new / table.path, self.person, set(rows_by_file))
        for path in self.spines:
            write_without(self.root / path, new / path, self.person)

    def plan(self, new: Path | None) -> Erasure:
        """The plan of the erasure; if the new files exist, with their checksums."""
        written = [
            f"{table.path}/{path}"
            for table, rows_by_file in self.tables.items()
            for path in rows_by_file
        ]
        return Erasure(
            erasure_id=uuid.uuid4().hex[:12],
            erased_at=datetime.now(timezone.utc).isoformat(),
            row_counts={table.full_name: n for table in self.tables if (n := self._rows(table))},
            files=len(written) + len(self.spines),
            training_sets=tuple(
                receipt.training_set_id for receipt in receipts(self.log) if self._is_in(receipt)
            ),
            paths=(*(table.path for table in self.tables), *self.spines),
            checksums={path: fingerprint(new / path) for path in written} if new else {},
            releases=self._rows_of_releases() if new else {},
        )

    def _rows(self, table: Table, version: int | None = None) -> int:
        """The number of the person's rows in a version; 0 if the version is gone."""
        try:
            files = self.log.files(table, version)
        except DeltaError:
            return 0
        return sum(self.tables[table].get(path, 0) for path in files)

    def _rows_of_releases(self) -> dict[str, dict[str, int]]:
        """By release and table with the person: the number of rows after the erasure."""
        removed = cache(self._rows)
        return {
            str(release.number): {
                table.full_name: release.row_counts[table.full_name] - removed(table, version)
                for table in self.tables
                if (version := release.versions.get(table.full_name)) is not None
            }
            for release in published.releases(self.log)
        }

    def _is_in(self, receipt: Receipt) -> bool:
        """Whether a training set has, or if its labels are lost may have, a row of the person."""
        asked = receipt.selection
        if asked.label is None:
            return f"{SPINES}/{asked.spine}.parquet" in self.spines
        try:
            files = self._label_files(receipt.versions[self.catalog.label_store.full_name])
        except DeltaError:
            return True
        return any(
            definition == asked.label.name and asked.months.has(f"{day:%Y-%m}")
            for file in files
            for definition, day in self._labels(file)
        )

    def _label_files(self, version: int) -> list[Path]:
        """The files with the person's labels at a version; DeltaError if the version is gone."""
        table = self.catalog.label_store
        paths = self.log.files(table, version).keys() & self.tables.get(table, {})
        return [self._folder(table) / path for path in paths]

    def _labels(self, file: Path) -> Iterator[tuple[str, date]]:
        """Definition and application date of each label of the person."""
        labels = self.catalog.labels
        names = [labels.label_def, labels.own.application]
        columns = [self.catalog.label_store.entity, *names]
        rows = pq.read_table(file, columns=columns, partitioning=None)
        pairs = zip(*(rows[name].to_pylist() for name in names), strict=True)
        return compress(pairs, self.person.in_rows(rows).to_pylist())


def _entity_columns(catalog: Catalog) -> tuple[str, ...]:
    """The columns of tables and spines that say whose row it is."""
    declared = (table.entity for table in catalog.data if table.entity)
    return tuple(dict.fromkeys((*declared, CUSTOMER)))


def _erased(decided: Erasure, datamart: Datamart, data: Path, customer: str, done: bool) -> Erased:
    return Erased(
        decided.erasure_id if done else None,
        decided.row_counts,
        decided.files,
        decided.training_sets,
        tuple(_notes(decided, datamart, data, customer)),
    )


def _notes(decided: Erasure, datamart: Datamart, data: Path, customer: str) -> Iterator[str]:
    """The places where the person still is, and which only the user can change."""
    for file, lines in _raw_lines(data, datamart.catalog, Person(customer.strip())):
        yield (
            f"{file.name} has {lines:,} {'line' if lines == 1 else 'lines'} of that customer; remove "
            "those rows there too: a later delivery may bring the person back"
        )
    if decided.training_sets:
        yield (
            "files that training-set wrote for "
            f"{', '.join(decided.training_sets)} still hold the person; delete them"
        )
    for folder in set_aside(datamart.place.on_this_machine()):
        yield f"{folder}, which a repair set aside, may still hold the person; delete it"


def _raw_lines(data: Path, catalog: Catalog, person: Person) -> Iterator[tuple[Path, int]]:
    """Each raw file that mentions the person, with the number of such lines."""
    mentioned = re.compile(person.mentioned)
    for name in (name for table in catalog.sources for name in _file_names(table)):
        file = data / name
        if file.is_file():
            with file.open(encoding="utf-8", errors="replace") as rows:
                lines = sum(
                    person.customer in line and bool(mentioned.search(line)) for line in rows
                )
            if lines:
                yield file, lines


def _file_names(table: Table) -> tuple[str, ...]:
    return table.source.file_names if table.source else ()

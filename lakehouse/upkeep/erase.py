"""Erases one person from every version of every table, the change feed, the quarantine and kept spines.

Files are rewritten without the person's rows, beside the tables; then the folders are swapped. Versions,
their times and all other rows stay, so that time travel still works. Raw files are left to the user.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import cache
from itertools import compress
from pathlib import Path

import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError

from lakehouse.bronze.quarantine import TABLE as QUARANTINE
from lakehouse.bronze.superseded import CELLS
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.landing.cells import BLANKS
from lakehouse.progress import Progress, Steps, Wait, silent
from lakehouse.releases import published
from lakehouse.releases.inspect import check_built
from lakehouse.storage import data_file
from lakehouse.storage.begun_erasure import erasure_folder
from lakehouse.storage.data_bucket import Data
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.log import months_of
from lakehouse.storage.set_aside import set_aside
from lakehouse.storage.sound import unsound_files
from lakehouse.storage.work import work_folder
from lakehouse.table import Table
from lakehouse.training.receipts import Receipt, receipts
from lakehouse.training.spine import SPINES
from lakehouse.training_columns import CUSTOMER
from lakehouse.upkeep.erasure import Erasure, carry_out, decide, locked_and_whole, new_files
from lakehouse.upkeep.owned import held, owns
from lakehouse.upkeep.person import RAW_TEXT, Numbered, Owned, Person, find_person, near_ids
from lakehouse.upkeep.proof import what_is_left
from lakehouse.upkeep.raw_mentions import mentions
from lakehouse.upkeep.rewrite import data_files, rewrite_table, write_without

# The number of places with the person that an error names.
_NAMED = 3


@dataclass(frozen=True)
class Erased:
    """The result of an erasure, or of a dry run (without an id), and where the person still is."""

    erasure_id: str | None
    row_counts: Mapping[str, int]
    files: int
    training_sets: tuple[str, ...]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, decided: Erasure, erasure_id: str | None, notes: Iterable[str]) -> Erased:
        sets = decided.training_sets
        return cls(erasure_id, decided.row_counts, decided.files, sets, tuple(notes))


def erase(
    datamart: Datamart,
    data: Data,
    customer: str,
    dry_run: bool = False,
    wait: Wait = None,
    exact: bool = False,
    on_progress: Progress = silent,
) -> Erased:
    """Erase a customer by id, completely or not at all; BadInput if the customer has no row.

    BadInput also if there are near ids, which differ only in case or in zeros at the front, unless `exact`.
    LakehouseError if a file still holds the person afterwards.
    """
    place, root = datamart.place, datamart.place.on_this_machine()
    check_built(datamart)
    customer = customer.strip(BLANKS)
    if not customer:
        raise BadInput("--customer takes the id of a customer, as CUS_0x1069")
    if not exact:
        _check_no_near_ids(datamart, customer)
    tables = len(datamart.catalog.data)
    if dry_run:
        search = _Search(datamart, customer, Steps(on_progress, tables))
        decided = search.plan(None)
        notes = (*_notes(decided, search, data), *_set_aside_notes(root))
        return Erased.of(decided, None, notes)
    place.check_writable()
    was_killed = erasure_folder(root).exists()
    with locked_and_whole(datamart, wait) as told, work_folder(place) as work:
        steps = Steps(on_progress, 2 * tables + 1)
        search = _Search(datamart, customer, steps, was_killed)
        search.rewrite(work / "erasure")
        # The lock keeps out new receipts from the search for those with the person until the end.
        with place.receipts_locked():
            decided = search.plan(new_files(work / "erasure"))
            decide(root, work / "erasure", decided)
            carry_out(datamart)
        steps.begin("erase", "looking whether the person is anywhere")
        search.check_held_gone()
        doubtful = check_gone(datamart, search.person)
    notes = (*told, *_notes(decided, search, data), *doubtful)
    return Erased.of(decided, decided.erasure_id, notes)


def _check_no_near_ids(datamart: Datamart, customer: str) -> None:
    """The person may stand in a table under another spelling of the id, with name and number."""
    root, catalog = datamart.place.on_this_machine(), datamart.catalog
    looked_at = {
        **{root / table.path: catalog.entity_columns(table) for table in catalog.data},
        root / SPINES: (CUSTOMER,),
    }
    near = {
        id_
        for folder, columns in looked_at.items()
        for id_ in near_ids(customer, columns, data_files(folder).values())
    }
    if near:
        raise BadInput(
            f"the datamart also has {', '.join(sorted(near))}, which may be the same person as "
            f"{customer}; nothing was erased: erase each of them by its id with --exact, if they are one "
            "person"
        )


def check_gone(datamart: Datamart, person: Person) -> list[str]:
    """LakehouseError if a file holds the person; else a line per column whose cells may mean the person."""
    left = what_is_left(datamart, person)
    sure = [each for each in left if each.is_sure]
    if sure:
        more = f" (and {len(sure) - _NAMED:,} more)" if len(sure) > _NAMED else ""
        raise LakehouseError(
            f"the person is still there: {'; '.join(map(str, sure[:_NAMED]))}{more}; what the catalog says "
            "is the person's is erased, and this is not: docs/how-to/erase.md says what to do"
        )
    return [
        f"{each} equal the id; look whether they mean the person, who is erased from all other places"
        for each in left
    ]


class _Search:
    """The data files and spines that hold the person, with the number of the person's rows in each."""

    def __init__(
        self, datamart: Datamart, customer: str, steps: Steps, was_killed: bool = False
    ) -> None:
        self.steps = steps
        self.log, self.catalog = datamart.log, datamart.catalog
        self.root = self.log.place.on_this_machine()
        self.person = find_person(customer, self._numbered())
        self.owns = owns(datamart, customer)
        self.tables = {
            table: rows_by_file
            for table in datamart.catalog.data
            if (rows_by_file := self._looked_for(table))
        }
        kept = (self.root / SPINES).glob("*.parquet")
        spines = {f"{SPINES}/{file.name}": file for file in kept}
        self.spines = _rows_by_file(self._in_spines, spines)
        if not self.tables and not self.spines:
            check_gone(datamart, self.person)
            done = "; an erasure that was killed has just been finished" if was_killed else ""
            raise BadInput(f"datamart {self.log.root} has no row of that customer{done}")

    def _looked_for(self, table: Table) -> dict[str, int]:
        """The number of the person's rows in each file of a table that has some."""
        self.steps.begin(table.full_name, "looking for the person")
        return _rows_by_file(self._owned(table), data_files(self._folder(table)))

    def _numbered(self) -> list[Numbered]:
        """The raw columns with numbers that only one person has, and such cells of superseded rows."""
        return [
            Numbered(
                [*data_files(self._folder(held)).values()], entity, field.name, number.form, cells
            )
            for table in self.catalog.sources
            for entity in self.catalog.entity_columns(table)
            for field in table.fields
            if (number := field.number)
            for held, cells in ((table, None), (SUPERSEDED, CELLS))
        ]

    def _folder(self, table: Table) -> Path:
        return self.root / table.path

    def _owned(self, table: Table) -> Owned:
        is_raw = table.full_name == QUARANTINE.full_name
        columns = (RAW_TEXT,) if is_raw else self.catalog.entity_columns(table)
        return Owned(self.person, columns, held(self.catalog, table, self.owns))

    def check_held_gone(self) -> None:
        """LakehouseError if a file still names what only the person owned, as an account."""
        for table in self.catalog.data:
            owned = self._owned(table)
            files = data_files(self._folder(table)).values() if owned.held else ()
            for file in files:
                if owned.rows_in(file):
                    raise LakehouseError(
                        f"{file.relative_to(self.root)} still names what only the person owned; erase "
                        "again, or docs/how-to/erase.md says what to do"
                    )

    @property
    def _in_spines(self) -> Owned:
        return Owned(self.person, (CUSTOMER,))

    def rewrite(self, prepared: Path) -> None:
        """Write each table and spine that holds the person again, without the person."""
        new = new_files(prepared)
        for table in self.catalog.data:
            self.steps.begin(table.full_name, "writing without the person")
            if touched := {*self.tables.get(table, ())}:
                rewrite_table(self._folder(table), new / table.path, self._owned(table), touched)
        for path in self.spines:
            write_without(self.root / path, new / path, self._in_spines)

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
            checksums=self._checksums(new, written) if new else {},
            releases=self._rows_of_releases() if new else {},
            through=self._through_of_releases(new) if new else {},
        )

    def _checksums(self, new: Path, written: Sequence[str]) -> dict[str, str]:
        """SHA-256 of the new files; not of those whose old file is damaged, so that this is still found."""
        damaged = unsound_files(self.log, written)
        return {path: fingerprint(new / path) for path in written if path not in damaged}

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

    def _through_of_releases(self, new: Path) -> dict[str, str | None]:
        """By release its last month of raw data; empty if no new file of a source is without rows."""
        if not any(
            pq.read_metadata(new / table.path / path).num_rows == 0
            for table in self.catalog.sources
            for path in self.tables.get(table, ())
        ):
            return {}
        months = cache(self._months)
        return {
            str(release.number): max(
                (
                    month
                    for table in self.catalog.sources
                    for month in months(table, release.versions.get(table.full_name))
                ),
                default=None,
            )
            for release in published.releases(self.log)
            if release.is_kept
        }

    def _months(self, table: Table, version: int | None) -> list[str]:
        """The months in which a version has rows of others than the person."""
        files = () if version is None else data_file.data_files(self.log, table, version)
        removed = self.tables.get(table, {})
        return months_of({f.partition for f in files if f.rows > removed.get(f.path, 0)})

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
        labels, owned = self.catalog.labels, self._owned(self.catalog.label_store)
        names = [labels.label_def, labels.own.application]
        rows = pq.read_table(file, columns=[*owned.columns, *names], partitioning=None)
        pairs = zip(*(rows[name].to_pylist() for name in names), strict=True)
        return compress(pairs, owned.mask(rows).to_pylist())


def _rows_by_file(owned: Owned, files: Mapping[str, Path]) -> dict[str, int]:
    counted = ((path, owned.rows_in(file)) for path, file in files.items())
    return {path: n for path, n in counted if n}


def _notes(decided: Erasure, search: _Search, data: Data) -> Iterator[str]:
    """The places where the person still is, and which only the user can change."""
    catalog = search.catalog
    yield from mentions(data, catalog, Person(search.person.customer), search.owns)
    if decided.training_sets:
        yield (
            "files that training-set wrote for "
            f"{', '.join(decided.training_sets)} still hold the person; delete them"
        )
    counted_in = [
        table.full_name
        for table in catalog.derived
        if not catalog.entity_columns(table)
        and table.full_name not in decided.row_counts
        and any(decided.row_counts.get(upstream.full_name) for upstream in table.upstreams)
    ]
    if counted_in:
        yield (
            f"{' and '.join(counted_in)} name nobody, and the person's rows are still counted there; "
            "run --full-refresh counts again"
        )


def _set_aside_notes(root: Path) -> Iterator[str]:
    for folder in set_aside(root):
        yield f"{folder}, which a repair or a restore set aside, may hold the person too; delete it first"

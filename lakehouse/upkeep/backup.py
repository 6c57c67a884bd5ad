"""Backs a datamart up: all that its kept releases and receipts need, as of one moment, while runs go on.

Tables only grow, so a run may publish meanwhile. An erasure and a vacuum delete; if one comes between, the
backup is given up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.progress import Progress, Steps
from lakehouse.releases import published
from lakehouse.releases.erasures import erasures
from lakehouse.releases.inspect import check_built
from lakehouse.releases.publish import now_utc
from lakehouse.releases.readable import loss
from lakehouse.releases.release import Pins
from lakehouse.storage.backup_folder import BackupFolder, Manifest, Stored
from lakehouse.storage.begun_erasure import check_no_erasure_begun
from lakehouse.storage.commit_file import commit_files
from lakehouse.storage.datamart import Datamart
from lakehouse.storage.files import fingerprint
from lakehouse.storage.format import format_of
from lakehouse.storage.layout import LOG_FOLDER
from lakehouse.table import Table
from lakehouse.training.receipts import receipts
from lakehouse.training.spine import spine_file

# Names in the log: 00…7.json, 00…7.checkpoint.parquet, 00…7.crc and .00…7.json.crc; no unfinished ones.
_OF_VERSION = re.compile(r"\.?(\d{20})\.(json|crc|checkpoint\.parquet)(\.crc)?")


@dataclass(frozen=True)
class BackedUp:
    """The result of a backup: its newest release, all its files, and those that were copied or deleted."""

    to: str
    release: int
    files: int
    bytes: int
    copied: int
    copied_bytes: int
    deleted: int
    notes: tuple[str, ...]


def backup(datamart: Datamart, to: Path, on_progress: Progress) -> BackedUp:
    """Copy what the backup in a folder lacks, and delete what the datamart has no more; no engine is needed.

    LakehouseError if the datamart cannot show what the backup can, or if it changed other than by a run. The
    folder then keeps its earlier backup, as it does if this is killed.
    """
    root = datamart.place.on_this_machine()
    check_built(datamart)
    _check_apart(root, to)
    folder = BackupFolder(to)
    folder.check_writable()
    with folder.locked():
        earlier = folder.manifest()
        with datamart.place.receipts_locked():
            moment = _Moment(datamart)
        moment.check_continues(earlier, to)
        copying = _Copying(moment, folder)
        try:
            manifest = copying.manifest(on_progress)
            with datamart.place.receipts_locked():
                moment.check_undisturbed()
                folder.complete(manifest)
        except (FileNotFoundError, LakehouseError) as error:
            # The copies may hold a person who was erased meanwhile.
            folder.sweep(earlier)
            moment.check_undisturbed()
            if isinstance(error, FileNotFoundError):
                raise _disturbed() from None
            raise
        # Only now, so that a backup that was killed goes on with the files that it had copied.
        deleted = folder.sweep(manifest)
    return copying.result(to, manifest, deleted)


def _check_apart(root: Path, to: Path) -> None:
    inner, outer = to.resolve(), root.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise BadInput(f"--to {to} is not apart from datamart {root}; give another folder")


def _disturbed() -> LakehouseError:
    return LakehouseError(
        "an erasure, a vacuum or a repair came between, so nothing was backed up; start again"
    )


class _Moment:
    """The ledger at one moment, and the versions of tables that it needs; the receipts are locked."""

    def __init__(self, datamart: Datamart) -> None:
        check_no_erasure_begun(datamart.place)
        self.datamart, self.log = datamart, datamart.log
        tables = [t for t in datamart.catalog.tables if t.is_ledger and self.log.exists(t)]
        # Before the rows are read: a release that is published in between is not of this moment.
        self.ledger = {table: self.log.open(table).version() for table in tables}
        self.marks = self._marks()
        self.releases = published.releases(self.log, self.ledger[RELEASES])
        self.receipts = [r for r in receipts(self.log) if r.erased_at is None]
        if not any(release.is_kept for release in self.releases):
            raise BadInput(f"datamart {datamart} has no release yet; run main.py, then back up")

    def _marks(self) -> list[tuple[object, ...]]:
        """Values that only a vacuum, an erasure or a repair changes; a run adds to them."""
        erased = [(erasure.erasure_id,) for erasure in erasures(self.log)]
        kept = [(r.number, r.run_id, r.given_up_at) for r in published.releases(self.log)]
        return [(len(erased),), *erased, *kept]

    def check_undisturbed(self) -> None:
        """LakehouseError if files were deleted or written again since the moment."""
        check_no_erasure_begun(self.datamart.place)
        if self._marks()[: len(self.marks)] != self.marks:
            raise _disturbed()

    @cached_property
    def pins(self) -> list[Pins]:
        """The versions of kept releases and receipts."""
        by_number = {release.number: release for release in self.releases}
        return [
            *(release.pins for release in self.releases if release.is_kept),
            *(pins for receipt in self.receipts for pins in receipt.pins(by_number)),
        ]

    @cached_property
    def losses(self) -> dict[str, str]:
        """The first loss in words of each release or training set that cannot be read, by its name."""
        seen: dict[tuple[str, int, str | None], str | None] = {}
        losses: dict[str, str] = {}
        for pins in self.pins:
            for table in self._declared(pins):
                name = table.full_name
                key = name, pins.versions[name], pins.commits.get(name)
                if key not in seen:
                    seen[key] = loss(self.log, table, pins)
                if why := seen[key]:
                    losses.setdefault(pins.name, f"{name}: {why}")
        return losses

    def _declared(self, pins: Pins) -> list[Table]:
        tables = self.datamart.catalog.tables
        return [table for table in tables if table.full_name in pins.versions]

    @property
    def undeclared(self) -> set[str]:
        """Tables of releases that the catalog does not know."""
        declared = {table.full_name for table in self.datamart.catalog.tables}
        return {name for pins in self.pins for name in pins.versions} - declared

    @property
    def versions(self) -> dict[Table, set[int]]:
        """The needed versions of each table, without those that are lost."""
        needed = {table: {version} for table, version in self.ledger.items()}
        for pins in self.pins:
            for table in self._declared(pins) if pins.name not in self.losses else ():
                needed.setdefault(table, set()).add(pins.versions[table.full_name])
        return needed

    @property
    def names(self) -> list[str]:
        """The names of releases and training sets that can be read."""
        return sorted({pins.name for pins in self.pins} - self.losses.keys())

    def check_continues(self, earlier: Manifest | None, to: Path) -> None:
        """LakehouseError if the newest release is not whole, or if an earlier backup holds what is lost."""
        newest = self.releases[-1].pins.name
        if newest in self.losses:
            raise LakehouseError(
                f"{newest} is not whole, so nothing was backed up: {self.losses[newest]}; "
                "python main.py doctor --deep says what to do"
            )
        if earlier is None:
            return
        runs = {str(release.number): release.run_id for release in self.releases}
        if not earlier.releases.items() <= runs.items():
            raise LakehouseError(
                f"{to} has a backup with releases that datamart {self.datamart} does not have: it is of "
                "another one, or this one was set back; nothing was backed up; give another folder"
            )
        lost = next((name for name in earlier.readable if name in self.losses), None)
        if lost:
            raise LakehouseError(
                f"{lost} is whole in the backup {to} and not in the datamart any more ({self.losses[lost]}); "
                "nothing was backed up: restore it, or give another folder"
            )


class _Copying:
    """The copying of the files of one moment into a folder."""

    def __init__(self, moment: _Moment, folder: BackupFolder) -> None:
        self.moment, self.folder = moment, folder
        self.log = moment.log
        self.root = self.log.place.on_this_machine()
        self.known = published.checksums(moment.releases)
        self.copied = self.copied_bytes = 0

    def manifest(self, on_progress: Progress) -> Manifest:
        """The manifest, after all its files were copied."""
        moment, files = self.moment, self._files(on_progress)
        parents = {parent.as_posix() for path in files for parent in Path(path).parents} - {"."}
        return Manifest(
            made_at=now_utc().isoformat(),
            format=format_of(self.log),
            releases={str(release.number): release.run_id for release in moment.releases},
            readable=moment.names,
            erasures=[str(erasure.erasure_id) for erasure in erasures(self.log)],
            folders={path: (self.root / path).stat().st_mode & 0o777 for path in sorted(parents)},
            files=files,
            bank=moment.datamart.catalog.bank.name,
        )

    def _files(self, on_progress: Progress) -> dict[str, Stored]:
        files: dict[str, Stored] = {}
        wanted = self.moment.versions
        tables = Steps(on_progress, len(wanted))
        for table, versions in wanted.items():
            tables.begin(table.full_name, "backing up")
            for file in self._of_table(table, versions):
                files[f"{table.path}/{file}"] = self._kept(f"{table.path}/{file}")
        return {**files, **{path: self._kept(path) for path in self._spines if self._has(path)}}

    def _has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def _kept(self, path: str) -> Stored:
        file = self.root / path
        sha256 = self.known.get(path) or fingerprint(file)
        size = self.folder.keep(file, sha256)
        self.copied += bool(size)
        self.copied_bytes += size
        return Stored(sha256, file.stat().st_size)

    def _of_table(self, table: Table, versions: set[int]) -> Iterator[str]:
        """The log up to the newest of these versions, their files, and others that it names."""
        folder, until = self.log.folder(table), max(versions)
        for file in sorted((folder / LOG_FOLDER).iterdir()):
            versioned = _OF_VERSION.fullmatch(file.name)
            if versioned and int(versioned[1]) <= until:
                yield f"{LOG_FOLDER}/{file.name}"
        needed = {path for version in versions for path in self.log.files(table, version)}
        commits = (commit for commit in commit_files(folder) if commit.version <= until)
        named = {path for commit in commits for path in commit.data_files}
        yield from sorted(needed)
        for path in sorted(named - needed):
            if (folder / path).is_file():
                yield path
        # The checksums of Spark.
        for path in sorted(named | needed):
            crc = Path(path).with_name(f".{Path(path).name}.crc")
            if (folder / crc).is_file():
                yield crc.as_posix()

    @property
    def _spines(self) -> list[str]:
        spines = {receipt.selection.spine for receipt in self.moment.receipts}
        return sorted(spine_file(spine) for spine in spines if spine)

    def result(self, to: Path, manifest: Manifest, deleted: int) -> BackedUp:
        size = sum(stored.bytes for stored in manifest.files.values())
        counts = (len(manifest.files), size, self.copied, self.copied_bytes, deleted)
        return BackedUp(str(to), manifest.newest, *counts, notes=tuple(self._notes()))

    def _notes(self) -> Iterator[str]:
        for name, why in self.moment.losses.items():
            yield f"{name} is not in the backup, as it cannot be read: {why}"
        for name in sorted(self.moment.undeclared):
            yield f"{name}, which releases have, is not declared and not in the backup"
        for path in self._spines:
            if not self._has(path):
                yield f"{path} is gone: the training sets built from it cannot be built again"

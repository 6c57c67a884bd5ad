"""The folder of a backup: a manifest, and the files that it names, each under its SHA-256.

Files get their names when they are on the disk, and the manifest comes last. So an earlier backup can be
restored until the next one is complete, and a file that is there is whole.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from lakehouse.bank import SHIPPED
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.storage.files import fingerprint, replace
from lakehouse.storage.layout import RUNS
from lakehouse.storage.locks import file_lock
from lakehouse.storage.rights import make_personal
from lakehouse.storage.sync import sync

# Only the backup of another bank than the shipped one is of format 2, as it names its bank.
_FORMAT, _OF_SHIPPED = 2, 1
_MANIFEST, _FILES, _INCOMING = "backup.json", "files", "incoming"
_OURS = {_MANIFEST, _FILES, _INCOMING, RUNS}
# So many files wait for the disk together.
_AT_ONCE = 256


@dataclass(frozen=True)
class Stored:
    """A file of a datamart as a backup keeps it."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class Manifest:
    """The content of a backup.

    `format` and `bank` are those of the datamart. `releases` has the run of each release by its number;
    `readable` are the names of releases and training sets that can be read in it. `folders` has the mode of
    each folder, and `files` each file, by their paths in the datamart.
    """

    made_at: str
    format: int
    releases: Mapping[str, str]
    readable: Sequence[str]
    erasures: Sequence[str]
    folders: Mapping[str, int]
    files: Mapping[str, Stored]
    bank: str = SHIPPED.name

    @property
    def newest(self) -> int:
        """The number of its newest release."""
        return max(map(int, self.releases))


class BackupFolder:
    """A backup in a folder, which may not exist yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._incoming: list[str] = []

    def check_writable(self) -> None:
        """Make the folder; BadInput if that fails, or if it holds something else."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            foreign = {path.name for path in self.path.iterdir()} - _OURS
        except OSError as error:
            raise BadInput(
                f"--to {self.path} cannot be used ({error.strerror}); give another folder"
            ) from None
        if foreign:
            raise BadInput(
                f"--to {self.path} holds {min(foreign)}, which is not of a backup; give another folder"
            )
        make_personal(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for one backup at a time."""
        try:
            with file_lock(self.path / RUNS, 0):
                yield
        except TimeoutError:
            raise LakehouseError(
                f"another backup to {self.path} is at work; start again when it has ended"
            ) from None

    def manifest(self) -> Manifest | None:
        """The manifest; None if no backup was completed, BadInput if it was changed or is a newer one."""
        try:
            whole = json.loads((self.path / _MANIFEST).read_bytes())
            backup_format, text, sha256 = whole["format"], whole["backup"], whole["sha256"]
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, KeyError, TypeError):
            raise self._changed() from None
        if isinstance(backup_format, int) and backup_format > _FORMAT:
            raise BadInput(f"a newer version of this program made the backup {self.path}; use that")
        if hashlib.sha256(text.encode()).hexdigest() != sha256:
            raise self._changed()
        held = json.loads(text)
        files = {path: Stored(**stored) for path, stored in held.pop("files").items()}
        return Manifest(**held, files=files)

    def keep(self, file: Path, sha256: str) -> int:
        """Copy a file with that SHA-256 unless it is there; return the number of copied bytes.

        LakehouseError if the copy has another SHA-256.
        """
        size = file.stat().st_size
        there = self._file(sha256)
        if sha256 in self._incoming or (there.is_file() and there.stat().st_size == size):
            return 0
        copy = self.path / _INCOMING / sha256
        copy.parent.mkdir(exist_ok=True)
        shutil.copyfile(file, copy)
        if fingerprint(copy) != sha256:
            copy.unlink()
            raise LakehouseError(
                f"{file} has not the bytes that it was released with, so nothing was backed up and "
                f"{self.path} keeps its earlier backup; python main.py doctor --deep tells more"
            )
        self._incoming.append(sha256)
        if len(self._incoming) >= _AT_ONCE:
            self._settle()
        return size

    def _settle(self) -> None:
        """Put the copies on the disk, and then under their names."""
        copies = {self.path / _INCOMING / sha256: self._file(sha256) for sha256 in self._incoming}
        sync(copies)
        for copy, file in copies.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            copy.replace(file)
        sync(copies.values(), self.path)
        self._incoming.clear()

    def complete(self, manifest: Manifest) -> None:
        """Replace the manifest; the backup is this one from then on."""
        self._settle()
        of_shipped = manifest.bank == SHIPPED.name
        told = {n: v for n, v in asdict(manifest).items() if n != "bank" or not of_shipped}
        text = json.dumps(told)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        written = self.path / _INCOMING / _MANIFEST
        written.parent.mkdir(exist_ok=True)
        number = _OF_SHIPPED if of_shipped else _FORMAT
        written.write_text(json.dumps({"format": number, "sha256": sha256, "backup": text}))
        replace(written, self.path / _MANIFEST)

    def sweep(self, manifest: Manifest | None) -> int:
        """Delete the files that the manifest does not name; return how many."""
        self._incoming.clear()
        shutil.rmtree(self.path / _INCOMING, ignore_errors=True)
        named = {stored.sha256 for stored in manifest.files.values()} if manifest else set()
        going = [file for file in (self.path / _FILES).glob("*/*") if file.name not in named]
        for file in going:
            file.unlink()
        sync(going, self.path)
        return len(going)

    def check_file(self, path: str, stored: Stored) -> None:
        """BadInput if the file of that path in the datamart is gone or has other bytes."""
        self._check(path, self._file(stored.sha256), stored)

    def fetch(self, path: str, stored: Stored, target: Path) -> None:
        """Copy a file to its place in a datamart; BadInput if it is gone or has other bytes."""
        file = self._file(stored.sha256)
        if file.is_file():
            shutil.copyfile(file, target)
        self._check(path, target, stored)

    def _check(self, path: str, file: Path, stored: Stored) -> None:
        if not file.is_file() or fingerprint(file) != stored.sha256:
            raise BadInput(
                f"{self._file(stored.sha256)}, the file {path}, is gone or has other bytes than were backed "
                "up; nothing was restored: use another backup, or delete that file and back up again"
            )

    def _changed(self) -> BadInput:
        return BadInput(
            f"{self.path / _MANIFEST} has other bytes than the backup wrote; nothing was changed: use "
            "another backup"
        )

    def _file(self, sha256: str) -> Path:
        return self.path / _FILES / sha256[:2] / sha256

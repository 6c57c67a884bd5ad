"""A datamart in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.progress import Wait
from lakehouse.storage import rights
from lakehouse.storage.files import Entries, fingerprint, replace, state
from lakehouse.storage.layout import RECEIPTS, RUNS, WRITER
from lakehouse.storage.locks import (
    WAIT_SECONDS,
    file_lock,
    receipts_awaited,
    tell_of_writer,
    this_process,
)
from lakehouse.storage.paths import check_no_links, check_openable
from lakehouse.storage.sync import sync

A = TypeVar("A")
B = TypeVar("B")
# The lock file that this process holds, by the datamart's folder. While it is held, its number is not reused.
_HELD: dict[Path, tuple[int, int] | None] = {}
# The SHA-256 of each data file that this process has read, with what the file was then.
_READ: dict[Path, tuple[tuple[int, ...], str]] = {}


@dataclass(frozen=True)
class Folder:
    """A folder of this machine, which may not exist yet; a `Place`."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    @property
    def folder(self) -> Path:
        return self.path

    @property
    def bucket(self) -> None:
        return None

    @property
    def has_one_writer(self) -> bool:
        return True

    def resolved(self) -> Folder:
        return Folder(self.path.resolve())

    def on_this_machine(self) -> Path:
        return self.path

    def check(self) -> None:
        """BadInput for a file, and for a folder that has links or that Delta's library cannot open."""
        check_openable(self.path)
        check_no_links(self.path)
        if self.path.exists() and not self.path.is_dir():
            raise BadInput(f"datamart {self} is a file; give a folder with --datamart")

    def check_writable(self) -> None:
        rights.check_writable(self.path)

    def names(self, within: str = "") -> set[str]:
        folder = self.path / within
        return {path.name for path in folder.iterdir()} if folder.is_dir() else set()

    def has(self, name: str) -> bool:
        return (self.path / name).is_file()

    def has_folder(self, name: str) -> bool:
        return (self.path / name).exists()

    def lacking(self, within: str, files: Iterable[str]) -> set[str]:
        folder = self.path / within
        return {file for file in files if not (folder / file).exists()}

    def entries(self, within: str) -> Entries:
        found = []
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            os.scandir(self.path / within) as entries,
        ):
            for entry in entries:
                # A file that a writer has just renamed is left out, not the whole folder.
                with suppress(FileNotFoundError):
                    st = entry.stat()
                    found.append((entry.name, st.st_ino, st.st_mtime_ns, st.st_size))
        return frozenset(found)

    def changed_at(self, name: str) -> datetime:
        changed = rights.nearest_there(self.path / name).stat().st_mtime
        return datetime.fromtimestamp(changed, tz=timezone.utc)

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        files = {name: file for name in names if (file := self.path / name).is_file()}
        if not files:
            return {}
        with ThreadPoolExecutor(os.cpu_count()) as readers:
            return dict(zip(files, readers.map(_sha256, files.values()), strict=True))

    def ask_each(self, ask: Callable[[A], B], asked: Sequence[A]) -> list[B]:
        return [ask(one) for one in asked]

    def keep(self, file: Path, name: str) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(file, target)
        sync([target], self.path)

    def make_personal(self, name: str) -> None:
        rights.make_personal(self.path / name)

    @contextmanager
    def locked(self, wait: Wait = None) -> Iterator[None]:
        missing = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            sync(missing)
        except OSError as error:
            raise BadInput(
                f"datamart {self} cannot be made ({error.strerror}); give another folder with --datamart"
            ) from None
        lock = file_lock(self.path / RUNS)
        try:
            lock.acquire(timeout=0)
        except TimeoutError:
            tell_of_writer(self, self._writer(), wait)
            lock.acquire(poll_interval=0.2)
        home = self.path.resolve()
        before = _HELD.get(home)
        _HELD[home] = _which(home / RUNS)
        try:
            (self.path / WRITER).write_text(this_process(), encoding="utf-8")
            yield
        finally:
            # A thread of this process may have lost the lock to this one.
            _HELD.pop(home)
            if before:
                _HELD[home] = before
            (self.path / WRITER).unlink(missing_ok=True)
            lock.release()

    def _writer(self) -> str:
        """The process that holds the datamart, in brackets; empty if it has not written its name yet."""
        with suppress(FileNotFoundError):
            writer = (self.path / WRITER).read_text(encoding="utf-8")
            return f" ({writer})" if writer else ""
        return ""

    def check_held(self) -> None:
        """LakehouseError if the lock that this process holds was removed, so that another can take one."""
        home = self.path.resolve()
        held = _HELD.get(home)
        if home in _HELD and (held is None or held != _which(home / RUNS)):
            raise LakehouseError(
                f"the lock of datamart {self} ({RUNS}) was removed while this run was at work, so another "
                "may have begun; this one writes nothing more; start again when no other is at work"
            )

    def check_fence(self) -> None:
        self.check_held()

    @contextmanager
    def receipts_locked(self) -> Iterator[None]:
        with receipts_awaited(self), file_lock(self.path / RECEIPTS, WAIT_SECONDS):
            yield


def _sha256(file: Path) -> str:
    """SHA-256 of a file, which is read again only if it has changed."""
    now = state(file)
    before, sha256 = _READ.get(file, (None, ""))
    if before != now:
        sha256 = fingerprint(file)
        _READ[file] = now, sha256
    return sha256


def _which(file: Path) -> tuple[int, int] | None:
    """The device and inode of a file; None if there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino

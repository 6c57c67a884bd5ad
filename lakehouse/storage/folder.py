"""A datamart in a folder of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TypeVar

from lakehouse.errors import BadInput
from lakehouse.progress import Wait
from lakehouse.storage import rights
from lakehouse.storage.files import fingerprint
from lakehouse.storage.layout import RECEIPTS, RUNS, WRITER
from lakehouse.storage.locks import (
    WAIT_SECONDS,
    file_lock,
    receipts_awaited,
    tell_of_writer,
    this_process,
)
from lakehouse.storage.paths import check_no_links, check_openable

A = TypeVar("A")
B = TypeVar("B")
# Name, inode, time of change and size of each file; they differ if a file was written again.
Entries = frozenset[tuple[str, int, int, int]]


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
        try:
            with os.scandir(self.path / within) as entries:
                files = [(entry.name, entry.stat()) for entry in entries]
        except FileNotFoundError:
            return frozenset()
        return frozenset((name, st.st_ino, st.st_mtime_ns, st.st_size) for name, st in files)

    def changed_at(self, name: str) -> datetime:
        changed = rights.nearest_there(self.path / name).stat().st_mtime
        return datetime.fromtimestamp(changed, tz=timezone.utc)

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        files = {name: self.path / name for name in names}
        return {name: fingerprint(file) for name, file in files.items() if file.is_file()}

    def ask_each(self, ask: Callable[[A], B], asked: Sequence[A]) -> list[B]:
        return [ask(one) for one in asked]

    def keep(self, file: Path, name: str) -> None:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)

    def make_personal(self, name: str) -> None:
        rights.make_personal(self.path / name)

    @contextmanager
    def locked(self, wait: Wait = None) -> Iterator[None]:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
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
        try:
            (self.path / WRITER).write_text(this_process(), encoding="utf-8")
            yield
        finally:
            (self.path / WRITER).unlink(missing_ok=True)
            lock.release()

    def _writer(self) -> str:
        """The process that holds the datamart, in brackets; empty if it has not written its name yet."""
        with suppress(FileNotFoundError):
            writer = (self.path / WRITER).read_text(encoding="utf-8")
            return f" ({writer})" if writer else ""
        return ""

    def check_held(self) -> None:
        """Do nothing: the system keeps a lock on a file until its process ends."""

    @contextmanager
    def receipts_locked(self) -> Iterator[None]:
        with receipts_awaited(self), file_lock(self.path / RECEIPTS, WAIT_SECONDS):
            yield

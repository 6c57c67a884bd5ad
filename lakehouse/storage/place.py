"""The place of a datamart: a folder of this machine, or a prefix of an object store, with equal methods."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from lakehouse.progress import Wait
from lakehouse.storage.bucket import Bucket, bucket
from lakehouse.storage.files import Entries
from lakehouse.storage.folder import Folder
from lakehouse.storage.object_store import is_of_store

A = TypeVar("A")
B = TypeVar("B")


class Place(Protocol):
    """The place of a datamart, and the operations on it.

    A name is the path of a file or folder in the place, with / between its parts. In messages a place
    appears as the user named it.
    """

    @property
    def folder(self) -> Path | None:
        """The folder, for code that needs files of this machine; None in an object store."""

    @property
    def bucket(self) -> Bucket | None:
        """The object store, for code that needs one; None on this machine."""

    @property
    def has_one_writer(self) -> bool:
        """Whether only the holder of the lock can write, whatever happens to the holder."""

    def resolved(self) -> Place:
        """The same place with an absolute path without links."""

    def on_this_machine(self) -> Path:
        """The folder; BadInput in an object store, because the caller works on files."""

    def check(self) -> None:
        """Refuse a place that cannot be a datamart, or that cannot be reached or read."""

    def check_writable(self) -> None:
        """Refuse a place that this user cannot make or write."""

    def names(self, within: str = "") -> set[str]:
        """The names of files and folders in the place, or in a folder of it; empty if that is missing."""

    def has(self, name: str) -> bool:
        """Whether the place has a file of that name."""

    def has_folder(self, name: str) -> bool:
        """Whether the place has a folder of that name."""

    def lacking(self, within: str, files: Iterable[str]) -> set[str]:
        """The files of these that are not in the folder any more."""

    def entries(self, within: str) -> Entries:
        """The state of each file of a folder; empty for a folder that is not there."""

    def changed_at(self, name: str) -> datetime | None:
        """When a folder last changed, UTC; if it is gone, the nearest folder above it. None if unknown."""

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        """SHA-256 of each file that exists; empty if the place keeps its own checksums.

        A process reads a file again only if its time, size or inode has changed.
        """

    def ask_each(self, ask: Callable[[A], B], asked: Sequence[A]) -> list[B]:
        """Call `ask` with each value; return the answers in order."""

    def keep(self, file: Path, name: str) -> None:
        """Move a file of this machine into the place, either completely or not at all."""

    def make_personal(self, name: str) -> None:
        """Close a folder of the place to other users of this machine."""

    def locked(self, wait: Wait = None) -> AbstractContextManager[None]:
        """Hold the lock of the place; a lock is freed by itself when its holder dies, here or elsewhere.

        If another process holds it: LakehouseError without `wait`. With it, `wait` gets a message that
        names the holder, and the lock is taken when the holder ends.
        """

    def check_held(self) -> None:
        """LakehouseError if another process got the lock, for example while this machine slept."""

    def check_fence(self) -> None:
        """As `check_held`, but cheap enough for each commit; a store looks only before it publishes."""

    def receipts_locked(self) -> AbstractContextManager[None]:
        """Hold the lock of the receipts for a moment; runs are not held up."""


def place(given: str | Path | Place) -> Place:
    """The place for a text or path; BadInput for a URI of a store that cannot hold a datamart."""
    if not isinstance(given, str | Path):
        return given
    return bucket(str(given)) if is_of_store(str(given)) else Folder(Path(given))

"""Where a datamart is: a folder of this machine, or a prefix of an object store. Both can do the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from lakehouse.progress import Wait
from lakehouse.storage.bucket import Bucket, bucket
from lakehouse.storage.folder import Entries, Folder
from lakehouse.storage.s3 import is_of_store

A = TypeVar("A")
B = TypeVar("B")


class Place(Protocol):
    """Where a datamart is, and what can be done there.

    A name is that of a file or folder in it, with / between its parts. A place shows itself in messages
    as the user named it.
    """

    @property
    def folder(self) -> Path | None:
        """The folder, for what needs files of this machine; None in an object store."""

    @property
    def bucket(self) -> Bucket | None:
        """The object store, for what goes by one; None on this machine."""

    @property
    def has_one_writer(self) -> bool:
        """Whether nobody writes beside the holder of the lock, whatever happens to him."""

    def resolved(self) -> Place:
        """The same place by a path that is absolute and without links."""

    def on_this_machine(self) -> Path:
        """The folder; BadInput in an object store, for what works on files."""

    def check(self) -> None:
        """Refuse what cannot be a datamart, or cannot be reached or read."""

    def check_writable(self) -> None:
        """Refuse what this user cannot make or write."""

    def names(self, within: str = "") -> set[str]:
        """The names of what is in it, or in a folder of it; none where that is not there."""

    def has(self, name: str) -> bool:
        """Whether a file of that name is in it."""

    def has_folder(self, name: str) -> bool:
        """Whether a folder of that name is in it."""

    def lacking(self, within: str, files: Iterable[str]) -> set[str]:
        """Those files of a folder that are not there any more."""

    def entries(self, within: str) -> Entries | None:
        """The state of each file of a folder; None where the look takes as long as to read them."""

    def changed_at(self, name: str) -> datetime | None:
        """When a folder last changed, UTC; of one that is gone, the nearest above. None if unknown."""

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        """SHA-256 of each file that is there; none at all where the place keeps checksums by itself."""

    def ask_each(self, ask: Callable[[A], B], asked: Sequence[A]) -> list[B]:
        """The answers of each that is asked, in their order."""

    def keep(self, file: Path, name: str) -> None:
        """Move a file of this machine into it; it is there whole or not at all."""

    def make_personal(self, name: str) -> None:
        """Close a folder of it to other users of this machine."""

    def locked(self, wait: Wait = None) -> AbstractContextManager[None]:
        """Hold it alone; a lock whose holder has died, here or elsewhere, is free by itself.

        Where another holds it: LakehouseError, or `wait` is told who it is, and it is held after that.
        """

    def check_held(self) -> None:
        """LakehouseError where its lock has gone to another, as while this machine slept."""

    def receipts_locked(self) -> AbstractContextManager[None]:
        """Hold the receipts alone for a moment; runs go on beside it."""


def place(given: str | Path | Place) -> Place:
    """The place of a text or path; BadInput for a URI of a store that cannot be one of a datamart."""
    if not isinstance(given, str | Path):
        return given
    return bucket(str(given)) if is_of_store(str(given)) else Folder(Path(given))

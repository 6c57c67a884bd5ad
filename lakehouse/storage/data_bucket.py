"""A bucket with raw files: what lies in it, and each object as a file of this machine."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from threading import Lock, get_ident

from lakehouse.errors import BadInput
from lakehouse.storage import stamps
from lakehouse.storage.bucket import Bucket, Listed, data_bucket
from lakehouse.storage.data_folder import HIDDEN, DataFolder, DataPlace, Found, changed
from lakehouse.storage.object_store import is_of_store
from lakehouse.storage.work import work_folder

# Raw files are in a folder of this machine, or in an object store.
Data = Path | Bucket


def data_place(data: Data) -> DataPlace:
    """The place of the raw files."""
    return DataBucket(data) if isinstance(data, Bucket) else DataFolder(data)


def data_at(given: str | Path) -> Data:
    """The folder or bucket that a text or path names; BadInput for a URI that cannot be one."""
    return data_bucket(str(given)) if is_of_store(str(given)) else Path(given)


class DataBucket:
    """A prefix of an object store with raw files; a `DataPlace`.

    An object is known by its size and by when it was put there: Delta's library, whose credentials are
    those of the datamart, does not tell more.
    """

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._fetched: dict[tuple[str, int, str], Path] = {}
        self._lock = Lock()

    def __str__(self) -> str:
        return str(self._bucket)

    def found(self, walks: Callable[[str], bool]) -> list[Found]:
        found: list[Found] = []
        walked = []
        for each in self._bucket.listed("", recursive=False):
            if each.is_folder and walks(each.name):
                walked.append(each.name)
            elif not each.name.startswith(HIDDEN):
                found.append(Found(f"{each.name}/") if each.is_folder else _found(each))
        for objects in self._bucket.ask_each(
            lambda folder: self._bucket.listed(folder, recursive=True), walked
        ):
            found += [_found(each) for each in objects if not (each.is_folder or _is_hidden(each))]
        return found

    def on_this_machine(self, name: str, size: int, stamp: str) -> Path:
        with self._lock:
            number = len(self._fetched)
            file = self._fetched.setdefault((name, size, stamp), self._folder / f"{number}.raw")
        if not file.exists():
            # Two threads may want the same object.
            part = file.with_suffix(f".{get_ident()}")
            try:
                self._bucket.get(name, part)
            except BadInput:
                # The listing has met the bucket, so it is the object that is gone.
                raise changed(name) from None
            if not self._is_still(name, size, stamp) or part.stat().st_size != size:
                raise changed(name)
            part.replace(file)
        return file

    def _is_still(self, name: str, size: int, stamp: str) -> bool:
        now = self._bucket.look(name)
        # An object that is asked for by itself tells its time to the second, a listing may tell more.
        return now is not None and (now.size, now.mtime_ns // 10**9) == (
            size,
            stamps.time_of_object(stamp) // 10**9,
        )

    @cached_property
    def _folder(self) -> Path:
        """A folder for objects, which is removed with this value."""
        stack = ExitStack()
        weakref.finalize(self, stack.close)
        return stack.enter_context(work_folder(None))


def _found(object_: Listed) -> Found:
    return Found(object_.name, object_.size, stamps.of_object(object_.mtime_ns))


def _is_hidden(object_: Listed) -> bool:
    return any(part.startswith(HIDDEN) for part in object_.name.split("/"))

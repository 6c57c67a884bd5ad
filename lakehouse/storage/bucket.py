"""A datamart in an object store, of S3 or Azure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeVar
from uuid import uuid4

from lakehouse.errors import BadInput, LakehouseError
from lakehouse.progress import Wait
from lakehouse.storage.files import Entries
from lakehouse.storage.layout import LANDED, LEASES, RECEIPTS, RUNS, WORK
from lakehouse.storage.locks import (
    WAIT_SECONDS,
    receipts_awaited,
    tell_of_writer,
    this_process,
)
from lakehouse.storage.object_store import (
    ABFSS,
    AZURE,
    SCHEMES,
    prepare_environment,
    set_account,
    told_of_store,
)

if TYPE_CHECKING:
    from deltalake._internal import DeltaFileSystemHandler
    from pyarrow.fs import FileInfo

    from lakehouse.storage.lease import Lease

A = TypeVar("A")
B = TypeVar("B")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# Characters that Delta, Spark and Sail neither take for a pattern nor write in another way.
_PREFIX = re.compile(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*")
# Raw files may lie in folders as month=2024-07, or in the bucket itself.
_DATA_PREFIX = re.compile(rf"({_PREFIX.pattern.replace('+-', '+=-')})?")
_CHUNK_BYTES = 8 << 20
# The first request fails soon if the store is not there. Later requests are repeated for longer.
_FIRST_LOOK = {"max_retries": "2", "retry_timeout": "10s", "connect_timeout": "5s"}


class Listed(NamedTuple):
    """An object or folder of a store; when it was put there is known to the second."""

    name: str
    is_folder: bool
    size: int
    mtime_ns: int


def _listed(info: FileInfo) -> Listed:
    return Listed(info.path, not info.is_file, info.size or 0, info.mtime_ns or 0)


@dataclass(frozen=True)
class Bucket:
    """A prefix of an object store, with a URI as s3a://bucket/prefix or az://container/prefix; a `Place`."""

    uri: str
    option: str = "--datamart"  # the one that names it

    def __str__(self) -> str:
        return self.uri

    @property
    def is_s3(self) -> bool:
        return not self.uri.startswith(AZURE)

    @property
    def name(self) -> str:
        """The bucket, without the prefix."""
        return self.uri.split("/")[2]

    @property
    def folder(self) -> None:
        return None

    @property
    def bucket(self) -> Bucket:
        return self

    @property
    def has_one_writer(self) -> bool:
        """No, because the lease of a writer may end while it writes."""
        return False

    def resolved(self) -> Bucket:
        return self

    def on_this_machine(self) -> NoReturn:
        raise BadInput(
            f"datamart {self} is in an object store, and this is not supported there yet: copy it to a "
            "folder while nobody writes to it, do it there and copy it back"
        )

    def check(self) -> None:
        """BadInput if there is no such bucket, LakehouseError if it cannot be reached or read."""
        self._names("", _FIRST_LOOK)

    def check_writable(self) -> None:
        """Do nothing: the lease shows whether a store can be written."""

    def names(self, within: str = "") -> set[str]:
        return self._names(within, {})

    def _names(self, within: str, options: dict[str, str]) -> set[str]:
        with told_of_store(self.name, self.option):
            infos = self._handler(options).get_file_info_selector(within, True, False)
        return {info.base_name for info in infos}

    def listed(self, within: str, recursive: bool) -> list[Listed]:
        """All objects and folders in a folder, or at any depth of it, by their whole names."""
        options = {} if within else _FIRST_LOOK
        with told_of_store(self.name, self.option):
            infos = self._handler(options).get_file_info_selector(within, True, recursive)
        return [_listed(info) for info in infos]

    def look(self, name: str) -> Listed | None:
        """The object of that name; None if there is none."""
        with told_of_store(self.name, self.option):
            (info,) = self._handler().get_file_info([name])
        return _listed(info) if info.is_file else None

    def files(self, within: str) -> set[str]:
        """The paths of all objects in a folder, relative to that folder."""
        with told_of_store(self.name, self.option):
            infos = self._handler().get_file_info_selector(within, True, True)
        return {info.path.removeprefix(f"{within}/") for info in infos if info.is_file}

    def has(self, name: str) -> bool:
        folder, _, last = name.rpartition("/")
        return last in self.names(folder)

    def has_folder(self, name: str) -> bool:
        """Yes, because a store does not distinguish a missing folder from an empty one."""
        return True

    def lacking(self, within: str, files: Iterable[str]) -> set[str]:
        return {*files} - self.files(within)

    def entries(self, within: str) -> Entries:
        with told_of_store(self.name, self.option):
            infos = self._handler().get_file_info_selector(within, True, False)
        return frozenset(
            (info.base_name, 0, info.mtime_ns, info.size) for info in infos if info.is_file
        )

    def changed_at(self, name: str) -> None:
        """None, because a store does not know when a folder changed."""

    def checksums(self, names: Iterable[str]) -> dict[str, str]:
        """Empty: a store keeps its own checksums, and for ours every file would have to be read back."""
        return {}

    def ask_each(self, ask: Callable[[A], B], asked: Sequence[A]) -> list[B]:
        """Ask all at the same time, because every question is a request to the store."""
        if not asked:
            return []
        with ThreadPoolExecutor(len(asked)) as looks:
            return list(looks.map(ask, asked))

    def keep(self, file: Path, name: str) -> None:
        self.put(file, name)

    def put(self, file: Path, name: str) -> None:
        """Copy a file of this machine to an object, either completely or not at all."""
        with told_of_store(self.name, self.option), file.open("rb") as source:
            stream = self._handler().open_output_stream(name)
            while chunk := source.read(_CHUNK_BYTES):
                stream.write(chunk)
            stream.close()  # type: ignore[attr-defined]

    def get(self, name: str, file: Path) -> None:
        """Copy an object to a file of this machine."""
        with told_of_store(self.name, self.option), file.open("wb") as target:
            stream = self._handler().open_input_file(name)
            while chunk := bytes(stream.read(_CHUNK_BYTES)):
                target.write(chunk)

    def delete(self, within: str) -> None:
        """Delete every object in a folder."""
        for name in self.files(within):
            self._handler().delete_file(f"{within}/{name}")

    @contextmanager
    def scratch(self) -> Iterator[str]:
        """A folder for files that executors of a cluster write for this machine; it is deleted at the end."""
        name = f"{WORK}/{uuid4().hex}"
        try:
            yield name
        finally:
            self.delete(name)

    def make_personal(self, name: str) -> None:
        """Do nothing: the policies of a store say who may read it."""

    @contextmanager
    def locked(self, wait: Wait = None) -> Iterator[None]:
        """Hold a lease and renew it while the work goes on; BadInput if the store cannot give one."""
        from lakehouse.storage.conditional import check_conditional_puts

        check_conditional_puts(f"{self}/{LEASES}")
        lease = self._lease(RUNS)
        holder = lease.take()
        if holder:
            tell_of_writer(self, f" ({holder})", wait)
            lease.wait()
        _HELD[self] = lease
        try:
            with lease.kept():
                # Files that a killed run on a cluster left behind.
                self.delete(LANDED)
                yield
                self.delete(LANDED)
        finally:
            del _HELD[self]

    def check_held(self) -> None:
        lease = _HELD.get(self)
        if lease and lease.take():
            raise LakehouseError(
                f"this run stood still for so long that another run took datamart {self}; nothing more "
                "is written, start again when that run has ended"
            )

    def check_fence(self) -> None:
        """Do nothing: to ask for the lease is a commit of its own, and each write here matches keys."""

    @contextmanager
    def receipts_locked(self) -> Iterator[None]:
        with receipts_awaited(self):
            lease = self._lease(RECEIPTS)
            lease.wait(WAIT_SECONDS)
            with lease.kept():
                yield

    def _lease(self, name: str) -> Lease:
        from lakehouse.storage.lease import Lease

        return Lease(f"{self}/{LEASES}/{name.strip('.')}", this_process())

    def _handler(self, options: dict[str, str] | None = None) -> DeltaFileSystemHandler:
        # The handler of delta-rs, so that every request uses the same credentials.
        from deltalake._internal import DeltaFileSystemHandler

        return DeltaFileSystemHandler(self.uri, options)


# The leases of this process. Another process may get one while this machine sleeps.
_HELD: dict[Bucket, Lease] = {}


def bucket(uri: str) -> Bucket:
    """The place for a URI; BadInput for a URI that cannot hold a datamart."""
    return _bucket(uri, "--datamart", "a datamart", _PREFIX)


def data_bucket(uri: str) -> Bucket:
    """The bucket or prefix with raw files for a URI; BadInput for a URI that cannot be one."""
    return _bucket(uri, "--data", "a data folder", _DATA_PREFIX)


def _bucket(uri: str, option: str, what: str, prefixes: re.Pattern[str]) -> Bucket:
    long_form = ABFSS.fullmatch(uri)
    if long_form:
        set_account(long_form[2], option)
        uri = f"{AZURE}{long_form[1]}/{long_form[3]}"
    name, _, prefix = uri.partition("://")[2].rstrip("/").partition("/")
    if not (_BUCKET.fullmatch(name) and prefixes.fullmatch(prefix)):
        # The URI is not shown: a part before an @ would be a secret.
        raise BadInput(
            f"{what} in an object store is s3a://bucket/prefix or az://container/prefix, and the prefix "
            "has only letters, digits and _ . + - /; credentials come from the environment or ~/.aws, never "
            "from the URI"
        )
    prepare_environment()
    # Hadoop knows only s3a; Delta's library and Sail know both.
    scheme = AZURE if uri.startswith(AZURE) else SCHEMES[-1]
    return Bucket(f"{scheme}{name}/{prefix}".rstrip("/"), option)

"""The lock of a datamart in an object store: a separate Delta log, whose newest commit names the holder.

A commit is a conditional put (`If-None-Match`), so if two processes want a lease at once, one gets it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from threading import Event, Thread
from uuid import uuid4

from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.schema import Field, PrimitiveType

HELD_SECONDS = 300
_RENEWED_SECONDS = 60
_LOOK_SECONDS = 2.0
_GIVEN_BACK_TRIES = 3
_SCHEMA = Schema([Field("holder", PrimitiveType("string"))])
# To take and to give back are one commit each; the log keeps only the newest commits.
_PROPERTIES = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableExpiredLogCleanup": "true",
}


@dataclass(frozen=True)
class Holder:
    """The holder of a lease and its end in seconds of the epoch; nobody holds it if `who` is empty."""

    who: str = ""
    until: float = 0.0
    id: str = ""

    @property
    def is_at_work(self) -> bool:
        return bool(self.who) and self.until > time.time()

    def __str__(self) -> str:
        free = datetime.fromtimestamp(self.until, timezone.utc)
        return f"{self.who}; if that was killed, free from {free:%H:%M:%S} UTC on"


class Lease:
    """A lease at a URI; it is taken for some minutes and renewed while its holder works."""

    def __init__(self, uri: str, who: str, seconds: float = HELD_SECONDS) -> None:
        self._uri = uri
        self._who = who
        self._seconds = seconds
        self._id = uuid4().hex
        self._end = Event()
        self._renewing = Thread(target=self._renew, name="lakehouse-lease", daemon=True)

    def take(self) -> Holder | None:
        """Take the lease and return None, or return its holder if another process has it."""
        log = self._opened()
        holder = _holder(log)
        if holder.is_at_work and holder.id != self._id:
            return holder
        try:
            _commit(log, Holder(self._who, time.time() + self._seconds, self._id))
        except CommitFailedError:
            # Another process was faster, or the thread that renews the lease.
            return self.take()
        return None

    def wait(self, seconds: float = math.inf) -> None:
        """Take the lease when its holder has ended; TimeoutError if that takes longer."""
        begun = time.monotonic()
        while self.take():
            if time.monotonic() - begun > seconds:
                raise TimeoutError(self._uri)
            time.sleep(_LOOK_SECONDS)

    def _opened(self) -> DeltaTable:
        with suppress(DeltaError):  # another process made it meanwhile
            if not DeltaTable.is_deltatable(self._uri):
                # Not tried again: a second CREATE would come after the holder's commit and hide it.
                DeltaTable.create(
                    self._uri,
                    _SCHEMA,
                    configuration=_PROPERTIES,
                    commit_properties=CommitProperties(max_commit_retries=0),
                )
        return DeltaTable(self._uri)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease in time while the block runs, and give it back at its end."""
        self._renewing.start()
        try:
            yield
        finally:
            self._end.set()
            self._renewing.join()
            self._give_back()

    def _renew(self) -> None:
        while not self._end.wait(self._seconds * _RENEWED_SECONDS / HELD_SECONDS):
            with suppress(OSError, DeltaError):  # the next try may succeed
                if self.take():
                    return

    def _give_back(self) -> None:
        # If that fails each time, the lease ends by itself. An answer may be cut, or a commit's be lost.
        for _ in range(_GIVEN_BACK_TRIES):
            with suppress(OSError, DeltaError):
                log = DeltaTable(self._uri)
                if _holder(log).id == self._id:
                    _commit(log, Holder())
                return


def _holder(log: DeltaTable) -> Holder:
    text = log.history(1)[0].get("userMetadata")
    return Holder(**json.loads(text)) if text else Holder()


def _commit(log: DeltaTable, holder: Holder) -> None:
    properties = CommitProperties(
        custom_metadata={"userMetadata": json.dumps(asdict(holder))}, max_commit_retries=0
    )
    log.create_write_transaction([], "append", _SCHEMA, commit_properties=properties)

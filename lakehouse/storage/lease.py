"""Who works on a datamart in an object store: a Delta log of its own, whose newest commit names the holder.

A commit is a conditional put (`If-None-Match`), so of two that reach for a lease at once one gets it.
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
_SCHEMA = Schema([Field("holder", PrimitiveType("string"))])
# Taking and giving back is a commit each; the log keeps its end.
_PROPERTIES = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 days",
    "delta.enableExpiredLogCleanup": "true",
}


@dataclass(frozen=True)
class Holder:
    """Who holds a lease and until when, in seconds of the epoch; nobody where `who` is empty."""

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
    """A lease at a URI, taken for some minutes and taken again while its holder works."""

    def __init__(self, uri: str, who: str, seconds: float = HELD_SECONDS) -> None:
        self._uri = uri
        self._who = who
        self._seconds = seconds
        self._id = uuid4().hex
        self._end = Event()
        self._renewing = Thread(target=self._renew, name="lakehouse-lease", daemon=True)

    def take(self) -> Holder | None:
        """Who holds it instead of us; None where it is ours now."""
        log = self._opened()
        holder = _holder(log)
        if holder.is_at_work and holder.id != self._id:
            return holder
        try:
            _commit(log, Holder(self._who, time.time() + self._seconds, self._id))
        except CommitFailedError:
            # Another was faster, if it was not the thread that renews.
            return self.take()
        return None

    def wait(self, seconds: float = math.inf) -> None:
        """Take it once its holder has ended; TimeoutError where that is not so in time."""
        begun = time.monotonic()
        while self.take():
            if time.monotonic() - begun > seconds:
                raise TimeoutError(self._uri)
            time.sleep(_LOOK_SECONDS)

    def _opened(self) -> DeltaTable:
        with suppress(DeltaError):  # another has made it meanwhile
            if not DeltaTable.is_deltatable(self._uri):
                DeltaTable.create(self._uri, _SCHEMA, configuration=_PROPERTIES)
        return DeltaTable(self._uri)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While the work goes on: renewed in time; given back at its end."""
        self._renewing.start()
        try:
            yield
        finally:
            self._end.set()
            self._renewing.join()
            self._give_back()

    def _renew(self) -> None:
        while not self._end.wait(self._seconds * _RENEWED_SECONDS / HELD_SECONDS):
            with suppress(OSError, DeltaError):  # the next time may do
                if self.take():
                    return

    def _give_back(self) -> None:
        # Where that fails it ends by itself.
        with suppress(OSError, DeltaError):
            log = DeltaTable(self._uri)
            if _holder(log).id == self._id:
                _commit(log, Holder())


def _holder(log: DeltaTable) -> Holder:
    said = log.history(1)[0].get("userMetadata")
    return Holder(**json.loads(said)) if said else Holder()


def _commit(log: DeltaTable, holder: Holder) -> None:
    said = CommitProperties(
        custom_metadata={"userMetadata": json.dumps(asdict(holder))}, max_commit_retries=0
    )
    log.create_write_transaction([], "append", _SCHEMA, commit_properties=said)

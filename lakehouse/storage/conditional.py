"""Whether a store keeps one of several conditional puts (`If-None-Match`); leases and commits need it."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError
from deltalake.schema import Field, PrimitiveType

from lakehouse.errors import BadInput
from lakehouse.storage.object_store import at_endpoint

# A store that looks first and writes then kept several of 8 puts in 86 of 100 tries.
_WRITERS = 8
_TRIES = 3
_KEEPS_ONE = "keeps one"
_SCHEMA = Schema([Field("writer", PrimitiveType("string"))])


def check_conditional_puts(folder: str) -> None:
    """BadInput if the store keeps two of several puts at once that each ask to be the first.

    A log in the folder remembers that the store of this endpoint has passed.
    """
    store = f"{folder.partition('/')[0]}{at_endpoint()}"
    uri = f"{folder}/store-{hashlib.sha256(store.encode()).hexdigest()[:8]}"
    if not DeltaTable.is_deltatable(uri):
        with suppress(CommitFailedError):  # another process was faster
            DeltaTable.create(uri, _SCHEMA, commit_properties=_once())
    log = DeltaTable(uri)
    if log.history(1)[0].get("userMetadata") == _KEEPS_ONE:
        return
    for _ in range(_TRIES):
        kept = _kept_at_once(uri)
        if kept > 1:
            raise BadInput(
                f"the object store{at_endpoint()} kept {kept} of {_WRITERS} puts of one object that said "
                "If-None-Match, so two runs at once would lose each other's rows; give another --datamart"
            )
    _is_kept(DeltaTable(uri), _KEEPS_ONE)


def _kept_at_once(uri: str) -> int:
    """How many of several writers were told that their commit is the next one."""
    logs = [DeltaTable(uri) for _ in range(_WRITERS)]
    with ThreadPoolExecutor(_WRITERS) as writers:
        return sum(writers.map(_is_kept, logs))


def _is_kept(log: DeltaTable, note: str = "") -> bool:
    try:
        log.create_write_transaction([], "append", _SCHEMA, commit_properties=_once(note))
    except CommitFailedError:
        return False
    return True


def _once(note: str = "") -> CommitProperties:
    # Not tried again, because that would be another version.
    return CommitProperties(custom_metadata={"userMetadata": note}, max_commit_retries=0)

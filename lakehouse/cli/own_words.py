"""Only our own words on stderr: when a store goes away, its libraries print whole stacks."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lakehouse.storage.object_store import STORES

_STDERR = 2


@contextmanager
def own_words(argv: Sequence[str]) -> Iterator[None]:
    """Drop what native code writes to stderr while a command works on a store; not with --debug.

    Python's `sys.stderr` goes on. Such code writes beside it, from threads, and says the same less well.
    """
    is_of_store = any(scheme in word for word in argv for scheme in STORES)
    if not is_of_store or "--debug" in argv or not _is_of_process():
        yield
        return
    before = sys.stderr
    before.flush()
    kept = os.dup(_STDERR)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), _STDERR)
        with os.fdopen(
            os.dup(kept), "w", buffering=1, encoding=before.encoding, errors=before.errors
        ) as ours:
            sys.stderr = ours
            yield
    finally:
        sys.stderr = before
        os.dup2(kept, _STDERR)
        os.close(kept)


def _is_of_process() -> bool:
    """Whether `sys.stderr` is that of the process, and not one of a notebook or a test."""
    try:
        return sys.stderr is not None and sys.stderr.fileno() == _STDERR
    except (io.UnsupportedOperation, ValueError):
        return False

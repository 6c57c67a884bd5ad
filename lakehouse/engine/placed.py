"""A file that is written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from lakehouse.errors import BadInput


@contextmanager
def placed(out: Path, as_in: str) -> Iterator[Path]:
    """A file beside `out` that takes its place when all went well, and leaves nothing when not.

    Folders that are missing are made; `as_in` is a file name that an error shows as example.
    """
    if out.is_dir():
        raise BadInput(f"--out {out} is a folder; name a file in it, as {out / as_in}")
    missing = [each for each in out.parents if not each.exists()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out {out}: no folder for it ({error.strerror}); name another") from None
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise BadInput(f"--out {out}: {out.parent} cannot be written; name another folder")
    # Not by its own name, which may be as long as a name can be.
    written = out.with_name(f".{os.getpid()}.part")
    try:
        yield written
        written.replace(out)
    finally:
        written.unlink(missing_ok=True)
        for each in missing:
            with suppress(OSError):  # it holds the file
                each.rmdir()

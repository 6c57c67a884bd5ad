"""A raw file in chunks of bytes, with checks that it is UTF-8 text and begins with the part read before."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Protocol

from lakehouse.errors import BadInput
from lakehouse.storage.extent import Extent

CHUNK_BYTES = 4 * 1024**2
# First bytes of files that are not a CSV -> what the file is, and what to do.
MAGIC = {
    b"\x1f\x8b": "is compressed (gzip); unpack it first",
    b"PK\x03\x04": "is a zip or Excel file; unpack it, or save the sheet as CSV UTF-8",
    b"BZh": "is compressed (bzip2); unpack it first",
    b"\x28\xb5\x2f\xfd": "is compressed (zstd); unpack it first",
    b"\xfd7zXZ": "is compressed (xz); unpack it first",
    b"PAR1": "is a Parquet file; deliver the CSV",
    b"\xff\xfe": "is UTF-16, not UTF-8; save it as UTF-8",
    b"\xfe\xff": "is UTF-16, not UTF-8; save it as UTF-8",
}
LONGEST_MAGIC = max(map(len, MAGIC))


class NotGrown(Exception):
    """The file is not one that was read before and then grew at its end."""


class Digest(Protocol):
    """A hash that takes bytes as they come."""

    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def passed_by(raw: BinaryIO, after: Extent, digest: Digest) -> bytes:
    """Skip the part that was read before and return its first bytes; NotGrown if it has changed."""
    first, left = b"", after.bytes
    while left and (chunk := raw.read(min(CHUNK_BYTES, left))):
        digest.update(chunk)
        first, left = first or chunk, left - len(chunk)
    if left or digest.hexdigest() != after.sha256:
        raise NotGrown
    return first


def checked_chunks(
    raw: BinaryIO, name: str, digest: Digest, after: Extent | None
) -> Iterator[tuple[bytes, bool]]:
    """The file in chunks, each with whether it is the last; BadInput if the file is not UTF-8 text."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, offset = (after.lines, after.bytes) if after else (0, 0)
    chunk = raw.read(max(CHUNK_BYTES, LONGEST_MAGIC))
    if offset == 0:
        _check_is_text(chunk, name)
    while True:
        following = raw.read(CHUNK_BYTES)
        digest.update(chunk)
        if b"\0" in chunk:
            at = chunk.index(b"\0")
            line = lines + chunk.count(b"\n", 0, at) + 1
            raise BadInput(
                f"{name} is not text: NUL byte on line {line} (byte {offset + at + 1} of the"
                f" file); deliver it as CSV in UTF-8."
            )
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not following)
        except UnicodeDecodeError as error:
            line = lines + error.object.count(b"\n", 0, error.start) + 1
            raise BadInput(
                f"{name} is not UTF-8: byte 0x{error.object[error.start]:02X} on line {line}"
                f" (byte {offset - pending + error.start + 1} of the file); save it as UTF-8."
            ) from None
        lines += chunk.count(b"\n")
        text = chunk[3:] if offset == 0 and chunk.startswith(codecs.BOM_UTF8) else chunk
        offset += len(chunk)
        yield text, not following
        if not following:
            return
        chunk = following


def _check_is_text(first: bytes, name: str) -> None:
    if not first:
        raise BadInput(f"{name} is empty (0 bytes); deliver the file again.")
    for magic, problem in MAGIC.items():
        if first.startswith(magic):
            raise BadInput(f"{name} {problem}.")

"""A raw file in chunks of bytes, with checks that it is UTF-8 text and begins with the part read before."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

from lakehouse.errors import BadInput
from lakehouse.landing.raw_text import RawText
from lakehouse.storage.extent import Extent

CHUNK_BYTES = 4 * 1024**2


class NotGrown(Exception):
    """The file is not one that was read before and then grew at its end."""


def passed_by(raw: RawText, after: Extent) -> bytes:
    """Skip the part that was read before and return its first bytes; NotGrown if it has changed."""
    if not raw.grows:
        raise NotGrown
    first, left = b"", after.bytes
    while left and (chunk := raw.read(min(CHUNK_BYTES, left))):
        first, left = first or chunk, left - len(chunk)
    if left or raw.sha256 != after.sha256:
        raise NotGrown
    return first


def checked_chunks(raw: RawText, name: str, after: Extent | None) -> Iterator[tuple[bytes, bool]]:
    """The text in chunks, each with whether it is the last; BadInput if it is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines, offset = (after.lines, after.bytes) if after else (0, 0)
    chunk = raw.read(max(CHUNK_BYTES, len(codecs.BOM_UTF8)))
    while True:
        following = raw.read(CHUNK_BYTES)
        if b"\0" in chunk:
            at = chunk.index(b"\0")
            line = lines + chunk.count(b"\n", 0, at) + 1
            raise BadInput(
                f"{name} is not text: NUL byte on line {line} (byte {offset + at + 1} of the"
                f" file); deliver it as CSV in UTF-8{_hint_of_utf16(chunk)}."
            )
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not following)
        except UnicodeDecodeError as error:
            line = lines + error.object.count(b"\n", 0, error.start) + 1
            raise BadInput(
                f"{name} is not UTF-8: byte 0x{error.object[error.start]:02X} on line {line}"
                f" (byte {offset - pending + error.start + 1} of the file); save it as UTF-8, or declare the"
                ' encoding of the source, as encoding="cp1252".'
            ) from None
        lines += chunk.count(b"\n")
        text = chunk[3:] if offset == 0 and chunk.startswith(codecs.BOM_UTF8) else chunk
        offset += len(chunk)
        yield text, not following
        if not following:
            return
        chunk = following


def _hint_of_utf16(chunk: bytes) -> str:
    """A guess at the encoding of a text in which every second byte is NUL; empty if it is another."""
    for encoding, every_second in (("utf-16-le", chunk[1:20:2]), ("utf-16-be", chunk[:20:2])):
        if every_second and not any(every_second):
            return f', or declare the encoding of the source, as encoding="{encoding}"'
    return ""

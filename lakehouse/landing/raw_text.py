"""The text of a raw file as CSV in UTF-8, whatever form it was delivered in; it streams.

Files that are compressed, in Parquet or in UTF-16 with a mark are known by their first bytes, not by their
names. Another encoding must be declared. The delimiter is inferred where the header then fits exactly.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from lakehouse.errors import BadInput
from lakehouse.patterns import is_like
from lakehouse.storage.files import steady
from lakehouse.table import Source

CHUNK_BYTES = 4 * 1024**2
MAX_HEADER_BYTES = 1024**2
COMMA = ","
_INFERRED = (COMMA, ";", "\t", "|")
_GZIP, _ZSTD, _PARQUET = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1"
# First bytes of files that are not taken -> what the file is, and what to do.
_REFUSED = {
    b"PK\x03\x04": "is a zip or Excel file; unpack it, or save the sheet as CSV UTF-8",
    b"BZh": "is compressed (bzip2); unpack it first, or deliver it as gzip or zstd",
    b"\xfd7zXZ": "is compressed (xz); unpack it first, or deliver it as gzip or zstd",
}
# Longer marks come first: UTF-32 begins as UTF-16 does.
_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
_MAGIC_BYTES = 8


class _Form(Enum):
    """Whether a text is the bytes of its file, was packed or written in another way, or had types."""

    PLAIN, PACKED, TYPED = range(3)


class _Stream(Protocol):
    def read(self, n: int, /) -> bytes: ...


class _Ahead:
    """A stream whose next bytes can be seen before they are read."""

    def __init__(self, stream: _Stream) -> None:
        self._stream = stream
        self._held = b""

    def peek(self, n: int) -> bytes:
        """The next `n` bytes, or all that are left."""
        while len(self._held) < n and (more := self._stream.read(n - len(self._held))):
            self._held += more
        return self._held[:n]

    def read(self, n: int, /) -> bytes:
        self.peek(n)
        taken, self._held = self._held[:n], self._held[n:]
        return taken


class _Delivered:
    """The bytes as they were delivered, with their hash and their number so far."""

    def __init__(self, ahead: _Ahead) -> None:
        self._ahead = ahead
        self._digest = hashlib.sha256()
        self._has_ended = False
        self.size = 0

    def read(self, n: int, /) -> bytes:
        # After its end another reader may go back in the file.
        chunk = b"" if self._has_ended else self._ahead.read(n)
        self._has_ended = not chunk
        self._digest.update(chunk)
        self.size += len(chunk)
        return chunk

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class RawText:
    """The text of a raw file; `delimiter` parts its cells.

    `sha256` and `size` are of the delivered bytes that were read so far, and of the whole file at the end of
    the text. `grows`: it is plain UTF-8, so that a longer file can be read on from its end. `typed`: its
    cells had types in the file.
    """

    def __init__(
        self, text: _Stream, delivered: _Delivered, delimiter: str, form: _Form, name: str
    ) -> None:
        self._text = text
        self._delivered = delivered
        self._name = name
        self.delimiter = delimiter
        self.grows = form is _Form.PLAIN
        self.typed = form is _Form.TYPED

    @property
    def sha256(self) -> str:
        return self._delivered.sha256

    @property
    def size(self) -> int:
        return self._delivered.size

    def read(self, n: int, /) -> bytes:
        """The next bytes of the text, at most `n`; none at its end. BadInput if the file is damaged."""
        with _told_if_damaged(self._name):
            text = self._text.read(n)
        if not text:
            _drain(self._delivered)
        return text


@contextmanager
def raw_text(path: Path, name: str, source: Source) -> Iterator[RawText]:
    """The text of a raw file of a source; BadInput if it is of a form that must be declared first.

    BadInput also if the file changes meanwhile.
    """
    with steady(path, name) as file:
        ahead = _Ahead(file)
        delivered = _Delivered(ahead)
        magic = ahead.peek(_MAGIC_BYTES)
        if not magic:
            raise BadInput(f"{name} is empty (0 bytes); deliver the file again.")
        with _told_if_damaged(name):
            text, form = _unpacked(file, ahead, delivered, magic, name, source)
            encoding = None if form is _Form.TYPED else _encoding(text.peek(_MAGIC_BYTES), source)
            if encoding:
                form = _Form.PACKED
                # The bytes that were seen ahead are to be counted as well.
                text = _Ahead(_Decoded(delivered if text is ahead else text, encoding, name))
            delimiter = COMMA
            if form is not _Form.TYPED:
                delimiter = source.delimiter or _delimiter(
                    text.peek(MAX_HEADER_BYTES), name, source
                )
        yield RawText(delivered if text is ahead else text, delivered, delimiter, form, name)


def possible_delimiters(path: Path, name: str, source: Source) -> tuple[str, ...]:
    """The delimiters that part the first line of a file into several names, of those that are inferred."""
    with raw_text(path, name, replace(source, delimiter=COMMA)) as raw:
        if raw.typed:
            return (COMMA,)
        head = raw.read(MAX_HEADER_BYTES)
    return tuple(each for each in _INFERRED if len(_header(head, each)) > 1)


def _drain(delivered: _Delivered) -> None:
    while delivered.read(CHUNK_BYTES):
        pass


def _unpacked(
    file: BinaryIO, ahead: _Ahead, delivered: _Delivered, magic: bytes, name: str, source: Source
) -> tuple[_Ahead, _Form]:
    """The text of a file, and the form that it is in."""
    if magic.startswith(_PARQUET):
        from lakehouse.landing.parquet_text import ParquetText

        # Read once for its hash, because the library goes back and forth in it.
        _drain(delivered)
        return _Ahead(ParquetText(file, name, source)), _Form.TYPED
    if magic.startswith(_GZIP):
        text = _Ahead(cast(_Stream, gzip.GzipFile(fileobj=cast(BinaryIO, delivered))))
    elif magic.startswith(_ZSTD):
        text = _Ahead(_unpacked_zstd(delivered))
    else:
        _check_is_text(magic, name)
        return ahead, _Form.PLAIN
    inner = text.peek(_MAGIC_BYTES)
    if inner.startswith((_GZIP, _ZSTD, _PARQUET)):
        raise BadInput(
            f"{name} is compressed twice; compress the CSV once, or deliver the Parquet as it is."
        )
    _check_is_text(inner, name)
    return text, _Form.PACKED


def _unpacked_zstd(delivered: _Delivered) -> _Stream:
    import pyarrow as pa

    return cast(_Stream, pa.CompressedInputStream(pa.PythonFile(_AsFile(delivered), "r"), "zstd"))


class _AsFile:
    """A stream as pyarrow takes it."""

    closed = False

    def __init__(self, stream: _Stream) -> None:
        self.read = stream.read

    def close(self) -> None:
        self.closed = True


def _check_is_text(magic: bytes, name: str) -> None:
    for refused, problem in _REFUSED.items():
        if magic.startswith(refused):
            raise BadInput(f"{name} {problem}.")


def _encoding(first: bytes, source: Source) -> str | None:
    """The encoding to decode from; None for UTF-8. A mark is as certain as a declaration can be."""
    for mark, marked in _MARKS.items():
        if first.startswith(mark):
            return None if marked == "utf-8" else marked
    declared = codecs.lookup(source.encoding).name if source.encoding else "utf-8"
    return None if declared in ("utf-8", "utf-8-sig", "ascii") else declared


class _Decoded:
    """A stream in another encoding as UTF-8."""

    def __init__(self, stream: _Stream, encoding: str, name: str) -> None:
        self._stream = stream
        self._encoding = encoding
        self._name = name
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._lines = 0

    def read(self, n: int, /) -> bytes:
        text = ""
        while not text and (chunk := self._stream.read(n // 4 + 1)):
            text = self._decode(chunk, final=False)
        text = text or self._decode(b"", final=True)
        self._lines += text.count("\n")
        return text.encode()

    def _decode(self, chunk: bytes, final: bool) -> str:
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeError as error:
            good = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
            lines = good.decode(self._encoding, "ignore").count("\n")
            raise BadInput(
                f"{self._name} is not {self._encoding} on line {self._lines + lines + 1}; deliver it in "
                "UTF-8, or declare its own encoding for the source."
            ) from None


def _delimiter(head: bytes, name: str, source: Source) -> str:
    """The delimiter by which the header has every column of the source; a comma where none does so."""
    needed = source.keys if is_like(name, source.deleted_names) else source.header
    for delimiter in _INFERRED:
        if {*needed} <= {*map(source.own_name, _header(head, delimiter))}:
            return delimiter
    return COMMA


def _header(head: bytes, delimiter: str) -> list[str]:
    """The names in the first line of a text, parted by the delimiter; none where they cannot be."""
    text = head.removeprefix(codecs.BOM_UTF8).lstrip(b"\r\n").decode(errors="replace")
    try:
        return [name.strip() for name in next(csv.reader(io.StringIO(text), delimiter=delimiter))]
    except (csv.Error, StopIteration):
        return []


@contextmanager
def _told_if_damaged(name: str) -> Iterator[None]:
    """Turn an error of a library that unpacks a file into one line."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile, OSError, ValueError) as error:
        # An error of this machine, as of its disk, has a number. Errors of pyarrow are of both kinds.
        if isinstance(error, OSError) and error.errno:
            raise
        is_cut = isinstance(error, EOFError) or "Truncated" in str(error)
        damage = "is cut off" if is_cut else "is damaged"
        raise BadInput(
            f"{name} {damage}: it cannot be unpacked to its end; nothing was taken of it. Deliver the whole"
            " file."
        ) from None

"""The raw files that mention a person, which only the user can change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from lakehouse.catalog import Catalog
from lakehouse.errors import BadInput
from lakehouse.landing.inbox import Inbox
from lakehouse.landing.raw_text import CHUNK_BYTES, RawText, raw_text
from lakehouse.storage.data_bucket import Data, data_place
from lakehouse.table import Source
from lakehouse.upkeep.owned import Owns
from lakehouse.upkeep.person import Person
from lakehouse.words import counted, named


def mentions(data: Data, catalog: Catalog, person: Person, owned: Owns) -> Iterator[str]:
    """One line per raw file that mentions the person, and for those that cannot be searched.

    A file whose rows name what a person owns is searched for that. A number does not tell of a person in a
    file that names nobody.
    """
    sources = [table.source for table in catalog.sources if table.source]
    inbox = Inbox(data_place(data), sources)
    for source in sources:
        try:
            listing = inbox.listing(source)
        except BadInput as error:
            yield f"no raw file was searched for that customer: {error}"
            return
        sought = [person]
        if source.owned_by:
            sought = [Person(id_) for id_ in sorted(owned.get(source.owned_by, ()))]
        elif not source.entity and not person.is_telling:
            continue
        unread = [*(each.name for each in listing.refused), *listing.left_out]
        for file in listing.files:
            try:
                lines = _mentioning(inbox.path(file), file.name, source, sought)
            except BadInput:
                unread.append(file.name)
                continue
            if lines:
                yield (
                    f"{file.name} has {counted(lines, 'line')} of that customer; remove those rows there "
                    "too: a later delivery may bring the person back"
                )
        if unread:
            yield f"{named(unread)} cannot be read as raw files; look there for that customer yourself"


def _mentioning(path: Path, name: str, source: Source, sought: Sequence[Person]) -> int:
    """The number of lines of a raw file that mention one of these."""
    patterns = [(each.customer, re.compile(each.mentioned)) for each in sought]
    with raw_text(path, name, source) as raw:
        return sum(
            any(id_ in line and bool(pattern.search(line)) for id_, pattern in patterns)
            for line in _lines(raw)
        )


def _lines(raw: RawText) -> Iterator[str]:
    rest = b""
    while chunk := raw.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)
    yield rest.decode(errors="replace")

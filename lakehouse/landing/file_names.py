"""Names of raw files: which source they are of, the day that they say, and which are too odd to be taken."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date

from lakehouse.patterns import is_like
from lakehouse.table import RAW_SUFFIXES, Source

# Signs that nobody sees, or that a terminal obeys: controls, formats, and breaks of a line.
_UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
_DATE = re.compile(
    r"(?<![0-9])((?:19|20)[0-9]{2})([-_.]?)(0[1-9]|1[0-2])(?:\2(0[1-9]|[12][0-9]|3[01]))?(?![0-9])"
)


def is_odd(name: str) -> bool:
    """Whether a name has signs that nobody sees, or bytes that are not UTF-8."""
    if name.isascii() and name.isprintable():
        return False
    return any(unicodedata.category(sign) in _UNSEEN for sign in name)


def escaped(name: str) -> str:
    """The name as it can be shown: a sign that nobody sees, or a byte that is none, as its number."""
    return "".join(
        sign.encode("unicode_escape").decode().replace("\\udc", "\\x") if is_odd(sign) else sign
        for sign in name
    )


def elsewhere(name: str) -> str:
    """The name as a system may take it that distinguishes neither case nor the form of a letter."""
    return name.lower() if name.isascii() else unicodedata.normalize("NFC", name.casefold())


def day_in(name: str) -> str | None:
    """The day or month in a name, as 2024-07-31 or 2024-07; None where it has none, or two that differ.

    The month of a folder and a day of it do not differ.
    """
    found = {_iso(match[1], match[3], match[4]) for match in _DATE.finditer(name)}
    exact = max(found, key=len, default="")
    return exact if exact and all(exact.startswith(each) for each in found) else None


def _iso(year: str, month: str, day: str | None) -> str:
    text = f"{year}-{month}"
    try:
        return date.fromisoformat(f"{text}-{day}").isoformat() if day else text
    except ValueError:
        return text


class Claims:
    """The claims of sources on the names of a data folder."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._plain = {name: source for source in sources for name in source.file_names}
        self._declaring = [source for source in sources if source.patterns]
        bases = {base(name): source for name, source in self._plain.items()}
        # The longest comes first, so that it wins.
        self._bases = sorted(bases.items(), key=lambda each: -len(each[0]))
        self._in_any_case = [(elsewhere(begin), source) for begin, source in self._bases]
        self._folders = bases

    def taking(self, name: str) -> list[Source]:
        """The sources that take a file of this name: one or none, or several that declare it."""
        if name in self._plain:
            return [self._plain[name]]
        declaring = [source for source in self._declaring if is_like(name, source.patterns)]
        if declaring or not name.lower().endswith(RAW_SUFFIXES):
            return declaring
        top, slash, _ = name.partition("/")
        near = self._folders.get(top) if slash else _longest(self._bases, name)
        return [near] if near and not near.patterns else []

    def near(self, name: str, is_unknown: bool = False) -> list[Source]:
        """The source with whose name it begins, in any case; for unknown content, all that look there."""
        near = _longest(self._in_any_case, elsewhere(name))
        if near or not is_unknown:
            return [near] if near else []
        return [source for source in self._declaring if _looks_in(source, name.partition("/")[0])]

    def walks(self, folder: str) -> bool:
        """Whether a folder at the top may hold files of a source."""
        return folder in self._folders or any(_looks_in(each, folder) for each in self._declaring)


def _looks_in(source: Source, folder: str) -> bool:
    """Whether a declared name of a source may lie in a folder at the top."""
    tops = tuple(pattern.split("/")[0] for pattern in source.patterns if "/" in pattern)
    return "**" in tops or is_like(folder, tops)


def base(file_name: str) -> str:
    """The name without the ending of a raw file, as loans of loans.csv and of loans.csv.gz."""
    ending = max((each for each in RAW_SUFFIXES if file_name.endswith(each)), key=len, default="")
    return file_name.removesuffix(ending)


def _longest(bases: Sequence[tuple[str, Source]], name: str) -> Source | None:
    for begin, source in bases:
        if name.startswith(begin):
            return source
    return None

"""Which columns of a raw file are about a person, by their names and by the form of their cells."""

from __future__ import annotations

import re

from lakehouse.scaffold.raw_columns import Seen

# The place where a small letter ends a word and a capital begins the next one.
_WITHIN = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-ZÀ-ÖØ-Þ])")
# Words of a column's name -> what it holds. Any of them is enough.
_OF_NAME = {
    "a name": "surname firstname lastname fullname forename nachname vorname familienname maiden",
    "a personal number": "ssn sin nin tin passport nric ahv svnr personalausweis",
    "a mail address": "email mail emailaddress",
    "a telephone number": "phone telephone mobile cell cellphone tel fax telefon handy",
    "an address": "address street postcode zip zipcode adresse strasse straße plz addr latitude longitude",
    "a day of birth": "birth birthday birthdate dob born geburtsdatum geburtstag geboren",
    "an account of a bank": "iban bic",
    "an address of a device": "ip imei",
}
_HOLDS = {word: what for what, words in _OF_NAME.items() for word in words.split()}
_PAIRS = {
    ("social", "security"): "a personal number",
    ("tax", "id"): "a personal number",
    ("national", "id"): "a personal number",
    ("date", "of", "birth"): "a day of birth",
}
# Forms of cells: the smallest share of filled cells that has the form, and what they then are.
_OF_FORM = {
    "mail": (0.0, "the form of a mail address"),
    "ssn": (0.0, "the form of a social security number"),
    "iban": (0.0, "the form of an IBAN"),
    "phone": (0.5, "the form of a telephone number"),
}
_NAMES = (
    0.8  # the share of cells that are two words with capitals, where these may be names of people
)
_VARIED = 0.5


def words_of(name: str) -> list[str]:
    """The words of a column's name in small letters: `fullName` and `Full_Name` are full and name."""
    return re.findall(r"[^\W_]+", _WITHIN.sub(" ", name).lower())


def why_personal(seen: Seen) -> str:
    """Why a column is likely about a person, without any cell of it; empty if nothing says so."""
    return _by_name(words_of(seen.name)) or _by_cells(seen)


def _by_name(words: list[str]) -> str:
    if words[-1:] == ["name"]:
        return "its name says a name"
    for word in words:
        if word in _HOLDS:
            return f"its name says {_HOLDS[word]}"
    for pair, what in _PAIRS.items():
        n = len(pair)
        if any(tuple(words[at : at + n]) == pair for at in range(len(words))):
            return f"its name says {what}"
    return ""


def _by_cells(seen: Seen) -> str:
    for form, (least, what) in _OF_FORM.items():
        n = seen.forms[form]
        if n and n >= least * seen.filled:
            return f"{n:,} of {seen.filled:,} cells have {what}"
    names = seen.forms["two names"]
    if names >= _NAMES * max(seen.filled, 1) and seen.distinct > _VARIED * seen.filled:
        return f"{names:,} of {seen.filled:,} cells look like names of people"
    return ""

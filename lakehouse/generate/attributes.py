"""Cells of the attributes: name, age, SSN, occupation."""

from __future__ import annotations

import numpy as np

from lakehouse.generate.cells import Ints, Reals, Text, integers, joined
from lakehouse.generate.chance import below, weighted
from lakehouse.generate.dirt import impossible, replaced, underscored
from lakehouse.silver.attributes import OCCUPATIONS

JOBS = np.array([occupation.encode() for occupation in OCCUPATIONS])
ONSETS = ("Bra", "Cel", "Dov", "Fen", "Gri", "Hal", "Jor", "Kev", "Lun", "Mor", "Nel", "Pri", "Quo",
          "Ras", "Sil", "Tov", "Ul", "Vex", "Wim", "Zan")  # fmt: skip
CODAS = ("adel", "bek", "dunn", "ferro", "gath", "ilsk", "kamp", "lorin", "mund", "neth", "oski",
         "pelt", "quin", "rath", "strom")  # fmt: skip
GIVEN_NAMES = np.array([f"{onset}{end} ".encode() for onset in ONSETS for end in ("ia", "o", "en")])
SURNAMES = np.array([f"{onset}{coda}".encode() for onset in ONSETS for coda in CODAS])
NAME_MARKS = np.array([b"", b".", b"-", b'""', b", "])  # the last two need quotes around the name
LETTERS = np.array([bytes([code]) for code in range(ord("a"), ord("z") + 1)])


def attribute_cells(
    rng: np.random.Generator, clean: dict[str, Reals], positions: Ints
) -> list[Text]:
    """The columns between Customer_ID and snapshot_date."""
    rows = len(positions)
    age = replaced(rng, impossible(rng, clean["age"], 0.0145, 100, 8_679), 0.008, -500.0)
    return [
        _names(rng, rows),
        underscored(rng, integers(age), 0.05),
        replaced(rng, _social_security_numbers(positions), 0.06, b"#F%$D@*&8"),
        replaced(rng, JOBS[below(rng, rows, len(JOBS))], 0.07, b"_______"),
    ]


def _names(rng: np.random.Generator, rows: int) -> Text:
    """Names no one has, each with a stray letter at its end, some with punctuation before it."""
    given = GIVEN_NAMES[below(rng, rows, len(GIVEN_NAMES))]
    mark = weighted(rng, rows, (0.96, 0.014, 0.016, 0.009, 0.001))
    quote = np.where(mark >= 3, b'"', b"")
    return joined(
        quote,
        replaced(rng, given, 0.6, b""),
        SURNAMES[below(rng, rows, len(SURNAMES))],
        NAME_MARKS[mark],
        LETTERS[below(rng, rows, len(LETTERS))],
        quote,
    )


def _social_security_numbers(positions: Ints) -> Text:
    """Numbers that differ and are nobody's: areas 900 to 999 with groups below 50 were never issued."""
    numbers = (positions * 31_622_777 + 17_320_508) % 50_000_000
    area, group, serial = numbers // 500_000, numbers // 10_000 % 50, numbers % 10_000
    digits = zip((900 + area, group, serial), (3, 2, 4), strict=True)
    area_text, *texts = (np.char.zfill(integers(part), width) for part, width in digits)
    return joined(area_text, b"-", texts[0], b"-", texts[1])

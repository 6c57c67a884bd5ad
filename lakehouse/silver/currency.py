"""The currency of the bank's amounts; with another CURRENCY the bounds of all amounts change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.silver.cleaning import Cell, number


@dataclass(frozen=True)
class Currency:
    """The name of a currency, and how many of it are about a dollar."""

    name: str
    per_dollar: float


CURRENCY = Currency("dollars", 1)


def amount(
    raw: str,
    low: float,
    high: float,
    doc: str,
    placeholders: Sequence[str] = (),
    currency: Currency = CURRENCY,
) -> Cell:
    """A number from `low` to `high` dollars, as it is in the bank's currency."""
    low, high = low * currency.per_dollar, high * currency.per_dollar
    return number(raw, low, high, doc, placeholders=placeholders, unit=currency.name)

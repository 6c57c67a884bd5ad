"""What a label store declares: its definitions, and which of its columns say what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelDefinition:
    """Default means at least `dpd` days past due at month on book `mob`."""

    name: str
    dpd: int
    mob: int


@dataclass(frozen=True)
class LoanColumns:
    """The columns that say which loan a row is of, when it was applied for, and its month on book."""

    loan: str
    application: str
    mob: str


@dataclass(frozen=True)
class LabelStore:
    """The definitions that a label store has, the default first, and its columns.

    `loans` are the columns of its first upstream, which has a row for every loan, labelled or not. That
    one also has the days past due (`dpd`) and what is left to pay (`balance`).
    """

    definitions: tuple[LabelDefinition, ...]
    own: LoanColumns
    label: str
    label_def: str
    loans: LoanColumns
    dpd: str
    balance: str

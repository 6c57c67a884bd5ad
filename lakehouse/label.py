"""The declaration of a label store: its label definitions, and the meaning of its columns."""

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
    """The columns with the loan, its application date and its month on book."""

    loan: str
    application: str
    mob: str


@dataclass(frozen=True)
class LabelStore:
    """The definitions of a label store, the default first, and its columns.

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

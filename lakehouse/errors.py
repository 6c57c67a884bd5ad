"""The exception tree: every error that a user can cause or must know about."""

from __future__ import annotations

from collections.abc import Iterator


class LakehouseError(Exception):
    """Something failed while running; the message says what, why and what to do."""


class NoSpace(LakehouseError):
    """A disk is full; the message says which one."""


class LedgerFault(LakehouseError):
    """A table of the ledger has other rows than were written to it; `what` says which, without a remedy."""

    def __init__(self, what: str = "") -> None:
        self.what = what
        super().__init__(
            f"{what}: another program wrote there, or the table was lost or set back; "
            "python main.py doctor --deep tells more, run --repair puts it right"
        )


class BadInput(LakehouseError):
    """Refused input or arguments; nothing was changed."""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, then its cause, then the cause of that, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

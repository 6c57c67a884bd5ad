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


def not_installed(error: ModuleNotFoundError) -> str | None:
    """The line that says how to install a library; None if a module of this program is missing."""
    if (error.name or "").split(".")[0] == "lakehouse":
        return None
    return f"{error.name} is not installed; python -m pip install -r requirements.txt installs it"

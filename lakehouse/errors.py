"""The exception tree: every error that a user can cause or must know about."""

from __future__ import annotations

from collections.abc import Iterator


class LakehouseError(Exception):
    """Something failed while running; the message says what, why and what to do."""


class NoSpace(LakehouseError):
    """A disk is full; the message says which one."""


class BadInput(LakehouseError):
    """Refused input or arguments; nothing was changed."""


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error, then its cause, then the cause of that, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

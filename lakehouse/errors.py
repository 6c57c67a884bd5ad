"""The exception tree: every error a user can cause or must know of, with its exit code."""

from __future__ import annotations

from collections.abc import Iterator


class LakehouseError(Exception):
    """Something failed while running; the message says what, why and what to do."""

    exit_code = 1


class NoSpace(LakehouseError):
    """A disk is full, and the message says so, and which."""


class BadInput(LakehouseError):
    """Refused input or arguments; nothing was changed."""

    exit_code = 2


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error, what it came of, what that came of, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

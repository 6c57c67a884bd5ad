"""The exception tree: every error a user can cause or must know of, with its exit code."""

from __future__ import annotations


class LakehouseError(Exception):
    """Something failed while running; the message says what, why and what to do."""

    exit_code = 1


class BadInput(LakehouseError):
    """Refused input or arguments; nothing was changed."""

    exit_code = 2

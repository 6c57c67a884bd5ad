"""Ids that are nearly the same: most often one id that was damaged on its way."""

from __future__ import annotations

import re

# Zeros before other digits, at the front of an id or of a part of it; for every engine's regular expressions.
ZEROS_IN_FRONT = "(^|[^0-9a-z])0+([0-9])"


def alike(id_: str) -> str:
    """The same text for ids that differ only in case, or in zeros at the front of a part."""
    return re.sub(ZEROS_IN_FRONT, r"\1\2", id_.casefold())

"""The refusal of a scaffold that cannot be sure, with the option that says it."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.errors import BadInput


class Unsure(BadInput):
    """Something that only the user knows: the option that says it, and the values that may be meant."""

    def __init__(self, why: str = "", option: str = "", choices: Sequence[str] = ()) -> None:
        super().__init__(f"{why}; say it with {option}")
        self.option = option
        self.choices = tuple(choices)

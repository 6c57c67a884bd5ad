"""The answer of a command: JSON for programs, or what a function prints for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import date, datetime

from lakehouse.cli.show.terminal import plain, write

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def answer(as_json: bool, value: object, show: Callable[[], None]) -> None:
    """Print the answer of a command, as JSON or as `show` prints it."""
    if as_json:
        write(plain(json_text(value)))
    else:
        show()


def json_text(value: object) -> str:
    """JSON of plain values, dataclasses and dates; any other value becomes its text."""
    return json.dumps(value, indent=2, default=_as_json, ensure_ascii=False)


def _as_json(value: object) -> Json:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)

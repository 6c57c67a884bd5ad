"""The names that an error of an engine is about, from the words of both engines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.errors import PySparkException

_SAIL_MISSING = re.compile(r"attribute ObjectName\(\[(.*?)\]\) is missing")
_SAIL_AMBIGUOUS = re.compile(r"ambiguous attribute: ObjectName\(\[(.*?)\]\)")
_SAIL_FUNCTION = re.compile(r"unknown function: (\w+)")
Names = tuple[str, ...]


def missing_column(error: PySparkException) -> Names:
    """The parts of the name of a column that is not there; empty if the error is another one."""
    return _names(error, _SAIL_MISSING, "UNRESOLVED_COLUMN", "objectName")


def ambiguous_column(error: PySparkException) -> Names:
    """The parts of the name that several columns have; empty if the error is another one."""
    return _names(error, _SAIL_AMBIGUOUS, "AMBIGUOUS_REFERENCE", "name")


def unknown_function(error: PySparkException) -> Names:
    """The parts of the name of a function that there is not; empty if the error is another one."""
    return _names(error, _SAIL_FUNCTION, "UNRESOLVED_ROUTINE", "routineName")


def _names(error: PySparkException, sail: re.Pattern[str], condition: str, parameter: str) -> Names:
    """The parts of the name that an engine's error is about; empty if the error is another one."""
    if (error.getCondition() or "").startswith(condition):
        quoted = (error.getMessageParameters() or {}).get(parameter, "")
        return tuple(
            a.replace("``", "`") or b for a, b in re.findall(r"`((?:[^`]|``)+)`|([^.`]+)", quoted)
        )
    found = sail.search(str(error))
    if not found:
        return ()
    return tuple(re.findall(r'Identifier\("((?:[^"\\]|\\.)*)"\)', found[1])) or (found[1],)

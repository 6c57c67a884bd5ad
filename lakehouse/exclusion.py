"""The declaration of an exclusion: a kind of loan that a training set leaves out on request."""

from __future__ import annotations

import re
from dataclasses import dataclass

from lakehouse.errors import BadInput

_TEXT = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\"""")
# They answer differently on another day or in another run, or see other rows than the loan's own.
_UNSTEADY = re.compile(
    r"""\b(?:
        (?:select|over|current_(?:date|time|timestamp|timezone|user)|localtimestamp|session_user)\b
        |(?:now|curdate|rand|random|randn|randstr|uniform|uuid|shuffle|monotonically_increasing_id
            |spark_partition_id|input_file_\w+|user|reflect|try_reflect|java_method)\s*(?=\()
        |unix_timestamp\s*\(\s*(?=\))
        |(?:date|timestamp\w*)\s*['"]\s*(?:now|today|tomorrow|yesterday)
    )""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True)
class Exclusion:
    """Loans for which `condition` is true, by name and reason.

    The condition is Spark SQL over `loan_id`, `customer_id`, `application_date` and the columns that `reads`
    names by table. Each is as it was known on the day of the application; nothing later is there. Tables are
    feature groups, or the silver tables that these are made of. With `earlier_loans` there is also
    `previous_application_date`: that of the customer's loan before this one, NULL for the first.
    A condition that is NULL leaves nothing out.
    """

    name: str
    reason: str
    condition: str
    reads: tuple[tuple[str, tuple[str, ...]], ...] = ()
    earlier_loans: bool = False

    def __post_init__(self) -> None:
        code = self.condition.replace("`", "")
        for unsteady in _UNSTEADY.finditer(code):
            if not any(
                text.start() < unsteady.start() < text.end() for text in _TEXT.finditer(code)
            ):
                called = " ".join(unsteady[0].rstrip("( ").split())
                raise BadInput(
                    f"exclusion {self.name}: its condition uses {called}, so the same set could come out "
                    "different; use only columns of the loan's own row"
                )

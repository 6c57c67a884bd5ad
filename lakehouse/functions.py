"""`pyspark.sql.functions`, imported with the first of them that is used.

Whoever only asks what a table is, as a run with nothing to do, does without PySpark's import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.functions import *  # noqa: F403


def __getattr__(name: str) -> object:
    from pyspark.sql import functions

    return getattr(functions, name)

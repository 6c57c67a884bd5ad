"""`pyspark.sql.functions`, imported when the first of them is used.

A run with nothing to do reads only the declarations of tables, so it never imports PySpark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql.functions import *  # noqa: F403


def __getattr__(name: str) -> object:
    from pyspark.sql import functions

    return getattr(functions, name)

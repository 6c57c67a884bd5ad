"""The physical plan of a DataFrame as its engine prints it, and the tables that the plan scans."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from io import StringIO

from pyspark.sql import DataFrame, SparkSession

from lakehouse.table import Table

# A scan as Sail prints it, or as Spark prints it.
_SCANS = re.compile(r"file_groups=\{(.*?)\}, |Location: \w+\(\d+ paths\)\[(.*?)\], ")
# Spark shortens text that is longer than these limits.
_LIMITS = ("spark.sql.debug.maxToStringFields", "spark.sql.maxMetadataStringLength")
_WHOLE = "1000000"


@contextmanager
def unshortened(spark: SparkSession) -> Iterator[None]:
    """Have plans printed in full inside the block."""
    before = {name: spark.conf.get(name, None) for name in _LIMITS}
    try:
        for name in _LIMITS:
            spark.conf.set(name, _WHOLE)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)


def plan_of(frame: DataFrame) -> str:
    """The physical plan as the engine prints it; nothing is computed."""
    with redirect_stdout(StringIO()) as printed:
        frame.explain()
    return printed.getvalue()


def scanned(plan: str, tables: Sequence[Table]) -> set[Table | None]:
    """The tables whose files a plan reads; None stands for files that belong to no table."""
    scans = [sail or spark for sail, spark in _SCANS.findall(plan)]
    # A table without rows has no file, so its scan has no path.
    return {table for scan in scans if "/" in scan for table in _tables_of(scan, tables)}


def _tables_of(scan: str, tables: Sequence[Table]) -> list[Table | None]:
    matching: list[Table | None] = [
        table for table in tables if re.search(rf"/{re.escape(table.path)}(/|$)", scan)
    ]
    return matching or [None]

"""Checks of a bank's declarations on tiny frames: rows in, expected rows out, and nothing from the future.

`given` are rows of the only upstream of a table, or those of each upstream by its full name. A row is a
dict of columns.

A check that fails raises an AssertionError that names the table, the row and the column. All checks of a
process share one session of the embedded engine.
"""

from lakehouse.testing.checks import check_feature, check_rows
from lakehouse.testing.examples import examples
from lakehouse.testing.frames import computed, frame
from lakehouse.testing.point_in_time import check_each_month, check_group_is_point_in_time

__all__ = [
    "check_each_month",
    "check_feature",
    "check_group_is_point_in_time",
    "check_rows",
    "computed",
    "examples",
    "frame",
]

"""Validity: rows that hold from a day until another day become rows of the days on which something changes.

The newest row up to a day then says what holds on that day. So all that takes such a row, a training set, a
lookup, `as_of` or the audit, takes intervals in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.errors import BadInput
from lakehouse.silver.cleaning import ISSUES
from lakehouse.table import MONTH_FIELD, Field, Table, snake_case

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A row may hold for as long: a look back over all months that there are.
ALL_MONTHS = 1200
IS_VALID = Field("is_valid", "BOOLEAN", "Whether something holds from this day on.")
OVERLAPS = Field(
    "overlaps", "INT", "Other rows of the same entity that hold on the first day of this one."
)
_END, _NEVER = "_end", "9000-01-01"


@dataclass(frozen=True, eq=False)
class ValidityTransform:
    """The days on which rows of an entity begin to hold, and those from which none holds any more."""

    entity: str
    begin: str
    end: str
    values: tuple[Field, ...]
    keys: tuple[str, ...]

    def __call__(self, rows: DataFrame, months: Sequence[str] | None = None) -> DataFrame:
        from pyspark.sql import Window

        of_entity = Window.partitionBy(self.entity)
        # A day as 9999-12-31 stands for no end.
        end = F.when(F.col(self.end) < F.lit(_NEVER).cast("date"), F.col(self.end))
        ended = rows.withColumn(_END, end)
        of_day = Window.partitionBy(self.entity, self.begin)
        before = of_entity.orderBy(self.begin, *self.keys).rowsBetween(
            Window.unboundedPreceding, -1
        )
        latest = F.max(F.coalesce(_END, F.lit(_NEVER).cast("date"))).over(before)
        overlaps = (latest > F.col(self.begin)).cast("int")
        begun = ended.select(
            self.entity,
            self.begin,
            *(field.name for field in self.values),
            F.coalesce(overlaps, F.lit(0)).alias("_overlaps"),
            F.row_number().over(of_day.orderBy(*self.keys)).alias("_number"),
        )
        # Rows that begin on one day have one key, so the count is kept with the first of them.
        overlapping = F.sum("_overlaps").over(of_day).cast("int").alias(OVERLAPS.name)
        begins = begun.select("*", overlapping, F.lit(True).alias(IS_VALID.name))
        begins = begins.where(F.col("_number") == 1).drop("_number", "_overlaps")
        ends = ended.where(F.col(_END).isNotNull()).select(
            self.entity, F.col(_END).alias(self.begin)
        )
        ends = ends.distinct().join(begins, [self.entity, self.begin], "left_anti")
        nothing = [F.lit(None).cast(field.type).alias(field.name) for field in self.values]
        none = (F.lit(0).alias(OVERLAPS.name), F.lit(False).alias(IS_VALID.name))
        every = begins.unionByName(ends.select(self.entity, self.begin, *nothing, *none))
        return every.withColumn(MONTH_FIELD.name, F.date_format(self.begin, "yyyy-MM"))


def validity_table(silver: Table, doc: str) -> Table:
    """The silver table of the days on which what holds of an entity changes, `<name>_valid`.

    Its source declares `valid_to`, which is a cell of the silver table. A day on which a row begins has its
    values; a day on which one ends and none begins has NULL and `is_valid` false. Without an end a row still
    holds. Rows that overlap break the expectation `one_at_a_time`, so that a run refuses them with a count.
    BadInput if there is no `valid_to`, entity or date.
    """
    source = next((each.source for each in silver.upstreams if each.source), None)
    end = snake_case(source.valid_to) if source else ""
    if not (end in silver.columns and silver.entity and silver.date):
        raise BadInput(
            f"{silver.full_name} has no rows that hold until a day; declare valid_to in its source and as a "
            "cell, and its entity and date"
        )
    silent = {*silver.keys, end, ISSUES.name, MONTH_FIELD.name}
    values = tuple(field for field in silver.fields if field.name not in silent)
    by_name = {field.name: field for field in silver.fields}
    keys = (silver.entity, silver.date)
    return Table(
        layer="silver",
        name=f"{silver.name}_valid",
        doc=doc,
        keys=keys,
        fields=(*(by_name[name] for name in keys), IS_VALID, *values, OVERLAPS, MONTH_FIELD),
        upstreams=(silver,),
        transform=ValidityTransform(*keys, end, values, silver.keys),
        look_back_months=ALL_MONTHS,
        expectations=(("one_at_a_time", f"{OVERLAPS.name} = 0"),),
        entity=silver.entity,
        date=silver.date,
        own_days=True,
        own_months=True,
    )

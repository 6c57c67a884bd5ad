"""Whether a delivery would delete more rows of a month than a correction does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.bronze.superseded import TABLE as SUPERSEDED
from lakehouse.engines.changes import DELETE, OPERATION
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.run.candidates import RETRACTED
from lakehouse.run.ingest import Delivery, is_alone, said_of, without_damaged
from lakehouse.run.union import judged
from lakehouse.table import MONTH, quoted

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# A delivery may delete this share of the rows of a month, and one row in any case.
_SHARE_THAT_MAY_GO = 0.05


def check_shrink(
    store: Store, delivery: Delivery, months: list[str], superseded: int | None = None
) -> None:
    """BadInput if files would delete more than one row, and more than 5 %, of a held month.

    Rows that a deletion takes, or in whose place those of another file come, do not count. `superseded` is
    the version of `bronze.superseded` before another program wrote to it.
    """
    if not delivery.replaces or not store.log.exists(delivery.table):
        return
    held = store.log.rows_by_month(delivery.table, delivery.recorded.undo_to)
    again = [month for month in months if month in held]
    lost = _lost_by_month(store, delivery, again, superseded) if again else {}
    shrunk = {n: rows for n, rows in lost.items() if rows > max(1, _SHARE_THAT_MAY_GO * held[n])}
    if not shrunk:
        return
    told = ", ".join(f"{rows:,} of {held[n]:,} rows of {n}" for n, rows in [*shrunk.items()][:3])
    more = f" and rows of {len(shrunk) - 3} more months" if len(shrunk) > 3 else ""
    raise BadInput(
        f"{delivery.landed.file_name} would delete {told}{more} from {delivery.table.full_name}, as a "
        "delivery replaces the months it contains; nothing was changed: if the file only has rows to add "
        "or correct, give --delivery rows; if those rows are really gone, give --allow-shrink"
    )


def _lost_by_month(
    store: Store, delivery: Delivery, months: list[str], superseded: int | None
) -> Mapping[str, int]:
    """The rows of each month that no file has any more, without those that are damaged now."""
    table = delivery.table
    versions = {
        table.full_name: delivery.recorded.undo_to,
        SUPERSEDED.full_name: superseded,
    }
    said = said_of(store, table, delivery, months, versions)
    if is_alone(said, delivery):
        assert said.bronze is not None
        keys = [quoted(key) for key in table.keys]
        gone = said.bronze.select(*keys, MONTH).join(
            said.new.select(*keys), [*table.keys], "left_anti"
        )
        deleted = without_damaged(store, gone.withColumn(OPERATION, F.lit(DELETE)), delivery)
        return _by_month(deleted)
    if not delivery.replaces:
        return {}
    with judged(store, table, delivery.rules, said) as verdicts:
        return _by_month(verdicts.where(F.col(RETRACTED)))


def _by_month(rows: DataFrame) -> Mapping[str, int]:
    counted = rows.groupBy(MONTH).count().collect()
    return {row[MONTH]: row["count"] for row in sorted(counted)}

"""Whether a delivery would delete more rows of a month than a correction does."""

from __future__ import annotations

from collections.abc import Mapping

from lakehouse import functions as F
from lakehouse.engines.changes import DELETE, OPERATION
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.run.ingest import Delivery, without_damaged
from lakehouse.table import MONTH, quoted

# A delivery may delete this share of the rows of a month, and one row in any case.
_SHARE_THAT_MAY_GO = 0.05


def check_shrink(store: Store, delivery: Delivery, months: list[str]) -> None:
    """BadInput if a delivery would delete more than one row, and more than 5 %, of a held month."""
    if delivery.rows_only or not store.log.exists(delivery.table):
        return
    held = store.log.rows_by_month(delivery.table, delivery.recorded.undo_to)
    again = [month for month in months if month in held]
    lost = _lost_by_month(store, delivery, again) if again else {}
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


def _lost_by_month(store: Store, delivery: Delivery, months: list[str]) -> Mapping[str, int]:
    """The rows of each month whose keys the delivery does not have, without those that are damaged in it."""
    keys = [quoted(key) for key in delivery.table.keys]
    delivered = store.read_parquet(str(delivery.landed.accepted)).select(*keys)
    held = store.read(delivery.table, delivery.recorded.undo_to).where(F.col(MONTH).isin(months))
    gone = held.select(*keys, MONTH).join(delivered, [*delivery.table.keys], "left_anti")
    deleted = without_damaged(store, gone.withColumn(OPERATION, F.lit(DELETE)), delivery)
    counted = deleted.groupBy(MONTH).count().collect()
    return {row[MONTH]: row["count"] for row in sorted(counted)}

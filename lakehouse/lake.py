"""The datamart for Python and notebooks: tables as DataFrames, now or as of a release, and in SQL."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from lakehouse.catalog import load
from lakehouse.days import day_of, today
from lakehouse.engines.choose import choose, open_store
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.landing.cells import BLANKS
from lakehouse.months import MonthRange
from lakehouse.releases import inspect, published
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.datamart import Datamart
from lakehouse.training.lookup import Lookup, Wanted

if TYPE_CHECKING:
    import pandas as pd

    from lakehouse.training.receipts import Receipt

_MAPS = ("months", "versions", "row_counts", "sources", "code", "checksums")


class _Engine:
    """The session that a lake shares with every `at` of it; it starts when it is needed."""

    def __init__(self, name: str, datamart: Datamart) -> None:
        self._name = name
        self._datamart = datamart

    @cached_property
    def store(self) -> Store:
        from lakehouse.engines.display import show_frames_well

        master = os.environ.get("SPARK_MASTER")
        log = self._datamart.log
        store = open_store(choose(self._name, master, 0, print), self._datamart, master)
        show_frames_well()
        for table in self._datamart.catalog.tables:
            store.spark.sql(f"CREATE DATABASE IF NOT EXISTS {table.layer}")
            # The names belong to the lake that was opened last. To drop a name does not delete files.
            store.spark.sql(f"DROP TABLE IF EXISTS {table.full_name}")
            uri = store.path(log.uri(table)).replace("'", "\\'")
            store.spark.sql(f"CREATE TABLE {table.full_name} USING delta LOCATION '{uri}'")
        return store


class Lakehouse:
    """A datamart to read. `engine` is auto, embedded or spark; `release` pins every table's version.

    In its session the tables also answer SQL: `SELECT * FROM gold.label_store VERSION AS OF 4`. Without a
    version SQL reads the newest commit, which during a run may not be in a release yet.
    """

    def __init__(self, datamart: str | Path = "datamart", engine: str | None = None) -> None:
        self.datamart = Datamart.at(datamart, load())
        inspect.check_built(self.datamart)
        self._log, self._catalog = self.datamart.log, self.datamart.catalog
        name = engine or os.environ.get("LAKEHOUSE_ENGINE", "auto")
        self._engine = _Engine(name, self.datamart)
        self._lookup = Lookup(self.datamart)
        self._pinned: Release | None = None
        self._receipts: WeakKeyDictionary[DataFrame, Receipt] = WeakKeyDictionary()

    @property
    def release(self) -> int | None:
        """The release that this lake is at; None for the newest."""
        return self._pinned.number if self._pinned else None

    @property
    def _store(self) -> Store:
        return self._engine.store

    @property
    def spark(self) -> SparkSession:
        """The session, in which the tables answer SQL."""
        return self._store.spark

    def table(self, name: str) -> DataFrame:
        """The table with a name like gold.label_store, as of the release of this lake or the newest.

        Rows that a run has written and not yet published are not in it.
        """
        table = self._catalog.table(name)
        # The ledger is about releases, so no release pins it.
        if table.is_ledger:
            return self._store.read(table)
        release = self._pinned or published.newest(self._log)
        if table.full_name not in release.versions:
            raise BadInput(
                f"release {release.number} has no table {table.full_name}; take a later release"
            )
        check_readable(self._log, release.pins, [table])
        return self._store.read(table, release.versions[table.full_name])

    def at(
        self,
        release: int | None = None,
        *,
        timestamp: str | datetime | None = None,
        month: str | None = None,
    ) -> Lakehouse:
        """The same datamart as it was: every table at the version of one release.

        Give a `release`, a `timestamp` or a `month`. A timestamp (UTC if it has no zone) means the newest
        release that was finished then. A month YYYY-MM means the newest release that knew raw data up to
        that month and no later. BadInput if there is no such release.
        """
        if sum(choice is not None for choice in (release, timestamp, month)) != 1:
            raise BadInput("at() takes one of release, timestamp and month")
        if release is not None:
            pinned = published.release(self._log, release)
        elif timestamp is not None:
            pinned = published.at_time(self._log, _moment(timestamp))
        else:
            pinned = published.at_month(self._log, str(month))
        lake = copy.copy(self)
        lake._pinned = pinned
        return lake

    def training_set(
        self,
        release: int | None = None,
        *,
        groups: str | Sequence[str] = (),
        features: str | Sequence[str] = (),
        label_def: str | None = None,
        from_month: str | None = None,
        to_month: str | None = None,
        spine: str | Path | pd.DataFrame | None = None,
        date_order: str | None = None,
        keep_receipt: bool = True,
    ) -> DataFrame:
        """The point-in-time training set: one row per labelled loan, with the features known on its day.

        It is as of `release`; by default the release of this lake, or the newest. By default it has all
        groups and features. `spine` is a file or pandas DataFrame with customer_id and application_date,
        for scoring without labels; `date_order` (dmy, mdy) says how its dates with slashes are written, if
        no row proves it. `receipt(frame)` has its id. BadInput for unknown names or months.
        """
        from lakehouse.training.build import build
        from lakehouse.training.sets import Asked, prepare
        from lakehouse.training.spine import as_file

        pinned = self._pinned or published.newest(self._log)
        if release is not None:
            pinned = published.release(self._log, release)
        with as_file(spine) as file:
            months = MonthRange.checked(from_month, to_month)
            asked = Asked(_names(groups), _names(features), label_def, months, file, date_order)
            prepared = prepare(self._store, pinned, asked)
        frame = prepared.frame
        if keep_receipt:
            self._receipts[frame] = build(prepared, self._store)
        return frame

    def lookup(
        self,
        customer_ids: str | Iterable[str],
        as_of: str | date | None = None,
        *,
        groups: str | Sequence[str] = (),
        features: str | Sequence[str] = (),
    ) -> pd.DataFrame:
        """The features of some customers, as a training set joins them to an application of that day.

        There is one row per id, in the order given, also for repeated ids. The columns are those of a
        training set with this spine. Numbers are float64, NaN if nothing is known. `as_of` is a day or a
        time, by default the bank's today; a time with a zone becomes the bank's day. The features are as
        of the release of this lake, or the newest. No engine is needed. Keep one lake; many threads may
        use it at once. BadInput for a value that is not an id or not a day, and for an unknown name.
        """
        day = _bank_day(as_of, self.datamart.catalog.time_zone)
        wanted = Wanted(_ids(customer_ids), day, _names(groups), _names(features))
        return _as_pandas(self._lookup.find(wanted, self.release))

    def reproduce(self, training_set_id: str) -> DataFrame:
        """A training set of the past, built again; LakehouseError if its content is different."""
        from lakehouse.training.build import again, reproduce

        kept = reproduce(self._store, training_set_id)
        frame = again(self._store, kept).frame
        self._receipts[frame] = kept
        return frame

    def receipt(self, training_set: DataFrame) -> Receipt:
        """The receipt (id, release, hash and more) of a DataFrame from `training_set` or `reproduce`."""
        if training_set not in self._receipts:
            raise BadInput("this DataFrame is not a training set with a receipt")
        return self._receipts[training_set]

    def diff(self, old: int, new: int, table: str | None = None, limit: int = 20) -> pd.DataFrame:
        """The cells that changed between two releases, one per row, and one row per added or removed row.

        For each table the first `limit` rows by key are listed; personal values are hidden.
        """
        import pandas as pd

        from lakehouse.releases.diff import changed_cells

        rows = changed_cells(self.datamart, old, new, lambda: self._store, table, limit)
        # As objects, because pandas would turn whole numbers into floats if there is a NULL.
        return pd.DataFrame(rows, dtype=object)

    def releases(self) -> pd.DataFrame:
        """One row per release, oldest first; no engine is needed."""
        rows = [release.as_row() for release in published.releases(self._log)]
        return _indexed(rows, "release", last=_MAPS)

    def history(self, name: str) -> pd.DataFrame:
        """One row per version of a table, newest first; no engine is needed."""
        versions = inspect.history(self.datamart, name)
        return _indexed([asdict(version) for version in versions], "version")

    def training_sets(self) -> pd.DataFrame:
        """One row per training set that was built, oldest first; no engine is needed."""
        from lakehouse.training.receipts import receipts

        rows = [asdict(receipt) for receipt in receipts(self._log)]
        return _indexed(rows, "training_set_id", last=("versions", "parameters"))


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _ids(given: str | Iterable[str]) -> tuple[str, ...]:
    """Ids of customers as in a spine; BadInput for a value that is not an id, without showing it."""
    ids = tuple([given] if isinstance(given, str) else given)
    for number, id_ in enumerate(ids, start=1):
        if not isinstance(id_, str) or not id_.strip(BLANKS):
            raise BadInput(
                f"id {number} of {len(ids)} is not a text, or is empty; give ids as CUS_0x1069"
            )
    return tuple(id_.strip(BLANKS) for id_ in ids)


def _as_pandas(rows: pa.Table) -> pd.DataFrame:
    """The rows with fixed types: otherwise an INT column would be float only if it has a NULL."""
    typed = [
        column.cast(pa.float64(), safe=False) if pa.types.is_integer(column.type) else column
        for column in rows.columns
    ]
    frame: pd.DataFrame = pa.table(typed, rows.schema.names).to_pandas()
    return frame


def _bank_day(given: str | date | None, time_zone: str) -> date:
    """The bank's day as a spine has it; BadInput for a value that is not a day since 1970."""
    day = today(time_zone) if given is None else day_of(str(given).strip(BLANKS), time_zone)
    if day is None:
        raise BadInput(f"{given!r} is not a time since 1970; write it as 2023-07-01 12:00")
    return day


def _moment(given: str | date) -> datetime:
    """A point in time in UTC; BadInput for a value that is not a time."""
    try:
        moment = datetime.fromisoformat(str(given))
        return (
            moment.astimezone(timezone.utc)
            if moment.tzinfo
            else moment.replace(tzinfo=timezone.utc)
        )
    except (ValueError, OverflowError):
        raise BadInput(f"{given!r} is not a time; write it as 2023-07-01 12:00") from None


def _indexed(
    rows: Sequence[Mapping[str, Any]], index: str, last: Sequence[str] = ()
) -> pd.DataFrame:
    """The rows as a pandas DataFrame; very wide columns come last."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    if not rows:
        return frame
    first = [name for name in frame.columns if name not in (index, *last)]
    return frame.set_index(index)[[*first, *last]]

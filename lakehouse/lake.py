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
from lakehouse.engines.choose import choose, open_store
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
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
    """The one session of a lake and of all that is `at` a release of it, started when it is needed."""

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
            # Names belong to the lake opened last; dropping one leaves the files.
            store.spark.sql(f"DROP TABLE IF EXISTS {table.full_name}")
            uri = store.path(log.uri(table)).replace("'", "\\'")
            store.spark.sql(f"CREATE TABLE {table.full_name} USING delta LOCATION '{uri}'")
        return store


class Lakehouse:
    """A datamart to read. `engine` is auto, embedded or spark; `release` pins every table's version.

    In its session the tables also answer SQL: `SELECT * FROM gold.label_store VERSION AS OF 4`. Without a
    version SQL reads the newest commit, which beside a run may be of no release yet.
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
        """The release this lake is at; None is now."""
        return self._pinned.number if self._pinned else None

    @property
    def _store(self) -> Store:
        return self._engine.store

    @property
    def spark(self) -> SparkSession:
        """The session, in which the tables answer SQL."""
        return self._store.spark

    def table(self, name: str) -> DataFrame:
        """A table by its name, as gold.label_store; as of the release this lake is at, else the newest.

        What a run has written and not yet published is in no release, and not seen.
        """
        table = self._catalog.table(name)
        # The ledger is about releases, so it is in none.
        if table.is_ledger:
            return self._store.read(table)
        release = self._pinned or published.newest(self._log)
        if table.full_name not in release.versions:
            raise BadInput(
                f"release {release.number} has no table {table.full_name}: it came later"
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

        Give the release, or a `timestamp` (the newest release finished by then; UTC where it names no
        zone), or a `month` YYYY-MM (the newest release that knew raw data up to it and no later one).
        BadInput where there is no such release.
        """
        if sum(each is not None for each in (release, timestamp, month)) != 1:
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
        keep_receipt: bool = True,
    ) -> DataFrame:
        """The point-in-time training set: a row a labelled loan, with the features known on its day.

        As of a release (else the one this lake is at, else the newest). All groups and features where
        none is named. `spine`: a file or pandas DataFrame of customer_id and application_date, for
        scoring, without labels. `receipt(frame)` tells its id. BadInput for unknown names or months.
        """
        from lakehouse.training.build import build
        from lakehouse.training.sets import Asked, prepare
        from lakehouse.training.spine import as_file

        pinned = self._pinned or published.newest(self._log)
        if release is not None:
            pinned = published.release(self._log, release)
        with as_file(spine) as file:
            months = MonthRange.checked(from_month, to_month)
            asked = Asked(_names(groups), _names(features), label_def, months, file)
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
        """The features of some customers as a training set joins them to an application of that day.

        A row an id, in the order and as often as asked; columns as in a training set whose spine they
        are; numbers are float64 whatever the rows, NaN where nothing is known. `as_of`: a day, or a
        time of it (UTC where it names no zone); today in UTC where none is given. As of the release
        this lake is at, else the newest. Needs no engine; keep one lake, any number of threads may ask
        it. BadInput for what is no id, no day, or an unknown name.
        """
        day = _moment(datetime.now(timezone.utc) if as_of is None else as_of).date()
        wanted = Wanted(_ids(customer_ids), day, _names(groups), _names(features))
        return _as_pandas(self._lookup.find(wanted, self.release))

    def reproduce(self, training_set_id: str) -> DataFrame:
        """A training set of the past, built again; LakehouseError where it comes out different."""
        from lakehouse.training.build import again, reproduce

        kept = reproduce(self._store, training_set_id)
        frame = again(self._store, kept).frame
        self._receipts[frame] = kept
        return frame

    def receipt(self, training_set: DataFrame) -> Receipt:
        """The receipt of a DataFrame that `training_set` or `reproduce` gave: its id, release, hash."""
        if training_set not in self._receipts:
            raise BadInput("this DataFrame is not a training set with a receipt")
        return self._receipts[training_set]

    def diff(self, old: int, new: int, table: str | None = None, limit: int = 20) -> pd.DataFrame:
        """A row a cell that changed from one release to another, and one a row added or removed.

        The first `limit` rows of each table by key; personal values are hidden.
        """
        import pandas as pd

        from lakehouse.releases.diff import changed_cells

        rows = changed_cells(self.datamart, old, new, lambda: self._store, table, limit)
        # Else a whole number beside a NULL turns into a fraction.
        return pd.DataFrame(rows, dtype=object)

    def releases(self) -> pd.DataFrame:
        """A row a release, oldest first; needs no engine."""
        return _indexed(
            [each.as_row() for each in published.releases(self._log)], "release", last=_MAPS
        )

    def history(self, name: str) -> pd.DataFrame:
        """A row a version of a table, newest first; needs no engine."""
        versions = inspect.history(self.datamart, name)
        return _indexed([asdict(each) for each in versions], "version")

    def training_sets(self) -> pd.DataFrame:
        """A row a training set ever built, oldest first; needs no engine."""
        from lakehouse.training.receipts import receipts

        rows = [asdict(each) for each in receipts(self._log)]
        return _indexed(rows, "training_set_id", last=("versions", "parameters"))


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _ids(given: str | Iterable[str]) -> tuple[str, ...]:
    """Ids of customers as a spine takes them; BadInput for what is none, which is not shown."""
    ids = tuple([given] if isinstance(given, str) else given)
    for number, each in enumerate(ids, start=1):
        if not isinstance(each, str) or not each.strip(" "):
            raise BadInput(
                f"id {number} of {len(ids)} is not a text, or is empty; give ids as CUS_0x1069"
            )
    return tuple(each.strip(" ") for each in ids)


def _as_pandas(rows: pa.Table) -> pd.DataFrame:
    """The rows in types that do not depend on them: else a column of INT is float where one is NULL."""
    typed = [
        column.cast(pa.float64(), safe=False) if pa.types.is_integer(column.type) else column
        for column in rows.columns
    ]
    found: pd.DataFrame = pa.table(typed, rows.schema.names).to_pandas()
    return found


def _moment(given: str | date) -> datetime:
    """A point in time, in UTC; BadInput for what is none."""
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
    """The rows as a pandas DataFrame; columns too wide to read come last."""
    import pandas as pd

    frame = pd.DataFrame(rows)
    if not rows:
        return frame
    first = [name for name in frame.columns if name not in (index, *last)]
    return frame.set_index(index)[[*first, *last]]

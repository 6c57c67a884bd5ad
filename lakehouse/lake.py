"""The datamart for Python and notebooks: tables as DataFrames, now or as of a release, and in SQL."""

from __future__ import annotations

import copy
import operator
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from pyspark.sql import DataFrame, SparkSession

from lakehouse.absent import absent, present
from lakehouse.bronze.raw import is_no_id
from lakehouse.catalog import load
from lakehouse.days import day_of, moment, today
from lakehouse.engines.choose import open_store
from lakehouse.engines.choose import prepare as prepare_engine
from lakehouse.engines.display import show_frames_well
from lakehouse.engines.session import Session, spark_master
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.frames import as_pandas, frame_of, indexed
from lakehouse.html_table import html_table
from lakehouse.landing.cells import BLANKS
from lakehouse.months import MonthRange
from lakehouse.progress import Wait
from lakehouse.releases import inspect, published
from lakehouse.releases.described import described
from lakehouse.releases.overview import Overview, overview
from lakehouse.releases.readable import check_not_newer, version_at
from lakehouse.releases.release import Release
from lakehouse.run.job import Job, Report
from lakehouse.run.plan import Request, requested
from lakehouse.run.run import plan as plan_job
from lakehouse.run.run import run as run_job
from lakehouse.storage.data_bucket import data_at
from lakehouse.storage.datamart import Datamart
from lakehouse.table import DeliveryMode
from lakehouse.training.lookup import Lookup, Wanted

if TYPE_CHECKING:
    import pandas as pd

    from lakehouse.customer import Customer
    from lakehouse.model.assessment import Assessment
    from lakehouse.portfolio.portfolio import Portfolio
    from lakehouse.sql.ask import Answer
    from lakehouse.training.receipts import Receipt
    from lakehouse.training.sets import TrainingSet

# The columns of ledger.deliveries by which a run knows a file.
_FOR_RUNS = ["stamp", "record", "rows_by_month"]
_MAPS = ("months", "versions", "row_counts", "sources", "code", "commits", "checksums")


class SqlNote(UserWarning):
    """A note about a query: what it reads is allowed, and may not be what its user thinks."""


class AbsentSource(UserWarning):
    """A word about a training set: an optional source has no file yet, so the set lacks its features."""


class Lakehouse:
    """A datamart to read, at its newest release or `at` another. `engine` is auto, embedded or spark.

    `tables` is the folder or package of the bank's own declarations. Without it LAKEHOUSE_TABLES or a
    pyproject.toml names them, as for the commands; else they are the shipped ones.
    """

    def __init__(
        self,
        datamart: str | Path = "datamart",
        engine: str | None = None,
        tables: str | Path | None = None,
    ) -> None:
        self._open(datamart, engine, tables)
        inspect.check_built(self.datamart)

    @classmethod
    def new(
        cls,
        datamart: str | Path = "datamart",
        engine: str | None = None,
        tables: str | Path | None = None,
    ) -> Lakehouse:
        """A datamart that need not be built yet: `run` builds it.

        >>> bank = Lakehouse.new("datamart_of_2023")
        >>> bank.run("data", through="2023-06").published
        [1]
        """
        lake = cls.__new__(cls)
        lake._open(datamart, engine, tables)
        return lake

    def _open(self, datamart: str | Path, engine: str | None, tables: str | Path | None) -> None:
        self.datamart = Datamart.at(datamart, load(tables))
        self._log, self._catalog = self.datamart.log, self.datamart.catalog
        name = engine or os.environ.get("LAKEHOUSE_ENGINE", "auto")
        self._engine = Session(name, self.datamart)
        self._lookup = Lookup(self.datamart)
        self._pinned: Release | None = None
        self._prepared: WeakKeyDictionary[DataFrame, TrainingSet] = WeakKeyDictionary()
        self._receipts: WeakKeyDictionary[DataFrame, Receipt] = WeakKeyDictionary()
        show_frames_well()

    def __repr__(self) -> str:
        try:
            return str(self._overview)
        except LakehouseError as error:
            return f"Lakehouse {self.datamart}: {error}"

    def _repr_html_(self) -> str:
        at = self._overview
        tables = self.tables().drop(columns="version", errors="ignore")
        return f"<p>{escape(at.title)}</p>{html_table(tables)}"

    def __dir__(self) -> list[str]:
        # Without it, completion also offers what every object of Python has.
        members = vars(type(self)).items()
        return [n for n, each in members if n[0] != "_" and not isinstance(each, classmethod)]

    @property
    def _overview(self) -> Overview:
        return overview(self.datamart, self._pinned)

    @property
    def release(self) -> int | None:
        """The release that this lake is at; None for the newest.

        >>> lake.at(release=1).release
        1
        """
        return self._pinned.number if self._pinned else None

    @property
    def _store(self) -> Store:
        return self._engine.store

    @property
    def spark(self) -> SparkSession:
        """The session of the engine, of a lake that is at no release; BadInput for one that is.

        Its own `spark.sql` reads the newest commit of each table, which during a run may not be in a release
        yet, or the one of VERSION AS OF. `lake.sql` reads releases.

        >>> lake.spark.range(3).count()
        3
        """
        if self._pinned:
            raise BadInput(
                f"lake.spark reads the newest commits, but this lake is at release {self._pinned.number}; "
                "take lake.sql(...) or lake.table(...)"
            )
        return self._store.spark

    def tables(self) -> pd.DataFrame:
        """One row per table at this release: its rows, months and version; no engine is needed.

        >>> lake.tables().loc["gold.label_store", ["rows", "months"]]
        rows                    9000
        months    2023-04 to 2025-10
        Name: gold.label_store, dtype: object
        """
        return indexed(map(asdict, self._overview.tables), "table")

    def columns(self, name: str) -> pd.DataFrame:
        """One row per declared column of a table: its type and what it means; no engine is needed.

        >>> lake.columns("gold.label_store").loc["mob", "type"]
        'INT'
        """
        fields = self._catalog.table(name).fields
        rows = [{"column": each.name, "type": each.type, "meaning": each.doc} for each in fields]
        return indexed(rows, "column")

    def describe(self, name: str) -> pd.DataFrame:
        """One row per column of a table at this release: how many cells are NULL, the least and the greatest.

        Cells of personal columns are counted and not shown.

        >>> lake.describe("gold.label_store").loc["dpd", ["nulls", "min", "max"]]
        nulls      0
        min        0
        max      276
        Name: dpd, dtype: object
        """
        columns = described(self._catalog.table(name), self.table(name))
        return indexed(map(asdict, columns), "column")

    def table(self, name: str) -> DataFrame:
        """The table with a name like gold.label_store, as of the release of this lake or the newest.

        Rows that a run has written and not yet published are not in it. BadInput for a table of the ledger
        at a release, as the ledger is about all releases.

        >>> lake.table("gold.label_store").where("label = 1").count()
        2390
        """
        table = self._catalog.table(name)
        return self._store.read(table, version_at(self._log, self._pinned, table))

    def sql(self, query: str, **frames: DataFrame | pd.DataFrame) -> DataFrame:
        """The answer of a query in Spark SQL, in which every table is read as of the release of this lake.

        That is the newest release, or the one it is `at`; it holds in joins, subqueries and CTEs, too. Behind
        a table `RELEASE AS OF 1` names another release. `VERSION AS OF` and `TIMESTAMP AS OF` name a version
        of only that table, and a warning (SqlNote) says in which releases it is. A layer may be left out
        where only one has the table. `frames` are DataFrames, of PySpark or pandas, that the query calls by
        these names. DESCRIBE, DESCRIBE HISTORY, SHOW TABLES and EXPLAIN are answered, too. QueryError, which
        marks the place, for a query that writes, names what is not there, or asks for newer rows than those
        of this lake.

        >>> lake.sql("SELECT count(*) AS loans FROM gold.label_store").first().loans
        9000
        >>> lake.at(release=1).sql("SELECT count(*) AS loans FROM gold.label_store").first().loans
        4405
        """
        answer = self._ask(query, frames)
        for note in answer.notes:
            warnings.warn(note, SqlNote, stacklevel=2)
        return answer.frame

    def _ask(self, query: str, frames: Mapping[str, DataFrame | pd.DataFrame]) -> Answer:
        from lakehouse.sql.ask import Asker

        return Asker(self.datamart, lambda: self._store, self._pinned, frames).ask(query)

    def customer(self, customer_id: str) -> Customer:
        """One customer through every table: the rows as of this release, and the changes of each until then.

        `tables` has a DataFrame per table; `changes` has a row per row that a release added or removed, and
        per cell that it changed, with the old and the new value. Personal cells are hidden. No engine is
        needed. BadInput for an id that no table has, with near ids.

        >>> lake.customer("CUS_0x1001").tables["gold.features_attributes"].age.tolist()
        [32]
        """
        from lakehouse.customer import customer

        ids = _ids(customer_id)
        if len(ids) != 1:
            raise BadInput(f"customer() takes one id, not {len(ids)}")
        return customer(self.datamart, ids[0], self._pinned)

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

        >>> lake.at(release=1).table("gold.label_store").count()
        4405
        >>> lake.at(month="2024-06").release
        1
        """
        if sum(choice is not None for choice in (release, timestamp, month)) != 1:
            raise BadInput("at() takes one of release, timestamp and month")
        if release is not None:
            pinned = published.release(self._log, published.checked_number(release))
        elif timestamp is not None:
            pinned = published.at_time(self._log, moment(timestamp))
        else:
            pinned = published.at_month(self._log, str(month))
        lake = copy.copy(self)
        lake._pinned = pinned
        return lake

    def run(
        self,
        data: str | Path = "data",
        *,
        through: str | None = None,
        month: str | None = None,
        by_month: bool = False,
        full_refresh: bool = False,
        allow_shrink: bool = False,
        delivery: DeliveryMode | None = None,
        date_order: str | None = None,
        max_null: float | None = None,
        verify: bool = False,
        strict: bool = False,
        publish_good: bool = False,
        wait: bool = False,
    ) -> Report:
        """Ingest the raw files of a folder, refresh what changed and publish a release, as `main.py run`.

        The report says what was read, changed and left out, and which files are refused. While any is, no
        release is published, unless `publish_good`. BadInput if nothing else is to be done, with `strict`,
        and at a release of the past: only the newest can be run on.

        >>> lake.run("data")
        Nothing was pending: release 2 is up to date.
        """
        request = requested(
            through,
            month,
            by_month,
            full_refresh,
            allow_shrink,
            delivery,
            date_order,
            verify,
            strict,
            publish_good,
        )
        return run_job(self._job(data, request, max_null, print if wait else None))

    def plan(
        self, data: str | Path = "data", *, through: str | None = None, month: str | None = None
    ) -> pd.DataFrame:
        """One row per table: whether `run` would change it, and why; nothing is changed.

        >>> bool(lake.plan("data").pending.any())
        False
        """
        steps = plan_job(self._job(data, requested(through, month)))
        rows = [
            {"table": s.table.full_name, "pending": s.pending, "why": s.reason or s.absent}
            for s in steps
        ]
        return indexed(rows, "table")

    def _job(
        self, data: str | Path, request: Request, max_null: float | None = None, wait: Wait = None
    ) -> Job:
        if self._pinned:
            raise BadInput(
                f"this lake is at release {self._pinned.number}, where nothing can be run; "
                "run by a lake that is at none, as Lakehouse(...)"
            )
        if max_null is not None and not 0 <= max_null <= 1:
            raise BadInput(f"max_null is a share from 0 to 1, not {max_null!r}")
        engine = self._engine
        return Job(
            data_at(data),
            self.datamart,
            lambda there, raw: open_store(
                engine.name_for(raw.held), there, spark_master(), raw.at_work
            ),
            request,
            max_null=max_null,
            wait=wait,
            prepare=lambda raw: prepare_engine(engine.name_for(raw.held), spark_master()),
        )

    def quality(self, name: str | None = None, by_month: bool = False) -> pd.DataFrame:
        """One row per column of silver and reason: the cells not taken as they were, with an example.

        `name` is that of one silver table; the example is a customer's id. `is_null`: the cells are NULL now.

        >>> lake.quality("silver.attributes")[["column", "reason", "cells"]]
              column             reason  cells
        0        age  outside 18 to 100    119
        1  ssn_valid    not well-formed     86
        """
        from lakehouse.run.issues import OddCells
        from lakehouse.run.quality import quality

        counted = quality(self._store, name, by_month, self._pinned)
        return frame_of(map(asdict, counted.cells), OddCells)

    def quarantine(
        self, source: str | None = None, month: str | None = None, limit: int = 1000
    ) -> pd.DataFrame:
        """One row per raw row in quarantine: file, line and every reason.

        Cells that may be personal are masked. A last line counts the rows beyond `limit`.

        >>> len(lake.quarantine())
        0
        """
        from lakehouse.run.quality import BadRow, quarantine

        bad = quarantine(self._store, source, month, _most(limit), self._pinned)
        more = bad.row_count - len(bad.rows)
        beyond = [{"source": f"… and {more:,} more"}] if more else []
        return frame_of([*map(asdict, bad.rows), *beyond], BadRow)

    def audit(self, cut: str | None = None) -> pd.DataFrame:
        """One row per check for leaks of the future, of this release: whether it passed, and what leaks.

        The replays build gold again from the raw rows up to the month `cut`, which takes a while.

        >>> bool(lake.audit().passed.all())
        True
        """
        from lakehouse.audit.audit import audit

        release = self._pinned or published.newest(self._log)
        there = present(self._catalog, lambda table: table.full_name in release.versions)
        checks = audit(self._store, there, release, cut)
        rows = [
            {
                "check": each.name,
                "passed": each.passed,
                "proves": each.proves,
                "looked_at": each.looked_at,
                "findings": [f"{found.subject}: {found.evidence}" for found in each.findings],
            }
            for each in checks
        ]
        return indexed(rows, "check")

    def model(
        self,
        rolling: bool = False,
        binning: bool = False,
        *,
        label_def: str | None = None,
        from_month: str | None = None,
        to_month: str | None = None,
        exclude: str | Sequence[str] = (),
        test_months: int = 3,
        validation_months: int = 1,
        without_protected: bool = False,
        gain: float = 0.1,
        loss: float = 0.45,
    ) -> Assessment:
        """The sanity check of the features by a model, on the loans of this release; it shows its verdict.

        It learns from early applications and is tested on the last `test_months`. `rolling` also simulates
        a model in use; `binning` adds bins and a scorecard, with a warning instead where optbinning is not
        installed. `without_protected` gives it no feature of a protected attribute. `gain` and `loss`
        are what a repaid and a defaulted loan are assumed to bring, as shares of the amount.

        >>> lake.model().verdict.kind
        'signal'
        """
        from lakehouse.audit.training_set import audit_of_parts
        from lakehouse.model.binning import MISSING_PACKAGE, is_installed
        from lakehouse.model.cutoffs import Margin
        from lakehouse.model.features import declared_groups
        from lakehouse.model.origin import origin
        from lakehouse.model.review import Review
        from lakehouse.model.sample import sampled
        from lakehouse.model.sanity import assess
        from lakehouse.model.split import Split

        margin, split = Margin(gain, loss), Split(test_months, validation_months)
        release = self._pinned or published.newest(self._log)
        frame = self.training_set(
            label_def=label_def, from_month=from_month, to_month=to_month, exclude=exclude
        )
        made, groups = self._prepared[frame], declared_groups(self._catalog)
        if binning and not is_installed():
            warnings.warn(MISSING_PACKAGE, stacklevel=2)
        return assess(
            sampled(frame),
            {"release": release.number},
            split,
            rolling=rolling,
            binning=binning,
            review=Review(margin, self._catalog.protected, without_protected),
            origin=origin(
                made.training_set_id,
                made.selection,
                release,
                made.waterfall().as_lines(),
                kept=False,
            ),
            audit=audit_of_parts(split, groups),
            declared=groups,
        )

    def portfolio(self) -> Portfolio:
        """Vintages, roll rates, cures and label maturity of this release; it shows its proposal.

        The tables behind it are `gold.vintages` and `gold.roll_rates`.

        >>> lake.portfolio().rolls.loans > 0
        True
        """
        from lakehouse.portfolio.portfolio import portfolio

        release = self._pinned or published.newest(self._log)
        return portfolio(self._store, self._catalog, release)

    def training_set(
        self,
        release: int | None = None,
        *,
        groups: str | Sequence[str] = (),
        features: str | Sequence[str] = (),
        label_def: str | None = None,
        from_month: str | None = None,
        to_month: str | None = None,
        labels_known_by: str | date | None = None,
        exclude: str | Sequence[str] = (),
        without_protected: bool = False,
        spine: str | Path | pd.DataFrame | None = None,
        date_order: str | None = None,
        known: str = "now",
        clock: str | None = None,
        keep_receipt: bool = False,
    ) -> DataFrame:
        """The point-in-time training set: one row per labelled loan, with the features known on its day.

        It is as of `release`; by default the release of this lake, or the newest. By default it has all
        groups and features. With `labels_known_by` loans whose label was observed after that day are left
        out, and counted in the receipt; `exclude` names declared exclusions, whose loans are left out and
        counted too. `without_protected` leaves out the features of declared protected attributes.
        `spine` is a file or pandas DataFrame with customer_id and application_date, for scoring without
        labels; `date_order` (dmy, mdy) says how its dates with slashes are written, if no row proves it.
        With `known="then"` each application reads the newest release that knew raw data up to its own month
        and no later, like `at(month=)`. With `clock="finished"` it reads the newest one that was finished
        before its day. An application without such a release has NULL features; the receipt counts them.
        Looking writes nothing: `receipt(frame)`, or `keep_receipt=True`, computes the set and keeps its
        receipt, by which it can be built again. BadInput for unknown names or months.

        >>> loans = lake.training_set(features=["age", "fe_1_mean_6m"], from_month="2023-06")
        >>> loans.count()
        1173
        """
        from lakehouse.training.sets import Asked, prepare
        from lakehouse.training.spine import as_file, scratch

        pinned = self._pinned or published.newest(self._log)
        if release is not None:
            pinned = self._until_here(release)
        with as_file(spine) as file:
            months = MonthRange.checked(from_month, to_month)
            zone = self.datamart.catalog.time_zone
            known_by = None if labels_known_by is None else _bank_day(labels_known_by, zone)
            asked = Asked(
                _names(groups),
                _names(features),
                label_def,
                months,
                file,
                date_order,
                known_by,
                known,
                clock,
                _names(exclude),
                without_protected,
            )
            prepared = prepare(self._store, pinned, asked, scratch())
        for each in absent(self._catalog, lambda table: table.full_name in pinned.versions):
            warnings.warn(str(each), AbsentSource, stacklevel=2)
        frame = prepared.frame
        self._prepared[frame] = prepared
        if keep_receipt:
            self.receipt(frame)
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

        >>> lake.lookup("CUS_0x1001", "2023-07-15", features="age")
          customer_id application_date   age attributes_snapshot_date
        0  CUS_0x1001       2023-07-15  32.0               2023-04-01
        """
        day = _bank_day(as_of, self.datamart.catalog.time_zone)
        wanted = Wanted(_served(customer_ids), day, _names(groups), _names(features))
        return as_pandas(self._lookup.find(wanted, self.release))

    def reproduce(self, training_set_id: str) -> DataFrame:
        """A training set of the past, built again; LakehouseError if its content is different.

        >>> kept = lake.receipt(lake.training_set(features="age"))
        >>> lake.reproduce(kept.training_set_id).count() == kept.row_count
        True
        """
        from lakehouse.training.build import again, reproduce
        from lakehouse.training.receipts import receipt

        built_at = receipt(self._log, training_set_id).release
        check_not_newer(self._pinned, built_at, f"{training_set_id} of release {built_at}")
        kept = reproduce(self._store, training_set_id)
        frame = again(self._store, kept).frame
        self._receipts[frame] = kept
        return frame

    def receipt(self, training_set: DataFrame) -> Receipt:
        """The receipt (id, release, hash and more) of a DataFrame from `training_set` or `reproduce`.

        It is made and kept when it is first asked for; that computes the set. BadInput for another DataFrame.

        >>> lake.receipt(lake.training_set(features="age"))
        training set  ts-..., built ... UTC
        release       2, features as known now
        rows          1,500, label 30dpd_6mob
        left out      no loan
        features      1 of attributes
        content       ...; as_json() has all of it
        """
        from lakehouse.training.build import build

        if training_set not in self._receipts:
            if training_set not in self._prepared:
                raise BadInput(
                    "this DataFrame is not one that training_set() or reproduce() gave, but may be made "
                    "from one; ask for the receipt of that"
                )
            self._receipts[training_set] = build(self._prepared[training_set], self._store)
        return self._receipts[training_set]

    def diff(self, old: int, new: int, table: str | None = None, limit: int = 20) -> pd.DataFrame:
        """The cells that changed between two releases, one per row, and one row per added or removed row.

        For each table the first `limit` rows by key are listed; personal values are hidden.

        >>> lake.diff(1, 2, "gold.label_store", limit=2)[["what", "loan_id", "label_def"]]
                       what                loan_id   label_def
        0             added  CUS_0x1004_2024_12_01  30dpd_3mob
        1             added  CUS_0x1004_2024_12_01  30dpd_6mob
        2  … and 4,593 more                    NaN         NaN
        """
        import pandas as pd

        from lakehouse.releases.diff import changed_cells

        first, last = (self._until_here(each).number for each in (old, new))
        most = _most(limit)
        rows = changed_cells(self.datamart, first, last, lambda: self._store, table, most)
        columns = None if rows else ["table", "what", "column", "old", "new"]
        # As objects, because pandas would turn whole numbers into floats if there is a NULL.
        return pd.DataFrame(rows, columns=columns, dtype=object)

    def releases(self) -> pd.DataFrame:
        """One row per release until the one of this lake, oldest first; no engine is needed.

        >>> lake.releases()[["through", "engine"]]
                 through    engine
        release
        1        2024-06  embedded
        2        2025-11  embedded
        """
        known = published.releases(self._log)
        rows = [each.as_row() for each in known if self._has_seen(each.number)]
        return indexed(rows, "release", last=_MAPS)

    def deliveries(self) -> pd.DataFrame:
        """One row per version of a raw file that was taken, by source and name; no engine is needed.

        Its rows are counted by the fate that they have now, so it is of a lake that is at no release.
        `replaced`: a newer version of the file was taken.

        >>> lake.deliveries()[["file", "rows_in", "accepted", "superseded"]]
                              file  rows_in  accepted  superseded
        0  features_attributes.csv     1500      1500           0
        1  feature_clickstream.csv    25848     25848           0
        2  features_financials.csv     1500      1500           0
        3       lms_loan_daily.csv    16500     16500           0
        """
        from lakehouse.releases.deliveries import file_versions

        if self._pinned:
            raise BadInput(
                f"this lake is at release {self._pinned.number}, and rows of files are counted as they are "
                "now; take a lake that is at none, as Lakehouse(...)"
            )
        rows = [version.as_row() for version in file_versions(self._log)]
        return frame_of(rows).drop(columns=_FOR_RUNS, errors="ignore")

    def history(self, name: str) -> pd.DataFrame:
        """One row per version of a table until this release, newest first; no engine is needed.

        >>> lake.history("gold.label_store").inserted.head(2)
        version
        3    4595
        2    4405
        Name: inserted, dtype: int64
        """
        versions = inspect.history(self.datamart, name)
        last = (
            version_at(self._log, self._pinned, self._catalog.table(name)) if self._pinned else None
        )
        rows = [asdict(each) for each in versions if last is None or each.version <= last]
        return indexed(rows, "version")

    def training_sets(self) -> pd.DataFrame:
        """One row per training set that was built until this release, oldest first; no engine is needed.

        >>> len(lake.training_sets()) > 0
        True
        """
        from lakehouse.training.receipts import Receipt, receipts

        rows = [asdict(each) for each in receipts(self._log) if self._has_seen(each.release)]
        return indexed(rows, "training_set_id", last=("versions", "parameters"), of=Receipt)

    def _until_here(self, given: object) -> Release:
        """The release of a number that a user gives; BadInput for one after that of this lake."""
        release = published.release(self._log, published.checked_number(given))
        check_not_newer(self._pinned, release.number, f"release {release.number}")
        return release

    def _has_seen(self, number: int) -> bool:
        return self._pinned is None or number <= self._pinned.number


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return _each(given, "a name or a list of names")


def _each(given: str | Iterable[str], what: str) -> tuple[str, ...]:
    """The one text, or each value of several; BadInput for a value that is neither."""
    try:
        return (given,) if isinstance(given, str) else tuple(given)
    except TypeError:
        raise BadInput(f"this takes {what}, not a value of type {type(given).__name__}") from None


def _most(given: object) -> int:
    """The most rows to list; BadInput for a value that is not a number of rows."""
    try:
        most = operator.index(given)  # type: ignore[arg-type]
    except TypeError:
        most = -1
    if most < 0:
        raise BadInput(f"{given!r} is not a number of rows; give one as 20")
    return most


def _ids(given: str | Iterable[str]) -> tuple[str, ...]:
    """Ids of customers without blanks; BadInput for a value that is not a text, without showing it."""
    ids = _each(given, "an id as CUS_0x1069, or a list of ids")
    for number, id_ in enumerate(ids, start=1):
        if not isinstance(id_, str) or not id_.strip(BLANKS):
            raise BadInput(
                f"id {number} of {len(ids)} is not a text, or is empty; give ids as CUS_0x1069"
            )
    return tuple(id_.strip(BLANKS) for id_ in ids)


def _served(given: str | Iterable[str]) -> tuple[str, ...]:
    """Ids of customers as in a spine; BadInput for a word for a missing value too."""
    ids = _ids(given)
    for number, id_ in enumerate(ids, start=1):
        if is_no_id(id_):
            raise BadInput(
                f"id {number} of {len(ids)} is a word for a missing value; give ids as CUS_0x1069"
            )
    return ids


def _bank_day(given: str | date | None, time_zone: str) -> date:
    """The bank's day as a spine has it; BadInput for a value that is not a day since 1970."""
    day = today(time_zone) if given is None else day_of(str(given).strip(BLANKS), time_zone)
    if day is None:
        raise BadInput(f"{given!r} is not a time since 1970; write it as 2023-07-01 12:00")
    return day

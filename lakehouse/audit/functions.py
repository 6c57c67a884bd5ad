"""Python functions of transformations: each runs once without files and without the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from pyspark import cloudpickle
from pyspark.serializers import CloudPickleSerializer
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.udf import UserDefinedFunction

from lakehouse.audit import guard
from lakehouse.audit.finding import Check, Finding
from lakehouse.catalog import Catalog
from lakehouse.engines.changes import as_declared
from lakehouse.engines.store import Store
from lakehouse.releases.readable import check_readable
from lakehouse.releases.release import Release
from lakehouse.storage.log import months_of
from lakehouse.table import MONTH, Table


def functions_check(store: Store, catalog: Catalog, release: Release) -> Check:
    """Check that no transformation, and no Python function in one, opens a file or uses the network."""
    tables = [table for table in catalog.derived if not table.is_ledger]
    check_readable(store.log, release.pins, dict.fromkeys(u for t in tables for u in t.upstreams))
    functions: list[str] = []
    findings = [finding for t in tables for finding in _findings(store, release, t, functions)]
    return Check(
        name="functions",
        proves="No transformation, and no Python function that it sends to the engine, opens a file or "
        "uses the network: it knows only the rows that it declares.",
        looked_at=f"{len(tables)} transformations; Python functions: {', '.join(functions) or 'none'}",
        findings=tuple(findings),
    )


def _findings(
    store: Store, release: Release, table: Table, functions: list[str]
) -> Iterator[Finding]:
    with _all_watched() as seen:
        try:
            transformed = _transformed(table, *_upstreams(store, release, table))
            rows = guard.watch(table.full_name, transformed)
            _ = rows.schema  # A plan holds the functions; the engine gets it here.
            if seen:
                rows.write.format("noop").mode("overwrite").save()
        except Exception as error:
            refused = guard.refused_in(str(error))
            if refused is None:
                raise
            yield Finding(table.full_name, _told(table, *refused))
    functions += seen


def _transformed(
    table: Table, frames: Sequence[DataFrame], months: Sequence[str]
) -> Callable[[], DataFrame]:
    """A call that computes the rows of the months, as a run does."""
    assert table.transform is not None
    wanted = {"months": months} if table.look_back_months else {}
    compute = partial(table.transform, *frames, **wanted)
    return lambda: as_declared(compute(), table)


def _upstreams(
    store: Store, release: Release, table: Table
) -> tuple[list[DataFrame], Sequence[str]]:
    """The rows of the upstreams, and the newest months of the table that a run computes at once."""
    versions = release.versions
    counted = [store.log.rows_by_month(each, versions[each.full_name]) for each in table.upstreams]
    months = sorted({month for by_month in counted for month in months_of(by_month)})
    largest = max((rows for by_month in counted for rows in by_month.values()), default=1)
    newest = months[-store.months_at_once(largest * len(table.fields), len(months)) :]
    needed = sorted(table.needed(newest) & {*months})
    frames = [
        store.read(upstream, versions[upstream.full_name]).where(F.col(MONTH).isin(needed))
        for upstream in table.upstreams
    ]
    return frames, newest


def _told(table: Table, name: str, tried: str) -> str:
    who = "its transformation" if name == table.full_name else f"its function {name}"
    return f"{who} {tried}; what it learns there is in no table of the release"


@contextmanager
def _all_watched() -> Iterator[list[str]]:
    """Have each Python function watched that PySpark sends to an engine; the names of these functions."""
    seen: list[str] = []
    serializer: Any = CloudPickleSerializer
    dumps, java_function = serializer.dumps, UserDefinedFunction._judf

    def watched_dumps(self: Any, command: Any) -> Any:
        if isinstance(command, tuple) and callable(command[0]):
            name = guard.name_of(command[0])
            seen.extend([name] if name not in seen else [])
            command = (guard.watched(command[0]), *command[1:])
        # PySpark's own files, as for a large function, are none of a transformation's.
        return guard.unwatched(lambda: dumps(self, command))

    def not_kept(function: UserDefinedFunction) -> Any:
        return guard.unwatched(lambda: function._create_judf(function.func))

    cloudpickle.register_pickle_by_value(guard)  # type: ignore[no-untyped-call]
    _set(CloudPickleSerializer, "dumps", watched_dumps)
    # Spark keeps a function that it has sent once, watched or not.
    _set(UserDefinedFunction, "_judf", property(not_kept))
    try:
        yield seen
    finally:
        _set(CloudPickleSerializer, "dumps", dumps)
        _set(UserDefinedFunction, "_judf", java_function)
        cloudpickle.unregister_pickle_by_value(guard)  # type: ignore[no-untyped-call]


def _set(owner: type, name: str, value: object) -> None:
    setattr(owner, name, value)

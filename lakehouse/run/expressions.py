"""Faults of declarations that only an engine can tell: expressions that fail, and types not given.

Each table whose code has changed is planned before a run writes, on frames that have the declared columns of
its upstreams and no rows. Nothing is computed, and a run with nothing to do asks nothing.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import functions as F
from lakehouse.catalog import Catalog
from lakehouse.declared import refuse
from lakehouse.declared.names import instead
from lakehouse.declared.tables import TYPES
from lakehouse.engines.said import missing_column, unknown_function
from lakehouse.errors import BadInput
from lakehouse.exclusion import Exclusion
from lakehouse.feature import FeatureTransform
from lakehouse.run.plan import Step
from lakehouse.storage.constraints import refused_constraints
from lakehouse.table import AS_OF_SUFFIX, MONTH, Field, Table, quoted
from lakehouse.training_columns import APPLICATION, CUSTOMER, LOAN, PREVIOUS_APPLICATION

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A run names the months that it wants, and so does this.
_MONTHS = ["2000-01"]
_WHOLE = ("tinyint", "smallint", "int", "bigint")
# Types that a declared one takes whole: a flag is 0 or 1, and engines count in types of their own.
_TAKES = {
    "int": (*_WHOLE, "boolean"),
    "bigint": (*_WHOLE, "boolean"),
    "double": (*_WHOLE, "float", "decimal"),
    "timestamp": ("timestamp_ntz", "timestamp_ltz"),
    "string": ("varchar", "char"),
}
_SHOWN = 160
_NOT_OF_A_BANK = (
    "/site-packages/",
    "/dist-packages/",
    "/lakehouse/run/",
    "/lakehouse/feature.py",
    "/lakehouse/functions.py",
)


def check_expressions(spark: SparkSession, catalog: Catalog, steps: Sequence[Step]) -> None:
    """BadInput for the first table of the steps whose declared columns its code does not give."""
    tables = _changed(steps)
    if not tables:
        return
    found = [fault for table in tables for fault in _faults(spark, table)]
    found += [
        fault for each in catalog.exclusions for fault in _exclusion_faults(spark, catalog, each)
    ]
    refuse(found)


def _changed(steps: Sequence[Step]) -> list[Table]:
    """The tables whose code has changed, and those below, which take other types from them."""
    changed: dict[str, Table] = {}
    for step in steps:
        above = any(upstream.full_name in changed for upstream in step.table.upstreams)
        if step.table.transform and (step.everything or above):
            changed[step.table.full_name] = step.table
    return [*changed.values()]


def _faults(spark: SparkSession, table: Table) -> Iterator[str]:
    of_conditions = [*_condition_faults(spark, table)]
    yield from of_conditions
    try:
        types = _types(_planned(spark, table))
    except Exception as error:
        if not _is_of_declaration(error):
            return  # the run itself meets it again, and says what it is
        yield from [*_feature_faults(spark, table)] or (
            [] if of_conditions else [f"{table.full_name} cannot be computed: {_why(error, table)}"]
        )
        return
    called = "feature" if table.group else "column"
    for field in table.fields:
        place = f"{table.full_name}: {called} {field.name}"
        given = types.get(field.name)
        if given is None:
            yield f"{place} is declared and not computed; {instead(field.name, types, 'its code')}"
        elif not _takes(field.type.lower(), given):
            yield (
                f"{place} is declared as {field.type}, and its expression gives {_spelt(given)}; "
                f"declare that, or cast it in the function"
            )


def _planned(spark: SparkSession, table: Table, **only: Sequence[str]) -> DataFrame:
    """The rows of a table as its code gives them, of upstreams without rows."""
    assert table.transform
    compute: Callable[..., DataFrame] = getattr(table.transform, "uncast", table.transform)
    # As `refresh` takes the months.
    frames = (_empty(spark, each.fields) for each in table.upstreams)
    of_months = [frame.where(F.col(MONTH).isin(_MONTHS)) for frame in frames]
    months = {"months": _MONTHS} if table.look_back_months else {}
    return compute(*of_months, **months, **only)


def _feature_faults(spark: SparkSession, table: Table) -> Iterator[str]:
    """The features of a group that cannot be computed; none if what they are computed from cannot be."""
    transform = table.transform
    if not isinstance(transform, FeatureTransform) or _fails(
        lambda: _planned(spark, table, only=())
    ):
        return
    for feature in transform.features:
        error = _fails(lambda name=feature.name: _planned(spark, table, only=(name,)))  # type: ignore[misc]
        if error:
            yield f"{table.full_name}: feature {feature.name} cannot be computed: {_why(error, table)}"


def _condition_faults(spark: SparkSession, table: Table) -> Iterator[str]:
    """The rules and expectations of a table that cannot be computed over its columns."""
    rows = _empty(spark, table.fields)
    expectations = [(f"expectation {name}", sql) for name, sql in table.expectations]
    named = [*((f"the rule of {column}", sql) for column, sql in table.rules), *expectations]
    # All at once, and one by one only to find the wrong one.
    if _fails(lambda: reduce(lambda left, each: left.where(F.expr(each[1])), named, rows)):
        for what, sql in named:
            error = _fails(lambda sql=sql: rows.where(F.expr(sql)))  # type: ignore[misc]
            if error:
                why = _why(error, table, own=True)
                yield f"{table.full_name}: {what} cannot be computed: {why} ({sql})"
    elif refused_constraints(table, [sql for _, sql in expectations]):
        for what, sql in expectations:
            if why := refused_constraints(table, [sql]):
                yield (
                    f"{table.full_name}: {what} cannot be a constraint of a Delta table: {why} ({sql}); "
                    "write it with comparisons, texts in '', and functions that delta-rs has"
                )


def _exclusion_faults(spark: SparkSession, catalog: Catalog, each: Exclusion) -> Iterator[str]:
    """A line if no engine can compute the condition of an exclusion over what it reads."""
    there = {table.full_name: table for table in catalog.tables}
    seen = {LOAN: "STRING", CUSTOMER: "STRING", APPLICATION: "DATE", PREVIOUS_APPLICATION: "DATE"}
    for name, columns in each.reads:
        table = there.get(name)
        if table is None:
            return  # a catalog of some tables, made in Python
        types = {field.name: field.type for field in table.fields}
        seen |= {column: types[column] for column in columns if column in types}
        group = table.group.name if table.group else f"{table.layer}_{table.name}"
        seen[f"{group}{AS_OF_SUFFIX}"] = "DATE"
    fields = [Field(name, kind, "Seen.") for name, kind in seen.items()]
    error = _fails(lambda: _empty(spark, fields).where(F.expr(each.condition)))
    if error:
        why = _why(error, None)
        yield f"exclusion {each.name}: its condition cannot be computed: {why} ({each.condition})"


def _empty(spark: SparkSession, fields: Sequence[Field]) -> DataFrame:
    schema = ", ".join(f"{quoted(field.name)} {field.type}" for field in fields)
    return spark.createDataFrame([], schema)


def _types(rows: DataFrame) -> Mapping[str, str]:
    return {field.name: field.dataType.simpleString() for field in rows.schema.fields}


def _fails(planned: Callable[[], DataFrame]) -> Exception | None:
    """The error of a declaration that keeps a frame from being planned; None if there is none."""
    try:
        _types(planned())
    except Exception as error:
        return error if _is_of_declaration(error) else None
    return None


def _is_of_declaration(error: Exception) -> bool:
    """Whether an error says that code or SQL is wrong, and not that the engine or the machine has failed."""
    rooms = {each.__module__.split(".")[0] for each in type(error).__mro__}
    # Errors of an analysis are of kinds of their own below these.
    is_other = type(error).__name__ in ("SparkConnectGrpcException", "SparkException")
    return not (isinstance(error, OSError) or is_other or rooms & {"grpc", "py4j"})


def _why(error: Exception, table: Table | None, own: bool = False) -> str:
    """The error in few words; there are no rows that it could show."""
    from pyspark.errors import PySparkException

    if isinstance(error, BadInput):
        return str(error)
    if isinstance(error, PySparkException):
        if names := missing_column(error):
            tables = [] if table is None else [table] if own else table.upstreams
            columns = [name for each in tables for name in each.columns]
            near = instead(names[-1], columns, " and ".join(t.full_name for t in tables) or "it")
            return f"no column is called {names[-1] or repr('')}; {near}"
        if names := unknown_function(error):
            return f"no function is called {names[-1]}; take one that both engines have"
    said = str(error).strip().split("\n")[0]
    shown = said if len(said) <= _SHOWN else f"{said[:_SHOWN]}…"
    return f"{type(error).__name__}: {shown}; correct it{_where(error)}"


def _where(error: Exception) -> str:
    """The file and line of the declaration in which an error was raised."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename).as_posix()
        if not any(each in path for each in _NOT_OF_A_BANK):
            return f" ({'/'.join(path.split('/')[-2:])}:{frame.lineno})"
    return ""


def _takes(declared: str, given: str) -> bool:
    """Whether a declared type holds all that a given one can say."""
    if given in (declared, "void"):
        return True
    own, theirs = re.fullmatch(r"(\w+)<(.*)>", declared), re.fullmatch(r"(\w+)<(.*)>", given)
    if own and theirs:
        pairs = zip(own[2].split(","), theirs[2].split(","), strict=False)
        return own[1] == theirs[1] and all(_takes(one, other) for one, other in pairs)
    return given.partition("(")[0] in _TAKES.get(declared, ())


def _spelt(given: str) -> str:
    kind = given.upper()
    return kind if kind in TYPES or "<" in kind else f"{kind}, which no table can have"

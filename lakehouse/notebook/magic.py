"""`%sql` and `%%sql`: the answer of a query as a pandas DataFrame; an error without a traceback."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
from IPython.core.error import UsageError
from IPython.core.magic import MAGIC_NO_VAR_EXPAND_ATTR
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from lakehouse.engines.display import show_frames_well
from lakehouse.errors import BadInput, LakehouseError
from lakehouse.lake import Lakehouse
from lakehouse.notebook.asked import Asked, read
from lakehouse.notebook.completion import Completion
from lakehouse.sql.nearest import instead

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_WHOLE_NUMBERS: dict[pa.DataType, Any] = {
    pa.int8(): pd.Int8Dtype(),
    pa.int16(): pd.Int16Dtype(),
    pa.int32(): pd.Int32Dtype(),
    pa.int64(): pd.Int64Dtype(),
}


def load(shell: InteractiveShell) -> None:
    """Give a notebook `%sql`, `%%sql` and completion in them."""
    magic = SqlMagic(shell)
    shell.magics_manager.register_function(magic.sql, "line_cell", "sql")
    Completion(lambda: lake_of(shell.user_ns)).add_to(shell)
    show_frames_well()


class SqlMagic:
    """The magic of one notebook."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def sql(self, line: str, cell: str | None = None) -> pd.DataFrame | None:
        """Ask the lake of this notebook in SQL; the answer is a pandas DataFrame.

        %sql SELECT count(*) FROM gold.label_store
        %%sql [--release N | --month YYYY-MM | --timestamp T] [--limit N] [--lake NAME] [name <<]

        Every table is read at that release, or at the one of the lake. The lake is the variable of that name,
        else `lake`, else the only one there is; without one it is that of the folder datamart. Names of
        DataFrames may stand behind FROM. At most 10,000 rows come, unless --limit takes more.
        """
        try:
            return self._answer(read(line, cell))
        except LakehouseError as error:
            raise UsageError(str(error)) from None
        except PySparkException as error:
            first = str(error).partition("\n")[0]
            raise UsageError(f"the engine failed while it computed: {first}") from None

    def _answer(self, asked: Asked) -> pd.DataFrame | None:
        names = self._shell.user_ns
        lake = lake_of(names, asked.lake)
        if asked.at:
            lake = lake.at(**_typed(asked.at))
        answer = lake._ask(asked.query, _frames(names, lake))
        for note in answer.notes:
            print(f"note: {note}", file=sys.stderr)
        frame = _in_pandas(answer.frame, asked.limit)
        if asked.name is None:
            return frame
        names[asked.name] = frame
        rows = f"{len(frame):,} row{'' if len(frame) == 1 else 's'}"
        print(
            f"{asked.name}: {rows}, {frame.shape[1]} columns ({', '.join(map(str, frame.columns))})"
        )
        return None


# Braces and dollars are SQL here, not variables of Python.
setattr(SqlMagic.sql, MAGIC_NO_VAR_EXPAND_ATTR, True)


def lake_of(names: Mapping[str, Any], name: str | None = None) -> Lakehouse:
    """The lake that a notebook asks; BadInput where it is not clear which one."""
    lakes = {key: value for key, value in names.items() if isinstance(value, Lakehouse)}
    if name is not None:
        if name not in lakes:
            raise BadInput(f"no lake is called {name!r}; {instead(name, lakes)}")
        return lakes[name]
    shown = {key: value for key, value in lakes.items() if not key.startswith("_")}
    if "lake" in shown or len(shown) == 1:
        return shown.get("lake") or next(iter(shown.values()))
    if shown:
        raise BadInput(
            f"there are the lakes {', '.join(shown)}; say which one, as --lake {min(shown)}"
        )
    return Lakehouse()


def _typed(at: Mapping[str, str]) -> dict[str, Any]:
    number = at.get("release", "")
    return {"release": int(number)} if number.isdigit() else dict(at)


def _frames(names: Mapping[str, Any], lake: Lakehouse) -> dict[str, DataFrame | pd.DataFrame]:
    """The DataFrames of a notebook, except those that are called as a table."""
    tables = {table.name for table in lake.datamart.catalog.tables}
    return {
        name: value
        for name, value in names.items()
        if isinstance(value, DataFrame | pd.DataFrame) and name[0] != "_" and name not in tables
    }


def _in_pandas(frame: DataFrame, limit: int) -> pd.DataFrame:
    """The first rows of an answer; if there are more, how many is told."""
    rows = frame.limit(limit + 1).toArrow()
    if rows.num_rows > limit:
        print(
            f"note: these are {limit:,} of {frame.count():,} rows; --limit takes more, or ask for less",
            file=sys.stderr,
        )
        rows = rows.slice(0, limit)
    shown: pd.DataFrame = rows.to_pandas()
    for i, column in enumerate(rows.columns):
        # Otherwise whole numbers would become floats where there is a NULL.
        if column.null_count and column.type in _WHOLE_NUMBERS:
            shown.isetitem(i, column.to_pandas(types_mapper=_WHOLE_NUMBERS.get))
    return shown

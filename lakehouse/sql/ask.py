"""Asks an engine a query of a user: each table becomes a view of the version that it is read at."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.releases.release import Release
from lakehouse.sql.answers import about
from lakehouse.sql.mistakes import Mistakes
from lakehouse.sql.parse import Query, check_reads, parse, tokens_of
from lakehouse.sql.resolve import Frame, Resolved, Resolver, TableAt
from lakehouse.sql.rewrite import rewritten
from lakehouse.storage.datamart import Datamart

_FRAMES = itertools.count(1)
_EXPLAIN = re.compile(
    r"\s*EXPLAIN\s+(?:(?:EXTENDED|CODEGEN|COST|FORMATTED|LOGICAL)\s+)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Answer:
    """The answer of a query, and what its user should know about it."""

    frame: DataFrame
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Asked:
    """A query as the engine got it, and its frame."""

    text: str
    frame: DataFrame


@dataclass(frozen=True)
class Asker:
    """Queries on a datamart as of a release: the one that is pinned, or the newest."""

    datamart: Datamart
    store: Callable[[], Store]
    pinned: Release | None
    frames: Mapping[str, Frame] = field(default_factory=dict)

    def ask(self, text: str) -> Answer:
        """The answer of one statement; QueryError for one that writes, or that no engine can answer."""
        for name, given in self.frames.items():
            if not hasattr(given, "columns"):
                raise BadInput(
                    f"{name} is a {type(given).__name__}; a query reads DataFrames of PySpark or pandas"
                )
        notes: list[str] = []
        resolver = Resolver(self.datamart, self.pinned, self.frames, notes.append)
        tokens = tokens_of(text)
        check_reads(text, tokens[0])
        if tokens[0].text.upper() == "EXPLAIN":
            prefix = _EXPLAIN.match(text)
            begin = prefix.end() if prefix else len("EXPLAIN")
            # Asked without EXPLAIN first, because Spark explains also a query that it refuses.
            asked = self._asked(parse(text, begin), resolver)
            frame = self.store().spark.sql(text[:begin] + asked.text)
        elif listed := about(text, tokens, resolver):
            frame = listed.as_frame(self.store().spark)
        else:
            frame = self._asked(parse(text), resolver).frame
        return Answer(frame, tuple(dict.fromkeys(notes)))

    def _asked(self, query: Query, resolver: Resolver) -> _Asked:
        resolved = list(resolver.resolve(query))
        for name in self._quoted(query, resolved):
            resolver.note(f'"{name}" is a text in Spark SQL, and no column; the column is `{name}`')
        spliced = rewritten(query, resolved, self._view)
        try:
            frame = self.store().spark.sql(spliced.text)
            # An engine may look at names only when it is asked for the columns.
            _ = frame.schema
        except PySparkException as error:
            mistakes = Mistakes(query, spliced, resolved, self.datamart.log, self.frames)
            raise mistakes.explained(error) from error
        return _Asked(spliced.text, frame)

    def _quoted(self, query: Query, resolved: Sequence[Resolved]) -> Iterator[str]:
        """The texts in double quotes that a user of other SQL means as columns."""
        known = {str(each).casefold() for r in resolved for each in self._columns(r.source)}
        for token in tokens_of(query.text[query.skipped :]):
            quoted = query.text[query.skipped + token.start] == '"'
            if quoted and token.text.casefold() in known:
                yield token.text

    def _frame(self, name: str) -> DataFrame:
        """A frame of the caller as one of the engine; BadInput if its columns have no types."""
        given, spark = self.frames[name], self.store().spark
        if isinstance(given, DataFrame):
            return given
        try:
            if len(given) or not len(given.columns):
                return spark.createDataFrame(given)
            # PySpark reads no types from a frame without rows, so it gets a row that is taken away.
            types = pa.Schema.from_pandas(given, preserve_index=False)
            a_row = pa.Table.from_arrays([pa.nulls(1, each.type) for each in types], schema=types)
            return spark.createDataFrame(a_row).limit(0)
        except (PySparkException, pa.ArrowException) as error:
            first = str(error).partition("\n")[0]
            raise BadInput(f"the DataFrame {name} cannot be asked in SQL: {first}") from error

    def _columns(self, source: TableAt | str) -> Iterable[str]:
        return self.frames[source].columns if isinstance(source, str) else source.table.columns

    def _view(self, source: TableAt | str) -> str:
        """The name of a view in the session. It always means the same, as an engine may read it later."""
        if isinstance(source, str):
            view = f"lakehouse_frame_{next(_FRAMES)}"
            self._frame(source).createOrReplaceTempView(view)
            return view
        table = source.table
        where = hashlib.md5(self.datamart.log.uri(table).encode()).hexdigest()[:8]
        version = "newest" if source.version is None else source.version
        view = f"lakehouse_{table.layer}_{table.name}_{version}_{where}"
        self.store().show_as(view, table, source.version)
        return view

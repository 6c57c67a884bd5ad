"""Errors of an engine about a query, as one that names the place in it and the nearest name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from sqlglot import exp

from lakehouse.engines.said import Names, ambiguous_column, missing_column, unknown_function
from lakehouse.sql.nearest import instead
from lakehouse.sql.parse import Query
from lakehouse.sql.place import Place, QueryError
from lakehouse.sql.resolve import Frame, Resolved, TableAt
from lakehouse.sql.splice import Spliced
from lakehouse.storage.log import Log

_SAIL_SYNTAX = re.compile(r"found (.*) at ([0-9]+):[0-9]+")
_SAIL_UNGROUPED = re.compile(r"No field named .*\"#[0-9]+\"", re.DOTALL)
_SPARK_SYNTAX = re.compile(r"\(line ([0-9]+), pos ([0-9]+)\)")
_VIEW = re.compile(r"lakehouse_([a-z]+)_(\w+?)_(?:[0-9]+|newest)_[0-9a-f]{8}")


@dataclass(frozen=True)
class Mistakes:
    """The mistakes of one query, whose tables are resolved."""

    query: Query
    spliced: Spliced
    resolved: Sequence[Resolved]
    log: Log
    frames: Mapping[str, Frame]

    def explained(self, error: PySparkException) -> QueryError:
        """The error that a user is told."""
        said = str(error)
        if names := missing_column(error):
            return self._missing(names)
        if names := ambiguous_column(error):
            return self._ambiguous(names)
        if names := unknown_function(error):
            return self._unknown_function(names[-1])
        condition = error.getCondition() or ""
        if condition.startswith(("MISSING_AGG", "MISSING_GROUP")) or _SAIL_UNGROUPED.search(said):
            return self._ungrouped()
        return self._other(said)

    def _missing(self, names: Names) -> QueryError:
        column, seen = self._located(names)
        if column is None:
            # A word that only sqlglot knows, such as ALL in GROUP BY ALL.
            return QueryError(f"the engine does not take {names[-1]!r} here", self._word(names[-1]))
        place = self._place(column)
        table, sources = column.table, self._sources(column)
        qualifier = next((each for each in sources if each.casefold() == table.casefold()), None)
        if table and qualifier is None:
            return QueryError(
                f"no table of this query is called {table!r}; {instead(table, sources)}", place
            )
        known = sources[qualifier] if qualifier else seen
        name = names[-1]
        return QueryError(f"no column is called {name!r}; {instead(name, known)}", place)

    def _located(self, names: Names) -> tuple[exp.Column | None, list[str]]:
        """The column of the query that has the name, where it is not known, and the names known there."""
        called = [
            c
            for c in self.query.tree.find_all(exp.Column)
            if c.name.casefold() == names[-1].casefold()
        ]
        if len(names) > 1:
            called = [c for c in called if c.table.casefold() == names[-2].casefold()] or called
        for column in called:
            seen = self._seen(column)
            if names[-1].casefold() not in (each.casefold() for each in seen) or column.table:
                return column, seen
        first = called[0] if called else None
        return first, self._seen(first) if first else []

    def _place(self, column: exp.Column | None) -> Place | None:
        if column is None:
            return None
        parts = [part for part in column.parts if part.meta.get("start") is not None]
        if not parts:
            return None
        return Place(self.query.text, parts[0].meta["start"], parts[-1].meta["end"] + 1)

    def _ambiguous(self, names: Names) -> QueryError:
        column, _ = self._located(names)
        having = [
            f"{alias}.{names[-1]}"
            for alias, columns in self._sources(column).items()
            if names[-1].casefold() in (each.casefold() for each in columns)
        ]
        choice = " or ".join(having) or "the table before it"
        return QueryError(
            f"{names[-1]!r} is a column of more than one table; write {choice}", self._place(column)
        )

    def _unknown_function(self, name: str) -> QueryError:
        known = [each for each in dir(F) if each.islower() and not each.startswith("_")]
        what = f"no function is called {name!r}; {instead(name, known)}"
        return QueryError(what, self._word(name, behind=r"\s*\("))

    def _word(self, name: str, behind: str = r"\b") -> Place | None:
        found = re.search(rf"\b{re.escape(name)}{behind}", self.query.text, re.IGNORECASE)
        return Place(self.query.text, found.start(), found.start() + len(name)) if found else None

    def _ungrouped(self) -> QueryError:
        for select in self.query.tree.find_all(exp.Select):
            group = select.args.get("group")
            if not group and not select.find(exp.AggFunc):
                continue
            grouped = {each.sql() for each in group.expressions} if group else set()
            aliases = {each.alias for each in select.expressions}
            for column in _bare(select):
                if column.sql() not in grouped and not {column.name, column.sql()} & (
                    aliases & grouped
                ):
                    return QueryError(
                        f"{column.sql()} is neither in GROUP BY nor in an aggregate; add it to GROUP BY, or "
                        f"write max({column.sql()})",
                        self._place(column),
                    )
        return QueryError("a column is neither in GROUP BY nor in an aggregate")

    def _other(self, said: str) -> QueryError:
        """An error with the place that the engine gives, if there is one, and without our views' names."""
        if found := _SAIL_SYNTAX.search(said):
            return self._not_taken(self.spliced.place_before(int(found[2])), found[1])
        if found := _SPARK_SYNTAX.search(said):
            lines = self.spliced.text.split("\n")
            at = sum(len(line) + 1 for line in lines[: int(found[1]) - 1]) + int(found[2])
            start = self.spliced.place_before(at)
            word = re.match(r"\w+|.", self.query.text[start:], re.DOTALL)
            return self._not_taken(start, word[0] if word else "")
        first = said.partition("\n")[0].partition(" SQLSTATE:")[0]
        return QueryError("the engine refuses the query: " + _VIEW.sub(r"\1.\2", first))

    def _not_taken(self, start: int, word: str) -> QueryError:
        """The error of an engine that stopped at a word; the place before, if the query has no such word."""
        text = self.query.text
        # Only our form of the query has it, as AS behind a table, or the query ends there.
        if not word or not text.startswith(word, start):
            before = Place(text, start - 1, start)
            return QueryError("the engine cannot read on from here; look before it", before)
        return QueryError(
            f"the engine does not take {word!r} here", Place(text, start, start + len(word))
        )

    # Names that a column may have at its place

    def _seen(self, column: exp.Expr) -> list[str]:
        """The columns of all tables of the SELECTs around a place, and the names that these give."""
        names: list[str] = []
        select = column.find_ancestor(exp.Select)
        while select is not None:
            for columns in self._of_select(select).values():
                names += columns
            names += [each.alias for each in select.expressions if each.alias]
            select = select.find_ancestor(exp.Select)
        return list(dict.fromkeys(names))

    def _sources(self, column: exp.Expr | None) -> dict[str, list[str]]:
        """The columns of each table around a place, by its name there; the nearest SELECT first."""
        found: dict[str, list[str]] = {}
        select = column.find_ancestor(exp.Select) if column else None
        while select is not None:
            found = {**self._of_select(select), **found}
            select = select.find_ancestor(exp.Select)
        return found

    def _of_select(self, select: exp.Select) -> dict[str, list[str]]:
        return {
            name: columns
            for node in _inputs(select)
            for name, columns in [(node.alias_or_name, self._columns(node))]
        }

    def _columns(self, node: exp.Expr) -> list[str]:
        given = node.args.get("alias")
        if isinstance(given, exp.TableAlias) and given.columns:
            return [each.name for each in given.columns]
        if isinstance(node, exp.Table):
            found = (each.source for each in self.resolved if each.reference.node is node)
            source = next(found, None)
            if isinstance(source, TableAt):
                return list(self.log.columns(source.table, source.version))
            return list(self.frames[source].columns) if source else self._of_cte(node)
        return self._outputs(node.this) if isinstance(node, exp.Subquery | exp.CTE) else []

    def _of_cte(self, node: exp.Table) -> list[str]:
        for cte in self.query.tree.find_all(exp.CTE):
            # A recursive one would ask for itself without end.
            if (
                cte.alias.casefold() == node.name.casefold()
                and node.find_ancestor(exp.CTE) is not cte
            ):
                return self._columns(cte)
        return []

    def _outputs(self, query: exp.Expr) -> list[str]:
        if isinstance(query, exp.SetOperation):
            return self._outputs(query.left)
        if isinstance(query, exp.Subquery):
            return self._outputs(query.this)
        if not isinstance(query, exp.Select):
            return []
        inputs = self._of_select(query)
        names: list[str] = []
        for each in query.expressions:
            if not each.is_star:
                names.append(each.alias_or_name)
                continue
            for name, columns in inputs.items():
                if not isinstance(each, exp.Column) or each.table.casefold() == name.casefold():
                    names += columns
        return names


def _inputs(select: exp.Select) -> Iterator[exp.Expr]:
    from_ = select.args.get("from_")
    if from_:
        yield from_.this
    for join in (
        *select.args.get("joins", ()),
        *(from_.this.args.get("joins") or () if from_ else ()),
    ):
        yield join.this


def _bare(select: exp.Select) -> Iterator[exp.Column]:
    """The columns that a SELECT lists outside of any aggregate."""
    for each in select.expressions:
        for column in each.find_all(exp.Column):
            if column.find_ancestor(exp.Select) is select and not column.find_ancestor(exp.AggFunc):
                yield column

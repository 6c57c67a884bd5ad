"""A query with a view in the place of each table; every other word stays as the user wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlglot import exp

from lakehouse.sql.parse import Query, Reference
from lakehouse.sql.place import QueryError
from lakehouse.sql.resolve import Resolved, TableAt
from lakehouse.sql.splice import Piece, Spliced
from lakehouse.table import quoted

_Aliases = dict[int, str]  # by the identity of a node


def rewritten(
    query: Query, resolved: Sequence[Resolved], view: Callable[[TableAt | str], str]
) -> Spliced:
    """The query with the names that `view` gives; QueryError for a table that is there twice by one name."""
    aliases = _aliases(resolved)
    pieces = [*_views(resolved, aliases, view), *_qualifiers(query, resolved, aliases)]
    # Words that were read before, such as EXPLAIN, are not asked.
    return Spliced.of(query.text, [Piece(0, query.skipped, " " * query.skipped), *pieces])


def _aliases(resolved: Sequence[Resolved]) -> _Aliases:
    """The names of tables to which the query gives none, which columns of the query may have before them."""
    named: dict[tuple[int, str], list[Resolved]] = {}
    for each in resolved:
        if each.reference.alias_at is not None:
            key = (_select(each.reference), each.reference.parts[-1].casefold())
            named.setdefault(key, []).append(each)
    aliases = {}
    for group in named.values():
        names = [each.full_name if len(group) > 1 else each.reference.parts[-1] for each in group]
        for i, each in enumerate(group):
            if names[i] in names[:i]:
                raise QueryError(
                    f"{names[i]} is there twice; give each an alias", each.reference.place
                )
            aliases[id(each.reference.node)] = quoted(names[i])
    return aliases


def _select(reference: Reference) -> int:
    return id(reference.node.find_ancestor(exp.Select))


def _views(
    resolved: Sequence[Resolved], aliases: _Aliases, view: Callable[[TableAt | str], str]
) -> Iterator[Piece]:
    for each in resolved:
        reference = each.reference
        yield Piece(reference.place.start, reference.place.end, view(each.source))
        if reference.alias_at is not None:
            alias = f" AS {aliases[id(reference.node)]} "
            yield Piece(reference.alias_at, reference.alias_at, alias)


def _qualifiers(query: Query, resolved: Sequence[Resolved], aliases: _Aliases) -> Iterator[Piece]:
    """The alias in the place of `layer.table` before a column, as no engine finds a view by that."""
    by_name = {
        (_select(each.reference), each.full_name): aliases[id(each.reference.node)]
        for each in resolved
        if each.reference.alias_at is not None
    }
    for column in query.tree.find_all(exp.Column):
        layer, table = column.args.get("db"), column.args.get("table")
        if layer is None or table is None:
            continue
        name, select = f"{layer.name}.{table.name}".casefold(), column.find_ancestor(exp.Select)
        while select is not None:
            if alias := by_name.get((id(select), name)):
                yield Piece(layer.meta["start"], table.meta["end"] + 1, alias)
                break
            select = select.find_ancestor(exp.Select)

"""A query that reads, parsed: its tables, the clauses behind them, and where each stands in the text."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sqlglot
from sqlglot import Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError

from lakehouse.nearest import meant
from lakehouse.sql.clauses import Clause, begun, blanked, clauses, code_of
from lakehouse.sql.place import Place, QueryError

# The one of sqlglot's dialects that knows most of what the engines take.
_DIALECT = "databricks"
READS = ("SELECT", "WITH", "FROM", "VALUES")
ABOUT = ("DESCRIBE", "DESC", "SHOW", "EXPLAIN")
_WORDS = (
    *(*READS, *ABOUT, "WHERE", "GROUP", "ORDER", "BY", "HAVING", "LIMIT", "UNION", "JOIN", "LEFT"),
    *("INNER", "CROSS", "ON", "USING", "DISTINCT", "CASE", "WHEN", "THEN", "BETWEEN"),
)
# They make rows out of their arguments; every other one may read files or tables at any version.
_ROW_MAKERS = frozenset(
    {
        *("range", "explode", "explode_outer", "posexplode", "posexplode_outer", "inline"),
        *("inline_outer", "stack", "json_tuple", "variant_explode", "variant_explode_outer"),
    }
)
# The last hands rows to a program of the machine.
_REFUSED = (
    *(exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Into),
    *(exp.Command, exp.QueryTransform),
)
_NAMES = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.L_PAREN)
# Words behind a column that is called `table`; other keywords there may be names of views.
_BEHIND_COLUMN = (
    *(
        "FROM",
        "AS",
        "AND",
        "OR",
        "IS",
        "IN",
        "NOT",
        "LIKE",
        "BETWEEN",
        "WHERE",
        "ON",
        "JOIN",
        "GROUP",
    ),
    *("ORDER", "HAVING", "LIMIT", "ASC", "DESC", "THEN", "WHEN", "ELSE", "END"),
)
# It tells on stderr what it cannot parse, which is refused here.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Reference:
    """A name behind FROM or JOIN: its parts, the clause behind it, and its place in the query.

    `alias_at` is where an alias may be put in; None where the query gives one.
    """

    node: exp.Table
    parts: tuple[str, ...]
    clause: Clause | None
    place: Place
    alias_at: int | None

    @property
    def name(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Query:
    """A query: its text behind the skipped words, its tree and its tables.

    `dotted` are its other names with a dot, and their places.
    """

    text: str
    skipped: int
    tree: exp.Expr
    references: tuple[Reference, ...]
    dotted: tuple[tuple[str, Place], ...]


def tokens_of(text: str) -> list[Token]:
    """The words of a query; QueryError for an empty one, or where a quote is not closed."""
    if not isinstance(text, str):
        raise QueryError(f"a query is a text, not a value of type {type(text).__name__}")
    try:
        tokens = sqlglot.tokenize(text, dialect=_DIALECT)
    except TokenError:
        end = Place(text, max(len(text.rstrip()) - 1, 0), len(text.rstrip()))
        raise QueryError("a quote or comment is not closed", end) from None
    if not tokens:
        raise QueryError("the query is empty; write it as SELECT * FROM gold.label_store")
    return tokens


def check_reads(text: str, first: Token) -> None:
    """QueryError unless the first word of a statement is one of a statement that reads."""
    word = first.text.upper()
    if word in (*READS, *ABOUT, "("):
        return
    place = Place(text, first.start, first.end + 1)
    # A word that is known, such as DELETE, is not one that was mistyped.
    if first.token_type is TokenType.VAR and (near := meant(word, (*READS, *ABOUT))):
        raise QueryError(f"no statement begins with {first.text!r}; is it {near}?", place)
    raise QueryError(
        f"only reading is possible, so {word} is refused; take SELECT, WITH, DESCRIBE, SHOW or EXPLAIN "
        "(a run writes the tables)",
        place,
    )


def parse(text: str, skipped: int = 0, head: str = "") -> Query:
    """The query of a text; QueryError for one that writes, or that cannot be read for sure.

    The first `skipped` characters are read as spaces, or as the `head` that is given for them.
    """
    read = head.ljust(skipped) + text[skipped:]
    tokens = tokens_of(read)
    check_reads(text, tokens[0])
    code = code_of(read, tokens)
    found = list(clauses(text, code))
    if at := begun(code, found):
        raise QueryError("a number stands behind RELEASE AS OF, such as 3", Place(text, *at))
    _check_no_table_statement(text, tokens)
    tree = _tree(text, blanked(read, found), tokens)
    references = tuple(_references(text, code, tree, found))
    _check_placed(text, found, references)
    return Query(text, skipped, tree, references, tuple(_dotted(text, tokens, references)))


def _dotted(
    text: str, tokens: Sequence[Token], references: Sequence[Reference]
) -> Iterator[tuple[str, Place]]:
    """Each `a.b` that is neither read as a table nor followed by a column."""
    for i in range(len(tokens) - 2):
        begin, dot, end = tokens[i : i + 3]
        around = (tokens[j].text for j in (i - 1, i + 3) if 0 <= j < len(tokens))
        if dot.token_type is not TokenType.DOT or "." in around:
            continue
        if not any(r.place.start <= begin.start < r.place.end for r in references):
            yield f"{begin.text}.{end.text}", Place(text, begin.start, end.end + 1)


def _check_no_table_statement(text: str, tokens: Sequence[Token]) -> None:
    """QueryError for `TABLE x` inside a query: sqlglot reads it as a column, an engine as newest rows."""
    for word, name in pairwise(tokens):
        is_name = name.text.isidentifier() and name.text.upper() not in _BEHIND_COLUMN
        if word.token_type is TokenType.TABLE and (is_name or name.token_type in _NAMES):
            place = Place(text, word.start, name.end + 1)
            raise QueryError("TABLE is refused; write it as SELECT * FROM", place)


def _tree(text: str, plain: str, tokens: Sequence[Token]) -> exp.Expr:
    try:
        trees = [tree for tree in sqlglot.parse(plain, dialect=_DIALECT) if tree is not None]
    except ParseError as error:
        raise _unexpected(text, error, tokens) from None
    except RecursionError:
        raise QueryError("the query is nested too deeply; take WITH for its inner parts") from None
    if len(trees) > 1:
        raise QueryError("this is more than one statement; ask them one by one")
    tree = trees[0]
    if not isinstance(tree, (exp.Query, exp.Values)) or tree.find(*_REFUSED):
        raise QueryError("only reading is possible, so this is refused (a run writes the tables)")
    if tree.find(exp.Placeholder, exp.Parameter):
        raise QueryError("a query has no parameters; write the value in their place")
    return tree


def _unexpected(text: str, error: ParseError, tokens: Sequence[Token]) -> QueryError:
    """The first error of sqlglot: the word that does not fit, or the one before it, if that is misspelt."""
    first = error.errors[0]
    begin = sum(len(line) + 1 for line in text.split("\n")[: first["line"] - 1])
    last = begin + first["col"] - 1
    at = next((i for i, t in enumerate(tokens) if t.start <= last <= t.end), len(tokens) - 1)
    for i in (at, at - 1):
        word = tokens[i].text
        near = meant(word, _WORDS) if i >= 0 and word.upper() not in _WORDS else ""
        if near:
            place = Place(text, tokens[i].start, tokens[i].end + 1)
            return QueryError(f"{word!r} does not fit here; is it {near}?", place)
    place = Place(text, tokens[at].start, tokens[at].end + 1)
    if at == len(tokens) - 1 and "but got" in first["description"]:
        return QueryError("the query ends too early", place)
    return QueryError(f"{tokens[at].text!r} does not fit here", place)


def _references(
    text: str, code: str, tree: exp.Expr, found: Sequence[Clause]
) -> Iterator[Reference]:
    for node in tree.find_all(exp.Table):
        if node.find_ancestor(exp.Hint):
            continue
        if not isinstance(node.this, exp.Identifier):
            _check_row_maker(text, node)
            continue
        names = [node.args.get(part) for part in ("catalog", "db", "this")]
        identifiers = [each for each in names if isinstance(each, exp.Identifier)]
        start, end = identifiers[0].meta["start"], identifiers[-1].meta["end"] + 1
        if node.args.get("version"):
            raise QueryError(
                "a number or a text stands behind AS OF, such as '2024-01-31 12:00'",
                Place(text, start, end),
            )
        clause = next(
            (c for c in found if c.start >= end and not code[end : c.start].strip()), None
        )
        whole = Place(text, start, clause.end if clause else end)
        alias_at = None if node.alias else _behind_sample(code, whole.end)
        yield Reference(node, tuple(each.name for each in identifiers), clause, whole, alias_at)


def _check_row_maker(text: str, node: exp.Table) -> None:
    function = node.this
    name = (function.name if isinstance(function, exp.Anonymous) else function.key).casefold()
    if name not in _ROW_MAKERS:
        raise QueryError(
            f"the table function {name} is refused: only tables of the lake are read; take one of "
            f"{', '.join(sorted(_ROW_MAKERS)[:4])}"
        )


def _behind_sample(code: str, end: int) -> int:
    """The place behind TABLESAMPLE (...), where the engines want an alias; else the end of the name."""
    rest = code[end:]
    if not rest.lstrip().upper().startswith("TABLESAMPLE"):
        return end
    depth = 0
    for i in range(end + rest.find("("), len(code)):
        depth += {"(": 1, ")": -1}.get(code[i], 0)
        if depth == 0:
            return i + 1
    return end


def _check_placed(text: str, found: Sequence[Clause], references: Sequence[Reference]) -> None:
    placed = {reference.clause for reference in references}
    for clause in found:
        if clause not in placed:
            raise QueryError(
                f"{clause} stands behind no table; write it behind a name, before its alias",
                Place(text, clause.start, clause.end),
            )

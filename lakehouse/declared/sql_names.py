"""The names of columns in a condition in Spark SQL, found without an engine.

Almost all conditions are read only by their words. Only where a word is neither a column nor SQL's own, the
text is parsed as a whole: a parser takes as long to load as a run with nothing to do.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from lakehouse.declared.names import instead

_TOKEN = re.compile(
    r"""
      (?P<text> '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" )
    | (?P<comment> --[^\n]* | /\*.*?\*/ )
    | (?P<quoted> `(?:[^`]|``)*` )
    | (?P<number> [0-9][\w.]* )
    | (?P<word> [^\W\d]\w* )
    | (?P<arrow> -> )
    | (?P<sign> \S )
    """,
    re.VERBOSE | re.DOTALL,
)
_NOT_CLOSED = ("'", '"', "`")
_CLOSES = {")": "(", "]": "["}
# Words of conditions that do not name columns: operators, types, units, and functions without parentheses.
_WORDS = re.compile(
    r"""
      and | or | not | is | null | true | false | in | between | i?like | rlike | regexp | escape | any | all
    | some | exists | case | when | then | else | end | (try_)?cast | as | distinct | from | for | both
    | leading | trailing | div | nulls | asc | desc | to | interval | date | timestamp(_ntz|_ltz)? | string
    | boolean | int | integer | bigint | long | smallint | short | tinyint | byte | double | float | real
    | dec(imal)? | numeric | binary | (var)?char | array | map | struct
    | (year|quarter|month|week|day|hour|minute|second)s?
    | current_(date|time|timestamp|user) | localtimestamp | user
    """,
    re.IGNORECASE | re.VERBOSE,
)


def condition_faults(
    what: str, sql: str, columns: Collection[str], owner: str, later: Collection[str] = ()
) -> Iterator[str]:
    """Why a condition cannot be computed over these columns; `what` begins the sentence, as `rule x`.

    `later` are columns of the table that are not there yet when the condition is computed.
    """
    if not isinstance(sql, str) or not sql.strip():
        yield f"{what} has no condition; write it in SQL over the columns of {owner}"
        return
    tokens = [match for match in _TOKEN.finditer(sql) if match.lastgroup != "comment"]
    if fault := _form_fault(tokens):
        yield f"{what} is no condition in SQL ({fault}): {' '.join(sql.split())}"
        return
    there = {name.lower() for name in columns}
    strange = [name for name in _names(tokens) if name.lower() not in there]
    for name in _columns_among(sql, strange):
        if name.lower() in map(str.lower, later):
            yield f"{what} names {name}, which is computed after it; name columns that are read from the file"
        else:
            yield f"{what} names {name}; {instead(name, columns, owner)}"


def _form_fault(tokens: list[re.Match[str]]) -> str:
    """The sign that is not closed in a condition, or cuts it; empty if there is none."""
    opened: list[str] = []
    for token in tokens:
        sign = token[0]
        if token.lastgroup != "sign":
            continue
        if sign in _NOT_CLOSED:
            return f"a {sign} is not closed"
        if sign == ";":
            return "; ends it"
        if sign in "([":
            opened.append(sign)
        elif sign in _CLOSES and (not opened or opened.pop() != _CLOSES[sign]):
            return f"a {sign} closes nothing"
    return f"a {opened[-1]} is not closed" if opened else ""


def _names(tokens: list[re.Match[str]]) -> Iterator[str]:
    """Each word that may be a column: no function, field, parameter of a lambda, or word of SQL."""
    parameters = _parameters(tokens)
    for place, token in enumerate(tokens):
        before = tokens[place - 1][0] if place else ""
        after = tokens[place + 1][0] if place + 1 < len(tokens) else ""
        if before == "." or (after == "(" and token.lastgroup == "word"):
            continue
        if token.lastgroup == "quoted":
            yield token[0][1:-1].replace("``", "`")
        elif token.lastgroup == "word" and token[0].lower() not in parameters:
            yield from () if _WORDS.fullmatch(token[0]) else (token[0],)


def _parameters(tokens: list[re.Match[str]]) -> set[str]:
    """The names before each arrow, as of `x -> x > 1` and `(x, i) -> x > i`."""
    names: set[str] = set()
    for place, token in enumerate(tokens):
        if token.lastgroup != "arrow":
            continue
        begin = place - 1
        if tokens[begin][0] == ")":
            while begin and tokens[begin][0] != "(":
                begin -= 1
        names |= {each[0].lower() for each in tokens[begin:place]}
    return names


def _columns_among(sql: str, strange: list[str]) -> list[str]:
    """Those of the words that are columns; a parser decides. If it fails, the engine is asked in the run."""
    if not strange:
        return []
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        tree = sqlglot.parse_one(f"SELECT 1 FROM t WHERE {sql}", dialect="databricks")
    except SqlglotError:
        return []
    read = {column.parts[0].name for column in tree.find_all(exp.Column)}
    return [name for name in dict.fromkeys(strange) if name in read]

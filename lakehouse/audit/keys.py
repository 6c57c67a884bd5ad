"""Keys as they are held: padded ids, words for a missing value as ids, and ids that are nearly the same.

Version 0.1.0 took ids as they were delivered. A run now trims them and quarantines such words, but rows that
are not delivered again stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.audit.finding import Check, Finding
from lakehouse.bronze.raw import NO_ID, NO_ID_WORDS
from lakehouse.ids import ZEROS_IN_FRONT
from lakehouse.landing.cells import ADDED, BLANKS
from lakehouse.run.masked import masked
from lakehouse.table import Table, quoted

_ID, _ALIKE = "id", "alike"
Read = Callable[[Table], DataFrame]
Key = tuple[Table, str]  # a table of raw rows, and a column of its key


def keys_check(sources: Sequence[Table], read: Read) -> Check:
    """Check the ids of raw rows: those of the entity between all tables, other keys by their name."""
    keys = [(table, name) for table in sources for name in table.keys if name != table.date]
    kinds: dict[str, list[Key]] = {}
    for table, name in keys:
        kinds.setdefault("" if name == table.entity else name, []).append((table, name))
    damaged = [finding for key in keys for finding in _damaged(key, read)]
    near = [finding for kind in kinds.values() for finding in _near(kind, read)]
    return Check(
        name="keys",
        proves="Each id is one word for one thing: not padded, not missing, not spelt in two ways.",
        looked_at=", ".join(f"{table.full_name}.{name}" for table, name in keys),
        findings=(*damaged, *near),
    )


def _damaged(key: Key, read: Read) -> Iterator[Finding]:
    """The rows with a padded id, and those with a word for a missing value as id."""
    table, name = key
    id_, trimmed = F.col(quoted(name)), _trimmed(name)
    is_word = trimmed.isNull() | F.lower(trimmed).isin("", *NO_ID_WORDS)
    is_word |= trimmed.rlike(rf"^(?:{NO_ID})\z")
    faults = {
        "have blanks around the id, so that it matches no other": ~is_word & (trimmed != id_),
        "have a word for a missing value as id": is_word,
    }
    counts = ((F.count(F.when(is_, 1)), F.min(F.when(is_, id_))) for is_ in faults.values())
    found = read(table).select(*(column for pair in counts for column in pair)).collect()[0]
    for why, n, example in zip(faults, found[::2], found[1::2], strict=True):
        if n:
            evidence = f"{n:,} rows {why}, such as {_shown(key, example)}: {_AGAIN}"
            yield Finding(f"{table.full_name}.{name}", evidence)


_AGAIN = "let a run read the whole file again, which trims ids and puts such rows aside"


def _near(keys: Sequence[Key], read: Read) -> Iterator[Finding]:
    """The ids that differ only in case, in zeros at the front, or in what programs add."""
    ids = (read(table).select(_trimmed(name).alias(_ID)) for table, name in keys)
    bare = F.regexp_replace(F.lower(_ID), ADDED, "$1")
    plain = F.regexp_replace(bare, ZEROS_IN_FRONT, "$1$2")
    alike = reduce(DataFrame.union, ids).groupBy(plain.alias(_ALIKE))
    ways = alike.agg(F.min(_ID).alias("first"), F.max(_ID).alias("last"))
    several = ways.where(F.col("first") != F.col("last"))
    n, example = several.select(F.count("*"), F.min(F.struct("first", "last"))).collect()[0]
    if n:
        table, name = keys[0]
        shown = " and ".join(_shown(keys[0], each) for each in example)
        yield Finding(
            f"{table.full_name}.{name}",
            f"{n:,} ids are written in more than one way, which differ only in case, zeros at the "
            f"front, blanks, quotes or .0, such as {shown}: correct the file that changed them",
        )


def _trimmed(name: str) -> Column:
    return F.btrim(F.col(quoted(name)), F.lit(BLANKS))


def _shown(key: Key, id_: str | None) -> str:
    table, name = key
    is_personal = table.source is not None and name in table.source.personal
    return repr(masked(id_) if id_ and is_personal else id_)

"""The order of the dates with slashes in each file of a source.

A file proves its own. One that proves none takes the order that other files of its source prove.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter

from lakehouse.days import DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.cells import day_part, is_like
from lakehouse.landing.chunks import NotGrown
from lakehouse.landing.dates import (
    WITH_SHORT_YEAR,
    WITH_SLASHES,
    Unproven,
    Written,
    contradicting,
    date_order,
)
from lakehouse.landing.rows import Rows
from lakehouse.landing.working_copies import SplitFile
from lakehouse.storage.duck import literal
from lakehouse.table import Source

_AS_IN, _ALTHOUGH = "as in ", ", although another file is "


@dataclass
class Orders:
    """The order of each file by its number, and why files are refused.

    `not_grown` are files that must be read whole, as they did not only grow.
    """

    by_file: dict[int, DateOrder | None] = field(default_factory=dict)
    refused: dict[int, str] = field(default_factory=dict)
    not_grown: list[int] = field(default_factory=list)


def read_orders(rows: Rows, proved: Mapping[str, DateOrder]) -> Orders:
    """The orders of the files; `proved` are those of files that were taken before, by name."""
    orders = Orders()
    files = {each.number: each for each in rows.files}
    unproven: dict[int, Unproven] = {}
    for number, written in _written(rows):
        try:
            orders.by_file[number] = _own_order(rows.source, files[number], written)
        except Unproven as error:
            unproven[number] = error
        except BadInput as error:
            orders.refused[number] = str(error)
        except NotGrown:
            orders.not_grown.append(number)
    for number in files.keys() - {*orders.by_file, *orders.refused, *orders.not_grown, *unproven}:
        orders.by_file[number] = _own_order(rows.source, files[number], [])
    own = {files[n].name: order for n, order in orders.by_file.items() if order}
    examples = _examples({**proved, **own})
    for number, unknown in unproven.items():
        _lend(orders, number, unknown, examples)
    for number, order in orders.by_file.items():
        orders.by_file[number] = order and _with_doubt(order, examples)
    return orders


def _written(rows: Rows) -> Iterator[tuple[int, list[Written]]]:
    """For each file that has some, its dates with slashes in required columns, as they are written."""
    texts = rows.texts
    if not texts.marks.slashes:
        return
    dates = {name: texts.text[name] for name in texts.day}
    dates |= {name: day_part(texts.text[name]) for name in texts.moment}
    pairs = ", ".join(f"({literal(name)}, {text})" for name, text in dates.items())
    found = rows.duckdb.execute(
        f"""
        SELECT _file, name, text, count(*), min(_source_line)
        FROM texts, LATERAL (VALUES {pairs}) AS written(name, text)
        WHERE {is_like("text", WITH_SLASHES, WITH_SHORT_YEAR)}
        GROUP BY _file, name, text ORDER BY _file, min(_source_line), name
        """
    )
    # One file at a time, because all files together may have many.
    each_row = (row for some in iter(lambda: found.fetchmany(10_000), []) for row in some)
    for number, of_file in groupby(each_row, key=itemgetter(0)):
        yield number, [Written(*row[1:]) for row in of_file]


def _own_order(source: Source, file: SplitFile, written: list[Written]) -> DateOrder | None:
    """The order that a file has by itself; NotGrown if the rest of a file does not prove one."""
    reading = file.arrival.reading
    declared = None
    if source.date_order:
        declared = DateOrder(source.date_order, "its declaration says so")
    asked = reading.date_order or declared
    if not file.before:
        return date_order(file.name, written, asked, source.date if source.monthly else None)
    order = asked or reading.before
    if written and (order is None or contradicting(written, order)):
        raise NotGrown
    return order


def _examples(proved: Mapping[str, DateOrder]) -> dict[str, DateOrder]:
    """For each order that files prove, the first of them with its proof."""
    examples: dict[str, DateOrder] = {}
    for name, order in sorted(proved.items()):
        proof = order.proof if order.proof.startswith(_AS_IN) else f"{_AS_IN}{name}: {order.proof}"
        examples.setdefault(order.order, replace(order, proof=proof))
    return examples


def _lend(orders: Orders, number: int, error: Unproven, examples: Mapping[str, DateOrder]) -> None:
    """Give a file that proves no order that of the others; refuse it if they have none, or several."""
    if len(examples) == 1:
        (orders.by_file[number],) = examples.values()
    else:
        spelt = " and ".join(f"{each.spelt} ({each.proof})" for each in examples.values())
        orders.refused[number] = f"{error}" + (f" Other files are {spelt}." if spelt else "")


def _with_doubt(order: DateOrder, examples: Mapping[str, DateOrder]) -> DateOrder:
    """The order, and in its proof a file that has another one."""
    other = next((each for each in examples.values() if each.order != order.order), None)
    if other is None or _ALTHOUGH in order.proof:
        return order
    return replace(order, proof=f"{order.proof}{_ALTHOUGH}{other.spelt} {other.proof}")

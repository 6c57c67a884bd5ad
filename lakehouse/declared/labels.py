"""Faults of the label store: columns of the contract that it or its loans lack, and its definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lakehouse.declared.names import instead, meaning_fault, twice
from lakehouse.label import LabelStore
from lakehouse.table import Table


def label_faults(tables: Sequence[Table]) -> Iterator[str]:
    """The faults in the label store, a line each; a catalog may have none."""
    stores = [table for table in tables if table.labels]
    for other in stores[1:]:
        yield (
            f"{other.full_name} and {stores[0].full_name} are both declared as the label store; leave "
            "`labels` to one of them"
        )
    for table in stores[:1]:
        assert table.labels
        yield from _definitions(table.full_name, table.labels)
        yield from _mixed(table.full_name, table.labels)
        yield from _short_look_back(table, table.labels)
        yield from _columns(table, table.labels)
        yield from _optional(table)


def _optional(store: Table) -> Iterator[str]:
    """Optional sources that labels are computed from: without them there would be nothing to learn."""
    above = [*store.upstreams]
    for table in above:
        above += [upstream for upstream in table.upstreams if upstream not in above]
    for table in above:
        if table.source and table.source.optional:
            yield (
                f"source {table.source.name} is optional, and the labels of {store.full_name} are computed "
                "from it; leave `optional` out"
            )


def _definitions(place: str, labels: LabelStore) -> Iterator[str]:
    if not labels.definitions:
        yield f"{place} has no label definition; declare one, the first is the default"
    for name in twice([each.name for each in labels.definitions]):
        yield f"{place}: label definition {name} is declared twice; rename one"
    for each in labels.definitions:
        if not each.name.strip():
            yield f"{place} has a label definition without a name; name it, as 30dpd_6mob"
        if not each.rule and (each.dpd < 1 or each.mob < 0):
            yield (
                f"{place}: label definition {each.name} is {each.dpd} days past due at month on book "
                f"{each.mob}; declare 1 or more days, and month 0 or later"
            )
        if fault := meaning_fault(each.doc, "write a doc that says what it is for"):
            yield f"{place}: label definition {each.name} {fault}"


def _short_look_back(table: Table, labels: LabelStore) -> Iterator[str]:
    """A definition over more months than the label store reads, whose labels would miss the first ones."""
    over = [each for each in labels.definitions if each.is_window and not each.rule]
    longest = max(over, key=lambda each: each.mob, default=None)
    if longest and longest.mob > table.look_back_months:
        yield (
            f"{table.full_name}: label definition {longest.name} is over {longest.mob} months on book, and "
            f"look_back_months is {table.look_back_months}; declare look_back_months={longest.mob}"
        )


def _mixed(place: str, labels: LabelStore) -> Iterator[str]:
    """A definition by days past due beside one by a rule: a set would not know when a label is due."""
    by_days = [each.name for each in labels.definitions if not each.rule]
    if by_days and not labels.has_days:
        yield (
            f"{place}: label definition {by_days[0]} asks for days past due, and others have a rule in "
            "words; declare all of one kind"
        )


def _columns(table: Table, labels: LabelStore) -> Iterator[str]:
    """Columns that the labels name, and that the label store or the table of its loans lacks."""
    place = table.full_name
    for what, name in (("entity", table.entity), ("date", table.date)):
        if not name:
            yield f"{place}: the label store has no {what}; declare its column"
    own = labels.own
    named = {
        "own.loan": own.loan,
        "own.application": own.application,
        **({"own.mob": own.mob} if labels.has_days else {}),
        "label": labels.label,
        "label_def": labels.label_def,
    }
    yield from _lacking(place, named, table)
    for what, name in (("entity", table.entity), ("loan", own.loan), ("date", table.date)):
        if name in table.columns and name not in table.keys:
            yield f"{place}: the {what} {name} is no key of the label store; add it to its keys"
    if labels.label_def in table.columns and labels.label_def not in table.keys:
        yield f"{place}: {labels.label_def} is no key of the label store; add it, or definitions mix"
    if not table.upstreams:
        yield f"{place}: the label store has no upstream; its first one has a row for every loan"
        return
    loans, above = labels.loans, table.upstreams[0]
    for what, name in (("entity", above.entity), ("date", above.date)):
        if not name:
            yield f"{place}: its loans, {above.full_name}, have no {what}; declare its column there"
    of_days = {"loans.mob": loans.mob, "dpd": labels.dpd, "balance": labels.balance}
    named = {
        "loans.loan": loans.loan,
        "loans.application": loans.application,
        **(of_days if labels.has_days else {"due": labels.due}),
    }
    yield from _lacking(place, named, above)


def _lacking(place: str, named: dict[str, str], table: Table) -> Iterator[str]:
    for what, name in named.items():
        if name not in table.columns:
            near = instead(name, table.columns, table.full_name)
            yield f"{place}: labels declare {what} {name!r}, which {table.full_name} lacks; {near}"

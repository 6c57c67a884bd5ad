"""The faults of a bank's declarations, told before anything runs: one line, with the nearest name.

All of them are found without an engine. Before a run writes, `run/expressions.py` asks one about the rest:
code that fails, and the type that an expression gives.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import is_dataclass
from itertools import chain

from lakehouse.declared.exclusions import exclusion_faults
from lakehouse.declared.features import (
    feature_faults,
    overwritten_features,
    repeated_features,
)
from lakehouse.declared.files import file_faults
from lakehouse.declared.forms import form_faults
from lakehouse.declared.labels import label_faults
from lakehouse.declared.protected import protected_faults
from lakehouse.declared.sources import source_faults
from lakehouse.declared.tables import catalog_faults, table_faults
from lakehouse.errors import BadInput
from lakehouse.exclusion import Exclusion
from lakehouse.protected import Protected
from lakehouse.table import Table
from lakehouse.words import counted


def check_declared(
    modules: Sequence[tuple[Table, str]],
    exclusions: Sequence[Exclusion] = (),
    protected: Sequence[Protected] = (),
) -> None:
    """BadInput for the first thing that is wrong in the tables of these modules, with the number of all."""
    tables = [table for table, _ in modules]
    refuse([*faults(tables, exclusions, protected), *overwritten_features(modules)])


def refuse(found: Sequence[str]) -> None:
    """BadInput for the first of the faults that were found, with the number of all."""
    if found:
        more = f" (the first of {counted(len(found), 'fault')})" if len(found) > 1 else ""
        raise BadInput(f"{found[0]}{more}")


def faults(
    tables: Sequence[Table],
    exclusions: Sequence[Exclusion] = (),
    protected: Sequence[Protected] = (),
) -> Iterator[str]:
    """Everything that is wrong, a line each: those of sources first, then those of tables in their order.

    If a value has another type than it must have, only that is told: nothing else can be asked of it.
    """
    of_forms = [
        *(fault for table in tables for fault in form_faults(table.full_name, table)),
        # Its rules and features, for tables of these common forms.
        *(
            fault
            for table in tables
            if is_dataclass(table.transform)
            for fault in form_faults(table.full_name, table.transform)
        ),
        *(fault for each in exclusions for fault in form_faults(f"exclusion {each.name}", each)),
        *(fault for each in protected for fault in form_faults(f"protected {each.name}", each)),
    ]
    if of_forms:
        return iter(of_forms)
    sources = [table.source for table in tables if table.source]
    groups = [table for table in tables if table.group]
    # A fault of one source or table goes on in those that are made of it, so causes come first.
    return chain(
        chain.from_iterable(map(source_faults, sources)),
        file_faults(sources),
        catalog_faults(tables),
        chain.from_iterable(map(table_faults, tables)),
        chain.from_iterable(map(feature_faults, groups)),
        repeated_features(groups),
        label_faults(tables),
        exclusion_faults(tables, exclusions),
        protected_faults(groups, protected),
    )

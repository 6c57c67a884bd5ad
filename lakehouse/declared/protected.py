"""Faults of protected attributes: features that they name and no group has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lakehouse.declared.names import instead, meaning_fault, twice
from lakehouse.protected import Protected
from lakehouse.table import Table


def protected_faults(groups: Sequence[Table], protected: Sequence[Protected]) -> Iterator[str]:
    """The faults in the protected attributes, a line each."""
    features = [field.name for group in groups for field in group.features]
    for name in twice([each.name for each in protected]):
        yield f"protected attribute {name} is declared twice; rename one"
    for each in protected:
        place = f"protected attribute {each.name}"
        if not each.name.strip():
            yield "a protected attribute has no name; name it, as age"
        if fault := meaning_fault(each.doc, "write a doc that says what it is"):
            yield f"{place} {fault}"
        for name in dict.fromkeys((each.feature, *each.carried_by)):
            if name not in features:
                yield f"{place} names the feature {name}; {instead(name, features, 'the bank')}"
        if each.feature not in each.carried_by:
            yield f"{place} forms groups by {each.feature}, which it does not carry; add it to carried_by"
        if each.band is not None and each.band <= 0:
            yield f"{place} has bands of {each.band}; declare a number above 0, or no band"

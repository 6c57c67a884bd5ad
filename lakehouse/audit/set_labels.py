"""The dates of one training set beside those of the label store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from lakehouse.audit.finding import Check, Finding
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.model.features import KEY
from lakehouse.model.sample import sampled
from lakehouse.releases.release import Release
from lakehouse.training.sets import Asked, prepare
from lakehouse.training_columns import APPLICATION, LABEL_DEF, LABEL_OBSERVED

_STORED = "_of_label_store"


@dataclass(frozen=True)
class Labels:
    """The labels of a release, which an engine reads."""

    store: Store
    release: Release

    def days(self, label_def: str) -> pd.DataFrame:
        """The days of application and of observation of the labelled loans; BadInput for another name."""
        spine = prepare(self.store, self.release, Asked(label_def=label_def)).spine
        days = sampled(spine.select(*KEY, APPLICATION, LABEL_OBSERVED))
        return days.assign(**{n: pd.to_datetime(days[n]) for n in (APPLICATION, LABEL_OBSERVED)})


def labels_check(loans: pd.DataFrame, labels: Labels | str) -> Check:
    """Check that no application is dated later, and no label earlier, than in the label store.

    A text in place of labels says why there are none to compare with.
    """
    compared = labels if isinstance(labels, str) else _compared(loans, labels)
    return Check(
        name="dates of the label store",
        proves="No application is dated later than the label store has it, and no label earlier: neither "
        "features nor labels are from later than they say.",
        looked_at=f"nothing: {compared}"
        if isinstance(compared, str)
        else f"{len(compared):,} of {len(loans):,} loans, which the label store has",
        findings=() if isinstance(compared, str) else tuple(_moved(compared)),
    )


def _compared(loans: pd.DataFrame, labels: Labels) -> pd.DataFrame | str:
    """The loans that the label store has, with its days; a text says why there is nothing to compare."""
    why = _not_comparable(loans)
    if why:
        return why
    try:
        days = labels.days(str(loans[LABEL_DEF].iloc[0]))
    except BadInput as error:
        return str(error)
    of_set, of_store = (each.astype(dict.fromkeys(KEY, str)) for each in (loans, days))
    return of_set.merge(of_store, on=KEY, suffixes=("", _STORED))


def _not_comparable(loans: pd.DataFrame) -> str:
    missing = [name for name in (*KEY, LABEL_DEF) if name not in loans]
    if missing:
        return f"the set has no {', '.join(missing)}"
    return "" if loans[LABEL_DEF].nunique() == 1 else "the set has several label definitions"


def _moved(loans: pd.DataFrame) -> Iterator[Finding]:
    later = loans[APPLICATION] > loans[f"{APPLICATION}{_STORED}"]
    earlier = loans[LABEL_OBSERVED] < loans[f"{LABEL_OBSERVED}{_STORED}"]
    for name, moved, why in (
        (APPLICATION, later, "applications are dated later"),
        (LABEL_OBSERVED, earlier, "labels are dated earlier"),
    ):
        if moved.any():
            first = loans[moved].iloc[0]
            yield Finding(
                name,
                f"{int(moved.sum()):,} {why} than in the label store, such as {first[name]:%Y-%m-%d} for "
                f"{first[f'{name}{_STORED}']:%Y-%m-%d}",
            )

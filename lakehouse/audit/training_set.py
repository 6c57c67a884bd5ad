"""The audit of one training set, a file or one with a receipt: its dates, features, content and split.

A split is a column of the set, because a user who leaves loans out of train has changed the file, or a day.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lakehouse.audit.finding import Check, Finding
from lakehouse.audit.set_content import SPLIT, content_check
from lakehouse.audit.set_features import dateless, feature_checks, undated, without_day
from lakehouse.audit.set_labels import Labels, labels_check
from lakehouse.audit.target import parts_check
from lakehouse.engines.store import Store
from lakehouse.errors import BadInput
from lakehouse.model.features import as_of_columns, declared_groups
from lakehouse.model.origin import Audited
from lakehouse.model.sample import sample_of, sampled
from lakehouse.model.split import Part, Parts, Split, month_of
from lakehouse.table import AS_OF_SUFFIX
from lakehouse.training.build import again
from lakehouse.training.receipts import receipt
from lakehouse.training.selection import Selection
from lakehouse.training_columns import APPLICATION, CUSTOMER, LABEL, LABEL_DEF, LABEL_OBSERVED, LOAN

PARTS = ("train", "validation", "test")
_DATES = (APPLICATION, LABEL_OBSERVED)
_PARAMETERS, _RELEASE = b"lakehouse.parameters", b"lakehouse.release"
_AUDITED = (LOAN, CUSTOMER, *_DATES, LABEL_DEF, SPLIT)


@dataclass(frozen=True)
class AuditedSet:
    """The customers and dates of a training set, its split if it has one, and the day of its labels.

    `groups` has the declared group of each feature. `sample` has every column of some of its loans, and
    `file` is where it is, None for one built again. `release` is None if the file no longer names it.
    """

    name: str
    loans: pd.DataFrame
    labels_known_by: date | None
    sample: pd.DataFrame
    groups: Mapping[str, str]
    file: Path | None = None
    release: int | None = None


def of_file(path: Path, groups: Mapping[str, str]) -> AuditedSet:
    """A training set that is a Parquet file; BadInput if it is none."""
    if not path.exists():
        raise BadInput(
            f"there is no file {path}; name one that training-set wrote, or the id of a training set"
        )
    try:
        told = pq.read_metadata(path).metadata or {}
        names = [name for name in pq.read_schema(path).names if _is_audited(name)]
        loans = pq.read_table(path, columns=names).to_pandas()
        sample = sample_of(path)
    except (OSError, pa.ArrowException) as error:
        raise BadInput(
            f"{path} is no Parquet file that can be read ({type(error).__name__}); name one that "
            "training-set wrote, or the id of a training set"
        ) from None
    if _PARAMETERS not in told:
        return _audited(AuditedSet(str(path), loans, None, sample, groups, path))
    known_by = Selection.from_json(told[_PARAMETERS].decode()).labels_known_by
    release = int(told[_RELEASE])
    return _audited(AuditedSet(str(path), loans, known_by, sample, groups, path, release))


def of_receipt(store: Store, training_set_id: str) -> AuditedSet:
    """A training set with a receipt, built again; BadInput for an unknown id."""
    past = receipt(store.log, training_set_id)
    sample = sampled(again(store, past).frame)
    loans = sample[[name for name in sample if _is_audited(str(name))]].copy()
    known_by = past.selection.labels_known_by
    name = past.training_set_id
    groups = declared_groups(store.datamart.catalog)
    return _audited(AuditedSet(name, loans, known_by, sample, groups, release=past.release))


def _is_audited(name: str) -> bool:
    return name in _AUDITED or name.endswith(AS_OF_SUFFIX)


def _audited(audited: AuditedSet) -> AuditedSet:
    name, loans = audited.name, audited.loans
    missing = [column for column in (CUSTOMER, *_DATES) if column not in loans]
    if missing:
        raise BadInput(
            f"{name} lacks {', '.join(missing)}; take a set of labelled loans, as this version builds it"
        )
    for column in (*_DATES, *as_of_columns(loans).values()):
        loans[column] = pd.to_datetime(loans[column])
    if loans[[CUSTOMER, *_DATES]].isna().any(axis=None):
        raise BadInput(f"{name}: a loan has no {CUSTOMER}, {APPLICATION} or {LABEL_OBSERVED}")
    for group, feature in undated(audited.sample, audited.groups).items():
        raise BadInput(
            f"{name} has features of {group}, such as {feature}, but no column {group}{AS_OF_SUFFIX}, so "
            "nothing says when they were known; keep that column"
        )
    return audited


def audit_training_set(
    audited: AuditedSet, split_at: date | None = None, labels_of: Labels | str = "no datamart"
) -> list[Check]:
    """Check dates and features of a training set, and its split: its column `split`, or train before a day.

    Dates are compared with `labels_of`; a text in its place says why not. BadInput if nothing says how it is
    split, and no day by which its labels are known.
    """
    parts = _parts(audited, split_at)
    if not parts and not audited.labels_known_by:
        raise BadInput(
            f"nothing says how {audited.name} is split: give --split-at DATE for train before it, or a "
            f"column {SPLIT} with {', '.join(PARTS)}"
        )
    checks = [_dates_check(audited), labels_check(audited.loans, labels_of)]
    if audited.file:
        checks.append(content_check(audited.file))
    checks += feature_checks(audited.sample.drop(columns=SPLIT, errors="ignore"))
    if parts:
        train, *later = parts
        learnt = [(train, part) for part in later]
        checks.append(parts_check(parts, learnt, repeat_customers=False))
    return checks


def audit_of_parts(
    split: Split, groups: Mapping[str, str]
) -> Callable[[Parts], tuple[Audited, ...]]:
    """The audit of the parts of a model: their dates, and what they share."""

    def audited(parts: Parts) -> tuple[Audited, ...]:
        every = [part.loans for part in parts.in_order]
        loans = pd.concat([each[[n for n in each if _is_audited(str(n))]] for each in every])
        learnt = [(parts.train_for(later), later) for later in parts.in_order[1:]]
        checks = (
            _dates_check(AuditedSet("the training set", loans, None, loans, groups)),
            parts_check(parts.in_order, learnt, split.repeat_customers),
        )
        return tuple(_of_model(check) for check in checks)

    return audited


def _of_model(check: Check) -> Audited:
    leaks = tuple(f"{found.subject}: {found.evidence}" for found in check.findings)
    return Audited(check.name, check.proves, check.looked_at, leaks)


def _dates_check(audited: AuditedSet) -> Check:
    loans, groups = audited.loans, as_of_columns(audited.loans)
    known_by = audited.labels_known_by
    return Check(
        name="dates of the set",
        proves="No label was observed by the day of its application, or after the day by which labels are "
        "known, and no feature row is newer than its application.",
        looked_at=f"{len(loans):,} loans with {len(groups)} feature groups"
        + (f", labels known by {known_by}" if known_by else "")
        + without_day(audited.sample.columns, (*_AUDITED, LABEL), audited.groups),
        findings=(*_wrong_dates(loans, known_by), *dateless(audited.sample, audited.groups)),
    )


def _wrong_dates(loans: pd.DataFrame, known_by: date | None) -> Iterator[Finding]:
    applied, observed = loans[APPLICATION], loans[LABEL_OBSERVED]
    wrong = {
        (LABEL_OBSERVED, "labels observed by the day of the application"): observed <= applied,
        **{
            (column, "rows of features newer than the application"): loans[column] > applied
            for column in as_of_columns(loans).values()
        },
    }
    if known_by:
        why = f"labels observed after {known_by}, by which they are said to be known"
        wrong[LABEL_OBSERVED, why] = observed > pd.Timestamp(known_by)
    for (subject, why), rows in wrong.items():
        if rows.any():
            yield Finding(subject, f"{int(rows.sum()):,} {why}")


def _parts(audited: AuditedSet, split_at: date | None) -> list[Part]:
    """The parts in order of time; none if nothing says how the set is split."""
    loans = audited.loans
    if split_at:
        before = loans[APPLICATION] < pd.Timestamp(split_at)
        names = before.map({True: PARTS[0], False: PARTS[-1]})
    elif SPLIT in loans:
        names = loans[SPLIT]
        _check_names(audited.name, names)
    else:
        return []
    taken = [name for name in PARTS if (names == name).any()]
    if PARTS[0] not in taken or PARTS[-1] not in taken:
        raise BadInput(f"{audited.name}: the split leaves {PARTS[0]} or {PARTS[-1]} without a loan")
    return [_part(name, loans[names == name]) for name in taken]


def _check_names(name: str, names: pd.Series) -> None:
    unknown = sorted(map(str, set(names.dropna()) - set(PARTS)))
    if unknown:
        raise BadInput(
            f"{name}: column {SPLIT} has {json.dumps(unknown[0])}; its values are {', '.join(PARTS)}, "
            "or none for a loan that is not used"
        )


def _part(name: str, loans: pd.DataFrame) -> Part:
    return Part(name, tuple(sorted(month_of(loans).unique())), loans, left_out=0)

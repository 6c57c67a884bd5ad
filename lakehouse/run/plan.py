"""The plan: what is declared and not yet recorded is pending. It needs no session and no disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import get_args

from lakehouse.catalog import Catalog
from lakehouse.days import DATE_ORDERS, DateOrder
from lakehouse.errors import BadInput
from lakehouse.landing.raw_file import RawFile
from lakehouse.months import MonthRange
from lakehouse.releases.recorded import Recorded
from lakehouse.run.pending import SAID, SourceFiles, pending
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.extent import Extent
from lakehouse.table import DeliveryMode, Table


@dataclass(frozen=True)
class Step:
    """The part of a run for one table; `reason` is empty if there is nothing to do."""

    table: Table
    reason: str = ""
    everything: bool = False  # every month, not only those that changed
    files: tuple[RawFile, ...] = ()  # those that are read for it
    absent: str = ""  # why there is no such table

    @property
    def pending(self) -> bool:
        return bool(self.reason)


@dataclass(frozen=True)
class Request:
    """The options of the user. `delivery` says what the raw files are; None leaves it to their sources.

    `verify`: every file is read to see whether it changed. A refused file keeps a release from being
    published, unless `publish_good`; with `strict` nothing is taken at all.
    """

    scope: MonthRange = MonthRange()
    by_month: bool = False
    full_refresh: bool = False
    repair: bool = False
    delivery: DeliveryMode | None = None
    allow_shrink: bool = False
    date_order: str | None = None
    verify: bool = False
    strict: bool = False
    publish_good: bool = False

    def asks_other_order(self, before: SourceRecord) -> bool:
        """Whether dates with slashes are to be read in another order than before."""
        was = before.date_order
        return bool(self.date_order and was and was.order != self.date_order)

    def said_order(self, before: DateOrder | None) -> DateOrder | None:
        """The order that the user gives, else the one found `before`, when the same bytes were read."""
        if self.date_order:
            return DateOrder(self.date_order, SAID)
        return before


def requested(
    through: str | None = None,
    month: str | None = None,
    by_month: bool = False,
    full_refresh: bool = False,
    allow_shrink: bool = False,
    delivery: DeliveryMode | None = None,
    date_order: str | None = None,
    verify: bool = False,
    strict: bool = False,
    publish_good: bool = False,
) -> Request:
    """The request for raw rows up to a month, or of one month; BadInput for both, and for unknown words."""
    if through and month:
        raise BadInput("through and month exclude each other; give one of them")
    if strict and publish_good:
        raise BadInput("strict and publish_good exclude each other; give one of them")
    if date_order not in (None, *DATE_ORDERS):
        raise BadInput(f"date_order is one of {', '.join(sorted(DATE_ORDERS))}, not {date_order!r}")
    if delivery not in (None, *get_args(DeliveryMode)):
        raise BadInput(f"delivery is months or rows, not {delivery!r}")
    return Request(
        MonthRange.checked(month, month or through),
        by_month,
        full_refresh,
        delivery=delivery,
        allow_shrink=allow_shrink,
        date_order=date_order,
        verify=verify,
        strict=strict,
        publish_good=publish_good,
    )


def read_before(record: Recorded | None, code: str, request: Request) -> Extent | None:
    """The part of a raw file that a table has taken; None if a row of that part may be needed again."""
    if record is None or record.extent is None or record.extent.sha256 != record.sha256:
        return None
    taken = all(any(scope.has(m) for scope in record.scopes) for m in record.extent.months)
    is_sound = not (record.again or record.pending_months or record.lost) and record.undo_to is None
    asked_again = request.full_refresh or request.repair or record.code != code
    asked_again = asked_again or request.asks_other_order(record.source)
    return record.extent if taken and is_sound and not asked_again else None


def make_plan(
    catalog: Catalog,
    recorded: Mapping[str, Recorded],
    files: Mapping[str, SourceFiles],
    request: Request,
    today: date = date.min,
) -> list[Step]:
    """One step per table, upstreams first; `files` has the raw files of each bronze table.

    A row that was dated in the future is taken on its day, if that is `today` or before.
    """
    steps: dict[str, Step] = {}
    for table in catalog.tables:
        record = recorded.get(table.full_name)
        code = catalog.code.get(table.full_name)
        present = files[table.full_name].present if table.source else ()
        if record and record.undo_to is not None:
            step = Step(table, "another program wrote to it", files=present)
        elif table.source:
            found = pending(files[table.full_name], record, code, request, today)
            step = Step(table, found.reason, files=found.files)
        elif table.transform:
            step = _refresh_step(table, record, code, recorded, steps, request)
        else:
            step = Step(table)
        steps[table.full_name] = step
    return list(steps.values())


def follows_raw_files(steps: Sequence[Step], recorded: Mapping[str, Recorded]) -> bool:
    """Whether all pending work comes from raw files that changed, so that no history is computed again."""
    pending = {step.table for step in steps if step.pending}
    return not any(
        step.everything
        or (record := recorded.get(step.table.full_name)) is None
        or record.pending_months
        or record.undo_to is not None
        or (step.table.upstreams and pending.isdisjoint(step.table.upstreams))
        for step in steps
        if step.pending
    )


def _refresh_step(
    table: Table,
    record: Recorded | None,
    code: str | None,
    recorded: Mapping[str, Recorded],
    steps: Mapping[str, Step],
    request: Request,
) -> Step:
    if record is None or record.code is None:
        return Step(table, "never built", everything=True)
    if request.full_refresh:
        return Step(table, "full refresh", everything=True)
    if record.code != code:
        return Step(table, "its code changed", everything=True)
    if record.again:
        return Step(table, record.again, everything=True)
    if record.pending_months:
        return Step(table, "a run was stopped before its end")
    for upstream in table.upstreams:
        if steps[upstream.full_name].pending:
            return Step(table, f"after {upstream.full_name}{_every_month(table, upstream)}")
        newest = recorded.get(upstream.full_name)
        if newest and newest.version != record.consumed.get(upstream.full_name):
            return Step(table, f"{upstream.full_name} changed{_every_month(table, upstream)}")
    return Step(table)


def _every_month(table: Table, upstream: Table) -> str:
    """Words for a table whose months are all computed again, because a change above has no date."""
    is_cause = upstream.is_undated and not table.is_undated
    return ", which has no date: every month" if is_cause else ""

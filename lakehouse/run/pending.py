"""The raw files of a source that a run reads, and why: those that are present, compared with those taken."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from lakehouse.days import DateOrder
from lakehouse.landing.raw_file import RawFile, Refused
from lakehouse.releases.deliveries import Key, Taken, digest
from lakehouse.releases.recorded import Recorded
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.words import counted

if TYPE_CHECKING:
    from lakehouse.run.plan import Request


# The proof of an order of dates that the user gives; it is of that file only.
SAID = "--date-order says so"


@dataclass(frozen=True)
class SourceFiles:
    """The raw files of a source: those that are `present`, and the newest versions of those taken, by name.

    `sha256`, by name, is of present files that may have changed although their size is the same. `refused`
    files are not read at all. `left_out` is one line about names that may be of the source.
    """

    present: tuple[RawFile, ...]
    taken: Mapping[str, Taken] = field(default_factory=dict)
    sha256: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[Refused, ...] = ()
    left_out: str | None = None

    @cached_property
    def new(self) -> tuple[RawFile, ...]:
        return tuple(file for file in self.present if file.name not in self.taken)

    @cached_property
    def changed(self) -> tuple[RawFile, ...]:
        """The files with other bytes than when they were taken."""
        return tuple(filter(self._is_changed, self.present))

    def _is_changed(self, file: RawFile) -> bool:
        taken = self.taken.get(file.name)
        if taken is None:
            return False
        return file.size != taken.size or self.sha256.get(file.name, taken.sha256) != taken.sha256

    def other_stamps(self, source: str, listed_at_ns: int) -> dict[Key, str]:
        """The stamps of files that were read and have the bytes of the version that was taken."""
        return {
            (source, file.name, sha256): file.stamp
            for file in self.present
            if (sha256 := self.sha256.get(file.name)) and file.is_settled(listed_at_ns)
            if (before := self.taken.get(file.name)) and before.sha256 == sha256
            if before.stamp != file.stamp
        }

    @cached_property
    def archived(self) -> tuple[str, ...]:
        """The files that were taken and are not there any more."""
        return tuple(self.taken.keys() - {file.name for file in self.present})

    @property
    def date_orders(self) -> dict[str, DateOrder]:
        """The order of the dates of each file that was taken and proved it, by name."""
        # Only few records have one, and to parse thousands of others takes a while.
        records = ((name, t.record) for name, t in self.taken.items() if "date_order" in t.text)
        orders = {name: record.date_order for name, record in records if record.date_order}
        return {name: order for name, order in orders.items() if order.proof != SAID}

    @property
    def is_one(self) -> bool:
        """Whether the source never had more than one file."""
        return len({*self.taken} | {file.name for file in self.present}) < 2

    def record(self, file: RawFile, of_table: Recorded) -> SourceRecord | None:
        """The part of a file that was taken, if it still has these bytes; None if it has not."""
        taken = self.taken.get(file.name)
        if taken:
            return None if self._is_changed(file) else taken.record
        # Before there was a ledger of files, a table had one.
        is_same = not self.taken and self.sha256.get(file.name, "") == of_table.sha256
        return of_table.source if is_same else None


def unsure(
    present: Iterable[RawFile],
    taken: Mapping[str, Taken],
    of_table: Recorded | None,
    all_of_them: bool = False,
) -> list[RawFile]:
    """The files of the same size whose stamp does not tell that their bytes are the same, too."""
    if not taken:
        return [*present] if of_table and of_table.sha256 else []
    return [
        file
        for file in present
        if (before := taken.get(file.name))
        and file.size == before.size
        and (all_of_them or file.stamp != before.stamp)
    ]


@dataclass(frozen=True)
class Pending:
    """The files of a source that a run reads, and the reason; without a reason there are none."""

    reason: str = ""
    files: tuple[RawFile, ...] = ()


def pending(
    files: SourceFiles, record: Recorded | None, code: str | None, request: Request, today: date
) -> Pending:
    """The files of a source that its table has not taken, or is to take again."""
    again = _again(files, record, code, request)
    if again and not files.present and again in _CAN_WAIT:
        return Pending()
    if again:
        several = "" if files.is_one else f" ({counted(len(files.present), 'file')})"
        return Pending(f"{again}{several}", files.present)
    assert record is not None
    causes = [cause for cause in _causes(files, record, request, today) if cause.files]
    if causes:
        of_any = {file for cause in causes for file in cause.files}
        ordered = tuple(file for file in files.present if file in of_any)
        told = ", ".join(cause.counted for cause in causes)
        return Pending(causes[0].of_one if files.is_one else told, ordered)
    if record.pending_months or not record.sha256:
        return Pending(_STOPPED, files.present)
    return Pending()


_STOPPED = "a run was stopped before its end"
_CHANGED = "the raw file changed"
_UNNOTED = "ledger.deliveries does not know it"
_FULL_REFRESH = "full refresh"
_OTHER_CODE = "its code changed"
_OTHER_FILES = "ledger.deliveries is of other files than it holds"
# Reasons to read every file that do not hold if all of them were archived: nothing was lost.
_CAN_WAIT = (_FULL_REFRESH, _OTHER_CODE, _OTHER_FILES)


def _again(files: SourceFiles, record: Recorded | None, code: str | None, request: Request) -> str:
    """The reason to read every file again; empty if each file has its own."""
    if record and record.again:
        return record.again
    if record is None or not (record.sha256 or record.source.before):
        return "never read"
    if request.full_refresh:
        return _FULL_REFRESH
    if record.code != code:
        return _OTHER_CODE
    if record.lost:
        return _STOPPED
    # After a run that was stopped before it noted its files, those that it read are unknown.
    if digest(files.taken) in (None, record.sha256, record.source.before):
        return ""
    return _CHANGED if files.is_one else _OTHER_FILES


@dataclass(frozen=True)
class _Cause:
    """Files that are read for one cause: its words for a source of one file, and around a number of files."""

    files: Sequence[RawFile]
    of_one: str
    adjective: str = ""
    rest: str = ""

    @property
    def counted(self) -> str:
        return counted(len(self.files), f"{self.adjective}file") + self.rest


def _causes(
    files: SourceFiles, record: Recorded, request: Request, today: date
) -> Iterator[_Cause]:
    """The causes to read files; a file may have several."""
    # After an older program, or a run that was stopped before it noted them, the table has their rows.
    is_unnoted = not files.taken and any(files.record(file, record) for file in files.new)
    yield _Cause(files.new, _UNNOTED if is_unnoted else _CHANGED, "new ")
    yield _Cause(files.changed, _CHANGED, "changed ")
    if not files.new and not files.changed and record.pending_months:
        return
    scope, of_all = request.scope, record.source
    # The table has what every file has, so a run with nothing new parses no record of a file. A run that was
    # stopped before it noted its files may have taken more of them than it noted.
    is_taken = record.is_released and any(each.covers(scope) for each in of_all.scopes)
    if is_taken and not request.date_order and not of_all.waited_for(today):
        return
    known = {file: own for file in files.present if (own := files.record(file, record))}
    other_order = [file for file, own in known.items() if request.asks_other_order(own)]
    order = "dates are to be read in another order"
    yield _Cause(other_order, f"its {order}", rest=f" whose {order}")
    waited = [file for file, own in known.items() if own.waited_for(today)]
    day = min((own.waits_until for own in known.values() if own.waits_until), default=None)
    future = f"rows of {day}, which was in the future when"
    yield _Cause(waited, f"it has {future} it was read", rest=f" with {future} they were read")
    partly = [f for f, own in known.items() if not any(each.covers(scope) for each in own.scopes)]
    yield _Cause(partly, "months of the raw file are not taken yet", rest=" with months not taken")

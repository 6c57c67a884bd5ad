"""A run reads the files of a source that its table has not taken as they are, and no others."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.days import DateOrder
from lakehouse.landing.raw_file import RawFile
from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import Taken, digest
from lakehouse.releases.recorded import Recorded
from lakehouse.run.pending import Pending, SourceFiles, pending, unsure
from lakehouse.run.plan import Request
from lakehouse.run.records import together
from lakehouse.storage.commit_note import SourceRecord

DAY = date(2024, 6, 1)
WHOLE = (MonthRange(),)
OTHER = "ledger.deliveries is of other files than it holds (2 files)"


def raw(name: str, size: int = 10, stamp: str = "1-1-1") -> RawFile:
    return RawFile(name, size, stamp)


def taken(name: str, sha256: str = "1", size: int = 10, stamp: str = "1-1-1", **own: Any) -> Taken:
    record = SourceRecord(sha256, **{"scopes": WHOLE, **own})
    return Taken(name, sha256, size, stamp, 0, record.as_json())


def by_name(*files: Taken) -> dict[str, Taken]:
    return {each.file: each for each in files}


def files(
    present: list[RawFile], held: dict[str, Taken], sha256: dict[str, str] | None = None
) -> SourceFiles:
    return SourceFiles(tuple(present), held, sha256 or {})


def recorded(held: dict[str, Taken], **changes: Any) -> Recorded:
    """A table that has taken these files."""
    return Recorded(**{"version": 3, "code": "code", "source": together({}, held), **changes})


def plan(found: SourceFiles, of_table: Recorded | None, request: Request | None = None) -> Pending:
    return pending(found, of_table, "code", request or Request(), DAY)


def read(found: Pending) -> list[str]:
    return [file.name for file in found.files]


TWO = by_name(taken("a.csv"), taken("b.csv", "2"))
BOTH = [raw("a.csv"), raw("b.csv")]


def test_nothing_is_read_where_every_file_was_taken() -> None:
    assert plan(files(BOTH, TWO), recorded(TWO)) == Pending()


def test_what_is_new_and_what_changed_is_read_and_counted() -> None:
    present = [raw("a.csv", 11), raw("b.csv"), raw("c.csv"), raw("d.csv"), raw("e.csv")]
    found = plan(files(present, TWO), recorded(TWO))
    assert read(found) == ["a.csv", "c.csv", "d.csv", "e.csv"]
    assert found.reason == "3 new files, 1 changed file"


def test_an_archived_file_needs_nothing() -> None:
    found = files([raw("b.csv")], TWO)
    assert plan(found, recorded(TWO)) == Pending() and found.archived == ("a.csv",)
    assert plan(files([], TWO), recorded(TWO)) == Pending()


NOT_NOTED = SourceRecord(None, WHOLE, before=digest(TWO))


@pytest.mark.parametrize(
    ("changes", "request_", "reason"),
    [
        ({}, Request(full_refresh=True), "full refresh (2 files)"),
        ({"code": "other"}, Request(), "its code changed (2 files)"),
        ({"again": "it lost rows"}, Request(), "it lost rows (2 files)"),
        ({"lost": ("2024-01",)}, Request(), "a run was stopped before its end (2 files)"),
        ({"source": SourceRecord()}, Request(), "never read (2 files)"),
        ({"source": SourceRecord("x", WHOLE)}, Request(), OTHER),
        ({"pending_months": ("2024-01",)}, Request(), "a run was stopped before its end"),
        ({"source": NOT_NOTED}, Request(), "a run was stopped before its end"),
    ],
)
def test_every_file_is_read_where_the_table_may_not_hold_them(
    changes: dict[str, Any], request_: Request, reason: str
) -> None:
    found = plan(files(BOTH, TWO), recorded(TWO, **changes), request_)
    assert (found.reason, read(found)) == (reason, ["a.csv", "b.csv"])


def test_nothing_is_lost_where_all_files_were_archived_and_the_code_changed() -> None:
    assert plan(files([], TWO), recorded(TWO, code="other")) == Pending()
    assert plan(files([], TWO), recorded(TWO), Request(full_refresh=True)) == Pending()


@pytest.mark.parametrize(
    "source",
    [SourceRecord("after", WHOLE, before=digest(TWO)), SourceRecord(None, before=digest(TWO))],
    ids=["before the ledger was written", "before the table was"],
)
def test_after_a_run_was_stopped_only_the_files_that_it_read_are_read(source: SourceRecord) -> None:
    stopped = recorded(TWO, source=source, pending_months=("2024-05",))
    found = plan(files([*BOTH, raw("c.csv")], TWO), stopped)
    assert (found.reason, read(found)) == ("1 new file", ["c.csv"])


def test_a_file_is_read_for_its_own_months_dates_and_days() -> None:
    held = by_name(
        taken("a.csv", scopes=(MonthRange(last="2024-01"),)),
        taken("b.csv", date_order=DateOrder("mdy", "a proof")),
        taken("c.csv", waits_until=DAY),
        taken("d.csv", waits_until=date(2024, 7, 1)),
    )
    present = [raw(name) for name in held]
    assert read(plan(files(present, held), recorded(held))) == ["a.csv", "c.csv"]
    asked = plan(files(present, held), recorded(held), Request(date_order="dmy"))
    assert read(asked) == ["a.csv", "b.csv", "c.csv"]
    early = Request(MonthRange(last="2024-01"))
    assert read(plan(files(present, held), recorded(held), early)) == ["c.csv"]


def test_one_file_of_an_older_program_is_read_once_more_so_that_the_ledger_knows_it() -> None:
    of_table = Recorded(3, "code", source=SourceRecord("1", WHOLE))
    known = plan(files([raw("a.csv")], {}, {"a.csv": "1"}), of_table)
    assert (known.reason, read(known)) == ("ledger.deliveries does not know it", ["a.csv"])
    other = plan(files([raw("a.csv")], {}, {"a.csv": "2"}), of_table)
    assert (other.reason, read(other)) == ("the raw file changed", ["a.csv"])
    more = plan(files(BOTH, {}, {"a.csv": "1", "b.csv": "2"}), of_table)
    assert (more.reason, read(more)) == ("2 new files", ["a.csv", "b.csv"])


def test_only_files_whose_bytes_may_have_changed_are_hashed() -> None:
    held = by_name(taken("a.csv"), taken("b.csv"), taken("c.csv"), taken("young.csv", stamp=""))
    present = [
        raw("a.csv"),
        raw("b.csv", stamp="1-2-2"),
        raw("c.csv", 11),
        raw("d.csv"),
        raw("young.csv"),
    ]
    names = [file.name for file in unsure(present, held, None)]
    assert names == ["b.csv", "young.csv"]
    verified = [file.name for file in unsure(present, held, None, all_of_them=True)]
    assert verified == ["a.csv", "b.csv", "young.csv"]


names = st.sampled_from("abcdef")
versions = st.dictionaries(names, st.sampled_from("123"))


@given(versions, versions, st.booleans())
def test_after_any_run_a_table_has_taken_exactly_the_files_that_are_there(
    before: dict[str, str], now: dict[str, str], touched: bool
) -> None:
    """Planning and taking are one another's reverse: what was read is never pending again."""
    held = by_name(*(taken(name, sha256) for name, sha256 in before.items()))
    stamp = "2-2-2" if touched else "1-1-1"
    present = [raw(name, stamp=stamp) for name in sorted(now)]
    hashed = {name: sha256 for name, sha256 in now.items() if name in held}
    of_table = recorded(held) if held else None
    found = files(present, held, hashed)
    wanted = [name for name in sorted(now) if before.get(name) != now[name]]
    if not (now or held):
        return
    step = plan(found, of_table)
    assert read(step) == wanted
    after = {**held, **by_name(*(taken(name, now[name], stamp=stamp) for name in read(step)))}
    of_table = recorded(after, source=together(held, by_name(*(after[n] for n in read(step)))))
    assert of_table.sha256 == digest(after)
    assert plan(files(present, after, hashed and now), of_table) == Pending()

"""The plan says what is pending and why: declared minus recorded."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from lakehouse.catalog import load
from lakehouse.days import DateOrder
from lakehouse.landing.raw_file import RawFile
from lakehouse.months import MonthRange
from lakehouse.releases.deliveries import Taken
from lakehouse.releases.recorded import Recorded
from lakehouse.run.pending import SourceFiles
from lakehouse.run.plan import Request, Step, follows_raw_files, make_plan, read_before
from lakehouse.storage.commit_note import SourceRecord
from lakehouse.storage.extent import Extent

CATALOG = load()
SHA = {table.full_name: "sha" for table in CATALOG.sources}
LOANS = ("silver.loan_daily", "gold.label_store")
FROM_LOANS = ("gold.label_store", "gold.roll_rates", "gold.vintages")
FILLED = (*CATALOG.sources, *CATALOG.derived)


OF_A_FILE = ("sha256", "scopes", "extent", "date_order", "waits_until")


def as_recorded(recorded: Recorded, **fields: Any) -> Recorded:
    """The same with other values, whether its own or those of its raw file."""
    of_file = {name: fields.pop(name) for name in OF_A_FILE if name in fields}
    return replace(recorded, source=replace(recorded.source, **of_file), **fields)


def up_to_date() -> dict[str, Recorded]:
    """Every table as a whole run leaves it: version 3, made of version 3."""
    return {
        table.full_name: Recorded(
            version=3,
            code=CATALOG.code.get(table.full_name),
            consumed={upstream.full_name: 3 for upstream in table.upstreams},
            source=SourceRecord("sha", (MonthRange(),)) if table.source else SourceRecord(),
        )
        for table in CATALOG.tables
    }


def one_each(recorded: dict[str, Recorded], sha256: dict[str, str]) -> dict[str, SourceFiles]:
    """One raw file for each bronze table, and what the ledger knows of it."""
    file = RawFile("loans.csv", 10, "1-1-1")

    def taken(own: Recorded | None) -> dict[str, Taken]:
        if own is None or not own.sha256:
            return {}
        text = own.source.as_json()
        return {file.name: Taken(file.name, own.sha256, file.size, file.stamp, 0, text)}

    return {
        name: SourceFiles((file,), taken(recorded.get(name)), {file.name: sha})
        for name, sha in sha256.items()
    }


def steps(
    recorded: dict[str, Recorded],
    sha256: dict[str, str] | None = None,
    request: Request | None = None,
) -> dict[str, Step]:
    plan = make_plan(CATALOG, recorded, one_each(recorded, sha256 or SHA), request or Request())
    assert [step.table for step in plan] == list(CATALOG.tables)
    return {step.table.full_name: step for step in plan}


def reasons(*given: Any, **named: Any) -> dict[str, str]:
    return {name: step.reason for name, step in steps(*given, **named).items() if step.pending}


def changed(name: str, **fields: Any) -> dict[str, Recorded]:
    recorded = up_to_date()
    return {**recorded, name: as_recorded(recorded[name], **fields)}


def test_a_file_that_the_ledger_does_not_know_is_read_again() -> None:
    recorded = up_to_date()
    unknown = {name: replace(files, taken={}) for name, files in one_each(recorded, SHA).items()}
    plan = make_plan(CATALOG, recorded, unknown, Request())
    found = {step.table.full_name: step.reason for step in plan if step.pending}
    for table in CATALOG.sources:
        assert found[table.full_name] == "ledger.deliveries does not know it"


def test_nothing_is_pending_where_all_is_recorded() -> None:
    assert reasons(up_to_date()) == {}


def test_of_an_empty_datamart_every_table_that_data_fills_is_pending() -> None:
    found = reasons({})
    assert found == {
        **{table.full_name: "never read" for table in CATALOG.sources},
        **{table.full_name: "never built" for table in CATALOG.derived},
    }
    assert all(step.everything for step in steps({}).values() if step.table.transform)


def test_tables_that_were_made_but_never_filled_count_as_never_filled() -> None:
    found = reasons({table.full_name: Recorded(version=0) for table in CATALOG.tables})
    assert set(found.values()) == {"never read", "never built"} and len(found) == len(FILLED)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"sha256": "other"}, "the raw file changed"),
        ({"code": "other"}, "its code changed"),
        ({"pending_months": ("2023-05",)}, "a run was stopped before its end"),
        (
            {"scopes": (MonthRange(None, "2023-05"),)},
            "months of the raw file are not taken yet",
        ),
        ({"scopes": ()}, "months of the raw file are not taken yet"),
    ],
)
def test_a_bronze_table_is_pending_and_what_depends_on_it_after_it(
    fields: dict[str, Any], reason: str
) -> None:
    assert reasons(changed("bronze.loan_daily", **fields)) == {
        "bronze.loan_daily": reason,
        "silver.loan_daily": "after bronze.loan_daily",
        **dict.fromkeys(FROM_LOANS, "after silver.loan_daily"),
    }


@pytest.mark.parametrize(
    ("fields", "reason", "everything"),
    [
        ({"code": None}, "never built", True),
        ({"code": "other"}, "its code changed", True),
        ({"pending_months": ("2023-05",)}, "a run was stopped before its end", False),
        ({"consumed": {"bronze.loan_daily": 2}}, "bronze.loan_daily changed", False),
        ({"consumed": {}}, "bronze.loan_daily changed", False),
    ],
)
def test_a_computed_table_is_pending_and_what_depends_on_it_after_it(
    fields: dict[str, Any], reason: str, everything: bool
) -> None:
    recorded = changed("silver.loan_daily", **fields)
    assert reasons(recorded) == {
        "silver.loan_daily": reason,
        **dict.fromkeys(FROM_LOANS, "after silver.loan_daily"),
    }
    found = steps(recorded)
    assert [found[name].everything for name in LOANS] == [everything, False]


def test_changed_code_of_a_gold_table_reaches_that_table_alone() -> None:
    recorded = changed("gold.features_financials", code="other")
    assert reasons(recorded) == {"gold.features_financials": "its code changed"}


def test_a_full_refresh_takes_everything_again() -> None:
    found = steps(up_to_date(), request=Request(full_refresh=True))
    filled = [table.full_name for table in FILLED]
    assert {name: found[name].reason for name in filled} == dict.fromkeys(filled, "full refresh")
    assert all(found[table.full_name].everything for table in CATALOG.derived)


@pytest.mark.parametrize(
    ("taken", "asked", "pending"),
    [
        (MonthRange(), MonthRange(None, "2023-05"), False),
        (MonthRange(None, "2023-05"), MonthRange(None, "2023-05"), False),
        (MonthRange(None, "2023-05"), MonthRange(None, "2023-04"), False),
        (MonthRange(None, "2023-05"), MonthRange("2023-02", "2023-02"), False),
        (MonthRange(None, "2023-05"), MonthRange(None, "2023-06"), True),
        (MonthRange(None, "2023-05"), MonthRange("2023-06", "2023-06"), True),
        (MonthRange("2023-02", "2023-02"), MonthRange(None, "2023-02"), True),
    ],
)
def test_months_are_pending_until_they_are_taken(
    taken: MonthRange, asked: MonthRange, pending: bool
) -> None:
    recorded = up_to_date()
    for name in SHA:
        recorded[name] = as_recorded(recorded[name], scopes=(taken,))
    found = reasons(recorded, request=Request(asked))
    assert bool(found) is pending
    if pending:
        assert found["bronze.loan_daily"] == "months of the raw file are not taken yet"


def test_the_ledger_and_the_quarantine_are_never_pending_themselves() -> None:
    found = steps({}, request=Request(full_refresh=True))
    for name in ("bronze.quarantine", "ledger.releases", "ledger.training_sets"):
        assert not found[name].pending


EXTENT = Extent("sha", 100, 3, 3, ("2023-01",))
TAKEN = Recorded(3, code="code", source=SourceRecord("sha", (MonthRange(),), EXTENT))


@pytest.mark.parametrize(
    "asked", [Request(), Request(by_month=True), Request(MonthRange("2023-01"))]
)
@pytest.mark.parametrize("taken", [MonthRange(), MonthRange(None, "2023-01")])
def test_a_file_is_read_on_from_where_a_table_has_taken_all_its_months(
    asked: Request, taken: MonthRange
) -> None:
    assert read_before(as_recorded(TAKEN, scopes=(taken,)), "code", asked) == EXTENT


@pytest.mark.parametrize(
    "changes",
    [
        {"extent": None},
        {"sha256": None},
        {"code": "other code"},
        {"scopes": (MonthRange("2023-02"), MonthRange(None, "2022-12"))},
        {"pending_months": ("2023-01",)},
        {"again": "lost"},
        {"lost": ("2023-01",)},
        {"undo_to": 2},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_file_is_read_whole_where_its_table_may_not_have_all_of_it(
    changes: dict[str, Any],
) -> None:
    assert read_before(as_recorded(TAKEN, **changes), "code", Request()) is None


@pytest.mark.parametrize("asked", [Request(full_refresh=True), Request(repair=True)])
def test_a_file_is_read_whole_where_rows_of_before_are_asked_for(asked: Request) -> None:
    assert read_before(TAKEN, "code", asked) is None


def test_a_file_is_read_whole_the_first_time() -> None:
    assert read_before(None, "code", Request()) is None


def follows(recorded: dict[str, Recorded], **named: Any) -> bool:
    return follows_raw_files([*steps(recorded, **named).values()], recorded)


GREW = {**SHA, "bronze.loan_daily": "other"}


def test_a_run_on_a_file_that_changed_follows_it() -> None:
    assert follows(up_to_date(), sha256=GREW)


@pytest.mark.parametrize(
    "recorded",
    [
        {},
        changed("gold.label_store", code="other"),
        changed("silver.loan_daily", pending_months=("2024-01",)),
        changed("silver.clickstream", consumed={"bronze.clickstream": 2}),
        changed("bronze.loan_daily", undo_to=2),
    ],
    ids=["never built", "code changed", "stopped in a table", "stopped between tables", "altered"],
)
def test_a_run_that_computes_history_again_does_not_follow_its_files_alone(
    recorded: dict[str, Recorded],
) -> None:
    assert not follows(recorded, sha256=GREW)


def test_a_full_refresh_does_not_follow_its_files_alone() -> None:
    assert not follows(up_to_date(), sha256=GREW, request=Request(full_refresh=True))


MONTH_FIRST = DateOrder("mdy", "a proof")


def test_a_file_is_pending_where_its_dates_are_to_be_read_in_another_order() -> None:
    recorded = changed("bronze.clickstream", date_order=MONTH_FIRST)
    assert reasons(recorded) == reasons(recorded, request=Request(date_order="mdy")) == {}
    found = reasons(recorded, request=Request(date_order="dmy"))
    assert found["bronze.clickstream"] == "its dates are to be read in another order"
    assert "bronze.attributes" not in found


def test_what_the_user_says_of_dates_comes_before_what_the_same_bytes_had() -> None:
    said = Request(date_order="dmy").said_order(MONTH_FIRST)
    assert said and said.order == "dmy"
    assert Request().said_order(MONTH_FIRST) == MONTH_FIRST
    assert Request().said_order(None) is None


def test_a_file_is_pending_again_once_the_day_of_a_row_of_the_future_has_come() -> None:
    day = date(2025, 1, 1)
    recorded = changed("bronze.loan_daily", waits_until=day)
    for today, is_pending in ((date(2024, 12, 31), False), (day, True), (date(2025, 2, 1), True)):
        plan = make_plan(CATALOG, recorded, one_each(recorded, SHA), Request(), today)
        pending = {step.table.full_name for step in plan if step.pending}
        assert ("bronze.loan_daily" in pending) == is_pending

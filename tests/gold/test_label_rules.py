"""Each kind of label definition, on loans that can be read at a glance; and laws that hold for any loan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.engines.embedded import session
from lakehouse.errors import BadInput
from lakehouse.gold.label_rules import labels_of
from lakehouse.gold.label_store import DEFINITIONS
from lakehouse.label import LabelDefinition
from lakehouse.months import shift, widen

EVER = LabelDefinition("ever", dpd=30, mob=4, when="ever")
TWICE = LabelDefinition("twice", dpd=30, mob=4, when="ever", times=2)
LATER = LabelDefinition("later", dpd=30, mob=4, when="ever", from_mob=3)
NEITHER = LabelDefinition("neither", dpd=30, mob=4, when="ever", indeterminate_dpd=1)
CURED = LabelDefinition("cured", dpd=30, mob=4, when="ever", cure_months=2)
OPEN = LabelDefinition("open", dpd=30, mob=4, when="ever", cure_months=2, cured="indeterminate")
CHARGED = LabelDefinition("charged", dpd=90, mob=4, when="charge_off")
FIRST = LabelDefinition("first", dpd=30, mob=2, when="first_payment")
AT = LabelDefinition("at", dpd=30, mob=4)
NONE = "no label"
COLUMNS = (
    "loan_id STRING, customer_id STRING, loan_start_date DATE, snapshot_date DATE, mob INT, dpd INT,"
    " balance DOUBLE, month STRING"
)
Path = Sequence[int | str | None]  # days past due by month on book; "-" for a month without a row
Row = tuple[str, str, date, date, int, int | None, float, str]


def rows_of(loan: str, path: Path, balance: float = 500.0) -> list[Row]:
    """A row per month of a loan that begins in 2023-01; the balance is that of each row."""
    rows = []
    for mob, dpd in enumerate(path):
        if dpd != "-":
            month = shift("2023-01", mob)
            day = date.fromisoformat(f"{month}-01")
            rows.append((loan, "C", date(2023, 1, 1), day, mob, dpd, balance, month))
    return rows  # type: ignore[return-value]


# It makes the file have each month, whoever else is in it.
CALENDAR = rows_of("CALENDAR", [None] * 12)


def labelled(
    rows: Iterable[Row], definitions: Sequence[LabelDefinition], months: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    frame = session().createDataFrame([*rows], COLUMNS)
    found = labels_of(frame, definitions, months).collect()
    kept = (r.asDict() for r in found if r["loan_id"] != "CALENDAR")
    kept = (row for row in kept if months is None or row["month"] in months)
    return sorted(kept, key=lambda row: (row["loan_id"], row["label_def"], row["snapshot_date"]))


OF_EACH_KIND: list[tuple[LabelDefinition, Path, float, int | str | None]] = [
    (definition, path, 500.0, label)
    for definition, path, label in [
        (EVER, [0, 0, 0, 0, 0], 0),
        (EVER, [0, 0, 0, 0, 31], 1),
        (EVER, [0, 31, 0, 0, 0], 1),
        (EVER, [0, 29, 29, 29, 29], 0),
        (EVER, [0, 0, 0, 0, 0, 31], 0),
        (EVER, [0, 31, 61, 92], 1),
        (TWICE, [0, 31, 0, 0, 0], 0),
        (TWICE, [0, 31, 0, 31, 0], 1),
        (LATER, [0, 31, 61, 0, 0], 0),
        (LATER, [0, 0, 0, 31, 0], 1),
        (NEITHER, [0, 0, 0, 0, 0], 0),
        (NEITHER, [0, 29, 0, 0, 0], None),
        (NEITHER, [0, 29, 31, 0, 0], 1),
        (CURED, [0, 31, 31, 0, 0], 0),
        (CURED, [0, 31, 31, 31, 0], 1),
        (CURED, [0, 31, 31, 1, 0], 1),
        (CURED, [0, 31, 31, "-", 0], 1),
        (OPEN, [0, 31, 31, 0, 0], None),
        (OPEN, [0, 0, 0, 0, 0], 0),
        (CHARGED, [0, 31, 61, 92, 122], 1),
        (CHARGED, [0, 31, 61, 61, 61], 0),
        (CHARGED, [0, 31, 61], 1),
        (CHARGED, [0, 0, 0], NONE),
        (FIRST, [0, 31, 59], 1),
        (FIRST, [0, 0, 31], 0),
        (FIRST, [0, 31, 31], 0),
        (FIRST, [0, 31, None], NONE),
    ]
]
WITH_A_GAP_OR_WITHOUT_AN_END: list[tuple[LabelDefinition, Path, float, int | str | None]] = [
    (EVER, path, balance, label)
    for path, balance, label in [
        ([0, 0, "-", 0, 0], 500.0, 0),  # A month without a row says nothing.
        ([0, 31, "-", 0, 0], 500.0, 1),
        ([0, 0, None, 0, 0], 500.0, NONE),  # In arrears, nobody knows how long.
        ([0, 31, None, 0, None], 500.0, 1),
        ([0, 0, 0, 0, None], 500.0, NONE),
        ([0, 31], 500.0, 1),  # Gone, and late before that.
        ([0, 0, 0], 0.0, 0),  # Gone, because it was paid off.
        ([0, 31, 0], 0.0, 1),
        ([0], 0.0, 0),
        ([0, 0, 0], 500.0, NONE),  # Gone, nobody knows why.
        ([0, 1, 1], 500.0, NONE),
        ([0, 0, 0, "-", "-", 0], 500.0, NONE),  # Not there in the month of its label.
    ]
]


def labels_of_loans(loans: Sequence[tuple[Path, float]]) -> dict[tuple[str, int], int | None]:
    """The labels by definition and place of the loan."""
    labels = labelled(all_rows(loans), KINDS)
    by_place = {(row["label_def"], int(row["loan_id"][1:])): row["label"] for row in labels}
    assert len(by_place) == len(labels), "a loan has a label twice"
    return by_place


@pytest.mark.parametrize("cases", [OF_EACH_KIND, WITH_A_GAP_OR_WITHOUT_AN_END])
def test_each_kind_of_definition_and_loans_with_a_gap_or_without_an_end(
    cases: list[tuple[LabelDefinition, Path, float, int | str | None]],
) -> None:
    labels = labels_of_loans([(path, balance) for _, path, balance, _ in cases])
    for place, (definition, path, balance, label) in enumerate(cases):
        assert labels.get((definition.name, place), NONE) == label, (definition, path, balance)


def test_good_and_bad_loans_are_observed_on_the_same_day_also_those_that_are_gone() -> None:
    rows = [*CALENDAR, *rows_of("BAD", [0, 31, 0, 0, 0]), *rows_of("GONE", [0, 31, 61])]
    labels = labelled([*rows, *rows_of("GOOD", [0, 0, 0, 0, 1])], [EVER])
    days = {row["loan_id"]: (row["snapshot_date"], row["mob"], row["dpd"]) for row in labels}
    end = date(2023, 5, 1)
    assert days == {"BAD": (end, 4, 31), "GONE": (end, 4, 61), "GOOD": (end, 4, 1)}


def test_a_young_loan_has_no_label_though_it_is_late_already() -> None:
    assert labelled(rows_of("L", [0, 31, 61, 92]), [EVER]) == []


def test_a_later_row_of_the_month_of_a_label_is_not_known_on_its_day() -> None:
    rows = rows_of("L", [0, 0, 0, 0, 0])
    late = ("L", "C", date(2023, 1, 1), date(2023, 5, 20), 4, 31, 500.0, "2023-05")
    assert [row["label"] for row in labelled([*rows, late], [EVER])] == [0, 1]


def test_the_shipped_definitions_are_the_six_each_with_a_word_on_its_use() -> None:
    assert [each.name for each in DEFINITIONS] == [
        "30dpd_6mob",
        "60dpd_6mob",
        "30dpd_3mob",
        "30dpd_ever_6mob",
        "90dpd_ever_9mob",
        "30dpd_6mob_indeterminate_1dpd",
    ]
    assert all(each.doc for each in DEFINITIONS)


PATHS = st.lists(st.sampled_from([0, 0, 0, 29, 31, 61, 92, None, "-"]), min_size=1, max_size=12)
LOANS = st.lists(st.tuples(PATHS, st.sampled_from([0.0, 500.0])), min_size=1, max_size=12)
KINDS = (EVER, TWICE, LATER, NEITHER, CURED, OPEN, CHARGED, FIRST, AT)


def all_rows(loans: Sequence[tuple[Path, float]]) -> list[Row]:
    return [
        *CALENDAR,
        *(row for i, (path, rest) in enumerate(loans) for row in rows_of(f"L{i}", path, rest)),
    ]


@settings(max_examples=8)
@given(LOANS)
def test_a_month_computed_alone_from_the_months_that_it_looks_back_is_as_in_a_full_build(
    loans: list[tuple[Path, float]],
) -> None:
    rows = all_rows(loans)
    whole = labelled(rows, KINDS)
    for month in ("2023-03", "2023-05", "2023-08"):
        near = widen([month], before=4)
        alone = labelled([row for row in rows if row[-1] in near], KINDS, [month])
        assert alone == [row for row in whole if row["month"] == month]


@settings(max_examples=10)
@given(LOANS)
def test_stricter_definitions_have_less_defaults_and_a_loop_over_the_months_agrees(
    loans: list[tuple[Path, float]],
) -> None:
    labels = labels_of_loans(loans)
    bad = {
        kind.name: {i for (name, i), label in labels.items() if name == kind.name and label == 1}
        for kind in KINDS
    }
    for stricter in (AT, TWICE, LATER, CURED, OPEN):
        assert bad[stricter.name] <= bad["ever"]
    assert bad["neither"] == bad["ever"] and bad["cured"] == bad["open"]
    for place, (path, balance) in enumerate(loans):
        assert labels.get(("ever", place), NONE) == by_hand(path, balance)


def by_hand(path: Path, balance: float) -> int | str:
    """The label of EVER."""
    window = [dpd for dpd in path[1:5] if dpd != "-"]
    if any(isinstance(dpd, int) and dpd >= 30 for dpd in window):
        return 1
    is_seen = any(dpd != "-" for dpd in path[:5])
    is_there = path[4:5] not in ([], ["-"])
    return 0 if is_seen and None not in window and (is_there or balance <= 0) else NONE


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"times": 2}, "only ever and charge_off have"),
        ({"cure_months": 2}, "only ever and charge_off have"),
        ({"indeterminate_dpd": 30}, "indeterminate_dpd is from 1 to 29"),
        ({"when": "ever", "times": 7}, "7 months do not fit from mob 1 to 6"),
        ({"when": "ever", "cure_months": 6}, "cure_months is from 1 to 5"),
        ({"rule": "lost"}, "one with a rule has no dpd, mob or months"),
        ({"rule": "lost", "dpd": 0, "mob": 0, "times": 2}, "one with a rule has no dpd"),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(BadInput, match=why):
        LabelDefinition("wrong", **{"dpd": 30, "mob": 6, **wrong})


def test_a_rule_in_words_says_itself_and_is_kept_by_a_receipt() -> None:
    unpaid = LabelDefinition("unpaid", rule="not paid at the end", doc="Lost.")
    assert (str(unpaid), unpaid.window) == ("not paid at the end", "-")
    assert LabelDefinition.from_values(unpaid.as_values()) == unpaid


def test_a_month_on_book_of_0_stays_in_the_id_of_a_set() -> None:
    at_once = LabelDefinition("at_once", dpd=1, mob=0)
    assert at_once.as_values() == {"name": "at_once", "dpd": 1, "mob": 0}


def test_a_definition_says_its_rule_in_words() -> None:
    assert [str(each) for each in (AT, NEITHER, CURED, CHARGED)] == [
        "30 or more days past due at month on book 4",
        "30 or more days past due ever in month on book 1 to 4; neither from 1 days past due on",
        "30 or more days past due ever in month on book 1 to 4; no default after 2 months in a row "
        "with nothing past due",
        "charged off in month on book 1 to 4: 90 or more days past due, or gone with arrears",
    ]

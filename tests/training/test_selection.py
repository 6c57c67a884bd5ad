"""The selection of a training set: names are resolved, refused with similar ones, and stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.catalog import load
from lakehouse.errors import BadInput
from lakehouse.gold.label_store import DEFINITIONS
from lakehouse.label import LabelDefinition
from lakehouse.months import MonthRange
from lakehouse.table import FeatureGroup, Table
from lakehouse.training import selection as selecting
from lakehouse.training.point_in_time import JoinedGroup
from lakehouse.training.selection import Selection
from lakehouse.training_columns import LABELLED

CLICKS, PERSON = (
    Table("gold", f"features_{name}", "", (), (), group=FeatureGroup(name, months, days))
    for name, months, days in (("clicks", 3, 5), ("person", 12, 0))
)
TABLES = {CLICKS: ("fe_1", "fe_2"), PERSON: ("age", "occupation")}
select = partial(selecting.select, definitions=DEFINITIONS)
NAMES = st.text(min_size=1, max_size=8)


def taken(selection: Selection) -> dict[str, tuple[str, ...]]:
    return {group.name: group.features for group in selection.groups}


# A choice


def test_without_a_choice_it_is_every_feature_of_every_group_and_the_label_of_the_contract() -> (
    None
):
    selection = select(TABLES)
    assert taken(selection) == {"clicks": ("fe_1", "fe_2"), "person": ("age", "occupation")}
    assert selection.label == LabelDefinition("30dpd_6mob", dpd=30, mob=6)
    assert (selection.months, selection.spine) == (MonthRange(None, None), None)


def test_a_group_is_joined_as_it_is_declared() -> None:
    clicks = select(TABLES, groups=["clicks"]).groups
    assert clicks == (JoinedGroup("clicks", "gold.features_clicks", ("fe_1", "fe_2"), 3, 5),)


def test_groups_and_features_are_chosen_by_name() -> None:
    assert taken(select(TABLES, groups=["person"])) == {"person": ("age", "occupation")}
    assert taken(select(TABLES, features=["age"])) == {"person": ("age",)}
    assert taken(select(TABLES, ["person"], ["occupation"])) == {"person": ("occupation",)}


def test_the_order_of_a_choice_is_that_of_the_tables_so_that_the_set_is_the_same() -> None:
    one = select(TABLES, ["person", "clicks"], ["occupation", "fe_2", "age"])
    assert one == select(TABLES, ["clicks", "person"], ["age", "age", "fe_2", "occupation"])
    assert taken(one) == {"clicks": ("fe_2",), "person": ("age", "occupation")}


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda each: each.name)
def test_every_declared_definition_of_the_label_can_be_asked_for(
    definition: LabelDefinition,
) -> None:
    assert select(TABLES, label_def=definition.name).label == definition


def test_a_spine_has_no_label() -> None:
    assert select(TABLES, spine="abc").label is None


def test_no_two_features_of_the_declared_groups_and_no_column_of_the_labels_share_a_name() -> None:
    groups = load().feature_groups
    names = Counter([*LABELLED, *(field.name for table in groups for field in table.features)])
    names.update(f"{table.group.name}_snapshot_date" for table in groups if table.group)
    assert [name for name, n in names.items() if n > 1] == []


# Refused


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"groups": ["click"]}, "no feature group is called 'click'; is it clicks?"),
        ({"groups": ["x"]}, "no feature group is called 'x'; is it clicks or person?"),
        ({"features": ["fe_11"]}, "no feature is called 'fe_11'; is it fe_1?"),
        ({"features": ["ocupation"]}, "no feature is called 'ocupation'; is it occupation?"),
        ({"groups": ["clicks"], "features": ["age"]}, "no feature is called 'age'; is it fe_1 or"),
        ({"features": [""]}, "no feature is called ''"),
        ({"label_def": "30dpd_6mo"}, "no label definition is called '30dpd_6mo'; is it 30dpd_6mob"),
        ({"label_def": "dpd"}, "is it 30dpd_6mob or 60dpd_6mob or 30dpd_3mob or"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_an_unknown_name_is_refused_with_what_is_close(
    asked: dict[str, list[str]], message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        select(TABLES, **asked)  # type: ignore[arg-type]
    assert message in str(refused.value) and "\n" not in str(refused.value)


def test_one_month_is_a_choice() -> None:
    selection = select(TABLES, months=MonthRange("2023-05", "2023-05"))
    assert (selection.months.first, selection.months.last) == ("2023-05", "2023-05")


# Written down


@settings(max_examples=25)
@given(
    st.builds(
        Selection,
        st.lists(
            st.builds(
                JoinedGroup, NAMES, NAMES, st.lists(NAMES).map(tuple), st.integers(), st.integers()
            ),
            max_size=3,
        ).map(tuple),
        st.none() | st.builds(LabelDefinition, NAMES, st.integers(), st.integers()),
        st.builds(MonthRange, st.none() | NAMES, st.none() | NAMES),
        st.none() | NAMES,
    )
)
def test_a_selection_is_read_back_as_it_was_written(selection: Selection) -> None:
    text = selection.as_json()
    assert Selection.from_json(text) == selection
    assert Selection.from_json(text).as_json() == text


def test_a_selection_is_written_as_ever_for_it_is_part_of_every_id() -> None:
    assert select(TABLES, ["person"], months=MonthRange("2023-05", None)).as_json() == (
        '{"first_month": "2023-05", "groups": [{"delay_days": 0, "features": ["age", "occupation"], '
        '"max_age_months": 12, "name": "person", "table": "gold.features_person"}], '
        '"label": {"dpd": 30, "mob": 6, "name": "30dpd_6mob"}, "last_month": null, "spine": null}'
    )


def test_what_changes_a_training_set_changes_what_is_written() -> None:
    base = select(TABLES)
    clicks = base.groups[0]
    others = [
        select(TABLES, groups=["person"]),
        select(TABLES, features=["age"]),
        select(TABLES, label_def="60dpd_6mob"),
        select(TABLES, months=MonthRange("2023-05", None)),
        select(TABLES, months=MonthRange(None, "2023-05")),
        select(TABLES, spine="abc"),
        select(TABLES, labels_known_by=date(2024, 6, 30)),
        select(TABLES, labels_known_by=date(2024, 7, 1)),
        replace(base, groups=(replace(clicks, delay_days=6), *base.groups[1:])),
        replace(base, groups=(replace(clicks, max_age_months=4), *base.groups[1:])),
        replace(base, label=LabelDefinition("30dpd_6mob", dpd=31, mob=6)),
    ]
    assert len({each.as_json() for each in (base, *others)}) == len(others) + 1

"""The audit counts the loans again, and adds up the waterfalls of receipts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.audit.waterfall import waterfall_check
from lakehouse.training.sets import TrainingSet
from lakehouse.training.waterfall import Waterfall
from tests.bank import FULL, Bank

pytestmark = [pytest.mark.slow, pytest.mark.each]


def test_each_loan_is_in_one_line_and_a_double_count_is_found(
    pristine: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = pristine.prepared(FULL, features=("age",))
    counted = asked.waterfall()
    assert waterfall_check(asked, []).findings == ()

    def planted(_set: TrainingSet) -> Waterfall:
        return replace(counted, rows=counted.rows + 1)

    monkeypatch.setattr(TrainingSet, "waterfall", planted)
    [finding] = waterfall_check(asked, []).findings
    assert (
        finding.evidence == f"{counted.rows + 1:,} loans are taken, and {counted.rows:,} are rows"
    )


def test_a_receipt_whose_lines_do_not_add_up_is_found(pristine: Bank, tmp_path: Path) -> None:
    bank = pristine.copied(tmp_path / "bank")
    made = bank.build(FULL, features=("age",))
    asked = bank.prepared(FULL, features=("age",))
    wrong = replace(made, waterfall={**made.waterfall, "too_young": 7})
    assert waterfall_check(asked, [made]).findings == ()
    assert [each.subject for each in waterfall_check(asked, [made, wrong]).findings] == [
        made.training_set_id
    ]

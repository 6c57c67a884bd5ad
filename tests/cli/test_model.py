"""The command model: its choices reach the assessment, and wrong ones are refused at once."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from lakehouse.cli import main


def ask(*argv: str | Path) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in argv])
    return code, out.getvalue(), err.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--gain", "0"], "give shares of the amount above 0"),
        (["--loss", "2"], "give shares of the amount above 0"),
        (["--from", "2023-06", "--to", "2023-05"], "2023-05"),
        (["--test-months", "0"], "--test-months"),
    ],
)
def test_a_wrong_choice_is_refused_before_anything_is_opened(
    options: list[str], said: str, tmp_path: Path
) -> None:
    code, out, err = ask("model", *options, "--datamart", tmp_path / "none")
    assert (code, out) == (2, "") and said in err and "none" not in err


@pytest.fixture(scope="module")
def datamart(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    datamart = tmp_path_factory.mktemp("model") / "datamart"
    assert ask("run", "--data", generated, "--datamart", datamart)[0] == 0
    return datamart


@pytest.mark.slow
def test_every_choice_reaches_the_assessment_and_its_page(datamart: Path, tmp_path: Path) -> None:
    choices = ["--label", "30dpd_3mob", "--test-months", "2", "--validation-months", "2"]
    more = [
        "--exclude",
        "under_21,no_income",
        "--from",
        "2023-02",
        "--gain",
        "0.2",
        "--loss",
        "0.5",
    ]
    where = ["--datamart", datamart, "--out", tmp_path]
    code, out, err = ask("model", *choices, *more, "--without-protected", "--json", *where)
    assert (code, err) == (0, "")
    told = json.loads(out)
    origin, review = told["origin"], told["review"]
    assert (origin["label_def"], origin["months"]["first"]) == ("30dpd_3mob", "2023-02")
    assert origin["purpose"] == "An early sign, known three months sooner."
    lines = {line["name"]: line["loans"] for line in origin["waterfall"]}
    assert lines["excluded under 21"] and "excluded no income" in lines
    assert lines["loans"] == sum(lines.values()) - lines["loans"]
    assert [len(part["months"]) for part in told["parts"]][1:] == [2, 2]
    assert review["cut_offs"]["margin"] == {"gain": 0.2, "loss": 0.5}
    assert review["kept_out"] == ["age", "age_decade", "occupation_known", "occupation"]
    assert [each["name"] for each in review["attributes"]] == ["age", "occupation"]
    assert [each["name"] for each in told["audited"]] == ["dates of the set", "split"]
    dates, split = told["audited"]
    # With so few months a model learns from labels that nobody knew yet; the audit says so too.
    assert not dates["leaks"] and not told["evidence"]["labels_known"]["applied"]
    assert any("nobody knew them yet" in leak for leak in split["leaks"])
    kept = json.loads(ask("training-sets", "--json", "--datamart", datamart)[1])
    assert origin["training_set_id"] in {receipt["training_set_id"] for receipt in kept}
    page = (tmp_path / "index.html").read_text("utf-8")
    assert "30 or more days past due at month on book 3" in page and "kept out" in page


@pytest.mark.slow
def test_the_next_step_has_the_same_choices(datamart: Path, tmp_path: Path) -> None:
    given = ["--exclude", "under_21,no_income", "--exclude", "no_financials", "--gain", "0.2"]
    code, out, _ = ask("model", *given, "--datamart", datamart, "--out", tmp_path)
    assert code == 0
    assert out.rstrip().endswith(
        f"model --rolling --out {tmp_path} --exclude under_21,no_income --exclude no_financials "
        f"--gain 0.2 --datamart {datamart}"
    )


@pytest.mark.slow
def test_without_optbinning_one_line_says_so_and_the_report_is_made(
    datamart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lakehouse.model.sanity.is_installed", lambda: False)
    code, out, err = ask("model", "--binning", "--datamart", datamart, "--out", tmp_path)
    assert code == 0 and "scorecard" not in out and (tmp_path / "index.html").exists()
    (note,) = (line for line in err.splitlines() if "note" in line)
    assert "without a scorecard, because optbinning is not installed; pip install" in note


@pytest.mark.slow
def test_a_scorecard_stands_beside_the_models(datamart: Path, tmp_path: Path) -> None:
    pytest.importorskip("optbinning", reason="optbinning is an extra; requirements-dev.txt has it")
    code, out, err = ask("model", "--binning", "--json", "--datamart", datamart, "--out", tmp_path)
    assert (code, err) == (0, "")
    card = json.loads(out)["scorecard"]
    auc = card["scored"]["test"]["auc"]["value"]
    assert 0 <= auc <= 1 and len(card["features"]) > 100
    assert f"<b>{auc:.3f}</b>" in (tmp_path / "index.html").read_text("utf-8")

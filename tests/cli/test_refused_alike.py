"""Whatever run refuses of a raw file, plan and doctor refuse in the same words; what it takes, they take."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from lakehouse.upkeep import doctor
from tests.cli.test_bad_input import FILES, Answer, ask, listing

pytestmark = [pytest.mark.slow, pytest.mark.each]

Spoil = Callable[[Path], object]


@pytest.fixture(autouse=True)
def well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with which the doctor is content."""
    monkeypatch.setattr(doctor, "examine", lambda *_: [])


def answers(data: Path, datamart: Path, *more: str) -> dict[str, Answer]:
    """The answers of the three commands; the run is last, as only that one may change anything."""
    places = ("--json", "--data", data, "--datamart", datamart, *more)
    before = listing(datamart) if datamart.exists() else {}
    told = {command: ask(command, *places) for command in ("plan", "doctor")}
    assert (listing(datamart) if datamart.exists() else {}) == before
    return {**told, "run": ask("run", *places)}


def refused(answer: Answer) -> list[dict[str, Any]]:
    return [each for each in json.loads(answer.out) if each["state"] == "refused"]


def replaced(old: bytes, new: bytes) -> Spoil:
    def spoil(path: Path) -> None:
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new))

    return spoil


def written(content: bytes) -> Spoil:
    return lambda path: path.write_bytes(content)


def with_every_day_as(day: bytes) -> Spoil:
    """Write each date of the file with slashes, in a way that is a day in both orders."""
    return lambda path: path.write_bytes(re.sub(rb"\d{4}-\d\d-\d\d", day, path.read_bytes()))


FAULTS: dict[str, tuple[str, Spoil]] = {
    "no file": ("holds no", Path.unlink),
    "an empty file": ("is empty (0 bytes)", written(b"")),
    "a wrong header": ("has the wrong header: no column", replaced(b"snapshot_date", b"day")),
    "a header twice": ("names columns twice", replaced(b",snapshot_date", b",snapshot_date,a,A")),
    "a header that does not end": ("has no readable header", replaced(b"Customer_ID", b'"Customer_ID')),
    "another encoding": ("is not UTF-8: byte 0xFC", replaced(b"CUS_0x", b"M\xfcller")),
    "a folder": ("is a folder, not a file", lambda path: (path.unlink(), path.mkdir())),
    "days in no order": ("no row of the file proves which", with_every_day_as(b"5/1/2023")),
    "years of two digits": ("has a year of two digits", with_every_day_as(b"5/1/23")),
    "days in two orders": ("can only be", lambda path: (
        path.write_bytes(re.sub(rb"2023-01-01(?=\n)", b"1/13/2023", path.read_bytes(), count=1)),
        path.write_bytes(re.sub(rb"\d{4}-\d\d-\d\d(?=\n)", b"13/1/2023", path.read_bytes(), count=1)),
    )),
    "an upload that was cut off": ("breaks off", lambda path: path.write_bytes(path.read_bytes()[:-25])),
    "bad rows": ("rows are bad", with_every_day_as(b"2023-02-30")),
}  # fmt: skip


# Each fault is tried on one file, as the time of a test is that of the run.
@pytest.mark.parametrize(("fault", "source"), [*zip(FAULTS, cycle(FILES))])
def test_plan_and_doctor_refuse_a_file_with_the_words_of_run(
    data: Path, tmp_path: Path, source: str, fault: str
) -> None:
    words, spoil = FAULTS[fault]
    spoil(data / FILES[source])
    told = answers(data, tmp_path / "datamart")
    assert words in told["run"].only_line and FILES[source] in told["run"].only_line
    assert {(answer.code, answer.only_line) for answer in told.values()} == {
        (2, told["run"].only_line)
    }
    assert [f"error: {each['found']}" for each in refused(told["doctor"])] == [
        told["run"].only_line
    ]


def test_the_doctor_lists_the_fault_of_every_file_and_run_tells_one_of_them(
    data: Path, tmp_path: Path
) -> None:
    (data / FILES["clickstream"]).unlink()
    replaced(b"due_amt", b"due")(data / FILES["loan_daily"])
    with_every_day_as(b"5/1/2023")(data / FILES["attributes"])
    told = answers(data, tmp_path / "datamart")
    lines = told["doctor"].err.splitlines()
    assert len(lines) == len(refused(told["doctor"])) == 3
    assert told["run"].only_line == told["plan"].only_line
    assert told["run"].only_line in lines


def test_a_missing_folder_is_one_fault(tmp_path: Path) -> None:
    told = answers(tmp_path / "nowhere", tmp_path / "datamart")
    assert len({answer.only_line for answer in told.values()}) == 1


def test_a_folder_that_is_no_datamart_is_refused_alike(data: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_text("mine", encoding="utf-8")
    told = answers(data, tmp_path / "photos")
    assert len({(answer.code, answer.only_line) for answer in told.values()}) == 1


def test_a_sound_folder_is_accepted_by_all_three_and_read_by_none_once_it_is_taken(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file is sound in a form of its own."""
    month_first = rb"\2/\3/\1"
    for source, form, to in (
        ("clickstream", rb"\n", b"\r\n"),
        ("financials", rb"(\d{4})-(\d\d)-(\d\d)", month_first),
        ("attributes", rb"(CUS_\w+)", rb'" \1 "'),
    ):
        path = data / FILES[source]
        path.write_bytes(re.sub(form, to, path.read_bytes()))
    first = answers(data, tmp_path / "datamart")

    def land(*_: object) -> None:
        raise AssertionError("a file was read")

    monkeypatch.setattr("lakehouse.run.raw_files.land_files", land)
    again = answers(data, tmp_path / "datamart")
    for answer in (*first.values(), *again.values()):
        assert (answer.code, answer.err) == (0, "")
    assert not refused(first["doctor"]) and not refused(again["doctor"])
    assert any(step["pending"] for step in json.loads(first["plan"].out))
    assert not any(step["pending"] for step in json.loads(again["plan"].out))


@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_the_order_of_dates_that_a_user_gives_counts(
    data: Path, tmp_path: Path, command: str
) -> None:
    with_every_day_as(b"5/1/2023")(data / FILES["attributes"])
    places = ("--json", "--data", data, "--datamart", tmp_path / "datamart")
    assert [ask(command, *places, *order).code for order in ((), ("--date-order", "dmy"))] == [2, 0]

"""The command line: help for all, JSON that is JSON, progress apart, and exit codes that tell."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest

from lakehouse import __version__
from lakehouse.catalog import Catalog, load
from lakehouse.cli import cli, main
from lakehouse.cli.command import Command, Commands, summary
from lakehouse.storage.log import Log

ROOT = Path(__file__).parent.parent.parent
CATALOG = load()
MADE = (
    "run", "plan", "status", "history", "releases", "diff", "training-set", "training-sets", "audit",
    "model", "dictionary", "generate", "doctor", "package", "optimize", "vacuum", "erase",
    "backup", "restore", "new bank", "new source", "new feature", "new table",
)  # fmt: skip
assert isinstance(cli, Commands)
LEAVES = cli.leaves()
COMMANDS = sorted(LEAVES)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


def ask(*argv: str | Path, catalog: Catalog | None = None) -> Answer:
    """Run the command line in this process, on the declared tables where no catalog is given."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(each) for each in argv], catalog)
    return Answer(code, out.getvalue(), err.getvalue())


def ask_process(*argv: str | Path, cwd: Path) -> Answer:
    """Run the main.py of a folder as its user does."""
    command = [sys.executable, "main.py", *map(str, argv)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)


def contents(datamart: Path) -> dict[str, list[str]]:
    """Every row of silver and gold, in an order of their own."""
    log = Log(str(datamart))
    return {
        table.full_name: sorted(map(repr, log.read(table)))
        for table in CATALOG.tables
        if table.transform
    }


@pytest.fixture(scope="module")
def place(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Options that name a datamart of two releases; not to be changed."""
    datamart = tmp_path_factory.mktemp("place") / "datamart"
    options: list[str | Path] = ["--data", generated, "--datamart", datamart]
    assert ask("run", "--through", "2023-08", *options).code == 0
    assert ask("run", *options).code == 0
    return options


# Help


def test_the_commands_of_the_contract_are_there() -> None:
    assert set(MADE) <= set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_every_option_is_explained(name: str) -> None:
    command = LEAVES[name]
    assert command.help and command.help.strip().endswith(".")
    options = [each for each in command.params if isinstance(each, click.Option)]
    assert options
    for option in options:
        assert option.help and option.help.strip(), f"{name} {option.opts[0]}"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_shows_its_help(name: str) -> None:
    answer = ask(*name.split(), "--help")
    assert answer.code == 0 and answer.err == ""
    assert answer.out.startswith(f"Usage: python main.py {name}")
    assert "\nExamples:\n  python main.py " in answer.out
    for param in _shown(LEAVES[name]):
        words = param.opts if isinstance(param, click.Option) else [param.make_metavar(_context())]
        assert all(word in answer.out for word in words)


def _shown(command: click.Command) -> list[click.Parameter]:
    return [each for each in command.params if not getattr(each, "hidden", False)]


def _context() -> click.Context:
    return click.Context(cli)


@pytest.mark.parametrize("argv", [["--help"], ["-h"]])
def test_the_help_lists_every_command(argv: list[str]) -> None:
    answer = ask(*argv)
    assert answer.code == 0
    assert all(f"\n  {name} " in answer.out for name in cli.commands)
    titles = [line for line in answer.out.splitlines() if line.endswith(":")]
    assert titles == ["Options:", "Build:", "Look:", "Train:", "Check:", "Keep:"]


@pytest.mark.parametrize("name", [*COMMANDS, "new"])
def test_help_says_in_one_whole_line_what_a_command_does(name: str) -> None:
    *groups, own = name.split()
    told = ask(*groups, "--help").out
    (line,) = [each for each in told.splitlines() if each.startswith(f"  {own} ")]
    command = LEAVES.get(name) or cli.commands[name]
    assert len(line) <= 80 and line.endswith(f" {summary(command)}")
    assert line.endswith(".") and not line.endswith("...")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_examples_of_a_command_are_understood(name: str) -> None:
    command = LEAVES[name]
    assert isinstance(command, Command) and command.examples
    for example in command.examples:
        words = shlex.split(example.partition(" > ")[0])
        called = name.split()
        assert words[: len(called)] == called
        words = words[len(called) :]
        command.make_context(name, words, obj=CATALOG)


def test_help_shows_only_the_options_that_a_command_uses() -> None:
    shown = {name: {param.opts[0] for param in _shown(LEAVES[name])} for name in COMMANDS}
    assert "--data" not in shown["status"] and "--engine" not in shown["status"]
    assert "--engine" in shown["run"] and "--data" in shown["doctor"]
    assert {name for name in COMMANDS if "--datamart" not in shown[name]} == {
        "dictionary", "generate", "package", "new bank", "new source", "new feature", "new table",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (["stats"], "is it status?"),
        (["new", "bnak"], "is it bank?"),
        (["new"], "new makes a bank"),
        (["training-sett"], "is it training-set or training-sets?"),
        (["run", "--thru", "2023-01"], "no option is called '--thru'; is it --through or --month?"),
        (["dictionary", "label_store"], "is it gold.label_store?"),
        (
            ["--datamart", "nowhere", "status"],
            "error: a command stands before all options; begin with `python main.py status`",
        ),
        (["status", "all"], "error: status takes no all; `python main.py status --help` shows how"),
        (["dictionary", "gold.lable_store"], "is it gold.label_store?"),
    ],
    ids=" ".join,
)
def test_a_mistyped_name_is_answered_with_the_nearest_one(argv: list[str], near: str) -> None:
    answer = ask(*argv)
    assert answer.code == 2 and near in answer.err and len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        (["status", "--colour"], "status --help` lists all"),
        (["erase"], "erase --help` shows how"),
        (["diff", "1"], "diff --help` shows how"),
        (["generate"], "generate --help` shows how"),
    ],
    ids=" ".join,
)
def test_a_wrong_or_missing_argument_is_answered_with_the_help_of_the_command(
    argv: list[str], named: str
) -> None:
    answer = ask(*argv)
    assert answer.code == 2 and answer.err.rstrip().endswith(named)


@pytest.mark.parametrize("name", MADE)
def test_every_command_that_reports_takes_json_and_debug(name: str) -> None:
    names = {opt for param in LEAVES[name].params for opt in param.opts}
    assert {"--json", "--debug"} <= names


@pytest.mark.parametrize(
    "name", [n for n in MADE if n not in ("dictionary", "generate") and "new" not in n]
)
def test_every_command_on_a_datamart_takes_the_common_options(name: str) -> None:
    names = {opt for param in LEAVES[name].params for opt in param.opts}
    assert {"--data", "--datamart", "--engine", "--master"} <= names


def test_the_engine_may_be_named_in_the_environment(
    place: list[str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAKEHOUSE_ENGINE", "abacus")
    answer = ask("plan", *place)
    assert answer.code == 2 and "abacus" in answer.err


def test_the_version_is_told() -> None:
    assert ask("--version") == Answer(0, f"lakehouse {__version__}\n", "")


# Answers


@pytest.mark.parametrize(
    ("argv", "keys"),
    [
        (["run"], {"release", "published", "tables", "notes", "engine", "seconds"}),
        (["plan"], {"table", "pending", "reason"}),
        (["status"], {"table", "rows", "months", "version", "bytes", "changed_at"}),
        (["history"], {"table", "version", "committed_at", "operation", "run_id", "engine"}),
        (["history", "gold.label_store"], {"inserted", "updated", "deleted"}),
        (["releases"], {"release", "run_id", "versions", "row_counts", "sources", "code"}),
        (["diff", "1", "2"], {"table", "added", "changed", "removed"}),
        (["doctor"], {"subject", "state", "found", "remedy"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_json_is_all_there_is_on_stdout_and_nothing_on_stderr(
    place: list[str | Path], argv: list[str], keys: set[str]
) -> None:
    answer = ask(*argv, "--json", *place)
    assert answer.err == "" and answer.code in ((0, 1) if argv == ["doctor"] else (0,))
    found = json.loads(answer.out)
    row = found if isinstance(found, dict) else found[0]
    assert keys <= set(row)


@pytest.mark.parametrize("argv", [["dictionary"], ["dictionary", "gold.label_store"]])
def test_the_dictionary_is_json_and_markdown(argv: list[str]) -> None:
    found = json.loads(ask(*argv, "--json").out)
    names = [entry["table"] for entry in found]
    assert names == (argv[1:] or [table.full_name for table in CATALOG.tables])
    answer = ask(*argv)
    assert answer.code == 0 and answer.err == ""
    assert [line[3:] for line in answer.out.splitlines() if line.startswith("## ")] == names


def test_generate_tells_its_files_as_json(tmp_path: Path) -> None:
    argv = ["generate", "--customers", "5", "--months", "2", "--out", tmp_path / "new"]
    answer = ask(*argv, "--json")
    assert answer.code == 0 and answer.err == ""
    found = json.loads(answer.out)
    assert len(found) == 4
    for each in found:
        with Path(each["file"]).open(encoding="utf-8") as file:
            assert sum(1 for _ in file) - 1 == each["rows"] > 0


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["status"], ["Tables", "gold.label_store", "ledger.releases"]),
        (["history", "gold.label_store"], ["Versions of gold.label_store, newest first", "WRITE"]),
        (
            ["history", "ledger.releases"],
            ["Versions of ledger.releases, newest first", "CREATE TABLE"],
        ),
        (["releases"], ["Releases", "2023-08", "embedded"]),
        (["diff", "1", "2"], ["Release 1 to release 2", "silver.loan_daily"]),
        (["plan"], ["Nothing is pending"]),
        (["run"], ["Nothing is pending: release 2 is up to date"]),
    ],
    ids=lambda value: " ".join(value) if value and " " not in value[0] else "",
)
def test_people_get_tables_on_stdout(
    place: list[str | Path], argv: list[str], words: list[str]
) -> None:
    answer = ask(*argv, *place)
    assert answer.code == 0 and answer.err == ""
    assert [word for word in words if word not in answer.out] == []


def test_history_shows_the_newest_versions_up_to_the_limit(place: list[str | Path]) -> None:
    every = json.loads(ask("history", "--limit", "1000", "--json", *place).out)
    found = json.loads(ask("history", "--limit", "3", "--json", *place).out)
    assert len(every) > 20 and found == every[:3]
    times = [row["committed_at"] for row in every]
    assert times == sorted(times, reverse=True)


def test_diff_counts_what_a_release_added(place: list[str | Path]) -> None:
    found = {row["table"]: row for row in json.loads(ask("diff", "1", "2", "--json", *place).out)}
    releases = json.loads(ask("releases", "--json", *place).out)
    for name, row in found.items():
        before, after = (each["row_counts"][name] for each in releases)
        assert row["added"] - row["removed"] == after - before
    assert found["silver.loan_daily"]["added"] > 0 and "ledger.releases" not in found
    back = {row["table"]: row for row in json.loads(ask("diff", "2", "1", "--json", *place).out)}
    assert {n: (r["added"], r["removed"]) for n, r in back.items()} == {
        n: (r["removed"], r["added"]) for n, r in found.items()
    }
    assert json.loads(ask("diff", "2", "2", "--json", *place).out) == []


def test_diff_lists_the_first_rows_of_a_table_and_says_how_many_more(
    place: list[str | Path],
) -> None:
    argv = ["diff", "1", "2", "silver.loan_daily", "--keys", "--limit", "3"]
    (found,) = json.loads(ask(*argv, "--json", *place).out)
    assert found["table"] == "silver.loan_daily" and found["added"] == found["more"] + 3
    keys = {"customer_id", "loan_id", "snapshot_date"}
    assert [set(row["key"]) for row in found["rows"]] == [keys] * 3
    told = ask(*argv, *place).out
    assert all(row["key"]["loan_id"] in told for row in found["rows"])
    assert told.splitlines()[-1] == f"… and {found['more']:,} more rows of silver.loan_daily"


def test_diff_that_lists_every_row_says_nothing_of_more(place: list[str | Path]) -> None:
    argv = ["diff", "1", "2", "silver.loan_daily", "--keys", "--limit", "100000"]
    (found,) = json.loads(ask(*argv, "--json", *place).out)
    assert found["more"] == 0 and len(found["rows"]) == found["added"]
    assert "more rows" not in ask(*argv, *place).out


def test_a_plan_of_a_new_datamart_tells_all_and_makes_nothing(data: Path, tmp_path: Path) -> None:
    where = ["--data", data, "--datamart", tmp_path / "new"]
    found = json.loads(ask("plan", "--json", *where).out)
    pending = [row["table"] for row in found if row["pending"]]
    assert (
        len(pending) == len([*CATALOG.sources, *CATALOG.derived]) and "gold.label_store" in pending
    )
    assert "never built" in ask("plan", *where).out
    assert not (tmp_path / "new").exists()


def test_history_can_be_replayed_to_a_month_before_the_first_label(
    data: Path, tmp_path: Path
) -> None:
    where = ["--data", data, "--datamart", tmp_path / "datamart"]
    answer = ask("run", "--json", "--through", "2023-01", *where)
    assert answer.code == 0, answer.err
    rows = {row["table"]: row for row in json.loads(ask("status", "--json", *where).out)}
    assert rows["gold.label_store"]["rows"] == 0
    assert rows["gold.features_clickstream"]["months"] == "2023-01"
    assert rows["ledger.releases"]["rows"] == 1


def test_reading_commands_and_a_run_of_nothing_write_no_file(place: list[str | Path]) -> None:
    datamart = Path(place[3])

    def files() -> set[tuple[str, int]]:
        return {(str(p), p.stat().st_mtime_ns) for p in datamart.rglob("*") if p.is_file()}

    before = files()
    reading = ["run"], ["plan"], ["status"], ["history"], ["releases"], ["training-sets"]
    for argv in (*reading, ["diff", "1", "2"]):
        assert ask(*argv, *place).code == 0
    assert files() == before


def test_an_unforeseen_fault_is_one_line_and_debug_shows_where(
    place: list[str | Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lakehouse.releases.inspect.status", broken)
    answer = ask("status", *place)
    assert answer.code == 1 and len(answer.err.splitlines()) == 1
    assert "No space left on device" in answer.err
    debugged = ask("status", "--debug", *place)
    assert debugged.code == 1 and debugged.err.startswith("Traceback")


# Training sets


@pytest.fixture(scope="module")
def training(place: list[str | Path], tmp_path_factory: pytest.TempPathFactory) -> list[str | Path]:
    """Options that name a copy of the datamart, in which tests may build training sets."""
    datamart = tmp_path_factory.mktemp("training") / "datamart"
    shutil.copytree(place[3], datamart)
    out = datamart.with_name("train.parquet")
    assert ask("training-set", "--features", "age", "--out", out, "--datamart", datamart).code == 0
    return [*place[:3], datamart]


def test_a_training_set_is_built_listed_and_built_again(
    training: list[str | Path], tmp_path: Path
) -> None:
    out, again = tmp_path / "train.parquet", tmp_path / "again.parquet"
    built = ask(
        "training-set", "--out", out, "--release", "2", "--features", "age, fe_1", *training
    )
    assert (built.code, built.err) == (0, "")
    id_, said, *waterfall, coverage, step = built.out.splitlines()
    assert waterfall[0] == "Waterfall"
    assert step.startswith("Look for leaks in it: python main.py audit --training-set ")
    assert id_.startswith("ts-")
    assert coverage.startswith("Applications that find features: ") and "clickstream " in coverage
    assert "2 features, as known at release 2" in said and said.endswith(f"; written to {out}")

    listed = ask("training-sets", *training)
    assert (listed.code, listed.err) == (0, "") and id_ in listed.out
    kept = {
        row["training_set_id"]: row
        for row in json.loads(ask("training-sets", "--json", *training).out)
    }
    assert kept[id_]["release"] == 2 and len(kept[id_]["content_hash"]) == 64

    same = ask("training-set", "--reproduce", id_, "--out", again, *training)
    assert (same.code, same.err) == (0, "")
    assert same.out.splitlines()[0] == id_ and "the same content as on 2" in same.out
    assert again.read_bytes() == out.read_bytes()
    checked = ask("training-set", "--reproduce", id_[:7], *training)
    assert checked.code == 0 and "written to" not in checked.out
    assert checked.out.splitlines()[0] == id_
    for vague in ("ts", "t"):
        refused = ask("training-set", "--reproduce", vague, *training)
        if len(kept) > 1:
            assert refused.code == 2 and "give more of the one you mean" in refused.err


def test_a_training_set_as_json_is_its_receipt(training: list[str | Path], tmp_path: Path) -> None:
    argv = ["--out", tmp_path / "t.parquet", "--groups", "attributes", "--release", "1"]
    months = ["--from", "2023-01", "--to", "2023-02", "--label-def", "60dpd_6mob"]
    answer = ask("training-set", *argv, *months, "--json", *training)
    assert (answer.code, answer.err) == (0, "")
    made = json.loads(answer.out)
    assert made["release"] == 1 and set(made["left_out"]) == {"too_young", "not_seen_at_label_mob"}
    asked = made["parameters"]
    assert [group["name"] for group in asked["groups"]] == ["attributes"]
    assert (asked["first_month"], asked["last_month"]) == ("2023-01", "2023-02")
    assert asked["label"]["name"] == "60dpd_6mob"


def test_a_training_set_says_which_loans_are_left_out(
    training: list[str | Path], tmp_path: Path
) -> None:
    argv = ["--out", tmp_path / "t.parquet", "--features", "age", "--release", "1"]
    made = json.loads(ask("training-set", *argv, "--json", *training).out)
    young = made["left_out"]["too_young"]
    assert young > 0
    assert next(iter(made["waterfall"])) == "loans"
    assert sum(made["waterfall"].values()) == 2 * made["waterfall"]["loans"]
    said = ask("training-set", *argv, *training).out
    assert re.search(rf"too young +{young} ", said) and re.search(r"loans +\d+ +100\.0%", said)


def test_labels_observed_after_a_day_are_told_and_kept_in_the_receipt(
    training: list[str | Path], tmp_path: Path
) -> None:
    argv = ["--out", tmp_path / "t.parquet", "--features", "age"]
    everything = json.loads(ask("training-set", *argv, "--json", *training).out)
    observed = sorted(pq.read_table(tmp_path / "t.parquet")["label_observed"].to_pylist())
    known = observed.count(observed[0])
    argv += ["--labels-known-by", str(observed[0])]
    said = ask("training-set", *argv, *training).out
    assert f"{known:,} rows" in said and f", labels known by {observed[0]}" in said
    assert re.search(rf"label observed later +{len(observed) - known:,} ", said)
    made = json.loads(ask("training-set", *argv, "--json", *training).out)
    assert made["left_out"]["label_observed_later"] == everything["row_count"] - known
    assert made["parameters"]["labels_known_by"] == str(observed[0])
    assert made["training_set_id"] != everything["training_set_id"]


def test_a_set_with_a_receipt_is_audited_as_its_file_is(
    training: list[str | Path], tmp_path: Path
) -> None:
    out = tmp_path / "t.parquet"
    build = ["training-set", "--out", out, "--features", "age", "--json", *training]
    whole = json.loads(ask(*build).out)["training_set_id"]
    loans = pq.read_table(out).to_pandas()
    last, first = max(loans["application_date"]), min(loans["label_observed"])
    for audited in (whole, out):
        answer = ask(
            "audit", "--json", "--training-set", audited, "--split-at", str(last), *training
        )
        *others, split = json.loads(answer.out)
        assert answer.code == 1 and all(each["passed"] for each in others)
        assert [each["subject"] for each in split["findings"]] == ["train and test"]
    known = json.loads(ask(*build, "--labels-known-by", str(first)).out)["training_set_id"]
    for audited in (known, out):
        answer = ask("audit", "--json", "--training-set", audited, *training)
        dates, *_ = json.loads(answer.out)
        assert answer.code == 0 and dates["looked_at"].endswith(f", labels known by {first}")
    assert ask("audit", "--training-set", "ts-no", *training).code == 2


def test_a_spine_is_scored_without_labels(training: list[str | Path], tmp_path: Path) -> None:
    spine, out = tmp_path / "spine.csv", tmp_path / "scores.parquet"
    spine.write_text("customer_id,application_date\nCUS_nobody,5/31/2023\n")
    answer = ask("training-set", "--spine", spine, "--out", out, "--features", "age", *training)
    assert "Look for leaks" not in answer.out  # they are looked for in labelled loans only
    assert answer.code == 0 and "1 rows, 1 features" in answer.out
    assert "own spine" in ask("training-sets", *training).out


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "training-set needs --out FILE.parquet"),
        (["--out", "{}"], "is a folder; name a file in it"),
        (["--out", "{}/t.parquet", "--release", "9"], "no release 9; there are 1 to 2"),
        (["--out", "{}/t.parquet", "--release", "0"], "0 is not in the range"),
        (["--out", "{}/t.parquet", "--from", "May"], "'May' is not a month"),
        (
            ["--out", "{}/t.parquet", "--from", "2023-06", "--to", "2023-05"],
            "the earlier one first",
        ),
        (["--out", "{}/t.parquet", "--from", "2030-01"], "ask for other months"),
        (["--out", "{}/t.parquet", "--labels-known-by", "2024-06-31"], "is not a day"),
        (["--out", "{}/t.parquet", "--labels-known-by", "1999-06-30"], "or a later day"),
        (["--out", "{}/t.parquet", "--label-def", "30dpd"], "is it 30dpd_6mob or"),
        (["--out", "{}/t.parquet", "--groups", "attribute"], "is it attributes?"),
        (["--out", "{}/t.parquet", "--features", "agee"], "is it age"),
        (["--out", "{}/t.parquet", "--spine", "{}/missing.csv"], "No such file"),
        (["--out", "{}/t.parquet", "--spine", "{}/a.csv", "--from", "2023-01"], "leave out"),
        (["--reproduce", "ts-no"], "no training set has the id ts-no"),
        (["--reproduce", "ts-no", "--release", "1"], "leave out the other options"),
        (["--reproduce", "ts-no", "--labels-known-by", "2024-06-30"], "leave out the other"),
        (["--reproduce", "ts-no", "--features", "age"], "leave out the other options"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_a_training_set_that_cannot_be_is_refused_in_one_line(
    training: list[str | Path], tmp_path: Path, argv: list[str], words: str
) -> None:
    (tmp_path / "a.csv").write_text("customer_id,application_date\nCUS_SECRET,2023-05-31\n")
    answer = ask("training-set", *(each.format(tmp_path) for each in argv), *training)
    assert answer.code == 2 and answer.out == ""
    (line,) = answer.err.splitlines()
    assert line.startswith("error: ") and words in line and "SECRET" not in line
    assert [each.name for each in tmp_path.iterdir()] == ["a.csv"]


def test_without_a_datamart_there_is_no_training_set(tmp_path: Path) -> None:
    where = ["--datamart", tmp_path / "none"]
    for argv in (["training-set", "--out", tmp_path / "t.parquet"], ["training-sets"]):
        answer = ask(*argv, *where)
        assert (
            answer.code == 2
            and len(answer.err.splitlines()) == 1
            and "has no tables yet" in answer.err
        )


def test_a_set_that_cannot_be_built_again_fails_with_table_and_version(
    training: list[str | Path], tmp_path: Path
) -> None:
    datamart, out = tmp_path / "datamart", tmp_path / "train.parquet"
    shutil.copytree(training[3], datamart)
    where = ["--datamart", datamart]
    answer = ask(
        "training-set", "--features", "age", "--out", out, "--release", "1", "--json", *where
    )
    made = json.loads(answer.out)
    out.write_text("of yesterday")
    for file in (datamart / "gold" / "features_attributes").glob("month=*/*"):
        file.unlink()
    answer = ask("training-set", "--reproduce", made["training_set_id"], "--out", out, *where)
    assert answer.code == 1 and answer.out == ""
    (line,) = answer.err.splitlines()
    version = made["versions"]["gold.features_attributes"]
    assert f"gold.features_attributes version {version}: " in line
    assert out.read_text() == "of yesterday"


def test_receipts_and_releases_are_listed_without_any_engine(training: list[str | Path]) -> None:
    program = (
        "import sys; from lakehouse.cli import main; code = main(sys.argv[1:]); "
        "started = [n for n in ('pysail', 'grpc') if n in sys.modules]; "
        "sys.exit(code or bool(started))"
    )
    for command in ("training-sets", "releases"):
        argv = [sys.executable, "-c", program, command, "--json", *map(str, training)]
        done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, timeout=60)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)


# As the user runs it


@pytest.fixture(scope="module")
def checkout(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """main.py, the package and a small data/ in a folder of their own."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "main.py", folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "lakehouse", folder / "lakehouse", ignore=ignored)
    shutil.copytree(generated, folder / "data")
    return folder


@pytest.fixture(scope="module")
def first(checkout: Path) -> Answer:
    return ask_process(cwd=checkout)


def test_main_py_alone_builds_everything(checkout: Path, first: Answer) -> None:
    assert first.code == 0, first.err
    assert "Release 1 published" in first.out
    log = Log(str(checkout / "datamart"))
    rows = {table.full_name: sum(log.rows_by_month(table).values()) for table in CATALOG.tables}
    empty = {name for name, n in rows.items() if n == 0}
    assert empty == {
        "bronze.quarantine",
        "bronze.superseded",
        "ledger.erasures",
        "ledger.training_sets",
    }
    assert not list((checkout / "datamart").glob("_work/job-*"))


def test_the_closing_table_names_every_table_with_its_rows(first: Answer) -> None:
    rows = [line.split() for line in first.out.splitlines()]
    cells = {row[0]: row[1:] for row in rows if row and "." in row[0]}
    filled = [t.full_name for t in CATALOG.tables if t.layer != "ledger"]
    assert [name for name in cells if name in filled] == filled
    assert cells["bronze.loan_daily"][:5] == ["440", "440", "0", "0", "440"]
    for words in ("rows in", "accepted", "quarantined", "equal duplicates", "changed", "version"):
        assert words in first.out


def test_progress_is_on_stderr_alone_and_names_each_table_and_its_months(first: Answer) -> None:
    lines = first.err.splitlines()
    assert any(line.startswith("bronze.attributes: merging (") for line in lines)
    assert "merging (0 rows so far)" in next(line for line in lines if "merging" in line)
    for table in CATALOG.derived:
        assert any(
            line.startswith(f"{table.full_name}: ") and re.search(r" 20\d\d-\d\d", line)
            for line in lines
        ), table.full_name
    # Nothing but progress: no log and no warning of an engine.
    assert [line for line in lines if line.split(":")[0] not in _names()] == []
    assert "reading" not in first.out and "computing" not in first.out


def _names() -> set[str]:
    return {table.full_name for table in CATALOG.tables}


def test_a_second_run_says_that_nothing_is_pending(checkout: Path, first: Answer) -> None:
    assert first.code == 0
    second = ask_process(cwd=checkout)
    assert second.code == 0 and second.err == ""
    assert second.out.startswith("Nothing is pending: release 1 is up to date")


@pytest.mark.parametrize("argv", [["history"], ["history", "--json"], ["dictionary"]])
def test_a_reader_that_leaves_the_pipe_gets_no_traceback(
    checkout: Path, first: Answer, argv: list[str]
) -> None:
    assert first.code == 0
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does, but at once
    command = [sys.executable, "main.py", *argv]
    with os.fdopen(writing, "w") as pipe:
        done = subprocess.run(
            command, stdout=pipe, stderr=subprocess.PIPE, text=True, cwd=checkout, timeout=60
        )
    assert done.stderr == ""


def test_head_takes_its_line_and_nothing_complains(checkout: Path, first: Answer) -> None:
    assert first.code == 0
    command = f"'{sys.executable}' main.py dictionary | head -1"
    done = subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, cwd=checkout, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "## bronze.attributes\n"


def at_shell(checkout: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command line as a shell runs it, with what is printed held back as Python does by itself."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        ["sh", "-c", f"'{sys.executable}' main.py {command}"],
        capture_output=True, text=True, cwd=checkout, timeout=60, env=env,
    )  # fmt: skip


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["dictionary", "--version", "--help"])
def test_an_answer_that_finds_no_space_is_one_line_and_exit_code_1(
    checkout: Path, command: str
) -> None:
    done = at_shell(checkout, f"{command} > /dev/full")
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
@pytest.mark.parametrize("command", ["--version", "generate --customers 1 --out raw"])
def test_a_stream_that_the_shell_has_closed_is_no_error(
    checkout: Path, command: str, closed: str
) -> None:
    done = at_shell(checkout, f"{command} {closed}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def interrupted(checkout: Path, tmp_path: Path) -> Answer:
    """A run that its user stops with Ctrl-C while gold is being computed."""
    command = [sys.executable, "main.py", "--datamart", str(tmp_path / "datamart")]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=checkout
    )
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith("gold.features_clickstream: "):
            process.send_signal(signal.SIGINT)
            break
    try:
        out, err = process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        pytest.fail("still there 20 s after Ctrl-C")
    return Answer(process.returncode, out, "".join(seen) + err)


def test_a_run_stopped_midway_says_so_and_the_next_one_completes_it(
    checkout: Path, first: Answer, interrupted: Answer, tmp_path: Path
) -> None:
    assert first.code == 0
    assert interrupted.code == 130 and "Traceback" not in interrupted.err
    others = [line for line in interrupted.err.splitlines() if line.split(":")[0] not in _names()]
    assert [line for line in others if line.strip()] == [
        "error: stopped; nothing is half done, the next run goes on from here"
    ]
    log = Log(str(tmp_path / "datamart"))
    assert log.version(CATALOG.table("ledger.releases")) == 0
    where = ["--datamart", tmp_path / "datamart"]
    again = ask("run", "--json", "--data", checkout / "data", *where)
    assert again.code == 0 and json.loads(again.out)["published"] == [1]
    assert contents(tmp_path / "datamart") == contents(checkout / "datamart")

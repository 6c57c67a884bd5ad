"""Each command's --json is what its schema says, and a thing has one name in all of them."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lakehouse.cli import cli, main
from lakehouse.cli.command import Commands
from lakehouse.cli.schemas import schemas
from lakehouse.lake import Lakehouse

SCHEMAS = schemas()


@pytest.fixture(scope="module")
def place(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The folders of a datamart of two releases and one training set, and a folder to write to."""
    folder = tmp_path_factory.mktemp("json")
    place = {"data": str(generated), "datamart": str(folder / "datamart"), "out": str(folder)}
    where = ["--data", place["data"], "--datamart", place["datamart"]]
    first = answer("run", "--through", "2023-08", *where)
    jsonschema.validate(first, SCHEMAS["run"])
    assert first["odd_cells"] and first["coverage"]
    jsonschema.validate(answer("run", *where), SCHEMAS["run"])
    made = answer("training-set", "--features", "age", "--out", f"{folder}/t.parquet", *where)
    jsonschema.validate(made, SCHEMAS["training-set"])
    return place


def answer(*argv: str) -> Any:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        main([*argv, "--json"])
    assert err.getvalue() == ""
    return json.loads(out.getvalue())


@pytest.mark.parametrize(
    "line",
    [
        "run",
        "plan",
        "plan --full-refresh",
        "status",
        "history",
        "releases",
        "diff 1 2",
        "diff 1 2 silver.financials --keys --limit 2",
        "deliveries",
        "deliveries --source loan_daily",
        "deliveries lms_loan_daily.csv",
        "quarantine",
        "quality",
        "quality --by-month",
        "dictionary",
        "training-sets",
        "doctor",
        "optimize",
        "vacuum --dry-run",
        "backup --to {out}/backup",
        "restore --from {out}/backup --dry-run",
    ],
)
def test_an_answer_is_what_its_schema_says(place: dict[str, str], line: str) -> None:
    words = line.format(**place).split()
    where = ["--data", place["data"], "--datamart", place["datamart"]]
    found = answer(*words, *(where if words[0] != "dictionary" else []))
    jsonschema.validate(found, SCHEMAS[words[0]])
    assert found or words[0] in ("quarantine", "optimize")


def test_generated_files_are_what_their_schema_says(tmp_path: Path) -> None:
    made = answer("generate", "--customers", "3", "--months", "2", "--out", str(tmp_path / "raw"))
    jsonschema.validate(made, SCHEMAS["generate"])


def test_the_files_of_a_new_bank_are_what_their_schema_says(tmp_path: Path) -> None:
    made = answer("new", "bank", str(tmp_path / "told_in_json"))
    jsonschema.validate(made, SCHEMAS["new bank"])
    assert all(Path(file).is_file() for file in made["files"])


def test_a_new_source_is_what_its_schema_says(tmp_path: Path) -> None:
    bank = tmp_path / "told_of_sources"
    answer("new", "bank", str(bank))
    file = bank / "data" / "visits.csv"
    file.write_text("customer_no,visits,seen_on\nC1001,2,2024-01-31\n")
    for how, files in (("--dry-run", 0), ("--yes", 3)):
        told = answer("new", "source", str(file), "--tables", str(bank), how)
        jsonschema.validate(told, SCHEMAS["new source"])
        assert told["keys"] == ["customer_no", "seen_on"] and len(told["files"]) == files


def test_the_files_of_a_new_feature_and_table_are_what_their_schema_says(tmp_path: Path) -> None:
    bank = str(tmp_path / "told_of_features")
    answer("new", "bank", bank)
    of_group = ("--table", "gold.features_customers", "--takes", "income", "--doc", "Pay.")
    made = answer("new", "feature", "pay", "--tables", bank, *of_group)
    jsonschema.validate(made, SCHEMAS["new feature"])
    assert len(made["files"]) == 2
    of_table = ("gold.features_loans", "--reads", "silver.loans", "--tables", bank)
    made = answer("new", "table", *of_table)
    jsonschema.validate(made, SCHEMAS["new table"])
    assert "balance tells how a loan went on" in made["left_out"]


@pytest.mark.parametrize("how", ["--dry-run", "--yes"])
def test_an_erasure_is_what_its_schema_says(
    place: dict[str, str], tmp_path: Path, how: str
) -> None:
    datamart = shutil.copytree(place["datamart"], tmp_path / "datamart")
    person = Lakehouse(datamart).table("silver.attributes").first()
    assert person
    where = ("--data", place["data"], "--datamart", str(datamart))
    erased = answer("erase", "--customer", person.customer_id, how, *where)
    jsonschema.validate(erased, SCHEMAS["erase"])


def test_a_package_is_what_its_schema_says(place: dict[str, str], tmp_path: Path) -> None:
    link = ("--repo-url", "https://github.com/owner/bank")
    made = answer("package", *link, "--data", place["data"], "--out", str(tmp_path / "p.zip"))
    jsonschema.validate(made, SCHEMAS["package"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["audit --training-set {out}/t.parquet --split-at 2023-07-01", "model --out {out}/m"]
)
def test_a_long_answer_is_what_its_schema_says(place: dict[str, str], line: str) -> None:
    words = line.format(**place).split()
    jsonschema.validate(answer(*words, "--datamart", place["datamart"]), SCHEMAS[words[0]])


def test_every_command_has_a_schema() -> None:
    assert isinstance(cli, Commands)
    assert {*SCHEMAS} == {*cli.leaves()}


def keys(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from keys(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from keys(each)


def test_keys_are_in_snake_case_and_no_thing_has_two_names() -> None:
    names = {key for schema in SCHEMAS.values() for key in keys(schema)}
    assert {name for name in names if not re.fullmatch(r"[a-z][a-z0-9_]*", name)} == set()
    assert names.isdisjoint({"run", "time", "finished", "id", "mb"})
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)

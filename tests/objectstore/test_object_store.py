"""A datamart in an object store is what it is in a folder: same rows, releases, training sets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from lakehouse import Lakehouse
from lakehouse.cli import main
from lakehouse.releases import published
from lakehouse.storage.bucket import Bucket
from lakehouse.storage.format import bank_of
from lakehouse.storage.log import Log
from lakehouse.storage.work import work_folder
from tests.banks.files import FOLDER, write
from tests.objectstore.conftest import BUCKET, KEY, SECRET, Mart
from tests.reliability.process import started

LABELS = "gold.label_store"


@pytest.fixture(scope="module")
def both(
    s3: Mapping[str, str], raw: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Mart, Mart]:
    """Two releases in the bucket, and the same in a folder."""
    folder = tmp_path_factory.mktemp("both") / "datamart"
    marts = Mart(raw, f"s3a://{BUCKET}/some/mart"), Mart(raw, str(folder))
    for mart in marts:
        for through in ("2023-03", "2023-09"):
            assert len(mart.build(through).published) == 1
    return marts


@pytest.fixture
def mart(both: tuple[Mart, Mart]) -> Mart:
    return both[0]


def objects(mart: Mart) -> set[str]:
    return Bucket(mart.datamart).files("")


def test_every_table_has_the_rows_that_it_has_in_a_folder(both: tuple[Mart, Mart]) -> None:
    in_store, in_folder = (mart.rows() for mart in both)
    assert in_store == in_folder
    assert all(
        rows
        for name, rows in in_store.items()
        if name not in ("bronze.quarantine", "bronze.superseded")
    )


def test_a_rerun_starts_no_engine_and_writes_no_object(
    mart: Mart, capsys: pytest.CaptureFixture[str]
) -> None:
    before = objects(mart)
    told = json.loads(mart.call(capsys, "run", "--json", "--through", "2023-09").out)
    assert (told["engine"], told["published"], told["release"]) == ("none", [], 2)
    assert objects(mart) == before


def test_plan_status_history_releases_and_diff_answer_as_for_a_folder(
    both: tuple[Mart, Mart], mart: Mart, capsys: pytest.CaptureFixture[str]
) -> None:
    # The first load of a table is an append in a folder, where no other writer can come between.
    hidden = {"committed_at", "changed_at", "run_id", "finished_at", "bytes", "operation"}
    for command in (["plan"], ["status"], ["history", LABELS], ["releases"], ["diff", "1", "2"]):
        one, other = (json.loads(each.call(capsys, *command, "--json").out) for each in both)
        assert len(one) == len(other) > 0
        for a, b in zip(one, other, strict=True):
            assert {k: v for k, v in a.items() if k not in hidden} == {
                k: v for k, v in b.items() if k not in hidden
            }


def test_a_lake_travels_in_time_by_release_and_in_sql(mart: Mart) -> None:
    lake = Lakehouse(mart.datamart, engine="embedded")
    rows = [row.row_counts["silver.loan_daily"] for row in published.releases(mart.log)]
    assert rows[0] < rows[1] == lake.table("silver.loan_daily").count()
    assert lake.at(release=1).table("silver.loan_daily").count() == rows[0]
    version = published.release(mart.log, 1).versions["silver.loan_daily"]
    counted = f"SELECT count(*) FROM silver.loan_daily VERSION AS OF {version}"
    assert lake.spark.sql(counted).collect()[0][0] == rows[0]


def test_a_training_set_has_the_bytes_that_it_has_of_a_folder_and_is_built_again(
    both: tuple[Mart, Mart], mart: Mart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ("in_store", "in_folder")
    for each, name in zip(both, names, strict=True):
        told = each.call(capsys, "training-set", "--json", "--out", tmp_path / name)
        made = json.loads(told.out)
    again = mart.call(
        capsys, "training-set", "--reproduce", made["training_set_id"], "--out", tmp_path / "again"
    )
    assert again.code == 0 and made["row_count"] > 0
    assert len({(tmp_path / name).read_bytes() for name in (*names, "again")}) == 1


def test_a_spine_is_kept_in_the_store(
    mart: Mart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    persons = [key[0] for key in mart.rows()["silver.attributes"]]
    spine = tmp_path / "spine.csv"
    lines = ["customer_id,application_date", *(f"{each},2023-06-30" for each in persons)]
    spine.write_text("\n".join(map(str, lines)) + "\n", encoding="utf-8")
    made = mart.call(capsys, "training-set", "--json", "--spine", spine, "--out", tmp_path / "one")
    spine.unlink()
    id_ = json.loads(made.out)["training_set_id"]
    mart.call(capsys, "training-set", "--reproduce", id_, "--out", tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "one").read_bytes()


def test_what_works_on_files_alone_is_refused_with_one_line(
    mart: Mart, capsys: pytest.CaptureFixture[str]
) -> None:
    before = objects(mart)
    for command in (
        ["vacuum", "--yes"],
        ["erase", "--yes", "--customer", "CUS_0x1"],
        ["run", "--repair"],
        ["doctor", "--deep"],
    ):
        told = mart.call(capsys, *command)
        assert (told.code, told.out, told.err.count("\n")) == (2, "", 1)
        assert "is in an object store, and this is not supported there yet: copy it" in told.err
    assert objects(mart) == before


def test_a_copy_in_a_folder_goes_on_and_so_does_its_copy_back(
    mart: Mart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket, copy, back = Bucket(mart.datamart), tmp_path / "copy", Bucket(f"s3a://{BUCKET}/back")
    for name in bucket.files(""):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        bucket.get(name, copy / name)
    done = Mart(mart.data, str(copy)).call(capsys, "vacuum", "--yes", "--keep-releases", "1")
    assert done.code == 0
    for file in (each for each in copy.rglob("*") if each.is_file()):
        back.put(file, file.relative_to(copy).as_posix())
    assert Mart(mart.data, back.uri).rows() == mart.rows()


def test_optimize_leaves_every_row(mart: Mart, capsys: pytest.CaptureFixture[str]) -> None:
    before = mart.rows()
    assert mart.call(capsys, "optimize").code == 0
    assert mart.rows() == before


# Two at once


def test_of_two_first_builds_at_once_one_builds_and_the_other_finds_nothing_to_do(
    mart: Mart,
) -> None:
    new = Mart(mart.data, f"s3a://{BUCKET}/two")
    argv = new.at("run", "--wait", "--json", "--through", "2023-01")
    with started(*argv) as one, started(*argv) as other:
        answers = [json.loads(process.communicate()[0]) for process in (one, other)]
    assert sorted(len(answer["published"]) for answer in answers) == [0, 1]
    assert len(published.releases(new.log)) == 1


# Credentials


def test_no_object_and_nothing_printed_has_a_credential(
    mart: Mart, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket = Bucket(mart.datamart)
    for name in bucket.files(""):
        bucket.get(name, tmp_path / "object")
        content = (tmp_path / "object").read_bytes()
        assert KEY.encode() not in content and SECRET.encode() not in content
    for command in (
        ["status"],
        ["releases"],
        ["history"],
        ["doctor"],
        ["vacuum", "--yes", "--debug"],
    ):
        told = mart.call(capsys, *command, "--json")
        assert not {secret for secret in (KEY, SECRET) if secret in told.out + told.err}


def test_nothing_of_a_job_is_left_on_this_machine(mart: Mart) -> None:
    with work_folder(Bucket(mart.datamart)) as folder:
        assert folder.stat().st_mode & 0o077 == folder.parent.stat().st_mode & 0o077 == 0
    assert not folder.exists()


# A bank of one's own


def test_a_store_says_which_bank_it_holds_and_refuses_another(
    s3: Mapping[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    uri = f"s3a://{BUCKET}/own/mart"
    data = str(write(tmp_path / "data"))
    assert main(["run", "--data", data, "--datamart", uri, "--tables", str(FOLDER)]) == 0
    assert bank_of(Log(uri)) == "corner"
    assert main(["status", "--datamart", uri, "--tables", str(FOLDER)]) == 0
    capsys.readouterr()
    for command in ("run", "status"):
        assert main([command, "--data", data, "--datamart", uri, "--tables", "lakehouse"]) == 2
        assert "holds the bank corner" in capsys.readouterr().err

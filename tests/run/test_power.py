"""A run puts what a release pins on the disk before the row of the release, and that before it ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lakehouse.ledger.releases import TABLE as RELEASES
from lakehouse.releases import published
from lakehouse.storage.log import Log
from lakehouse.storage.sync import SWITCH
from tests.run.test_laws import CHAIN, all_rows, deliver, run_on

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="no /proc to tell what was synced"
)


def test_data_and_commits_and_their_folders_come_first_and_the_release_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda fd: synced.append(Path(f"/proc/self/fd/{fd}").readlink())
    )
    monkeypatch.delenv(SWITCH)
    deliver(tmp_path / "data", all_rows())

    run_on(CHAIN, tmp_path)

    log = Log(str(tmp_path / "datamart"))
    row = log.folder(RELEASES) / next(iter(log.files(RELEASES)))
    before = set(synced[: synced.index(row)])
    for name, version in published.newest(log).versions.items():
        folder = log.folder(CHAIN.table(name))
        files = {folder / file for file in log.files(CHAIN.table(name))}
        commits = {folder / f"_delta_log/{number:020d}.json" for number in range(version + 1)}
        folders = {above for file in (*files, *commits) for above in file.parents}
        wanted = (
            files | commits | {each for each in folders if tmp_path / "datamart" in each.parents}
        )
        assert wanted <= before, name
    last = log.folder(RELEASES) / f"_delta_log/{log.version(RELEASES):020d}.json"
    assert last in synced[synced.index(row) :]
    assert tmp_path / "datamart" in before


def test_a_checksum_of_spark_whose_commit_was_lost_with_the_power_does_not_stop_the_next_run(
    tmp_path: Path,
) -> None:
    rows = all_rows()
    deliver(tmp_path / "data", rows[:-1])
    run_on(CHAIN, tmp_path)
    log = Log(str(tmp_path / "datamart"))
    lost = [
        log.folder(table) / f"_delta_log/{(log.version(table) or 0) + 1:020d}.crc"
        for table in CHAIN.derived
    ]
    for path in lost:
        path.touch()
    deliver(tmp_path / "data", rows)

    assert run_on(CHAIN, tmp_path).release == 2
    assert not any(path.exists() for path in lost)

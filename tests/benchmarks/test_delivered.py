"""Raw files in many files hold the same rows in the same order."""

from __future__ import annotations

from pathlib import Path

from benchmarks.delivered import in_files


def test_many_files_hold_the_rows_in_their_order(generated: Path, tmp_path: Path) -> None:
    inbox = in_files(generated, 50, tmp_path)
    assert 45 < len([*inbox.rglob("*.csv")]) < 55
    for file in generated.glob("*.csv"):
        header, *rows = file.read_bytes().splitlines()
        parts = [part.read_bytes().splitlines() for part in sorted((inbox / file.stem).iterdir())]
        assert {part[0] for part in parts} == {header}
        assert [row for part in parts for row in part[1:]] == rows

"""Between a program and a real store answers get lost, late, cut and doubled; nothing else gets lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from lakehouse.releases import published
from lakehouse.releases.release import Release
from lakehouse.storage.bucket import bucket
from tests.objectstore.conftest import BUCKET, Mart
from tests.objectstore.faults import Faults, faults
from tests.reliability.process import started

FIRST, LAST = "2023-03", "2023-09"
# One run makes some thousand requests.
SHARE, IN_ALL = 0.04, 200
_TRIES = 3
# Within this a command ends, well or not; most of it is for a machine that has other work.
DEADLINE_SECONDS = 300

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def proxy(real: Mapping[str, str]) -> Iterator[Faults]:
    with faults(real["AWS_ENDPOINT_URL"]) as between:
        yield between


@pytest.fixture(scope="module")
def undisturbed(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Mart:
    """Two releases in a folder."""
    mart = Mart(raw, str(tmp_path_factory.mktemp("undisturbed") / "datamart"))
    for through in (FIRST, LAST):
        mart.build(through)
    return mart


def ended(proxy: Faults, argv: list[str]) -> tuple[int, str]:
    """Run a command behind the proxy: its exit code and line, after a check that it ended in time.

    In a process of its own, because delta-rs keeps Python waiting during some requests.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", proxy.url)
        with started(*argv, "--json") as process:
            out, err = process.communicate(timeout=DEADLINE_SECONDS)
    assert (process.returncode, err) == (0, "") or (
        process.returncode in (1, 2)
        and err.startswith("error: ")
        and err.count("\n") == 1
        and "Traceback" not in out
    ), err
    return process.returncode, err


def releases(mart: Mart) -> list[Release]:
    return published.releases(mart.log)


@pytest.mark.parametrize("seed", [1])
def test_whatever_gets_lost_or_doubled_on_the_way_a_plain_run_ends_in_the_undisturbed_tables(
    proxy: Faults, undisturbed: Mart, tmp_path: Path, capsys: pytest.CaptureFixture[str], seed: int
) -> None:
    mart = Mart(undisturbed.data, f"s3a://{BUCKET}/faults/{seed}")
    made = tmp_path / "made", tmp_path / "undisturbed"
    steps = [
        mart.at("run", "--through", FIRST),
        mart.at("run", "--through", LAST),
        mart.at("optimize"),
        mart.at("training-set", "--out", made[0]),
        mart.at("erase", "--yes", "--customer", "CUS_0x1"),
    ]
    proxy.made.clear()
    for nth, argv in enumerate(steps):
        before = releases(mart) if nth else []
        code, tries = 1, 0
        while code == 1 and tries < _TRIES:
            proxy.disturb(seed * 100 + nth * 10 + tries, SHARE)
            code, _ = ended(proxy, argv)
            tries += 1
        assert releases(mart)[: len(before)] == before
        proxy.calm()
        if code == 1:
            code, _ = ended(proxy, argv)
        assert code == (2 if "erase" in argv else 0), f"seed {seed}: {argv}"
    proxy.disturb(seed, SHARE)
    while proxy.made.total() < IN_ALL:
        ended(proxy, mart.at("training-set", "--out", tmp_path / "more"))
    for ours, theirs in zip(releases(mart), releases(undisturbed), strict=True):
        assert mart.rows(ours) == undisturbed.rows(theirs)
    undisturbed.call(capsys, "training-set", "--out", made[1])
    assert made[0].read_bytes() == made[1].read_bytes()


@pytest.mark.parametrize("kind", ["request lost", "503"])
def test_a_store_that_goes_away_under_a_run_is_told_in_one_line_and_the_next_run_goes_on(
    proxy: Faults, undisturbed: Mart, kind: str
) -> None:
    mart = Mart(undisturbed.data, f"s3a://{BUCKET}/away/{kind[:3]}")
    argv = mart.at("run", "--through", FIRST)
    proxy.goes_away(kind, after_requests=1500)
    code, line = ended(proxy, argv)
    assert code == 1 and "the object store" in line
    proxy.calm()
    # The lease could not be given back. It would be free after some minutes.
    assert "another run" in ended(proxy, argv)[1]
    bucket(mart.datamart).delete("_leases")
    assert ended(proxy, argv) == (0, "")
    assert mart.rows() == undisturbed.rows(releases(undisturbed)[0])


def test_a_store_that_keeps_two_puts_of_which_each_asks_to_be_the_first_is_refused(
    proxy: Faults, raw: Path
) -> None:
    mart = Mart(raw, f"s3a://{BUCKET}/unsafe")
    proxy.is_heedless = True
    for _ in range(2):  # a second try is not milder
        code, line = ended(proxy, mart.at("run", "--through", FIRST))
        assert code == 2 and "puts of one object that said If-None-Match" in line
    proxy.is_heedless = False
    assert bucket(mart.datamart).names() == {"_leases"}

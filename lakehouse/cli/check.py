"""Commands that check: audit, model, doctor."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.common import Common, common
from lakehouse.cli.exit_codes import FAILED

_SHOWN_OF_RECEIPT = (
    "training_set_id",
    "release",
    "row_count",
    "content_hash",
    "left_out",
    "engine",
)


@click.command()
@click.option(
    "--release", type=click.IntRange(1), help="The release to audit; default: the newest."
)
@click.option(
    "--cut",
    type=options.Month(),
    help="Month after which the replays cut the raw rows; default: the month of the median application.",
)
@common
def audit(common: Common, release: int | None, cut: str | None) -> None:
    """Look for leaks of the future: rebuild from fewer rows, trace the plans, test the numbers.

    Exit code 1 if anything leaks.
    """
    from lakehouse.audit.audit import audit as audit_release

    at = common.open_release(release)
    with show.progress(quiet=common.as_json) as on_progress:
        checks = audit_release(
            at.store,
            at.catalog,
            at.release,
            cut,
            on_progress,
        )
    rows = [{**asdict(check), "passed": check.passed} for check in checks]
    show.answer(common.as_json, rows, lambda: show.audit(checks))
    if not all(check.passed for check in checks):
        raise SystemExit(FAILED)


@click.command()
@click.option(
    "--release", type=click.IntRange(1), help="As known at this release; default: the newest."
)
@click.option(
    "--out",
    type=options.LocalPath(),
    default=Path("model_report"),
    show_default=True,
    help="Folder of the report: index.html, model.json, plots.",
)
@common
def model(common: Common, release: int | None, out: Path) -> None:
    """Check the features with a model: train on early applications, test on the latest three months."""
    from lakehouse.model.report import write_report
    from lakehouse.model.sample import sampled
    from lakehouse.model.sanity import assess
    from lakehouse.training.build import build
    from lakehouse.training.sets import Asked, prepare

    with show.progress(quiet=common.as_json) as on_progress:
        on_progress("model", "computing the training set")
        at = common.open_release(release)
        training_set = prepare(at.store, at.release, Asked())
        receipt = asdict(build(training_set, at.store))
        assessment = assess(
            sampled(training_set.frame),
            {name: receipt[name] for name in _SHOWN_OF_RECEIPT},
            on_progress=on_progress,
        )
        write_report(assessment, out)
    show.answer(common.as_json, assessment.as_json(), lambda: show.model(assessment, out))


@click.command()
@click.option(
    "--deep",
    is_flag=True,
    help="Also read every data file, and report each table that is not what its release says.",
)
@common
def doctor(common: Common, deep: bool) -> None:
    """Check Python, engines, Java, Delta's jars, disk and rights; say what is missing and how to get it."""
    from lakehouse.upkeep.doctor import examine

    findings = examine(common.data, common.place)
    if deep:
        from lakehouse.upkeep.verify import examine_tables

        findings += examine_tables(common.datamart)
    rows = [asdict(finding) for finding in findings]
    show.answer(common.as_json, rows, lambda: show.rows("Doctor", rows))
    if any(finding.state in ("missing", "damaged") for finding in findings):
        raise SystemExit(FAILED)


COMMANDS = (audit, model, doctor)

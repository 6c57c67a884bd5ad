"""Commands that check: audit, portfolio, doctor."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, common
from lakehouse.cli.error_line import error_line
from lakehouse.cli.exit_codes import FAILED, REFUSED
from lakehouse.errors import BadInput, LakehouseError

if TYPE_CHECKING:
    from lakehouse.audit.finding import Check
    from lakehouse.audit.set_labels import Labels
    from lakehouse.progress import Progress
    from lakehouse.run.refusals import Refusal


@command("audit", "audit --training-set train.parquet")
@click.option(
    "--release", type=click.IntRange(1), help="The release to audit; default: the newest."
)
@click.option(
    "--cut",
    type=options.Month(),
    help="Month after which the replays cut the raw rows; default: the month of the median application.",
)
@click.option(
    "--training-set",
    metavar="FILE|ID",
    help="Audit only this training set: its dates and features, and whether its split learns from unknown "
    "labels.",
)
@click.option(
    "--split-at",
    type=options.Day(),
    help="With --training-set: train is before this day, test from it on; default: its column split.",
)
@common(options.DATAMART, options.ENGINE)
def audit(
    common: Common,
    release: int | None,
    cut: str | None,
    training_set: str | None,
    split_at: date | None,
) -> None:
    """Look for leaks of the future.

    It rebuilds from fewer rows, traces the plans and tests the numbers. Exit code 1 if anything leaks.
    """
    if training_set and (release or cut):
        raise BadInput("--training-set is audited as it is; leave out --release and --cut")
    if split_at and not training_set:
        raise BadInput("--split-at tells how a --training-set is split; give both")
    with show.progress(quiet=common.as_json) as on_progress:
        if training_set:
            checks = _checks_of_set(common, training_set, split_at)
        else:
            checks = _checks_of_release(common, release, cut, on_progress)
    rows = [{**asdict(check), "passed": check.passed} for check in checks]
    show.answer(common.as_json, rows, lambda: show.audit(checks))
    if not all(check.passed for check in checks):
        raise SystemExit(FAILED)


def _checks_of_release(
    common: Common, release: int | None, cut: str | None, on_progress: Progress
) -> list[Check]:
    from lakehouse.audit.audit import audit as audit_release

    at = common.open_release(release)
    return audit_release(at.store, at.catalog, at.release, cut, on_progress)


def _checks_of_set(common: Common, training_set: str, split_at: date | None) -> list[Check]:
    from lakehouse.audit.training_set import audit_training_set, of_file, of_receipt
    from lakehouse.model.features import declared_groups

    file = Path(training_set)
    if file.suffix or file.exists():
        audited = of_file(file, declared_groups(common.datamart.catalog))
    else:
        audited = of_receipt(common.store(common.built), training_set)
    return audit_training_set(audited, split_at, _labels(common, audited.release))


def _labels(common: Common, release: int | None) -> Labels | str:
    """The labels of the release of a set, of the newest if it says none; or why there are none."""
    from lakehouse.audit.set_labels import Labels

    try:
        at = common.open_release(release)
    except LakehouseError as error:
        return str(error)
    return Labels(at.store, at.release)


@command("portfolio --out portfolio", "portfolio --out portfolio --release 1")
@click.option(
    "--release", type=click.IntRange(1), help="As known at this release; default: the newest."
)
@click.option(
    "--out",
    type=options.LocalPath(),
    required=True,
    help="Folder of the report: index.html, portfolio.json, CSV files, plots.",
)
@common(options.DATAMART, options.ENGINE)
def portfolio(common: Common, release: int | None, out: Path) -> None:
    """Draw vintages, roll rates and label maturity.

    It proposes a default definition and a window, and tells what the data cannot say. Months on book at which
    a cohort is not complete stay blank. Every loan counts: declared exclusions are for training sets and
    models.
    """
    from lakehouse.portfolio.portfolio import portfolio as told
    from lakehouse.portfolio.report import write_report

    with show.progress(quiet=common.as_json) as on_progress:
        on_progress("portfolio", "counting loans")
        at = common.open_release(release)
        found = told(at.store, at.catalog, at.release)
        on_progress("portfolio", "drawing")
        write_report(found, out)
    show.answer(common.as_json, found.as_json(), lambda: show.portfolio(found, out))


@command("doctor", "doctor --deep")
@click.option(
    "--deep",
    is_flag=True,
    help="Also read every data file, and report each table that is not what its release says.",
)
@click.option(
    "--recompute",
    is_flag=True,
    help="With all of --deep, also compute silver and gold again, and report each table that differs.",
)
@options.DATE_ORDER
@common(options.DATA, options.DATAMART, options.ENGINE)
def doctor(common: Common, deep: bool, recompute: bool, date_order: str | None) -> None:
    """Check what a run needs, and say how to get what is missing.

    That is Python, engines, Java, Delta's jars, disk, rights and raw files. Raw files that a run would read
    are read. Each that it would refuse is listed, and told on stderr in the words of the run; then the exit
    code is 2. It is 1 if anything else is missing.
    """
    from lakehouse.upkeep.doctor import Finding, examine

    findings = examine(common.data, common.place, common.datamart.catalog)
    refused = _refusals(common, date_order)
    findings += [Finding(each.subject, "refused", str(each.error), "") for each in refused]
    with show.progress(quiet=common.as_json or not (deep or recompute)) as on_progress:
        if deep or recompute:
            from lakehouse.upkeep.verify import examine_tables

            findings += examine_tables(common.datamart, on_progress)
        elif common.place.folder:
            from lakehouse.upkeep.verify import examine_ledger

            findings += examine_ledger(common.datamart)
        if recompute:
            from lakehouse.run.recomputed import examine_computed

            findings += examine_computed(common.store(common.built), on_progress)
    rows = [asdict(finding) for finding in findings]
    show.answer(common.as_json, rows, lambda: show.doctor(findings))
    for each in refused:
        show.error(error_line(each.error) or "")
    if refused:
        raise SystemExit(REFUSED)
    if any(finding.state in ("missing", "damaged") for finding in findings):
        raise SystemExit(FAILED)


def _refusals(common: Common, date_order: str | None) -> list[Refusal]:
    from lakehouse.run.job import Job
    from lakehouse.run.plan import Request
    from lakehouse.run.refusals import refusals

    request = Request(date_order=date_order)
    return refusals(
        Job(common.data, common.datamart, lambda *_: common.store(common.datamart), request)
    )


COMMANDS = (audit, portfolio, doctor)

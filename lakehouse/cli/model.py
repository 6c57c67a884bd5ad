"""The command model: the sanity check of the features."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, common
from lakehouse.months import MonthRange

_SHOWN_OF_RECEIPT = (
    "training_set_id",
    "release",
    "row_count",
    "content_hash",
    "left_out",
    "engine",
)


@command(
    "model --rolling --out report",
    "model --binning",
    "model --label-def 30dpd_3mob --without-protected",
)
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
@click.option(
    "--label-def",
    "--label",
    "label_def",
    help="Definition of the label, as 30dpd_6mob (the default).",
)
@click.option("--from", "first_month", type=options.Month(), help="First month of application.")
@click.option("--to", "last_month", type=options.Month(), help="Last month of application.")
@click.option(
    "--exclude",
    type=options.Names(),
    multiple=True,
    help="Declared exclusions: kinds of loans to leave out, as no_income; default: none.",
)
@click.option(
    "--test-months",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="The last months of application, on which the models are tested.",
)
@click.option(
    "--validation-months",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="The months before them, on which settings are chosen.",
)
@click.option(
    "--without-protected",
    is_flag=True,
    help="Give the models no feature that carries a protected attribute; they are still examined by it.",
)
@click.option(
    "--gain",
    type=float,
    default=0.1,
    show_default=True,
    help="Assumed gain of a repaid loan, as a share of its amount.",
)
@click.option(
    "--loss",
    type=float,
    default=0.45,
    show_default=True,
    help="Assumed loss of a default, as a share of its amount.",
)
@click.option(
    "--rolling",
    is_flag=True,
    help="Also simulate a model in use: each month's model learns from the labels known at its start.",
)
@click.option(
    "--binning",
    is_flag=True,
    help="Also bin each feature (WoE, IV) and make a scorecard; needs optbinning, takes a minute more.",
)
@common(options.DATAMART, options.ENGINE)
def model(
    common: Common,
    release: int | None,
    out: Path,
    label_def: str | None,
    first_month: str | None,
    last_month: str | None,
    exclude: tuple[tuple[str, ...], ...],
    test_months: int,
    validation_months: int,
    without_protected: bool,
    gain: float,
    loss: float,
    rolling: bool,
    binning: bool,
) -> None:
    """Check the features with a model.

    It is trained on early applications and tested on those of the latest three months. It learns only from
    labels that were known before the first application it scores, and tells what that costs. The report
    also has a cut-off table, calibration, protected attributes and stability.
    """
    from lakehouse.audit.training_set import audit_of_parts
    from lakehouse.model.binning import MISSING_PACKAGE
    from lakehouse.model.cutoffs import Margin
    from lakehouse.model.features import declared_groups
    from lakehouse.model.origin import origin
    from lakehouse.model.report import write_report
    from lakehouse.model.review import Review
    from lakehouse.model.sample import sampled
    from lakehouse.model.sanity import assess
    from lakehouse.model.split import Split
    from lakehouse.training.build import build
    from lakehouse.training.sets import Asked, prepare

    # Wrong options are refused before an engine starts.
    months = MonthRange.checked(first_month, last_month)
    margin, split = Margin(gain, loss), Split(test_months, validation_months)
    excluded = tuple(name for names in exclude for name in names)
    with show.progress(quiet=common.as_json) as on_progress:
        on_progress("model", "computing the training set")
        at = common.open_release(release)
        asked = Asked(label_def=label_def, months=months, exclude=excluded)
        training_set = prepare(at.store, at.release, asked)
        receipt = build(training_set, at.store)
        of_receipt, groups = asdict(receipt), declared_groups(at.catalog)
        assessment = assess(
            sampled(training_set.frame),
            {name: of_receipt[name] for name in _SHOWN_OF_RECEIPT},
            split,
            on_progress=on_progress,
            rolling=rolling,
            binning=binning,
            review=Review(margin, at.catalog.protected, without_protected),
            origin=origin(
                receipt.training_set_id,
                training_set.selection,
                at.release,
                receipt.lines,
                kept=True,
            ),
            audit=audit_of_parts(split, groups),
            declared=groups,
        )
        write_report(assessment, out)
    if binning and not assessment.scorecard:
        show.note(MISSING_PACKAGE)
    show.answer(common.as_json, assessment.as_json(), lambda: show.model(assessment, out))

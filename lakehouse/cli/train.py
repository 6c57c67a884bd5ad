"""Commands for training sets: training-set, training-sets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.command import command
from lakehouse.cli.common import Common, common
from lakehouse.errors import BadInput
from lakehouse.months import MonthRange


@command(
    "training-set --out train.parquet",
    "training-set --out then.parquet --known then --release 1",
    "training-set --reproduce ts-3f",
    name="training-set",
)
@click.option(
    "--out",
    type=options.LocalPath(),
    help="Parquet file to write; its metadata names the set.",
)
@click.option(
    "--release", type=click.IntRange(1), help="As known at this release; default: the newest."
)
@click.option("--from", "first_month", type=options.Month(), help="First month of application.")
@click.option("--to", "last_month", type=options.Month(), help="Last month of application.")
@click.option(
    "--labels-known-by",
    type=options.Day(),
    help="Leave out labels that were observed after this day; one observed on it is taken.",
)
@click.option("--label-def", help="Definition of the label, as 30dpd_6mob (the default).")
@click.option(
    "--exclude",
    type=options.Names(),
    multiple=True,
    help="Declared exclusions: kinds of loans to leave out, as no_income; default: none.",
)
@click.option(
    "--groups", type=options.Names(), default=(), help="Feature groups to take; default: all."
)
@click.option(
    "--features",
    type=options.Names(),
    default=(),
    help="Features to take; default: all of the groups.",
)
@click.option(
    "--without-protected",
    is_flag=True,
    help="Take no feature that carries a protected attribute, as age and occupation.",
)
@click.option(
    "--spine",
    type=options.LocalPath(),
    help="CSV or Parquet with customer_id and application_date to score, instead of labelled loans.",
)
@options.DATE_ORDER
@click.option(
    "--known",
    type=click.Choice(["now", "then"]),
    help="Features as the release knows them now (the default), or as each application could know them then.",
)
@click.option(
    "--clock",
    type=click.Choice(["month", "finished"]),
    help="What makes a release known then: its last month of data (the default), or the day it was finished.",
)
@click.option(
    "--reproduce", metavar="ID", help="Build the training set with that id again, and compare."
)
@common(options.DATAMART, options.ENGINE)
def training_set(
    common: Common,
    out: Path | None,
    release: int | None,
    first_month: str | None,
    last_month: str | None,
    labels_known_by: date | None,
    label_def: str | None,
    exclude: tuple[tuple[str, ...], ...],
    groups: tuple[str, ...],
    features: tuple[str, ...],
    without_protected: bool,
    spine: Path | None,
    date_order: str | None,
    known: str | None,
    clock: str | None,
    reproduce: str | None,
) -> None:
    """Build the point-in-time training set.

    It has the labelled loans, each with the features known on its day. It prints the id of the set, and
    where each loan of the months went. With --reproduce ID the same content is built again, even after
    other runs.
    """
    from lakehouse.absent import absent
    from lakehouse.training import build as training_build
    from lakehouse.training.coverage import coverage_of
    from lakehouse.training.sets import Asked, prepare

    months = MonthRange.checked(first_month, last_month)
    asked = Asked(
        groups,
        features,
        label_def,
        months,
        spine,
        date_order,
        labels_known_by,
        known or "now",
        clock,
        tuple(name for names in exclude for name in names),
        without_protected,
    )
    if reproduce and (release or asked != Asked()):
        raise BadInput("--reproduce takes everything from the receipt; leave out the other options")
    if not reproduce and out is None:
        raise BadInput("training-set needs --out FILE.parquet to write to")
    if out and out.suffix.lower() not in ("", ".parquet", ".pq"):
        raise BadInput(f"--out {out}: a training set is a Parquet file; name it as train.parquet")
    with show.progress(quiet=common.as_json) as on_progress:
        on_progress("training set", "computing")
        at = common.open_release(release)
        if reproduce:
            made = training_build.reproduce(at.store, reproduce, out)
        else:
            prepared = prepare(at.store, at.release, asked)
            made = training_build.build(prepared, at.store, out)
    for each in absent(common.datamart.catalog, lambda t: t.full_name in at.release.versions):
        show.note(str(each))
    groups_found = coverage_of(out) if out else []
    show.answer(
        common.as_json,
        show.training_set_as_json(made, groups_found),
        lambda: show.training_set(made, out, bool(reproduce), groups_found),
    )


@command("training-sets", name="training-sets")
@common(options.DATAMART)
def training_sets(common: Common) -> None:
    """Show the receipts of all training sets."""
    from lakehouse.training.receipts import receipts

    built = receipts(common.built.log)
    rows = [show.receipt_as_json(receipt) for receipt in built]
    show.answer(common.as_json, rows, lambda: show.training_sets(built))


COMMANDS = (training_set, training_sets)

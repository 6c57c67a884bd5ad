"""Commands for training sets: training-set, training-sets."""

from __future__ import annotations

from pathlib import Path

import click

from lakehouse.cli import options, show
from lakehouse.cli.common import Common, common
from lakehouse.errors import BadInput
from lakehouse.months import MonthRange


@click.command("training-set")
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
@click.option("--label-def", help="Definition of the label, as 30dpd_6mob (the default).")
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
    "--spine",
    type=options.LocalPath(),
    help="CSV or Parquet with customer_id and application_date to score, instead of labelled loans.",
)
@options.DATE_ORDER
@click.option(
    "--reproduce", metavar="ID", help="Build the training set with that id again, and compare."
)
@common
def training_set(
    common: Common,
    out: Path | None,
    release: int | None,
    first_month: str | None,
    last_month: str | None,
    label_def: str | None,
    groups: tuple[str, ...],
    features: tuple[str, ...],
    spine: Path | None,
    date_order: str | None,
    reproduce: str | None,
) -> None:
    """Build the point-in-time training set: labelled loans with the features known on their day.

    It prints the id of the set. With --reproduce ID the same content is built again, even after other runs.
    """
    from lakehouse.training import build as training_build
    from lakehouse.training.coverage import coverage_of
    from lakehouse.training.sets import Asked, prepare

    choices = (release, groups, features, label_def, first_month, last_month, spine, date_order)
    if reproduce and any(choices):
        raise BadInput("--reproduce takes everything from the receipt; leave out the other options")
    if not reproduce and out is None:
        raise BadInput("training-set needs --out FILE.parquet to write to")
    if out and out.suffix.lower() not in ("", ".parquet", ".pq"):
        raise BadInput(f"--out {out}: a training set is a Parquet file; name it as train.parquet")
    months = MonthRange.checked(first_month, last_month)
    asked = Asked(groups, features, label_def, months, spine, date_order)
    with show.progress(quiet=common.as_json) as on_progress:
        on_progress("training set", "computing")
        at = common.open_release(release)
        if reproduce:
            made = training_build.reproduce(at.store, reproduce, out)
        else:
            prepared = prepare(at.store, at.release, asked)
            made = training_build.build(prepared, at.store, out)
    groups_found = coverage_of(out) if out else []
    show.answer(
        common.as_json,
        show.training_set_as_json(made, groups_found),
        lambda: show.training_set(made, out, bool(reproduce), groups_found),
    )


@click.command("training-sets")
@common
def training_sets(common: Common) -> None:
    """Show the receipts of all training sets."""
    from lakehouse.training.receipts import receipts

    built = receipts(common.built.log)
    show.answer(common.as_json, built, lambda: show.training_sets(built))


COMMANDS = (training_set, training_sets)

"""Audits and assessments of the features, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.cli.program import PLACES
from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import next_step, say
from lakehouse.gold.arrears import BUCKETS, LAST_BUCKET
from lakehouse.months import spell

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.audit.finding import Check
    from lakehouse.model.assessment import Assessment
    from lakehouse.model.labels_known import LabelsKnown
    from lakehouse.model.metrics import Estimate
    from lakehouse.model.rolling import ModelAuc, Rolling
    from lakehouse.portfolio.curves import Point
    from lakehouse.portfolio.portfolio import LeftOut, Portfolio
    from lakehouse.portfolio.shares import Share
    from lakehouse.upkeep.doctor import Finding

_MOST_POINTS = 7
CHOICES_OF_MODEL = (
    "label_def",
    "first_month",
    "last_month",
    "exclude",
    "test_months",
    "validation_months",
    "without_protected",
    "gain",
    "loss",
)


def audit(checks: Sequence[Check]) -> None:
    """Print one row per check, then one line per leak."""
    rows(
        "Leakage audit",
        [
            {
                "check": check.name,
                "result": "passed" if check.passed else f"{len(check.findings)} LEAKS",
                "looked at": check.looked_at,
                "seconds": check.seconds,
            }
            for check in checks
        ],
        less=("seconds",),
    )
    for check in checks:
        for finding in check.findings:
            say(f"{check.name}: {finding.subject}: {finding.evidence}")
    leaking = sum(not check.passed for check in checks)
    if leaking:
        say(f"{leaking} of {len(checks)} checks found a leak.")
    else:
        say(f"Nothing leaks: {len(checks)} checks passed.")
        next_step("See what the features are worth", "model")


def doctor(findings: Sequence[Finding]) -> None:
    """Print one row per finding, then how to get what is missing."""
    rows("Doctor", [{"subject": f.subject, "state": f.state, "found": f.found} for f in findings])
    for finding in findings:
        if finding.remedy:
            say(f"{finding.subject}: {finding.remedy}")
    if all(finding.state == "ok" for finding in findings):
        say(f"Nothing to do: all {len(findings)} are ok.")


def model(assessment: Assessment, out: Path) -> None:
    """Print the models and baselines with their metrics out of time, then the verdict."""
    rows(
        f"Out of time, {spell(assessment.parts[-1].months)}",
        [
            {
                "model": scored.title,
                "AUC": _with_interval(scored.test.auc),
                "Gini": _with_interval(scored.test.gini),
                "KS": _with_interval(scored.test.ks),
                "PR-AUC": _with_interval(scored.test.pr_auc),
                "Brier": _with_interval(scored.test.brier),
            }
            for scored in assessment.told
        ],
        less=("Brier", "PR-AUC", "KS", "Gini"),
    )
    _labels_known(assessment.evidence.labels_known)
    if assessment.rolling:
        _rolling(assessment.rolling)
    say(assessment.verdict.headline)
    for reason in assessment.verdict.reasons:
        say(f"- {reason}")
    say(f"Report: {out / 'index.html'}")
    if assessment.rolling:
        next_step("Look for leaks of the future", "audit", (*PLACES, "release"))
    else:
        same = (*PLACES, "release", "out", "binning", *CHOICES_OF_MODEL)
        next_step("See how a model in use would have done", "model --rolling", same)


def portfolio(found: Portfolio, out: Path) -> None:
    """Print the roll rates, the curves together and the newest labels, then the proposal."""
    rows(
        "Roll rates: days past due a month before, and now",
        [
            {
                "from": row.bucket,
                "moves": row.loans,
                **{f"to {each}": _percent(s) for each, s in zip(BUCKETS, row.to, strict=True)},
                "cured": _percent(row.cured) if n else "",
                "worse": _percent_with_interval(row.worse) if row.bucket != LAST_BUCKET else "",
            }
            for n, row in enumerate(found.rolls.rows)
        ],
        less=("moves", "cured"),
    )
    rows(
        "Mature cohorts together: share ever past due, by month on book",
        [
            {
                "days": curve.dpd_bound,
                "cohorts": len(curve.cohorts),
                "loans": curve.loans,
                **{f"mob {point.mob}": _percent(point.bad_ever) for point in _some(curve.points)},
            }
            for curve in found.curves
        ],
        less=("cohorts", "loans"),
    )
    _maturity(found)
    _left_out(found.left_out)
    say(found.proposal.headline)
    for line in (*found.proposal.reasons, *found.proposal.limits):
        say(f"- {line}")
    say(f"Report: {out / 'index.html'}")
    next_step("Build the training set", "training-set --out train.parquet", (*PLACES, "release"))


def _some(points: Sequence[Point]) -> list[Point]:
    """At most seven points of a curve, the last one among them."""
    step = max(1, -(-len(points) // _MOST_POINTS))
    return [point for point in points if (points[-1].mob - point.mob) % step == 0]


def _maturity(found: Portfolio) -> None:
    """Print the months of application from which on not every loan has a label."""
    incomplete = [each for each in found.maturity if each.known.n < each.loans]
    lines = []
    for name in dict.fromkeys(each.label_def for each in found.maturity):
        own = [each for each in incomplete if each.label_def == name]
        loans = sum(each.loans for each in found.maturity if each.label_def == name)
        lines.append(
            {
                "label": name,
                "loans": loans,
                "without a known label": sum(each.loans - each.known.n for each in own),
                "indeterminate": sum(each.indeterminate for each in own),
                "in months": spell(each.month for each in own),
            }
        )
    rows("Label maturity, by month of application", lines, less=("loans",))


def _left_out(left_out: LeftOut) -> None:
    """Print how many records vintages and roll rates cannot use; nothing if they use all."""
    told = {
        "without days past due": left_out.without_dpd,
        "without month on book": left_out.without_mob,
        "behind the calendar": left_out.stays_behind,
        "ahead of the newest month": left_out.not_yet,
        "without a move": left_out.without_move,
    }
    counted = [f"{n:,} {why}" for why, n in told.items() if n]
    if counted:
        say(f"Not counted of {left_out.records:,} records: {', '.join(counted)}")


def _percent(share: Share) -> str:
    return "" if share.value is None else f"{share.value:.1%}"


def _percent_with_interval(share: Share) -> str:
    if share.value is None:
        return ""
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"


def _labels_known(known: LabelsKnown) -> None:
    """Print what it costs to learn only from labels known in time: loans and AUC."""
    rows(
        "Learning only from labels known in time"
        if known.applied
        else "Learning from every label, known in time or not",
        [
            {
                "model": each.model,
                "AUC": _with_interval(each.auc),
                "AUC with every label": _with_interval(each.auc_without),
                "difference": _with_interval(each.difference, "+.3f"),
            }
            for each in known.models
        ],
        less=("AUC with every label",),
    )
    for part in known.train:
        say(
            f"Known before {part.first_day}, the first day of {part.part}: the labels of {part.loans:,} "
            f"of {part.loans + part.left_out:,} train loans"
        )


def _rolling(rolling: Rolling) -> None:
    """Print a row per month, and one for all that have an AUC; too few events are told in its place."""
    rows(
        "As if deployed, month by month",
        [
            {
                "month": month.month,
                "trained on": month.trained_on,
                "scored": month.scored,
                "defaults": month.defaults,
                **_aucs(rolling.models, month.aucs, f"too few: {month.too_few}"),
            }
            for month in rolling.months
        ],
    )
    together = _aucs(rolling.models, rolling.together, "too few events in every month")
    say("All months with an AUC: " + ", ".join(f"{name} {auc}" for name, auc in together.items()))


def _aucs(models: Sequence[str], aucs: Sequence[ModelAuc], instead: str) -> dict[str, str]:
    if not aucs:
        return dict.fromkeys(models, instead)
    return {each.model: _with_interval(each.auc) for each in aucs}


def _with_interval(estimate: Estimate, form: str = ".3f") -> str:
    value, low, high = (format(n, form) for n in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})"

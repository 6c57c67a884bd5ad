"""Audits and assessments of the features, as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.cli.show.tables import rows
from lakehouse.cli.show.terminal import say
from lakehouse.months import spell

if TYPE_CHECKING:
    from pathlib import Path

    from lakehouse.audit.finding import Check
    from lakehouse.model.assessment import Assessment
    from lakehouse.model.metrics import Estimate


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
    )
    for check in checks:
        for finding in check.findings:
            say(f"{check.name}: {finding.subject}: {finding.evidence}")
    leaking = sum(not check.passed for check in checks)
    if leaking:
        say(f"{leaking} of {len(checks)} checks found a leak.")
    else:
        say(f"Nothing leaks: {len(checks)} checks passed.")


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
            for scored in assessment.scored
        ],
    )
    say(assessment.verdict.headline)
    for reason in assessment.verdict.reasons:
        say(f"- {reason}")
    say(f"Report: {out / 'index.html'}")


def _with_interval(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"

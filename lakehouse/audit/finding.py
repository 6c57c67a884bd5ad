"""What a check of the audit answers: passed, or what leaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that leaks: where (layer.table or layer.table.column), and by what it shows.

    `evidence` is one sentence without personal data.
    """

    subject: str
    evidence: str


@dataclass(frozen=True)
class Check:
    """One question asked of a release, and the answer.

    `proves`: what passing means; `looked_at`: what was compared, in numbers.
    """

    name: str
    proves: str
    looked_at: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.findings

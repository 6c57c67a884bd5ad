"""The answer of an audit check: it passed, or the list of what leaks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One leak: where it is (layer.table or layer.table.column), and the evidence for it.

    `evidence` is one sentence without personal data.
    """

    subject: str
    evidence: str


@dataclass(frozen=True)
class Check:
    """One question about a release, and the answer.

    `proves` says what it means to pass. `looked_at` says what was compared, in numbers.
    """

    name: str
    proves: str
    looked_at: str
    findings: tuple[Finding, ...]
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.findings

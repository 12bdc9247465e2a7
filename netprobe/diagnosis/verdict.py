"""The one answer of a run, and the order in which its findings are told."""

from __future__ import annotations

from collections.abc import Sequence

from netprobe.diagnosis.model import CapabilityOutcome, EndpointOutcome
from netprobe.diagnosis.taxonomy import ORDER
from netprobe.findings import Certainty, Finding, Outcome, Verdict


def verdict(endpoints: Sequence[EndpointOutcome], findings: Sequence[Finding]) -> Verdict:
    """The verdict; a run that probed nothing leaves it open, as does something required that could not be run."""
    is_open = not endpoints or any(e.required and e.outcome is Outcome.NOT_RUN for e in endpoints)
    return Verdict.of(findings, is_open=is_open)


def by_weight(findings: Sequence[Finding], capabilities: Sequence[CapabilityOutcome]) -> tuple[Finding, ...]:
    """Order findings by what they block: capabilities first, then the number of hosts, then the steps of a chain."""

    def blocks(finding: Finding) -> int:
        here = (None, *{c.region for c in capabilities}) if finding.region is None else (finding.region,)
        return sum(1 for c in capabilities if finding.id in c.blocked_by and c.region in here)

    return tuple(
        sorted(
            findings,
            key=lambda f: (
                f.severity.rank,
                -blocks(f),
                f.certainty is Certainty.SUSPECTED,
                -len(f.hosts),
                ORDER[f.id],
                f.title,
            ),
        )
    )

"""Where everything of a report stands on its page: anchors, and observations by the host that they are of.

Anchors are numbers, never names: a name comes from outside.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Self

from netprobe.diagnosis.model import EndpointOutcome
from netprobe.findings import Finding
from netprobe.observations import Observation
from netprobe.report.model import Report
from netprobe.report.words import ordered


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Lookups over one report.

    Attributes:
        findings: errors first, as the page shows them.
        by_host: (host, port) → its observations in the order of their beginning.
        by_id: the observations by their ids.
    """

    findings: tuple[Finding, ...]
    by_host: dict[tuple[str, int], list[Observation]]
    by_id: dict[str, Observation]
    _cards: dict[int, str]
    _endpoints: dict[int, str]

    @classmethod
    def of(cls, report: Report) -> Self:
        """Index a report."""
        findings = tuple(ordered(report.findings))
        by_host: dict[tuple[str, int], list[Observation]] = defaultdict(list)
        for one in sorted(report.observations, key=lambda o: o.started_seconds):
            by_host[one.host, one.port].append(one)
        return cls(
            findings=findings,
            by_host=dict(by_host),
            by_id={one.id: one for one in report.observations},
            _cards={id(finding): f"f{number}" for number, finding in enumerate(findings, start=1)},
            _endpoints={id(one): f"e{number}" for number, one in enumerate(report.endpoints, start=1)},
        )

    def card(self, finding: Finding) -> str:
        """The anchor of a finding's card."""
        return self._cards[id(finding)]

    def endpoint(self, endpoint: EndpointOutcome) -> str:
        """The anchor of an endpoint's evidence."""
        return self._endpoints[id(endpoint)]

    def seen(self, endpoint: EndpointOutcome, host: str) -> list[Observation]:
        """The observations of one host of an endpoint."""
        return self.by_host.get((host, endpoint.port), [])

    def evidence(self, finding: Finding) -> list[Observation]:
        """The observations that a finding names."""
        return [self.by_id[id_] for id_ in finding.evidence if id_ in self.by_id]

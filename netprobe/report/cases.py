"""A report as a list of cases, for the formats that know tests: JUnit, TAP and the tables of Markdown and HTML.

A case is an endpoint of a region or a rule. A finding that no case is as bad as (a wrong clock, where every endpoint
answers; a proxy setting, which belongs to none) is a case of its own: where a format shows only cases, an error must
show as a failure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.diagnosis.model import EndpointOutcome
from netprobe.findings import Finding, Outcome, Severity
from netprobe.report.model import Report
from netprobe.report.words import hosts_told, waived

_MOST_HOSTS = 3
"""Names that a reason tells before it counts the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that was judged.

    Attributes:
        suite: the region, the subject of a rule, or ``host``.
        name: what was judged.
        outcome: what became of it.
        required: whether the verdict cannot be ready while it fails or could not be run.
        reason: why it did not pass, or nothing.
        findings: the findings that touch it.
        seconds: how long its steps took, experiments left out.
    """

    suite: str
    name: str
    outcome: Outcome
    required: bool
    reason: str
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def waived(self) -> str:
        """Until when, by whom and why it is accepted, where waivers are all that keeps it from failing; or nothing."""
        bad = [finding for finding in self.findings if finding.waiver is not None or finding.severity != Severity.INFO]
        if self.outcome is Outcome.PASS and not any(finding.waiver for finding in bad):
            return ""
        if self.outcome in (Outcome.FAIL, Outcome.NOT_RUN) or not bad or any(one.waiver is None for one in bad):
            return ""
        return "; ".join(dict.fromkeys(waived(finding) for finding in bad))


def cases(report: Report) -> tuple[Case, ...]:
    """Every endpoint, rule and finding of a report, in its order."""
    told: set[int] = set()
    found = [*_endpoints(report, told), *_rules(report, told)]
    return (*found, *_findings(report, told))


def _endpoints(report: Report, told: set[int]) -> Iterator[Case]:
    seconds: dict[tuple[str, str], float] = defaultdict(float)
    for observation in report.observations:
        if observation.experiment is None:
            seconds[observation.region, observation.endpoint] += observation.duration_seconds
    for endpoint in report.endpoints:
        findings = tuple(finding for finding in report.findings if _touches(finding, endpoint))
        told |= {id(finding) for finding in findings if _shows(endpoint.outcome, finding)}
        yield Case(
            suite=endpoint.region,
            name=f"{endpoint.id} {endpoint.pattern}:{endpoint.port}",
            outcome=endpoint.outcome,
            required=endpoint.required,
            reason=_reason(endpoint),
            findings=findings,
            seconds=seconds[endpoint.region, endpoint.id],
        )


_SHOWN_BY = {
    Severity.ERROR: (Outcome.FAIL,),
    Severity.WARNING: (Outcome.FAIL, Outcome.WARN),
    Severity.INFO: tuple(Outcome),
}


def _shows(outcome: Outcome, finding: Finding) -> bool:
    """Whether a case with this outcome is at least as bad as the finding."""
    return outcome in _SHOWN_BY[finding.severity]


def _touches(finding: Finding, endpoint: EndpointOutcome) -> bool:
    if finding.region not in (None, endpoint.region):
        return False
    if endpoint.id in finding.endpoints:
        return True
    return any(host.host in finding.hosts for host in endpoint.hosts)


def _reason(endpoint: EndpointOutcome) -> str:
    if endpoint.outcome is Outcome.PASS:
        return ""
    bad = [host for host in endpoint.hosts if host.failure or host.outcome is not Outcome.PASS]
    alike: dict[str, list[str]] = defaultdict(list)
    for host in bad:
        what = f"{host.failed_step or host.outcome} {host.failure or ''}".strip()
        # A step that failed by what it gave, such as a sinkhole's address, has no word of its own.
        alike[what if host.failure or host.failed_step is None else f"{what} failed"].append(host.host)
    told = "; ".join(f"{hosts_told(hosts, _MOST_HOSTS)}: {what}" for what, hosts in alike.items())
    return told or endpoint.not_run or str(endpoint.outcome)


def _rules(report: Report, told: set[int]) -> Iterator[Case]:
    for rule in report.rules:
        places = {place.file for place in rule.places}
        findings = tuple(
            finding
            for finding in report.findings
            if finding.id == rule.id
            and (not places or not finding.places or places & {place.file for place in finding.places})
        )
        told |= {id(finding) for finding in findings if _shows(rule.outcome, finding)}
        yield Case(
            suite=rule.subject or "host",
            name=rule.id,
            outcome=rule.outcome,
            required=rule.outcome is not Outcome.NOT_RUN or rule.hindered,
            reason="" if rule.outcome is Outcome.PASS else (rule.not_run or rule.title),
            findings=findings if rule.outcome in (Outcome.WARN, Outcome.FAIL) else (),
            seconds=0.0,
        )


_OF_SEVERITY = {Severity.ERROR: Outcome.FAIL, Severity.WARNING: Outcome.WARN, Severity.INFO: Outcome.PASS}


def _findings(report: Report, told: set[int]) -> Iterator[Case]:
    for finding in report.findings:
        if id(finding) not in told:
            yield Case(
                suite=finding.region or "host",
                name=finding.id,
                outcome=_OF_SEVERITY[finding.severity],
                required=finding.severity is Severity.ERROR,
                reason=finding.title,
                findings=(finding,),
                seconds=0.0,
            )

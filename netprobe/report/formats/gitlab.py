"""GitLab code quality JSON: the subset of a Code Climate issue that GitLab reads (docs.gitlab.com, "Code Quality")."""

from __future__ import annotations

from netprobe import jsontext
from netprobe.errors import printable
from netprobe.findings import Finding, Severity
from netprobe.report.model import Report
from netprobe.report.places import fingerprint, place_of, uri
from netprobe.report.words import ordered

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, *, width: int, colour: bool) -> bytes:
    """Write an array with one issue a finding; of findings with the same fingerprint the first (the worst) stays."""
    issues = {fingerprint(finding): _issue(finding) for finding in reversed(ordered(report.findings))}
    return jsontext.encode(list(reversed(issues.values())))


def _issue(finding: Finding) -> dict[str, object]:
    place = place_of(finding)
    return {
        "description": printable(f"{finding.title} Fix ({finding.owner}): {finding.remedy}", 4000),
        "check_name": printable(finding.id),
        "fingerprint": fingerprint(finding),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": uri(place), "lines": {"begin": place.line or 1}},
    }

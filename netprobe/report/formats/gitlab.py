"""GitLab code quality JSON: the subset of a Code Climate issue that GitLab reads (docs.gitlab.com, "Code Quality")."""

from __future__ import annotations

from netprobe import jsontext
from netprobe.errors import printable
from netprobe.findings import Finding, Severity
from netprobe.report.model import Report
from netprobe.report.places import NO_FILE, Repository, fingerprint, places_in, uri
from netprobe.report.words import fix, host_told, ordered, waived

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, *, width: int, colour: bool, repository: Repository | None = None) -> bytes:
    """Write an array with one issue a finding; of findings with the same fingerprint the first (the worst) stays."""
    host = host_told(report)
    issues = {fingerprint(finding): _issue(finding, host, repository) for finding in reversed(ordered(report.findings))}
    return jsontext.encode(list(reversed(issues.values())))


def _issue(finding: Finding, host: str, repository: Repository | None) -> dict[str, object]:
    place = (places_in(finding, repository) or [NO_FILE])[0]
    accepted = f" {waived(finding)}." if finding.waiver is not None else ""
    where = f" Host: {host}." if host else ""
    return {
        "description": printable(f"{finding.title}{accepted} Fix ({finding.owner}): {fix(finding)}{where}", 4000),
        "check_name": printable(finding.id),
        "fingerprint": fingerprint(finding),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": uri(place), "lines": {"begin": place.line or 1}},
    }

"""GitLab code quality JSON: the subset of a Code Climate issue that GitLab reads (docs.gitlab.com, "Code Quality")."""

from __future__ import annotations

import hashlib

from netprobe import jsontext
from netprobe.errors import printable
from netprobe.findings import Finding, Severity
from netprobe.report import glance
from netprobe.report.model import Report
from netprobe.report.places import NO_FILE, Repository, fingerprint, places_in
from netprobe.report.words import fix, host_told, ordered, waived

_SEVERITIES = {Severity.ERROR: "critical", Severity.WARNING: "minor", Severity.INFO: "info"}


def render(report: Report, *, width: int, colour: bool, repository: Repository | None = None) -> bytes:
    """Write an array with one issue a finding; of findings with the same fingerprint the first (the worst) stays."""
    host = host_told(report)
    issues = {fingerprint(finding): _issue(finding, host, repository) for finding in reversed(ordered(report.findings))}
    return jsontext.encode([*_left_open(report, repository), *reversed(issues.values())])


def _left_open(report: Report, repository: Repository | None) -> list[dict[str, object]]:
    """An inconclusive report without a finding would look like a clean one."""
    lacking = glance.left_open(report)
    if not lacking:
        return []
    subjects = dict.fromkeys(rule.subject for rule in report.rules if rule.hindered)
    known = repository.paths if repository is not None else {subject: subject for subject in subjects}
    anchor = repository.anchor if repository is not None else ""
    path = next((known[subject] for subject in subjects if subject in known), anchor)
    return [
        {
            "description": printable(lacking, 4000),
            "check_name": "inconclusive",
            "fingerprint": hashlib.sha256("\x1f".join(("inconclusive", *sorted(subjects))).encode()).hexdigest(),
            "severity": "major",
            "location": {"path": _path(path), "lines": {"begin": 1}},
        }
    ]


def _path(file: str) -> str:
    """As it stands in the repository; GitLab wants a path, no URI."""
    return printable(file.lstrip("/"), 1000) or NO_FILE.file


def _issue(finding: Finding, host: str, repository: Repository | None) -> dict[str, object]:
    place = (places_in(finding, repository) or [NO_FILE])[0]
    accepted = f" {waived(finding)}." if finding.waiver is not None else ""
    where = f" Host: {host}." if host else ""
    return {
        "description": printable(f"{finding.title}{accepted} Fix ({finding.owner}): {fix(finding)}{where}", 4000),
        "check_name": printable(finding.id),
        "fingerprint": fingerprint(finding),
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": _path(place.file), "lines": {"begin": place.line or 1}},
    }

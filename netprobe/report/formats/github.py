"""GitHub workflow commands: each finding as an annotation (docs.github.com, "Workflow commands for GitHub Actions").

The runner splits a command at the first ``::`` after the properties and unescapes %25, %0D and %0A (in properties also
%3A and %2C), so those and nothing else must be escaped, and no foreign text may begin a line of its own. GitHub shows
only the first annotations of a step: errors come first.
"""

from __future__ import annotations

from netprobe import cilog
from netprobe.errors import printable
from netprobe.findings import Finding, Severity, Verdict
from netprobe.report.model import Report
from netprobe.report.places import Repository, places_in
from netprobe.report.words import VERDICTS, about, fix, hosts_told, ordered, summary, waived

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, *, width: int, colour: bool, repository: Repository | None = None) -> str:
    """Write one annotation a finding, then one for the verdict."""
    lines = [_annotation(finding, repository) for finding in ordered(report.findings)]
    bad = report.verdict in (Verdict.NOT_READY, Verdict.INCONCLUSIVE)
    where = f" ({', '.join(report.regions)})" if report.regions else ""
    told = "".join(f"\n{label}: {text}" for label, text in about(report).items())
    lines.append(
        _command(
            "error" if bad else "notice",
            {"title": f"netprobe: {VERDICTS[report.verdict]}"},
            summary(report) + where + told,
        )
    )
    return cilog.in_line("\n".join(lines) + "\n")


def _annotation(finding: Finding, repository: Repository | None) -> str:
    properties = {"title": f"netprobe: {finding.id} ({finding.certainty})"}
    places = places_in(finding, repository) if finding.places else []
    if places:
        properties["file"] = places[0].file.lstrip("/")
        if places[0].line is not None:
            properties["line"] = str(places[0].line)
    hosts = f"\nHosts: {hosts_told(sorted(finding.hosts), 6)}" if finding.hosts else ""
    accepted = f"\n{waived(finding)}" if finding.waiver is not None else ""
    text = f"{finding.title}{hosts}{accepted}\nFix ({finding.owner}): {fix(finding)}\nMore: {finding.docs}"
    return _command(_COMMANDS[finding.severity], properties, text)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}"


def _data(text: str) -> str:
    lines = (printable(line, 4000) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return printable(text, 500).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")

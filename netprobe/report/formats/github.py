"""GitHub workflow commands: each finding as an annotation (docs.github.com, "Workflow commands for GitHub Actions").

The runner splits a command at the first ``::`` after the properties and unescapes %25, %0D and %0A (in properties also
%3A and %2C), so those and nothing else must be escaped, and no foreign text may begin a line of its own. GitHub shows
only the first annotations of a step: errors come first.
"""

from __future__ import annotations

from netprobe import cilog, natural
from netprobe.errors import printable
from netprobe.findings import Finding, Severity, Verdict
from netprobe.report import glance
from netprobe.report.model import Report
from netprobe.report.places import Repository, places_in
from netprobe.report.words import VERDICTS, about, fix, hosts_told, ordered, summary, waived

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}


def render(report: Report, *, width: int, colour: bool, repository: Repository | None = None) -> str:
    """Write one annotation a finding, then one for the verdict."""
    lines = [_annotation(finding, repository) for finding in ordered(report.findings)]
    return cilog.in_line("\n".join([*lines, _verdict(report)]) + "\n")


def _verdict(report: Report) -> str:
    command = "notice"
    if report.verdict in (Verdict.NOT_READY, Verdict.INCONCLUSIVE):
        command = "error"
    text = summary(report)
    if report.regions:
        text += f" ({', '.join(report.regions)})"
    if lacking := glance.left_open(report):
        text += f"\n{lacking}"
    for label, known in about(report).items():
        text += f"\n{label}: {known}"
    return _command(command, {"title": f"netprobe: {VERDICTS[report.verdict]}"}, text)


def _annotation(finding: Finding, repository: Repository | None) -> str:
    properties = {"title": f"netprobe: {finding.id} ({finding.certainty})"}
    places = places_in(finding, repository) if finding.places else []
    for place in places[:1]:
        properties["file"] = place.file.lstrip("/")
        if place.line is not None:
            properties["line"] = str(place.line)
    lines = [finding.title]
    if finding.hosts:
        lines.append(f"Hosts: {hosts_told(natural.ordered(finding.hosts), 6)}")
    if finding.waiver is not None:
        lines.append(waived(finding))
    lines += [f"Fix ({finding.owner}): {fix(finding)}", f"More: {finding.docs}"]
    return _command(_COMMANDS[finding.severity], properties, "\n".join(lines))


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {told}::{_data(message)}"


def _data(text: str) -> str:
    lines = (printable(line, 4000) for line in text.split("\n"))
    return "%0A".join(line.replace("%", "%25") for line in lines)


def _property(text: str) -> str:
    return printable(text, 500).replace("%", "%25").replace(":", "%3A").replace(",", "%2C")

"""One line, for cron's mail or a log: the verdict, the host and the gravest cause, and how many more there are."""

from __future__ import annotations

from netprobe import cilog
from netprobe.errors import printable
from netprobe.findings import Severity
from netprobe.report import glance
from netprobe.report.model import Report
from netprobe.report.words import VERDICTS, counted, in_ascii

LONGEST = 500


def render(report: Report, *, width: int, colour: bool, ascii: bool = False, full: bool = False) -> str:
    """Write the line."""
    told = printable(told_in_a_line(report), LONGEST)
    return cilog.in_text((in_ascii(told) if ascii else told) + "\n")


def told_in_a_line(report: Report) -> str:
    """``NOT READY fra-web-07: tls_intercepted … → network team; netprobe explain tls_intercepted; and 2 warnings``."""
    verdict = VERDICTS[report.verdict]
    first = glance.conclusion(report)[0].removeprefix(f"{verdict}: ")
    named = report.host.name or (f"site {report.host.site}" if report.host.site else "")
    who = f"{verdict} {named}".rstrip()
    severities = [finding.severity for finding in report.findings]
    errors, warnings = severities.count(Severity.ERROR), severities.count(Severity.WARNING)
    if glance.decided_by_finding(report):
        errors, warnings = (errors - 1, warnings) if errors else (0, warnings - 1)
    more = [counted(number, f"more {word}") for number, word in ((errors, "error"), (warnings, "warning")) if number]
    return f"{who}: {first}" + (f"; and {', '.join(more)}" if more else "")

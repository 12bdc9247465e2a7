"""Test Anything Protocol, version 13 (testanything.org), which more harnesses read than version 14.

Something required that could not be run is ``not ok``; something optional is skipped. Diagnostics are a YAML block
whose values are JSON strings, which every YAML reader takes.
"""

from __future__ import annotations

import json

from netprobe import jsontext
from netprobe.errors import printable
from netprobe.findings import Outcome
from netprobe.report.cases import Case, cases
from netprobe.report.model import Report
from netprobe.report.words import VERDICTS, about, fix, ordered, summary, waived


def render(report: Report, *, width: int, colour: bool) -> str:
    """Write the plan, one line a case, and the verdict as a comment."""
    every = cases(report)
    lines = ["TAP version 13", f"1..{len(every)}" if every else "1..0 # SKIP nothing was judged"]
    lines += [f"# {label}: {_line(text)}" for label, text in about(report).items()]
    for number, case in enumerate(every, 1):
        lines += _case(number, case)
    lines.append(f"# {VERDICTS[report.verdict]}: {_line(summary(report))}")
    return "\n".join(lines) + "\n"


def _case(number: int, case: Case) -> list[str]:
    name = f"{number} - {_line(case.suite)}: {_line(case.name)}"
    if case.outcome is Outcome.NOT_APPLICABLE or (case.outcome is Outcome.NOT_RUN and not case.required):
        return [f"ok {name} # SKIP {_line(case.reason)}".rstrip()]
    good = case.outcome in (Outcome.PASS, Outcome.WARN)
    return [f"{'ok' if good else 'not ok'} {name}", *_diagnostics(case)]


def _diagnostics(case: Case) -> list[str]:
    if not case.findings and case.outcome is Outcome.PASS:
        return []
    lines = ["  ---", f"  outcome: {_string(str(case.outcome))}", f"  reason: {_string(case.reason)}"]
    if case.findings:
        lines.append("  findings:")
    for finding in ordered(case.findings):
        lines.append(f"    - id: {_string(finding.id)}")
        lines += [
            f"      {key}: {_string(value)}"
            for key, value in (
                ("severity", str(finding.severity)),
                ("certainty", str(finding.certainty)),
                ("title", finding.title),
                ("remedy", fix(finding)),
                ("owner", str(finding.owner)),
                ("docs", finding.docs),
                ("waiver", waived(finding)),
            )
            if value
        ]
    return [*lines, "  ..."]


def _string(text: str) -> str:
    return jsontext.escaped(json.dumps(text))


def _line(text: str) -> str:
    """One line without ``#``, which begins a directive; readers disagree on how it would be escaped."""
    return printable(text, 500).replace("#", "\\x23")

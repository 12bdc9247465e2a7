"""What a terminal of 24 rows and 80 columns still shows of a text, and how many columns text takes."""

from __future__ import annotations

import unicodedata

from netprobe.findings import Severity
from netprobe.report import render
from netprobe.report.model import Report
from netprobe.report.words import VERDICTS

ROWS, COLUMNS = 24, 80


def columns(text: str) -> int:
    """Columns as a terminal counts them: wide characters two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def last_screen(text: str) -> list[str]:
    """The rows that are left on the screen, the last one empty for the prompt; longer lines take several."""
    rows: list[str] = []
    for line in text.splitlines():
        rows += [line[start : start + COLUMNS] for start in range(0, max(len(line), 1), COLUMNS)]
    return rows[-(ROWS - 1) :]


def missing_on_it(report: Report) -> list[str]:
    """What the last screen of a report does not tell: the verdict, or a finding with who acts and where to read on."""
    text = render(report, "text", width=COLUMNS)
    assert isinstance(text, str)
    shown = " ".join(" ".join(last_screen(text)).split())
    findings = [finding for finding in report.findings if finding.severity is not Severity.INFO]
    wanted = [f"{VERDICTS[report.verdict]}: ", *(f"; netprobe explain {finding.id}" for finding in findings)]
    wanted += [f": {finding.id} " for finding in findings]
    return [one for one in wanted if one not in f"{shown} "]

"""Markdown for a step summary, a merge request or a wiki: GitHub's flavour, which GitLab reads too.

Foreign text is escaped so that it stays text: no link, image, HTML, mention, issue reference, emphasis or table cell
can come out of a host name or a title that somebody else chose.
"""

from __future__ import annotations

import re

from netprobe import natural
from netprobe.diagnosis.words import remarks
from netprobe.errors import printable
from netprobe.findings import Finding, Outcome
from netprobe.report.cases import Case, cases
from netprobe.report.model import Report
from netprobe.report.words import OUTCOMES, TEAMS, VERDICTS, about, hosts_told, ordered, summary, waived

# Entities are never read as structure (CommonMark 0.31, section 2.5). Links made of bare URLs, and mentions, are found
# in the text after entities are decoded; an empty comment in between is what keeps them apart.
# An underscore within a word makes no emphasis (section 6.2), and our own words are full of them.
_SPECIAL = re.compile(r"://|www\.|[&<>\\`*\[\]!|~$@#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_PARTED = {"://": ":<!-- -->//", "www.": "www<!-- -->.", "@": "@<!-- -->", "#": "&#35;<!-- -->"}
# A paragraph may not begin, blanks aside, like a list, a heading, a quote or a rule; nor like a CI system's command.
_FIRST = re.compile(r"^(\s*)([-+=:]|[0-9](?=[0-9]{0,8}[.)](?:\s|$)))")
_ID = re.compile(r"[a-z0-9_ -]{1,120}")
# An address that cannot end its own link or begin another: what our own manual's addresses are made of.
_URL = re.compile(r"https?://[A-Za-z0-9.:/_~%-]{1,400}")
_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.WARN: "⚠️",
    Outcome.FAIL: "❌",
    Outcome.NOT_APPLICABLE: "-",
    Outcome.NOT_RUN: "❔",
}


def render(report: Report, *, width: int, colour: bool) -> str:
    """Write the verdict, the findings and a table of what was judged."""
    where = f": {', '.join(as_text(region) for region in report.regions)}" if report.regions else ""
    lines = [f"## netprobe: {VERDICTS[report.verdict]}{where}", "", as_text(summary(report)), ""]
    lines += [f"**{as_text(remark)}**\n" for remark in remarks(report.context)]
    lines += [*(f"- **{label}:** {as_text(text)}" for label, text in about(report).items()), ""]
    for finding in ordered(report.findings):
        lines += _finding(finding)
    every = cases(report)
    if every:
        lines += ["### What was judged", "", "| | where | what | why not |", "|---|---|---|---|"]
        lines += [_row(case) for case in every]
        lines.append("")
    if report.notes:
        lines += ["### Notes", "", *(f"- {as_text(note)}" for note in report.notes), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _finding(finding: Finding) -> list[str]:
    where = f" in {as_text(finding.region)}" if finding.region else ""
    lines = [
        f"### {finding.severity}: {as_code(finding.id)}{where} ({finding.certainty})",
        "",
        as_text(finding.title),
        "",
    ]
    if finding.hosts:
        lines.append(f"- **hosts:** {as_text(hosts_told(natural.ordered(finding.hosts), 6))}")
    for place in finding.places[:6]:
        at = f":{place.line}" if place.line is not None else ""
        lines.append(f"- **at:** {as_text(place.file + at)}")
    if finding.waiver is not None:
        lines.append(f"- **waived:** {as_text(waived(finding).removeprefix('waived '))}")
    lines += [
        f"- **fix:** {as_text(finding.remedy)}",
        *(f"  - {as_text(pattern)}" for pattern in finding.patterns[1:] and finding.patterns if pattern.strip()),
        f"- **who:** {TEAMS[finding.owner]}",
        f"- **more:** {as_code('netprobe explain ' + finding.id)}, {_link(finding.docs)}",
        "",
    ]
    return lines


def _row(case: Case) -> str:
    sign = f"{_SIGNS[case.outcome]} {OUTCOMES[case.outcome]}"
    needed = "" if case.required else " (optional)"
    return f"| {sign} | {as_text(case.suite)} | {as_text(case.name)}{needed} | {as_text(case.reason)} |"


def as_text(text: str) -> str:
    """Foreign text that stays text."""
    safe = _SPECIAL.sub(lambda match: _PARTED.get(match[0]) or f"&#{ord(match[0])};", printable(text, 2000))
    return _FIRST.sub(lambda match: f"{match[1]}&#{ord(match[2])};", safe)


def _link(url: str) -> str:
    """A link to the manual; what does not look like one is text."""
    return f"<{url}>" if _URL.fullmatch(url) else as_text(url)


def as_code(word: str) -> str:
    """A word of ours in a code span; what does not look like one is text."""
    return f"`{word}`" if _ID.fullmatch(word) else as_text(word)

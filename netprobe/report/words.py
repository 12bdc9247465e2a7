"""The words that every format for people shares: the verdict, a count, a shortened list of hosts."""

from __future__ import annotations

from collections.abc import Sequence

from netprobe.findings import Finding, Outcome, Owner, Severity, Verdict
from netprobe.report.model import Report

VERDICTS = {
    Verdict.READY: "READY",
    Verdict.DEGRADED: "READY, WITH WARNINGS",
    Verdict.NOT_READY: "NOT READY",
    Verdict.INCONCLUSIVE: "INCONCLUSIVE",
}
OUTCOMES = {
    Outcome.PASS: "pass",
    Outcome.WARN: "warn",
    Outcome.FAIL: "FAIL",
    Outcome.NOT_APPLICABLE: "n/a",
    Outcome.NOT_RUN: "not run",
}

TEAMS = {
    Owner.NETWORK: "the network team",
    Owner.HOST: "whoever runs this host",
    Owner.AWS: "AWS; nothing to change here",
    Owner.ORIGIN: "whoever runs that service; nothing to change here",
    Owner.WORKLOAD: "whoever owns the task definition",
}
"""Owner of a finding → who has to act, in a sentence."""


def counted(number: int, word: str) -> str:
    """``1 error``, ``3 errors``."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Errors first; within a severity, the order in which diagnosis put them (by what they block)."""
    return sorted(findings, key=lambda finding: finding.severity.rank)


def summary(report: Report) -> str:
    """One sentence: how many things work, how many errors and warnings there are."""
    judged = [endpoint.outcome for endpoint in report.endpoints] + [rule.outcome for rule in report.rules]
    if not judged:
        return _with_trouble(report, "nothing was judged")
    kinds = _counts((len(report.endpoints), "endpoint"), (len(report.rules), "rule"))
    counts = [
        (judged.count(Outcome.PASS), "pass"),
        (judged.count(Outcome.WARN), "with a warning"),
        (judged.count(Outcome.FAIL), "fail"),
        (judged.count(Outcome.NOT_RUN), "could not be run"),
        (judged.count(Outcome.NOT_APPLICABLE), "not applicable"),
    ]
    parts = ", ".join(f"{number} {what}" for number, what in counts if number)
    return _with_trouble(report, f"{' and '.join(kinds)}: {parts}")


def _with_trouble(report: Report, checked: str) -> str:
    """What was checked, and how many errors and warnings it has, if any."""
    severities = [finding.severity for finding in report.findings]
    trouble = _counts((severities.count(Severity.ERROR), "error"), (severities.count(Severity.WARNING), "warning"))
    return "; ".join([checked, ", ".join(trouble)]) if trouble else checked


def _counts(*counts: tuple[int, str]) -> list[str]:
    """Each number with its word; what there is none of is left out."""
    return [counted(number, word) for number, word in counts if number]


def hosts_told(hosts: Sequence[str], most: int) -> str:
    """A list of hosts for people, cut after ``most`` of them: ``a, b and 27 more``."""
    if len(hosts) <= most + 1:
        return ", ".join(hosts)
    return f"{', '.join(hosts[:most])} and {len(hosts) - most} more"


def about(report: Report) -> dict[str, str]:
    """Which host a report is about, as whom it was looked at, when, and on which facts; what is not known is left out.

    Returns:
        A label for people → what is known, in the order in which to show it.
    """
    host = report.host
    labels = [f"{key}={value}" for key, value in host.labels.items()]
    programs = [f"{agent} {version}" for agent, version in host.agents.items()]
    agents = [f"as {record.name} does" for record in report.context.vantages if record.name != "host"]
    known = {
        "host": [*_known("", host.name), *_known("site ", host.site), *labels],
        "addresses": host.addresses,
        "machine id": _known("", host.machine_id),
        "system": [*_known("", host.os), *_known("kernel ", host.kernel)],
        "agents": [*programs, *_known("docker ", host.docker)],
        "looked": [*_known("as ", host.user), *agents],
        "when": [report.started_at],
        "netprobe": [report.netprobe_version, catalog_told(report)],
    }
    return {label: ", ".join(parts) for label, parts in known.items() if parts}


def _known(before: str, text: str) -> list[str]:
    """A text behind the words before it; nothing where it is not known."""
    return [before + text] if text else []


def is_ready(report: Report, *, strict: bool = False) -> bool:
    """Whether a whole look found the host ready; with ``strict``, without a warning."""
    return report.verdict is Verdict.READY or (report.verdict is Verdict.DEGRADED and not strict)


def catalog_told(report: Report) -> str:
    """``catalog 2026-11-23, 5 days old``, and where it was imported from."""
    days = report.catalog.age_days
    age = f", {counted(days, 'day')} old" if days is not None and days >= 0 else ""
    whence = f", imported from {report.catalog.imported}" if report.catalog.imported else ""
    return f"catalog {report.catalog.version}{age}{whence}"


_AS_ASCII = str.maketrans({"→": "->", "…": "...", "“": '"', "”": '"'})
"""Signs of our own sentences, as they are typed without them."""


def in_ascii(text: str) -> str:
    """The text for a terminal that shows ASCII alone: signs of ours as they are typed, the rest as escapes."""
    if text.isascii():
        return text
    return text.translate(_AS_ASCII).encode("ascii", "backslashreplace").decode("ascii")


def fix(finding: Finding) -> str:
    """The remedy in one line, with the names that it speaks of."""
    if len(finding.patterns) < 2:
        return finding.remedy
    return f"{finding.remedy} Names: {', '.join(finding.patterns)}."


def waived(finding: Finding) -> str:
    """``waived until 2027-01-31 by platform@corp.example: the reason``, or nothing."""
    accepted = finding.waiver
    if accepted is None:
        return ""
    return f"waived until {accepted.expires} by {accepted.owner}: {accepted.reason}"


def host_told(report: Report) -> str:
    """The host in a few words: its name, site and labels; nothing where none is known."""
    return about(report).get("host", "")

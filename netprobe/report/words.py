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
    kinds = [
        counted(len(some), word) for some, word in ((report.endpoints, "endpoint"), (report.rules, "rule")) if some
    ]
    counts = [
        (judged.count(Outcome.PASS), "pass"),
        (judged.count(Outcome.WARN), "with a warning"),
        (judged.count(Outcome.FAIL), "fail"),
        (judged.count(Outcome.NOT_RUN), "could not be run"),
        (judged.count(Outcome.NOT_APPLICABLE), "not applicable"),
    ]
    parts = ", ".join(f"{number} {what}" for number, what in counts if number)
    errors = sum(finding.severity is Severity.ERROR for finding in report.findings)
    warnings = sum(finding.severity is Severity.WARNING for finding in report.findings)
    told = ", ".join(counted(number, word) for number, word in ((errors, "error"), (warnings, "warning")) if number)
    checked = f"{' and '.join(kinds)}: {parts}" if judged else "nothing was judged"
    return f"{checked}; {told}" if told else checked


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
    site = [f"site {host.site}"] if host.site else []
    kernel = [f"kernel {host.kernel}"] if host.kernel else []
    user = [f"as {host.user}"] if host.user else []
    programs = [f"{agent} {version}" for agent, version in host.agents.items()]
    docker = [f"docker {host.docker}"] if host.docker else []
    looked_as = [record.name for record in report.context.vantages]
    known = {
        "host": [*_unless_empty(host.name), *site, *labels],
        "addresses": host.addresses,
        "machine id": _unless_empty(host.machine_id),
        "system": [*_unless_empty(host.os), *kernel],
        "agents": [*programs, *docker],
        "looked": [*user, *(f"as {name} does" for name in looked_as if name != "host")],
        "when": [report.started_at],
        "netprobe": [report.netprobe_version, catalog_told(report)],
    }
    return {label: ", ".join(parts) for label, parts in known.items() if parts}


def _unless_empty(text: str) -> list[str]:
    return [text] if text else []


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
    return f"waived until {accepted.expires} by {accepted.owner}: {accepted.reason}" if accepted is not None else ""


def host_told(report: Report) -> str:
    """The host in a few words: its name, site and labels; nothing where none is known."""
    return about(report).get("host", "")

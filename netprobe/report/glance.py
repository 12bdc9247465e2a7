"""What is to be seen first: the verdict and, for each cause, one line that says what, whose, and where to read on.

``NOT READY: tls_intercepted by "Example Corp TLS Inspection CA" → network team; netprobe explain tls_intercepted``.
Formats for people end with these lines; ``line`` and ``nagios`` are made of them alone. They hold foreign text as it
is: each format makes it safe in its own way, and writes the arrow as it can.
"""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from netprobe import natural
from netprobe.diagnosis.certificates import Authority
from netprobe.diagnosis.model import EndpointOutcome
from netprobe.errors import redacted
from netprobe.findings import Finding, Outcome, Owner, Severity, Verdict, worst
from netprobe.observations import DnsDetail, Failure, HttpDetail, Observation, ProxyDetail, Step, TlsDetail
from netprobe.report.model import Report
from netprobe.report.words import TEAMS, VERDICTS, counted, ordered, summary

MOST_FINDINGS = 7
"""Three rows each at 80 columns at the most: with the verdict they fit a screen of 24."""
FEW = 3


def conclusion(report: Report) -> list[str]:
    """The last lines: the verdict with the gravest cause, then each further cause; a bounded number of them."""
    told = _told(report)
    lines = [_line(finding, report) for finding in told[:MOST_FINDINGS]]
    if len(told) > MOST_FINDINGS:
        lines.append(f"and {counted(len(told) - MOST_FINDINGS, 'more finding')}, told above")
    return lines if decided_by_finding(report) else [_verdict(report), *lines]


def left_open(report: Report) -> str:
    """What an inconclusive report lacks, in a sentence; nothing for any other, whose findings say it."""
    return _verdict(report) if report.verdict is Verdict.INCONCLUSIVE else ""


def decided_by_finding(report: Report) -> bool:
    """Whether the gravest finding is why the verdict is what it is, so that its line says both."""
    told = _told(report)
    return bool(told) and report.verdict is _VERDICT_OF[told[0].severity]


def _told(report: Report) -> list[Finding]:
    return [finding for finding in ordered(report.findings) if finding.severity is not Severity.INFO]


_VERDICT_OF = {Severity.ERROR: Verdict.NOT_READY, Severity.WARNING: Verdict.DEGRADED}


def _line(finding: Finding, report: Report) -> str:
    decides = report.verdict is _VERDICT_OF[finding.severity]
    begin = VERDICTS[report.verdict] if decides else str(finding.severity)
    return f"{begin}: {what(finding, report)} → {whose(finding)}; netprobe explain {finding.id}"


def _verdict(report: Report) -> str:
    """The verdict where no finding decides it."""
    verdict = VERDICTS[report.verdict]
    if report.verdict is not Verdict.INCONCLUSIVE:
        where = f" ({', '.join(report.regions)})" if report.regions else ""
        return f"{verdict}: {summary(report)}{where}"
    reasons = list(dict.fromkeys(_not_run(report)))
    why = f": {'; '.join(reasons[:FEW])}" if reasons else ""
    return f"{verdict}: {counted(len(list(_not_run(report))), 'required answer')} could not be had{why}"


def _not_run(report: Report) -> Iterator[str]:
    """Why each of what is required was not judged."""
    for endpoint in report.endpoints:
        if endpoint.required and endpoint.outcome is Outcome.NOT_RUN:
            yield endpoint.not_run or "not run"
    for rule in report.rules:
        if rule.hindered:
            yield rule.not_run or "not run"


def what(finding: Finding, report: Report) -> str:
    """The finding with who does it and what it touches: ``dns_refused at 10.0.0.53:53 for ssm (suspected)``."""
    parts = [finding.id, _by(finding, report), _as(finding, report), _scope(finding, report)]
    if len(report.regions) > 1 and finding.region is not None:
        parts.append(f"in {finding.region}")
    if finding.certainty == "suspected":
        parts.append("(suspected)")
    if finding.waiver is not None:
        parts.append(f"({waived(finding)})")
    return " ".join(part for part in parts if part)


def whose(finding: Finding) -> str:
    """Who has to act, in as few words as a line has room for."""
    if finding.owner is Owner.WORKLOAD:
        return "owner of the task definition"
    return TEAMS[finding.owner].removeprefix("the ")


def waived(finding: Finding) -> str:
    """``waived until 2027-01-31 by platform@corp.example``, or nothing."""
    if finding.waiver is None:
        return ""
    return f"waived until {finding.waiver.expires} by {finding.waiver.owner}"


def _by(finding: Finding, report: Report) -> str:
    """Who does it: the interceptor's CA, the DNS server, the proxy, or what was found on the way."""
    if finding.location is not None and (finding.location.device or finding.location.address):
        return f"at {finding.location.device or finding.location.address}"
    wanted = set(finding.evidence)
    details = [one.detail for one in report.observations if one.id in wanted]
    if finding.id.startswith("tls_intercepted"):
        found = [Authority.of(one) for one in details if isinstance(one, TlsDetail) and one.chain]
        return _interceptor(found[0]) if found else ""
    if finding.id.startswith("dns_"):
        return _one_of("at", [one.resolver for one in details if isinstance(one, DnsDetail)])
    if finding.id == "http_block_page":
        server = block_page_server(finding, report)
        return f'by "{server}"' if server else ""
    if finding.id.startswith("proxy_"):
        return f"at {name}" if (name := proxy(finding, report)) else ""
    return ""


def block_page_server(finding: Finding, report: Report) -> str:
    """What the device that answers in AWS's place calls itself, where all of its answers say the same."""
    wanted = set(finding.evidence)
    answers = [one.detail for one in report.observations if one.id in wanted and isinstance(one.detail, HttpDetail)]
    names = {answer.server for answer in answers if answer.server}
    return names.pop() if len(names) == 1 else ""


def proxy(finding: Finding, report: Report) -> str:
    """The proxy that a finding is about: the one that its evidence names, or the only one that was looked through.

    What a proxy does after its CONNECT is shown by steps that do not name it.
    """
    wanted = set(finding.evidence)
    named = {
        one.detail.proxy
        for one in report.observations
        if one.id in wanted and isinstance(one.detail, ProxyDetail) and one.detail.proxy
    }
    used = {record.proxy for record in report.context.vantages if record.name in finding.vantages and record.proxy}
    candidates = named or used
    return redacted(candidates.pop()) if len(candidates) == 1 else ""


def _interceptor(authority: Authority) -> str:
    return "with a self-signed certificate" if authority.alone else f'by "{common_name(authority.name)}"'


_CN = re.compile(r"(?:^|,)\s*CN\s*=\s*((?:[^,\\]|\\.)+)")
"""A comma within a value is escaped (RFC 4514, section 2.4)."""


def common_name(name: str) -> str:
    """The CN of a distinguished name, or the name as it is."""
    found = _CN.search(name)
    return found[1].strip() if found else name


def _one_of(word: str, found: Sequence[str]) -> str:
    """The one that all agree on; several are told in the finding itself."""
    names = {name for name in found if name}
    return f"{word} {names.pop()}" if len(names) == 1 else ""


def _as(finding: Finding, report: Report) -> str:
    """As which programs, where others fare better."""
    looked = {record.name for record in report.context.vantages if record.looked}
    if not finding.vantages or not set(finding.vantages) < looked:
        return ""
    return f"as {', '.join(finding.vantages[:FEW])}"


def _scope(finding: Finding, report: Report) -> str:
    """``for ssm and logs``; nothing where it is everything or no endpoint."""
    touched, every = touches(finding, report)
    if not touched or (len(touched) == len(every) > FEW):
        return ""
    if len(touched) > FEW:
        return f"for {len(touched)} of {counted(len(every), 'endpoint')}"
    return f"for {', '.join(dict.fromkeys(endpoint.id for endpoint in touched))}"


def touches(finding: Finding, report: Report) -> tuple[list[EndpointOutcome], list[EndpointOutcome]]:
    """The endpoints that a finding names, and all of those that it could have named."""
    every = [endpoint for endpoint in report.endpoints if finding.region in (None, endpoint.region)]
    named = set(finding.endpoints)
    return [endpoint for endpoint in every if endpoint.id in named], every


def told_in(finding: Finding, report: Report) -> str:
    """The hosts, where the title does not name them already: ``all 13 endpoints``, or nothing."""
    if all(host in finding.title for host in finding.hosts):
        return ""
    touched, every = touches(finding, report)
    if len(touched) == len(every) > FEW:
        every_one = f"all {len(every)} endpoints"
        return "" if every_one in finding.title else every_one
    return ", ".join(natural.ordered(finding.hosts))


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """How long the steps of a check took, experiments left out.

    Attributes:
        median_seconds: of the steps that passed, by step.
        slowest: the step that took longest, passed or not; None where nothing was probed.
    """

    median_seconds: Mapping[Step, float]
    slowest: Observation | None


_NO_FAILURES = (Failure.DNS_NO_ANSWER,)
"""A name without an address of one family is an answer."""


def times(report: Report) -> Times:
    """Measure a report."""
    first_pass = [one for one in report.observations if one.experiment is None and one.failure not in _NO_FAILURES]
    passed: dict[Step, list[float]] = {}
    for one in first_pass:
        if one.failure is None:
            passed.setdefault(one.step, []).append(one.duration_seconds)
    return Times(
        median_seconds={step: statistics.median(found) for step, found in passed.items()},
        slowest=max(first_pass, key=lambda one: one.duration_seconds, default=None),
    )


def in_words(measured: Times) -> str:
    """``p50 of TCP 12 ms, of TLS 82 ms; slowest: dns ssm.us-east-2.amazonaws.com 2.5 s``; nothing without probes."""
    medians = [
        f"of {step.upper()} {duration(measured.median_seconds[step])}"
        for step in (Step.TCP, Step.TLS)
        if step in measured.median_seconds
    ]
    parts = [f"p50 {', '.join(medians)}"] if medians else []
    if measured.slowest is not None:
        one = measured.slowest
        met = f" ({one.failure})" if one.failure is not None else ""
        parts.append(f"slowest: {one.step} {one.host} {duration(one.duration_seconds)}{met}")
    return "; ".join(parts)


def duration(seconds: float) -> str:
    """``12 ms``, ``0.8 s``, ``14 s``."""
    if seconds < 0.1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


class Fold(msgspec.Struct, frozen=True, kw_only=True):
    """The endpoints of one group, as one line shows them.

    Attributes:
        group: its id.
        outcome: the worst of them that counts.
        passed: how many pass.
        warned: how many work, with a warning.
        total: how many there are.
        why: for those that do not: the reasons, each with the endpoints that it holds for.
    """

    group: str
    outcome: Outcome
    passed: int
    warned: int
    total: int
    why: str


def fold(endpoints: Sequence[EndpointOutcome], report: Report) -> list[Fold]:
    """One line a group, in the order of the report; what is optional and fails makes no group fail."""
    groups: dict[str, list[EndpointOutcome]] = {}
    for endpoint in endpoints:
        groups.setdefault(endpoint.group, []).append(endpoint)
    return [_folded(group, some, report) for group, some in groups.items()]


def _folded(group: str, some: Sequence[EndpointOutcome], report: Report) -> Fold:
    bad = [one for one in some if one.outcome is not Outcome.PASS]
    reasons: dict[str, list[str]] = {}
    for endpoint in bad:
        reasons.setdefault(_reason(endpoint, report), []).append(endpoint.id)
    alike = len(reasons) == 1 and len(bad) == len(some)
    told = [reason if alike else f"{', '.join(ids)}: {reason}" for reason, ids in reasons.items()]
    return Fold(
        group=group,
        outcome=worst(_counted(one) for one in some),
        passed=len(some) - len(bad),
        warned=sum(map(_works_with_a_warning, bad)),
        total=len(some),
        why="; ".join(told),
    )


def _works_with_a_warning(endpoint: EndpointOutcome) -> bool:
    """Whether it warns because of how it works, and not because it fails and is optional."""
    works = any(host.outcome in (Outcome.PASS, Outcome.WARN) for host in endpoint.hosts)
    return endpoint.outcome is Outcome.WARN and works


def _counted(endpoint: EndpointOutcome) -> Outcome:
    """What it means for its group: an optional endpoint that fails keeps nothing from working."""
    return Outcome.WARN if endpoint.outcome is Outcome.FAIL and not endpoint.required else endpoint.outcome


def _reason(endpoint: EndpointOutcome, report: Report) -> str:
    """The findings that touch an endpoint, or why it could not be judged, or what it met."""
    if endpoint.outcome is Outcome.NOT_RUN:
        return f"not run ({endpoint.not_run})" if endpoint.not_run else "not run"
    found = [one.id for one in ordered(report.findings) if _is_about(one, endpoint)]
    if found:
        return ", ".join(dict.fromkeys(found))
    met = Counter(f"{host.failed_step or ''} {host.failure}".strip() for host in endpoint.hosts if host.failure)
    return ", ".join(failure for failure, _ in met.most_common(FEW)) or str(endpoint.outcome)


def _is_about(finding: Finding, endpoint: EndpointOutcome) -> bool:
    if finding.severity is Severity.INFO or finding.region not in (None, endpoint.region):
        return False
    return endpoint.id in finding.endpoints

"""Text for people: the verdict, what is wrong and who must act, then what works, a table per region.

Plain ASCII of our own, no table library: it must read well when it is piped into a ticket, and rich costs more
start-up time than the whole report. It fits ``width`` columns except for what must stay in one piece to be copied, such
as a host name or a command. Everything foreign goes through :func:`netprobe.errors.printable`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from netprobe import cilog
from netprobe.diagnosis.model import CapabilityOutcome, EndpointOutcome
from netprobe.errors import printable
from netprobe.findings import Finding, Outcome, Severity, Verdict
from netprobe.observations import VantageRecord
from netprobe.report.model import Report
from netprobe.report.words import OUTCOMES, VERDICTS, hosts_told, ordered, summary

_RED, _YELLOW, _GREEN, _CYAN, _BOLD = "31", "33", "32", "36", "1"
_OF_OUTCOME = {Outcome.PASS: _GREEN, Outcome.WARN: _YELLOW, Outcome.FAIL: _RED, Outcome.NOT_RUN: _CYAN}
_OF_VERDICT = {Verdict.READY: _GREEN, Verdict.DEGRADED: _YELLOW, Verdict.NOT_READY: _RED, Verdict.INCONCLUSIVE: _CYAN}
_OF_SEVERITY = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW, Severity.INFO: _CYAN}
_HOSTS = 6
_LABEL = 10
_OUTCOME = 8


def render(report: Report, *, width: int, colour: bool) -> str:
    """Lay the report out in ``width`` columns, with colour codes only where they are asked for."""
    page = _Page(max(width, 20), colour)
    lines: list[str] = [*_head(report, page), ""]
    if report.findings:
        lines += [page.bold("FINDINGS"), ""]
        for finding in ordered(report.findings):
            lines += [*_finding(finding, page), ""]
    if any(record.name != "host" or record.proxy for record in report.context.vantages):
        lines += [page.bold("AS WHOM"), "", *_vantages(report, page), ""]
    if report.capabilities:
        lines += [page.bold("WHAT THE HOST CAN DO"), "", *_capabilities(report, page), ""]
    for region in _regions(report.endpoints):
        lines += [page.bold(f"ENDPOINTS IN {printable(region).upper()}"), ""]
        lines += _endpoints([one for one in report.endpoints if one.region == region], page)
        lines += [""]
    if report.rules:
        lines += [page.bold("RULES"), "", *_rules(report, page), ""]
    if report.notes:
        lines += [page.bold("NOTES"), ""]
        lines += [line for note in report.notes for line in page.wrapped(printable(note, 1000), "  - ", "    ")]
        lines += [""]
    return cilog.in_text("\n".join(lines).rstrip("\n") + "\n")


class _Page:
    """How wide, and whether in colour."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = width
        self.colour = colour

    def paint(self, text: str, code: str | None) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and code else text

    def bold(self, text: str) -> str:
        return self.paint(text, _BOLD)

    def titled(self, word: str, rest: str, code: str) -> list[str]:
        """A wrapped line that begins with a word in colour (all of its first line, where that is too narrow)."""
        first, *more = self.wrapped(word + rest, "", "  ")
        cut = len(word) if first.startswith(word) else len(first)
        return [self.paint(first[:cut], code) + first[cut:], *more]

    def wrapped(self, text: str, first: str, rest: str) -> list[str]:
        """Wrap at blanks only: a host name or a command that is cut in two cannot be copied."""
        return textwrap.wrap(
            text,
            self.width,
            initial_indent=first,
            subsequent_indent=rest,
            break_long_words=False,
            break_on_hyphens=False,
        ) or [first.rstrip()]


def _head(report: Report, page: _Page) -> Iterator[str]:
    where = f": {', '.join(printable(region) for region in report.regions)}" if report.regions else ""
    verdict = VERDICTS[report.verdict]
    yield from page.titled(verdict, where, f"{_BOLD};{_OF_VERDICT[report.verdict]}")
    yield from page.wrapped(f"{summary(report)} ({report.duration_seconds:.1f} s)", "", "  ")
    if report.context.interrupted:
        yield from page.wrapped("Interrupted: this is what was seen until then.", "", "  ")
    elif report.context.deadline_reached:
        yield from page.wrapped(
            f"The deadline of {report.context.deadline_seconds:g} s was reached: this is what was seen until then.",
            "",
            "  ",
        )
    if report.context.lab is not None:
        yield from page.wrapped(
            f"Seen in the embedded network '{printable(report.context.lab)}', not on yours.", "", "  "
        )


def _finding(finding: Finding, page: _Page) -> Iterator[str]:
    where = f" in {printable(finding.region)}" if finding.region else ""
    title = f": {printable(finding.id)}{where} ({finding.certainty})"
    yield from page.titled(finding.severity.upper(), title, _OF_SEVERITY[finding.severity])
    yield from page.wrapped(printable(finding.title, 1000), "  ", "  ")
    hosts = [printable(host) for host in sorted(finding.hosts)]
    if hosts:
        yield from _labelled("hosts", hosts_told(hosts, _HOSTS), page)
    if finding.vantages and finding.vantages != ("host",):
        yield from _labelled("seen as", ", ".join(printable(name) for name in finding.vantages), page)
    for place in finding.places[:_HOSTS]:
        line = f":{place.line}" if place.line is not None else ""
        text = f"  {printable(place.text)}" if place.text else ""
        yield from _labelled("at", f"{printable(place.file)}{line}{text}", page)
    if finding.location is not None:
        yield from _labelled("where", _location(finding), page)
    yield from _labelled("fix", printable(finding.remedy, 2000), page)
    yield from _labelled("who", _OWNERS[finding.owner.value], page)
    yield from _labelled("more", printable(finding.docs), page)


_OWNERS = {
    "network": "the network team",
    "host": "whoever runs this host",
    "aws": "AWS; nothing to change here",
    "origin": "whoever runs that service; nothing to change here",
    "workload": "whoever owns the task definition",
}


def _location(finding: Finding) -> str:
    at = finding.location
    assert at is not None
    parts = [f"hop {at.hop}" if at.hop is not None else "", printable(at.address), printable(at.device)]
    return " ".join(part for part in parts if part) + f" ({at.certainty})"


def _vantages(report: Report, page: _Page) -> Iterator[str]:
    """What each program would use, where it says so, and what that leads to."""
    for record in report.context.vantages:
        errors = [f for f in report.findings if f.severity is Severity.ERROR and record.name in f.vantages]
        blocked = ", ".join(dict.fromkeys(printable(finding.id) for finding in errors))
        if not record.looked:
            fared = "not asked: it uses nothing of these groups"
        else:
            fared = f"blocked by {blocked}" if blocked else "works"
        yield from page.wrapped(f"{printable(record.name)}: {fared}", "  ", "    ")
        for label, text in _eyes(record):
            yield from page.wrapped(printable(text, 1000), f"    {label}".ljust(_LABEL + 4), " " * (_LABEL + 4))


def _eyes(record: VantageRecord) -> Iterator[tuple[str, str]]:
    def told(value: str, key: str) -> str:
        source = record.sources.get(key)
        return f"{value}, from {source}" if source and source != value else value

    yield "proxy", told(record.proxy, "proxy") if record.proxy else "none: it connects directly"
    if record.proxy and record.no_proxy:
        yield "except", told(",".join(record.no_proxy), "no_proxy")
    by_token: dict[str, list[str]] = {}
    for host, token in sorted(record.exempt.items()):
        by_token.setdefault(token, []).append(host)
    for token, hosts in by_token.items():
        yield "direct", f"{hosts_told(hosts, _HOSTS)} (by {token})"
    yield "trusts", told(record.store, "store")


def _labelled(label: str, text: str, page: _Page) -> list[str]:
    indent = " " * _LABEL if page.width >= 40 else "    "
    return page.wrapped(text, f"  {label}".ljust(_LABEL), indent)


def _outcome(outcome: Outcome, page: _Page) -> str:
    return page.paint(OUTCOMES[outcome].ljust(_OUTCOME), _OF_OUTCOME.get(outcome))


def _row(outcome: Outcome, text: str, page: _Page) -> list[str]:
    """One row: the outcome in its column, the text wrapped beside it."""
    first, *rest = page.wrapped(text, "  " + " " * _OUTCOME, "  " + " " * _OUTCOME + "  ")
    return [f"  {_outcome(outcome, page)}{first[2 + _OUTCOME :]}", *rest]


def _capabilities(report: Report, page: _Page) -> Iterator[str]:
    several = len({one.region for one in report.capabilities}) > 1
    for capability in report.capabilities:
        yield from _row(capability.outcome, _capability(capability, several), page)


def _capability(capability: CapabilityOutcome, several: bool) -> str:
    name = printable(capability.id).replace("_", " ")
    where = f" in {printable(capability.region)}" if several else ""
    blocked = ", ".join(printable(finding) for finding in capability.blocked_by)
    return f"{name}{where}" + (f": blocked by {blocked}" if blocked else "")


def _regions(endpoints: Iterable[EndpointOutcome]) -> list[str]:
    return list(dict.fromkeys(endpoint.region for endpoint in endpoints))


def _endpoints(endpoints: list[EndpointOutcome], page: _Page) -> Iterator[str]:
    names = max(len(printable(endpoint.id)) for endpoint in endpoints)
    for endpoint in sorted(endpoints, key=lambda one: one.outcome.rank):
        optional = "" if endpoint.required else " (optional)"
        name = printable(endpoint.id).ljust(min(names, 20) if page.width >= 60 else 0)
        good = [host.host for host in endpoint.hosts if host.outcome is Outcome.PASS]
        shown = hosts_told([printable(host) for host in sorted(good)], 1) or printable(endpoint.pattern)
        if endpoint.outcome is Outcome.PASS:
            yield from _row(endpoint.outcome, f"{name} {shown}{optional}", page)
            continue
        why = f": {printable(endpoint.not_run)}" if endpoint.not_run else ""
        yield from _row(endpoint.outcome, f"{name} {printable(endpoint.pattern)}:{endpoint.port}{optional}{why}", page)
        yield from _failures(endpoint, page)


def _failures(endpoint: EndpointOutcome, page: _Page) -> Iterator[str]:
    """The hosts that did not pass, those with the same failure together."""
    groups: dict[str, list[str]] = {}
    for host in endpoint.hosts:
        if host.outcome is not Outcome.PASS:
            what = " ".join(part for part in (host.failed_step, host.failure) if part) or OUTCOMES[host.outcome]
            groups.setdefault(printable(what), []).append(printable(host.host))
    indent = "  " + " " * _OUTCOME + "  "
    for what, hosts in groups.items():
        alone = [*hosts] == [printable(endpoint.pattern)]
        text = what if alone else f"{what}: {hosts_told(sorted(hosts), _HOSTS)}"
        yield from page.wrapped(text, indent, indent + "  ")


def _rules(report: Report, page: _Page) -> Iterator[str]:
    several = len({rule.subject for rule in report.rules}) > 1
    for rule in sorted(report.rules, key=lambda one: one.outcome.rank):
        where = f" [{printable(rule.subject)}]" if several and rule.subject else ""
        told = rule.not_run if rule.outcome is Outcome.NOT_RUN else rule.title
        yield from _row(rule.outcome, f"{printable(rule.id)}{where}: {printable(told, 500)}", page)

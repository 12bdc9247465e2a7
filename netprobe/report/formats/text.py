"""Text for people: what the host can do, what is wrong and who must act, and last, where the eye is, the verdict.

Plain text of our own, no table library: it must read well when it is piped into a ticket, and rich costs more start-up
time than the whole report. It fits ``width`` columns except for what must stay in one piece to be copied, such as a
host name or a command. What passes is folded into a line a group; ``full`` shows each. Everything foreign goes through
:func:`netprobe.errors.printable`; with ``ascii`` nothing but ASCII comes out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from netprobe import cilog, natural
from netprobe.diagnosis.model import CapabilityOutcome, EndpointOutcome
from netprobe.diagnosis.words import located, remarks
from netprobe.errors import printable
from netprobe.findings import Finding, Outcome, RuleOutcome, Severity, Verdict
from netprobe.observations import VantageRecord
from netprobe.report import glance
from netprobe.report.model import Report
from netprobe.report.words import OUTCOMES, TEAMS, VERDICTS, about, hosts_told, in_ascii, ordered, summary, waived

_RED, _YELLOW, _GREEN, _CYAN, _BOLD = "31", "33", "32", "36", "1"
_OF_OUTCOME = {Outcome.PASS: _GREEN, Outcome.WARN: _YELLOW, Outcome.FAIL: _RED, Outcome.NOT_RUN: _CYAN}
_OF_VERDICT = {Verdict.READY: _GREEN, Verdict.DEGRADED: _YELLOW, Verdict.NOT_READY: _RED, Verdict.INCONCLUSIVE: _CYAN}
_OF_SEVERITY = {Severity.ERROR: _RED, Severity.WARNING: _YELLOW, Severity.INFO: _CYAN}
_HOSTS = 6
_PATTERNS = 60
_LABEL = 10
_ABOUT = 14
_OUTCOME = 8
_NARROW = 40
_CHUNK = re.compile(r"[^\S\xa0]*[\S\xa0]+")
_EXPLAIN = "; netprobe explain "
_ONLY_IN_FULL = frozenset({"machine id"})


def render(report: Report, *, width: int, colour: bool, ascii: bool = False, full: bool = False) -> str:
    """Lay the report out.

    Args:
        report: what to show.
        width: columns to use.
        colour: whether to write colour codes.
        ascii: whether the terminal can show ASCII alone.
        full: show every endpoint, capability and rule, also those that pass.
    """
    page = _Page(max(width, 20), colour, ascii)
    lines: list[str] = [*_head(report, page, full), ""]
    if any(record.name != "host" or record.proxy for record in report.context.vantages):
        lines += [page.bold("AS WHOM"), "", *_vantages(report, page), ""]
    if report.capabilities:
        lines += [page.bold("WHAT THE HOST CAN DO"), "", *_capabilities(report, page, full), ""]
    for region in _regions(report.endpoints):
        lines += [page.bold(f"ENDPOINTS IN {page.told(region).upper()}"), ""]
        endpoints = [one for one in report.endpoints if one.region == region]
        lines += _endpoints(endpoints, page) if full else _groups(endpoints, report, page)
        lines += [""]
    if report.rules:
        lines += [page.bold("RULES"), "", *_rules(report, page, full), ""]
    if report.notes:
        lines += [page.bold("NOTES"), ""]
        lines += [line for note in report.notes for line in page.wrapped(page.told(note, 1000), "  - ", "    ")]
        lines += [""]
    if report.findings:
        lines += [page.bold("FINDINGS"), ""]
        listed: dict[tuple[str, ...], Finding] = {}
        for finding in ordered(report.findings):
            first = listed.setdefault(finding.patterns, finding)
            lines += [*_finding(finding, report, page, listed_by=None if first is finding else first), ""]
    lines += _conclusion(report, page)
    return cilog.in_text("\n".join(lines).rstrip("\n") + "\n")


class _Page:
    """How wide, whether in colour, and with which characters."""

    def __init__(self, width: int, colour: bool, ascii: bool) -> None:
        self.width = width
        self.colour = colour
        self.ascii = ascii

    def told(self, text: str, limit: int = 200) -> str:
        """Foreign text made safe for one line of this terminal."""
        safe = printable(text, limit)
        return in_ascii(safe) if self.ascii else safe

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
        lines, line, begun = [], first, False
        for chunk in _CHUNK.findall(text):
            word = chunk if begun else chunk.lstrip()
            if begun and _columns(line) + _columns(word) > self.width:
                lines.append(line)
                line, word = rest, chunk.lstrip()
            line += word
            begun = True
        return [*lines, line if begun else line.rstrip()]


def _columns(text: str) -> int:
    """The columns that a text takes: wide characters take two, combining ones none (Unicode annex 11)."""
    if text.isascii():
        return len(text)
    return sum(_column(character) for character in text)


def _column(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _head(report: Report, page: _Page, full: bool) -> Iterator[str]:
    where = f": {', '.join(page.told(region) for region in report.regions)}" if report.regions else ""
    verdict = VERDICTS[report.verdict]
    yield from page.titled(verdict, where, f"{_BOLD};{_OF_VERDICT[report.verdict]}")
    yield from page.wrapped(f"{summary(report)} ({report.duration_seconds:.1f} s)", "", "  ")
    for label, text in about(report).items():
        if full or label not in _ONLY_IN_FULL:
            yield from _labelled(label, page.told(text, 1000), page, _ABOUT)
    for remark in remarks(report.context, "''"):
        yield from page.wrapped(page.told(remark), "", "  ")
    taken = glance.in_words(glance.times(report))
    if taken:
        yield from _labelled("times", page.told(taken, 400), page, _ABOUT)


def _conclusion(report: Report, page: _Page) -> Iterator[str]:
    """The last lines: the verdict, and each cause in a line."""
    code = f"{_BOLD};{_OF_VERDICT[report.verdict]}"
    for number, line in enumerate(glance.conclusion(report)):
        # The command stays in one piece, so that it can be copied.
        told = page.told(line, 600).replace(_EXPLAIN, _EXPLAIN[:2] + _EXPLAIN[2:].replace(" ", "\xa0"))
        word, colon, rest = told.partition(":")
        decides = number == 0 or word == VERDICTS[report.verdict]
        lines = page.titled(word, colon + rest, code) if decides else page.wrapped(told, "", "  ")
        yield from (part.replace("\xa0", " ") for part in lines)


def _finding(finding: Finding, report: Report, page: _Page, *, listed_by: Finding | None) -> Iterator[str]:
    """One finding; names that an earlier one has listed already are not listed again."""
    where = f" in {page.told(finding.region)}" if finding.region else ""
    title = f": {page.told(finding.id)}{where} ({finding.certainty})"
    yield from page.titled(finding.severity.upper(), title, _OF_SEVERITY[finding.severity])
    if finding.waiver is not None:
        yield from _labelled("waived", page.told(waived(finding).removeprefix("waived "), 500), page)
    yield from page.wrapped(page.told(finding.title, 1000), "  ", "  ")
    hosts = glance.told_in(finding, report)
    if hosts:
        yield from _labelled("hosts", page.told(hosts_told(hosts.split(", "), _HOSTS), 2000), page)
    if finding.vantages and finding.vantages != ("host",):
        yield from _labelled("seen as", ", ".join(page.told(name) for name in finding.vantages), page)
    for place in finding.places[:_HOSTS]:
        line = f":{place.line}" if place.line is not None else ""
        text = f"  {page.told(place.text)}" if place.text else ""
        yield from _labelled("at", f"{page.told(place.file)}{line}{text}", page)
    if finding.location is not None:
        yield from _labelled("where", page.told(located(finding.location), 600), page)
    yield from _labelled("fix", page.told(finding.remedy, 2000), page)
    if len(finding.patterns) > 1 and listed_by is not None:
        told = f"the same {len(finding.patterns)} names as for {page.told(listed_by.id)}, above"
        yield from page.wrapped(told, "    ", "    ")
    elif len(finding.patterns) > 1:
        yield from _patterns(finding, page)
    yield from _labelled("who", TEAMS[finding.owner], page)
    yield from _labelled("more", f"netprobe explain {page.told(finding.id)}", page)


def _patterns(finding: Finding, page: _Page) -> Iterator[str]:
    """The names that the fix speaks of, one a line and nothing beside them, to be copied."""
    for pattern in finding.patterns[:_PATTERNS]:
        yield f"    {page.told(pattern, 260)}"
    if len(finding.patterns) > _PATTERNS:
        told = f"and {len(finding.patterns) - _PATTERNS} more: netprobe endpoints lists them"
        yield from page.wrapped(told, "    ", "    ")


def _vantages(report: Report, page: _Page) -> Iterator[str]:
    """What each program would use, where it says so, and what that leads to."""
    for record in report.context.vantages:
        errors = [f for f in report.findings if f.severity is Severity.ERROR and record.name in f.vantages]
        blocked = ", ".join(dict.fromkeys(page.told(finding.id) for finding in errors))
        if not record.looked:
            fared = "not asked: it uses nothing of these groups"
        else:
            fared = f"blocked by {blocked}" if blocked else "works"
        yield from page.wrapped(f"{page.told(record.name)}: {fared}", "  ", "    ")
        for label, text in _eyes(record):
            yield from page.wrapped(page.told(text, 1000), f"    {label}".ljust(_LABEL + 4), " " * (_LABEL + 4))


def _eyes(record: VantageRecord) -> Iterator[tuple[str, str]]:
    def told(value: str, key: str) -> str:
        source = record.sources.get(key)
        return f"{value}, from {source}" if source and source != value else value

    yield "proxy", told(record.proxy, "proxy") if record.proxy else "none: it connects directly"
    if record.proxy and record.no_proxy:
        yield "except", told(",".join(record.no_proxy), "no_proxy")
    by_token: dict[str, list[str]] = {}
    for host, token in natural.items(record.exempt):
        by_token.setdefault(token, []).append(host)
    for token, hosts in by_token.items():
        yield "direct", f"{hosts_told(hosts, _HOSTS)} (by {token})"
    yield "trusts", told(record.store, "store")


def _labelled(label: str, text: str, page: _Page, column: int = _LABEL) -> list[str]:
    indent = " " * column if page.width >= _NARROW else "    "
    return page.wrapped(text, f"  {label} ".ljust(column), indent)


def _outcome(outcome: Outcome, page: _Page) -> str:
    return page.paint(OUTCOMES[outcome].ljust(_OUTCOME), _OF_OUTCOME.get(outcome))


def _row(outcome: Outcome, text: str, page: _Page) -> list[str]:
    """One row: the outcome in its column, the text wrapped beside it."""
    first, *rest = page.wrapped(text, "  " + " " * _OUTCOME, "  " + " " * _OUTCOME + "  ")
    return [f"  {_outcome(outcome, page)}{first[2 + _OUTCOME :]}", *rest]


def _capabilities(report: Report, page: _Page, full: bool) -> Iterator[str]:
    several = len({one.region for one in report.capabilities}) > 1
    if full:
        for capability in report.capabilities:
            yield from _row(capability.outcome, _capability(capability, several, page), page)
        return
    alike: dict[tuple[Outcome, tuple[str, ...]], list[str]] = {}
    for capability in report.capabilities:
        alike.setdefault((capability.outcome, capability.blocked_by), []).append(_name(capability, several, page))
    for (outcome, blocked_by), names in sorted(alike.items(), key=lambda item: item[0][0].rank):
        yield from _row(outcome, ", ".join(names) + _blocked(blocked_by, page), page)


def _capability(capability: CapabilityOutcome, several: bool, page: _Page) -> str:
    return _name(capability, several, page) + _blocked(capability.blocked_by, page)


def _name(capability: CapabilityOutcome, several: bool, page: _Page) -> str:
    name = page.told(capability.id).replace("_", " ")
    return name + (f" in {page.told(capability.region)}" if several else "")


def _blocked(blocked_by: Iterable[str], page: _Page) -> str:
    blocked = ", ".join(page.told(finding) for finding in blocked_by)
    return f": blocked by {blocked}" if blocked else ""


def _regions(endpoints: Iterable[EndpointOutcome]) -> list[str]:
    return list(dict.fromkeys(endpoint.region for endpoint in endpoints))


def _groups(endpoints: Sequence[EndpointOutcome], report: Report, page: _Page) -> Iterator[str]:
    """A line a group: ``control 5 of 5``; what does not pass is told with its reason."""
    for one in glance.fold(endpoints, report):
        why = f": {page.told(one.why, 600)}" if one.why else ""
        warned = f", {one.warned} with a warning" if one.warned else ""
        yield from _row(one.outcome, f"{page.told(one.group)} {one.passed} of {one.total}{warned}{why}", page)


def _endpoints(endpoints: list[EndpointOutcome], page: _Page) -> Iterator[str]:
    names = max(len(page.told(endpoint.id)) for endpoint in endpoints)
    for endpoint in sorted(endpoints, key=lambda one: one.outcome.rank):
        optional = "" if endpoint.required else " (optional)"
        name = page.told(endpoint.id).ljust(min(names, 20) if page.width >= 60 else 0)
        good = [host.host for host in endpoint.hosts if host.outcome is Outcome.PASS]
        shown = hosts_told([page.told(host) for host in natural.ordered(good)], 1) or page.told(endpoint.pattern)
        if endpoint.outcome is Outcome.PASS:
            yield from _row(endpoint.outcome, f"{name} {shown}{optional}", page)
            continue
        why = f": {page.told(endpoint.not_run)}" if endpoint.not_run else ""
        yield from _row(endpoint.outcome, f"{name} {page.told(endpoint.pattern)}:{endpoint.port}{optional}{why}", page)
        yield from _failures(endpoint, page)


def _failures(endpoint: EndpointOutcome, page: _Page) -> Iterator[str]:
    """The hosts that did not pass, those with the same failure together."""
    groups: dict[str, list[str]] = {}
    for host in endpoint.hosts:
        if host.outcome is not Outcome.PASS:
            what = " ".join(part for part in (host.failed_step, host.failure) if part) or OUTCOMES[host.outcome]
            groups.setdefault(page.told(what), []).append(page.told(host.host))
    indent = "  " + " " * _OUTCOME + "  "
    for what, hosts in groups.items():
        alone = [*hosts] == [page.told(endpoint.pattern)]
        text = what if alone else f"{what}: {hosts_told(natural.ordered(hosts), _HOSTS)}"
        yield from page.wrapped(text, indent, indent + "  ")


def _rules(report: Report, page: _Page, full: bool) -> Iterator[str]:
    several = len({rule.subject for rule in report.rules}) > 1
    folded: dict[tuple[Outcome, str], list[RuleOutcome]] = {}
    for rule in sorted(report.rules, key=lambda one: one.outcome.rank):
        if not full and rule.outcome in _FOLDED:
            folded.setdefault((rule.outcome, rule.subject if several else ""), []).append(rule)
            continue
        where = f" [{page.told(rule.subject)}]" if several and rule.subject else ""
        told = rule.not_run if rule.outcome is Outcome.NOT_RUN else rule.title
        yield from _row(rule.outcome, f"{page.told(rule.id)}{where}: {page.told(told, 500)}", page)
    for (outcome, subject), rules in folded.items():
        of_subject = [rule for rule in report.rules if not several or rule.subject == subject]
        where = f"{page.told(subject)} " if subject else ""
        yield from _row(outcome, f"{where}{len(rules)} of {len(of_subject)}", page)


_FOLDED = (Outcome.PASS, Outcome.NOT_APPLICABLE)

"""The head: the verdict as a sentence, what has to change and who does it, and of which host and hour this speaks."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from netprobe.diagnosis.handoff import TO_RESOLVER, sources
from netprobe.diagnosis.words import listing, remarks
from netprobe.errors import redacted
from netprobe.findings import NOT_OURS, Finding, Outcome, Owner, Severity, Verdict, worst
from netprobe.observations import DnsDetail
from netprobe.report import glance
from netprobe.report.formats.html import intercept
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.marks import OF_SEVERITY, OF_VERDICT, brief, time_told
from netprobe.report.model import Report
from netprobe.report.words import TEAMS, about, counted, summary

_MOST_CAUSES = 4
_MOST_REGIONS = 4
_MOST_NAMED = 3
_TILES = ((Owner.NETWORK, "Network"), (Owner.HOST, "Host"), (Owner.AWS, "AWS"))
_RARE = ((Owner.WORKLOAD, "Task definition"), (Owner.ORIGIN, "Other services"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """How many changes one team has to make.

    Attributes:
        owner: which team.
        needed: how many.
        what: the words beside the number; they also tell of warnings.
        outcome: the worst of what is the team's.
    """

    owner: str
    needed: int
    what: str
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseLine:
    """One line under the verdict: what, how much of it, until when it is accepted, and whose."""

    outcome: Outcome
    text: str
    reach: str
    waived: str
    team: str
    anchor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the head shows."""

    host: str
    outcome: Outcome
    sentence: str
    counts: str
    causes: tuple[CauseLine, ...]
    more: int
    tiles: tuple[Tile, ...]
    facts: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]


def view(report: Report, index: Index) -> Head:
    """Put the head together."""
    told = [finding for finding in index.findings if finding.severity is not Severity.INFO]
    errors = [finding for finding in told if finding.severity is Severity.ERROR]
    causes = (errors or told)[:_MOST_CAUSES]
    return Head(
        host=about(report).get("host", ""),
        outcome=OF_VERDICT[report.verdict],
        sentence=_sentence(report),
        counts=summary(report),
        causes=tuple(_cause(finding, report, index) for finding in causes),
        more=len(told) - len(causes),
        tiles=tuple(_tiles(told)),
        facts=tuple(_facts(report)),
        remarks=remarks(report.context),
    )


def _sentence(report: Report) -> str:
    what, where = _what(report), _where(report)
    match report.verdict:
        case Verdict.READY:
            return f"{what} is ready for Amazon ECS Anywhere{where}."
        case Verdict.DEGRADED:
            return f"{what} will work with Amazon ECS Anywhere{where}, with warnings."
        case Verdict.NOT_READY:
            return f"{what} will not work with Amazon ECS Anywhere{where}."
        case Verdict.INCONCLUSIVE:
            return f"Whether {what[:1].lower()}{what[1:]} will work with Amazon ECS Anywhere{where} is still open."


def _what(report: Report) -> str:
    subjects = {rule.subject or "host" for rule in report.rules}
    if report.endpoints or subjects <= {"host"}:
        return "This host"
    return next(iter(subjects)) if len(subjects) == 1 else "What was judged"


def _where(report: Report) -> str:
    if not report.regions:
        return ""
    if len(report.regions) > _MOST_REGIONS:
        return f" in {len(report.regions)} regions"
    return f" in {listing(report.regions, most=_MOST_REGIONS)}"


def _cause(finding: Finding, report: Report, index: Index) -> CauseLine:
    which = _which(finding, report, index)
    return CauseLine(
        outcome=OF_SEVERITY[finding.severity],
        text=f"{brief(finding)}: {which}" if which else brief(finding),
        reach=_reach(finding, report),
        waived=glance.waived(finding),
        team=TEAMS[finding.owner],
        anchor=index.card(finding),
    )


def _which(finding: Finding, report: Report, index: Index) -> str:
    """The CA, device, resolver or proxy that it is about."""
    seen = index.evidence(finding)
    if finding.id.startswith("tls_intercepted"):
        ca = intercept.authority(seen)
        return f"“{ca}”" if ca else ""
    if finding.id in TO_RESOLVER:
        asked = (one.detail.resolver for one in seen if one.failure is not None and isinstance(one.detail, DnsDetail))
        return next(asked, "")
    if finding.id == "http_block_page":
        server = glance.block_page_server(finding, report)
        return f"“{server}”" if server else ""
    if finding.id.startswith("proxy_"):
        return glance.proxy(finding, report)
    return ""


def _reach(finding: Finding, report: Report) -> str:
    """How much of what was looked at it touches; by name, where that is little."""
    touched = [one.id for one in report.endpoints if one.touched_by(finding)]
    if not touched:
        return ""
    every = len(report.endpoints)
    if len(touched) == every:
        return f"all {every} endpoints"
    named = f"{listing(touched)}, " if len(touched) <= _MOST_NAMED and len(report.regions) == 1 else ""
    return f"{named}{len(touched)} of {counted(every, 'endpoint')}"


def _tiles(told: list[Finding]) -> Iterator[Tile]:
    for owner, name in (*_TILES, *_RARE):
        mine = [finding for finding in told if finding.owner is owner]
        needed = sum(finding.severity is Severity.ERROR for finding in mine)
        if (owner, name) in _TILES or mine:
            accepted = sum(finding.waiver is not None for finding in mine)
            what = _asked_of(owner, needed, len(mine) - needed - accepted, accepted)
            yield Tile(owner=name, needed=needed, what=what, outcome=_worst(mine))


def _asked_of(owner: Owner, needed: int, warnings: int, accepted: int) -> str:
    """What a number of changes is called; nobody is advised to change what is AWS's, or what is accepted for now."""
    parts = ["change needed" if needed == 1 else "changes needed"]
    if warnings:
        parts.append(counted(warnings, "warning") if owner in NOT_OURS else f"{warnings} advised")
    if accepted:
        parts.append(f"{accepted} accepted")
    return ", ".join(parts)


def _worst(mine: list[Finding]) -> Outcome:
    return worst(OF_SEVERITY[finding.severity] for finding in mine) if mine else Outcome.NOT_APPLICABLE


_SHOWN_OTHERWISE = frozenset({"looked", "when"})


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    """What every format says of the host, and here also in which regions, through what and how long it was looked."""
    known = about(report)
    if report.regions:
        yield "Regions", ", ".join(report.regions)
    addresses = sources(report.observations)
    if addresses and "addresses" not in known:
        yield "From", listing(addresses, most=4)
    yield "When", f"{_day(report.started_at)}, in {time_told(report.duration_seconds)}"
    looked = [f"as {report.host.user}"] if report.host.user else []
    looked += [_as_whom(record.name, record.proxy) for record in report.context.vantages]
    if looked:
        yield "Looked", "; ".join(looked)
    for name, value in known.items():
        if name not in _SHOWN_OTHERWISE:
            yield name if name == "netprobe" else f"{name[:1].upper()}{name[1:]}", value


def _as_whom(name: str, proxy: str | None) -> str:
    return f"{name} through {redacted(proxy)}" if proxy else f"{name}, directly"


def _day(started: str) -> str:
    """A time as people read it; what is no time stays as it stands."""
    try:
        return datetime.datetime.fromisoformat(started).astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return started

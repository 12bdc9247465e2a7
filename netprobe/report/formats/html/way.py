"""The way: host → resolver → gateway → proxy → firewall → AWS, as each agent takes it, with the station in doubt.

A station is drawn as passed only where something answered from behind it. Gateways and firewalls do not say who they
are: where nobody looked for them (``--locate``), they are passed or unknown, never guessed; a finding about packets or
TLS without a proxy puts the doubt on the firewall, whatever box that is. Where somebody looked, the last hop that
answered is a station of its own, and the suspect says which hop it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import wrap

from netprobe.diagnosis.handoff import TO_PROXY, TO_RESOLVER
from netprobe.diagnosis.words import hops_told
from netprobe.errors import redacted
from netprobe.findings import Certainty, Finding, Location, Outcome, Owner, Severity
from netprobe.observations import Observation, ProxyDetail, Step, TcpDetail, VantageRecord
from netprobe.report.formats.html import intercept
from netprobe.report.formats.html.index import Index
from netprobe.report.formats.html.marks import OF_SEVERITY
from netprobe.report.model import Report

_WIDE, _GAP, _HIGH = 166, 24, 112
_TALL_WIDE, _TALL_HIGH, _TALL_GAP = 340, 62, 26
_LINE = 20
"""Between two lines of a text."""
_WORDS = {
    Outcome.PASS: "passed",
    Outcome.WARN: "passed in part",
    Outcome.FAIL: "in doubt",
    Outcome.NOT_RUN: "not reached",
    Outcome.NOT_APPLICABLE: "none",
}
_BLOCKING = ("tcp_", "tls_", "http_", "websocket_", "not_tls", "ipv", "stale_ip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """One station: what it is, which one, and what is known of it."""

    name: str
    which: str
    outcome: Outcome
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A station with its place in a drawing; lengths in the drawing's own units."""

    station: Station
    x: int
    y: int
    wide: int
    high: int
    which: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Between two stations; broken where the way ends."""

    x1: int
    y1: int
    x2: int
    y2: int
    broken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One picture of the way, across or down."""

    kind: str
    wide: int
    high: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentPath:
    """The way of the agents that take it alike."""

    agents: tuple[str, ...]
    label: str
    drawings: tuple[Drawing, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What the section shows."""

    paths: tuple[AgentPath, ...]
    remarks: tuple[str, ...]


def view(report: Report, index: Index) -> Way | None:
    """A picture for every way that differs."""
    if not report.observations:
        return None
    together: dict[tuple[Station, ...], list[str]] = {}
    records = [record for record in report.context.vantages if record.looked]
    for record in records or [VantageRecord(name="host")]:
        together.setdefault(_stations(record, report, index), []).append(record.name)
    return Way(
        paths=tuple(_path(stations, agents) for stations, agents in together.items()),
        remarks=tuple(_remarks(report, index)),
    )


def _stations(record: VantageRecord, report: Report, index: Index) -> tuple[Station, ...]:
    seen = [one for one in report.observations if record.name == one.vantage or record.name in one.shared_with]
    first = [one for one in seen if one.experiment is None]
    told = [one for one in index.findings if one.severity is not Severity.INFO]
    errors = [one for one in told if not one.vantages or record.name in one.vantages]
    proxied = record.proxy is not None
    aws = _aws(first, report)
    beyond = aws.outcome in (Outcome.PASS, Outcome.WARN)
    return (
        Station(name="This host", which=_source(first), outcome=Outcome.PASS),
        *_broken_before("resolver", errors, TO_RESOLVER),
        _resolver(record, first),
        _gateway(first, beyond=beyond),
        *_broken_before("proxy", errors if proxied else (), TO_PROXY),
        _proxy(record, first) if proxied else Station(name="Proxy", which="none", outcome=Outcome.NOT_APPLICABLE),
        *_last_answer(_blocked(errors)),
        _firewall(errors, index, beyond=beyond),
        aws,
    )


def _broken_before(station: str, errors: Sequence[Finding], ids: frozenset[str]) -> Iterator[Station]:
    """Where the way to a resolver or proxy breaks, if somebody looked: the last hop that answered, and the suspect."""
    mine = [one for one in errors if one.id in ids and one.location is not None]
    yield from _last_answer(mine)
    if mine and mine[0].location is not None:
        name, which = f"To the {station}", _suspects(mine[0].location)
        yield Station(name=name, which=which, outcome=OF_SEVERITY[mine[0].severity], note=mine[0].id)


def _last_answer(located: Sequence[Finding]) -> Iterator[Station]:
    """The last hop that answered before the first of these breaks."""
    at = next((one.location for one in located if one.location is not None), None)
    if at is not None and at.answered is not None:
        which = f"hop {at.answered.hop} {at.answered.address}".strip()
        yield Station(name="Last answer", which=which, outcome=Outcome.PASS, note="answers")


def _suspects(at: Location) -> str:
    """``hop 2, or before hop 3 10.2.0.1``: the hops of which one stops it."""
    told = [f"hop {one.hop} {one.address}".strip() if one.hop else "this host" for one in at.suspects]
    if len(at.suspects) > 1 and at.suspects[0] == at.answered:
        told[0] = f"hop {at.suspects[0].hop}"
    if told:
        return ", or before ".join(told)
    if at.hop is None:
        return ""
    return f"hop {at.hop} {at.address}".strip()


def _opened(seen: Iterable[Observation]) -> Iterator[TcpDetail]:
    return (one.detail for one in seen if isinstance(one.detail, TcpDetail))


def _source(seen: Iterable[Observation]) -> str:
    own = (detail.local_address for detail in _opened(seen))
    return next(filter(None, own), "")


def _shares(seen: Sequence[Observation]) -> Outcome:
    """Whether every name, some or none got through a step."""
    hosts = {one.host for one in seen}
    good = {one.host for one in seen if one.failure is None}
    if not hosts:
        return Outcome.NOT_RUN
    if not good:
        return Outcome.FAIL
    return Outcome.PASS if good == hosts else Outcome.WARN


def _resolver(record: VantageRecord, seen: Sequence[Observation]) -> Station:
    asked = [one for one in seen if one.step is Step.DNS]
    which = record.resolvers[0] if record.resolvers else ""
    if not asked and record.proxy is not None:
        return Station(name="Resolver", which="the proxy resolves", outcome=Outcome.NOT_APPLICABLE)
    outcome = _shares(asked)
    hosts = {one.host for one in asked}
    good = {one.host for one in asked if one.failure is None}
    note = f"{len(good)} of {len(hosts)} names" if hosts else ""
    return Station(name="Resolver", which=which, outcome=outcome, note=note)


def _connected(seen: Iterable[Observation]) -> bool:
    return any(one.failure is None and one.step in (Step.TCP, Step.PROXY) for one in seen)


_NO_ROUTE = frozenset({"host_unreachable", "network_unreachable"})


def _gateway(seen: Sequence[Observation], *, beyond: bool) -> Station:
    if beyond or _connected(seen):
        return Station(name="Gateway", which="", outcome=Outcome.PASS, note="packets pass")
    told = [one for one in seen if one.failure is not None and str(one.failure) in _NO_ROUTE]
    if told:
        senders = (detail.icmp_from for detail in _opened(told))
        which = next(filter(None, senders), "")
        return Station(name="Gateway", which=which, outcome=Outcome.FAIL, note="no route")
    return Station(name="Gateway", which="", outcome=Outcome.NOT_RUN, note="not looked at")


def _proxy(record: VantageRecord, seen: Sequence[Observation]) -> Station:
    asked = [one for one in seen if one.step is Step.PROXY]
    which = redacted(record.proxy or "").rpartition("/")[2]
    failed = [one for one in asked if one.failure is not None]
    note = str(failed[0].failure) if failed else ""
    statuses = [one.detail.status for one in failed if isinstance(one.detail, ProxyDetail) and one.detail.status]
    if statuses:
        note = f"{note} {statuses[0]}"
    return Station(name="Proxy", which=which, outcome=_shares(asked), note=note)


def _firewall(errors: Sequence[Finding], index: Index, *, beyond: bool) -> Station:
    """The box that nobody sees: in doubt where a finding of the network's is about packets, TLS or answers."""
    mine = _blocked(errors)
    if not mine and beyond:
        return Station(name="Firewall", which="", outcome=Outcome.PASS, note="lets through")
    if not mine:
        return Station(name="Firewall", which="", outcome=Outcome.NOT_RUN)
    worst = mine[0]
    outcome = Outcome.FAIL if worst.severity is Severity.ERROR else Outcome.WARN
    told = []
    authorities = (intercept.authority(index.evidence(one)) for one in mine)
    ca = next(filter(None, authorities), "")
    if ca:
        told.append(f"CA: {ca}")
    at = next((one.location for one in mine if one.location is not None), None)
    suspects = "" if at is None else _suspects(at)
    if suspects:
        told.append(suspects)
    return Station(name="Firewall", which="; ".join(told), outcome=outcome, note=worst.id)


def _blocked(errors: Sequence[Finding]) -> list[Finding]:
    """What is about packets, TLS or answers on the way, and the network's."""
    return [one for one in errors if one.owner is Owner.NETWORK and one.id.startswith(_BLOCKING)]


def _aws(seen: Sequence[Observation], report: Report) -> Station:
    """AWS is reached where a host passed; nothing else shows that somebody else did not answer."""
    probed = {one.host for one in seen}
    hosts = {h.host: h.outcome for e in report.endpoints for h in e.hosts if h.host in probed}
    passed = {host for host, outcome in hosts.items() if outcome in (Outcome.PASS, Outcome.WARN)}
    answered = {one.host for one in seen if one.step in (Step.HTTP, Step.WEBSOCKET) and one.failure is None}
    good = passed & answered
    outcome = Outcome.WARN
    if not good:
        outcome = Outcome.NOT_RUN
    elif len(good) == len(hosts):
        outcome = Outcome.PASS
    return Station(name="AWS", which="", outcome=outcome, note=f"{len(good)} of {len(hosts)} names answer")


def _path(stations: tuple[Station, ...], agents: list[str]) -> AgentPath:
    told = (" ".join((one.name, one.which, _WORDS[one.outcome], one.note)) for one in stations)
    return AgentPath(
        agents=tuple(agents),
        label="; ".join(" ".join(text.split()) for text in told),
        drawings=(_across(stations), _down(stations)),
    )


def _across(stations: Sequence[Station]) -> Drawing:
    rows = _rows(stations, letters=20, least=2, most=4)
    high = _HIGH + (rows - 2) * _LINE
    boxes = []
    for at, one in enumerate(stations):
        x = at * (_WIDE + _GAP)
        boxes.append(_box(one, x + 1, 1, _WIDE, high, letters=20, lines=rows))
    lines = [
        Line(x1=left.x + left.wide, y1=high // 2, x2=right.x, y2=high // 2, broken=_breaks(left, right))
        for left, right in pairwise(boxes)
    ]
    wide = len(stations) * (_WIDE + _GAP) - _GAP + 2
    return Drawing(kind="across", wide=wide, high=high + 2, boxes=tuple(boxes), lines=tuple(lines))


def _rows(stations: Sequence[Station], *, letters: int, least: int, most: int) -> int:
    """How many lines the longest of the texts takes."""
    return min(max(least, *(len(wrap(one.which, letters)) for one in stations)), most)


def _down(stations: Sequence[Station]) -> Drawing:
    rows = _rows(stations, letters=38, least=1, most=2)
    tall = _TALL_HIGH + (rows - 1) * _LINE
    boxes = []
    for at, one in enumerate(stations):
        boxes.append(_box(one, 1, 1 + at * (tall + _TALL_GAP), _TALL_WIDE - 2, tall, letters=38, lines=rows))
    middle = _TALL_WIDE // 2
    lines = [
        Line(x1=middle, y1=upper.y + upper.high, x2=middle, y2=lower.y, broken=_breaks(upper, lower))
        for upper, lower in pairwise(boxes)
    ]
    high = len(stations) * (tall + _TALL_GAP) - _TALL_GAP + 2
    return Drawing(kind="down", wide=_TALL_WIDE, high=high, boxes=tuple(boxes), lines=tuple(lines))


def _breaks(before: Box, after: Box) -> bool:
    return before.station.outcome is Outcome.FAIL or after.station.outcome is Outcome.NOT_RUN


def _box(station: Station, x: int, y: int, wide: int, high: int, *, letters: int, lines: int) -> Box:
    return Box(
        station=station,
        x=x,
        y=y,
        wide=wide,
        high=high,
        which=_wrapped(station.which, letters, lines),
        note=_cut(station.note, letters),
    )


def _wrapped(text: str, letters: int, lines: int) -> tuple[str, ...]:
    found = wrap(text, letters)
    if len(found) <= lines:
        return tuple(found)
    return (*found[: lines - 1], _cut(" ".join(found[lines - 1 :]), letters))


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _place(at: Location) -> str:
    """``hop 3, 10.2.0.1 Palo Alto``: what is known of where it breaks."""
    hop = "an unknown hop" if at.hop is None else f"hop {at.hop}"
    box = " ".join(filter(None, (at.address, at.device)))
    return f"{hop}, {box}" if box else hop


def _remarks(report: Report, index: Index) -> Iterator[str]:
    located = False
    for finding in index.findings:
        at = finding.location
        if at is None:
            continue
        located = True
        sure = "proven" if at.certainty is Certainty.PROVEN else "suspected"
        told = hops_told(at)
        hops = f" {told[:1].upper()}{told[1:]}." if told else ""
        yield f"{finding.id}: it breaks at {_place(at)} ({sure}).{hops}"
    if not located and any(finding.severity is not Severity.INFO for finding in index.findings):
        yield "On which hop it breaks was not looked for: netprobe check --locate does that."

"""Evidence against requirements: events in, what became of each endpoint out. Bounded tables; no I/O."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import netprobe
from netprobe import natural
from netprobe.audit.model import (
    SCHEMA_VERSION,
    STOPPED,
    Audited,
    Decision,
    Denial,
    EndpointEvidence,
    Event,
    EvidenceFile,
    Other,
    OtherPort,
    Status,
)
from netprobe.catalog.model import Endpoint
from netprobe.errors import printable
from netprobe.observe.matching import Matcher
from netprobe.observe.streams import BoundedTable

_MAX_RULES = 10_000
_MAX_HOSTS = 1000
_MAX_OTHERS = 20_000
_MAX_CLIENTS = 8
_MAX_NAMES = 100_000
_MAX_PLACES = 10_000
_SHOWN_OTHERS = 1000
_LASTING = (Decision.DENIED, Decision.NAME_MISMATCH)
"""Stands until the same host was allowed again; of the others, one success of the endpoint shows that it can work."""
_PASSING = (Decision.CREDENTIALS_ASKED, Decision.FAILED_UPSTREAM)
_STOPS = frozenset({*_LASTING, *_PASSING})
_PLAIN_HTTP = 80
_S3 = frozenset({"s3", "s3-buckets"})
"""Entries of the catalog whose names are asked over plain http as well."""


@dataclass(slots=True)
class _Denials:
    """One verdict and rule."""

    count: int = 0
    last: float | None = None
    clients: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Evidence:
    """What one layer says of one host of one endpoint."""

    layer: str
    allowed: int = 0
    seen: int = 0
    last_allowed: float | None = None
    last: dict[Decision, float | None] = field(default_factory=dict)
    outstanding: set[Decision] = field(default_factory=set)
    denials: dict[tuple[Decision, str, str], _Denials] = field(default_factory=dict)


@dataclass(slots=True)
class _Other:
    """Traffic that nothing requires."""

    count: int = 0
    last: float | None = None


@dataclass(slots=True)
class _OtherPort:
    """A needed name on another port."""

    endpoints: tuple[Endpoint, ...]
    allowed: int = 0
    stopped: int = 0
    rules: dict[str, None] = field(default_factory=dict)


class Judge:
    """Takes events one by one."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)
        self._matcher = Matcher(endpoints)
        self._evidence: dict[int, dict[tuple[str, str], _Evidence]] = {id(one): {} for one in self._endpoints}
        self._names: BoundedTable[str, str] = BoundedTable(_MAX_NAMES)
        self._places: dict[tuple[str, int | None, str], tuple[_Evidence, ...]] = {}
        self._rules = 0
        self._others: dict[Decision, dict[tuple[str, int | None], _Other]] = {
            Decision.ALLOWED: {},
            Decision.DENIED: {},
        }
        self._other_ports: dict[tuple[str, int], _OtherPort] = {}
        self._dropped: Counter[str] = Counter()

    def take(self, event: Event) -> None:
        """Take one event."""
        if event.answer:
            self._names.put(_canonical(event.answer), event.host)
        host = event.host
        if not host:
            address = _canonical(event.address)
            host = self._names.get(address) or address
        if not host:
            self._dropped["events without a host or an address"] += 1
            return
        key = (host, event.port, event.layer)
        places = self._places.get(key)
        if places is None:
            places = self._find(*key)
        for evidence in places:
            self._note(evidence, host, event)
        if not places and event.layer != "dns":
            self._note_elsewhere(host, event)

    def learn(self, address: str, host: str) -> None:
        """Remember whose address it is."""
        self._names.put(_canonical(address), host)

    def _find(self, host: str, port: int | None, layer: str) -> tuple[_Evidence, ...]:
        """Where events of this kind are counted; none where no endpoint has the host and the port."""
        found = []
        for endpoint in self._matcher.find(host):
            if port in (None, endpoint.port):
                known = self._evidence[id(endpoint)]
                # Of the hosts of a pattern one may be denied while others pass. In the DNS that says nothing: whoever
                # looks for numbered hosts asks for many that do not exist.
                own = host if layer != "dns" and len(known) < _MAX_HOSTS else ""
                found.append(known.setdefault((layer, own), _Evidence(layer)))
        if len(self._places) >= _MAX_PLACES:
            self._places.clear()
        places = self._places[host, port, layer] = tuple(found)
        return places

    def _note(self, evidence: _Evidence, host: str, event: Event) -> None:
        verdict = event.verdict
        if verdict is Decision.ALLOWED:
            evidence.allowed += event.times
            evidence.last_allowed = _later(evidence.last_allowed, event.time)
            if evidence.outstanding:
                evidence.outstanding.clear()
        elif verdict is Decision.UNKNOWN:
            evidence.seen += event.times
        else:
            evidence.last[verdict] = _later(evidence.last.get(verdict), event.time)
            evidence.outstanding.add(verdict)
            self._note_denial(evidence, host, event)

    def _note_denial(self, evidence: _Evidence, host: str, event: Event) -> None:
        key = (event.verdict, host, event.rule[:200])
        denial = evidence.denials.get(key)
        if denial is None:
            if self._rules >= _MAX_RULES:
                self._dropped["hosts and rules of denials"] += event.times
                return
            self._rules += 1
            denial = evidence.denials[key] = _Denials()
        denial.count += event.times
        denial.last = _later(denial.last, event.time)
        if event.client and len(denial.clients) < _MAX_CLIENTS:
            denial.clients[printable(event.client, 60)] = None

    def _note_elsewhere(self, host: str, event: Event) -> None:
        """Traffic of no endpoint: a needed name on another port, or something else altogether."""
        if event.verdict is Decision.UNKNOWN:
            return
        stopped = event.verdict in _STOPS
        if event.port is not None and (endpoints := self._matcher.find(host)):
            self._note_other_port(host, event.port, endpoints, event)
            if stopped:
                return
        if event.verdict in self._others or stopped:
            self._note_other(self._others[Decision.DENIED if stopped else Decision.ALLOWED], host, event)

    def _note_other_port(self, host: str, port: int, endpoints: tuple[Endpoint, ...], event: Event) -> None:
        one = self._other_ports.get((host, port))
        if one is None:
            if len(self._other_ports) >= _MAX_HOSTS:
                self._dropped["other ports of needed names"] += event.times
                return
            one = self._other_ports[host, port] = _OtherPort(endpoints)
        if event.verdict is Decision.ALLOWED:
            one.allowed += event.times
            return
        one.stopped += event.times
        if len(one.rules) < _MAX_CLIENTS:
            one.rules[printable(event.rule, 200)] = None

    def _note_other(self, others: dict[tuple[str, int | None], _Other], host: str, event: Event) -> None:
        key = (printable(host), event.port)
        if key not in others and len(others) >= _MAX_OTHERS:
            self._dropped["names of other traffic"] += event.times
            return
        other = others.setdefault(key, _Other())
        other.count += event.times
        other.last = _later(other.last, event.time)

    def result(self, regions: Sequence[str], sources: Sequence[EvidenceFile]) -> Audited:
        """Sum up."""
        return Audited(
            schema_version=SCHEMA_VERSION,
            netprobe_version=netprobe.__version__,
            regions=tuple(regions),
            sources=tuple(sources),
            endpoints=tuple(_endpoint(one, tuple(self._evidence[id(one)].values())) for one in self._endpoints),
            unneeded=_sorted(self._others[Decision.ALLOWED]),
            denied_elsewhere=_sorted(self._others[Decision.DENIED]),
            dropped=dict(self._dropped),
            other_ports=tuple(_other_port(*key, one) for key, one in sorted(self._other_ports.items(), key=_place)),
        )

    def denied(self) -> tuple[Endpoint, ...]:
        """The endpoints that were denied and not allowed since, for an allowlist."""
        return tuple(
            one for one in self._endpoints if _status(tuple(self._evidence[id(one)].values())) is Status.DENIED
        )


def _place(item: tuple[tuple[str, int], _OtherPort]) -> tuple[natural.Key, int]:
    """Where a name and port stand among the others."""
    (host, port), _ = item
    return natural.key(host), port


def _canonical(address: str) -> str:
    """One spelling for every address (the kernel logs IPv6 with all its zeros)."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def _later(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _status(evidence: Sequence[_Evidence]) -> Status:
    """The worst of the layers: a DNS server that answers does not make a firewall's denial undone."""
    found = {status for layer in {one.layer for one in evidence} for status in _statuses(evidence, layer)}
    order = (*STOPPED, Status.ALLOWED_SINCE, Status.ALLOWED, Status.SEEN)
    return next((status for status in order if status in found), Status.NEVER_SEEN)


def _statuses(evidence: Sequence[_Evidence], layer: str) -> Iterator[Status]:
    """What one layer says of the endpoint, host by host."""
    mine = [one for one in evidence if one.layer == layer]
    worked = any(one.allowed for one in mine)
    for one in mine:
        for verdict in _LASTING:
            if verdict in one.last:
                yield Status(verdict.value) if _stands(one, verdict) else Status.ALLOWED_SINCE
        for verdict in _PASSING:
            if verdict in one.last and not worked:
                yield Status(verdict.value)
        if one.allowed:
            yield Status.ALLOWED
        elif one.seen:
            yield Status.SEEN


def _stands(evidence: _Evidence, verdict: Decision) -> bool:
    """Whether the host was not allowed after it was stopped last: by the clock, or else in reading order."""
    last = evidence.last[verdict]
    if last is not None and evidence.last_allowed is not None:
        return last >= evidence.last_allowed
    return verdict in evidence.outstanding


def _endpoint(endpoint: Endpoint, evidence: Sequence[_Evidence]) -> EndpointEvidence:
    every = [item for one in evidence for item in one.denials.items()]
    denials = sorted(every, key=lambda item: (-item[1].count, item[0][0], natural.key(item[0][1]), item[0][2]))
    return EndpointEvidence(
        id=endpoint.id,
        region=endpoint.region,
        group=endpoint.group,
        pattern=endpoint.pattern,
        port=endpoint.port,
        required=endpoint.required,
        stands_in_for=endpoint.stands_in_for,
        status=_status(evidence),
        allowed=sum(one.allowed for one in evidence),
        denials=tuple(
            Denial(
                host=printable(host),
                rule=printable(rule, 200),
                count=one.count,
                last_seconds=one.last,
                clients=tuple(natural.ordered(one.clients)),
                verdict=verdict,
            )
            for (verdict, host, rule), one in denials
        ),
    )


def _other_port(host: str, port: int, one: _OtherPort) -> OtherPort:
    """What is told of it.

    The SSM Agent looks for the Region of a bucket with a HEAD over plain http (amazon-ssm-agent 1c217c8,
    agent/s3util/crossregion.go, read 2026-11-28); where nothing answers, sessions that log to S3 hang for minutes.
    """
    waits = any(endpoint.entry in _S3 and endpoint.required for endpoint in one.endpoints)
    return OtherPort(
        host=printable(host),
        port=port,
        endpoints=tuple(f"{endpoint.region}/{endpoint.id}" for endpoint in one.endpoints),
        allowed=one.allowed,
        stopped=one.stopped,
        rules=tuple(one.rules),
        matters=waits and port == _PLAIN_HTTP,
    )


def _sorted(others: dict[tuple[str, int | None], _Other]) -> tuple[Other, ...]:
    found = [Other(host=key[0], port=key[1], count=one.count, last_seconds=one.last) for key, one in others.items()]
    return tuple(sorted(found, key=lambda one: (-one.count, natural.key(one.host), one.port or 0)))[:_SHOWN_OTHERS]

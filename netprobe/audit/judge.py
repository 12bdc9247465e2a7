"""Evidence against requirements: events in, what became of each endpoint out. Bounded tables; no I/O."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import netprobe
from netprobe.audit.model import (
    SCHEMA_VERSION,
    Audited,
    Denial,
    EndpointEvidence,
    Event,
    Other,
    Source,
    Status,
    Verdict,
)
from netprobe.catalog.model import Endpoint
from netprobe.errors import printable
from netprobe.observe.matching import Matcher
from netprobe.observe.streams import Table

_MAX_RULES = 1000
_MAX_OTHERS = 20_000
_MAX_CLIENTS = 8
_MAX_NAMES = 100_000
_SHOWN_OTHERS = 1000


@dataclass(slots=True)
class _Denials:
    """One host and rule."""

    count: int = 0
    last: float | None = None
    clients: dict[str, None] = field(default_factory=dict)


@dataclass(slots=True)
class _Evidence:
    """What was seen of one endpoint."""

    allowed: int = 0
    seen: int = 0
    last_allowed: float | None = None
    last_denied: float | None = None
    denied_after: bool = False
    denials: dict[tuple[str, str], _Denials] = field(default_factory=dict)


@dataclass(slots=True)
class _Other:
    """Traffic that nothing requires."""

    count: int = 0
    last: float | None = None


class Judge:
    """Takes events one by one."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self._endpoints = tuple(endpoints)
        self._matcher = Matcher(endpoints)
        self._evidence: dict[int, dict[str, _Evidence]] = {id(one): {} for one in self._endpoints}
        self._names: Table[str, str] = Table(_MAX_NAMES)
        self._others: dict[Verdict, dict[tuple[str, int | None], _Other]] = {
            Verdict.ALLOWED: {},
            Verdict.DENIED: {},
        }
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
        found = [one for one in self._matcher.find(host) if event.port in (None, one.port)]
        for endpoint in found:
            layers = self._evidence[id(endpoint)]
            self._note(layers.setdefault(event.layer, _Evidence()), host, event)
        if not found and event.verdict in self._others and event.layer != "dns":
            self._note_other(self._others[event.verdict], host, event)

    def _note(self, evidence: _Evidence, host: str, event: Event) -> None:
        if event.verdict is Verdict.DENIED:
            key = (host, printable(event.rule, 200))
            if key not in evidence.denials and len(evidence.denials) >= _MAX_RULES:
                self._dropped["hosts and rules of denials"] += event.times
                return
            denial = evidence.denials.setdefault(key, _Denials())
            denial.count += event.times
            denial.last = _later(denial.last, event.time)
            evidence.last_denied = _later(evidence.last_denied, event.time)
            evidence.denied_after = True
            if event.client and len(denial.clients) < _MAX_CLIENTS:
                denial.clients[printable(event.client, 60)] = None
        elif event.verdict is Verdict.ALLOWED:
            evidence.allowed += event.times
            evidence.last_allowed = _later(evidence.last_allowed, event.time)
            evidence.denied_after = False
        else:
            evidence.seen += event.times

    def _note_other(self, others: dict[tuple[str, int | None], _Other], host: str, event: Event) -> None:
        key = (printable(host), event.port)
        if key not in others and len(others) >= _MAX_OTHERS:
            self._dropped["names of other traffic"] += event.times
            return
        other = others.setdefault(key, _Other())
        other.count += event.times
        other.last = _later(other.last, event.time)

    def result(self, regions: Sequence[str], sources: Sequence[Source]) -> Audited:
        """Sum up."""
        return Audited(
            schema_version=SCHEMA_VERSION,
            netprobe_version=netprobe.__version__,
            regions=tuple(regions),
            sources=tuple(sources),
            endpoints=tuple(_endpoint(one, self._evidence[id(one)]) for one in self._endpoints),
            unneeded=_sorted(self._others[Verdict.ALLOWED]),
            denied_elsewhere=_sorted(self._others[Verdict.DENIED]),
            dropped=dict(self._dropped),
        )

    def denied(self) -> tuple[Endpoint, ...]:
        """The endpoints that were denied and not allowed since, for an allowlist."""
        return tuple(one for one in self._endpoints if _status(self._evidence[id(one)]) is Status.DENIED)


def _canonical(address: str) -> str:
    """One spelling for every address (the kernel logs IPv6 with all its zeros)."""
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return address


def _later(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else max(one, other)


def _status(layers: Mapping[str, _Evidence]) -> Status:
    """The worst of the layers: a DNS server that answers does not make a firewall's denial undone."""
    found = {_status_of(one) for one in layers.values()}
    order = (Status.DENIED, Status.ALLOWED_SINCE, Status.ALLOWED, Status.SEEN)
    return next((status for status in order if status in found), Status.NEVER_SEEN)


def _status_of(evidence: _Evidence) -> Status:
    """Denied wins, unless the endpoint was allowed after its last denial: by the clock, or else in reading order."""
    if evidence.denials:
        if evidence.last_denied is not None and evidence.last_allowed is not None:
            return Status.ALLOWED_SINCE if evidence.last_allowed > evidence.last_denied else Status.DENIED
        return Status.ALLOWED_SINCE if evidence.allowed and not evidence.denied_after else Status.DENIED
    return Status.ALLOWED if evidence.allowed else Status.SEEN


def _endpoint(endpoint: Endpoint, layers: Mapping[str, _Evidence]) -> EndpointEvidence:
    every = [item for one in layers.values() for item in one.denials.items()]
    denials = sorted(every, key=lambda item: (-item[1].count, item[0]))
    return EndpointEvidence(
        id=endpoint.id,
        region=endpoint.region,
        group=endpoint.group,
        pattern=endpoint.pattern,
        port=endpoint.port,
        required=endpoint.required,
        stands_in_for=endpoint.stands_in_for,
        status=_status(layers),
        allowed=sum(one.allowed for one in layers.values()),
        denials=tuple(
            Denial(host=host, rule=rule, count=one.count, last_seconds=one.last, clients=tuple(sorted(one.clients)))
            for (host, rule), one in denials
        ),
    )


def _sorted(others: dict[tuple[str, int | None], _Other]) -> tuple[Other, ...]:
    found = [Other(host=key[0], port=key[1], count=one.count, last_seconds=one.last) for key, one in others.items()]
    return tuple(sorted(found, key=lambda one: (-one.count, one.host, one.port or 0)))[:_SHOWN_OTHERS]

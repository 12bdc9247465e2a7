"""From endpoints and vantages to the hosts that one run probes: each once, however many ask for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from netprobe.catalog.model import Endpoint, Request
from netprobe.hostnames import Hostname
from netprobe.observations import Subject
from netprobe.probes.scene import RunClock, Scene
from netprobe.probes.settings import Settings
from netprobe.vantage import ProxyServer, Vantage, who_looks

NO_HOST = "no host is known"
NUMBERS_PER_HOST = 8
"""So many numbers of ``ecs-a-*`` are as much work as one host: most are denied, which takes one question. A number
takes 0.25 ms of a processor, a host 2 ms (tests/bench, 2026-11-29)."""
_IMPOSSIBLE = "netprobe-no-such-host"
"""AWS names no endpoint like this, and it tells an administrator who asked."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One host as one vantage sees it.

    Attributes:
        scene: what its observations have in common.
        vantage: as whom we look.
        families: the address families that are probed.
        request: what is asked once a connection stands.
        proxy: the way out, or None for a direct connection.
        candidate: one of many numbered names, which may not exist.
        suffix: what follows the first label.
        decides: its endpoint must work, and by this name: what an optional host meets decides no verdict, and no more
            does an un-numbered name beside numbered ones.
    """

    scene: Scene
    vantage: Vantage
    families: tuple[int, ...]
    request: Request
    proxy: ProxyServer | None
    candidate: bool
    suffix: str
    decides: bool

    @property
    def impossible(self) -> str:
        """A name beside the host which cannot exist."""
        return f"{_IMPOSSIBLE}.{self.suffix}"


class Plan(msgspec.Struct, kw_only=True):
    """Everything that one run takes up.

    Attributes:
        clock: when the run began; whoever starts its event loop sets it.
        subjects: the endpoints, as the report lists them.
        probes: the hosts, those that must exist first.
    """

    clock: RunClock
    subjects: list[Subject] = msgspec.field(default_factory=list)
    probes: list[Probe] = msgspec.field(default_factory=list)

    @property
    def work(self) -> int:
        """How much there is to do, in hosts."""
        numbers = sum(probe.candidate for probe in self.probes)
        return len(self.probes) - numbers + numbers // NUMBERS_PER_HOST


def make(
    endpoints: Sequence[Endpoint], vantages: Sequence[Vantage], settings: Settings, clock: RunClock | None = None
) -> Plan:
    """Lay out a run.

    Args:
        endpoints: what must work.
        vantages: as whom to look.
        settings: limits and choices.
        clock: when the run began; None where it has not.
    """
    plan = Plan(clock=clock or RunClock())
    seen: dict[tuple[object, ...], int] = {}
    for endpoint in endpoints:
        names = _names(endpoint, settings)
        looking = who_looks(endpoint.used_by, vantages)
        plan.subjects.append(_subject(endpoint, [name.name for name in names], looking, vantages))
        for name in names:
            for vantage in looking:
                probe = _probe(endpoint, name.name, vantage, settings, plan.clock)
                key = _identity(probe)
                if key not in seen:
                    seen[key] = len(plan.probes)
                    plan.probes.append(probe)
                    continue
                if probe.decides:
                    plan.probes[seen[key]] = msgspec.structs.replace(plan.probes[seen[key]], decides=True)
                if vantage.name != plan.probes[seen[key]].scene.vantage:
                    _share(plan.probes, seen[key], vantage.name)
    plan.probes.sort(key=lambda probe: probe.candidate)  # names that must exist are not kept waiting
    return plan


def first_questions(probes: Iterable[Probe]) -> Iterator[tuple[Vantage, str, tuple[int, ...]]]:
    """The questions with which a first pass begins: who asks, for which name, in which families.

    Candidates are asked for in one family first, and beside each row of them a name that cannot exist in all.

    Args:
        probes: in their order.
    """
    beside: set[tuple[str, str]] = set()
    for probe in probes:
        if probe.proxy is not None:
            continue
        yield probe.vantage, probe.scene.host, probe.families[:1] if probe.candidate else probe.families
        if probe.candidate and (probe.suffix, probe.vantage.name) not in beside:
            beside.add((probe.suffix, probe.vantage.name))
            yield probe.vantage, probe.impossible, probe.families


def _names(endpoint: Endpoint, settings: Settings) -> tuple[Hostname, ...]:
    """The names to ask for: the host's own number too, however high it is."""
    names = endpoint.candidates(settings.ecs_numbers)
    if not endpoint.numbered:
        return names
    own = (Hostname.parse(host) for host in settings.own_hosts)
    return tuple(dict.fromkeys((*names, *(host for host in own if endpoint.host_pattern.matches(host)))))


def vantage_families(vantage: Vantage, settings: Settings) -> tuple[int, ...]:
    """The families that a vantage has and the user wants."""
    return tuple(family for family in vantage.families if family in settings.families)


def _subject(
    endpoint: Endpoint, candidates: Iterable[str], looking: Sequence[Vantage], vantages: Sequence[Vantage]
) -> Subject:
    names = tuple(candidates)
    looked_as = ", ".join(vantage.name for vantage in vantages)
    unused = "" if looking else f"used by {', '.join(endpoint.used_by)}, and this looked as {looked_as}"
    return Subject(
        id=endpoint.id,
        entry=endpoint.entry,
        upgrade=endpoint.request.upgrade,
        region=endpoint.region,
        group=endpoint.group,
        pattern=endpoint.pattern,
        port=endpoint.port,
        required=endpoint.required,
        used_by=tuple(str(agent) for agent in endpoint.used_by),
        purpose=endpoint.purpose,
        numbered=endpoint.numbered,
        stands_in_for=endpoint.stands_in_for,
        placeholder_account=endpoint.placeholder_account,
        candidates=names,
        unused=unused,
        not_run="" if names or unused else NO_HOST,
    )


def _probe(endpoint: Endpoint, host: str, vantage: Vantage, settings: Settings, clock: RunClock) -> Probe:
    if endpoint.origin:
        vantage = msgspec.structs.replace(vantage, origin_ca=Path(endpoint.origin))
    return Probe(
        scene=Scene(
            clock=clock,
            vantage=vantage.name,
            region=endpoint.region,
            endpoint=endpoint.id,
            host=host,
            port=endpoint.port,
        ),
        vantage=vantage,
        families=vantage_families(vantage, settings),
        request=endpoint.request,
        proxy=vantage.proxy_for(host, endpoint.port),
        candidate=endpoint.numbered and host not in settings.own_hosts,
        suffix=host.partition(".")[2],
        decides=endpoint.required and endpoint.stands_in_for is None,
    )


def _identity(probe: Probe) -> tuple[object, ...]:
    """What makes two probes the same probe: the host, and every setting that could change what is seen."""
    vantage, proxy = probe.vantage, probe.proxy
    request = probe.request
    return (
        probe.scene.host,
        probe.scene.port,
        (request.method, request.path, tuple(sorted(request.headers.items())), request.genuine, request.upgrade),
        vantage.resolvers,
        vantage.hosts_file,
        vantage.store,
        vantage.origin_ca,
        vantage.ciphers,
        probe.families,
        tuple(sorted(vantage.ports.items())),
        None if proxy is None else (proxy.scheme, proxy.host, proxy.port, proxy.username, proxy.password),
    )


def _share(probes: list[Probe], index: int, vantage: str) -> None:
    probe = probes[index]
    if vantage not in probe.scene.shared_with:
        scene = msgspec.structs.replace(probe.scene, shared_with=(*probe.scene.shared_with, vantage))
        probes[index] = msgspec.structs.replace(probe, scene=scene)

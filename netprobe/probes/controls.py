"""The control probes: each repeats one step with one thing changed, so that two causes which look alike part.

Every control is an observation like any other, with ``experiment`` set. Nothing is trusted and nothing secret is sent
over a control connection: its handshakes look at the peer without verifying it, unless the control is about trust.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Iterable
from contextlib import closing
from functools import partial
from typing import Any

import msgspec
import trio

from netprobe import addresses
from netprobe import origin as origins
from netprobe.catalog.model import Request
from netprobe.observations import CERTIFICATE_FAILURES, DnsDetail, Experiment, Failure, Observation, Step, TlsDetail
from netprobe.probes import chain, connections, conversation, dns, http, proxy, resolve, tcp, tls
from netprobe.probes.attempt import Attempt
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session, Trace
from netprobe.probes.transport import OpenStreamTransport
from netprobe.vantage import ProxyServer, Resolver

MSS_STEPS = (1360, 1200, 960, 536)
"""536 is what every IPv4 host must take (RFC 9293 section 3.7.1); between it and Ethernet, what tunnels leave."""
LISTEN_SECONDS = 0.7
FRESH = "netprobe-first-time"
"""How a name begins that is made up for one handshake: it tells an administrator who asked."""
_KNOWN_NAMES = frozenset({Experiment.OTHER_SNI, Experiment.NO_SNI, Experiment.OTHER_SNI_LOWER_MSS})
_OTHER_METHOD = {"GET": "OPTIONS"}


class ControlCase(msgspec.Struct, frozen=True, kw_only=True):
    """A failure that calls for control probes.

    Attributes:
        trace: the host it happened to.
        failed: the observation that failed.
        peer: a host that passed in this run, as the same vantage, or None.
        attempt: which round of controls this is, from 1.
        made: what the controls of this failure saw so far, and where they put what they see.
    """

    trace: Trace
    failed: Observation
    peer: Trace | None
    attempt: int = 1
    made: list[Observation] = msgspec.field(default_factory=list)

    @property
    def probe(self) -> Probe:
        """The host."""
        return self.trace.probe

    def scene(self, experiment: Experiment) -> Scene:
        """The host's scene as a control probe."""
        return self.probe.scene.control(experiment, self.attempt)

    def on(self, session: Session, experiment: Experiment, limits: Limits | None = None) -> Attempt:
        """A control probe on the way that failed."""
        return Attempt.of(session, self.probe, self.scene(experiment), self.failed.address, self.made, limits)

    def at(self, session: Session, experiment: Experiment, address: str | None) -> Attempt:
        """A control probe on another way, within the run's own limits."""
        return Attempt.of(session, self.probe, self.scene(experiment), address, self.made)


Control = Callable[[Session, Limits, ControlCase], Coroutine[Any, Any, None]]


async def lax_chain(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same unverified: the chain that a try was shown, where the first pass had not come as far."""
    await chain.look_at_chain(case.on(session, Experiment.LAX_CHAIN, limits.patient()))


async def fresh_sni(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same address, asked for a name that nobody has asked for before, where a name that is known was answered.

    A peer that makes its certificates itself has that of a known name at hand, and is only slow with a new one.
    """
    known = [o for o in case.made if o.experiment in _KNOWN_NAMES and shakes(o)]
    if known and (case.failed.failure is Failure.TIMEOUT or not any(map(_is_origins, known))):
        name = f"{FRESH}-{secrets.token_hex(4)}.{case.probe.suffix}"
        whole = any(o.experiment != Experiment.OTHER_SNI_LOWER_MSS for o in known)
        mss = None if whole else MSS_STEPS[-1]
        await _shake(session, limits, case, Experiment.FRESH_SNI, sni=name, mss=mss)


def shakes(o: Observation) -> bool:
    """Whether a control got as far as the peer's certificate, whatever that is worth."""
    return o.step is Step.TLS and (o.failure is None or o.failure in CERTIFICATE_FAILURES)


def _is_origins(o: Observation) -> bool:
    return isinstance(o.detail, TlsDetail) and o.detail.origin is True


async def other_sni(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same address, asked for a name that passed elsewhere in this run."""
    if case.peer is not None:
        await _shake(session, limits, case, Experiment.OTHER_SNI, sni=case.peer.probe.scene.host)


async def no_sni(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same address, with no name in the ClientHello."""
    await _shake(session, limits, case, Experiment.NO_SNI, sni=None)


async def other_address(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same name, at the address of a host that passed."""
    address = next(iter(case.peer.steps), None) if case.peer is not None else None
    if address is not None and address not in case.trace.steps:
        await _shake(session, limits, case, Experiment.OTHER_ADDRESS, sni=case.probe.scene.host, address=address)


async def lower_mss(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same address and name in smaller packets: several sizes side by side, then the largest that went through."""
    if case.failed.address is None:
        return  # the segments to a proxy say nothing of the way behind it
    name = case.probe.scene.host
    async with trio.open_nursery() as nursery:
        for mss in _sizes(case):
            nursery.start_soon(partial(_shake, session, limits, case, Experiment.LOWER_MSS, sni=name, mss=mss))


def _sizes(case: ControlCase) -> tuple[int, ...]:
    went = [
        o.detail.mss
        for o in case.made
        if o.experiment == Experiment.LOWER_MSS
        and o.failure is None
        and isinstance(o.detail, TlsDetail)
        and o.detail.mss
    ]
    return MSS_STEPS if not went else (max(went),)


async def other_sni_lower_mss(session: Session, limits: Limits, case: ControlCase) -> None:
    """Another name and the smallest packets: a filter for names on a path that loses large packets hides from both."""
    if case.peer is not None and case.failed.address is not None:
        name = case.peer.probe.scene.host
        await _shake(session, limits, case, Experiment.OTHER_SNI_LOWER_MSS, sni=name, mss=MSS_STEPS[-1])


async def working_address(session: Session, limits: Limits, case: ControlCase) -> None:
    """A connection to an address that answered in this run: the host's own other one, or else another host's."""
    scene = case.scene(Experiment.WORKING_ADDRESS)
    own = next((address for address, steps in case.trace.steps.items() if address and connected(steps)), None)
    peers = case.peer.steps if case.peer is not None else {}
    address = own or next((a for a in peers if a is not None), None)
    if address is None:
        return
    port = case.probe.vantage.connect_port(scene.port)
    observation, stream = await tcp.connect(scene, address, port, limits)
    if stream is not None:
        stream.close()
    case.made.append(observation)


def connected(steps: Iterable[Observation]) -> bool:
    """Whether a connection stood in the first pass."""
    return any(o.step is Step.TCP and o.failure is None and o.experiment is None for o in steps)


async def send_nothing(session: Session, _limits: Limits, case: ControlCase) -> None:
    """The same address: connect and stay silent. A reset that comes now is no answer to a ClientHello."""
    address, scene = case.failed.address, case.scene(Experiment.SEND_NOTHING)
    if address is None:
        return
    port = case.probe.vantage.connect_port(scene.port)
    observation, stream = await tcp.connect(scene, address, port, session.limits)
    if stream is None:
        case.made.append(observation)
        return
    with closing(stream):
        case.made.append(await tcp.listen_in_silence(scene, address, port, stream, LISTEN_SECONDS))


async def small_request(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same request as HEAD: its answer has no body, so that only large answers are left to vanish."""
    attempt = case.on(session, Experiment.SMALL_REQUEST)
    probe, scene = attempt.probe, attempt.scene
    stream = await connections.reach(attempt, keep_success=False)
    if stream is None:
        return
    with closing(stream):
        shaken, encrypted = await tls.handshake(
            scene, stream, tls.lax(probe.vantage, scene.host), limits, address=case.failed.address
        )
        if encrypted is None:
            case.made.append(shaken)
            return
        wanted = Request(method="HEAD", path=probe.request.path, genuine=probe.request.genuine)
        transport = OpenStreamTransport(encrypted)
        observation, _ = await http.request(scene, transport, wanted, limits, address=case.failed.address)
        case.made.append(observation)


async def other_method(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same thing asked for by another method (GET for OPTIONS), and the upgrade behind it, where there is one.

    This one verifies: what it is for is to hear the origin itself (:mod:`netprobe.origin`).
    """
    attempt = case.on(session, Experiment.OTHER_METHOD)
    probe, scene, address = attempt.probe, attempt.scene, attempt.address
    stream = await connections.reach(attempt, keep_success=False)
    if stream is None:
        return
    with closing(stream):
        policy = session.verified(probe.vantage, scene.host)
        shaken, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        if encrypted is None:
            case.made.append(shaken)
            return
        origin = origins.answered(shaken)
        wanted = msgspec.structs.replace(probe.request, method=_OTHER_METHOD.get(probe.request.method, "GET"))
        transport = OpenStreamTransport(encrypted)
        observation, answer = await http.request(scene, transport, wanted, limits, address=address, origin=origin)
        case.made.append(observation)
        if wanted.upgrade and answer is not None and observation.failure in conversation.GO_ON:
            slower = case.on(session, Experiment.OTHER_METHOD, limits)
            await conversation.upgrade(slower, transport, origin=origin)


async def dns_over_tcp(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same question to the same resolver, over TCP."""
    resolver, family = _asked(case)
    if resolver is not None:
        observation, _ = await dns.ask(case.scene(Experiment.DNS_OVER_TCP), resolver, family, limits, over_tcp=True)
        case.made.append(observation)


async def without_edns(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same question to the same resolver, without EDNS."""
    resolver, family = _asked(case)
    if resolver is not None:
        observation, _ = await dns.ask(case.scene(Experiment.WITHOUT_EDNS), resolver, family, limits, edns=False)
        case.made.append(observation)


async def other_resolver(session: Session, limits: Limits, case: ControlCase) -> None:
    """The same name through the other resolvers, and the host at addresses that the first pass did not try."""
    scene, probe = case.scene(Experiment.OTHER_RESOLVER), case.probe
    asked, family = _asked(case)
    for resolver in probe.vantage.resolvers:
        if resolver == asked:
            continue
        observation, addresses = await dns.ask(scene, resolver, family, limits)
        new = [address for address in addresses if address not in case.trace.addresses]
        if new or case.failed.step is Step.DNS:
            case.made.append(observation)
        for address in new[:2]:
            await chain.run(case.at(session, Experiment.OTHER_RESOLVER, address))


async def without_hosts_file(session: Session, _limits: Limits, case: ControlCase) -> None:
    """The name that the hosts file overrides, asked of the resolvers."""
    probe = case.probe
    vantage = msgspec.structs.replace(probe.vantage, hosts_file=None)
    scene = case.scene(Experiment.WITHOUT_HOSTS_FILE)
    lookup = await resolve.resolve(scene, vantage, probe.families, session.limits, session.gates)
    case.made.extend(lookup.observations)


async def without_proxy(session: Session, limits: Limits, case: ControlCase) -> None:
    """The host directly, where the way through the proxy failed."""
    scene, probe = case.scene(Experiment.WITHOUT_PROXY), case.probe
    lookup = await resolve.resolve(scene, probe.vantage, probe.families, limits, session.gates)
    case.made.extend(lookup.observations)
    for address in lookup.addresses[:1]:
        await chain.run(case.at(session, Experiment.WITHOUT_PROXY, address))


async def with_proxy(session: Session, _limits: Limits, case: ControlCase) -> None:
    """The host through a proxy that this vantage is exempted from, or another one uses, where the direct way failed."""
    scene = case.scene(Experiment.WITH_PROXY)
    for server in _other_proxies(session, case):
        probe = msgspec.structs.replace(case.probe, proxy=server)
        await chain.run(Attempt.of(session, probe, scene, None, case.made))


async def connect_by_address(session: Session, limits: Limits, case: ControlCase) -> None:
    """CONNECT to an address that this host resolved, where the proxy failed with the name."""
    probe, scene = case.probe, case.scene(Experiment.CONNECT_BY_ADDRESS)
    assert probe.proxy is not None
    lookup = await resolve.resolve(scene, probe.vantage, probe.families, limits, session.gates)
    case.made.extend(lookup.observations)
    for address in lookup.addresses[:1]:
        observation, stream = await proxy.open_tunnel(
            scene, probe.vantage, probe.proxy, session.finder, limits, target=address
        )
        case.made.append(observation)
        if stream is not None:
            stream.close()


async def _shake(
    session: Session,
    limits: Limits,
    case: ControlCase,
    experiment: Experiment,
    *,
    sni: str | None,
    address: str | None = None,
    mss: int | None = None,
) -> None:
    """One unverified handshake with one thing changed; where the first pass failed later, its request too."""
    scene, probe = case.scene(experiment), case.probe
    at = address if address is not None else case.failed.address
    attempt = Attempt.of(session, probe, scene, at, case.made, limits)
    stream = await connections.reach(attempt, keep_success=False, mss=mss)
    if stream is None:
        return
    with closing(stream):
        policy = tls.lax(probe.vantage, sni, mss)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=at)
        case.made.append(observation)
        if encrypted is None or case.failed.step is not Step.HTTP:
            return
        transport = OpenStreamTransport(encrypted)
        observation, _ = await http.request(scene, transport, probe.request, limits, address=at)
        case.made.append(observation)


def _asked(case: ControlCase) -> tuple[Resolver | None, int]:
    """The resolver and family of a failed question; of a later step, no resolver and the family of the address."""
    detail = case.failed.detail
    if not isinstance(detail, DnsDetail):
        return None, addresses.version_of(case.failed.address or "")
    resolver = next((r for r in case.probe.vantage.resolvers if str(r) == detail.resolver), None)
    return resolver, 6 if detail.rrtype == "AAAA" else 4


def _other_proxies(session: Session, case: ControlCase) -> Iterable[ProxyServer]:
    scene = case.probe.scene
    own = case.probe.vantage.proxy
    found = (own, *(vantage.proxy_for(scene.host, scene.port) for vantage in session.vantages))
    return dict.fromkeys(server for server in found if server is not None and server != case.probe.proxy)

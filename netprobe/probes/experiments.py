"""Which control probes does a failure call for? Made after the first pass, within the deadline, and only then.

One cause may touch thirty endpoints, so like failures are put together and a few of each kind are looked into:
those are evidence for the rest. The controls themselves are in :mod:`netprobe.probes.controls`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import trio

from netprobe.observations import DnsDetail, Failure, Observation, Step, TlsDetail
from netprobe.probes import controls
from netprobe.probes.bugs import contained
from netprobe.probes.controls import Case, Control
from netprobe.probes.limits import Limits
from netprobe.probes.session import Session, Trace

SAMPLES = 4
"""Hosts that are looked into of each kind of failure."""

_SILENT_TLS: tuple[Control, ...] = (controls.other_sni, controls.no_sni, controls.other_address, controls.lower_mss)
_CUT_TLS: tuple[Control, ...] = (controls.send_nothing, controls.other_sni, controls.no_sni, controls.other_address)
_REFUSED_TLS: tuple[Control, ...] = (controls.other_sni, controls.no_sni, controls.other_address)
_UPSTREAM: tuple[Control, ...] = (controls.connect_by_address, controls.without_proxy)

CALLED_FOR: dict[tuple[Step, Failure], tuple[Control, ...]] = {
    (Step.DNS, Failure.TIMEOUT): (controls.dns_over_tcp, controls.other_resolver),
    (Step.DNS, Failure.DNS_TCP_BLOCKED): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_NXDOMAIN): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_NO_ANSWER): (controls.other_resolver,),
    (Step.DNS, Failure.DNS_SERVFAIL): (controls.other_resolver, controls.dns_over_tcp),
    (Step.DNS, Failure.DNS_REFUSED): (controls.other_resolver, controls.dns_over_tcp),
    (Step.DNS, Failure.DNS_OTHER_RCODE): (controls.other_resolver, controls.dns_over_tcp),
    (Step.DNS, Failure.DNS_MALFORMED): (controls.other_resolver, controls.dns_over_tcp),
    (Step.DNS, Failure.CONNECTION_REFUSED): (controls.dns_over_tcp,),
    (Step.TLS, Failure.TIMEOUT): _SILENT_TLS,
    (Step.TLS, Failure.CONNECTION_RESET): _CUT_TLS,
    (Step.TLS, Failure.EOF): _CUT_TLS,
    (Step.TLS, Failure.SSL_ALERT): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_VERSION_REFUSED): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_FAILED_HANDSHAKE): _REFUSED_TLS,
    (Step.TLS, Failure.SSL_NOT_TLS): _REFUSED_TLS,
    (Step.HTTP, Failure.TIMEOUT): (controls.small_request, controls.lower_mss),
    (Step.PROXY, Failure.PROXY_CANNOT_CONNECT): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_CANNOT_RESOLVE): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_UPSTREAM_TIMEOUT): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_BAD_ANSWER): _UPSTREAM,
    (Step.PROXY, Failure.PROXY_FORBIDDEN): (controls.without_proxy,),
    (Step.PROXY, Failure.PROXY_METHOD_REFUSED): (controls.without_proxy,),
    (Step.PROXY, Failure.PROXY_NOT_A_PROXY): _UPSTREAM,  # Privoxy answers 404 for a name that it cannot resolve
    (Step.PROXY, Failure.TIMEOUT): (controls.without_proxy,),
    (Step.PROXY, Failure.CONNECTION_REFUSED): (controls.without_proxy,),
    (Step.PROXY, Failure.HOST_UNREACHABLE): (controls.without_proxy,),
    (Step.PROXY, Failure.NETWORK_UNREACHABLE): (controls.without_proxy,),
}
"""What each failure of a step calls for, beyond what the first pass did (every address, every resolver, lax chains)."""


_HELD_BACK = frozenset({(Step.HTTP, Failure.TIMEOUT), (Step.WEBSOCKET, Failure.TIMEOUT)})
"""Answers that never came through a tunnel: without the proxy they come, where it is the proxy that keeps them."""


async def make(session: Session) -> None:
    """Make the control probes that the first pass calls for, side by side."""
    limits = session.limits.for_controls()
    async with trio.open_nursery() as nursery:
        for case, wanted in _wanted(session):
            nursery.start_soon(_one_by_one, session, limits, case, wanted)


async def _one_by_one(session: Session, limits: Limits, case: Case, wanted: Sequence[Control]) -> None:
    """The controls of one case, each with a slot of its own: the network is spared, not hurried."""
    async with trio.open_nursery() as nursery:
        for control in wanted:
            nursery.start_soon(_with_slot, session, limits, case, control)


async def _with_slot(session: Session, limits: Limits, case: Case, control: Control) -> None:
    async with session.slots:
        with contained(session.bugs, case.trace.target.scene.host):
            await control(session, limits, case)


def _wanted(session: Session) -> Iterator[tuple[Case, tuple[Control, ...]]]:
    taken: dict[tuple[object, ...], int] = {}
    for trace in session.traces:
        if trace.absent or not trace.complete:
            continue
        for failed in _failures(trace):
            wanted = _controls_for(session, trace, failed)
            kind = _kind(trace, failed)
            if wanted and taken.get(kind, 0) < SAMPLES:
                taken[kind] = taken.get(kind, 0) + 1
                yield Case(trace=trace, failed=failed, peer=_peer(session, trace)), wanted


def _failures(trace: Trace) -> Iterator[Observation]:
    """The failures of a first pass that nothing else explains; one question for each resolver is enough."""
    resolvers: set[str] = set()
    for o in trace.lookup:
        assert isinstance(o.detail, DnsDetail)
        has_answer = o.failure is Failure.DNS_NO_ANSWER and bool(trace.addresses)
        if o.failure is not None and not has_answer and o.detail.resolver not in resolvers:
            resolvers.add(o.detail.resolver)
            yield o
    for steps in trace.steps.values():
        yield from (o for o in steps if o.failure is not None and o.experiment is None)


def _controls_for(session: Session, trace: Trace, failed: Observation) -> tuple[Control, ...]:
    assert failed.failure is not None
    wanted = CALLED_FOR.get((failed.step, failed.failure), ())
    if failed.step is not Step.DNS and trace.target.proxy is None:
        if any(o.detail.transport == "file" for o in trace.lookup if isinstance(o.detail, DnsDetail)):
            wanted = (*wanted, controls.without_hosts_file)
        scene = trace.target.scene
        proxies = (trace.target.vantage.proxy, *(v.proxy_for(scene.host, scene.port) for v in session.vantages))
        if any(server is not None for server in proxies):
            wanted = (*wanted, controls.with_proxy)
        if len(trace.target.vantage.resolvers) > 1:
            wanted = (*wanted, controls.other_resolver)
    if trace.target.proxy is not None and (failed.step, failed.failure) in _HELD_BACK:
        wanted = (*wanted, controls.without_proxy)
    return wanted


def _kind(trace: Trace, failed: Observation) -> tuple[object, ...]:
    """What makes failures alike: who looked, the step, the word, and how much came back."""
    detail = failed.detail
    answered = isinstance(detail, TlsDetail) and detail.bytes_received > 0
    resolver = detail.resolver if isinstance(detail, DnsDetail) else ""
    return (trace.target.scene.vantage, failed.step, failed.failure, answered, resolver)


def _peer(session: Session, trace: Trace) -> Trace | None:
    """A host that passed as the same vantage, a sibling or of the same region where there is one."""
    scene, suffix = trace.target.scene, trace.target.suffix
    passed = [
        other
        for other in session.traces
        if other.passed and other.target.scene.vantage == scene.vantage and other.target.scene.host != scene.host
    ]

    def distance(other: Trace) -> tuple[bool, bool, str]:
        theirs = other.target.scene
        return (theirs.region != scene.region, other.target.suffix != suffix, theirs.host)

    return min(passed, key=distance, default=None)

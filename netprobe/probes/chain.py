"""One host through all steps: dns, then for every address tcp, tls, http and websocket over one connection.

Through a proxy the chain is proxy, tls, http, websocket: the name goes to the proxy, and no DNS of this host is needed.
A step that fails ends its chain, because later steps would only repeat the first failure.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from netprobe.observations import Failure, Observation
from netprobe.probes import http, resolve, tcp, tls
from netprobe.probes.plan import Target
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session, Trace
from netprobe.probes.streams import Stream
from netprobe.probes.transport import OpenStreamTransport

PLAIN_HTTP = 80
LAX = "lax_chain"
_CERTIFICATE_FAILURES = frozenset(
    {
        Failure.SSL_UNKNOWN_AUTHORITY,
        Failure.SSL_INVALID_HOSTNAME,
        Failure.SSL_EXPIRED,
        Failure.SSL_NOT_YET_VALID,
        Failure.SSL_INVALID_CERTIFICATE,
    }
)


async def look_up(session: Session, target: Target) -> Trace:
    """The dns step of a target."""
    trace = Trace(target=target)
    session.traces.append(trace)
    lookup = resolve.Lookup()
    try:
        lookup = await resolve.resolve(target.scene, target.vantage, target.families, session.limits, session.gates)
    finally:
        trace.lookup.extend(lookup.observations)
    trace.addresses.extend(lookup.addresses)
    trace.says_absent = lookup.is_absent
    return trace


async def through_addresses(session: Session, trace: Trace) -> None:
    """Every step after dns, at every address, side by side."""
    async with trio.open_nursery() as nursery:
        for address in trace.addresses:
            nursery.start_soon(_at_address, session, trace, address)


async def _at_address(session: Session, trace: Trace, address: str) -> None:
    target = trace.target
    seen = trace.steps.setdefault(address, [])
    async with session.slots:  # the slot first, then the clock
        port = target.vantage.connect_port(target.scene.port)
        observation, stream = await tcp.connect(target.scene, address, port, session.limits)
        seen.append(observation)
        if stream is None:
            return
        async with closing(stream):
            failure = await converse(session, target, target.scene, stream, seen, address)
        if failure in _CERTIFICATE_FAILURES:
            await _look_at_chain(session, target, address, seen)


async def _look_at_chain(session: Session, target: Target, address: str, seen: list[Observation]) -> None:
    """Connect again and look, unverified, at the chain that did not verify, and at who answers behind it."""
    scene = target.scene.control(LAX)
    port = target.vantage.connect_port(target.scene.port)
    observation, stream = await tcp.connect(scene, address, port, session.limits)
    if stream is None:
        seen.append(observation)
        return
    async with closing(stream):
        await converse(session, target, scene, stream, seen, address, lax=True)


async def converse(
    session: Session,
    target: Target,
    scene: Scene,
    stream: Stream,
    seen: list[Observation],
    address: str | None,
    *,
    lax: bool = False,
) -> Failure | None:
    """The steps tls, http and websocket over an open connection or tunnel.

    Returns:
        The failure of the tls step, or None.
    """
    secure = scene.port != PLAIN_HTTP
    if secure:
        policy = tls.lax(target.vantage, scene.host) if lax else tls.verified(target.vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, session.limits, address=address)
        seen.append(observation)
        if encrypted is None:
            return observation.failure
        stream = encrypted
    transport = OpenStreamTransport(stream, scene.host, scene.port, secure=secure)
    observation, _ = await http.request(
        scene, transport, target.request, session.limits, address=address, secure=secure
    )
    seen.append(observation)
    return None


@asynccontextmanager
async def closing(stream: Stream) -> AsyncIterator[Stream]:
    """Close a stream at the end, also when the run is cancelled."""
    try:
        yield stream
    finally:
        with trio.CancelScope(shield=True):
            await stream.aclose()

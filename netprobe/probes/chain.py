"""One host through all steps behind dns: for every address tcp, tls, http and websocket over one connection.

Through a proxy the chain is proxy, tls, http, websocket: the name goes to the proxy, and no DNS of this host is needed.
A step that fails ends its chain, because later steps would only repeat the first failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import msgspec

from netprobe.observations import (
    CERTIFICATE_FAILURES,
    LIMIT_LIKE,
    Experiment,
    Failure,
    Observation,
    ProxyDetail,
    Step,
    TcpDetail,
)
from netprobe.probes import bugs, connections, tcp
from netprobe.probes.attempt import Attempt
from netprobe.probes.scene import Scene
from netprobe.probes.scheduling import side_by_side
from netprobe.probes.session import Session, Trace
from netprobe.probes.streams import Stream, socket_below

LAX = Experiment.LAX_CHAIN
REPEAT = Experiment.REPEAT
_TROUBLE = LIMIT_LIKE | {Failure.PROXY_BAD_ANSWER}
"""What slows the first pass down; a proxy's 503 does not: it answers so for a host that is blocked behind it."""


async def through_addresses(session: Session, trace: Trace, addresses: Sequence[str]) -> None:
    """Every step after dns, at some of a host's addresses, side by side."""
    scene = trace.probe.scene

    async def at_address(address: str) -> None:
        seen = trace.steps.setdefault(address, [])
        async with session.slots:  # the slot first, then the clock
            with bugs.seen_as_unknown(session.bugs, scene, seen, first=Step.TCP, address=address):
                await run(Attempt.of(session, trace.probe, scene, address, seen))

    await side_by_side(at_address, addresses)


async def through_proxy(session: Session, trace: Trace) -> None:
    """Every step through the probe's proxy."""
    scene, seen = trace.probe.scene, trace.steps.setdefault(None, [])
    async with session.slots:
        with bugs.seen_as_unknown(session.bugs, scene, seen, first=Step.PROXY):
            await run(Attempt.of(session, trace.probe, scene, None, seen))


async def run(attempt: Attempt) -> None:
    """Open a connection to an address, or a tunnel where it is None, and take it through all steps."""
    session, scene, seen = attempt.session, attempt.scene, attempt.seen
    before = len(seen)
    stream = await connections.reach(attempt)
    if stream is None:
        _tell_pace(session, scene, seen[-1].failure)
        return
    _tell_pace(session, scene, None)
    with closing(stream):
        await session.ahead.conversations()
        from netprobe.probes import conversation  # late: imported while the first answers were under way

        failure = await conversation.converse(attempt, stream, verify=True)
        _note_retransmitted(stream, seen, before)
    if failure is not None:
        _tell_pace(session, scene, failure)
    if failure in CERTIFICATE_FAILURES and session.settings.experiments and scene.experiment != REPEAT:
        await look_at_chain(Attempt.of(session, attempt.probe, scene.control(LAX), attempt.address, seen))


async def look_at_chain(lax: Attempt) -> None:
    """Connect again and look, unverified, at a chain that did not verify, and at who answers behind it."""
    from netprobe.probes import conversation

    again = await connections.reach(lax, keep_success=False)
    if again is not None:
        with closing(again):
            await conversation.converse(lax, again, verify=False)


def _tell_pace(session: Session, scene: Scene, failure: Failure | None) -> None:
    """Let the pace of the first pass follow what it meets; what is tried again goes at a pace of its own."""
    if scene.experiment is not None:
        return
    if failure is None:
        session.slots.well()
    elif failure in _TROUBLE:
        session.slots.trouble()


def _note_retransmitted(stream: Stream, seen: list[Observation], number: int) -> None:
    """Put what the kernel had to send again into the observation that opened the connection."""
    sock, opened = socket_below(stream), seen[number]
    again = tcp.retransmitted(sock) if sock is not None else 0
    if again and isinstance(opened.detail, TcpDetail | ProxyDetail):
        detail = msgspec.structs.replace(opened.detail, retransmitted=again)
        seen[number] = msgspec.structs.replace(opened, detail=detail)

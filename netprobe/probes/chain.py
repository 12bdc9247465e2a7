"""One host through all steps behind dns: for every address tcp, tls, http and websocket over one connection.

Through a proxy the chain is proxy, tls, http, websocket: the name goes to the proxy, and no DNS of this host is needed.
A step that fails ends its chain, because later steps would only repeat the first failure.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

import msgspec
import trio

from netprobe import origin as origins
from netprobe.observations import Experiment, Failure, HttpDetail, Observation, ProxyDetail, Step, TcpDetail, TlsDetail
from netprobe.probes import bugs, certificates, http, idle, proxy, tcp, tls, trust, websocket
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.scheduling import side_by_side
from netprobe.probes.session import Session, Trace, UnfinishedChain
from netprobe.probes.streams import Stream, socket_below
from netprobe.probes.transport import OpenStreamTransport

PLAIN_HTTP = 80
LAX = Experiment.LAX_CHAIN
REPEAT = Experiment.REPEAT
STRICT = Experiment.STRICT_CHAIN
COMPLETED = Experiment.COMPLETED_CHAIN
GO_ON = frozenset({None, Failure.HTTP_SERVICE_ERROR, Failure.HTTP_SOURCE_REFUSED})
_KEPT_NO_LONGER = frozenset({Failure.EOF, Failure.CONNECTION_RESET})
LIMIT_LIKE = frozenset(
    {Failure.TIMEOUT, Failure.CONNECTION_RESET, Failure.EOF, Failure.CONNECTION_REFUSED, Failure.PROXY_BAD_ANSWER}
)
"""How connections end where there are too many at once, or too many in a while."""
CERTIFICATE_FAILURES = frozenset(
    {
        Failure.SSL_UNKNOWN_AUTHORITY,
        Failure.SSL_INVALID_HOSTNAME,
        Failure.SSL_EXPIRED,
        Failure.SSL_NOT_YET_VALID,
        Failure.SSL_INVALID_CERTIFICATE,
    }
)


async def through_addresses(session: Session, trace: Trace, addresses: Sequence[str]) -> None:
    """Every step after dns, at some of a host's addresses, side by side."""
    scene = trace.target.scene

    async def at_address(address: str) -> None:
        seen = trace.steps.setdefault(address, [])
        async with session.slots:  # the slot first, then the clock
            with bugs.seen_as_unknown(session.bugs, scene, seen, first=Step.TCP, address=address):
                await run(session, trace.target, scene, address, seen)

    await side_by_side(at_address, addresses)


async def through_proxy(session: Session, trace: Trace) -> None:
    """Every step through the target's proxy."""
    scene, seen = trace.target.scene, trace.steps.setdefault(None, [])
    async with session.slots:
        with bugs.seen_as_unknown(session.bugs, scene, seen, first=Step.PROXY):
            await run(session, trace.target, scene, None, seen)


async def run(
    session: Session,
    target: Probe,
    scene: Scene,
    address: str | None,
    seen: list[Observation],
    *,
    limits: Limits | None = None,
) -> None:
    """Open a connection to an address, or a tunnel where it is None, and take it through all steps.

    Args:
        session: the run.
        target: the host.
        scene: the target's, or that of a control probe.
        address: where to, or None for the way through the proxy.
        seen: where the observations go.
        limits: other limits than the run's.
    """
    before = len(seen)
    stream = await reach(session, target, scene, address, seen, limits=limits)
    if stream is None:
        _tell_pace(session, scene, seen[-1].failure)
        return
    _tell_pace(session, scene, None)
    with closing(stream):
        failure = await _converse(session, target, scene, stream, address, seen, verify=True, limits=limits)
        _note_retransmitted(stream, seen, before)
    if failure is not None:
        _tell_pace(session, scene, failure)
    if failure in CERTIFICATE_FAILURES and session.settings.experiments and scene.experiment != REPEAT:
        # Connect again and look, unverified, at the chain that did not verify, and at who answers behind it.
        lax = scene.control(LAX)
        again = await reach(session, target, lax, address, seen, keep_success=False)
        if again is not None:
            with closing(again):
                await _converse(session, target, lax, again, address, seen, verify=False)


def _tell_pace(session: Session, scene: Scene, failure: Failure | None) -> None:
    """Let the pace of the first pass follow what it meets; what is tried again goes at a pace of its own."""
    if scene.experiment is not None:
        return
    if failure is None:
        session.slots.well()
    elif failure in LIMIT_LIKE:
        session.slots.trouble()


def _note_retransmitted(stream: Stream, seen: list[Observation], number: int) -> None:
    """Put what the kernel had to send again into the observation that opened the connection."""
    sock, opened = socket_below(stream), seen[number]
    again = tcp.retransmitted(sock) if sock is not None else 0
    if again and isinstance(opened.detail, TcpDetail | ProxyDetail):
        detail = msgspec.structs.replace(opened.detail, retransmitted=again)
        seen[number] = msgspec.structs.replace(opened, detail=detail)


async def reach(
    session: Session,
    target: Probe,
    scene: Scene,
    address: str | None,
    seen: list[Observation],
    *,
    keep_success: bool = True,
    limits: Limits | None = None,
    mss: int | None = None,
) -> Stream | None:
    """A connection to an address, or a tunnel through the target's proxy; None where there is none.

    Args:
        session: the run.
        target: the host.
        scene: the target's, or that of a control probe.
        address: where to, or None for the way through the proxy.
        seen: where the observation goes.
        keep_success: whether to record a success too; a control that goes on has a later step to tell of.
        limits: other limits than the run's.
        mss: the largest segment to announce, for a direct connection.
    """
    limits = session.limits if limits is None else limits
    stream: Stream | None
    if address is not None:
        port = target.vantage.connect_port(scene.port)
        observation, stream = await tcp.connect(scene, address, port, limits, mss=mss)
    else:
        assert target.proxy is not None
        observation, stream = await proxy.open_tunnel(scene, target.vantage, target.proxy, session.finder, limits)
    if keep_success or stream is None:
        seen.append(observation)
    return stream


async def _converse(
    session: Session,
    target: Probe,
    scene: Scene,
    stream: Stream,
    address: str | None,
    seen: list[Observation],
    *,
    verify: bool,
    limits: Limits | None = None,
) -> Failure | None:
    """The steps tls, http and websocket over an open connection or tunnel; returns how tls failed, or None."""
    secure = scene.port != PLAIN_HTTP
    limits = session.limits if limits is None else limits
    origin = False
    if secure:
        await session.ahead.handshakes()
        vantage = target.vantage
        policy = session.verified(vantage, scene.host) if verify else tls.lax(vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        seen.append(observation)
        if encrypted is None:
            return observation.failure
        stream = encrypted
        _keep_chain(session, target, scene, observation, encrypted.chain)
        origin = origins.answered(observation)
        _judge_strictly(session, target, scene, observation, encrypted.chain, seen)
        encrypted.chain = ()  # up to 100 KB, which nobody asks for again while the answer is waited for
    transport = OpenStreamTransport(stream)
    observation, answer = await http.request(
        scene, transport, target.request, limits, address=address, secure=secure, origin=origin
    )
    seen.append(observation)
    # What the origin said and cannot be read as HTTP is an answer, too (rule 11); an upgrade may still be understood.
    heard = answer is not None or (origin and observation.failure is None)
    if target.request.upgrade and verify and heard and observation.failure in GO_ON:
        await upgrade(session, target, scene, transport, address, seen, limits, origin=origin)
    return None


def _keep_chain(
    session: Session, target: Probe, scene: Scene, handshake: Observation, chain: tuple[bytes, ...]
) -> None:
    """Keep what can complete other hosts' chains, and the chains that may have to be completed."""
    detail = handshake.detail
    assert isinstance(detail, TlsDetail)
    if detail.origin:
        session.keep_intermediates(chain[1:])
    elif detail.verify == "none":
        session.keep_unfinished(
            UnfinishedChain(scene=scene, address=handshake.address, chain=chain, detail=detail, vantage=target.vantage)
        )


def complete_chains(session: Session) -> None:
    """Look whether chains that lead to no root do so with the intermediates of others (experiment; sends nothing)."""
    known = tuple(sorted(session.intermediates))
    for seen in session.unfinished_chains if known else ():
        origin = trust.anchors(seen.vantage.origin_ca)
        if certificates.ends_in_origin((*seen.chain, *known), origin):
            whole = msgspec.structs.replace(seen.detail, origin=True, incomplete=True)
            scene = seen.scene.control(COMPLETED)
            observation = scene.observe(Step.TLS, trio.current_time(), None, whole, address=seen.address)
            session.controls.append(observation)


def _judge_strictly(
    session: Session,
    target: Probe,
    scene: Scene,
    handshake: Observation,
    chain: tuple[bytes, ...],
    seen: list[Observation],
) -> None:
    """Hold a chain that is not the origin's to the strict rules, once (experiment ``strict_chain``; sends nothing)."""
    detail = handshake.detail
    assert isinstance(detail, TlsDetail)
    which = certificates.digest(chain)
    if detail.origin is not False or which in session.judged_strictly or not session.settings.experiments:
        return
    session.judged_strictly.add(which)
    started = trio.current_time()
    error = certificates.strict_error(
        chain, scene.host, trust.bundle_of(target.vantage.store), target.vantage.store.more
    )
    if error is None:
        return
    judged = msgspec.structs.replace(detail, strict=not error, strict_error=error)
    failure = Failure.SSL_INVALID_CERTIFICATE if error else None
    seen.append(scene.control(STRICT).observe(Step.TLS, started, failure, judged, address=handshake.address))


async def upgrade(
    session: Session,
    target: Probe,
    scene: Scene,
    transport: OpenStreamTransport,
    address: str | None,
    seen: list[Observation],
    limits: Limits,
    *,
    origin: bool,
) -> None:
    """The websocket step, on the same connection where the server keeps it, else on one like it.

    A server may close a connection that it said it keeps (RFC 9112 section 9.5), and that is no fault: so a connection
    that ended without an answer is not judged, and the question is asked again on a fresh one.
    """
    if transport.is_reusable:
        observation = await _ask_upgrade(session, target, scene, transport, address, limits, origin=origin)
        if observation.failure not in _KEPT_NO_LONGER:
            seen.append(await _rested(session, target, scene, address, observation, limits))
            return
    failed: list[Observation] = []
    stream = await reach(session, target, scene, address, failed, keep_success=False, limits=limits)
    if stream is None:
        seen.extend(failed)
        return
    with closing(stream):
        policy = session.verified(target.vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        if encrypted is None:
            seen.append(observation)
            return
        again, origin = OpenStreamTransport(encrypted), origins.answered(observation)
        observation = await _ask_upgrade(session, target, scene, again, address, limits, origin=origin)
    seen.append(await _rested(session, target, scene, address, observation, limits))


async def _rested(
    session: Session, target: Probe, scene: Scene, address: str | None, observation: Observation, limits: Limits
) -> Observation:
    """The WebSocket step with what a connection at rest met, where ``--idle`` asks for it and no WebSocket was held."""
    seconds, detail = session.settings.idle, observation.detail
    assert isinstance(detail, HttpDetail)
    if seconds is None or scene.experiment is not None or observation.failure is not None:
        return observation
    if detail.held_seconds is not None:
        return observation
    stream = await reach(session, target, scene, address, [], keep_success=False, limits=limits)
    if stream is None:
        return observation
    with closing(stream):
        policy = session.verified(target.vantage, scene.host)
        _, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        if encrypted is None:
            return observation
        rested = await idle.rest(scene, encrypted, target.request, limits, seconds)
    return idle.told(observation, rested, proxied=address is None)


async def _ask_upgrade(
    session: Session,
    target: Probe,
    scene: Scene,
    transport: OpenStreamTransport,
    address: str | None,
    limits: Limits,
    *,
    origin: bool,
) -> Observation:
    # What is tried again is not held idle once more: that takes as long as the first time, and has a pass of its own.
    seconds = session.settings.idle if scene.experiment is None else None
    return await websocket.upgrade(
        scene, transport, target.request, limits, idle=seconds, address=address, origin=origin
    )

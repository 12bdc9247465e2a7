"""The steps over an open connection or tunnel: tls, http and websocket.

What answers decides how far it goes; the chains that the peers show are kept, since one may complete another's.
"""

from __future__ import annotations

from contextlib import closing

import msgspec
import trio

from netprobe import origin as origins
from netprobe.observations import Experiment, Failure, HttpDetail, Observation, Step, TlsDetail
from netprobe.probes import certificates, connections, http, idle, tls, trust, websocket
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session, UnfinishedChain
from netprobe.probes.streams import Stream
from netprobe.probes.transport import OpenStreamTransport

PLAIN_HTTP = 80
STRICT = Experiment.STRICT_CHAIN
COMPLETED = Experiment.COMPLETED_CHAIN
GO_ON = frozenset({None, Failure.HTTP_SERVICE_ERROR, Failure.HTTP_SOURCE_REFUSED})
_KEPT_NO_LONGER = frozenset({Failure.EOF, Failure.CONNECTION_RESET})


async def converse(
    session: Session,
    probe: Probe,
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
        vantage = probe.vantage
        policy = session.verified(vantage, scene.host) if verify else tls.lax(vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        seen.append(observation)
        if encrypted is None:
            return observation.failure
        stream = encrypted
        _keep_chain(session, probe, scene, observation, encrypted.chain)
        origin = origins.answered(observation)
        _judge_strictly(session, probe, scene, observation, encrypted.chain, seen)
        encrypted.chain = ()  # up to 100 KB, which nobody asks for again while the answer is waited for
    transport = OpenStreamTransport(stream)
    observation, answer = await http.request(
        scene, transport, probe.request, limits, address=address, secure=secure, origin=origin
    )
    seen.append(observation)
    # What the origin said and cannot be read as HTTP is an answer, too (rule 11); an upgrade may still be understood.
    heard = answer is not None or (origin and observation.failure is None)
    if probe.request.upgrade and verify and heard and observation.failure in GO_ON:
        await upgrade(session, probe, scene, transport, address, seen, limits, origin=origin)
    return None


def _keep_chain(session: Session, probe: Probe, scene: Scene, handshake: Observation, chain: tuple[bytes, ...]) -> None:
    """Keep what can complete other hosts' chains, and the chains that may have to be completed."""
    detail = handshake.detail
    assert isinstance(detail, TlsDetail)
    if detail.origin:
        session.keep_intermediates(chain[1:])
    elif detail.verify == "none":
        session.keep_unfinished(
            UnfinishedChain(scene=scene, address=handshake.address, chain=chain, detail=detail, vantage=probe.vantage)
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
    probe: Probe,
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
    error = certificates.strict_error(chain, scene.host, trust.bundle_of(probe.vantage.store), probe.vantage.store.more)
    if error is None:
        return
    judged = msgspec.structs.replace(detail, strict=not error, strict_error=error)
    failure = Failure.SSL_INVALID_CERTIFICATE if error else None
    seen.append(scene.control(STRICT).observe(Step.TLS, started, failure, judged, address=handshake.address))


async def upgrade(
    session: Session,
    probe: Probe,
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
        observation = await _ask_upgrade(session, probe, scene, transport, address, limits, origin=origin)
        if observation.failure not in _KEPT_NO_LONGER:
            seen.append(await _rested(session, probe, scene, address, observation, limits))
            return
    failed: list[Observation] = []
    stream = await connections.reach(session, probe, scene, address, failed, keep_success=False, limits=limits)
    if stream is None:
        seen.extend(failed)
        return
    with closing(stream):
        policy = session.verified(probe.vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        if encrypted is None:
            seen.append(observation)
            return
        again, origin = OpenStreamTransport(encrypted), origins.answered(observation)
        observation = await _ask_upgrade(session, probe, scene, again, address, limits, origin=origin)
    seen.append(await _rested(session, probe, scene, address, observation, limits))


async def _rested(
    session: Session, probe: Probe, scene: Scene, address: str | None, observation: Observation, limits: Limits
) -> Observation:
    """The WebSocket step with what a connection at rest met, where ``--idle`` asks for it and no WebSocket was held."""
    seconds, detail = session.settings.idle, observation.detail
    assert isinstance(detail, HttpDetail)
    if seconds is None or scene.experiment is not None or observation.failure is not None:
        return observation
    if detail.held_seconds is not None:
        return observation
    stream = await connections.reach(session, probe, scene, address, [], keep_success=False, limits=limits)
    if stream is None:
        return observation
    with closing(stream):
        policy = session.verified(probe.vantage, scene.host)
        _, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        if encrypted is None:
            return observation
        rested = await idle.rest(scene, encrypted, probe.request, limits, seconds)
    return idle.told(observation, rested, proxied=address is None)


async def _ask_upgrade(
    session: Session,
    probe: Probe,
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
        scene, transport, probe.request, limits, idle=seconds, address=address, origin=origin
    )

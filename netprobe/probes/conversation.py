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
from netprobe.probes.attempt import Attempt
from netprobe.probes.session import Session, UnfinishedChain
from netprobe.probes.streams import Stream, TlsStream
from netprobe.probes.transport import OpenStreamTransport

PLAIN_HTTP = 80
STRICT = Experiment.STRICT_CHAIN
COMPLETED = Experiment.COMPLETED_CHAIN
GO_ON = frozenset({None, Failure.HTTP_SERVICE_ERROR, Failure.HTTP_SOURCE_REFUSED})
_KEPT_NO_LONGER = frozenset({Failure.EOF, Failure.CONNECTION_RESET})


async def converse(attempt: Attempt, stream: Stream, *, verify: bool) -> Failure | None:
    """The steps tls, http and websocket over an open connection or tunnel; returns how tls failed, or None."""
    session, probe, scene, seen = attempt.session, attempt.probe, attempt.scene, attempt.seen
    address, limits = attempt.address, attempt.limits
    secure = scene.port != PLAIN_HTTP
    origin = False
    if secure:
        await session.ahead.handshakes()
        vantage = probe.vantage
        policy = session.verified(vantage, scene.host) if verify else tls.lax(vantage, scene.host)
        observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
        seen.append(observation)
        if encrypted is None:
            return observation.failure
        if scene.experiment is None:
            session.shaken(probe, address)
        stream = encrypted
        _keep_chain(attempt, observation, encrypted.chain)
        origin = origins.answered(observation)
        _judge_strictly(attempt, observation, encrypted.chain)
        encrypted.chain = ()  # up to 100 KB, which nobody asks for again while the answer is waited for
    transport = OpenStreamTransport(stream)
    observation, answer = await http.request(
        scene, transport, probe.request, limits, address=address, secure=secure, origin=origin
    )
    seen.append(observation)
    # What the origin said and cannot be read as HTTP is an answer, too (rule 11); an upgrade may still be understood.
    heard = answer is not None or (origin and observation.failure is None)
    if probe.request.upgrade and verify and heard and observation.failure in GO_ON:
        await upgrade(attempt, transport, origin=origin)
    return None


def _keep_chain(attempt: Attempt, handshake: Observation, chain: tuple[bytes, ...]) -> None:
    """Keep what can complete other hosts' chains, and the chains that may have to be completed."""
    session, vantage = attempt.session, attempt.probe.vantage
    detail = handshake.detail
    assert isinstance(detail, TlsDetail)
    if detail.origin:
        session.keep_intermediates(chain[1:])
    elif detail.verify == "none":
        session.keep_unfinished(
            UnfinishedChain(scene=attempt.scene, address=handshake.address, chain=chain, detail=detail, vantage=vantage)
        )


def complete_chains(session: Session) -> None:
    """Look whether chains that lead to no root do so with the intermediates of others (experiment; sends nothing).

    Each is completed once, however often a run comes here.
    """
    known = tuple(sorted(session.intermediates))
    waiting, session.unfinished_chains = session.unfinished_chains, []
    for seen in waiting:
        origin = trust.anchors(seen.vantage.origin_ca)
        if not known or not certificates.ends_in_origin((*seen.chain, *known), origin):
            session.unfinished_chains.append(seen)
            continue
        whole = msgspec.structs.replace(seen.detail, origin=True, incomplete=True)
        scene = seen.scene.control(COMPLETED)
        observation = scene.observe(Step.TLS, trio.current_time(), None, whole, address=seen.address)
        session.controls.append(observation)


def _judge_strictly(attempt: Attempt, handshake: Observation, chain: tuple[bytes, ...]) -> None:
    """Hold a chain that is not the origin's to the strict rules, once (experiment ``strict_chain``; sends nothing)."""
    session, scene, store = attempt.session, attempt.scene, attempt.probe.vantage.store
    detail = handshake.detail
    assert isinstance(detail, TlsDetail)
    which = certificates.digest(chain)
    if detail.origin is not False or which in session.judged_strictly or not session.settings.experiments:
        return
    session.judged_strictly.add(which)
    started = trio.current_time()
    error = certificates.strict_error(chain, scene.host, trust.bundle_of(store), store.more)
    if error is None:
        return
    judged = msgspec.structs.replace(detail, strict=not error, strict_error=error)
    failure = Failure.SSL_INVALID_CERTIFICATE if error else None
    attempt.seen.append(scene.control(STRICT).observe(Step.TLS, started, failure, judged, address=handshake.address))


async def upgrade(attempt: Attempt, transport: OpenStreamTransport, *, origin: bool) -> None:
    """The websocket step, on the same connection where the server keeps it, else on one like it.

    A server may close a connection that it said it keeps (RFC 9112 section 9.5), and that is no fault: so a connection
    that ended without an answer is not judged, and the question is asked again on a fresh one.
    """
    seen = attempt.seen
    if transport.is_reusable:
        observation = await _ask_upgrade(attempt, transport, origin=origin)
        if observation.failure not in _KEPT_NO_LONGER:
            seen.append(await _rested(attempt, observation))
            return
    stream = await connections.reach(attempt, keep_success=False)
    if stream is None:
        return
    with closing(stream):
        observation, encrypted = await _shake_again(attempt, stream)
        if encrypted is None:
            seen.append(observation)
            return
        again, origin = OpenStreamTransport(encrypted), origins.answered(observation)
        observation = await _ask_upgrade(attempt, again, origin=origin)
    seen.append(await _rested(attempt, observation))


async def _shake_again(attempt: Attempt, stream: Stream) -> tuple[Observation, TlsStream | None]:
    policy = attempt.session.verified(attempt.probe.vantage, attempt.scene.host)
    return await tls.handshake(attempt.scene, stream, policy, attempt.limits, address=attempt.address)


async def _rested(attempt: Attempt, observation: Observation) -> Observation:
    """The WebSocket step with what a connection at rest met, where ``--idle`` asks for it and no WebSocket was held."""
    seconds, detail = attempt.session.settings.idle, observation.detail
    assert isinstance(detail, HttpDetail)
    if seconds is None or attempt.scene.experiment is not None or observation.failure is not None:
        return observation
    if detail.held_seconds is not None:
        return observation
    stream = await connections.reach(attempt.told_to([]), keep_success=False)
    if stream is None:
        return observation
    with closing(stream):
        _, encrypted = await _shake_again(attempt, stream)
        if encrypted is None:
            return observation
        rested = await idle.rest(attempt.scene, encrypted, attempt.probe.request, attempt.limits, seconds)
    return idle.told(observation, rested, proxied=attempt.address is None)


async def _ask_upgrade(attempt: Attempt, transport: OpenStreamTransport, *, origin: bool) -> Observation:
    # What is tried again is not held idle once more: that takes as long as the first time, and has a pass of its own.
    seconds = attempt.session.settings.idle if attempt.scene.experiment is None else None
    return await websocket.upgrade(
        attempt.scene,
        transport,
        attempt.probe.request,
        attempt.limits,
        idle=seconds,
        address=attempt.address,
        origin=origin,
    )

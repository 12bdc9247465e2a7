"""Idle: does a connection that says nothing stay open?

The agents' WebSockets are silent for up to a minute, and a device that forgets silent connections sooner breaks them.
An unsigned upgrade is refused, so no WebSocket can be held; an open TLS connection needs no credentials. It rests as
long as was asked and then sends its request:

- an answer: it was held.
- ``close_notify``, or an answer that nobody asked for (408): inside TLS nobody but the peer can say that, so it is the
  peer's own word, and no cut (RFC 8446 section 6.1).
- a reset, or silence after the request: somebody forgot the connection. A service that ends one says so.
- an end without ``close_notify``: behind an explicit proxy it is how a proxy ends a tunnel. On a direct way servers do
  it as well (nginx shuts TLS down quietly where a connection timed out: ``ngx_ssl_shutdown``, source read 2026-11-28),
  so nobody is blamed for it there.

A cut is rested for once more, beside a connection that is kept busy (:mod:`netprobe.probes.rests`).
"""

from __future__ import annotations

import msgspec
import trio

from netprobe.catalog.model import Request
from netprobe.observations import Failure, HttpDetail, Observation, Step
from netprobe.probes import http
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.streams import TlsStream
from netprobe.probes.transport import OpenStreamTransport

GOODBYE = "the peer itself ended the idle connection"
ENDED = "the idle connection ended without TLS's goodbye (close_notify)"
RESET = "the idle connection was reset"
FORGOTTEN = "what was sent after the rest was never answered"
_CUT = frozenset({RESET, FORGOTTEN})


class Rested(msgspec.Struct, frozen=True, kw_only=True):
    """How a rest ended.

    Attributes:
        ended: a word of this module, or nothing where the connection was held.
        held: after how many seconds.
        limit: the limit in seconds that ended the wait for an answer, where one did.
    """

    ended: str
    held: float
    limit: float | None = None


async def rest(scene: Scene, stream: TlsStream, wanted: Request, limits: Limits, seconds: float) -> Rested:
    """Rest on an open connection, then use it; the caller closes it.

    Args:
        scene: what is probed.
        stream: a finished handshake, over which nothing was sent.
        wanted: the catalog's request.
        limits: the run's time limits.
        seconds: for how long.
    """
    started = trio.current_time()
    with trio.move_on_after(seconds) as resting:
        try:
            said = await stream.receive_some()
            return Rested(ended=GOODBYE if said else _ended(stream), held=_since(started))
        except trio.BrokenResourceError:
            return Rested(ended=RESET, held=_since(started))
    assert resting.cancelled_caught
    sent = http.build(scene, wanted.method, wanted.path, dict(wanted.headers))
    asked = trio.current_time()
    with limits.within(Step.HTTP) as limited:
        failure = await http.how_it_ends(OpenStreamTransport(stream), sent)
        if failure is Failure.EOF:
            return Rested(ended=_ended(stream), held=_since(started))
        if failure is Failure.CONNECTION_RESET:
            return Rested(ended=RESET, held=_since(started))
        return Rested(ended="", held=seconds)  # an answer, however odd
    return Rested(ended=FORGOTTEN, held=_since(started), limit=round(limited.deadline - asked, 3))


def _ended(stream: TlsStream) -> str:
    return GOODBYE if stream.said_goodbye else ENDED


def _since(started: float) -> float:
    return round(trio.current_time() - started, 3)


def told(observation: Observation, rested: Rested, *, proxied: bool) -> Observation:
    """The WebSocket step with what the rest saw.

    Args:
        observation: of the upgrade, which passed.
        rested: how the rest ended.
        proxied: whether an explicit proxy is on the way.
    """
    detail = observation.detail
    assert isinstance(detail, HttpDetail)
    cut = rested.ended in _CUT or (rested.ended == ENDED and proxied)
    return msgspec.structs.replace(
        observation,
        failure=Failure.WEBSOCKET_CUT if cut else observation.failure,
        detail=msgspec.structs.replace(detail, held_seconds=rested.held, error=rested.ended),
        limit_seconds=rested.limit,
    )

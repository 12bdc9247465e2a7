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

The rest is made once, since it takes its time: what it finds is suspected, never proven.
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


async def rest(scene: Scene, stream: TlsStream, wanted: Request, limits: Limits, seconds: float) -> tuple[str, float]:
    """Rest on an open connection, then use it; the caller closes it.

    Args:
        scene: what is probed.
        stream: a finished handshake, over which nothing was sent.
        wanted: the catalog's request.
        limits: the run's time limits.
        seconds: for how long.

    Returns:
        How it ended (a word of this module), or nothing where it was held; and after how many seconds.
    """
    started = trio.current_time()
    with trio.move_on_after(seconds) as resting:
        try:
            said = await stream.receive_some()
            return (GOODBYE if said else _ended(stream)), _since(started)
        except trio.BrokenResourceError:
            return RESET, _since(started)
    assert resting.cancelled_caught
    sent = http.build(scene, wanted.method, wanted.path, dict(wanted.headers))
    with limits.within(Step.HTTP):
        failure = await http.how_it_ends(OpenStreamTransport(stream), sent)
        if failure is Failure.EOF:
            return _ended(stream), _since(started)
        if failure is Failure.CONNECTION_RESET:
            return RESET, _since(started)
        return "", seconds  # an answer, however odd
    return FORGOTTEN, _since(started)


def _ended(stream: TlsStream) -> str:
    return GOODBYE if stream.said_goodbye else ENDED


def _since(started: float) -> float:
    return round(trio.current_time() - started, 3)


def told(observation: Observation, ended: str, held: float, *, proxied: bool) -> Observation:
    """The WebSocket step with what the rest saw.

    Args:
        observation: of the upgrade, which passed.
        ended: how the rest ended.
        held: after how many seconds.
        proxied: whether an explicit proxy is on the way.
    """
    detail = observation.detail
    assert isinstance(detail, HttpDetail)
    cut = ended in _CUT or (ended == ENDED and proxied)
    return msgspec.structs.replace(
        observation,
        failure=Failure.WEBSOCKET_CUT if cut else observation.failure,
        detail=msgspec.structs.replace(detail, held_seconds=held, error=ended),
    )

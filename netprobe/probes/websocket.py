"""WebSocket: does an Upgrade reach the service, and does an idle connection stay open?

``ecs-a``, ``ecs-t`` and ``ssmmessages`` live on WebSockets (RFC 6455). The upgrade sent here is real but unsigned, so
the genuine service refuses it. Over a chain of the origin (:mod:`netprobe.origin`) nobody can have taken it out or
refused it on the way: whatever comes back, it arrived. Only over somebody else's chain does it matter *how* it is
refused (facts, section 6):

- ``AccessDeniedException`` from ecs-a and ecs-t: the service saw an upgrade that it does not allow. It arrived.
- ``InvalidURIException`` for the upgrade's path ("Request to path … is not supported"), or 426: the service saw a plain
  request. Something took the upgrade out.
- another answer below 500 with a request id (ssmmessages): the request arrived; whether the upgrade did is not to be
  told (``upgrade_answered`` is None).

Holding an idle connection needs one that stays open. An unsigned upgrade that was refused leaves none, and then
nothing was held: ``held_seconds`` stays None and ``error`` says so. A close frame is the peer's own word (RFC 6455
section 5.5.1), no cut.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import secrets

import httpx
import trio

from netprobe import origin as origins
from netprobe.catalog.model import Request
from netprobe.observations import Failure, HttpDetail, Observation, Step
from netprobe.probes import http, recognise
from netprobe.probes.frames import Frames
from netprobe.probes.limits import Limits
from netprobe.probes.recognise import ServiceAnswer
from netprobe.probes.scene import Scene
from netprobe.probes.streams import Stream

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_SWITCHING = 101
_UPGRADE_REQUIRED = 426
NOT_HELD = "not held open: an unsigned upgrade is refused, so there is no connection to hold"


async def upgrade(
    scene: Scene,
    transport: httpx.AsyncBaseTransport,
    wanted: Request,
    limits: Limits,
    *,
    idle: float | None = None,
    address: str | None = None,
    origin: bool = False,
) -> Observation:
    """Ask for a WebSocket over an open connection; the caller closes it.

    Args:
        scene: what is probed.
        transport: the open connection, as httpx sees it.
        wanted: the catalog's request.
        limits: the run's time limits.
        idle: for how long an open WebSocket is held in silence, or None.
        address: the peer's address, or None through a proxy.
        origin: whether the handshake of this connection said that the origin answers.
    """
    started, reading = trio.current_time(), http.Reading()
    began = datetime.datetime.now(datetime.UTC)
    key = base64.b64encode(secrets.token_bytes(16))
    sent = http.build(
        scene,
        "GET",
        wanted.upgrade_path,
        {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key.decode("ascii"),
        },
    )
    failure: Failure | None = Failure.TIMEOUT
    error, held, response, close_code = "", None, None, None
    limited: trio.CancelScope | None = None
    try:
        with limits.within(Step.WEBSOCKET) as limited:
            response = await http.exchange(transport, sent, reading)
            failure = None
    except (httpx.NetworkError, httpx.ProtocolError) as trouble:
        failure, error = http.of_http_error(trouble), type(trouble).__name__
    answered: bool | None = None
    if failure is None and reading.answer is not None:
        limits.learn(Step.WEBSOCKET, trio.current_time() - started)
        failure, answered = judge(reading.answer, wanted, scene.host, key, origin=origin)
    if origin:
        failure = origins.settled(failure, reading.answer.status if reading.answer else None, Step.WEBSOCKET)
    took = trio.current_time() - started
    if idle is not None and failure is None:
        if response is not None and reading.answer is not None and reading.answer.status == _SWITCHING:
            opened = response.extensions
            failure, held, close_code = await _hold(opened["network_stream"], opened["unread"], idle)
        else:
            error = NOT_HELD
    detail = HttpDetail(
        method="GET",
        path=wanted.upgrade_path,
        origin=origin,
        genuine=reading.answer is not None and recognise.is_genuine(reading.answer, wanted.genuine),
        upgrade_answered=answered,
        held_seconds=held,
        close_code=close_code,
        bytes_received=getattr(transport, "bytes_received", 0),
        error=error,
        **http.describe(reading.answer, began, took),
    )
    return scene.observe(Step.WEBSOCKET, started, failure, detail, address=address, limited=limited)


def judge(
    answer: ServiceAnswer, wanted: Request, host: str, key: bytes, *, origin: bool = False
) -> tuple[Failure | None, bool | None]:
    """Say what an answer to an upgrade means.

    Args:
        answer: what came.
        wanted: the catalog's request.
        host: the name that was asked.
        key: the upgrade's ``Sec-WebSocket-Key``.
        origin: whether TLS said that the origin answered.

    Returns:
        The failure or None, and whether the upgrade itself was answered (None: not to be told).
    """
    if origin:
        return None, True
    if answer.status == _SWITCHING:
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")
        good = answer.headers.get("sec-websocket-accept", "") == accept
        return (None, True) if good else (Failure.HTTP_MALFORMED, False)
    words = recognise.json_words(answer.body)
    if "AccessDeniedException" in words:
        return None, True
    if "InvalidURIException" in words or answer.status == _UPGRADE_REQUIRED:
        return Failure.WEBSOCKET_UPGRADE_MISSING, False
    failure, genuine = recognise.judge(answer, wanted.genuine, host)
    if genuine:
        return failure, None
    return Failure.WEBSOCKET_REFUSED, False


async def _hold(stream: Stream, unread: bytes, seconds: float) -> tuple[Failure | None, float, int | None]:
    """Keep an open WebSocket silent, and see whether something cuts it. What the peer sends is read and dropped.

    Args:
        stream: the open connection.
        unread: what came right behind the grant.
        seconds: for how long.

    Returns:
        The failure or None, for how long it was held, and the code of the peer's close frame, if one came.
    """
    started, frames = trio.current_time(), Frames()
    frames.feed(unread)
    with trio.move_on_after(seconds):
        try:
            while frames.close_code is None and (data := await stream.receive_some(4096)):
                frames.feed(data)
        except trio.BrokenResourceError:  # a reset cuts as well as a close does
            pass
        held = round(trio.current_time() - started, 3)
        return (None if frames.close_code is not None else Failure.WEBSOCKET_CUT), held, frames.close_code
    return None, seconds, None

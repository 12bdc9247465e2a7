"""WebSocket: does an Upgrade reach the service, and does an idle connection stay open?

``ecs-a``, ``ecs-t`` and ``ssmmessages`` live on WebSockets (RFC 6455). The upgrade sent here is real but unsigned, so
the genuine service refuses it; *how* it refuses shows whether the upgrade arrived (facts, section 6):

- ``AccessDeniedException`` from ecs-a and ecs-t: the service saw an upgrade that it does not allow. It arrived.
- ``InvalidURIException`` for the upgrade's path ("Request to path … is not supported"), or 426: the service saw a plain
  request. Something took the upgrade out.
- another answer below 500 with a request id (ssmmessages): the request arrived; whether the upgrade did is not to be
  told (``upgrade_answered`` is None).

Holding an idle connection needs one that stays open. An unsigned upgrade that was refused leaves none, and then
nothing was held: ``held_seconds`` stays None and ``error`` says so.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress

import httpx
import trio

from netprobe.catalog.model import Request
from netprobe.observations import Failure, HttpDetail, Observation, Step
from netprobe.probes import http, recognise
from netprobe.probes.limits import Limits
from netprobe.probes.recognise import Answer
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
) -> Observation:
    """Ask for a WebSocket over an open connection; the caller closes it.

    Args:
        scene: what is probed.
        transport: the open connection, as httpx sees it.
        wanted: the catalog's request.
        limits: the run's time limits.
        idle: for how long an open WebSocket is held in silence, or None.
        address: the peer's address, or None through a proxy.
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
    error, held, response = "", None, None
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
        failure, answered = judge(reading.answer, wanted, scene.host, key)
    took = trio.current_time() - started
    if idle is not None and failure is None:
        if response is not None and reading.answer is not None and reading.answer.status == _SWITCHING:
            failure, held = await _hold(response.extensions["network_stream"], idle)
        else:
            error = NOT_HELD
    detail = HttpDetail(
        method="GET",
        path=wanted.upgrade_path,
        genuine=reading.answer is not None and recognise.is_genuine(reading.answer, wanted.genuine),
        upgrade_answered=answered,
        held_seconds=held,
        bytes_received=getattr(transport, "bytes_received", 0),
        error=error,
        **http.describe(reading.answer, began, took),
    )
    return scene.observe(Step.WEBSOCKET, started, failure, detail, address=address, limited=limited)


def judge(answer: Answer, wanted: Request, host: str, key: bytes) -> tuple[Failure | None, bool | None]:
    """Say what an answer to an upgrade means.

    Returns:
        The failure or None, and whether the upgrade itself was answered (None: not to be told).
    """
    if answer.status == _SWITCHING:
        accept = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest()).decode("ascii")
        good = answer.headers.get("sec-websocket-accept", "") == accept
        return (None, True) if good else (Failure.HTTP_MALFORMED, False)
    words = _json_words(answer.body)
    if "AccessDeniedException" in words:
        return None, True
    if "InvalidURIException" in words or answer.status == _UPGRADE_REQUIRED:
        return Failure.WEBSOCKET_UPGRADE_MISSING, False
    failure, genuine = recognise.judge(answer, wanted.genuine, host)
    if genuine:
        return failure, None
    return Failure.WEBSOCKET_REFUSED, False


def _json_words(body: bytes) -> frozenset[str]:
    """The keys and text values of a flat JSON object: AWS's error names are one or the other."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return frozenset()
    if not isinstance(found, Mapping):
        return frozenset()
    return frozenset({*found, *(value for value in found.values() if isinstance(value, str))})


async def _hold(stream: Stream, seconds: float) -> tuple[Failure | None, float]:
    """Keep an open WebSocket silent, and see whether something cuts it. What the peer sends is read and dropped."""
    started = trio.current_time()
    with trio.move_on_after(seconds):
        with suppress(trio.BrokenResourceError):  # a reset cuts as well as a close does
            while await stream.receive_some(4096):
                continue
        return Failure.WEBSOCKET_CUT, round(trio.current_time() - started, 3)
    return None, seconds

"""The upgrade: who refuses it, and how long an open one stays open."""

from __future__ import annotations

import base64
import hashlib
import socket
from contextlib import suppress

import pytest

from netprobe.catalog.model import Genuine, Request
from netprobe.observations import Failure, HttpDetail, Observation
from netprobe.probes import tcp, websocket
from netprobe.probes.transport import OpenStreamTransport
from tests.support import probe_servers
from tests.support.probe_servers import serve

HOST = "ecs-a-1.us-east-2.amazonaws.com"
ECS = Request(genuine=Genuine.ECS_WEBSOCKET, upgrade=True)
SSM = Request(genuine=Genuine.AWS_API, upgrade=True, upgrade_path="/v1/control-channel/mi-0")


async def _upgrade(
    handler: probe_servers.Handler, wanted: Request = ECS, *, idle: float | None = None, origin: bool = False
) -> tuple[Observation, HttpDetail]:
    scene, limits = probe_servers.scene(HOST), probe_servers.limits()
    with serve(handler) as port:
        _, stream = await tcp.connect(scene, "127.0.0.1", port, limits)
        assert stream is not None
        transport = OpenStreamTransport(stream)
        observation = await websocket.upgrade(
            scene, transport, wanted, limits, idle=idle, address="127.0.0.1", origin=origin
        )
        stream.close()
    assert isinstance(observation.detail, HttpDetail)
    return observation, observation.detail


def _answer(head: str, body: str = "") -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        request = probe_servers.read_request(sock).lower()
        assert b"upgrade: websocket\r\n" in request
        assert b"connection: upgrade\r\n" in request
        assert b"sec-websocket-version: 13\r\n" in request
        sock.sendall(f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    return handle


@pytest.mark.parametrize(
    ("wanted", "head", "body", "failure", "answered"),
    [
        (ECS, "403 Forbidden", '{"AccessDeniedException":"Forbidden"}', None, True),
        (
            ECS,
            "400 Bad Request",
            '{"Request to path /ws is not supported":"InvalidURIException"}',
            Failure.WEBSOCKET_UPGRADE_MISSING,
            False,
        ),
        (ECS, "403 Forbidden\r\nVia: 1.1 proxy", "<html>no</html>", Failure.WEBSOCKET_REFUSED, False),
        (ECS, "200 OK", "hello", Failure.WEBSOCKET_REFUSED, False),
        (ECS, "101 Switching Protocols\r\nSec-WebSocket-Accept: made-up", "", Failure.HTTP_MALFORMED, False),
        (SSM, "403 Forbidden\r\nx-amzn-RequestId: a", "", None, None),
        (SSM, "426 Upgrade Required\r\nx-amzn-RequestId: a", "", Failure.WEBSOCKET_UPGRADE_MISSING, False),
        (SSM, "503 Busy\r\nx-amzn-RequestId: a", "", Failure.HTTP_SERVICE_ERROR, None),
        (SSM, "502 Bad Gateway", "", Failure.WEBSOCKET_REFUSED, False),
    ],
)
async def test_who_refused(
    wanted: Request, head: str, body: str, failure: Failure | None, answered: bool | None
) -> None:
    observation, detail = await _upgrade(_answer(head, body), wanted)
    assert observation.failure is failure
    assert detail.upgrade_answered is answered
    assert detail.path == wanted.upgrade_path


def _open(seconds_open: float | None) -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        request = probe_servers.read_request(sock)
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split()[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        sock.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        if seconds_open is not None:
            sock.settimeout(seconds_open)
            try:
                sock.recv(1)
            except TimeoutError:
                probe_servers.reset(sock)
        else:
            sock.sendall(b"\x89\x00")  # a ping: the connection is idle from our side only
            probe_servers.stay_silent(sock)

    return handle


async def test_an_upgrade_that_is_granted() -> None:
    observation, detail = await _upgrade(_open(None))
    assert observation.failure is None
    assert (detail.status, detail.upgrade_answered, detail.held_seconds) == (101, True, None)


async def test_an_idle_connection_that_stays() -> None:
    observation, detail = await _upgrade(_open(None), idle=0.3)
    assert observation.failure is None
    assert detail.held_seconds == 0.3


def _closing(frame: bytes, *, at_once: bool) -> probe_servers.Handler:
    """Grant the upgrade and say goodbye, in the same breath or a little later."""

    def handle(sock: socket.socket) -> None:
        request = probe_servers.read_request(sock)
        key = next(line for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")).split()[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())
        head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        if at_once:
            sock.sendall(head + frame)
            return
        sock.sendall(head)
        sock.settimeout(0.1)
        with suppress(TimeoutError):
            sock.recv(1)
        sock.sendall(frame)

    return handle


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_close_frame_is_the_peers_word_and_no_cut(at_once: bool) -> None:
    observation, detail = await _upgrade(_closing(b"\x88\x02\x03\xf0", at_once=at_once), idle=5)
    assert observation.failure is None
    assert detail.close_code == 1008
    assert detail.held_seconds is not None
    assert detail.held_seconds < 3


async def test_an_idle_connection_that_is_cut() -> None:
    observation, detail = await _upgrade(_open(0.2), idle=5)
    assert observation.failure is Failure.WEBSOCKET_CUT
    assert detail.held_seconds is not None
    assert 0.1 <= detail.held_seconds < 3


@pytest.mark.parametrize(
    "head",
    [
        "400 Bad Request",
        "426 Upgrade Required",
        "503 Busy",
        "200 OK\r\nContent-Type: text/html",
        "101 Switching Protocols\r\nSec-WebSocket-Accept: made-up",
    ],
)
async def test_whatever_the_origin_answers_the_upgrade_has_arrived(head: str) -> None:
    observation, detail = await _upgrade(_answer(head), origin=True)
    assert observation.failure is None
    assert detail.upgrade_answered is True
    assert detail.origin is True


async def test_what_cannot_be_held_is_said_and_no_pass() -> None:
    observation, detail = await _upgrade(_answer("403 Forbidden", '{"AccessDeniedException":"Forbidden"}'), idle=5)
    assert observation.failure is None
    assert detail.held_seconds is None
    assert detail.error == websocket.NOT_HELD


async def test_a_connection_that_ends_instead() -> None:
    observation, _ = await _upgrade(lambda sock: (probe_servers.read_request(sock), None)[1])
    assert observation.failure is Failure.EOF

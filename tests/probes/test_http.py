"""HTTP over an open connection: strange servers on real sockets, and edge answers through respx."""

from __future__ import annotations

import datetime
import email.utils
import errno
import socket

import httpx
import pytest
import respx
import trio

from netprobe.catalog.model import Genuine, Request
from netprobe.observations import Failure, HttpDetail, Observation
from netprobe.probes import http, tcp
from netprobe.probes.limits import Limits
from netprobe.probes.transport import OpenStreamTransport
from tests.support import probe_servers
from tests.support.probe_servers import http_handler, serve

HOST = "ecs.us-east-2.amazonaws.com"
AWS = b"HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: 1-2-3\r\nContent-Length: 2\r\n\r\n{}"


async def _ask(handler: probe_servers.Handler, *, limit: float = 5.0) -> tuple[Observation, HttpDetail]:
    """Ask over plain TCP: what TLS adds is not this step's business."""
    scene, limits = probe_servers.scene(HOST, port=80), Limits(limit)
    with serve(handler) as port:
        _, stream = await tcp.connect(scene, "127.0.0.1", port, limits)
        assert stream is not None
        transport = OpenStreamTransport(stream)
        observation, _ = await http.request(scene, transport, Request(), limits, address="127.0.0.1", secure=False)
        stream.close()
    assert isinstance(observation.detail, HttpDetail)
    return observation, observation.detail


async def test_any_refusal_of_the_genuine_service_is_a_pass() -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        seen.append(request)
        return AWS

    observation, detail = await _ask(http_handler(answer))
    assert observation.failure is None
    assert detail.genuine
    assert detail.status == 400
    assert detail.request_id == "x-amzn-requestid: 1-2-3"
    assert detail.bytes_received == len(AWS)
    assert seen[0].startswith(b"GET / HTTP/1.1\r\n")
    assert f"host: {HOST}\r\n".encode() in seen[0].lower()


def _raw(*parts: bytes) -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_request(sock)
        for part in parts:
            sock.sendall(part)

    return handle


@pytest.mark.parametrize(
    ("handler", "failure"),
    [
        (_raw(), Failure.EOF),
        (_raw(b"HTTP/1.1 200 OK\r\nContent-Le"), Failure.EOF),
        (_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), Failure.EOF),
        (_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf"), Failure.EOF),
        (_raw(b"not http at all\r\n\r\n"), Failure.HTTP_MALFORMED),
        (_raw(b"HTTP/1.1 200 OK\r\nContent-Length: nine\r\n\r\n"), Failure.HTTP_MALFORMED),
        (_raw(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000), Failure.HTTP_TOO_LARGE),
        (_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"a" * 1_000_000), Failure.HTTP_FOREIGN_ANSWER),
        (_raw(AWS.replace(b"400 Bad Request", b"503 Slow Down")), Failure.HTTP_SERVICE_ERROR),
        (_raw(AWS.replace(b"Length: 2", b"Length: 9999999") + b"a" * 1_000_000), None),
    ],
)
async def test_strange_answers(handler: probe_servers.Handler, failure: Failure | None) -> None:
    observation, _ = await _ask(handler)
    assert observation.failure is failure


async def test_a_reset_instead_of_an_answer() -> None:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_request(sock)
        probe_servers.reset(sock)

    observation, _ = await _ask(handle)
    assert observation.failure is Failure.CONNECTION_RESET


class _Sent:
    """A connection on which an answer waits, all of it, and then its end."""

    def __init__(self, waiting: bytes) -> None:
        self._waiting = waiting

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        return

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        data, self._waiting = self._waiting, b""
        return data

    def close(self) -> None:
        return


@pytest.mark.parametrize(
    ("answer", "reusable"),
    [
        (AWS, True),
        (AWS.replace(b"1.1", b"1.0"), False),
        (AWS.replace(b"Content-Length: 2", b"Connection: close"), False),
        (AWS.replace(b"Content-Length: 2", b"X: until it closes"), False),
        (AWS + AWS, False),  # or the next question would have this for its answer
        (AWS + b"\0", False),
    ],
)
async def test_a_connection_is_used_again_where_nothing_came_behind_the_answer(answer: bytes, reusable: bool) -> None:
    transport = OpenStreamTransport(_Sent(answer))
    observation, _ = await http.request(probe_servers.scene(HOST), transport, Request(), probe_servers.limits())
    assert observation.failure is None
    assert transport.is_reusable is reusable


class _BrokenWhileSending(_Sent):
    """A connection that its peer reset while the request went out; what it had sent before is still to be read."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        raise trio.BrokenResourceError from ConnectionResetError(errno.ECONNRESET, "reset")


@pytest.mark.parametrize(("waiting", "failure"), [(AWS, None), (b"", Failure.CONNECTION_RESET)])
async def test_an_answer_that_came_before_the_request_was_read_counts(waiting: bytes, failure: Failure | None) -> None:
    transport = OpenStreamTransport(_BrokenWhileSending(waiting))
    observation, _ = await http.request(probe_servers.scene(HOST), transport, Request(), probe_servers.limits())
    assert observation.failure is failure


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
async def test_a_stall_is_a_timeout_and_keeps_what_came(head: bytes) -> None:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_request(sock)
        sock.sendall(head)
        probe_servers.stay_silent(sock)

    observation, detail = await _ask(handle, limit=0.3)
    assert observation.failure is Failure.TIMEOUT
    assert detail.status == (200 if head else None)
    assert detail.bytes_received == len(head)


async def test_the_title_of_a_block_page_is_kept_and_harmless() -> None:
    body = b"<html><title>Blocked \x1b[31m &amp; logged\n\n by &lt;Corp&gt;</title></html>"
    head = b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html\r\nServer: gw\x1b]0;x\r\n"
    observation, detail = await _ask(
        _raw(head.replace(b"\x1b", b"") + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    )
    assert observation.failure is Failure.HTTP_BLOCK_PAGE
    assert detail.title == "Blocked \\x1b[31m & logged by <Corp>"
    assert detail.server == "gw]0;x"
    assert len(detail.body_sha256) == 64


async def test_edge_answers() -> None:
    router = respx.mock(base_url=f"https://{HOST}")
    route = router.get("/")
    transport = httpx.MockTransport(router.async_handler)
    cases: list[tuple[httpx.Response, Failure | None]] = [
        (httpx.Response(511), Failure.HTTP_REDIRECT),
        (httpx.Response(302, headers={"Location": "http://portal.example/login"}), Failure.HTTP_REDIRECT),
        (httpx.Response(302, headers={"Location": "http://[broken"}), Failure.HTTP_REDIRECT),
        (httpx.Response(302, headers={"Location": "/here"}), Failure.HTTP_FOREIGN_ANSWER),
        (httpx.Response(200, headers={"Content-Type": "text/html"}), Failure.HTTP_BLOCK_PAGE),
        (httpx.Response(451), Failure.HTTP_BLOCK_PAGE),
        (httpx.Response(204), Failure.HTTP_FOREIGN_ANSWER),
        (httpx.Response(500, headers={"x-amzn-requestid": "i"}), Failure.HTTP_SERVICE_ERROR),
        (httpx.Response(404, headers={"x-amzn-requestid": "i", "Content-Type": "text/html"}), None),
    ]
    for response, failure in cases:
        route.mock(return_value=response)
        observation, _ = await http.request(
            probe_servers.scene(HOST), transport, Request(genuine=Genuine.AWS_API), probe_servers.limits()
        )
        assert observation.failure is failure, response


@pytest.mark.parametrize(("ahead", "took"), [(0, 0.0), (600, 0.2), (-600, 0.2), (90, 3.0)])
def test_the_clock_is_held_against_the_date_header(ahead: int, took: float) -> None:
    server = datetime.datetime(2026, 11, 23, 12, 0, 0, tzinfo=datetime.UTC)
    # The server answers half-way: the host's clock showed server + ahead at that moment.
    began = server + datetime.timedelta(seconds=ahead - took / 2)
    skew = http.skew(email.utils.format_datetime(server, usegmt=True), began, took)
    assert skew is not None
    assert abs(skew - ahead) <= 0.5


@pytest.mark.parametrize("text", ["", "yesterday", "Mon, 99 Nov 2026 12:00:00 GMT", "\x00", "1"])
def test_a_date_that_is_none(text: str) -> None:
    assert http.skew(text, datetime.datetime.now(datetime.UTC), 0.1) is None

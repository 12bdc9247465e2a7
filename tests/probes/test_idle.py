"""A connection that rests and is then used: real TLS servers that end it in every way, and virtual time."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trustme
from trio.testing import MockClock

from netprobe.catalog.model import Request
from netprobe.observations import Failure, HttpDetail, Step
from netprobe.probes import idle, tcp, tls
from netprobe.probes.streams import TlsStream
from tests.support.probe_servers import limits, pem, read_request, reset, scene, serve, server_context, vantage

HOST = "ecs-a-1.us-east-2.amazonaws.com"
ANSWER = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
LATE = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
REST = 0.4

Ending = Callable[[ssl.SSLSocket], None]


def answers(secure: ssl.SSLSocket) -> None:
    read_request(secure)
    secure.sendall(ANSWER)


def says_goodbye(secure: ssl.SSLSocket) -> None:
    time.sleep(REST / 4)
    secure.settimeout(0.2)
    try:
        secure.unwrap()
    except (OSError, ssl.SSLError):
        return  # its own close_notify is not waited for


def ends_without_a_word(secure: ssl.SSLSocket) -> None:
    time.sleep(REST / 4)
    secure.shutdown(socket.SHUT_RDWR)


def resets(secure: ssl.SSLSocket) -> None:
    time.sleep(REST / 4)
    with socket.socket(fileno=secure.detach()) as plain:
        reset(plain)


def resets_what_comes_after_the_rest(secure: ssl.SSLSocket) -> None:
    secure.recv(1)
    with socket.socket(fileno=secure.detach()) as plain:
        reset(plain)


def never_answers(secure: ssl.SSLSocket) -> None:
    while secure.recv(65536):
        continue


def answers_unasked(secure: ssl.SSLSocket) -> None:
    time.sleep(REST / 4)
    secure.sendall(LATE)


ENDINGS: dict[Ending, tuple[str, float]] = {
    answers: ("", REST),
    says_goodbye: (idle.GOODBYE, REST / 4),
    answers_unasked: (idle.GOODBYE, REST / 4),
    ends_without_a_word: (idle.ENDED, REST / 4),
    resets: (idle.RESET, REST / 4),
    resets_what_comes_after_the_rest: (idle.RESET, REST),
    never_answers: (idle.FORGOTTEN, REST + 0.5),
}


@pytest.mark.parametrize("ending", ENDINGS)
async def test_how_a_rest_ends(ending: Ending, tmp_path: Path) -> None:
    ca = trustme.CA()
    context = server_context(ca.issue_cert(HOST))

    def handle(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secure:
            ending(secure)

    seen = scene(HOST)
    with serve(handle) as port:
        _, stream = await tcp.connect(seen, "127.0.0.1", port, limits())
        assert stream is not None
        policy = tls.verified(vantage(ca=pem(ca, tmp_path / "ca.pem")), HOST)
        _, secure = await tls.handshake(seen, stream, policy, limits())
        assert secure is not None
        rested = await idle.rest(seen, secure, Request(), limits(0.5), REST)
        secure.close()

    word, seconds = ENDINGS[ending]
    assert rested.ended == word
    assert seconds * 0.9 <= rested.held < seconds + 1.5
    assert rested.limit == (0.5 if ending is never_answers else None)


class Silent(TlsStream):
    """A stream on which nothing comes until something is sent, or until it is cut."""

    def __init__(self, cut_after: float | None) -> None:
        self.said_goodbye = False
        self._cut_after = cut_after
        self._sent = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if self._sent:
            return ANSWER
        await trio.sleep(self._cut_after or 10_000)
        return b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self._sent = True


@pytest.mark.parametrize(
    ("cut_after", "ended", "held"), [(None, "", 120.0), (60.0, idle.ENDED, 60.0), (121.0, "", 120.0)]
)
async def test_a_long_rest(autojump_clock: MockClock, cut_after: float | None, ended: str, held: float) -> None:
    rested = await idle.rest(scene(HOST), Silent(cut_after), Request(), limits(), 120.0)
    assert (rested.ended, rested.held, rested.limit) == (ended, held, None)


@pytest.mark.parametrize("proxied", [False, True])
@pytest.mark.parametrize("ended", ["", idle.GOODBYE, idle.ENDED, idle.RESET, idle.FORGOTTEN])
async def test_who_is_blamed(ended: str, proxied: bool) -> None:
    """The peer's own word blames nobody; an end without a word only the proxy that is on the way."""
    passed = scene(HOST).observe(Step.WEBSOCKET, 0.0, None, HttpDetail(method="GET", path="/ws"))

    limit = 3.0 if ended == idle.FORGOTTEN else None
    observation = idle.told(passed, idle.Rested(ended=ended, held=60.0, limit=limit), proxied=proxied)

    blamed = ended in {idle.RESET, idle.FORGOTTEN} or (ended == idle.ENDED and proxied)
    assert (observation.failure is Failure.WEBSOCKET_CUT) is blamed
    assert isinstance(observation.detail, HttpDetail)
    assert (observation.detail.held_seconds, observation.detail.error) == (60.0, ended)
    assert observation.limit_seconds == limit

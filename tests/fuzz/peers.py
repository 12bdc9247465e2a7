"""What the probes read from a peer, without a socket: the peer's bytes come from the fuzzer, cut where it likes.

Each reader runs one step of a probe to its end, and holds what it saw to what a report promises: it can be written as
JSON and read again, and no text in it controls a terminal.
"""

from __future__ import annotations

import contextlib
import random
import ssl
import struct
import unicodedata
from collections.abc import Awaitable, Callable, Iterator
from functools import cache
from pathlib import Path

import msgspec
import trio
import trustme

from netprobe.catalog.model import Genuine, Public, Request
from netprobe.observations import Failure, Observation, ProxyDetail, Step
from netprobe.probes import http, proxy, tls, websocket
from netprobe.probes.transport import OpenStreamTransport
from netprobe.vantage import ProxyServer
from tests.support.probe_servers import limits, scene, vantage

HOST = "ecs.us-east-2.amazonaws.com"
LONGEST_TEXT = 1000
"""Characters that one text of an observation may have, whatever the peer sent."""


class Fed:
    """A connection whose peer says the given bytes, in pieces, and then ends, or breaks where they end in a zero."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._breaks = data.endswith(b"\0")
        self._chance = random.Random(len(data))
        self.sent = bytearray()
        self.closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """The next piece: often all that is asked for, sometimes a byte."""
        await trio.lowlevel.checkpoint()
        size = min(max_bytes or 65536, self._chance.choice((1, 7, 1460, 65536)))
        piece, self._data = self._data[:size], self._data[size:]
        if not piece and self._breaks:
            raise trio.BrokenResourceError from ConnectionResetError(104, "reset by the fuzzer")
        return piece

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take it; nobody reads it."""
        self.sent += data

    def close(self) -> None:
        """Remember it."""
        self.closed = True


class Mutating:
    """A server's end of a TLS handshake in memory, whose records are mutated on their way.

    Args:
        mutate: given what the server says, what arrives.
    """

    def __init__(self, mutate: Callable[[bytes], bytes]) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._server = _server().wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._mutate = mutate
        self.closed = False

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """What the server says now, mutated; its end where it has nothing more to say."""
        await trio.lowlevel.checkpoint()
        with contextlib.suppress(ssl.SSLError):  # it wants more, or has given up: its records say so
            self._server.do_handshake()
        said = self._outgoing.read()
        return self._mutate(said) if said else b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Hand it to the server."""
        self._incoming.write(data)

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@cache
def _server() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA(key_type=trustme.KeyType.ECDSA).issue_cert(HOST).configure_cert(context)
    return context


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(key)
            yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


def hold(seen: Observation) -> None:
    """What every observation promises."""
    assert msgspec.json.decode(msgspec.json.encode(seen), type=Observation) == seen
    for text in _texts(msgspec.to_builtins(seen)):
        assert len(text) <= LONGEST_TEXT
        assert not any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in text), ascii(text)


def _run(step: Callable[[], Awaitable[Observation]]) -> None:
    async def main() -> Observation:
        with trio.fail_after(20):
            return await step()

    hold(trio.run(main))


_REQUESTS = [Request(genuine=genuine, public=Public.NOTHING, upgrade=True) for genuine in Genuine]


def http_answer(data: bytes, _: Path) -> None:
    """An answer to each request of the catalog, from the origin and from somebody else."""
    for wanted in _REQUESTS:
        for origin in (True, False):

            async def step(wanted: Request = wanted, origin: bool = origin) -> Observation:
                transport = OpenStreamTransport(Fed(data))
                seen, _ = await http.request(scene(HOST), transport, wanted, limits(), origin=origin)
                assert not origin or seen.failure is None or seen.failure in _OF_THE_WAY, seen.failure
                return seen

            _run(step)


_OF_THE_WAY = frozenset({Failure.TIMEOUT, Failure.EOF, Failure.CONNECTION_RESET, Failure.HTTP_TOO_LARGE})
"""What can keep an answer of the origin away; for its content nobody is blamed."""


def upgrade_answer(data: bytes, _: Path) -> None:
    """An answer to an upgrade, and what comes on the WebSocket behind it."""

    async def step() -> Observation:
        transport = OpenStreamTransport(Fed(data))
        return await websocket.upgrade(scene(HOST), transport, _REQUESTS[0], limits(), idle=5.0)

    _run(step)


def _through(one: ProxyServer) -> Callable[[bytes, Path], None]:
    def read(data: bytes, _: Path) -> None:
        stream = Fed(data)

        async def step() -> Observation:
            ended = await proxy._ask(one, stream, limits(), HOST, 443)
            assert (ended.stream is None) == (ended.failure is not None) == stream.closed
            return Observation(
                id="o1",
                vantage="host",
                region="us-east-2",
                endpoint="ecs",
                host=HOST,
                port=443,
                address=None,
                step=Step.PROXY,
                started_seconds=0,
                duration_seconds=0,
                failure=ended.failure,
                detail=ProxyDetail(proxy=one.safe, target=HOST, phase=ended.phase, **ended.facts),
            )

        _run(step)

    return read


connect_answer = _through(ProxyServer(scheme="http", host="proxy.example", port=3128))
connect_answer_with_credentials = _through(
    ProxyServer(scheme="http", host="proxy.example", port=3128, username="svc", password="p")
)
socks_answer = _through(ProxyServer(scheme="socks5", host="proxy.example", port=1080))
socks_answer_with_credentials = _through(
    ProxyServer(scheme="socks5", host="proxy.example", port=1080, username="svc", password="p")
)


async def _handshake(stream: Fed | Mutating, *, lax: bool) -> Observation:
    policy = (tls.lax if lax else tls.verified)(vantage(), HOST)
    seen, encrypted = await tls.handshake(scene(HOST), stream, policy, limits())
    assert (encrypted is None) == (seen.failure is not None) == stream.closed
    return seen


def tls_records(data: bytes, _: Path) -> None:
    """What a peer says to a ClientHello, whether or not it knows what it was asked."""
    for lax in (True, False):
        _run(lambda lax=lax: _handshake(Fed(data), lax=lax))  # type: ignore[misc]


def tls_server(data: bytes, _: Path) -> None:
    """A real server's flights, each mutated as the bytes say: they are what the mutations are drawn from."""
    from tests.fuzz.surfaces import mutated

    chance = random.Random(data)

    def mutate(said: bytes) -> bytes:
        return mutated(said, chance) if chance.random() < 0.7 else said

    for lax in (True, False):
        _run(lambda lax=lax: _handshake(Mutating(mutate), lax=lax))  # type: ignore[misc]


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("!BHH", kind, 0x0303, len(body)) + body


def _server_hello() -> bytes:
    """One for TLS 1.2 with nothing behind it (RFC 5246 section 7.4.1.3), and a certificate that is none."""
    hello = b"\x03\x03" + bytes(32) + b"\x00" + b"\xc0\x2b" + b"\x00"
    certificates = b"\x00\x00\x08\x00\x00\x05\x30\x03\x02\x01\x01"
    return _record(22, b"\x02" + len(hello).to_bytes(3, "big") + hello) + _record(
        22, b"\x0b" + len(certificates).to_bytes(3, "big") + certificates
    )


HTTP_SEEDS = (
    b"HTTP/1.1 403 Forbidden\r\nServer: Server\r\nx-amzn-RequestId: 0a1b2c3d-0000-0000-0000-000000000000\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 45\r\nDate: Sat, 28 Nov 2026 10:00:00 GMT\r\n\r\n"
    b'{"__type":"MissingAuthenticationTokenException"}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.1 proxy (squid/5.7)\r\nContent-Type: text/html\r\n\r\n"
    b"20\r\n<html><title>Blocked</title></ht\r\n3\r\nml>\r\n0\r\nX-A: b\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.0 302 Found\r\nLocation: https://portal.example/?u=\xff\r\n\r\n",
)
UPGRADE_SEEDS = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n\x81\x05hello\x88\x02\x03\xe8",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 36\r\n\r\n" + b'{"__type":"AccessDeniedException"}  ',
    *HTTP_SEEDS,
)
CONNECT_SEEDS = (
    b"HTTP/1.1 200 Connection established\r\n\r\n",
    b"HTTP/1.1 407 Proxy Authentication Required\r\nServer: squid/5.7\r\nX-Squid-Error: ERR_CACHE_ACCESS_DENIED 0\r\n"
    b'Proxy-Authenticate: Negotiate\r\nProxy-Authenticate: Basic realm="\xc3\xa9"\r\nVia: 1.1 p\r\n'
    b"Content-Length: 9\r\n\r\n",
    b"HTTP/1.0 403 Forbidden\r\nProxy-Agent: a\r\n\r\n<html>",
)
SOCKS_SEEDS = (
    b"\x05\x00\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00",
    b"\x05\x02\x01\x00\x05\x00\x00\x03\x03abc\x00\x50\x00",
    b"\x05\x00\x05\x02\x00\x04" + bytes(18),
    b"\x05\xff",
)
TLS_SEEDS = (
    _server_hello(),
    _record(21, b"\x02\x28"),
    _record(21, b"\x01\x70") + _server_hello(),
    _record(22, b"\x02\x00\xff\xff") + _record(22, b"a" * 200) + _record(23, b"b" * 50),
    b"HTTP/1.1 400 Bad Request\r\n\r\n<html>plain \x1b[31m",
)
HTTP_WORDS = (
    b"\r\n",
    b"\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"HTTP/0.9 ",
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 99999999999999999999\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: close\r\n",
    b"Date: Thu, 99 Foo 99999 99:99:99 +9999\r\n",
    b"Location: https://[::1\r\n",
    b"<title>\xff\x9b&#x202e;&#27;</title>",
    b'{"__type": "\\u009b"}',
    b"[" * 2000,
    b"fffffffff\r\n",
    b"0\r\n\r\n",
    b"\x1b[31m",
    b"\x88\x02\x03\xe8",
    b"\x82\x7f" + b"\xff" * 8,
)
TLS_WORDS = (
    _record(20, b"\x01"),
    _record(21, b"\x01\x00"),
    _record(21, b"\x02\x50"),
    _record(22, b""),
    _record(22, b"\x04\x00\x00\x05abcde"),
    _record(24, b"\x01\x40\x00"),
    b"\x16\x03\x03\xff\xff",
    b"\x80\x2e\x01\x03\x01",
)
SOCKS_WORDS = (b"\x05", b"\x04", b"\x00", b"\x03\xff", b"\x05\x02", b"\x01\x01")

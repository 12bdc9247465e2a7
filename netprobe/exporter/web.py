"""A small HTTP server, h11 over trio: GET and HEAD, bounded in size and time, for pages that are made in memory.

A client that is slow to ask or to take its answer is let go after :data:`SECONDS`; a request's head may have
:data:`MOST_HEAD` bytes. Of more than :data:`MOST_CLIENTS` at once the one that has been waited for longest is
let go, so that those who hold a connection and say nothing keep nobody out. A body is never read. Of a request that is
refused (RFC 6585: 431 for a head that is too large) what still comes is thrown away for a moment: a connection that is
closed upon unread bytes is reset, and the answer is lost with it (RFC 9112, 9.6, read 2026-11-29).
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from urllib.parse import SplitResult, parse_qsl, urlsplit

import h11
import msgspec
import trio

SECONDS = 30.0
MOST_HEAD = 16 << 10
MOST_CLIENTS = 64
MOST_REQUESTS = 1000
"""On one connection; then the client makes a new one."""
_CHUNK = 16 << 10
_LINGER_SECONDS = 2.0
_MOST_LINGERING = 8 << 20
"""Bytes of a refused request that are thrown away before its connection is closed upon the rest."""


class WebRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a client asks for.

    Attributes:
        path: without the query.
        query: its parameters, in order, at most 32.
        headers: lower-case name → value; of several the last.
    """

    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = {}


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What it gets."""

    status: int = 200
    type: str = "text/plain; charset=utf-8"
    body: bytes = b""
    headers: Mapping[str, str] = {}


Answering = Callable[[WebRequest], Awaitable[Response]]
Context = Callable[[], ssl.SSLContext | None]


async def serve(listeners: Sequence[trio.SocketListener], answering: Answering, context: Context) -> None:
    """Serve until cancelled.

    Args:
        listeners: open sockets.
        answering: makes an answer; what it raises ends one connection with 500.
        context: the TLS settings of a new connection, or None for plain HTTP.
    """
    slots = trio.CapacityLimiter(MOST_CLIENTS)
    patience = _Patience()

    async def accept(listener: trio.SocketListener) -> None:
        while True:
            try:
                stream = await listener.accept()
            except OSError:
                await trio.sleep(0.1)  # out of file descriptors, or the client is gone already
                continue
            if not slots.available_tokens:
                patience.ends_with_the_slowest()
            try:
                await slots.acquire_on_behalf_of(token := object())
            except BaseException:
                await trio.aclose_forcefully(stream)
                raise
            nursery.start_soon(client, stream, token)

    async def client(stream: trio.SocketStream, token: object) -> None:
        try:
            await _client(stream, answering, context, patience)
        finally:
            slots.release_on_behalf_of(token)
            await trio.aclose_forcefully(stream)

    try:
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                nursery.start_soon(accept, listener)
    finally:
        for listener in listeners:
            listener.socket.close()


class _Patience:
    """Which clients are waited for: to ask, or to take their answer."""

    def __init__(self) -> None:
        self._waits: dict[trio.CancelScope, None] = {}

    @contextmanager
    def waits(self) -> Iterator[trio.CancelScope]:
        """Wait for a client, :data:`SECONDS` at most."""
        with trio.move_on_after(SECONDS) as scope:
            self._waits[scope] = None
            try:
                yield scope
            finally:
                self._waits.pop(scope, None)

    def ends_with_the_slowest(self) -> None:
        """Let the client go that has been waited for longest; none where all are being answered."""
        slowest = next(iter(self._waits), None)
        if slowest is not None:
            del self._waits[slowest]
            slowest.cancel()


async def _client(stream: trio.abc.Stream, answering: Answering, context: Context, patience: _Patience) -> None:
    """One connection; whatever the network does to it ends it alone."""
    try:
        settings = context()
        if settings is not None:
            secured = trio.SSLStream(stream, settings, server_side=True, https_compatible=True)
            with patience.waits() as scope:
                await secured.do_handshake()
            if scope.cancelled_caught:
                return
            stream = secured
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        for _ in range(MOST_REQUESTS):
            with patience.waits() as scope:
                asked = await _asked(stream, connection)
            if scope.cancelled_caught or asked is None:
                return
            refused = _refused(asked)
            answer = refused or await answering(_request(asked))
            with patience.waits() as scope:
                await _send(stream, connection, asked, answer, last=refused is not None)
            if scope.cancelled_caught:
                return
            if connection.our_state is not h11.DONE:
                break
            if connection.their_state is not h11.DONE:
                break  # a body that nobody reads
            connection.start_next_cycle()
        await _linger(stream, patience)
    except h11.RemoteProtocolError as exc:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError), trio.move_on_after(1.0):
            await _complain(stream, exc.error_status_hint)
            await _linger(stream, patience)
    except (trio.BrokenResourceError, trio.ClosedResourceError, ssl.SSLError, OSError):
        return


async def _asked(stream: trio.abc.Stream, connection: h11.Connection) -> h11.Request | None:
    """The next request, or None where the client went."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(bytes(await stream.receive_some(_CHUNK)))
        elif isinstance(event, h11.Request):
            while connection.their_state is h11.SEND_BODY:
                following = connection.next_event()
                if not isinstance(following, h11.EndOfMessage):
                    break
            return event
        elif isinstance(event, h11.ConnectionClosed):
            return None


def _refused(asked: h11.Request) -> Response | None:
    if asked.method not in (b"GET", b"HEAD"):
        return Response(status=405, body=b"only GET and HEAD\n", headers={"allow": "GET, HEAD"})
    return None


def _request(asked: h11.Request) -> WebRequest:
    try:
        split = urlsplit(asked.target.decode("ascii", "replace"))
        query = tuple(parse_qsl(split.query, max_num_fields=32))
    except ValueError:
        split, query = SplitResult("", "", "/a request that is none", "", ""), ()
    headers = {name.decode("ascii", "replace").lower(): value.decode("latin-1") for name, value in asked.headers}
    return WebRequest(path=split.path, query=query, headers=headers)


async def _send(
    stream: trio.abc.Stream, connection: h11.Connection, asked: h11.Request, answer: Response, *, last: bool
) -> None:
    headers = [
        ("content-type", answer.type),
        ("content-length", str(len(answer.body))),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        *answer.headers.items(),
    ]
    if last:
        headers.append(("connection", "close"))
    data = connection.send(h11.Response(status_code=answer.status, headers=headers)) or b""
    if asked.method != b"HEAD":
        data += connection.send(h11.Data(data=answer.body)) or b""
    data += connection.send(h11.EndOfMessage()) or b""
    await stream.send_all(data)


async def _complain(stream: trio.abc.Stream, status: int) -> None:
    await stream.send_all(f"HTTP/1.1 {status} \r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())


async def _linger(stream: trio.abc.Stream, patience: _Patience) -> None:
    """Throw away what a client still sends after the last answer, until it has read that and closes."""
    with patience.waits() as scope:
        scope.deadline = min(scope.deadline, trio.current_time() + _LINGER_SECONDS)
        if isinstance(stream, trio.SocketStream):
            await stream.send_eof()
        left = _MOST_LINGERING
        while left > 0 and (thrown := await stream.receive_some(_CHUNK)):
            left -= len(thrown)

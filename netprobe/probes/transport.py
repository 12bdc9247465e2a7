"""Hands httpx the stream that is already open, so that one connection serves the whole chain.

httpx would open its own connections and hide why one failed (a missing name, a refusal and an untrusted certificate
all arrive as ConnectError). h11 speaks HTTP/1.1 without doing I/O, so this module is all that is needed between it and
a stream. It makes no connection, follows no redirect, and decodes nothing.

httpcore's public connection class did the same until it was measured: its pool states, locks and traces cost 0.2 ms a
request, and its nested generators had to be drained with care.
"""

from __future__ import annotations

import h11
import httpx
import trio

from netprobe.probes.streams import Stream

MAX_ANSWER = 192 * 1024
"""Bytes that one answer may have; no answer that netprobe asks for comes near it."""
LARGEST_READ = 8192
"""Bytes that are parsed in one go: of one-byte chunks they make a thousand events, and nothing else runs meanwhile."""
_MAX_HEAD = 100 * 1024
_SWITCHING = 101


class AnswerTooLarge(httpx.ReadError):
    """The peer sent more than :data:`MAX_ANSWER`."""


class OpenStreamTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over one open stream, for one origin. Time limits are the caller's.

    Args:
        stream: the open connection; the caller closes it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)
        self._budget = 0
        self._unsent: trio.BrokenResourceError | None = None
        self._ended = False
        self.bytes_received = 0
        """What the peer sent over this transport so far."""

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow on the same connection: both sides are done, and nothing came behind."""
        states = (self._protocol.our_state, self._protocol.their_state)
        return states == (h11.DONE, h11.DONE) and self._protocol.trailing_data == (b"", False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request without a body and read the answer's head; the body is streamed.

        Raises:
            httpx.NetworkError: the connection broke; trio's error is the cause.
            httpx.RemoteProtocolError: what came is no HTTP, or came to an early end.
        """
        if self.is_reusable:
            self._protocol.start_next_cycle()
        self._budget = self.bytes_received + MAX_ANSWER
        head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        data = (self._protocol.send(head) or b"") + (self._protocol.send(h11.EndOfMessage()) or b"")
        try:
            await self._stream.send_all(data)
        except trio.BrokenResourceError as error:
            self._unsent = error  # a peer may answer, and close, before it has read the request
        answer = await self._head()
        return httpx.Response(
            answer.status_code,
            headers=answer.headers.raw_items(),
            stream=_Body(self) if answer.status_code != _SWITCHING else httpx.ByteStream(b""),
            extensions={"network_stream": self._stream, "unread": self._protocol.trailing_data[0]},
        )

    async def _head(self) -> h11.Response | h11.InformationalResponse:
        """The head of the answer; those of provisional answers are passed over (RFC 9110 section 15.2)."""
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Response):
                return event
            if isinstance(event, h11.InformationalResponse) and event.status_code == _SWITCHING:
                return event

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        """The next event of the answer, for which more is read where it takes more."""
        while True:
            try:
                event = self._protocol.next_event()
            except h11.RemoteProtocolError as error:
                if not self._ended:
                    raise httpx.RemoteProtocolError(str(error)) from error
                broken_off = str(error)
            else:
                broken_off = ""
            if broken_off:  # no fault of what came, but of what did not: it is told apart by having no cause
                raise httpx.RemoteProtocolError(broken_off)
            if event is not h11.NEED_DATA:
                assert not isinstance(event, type) or event is h11.PAUSED
                return event
            data = await self._receive()
            self._ended = not data
            if not data and self._protocol.their_state is h11.SEND_RESPONSE:
                if self._unsent is not None:
                    raise httpx.WriteError("the connection broke") from self._unsent
                raise httpx.RemoteProtocolError("closed without an answer")
            self._protocol.receive_data(data)

    async def _receive(self) -> bytes:
        if self.bytes_received > self._budget:
            raise AnswerTooLarge("a too long answer")
        await trio.lowlevel.checkpoint()  # what TLS has decrypted already would come without one, and past any limit
        try:
            data = bytes(await self._stream.receive_some(LARGEST_READ))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpx.ReadError("the connection broke") from error
        self.bytes_received += len(data)
        return data


class _Body(httpx.AsyncByteStream):
    """The body of an answer. An iterator by hand: a generator left half-read would have to be closed by someone."""

    def __init__(self, transport: OpenStreamTransport) -> None:
        self._transport = transport

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        event = await self._transport.next_event()
        if isinstance(event, h11.Data):
            return bytes(event.data)
        raise StopAsyncIteration

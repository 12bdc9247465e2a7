"""Hands httpx the stream that is already open, so that one connection serves the whole chain.

httpx would open its own connections and hide why one failed (a missing name, a refusal and an untrusted certificate
all arrive as ConnectError). httpcore publishes its HTTP/1.1 connection class; it takes any stream, and this module is
the adapter on both sides of it. It makes no connection, follows no redirect, and decodes nothing.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpcore
import httpx
import trio

from netprobe.probes.streams import Stream

MAX_ANSWER = 192 * 1024
"""Bytes that one answer may have; no answer that netprobe asks for comes near it."""
LARGEST_READ = 8192
"""Bytes that are parsed in one go: of one-byte chunks they make a thousand events, and nothing else runs meanwhile."""


class AnswerTooLarge(httpcore.ReadError):
    """The peer sent more than :data:`MAX_ANSWER`."""


class _NetworkStream(httpcore.AsyncNetworkStream):
    """httpcore's view of our stream. Time limits are the caller's, so ``timeout`` is not used."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self.received = 0
        self.budget = MAX_ANSWER

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        # The bound stands here, below httpcore: leaving its nested generators half-read would leak them.
        if self.received > self.budget:
            raise AnswerTooLarge
        await trio.lowlevel.checkpoint()  # what TLS has decrypted already would come without one, and past any limit
        try:
            data = bytes(await self._stream.receive_some(min(max_bytes, LARGEST_READ)))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.ReadError from error
        self.received += len(data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        try:
            if buffer:
                await self._stream.send_all(buffer)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise httpcore.WriteError from error

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.UnsupportedProtocol("TLS is a step of its own")

    def get_extra_info(self, info: str) -> Any:
        return None


class _Body(httpx.AsyncByteStream):
    """httpcore's answer body, as httpx wants it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._response.aiter_stream():
            yield part

    async def aclose(self) -> None:
        await self._response.aclose()


class OpenStreamTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 over one open stream, for one origin.

    Args:
        stream: the open connection.
        host: the origin's name.
        port: the origin's port, as in the URL.
        secure: whether the stream is TLS (the URL's scheme).
    """

    def __init__(self, stream: Stream, host: str, port: int, *, secure: bool) -> None:
        self._network = _NetworkStream(stream)
        origin = httpcore.Origin(b"https" if secure else b"http", host.encode("ascii"), port)
        self._connection = httpcore.AsyncHTTP11Connection(origin, self._network)

    @property
    def bytes_received(self) -> int:
        """What the peer sent over this transport so far."""
        return self._network.received

    @property
    def is_reusable(self) -> bool:
        """Whether another request may follow on the same connection."""
        return self._connection.is_available()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and read the answer's head; the body is streamed."""
        self._network.budget = self._network.received + MAX_ANSWER
        assert isinstance(request.stream, httpx.AsyncByteStream)
        response = await self._connection.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port or (443 if request.url.scheme == "https" else 80),
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(
            status_code=response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()

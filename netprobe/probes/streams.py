"""The byte stream that the steps hand on: a socket, or TLS over any such stream (also TLS inside TLS).

A chain reads and writes in turns and has its connection for itself. So these streams do without what trio's own have
for everyone else: locks against a second reader, and a turn of the event loop for a send or a close that need not wait.
"""

from __future__ import annotations

import socket
import ssl
from typing import Protocol

import trio

CHUNK = 65536


class Stream(Protocol):
    """What every step needs of a connection. Errors are trio's, with the OSError or SSLError as their cause."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """Some bytes, or none at the end."""
        ...

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything."""
        ...

    def close(self) -> None:
        """Close, without waiting for the peer."""
        ...


def socket_below(stream: Stream) -> socket.socket | None:
    """The socket that carries a stream, through any TLS above it; None where it is no stream of ours."""
    while isinstance(stream, TlsStream):
        stream = stream.transport
    return stream.socket if isinstance(stream, TcpStream) else None


class TcpStream:
    """A connected socket.

    Args:
        sock: connected and non-blocking.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Some bytes, or none at the end; always a checkpoint.

        Raises:
            trio.BrokenResourceError: the connection broke; the OSError is its cause.
        """
        while True:
            await trio.lowlevel.wait_readable(self.socket)
            try:
                return self.socket.recv(max_bytes or CHUNK)
            except BlockingIOError:
                continue
            except OSError as error:
                raise trio.BrokenResourceError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send everything; a checkpoint only where the kernel cannot take it at once.

        Raises:
            trio.BrokenResourceError: the connection broke; the OSError is its cause.
        """
        left = memoryview(data)
        while left:
            try:
                left = left[self.socket.send(left) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self.socket)
            except OSError as error:
                raise trio.BrokenResourceError from error

    def close(self) -> None:
        """Close."""
        self.socket.close()


class TlsStream:
    """Application data over a finished handshake.

    Args:
        transport: the stream below.
        tls: the OpenSSL object, its handshake done.
        incoming: what the peer sent goes in here.
        outgoing: what OpenSSL wants sent comes out here.
        chain: the peer's certificates as it sent them (DER, leaf first).
    """

    def __init__(
        self,
        transport: Stream,
        tls: ssl.SSLObject,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        chain: tuple[bytes, ...] = (),
    ) -> None:
        self.chain = chain
        self.said_goodbye = False
        """Whether the peer ended the session with ``close_notify``, which nobody else can send."""
        self.transport = transport
        self._tls = tls
        self._incoming = incoming
        self._outgoing = outgoing

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Some decrypted bytes, or none at the end.

        Raises:
            trio.BrokenResourceError: the connection or the TLS session broke; the cause says how.
        """
        while True:
            try:
                data = self._tls.read(max_bytes or CHUNK)
                self.said_goodbye = not data  # what Python makes of close_notify; any other end raises
                return data
            except ssl.SSLWantReadError:
                await self._flush()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                # Many servers close without close_notify; the HTTP layer knows whether that cut an answer short.
                return b""
            except ssl.SSLError as error:
                raise trio.BrokenResourceError from error
            received = await self.transport.receive_some(CHUNK)
            if received:
                self._incoming.write(received)
            else:
                self._incoming.write_eof()
            del received  # not to be held while the next part is waited for

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and send everything.

        Raises:
            trio.BrokenResourceError: the connection or the TLS session broke; the cause says how.
        """
        try:
            self._tls.write(data)
        except ssl.SSLError as error:
            raise trio.BrokenResourceError from error
        await self._flush()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await self.transport.send_all(self._outgoing.read())

    def close(self) -> None:
        """Close the connection below; a probe owes the peer no close_notify."""
        self.transport.close()

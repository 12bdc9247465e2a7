"""A TLS server session that we pump ourselves, so that faults happen exactly where a scenario puts them.

``trio.SSLStream`` does not flush the alert when a handshake fails, and offers no place between "the ClientHello has
been read" and "the answer has left". Here the two BIOs are in our hands: the ClientHello is always read to its end
(closing with unread bytes would send RST where FIN is meant), alerts always leave, and a flight can be held back.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from typing import TypeVar

import trio

_CHUNK = 65536
T = TypeVar("T")


class ServerObject(ssl.SSLObject):
    """An SSLObject that remembers the SNI it heard.

    Attributes:
        server_name: the SNI, or None.
        choose: picks another context by the SNI, where several hosts share an address.
    """

    server_name: str | None = None
    choose: Callable[[str | None], ssl.SSLContext] | None = None


def remember_server_name(context: ssl.SSLContext) -> None:
    """Make the sessions of ``context`` keep the SNI (and follow it to another context where they are told to)."""

    def heard(session: ssl.SSLObject | ssl.SSLSocket, name: str | None, _context: ssl.SSLContext) -> None:
        assert isinstance(session, ServerObject)
        session.server_name = name
        if session.choose is not None:
            session.context = session.choose(name)

    context.sslobject_class = ServerObject
    context.sni_callback = heard


class TlsServerSession:
    """The server's end of one TLS connection: ``hear``, then ``complete``, then ``receive`` and ``send``.

    One task may receive while another sends.
    """

    def __init__(self, stream: trio.SocketStream, context: ssl.SSLContext, delay_seconds: float = 0.0) -> None:
        """Prepare a session; nothing is read yet.

        Args:
            stream: the open connection.
            context: made by :class:`netprobe.lab.certificates.Certificates`.
            delay_seconds: how long each flight is held back.
        """
        self._stream = stream
        self._delay = delay_seconds
        self._sending = trio.Lock()
        self.heard = 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        assert isinstance(session, ServerObject)
        self._tls = session

    def choose_by_name(self, choose: Callable[[str | None], ssl.SSLContext]) -> None:
        """Follow the SNI to another context (set before ``hear``)."""
        self._tls.choose = choose

    @property
    def server_name(self) -> str | None:
        """The SNI of the ClientHello, once heard."""
        return self._tls.server_name

    @property
    def flight_size(self) -> int:
        """Bytes of the answer that has been made and not yet sent."""
        return self._outgoing.pending

    async def hear(self) -> bool:
        """Read the whole ClientHello and make the answer to it, without sending that.

        Returns:
            Whether a ClientHello came; False where the client went away, or sent something else (an alert says so).
        """
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                if self.flight_size:
                    return True
                if not await self._fill():
                    return False
            except ssl.SSLError:
                await self._flush()
                return False

    async def complete(self) -> bool:
        """Send the flight that was held back and finish the handshake.

        Returns:
            Whether it was finished; False where the client refused or went away.
        """
        try:
            await self._flush()
            await self._pump(self._tls.do_handshake)
        except (ssl.SSLError, EOFError):
            return False
        return True

    async def receive(self) -> bytes:
        """The next decrypted bytes; empty at the end, however it came."""
        try:
            return await self._pump(lambda: self._tls.read(_CHUNK))
        except (ssl.SSLError, EOFError):
            return b""

    async def send(self, data: bytes) -> None:
        """Encrypt and send."""
        async with self._sending:
            self._tls.write(data)
            await self._drain(self._delay)

    async def finish(self) -> None:
        """End the stream towards the client without a close_notify; receiving goes on."""
        async with self._sending:
            await self._stream.send_eof()

    async def close(self) -> None:
        """Say close_notify; the client's own is not waited for (RFC 8446 section 6.1)."""
        async with self._sending:
            with contextlib.suppress(ssl.SSLError):  # WantRead: the client's own has not come, which is ordinary
                self._tls.unwrap()
            await self._drain(self._delay)

    async def _pump(self, step: Callable[[], T]) -> T:
        while True:
            try:
                result = step()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise EOFError from None
                continue
            except ssl.SSLError:
                await self._flush()
                raise
            await self._flush(0.0)  # session tickets: they travel with the next flight
            return result

    async def _fill(self) -> bool:
        """Take what the client sent; False at the end of its stream."""
        received = await self._stream.receive_some(_CHUNK)
        self.heard += len(received)
        self._incoming.write(received)
        return bool(received)

    async def _flush(self, delay: float | None = None) -> None:
        """Send what is pending; a task that is sending already takes it along, so that reading never waits for it."""
        if self._outgoing.pending and not self._sending.locked():
            async with self._sending:
                await self._drain(self._delay if delay is None else delay)

    async def _drain(self, delay: float) -> None:
        """Send until nothing is pending. Only while ``_sending`` is held: records must leave in their order."""
        while self._outgoing.pending:
            await trio.sleep(delay)
            await self._stream.send_all(self._outgoing.read())

"""The lab's hosts: one TCP connection after another, behaving as declared.

A client may do anything (reset, stall, send garbage); its connection ends and the lab goes on. Only a bug in the lab
raises.
"""

from __future__ import annotations

import datetime as dt
import email.utils
import socket as stdlib_socket
import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass

import trio

from netprobe.catalog.model import Genuine
from netprobe.lab.answers import SWITCHING_PROTOCOLS, HttpAnswer, HttpRequest, answer
from netprobe.lab.behaviour import HostBehaviour, HttpMode, ShownChain, TcpMode, TlsMode
from netprobe.lab.certificates import Certificates
from netprobe.lab.odd import ODD, Odd
from netprobe.lab.tls import TlsServerSession

LARGEST_FLIGHT = 1000
"""``TlsMode.PATH_MTU``: what still fits through the imagined narrow link."""
LARGEST_HELLO = 1448
"""``TlsMode.LARGE_STALL``: what one packet of Ethernet carries with TCP timestamps."""
_LARGEST_HEAD = 65536
_LARGEST_BODY = 1 << 20
_MOST_DIGITS = 9
_IDLE_SECONDS = 60.0
_REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}
_PLAINTEXT = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 28\r\nConnection: close\r\n\r\n"
    b"<html>Bad request</html>\r\n\r\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One host as it is served at one address.

    Attributes:
        host: its name.
        genuine: which service it stands for.
        behaviour: how it behaves at this address.
    """

    host: str
    genuine: Genuine
    behaviour: HostBehaviour


class HostServer:
    """Serves the hosts of one address."""

    def __init__(self, sites: Mapping[str, Site], certificates: Certificates) -> None:
        """Take the hosts.

        Args:
            sites: by name; usually one. Of several, the SNI picks one, the first without.
            certificates: makes what they show.
        """
        self._sites = sites
        self._default = next(iter(sites.values()))
        self._certificates = certificates

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end; what the client does to it is its own affair."""
        try:
            with trio.move_on_after(_IDLE_SECONDS):
                await self._serve(stream)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        behaviour = self._default.behaviour
        if behaviour.tcp is TcpMode.RESET:
            _reset(stream)
            return
        session = TlsServerSession(stream, self._context(self._default), behaviour.delay_seconds)
        if len(self._sites) > 1:
            session.choose_by_name(lambda name: self._context(self._site(name)))
        if not await session.hear():
            await _leave(stream)
            return
        site = self._site(session.server_name)
        if not await self._pass_hello(stream, session, site):
            return
        await self._wait_for_certificate(session.server_name, site.behaviour)
        if await session.complete():
            await self._converse(session, site)

    async def _wait_for_certificate(self, name: str | None, behaviour: HostBehaviour) -> None:
        if behaviour.chain is ShownChain.GENUINE:
            return
        now = trio.current_time()
        desk = self._certificates.desk
        await trio.sleep_until(desk.ready_at(name, behaviour.signing_seconds, now, forgets=behaviour.forgets))

    def _site(self, name: str | None) -> Site:
        return self._sites.get(name or "", self._default)

    def _context(self, site: Site) -> ssl.SSLContext:
        behaviour = site.behaviour
        return self._certificates.context(
            site.host,
            behaviour.chain,
            old=behaviour.tls is TlsMode.OLD,
            validity_offset_seconds=behaviour.validity_offset_seconds,
        )

    async def _pass_hello(self, stream: trio.SocketStream, session: TlsServerSession, site: Site) -> bool:
        """Do to the ClientHello what was declared; True where the handshake goes on."""
        behaviour = site.behaviour
        if behaviour.tls_by_name and session.server_name != site.host:
            return True
        fault = _HELLO_FAULTS.get(behaviour.tls)
        if behaviour.tls is TlsMode.PATH_MTU and _passes_narrow_link(stream, session.flight_size):
            fault = None
        if behaviour.tls is TlsMode.LARGE_STALL and session.heard <= LARGEST_HELLO:
            fault = None
        if fault is None:
            return True
        await fault(stream, behaviour)
        return False

    async def _converse(self, session: TlsServerSession, site: Site) -> None:
        """Answer requests until the client has had enough."""
        while (request := await _read_request(session)) is not None:
            if site.behaviour.http is HttpMode.STALL:
                await trio.sleep_forever()
            if site.behaviour.http is HttpMode.CUT:
                break
            odd = ODD.get(site.behaviour.odd)
            if odd is not None and odd.applies(request):
                if not await _say_odd(session, odd, request):
                    break
                continue
            told = answer(site.genuine, site.behaviour.http, site.host, request)
            if told.status == SWITCHING_PROTOCOLS:
                await _hold_open(session, told)
                break
            closing = request.headers.get("connection", "").lower() == "close"
            await session.send(_wire(told, request, site.behaviour.date_offset_seconds, closing=closing))
            if closing:
                break
        await session.close()


async def _fault_reset(stream: trio.SocketStream, _behaviour: HostBehaviour) -> None:
    _reset(stream)


async def _fault_close(stream: trio.SocketStream, _behaviour: HostBehaviour) -> None:
    await _leave(stream)


async def _fault_stall(stream: trio.SocketStream, _behaviour: HostBehaviour) -> None:
    while await stream.receive_some():
        pass


async def _fault_alert(stream: trio.SocketStream, behaviour: HostBehaviour) -> None:
    await stream.send_all(struct.pack("!BHHBB", 21, 0x0303, 2, 2, behaviour.alert))
    await _leave(stream)


async def _fault_plaintext(stream: trio.SocketStream, _behaviour: HostBehaviour) -> None:
    await stream.send_all(_PLAINTEXT)
    await _leave(stream)


_HELLO_FAULTS = {
    TlsMode.RESET: _fault_reset,
    TlsMode.CLOSE: _fault_close,
    TlsMode.STALL: _fault_stall,
    TlsMode.ALERT: _fault_alert,
    TlsMode.PLAINTEXT: _fault_plaintext,
    TlsMode.PATH_MTU: _fault_stall,
    TlsMode.LARGE_STALL: _fault_stall,
}


def _passes_narrow_link(stream: trio.SocketStream, flight_size: int) -> bool:
    """Whether the flight would come through: it is small, or the client asked for segments that fit."""
    segment = stream.socket.getsockopt(stdlib_socket.IPPROTO_TCP, stdlib_socket.TCP_MAXSEG)
    return flight_size <= LARGEST_FLIGHT or segment <= LARGEST_FLIGHT


def _reset(stream: trio.SocketStream) -> None:
    """Close with RST: lingering for zero seconds throws the connection away."""
    stream.socket.setsockopt(stdlib_socket.SOL_SOCKET, stdlib_socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.socket.close()


async def _leave(stream: trio.SocketStream) -> None:
    """Close with FIN, and take what still comes, so that no RST overtakes what was sent."""
    await stream.send_eof()
    with trio.move_on_after(1):
        while await stream.receive_some():
            pass


async def _read_request(session: TlsServerSession) -> HttpRequest | None:
    """Read one HTTP/1.1 request with its body; None at the end, or where it is none that the lab understands."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = await session.receive()
        received += chunk
        if not chunk or len(received) > _LARGEST_HEAD:
            return None
    head, _, rest = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        return None
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    missing = _length(headers.get("content-length", "0")) - len(rest)
    if missing > _LARGEST_BODY:
        return None
    while missing > 0:
        chunk = await session.receive()
        if not chunk:
            return None
        missing -= len(chunk)
    return HttpRequest(method=words[0], path=words[1], headers=headers)


def _length(value: str) -> int:
    """A Content-Length; no more digits are read than a length that is served has."""
    if not (value.isascii() and value.isdigit()):
        return 0
    digits = value.lstrip("0")
    return _LARGEST_BODY + 1 if len(digits) > _MOST_DIGITS else int(digits or "0")


async def _say_odd(session: TlsServerSession, odd: Odd, request: HttpRequest) -> bool:
    """Give an odd answer; False where the connection ends with it."""
    if odd.silent:
        await trio.sleep_forever()
    told = odd.answer_to(request)
    if told is None:
        await session.send(odd.raw)
        return False
    if told.status == SWITCHING_PROTOCOLS:
        await _hold_open(session, told, odd.then)
        return False
    closing = request.headers.get("connection", "").lower() == "close"
    await session.send(_wire(told, request, 0.0, closing=closing))
    return not closing


async def _hold_open(session: TlsServerSession, told: HttpAnswer, then: bytes = b"") -> None:
    """Switch protocols, say ``then``, and after that nothing until the client leaves."""
    lines = ["HTTP/1.1 101 Switching Protocols", *(f"{n}: {v}" for n, v in told.headers), "", ""]
    await session.send("\r\n".join(lines).encode("latin-1") + then)
    while await session.receive():
        continue


def _wire(told: HttpAnswer, request: HttpRequest, date_offset_seconds: float, *, closing: bool) -> bytes:
    now = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=date_offset_seconds)
    headers = [
        *told.headers,
        ("Date", email.utils.format_datetime(now, usegmt=True)),
        ("Content-Length", str(len(told.body))),
        ("Connection", "close" if closing else "keep-alive"),
    ]
    lines = [
        f"HTTP/1.1 {told.status} {_REASONS.get(told.status, 'Answer')}",
        *(f"{n}: {v}" for n, v in headers),
        "",
        "",
    ]
    return "\r\n".join(lines).encode("latin-1") + (b"" if request.method == "HEAD" else told.body)

"""The lab's forward proxy: CONNECT in the clear or over TLS, and SOCKS5, told apart by the first byte.

It opens tunnels to the lab's own hosts, by name or by address, and to nothing else; it has a DNS of its own, which is
the plan. What it does wrong is declared (:class:`netprobe.lab.behaviour.ProxyBehaviour`). Refusals carry Squid's
``X-Squid-Error`` where Squid gives one, since that is the proxy that most hosts meet.
"""

from __future__ import annotations

import base64
import re
import socket as stdlib_socket
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from netprobe.addresses import is_address
from netprobe.lab.behaviour import HostBehaviour, ProxyBehaviour, ProxyMode
from netprobe.lab.certificates import Certificates
from netprobe.lab.plan import PROXY, LabPlan, PlannedHost
from netprobe.lab.servers import HostServer, Site
from netprobe.lab.tls import TlsServerSession

CONNECT_SECONDS = 2.0
"""How long the proxy waits for a host before it gives up."""
_LIFE_SECONDS = 600.0
_LARGEST_HEAD = 65536
_TLS_RECORD, _SOCKS5 = b"\x16", b"\x05"
_PORT = re.compile(r"[0-9]{1,5}")
_SCHEMES = {_TLS_RECORD: "https", _SOCKS5: "socks5"}


class Channel(Protocol):
    """One end of a conversation, in the clear or over TLS."""

    async def receive(self) -> bytes:
        """The next bytes; empty at the end."""

    async def send(self, data: bytes) -> None:
        """Send all of it."""

    async def finish(self) -> None:
        """Say that nothing more is sent; receiving goes on."""


class Clear:
    """A channel without TLS."""

    def __init__(self, stream: trio.SocketStream) -> None:
        """Take the open stream."""
        self.stream = stream

    async def receive(self) -> bytes:
        """The next bytes; empty at the end."""
        return bytes(await self.stream.receive_some(_LARGEST_HEAD))

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await self.stream.send_all(data)

    async def finish(self) -> None:
        """Say that nothing more is sent; receiving goes on."""
        await self.stream.send_eof()


class _Refusal(Exception):
    """The tunnel is not opened, and why.

    Args:
        mode: which refusal it is.
        system_error: the errno of the connection, as Squid tells it.
    """

    def __init__(self, mode: ProxyMode, system_error: int = 0) -> None:
        super().__init__(mode)
        self.mode, self.system_error = mode, system_error


_ANSWERS: Mapping[ProxyMode, tuple[str, str]] = {
    ProxyMode.FORBID: ("403 Forbidden", "ERR_ACCESS_DENIED"),
    ProxyMode.CANNOT_RESOLVE: ("503 Service Unavailable", "ERR_DNS_FAIL"),
    ProxyMode.CANNOT_CONNECT: ("503 Service Unavailable", "ERR_CONNECT_FAIL"),
    ProxyMode.UPSTREAM_TIMEOUT: ("504 Gateway Timeout", "ERR_CONNECT_FAIL"),
    ProxyMode.NO_CONNECT: ("405 Method Not Allowed", ""),
    ProxyMode.WEB_SERVER: ("404 Not Found", ""),
}
_SOCKS_REPLY = {
    ProxyMode.FORBID: 2,
    ProxyMode.CANNOT_RESOLVE: 4,
    ProxyMode.CANNOT_CONNECT: 5,
    ProxyMode.UPSTREAM_TIMEOUT: 6,
    ProxyMode.NO_CONNECT: 7,
}
_ERRNO = {ProxyMode.CANNOT_CONNECT: 111, ProxyMode.UPSTREAM_TIMEOUT: 110}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Far:
    """The far end of a tunnel.

    Attributes:
        stream: what is sent there arrives at the host.
        stand_in: answers in the host's place, or None.
        of_stand_in: the stand-in's own end of ``stream``.
    """

    stream: trio.SocketStream
    stand_in: HostServer | None = None
    of_stand_in: trio.SocketStream | None = None


MOST_NAMES = 16
"""Names beside the plan's that the proxy shows a certificate for: each agent of a root may name another proxy."""


class LabProxy:
    """Serves the proxy of one plan."""

    def __init__(self, network: LabPlan, certificates: Certificates, ports: Mapping[int, int]) -> None:
        """Take the plan.

        Args:
            network: with a proxy.
            certificates: makes what the proxy and the hosts behind it show.
            ports: service port → the port that is served, filled before the first connection.
        """
        assert network.proxy is not None
        self._behaviour: ProxyBehaviour = network.proxy.behaviour
        self._certificates = certificates
        self._ports = ports
        self._by_name = {host.name: host for host in network.hosts}
        self._stands_in_for: set[str] = set()
        self._by_address = {planned.address: host for host in network.hosts for planned in host.addresses}

    async def serve(self, stream: trio.SocketStream) -> None:
        """Serve one connection to its end; what the client does to it is its own affair."""
        try:
            with trio.move_on_after(_LIFE_SECONDS):
                await self._serve(stream)
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            return
        finally:
            await trio.aclose_forcefully(stream)

    async def _serve(self, stream: trio.SocketStream) -> None:
        first = await stream.socket.recv(1, stdlib_socket.MSG_PEEK)
        scheme = _SCHEMES.get(first, "http")
        if scheme not in self._behaviour.speaks:
            await Clear(stream).send(_answer(ProxyMode.WEB_SERVER, 0))
            return
        if scheme == "socks5":
            await self._socks(Clear(stream), stream)
            return
        if scheme == "http":
            await self._connect(Clear(stream))
            return
        session = TlsServerSession(stream, self._certificates.context(PROXY, self._behaviour.chain))
        session.choose_by_name(lambda name: self._certificates.context(self._shown(name), self._behaviour.chain))
        if await session.hear() and await session.complete():
            await self._connect(session)

    def _shown(self, name: str | None) -> str:
        """Whose certificate is shown. A few names of the client's own: it stands in for the proxy of its settings.

        Each costs a certificate, and whoever asks chooses the names: after :data:`MOST_NAMES` it shows its own.
        """
        if name is None or name in self._by_name:
            return name or PROXY
        if len(self._stands_in_for) < MOST_NAMES:
            self._stands_in_for.add(name)
        return name if name in self._stands_in_for else PROXY

    async def _connect(self, channel: Channel) -> None:
        """HTTP's CONNECT (RFC 9110 section 9.3.6)."""
        head = await _read_head(channel)
        if head is None:
            return
        first, *lines = head.split("\r\n")
        words = first.split(" ")
        if len(words) != 3 or words[0] != "CONNECT":
            await channel.send(_answer(ProxyMode.WEB_SERVER, 0))
            return
        if not self._admits(lines):
            await channel.send(_wants_credentials())
            return
        host, _, port = words[1].rpartition(":")
        try:
            far = await self._reach(host.strip("[]"), port)
        except _Refusal as refusal:
            await channel.send(_answer(refusal.mode, refusal.system_error))
            return
        await channel.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._relay(channel, far)

    async def _socks(self, channel: Channel, stream: trio.SocketStream) -> None:
        """SOCKS5 without authentication (RFC 1928 sections 3 to 6); netprobe sends a name or an address each time."""
        greeting = await _exactly(stream, 2)
        await _exactly(stream, greeting[1])
        await channel.send(b"\x05\x00")
        kind = (await _exactly(stream, 4))[3]
        if kind == 3:
            host = (await _exactly(stream, (await _exactly(stream, 1))[0])).decode("ascii", "replace")
        elif kind == 1:
            host = stdlib_socket.inet_ntop(stdlib_socket.AF_INET, await _exactly(stream, 4))
        else:
            host = stdlib_socket.inet_ntop(stdlib_socket.AF_INET6, await _exactly(stream, 16))
        port = str(struct.unpack("!H", await _exactly(stream, 2))[0])
        try:
            far = await self._reach(host, port)
        except _Refusal as refusal:
            await channel.send(bytes((5, _SOCKS_REPLY.get(refusal.mode, 1), 0, 1)) + bytes(6))
            return
        await channel.send(b"\x05\x00\x00\x01" + bytes(6))
        await self._relay(channel, far)

    def _admits(self, lines: Sequence[str]) -> bool:
        wants = self._behaviour.wants
        if wants is None:
            return True
        token = base64.b64encode(":".join(wants).encode()).decode("ascii")
        sent = [value.strip() for name, _, value in (line.partition(":") for line in lines) if _is_credentials(name)]
        return sent == [f"Basic {token}"]

    async def _reach(self, asked: str, port: str) -> _Far:
        """The far end of a tunnel to a host of the lab.

        Raises:
            _Refusal: there is none, or it is not allowed.
        """
        behaviour = self._behaviour
        host = self._by_name.get(asked.lower()) or self._by_address.get(asked)
        touched = not behaviour.only or (host is not None and not host.ids.isdisjoint(behaviour.only))
        by_name = not is_address(asked)
        mode = behaviour.mode if touched else ProxyMode.TUNNEL
        if mode is ProxyMode.SILENT:
            await trio.sleep_forever()
        if mode is ProxyMode.CANNOT_RESOLVE and not by_name:
            mode = ProxyMode.TUNNEL
        if mode is not ProxyMode.TUNNEL:
            raise _Refusal(mode, _ERRNO.get(mode, 0))
        if host is None:
            mode = ProxyMode.CANNOT_RESOLVE if by_name else ProxyMode.CANNOT_CONNECT
            raise _Refusal(mode, _ERRNO.get(mode, 0))
        if _PORT.fullmatch(port) is None or int(port) not in self._ports.values():
            raise _Refusal(ProxyMode.FORBID)
        if behaviour.through is not None:
            return self._stand_in(host, behaviour.through)
        addresses = [planned.address for planned in host.addresses] if by_name else [asked]
        return _Far(stream=await _open(addresses, int(port)))

    def _stand_in(self, host: PlannedHost, behaviour: HostBehaviour) -> _Far:
        """Answer in a host's place, as a proxy does that opens TLS."""
        near, its_own = (trio.SocketStream(trio.socket.from_stdlib_socket(s)) for s in stdlib_socket.socketpair())
        site = Site(host=host.name, genuine=host.genuine, behaviour=behaviour)
        server = HostServer({host.name: site}, self._certificates)
        return _Far(stream=near, stand_in=server, of_stand_in=its_own)

    async def _relay(self, channel: Channel, far: _Far) -> None:
        """Carry bytes both ways until one side has ended and the other has nothing more to say, or it is idle."""
        idle = self._behaviour.idle_seconds

        async def carry(source: Channel, to: Channel) -> None:
            try:
                while data := await source.receive():
                    wait()
                    await to.send(data)
                await to.finish()
            except (trio.BrokenResourceError, trio.ClosedResourceError, OSError):
                nursery.cancel_scope.cancel()  # one side is gone: so is the tunnel

        def wait() -> None:
            if idle is not None:
                nursery.cancel_scope.deadline = trio.current_time() + idle

        try:
            async with trio.open_nursery() as nursery:
                wait()
                if far.stand_in is not None and far.of_stand_in is not None:
                    nursery.start_soon(far.stand_in.serve, far.of_stand_in)
                async with trio.open_nursery() as both:
                    both.start_soon(carry, channel, Clear(far.stream))
                    both.start_soon(carry, Clear(far.stream), channel)
                nursery.cancel_scope.cancel()
        finally:
            await trio.aclose_forcefully(far.stream)


def _is_credentials(name: str) -> bool:
    return name.strip().lower() == "proxy-authorization"


async def _open(addresses: Sequence[str], port: int) -> trio.SocketStream:
    """Connect to the first address that answers.

    Raises:
        _Refusal: none does.
    """
    refusal = _Refusal(ProxyMode.CANNOT_CONNECT, _ERRNO[ProxyMode.CANNOT_CONNECT])
    for address in addresses:
        family = stdlib_socket.AF_INET6 if ":" in address else stdlib_socket.AF_INET
        sock = trio.socket.socket(family, stdlib_socket.SOCK_STREAM)
        try:
            with trio.fail_after(CONNECT_SECONDS):
                await sock.connect((address, port))
        except trio.TooSlowError:
            sock.close()
            refusal = _Refusal(ProxyMode.UPSTREAM_TIMEOUT, _ERRNO[ProxyMode.UPSTREAM_TIMEOUT])
        except OSError:
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return trio.SocketStream(sock)
    raise refusal


async def _read_head(channel: Channel) -> str | None:
    """The head of a request; None where none comes."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = await channel.receive()
        received += data
        if not data or len(received) > _LARGEST_HEAD:
            return None
    return received.partition(b"\r\n\r\n")[0].decode("latin-1")


async def _exactly(stream: trio.SocketStream, size: int) -> bytes:
    """Receive ``size`` bytes.

    Raises:
        BrokenResourceError: the stream ended before.
    """
    received = b""
    while len(received) < size:
        data = await stream.receive_some(size - len(received))
        if not data:
            raise trio.BrokenResourceError("the client left")
        received += data
    return received


def _answer(mode: ProxyMode, system_error: int) -> bytes:
    status, error = _ANSWERS[mode]
    lines = [f"HTTP/1.1 {status}", "Server: netprobe-lab"]
    if mode is not ProxyMode.WEB_SERVER:
        lines.append(f"Via: 1.1 {PROXY} (netprobe-lab)")
    if error:
        lines.append(f"X-Squid-Error: {error} {system_error}")
    return "\r\n".join([*lines, "Content-Length: 0", "Connection: close", "", ""]).encode("ascii")


def _wants_credentials() -> bytes:
    lines = [
        "HTTP/1.1 407 Proxy Authentication Required",
        "Server: netprobe-lab",
        f"Via: 1.1 {PROXY} (netprobe-lab)",
        'Proxy-Authenticate: Basic realm="lab"',
        "X-Squid-Error: ERR_CACHE_ACCESS_DENIED 0",
        "Content-Length: 0",
        "Connection: close",
        "",
        "",
    ]
    return "\r\n".join(lines).encode("ascii")

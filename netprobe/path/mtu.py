"""Path MTU: how large a packet may be, who says so, and whether anybody says so.

The proof is TCP's own: a connection to the real port whose segments are held to one size (``TCP_MAXSEG``), with
fragmentation forbidden; a size passes when the peer acknowledges it. The sender of "too big" is asked with UDP
datagrams of the same size, since the kernel keeps ICMP errors of an *established* TCP connection to itself; they go to
the same address and port. Sizes between 576 (RFC 791's minimum that every host takes) or 1280 (RFC 8200 section 5) and
the interface's MTU by binary search (the idea of RFC 4821). Needs no right.
"""

from __future__ import annotations

import array
import errno
import fcntl
import socket
import termios
from collections.abc import Awaitable, Callable

import trio

from netprobe import addresses
from netprobe.path import errqueue
from netprobe.path.hello import client_hello
from netprobe.path.model import IcmpError, MtuProbe, PathMtu
from netprobe.path.rate_limits import SendingPace

_LEAST = {4: 576, 6: 1280}
_TCP_HEADERS = {4: 40, 6: 60}
_UDP_HEADERS = {4: 28, 6: 48}
_POLL = 0.02
_MOST = 16_384
"""Larger packets (a loopback interface takes 65,536) are not looked for: TCP_MAXSEG ends at 32,767."""
_Passes = Callable[[int], Awaitable[bool]]


async def measure(address: str, port: int, name: str, pace: SendingPace) -> PathMtu | None:
    """Find the path MTU towards ``address``; None where not even a connection opens.

    Args:
        address: where to.
        port: the real TCP port.
        name: goes into the ClientHello that fills the packets.
        pace: turns to send.
    """
    version = addresses.version_of(address)
    interface = _interface_mtu(address, port)
    probes: dict[int, MtuProbe] = {}

    async def passes(size: int) -> bool:
        async with pace.slots:
            arrived = await _segment_arrives(address, port, name, size, pace)
        if arrived is None:
            return False
        icmp = None if arrived else await _too_big(address, port, size, pace)
        probes[size] = MtuProbe(size=size, passed=arrived, icmp=icmp)
        return arrived

    ceiling = min(interface, await _peer_ceiling(address, port, pace), _MOST)
    if ceiling <= 0:
        return None
    low, high = _LEAST[version], max(ceiling, _LEAST[version])
    if await passes(high):
        best: int | None = high
    elif not await passes(low):
        best = None
    else:
        best = await _search(low, high, passes)
    return _conclude(version, interface, ceiling, best, tuple(probes[size] for size in sorted(probes)))


async def _search(low: int, high: int, passes: _Passes) -> int:
    """The largest size that passes, where ``low`` does and ``high`` does not."""
    while high - low > 1:
        middle = (low + high) // 2
        if await passes(middle):
            low = middle
        else:
            high = middle
    return low


def _conclude(version: int, interface: int, ceiling: int, best: int | None, probes: tuple[MtuProbe, ...]) -> PathMtu:
    senders = tuple(dict.fromkeys(p.icmp for p in probes if p.icmp is not None and p.icmp.mtu is not None))
    said = {icmp.sender: icmp for icmp in senders}
    announced = bool(said)
    advice = ""
    if best is None:
        advice = f"not even packets of {_LEAST[version]} bytes arrive after the connection opened"
    elif best < ceiling:
        mss = best - _TCP_HEADERS[version]
        advice = (
            f"the path takes packets of at most {best} bytes: set the interface's MTU to {best}, or clamp the TCP MSS "
            f"to {mss} on the gateway"
        )
        if not announced:
            advice += "; larger packets are dropped without an ICMP message, so the device there must send 'too big'"
            advice += " (ICMPv6 type 2)" if version == 6 else " (ICMP type 3 code 4), and nobody may filter it"
    return PathMtu(
        interface_mtu=interface,
        path_mtu=best,
        announced=announced,
        probes=probes,
        senders=tuple(said.values()),
        advice=advice,
    )


def _interface_mtu(address: str, port: int) -> int:
    """The MTU of the interface that the route uses; no packet is sent."""
    with errqueue.open_socket(address, socket.SOCK_DGRAM) as sock:
        errqueue.set_dont_fragment(sock, errqueue.IP_PMTUDISC_PROBE)
        try:
            sock.connect((address, port))
        except OSError:
            return 0
        return errqueue.known_mtu(sock)


async def _connect(sock: socket.socket, address: str, port: int, pace: SendingPace) -> bool:
    await pace.turn()
    code = sock.connect_ex((address, port))
    if code == errno.EINPROGRESS:
        with trio.move_on_after(3 * pace.limits.answer_timeout) as limit:
            await trio.lowlevel.wait_writable(sock)
        code = errno.ETIMEDOUT if limit.cancelled_caught else sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    return code == 0


async def _peer_ceiling(address: str, port: int, pace: SendingPace) -> int:
    """The largest packet that the peer's MSS lets us send; 0 where no connection opens."""
    async with pace.slots:
        sock = errqueue.open_socket(address, socket.SOCK_STREAM)
        try:
            if not await _connect(sock, address, port, pace):
                return 0
            # TCP_MAXSEG reads the current MSS without the timestamps option; the headers make it a packet size
            mss = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            return mss + _option_room(sock) + _TCP_HEADERS[addresses.version_of(address)]
        finally:
            errqueue.abort(sock)


def _option_room(sock: socket.socket) -> int:
    """12 bytes where the connection uses timestamps (RFC 7323), which ``TCP_INFO`` tells in bit 0 of its options."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
    return 12 if info[5] & 1 else 0


async def _segment_arrives(address: str, port: int, name: str, size: int, pace: SendingPace) -> bool | None:
    """Whether one packet of ``size`` bytes is acknowledged; None where no connection opened."""
    version = addresses.version_of(address)
    sock = errqueue.open_socket(address, socket.SOCK_STREAM)
    try:
        errqueue.set_dont_fragment(sock, errqueue.IP_PMTUDISC_DO)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, size - _TCP_HEADERS[version])
        if not await _connect(sock, address, port, pace):
            return None
        if errqueue.known_mtu(sock) < size:
            return False  # the kernel has learned the smaller size from a router, and holds to it
        room = size - _TCP_HEADERS[version] - _option_room(sock)
        try:
            sock.send(_filler(name, room))
            return await _acknowledged(sock, size, pace.limits.answer_timeout)
        except (ConnectionResetError, BrokenPipeError):
            return True  # a reset in answer to the packet: it arrived
        except OSError as error:
            if error.errno == errno.EMSGSIZE or error.errno in errqueue.ICMP_ERRNOS:
                return False
            raise
    finally:
        errqueue.abort(sock)


def _filler(name: str, length: int) -> bytes:
    """Exactly ``length`` bytes of the beginning of a TLS conversation, so that a filter sees what it expects."""
    hello = client_hello(name)
    return (hello + bytes(length))[:length]


async def _acknowledged(sock: socket.socket, size: int, timeout: float) -> bool:
    """Whether the send queue drains at the size it was sent with (not as smaller pieces)."""
    with trio.move_on_after(timeout):
        while True:
            waiting = array.array("i", [0])
            fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, waiting)
            if errqueue.known_mtu(sock) < size:
                return False
            if waiting[0] == 0:
                return True
            await trio.sleep(_POLL)
    return False


async def _too_big(address: str, port: int, size: int, pace: SendingPace) -> IcmpError | None:
    """Ask with a UDP datagram of the same size who calls it too big."""
    await pace.turn()
    version = addresses.version_of(address)
    with errqueue.open_socket(address, socket.SOCK_DGRAM) as sock:
        errqueue.set_dont_fragment(sock, errqueue.IP_PMTUDISC_PROBE)
        try:
            sock.connect((address, port))
            sock.send(bytes(size - _UDP_HEADERS[version]))
        except OSError:
            return _said(sock)
        with trio.move_on_after(pace.limits.answer_timeout / 2):
            await trio.lowlevel.wait_readable(sock)
        return _said(sock)


def _said(sock: socket.socket) -> IcmpError | None:
    """The too-big message on the socket's error queue, if there is one."""
    heard = errqueue.read_error(sock)
    return heard.icmp if heard is not None and heard.icmp.mtu is not None else None

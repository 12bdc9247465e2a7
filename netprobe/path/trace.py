"""Trace a flow through the kernel: one connecting TCP socket, or one UDP datagram, per TTL. Needs no right.

A flow keeps its five-tuple (Paris traceroute: Augustin et al., IMC 2006), so that routers which share the load by
ports send all of its packets the same way; hence one TTL after the other, and several flows side by side.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Awaitable, Callable

import trio

from netprobe import addresses
from netprobe.path import errqueue, icmp
from netprobe.path.model import End, Flow, Hop, Reply
from netprobe.path.rate_limits import SendingPace

FULL_TTL = 64
_ATTEMPTS = 2
_Send = Callable[[int], Awaitable[Reply]]
_RESET = frozenset({errno.ECONNREFUSED, errno.ECONNRESET})
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL})


async def send_syn(address: str, port: int, ttl: int, pace: SendingPace, *, source_port: int = 0) -> Reply:
    """Begin one TCP connection with ``ttl`` and give it up at once, whatever it meets."""
    await pace.turn()
    sock = errqueue.open_socket(address, socket.SOCK_STREAM, source_port=source_port)
    try:
        errqueue.set_ttl(sock, ttl)
        started = trio.current_time()
        code = sock.connect_ex((address, port))
        if code == errno.EINPROGRESS:
            with trio.move_on_after(pace.limits.answer_timeout) as limit:
                await trio.lowlevel.wait_writable(sock)
            if limit.cancelled_caught:
                return Reply(ttl=ttl, end=End.SILENT)
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return _answer(sock, ttl, code, trio.current_time() - started, address, reached=code == 0)
    finally:
        errqueue.abort(sock)


async def send_datagram(
    address: str, port: int, ttl: int, payload: bytes, pace: SendingPace, *, source_port: int = 0
) -> Reply:
    """Send one UDP datagram with ``ttl``, never fragmented, and wait for its answer or the ICMP error it meets."""
    await pace.turn()
    sock = errqueue.open_socket(address, socket.SOCK_DGRAM, source_port=source_port)
    try:
        errqueue.set_dont_fragment(sock, errqueue.IP_PMTUDISC_PROBE)
        errqueue.set_ttl(sock, ttl)
        started = trio.current_time()
        code = sock.connect_ex((address, port))
        if code == 0:
            try:
                sock.send(payload)
            except OSError as error:
                code = error.errno or errno.EIO
        if code:
            return _answer(sock, ttl, code, 0.0, address, reached=False)
        with trio.move_on_after(pace.limits.answer_timeout) as limit:
            await trio.lowlevel.wait_readable(sock)
        if limit.cancelled_caught:
            return Reply(ttl=ttl, end=End.SILENT)
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        return _answer(sock, ttl, code, trio.current_time() - started, address, reached=code == 0)
    finally:
        sock.close()


def _answer(sock: socket.socket, ttl: int, code: int, rtt: float, address: str, *, reached: bool) -> Reply:
    """Put errno and error queue together; the one place that says what a socket met."""
    heard = errqueue.read_error(sock)
    if heard is not None:
        version = addresses.version_of(address)
        end = icmp.end_of(version, heard.icmp)
        if heard.icmp.sender == address and icmp.is_port_unreachable(version, heard.icmp):
            end = End.ANSWERED
        return Reply(ttl=ttl, end=end, rtt_seconds=rtt, icmp=heard.icmp, reply_ttl=heard.reply_ttl)
    if reached:
        return Reply(ttl=ttl, end=End.ANSWERED, rtt_seconds=rtt)
    if code in _RESET:
        return Reply(ttl=ttl, end=End.RESET, rtt_seconds=rtt)
    if code in _NO_ROUTE:
        return Reply(ttl=ttl, end=End.UNREACHABLE, rtt_seconds=None)
    return Reply(ttl=ttl, end=End.SILENT)


async def tcp_flow(address: str, port: int, pace: SendingPace, *, end: End) -> Flow:
    """Trace one TCP flow.

    Args:
        address: where to.
        port: the real port.
        pace: turns to send.
        end: what a packet at full TTL met; where that is silence, the flow ends after a few silent hops.
    """
    with errqueue.reserved_port(address, socket.SOCK_STREAM) as source_port:

        async def send(ttl: int) -> Reply:
            return await send_syn(address, port, ttl, pace, source_port=source_port)

        return await _flow("tcp", source_port, port, send, pace, dead_end=end is End.SILENT)


async def udp_flow(address: str, port: int, payload: bytes, pace: SendingPace, *, end: End | None = None) -> Flow:
    """Trace one UDP flow; ``end`` as for :func:`tcp_flow` (None: not known, so silence may be the end)."""
    with errqueue.reserved_port(address, socket.SOCK_DGRAM) as source_port:

        async def send(ttl: int) -> Reply:
            return await send_datagram(address, port, ttl, payload, pace, source_port=source_port)

        return await _flow("udp", source_port, port, send, pace, dead_end=end in (None, End.SILENT))


async def _flow(protocol: str, source_port: int, port: int, send: _Send, pace: SendingPace, *, dead_end: bool) -> Flow:
    """Raise the TTL until something other than "expired" comes back, or nothing for too long.

    A silent hop is asked once more: routers limit how many ICMP errors they send (RFC 1812 section 4.3.2.8; Linux one
    a second for each address), and by then a second has passed.
    """
    hops: list[Hop] = []
    end = End.SILENT
    silent = 0
    async with pace.slots:
        for ttl in range(1, pace.limits.max_ttl + 1):
            answers: list[Reply] = []
            while len(answers) < _ATTEMPTS and (not answers or answers[-1].end is End.SILENT):
                answers.append(await send(ttl))
            hops.append(hop(ttl, answers))
            end = answers[-1].end
            silent = silent + 1 if end is End.SILENT else 0
            if end not in (End.SILENT, End.EXPIRED) or (dead_end and silent >= pace.limits.gap):
                break
    return Flow(protocol=protocol, port=port, source_port=source_port, end=end, hops=tuple(hops))


def hop(ttl: int, answers: list[Reply]) -> Hop:
    """Sum up what came back at one TTL."""
    senders = dict.fromkeys(a.icmp.sender for a in answers if a.icmp is not None and a.end is End.EXPIRED)
    times = [a.rtt_seconds for a in answers if a.rtt_seconds is not None]
    heard = [a for a in answers if a.end is not End.SILENT]
    return Hop(
        ttl=ttl,
        addresses=tuple(senders),
        sent=len(answers),
        lost=len(answers) - len(heard),
        rtt_seconds=min(times, default=None),
        answers=tuple(heard),
    )

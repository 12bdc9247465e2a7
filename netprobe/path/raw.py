"""Raw SYNs: what the kernel does not tell, the TTL that is left in a reply. The only module that imports scapy.

SYNs of one constant five-tuple leave with rising TTL; the sequence number says which is which, since an ICMP error
quotes it (RFC 792: eight bytes of the packet) and a reply acknowledges it. Needs ``CAP_NET_RAW``.
"""

from __future__ import annotations

import errno
import importlib.util
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import trio

from netprobe import addresses
from netprobe.path import errqueue, icmp
from netprobe.path.model import End, Flow, IcmpError, Reply
from netprobe.path.rate_limits import SendingPace
from netprobe.path.trace import hop

NO_SCAPY = "scapy is not part of this netprobe"
_IPV6_RECVHOPLIMIT = 51
_IPV6_HOPLIMIT = 52
_BASE = 0x6E650000
"""Sequence numbers are this plus 256 times the TTL; the reply acknowledges one more."""
_ROUNDS = 3
_AHEAD = 8
"""How many hops beyond the last that answered one round looks."""
_MAX_PACKETS = 10_000
_LOCAL = frozenset({errno.EPERM, errno.EACCES, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL})
_RST, _SYN_ACK = 0x04, 0x12
_HEADER_6 = 40


def unavailable() -> str | None:
    """Why raw packets cannot be used, or None where they can."""
    if importlib.util.find_spec("scapy") is None:
        return NO_SCAPY
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP).close()
    except PermissionError:
        return "this process may not open raw sockets"
    except OSError as error:
        return f"raw sockets do not work here ({error.strerror})"
    return None


@dataclass(slots=True)
class _Flight:
    """SYNs that are on their way, and what came back for them."""

    address: str
    port: int
    source_port: int
    answers: dict[int, Reply] = field(default_factory=dict)
    sent: dict[int, float] = field(default_factory=dict)
    settled: trio.Event = field(default_factory=trio.Event)

    def ends_before(self, ttl: int) -> bool:
        """Whether a SYN of a lower TTL met more than the end of its TTL."""
        return any(one < ttl and answer.end is not End.EXPIRED for one, answer in self.answers.items())

    def hear(self, sequence: int, end: End, reply_ttl: int | None, error: IcmpError | None = None) -> None:
        """Take down the first answer to one of our SYNs; anything else is ignored."""
        ttl = _ttl_of(sequence)
        if ttl is None or ttl not in self.sent or ttl in self.answers:
            return
        rtt = trio.current_time() - self.sent[ttl]
        self.answers[ttl] = Reply(ttl=ttl, end=end, rtt_seconds=rtt, icmp=error, reply_ttl=reply_ttl)
        ends = [one for one, answer in self.answers.items() if answer.end is not End.EXPIRED]
        if ends and all(one in self.answers for one in self.sent if one < min(ends)):
            self.settled.set()

    def flow(self) -> Flow:
        """The hops up to the first end, or up to the first silent one behind the last that answered."""
        ends = [ttl for ttl, answer in self.answers.items() if answer.end is not End.EXPIRED]
        last = min(ends) if ends else max(self.answers, default=0) + 1
        silent = {ttl: Reply(ttl=ttl, end=End.SILENT) for ttl in self.sent}
        return Flow(
            protocol="tcp",
            port=self.port,
            source_port=self.source_port,
            end=self.answers[last].end if last in self.answers else End.SILENT,
            hops=tuple(hop(ttl, [self.answers.get(ttl, silent[ttl])]) for ttl in sorted(self.sent) if ttl <= last),
            method="raw",
        )


async def syn_flow(address: str, port: int, pace: SendingPace) -> Flow:
    """Trace one TCP flow with raw SYNs.

    Args:
        address: where to.
        port: the real port.
        pace: turns to send.
    """
    v6 = addresses.version_of(address) == 6
    family = socket.AF_INET6 if v6 else socket.AF_INET
    with ExitStack() as stack:
        holder = stack.enter_context(_reserve_port(address, port))
        source, source_port = str(holder.getsockname()[0]), int(holder.getsockname()[1])
        flight = _Flight(address=address, port=port, source_port=source_port)
        replies = stack.enter_context(trio.socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP))
        errors = stack.enter_context(
            trio.socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP)
        )
        if v6:
            replies.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
        sender = stack.enter_context(socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_hear_replies, replies, flight)
            nursery.start_soon(_hear_errors, errors, flight)
            for _ in range(_ROUNDS):
                await _send_round(flight, sender, source, pace)
                with trio.move_on_after(pace.limits.answer_timeout):
                    await flight.settled.wait()
            nursery.cancel_scope.cancel()
    return flight.flow()


async def _send_round(flight: _Flight, sender: socket.socket, source: str, pace: SendingPace) -> None:
    """Send a SYN for every TTL that has no answer yet, up to the first that met its end."""
    for ttl, packet in _syns(source, flight.source_port, flight.address, flight.port, pace.limits.max_ttl):
        if flight.ends_before(ttl):
            return
        if ttl not in flight.answers and ttl <= max(flight.answers, default=0) + _AHEAD:
            await pace.turn()
            try:
                sender.sendto(packet, (flight.address, 0))
            except OSError as error:
                if error.errno in _LOCAL:
                    return  # this host's own firewall or routes: the kernel's flows tell that better
                raise
            flight.sent[ttl] = trio.current_time()


def _reserve_port(address: str, port: int) -> socket.socket:
    """Hold a local TCP port, so that no other program gets it, and find the source address (no packet is sent)."""
    with errqueue.open_socket(address, socket.SOCK_DGRAM) as route:
        route.connect((address, port))
        source = str(route.getsockname()[0])
    holder = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    holder.bind((source, 0))
    return holder


def _syns(source: str, source_port: int, address: str, port: int, max_ttl: int) -> Iterator[tuple[int, bytes]]:
    """The packets, in order of TTL."""
    from scapy.layers.inet import IP, TCP
    from scapy.layers.inet6 import IPv6

    for ttl in range(1, max_ttl + 1):
        tcp = TCP(sport=source_port, dport=port, flags="S", seq=_BASE + 256 * ttl, options=[("MSS", 1220)])
        if ":" in address:
            packet: Any = IPv6(src=source, dst=address, hlim=ttl) / tcp
        else:
            packet = IP(src=source, dst=address, ttl=ttl, flags="DF") / tcp
        yield ttl, bytes(packet)


def _ttl_of(sequence: int) -> int | None:
    """Which SYN a sequence number belongs to."""
    ttl, rest = divmod((sequence - _BASE) & 0xFFFFFFFF, 256)
    return ttl if rest == 0 and 1 <= ttl <= 255 else None


async def _hear_replies(sock: trio.socket.SocketType, flight: _Flight) -> None:
    """Take TCP replies; the raw IPv4 socket gives the IP header too, the IPv6 one its hop limit aside."""
    for _ in range(_MAX_PACKETS):
        data, ancillary, _flags, sender = await sock.recvmsg(2048, 256)
        if _address(sender) != flight.address:
            continue
        left: int | None = None
        if ":" not in flight.address:
            left, data = data[8], data[(data[0] & 15) * 4 :]
        for level, kind, value in ancillary:
            if (level, kind) == (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT):
                left = int(struct.unpack("=i", value)[0])
        if len(data) < 20 or struct.unpack("!HH", data[:4]) != (flight.port, flight.source_port):
            continue
        acknowledged = int(struct.unpack("!I", data[8:12])[0]) - 1
        if data[13] & _RST:
            flight.hear(acknowledged, End.RESET, left)
        elif data[13] & _SYN_ACK == _SYN_ACK:
            flight.hear(acknowledged, End.ANSWERED, left)


async def _hear_errors(sock: trio.socket.SocketType, flight: _Flight) -> None:
    """Take ICMP errors that quote one of our SYNs."""
    version = addresses.version_of(flight.address)
    for _ in range(_MAX_PACKETS):
        data, sender = await sock.recvfrom(2048)
        left: int | None = None
        if version == 4:
            left, data = data[8], data[(data[0] & 15) * 4 :]
        quoted = _quoted_tcp(version, data[8:], flight.address)
        if quoted is None or struct.unpack("!HH", quoted[:4]) != (flight.source_port, flight.port):
            continue
        error = IcmpError(
            type=data[0], code=data[1], sender=_address(sender), meaning=icmp.meaning(version, data[0], data[1])
        )
        flight.hear(int(struct.unpack("!I", quoted[4:8])[0]), icmp.end_of(version, error), left, error)


def _address(sender: object) -> str:
    """The address of a socket address, without the zone of a link-local one."""
    assert isinstance(sender, tuple)  # AF_INET and AF_INET6 give nothing else
    return str(sender[0]).partition("%")[0]


def _quoted_tcp(version: int, packet: bytes, address: str) -> bytes | None:
    """The eight TCP bytes that an ICMP error quotes, where the quoted packet went to ``address``."""
    if version == 4:
        if len(packet) < 20 or packet[9] != socket.IPPROTO_TCP or packet[16:20] != socket.inet_aton(address):
            return None
        quoted = packet[(packet[0] & 15) * 4 :]
    else:
        if len(packet) < _HEADER_6 or packet[6] != socket.IPPROTO_TCP:
            return None
        if packet[24:40] != socket.inet_pton(socket.AF_INET6, address):
            return None
        quoted = packet[_HEADER_6:]
    return quoted[:8] if len(quoted) >= 8 else None

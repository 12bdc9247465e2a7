"""Plain sockets to one address, as every probe needs them. Nothing here needs an event loop.

``connect()`` and ``send()`` alone are too coarse. Linux keeps the ICMP type, code and sender of an error in the queue
of a socket with ``IP_RECVERR`` (ip(7), ipv6(7)), also for an unprivileged user; for TCP while the connection is being
opened. What is in that queue is read here and nowhere else.
"""

from __future__ import annotations

import ipaddress
import socket
import struct

import msgspec

from netprobe import addresses

# linux/in.h and linux/in6.h; the socket module names only some of them
_IP_RECVERR = 11
_IPV6_RECVERR = 25
_IP_TTL = 2
_IPV6_HOPLIMIT = 52
_LEFT = ((socket.IPPROTO_IP, _IP_TTL), (socket.IPPROTO_IPV6, _IPV6_HOPLIMIT))
_ERRORS = ((socket.IPPROTO_IP, _IP_RECVERR), (socket.IPPROTO_IPV6, _IPV6_RECVERR))
_MSG_ERRQUEUE = 0x2000
_ORIGINS = {2: 4, 3: 6}  # SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6
_EXTENDED_ERROR = struct.Struct("=IBBBBII")
"""``struct sock_extended_err`` of ``linux/errqueue.h``."""


class MetIcmpError(msgspec.Struct, frozen=True):
    """An ICMP error that a socket met.

    Attributes:
        family: 4 or 6, which says how the type and the code read.
        type: the type.
        code: the code.
        sender: who sent it, or None where the kernel does not say.
        info: what else it told: the MTU, where a packet was too big.
        left: the TTL left in the ICMP packet, where the socket asked for it (UDP only).
    """

    family: int
    type: int
    code: int
    sender: str | None
    info: int
    left: int | None


def plain_socket(address: str, kind: int) -> socket.socket:
    """A non-blocking socket of the address's family that keeps ICMP errors.

    Raises:
        OSError: the kernel has no such family, or no descriptor is left.
    """
    if addresses.version_of(address) == 4:
        sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    sock.setblocking(False)
    return sock


def sockaddr(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What connect() takes, with the scope of a link-local address where one is given."""
    if addresses.version_of(address) == 4:
        return (address, port)
    host, _, scope = address.partition("%")
    if not scope:
        return (host, port, 0, 0)
    return (host, port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope))


def read_icmp_error(sock: socket.socket) -> MetIcmpError | None:
    """Take the next ICMP error out of a socket's error queue, or None where there is none."""
    while True:
        try:
            _, control, _, _ = sock.recvmsg(0, 512, _MSG_ERRQUEUE)
        except OSError:  # an empty queue: nothing was said
            return None
        left = [int(struct.unpack("=i", data)[0]) for level, kind, data in control if (level, kind) in _LEFT]
        for level, kind, data in control:
            if (level, kind) not in _ERRORS or len(data) < _EXTENDED_ERROR.size:
                continue
            _, origin, icmp_type, code, _, info, _ = _EXTENDED_ERROR.unpack_from(data)
            if origin in _ORIGINS:  # anything else is this host's own
                family = _ORIGINS[origin]
                sender = _offender(data[_EXTENDED_ERROR.size :], family)
                return MetIcmpError(family, icmp_type, code, sender, info, left[0] if left else None)


def _offender(data: bytes, family: int) -> str | None:
    """The sender's address out of the ``sockaddr`` that follows the error, or None where it is empty."""
    start, size = (4, 4) if family == 4 else (8, 16)
    packed = data[start : start + size]
    if len(packed) < size or not any(packed):
        return None
    return str(ipaddress.ip_address(packed))

"""The kernel's error queue: which ICMP error a socket met, and who sent it, without any right.

Linux keeps for each socket that asked (``IP_RECVERR``) a ``struct sock_extended_err`` with the address of the
offender (ip(7), ``linux/errqueue.h``). For TCP it is filled while the connection is being opened; seen on kernel 6.18
as an unprivileged user. Nothing here sends or waits.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from netprobe import addresses
from netprobe.path import icmp
from netprobe.path.model import IcmpError
from netprobe.probes import sockets

# linux/in.h and linux/in6.h; the socket module names only some of them
IP_MTU_DISCOVER = 10
IP_MTU = 14
IP_PMTUDISC_DO = 2
IP_PMTUDISC_PROBE = 3
IPV6_MTU_DISCOVER = 23
IPV6_MTU = 24
ICMP_ERRNOS = frozenset(
    {
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENOPROTOOPT,
        errno.ECONNREFUSED,
        errno.EOPNOTSUPP,
        errno.EHOSTDOWN,
        errno.ENONET,
        errno.EACCES,
        errno.EPROTO,
    }
)
"""What an established connection is told where an ICMP error met it (net/ipv4/icmp.c and net/ipv6/icmp.c)."""
_TOO_BIG_4 = (3, 4)
_IP_RECVTTL = 12
_IPV6_RECVHOPLIMIT = 51


def open_socket(address: str, kind: socket.SocketKind, *, source_port: int = 0) -> socket.socket:
    """Open a non-blocking socket of the address's family that collects ICMP errors.

    Args:
        address: where it will go.
        kind: ``SOCK_STREAM`` or ``SOCK_DGRAM``.
        source_port: the local port, or 0 for any.
    """
    v6 = addresses.version_of(address) == 6
    sock = sockets.plain_socket(address, kind)
    try:
        if kind is socket.SOCK_DGRAM:
            left = (socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT) if v6 else (socket.IPPROTO_IP, _IP_RECVTTL)
            sock.setsockopt(*left, 1)
        if source_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::" if v6 else "0.0.0.0", source_port))  # noqa: S104 - the route picks the address
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def reserved_port(address: str, kind: socket.SocketKind) -> Iterator[int]:
    """Hold a local port for a flow, so that no other program takes it between two packets.

    The port is bound alone and shared (``SO_REUSEADDR``) only afterwards: two flows never get the same.
    """
    v6 = addresses.version_of(address) == 6
    with socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, kind) as holder:
        holder.bind(("::" if v6 else "0.0.0.0", 0))  # noqa: S104 - the route picks the address
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        yield int(holder.getsockname()[1])


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """Let every further packet of ``sock`` live for ``ttl`` hops."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def set_dont_fragment(sock: socket.socket, mode: int) -> None:
    """Forbid fragmentation (``IP_PMTUDISC_DO``, or ``…_PROBE`` to ignore what the kernel already learned)."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, mode)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, mode)


def known_mtu(sock: socket.socket) -> int:
    """The MTU that the kernel knows for the route of a connected socket."""
    if sock.family == socket.AF_INET6:
        return sock.getsockopt(socket.IPPROTO_IPV6, IPV6_MTU)
    return sock.getsockopt(socket.IPPROTO_IP, IP_MTU)


def abort(sock: socket.socket) -> None:
    """Close at once with a reset, so that neither side keeps state and the port is free for the next packet."""
    with contextlib.suppress(OSError):  # the peer may have reset it first, which is as closed as it gets
        set_ttl(sock, 64)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedError:
    """One entry of the error queue.

    Attributes:
        icmp: the ICMP error.
        reply_ttl: the TTL left in the ICMP packet, where the kernel tells (UDP only).
    """

    icmp: IcmpError
    reply_ttl: int | None


def read_error(sock: socket.socket) -> QueuedError | None:
    """Take one ICMP error off the socket's error queue, or None where there is none that names its sender."""
    while (met := sockets.read_icmp_error(sock)) is not None:
        if met.sender is None:
            continue
        too_big = (met.type, met.code) == _TOO_BIG_4 if met.family == 4 else met.type == 2
        error = IcmpError(
            type=met.type,
            code=met.code,
            sender=met.sender,
            meaning=icmp.meaning(met.family, met.type, met.code),
            mtu=met.info if too_big else None,
        )
        return QueuedError(icmp=error, reply_ttl=met.left)
    return None

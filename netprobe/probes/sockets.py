"""Plain sockets to one address, as every probe needs them. Nothing here needs an event loop.

``connect()`` and ``send()`` alone are too coarse. Linux keeps the ICMP type, code and sender of an error in the queue
of a socket with ``IP_RECVERR`` (ip(7), ipv6(7)), also for an unprivileged user.
"""

from __future__ import annotations

import socket

_IP_RECVERR = 11
_IPV6_RECVERR = 25


def family_of(address: str) -> int:
    """4 or 6."""
    return 6 if ":" in address else 4


def plain_socket(address: str, kind: int) -> socket.socket:
    """A non-blocking socket of the address's family that keeps ICMP errors.

    Raises:
        OSError: the kernel has no such family, or no descriptor is left.
    """
    if family_of(address) == 4:
        sock = socket.socket(socket.AF_INET, kind)
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVERR, 1)
    else:
        sock = socket.socket(socket.AF_INET6, kind)
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVERR, 1)
    sock.setblocking(False)
    return sock


def sockaddr(address: str, port: int) -> tuple[str, int] | tuple[str, int, int, int]:
    """What connect() takes, with the scope of a link-local address where one is given."""
    if family_of(address) == 4:
        return (address, port)
    host, _, scope = address.partition("%")
    if not scope:
        return (host, port, 0, 0)
    return (host, port, 0, int(scope) if scope.isdigit() else socket.if_nametoindex(scope))

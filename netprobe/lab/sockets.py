"""The lab's sockets: bound before anything is served, so that a port that is taken shows at once.

Silence on loopback without root: a listening socket whose accept queue is full. Linux drops every further SYN without a
word (tcp_conn_request in net/ipv4/tcp_input.c), so the client sees what it would see behind a firewall that drops:
nothing at all. Refusal: a socket that is bound and does not listen, so that the kernel answers RST and no other program
can take the port. (A BPF filter that accepts nothing does the same as the full queue, and is refused to ordinary users
on some kernels.)
"""

from __future__ import annotations

import errno
import socket

import trio

from netprobe.lab.behaviour import TcpMode

BACKLOG = 512
_RECEIVE_BUFFER = 1 << 22
"""Every region at once asks thousands of questions in a burst; the kernel gives as much of this as it allows."""


class PortTakenError(Exception):
    """The address and port are in use; take others."""


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _bind(sock: socket.socket, address: str, port: int) -> None:
    try:
        sock.bind((address, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(f"{address} port {port}") from error
        raise


def tcp(address: str, port: int, mode: TcpMode) -> socket.socket:
    """Bind a TCP socket; it listens unless ``mode`` is to refuse.

    Args:
        address: an address literal of this host.
        port: the port, or 0 for any that is free.
        mode: what becomes of a SYN. ``DROP`` listens without a backlog: :func:`fill` makes it silent.

    Raises:
        PortTakenError: somebody else has the port.
    """
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    _bind(sock, address, port)
    if mode is not TcpMode.REFUSE:
        sock.listen(0 if mode is TcpMode.DROP else BACKLOG)
    return sock


def udp(address: str, port: int) -> trio.socket.SocketType:
    """Bind a UDP socket.

    Raises:
        PortTakenError: somebody else has the port.
    """
    sock = socket.socket(_family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    _bind(sock, address, port)
    return trio.socket.from_stdlib_socket(sock)


def fill(sock: socket.socket) -> socket.socket:
    """Fill the accept queue of a socket that listens with no backlog: one connection is as many as it holds.

    Returns:
        That connection; the silence lasts while it is open.
    """
    return socket.create_connection(sock.getsockname()[:2], timeout=5)


def listener(sock: socket.socket) -> trio.SocketListener:
    """Hand a listening socket to trio."""
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))

"""The lab's sockets: bound before anything is served, so that a port that is taken shows at once.

Silence on loopback without root: a classic BPF filter that accepts no packet is attached to the listening socket
(SO_ATTACH_FILTER, Linux; needs no privilege). The kernel runs it on every SYN and drops what it does not accept, so
the client sees what it would see behind a firewall that drops: nothing at all. Refusal: a socket that is bound and
does not listen, so that the kernel answers RST and no other program can take the port.
"""

from __future__ import annotations

import ctypes
import errno
import socket
import struct

import trio

from netprobe.lab.behaviour import TcpMode

BACKLOG = 512
_SO_ATTACH_FILTER = 26
_RECEIVE_BUFFER = 1 << 22
"""Every region at once asks thousands of questions in a burst; the kernel gives as much of this as it allows."""
_BPF_RET_K = 0x06


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
        mode: what becomes of a SYN.

    Raises:
        PortTakenError: somebody else has the port.
    """
    sock = socket.socket(_family(address), socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if ":" in address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    _bind(sock, address, port)
    if mode is TcpMode.DROP:
        drop_everything(sock)
    if mode is not TcpMode.REFUSE:
        sock.listen(BACKLOG)
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


def drop_everything(sock: socket.socket) -> None:
    """Make the kernel throw away every packet for this socket, without a word to the sender."""
    instruction = struct.pack("HBBI", _BPF_RET_K, 0, 0, 0)
    code = ctypes.create_string_buffer(instruction, len(instruction))
    program = struct.pack("HL", 1, ctypes.addressof(code))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, program)


def listener(sock: socket.socket) -> trio.SocketListener:
    """Hand a listening socket to trio."""
    return trio.SocketListener(trio.socket.from_stdlib_socket(sock))

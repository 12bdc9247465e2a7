"""TCP: can we open a connection to *this* address?

One address, one attempt, no happy eyeballs: a host that is half up must look half up. ``trio.open_tcp_stream`` would
race addresses and hide the errno, so a plain non-blocking socket is connected here.

``connect()`` alone is too coarse: Linux reports the ICMP codes "administratively prohibited" as "no route to host".
The kernel keeps the ICMP type, code and sender in the error queue of the socket; :mod:`netprobe.probes.sockets` reads
them.
"""

from __future__ import annotations

import os
import socket

import msgspec
import trio

from netprobe.errors import printable
from netprobe.observations import Failure, Observation, Step, TcpDetail
from netprobe.probes import classify, tcpinfo
from netprobe.probes.limits import Limits
from netprobe.probes.scene import Scene
from netprobe.probes.sockets import plain_socket, read_icmp_error, sockaddr
from netprobe.probes.streams import TcpStream


async def establish(sock: socket.socket, address: str, port: int) -> TcpStream:
    """Connect a non-blocking socket; always a checkpoint.

    Raises:
        OSError: it could not be connected; the socket is the caller's to close.
    """
    try:
        sock.connect(sockaddr(address, port))
    except BlockingIOError:
        await trio.lowlevel.wait_writable(sock)
        if error := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(error, os.strerror(error)) from None
    else:
        await trio.lowlevel.checkpoint()
    # What a chain writes it wants answered: nothing is gained by waiting for more (Nagle's algorithm).
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return TcpStream(sock)


async def connect(
    scene: Scene, address: str, port: int, limits: Limits, *, mss: int | None = None
) -> tuple[Observation, TcpStream | None]:
    """Connect once, to one address; the caller closes the stream.

    Network failures come back as data; only a bug raises.

    Args:
        scene: what is probed.
        address: an IPv4 or IPv6 literal.
        port: the port to connect to (a lab's may differ from the service's).
        limits: the run's time limits.
        mss: the largest segment to announce (``TCP_MAXSEG``), for the path-MTU experiment.
    """
    started = trio.current_time()
    failure: Failure | None = Failure.TIMEOUT  # until proven otherwise
    errno_name, icmp, stream, local = "", None, None, ""
    sock: socket.socket | None = None
    limited: trio.CancelScope | None = None
    try:
        sock = plain_socket(address, socket.SOCK_STREAM)
        if mss is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        with limits.within(Step.TCP) as limited:
            stream = await establish(sock, address, port)
            failure = None
            local = str(sock.getsockname()[0])
    except OSError as error:
        failure, errno_name = classify.of_os_error(error), classify.errno_name(error)
        icmp = read_icmp_error(sock) if sock is not None and sock.fileno() >= 0 else None
        if icmp is not None:
            failure = classify.of_icmp(icmp.family, icmp.type, icmp.code) or failure
    finally:
        if stream is None and sock is not None:
            sock.close()
    if stream is not None:
        limits.learn(Step.TCP, round_trip(stream.socket) or trio.current_time() - started)
    detail = TcpDetail(
        port=port,
        errno=errno_name,
        icmp_type=icmp.type if icmp else None,
        icmp_code=icmp.code if icmp else None,
        icmp_from=printable(icmp.sender) if icmp and icmp.sender else None,
        mss=mss,
        local_address=local,
    )
    return scene.observe(Step.TCP, started, failure, detail, address=address, limited=limited), stream


def round_trip(sock: socket.socket) -> float | None:
    """The round trip of the handshake in seconds as the kernel measured it, or None where it did not.

    It is truer than our clock: a busy event loop, or a lost SYN, makes the wait longer and the path no slower.
    """
    return tcpinfo.read(sock).rtt_seconds or None


def retransmitted(sock: socket.socket) -> int:
    """How many segments the kernel sent again, less those that the peer said it had; 0 where it does not tell."""
    return tcpinfo.read(sock).lost


def with_retransmitted(observation: Observation, sock: socket.socket) -> Observation:
    """An observation of a connection, with what had to be sent again until now."""
    assert isinstance(observation.detail, TcpDetail)
    detail = msgspec.structs.replace(observation.detail, retransmitted=retransmitted(sock))
    return msgspec.structs.replace(observation, detail=detail)


async def listen_in_silence(scene: Scene, address: str, port: int, stream: TcpStream, seconds: float) -> Observation:
    """Send nothing and see whether the peer ends the connection by itself (experiment ``send_nothing``).

    A reset that comes before a byte was sent is no answer to the ClientHello: it tells a device that resets every
    connection from one that reads the name.
    """
    started = trio.current_time()
    failure: Failure | None = None
    errno_name = ""
    with trio.move_on_after(seconds):
        try:
            failure = Failure.EOF if not await stream.receive_some(1) else None
        except trio.BrokenResourceError as error:
            failure = classify.of_stream_error(error)
            if isinstance(error.__cause__, OSError):
                errno_name = classify.errno_name(error.__cause__)
    return scene.observe(Step.TCP, started, failure, TcpDetail(port=port, errno=errno_name), address=address)

"""What the kernel knows of one of our connections: ``struct tcp_info`` of ``getsockopt(TCP_INFO)``.

Offsets are those of Linux's ``include/uapi/linux/tcp.h`` (v6.12, read 2026-11-28). They are the same on every
architecture: the first eight fields are bytes, and every 64-bit field lies at a multiple of eight, so that neither i386
(which aligns them to four) nor ARM pads anything. The structure only grows at its end, and a kernel that does not know
a field returns fewer bytes: 104 before Linux 3.15, 192 with 4.17, 232 with 6.1.
"""

from __future__ import annotations

import fcntl
import socket
import struct
import termios

import msgspec

RTT_OFFSET = 68  # tcpi_rtt, in microseconds
TOTAL_RETRANS_OFFSET = 100  # tcpi_total_retrans, the SYN included (tcp_retransmit_skb in net/ipv4/tcp_output.c)
DSACK_DUPS_OFFSET = 216  # tcpi_dsack_dups: what the peer had already (RFC 2883); since Linux 4.19
_U32 = struct.Struct("=I")
_INT = struct.Struct("=i")
_WANTED = DSACK_DUPS_OFFSET + _U32.size


class TcpInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of it; 0 where the kernel does not tell.

    Attributes:
        rtt_seconds: the smoothed round trip.
        sent_again: segments of ours that were sent again, the SYN included.
        sent_for_nothing: those of them that the peer said it had.
    """

    rtt_seconds: float = 0.0
    sent_again: int = 0
    sent_for_nothing: int = 0

    @property
    def lost(self) -> int:
        """Segments that had to be sent again."""
        return max(0, self.sent_again - self.sent_for_nothing)


def parse(info: bytes) -> TcpInfo:
    """Read the structure; what an old kernel left out is 0.

    Args:
        info: as much as the kernel returned.
    """
    return TcpInfo(
        rtt_seconds=_at(info, RTT_OFFSET) / 1e6,
        sent_again=_at(info, TOTAL_RETRANS_OFFSET),
        sent_for_nothing=_at(info, DSACK_DUPS_OFFSET),
    )


def read(sock: socket.socket) -> TcpInfo:
    """Ask the kernel; nothing is known where it does not tell (no Linux, or the socket is closed)."""
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _WANTED)
    except OSError:
        return TcpInfo()
    return parse(info)


def unacknowledged(sock: socket.socket) -> int | None:
    """How many bytes of ours the peer has not acknowledged (SIOCOUTQ, tcp(7); Linux); None where nobody tells."""
    try:
        answer = fcntl.ioctl(sock, termios.TIOCOUTQ, bytes(_INT.size))
    except (OSError, ValueError):  # the latter where the socket is closed: it has no file any more
        return None
    number: int = _INT.unpack(answer)[0]
    return number


def _at(info: bytes, offset: int) -> int:
    if len(info) < offset + _U32.size:
        return 0
    number: int = _U32.unpack_from(info, offset)[0]
    return number

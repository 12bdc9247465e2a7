"""Packets of an interface, as they come. Needs ``CAP_NET_RAW``; sends nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

from netprobe.errors import UsageError
from netprobe.observe.capture import MAX_PACKET, Packet, Tally

_ETH_P_ALL = 3
_OUTGOING = 4
_IP = frozenset({0x0800, 0x86DD})
_RAW_LINK = 101
_LOOPBACK_HARDWARE = 772


def listen(interface: str, tally: Tally, *, seconds: float | None, packets: int | None) -> Iterator[Packet]:
    """Hear an interface until a limit is reached.

    Args:
        interface: its name.
        tally: told that the end was reached in order.
        seconds: how long; None for no limit.
        packets: how many; None for no limit.

    Raises:
        UsageError: there is no such interface, or this process may not listen on it.
    """
    try:
        # SOCK_DGRAM: the kernel takes the link header off, so that every kind of interface reads alike
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
    except PermissionError as error:
        raise UsageError(
            interface,
            "this process may not listen on interfaces",
            "use sudo, or give a capture file (tcpdump -w)",
        ) from error
    with sock:
        try:
            sock.bind((interface, _ETH_P_ALL))
        except OSError as error:
            raise UsageError(interface, f"cannot be listened on ({error.strerror})", "'ip link' names them") from error
        end = None if seconds is None else time.monotonic() + seconds
        heard = 0
        while packets is None or heard < packets:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            sock.settimeout(left)
            try:
                data, (_name, protocol, kind, hardware, _address) = sock.recvfrom(MAX_PACKET)
            except TimeoutError:
                break
            if protocol not in _IP or (hardware == _LOOPBACK_HARDWARE and kind == _OUTGOING):
                continue  # loopback shows every packet twice
            heard += 1
            yield Packet(time.time(), _RAW_LINK, data)
    tally.complete = True

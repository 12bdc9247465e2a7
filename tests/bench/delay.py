"""A link with delay, where the kernel has no netem: two TUN devices and a queue between them.

``python -m tests.bench.delay CLIENT-NAMESPACE SERVER-NAMESPACE ONE-WAY-SECONDS READY-FILE``. Every packet is handed on
a fixed time after it came. One process, no loss, no reordering, no limit of bandwidth; it adds under a millisecond.
"""

from __future__ import annotations

import collections
import ctypes
import fcntl
import os
import select
import struct
import sys
import time
from pathlib import Path

CLIENT, SERVER = "198.18.200.1", "198.18.200.2"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_CLONE_NEWNET = 0x40000000


def _tun(namespace: str) -> int:
    """Make ``slow0`` in a namespace and hold its other end."""
    with open(f"/run/netns/{namespace}", "rb") as handle:
        if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", b"slow0", _IFF_TUN | _IFF_NO_PI))
    return device


def carry(near: int, far: int, seconds: float) -> None:
    """Carry packets both ways until the process is ended."""
    other = {near: far, far: near}
    waiting: collections.deque[tuple[float, int, bytes]] = collections.deque()
    while True:
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, device, packet = waiting.popleft()
            os.write(device, packet)
        patience = max(0.0, waiting[0][0] - now) if waiting else None
        for device in select.select([near, far], [], [], patience)[0]:
            for _ in range(64):
                try:
                    packet = os.read(device, 65536)
                except BlockingIOError:
                    break
                waiting.append((time.monotonic() + seconds, other[device], packet))


def main() -> None:
    """Open both ends, say so, and carry."""
    client, server, seconds, ready = sys.argv[1:]
    near, far = _tun(client), _tun(server)
    Path(ready).touch()
    carry(near, far, float(seconds))


if __name__ == "__main__":
    main()

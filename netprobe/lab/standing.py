"""A lab that another process keeps up: its description in a file, and the way back in.

``netprobe lab run`` writes the file, ``--lab FILE`` reads it. The file says where the lab listens on loopback; anything
else in it is refused, so that a description from elsewhere can never make netprobe send a packet into a network.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from netprobe import addresses, reading
from netprobe.errors import UnreadableFileError

LARGEST_FILE = 4 << 20
NAME = "lab.json"
_REMEDY = "name the lab.json of a lab that 'netprobe lab run' keeps up"


class Standing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a lab listens.

    Attributes:
        scenario: what it plays.
        resolvers: addresses of its DNS servers, in order.
        dns_port: the port of all of them.
        ports: service port → the port where the lab listens for it.
        addresses: host name → its addresses.
        proxy_address: where the lab's forward proxy listens.
        proxy_port: at which port.
        store_file: PEM of the roots that its vantage trusts.
        origin_file: PEM of the root that its genuine services chain to.
    """

    scenario: str
    resolvers: tuple[str, ...]
    dns_port: int
    ports: dict[int, int]
    addresses: dict[str, tuple[str, ...]]
    proxy_address: str
    proxy_port: int
    store_file: str
    origin_file: str


def write(standing: Standing, path: Path) -> None:
    """Write a description."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(standing), indent=2) + b"\n")


def read(path: Path) -> Standing:
    """Read a description and hold it to loopback.

    Raises:
        UnreadableFileError: no such file, not a description, or it points outside loopback.
    """
    content = reading.read(path, LARGEST_FILE, _REMEDY)
    try:
        standing = msgspec.json.decode(content, type=Standing)
    except (msgspec.DecodeError, ValueError) as error:
        raise UnreadableFileError(str(path), "is not the description of a lab", _REMEDY) from error
    outside = [address for address in _all_addresses(standing) if not addresses.is_loopback(address)]
    if outside:
        raise UnreadableFileError(str(path), f"names {outside[0]}, which is not a loopback address", _REMEDY)
    return standing


def _all_addresses(standing: Standing) -> tuple[str, ...]:
    return (
        *standing.resolvers,
        standing.proxy_address,
        *(address for some in standing.addresses.values() for address in some),
    )

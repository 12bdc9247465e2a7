"""docker0's network: of a running host from its routing table, of an image as Docker's configuration says."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network

from netprobe.findings import Place
from netprobe.host import routes
from netprobe.host.firewall.model import BRIDGE
from netprobe.host.machine import Machine
from netprobe.host.readers import daemonjson

_DEFAULT = IPv4Network("172.17.0.0/16")
"""The first of the pools that Docker takes from by itself (docs.docker.com, "Bridge network driver")."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """docker0's network.

    Attributes:
        network: the network, or None where what is configured is none.
        place: where that stands.
        is_chosen: whether somebody chose it, or it is there already; Docker by itself avoids networks of resolvers.
    """

    network: IPv4Network | None
    place: Place
    is_chosen: bool


def bridge_network(machine: Machine) -> Bridge:
    """The network that tasks in bridge mode get their addresses from."""
    if machine.running:
        table = (line for _, line in machine.root.lines(routes.ROUTE))
        for name, network in routes.networks(table):
            if name == BRIDGE:
                return Bridge(network, Place(file=routes.ROUTE, text=f"{BRIDGE} {network}"), True)
    config = daemonjson.read(machine.root)
    if "bip" in config.settings:
        return Bridge(_network(config.settings["bip"]), config.place("bip"), True)
    pools = config.settings.get("default-address-pools")
    if isinstance(pools, list) and pools and isinstance(pools[0], dict):
        base, size = _network(pools[0].get("base")), pools[0].get("size")
        if base is not None and isinstance(size, int) and base.prefixlen <= size <= 30:
            base = IPv4Network((base.network_address, size))
        return Bridge(base, config.place("default-address-pools"), True)
    return Bridge(_DEFAULT, Place(file=config.file, text=f"{_DEFAULT}, Docker's default"), False)


def _network(text: object) -> IPv4Network | None:
    try:
        return IPv4Network(str(text), strict=False)
    except ValueError:
        return None

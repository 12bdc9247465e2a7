"""firewalld's files: what zones, policies and direct rules do to one packet.

Sources, read 2026-11-28: firewalld.zone(5), firewalld.policy(5), firewalld.direct(5), firewalld.conf(5); for docker0
moby's ``libnetwork/iptables/firewalld.go``: since 20.10 dockerd puts it into the zone *docker*, whose target is ACCEPT.
A zone by source address comes before a zone by interface.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from xml.etree import ElementTree

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.firewall import iptables
from netprobe.host.firewall.model import BRIDGE, AskedPacket, Fate, Hook, PacketVerdict, decide
from netprobe.host.readers import settings

UNIT = "firewalld.service"
_LIMIT = 256 * 1024
_DIRECT = "/etc/firewalld/direct.xml"
_CONF = "/etc/firewalld/firewalld.conf"
_FOLDERS = ("/etc/firewalld", "/usr/lib/firewalld")
_DOCKERS_ZONE = "docker"
_DROPS = frozenset({"DROP", "REJECT", "%%REJECT%%"})
_SERVICES = {443: "https", 53: "dns"}


def verdicts(root: FileSystem, packet: AskedPacket, *, docker_joins: bool) -> Iterator[PacketVerdict]:
    """What every part of firewalld that looks at a packet says of it.

    Args:
        root: the host's or image's files.
        packet: the packet.
        docker_joins: whether dockerd puts docker0 into its own zone.
    """
    yield _direct(root, packet)
    yield from _policies(root, packet)
    if packet.hook is Hook.INPUT and packet.came_in == BRIDGE:
        yield _zone_of_bridge(root, packet, docker_joins)


def _direct(root: FileSystem, packet: AskedPacket) -> PacketVerdict:
    lines = [
        (0, f"-A {element.get('chain')} {element.text or ''}")
        for element in _xml(root, _DIRECT).iter("rule")
        if element.get("ipv") == "ipv4" and element.get("table") == "filter"
    ]
    verdict = decide(iptables.parse(lines, _DIRECT, packet), packet.hook.value)
    return PacketVerdict(
        fate=verdict.fate, places=tuple(Place(file=_DIRECT, text=place.text) for place in verdict.places)
    )


def _policies(root: FileSystem, packet: AskedPacket) -> Iterator[PacketVerdict]:
    """Policies from the host outwards, and from Docker's zone or any outwards."""
    inside = {Hook.OUTPUT: {"HOST"}, Hook.FORWARD: {"ANY", _DOCKERS_ZONE}, Hook.INPUT: set()}[packet.hook]
    outside = {Hook.OUTPUT: set(), Hook.FORWARD: {"HOST"}, Hook.INPUT: set()}[packet.hook]
    if packet.hook is not Hook.OUTPUT and packet.came_in != BRIDGE:
        return
    for path in root.glob("/etc/firewalld/policies", ".xml"):
        policy = _xml(root, path)
        ingress = {element.get("name") for element in policy.iter("ingress-zone")}
        egress = {element.get("name") for element in policy.iter("egress-zone")}
        if not ingress & inside or (outside and egress <= outside) or policy.get("target", "CONTINUE") not in _DROPS:
            continue
        place = Place(file=path, text=f'target="{policy.get("target")}"')
        yield _allowed(policy, packet, place)


def _allowed(element: ElementTree.Element, packet: AskedPacket, place: Place) -> PacketVerdict:
    """What a zone or policy that drops the rest lets through."""
    port = packet.destination_port
    ports = {(one.get("port"), one.get("protocol")) for one in element.findall("port")}
    services = {one.get("name") for one in element.findall("service")}
    if "established" in packet.states or port is None or _SERVICES.get(port) in services:
        return PacketVerdict(fate=Fate.ACCEPTED)
    if any(_covers(text, port) and protocol == packet.protocol for text, protocol in ports):
        return PacketVerdict(fate=Fate.ACCEPTED)
    if element.find("rule") is not None:
        return PacketVerdict(fate=Fate.LIMITED, places=(place,))
    return PacketVerdict(fate=Fate.DROPPED, places=(place,))


def _covers(text: str | None, port: int) -> bool:
    low, _, high = (text or "").partition("-")
    if not (low.isascii() and low.isdigit() and len(low) <= 5):
        return False
    last = int(high) if high.isascii() and high.isdigit() and len(high) <= 5 else int(low)
    return int(low) <= port <= last


def _zone_of_bridge(root: FileSystem, packet: AskedPacket, docker_joins: bool) -> PacketVerdict:
    """The zone that packets from docker0 belong to, and what it says."""
    name = _zone_by_source(root, packet.source) or _zone_by_interface(root)
    if name is None:
        name = _DOCKERS_ZONE if docker_joins else _default_zone(root)
    path = root.first(*(f"{folder}/zones/{name}.xml" for folder in _FOLDERS))
    if path is None:
        # dockerd makes its zone, with the target ACCEPT; any other that has no file rejects what it is not told of.
        fate = Fate.ACCEPTED if name == _DOCKERS_ZONE else Fate.DROPPED
        return PacketVerdict(fate=fate, places=(Place(file=_CONF, text=f"zone {name}"[:80]),))
    zone = _xml(root, path)
    target = zone.get("target", "default")
    if target == "ACCEPT":
        return PacketVerdict(fate=Fate.ACCEPTED)
    return _allowed(zone, packet, Place(file=path, text=f'zone {name}, target="{target}"'[:120]))


def _zones(root: FileSystem) -> Iterator[tuple[str, ElementTree.Element]]:
    for path in root.glob("/etc/firewalld/zones", ".xml"):
        yield path.rpartition("/")[2].removesuffix(".xml"), _xml(root, path)


def _zone_by_source(root: FileSystem, bridge: IPv4Network | None) -> str | None:
    for name, zone in _zones(root):
        for source in zone.findall("source"):
            try:
                network = IPv4Network(source.get("address", ""), strict=False)
            except ValueError:
                # A MAC address or an ipset.
                continue
            if bridge is not None and bridge.subnet_of(network):
                return name
    return None


def _zone_by_interface(root: FileSystem) -> str | None:
    for name, zone in _zones(root):
        if any(interface.get("name") == BRIDGE for interface in zone.findall("interface")):
            return name
    return None


def _default_zone(root: FileSystem) -> str:
    found = settings.last(settings.shell(root, _CONF), "DefaultZone")
    return found.value if found is not None and found.value else "public"


def _xml(root: FileSystem, path: str) -> ElementTree.Element:
    """A firewalld file; one with a document type is none of firewalld's, and could hold entity bombs."""
    text = root.text(path, _LIMIT)
    empty = ElementTree.Element("none")
    if text is None or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return empty
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - bounded in size, and without a document type no entities
    except ElementTree.ParseError:
        # firewalld itself refuses such a file and starts without it.
        return empty

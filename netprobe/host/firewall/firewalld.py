"""firewalld as the chains that it loads: what its zones, policies and direct rules do to one packet.

The chains are those of firewalld's own ``core/nftables.py`` and ``core/ipXtables.py`` (1.3.3, read 2026-11-29):

- INPUT and FORWARD: what is established passes, what was changed by DNAT passes (since 0.7.0; from 2.3.0 on not with
  ``StrictForwardPorts=yes``), then the packet goes to the chain of its zone and never comes back: a zone by source
  before one by interface, else the default zone. Whatever no zone takes is rejected.
- A zone's chain: the policies of negative priority, the zone's own rules, the other policies, the zone's target. Ports,
  services and rich rules of a zone are for the host; from zone to zone only ``<forward/>``, policies and the target
  ``ACCEPT`` let anything through.
- OUTPUT: what is established passes, then the policies; what they leave undecided passes.

With nftables below it, direct rules stand in iptables' own chains and a packet must pass both. With iptables they stand
in the same chain before the zones, and so do Docker's own rules in FORWARD.

For docker0 moby's ``libnetwork/iptables/firewalld.go`` (read 2026-11-29): since 20.10 dockerd makes the zone *docker*
with the target ACCEPT, puts docker0 into it, and does not start where another zone has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network, IPv6Network, ip_network
from xml.etree import ElementTree

from netprobe.findings import Place
from netprobe.host.filesystem import FileSystem
from netprobe.host.firewall import firewalldfiles as files
from netprobe.host.firewall import iptables
from netprobe.host.firewall.firewalldfiles import Section
from netprobe.host.firewall.model import BRIDGE, LOOPBACK, Action, AskedPacket, Chain, FilterRule, Hook, both

UNIT = "firewalld.service"
_DOCKERS_ZONE = "docker"
_DROPS = frozenset({"DROP", "REJECT", "%%REJECT%%", "default", ""})
_REST = Place(file=files.CONF, text="what no zone accepts is rejected")
_DNAT_SINCE = (0, 7)
_ICMP_TYPES = {
    "router-solicitation": 133,
    "router-advertisement": 134,
    "neighbour-solicitation": 135,
    "neighbour-advertisement": 136,
}
"""The messages of neighbour discovery as firewalld's ICMP types call them."""
_ZONE, _POLICY = "zone", "policy"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the machine changes the meaning of the files.

    Attributes:
        docker_joins: whether dockerd puts docker0 into its own zone.
        version: firewalld's, or None where it is not known.
        binds_interfaces: whether NetworkManager tells firewalld of every interface; without it one that no zone names
            belongs to the default zone, and policies that name that zone do not see it.
    """

    docker_joins: bool = True
    version: tuple[int, ...] | None = None
    binds_interfaces: bool = True


def uses_iptables(root: FileSystem) -> bool:
    """Whether firewalld writes its rules with iptables."""
    return files.setting(root, "FirewallBackend").lower() == "iptables"


def direct(root: FileSystem, packet: AskedPacket) -> dict[str, Chain]:
    """The chains that direct rules and passthroughs make in iptables."""
    lines = [(0, f"-A {rule.chain} {rule.line}") for rule in files.direct_rules(root, packet.family)]
    return {
        name: replace(chain, rules=tuple(replace(rule, place=_shown(rule.place)) for rule in chain.rules))
        for name, chain in iptables.parse(lines, files.DIRECT, packet).items()
    }


def _shown(place: Place) -> Place:
    return Place(file=place.file, text=place.text)


def chains(root: FileSystem, packet: AskedPacket, around: Surroundings) -> dict[str, Chain]:
    """The chains that firewalld makes, the built-in one by the hook's name; with iptables direct rules are in it."""
    return _Chains(root, packet, around).made()


class _Chains:
    """The chains for one packet."""

    def __init__(self, root: FileSystem, packet: AskedPacket, around: Surroundings) -> None:
        self.root = root
        self.packet = packet
        self.around = around
        self.zones = files.zones(root)
        if self._docker_has(BRIDGE) and _DOCKERS_ZONE not in {zone.name for zone in self.zones}:
            self.zones = (*self.zones, Section(_DOCKERS_ZONE, "dockerd", ElementTree.Element("zone", target="ACCEPT")))
        self.default = files.setting(root, "DefaultZone") or "public"
        self.found: dict[str, Chain] = {}

    def made(self) -> dict[str, Chain]:
        hook = self.packet.hook
        first = [_rule("established" in self.packet.states, Action.ACCEPT, _REST)]
        if hook is not Hook.OUTPUT:
            first.append(_rule("dnat" in self.packet.states and self._dnat_passes(), Action.ACCEPT, _REST))
        inside = self.packet.goes_out if hook is Hook.OUTPUT else self.packet.came_in
        first.append(_rule(inside == LOOPBACK, Action.ACCEPT, _REST))
        if uses_iptables(self.root):
            for name, chain in direct(self.root, self.packet).items():
                self.found["(direct)" if name == hook.value else name] = chain
            first.append(_jump("(direct)", _REST))
        self._policies()
        if hook is Hook.OUTPUT:
            rest = (_jump("(before)", _REST), _jump("(after)", _REST))
        else:
            rest = (_jump("(zones)", _REST), _rule(True, Action.DROP, _REST))
            self._zones()
        self.found[hook.value] = Chain(rules=(*first, *rest))
        return self.found

    def _dnat_passes(self) -> bool:
        if files.setting(self.root, "StrictForwardPorts").lower() == "yes":
            return False
        return self.around.version is None or self.around.version >= _DNAT_SINCE

    def _zones(self) -> None:
        """Zones by source, then by interface, then the default one."""
        by_source = [(self._from(zone), zone) for zone in self.zones]
        by_interface = [(self._has(zone, self.packet.came_in), zone) for zone in self.zones]
        rules = [_goto(matches, zone) for matches, zone in (*by_source, *by_interface)]
        rules += [_goto(True, zone) for zone in self.zones if zone.name == self.default]
        self.found["(zones)"] = Chain(rules=tuple(rules))
        for zone in self.zones:
            self._zone(zone)

    def _from(self, zone: Section) -> bool | None:
        """Whether the packet's source is one of a zone's."""
        addresses = [one.get("address") for one in zone.element.findall("source")]
        ipsets = [one for one in zone.element.findall("source") if one.get("ipset") is not None]
        networks = [_network(text) for text in addresses if text is not None and not _is_hardware(text)]
        found = self.packet.by_address(self.packet.source, networks) if networks else False
        return None if not found and ipsets else found

    def _has(self, zone: Section, interface: str) -> bool | None:
        """Whether an interface is in a zone by name, or by what dockerd does."""
        if interface == BRIDGE and zone.name == _DOCKERS_ZONE and self._docker_has(interface):
            return True
        return _any(self.packet.by_interface(interface, name) for name in zone.names("interface"))

    def _docker_has(self, interface: str) -> bool:
        """Whether dockerd takes docker0, which it does where no file gives it to another zone."""
        named = any(BRIDGE in zone.names("interface") for zone in self.zones)
        return interface == BRIDGE and self.around.docker_joins and not named

    def _in_zone(self, names: frozenset[str], interface: str) -> bool | None:
        """Whether an interface is bound to one of several zones, as policies and ``<forward/>`` see it."""
        if self._docker_has(interface):
            return _DOCKERS_ZONE in names
        found = _any(self._has(zone, interface) for zone in self.zones if zone.name in names)
        if found is not False or self.default not in names:
            return found
        elsewhere = _any(self._has(zone, interface) for zone in self.zones if zone.name not in names)
        if elsewhere is True:
            return False
        # What no file names is the default zone's. Policies see it there only where somebody told firewalld of it.
        return None if elsewhere is None else self.around.binds_interfaces and interface != BRIDGE

    def _zone(self, zone: Section) -> None:
        target = zone.target or "default"
        place = Place(file=zone.file, text=f'zone {zone.name}, target="{target}"'[:120])
        before, after = _jump("(before)", place), _jump("(after)", place)
        own = self._own(zone, place) if self.packet.hook is Hook.INPUT else self._forwarded(zone, place)
        ends = Action.ACCEPT if target == "ACCEPT" else Action.DROP
        icmp = self.packet.protocol == "icmpv6" and self.packet.hook is Hook.INPUT and target == "default"
        end = (_rule(icmp, Action.ACCEPT, place), _rule(True, ends, place))
        self.found[_chain(_ZONE, zone)] = Chain(rules=(before, *own, after, *end))

    def _forwarded(self, zone: Section, place: Place) -> Iterator[FilterRule]:
        """``<forward/>`` lets packets go from one interface of the zone to another (firewalld.zone(5))."""
        if zone.element.find("forward") is not None:
            matches = self._in_zone(frozenset({zone.name}), self.packet.goes_out)
            yield _rule(matches, Action.ACCEPT, place)

    def _policies(self) -> None:
        before: list[FilterRule] = []
        after: list[FilterRule] = []
        for policy in files.policies(self.root):
            matches = self._sees(policy)
            if matches is False:
                continue
            target = policy.target or "CONTINUE"
            place = Place(file=policy.file, text=f'target="{target}"'[:120])
            end = Action.ACCEPT if target == "ACCEPT" else Action.DROP if target in _DROPS else Action.GO_ON
            name = _chain(_POLICY, policy)
            self.found[name] = Chain(rules=(*self._own(policy, place), _rule(True, end, place)))
            chosen = before if policy.priority < 0 else after
            chosen.append(FilterRule(matches=matches, target=Action.JUMP, chain=name, place=place))
        self.found["(before)"] = Chain(rules=tuple(before))
        self.found["(after)"] = Chain(rules=tuple(after))

    def _sees(self, policy: Section) -> bool | None:
        """Whether the packet goes the way that a policy is for."""
        packet = self.packet
        ingress, egress = policy.names("ingress-zone"), policy.names("egress-zone")
        if not ingress or not egress:
            return False
        if ("HOST" in ingress) != (packet.hook is Hook.OUTPUT) or ("HOST" in egress) != (packet.hook is Hook.INPUT):
            return False
        came = True if ingress & {"ANY", "HOST"} else self._in_zone(ingress, packet.came_in)
        goes = True if egress & {"ANY", "HOST"} else self._in_zone(egress, packet.goes_out)
        return both((came, goes))

    def _own(self, section: Section, place: Place) -> list[FilterRule]:
        """Rich rules before priority 0, those that deny, what is allowed, rich rules behind.

        Within one of these parts rules stand by priority, then in the order of the file (firewalld.richlanguage(5)).
        """
        parts: dict[str, list[FilterRule]] = {"pre": [], "deny": [], "allow": [], "post": []}
        parts["allow"] += self._allowed(section.element, place)
        rich = sorted(section.element.findall("rule"), key=lambda one: files.number(one.get("priority"), 0))
        for element in rich:
            action = _action(element)
            if action is None:
                continue
            priority = files.number(element.get("priority"), 0)
            quiet = "allow" if action is Action.ACCEPT else "deny"
            part = quiet if priority == 0 else "pre" if priority < 0 else "post"
            shown = Place(file=place.file, text=_text_of(element))
            parts[part].append(_rule(self._rich(element), action, shown))
        return [rule for name in ("pre", "deny", "allow", "post") for rule in parts[name]]

    def _allowed(self, element: ElementTree.Element, place: Place) -> Iterator[FilterRule]:
        for tag in ("service", "port", "protocol", "source-port"):
            for one in element.findall(tag):
                yield _rule(self._element(one), Action.ACCEPT, place)

    def _rich(self, rule: ElementTree.Element) -> bool | None:
        packet = self.packet
        family = rule.get("family")
        conditions: list[bool | None] = [family in (None, f"ipv{packet.family}")]
        for tag, actual in (("source", packet.source), ("destination", packet.destination)):
            for one in rule.findall(tag):
                network = None if one.get("address") is None else _network(one.get("address") or "")
                found = packet.by_address(actual, [network])
                inverted = (one.get("invert") or "").lower() in ("true", "yes")
                conditions.append(found if found is None or not inverted else not found)
        conditions += [self._element(one) for one in rule if one.tag in _ELEMENTS]
        if any(rule.find(f"{action}/limit") is not None for action in ("accept", "drop", "reject")):
            conditions.append(None)
        return both(conditions)

    def _element(self, one: ElementTree.Element) -> bool | None:
        packet = self.packet
        match one.tag:
            case "service":
                ports = files.service_ports(self.root, one.get("name", ""))
                return _any(self._port(text, protocol, packet.destination_port) for text, protocol in ports)
            case "port":
                return self._port(one.get("port"), one.get("protocol"), packet.destination_port)
            case "source-port":
                return self._port(one.get("port"), one.get("protocol"), packet.source_port)
            case "icmp-type":
                return packet.icmp_type is not None and _ICMP_TYPES.get(one.get("name", "")) == packet.icmp_type
            case "protocol":
                names = {"icmpv6": ("ipv6-icmp", "icmpv6", "58")}.get(packet.protocol, (packet.protocol,))
                return one.get("value", "") in names
            case _:
                return False

    def _port(self, text: str | None, protocol: str | None, port: int | None) -> bool | None:
        if protocol != self.packet.protocol:
            return False
        low, dash, high = (text or "").partition("-")
        first = files.number(low, -1)
        last = files.number(high, -1) if dash else first
        return False if first < 0 else self.packet.by_port(port, first, last)


_ELEMENTS = frozenset(
    {"service", "port", "source-port", "protocol", "icmp-type", "icmp-block", "forward-port", "masquerade"}
    | {"tcp-mss-clamp"}
)
"""What a rich rule can be about; the last four are about no packet of ours."""


def _action(rule: ElementTree.Element) -> Action | None:
    """What a rich rule does with a packet; None where it only logs, marks or changes it."""
    if rule.find("accept") is not None:
        return Action.ACCEPT
    return Action.DROP if rule.find("drop") is not None or rule.find("reject") is not None else None


def _text_of(rule: ElementTree.Element) -> str:
    """A rich rule in the words of ``firewall-cmd``, as far as they tell it apart."""
    words = ["rule"]
    for one in rule:
        words.append(str(one.tag))
        words += [f"{key}={value}" for key, value in one.attrib.items()]
    return " ".join(words)[:120]


def _any(answers: Iterable[bool | None]) -> bool | None:
    found = set(answers)
    return True if True in found else (None if None in found else False)


def _rule(matches: bool | None, target: Action, place: Place) -> FilterRule:
    return FilterRule(matches=matches, target=target, place=place)


def _jump(chain: str, place: Place) -> FilterRule:
    return FilterRule(matches=True, target=Action.JUMP, chain=chain, place=place)


def _goto(matches: bool | None, zone: Section) -> FilterRule:
    place = Place(file=zone.file, text=f"zone {zone.name}"[:120])
    return FilterRule(matches=matches, target=Action.JUMP, chain=_chain(_ZONE, zone), goto=True, place=place)


def _chain(kind: str, section: Section) -> str:
    """A name that no chain of a direct rule can have."""
    return f"({kind} {section.name})"


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _is_hardware(text: str) -> bool:
    """Whether a source is a MAC address, which no packet of ours is known by."""
    return text.count(":") == 5 and "::" not in text

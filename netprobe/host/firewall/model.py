"""A packet filter as chains of rules, and what it does to one packet.

Only as much as the questions need: *may this host open connections to port 443 and ask DNS, do the answers come in, and
do the packets of tasks get through?* A condition is true, false or unknown for the packet; unknown where it looks at
something that the question leaves open (a destination, a user, a set). A rule that accepts on an unknown condition
makes the answer ``LIMITED``: some packets pass, others do not. A rule that drops on one is passed over, since it drops
some and not all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network

from netprobe.findings import Place

_MAX_STEPS = 20_000
BRIDGE = "docker0"
LOOPBACK = "lo"
UPLINK = "(uplink)"
"""An interface that leads out of the host: neither the loopback nor a bridge of Docker's. Its name is open."""
Network = IPv4Network | IPv6Network
_INSIDE: tuple[Network, ...] = tuple(
    ip_network(text) for text in ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "ff00::/8")
)
"""Where no server of AWS and no host's own address lies."""
_CLIENTS = {"tcp": (32768, 60999), "udp": (1024, 65535)}
"""Where a client's own port lies: Linux's ``ip_local_port_range``; resolvers choose theirs from all that are free."""
_DOCKERS = ("docker", "br-", "veth")


class Hook(StrEnum):
    """Where in the kernel a packet is looked at (netfilter's hooks)."""

    PREROUTING = "PREROUTING"
    INPUT = "INPUT"
    OUTPUT = "OUTPUT"
    FORWARD = "FORWARD"
    POSTROUTING = "POSTROUTING"


WAY = {
    Hook.INPUT: (Hook.PREROUTING, Hook.INPUT),
    Hook.OUTPUT: (Hook.OUTPUT, Hook.POSTROUTING),
    Hook.FORWARD: (Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING),
}
"""Every hook that a packet passes, by the one that says where it goes (nft(8), "Address families")."""


class Fate(StrEnum):
    """What becomes of the packet."""

    ACCEPTED = "accepted"
    DROPPED = "dropped"
    LIMITED = "limited"


class Action(StrEnum):
    """What a rule does with what it matches."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GO_ON = "go_on"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPacket:
    """The packet that is asked about.

    Attributes:
        protocol: ``tcp``, ``udp`` or ``icmpv6``.
        hook: where it passes.
        source_port: None for a client's own, which is any of many.
        destination_port: the same.
        states: connection tracking's words: ``new``, ``established`` or ``untracked``, and ``dnat`` where its
            address was changed.
        came_in: the interface that it came by, :data:`UPLINK`, or nothing for one that is made here.
        goes_out: the interface that it leaves by, :data:`UPLINK`, or nothing for one that stays here.
        source: the network that its source lies in; None for an address of the host or beyond.
        destination: the same of its destination.
        bridge: the network of docker0, in which no other address lies.
        uplink: the uplink's name, where it is known.
        family: 4 or 6.
        asked_port: the destination port before it was changed (DNAT); None where it was not.
        asked: the network of the destination before it was changed.
        icmp_type: the number of an ICMPv6 message (RFC 4861), None for other protocols.
    """

    protocol: str
    hook: Hook
    source_port: int | None = None
    destination_port: int | None = None
    states: frozenset[str] = frozenset({"new"})
    came_in: str = ""
    goes_out: str = ""
    source: Network | None = None
    destination: Network | None = None
    bridge: IPv4Network | None = None
    uplink: str = ""
    family: int = 4
    asked_port: int | None = None
    asked: Network | None = None
    icmp_type: int | None = None

    @property
    def on_arrival(self) -> AskedPacket:
        """The packet where it comes in: nothing says yet where it leaves, and no address of it has been changed.

        An answer to a task has the host's own address there, which the host's NAT turns into the task's afterwards.
        """
        changed = self.asked_port is not None
        return replace(
            self,
            hook=Hook.PREROUTING,
            goes_out="",
            states=self.states - {"dnat"} if changed else self.states,
            destination_port=self.asked_port if changed else self.destination_port,
            destination=self.asked if changed else (None if self.came_in == UPLINK else self.destination),
        )

    def at(self, hook: Hook) -> AskedPacket:
        """The packet at one of the hooks that it passes."""
        if hook is Hook.PREROUTING:
            return self.on_arrival
        return replace(self, came_in="") if hook is Hook.POSTROUTING else self

    @property
    def is_new(self) -> bool:
        """Whether it opens a connection."""
        return "new" in self.states

    @property
    def is_for_host(self) -> bool:
        """Whether its destination is an address of the host."""
        arrives = self.hook is Hook.PREROUTING and self.came_in == UPLINK
        return self.hook is Hook.INPUT or arrives

    def by_interface(self, actual: str, pattern: str) -> bool | None:
        """Whether an interface fits a name, in which a ``+`` or ``*`` at the end stands for any rest.

        Args:
            actual: :attr:`came_in` or :attr:`goes_out`.
            pattern: as the rule writes it.
        """
        stem = pattern.rstrip("+*")
        open_end = stem != pattern
        if open_end and not stem:
            return bool(actual)
        if not actual:
            return False
        if actual != UPLINK or self.uplink:
            name = self.uplink if actual == UPLINK else actual
            return name.startswith(stem) if open_end else name == stem
        return False if stem == LOOPBACK or stem.startswith(_DOCKERS) else None

    def by_port(self, actual: int | None, low: int, high: int) -> bool | None:
        """Whether a port lies in a range.

        Args:
            actual: :attr:`source_port` or :attr:`destination_port`.
            low: the first of the range.
            high: the last.
        """
        first, last = (actual, actual) if actual is not None else _CLIENTS.get(self.protocol, (0, 65535))
        if last < low or high < first:
            return False
        return True if low <= first and last <= high else None

    def by_address(self, actual: Network | None, networks: Iterable[Network | None]) -> bool | None:
        """Whether an address lies in one of several networks; None of them stands for what could not be read.

        Args:
            actual: :attr:`source` or :attr:`destination`.
            networks: of the rule.
        """
        answers = {self._by_network(actual, network) for network in networks}
        return True if True in answers else (None if None in answers else False)

    def _by_network(self, actual: Network | None, network: Network | None) -> bool | None:
        if network is None:
            return None
        if network.version != self.family:
            return False
        if network.prefixlen == 0:
            return True
        if actual is None:
            inside = (*_INSIDE, *(() if self.bridge is None else (self.bridge,)))
            return False if any(_within(network, one) for one in inside) else None
        if _within(actual, network):
            return True
        return None if actual.overlaps(network) else False


def _within(inner: Network, outer: Network) -> bool:
    """Whether a network lies in another; one of the other family never does."""
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterRule:
    """One rule, its condition already decided for one packet.

    Attributes:
        matches: true, false, or None for unknown.
        target: what it does.
        chain: the chain to jump to.
        goto: whether the jump does not come back.
        place: file, line and text.
    """

    matches: bool | None
    target: Action
    chain: str = ""
    goto: bool = False
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """One chain.

    Attributes:
        rules: in order.
        policy: what becomes of a packet that no rule of a base chain decides; None for other chains.
        place: where the policy stands.
    """

    rules: tuple[FilterRule, ...]
    policy: Action | None = None
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketVerdict:
    """The answer, and the rules that made it."""

    fate: Fate
    places: tuple[Place, ...] = ()


def both(conditions: Iterable[bool | None]) -> bool | None:
    """Whether all conditions hold: one that is false decides, one that is unknown leaves it open."""
    found = set(conditions)
    if False in found:
        return False
    return None if None in found else True


def merged(*files: Mapping[str, Chain]) -> dict[str, Chain]:
    """Chains of several files that are loaded one after the other without a flush; the last policy holds."""
    found: dict[str, Chain] = {}
    for chains in files:
        for name, chain in chains.items():
            before = found.get(name, Chain(rules=()))
            found[name] = Chain(
                rules=(*before.rules, *chain.rules),
                policy=chain.policy or before.policy,
                place=chain.place or before.place,
            )
    return found


def decide(chains: Mapping[str, Chain], start: str) -> PacketVerdict:
    """Send the packet through a chain."""
    chain = chains.get(start)
    if chain is None:
        return PacketVerdict(fate=Fate.ACCEPTED)
    walk = _Walk(chains)
    target = walk.through(start, ()) or chain.policy or Action.ACCEPT
    if target is Action.DROP:
        last = walk.last or chain.place
        if walk.limited:
            return PacketVerdict(fate=Fate.LIMITED, places=tuple(walk.limited[:5]) + ((last,) if last else ()))
        return PacketVerdict(fate=Fate.DROPPED, places=(last,) if last else ())
    return PacketVerdict(fate=Fate.ACCEPTED)


class _Walk:
    """One packet's way, bounded: a ruleset may jump in circles."""

    def __init__(self, chains: Mapping[str, Chain]) -> None:
        self.chains = chains
        self.steps = 0
        self.limited: list[Place] = []
        self.last: Place | None = None

    def through(self, name: str, above: tuple[str, ...]) -> Action | None:
        """ACCEPT, DROP, or None where the chain ends undecided."""
        chain = self.chains.get(name)
        if chain is None or name in above or len(above) > 30:
            return None
        for rule in chain.rules:
            self.steps += 1
            if self.steps > _MAX_STEPS:
                return None
            if rule.matches is False or rule.target is Action.GO_ON:
                continue
            if rule.matches is None:
                self._perhaps(rule, (*above, name))
                continue
            if rule.target is Action.RETURN:
                return None
            if rule.target is not Action.JUMP:
                self.last = rule.place
                return rule.target
            found = self.through(rule.chain, (*above, name))
            if found is not None or rule.goto:
                return found
        return None

    def _perhaps(self, rule: FilterRule, above: tuple[str, ...]) -> None:
        """A rule that some packets of the kind match and others do not."""
        if rule.target is Action.ACCEPT:
            self.limited.append(rule.place)
        if rule.target is Action.JUMP and self.through(rule.chain, above) is Action.ACCEPT:
            self.limited.append(rule.place)

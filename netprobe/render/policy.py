"""What a render may say, and for whom: the one place where every command gets its options for lowering, and its form.

Pure. ``render``, ``check --handoff`` and ``audit --target`` know different things (a lock, a run, nothing at all); what
they know comes in here, and what lowering may use comes out, by the same rules. Messages name what is needed in plain
words; a command that has an option for it adds the option's name (:func:`told`).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence

import msgspec

from netprobe.catalog.model import Endpoint
from netprobe.errors import MissingInputError, UsageError
from netprobe.render.addresses import collapse
from netprobe.render.lowering import WIDER
from netprobe.render.model import DEFAULT_NAME, Addresses, DeviceCapability, Options, Policy, Scope, SeenNames, Target

NUMBERS = tuple(range(1, 33))
"""Numbers that are listed where nobody looked; the same as ``netprobe check`` tries."""
GUESSED = f"numbers {NUMBERS[0]} to {NUMBERS[-1]}, which nobody has seen: a look at the DNS would tell"
_NAME = r"[a-z][a-z0-9-]{0,15}(?<!-)"
MAX_SOURCES = 200
_TAKEN_BY_FILTERS = """
    filter nat mangle raw security input output forward prerouting postrouting ingress egress broute fw4
    accept drop reject return queue log jump goto continue dynamic any all none default permit deny allow block
"""
"""Tables and chains of packet filters, and words of their languages."""
_TAKEN_BY_PROGRAMS = """
    docker docker-user docker-ct docker-bridge docker-forward docker-internal docker-bridges firewalld ufw fail2ban
    f2b-table kube-proxy kube-services kube-forward kube-firewall libvirt libvirt-out libvirt-inp libvirt-fwi
    libvirt-fwo libvirt-fwx cni-forward cni-admin podman lxd cilium crowdsec netavark
"""
"""Chains and tables that programs keep in a packet filter."""
_TAKEN_BY_SITES = """
    inside outside dmz lan wan trust untrust local public private internal external global guest management mgmt
    wan-in wan-out wan-local wan-lan lan-in lan-out lan-local lan-wan outside-in inside-out inside-in
"""
"""Zones and rule sets, as devices come with them and as most sites call theirs."""
_TAKEN = frozenset(f"{_TAKEN_BY_FILTERS} {_TAKEN_BY_PROGRAMS} {_TAKEN_BY_SITES}".split())
"""Names that objects of a device are likely to have: a file that replaces what it made would replace those."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the user permits; see :class:`netprobe.render.model.Options`."""

    exact: bool = False
    allow_widening: bool = False
    enumerate: bool = False


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of names and addresses.

    Attributes:
        seen: the names of numbered patterns that somebody saw.
        looked: patterns that somebody looked for; where that found none, no guess overrules it.
        numbers: numbers that the user gave for all other patterns.
        addresses: addresses, for devices that know no names.
    """

    seen: Mapping[str, SeenNames] = msgspec.field(default_factory=dict)
    looked: frozenset[str] = frozenset()
    numbers: tuple[int, ...] | None = None
    addresses: Addresses | None = None


def options(
    capability: DeviceCapability,
    endpoints: Sequence[Endpoint],
    *,
    wishes: Wishes | None = None,
    known: Known | None = None,
    guess: bool = True,
) -> Options:
    """What lowering may use.

    Args:
        capability: the device's; who permits a wide rule gets it, and not a guess in its place, if the device has one.
        endpoints: what is to be admitted.
        wishes: what the user permits.
        known: names and addresses.
        guess: where nobody looked for numbered names, list the numbers that ``netprobe check`` tries. A device that
            cannot say ``ecs-a-*`` then gets a list that may be too short, and is told to be, instead of a rule that
            lets data out.
    """
    wished, facts = wishes or Wishes(), known or Known()
    has_wide_rules = bool(WIDER & capability.forms)
    supposes = guess and (wished.enumerate or not wished.allow_widening or not has_wide_rules)
    listed: dict[str, SeenNames] = {}
    if facts.numbers is not None:
        listed = numbered(endpoints, facts.numbers, "numbers that were given, not seen")
    elif supposes:
        listed = numbered([e for e in endpoints if e.pattern not in facts.looked], NUMBERS, GUESSED)
    return Options(
        exact=wished.exact,
        allow_widening=wished.allow_widening,
        enumerate=wished.enumerate,
        seen={**listed, **facts.seen},
        addresses=facts.addresses,
    )


def numbered(endpoints: Sequence[Endpoint], numbers: Sequence[int], how: str) -> dict[str, SeenNames]:
    """Names for numbers, without anybody having seen them."""
    return {
        endpoint.pattern: SeenNames(names=tuple(h.name for h in endpoint.host_pattern.enumerate(numbers)), how=how)
        for endpoint in endpoints
        if endpoint.numbered
    }


def told(problem: MissingInputError, ways: Mapping[str, str]) -> UsageError:
    """The same problem, with the options of the command that has some for it."""
    remedy = ways.get(problem.need)
    return UsageError(problem.value, problem.reason, remedy) if remedy else problem


def policy(
    *,
    enforce: bool = False,
    sources: Sequence[str] = (),
    every_client: bool = False,
    all_ports: bool = False,
    keep: Sequence[str] = (),
    name: str = DEFAULT_NAME,
) -> Policy:
    """What the user asked for, validated by itself (see :func:`settle` for whether the target can do it).

    Raises:
        UsageError: not a network, not a name, or words that contradict each other.
    """
    if name != DEFAULT_NAME and not re.fullmatch(_NAME, name):
        raise UsageError(
            name, "this cannot be the stem of object names", "use at most 16 of a-z, 0-9 and hyphens, a letter first"
        )
    if name in _TAKEN:
        raise UsageError(
            name, "devices have tables, chains or zones of this name, and they would be replaced", "choose another stem"
        )
    if len(sources) > MAX_SOURCES or len(keep) > MAX_SOURCES:
        raise UsageError("--source", f"more than {MAX_SOURCES} networks were given", "give larger networks")
    if sources and every_client:
        raise UsageError("--source --every-client", "exclude each other", "name the hosts, or mean everybody")
    if not enforce:
        for option, given in (("--every-client", every_client), ("--all-ports", all_ports), ("--keep", bool(keep))):
            if given:
                raise UsageError(option, "nothing is denied without --enforce", "add --enforce, or leave it out")
    if keep and not all_ports:
        raise UsageError("--keep", "only the endpoints' ports are cut", "add --all-ports, or leave it out")
    return Policy(
        enforce=enforce,
        sources=_networks(sources),
        every_client=every_client,
        all_ports=all_ports,
        keep=_networks(keep),
        name=name,
    )


def _networks(values: Sequence[str]) -> tuple[str, ...]:
    return collapse(_network(value) for value in values)


def _network(value: str) -> str:
    """One network or address, canonical; host bits are refused, since some devices mask them in silence."""
    try:
        if "%" in value:
            raise ValueError("a zone")
        found = ipaddress.ip_network(value)
    except ValueError as exc:
        raise UsageError(value, "this is not an IP network", "give one such as 192.0.2.0/24, or an address") from exc
    if found.prefixlen == 0:
        raise UsageError(value, "this is every address there is", "name the hosts' networks, or give --every-client")
    return str(found)


def settle(target: Target, wanted: Policy) -> None:
    """Whether the target can do what the policy asks for.

    Raises:
        UsageError: it has no such form, cannot tell clients apart, or was not told whom to enforce for.
    """
    scope = target.SCOPE
    if not wanted.enforce:
        if not scope.additive:
            raise UsageError(target.NAME, "it has no form that only allows", scope.instead)
        if wanted.sources and not scope.narrows:
            raise UsageError(
                "--source", f"{target.NAME} cannot allow for some clients only", "leave it out, or add --enforce"
            )
        return
    if not scope.enforces:
        raise UsageError("--enforce", f"{target.NAME} has no form that denies", scope.instead)
    if wanted.sources and not scope.clients and scope.own_host:
        raise UsageError("--source", f"{target.NAME} decides about what the host itself sends", scope.instead)
    if wanted.sources and not scope.clients:
        raise UsageError(
            "--source",
            f"{target.NAME} decides for every client, it cannot tell them apart",
            "give --every-client if that is meant, or use a target that can (netprobe targets)",
        )
    if wanted.all_ports and not scope.every_port:
        raise UsageError("--all-ports", f"{target.NAME} decides about the endpoints' ports only", "leave it out")
    if wanted.keep and not scope.keeps:
        raise UsageError("--keep", f"{target.NAME} leaves no network open by itself", "put a rule of yours before it")
    if not wanted.sources and not wanted.every_client and not (scope.own_host or scope.selector):
        remedy = "give --source with the hosts' networks (repeatable), or --every-client where everybody is meant"
        if not scope.clients:
            remedy = "it decides for every client: give --every-client if that is meant"
        raise UsageError("--enforce", f"{target.NAME} serves others too, and would deny them", remedy)


def settle_families(target: Target, wanted: Policy, families: Sequence[int]) -> None:
    """Whether anything would go through the target by the address families that are left.

    Args:
        target: the target.
        wanted: its form.
        families: 4, 6 or both.

    Raises:
        UsageError: only IPv6 is left, or only hosts of IPv6, where it listens or connects by IPv4 alone.
    """
    scope = target.SCOPE
    listens = wanted.enforce and scope.listens_by_ipv4
    if tuple(families) == (6,) and (listens or scope.connects_by_ipv4):
        does = "listens" if listens else "connects"
        raise UsageError(
            "-6", f"{target.NAME} {does} by IPv4 alone, so nothing would pass", "leave -6 out, or render squid"
        )
    if listens:
        needs_ipv4(wanted)


def needs_ipv4(wanted: Policy) -> None:
    """For a device whose rules are for IPv4 alone: hosts of IPv6 alone would leave a rule without a source.

    Raises:
        UsageError: there are hosts, and none of IPv4.
    """
    if wanted.sources and all(":" in one for one in wanted.sources):
        raise UsageError("--source", "the rules of this target are for IPv4 clients", "name an IPv4 network too")


def everybody_else(sources: Sequence[str]) -> tuple[str, ...]:
    """The networks that together hold every address that ``sources`` do not, IPv4 and IPv6."""
    rest: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for version, everything in ((4, "0.0.0.0/0"), (6, "::/0")):
        left = [ipaddress.ip_network(everything)]
        for source in map(ipaddress.ip_network, sources):
            if source.version == version:
                left = [part for network in left for part in _without(network, source)]
        rest += left
    return tuple(map(str, rest))


def _without(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, hole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """What is left of a network when another is taken out of it."""
    if not hole.subnet_of(network):  # type: ignore[arg-type]
        return [network]
    return list(network.address_exclude(hole))  # type: ignore[arg-type]


def form(scope: Scope, wanted: Policy, ports: Sequence[int]) -> str:
    """The first line of every output: what it does to whom, in plain words."""
    if not scope.enforces:
        return "A list of what is allowed; it denies nothing by itself"
    if not wanted.enforce:
        return "Additive: it allows what is listed and denies nothing; whatever else your rules say stays as it is"
    what = "every port" if wanted.all_ports else f"port {' and '.join(map(str, ports))}"
    if wanted.sources:
        whom = f"for {', '.join(wanted.sources)} only"
    elif wanted.every_client or not (scope.own_host or scope.selector):
        whom = "and decides for every client"
    elif scope.selector:
        whom = "for the workloads that it selects"
    else:
        whom = "for what this host itself sends"
    return f"Enforces {whom}: what is not listed is denied on {what}"

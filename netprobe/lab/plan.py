"""Which host is served where: endpoints and a scenario become a plan, which is data.

The plan is the seam between the two labs. The embedded one lays it out on loopback; the tests of the network
namespaces lay it out on the addresses of a server behind real routers. What serves it is the same code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from netprobe.catalog.model import Endpoint, Genuine
from netprobe.lab.behaviour import HostBehaviour, ProxyBehaviour, ResolverBehaviour
from netprobe.lab.resolver import NameRecord, Zone
from netprobe.lab.scenarios import Scenario

NUMBERS = (1, 2, 16)
"""Which numbered hosts exist. AWS hands out any number, not an unbroken row: 16 has been seen in us-west-2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAddress:
    """One address of a host.

    Attributes:
        address: an IPv4 or IPv6 literal.
        behaviour: how the host behaves there.
    """

    address: str
    behaviour: HostBehaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHost:
    """One host.

    Attributes:
        name: its DNS name.
        ids: ids of the endpoints that it serves.
        genuine: which service it stands for.
        service_ports: the ports that the catalog names.
        addresses: where it is served.
    """

    name: str
    ids: frozenset[str]
    genuine: Genuine
    service_ports: frozenset[int]
    addresses: tuple[PlannedAddress, ...]

    @property
    def record(self) -> NameRecord:
        """What DNS says of it."""
        literals = [planned.address for planned in self.addresses]
        return NameRecord(
            ids=self.ids,
            v4=tuple(a for a in literals if ":" not in a),
            v6=tuple(a for a in literals if ":" in a),
        )


PROXY = "proxy.lab.example"
"""What the lab calls its proxy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedProxy:
    """The forward proxy.

    Attributes:
        address: where it is served.
        behaviour: how it behaves; ``only`` names endpoints that exist.
    """

    address: str
    behaviour: ProxyBehaviour


@dataclass(frozen=True, slots=True, kw_only=True)
class LabPlan:
    """A whole network.

    Attributes:
        hosts: every host.
        resolvers: address and behaviour of each DNS server, in the order in which a stub resolver asks them.
        search_page: the address that a wildcard resolver sends missing names to.
        proxy: the forward proxy, or None.
    """

    hosts: tuple[PlannedHost, ...]
    resolvers: tuple[tuple[str, ResolverBehaviour], ...]
    search_page: str
    proxy: PlannedProxy | None = None

    @property
    def zone(self) -> Zone:
        """What the DNS servers know."""
        records = {host.name: host.record for host in self.hosts}
        if self.proxy is not None and self.proxy.behaviour.named:
            records[PROXY] = NameRecord(ids=frozenset(), v4=(self.proxy.address,))
        return Zone(records=records, search_page=self.search_page)

    @property
    def service_ports(self) -> tuple[int, ...]:
        """Every port that the catalog names, sorted."""
        return tuple(sorted({port for host in self.hosts for port in host.service_ports}))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedHost:
    """A host before it has an address: see :class:`PlannedHost`."""

    name: str
    ids: frozenset[str]
    genuine: Genuine
    service_ports: frozenset[int]


def hosts_of(endpoints: Sequence[Endpoint], numbers: Sequence[int] = NUMBERS) -> tuple[NamedHost, ...]:
    """The hosts that exist for some endpoints, each once.

    Args:
        endpoints: catalog entries; those of which no member is known (``*.s3.…``) have no host.
        numbers: which numbered hosts exist.
    """
    found: dict[str, NamedHost] = {}
    for endpoint in endpoints:
        for host in endpoint.candidates(numbers):
            known = found.get(host.name)
            found[host.name] = NamedHost(
                name=host.name,
                ids=frozenset({endpoint.id}) | (known.ids if known else frozenset()),
                genuine=known.genuine if known else endpoint.request.genuine,
                service_ports=frozenset({endpoint.port}) | (known.service_ports if known else frozenset()),
            )
    return tuple(found.values())


def plan(
    scenario: Scenario, endpoints: Sequence[Endpoint], v4: Iterator[str] | None, v6: Iterator[str] | None = None
) -> LabPlan:
    """Lay a scenario out on addresses.

    Args:
        scenario: what is wrong, and where.
        endpoints: catalog entries.
        v4: hands out IPv4 addresses: first for the resolvers, then for the search page, then for the hosts; None for
            a network without IPv4, whose resolvers and hosts then have IPv6.
        v6: hands out an IPv6 address for every host, where the scenario has IPv6 or there is no IPv4.
    """
    first = v4 if v4 is not None else v6
    assert first is not None, "a network has IPv4 or IPv6"
    resolvers = tuple((next(first), _existing_only(behaviour, endpoints)) for behaviour in scenario.resolvers)
    search_page = next(first)
    at = _at(scenario.at, endpoints)

    def lay_out(host: NamedHost) -> PlannedHost:
        touched = not at or not host.ids.isdisjoint(at)
        addresses = [PlannedAddress(address=next(first), behaviour=scenario.behaviour if touched else HostBehaviour())]
        if scenario.second_address is not None and touched:
            addresses.append(PlannedAddress(address=next(first), behaviour=scenario.second_address))
        if scenario.ipv6 is not None and v4 is not None and v6 is not None and touched:
            addresses.append(PlannedAddress(address=next(v6), behaviour=scenario.ipv6))
        return PlannedHost(
            name=host.name,
            ids=host.ids,
            genuine=host.genuine,
            service_ports=host.service_ports,
            addresses=tuple(addresses),
        )

    hosts = hosts_of(endpoints, scenario.numbers or NUMBERS)
    return LabPlan(hosts=tuple(map(lay_out, hosts)), resolvers=resolvers, search_page=search_page)


def with_proxy(network: LabPlan, scenario: Scenario, endpoints: Sequence[Endpoint], address: str) -> LabPlan:
    """The same network with a forward proxy: the scenario's, else one that opens every tunnel.

    Args:
        network: what :func:`plan` laid out.
        scenario: what is wrong, and where.
        endpoints: catalog entries.
        address: where the proxy is served.
    """
    behaviour = scenario.proxy or ProxyBehaviour()
    behaviour = dataclasses.replace(behaviour, only=_at(behaviour.only, endpoints))
    return dataclasses.replace(network, proxy=PlannedProxy(address=address, behaviour=behaviour))


def _at(ids: tuple[str, ...], endpoints: Sequence[Endpoint]) -> tuple[str, ...]:
    """The ids that exist here; where none does, the fault touches every host."""
    known = {endpoint.id for endpoint in endpoints}
    return ids if known.intersection(ids) else ()


def _existing_only(behaviour: ResolverBehaviour, endpoints: Sequence[Endpoint]) -> ResolverBehaviour:
    return dataclasses.replace(behaviour, only=_at(behaviour.only, endpoints))

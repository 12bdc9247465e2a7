"""Bring a plan to life, and the embedded lab: a plan on loopback.

Every host gets an address of its own in 127.0.0.0/8, from a block that is chosen at random, so that several labs live
beside each other. Ports below 1024 need root; each service port is therefore served on one high port, the same at every
address, and the lab's vantage maps one to the other. Nothing here binds to an address outside loopback unless the plan
says so, and nothing ever connects anywhere.
"""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import itertools
import random
import resource
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import trio

from netprobe import addresses
from netprobe.catalog.model import Endpoint, Genuine
from netprobe.errors import UsageError
from netprobe.lab import sockets, standing
from netprobe.lab.behaviour import DnsTcp, HostBehaviour, ProxyBehaviour, ShownChain, TcpMode
from netprobe.lab.certificates import Certificates
from netprobe.lab.guests import Guests
from netprobe.lab.plan import PROXY, LabPlan, PlannedAddress, PlannedHost, hosts_of, plan, with_proxy
from netprobe.lab.proxy import LabProxy as ServedProxy
from netprobe.lab.resolver import Memory, serve_tcp, serve_udp
from netprobe.lab.scenarios import SCENARIOS, Scenario, Trust
from netprobe.lab.servers import HostServer, Site
from netprobe.lab.standing import Standing
from netprobe.nearest import meant, nearest
from netprobe.observations import VantageRecord
from netprobe.vantage import ProxyServer, Resolver, TrustStore, Vantage

_ATTEMPTS = 20
_SPARE_FILES = 512
PROXY_PORT = 3128
"""What proxies listen on by habit."""
_AMPLE_FILES = 8192
"""What the soft limit is raised to where that is allowed; a busy lab then turns nobody away."""
_FEWEST_GUESTS = 64
_MOST_GUESTS = 2048
_SEARCH_PAGE = "search.page.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """A lab that is up.

    Attributes:
        scenario: what it plays.
        vantage: the eyes to look with: its resolvers, its roots, its ports, and the proxy of a scenario that has one.
        others: more eyes of the same host, where the scenario has programs that look differently.
        proxy_address: where its forward proxy listens: every lab has one.
        proxy_port: at which port.
        directory: a temporary folder with the CA files; gone when the lab is.
        origin_file: PEM of the root that the lab's genuine services chain to.
        addresses: host name → its addresses.
    """

    scenario: Scenario
    vantage: Vantage
    others: tuple[Vantage, ...]
    proxy_address: str
    proxy_port: int
    directory: Path
    origin_file: Path
    addresses: Mapping[str, tuple[str, ...]]

    def stand_in(self, proxy: ProxyServer) -> ProxyServer:
        """The same setting, behind which the lab's proxy listens: whatever it names, no packet leaves the lab.

        Args:
            proxy: a program's setting.
        """
        named = self.scenario.proxy is None or self.scenario.proxy.named
        return replace(
            proxy,
            lab_address=self.proxy_address if named or addresses.is_address(proxy.host) else None,
            lab_port=self.proxy_port,
        )


@dataclass(slots=True)
class _Bound:
    """Sockets that are bound and wait to be served."""

    hosts: list[tuple[socket.socket, HostServer | ServedProxy]] = field(default_factory=list)
    udp: list[tuple[trio.socket.SocketType, int]] = field(default_factory=list)
    tcp: list[tuple[socket.socket, int]] = field(default_factory=list)
    silent: list[socket.socket] = field(default_factory=list)

    def keep_silent(self, sock: socket.socket, mode: TcpMode) -> None:
        """Keep a socket that nobody serves: it refuses, or its full queue drops."""
        self.silent.append(sock)
        if mode is TcpMode.DROP:
            self.silent.append(sockets.fill(sock))

    @property
    def count(self) -> int:
        """Files that it keeps open."""
        return len(self.hosts) + len(self.udp) + len(self.tcp) + len(self.silent)

    def close(self) -> None:
        for kept in (*(sock for sock, _ in self.hosts), *(sock for sock, _ in self.tcp), *self.silent):
            kept.close()
        for datagrams, _ in self.udp:
            datagrams.close()


class LabPorts:
    """Which port stands for which: fixed, or chosen by the kernel at first use and kept.

    Attributes:
        chosen: service port → the port that is served.
    """

    def __init__(self, fixed: Mapping[int, int] | None = None) -> None:
        self.chosen = dict(fixed or {})

    def bind(self, address: str, service_port: int, mode: TcpMode) -> socket.socket:
        """Bind ``address`` at the port that stands for ``service_port``."""
        sock = sockets.tcp(address, self.chosen.get(service_port, 0), mode)
        self.chosen[service_port] = sock.getsockname()[1]
        return sock


def bind(network: LabPlan, certificates: Certificates, ports: LabPorts) -> _Bound:
    """Bind every socket of a plan.

    Args:
        network: what is served where.
        certificates: makes what the hosts show.
        ports: which port to use for which; those that it does not know are chosen and put into it. DNS is port 53.

    Raises:
        PortTakenError: somebody else has one of them; nothing stays bound.
    """
    bound = _Bound()
    try:
        _bind_resolvers(network, bound, ports)
        _bind_hosts(network, bound, certificates, ports)
        _bind_proxy(network, bound, certificates, ports)
    except BaseException:
        bound.close()
        raise
    return bound


def _bind_resolvers(network: LabPlan, bound: _Bound, ports: LabPorts) -> None:
    modes = {DnsTcp.ANSWER: TcpMode.ACCEPT, DnsTcp.REFUSE: TcpMode.REFUSE, DnsTcp.DROP: TcpMode.DROP}
    for index, (address, behaviour) in enumerate(network.resolvers):
        mode = modes[behaviour.tcp] if behaviour.listens else TcpMode.REFUSE
        sock = ports.bind(address, 53, mode)
        if mode is TcpMode.ACCEPT:
            bound.tcp.append((sock, index))
        else:
            bound.keep_silent(sock, mode)
        if behaviour.listens:
            bound.udp.append((sockets.udp(address, ports.chosen[53]), index))


def _bind_hosts(network: LabPlan, bound: _Bound, certificates: Certificates, ports: LabPorts) -> None:
    for (address, service_port), sites in _sites(network).items():
        mode = next(iter(sites.values())).behaviour.tcp
        sock = ports.bind(address, service_port, mode)
        if mode in (TcpMode.ACCEPT, TcpMode.RESET):
            bound.hosts.append((sock, HostServer(sites, certificates)))
        else:
            bound.keep_silent(sock, mode)


def _bind_proxy(network: LabPlan, bound: _Bound, certificates: Certificates, ports: LabPorts) -> None:
    if network.proxy is None:
        return
    mode = network.proxy.behaviour.tcp
    sock = ports.bind(network.proxy.address, PROXY_PORT, mode)
    if mode in (TcpMode.ACCEPT, TcpMode.RESET):
        served = {service: ports.chosen[service] for service in network.service_ports}
        bound.hosts.append((sock, ServedProxy(network, certificates, served)))
    else:
        bound.keep_silent(sock, mode)


def _sites(network: LabPlan) -> dict[tuple[str, int], dict[str, Site]]:
    """Every address and service port with the hosts that are served there."""
    search_page = PlannedHost(
        name=_SEARCH_PAGE,
        ids=frozenset(),
        genuine=Genuine.HTTP,
        service_ports=frozenset(network.service_ports),
        addresses=(PlannedAddress(address=network.search_page, behaviour=HostBehaviour(chain=ShownChain.WRONG_NAME)),),
    )
    found: dict[tuple[str, int], dict[str, Site]] = {}
    for host in (*network.hosts, search_page):
        for planned in host.addresses:
            site = Site(host=host.name, genuine=host.genuine, behaviour=planned.behaviour)
            for port in host.service_ports:
                found.setdefault((planned.address, port), {})[host.name] = site
    return found


async def serve(network: LabPlan, bound: _Bound) -> None:
    """Serve a bound plan until cancelled; closes every socket."""
    zone = network.zone
    memories = [Memory() for _ in network.resolvers]
    guests = Guests(_room(bound))
    try:
        async with trio.open_nursery() as nursery:
            for sock, index in bound.udp:
                nursery.start_soon(serve_udp, sock, zone, network.resolvers[index][1], memories[index])
            for stdlib_sock, index in bound.tcp:
                behaviour = network.resolvers[index][1]
                handler = functools.partial(serve_tcp, zone=zone, behaviour=behaviour, memory=memories[index])
                nursery.start_soon(trio.serve_listeners, guests.welcome(handler), [sockets.listener(stdlib_sock)])
            for stdlib_sock, server in bound.hosts:
                nursery.start_soon(trio.serve_listeners, guests.welcome(server.serve), [sockets.listener(stdlib_sock)])
    finally:
        bound.close()


def _room(bound: _Bound) -> int:
    """How many connections may be open at once: a part of the files that are left, as a check may run beside."""
    left = resource.getrlimit(resource.RLIMIT_NOFILE)[0] - bound.count
    return max(_FEWEST_GUESTS, min(_MOST_GUESTS, left // 3))


def _loopback_block(size: int) -> Iterator[str]:
    """Addresses of a random block in 127.64.0.0 to 127.254.255.255, which no resolver or daemon has by habit."""
    first = int(ipaddress.IPv4Address("127.64.0.0"))
    last = int(ipaddress.IPv4Address("127.254.0.0"))
    base = random.randrange(first, last, 256)  # noqa: S311 - a collision is noticed, not a danger
    return (str(ipaddress.IPv4Address(base + 1 + offset)) for offset in range(size))


def _allow_files(wanted: int) -> None:
    """Raise this process's soft limit of open files to what the lab needs (as Go programs do at start)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ample = max(wanted, _AMPLE_FILES if hard == resource.RLIM_INFINITY else min(_AMPLE_FILES, hard))
    if ample <= soft:
        return
    if hard != resource.RLIM_INFINITY and wanted > hard:
        remedy = f"allow {wanted} open files (ulimit -n), or choose fewer regions"
        raise UsageError(f"{wanted} open files", f"the lab needs them and this system allows {hard}", remedy)
    resource.setrlimit(resource.RLIMIT_NOFILE, (ample, hard))


def _lay_out(
    scenario: Scenario, endpoints: Sequence[Endpoint], certificates: Certificates
) -> tuple[LabPlan, _Bound, LabPorts]:
    """Find a free block of loopback, and bind the whole plan there."""
    size = 2 * len(hosts_of(endpoints)) + len(scenario.resolvers) + 2
    _allow_files(2 * size + _SPARE_FILES)
    for attempt in range(1, _ATTEMPTS + 1):
        block = _loopback_block(size)
        proxy_address = next(block)
        network = plan(scenario, endpoints, block, itertools.repeat("::1"))
        network = with_proxy(network, scenario, endpoints, proxy_address)
        ports = LabPorts()
        try:
            return network, bind(network, certificates, ports), ports
        except sockets.PortTakenError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def scenario_named(name: str) -> Scenario:
    """Look a scenario up.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in SCENARIOS:
        remedy = meant(nearest(name, SCENARIOS), "'netprobe lab list' shows all")
        raise UsageError(name, "the lab has no such scenario", remedy)
    return SCENARIOS[name]


def describe(scenario: Scenario, network: LabPlan, ports: LabPorts, certificates: Certificates) -> Standing:
    """Say where a bound lab listens."""
    store_file = {
        Trust.ORIGIN: certificates.origin_file,
        Trust.ORIGIN_AND_INSPECTOR: certificates.both_file,
        Trust.INSPECTOR: certificates.inspector_file,
    }[scenario.trust]
    assert network.proxy is not None
    return Standing(
        scenario=scenario.name,
        resolvers=tuple(address for address, _ in network.resolvers),
        dns_port=ports.chosen[53],
        ports={port: ports.chosen[port] for port in network.service_ports},
        addresses={host.name: tuple(planned.address for planned in host.addresses) for host in network.hosts},
        proxy_address=network.proxy.address,
        proxy_port=ports.chosen[PROXY_PORT],
        store_file=str(store_file),
        origin_file=str(certificates.origin_file),
    )


def _lab(played: Scenario, listening: Standing, path: Path) -> Lab:
    """What a visitor of a lab gets."""
    resolvers = tuple(Resolver(address=address, port=listening.dns_port) for address in listening.resolvers)
    store = TrustStore(ca_file=Path(listening.store_file), description="lab")
    direct = Vantage(
        name="host",
        resolvers=resolvers,
        search=played.search,
        ndots=played.ndots,
        hosts_file=None,
        store=store,
        origin_ca=Path(listening.origin_file),
        ports=listening.ports,
        record=VantageRecord(name="host", resolvers=tuple(map(str, resolvers)), store=store.description),
    )
    vantage, *others = _programs(direct, played.proxy, listening)
    return Lab(
        scenario=played,
        vantage=vantage,
        others=tuple(others),
        proxy_address=listening.proxy_address,
        proxy_port=listening.proxy_port,
        directory=path.parent,
        origin_file=Path(listening.origin_file),
        addresses=listening.addresses,
    )


def _programs(direct: Vantage, behaviour: ProxyBehaviour | None, listening: Standing) -> tuple[Vantage, ...]:
    """The eyes of the lab's host: one pair, and a second where a program has forgotten the proxy."""
    if behaviour is None:
        return (direct,)
    user, password = behaviour.given or (None, None)
    proxy = ProxyServer(
        scheme=behaviour.scheme,
        host=PROXY,
        port=PROXY_PORT,
        username=user,
        password=password,
        source="the lab's scenario",
        lab_port=listening.proxy_port,
    )
    proxied = with_the_proxy(direct, proxy, behaviour.exempts)
    if not behaviour.forgotten_by:
        return (proxied,)
    agent, other = "ecs-agent", behaviour.forgotten_by
    return (
        msgspec.structs.replace(proxied, name=agent, record=msgspec.structs.replace(proxied.record, name=agent)),
        msgspec.structs.replace(direct, name=other, record=msgspec.structs.replace(direct.record, name=other)),
    )


def with_the_proxy(vantage: Vantage, proxy: ProxyServer, exempts: str = "") -> Vantage:
    """The same eyes, told to use a proxy.

    Args:
        vantage: of the lab.
        proxy: the setting, as :meth:`Lab.stand_in` makes it.
        exempts: a token of NO_PROXY that keeps every name from it, or nothing.
    """
    return msgspec.structs.replace(
        vantage,
        proxy_for=lambda _host, _port: None if exempts else proxy,
        exempts=lambda _host, _port: exempts or None,
        proxy=proxy,
        record=msgspec.structs.replace(
            vantage.record,
            proxy=proxy.safe,
            no_proxy=(exempts,) if exempts else (),
            sources={**vantage.record.sources, "proxy": proxy.source},
        ),
    )


@contextlib.asynccontextmanager
async def open_lab(scenario: str | Scenario, endpoints: Sequence[Endpoint]) -> AsyncIterator[Lab]:
    """Bring the embedded lab up on loopback, for as long as the context lasts.

    Args:
        scenario: one, or its name in :data:`netprobe.lab.SCENARIOS`; or, with a slash in it, the ``lab.json`` of a
            lab that ``netprobe lab run`` keeps up: then nothing is started.
        endpoints: what exists in the lab, from ``netprobe.requirements.endpoints``.

    Raises:
        UsageError: no such scenario or file, or more hosts than this system allows sockets.
    """
    if isinstance(scenario, str) and "/" in scenario:
        listening = standing.read(Path(scenario))
        yield _lab(scenario_named(listening.scenario), listening, Path(scenario))
        return
    played = scenario_named(scenario) if isinstance(scenario, str) else scenario
    failed: BaseException | None = None
    with tempfile.TemporaryDirectory(prefix="netprobe-lab-") as folder:
        certificates = Certificates(Path(folder))
        network, bound, ports = _lay_out(played, endpoints, certificates)
        description = Path(folder) / standing.NAME
        listening = describe(played, network, ports, certificates)
        standing.write(listening, description)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, network, bound)
            try:
                yield _lab(played, listening, description)
            except BaseException as error:  # carried past the nursery, which would wrap it into a group
                failed = error
            nursery.cancel_scope.cancel()
    if failed is not None:
        raise failed

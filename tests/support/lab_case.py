"""A case of the fault lab: a network with something wrong, and what netprobe must say about it; and how it is run.

A case is data. ``scenario`` says how the servers behave; ``network`` puts them behind routers in namespaces (without
it they are on loopback, without root). The run is the real thing: ``probes.run.check`` with the case's resolvers, then
``diagnosis.diagnose``. Rules of routers name hosts by endpoint: ``{ssm}`` becomes the addresses of ssm's hosts as an
nft set, ``{ssm_6}`` the IPv6 ones, ``{ssm_first}`` and ``{ssm_second}`` the first and second one alone,
``{resolver_0}`` the first resolver, ``{all}`` every host.
"""

from __future__ import annotations

import ipaddress
import itertools
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import trio

from netprobe.catalog.model import Endpoint
from netprobe.diagnosis import diagnose
from netprobe.diagnosis.model import Diagnosis
from netprobe.findings import Severity, Verdict
from netprobe.lab import SCENARIOS, Scenario, open_lab
from netprobe.lab.certificates import Certificates
from netprobe.lab.network import LabPorts, bind, serve
from netprobe.lab.plan import LabPlan, plan
from netprobe.lab.scenarios import Trust
from netprobe.observations import Run, VantageRecord
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from netprobe.vantage import ProxyServer, Resolver, TrustStore, Vantage
from tests.support import lab_devices
from tests.support.lab_devices import ROUTER, Engine, Place
from tests.support.lab_endpoints import endpoints, facts
from tests.support.netns import Topology
from tests.support.steady import Pulse, pulse, steadily

OF_CHANCE = frozenset({"works_by_chance", "packet_loss", "connection_limit", "slow"})
"""Findings that say that a network works, though not always."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Routers between the host and the servers, and what they do.

    Attributes:
        routers: how many.
        mtu: link number → MTU.
        v4: whether IPv4 exists.
        v6: whether hosts have IPv6 addresses.
        forward: nft rules of the first router's forward chain.
        output: nft rules of every router's output chain.
        redirect: nft rules of the first router's NAT table, before routing.
        routes: ``ip route`` commands of the first router; ``{...}`` names one host's address (``_first``).
        iptables: rules of the first router's FORWARD chain, for what nft cannot match (strings).
        conntrack_seconds: after how long the first router forgets an established connection; None for its default.
        prefix: where the servers' IPv4 addresses come from.
        private: ids of endpoints whose hosts have private addresses instead.
        hosts_file: lines of the host's ``/etc/hosts``; None for none.
        dnsmasq: lines of a dnsmasq on the first router, which forwards to the lab's resolver; None for none.
        engines: real programs on the first router, in the order in which they start.
        proxy: the proxy that the host is told to use, or None.
        beside: what happens to the network while the check runs, or None.
    """

    routers: int = 1
    mtu: Mapping[int, int] = field(default_factory=dict)
    v4: bool = True
    v6: bool = False
    forward: tuple[str, ...] = ()
    output: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    iptables: tuple[str, ...] = ()
    conntrack_seconds: int | None = None
    prefix: str = "198.19.7.0/24"
    private: tuple[str, ...] = ()
    hosts_file: tuple[str, ...] | None = None
    dnsmasq: tuple[str, ...] | None = None
    redirect: tuple[str, ...] = ()
    engines: tuple[Engine, ...] = ()
    proxy: ProxyServer | None = None
    beside: Callable[[Topology], Awaitable[None]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """How one vantage of a case differs from the host's own.

    Attributes:
        name: the vantage.
        proxied: whether it uses the network's proxy.
        ciphers: as :attr:`netprobe.vantage.Vantage.ciphers`.
    """

    name: str = "host"
    proxied: bool = True
    ciphers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One network and what must be found in it.

    Attributes:
        name: unique.
        scenario: how the servers behave.
        network: what stands between; None for loopback.
        findings: ids of every error and warning.
        verdict: the verdict.
        region: the region that is probed.
        expect: as ``--expect``.
        idle: as ``--idle``.
        eyes: who looks.
        own_hosts: the numbered names that AWS gave this host last.
    """

    name: str
    scenario: Scenario
    network: Network | None = None
    findings: tuple[str, ...] = ()
    verdict: Verdict = Verdict.NOT_READY
    region: str = "us-east-2"
    expect: Mapping[str, str] = field(default_factory=dict)
    idle: float | None = None
    eyes: tuple[Eyes, ...] = (Eyes(),)
    own_hosts: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether nothing at all is wrong."""
        return not self.findings


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of a case."""

    run: Run
    diagnosis: Diagnosis

    @property
    def findings(self) -> tuple[str, ...]:
        """Ids of the errors and warnings, sorted, each once."""
        return tuple(sorted({f.id for f in self.diagnosis.findings if f.severity is not Severity.INFO}))


def embedded(name: str) -> Case:
    """The case that a scenario of the embedded lab is."""
    scenario = SCENARIOS[name]
    return Case(
        name=name,
        scenario=scenario,
        findings=scenario.findings,
        verdict=scenario.verdict,
        idle=scenario.idle_seconds,
    )


async def play(case: Case, meanwhile: Callable[[Run], None] | None = None) -> Result:
    """Bring the case's network up, probe it, diagnose.

    Args:
        case: the network.
        meanwhile: takes what the first pass saw, before anything is tried again.
    """

    run = await steadily(case.name, partial(_play, case, meanwhile))
    return Result(run=run, diagnosis=diagnose(run))


async def play_once(case: Case) -> Result:
    """As :func:`play`, and what came of it counts, however late the machine was."""
    run, _ = await _play(case, None)
    return Result(run=run, diagnosis=diagnose(run))


async def _play(case: Case, meanwhile: Callable[[Run], None] | None) -> tuple[Run, Pulse]:
    if case.network is None:
        return await _play_on_loopback(case, meanwhile)
    return await _play_behind_routers(case, case.network, meanwhile)


async def _play_on_loopback(case: Case, meanwhile: Callable[[Run], None] | None) -> tuple[Run, Pulse]:
    chosen = endpoints(case.region)
    settings = Settings(lab=case.scenario.name, expect=case.expect, idle=case.idle)
    async with open_lab(case.scenario, chosen) as lab, pulse() as seen:
        run = await check(chosen, [lab.vantage, *lab.others], settings, catalog=facts(), meanwhile=meanwhile)
    return run, seen


async def _play_behind_routers(
    case: Case, network: Network, meanwhile: Callable[[Run], None] | None
) -> tuple[Run, Pulse]:
    async with staged(case, network) as stage:
        with stage.net.client.entered():
            async with pulse() as seen, trio.open_nursery() as nursery:
                if network.beside is not None:
                    nursery.start_soon(network.beside, stage.net)
                run = await check(
                    stage.endpoints,
                    [
                        _vantage(eyes, case.scenario, stage.layout, stage.certificates, network, stage.store)
                        for eyes in case.eyes
                    ],
                    Settings(expect=case.expect, idle=case.idle, own_hosts=case.own_hosts),
                    catalog=facts(),
                    meanwhile=meanwhile,
                )
    return run, seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A case's network that is up.

    Attributes:
        net: the namespaces.
        layout: which host is where.
        certificates: the lab's authorities.
        store: PEM of what the host trusts.
        endpoints: what is served.
    """

    net: Topology
    layout: LabPlan
    certificates: Certificates
    store: Path
    endpoints: tuple[Endpoint, ...]


@asynccontextmanager
async def staged(case: Case, network: Network) -> AsyncIterator[Stage]:
    """Bring a case's routers, engines and servers up."""
    chosen = endpoints(case.region, ipv6_only=not network.v4)
    layout = _with_private(plan(case.scenario, chosen, _v4(network), _v6()), network.private)
    with (
        tempfile.TemporaryDirectory(prefix="netprobe-case-") as folder,
        Topology(routers=network.routers, mtu=network.mtu, v4=network.v4, v6=network.v6 or not network.v4) as net,
    ):
        os.chmod(folder, 0o711)  # engines give up root and must still find their files
        _break(net, network, layout)
        certificates = Certificates(Path(folder))
        store = _store(case, certificates)
        async with served(net, layout, certificates):
            await trio.to_thread.run_sync(_start_engines, net, network, layout, certificates, store)
            yield Stage(net=net, layout=layout, certificates=certificates, store=store, endpoints=chosen)


def _v4(network: Network) -> Iterator[str] | None:
    return (str(address) for address in ipaddress.IPv4Network(network.prefix).hosts()) if network.v4 else None


def _v6() -> Iterator[str]:
    return (f"2001:db8:ffff::{number:x}" for number in itertools.count(1))


def _with_private(layout: LabPlan, ids: tuple[str, ...]) -> LabPlan:
    """Move the hosts of some endpoints to private addresses, as interface endpoints do."""
    free = (str(address) for address in ipaddress.IPv4Network("10.99.8.0/24").hosts())
    moved = [
        host
        if host.ids.isdisjoint(ids)
        else replace(host, addresses=tuple(replace(planned, address=next(free)) for planned in host.addresses))
        for host in layout.hosts
    ]
    return replace(layout, hosts=tuple(moved))


@asynccontextmanager
async def served(net: Topology, layout: LabPlan, certificates: Certificates) -> AsyncIterator[None]:
    """Serve a plan in the server's namespace: sockets stay in the namespace in which they were made."""
    with net.server.entered():
        bound = bind(layout, certificates, LabPorts({port: port for port in (*layout.service_ports, 53)}))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve, layout, bound)
        yield
        nursery.cancel_scope.cancel()


def _store(case: Case, certificates: Certificates) -> Path:
    """What the host trusts, in a file of its own: an engine may add its CA."""
    store = certificates.origin_file.with_name("store.pem")
    trusted = {
        Trust.ORIGIN: certificates.origin_file,
        Trust.ORIGIN_AND_INSPECTOR: certificates.both_file,
        Trust.INSPECTOR: certificates.inspector_file,
    }[case.scenario.trust]
    store.write_bytes(trusted.read_bytes())
    return store


def _vantage(
    eyes: Eyes, scenario: Scenario, layout: LabPlan, certificates: Certificates, network: Network, store: Path
) -> Vantage:
    resolvers = tuple(Resolver(address=address) for address, _ in layout.resolvers)
    if network.dnsmasq is not None:
        resolvers = (Resolver(address=ROUTER),)
    proxy = network.proxy if eyes.proxied else None
    families = (4, 6) if network.v4 else (6,)
    return Vantage(
        name=eyes.name,
        resolvers=resolvers,
        search=scenario.search,
        ndots=scenario.ndots,
        hosts_file=_hosts_file(network, layout, store),
        proxy_for=lambda _host, _port: proxy,
        store=TrustStore(ca_file=store, description="case"),
        origin_ca=certificates.origin_file,
        families=families,
        ciphers=eyes.ciphers,
        record=VantageRecord(
            name=eyes.name,
            resolvers=tuple(map(str, resolvers)),
            proxy=proxy.safe if proxy is not None else None,
            store="case",
            families=families,
        ),
    )


def _hosts_file(network: Network, layout: LabPlan, store: Path) -> Path | None:
    if network.hosts_file is None:
        return None
    file = store.with_name("hosts")
    file.write_text("".join(f"{line}\n" for line in network.hosts_file).format(**_names(layout)))
    return file


def _break(net: Topology, network: Network, layout: LabPlan) -> None:
    """Put the faults into the routers."""
    names = _names(layout)
    if network.forward:
        net.routers[0].nft(_chain("forward", [rule.format(**names) for rule in network.forward]))
    if network.output:
        for router in net.routers:
            router.nft(_chain("output", [rule.format(**names) for rule in network.output]))
    if network.redirect:
        rules = "\n".join(rule.format(**names) for rule in network.redirect)
        net.routers[0].nft(f"table ip nat {{ chain c {{ type nat hook prerouting priority -100;\n{rules}\n}}\n}}\n")
    if network.conntrack_seconds is not None:
        knobs = ("nf_conntrack_tcp_timeout_established", "nf_conntrack_tcp_loose")
        for name, value in zip(knobs, (network.conntrack_seconds, 0), strict=True):
            net.routers[0].run("sysctl", "-qw", f"net.netfilter.{name}={value}")
    for route in network.routes:
        net.routers[0].ip("route", "add", *route.format(**names).split())
    for rule in network.iptables:
        net.routers[0].run("iptables", "-A", "FORWARD", *rule.format(**names).split())


def _start_engines(net: Topology, network: Network, layout: LabPlan, certificates: Certificates, store: Path) -> None:
    """Start the real daemons of the first router and wait until they listen."""
    place = Place(
        folder=store.parent,
        resolver=layout.resolvers[0][0],
        certificates=certificates,
        names=_names(layout),
        store=store,
    )
    own = () if network.dnsmasq is None else (lab_devices.dnsmasq(*network.dnsmasq),)
    lab_devices.start(net.routers[0], (*own, *network.engines), place)


def _chain(hook: str, rules: list[str]) -> str:
    lines = "\n".join(rules)
    return f"table inet {hook}_faults {{ chain c {{ type filter hook {hook} priority 0;\n{lines}\n}}\n}}\n"


def _names(layout: LabPlan) -> dict[str, str]:
    """What ``{...}`` stands for in rules."""
    names = {f"resolver_{index}": address for index, (address, _) in enumerate(layout.resolvers)}
    names["hosts"] = " ".join(host.name for host in layout.hosts)
    by_id: dict[str, list[str]] = {"all": []}
    for host in layout.hosts:
        literals = [planned.address for planned in host.addresses]
        by_id["all"] += literals
        for id_ in host.ids:
            by_id.setdefault(id_.replace("-", "_"), []).extend(literals)
    for id_, literals in by_id.items():
        v4, v6 = [a for a in literals if ":" not in a], [a for a in literals if ":" in a]
        names[id_], names[f"{id_}_6"] = _set(v4), _set(v6)
        for word, address in zip(("first", "second"), v4 or v6, strict=False):
            names[f"{id_}_{word}"] = address
    return names


def _set(addresses: list[str]) -> str:
    return "{ " + ", ".join(dict.fromkeys(addresses)) + " }"

"""Who looks at a lab: its own host, the host with another proxy, or the agents of a real host or root folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from netprobe import addresses
from netprobe.lab.network import with_the_proxy
from netprobe.vantage import ProxyServer, TrustStore, Vantage

if TYPE_CHECKING:
    from netprobe.lab.network import Lab


def as_host(lab: Lab, *, proxy: ProxyServer | None = None, no_proxy: bool = False) -> tuple[Vantage, ...]:
    """The lab's own eyes.

    Args:
        lab: that is up.
        proxy: the proxy that a user names. One on loopback by its address is the user's own and is used as it is; for
            any other the lab's stands in.
        no_proxy: connect directly, whatever the scenario has.
    """
    if proxy is not None:
        standing = proxy if addresses.is_loopback(proxy.host) else lab.stand_in(proxy)
        return (with_the_proxy(_direct(lab.vantage), standing),)
    if no_proxy:
        return (_direct(lab.vantage),)
    return (lab.vantage, *lab.others)


def as_agents(lab: Lab, own: Vantage, agents: Sequence[Vantage]) -> tuple[Vantage, ...]:
    """The eyes of agents, whose settings were read elsewhere, in the lab's network.

    Args:
        lab: that is up.
        own: the lab's own eyes, for the vantage ``host``.
        agents: as ``netprobe.host.agents.vantages`` gives them.
    """
    return tuple(_as_agent(lab, own, agent) for agent in agents)


def _as_agent(lab: Lab, own: Vantage, agent: Vantage) -> Vantage:
    if agent.name == "host":
        return msgspec.structs.replace(own, stands_in=agent.stands_in)
    from netprobe.host.agents.programs import PUBLIC_ROOTS

    base = lab.vantage
    proxy = None if agent.proxy is None else lab.stand_in(agent.proxy)
    store = base.store
    if agent.store.description == PUBLIC_ROOTS:
        store = TrustStore(ca_file=lab.origin_file, description=PUBLIC_ROOTS)
    sources = dict(agent.record.sources)
    if proxy is not None:
        sources["proxy"] = f"{sources.get('proxy', proxy.source)}; in the lab, its proxy stands in"
    exempts = agent.exempts
    return msgspec.structs.replace(
        agent,
        resolvers=base.resolvers,
        search=base.search,
        ndots=base.ndots,
        hosts_file=None,
        proxy=proxy,
        proxy_for=lambda host, port: proxy if exempts(host, port) is None else None,
        store=store,
        origin_ca=base.origin_ca,
        families=base.families,
        ports=base.ports,
        record=msgspec.structs.replace(
            agent.record,
            resolvers=base.record.resolvers,
            store=store.description,
            families=base.families,
            sources=sources,
        ),
    )


def _direct(vantage: Vantage) -> Vantage:
    """The same eyes without a proxy."""
    sources = {key: value for key, value in vantage.record.sources.items() if key != "proxy"}
    return msgspec.structs.replace(
        vantage,
        proxy_for=lambda _host, _port: None,
        exempts=lambda _host, _port: None,
        proxy=None,
        record=msgspec.structs.replace(vantage.record, proxy=None, no_proxy=(), sources=sources),
    )

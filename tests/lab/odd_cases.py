"""Networks that are healthy and odd: nothing is wrong in them, and nothing must be said to be."""

from __future__ import annotations

from dataclasses import replace

from netprobe.findings import Verdict
from netprobe.host.agents.programs import ECS_CIPHERS
from netprobe.lab import SCENARIOS
from netprobe.lab.behaviour import DnsMode, HostBehaviour, ResolverBehaviour
from netprobe.lab.scenarios import Scenario
from tests.support.lab_case import Case, Eyes, Network

HEALTHY = SCENARIOS["healthy"]
_BARE = ("ecs-a-unnumbered", "ecs-t-unnumbered")
_NUMBERED = ("ecs-a", "ecs-t")


def odd(name: str, network: Network | None = None, scenario: Scenario = HEALTHY, **more: object) -> Case:
    """A network in which nothing is wrong."""
    return Case(
        name=f"odd-{name}",
        scenario=scenario,
        network=network or Network(),
        verdict=Verdict.READY,
        **more,  # type: ignore[arg-type]
    )


def named(name: str, **properties: object) -> Scenario:
    """A scenario of its own."""
    return Scenario(name=name, summary=".", **properties)  # type: ignore[arg-type]


ONE_NUMBER = named("one-number", numbers=(16,))
BARE_ONLY = named("bare-only", resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=_NUMBERED),))
NO_BARE = named("no-bare", resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=_BARE),))
MANY = named("many-numbers", numbers=(1, 2, 3, 4, 5, 8, 12, 16, 31, 32))
TCP_ONLY = ResolverBehaviour(mode=DnsMode.TRUNCATE)
LATE_DNS = ResolverBehaviour(delay_seconds=0.3)
ODD_CASES = (
    odd("one-number", scenario=ONE_NUMBER),
    odd("bare-names-only", scenario=BARE_ONLY),
    odd("no-bare-names", scenario=NO_BARE),
    odd("ten-numbers", scenario=MANY),
    odd("a-number-beyond-the-search-is-its-own", scenario=MANY, own_hosts=("ecs-a-12.us-east-2.amazonaws.com",)),
    odd("three-resolvers", scenario=named("three", resolvers=(ResolverBehaviour(),) * 3)),
    odd("one-resolver-on-tcp-only", scenario=named("mixed", resolvers=(TCP_ONLY, ResolverBehaviour()))),
    odd("late-resolver", scenario=named("late", resolvers=(LATE_DNS,))),
    odd("late-second-resolver", scenario=named("late-second", resolvers=(ResolverBehaviour(), LATE_DNS))),
    odd("late-servers", scenario=named("late-servers", behaviour=HostBehaviour(delay_seconds=0.2))),
    odd("clock-half-a-minute-off", scenario=named("half-a-minute", behaviour=HostBehaviour(date_offset_seconds=30))),
    odd("two-addresses-and-two-resolvers", scenario=replace(SCENARIOS["two-addresses"], resolvers=(TCP_ONLY,) * 2)),
    odd("dual-stack-far-away", Network(routers=4, v6=True), SCENARIOS["dual-stack"]),
    odd("five-routers", Network(routers=5)),
    odd("jumbo-frames", Network(mtu={0: 9000})),
    odd("tunnel-of-1400", Network(routers=2, mtu={1: 1400})),
    odd("tunnel-of-1280-on-ipv6", Network(routers=2, mtu={1: 1280}, v4=False)),
    odd("udp-443-blocked", Network(forward=("udp dport 443 drop",))),
    odd("plain-http-blocked", Network(forward=("tcp dport 80 drop",))),
    odd("pings-rejected", Network(forward=("icmp type echo-request reject",))),
    odd("other-hosts-dropped", Network(forward=("ip daddr 198.19.250.0/24 drop",))),
    odd("ecn-cleared", Network(forward=("tcp flags syn ip ecn set not-ect",))),
    odd("ttl-rewritten", Network(forward=('iifname "left" ip ttl set 64',))),
    odd("dscp-rewritten", Network(forward=("ip dscp set cs1",))),
    odd("mss-clamped", Network(forward=("tcp flags syn tcp option maxseg size set 1300",))),
    odd("stateful-firewall", Network(forward=("ct state established,related accept", "tcp dport 443 accept"))),
    odd("private-link-for-some", Network(private=("ssm", "ssmmessages", "logs"))),
    odd("empty-hosts-file", Network(hosts_file=("127.0.0.1 localhost",))),
    odd("the-agents-ciphers", eyes=(Eyes(name="ecs-agent", ciphers=ECS_CIPHERS),)),
    odd("two-vantages", eyes=(Eyes(name="ecs-agent", ciphers=ECS_CIPHERS), Eyes(name="docker"))),
    odd("an-old-region", region="sa-east-1"),
    odd("a-new-region", region="mx-central-1"),
    odd("govcloud", region="us-gov-west-1"),
)
"""Every case of this module."""

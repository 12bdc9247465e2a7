"""The cases of the fault lab. Each says what is wrong and what must be found: nothing less, and no error more."""

from __future__ import annotations

from netprobe.diagnosis.model import Verdict
from netprobe.lab import SCENARIOS
from netprobe.lab.behaviour import ResolverBehaviour
from netprobe.lab.scenarios import Scenario
from tests.lab.proxy_cases import PROXY_CASES
from tests.support.lab_case import Case, Network, embedded

HEALTHY = SCENARIOS["healthy"]
TWO_ADDRESSES = SCENARIOS["two-addresses"]
DUAL_STACK = SCENARIOS["dual-stack"]
TWO_RESOLVERS = Scenario(name="two-resolvers", summary=".", resolvers=(ResolverBehaviour(), ResolverBehaviour()))
AGENT = "{ecs_a}"
NO_TOO_BIG = ("icmp type destination-unreachable drop", "icmpv6 type packet-too-big drop")

EMBEDDED = tuple(embedded(name) for name in SCENARIOS)


def healthy(name: str, network: Network, scenario: Scenario = HEALTHY, **more: object) -> Case:
    """A network in which nothing is wrong."""
    return Case(name=name, scenario=scenario, network=network, verdict=Verdict.READY, **more)  # type: ignore[arg-type]


def broken(name: str, finding: str, network: Network, scenario: Scenario = HEALTHY) -> Case:
    """A network that keeps the host from working."""
    return Case(name=name, scenario=scenario, network=network, findings=(finding,))


def half(name: str, finding: str, network: Network, scenario: Scenario = HEALTHY) -> Case:
    """A network in which another address, family or resolver still works."""
    return Case(name=name, scenario=scenario, network=network, findings=(finding,), verdict=Verdict.DEGRADED)


HEALTHY_NETWORKS = (
    healthy("ns-plain", Network()),
    healthy("ns-three-routers", Network(routers=3)),
    healthy("ns-dual-stack", Network(v6=True), DUAL_STACK),
    healthy("ns-ipv6-only", Network(v4=False)),
    healthy("ns-slow-300-ms", Network(), SCENARIOS["slow"]),
    healthy("ns-resolver-on-tcp-only", Network(), SCENARIOS["dns-over-tcp"]),
    healthy("ns-two-addresses", Network(), TWO_ADDRESSES),
    healthy("ns-two-resolvers", Network(), TWO_RESOLVERS),
    healthy("ns-private-link", Network(prefix="10.99.7.0/24")),
    healthy("ns-private-link-expected", Network(prefix="10.99.7.0/24"), expect={"ssm": "private"}),
    healthy("ns-narrow-link-with-icmp", Network(routers=2, mtu={1: 1280})),
    healthy("ns-no-ec2messages-region", Network(), region="ap-southeast-7"),
    healthy(
        "ns-ping-blocked", Network(forward=("icmp type echo-request drop", 'iifname "left" udp dport 33434-33534 drop'))
    ),
)

TCP = (
    broken("ns-drop", "tcp_dropped", Network(forward=(f"ip daddr {AGENT} tcp dport 443 drop",))),
    broken("ns-drop-all", "tcp_dropped", Network(forward=("ip daddr {all} tcp dport 443 drop",))),
    broken("ns-drop-answers", "tcp_dropped", Network(forward=(f"ip saddr {AGENT} tcp sport 443 drop",))),
    broken(
        "ns-reject-reset", "tcp_refused", Network(forward=(f"ip daddr {AGENT} tcp dport 443 reject with tcp reset",))
    ),
    broken(
        "ns-admin-prohibited",
        "tcp_prohibited",
        Network(forward=(f"ip daddr {AGENT} reject with icmp type admin-prohibited",)),
    ),
    broken(
        "ns-net-prohibited",
        "tcp_prohibited",
        Network(forward=(f"ip daddr {AGENT} reject with icmp type net-prohibited",)),
    ),
    broken(
        "ns-host-prohibited",
        "tcp_prohibited",
        Network(forward=(f"ip daddr {AGENT} reject with icmp type host-prohibited",)),
    ),
    broken(
        "ns-host-unreachable",
        "tcp_unreachable",
        Network(forward=(f"ip daddr {AGENT} reject with icmp type host-unreachable",)),
    ),
    broken(
        "ns-net-unreachable",
        "tcp_unreachable",
        Network(forward=(f"ip daddr {AGENT} reject with icmp type net-unreachable",)),
    ),
    broken("ns-route-unreachable", "tcp_unreachable", Network(routes=("unreachable {ssm_first}",))),
    broken("ns-route-prohibit", "tcp_prohibited", Network(routes=("prohibit {ssm_first}",))),
    broken("ns-route-blackhole", "tcp_dropped", Network(routes=("blackhole {ssm_first}",))),
    broken("ns-second-router-drops", "tcp_dropped", Network(routers=3, forward=("ip daddr {ssm} tcp dport 443 drop",))),
    half(
        "ns-one-address-dropped",
        "tcp_some_addresses_blocked",
        Network(forward=("ip daddr {ssm_second} tcp dport 443 drop",)),
        TWO_ADDRESSES,
    ),
    half(
        "ns-one-address-rejected",
        "tcp_some_addresses_blocked",
        Network(forward=("ip daddr {ssm_second} tcp dport 443 reject with tcp reset",)),
        TWO_ADDRESSES,
    ),
    half("ns-ipv6-dropped", "ipv6_broken", Network(v6=True, forward=("ip6 daddr {all_6} drop",)), DUAL_STACK),
    half(
        "ns-ipv6-rejected",
        "ipv6_broken",
        Network(v6=True, forward=("ip6 daddr {all_6} reject with icmpv6 type admin-prohibited",)),
        DUAL_STACK,
    ),
    half(
        "ns-ipv4-dropped", "ipv4_broken", Network(v6=True, forward=("ip daddr {all} tcp dport 443 drop",)), DUAL_STACK
    ),
    broken("ns-ipv6-only-dropped", "tcp_dropped", Network(v4=False, forward=("ip6 daddr {ssm_6} tcp dport 443 drop",))),
    broken("ns-layers-dropped", "tcp_dropped", Network(forward=("ip daddr {ecr_layers} tcp dport 443 drop",))),
)

TLS = (
    broken(
        "ns-sni-dropped",
        "tls_sni_blocked",
        Network(iptables=("-p tcp --dport 443 -m string --algo bm --string ecs-a- -j DROP",)),
    ),
    broken(
        "ns-sni-reset",
        "tls_sni_blocked",
        Network(iptables=("-p tcp --dport 443 -m string --algo bm --string ecs-a- -j REJECT --reject-with tcp-reset",)),
    ),
    broken("ns-path-mtu", "tls_path_mtu", Network(routers=2, mtu={1: 1000}, output=NO_TOO_BIG)),
    broken(
        "ns-path-mtu-ipv6",
        "tls_path_mtu",
        Network(routers=2, mtu={1: 1280}, output=NO_TOO_BIG, v4=False),
    ),
    broken(
        "ns-tls-answers-dropped",
        "tls_dropped_after_hello",
        Network(forward=("ip saddr {ssm} tcp sport 443 meta length > 80 drop",)),
    ),
    Case(
        name="ns-intercepted",
        scenario=SCENARIOS["tls-intercepted"],
        network=Network(),
        findings=("tls_intercepted",),
    ),
    Case(
        name="ns-intercepted-trusted",
        scenario=SCENARIOS["tls-intercepted-trusted"],
        network=Network(),
        findings=("tls_intercepted_trusted",),
        verdict=Verdict.DEGRADED,
    ),
)

DNS = (
    broken("ns-dns-udp-dropped", "dns_timeout", Network(forward=("udp dport 53 drop",))),
    broken("ns-dns-all-dropped", "dns_timeout", Network(forward=("ip daddr {resolver_0} drop",))),
    broken(
        "ns-dns-rejected", "dns_unreachable", Network(forward=("udp dport 53 reject with icmp type port-unreachable",))
    ),
    broken(
        "ns-dns-prohibited",
        "dns_unreachable",
        Network(forward=("udp dport 53 reject with icmp type admin-prohibited",)),
    ),
    broken("ns-dns-tcp-dropped", "dns_tcp_blocked", Network(forward=("tcp dport 53 drop",)), SCENARIOS["dns-over-tcp"]),
    broken(
        "ns-dns-tcp-rejected",
        "dns_tcp_blocked",
        Network(forward=("tcp dport 53 reject with tcp reset",)),
        SCENARIOS["dns-over-tcp"],
    ),
    half(
        "ns-first-resolver-dead", "dns_resolver_down", Network(forward=("ip daddr {resolver_0} drop",)), TWO_RESOLVERS
    ),
    half(
        "ns-second-resolver-dead", "dns_resolver_down", Network(forward=("ip daddr {resolver_1} drop",)), TWO_RESOLVERS
    ),
)

ENGINES = (
    healthy("ns-behind-dnsmasq", Network(dnsmasq=())),
    broken(
        "ns-dnsmasq-sinkhole",
        "dns_sinkholed",
        Network(dnsmasq=("address=/ssm.us-east-2.amazonaws.com/0.0.0.0", "address=/ssm.us-east-2.amazonaws.com/::")),
    ),
    broken("ns-dnsmasq-nxdomain", "dns_name_missing", Network(dnsmasq=("address=/ssm.us-east-2.amazonaws.com/",))),
    Case(
        name="ns-dnsmasq-wildcard",
        scenario=HEALTHY,
        network=Network(dnsmasq=("address=/#/198.19.7.2",)),
        findings=("dns_wildcard_answers", "tls_wrong_name"),
    ),
)

CASES = (*EMBEDDED, *HEALTHY_NETWORKS, *TCP, *TLS, *DNS, *ENGINES, *PROXY_CASES)

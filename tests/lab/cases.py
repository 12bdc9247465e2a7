"""The cases of the fault lab. Each says what is wrong and what must be found: nothing less, and no error more."""

from __future__ import annotations

from dataclasses import replace

from netprobe.findings import Verdict
from netprobe.lab import SCENARIOS
from netprobe.lab.behaviour import DnsMode, HostBehaviour, ResolverBehaviour
from netprobe.lab.scenarios import ANSWER, Scenario
from tests.lab.dns_cases import RESOLVER_CASES
from tests.lab.numbered_cases import NUMBERED_CASES
from tests.lab.odd_cases import ODD_CASES
from tests.lab.proxy_cases import PROXY_CASES
from tests.support.lab_case import Case, Network, embedded

HEALTHY = SCENARIOS["healthy"]
TWO_ADDRESSES = SCENARIOS["two-addresses"]
DUAL_STACK = SCENARIOS["dual-stack"]
ROTATING = replace(TWO_ADDRESSES, name="rotating", resolvers=(ResolverBehaviour(rotates=True),))
TWO_RESOLVERS = Scenario(name="two-resolvers", summary=".", resolvers=(ResolverBehaviour(), ResolverBehaviour()))
SLOWER = Scenario(
    name="slower",
    summary=".",
    behaviour=HostBehaviour(delay_seconds=0.6),
    resolvers=(ResolverBehaviour(delay_seconds=0.6),),
)
AGENT = "{ecs_a}"
NO_TOO_BIG = ("icmp type destination-unreachable drop", "icmpv6 type packet-too-big drop")

# The odd but genuine answers have a test of their own, with the endpoints that give them.
EMBEDDED = tuple(embedded(name) for name in SCENARIOS if not name.startswith(ANSWER))


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
    healthy("ns-slow-600-ms", Network(), SLOWER),
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
    broken("ns-reject-port", "tcp_refused", Network(forward=(f"ip daddr {AGENT} tcp dport 443 reject",))),
    broken("ns-hops-run-out", "tcp_unreachable", Network(routers=2, forward=("ip daddr {ssm} ip ttl set 1",))),
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

SSM = "ssm.us-east-2.amazonaws.com"
UNNUMBERED = ("ecs-a-unnumbered", "ecs-t-unnumbered")
DROP_SOME = "ip daddr {{ {ssm_second}, {ecs_second} }} tcp dport 443 drop"
REFUSE_SOME = "ip daddr {{ {ssm_second}, {ecs_second} }} tcp dport 443 reject with tcp reset"
WELL = ResolverBehaviour()
DENIES_NUMBERS = ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=("ecs-a",))

ADDRESSES = (
    half("ns-stale-list-drops", "stale_ip_allowlist", Network(forward=(DROP_SOME,)), TWO_ADDRESSES),
    half("ns-stale-list-rejects", "stale_ip_allowlist", Network(forward=(REFUSE_SOME,)), TWO_ADDRESSES),
    half("ns-stale-list-and-names-that-rotate", "stale_ip_allowlist", Network(forward=(REFUSE_SOME,)), ROTATING),
    replace(broken("ns-public-not-private", "dns_public_answer", Network()), expect={"ssm": "private"}),
    replace(
        broken("ns-private-not-public", "dns_private_answer", Network(prefix="10.99.7.0/24")), expect={"ssm": "public"}
    ),
    half("ns-numbers-public", "dns_numbered_names_public", Network(private=UNNUMBERED)),
    healthy("ns-numbers-private-too", Network(private=("ecs-a", "ecs-t", *UNNUMBERED))),
    half("ns-hosts-file", "hosts_file_override", Network(hosts_file=(f"{{ssm_first}} {SSM}",))),
    healthy("ns-hosts-file-of-others", Network(hosts_file=("127.0.0.1 localhost", "{ssm_first} ssm.corp.example"))),
    Case(
        name="ns-hosts-file-sinkhole",
        scenario=HEALTHY,
        network=Network(hosts_file=(f"0.0.0.0 {SSM}",)),
        findings=("dns_sinkholed", "hosts_file_override"),
    ),
)

RESOLVERS = (
    half(
        "ns-dns-slow",
        "dns_slow",
        Network(),
        Scenario(name="slow-resolver", summary=".", resolvers=(ResolverBehaviour(delay_seconds=2.2),)),
    ),
    Case(
        name="ns-numbers-at-second-only",
        scenario=Scenario(name="second-knows", summary=".", resolvers=(DENIES_NUMBERS, ResolverBehaviour())),
        network=Network(),
        findings=("dns_name_missing", "dns_resolvers_disagree"),
    ),
    Case(
        name="ns-numbers-at-first-only",
        scenario=Scenario(name="first-knows", summary=".", resolvers=(ResolverBehaviour(), DENIES_NUMBERS)),
        network=Network(),
        findings=("dns_resolvers_disagree",),
        verdict=Verdict.DEGRADED,
    ),
    half(
        "ns-first-resolver-servfail",
        "dns_resolver_down",
        Network(),
        Scenario(name="failing", summary=".", resolvers=(ResolverBehaviour(mode=DnsMode.SERVFAIL), WELL)),
    ),
    half(
        "ns-second-resolver-refuses",
        "dns_resolver_down",
        Network(),
        Scenario(name="refusing", summary=".", resolvers=(WELL, ResolverBehaviour(mode=DnsMode.REFUSED))),
    ),
    Case(
        name="ns-first-resolver-sinkholes",
        scenario=Scenario(
            name="sinking", summary=".", resolvers=(ResolverBehaviour(mode=DnsMode.SINKHOLE, only=("ssm",)), WELL)
        ),
        network=Network(),
        findings=("dns_resolvers_disagree", "dns_sinkholed"),
    ),
    Case(
        name="ns-first-resolver-redirects",
        scenario=Scenario(
            name="redirecting", summary=".", resolvers=(ResolverBehaviour(mode=DnsMode.ELSEWHERE, only=("ssm",)), WELL)
        ),
        network=Network(),
        findings=("dns_resolvers_disagree", "tls_wrong_name"),
    ),
    half(
        "ns-second-resolver-redirects",
        "dns_resolvers_disagree",
        Network(),
        Scenario(
            name="elsewhere",
            summary=".",
            resolvers=(WELL, ResolverBehaviour(mode=DnsMode.ELSEWHERE, only=("ssm", "logs"))),
        ),
    ),
    half(
        "ns-second-resolver-wildcard",
        "dns_wildcard_answers",
        Network(),
        Scenario(name="wild", summary=".", resolvers=(ResolverBehaviour(), ResolverBehaviour(wildcard=True))),
    ),
)

TWO_CAUSES = (
    Case(
        name="ns-resolver-dead-and-intercepted",
        scenario=replace(SCENARIOS["tls-intercepted"], resolvers=TWO_RESOLVERS.resolvers),
        network=Network(forward=("ip daddr {resolver_0} drop",)),
        findings=("dns_resolver_down", "tls_intercepted"),
    ),
    Case(
        name="ns-agent-dropped-and-clock-wrong",
        scenario=SCENARIOS["clock-skew"],
        network=Network(forward=(f"ip daddr {AGENT} tcp dport 443 drop",)),
        findings=("clock_skew", "tcp_dropped"),
    ),
    Case(
        name="ns-some-hosts-intercepted",
        scenario=replace(SCENARIOS["tls-intercepted"], at=("ssm", "ssmmessages")),
        network=Network(),
        findings=("tls_intercepted",),
    ),
    Case(
        name="ns-registry-refused-and-ssm-dropped",
        scenario=HEALTHY,
        network=Network(
            forward=(
                "ip daddr {ecr_layers} tcp dport 443 reject with tcp reset",
                "ip daddr {ssm} tcp dport 443 drop",
            )
        ),
        findings=("tcp_dropped", "tcp_refused"),
    ),
)

CASES = (
    *EMBEDDED,
    *HEALTHY_NETWORKS,
    *TCP,
    *TLS,
    *DNS,
    *ENGINES,
    *ADDRESSES,
    *RESOLVERS,
    *TWO_CAUSES,
    *PROXY_CASES,
    *NUMBERED_CASES,
    *RESOLVER_CASES,
    *ODD_CASES,
)

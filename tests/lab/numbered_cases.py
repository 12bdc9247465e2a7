"""The cases of numbered names: AWS picks the number, so what one dark number means depends on the others."""

from __future__ import annotations

from netprobe.findings import Verdict
from netprobe.lab import SCENARIOS
from netprobe.lab.behaviour import DnsMode, ResolverBehaviour
from netprobe.lab.scenarios import Scenario
from tests.support.lab_case import Case, Network
from tests.support.lab_devices import http, squid

HEALTHY = SCENARIOS["healthy"]
_BARE = ("ecs-a-unnumbered", "ecs-t-unnumbered")
NOBODY_KNOWS = Scenario(
    name="nobody-knows",
    summary="Neither a number nor the un-numbered names exist.",
    resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=("ecs-a", "ecs-t", *_BARE)),),
)
HIGH_NUMBERS = Scenario(
    name="high-numbers",
    summary="The numbers that exist are beyond the usual search, and there is no un-numbered name.",
    numbers=(40, 77),
    resolvers=(ResolverBehaviour(mode=DnsMode.NXDOMAIN, only=_BARE),),
)
FIRST = "ecs-a-1.us-east-2.amazonaws.com"
REGISTERED_LIST = "acl numbered dstdom_regex ^ecs-[at]-[0-9]+\\."
LITERAL_LIST = "acl some dstdom_regex ^ecs-[at]-(1|2)\\."
ANY_NUMBER = "acl any dstdom_regex ^ecs-[at]-[0-9]"


def case(
    name: str,
    *findings: str,
    verdict: Verdict,
    network: Network,
    scenario: Scenario = HEALTHY,
    own_hosts: tuple[str, ...] = (),
) -> Case:
    """A network with something about numbers."""
    return Case(
        name=f"nr-{name}", scenario=scenario, network=network, findings=findings, verdict=verdict, own_hosts=own_hosts
    )


def dropping(*rules: str) -> Network:
    """A router with these rules."""
    return Network(forward=rules)


def behind(*lines: str) -> Network:
    """A Squid that lets pass what these lines do not deny."""
    return Network(engines=(squid(*lines, "http_access allow all"),), proxy=http())


ONE_IS_DARK = "ip daddr {ecs_a_first} tcp dport 443 drop"
NUMBERED_CASES = (
    case("one-silent", "tcp_dropped", verdict=Verdict.DEGRADED, network=dropping(ONE_IS_DARK)),
    case(
        "one-refused",
        "tcp_refused",
        verdict=Verdict.DEGRADED,
        network=dropping("ip daddr {ecs_a_first} tcp dport 443 reject with tcp reset"),
    ),
    case(
        "one-of-each-kind",
        "tcp_dropped",
        verdict=Verdict.DEGRADED,
        network=dropping(ONE_IS_DARK, "ip daddr {ecs_t_first} tcp dport 443 drop"),
    ),
    case(
        "the-hosts-own",
        "tcp_dropped",
        verdict=Verdict.NOT_READY,
        network=dropping(ONE_IS_DARK),
        own_hosts=(FIRST,),
    ),
    case(
        "two-alike",
        "tcp_dropped",
        verdict=Verdict.NOT_READY,
        network=dropping(ONE_IS_DARK, "ip daddr {ecs_a_second} tcp dport 443 drop"),
    ),
    case(
        "one-prohibited",
        "tcp_prohibited",
        verdict=Verdict.NOT_READY,
        network=dropping("ip daddr {ecs_a_first} reject with icmp type admin-prohibited"),
    ),
    case("nobody-knows", verdict=Verdict.INCONCLUSIVE, network=Network(), scenario=NOBODY_KNOWS),
    case("beyond-the-usual", verdict=Verdict.READY, network=Network(), scenario=HIGH_NUMBERS),
    case(
        "own-beyond-the-usual",
        verdict=Verdict.READY,
        network=Network(),
        scenario=HIGH_NUMBERS,
        own_hosts=("ecs-a-77.us-east-2.amazonaws.com", "ecs-t-77.us-east-2.amazonaws.com"),
    ),
    case(
        "proxy-refuses-all",
        "proxy_forbidden",
        verdict=Verdict.NOT_READY,
        network=behind(REGISTERED_LIST, "http_access deny numbered"),
    ),
    case(
        "proxy-knows-some",
        "proxy_forbidden",
        verdict=Verdict.NOT_READY,
        network=behind(LITERAL_LIST, ANY_NUMBER, "http_access allow some", "http_access deny any"),
    ),
)
"""Every case of this module."""

"""The right hop, in a real network of three routers: dropped, rejected, reset, limited, asymmetric, IPv4 and IPv6.

Expectations come from the topology (which router got the rule), never from what was printed.
"""

from __future__ import annotations

import dataclasses
import ipaddress

import pytest

from netprobe.findings import Certainty, HopAt
from netprobe.path.judge import distance, hops
from netprobe.path.model import End
from tests.support import need
from tests.support.netns import Topology
from tests.support.path_lab import LIMITS, V4, V6, look, look_once, target, tls_server

pytestmark = pytest.mark.root
FILTER = "table inet t {{ chain f {{ type filter hook forward priority 0;\n {} \n}}\n }}"
ROUTERS = 3


@pytest.fixture(autouse=True)
def _root() -> None:
    need.root()


def _router_address(number: int, version: int) -> str:
    """Where router ``number`` (from 1) answers the client: its address on the client's side."""
    text = f"198.18.{number - 1}.2" if version == 4 else f"2001:db8:0:{number - 1}::2"
    return str(ipaddress.ip_address(text))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_reject_names_the_router(version: int, number: int) -> None:
    reject = "reject with icmpx type admin-prohibited"
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        net.routers[number - 1].nft(FILTER.format(f"tcp dport 443 {reject}"))
        found = look_once(net, target(V4 if version == 4 else V6))
    assert found.end is End.PROHIBITED
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (number, _router_address(number, version))
    assert found.location.certainty is Certainty.PROVEN
    assert found.location.suspects == (HopAt(hop=number, address=_router_address(number, version)),)
    before = HopAt(hop=number - 1, address=_router_address(number - 1, version)) if number > 1 else None
    assert found.location.answered == before
    assert "prohibited" in found.summary


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("number", [1, 3])
def test_drop_shows_the_last_that_answers(version: int, number: int) -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        net.routers[number - 1].nft(FILTER.format("tcp dport 443 drop"))
        found = look_once(net, target(V4 if version == 4 else V6))
    assert found.end is End.SILENT
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (number, _router_address(number, version))
    assert found.location.certainty is Certainty.SUSPECTED
    mine = HopAt(hop=number, address=_router_address(number, version))
    behind = _router_address(number + 1, version) if number < ROUTERS else (V4 if version == 4 else V6)
    assert found.location.answered == mine
    assert found.location.suspects == (mine, HopAt(hop=number + 1, address=behind))


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_reset_by_a_router_is_not_the_servers(version: int, number: int) -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        net.routers[number - 1].nft(FILTER.format("tcp dport 443 reject with tcp reset"))
        found = look_once(net, target(V4 if version == 4 else V6))
    assert found.end is End.RESET
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (number, _router_address(number, version))
    assert found.location.certainty is Certainty.PROVEN


def test_reset_without_raw_rights_is_told_from_the_distance() -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        net.routers[0].nft(FILTER.format("tcp dport 443 reject with tcp reset"))
        found = look_once(net, target(), use_raw=False)
    assert found.location is not None
    assert (found.location.hop, found.location.certainty) == (1, Certainty.PROVEN)


@pytest.mark.parametrize("version", [4, 6])
def test_a_closed_port_is_the_servers_own(version: int) -> None:
    address = V4 if version == 4 else V6
    with Topology(routers=ROUTERS) as net, tls_server(net.server, address, port=8443):
        found = look_once(net, target(address))
    assert found.end is End.RESET
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (ROUTERS + 1, address)
    assert (found.location.device, found.location.certainty) == ("server", Certainty.PROVEN)


@pytest.mark.parametrize("version", [4, 6])
def test_no_fault_shows_every_router(version: int) -> None:
    address = V4 if version == 4 else V6
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        found = look_once(net, target(address))
    assert found.end is End.ANSWERED
    assert found.location is None
    assert hops(found.flows) == {n: (_router_address(n, version),) for n in (1, 2, 3)}
    assert {flow.method for flow in found.flows} == {"kernel", "raw"}
    assert all(distance(flow, address) == ROUTERS + 1 for flow in found.flows)


def test_a_drop_before_the_ttl_is_looked_at() -> None:
    """A router that filters on arrival stays silent itself: the hop before it is the last, and the next is named."""
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        net.routers[1].nft(
            "table inet t { chain p { type filter hook prerouting priority 0;\n tcp dport 443 drop\n}\n}"
        )
        found = look_once(net, target())
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (1, _router_address(1, 4))
    assert _router_address(2, 4) in found.location.device
    # The router that drops is the second suspect: one that filters on arrival answers nothing.
    assert found.location.answered == HopAt(hop=1, address=_router_address(1, 4))
    assert found.location.suspects[1] == HopAt(hop=2, address=_router_address(2, 4))


def test_no_route_on_a_router_is_told_as_such() -> None:
    with Topology(routers=ROUTERS) as net:
        net.routers[1].ip("route", "add", "unreachable", "198.19.0.9/32")
        found = look_once(net, target())
    assert found.end is End.UNREACHABLE
    assert found.location is not None
    assert (found.location.hop, found.location.address, found.location.device) == (2, _router_address(2, 4), "router")


def test_this_hosts_own_firewall_is_hop_zero() -> None:
    with Topology(routers=1) as net, tls_server(net.server, V4):
        net.client.nft(
            "table inet t { chain o { type filter hook output priority 0;\n"
            "tcp dport 443 reject with icmpx type admin-prohibited\n}\n}"
        )
        found = look_once(net, target())
    assert found.location is not None
    assert (found.location.hop, found.location.device) == (0, "this host")


def test_no_route_at_all_is_this_hosts() -> None:
    with Topology(routers=1, v6=False) as net:
        found = look_once(net, target(V6))
    assert found.end is End.UNREACHABLE
    assert found.location is not None
    assert (found.location.hop, found.location.device) == (0, "this host")


def test_an_output_chain_that_drops_is_hop_zero() -> None:
    with Topology(routers=1) as net, tls_server(net.server, V4):
        net.client.nft("table inet t { chain o { type filter hook output priority 0;\ntcp dport 443 drop\n}\n}")
        found = look_once(net, target())
    assert found.location is not None
    assert found.location.hop == 0


def test_a_router_that_limits_its_icmp_is_not_blamed() -> None:
    """Router 2 hardly answers; router 3 drops. The silence of router 2 must not be taken for the end."""
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        net.routers[1].nft(
            "table inet t { chain o { type filter hook output priority 0;\n"
            "ip protocol icmp limit rate 1/minute burst 1 packets accept\nip protocol icmp drop\n}\n}"
        )
        net.routers[2].nft(FILTER.format("tcp dport 443 drop"))
        found = look_once(net, target())
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (3, _router_address(3, 4))


def test_a_silent_router_is_not_blamed() -> None:
    """Router 1 never sends ICMP; router 2 rejects and names itself."""
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        net.routers[0].nft("table inet t { chain o { type filter hook output priority 0;\nip protocol icmp drop\n}\n}")
        net.routers[1].nft(FILTER.format("tcp dport 443 reject with icmpx type admin-prohibited"))
        found = look_once(net, target())
    assert found.location is not None
    assert (found.location.hop, found.location.address) == (2, _router_address(2, 4))


def test_an_asymmetric_way_back() -> None:
    """Answers of router 3 and of the server come back over a second link that skips routers 1 and 2."""
    with Topology(routers=ROUTERS, v6=False) as net, tls_server(net.server, V4):
        third = net.routers[2]
        net.client.ip("link", "add", "back", "type", "veth", "peer", "name", "short", "netns", third.name)
        net.client.ip("addr", "add", "198.18.100.1/24", "dev", "back")
        net.client.ip("link", "set", "back", "up")
        third.ip("addr", "add", "198.18.100.2/24", "dev", "short")
        third.ip("link", "set", "short", "up")
        third.ip("route", "replace", "198.18.0.0/24", "via", "198.18.100.1")
        third.nft(FILTER.format("tcp dport 443 ct state new reject with tcp reset"))
        found = look_once(net, target())
    assert found.location is not None
    assert found.location.hop == 3
    assert found.location.certainty is Certainty.PROVEN


def test_a_flow_keeps_to_one_of_two_ways() -> None:
    """Router 1 shares the load by ports over two links; each flow sees one of them, hop after hop."""
    with Topology(routers=ROUTERS, v6=False) as net, tls_server(net.server, V4):
        first, second = net.routers[0], net.routers[1]
        first.ip("link", "add", "other", "type", "veth", "peer", "name", "side", "netns", second.name)
        first.ip("addr", "add", "198.18.50.1/24", "dev", "other")
        first.ip("link", "set", "other", "up")
        second.ip("addr", "add", "198.18.50.2/24", "dev", "side")
        second.ip("link", "set", "side", "up")
        second.configure({"net/ipv4/conf/side/rp_filter": "0"})
        first.configure({"net/ipv4/fib_multipath_hash_policy": "1"})
        first.ip(
            "route", "replace", "default", "nexthop", "via", "198.18.1.2", "weight", "1",
            "nexthop", "via", "198.18.50.2", "weight", "1",
        )  # fmt: skip
        limits = dataclasses.replace(LIMITS, flows=8)
        found = look(net, target(), limits=limits).targets[0]
    ways = {flow.source_port: [one.addresses for one in flow.hops[:3]] for flow in found.flows}
    assert all(len(addresses) == 1 for way in ways.values() for addresses in way)
    assert found.location is None
    assert {way[1][0] for way in ways.values()} <= {"198.18.1.2", "198.18.50.2"}

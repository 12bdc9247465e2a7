"""The hop that answers to a name, and the hop that swallows large packets, in a real network of routers."""

from __future__ import annotations

import ipaddress

import pytest

from netprobe.findings import Certainty
from netprobe.path.model import End
from tests.support import need
from tests.support.netns import Namespace, Topology
from tests.support.path_lab import BLOCKED, NAME, V4, V6, look_once, target, tls_server

pytestmark = pytest.mark.root
ROUTERS = 3


@pytest.fixture(autouse=True)
def _root() -> None:
    need.root()


def _block_name(router: Namespace, name: str, verdict: str) -> None:
    """Act on TCP packets that carry ``name``: what a filter on SNI does, with the means of iptables."""
    need.engine("iptables")
    for tool in ("iptables", "ip6tables"):
        router.run(
            tool, "-A", "FORWARD", "-p", "tcp", "-m", "string", "--algo", "bm", "--string", name, "-j", *verdict.split()
        )


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("number", [1, 2, 3])
def test_reset_by_name_names_the_hop(version: int, number: int) -> None:
    address = V4 if version == 4 else V6
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        _block_name(net.routers[number - 1], BLOCKED, "REJECT --reject-with tcp-reset")
        found = look_once(net, target(address, server_name=BLOCKED))
    assert found.end is End.ANSWERED
    assert {(h.name, h.end) for h in found.hello} == {(BLOCKED, End.RESET), ("example.com", End.ANSWERED)}
    assert found.location is not None
    assert found.location.hop == number
    expected = f"198.18.{number - 1}.2" if version == 4 else str(ipaddress.ip_address(f"2001:db8:0:{number - 1}::2"))
    assert found.location.address == expected
    assert "control name passes" in found.summary


def test_silence_by_name_names_the_last_hop_that_answers() -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        _block_name(net.routers[1], BLOCKED, "DROP")
        found = look_once(net, target(server_name=BLOCKED))
    assert {(h.name, h.end) for h in found.hello} == {(BLOCKED, End.SILENT), ("example.com", End.ANSWERED)}
    assert found.location is not None
    assert (found.location.hop, found.location.certainty) == (2, Certainty.SUSPECTED)


def test_another_name_is_not_blocked() -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        _block_name(net.routers[1], BLOCKED, "REJECT --reject-with tcp-reset")
        found = look_once(net, target(server_name=NAME))
    assert found.location is None
    assert all(h.end is End.ANSWERED and not h.answers for h in found.hello)


@pytest.mark.parametrize("version", [4, 6])
def test_a_small_link_that_says_so(version: int) -> None:
    """The link behind router 2 takes 1300 bytes; router 2 says so."""
    with Topology(routers=ROUTERS, mtu={2: 1300}) as net, tls_server(net.server, V4, V6):
        found = look_once(net, target(V4 if version == 4 else V6, server_name=NAME))
    assert found.mtu is not None
    assert (found.mtu.path_mtu, found.mtu.announced, found.mtu.interface_mtu) == (1300, True, 1500)
    assert found.location is not None
    assert (found.location.hop, found.location.certainty) == (2, Certainty.PROVEN)
    assert str(1300 - (40 if version == 4 else 60)) in found.mtu.advice


@pytest.mark.parametrize("version", [4, 6])
def test_a_black_hole_is_told_from_a_small_link(version: int) -> None:
    """Router 2 swallows packets over 1400 bytes and says nothing."""
    size = "ip length > 1400" if version == 4 else "ip6 length > 1360"
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4, V6):
        net.routers[1].nft(f"table inet t {{ chain f {{ type filter hook forward priority 0;\n{size} drop\n}}\n}}")
        found = look_once(net, target(V4 if version == 4 else V6, server_name=NAME))
    assert found.mtu is not None
    assert (found.mtu.path_mtu, found.mtu.announced, found.mtu.senders) == (1400, False, ())
    assert "without an ICMP message" in found.mtu.advice
    assert found.location is not None
    assert (found.location.hop, found.location.certainty) == (2, Certainty.SUSPECTED)


def test_a_filtered_too_big_is_a_black_hole() -> None:
    """The small link is there, and router 2 may not say so."""
    with Topology(routers=ROUTERS, mtu={2: 1300}) as net, tls_server(net.server, V4):
        net.routers[1].nft(
            "table inet t { chain o { type filter hook output priority 0;\n"
            "icmp type destination-unreachable icmp code frag-needed drop\n}\n}"
        )
        found = look_once(net, target(server_name=NAME))
    assert found.mtu is not None
    assert (found.mtu.path_mtu, found.mtu.announced) == (1300, False)
    assert found.location is not None
    assert found.location.hop == 2


def test_a_whole_path_needs_no_advice() -> None:
    with Topology(routers=ROUTERS) as net, tls_server(net.server, V4):
        found = look_once(net, target(server_name=NAME))
    assert found.mtu is not None
    assert (found.mtu.path_mtu, found.mtu.advice) == (1500, "")
    assert found.location is None

"""The network-namespace kit: what its first page promises is what it does."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support import need
from tests.support.netns import Topology

pytestmark = pytest.mark.root
V4, V6 = "198.19.0.9", "2001:db8:ffff::9"
BLACK_HOLE = """table inet t { chain o { type filter hook output priority 0;
    icmp type destination-unreachable drop; icmpv6 type packet-too-big drop; }; }"""


@pytest.fixture(autouse=True)
def _root() -> None:
    need.root()


@contextmanager
def talker(net: Topology, address: str) -> Iterator[None]:
    """Serve 5,000 bytes to each connection at one address of the server."""
    with net.server.entered():
        listener = socket.create_server((address, 443), family=socket.AF_INET6 if ":" in address else socket.AF_INET)

    def talk() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                connection.sendall(b"x" * 5000)

    thread = threading.Thread(target=talk, daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def received(net: Topology, address: str, *, mss: int | None = None, timeout: float = 1.0) -> int:
    """How many bytes of the talker's 5,000 the client gets."""
    with net.client.entered(), socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as client:
        client.settimeout(timeout)
        if mss is not None:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
        client.connect((address, 443))
        total = 0
        try:
            while chunk := client.recv(65536):
                total += len(chunk)
        except TimeoutError:
            pass
        return total


@pytest.mark.parametrize("address", [V4, V6])
@pytest.mark.parametrize("routers", [0, 1, 3])
def test_the_client_reaches_every_service_address(routers: int, address: str) -> None:
    with Topology(routers=routers) as net, talker(net, address):
        assert received(net, address) == 5000


@pytest.mark.parametrize("address", [V4, V6])
def test_a_narrow_link_is_told_by_icmp_and_a_black_hole_is_not(address: str) -> None:
    with Topology(routers=2, mtu={1: 1280}) as net, talker(net, address):
        assert received(net, address) == 5000
    with Topology(routers=2, mtu={1: 1280}) as net, talker(net, address):
        for router in net.routers:
            router.nft(BLACK_HOLE)
        assert received(net, address) == 0
        assert received(net, address, mss=536) == 5000


def test_rules_of_a_router_are_met() -> None:
    with Topology() as net, talker(net, V4):
        rule = f"ip daddr {V4} reject with tcp reset"
        net.routers[0].nft(f"table inet t {{ chain f {{ type filter hook forward priority 0; {rule}; }}; }}")
        with pytest.raises(ConnectionRefusedError):
            received(net, V4)


def test_a_family_can_be_missing() -> None:
    with Topology(v4=False) as net, talker(net, V6):
        assert received(net, V6) == 5000
        with pytest.raises(OSError, match="unreachable"):
            received(net, V4)


def test_programs_run_inside_and_end_with_the_topology() -> None:
    with Topology() as net:
        assert "198.18.0.1" in net.client.run("ip", "-br", "addr").stdout
        daemon = net.server.start("sleep", "600")
        names = [node.name for node in net.nodes]
    assert daemon.poll() is not None
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True, timeout=20).stdout
    assert not [name for name in names if name in listed]


def test_nothing_stays_after_a_failure() -> None:
    topology = Topology()

    def fail() -> None:
        with topology:
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    listed = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True, timeout=20).stdout
    assert topology.client.name not in listed

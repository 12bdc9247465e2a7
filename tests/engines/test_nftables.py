"""nftables itself: the file is loaded in a namespace of its own, and real connections must fare as lowering claims."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import need
from tests.support.render_engine import Namespace, cable, connects, listeners, namespace
from tests.support.render_packets import PORTS, REGION, claimed, decide, questions, rendered

pytestmark = [pytest.mark.engine, pytest.mark.root]


@pytest.fixture
def near() -> Iterator[Namespace]:
    """A host, with listeners at every documentation address on its far side."""
    need.engine("nft")
    need.engine("ip")
    with namespace() as near, namespace() as far:
        cable(near, far)
        with listeners(far, PORTS):
            yield near


def _load(space: Namespace, text: str) -> None:
    space.run("nft", "-f", "-", input=text)


def test_connections_fare_as_claimed(near: Namespace) -> None:
    asked = questions()
    assert all(decide(near, asked).values())  # nothing is in the way before
    made = rendered("nftables")
    _load(near, made.main)
    decided = decide(near, asked)
    assert decided == claimed(made, asked)
    assert {True, False} <= set(decided.values())


def test_replacing_leaves_nothing_of_the_old(near: Namespace) -> None:
    """Loaded twice it is the same; loaded with other networks, the old ones are gone."""
    made = rendered("nftables")
    _load(near, made.main)
    _load(near, made.main)
    listed = near.run("nft", "list", "table", "inet", "netprobe").stdout
    assert listed.count("dport 443 counter") == 2
    other = rendered("nftables", ("203.0.113.0/30",))
    _load(near, other.main)
    asked = questions()
    assert decide(near, asked) == claimed(other, asked)


def test_a_bad_file_changes_nothing(near: Namespace) -> None:
    made = rendered("nftables")
    _load(near, made.main)
    bad = made.main.replace("policy accept;", "policy perhaps;")
    assert near.run("nft", "-f", "-", input=bad, check=False).returncode != 0
    asked = questions()[:12]
    assert decide(near, asked) == claimed(made, asked)


@pytest.mark.parametrize("networks", [("192.0.2.0/24",), ("2001:db8::/32",), ("192.0.2.1/32",)])
def test_one_family_alone(near: Namespace, networks: tuple[str, ...]) -> None:
    """A set without elements must not be written as an empty list, which nft refuses."""
    made = rendered("nftables", networks)
    _load(near, made.main)
    asked = questions(REGION)[:9]
    assert decide(near, asked) == claimed(made, asked)


def test_quic_and_loopback(near: Namespace) -> None:
    """UDP to the same port is refused (QUIC would go around a TCP rule); the host's own loopback is left alone."""
    _load(near, rendered("nftables").main)

    def datagram() -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(5)
            sock.connect(("192.0.2.16", 443))
            try:
                sock.send(b"hello")
                sock.recv(1)
            except OSError as exc:
                return errno.errorcode.get(exc.errno or 0, "timeout")
        return "answered"

    assert near.call(datagram) in {"EHOSTUNREACH", "EACCES", "EPERM", "ECONNREFUSED"}
    with listeners(near, (443,)):
        assert near.call(lambda: connects("127.0.0.1", 443))


def test_check_command_needs_no_root(tmp_path: Path) -> None:
    """``nft -c`` in a user namespace, as the page says."""
    file = tmp_path / "netprobe.nft"
    file.write_text(rendered("nftables").main, encoding="utf-8")
    with namespace() as space:
        assert space.run("nft", "-c", "-f", str(file)).stderr == ""
        file.write_text("table inet x { set s { type ipv4_addr; elements = { } } }\n", encoding="utf-8")
        assert space.run("nft", "-c", "-f", str(file), check=False).returncode != 0

"""Hosts and routers of a site that has rules of its own: a render changes what it says it changes, and no more."""

from __future__ import annotations

import socket
import struct
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from netprobe.render import Addresses, Options, Rendered, render
from netprobe.render.model import Policy
from tests.support import need, pages
from tests.support.netns import Topology
from tests.support.render_cases import ORIGIN, ecs
from tests.support.site import Question, expected, limited

pytestmark = [pytest.mark.engine, pytest.mark.root]

HOST, OTHER = "198.18.0.1", "198.18.0.77"
"""The host that ECS Anywhere runs on, and another machine behind the same router."""
INTRANET, ENDPOINT, ELSEWHERE = "198.19.0.50", "198.19.0.10", "198.19.0.99"
PORTS = (443, 8443)
ENDPOINTS = ecs("us-east-2")
_NETWORKS = {"us-east-2": (f"{ENDPOINT}/32", "2001:db8:ffff::10/128")}
_OPTIONS = Options(allow_widening=True, addresses=Addresses(how="a test", by_region=_NETWORKS))
ASKED: list[Question] = [(c, a, p) for c in (HOST, OTHER) for a in (INTRANET, ENDPOINT, ELSEWHERE) for p in PORTS]
ROUTER = limited((f"{HOST}/32", "2001:db8:0:0::1/128"))


def _made(target: str, policy: Policy) -> Rendered:
    return render(target, ENDPOINTS, origin=ORIGIN, options=_OPTIONS, policy=policy)


@pytest.fixture
def net() -> Iterator[Topology]:
    """A client with two addresses, a router, and servers at every address of the far side."""
    for name in ("iptables-restore", "ipset", "nft"):
        need.engine(name)
    need.root()
    with Topology(routers=1) as made:
        made.client.ip("addr", "add", f"{OTHER}/24", "dev", "eth0")
        with made.server.entered():
            far = [
                socket.create_server(("::", p), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512) for p in PORTS
            ]
        with made.client.entered():
            near = socket.create_server((OTHER, 443), backlog=64)
        try:
            yield made
        finally:
            for one in (*far, near):
                one.close()


def _ask(net: Topology, asked: Sequence[Question]) -> dict[Question, bool]:
    with net.client.entered():
        return {question: _connects(*question) for question in asked}


def _connects(client: str, address: str, port: int) -> bool:
    """Whether a connection opens; where rules drop in silence, half a second says no."""
    with socket.socket() as sock:
        sock.bind((client, 0))
        sock.settimeout(0.5)
        try:
            sock.connect((address, port))
        except (ConnectionRefusedError, TimeoutError, OSError):
            return False
        return True


def _running(net: Topology, client: str, address: str) -> socket.socket:
    """A session that is open before anything is loaded."""
    with net.client.entered():
        return socket.create_connection((address, 443), timeout=5, source_address=(client, 0))


def _goes_on(session: socket.socket) -> bool:
    """Whether what is sent now arrives: sending always goes well, so the other side's acknowledgement is asked for."""
    session.sendall(b"still here\n")
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        told = session.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
        # struct tcp_info (linux/tcp.h): eight bytes, then rto, ato, snd_mss, rcv_mss, unacked.
        if struct.unpack_from("=I", told, 24)[0] == 0:
            return True
        time.sleep(0.01)
    return False


def _published(net: Topology) -> bool:
    """Whether the site's own web server is reached from outside."""
    with net.server.entered(), socket.socket() as sock:
        sock.settimeout(0.5)
        try:
            sock.connect((OTHER, 443))
        except OSError:
            return False
        return True


_IPTABLES = f"""*filter
:FORWARD DROP [0:0]
-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A FORWARD -d {OTHER}/32 -p tcp --dport 443 -j ACCEPT
-A FORWARD -s {OTHER}/32 -p tcp --dport 443 -j ACCEPT
-A FORWARD -d {INTRANET}/32 -j ACCEPT
COMMIT
"""


def _apply(net: Topology, folder: Path, made: Rendered, *arguments: str) -> subprocess.CompletedProcess[str]:
    for name, text in made.files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return net.routers[0].run("sh", str(folder / "apply.sh"), *arguments, check=False)


@pytest.mark.parametrize("form", ROUTER)
def test_iptables_on_a_router(form: str, net: Topology, tmp_path: Path) -> None:
    policy, router = ROUTER[form], net.routers[0]
    made = _made("iptables", policy)
    router.run("iptables-restore", input=_IPTABLES)
    saved = router.run("iptables-save").stdout
    before = _ask(net, ASKED)
    assert before[HOST, ENDPOINT, 443] is False
    assert before[OTHER, ELSEWHERE, 443] is True
    assert _published(net)
    wanted = expected(before, made, policy)
    session = _running(net, HOST, INTRANET)
    for _ in range(2):
        done = _apply(net, tmp_path, made, "FORWARD")
        assert done.returncode == 0, done.stderr
        assert _ask(net, ASKED) == wanted
        assert _published(net), "a web server of the site's own is not this render's business"
        assert _goes_on(session)
    router.run("sh", "-euc", pages.commands("iptables", "Roll back", name=policy.name, chain="FORWARD"))
    assert _ask(net, ASKED) == before
    assert _rules(router.run("iptables-save").stdout) == _rules(saved)
    assert router.run("ipset", "list", "-n").stdout == ""
    assert _goes_on(session)
    session.close()


def _rules(saved: str) -> list[str]:
    return [line for line in saved.splitlines() if line.startswith(("-A", ":NETPROBE"))]


@pytest.mark.parametrize("target", ["iptables", "dnsmasq-ipset"])
@pytest.mark.parametrize("policy", [Policy(), Policy(enforce=True)])
def test_a_chain_for_every_machine_is_refused_without_a_source(
    target: str, policy: Policy, net: Topology, tmp_path: Path
) -> None:
    made = render(target, ENDPOINTS, origin=ORIGIN, options=_OPTIONS, policy=policy)
    done = _apply(net, tmp_path, made, "FORWARD")
    assert done.returncode == 2
    assert "--source" in done.stderr
    assert "-A" not in net.routers[0].run("iptables-save").stdout


_NFT = f"""table inet site {{
	INCLUDE
	chain forward {{
		type filter hook forward priority filter; policy drop;
		JUMP
		ct state established,related accept
		ip daddr {OTHER} tcp dport 443 accept
		ip saddr {OTHER} tcp dport 443 accept
		ip daddr {INTRANET} accept
	}}
}}
"""


def _nft(net: Topology, folder: Path, made: Rendered | None) -> None:
    """The site's whole ruleset, with the render as its header says: included, and jumped to."""
    include = jump = ""
    own = ""
    if made is not None:
        path = folder / f"{made.name}.nft"
        path.write_text(made.main, encoding="utf-8")
        if "\ntable inet" in made.main:
            own = made.main
        else:
            include, jump = f'include "{path}"', f"jump {made.name.replace('-', '_')}"
    text = _NFT.replace("INCLUDE", include).replace("JUMP", jump)
    net.routers[0].run("nft", "-f", "-", input=f"flush ruleset\n{text}{own}")


@pytest.mark.parametrize("form", ROUTER)
def test_nftables_on_a_router(form: str, net: Topology, tmp_path: Path) -> None:
    policy = ROUTER[form]
    made = _made("nftables", policy)
    _nft(net, tmp_path, None)
    before = _ask(net, ASKED)
    assert before[HOST, ENDPOINT, 443] is False
    wanted = expected(before, made, policy)
    if policy.enforce:
        # An accept in this table does not undo the drop in the site's: what is listed passes where the site lets it.
        wanted = {question: answer and before[question] for question, answer in wanted.items()}
    session = _running(net, HOST, INTRANET)
    for _ in range(2):
        _nft(net, tmp_path, made)
        assert _ask(net, ASKED) == wanted
        assert _published(net)
        assert _goes_on(session)
    _nft(net, tmp_path, None)
    assert _ask(net, ASKED) == before
    assert _goes_on(session)
    session.close()


def _host(net: Topology) -> Mapping[Question, bool]:
    return _ask(net, [question for question in ASKED if question[0] == HOST])


def _leaves(address: str, port: int) -> bool:
    """Whether the host lets a datagram of its own out: one that its filter drops is an error of the call itself."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.sendto(b"x", (address, port))
        except OSError:
            return False
        return True


@pytest.mark.parametrize("target", ["iptables", "nftables"])
def test_a_host_that_enforces_keeps_what_runs_and_what_it_was_told_to_keep(
    target: str, net: Topology, tmp_path: Path
) -> None:
    """On every port: loopback, docker0, DNS, DHCP, networks to keep and open sessions go on; the rest is refused."""
    policy = Policy(enforce=True, all_ports=True, keep=(f"{INTRANET}/32",))
    made = _made(target, policy)
    client = net.client
    with client.entered():
        running = socket.create_connection((ELSEWHERE, 443), timeout=5)
        inside = socket.create_server(("127.0.0.1", 9443))
    client.ip("link", "add", "docker0", "type", "veth", "peer", "name", "task")
    client.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
    for one in ("docker0", "task"):
        client.ip("link", "set", one, "up")
    kept = ((ELSEWHERE, 53), (ELSEWHERE, 67), ("172.17.0.2", 9443))
    assert set(_host(net).values()) == {True}
    with client.entered():
        assert [_leaves(*one) for one in (*kept, (ELSEWHERE, 9443))] == [True, True, True, True]
    for name, text in made.files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    if target == "iptables":
        client.run("sh", str(tmp_path / "apply.sh"))
    else:
        client.run("nft", "-f", str(tmp_path / "netprobe.nft"))
    found = _host(net)
    assert found == {(c, a, p): a == INTRANET or (a, p) == (ENDPOINT, 443) for c, a, p in found}
    assert _goes_on(running)
    with client.entered():
        socket.create_connection(("127.0.0.1", 9443), timeout=5).close()
        assert [_leaves(*one) for one in kept] == [True, True, True]
        assert not _leaves(ELSEWHERE, 9443)
    inside.close()
    running.close()

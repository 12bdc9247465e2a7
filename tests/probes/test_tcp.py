"""TCP on real loopback sockets and, with root, through a packet filter in a namespace of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import trio
import trio.testing

from netprobe.observations import Failure, TcpDetail
from netprobe.probes import sockets, tcp
from netprobe.probes.limits import Limits
from tests.support import need, probe_servers


def _detail(observation: object) -> TcpDetail:
    detail = getattr(observation, "detail", None)
    assert isinstance(detail, TcpDetail)
    return detail


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_an_open_port_gives_a_stream(address: str) -> None:
    with probe_servers.serve(probe_servers.stay_silent, address=address) as port:
        observation, stream = await tcp.connect(probe_servers.scene(), address, port, probe_servers.limits())
        assert stream is not None
        stream.close()
    assert observation.failure is None
    assert observation.address == address
    assert _detail(observation).local_address == address
    assert _detail(observation).port == port


async def test_a_closed_port_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    observation, stream = await tcp.connect(probe_servers.scene(), "127.0.0.1", port, probe_servers.limits())
    assert stream is None
    assert observation.failure is Failure.CONNECTION_REFUSED
    assert _detail(observation).errno == "ECONNREFUSED"


async def test_a_full_backlog_is_silence() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        observation, stream = await tcp.connect(probe_servers.scene(), "127.0.0.1", port, Limits(0.3))
        for filler in fillers:
            filler.close()
    assert stream is None
    assert observation.failure is Failure.TIMEOUT
    assert 0.3 <= observation.duration_seconds < 2


async def test_being_cancelled_from_outside_leaks_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[socket.socket] = []
    real = sockets.plain_socket

    def remember(address: str, kind: int) -> socket.socket:
        made.append(real(address, kind))
        return made[-1]

    monkeypatch.setattr(tcp, "plain_socket", remember)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        with trio.move_on_after(0.1) as scope:
            await tcp.connect(probe_servers.scene(), "127.0.0.1", listener.getsockname()[1], Limits(30))
        for filler in fillers:
            filler.close()
    assert scope.cancelled_caught
    assert [sock.fileno() for sock in made] == [-1]


async def test_the_mss_that_was_asked_for_is_announced() -> None:
    with probe_servers.serve(probe_servers.stay_silent) as port:
        observation, stream = await tcp.connect(
            probe_servers.scene(), "127.0.0.1", port, probe_servers.limits(), mss=536
        )
        assert stream is not None
        assert int(stream.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)) <= 536
        stream.close()
    assert _detail(observation).mss == 536


async def test_the_kernels_round_trip_is_what_is_learnt() -> None:
    with probe_servers.serve(probe_servers.stay_silent) as port:
        _, stream = await tcp.connect(probe_servers.scene(), "127.0.0.1", port, probe_servers.limits())
        assert stream is not None
        measured = tcp.round_trip(stream.socket)
        stream.close()
    assert measured is not None
    assert 0 < measured < 0.1


def _reset_later(sock: socket.socket) -> None:
    """A reset that is sent at once can overtake the client's own connect() on a busy machine."""
    time.sleep(0.2)
    probe_servers.reset(sock)


@pytest.mark.parametrize(
    ("handler", "patience", "failure"),
    [
        (_reset_later, 5, Failure.CONNECTION_RESET),
        (lambda sock: sock.close(), 5, Failure.EOF),
        (probe_servers.stay_silent, 0.2, None),
    ],
)
async def test_who_ends_a_silent_connection(
    handler: probe_servers.Handler, patience: float, failure: Failure | None
) -> None:
    with probe_servers.serve(handler) as port:
        _, stream = await tcp.connect(probe_servers.scene(), "127.0.0.1", port, probe_servers.limits())
        if stream is None:
            pytest.fail("the server accepts")
        observation = await tcp.listen_in_silence(probe_servers.scene(), "127.0.0.1", port, stream, patience)
        stream.close()
    assert observation.failure is failure


@pytest.mark.parametrize(("address", "level", "option"), [("127.0.0.1", 0, 11), ("::1", 41, 25)])
async def test_every_socket_keeps_icmp_errors(address: str, level: int, option: int) -> None:
    """IP_RECVERR and IPV6_RECVERR; recent kernels keep those of a connecting IPv4 socket unasked."""
    sock = sockets.plain_socket(address, socket.SOCK_STREAM)
    assert sock.getsockopt(level, option) == 1
    sock.close()


_IN_NAMESPACE = """
import os, sys, trio
from netprobe.probes import tcp
from tests.support import probe_servers
async def main():
    o, stream = await tcp.connect(probe_servers.scene(), sys.argv[1], 443, probe_servers.limits(2.0))
    d = o.detail
    print(o.failure, d.errno, d.icmp_type, d.icmp_code, d.icmp_from)
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
trio.run(main)
"""


@pytest.mark.root
@pytest.mark.parametrize(
    ("reject", "address", "expected"),
    [
        ("icmp type admin-prohibited", "192.0.2.1", "icmp_admin_prohibited EHOSTUNREACH 3 13"),
        ("icmp type host-prohibited", "192.0.2.1", "icmp_admin_prohibited EHOSTUNREACH 3 10"),
        ("icmp type net-prohibited", "192.0.2.1", "icmp_admin_prohibited ENETUNREACH 3 9"),
        ("icmp type host-unreachable", "192.0.2.1", "host_unreachable EHOSTUNREACH 3 1"),
        ("icmp type port-unreachable", "192.0.2.1", "connection_refused ECONNREFUSED 3 3"),
        ("tcp reset", "192.0.2.1", "connection_refused ECONNREFUSED None None"),
        ("icmpv6 type admin-prohibited", "2001:db8::1", "icmp_admin_prohibited EACCES 1 1"),
    ],
)
def test_icmp_codes_come_from_the_error_queue(reject: str, address: str, expected: str, tmp_path: Path) -> None:
    """As ``nft … reject with icmp type admin-prohibited`` on a router, here on the way out of a namespace.

    The probe has given up root: the kernel hands the error queue to everyone.
    """
    need.root()
    need.engine("nft")
    need.engine("ip")
    rules = tmp_path / "rules.nft"
    rules.write_text(
        "table inet t {\n chain c {\n  type filter hook input priority 0;\n"
        f"  tcp dport 443 reject with {reject}\n }}\n}}\n"
    )
    probe = tmp_path / "probe.py"
    probe.write_text(_IN_NAMESPACE)
    script = (
        "ip link set lo up && ip addr add 192.0.2.1/32 dev lo && ip -6 addr add 2001:db8::1/128 dev lo nodad"
        f" && nft -f {rules} && {sys.executable} {probe} {address}"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        capture_output=True,
        text=True,
        timeout=30,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": str(root)},
        check=False,
    )
    assert done.stdout.startswith(expected), done.stdout + done.stderr
    if "ICMP" in reject.upper():
        assert done.stdout.split()[-1] == address

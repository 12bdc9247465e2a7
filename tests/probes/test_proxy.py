"""Proxies: one fault each on real sockets, and Debian's squid, tinyproxy and dante where they are installed."""

from __future__ import annotations

import base64
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
import trio
import trustme

from netprobe.observations import Failure, Observation, ProxyDetail
from netprobe.probes.finder import Finder
from netprobe.probes.limits import Limits
from netprobe.probes.proxy import bridge_to, open_tunnel
from netprobe.probes.resolve import Gates
from netprobe.vantage import ProxyServer, Vantage
from tests.support import need, probe_servers, squids
from tests.support.netns import Topology
from tests.support.probe_servers import DnsServer, serve, server_context, tls_handler, zone

HOST = "ecs.us-east-2.amazonaws.com"
SECRET = "open-sesame"


async def _tunnel(
    proxy: ProxyServer,
    *,
    vantage: Vantage | None = None,
    limit: float = 5.0,
    target: str | None = None,
    port: int = 443,
) -> tuple[Observation, ProxyDetail, bool]:
    limits = Limits(limit)
    scene = probe_servers.scene(HOST, port)
    observation, stream = await open_tunnel(
        scene, vantage or probe_servers.vantage(), proxy, Finder(limits, Gates()), limits, target=target
    )
    if stream is not None:
        stream.close()
    assert isinstance(observation.detail, ProxyDetail)
    assert observation.address is None
    report = msgspec.json.encode(observation).decode() + repr(observation) + repr(proxy)
    assert SECRET not in report
    assert base64.b64encode(f"user:{SECRET}".encode()).decode() not in report
    return observation, observation.detail, stream is not None


def _http(port: int, *, credentials: bool = False, scheme: str = "http", host: str = "127.0.0.1") -> ProxyServer:
    return ProxyServer(
        scheme=scheme,
        host=host,
        port=port,
        username="user" if credentials else None,
        password=SECRET if credentials else None,
    )


def _answer(head: str) -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        probe_servers.read_request(sock)
        sock.sendall(head.encode() + b"\r\n\r\n")

    return handle


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
async def test_a_tunnel_is_asked_for_by_name(address: str) -> None:
    seen: list[bytes] = []

    def handle(sock: socket.socket) -> None:
        seen.append(probe_servers.read_request(sock))
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        sock.recv(1)

    with serve(handle, address=address) as port:
        observation, detail, opened = await _tunnel(_http(port, host=address, credentials=True))
    assert opened
    assert observation.failure is None
    assert (detail.phase, detail.status, detail.target, detail.authenticated) == ("connect", 200, f"{HOST}:443", True)
    assert seen[0].startswith(f"CONNECT {HOST}:443 HTTP/1.1\r\n".encode())
    token = base64.b64encode(f"user:{SECRET}".encode())
    assert b"Proxy-Authorization: Basic " + token in seen[0]


@pytest.mark.parametrize(
    ("head", "failure"),
    [
        ("HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\nVia: 1.1 gw", Failure.PROXY_FORBIDDEN),
        ("HTTP/1.1 503 x\r\nX-Squid-Error: ERR_DNS_FAIL 0", Failure.PROXY_CANNOT_RESOLVE),
        ("HTTP/1.1 503 x\r\nX-Squid-Error: ERR_CONNECT_FAIL 110", Failure.PROXY_UPSTREAM_TIMEOUT),
        ("HTTP/1.1 404 Not Found\r\nServer: nginx", Failure.PROXY_NOT_A_PROXY),
        ("SSH-2.0-OpenSSH_9", Failure.PROXY_NOT_A_PROXY),
        ("HTTP/1.1 405 Method Not Allowed\r\nVia: 1.1 gw", Failure.PROXY_METHOD_REFUSED),
        ("", Failure.PROXY_NOT_A_PROXY),
    ],
)
async def test_answers_that_open_no_tunnel(head: str, failure: Failure) -> None:
    with serve(_answer(head)) as port:
        observation, detail, opened = await _tunnel(_http(port))
    assert not opened
    assert observation.failure is failure
    assert detail.phase == "connect"


async def test_the_schemes_that_a_proxy_wants_are_named() -> None:
    head = (
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM\r\n"
        'Proxy-Authenticate: Basic realm="x"\r\nServer: gw/1'
    )
    with serve(_answer(head)) as port:
        observation, detail, _ = await _tunnel(_http(port))
        rejected, told, _ = await _tunnel(_http(port, credentials=True))
    assert observation.failure is Failure.PROXY_AUTH_REQUIRED
    assert detail.authenticate == ("Negotiate", "NTLM", "Basic")
    assert detail.server == "gw/1"
    assert rejected.failure is Failure.PROXY_AUTH_REJECTED
    assert told.authenticated


async def test_a_closed_port_silence_and_a_hang_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    observation, detail, _ = await _tunnel(_http(closed))
    assert (observation.failure, detail.phase) == (Failure.CONNECTION_REFUSED, "tcp")
    assert detail.error == "127.0.0.1 ECONNREFUSED"
    with serve(probe_servers.stay_silent) as port:
        observation, detail, _ = await _tunnel(_http(port), limit=0.3)
    assert (observation.failure, detail.phase) == (Failure.TIMEOUT, "connect")
    with serve(lambda sock: (probe_servers.read_request(sock), None)[1]) as port:
        observation, detail, _ = await _tunnel(_http(port))
    assert (observation.failure, detail.phase) == (Failure.EOF, "connect")


async def test_a_proxy_over_tls(tmp_path: Path) -> None:
    authority = trustme.CA()
    ca = probe_servers.pem(authority, tmp_path / "ca.pem")
    handler = tls_handler(
        server_context(authority.issue_cert("127.0.0.1")), _answer("HTTP/1.1 200 Connection established")
    )
    with serve(handler) as port:
        observation, _, opened = await _tunnel(_http(port, scheme="https"), vantage=probe_servers.vantage(ca=ca))
        other = probe_servers.pem(trustme.CA(), tmp_path / "other.pem")
        untrusted, detail, _ = await _tunnel(_http(port, scheme="https"), vantage=probe_servers.vantage(ca=other))
        plain, told, _ = await _tunnel(_http(port))
    assert opened
    assert observation.failure is None
    assert (untrusted.failure, detail.phase) == (Failure.SSL_UNKNOWN_AUTHORITY, "tls")
    assert plain.failure in {Failure.PROXY_NOT_A_PROXY, Failure.EOF, Failure.CONNECTION_RESET}
    assert told.phase == "connect"


@pytest.mark.parametrize(("wanted", "failure"), [((4, 6), None), ((6,), Failure.DNS_NO_ANSWER)])
async def test_a_proxy_may_be_reached_over_ipv4_by_a_host_that_goes_out_over_ipv6_alone(
    wanted: tuple[int, ...], failure: Failure | None
) -> None:
    server = DnsServer(zone({"proxy.corp.example": {"A": ["127.0.0.1"]}}))
    with serve(_answer("HTTP/1.1 200 OK")) as port:
        async with trio.open_nursery() as nursery:
            vantage = Vantage(name="host", resolvers=(await server.start(nursery),), hosts_file=None, families=(6,))
            limits = Limits(5.0)
            observation, stream = await open_tunnel(
                probe_servers.scene(HOST),
                vantage,
                _http(port, host="proxy.corp.example"),
                Finder(limits, Gates(), wanted),
                limits,
            )
            if stream is not None:
                stream.close()
            nursery.cancel_scope.cancel()
    assert observation.failure is failure


async def test_the_proxys_name_is_resolved_once_with_the_search_list() -> None:
    server = DnsServer(zone({"proxy.corp.example": {"A": ["127.0.0.1"]}}))
    with serve(_answer("HTTP/1.1 200 OK")) as port:
        async with trio.open_nursery() as nursery:
            resolver = await server.start(nursery)
            limits = Limits(5.0)
            finder = Finder(limits, Gates())
            vantage = Vantage(
                name="host", resolvers=(resolver,), search=("corp.example",), hosts_file=None, families=(4,)
            )
            for _ in range(3):
                observation, stream = await open_tunnel(
                    probe_servers.scene(HOST), vantage, _http(port, host="proxy"), finder, limits
                )
                assert observation.failure is None
                assert stream is not None
                stream.close()
            missing, _ = await open_tunnel(
                probe_servers.scene(HOST), vantage, _http(port, host="nowhere.example"), finder, limits
            )
            nursery.cancel_scope.cancel()
    assert server.udp_questions == 2
    assert missing.failure is Failure.DNS_NXDOMAIN
    assert isinstance(missing.detail, ProxyDetail)
    assert missing.detail.phase == "dns"


def _socks(replies: list[bytes], seen: list[bytes]) -> probe_servers.Handler:
    def handle(sock: socket.socket) -> None:
        for reply in replies:
            seen.append(sock.recv(4096))
            sock.sendall(reply)
        sock.recv(1)

    return handle


@pytest.mark.parametrize(
    ("replies", "failure"),
    [
        ([b"\x05\x00", b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"], None),
        ([b"\x05\x00", b"\x05\x00\x00\x03\x04name\x00\x00"], None),
        ([b"\x05\x02", b"\x01\x00", b"\x05\x00\x00\x04" + bytes(18)], None),
        ([b"\x05\x02", b"\x01\x01"], Failure.PROXY_AUTH_REJECTED),
        ([b"\x05\xff"], Failure.PROXY_AUTH_REQUIRED),
        ([b"\x05\x00", b"\x05\x02\x00\x01" + bytes(6)], Failure.PROXY_FORBIDDEN),
        ([b"\x05\x00", b"\x05\x04\x00\x01" + bytes(6)], Failure.PROXY_CANNOT_CONNECT),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], Failure.PROXY_NOT_A_PROXY),
        ([b"\x05\x01"], Failure.PROXY_NOT_A_PROXY),
    ],
)
async def test_socks5(replies: list[bytes], failure: Failure | None) -> None:
    seen: list[bytes] = []
    with serve(_socks(replies, seen)) as port:
        observation, detail, opened = await _tunnel(_http(port, scheme="socks5", credentials=True))
    assert observation.failure is failure
    assert opened == (failure is None)
    assert seen[0] == b"\x05\x02\x00\x02"
    if failure is None:
        assert seen[-1] == b"\x05\x01\x00\x03" + bytes([len(HOST)]) + HOST.encode() + b"\x01\xbb"
    assert detail.proxy.startswith("socks5://127.0.0.1:")


@contextmanager
def _engine(command: list[str], port: int, cwd: Path) -> Iterator[None]:
    with (cwd / "engine.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=cwd)
        try:
            for _ in range(100):
                with socket.socket() as sock:
                    if sock.connect_ex(("127.0.0.1", port)) == 0:
                        break
                assert process.poll() is None, (cwd / "engine.log").read_text()
                time.sleep(0.1)
            yield
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.engine
@pytest.mark.root
async def test_a_real_squid(tmp_path: Path) -> None:
    need.root()
    squid = need.engine("squid")
    port, closed = _free_port(), _free_port()
    os.chmod(tmp_path, 0o777)
    with serve(probe_servers.stay_silent) as upstream:
        (tmp_path / "squid.conf").write_text(
            f"http_port 127.0.0.1:{port}\nacl bad dstdomain -n .denied.example\nhttp_access deny bad\n"
            f"http_access allow all\npid_filename none\ncache_log {tmp_path}/cache.log\naccess_log none\n"
            "cache deny all\ndns_nameservers 127.0.0.1\nhosts_file none\nshutdown_lifetime 0 seconds\n"
            f"coredump_dir {tmp_path}\nvisible_hostname squid.test\n"
        )
        with _engine(squids.foreground(squid, tmp_path / "squid.conf"), port, tmp_path):
            proxy = _http(port)
            results = {
                name: await _tunnel(proxy, target=target, port=number)
                for name, target, number in (
                    ("open", "127.0.0.1", upstream),
                    ("closed", "127.0.0.1", closed),
                    ("denied", "x.denied.example", 443),
                )
            }
    assert results["open"][0].failure is None
    assert results["closed"][0].failure is Failure.PROXY_CANNOT_CONNECT
    assert results["closed"][1].error_header == "ERR_CONNECT_FAIL 111"
    assert results["denied"][0].failure is Failure.PROXY_FORBIDDEN
    assert "squid" in results["denied"][1].server


@pytest.mark.engine
@pytest.mark.root
async def test_a_real_dante(tmp_path: Path) -> None:
    need.root()
    danted = need.engine("danted")
    port, closed = _free_port(), _free_port()
    with serve(probe_servers.stay_silent) as upstream:
        (tmp_path / "danted.conf").write_text(
            f"logoutput: {tmp_path}/danted.log\ninternal: 127.0.0.1 port = {port}\nexternal: 127.0.0.1\n"
            "socksmethod: none\nclientmethod: none\nuser.privileged: root\nuser.unprivileged: nobody\n"
            "client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
            "socks block { from: 0.0.0.0/0 to: 127.0.0.2/32 }\nsocks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }\n"
        )
        command = [str(danted), "-f", str(tmp_path / "danted.conf"), "-p", str(tmp_path / "danted.pid")]
        with _engine(command, port, tmp_path):
            proxy = _http(port, scheme="socks5")
            opened = await _tunnel(proxy, target="127.0.0.1", port=upstream)
            refused = await _tunnel(proxy, target="127.0.0.1", port=closed)
            blocked = await _tunnel(proxy, target="127.0.0.2", port=upstream)
    assert opened[0].failure is None
    assert refused[0].failure is Failure.PROXY_CANNOT_CONNECT
    assert blocked[0].failure is Failure.PROXY_FORBIDDEN


ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0000000A\t00000000\t0001\t0\t0\t100\t000000FF\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
eth1\t000911AC\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
br-0a1b2c3d\t000012AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
"""
"""A host whose own network is 10.0.0.0/8, with two networks of Docker and a wire with a part of the first."""


@pytest.mark.parametrize(
    ("address", "bridge"),
    [
        ("172.17.0.9", "docker0"),
        ("172.18.4.5", "br-0a1b2c3d"),
        ("172.17.9.3", ""),  # the longer prefix counts
        ("172.19.0.1", ""),
        ("10.1.2.3", ""),
        ("2001:db8::1", ""),
    ],
)
def test_the_routing_table_tells_what_stays_among_containers(tmp_path: Path, address: str, bridge: str) -> None:
    table = tmp_path / "route"
    table.write_text(ROUTES, encoding="ascii")
    assert bridge_to(address, table) == bridge
    assert bridge_to(address, tmp_path / "absent") == ""


@pytest.mark.root
async def test_a_proxy_in_the_subnet_of_docker_is_looked_for_on_its_bridge() -> None:
    """Docker takes 172.17.0.0/16 unless told otherwise, and many a company has its proxy there."""
    need.root()
    with Topology() as net:
        net.client.ip("link", "add", "docker0", "type", "bridge")
        net.client.ip("addr", "add", "172.17.0.1/16", "dev", "docker0")
        net.client.ip("link", "set", "docker0", "up")
        with net.client.entered():
            observation, bridged, _ = await _tunnel(_http(3128, host="172.17.0.9"), limit=6.0)
            _, beyond, _ = await _tunnel(_http(3128, host="198.19.0.9"), limit=6.0)
    assert observation.failure in (Failure.HOST_UNREACHABLE, Failure.TIMEOUT)
    assert (bridged.phase, bridged.bridge) == ("tcp", "docker0")
    assert (beyond.phase, beyond.bridge) == ("tcp", "")

"""Control probes that need more than one way out: proxies, addresses, sizes."""

from __future__ import annotations

import socket
from pathlib import Path

import trustme
from msgspec.structs import replace

from netprobe.observations import Failure, HttpDetail, Observation, ProxyDetail, Run, Step, TlsDetail
from netprobe.probes import controls
from netprobe.probes.experiments import CALLED_FOR
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from netprobe.vantage import ProxyServer, Vantage
from tests.support import probe_servers
from tests.support.probe_network import AWS, ECS, SUFFIX, Facts, endpoint, network
from tests.support.probe_servers import http_handler, serve, server_context, tls_handler, zone


def _of(run: Run, experiment: str) -> list[Observation]:
    """What one control saw the first time that it was made."""
    return [o for o in run.observations if o.experiment == experiment and o.attempt == 1]


def _made(run: Run, experiment: str) -> list[tuple[Step, Failure | None]]:
    return [(o.step, o.failure) for o in _of(run, experiment)]


def _through(vantage: Vantage, port: int, name: str = "ecs-agent") -> Vantage:
    server = ProxyServer(scheme="http", host="127.0.0.1", port=port)
    record = replace(vantage.record, name=name)
    return replace(vantage, name=name, record=record, proxy_for=lambda _host, _port: server)


def _tunnelling(context: object) -> probe_servers.Handler:
    def proxy(sock: socket.socket) -> None:
        probe_servers.read_request(sock)
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        tls_handler(context, http_handler(AWS))(sock)  # type: ignore[arg-type]

    return proxy


def _refusing(sock: socket.socket) -> None:
    probe_servers.read_request(sock)
    sock.sendall(b"HTTP/1.1 403 Forbidden\r\nVia: 1.1 gw\r\n\r\n")


async def test_a_proxy_of_another_vantage_is_tried_where_the_direct_way_fails(tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ca = probe_servers.pem(authority, tmp_path / "proxy-ca.pem")
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))
    with serve(_tunnelling(context)) as port, socket.create_server(("127.0.0.1", 0)) as closed:
        number = closed.getsockname()[1]
        closed.close()
        async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}})) as (vantage, _):
            direct = replace(vantage, store=replace(vantage.store, ca_file=ca), origin_ca=ca, ports={443: number})
            run = await check(
                [endpoint("ecs", ECS)], [direct, _through(direct, port)], Settings(timeout=5), catalog=Facts()
            )
    first = [o.failure for o in run.observations if o.step is Step.TCP and o.experiment is None]
    assert first == [Failure.CONNECTION_REFUSED]
    assert _made(run, "with_proxy") == [(Step.PROXY, None), (Step.TLS, None), (Step.HTTP, None)]


async def test_the_direct_way_is_tried_where_the_proxy_forbids(tmp_path: Path) -> None:
    with serve(_refusing) as port:
        async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}})) as (vantage, _):
            run = await check([endpoint("ecs", ECS)], [_through(vantage, port)], Settings(timeout=5), catalog=Facts())
    first = [(o.step, o.failure) for o in run.observations if o.experiment is None]
    assert first == [(Step.PROXY, Failure.PROXY_FORBIDDEN)]
    assert _made(run, "without_proxy") == [
        (Step.DNS, None),
        (Step.TCP, None),
        (Step.TLS, None),
        (Step.HTTP, None),
    ]


async def test_a_proxy_that_cannot_resolve_is_asked_for_the_address(tmp_path: Path) -> None:
    def proxy(sock: socket.socket) -> None:
        request = probe_servers.read_request(sock)
        good = request.startswith(b"CONNECT 127.0.0.1:")
        sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n" if good else b"HTTP/1.1 503 x\r\nX-Squid-Error: ERR_DNS_FAIL 0\r\n\r\n")

    with serve(proxy) as port:
        async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}})) as (vantage, _):
            run = await check([endpoint("ecs", ECS)], [_through(vantage, port)], Settings(timeout=5), catalog=Facts())
    assert _made(run, "connect_by_address") == [(Step.DNS, None), (Step.PROXY, None)]
    (told,) = [o for o in _of(run, "connect_by_address") if o.step is Step.PROXY]
    assert isinstance(told.detail, ProxyDetail)
    assert told.detail.target.startswith("127.0.0.1:")


async def test_a_stalled_answer_calls_for_a_small_one_and_for_smaller_packets(tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ca = probe_servers.pem(authority, tmp_path / "stall-ca.pem")
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))

    def only_heads(sock: socket.socket) -> None:
        if probe_servers.read_request(sock).startswith(b"HEAD "):
            sock.sendall(b"HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: 1\r\nContent-Length: 2\r\n\r\n")
        probe_servers.stay_silent(sock)

    handler = tls_handler(context, only_heads)
    async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}}), handler=handler) as (vantage, _):
        vantage = replace(vantage, store=replace(vantage.store, ca_file=ca), origin_ca=ca)
        run = await check([endpoint("ecs", ECS)], [vantage], Settings(timeout=0.5), catalog=Facts())
    (small,) = _of(run, "small_request")
    assert small.failure is None
    assert isinstance(small.detail, HttpDetail)
    assert (small.detail.method, small.detail.genuine) == ("HEAD", True)
    sizes = [o.detail.mss for o in _of(run, "lower_mss") if isinstance(o.detail, TlsDetail)]
    assert sorted(filter(None, sizes), reverse=True) == list(controls.MSS_STEPS)


async def test_the_name_that_the_hosts_file_overrides_is_asked_of_dns(tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.99 {ECS}\n")
    async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}}), handler=probe_servers.reset) as (vantage, _):
        vantage = replace(vantage, hosts_file=hosts)
        run = await check([endpoint("ecs", ECS)], [vantage], Settings(timeout=2), catalog=Facts())
    asked = _of(run, "without_hosts_file")
    assert [getattr(o.detail, "answers", None) for o in asked] == [("127.0.0.1",)]


def test_every_step_but_the_websocket_can_call_for_controls() -> None:
    # A refused TCP connection was tried at every address already; a websocket's handshake is the http step's.
    assert {step for step, _ in CALLED_FOR} == {Step.DNS, Step.TLS, Step.HTTP, Step.PROXY}

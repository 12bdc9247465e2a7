"""The lab's forward proxy, spoken to with plain sockets and with curl: every scenario does what its name says."""

from __future__ import annotations

import base64
import contextlib
import ssl
import subprocess

import pytest
import trio

from netprobe.lab import SCENARIOS, open_lab
from netprobe.lab.behaviour import ProxyBehaviour, ProxyMode
from netprobe.lab.network import Lab
from netprobe.lab.plan import PROXY
from netprobe.lab.scenarios import Scenario
from tests.support import need
from tests.support.lab_client import ask
from tests.support.lab_endpoints import endpoints, name_of

SSM, ECS, ECS_A = name_of("ssm"), name_of("ecs"), name_of("ecs-a")
PATIENCE = 3.0
SILENCE = "silence"

CONNECTS: dict[str, tuple[str, str]] = {
    "proxy": (SSM, "200"),
    "proxy-basic-auth": (SSM, "200"),
    "proxy-name-missing": (SSM, "200"),
    "proxy-dropped": (SSM, "tcp silence"),
    "proxy-refused": (SSM, "tcp refused"),
    "proxy-silent": (SSM, SILENCE),
    "proxy-wants-credentials": (SSM, "407 ERR_CACHE_ACCESS_DENIED 0"),
    "proxy-rejects-credentials": (SSM, "407 ERR_CACHE_ACCESS_DENIED 0"),
    "proxy-is-a-web-server": (SSM, "404"),
    "proxy-forbids": (ECS_A, "403 ERR_ACCESS_DENIED 0"),
    "proxy-forbids-all": (SSM, "403 ERR_ACCESS_DENIED 0"),
    "proxy-cannot-resolve": (SSM, "503 ERR_DNS_FAIL 0"),
    "proxy-cannot-connect": (SSM, "503 ERR_CONNECT_FAIL 111"),
    "proxy-upstream-timeout": (SSM, "504 ERR_CONNECT_FAIL 110"),
    "proxy-without-connect": (SSM, "405"),
    "refused": (SSM, "503 ERR_CONNECT_FAIL 111"),
    "blackhole-all": (SSM, "504 ERR_CONNECT_FAIL 110"),
}


async def asked(lab: Lab, target: str, *, port: int | None = None) -> str:
    """What a CONNECT is answered: the status, and Squid's reason where there is one."""
    sock = trio.socket.socket()
    with sock, trio.move_on_after(PATIENCE) as patience:
        try:
            await sock.connect((lab.proxy_address, lab.proxy_port))
        except ConnectionRefusedError:
            return "tcp refused"
        setting = lab.vantage.proxy
        lines = [f"CONNECT {target}:{lab.vantage.ports[443] if port is None else port} HTTP/1.1"]
        if setting is not None and setting.username is not None:
            token = base64.b64encode(f"{setting.username}:{setting.password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {token}")
        await sock.send("\r\n".join([*lines, "", ""]).encode())
        received = await sock.recv(4096)
        first, *headers = received.decode().split("\r\n")
        reason = [line.partition(": ")[2] for line in headers if line.startswith("X-Squid-Error")]
        return " ".join([first.split()[1], *reason])
    assert patience.cancelled_caught
    return SILENCE


@pytest.mark.parametrize("name", CONNECTS)
async def test_what_a_connect_is_answered(name: str) -> None:
    target, told = CONNECTS[name]
    async with open_lab(name, endpoints()) as lab:
        answer = await asked(lab, target)
        assert answer == (SILENCE if told == "tcp silence" else told)
        behaviour = SCENARIOS[name].proxy
        if behaviour is not None and behaviour.only:
            assert await asked(lab, ECS) == "200"


def test_every_scenario_with_a_proxy_is_held() -> None:
    by_tls = {name for name, s in SCENARIOS.items() if s.proxy is not None and s.proxy.scheme == "https"}
    inside = {name for name, s in SCENARIOS.items() if s.proxy is not None and s.proxy.through is not None}
    later = {name for name, s in SCENARIOS.items() if s.proxy is not None and s.proxy.idle_seconds is not None}
    assert {name for name, s in SCENARIOS.items() if s.proxy is not None} - by_tls - inside - later <= set(CONNECTS)


async def test_it_opens_tunnels_to_the_lab_alone() -> None:
    async with open_lab("proxy", endpoints()) as lab:
        address = lab.addresses[SSM][0]
        assert await asked(lab, address) == "200"
        assert await asked(lab, "127.0.0.1") == "503 ERR_CONNECT_FAIL 111"
        assert await asked(lab, "www.example.com") == "503 ERR_DNS_FAIL 0"
        assert await asked(lab, "ecs-a-3.us-east-2.amazonaws.com") == "503 ERR_DNS_FAIL 0"
        for port in (22, lab.proxy_port, 0):
            assert await asked(lab, SSM, port=port) == "403 ERR_ACCESS_DENIED 0"


async def test_where_its_dns_fails_an_address_still_passes() -> None:
    async with open_lab("proxy-cannot-resolve", endpoints()) as lab:
        assert await asked(lab, lab.addresses[SSM][0]) == "200"


@pytest.mark.parametrize(("name", "told"), [("proxy", True), ("proxy-name-missing", False)])
async def test_its_name_is_in_the_labs_dns(name: str, told: bool) -> None:
    async with open_lab(name, endpoints()) as lab:
        resolver = lab.vantage.resolvers[0]
        answer = await ask(PROXY, "A", resolver.address, resolver.port)
        assert answer == (lab.proxy_address if told else "NXDOMAIN")


@pytest.mark.parametrize("scheme", ["http", "https", "socks5h", "socks5"])
async def test_curl_reaches_the_lab_through_it(scheme: str) -> None:
    curl = need.engine("curl")
    async with open_lab("proxy", endpoints()) as lab:
        proxy = f"{lab.proxy_address}:{lab.proxy_port}"
        name = f"{PROXY}:{lab.proxy_port}"
        resolve = ["--resolve", f"{name}:{lab.proxy_address}"]
        if scheme == "socks5":  # curl then resolves the name and asks for the address
            resolve += ["--resolve", f"{SSM}:{lab.vantage.ports[443]}:{lab.addresses[SSM][0]}"]
        setting = f"{scheme}://{name if scheme == 'https' else proxy}"
        command = [
            str(curl),
            "-sSi",
            "--cacert",
            str(lab.origin_file),
            "--proxy-cacert",
            str(lab.origin_file),
            *resolve,
        ]
        done: subprocess.CompletedProcess[bytes] = await trio.run_process(
            [*command, "-x", setting, f"https://{SSM}:{lab.vantage.ports[443]}/"], capture_stdout=True
        )
        assert b"x-amzn-RequestId" in done.stdout


async def test_the_certificate_of_an_untrusted_one_is_the_inspectors() -> None:
    async with open_lab("proxy-tls-untrusted", endpoints()) as lab:
        context = ssl.create_default_context(cafile=str(lab.origin_file))
        stream = await trio.open_tcp_stream(lab.proxy_address, lab.proxy_port)  # noqa: TID251 - one literal address
        secure = trio.SSLStream(stream, context, server_hostname=PROXY)
        with pytest.raises(trio.BrokenResourceError) as caught:
            await secure.do_handshake()
        await trio.aclose_forcefully(stream)
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("seconds", [None, 0.5])
async def test_an_idle_tunnel_is_closed_where_it_was_said(seconds: float | None) -> None:
    scenario = Scenario(name="idle", summary=".", proxy=ProxyBehaviour(idle_seconds=seconds))
    async with open_lab(scenario, endpoints()) as lab:
        stream = await trio.open_tcp_stream(lab.proxy_address, lab.proxy_port)  # noqa: TID251 - one literal address
        await stream.send_all(f"CONNECT {SSM}:{lab.vantage.ports[443]} HTTP/1.1\r\n\r\n".encode())
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 200")
        begin = trio.current_time()
        with trio.move_on_after(1.5) as patience:
            assert await stream.receive_some() == b""
        assert patience.cancelled_caught is (seconds is None)
        if seconds is not None:
            assert trio.current_time() - begin >= seconds * 0.9
        await trio.aclose_forcefully(stream)


async def test_a_rude_client_does_not_end_it() -> None:
    async with open_lab("proxy", endpoints()) as lab:
        for rude in (
            b"",
            b"\x16\x03\x01",
            b"\x05",
            b"\x05\xff",
            b"CONNECT\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"x" * 99999,
        ):
            stream = await trio.open_tcp_stream(lab.proxy_address, lab.proxy_port)  # noqa: TID251 - one literal address
            with contextlib.suppress(trio.BrokenResourceError):  # it may have hung up in the middle of it
                await stream.send_all(rude)
            await trio.aclose_forcefully(stream)
        assert await asked(lab, SSM) == "200"
        assert await asked(lab, SSM, port=99999999) == "403 ERR_ACCESS_DENIED 0"


def test_a_mode_has_a_scenario() -> None:
    played = {s.proxy.mode for s in SCENARIOS.values() if s.proxy is not None}
    assert played == set(ProxyMode)

"""The embedded lab, looked at with a plain client: every scenario does what its name says."""

from __future__ import annotations

import email.utils
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import cryptography.x509 as x509
import pytest
import trio
from cryptography.x509 import verification

from netprobe.errors import UsageError
from netprobe.findings import Verdict
from netprobe.lab import SCENARIOS, Scenario, open_lab
from netprobe.lab.behaviour import DnsMode, ResolverBehaviour
from netprobe.lab.network import Lab
from netprobe.lab.scenarios import ANSWER
from tests.support import need
from tests.support.lab_client import Met, ask, visit
from tests.support.lab_endpoints import endpoints, name_of

SSM, ECS_A, REGISTRY = name_of("ssm"), name_of("ecs-a"), name_of("ecr-registry")
Check = Callable[[Met], bool]


async def look(lab: Lab, name: str, *, address: int = 0, **more: object) -> Met:
    """Visit a host of the lab the way its vantage would."""
    roots = lab.vantage.store.ca_file
    assert roots is not None
    return await visit(lab.addresses[name][address], lab.vantage.ports[443], name, roots, **more)  # type: ignore[arg-type]


async def resolve(lab: Lab, name: str, *, resolver: int = 0, rrtype: str = "A", tcp: bool = False) -> str:
    server = lab.vantage.resolvers[resolver]
    return await ask(name, rrtype, server.address, server.port, tcp=tcp)


async def test_healthy_is_healthy_for_every_host() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        assert len(set(lab.addresses.values())) == len(lab.addresses)
        for name, addresses in lab.addresses.items():
            assert await resolve(lab, name) == " ".join(addresses)
            assert await resolve(lab, name, rrtype="AAAA") == "nodata"
            assert (await look(lab, name)).word == "answer"


async def test_numbers_are_not_an_unbroken_row() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        found = [n for n in range(1, 20) if await resolve(lab, f"ecs-a-{n}.us-east-2.amazonaws.com") != "NXDOMAIN"]
        assert found == [1, 2, 16]
        assert await resolve(lab, "ecs-a.us-east-2.amazonaws.com") == lab.addresses["ecs-a.us-east-2.amazonaws.com"][0]
        assert await resolve(lab, "us-east-2.amazonaws.com") == "nodata"  # an empty non-terminal exists (RFC 8020)


WORDS = {
    "nxdomain": (SSM, "NXDOMAIN"),
    "nodata": (SSM, "nodata"),
    "servfail": (SSM, "SERVFAIL"),
    "dns-refused": (SSM, "REFUSED"),
    "dns-timeout": (SSM, "silence"),
    "dns-unreachable": (SSM, "refused"),
    "dns-over-tcp": (SSM, "truncated"),
    "dns-truncated-tcp-blocked": (SSM, "truncated"),
    "sinkholed": (REGISTRY, "0.0.0.0"),
    "resolver-down": (SSM, "silence"),
    "resolvers-disagree": (SSM, "NXDOMAIN"),
}


@pytest.mark.parametrize("scenario", WORDS)
async def test_dns_faults(scenario: str) -> None:
    name, word = WORDS[scenario]
    async with open_lab(scenario, endpoints()) as lab:
        assert await resolve(lab, name) == word
        if scenario in {"nxdomain", "nodata", "sinkholed"}:
            assert await resolve(lab, name_of("ecs")) == lab.addresses[name_of("ecs")][0]


async def test_a_resolver_that_fails_now_and_then_counts_questions_for_a_name_and_type() -> None:
    behaviour = ResolverBehaviour(mode=DnsMode.SERVFAIL, only=("ssm",), every=2)
    scenario = Scenario(name="forgetful", summary=".", resolvers=(behaviour,))
    async with open_lab(scenario, endpoints()) as lab:
        good = lab.addresses[SSM][0]
        assert [await resolve(lab, SSM) for _ in range(4)] == ["SERVFAIL", good, "SERVFAIL", good]
        assert [await resolve(lab, SSM, rrtype="AAAA") for _ in range(2)] == ["SERVFAIL", "nodata"]
        assert [await resolve(lab, SSM, tcp=True) for _ in range(2)] == ["SERVFAIL", good]
        assert await resolve(lab, name_of("ecs")) == lab.addresses[name_of("ecs")][0]


async def test_dns_over_tcp() -> None:
    async with open_lab("dns-over-tcp", endpoints()) as lab:
        assert await resolve(lab, SSM, tcp=True) == lab.addresses[SSM][0]
    async with open_lab("dns-truncated-tcp-blocked", endpoints()) as lab:
        assert await resolve(lab, SSM, tcp=True) == "silence"
    async with open_lab("dns-unreachable", endpoints()) as lab:
        assert await resolve(lab, SSM, tcp=True) == "refused"


async def test_the_second_resolver_is_good() -> None:
    for scenario in ("resolver-down", "resolvers-disagree"):
        async with open_lab(scenario, endpoints()) as lab:
            assert await resolve(lab, SSM, resolver=1) == lab.addresses[SSM][0]


async def test_a_wildcard_resolver_sends_missing_names_to_a_search_page() -> None:
    async with open_lab("wildcard-dns", endpoints()) as lab:
        page = await resolve(lab, "ecs-a-3.us-east-2.amazonaws.com")
        assert page == await resolve(lab, "surely-not-there.example")
        assert page not in {address for some in lab.addresses.values() for address in some}
        assert await resolve(lab, SSM) == lab.addresses[SSM][0]
        met = await visit(page, lab.vantage.ports[443], SSM, lab.origin_file)
        assert met.word == "tls verify 62"


VISITS: dict[str, tuple[str, Check]] = {
    "slow": (SSM, lambda met: met.word == "answer"),
    "refused": (SSM, lambda met: met.word == "tcp refused"),
    "blackhole": (ECS_A, lambda met: met.word == "tcp silence"),
    "blackhole-all": (SSM, lambda met: met.word == "tcp silence"),
    "tcp-reset": (SSM, lambda met: met.word == "tls reset"),
    "tls-reset": (ECS_A, lambda met: met.word == "tls reset"),
    "tls-closed": (ECS_A, lambda met: met.word == "tls closed"),
    "tls-stalled": (ECS_A, lambda met: met.word == "tls silence"),
    "sni-blocked": (ECS_A, lambda met: met.word == "tls reset"),
    "sni-closed": (ECS_A, lambda met: met.word == "tls closed"),
    "sni-dropped": (ECS_A, lambda met: met.word == "tls silence"),
    "path-mtu": (ECS_A, lambda met: met.word == "tls silence"),
    "tls-alert": (ECS_A, lambda met: met.word == "tls SSLV3_ALERT_HANDSHAKE_FAILURE"),
    # OpenSSL 3.0.20 gives up by itself (the signature of TLS 1.1 is too weak for it) before it reads the alert.
    "old-tls": (
        ECS_A,
        lambda met: met.word == "tls TLSV1_ALERT_PROTOCOL_VERSION" or "legacy sigalg disallowed" in met.word,
    ),
    "not-tls": (ECS_A, lambda met: met.word == "tls WRONG_VERSION_NUMBER"),
    "tls-intercepted": (SSM, lambda met: met.word == "tls verify 19"),
    "tls-intercepted-trusted": (SSM, lambda met: met.word == "answer"),
    "tls-nonconforming": (SSM, lambda met: met.word == "answer"),
    "self-signed": (SSM, lambda met: met.word == "tls verify 18"),
    "untrusted-store": (SSM, lambda met: met.word == "tls verify 20"),
    "expired": (SSM, lambda met: met.word == "tls verify 10"),
    "not-yet-valid": (SSM, lambda met: met.word == "tls verify 9"),
    "wrong-name": (SSM, lambda met: met.word == "tls verify 62"),
    "clock-wrong": (SSM, lambda met: met.word == "tls verify 10"),
    "block-page": (SSM, lambda met: met.status == 403 and b"<title>" in met.body),
    "captive-portal": (SSM, lambda met: met.status == 302 and "portal.example" in met.headers["location"]),
    "foreign-answer": (SSM, lambda met: met.status == 200 and "x-amzn-requestid" not in met.headers),
    "service-error": (SSM, lambda met: met.status == 503 and "x-amzn-requestid" in met.headers),
    "http-stalled": (SSM, lambda met: met.word == "http silence"),
    "http-cut": (SSM, lambda met: met.word == "http closed"),
}


@pytest.mark.parametrize("scenario", VISITS)
async def test_what_a_client_meets(scenario: str) -> None:
    name, holds = VISITS[scenario]
    async with open_lab(scenario, endpoints()) as lab:
        met = await look(lab, name)
        assert holds(met), met
        if SCENARIOS[scenario].at:
            assert (await look(lab, name_of("ecs"))).word == "answer"


@pytest.mark.parametrize("scenario", ["sni-blocked", "sni-closed", "sni-dropped"])
async def test_a_name_filter_lets_other_names_pass(scenario: str) -> None:
    async with open_lab(scenario, endpoints()) as lab:
        for name in (name_of("ecs"), None):
            met = await visit(lab.addresses[ECS_A][0], lab.vantage.ports[443], name, lab.origin_file, verify=False)
            assert met.word == "answer"


@pytest.mark.parametrize("scenario", ["tls-reset", "tls-closed", "tls-stalled"])
async def test_other_faults_do_not_look_at_the_name(scenario: str) -> None:
    async with open_lab(scenario, endpoints()) as lab:
        met = await visit(lab.addresses[ECS_A][0], lab.vantage.ports[443], None, lab.origin_file, verify=False)
        assert met.word.startswith("tls ")


async def test_small_segments_pass_the_narrow_path() -> None:
    async with open_lab("path-mtu", endpoints()) as lab:
        assert (await look(lab, ECS_A, mss=536)).word == "answer"


async def test_second_addresses_and_ipv6() -> None:
    async with open_lab("two-addresses", endpoints()) as lab:
        assert [(await look(lab, SSM, address=n)).word for n in (0, 1)] == ["answer", "answer"]
    async with open_lab("one-address-blocked", endpoints()) as lab:
        assert [(await look(lab, SSM, address=n)).word for n in (0, 1)] == ["answer", "tcp silence"]
    async with open_lab("dual-stack", endpoints()) as lab:
        assert await resolve(lab, SSM, rrtype="AAAA") == "::1"
        for name in lab.addresses:  # they share ::1: the SNI picks the certificate
            assert (await look(lab, name, address=1)).word == "answer"
    async with open_lab("ipv6-broken", endpoints()) as lab:
        assert [(await look(lab, SSM, address=n)).word for n in (0, 1)] == ["answer", "tcp silence"]


async def test_answers_have_the_shape_of_the_genuine_services() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        api = await look(
            lab, SSM, request=b"OPTIONS / HTTP/1.1\r\nHost: x\r\nOrigin: https://a.example\r\nConnection: close\r\n\r\n"
        )
        assert (api.status, api.body) == (200, b"")
        assert len(api.headers["x-amzn-requestid"]) == 36
        registry = await look(lab, REGISTRY, request=b"GET /v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert registry.status == 401
        assert registry.headers["docker-distribution-api-version"] == "registry/2.0"
        assert registry.headers["www-authenticate"] == f'Basic realm="https://{REGISTRY}/",service="ecr.amazonaws.com"'
        layers = await look(lab, name_of("ecr-layers"))
        assert {"x-amz-request-id", "x-amz-id-2"} <= set(layers.headers)
        plain = await look(lab, ECS_A)
        assert plain.body == b'{"Request to path / is not supported":"InvalidURIException"}'


UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def test_an_unsigned_upgrade_is_refused_as_aws_refuses_it() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        refused = await look(lab, ECS_A, request=UPGRADE)
        assert (refused.word, refused.status, refused.body) == ("answer", 403, b'{"AccessDeniedException":"Forbidden"}')
    async with open_lab("upgrade-stripped", endpoints()) as lab:
        stripped = await look(lab, ECS_A, request=UPGRADE)
        assert b"InvalidURIException" in stripped.body


@pytest.mark.parametrize(("scenario", "skew"), [("clock-skew", 600), ("clock-drift", -120), ("healthy", 0)])
async def test_the_date_header(scenario: str, skew: float) -> None:
    async with open_lab(scenario, endpoints()) as lab:
        told = email.utils.parsedate_to_datetime((await look(lab, SSM)).headers["date"]).timestamp()
        assert abs(told - time.time() - skew) < 5


async def test_slow_is_slow() -> None:
    async with open_lab("slow", endpoints()) as lab:
        begin = trio.current_time()
        assert (await look(lab, SSM)).word == "answer"
        assert trio.current_time() - begin >= 0.6  # one flight of TLS, one answer


async def test_certificates_conform_unless_the_scenario_says_otherwise() -> None:
    conforming = {"healthy": True, "tls-intercepted-trusted": True, "tls-nonconforming": False}
    for scenario, expected in conforming.items():
        async with open_lab(scenario, endpoints()) as lab:
            assert await strictly_valid(lab, SSM) is expected


async def strictly_valid(lab: Lab, name: str) -> bool:
    """Whether a strict X.509 verifier accepts the chain that a host shows."""
    target = f"{lab.addresses[name][0]}:{lab.vantage.ports[443]}"
    need.engine("openssl")
    shown = await trio.run_process(
        ["openssl", "s_client", "-showcerts", "-connect", target, "-servername", name],
        stdin=b"",
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    chain = x509.load_pem_x509_certificates(shown.stdout)
    roots = lab.vantage.store.ca_file
    assert roots is not None
    store = verification.Store(x509.load_pem_x509_certificates(roots.read_bytes()))
    verifier = verification.PolicyBuilder().store(store).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(chain[0], chain[1:])
    except verification.VerificationError:
        return False
    return True


async def test_a_rude_client_does_not_end_the_lab() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        address, port = lab.addresses[SSM][0], lab.vantage.ports[443]
        for rude in (b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 300):
            stream = await trio.open_tcp_stream(address, port)  # noqa: TID251 - one literal address
            await stream.send_all(rude)
            await trio.aclose_forcefully(stream)
        for rude in (b"", b"\x00" * 12, b"\xff" * 600):
            with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as datagrams:
                await datagrams.sendto(rude, (lab.vantage.resolvers[0].address, lab.vantage.resolvers[0].port))
        assert (await look(lab, SSM)).word == "answer"
        assert await resolve(lab, SSM) == address


async def test_several_labs_live_beside_each_other() -> None:
    async with open_lab("healthy", endpoints()) as one, open_lab("refused", endpoints()) as other:
        assert (await look(one, SSM)).word == "answer"
        assert (await look(other, SSM)).word == "tcp refused"


async def test_what_the_body_raises_is_raised_as_it_was() -> None:
    with pytest.raises(KeyError, match="mine"):
        async with open_lab("healthy", endpoints()):
            raise KeyError("mine")
    with trio.move_on_after(0.2) as scope:
        async with open_lab("healthy", endpoints()) as lab:
            await trio.sleep_forever()
    assert scope.cancelled_caught
    assert not lab.directory.exists()


async def test_nothing_stays_bound() -> None:
    async with open_lab("healthy", endpoints()) as lab:
        address, port = lab.addresses[SSM][0], lab.vantage.ports[443]
    assert (await visit(address, port, SSM, Path("/etc/ssl/certs/ca-certificates.crt"))).word == "tcp refused"


async def test_start_is_quick() -> None:
    begin = time.perf_counter()
    async with open_lab("healthy", endpoints()):
        pass
    assert time.perf_counter() - begin < 1.5  # 0.08 s on an idle machine


async def test_an_unknown_scenario_is_the_users_mistake() -> None:
    with pytest.raises(UsageError, match="no such scenario"):
        async with open_lab("helthy", endpoints()):
            pass


def test_scenarios_are_consistent() -> None:
    for name, scenario in SCENARIOS.items():
        assert scenario.name == name
        assert scenario.summary.endswith(".")
        assert list(scenario.findings) == sorted(scenario.findings)
        assert (scenario.verdict is Verdict.READY) == (not scenario.findings)
        # Odd but genuine answers are held by tests/lab/test_odd_answers.py, proxies by tests/test_lab_proxy.py.
        assert name.startswith(ANSWER) or scenario.proxy is not None or name in WORDS or name in VISITS or name in {
            "healthy", "two-addresses", "dual-stack", "wildcard-dns", "one-address-blocked", "ipv6-broken",
            "upgrade-stripped", "clock-skew", "clock-drift", "incomplete-chain", "wrong-name-at-aws",
            "edns-refused", "search-captures", "large-hello-dropped", "dns-slow",
        }  # fmt: skip


async def test_curl_reaches_the_lab() -> None:
    curl = need.engine("curl")
    async with open_lab("healthy", endpoints()) as lab:
        target = f"{SSM}:443:{lab.addresses[SSM][0]}:{lab.vantage.ports[443]}"
        done: subprocess.CompletedProcess[bytes] = await trio.run_process(
            [
                str(curl),
                "-sSi",
                "--noproxy",
                "*",
                "--cacert",
                str(lab.origin_file),
                "--connect-to",
                target,
                f"https://{SSM}/",
            ],
            capture_stdout=True,
        )
        assert b"x-amzn-RequestId" in done.stdout

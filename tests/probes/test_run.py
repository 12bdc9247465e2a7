"""The runner, end to end on loopback: every host once, limits kept, nothing lost."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import pytest
import trio
import trustme
from msgspec.structs import replace

from netprobe.catalog.model import Endpoint
from netprobe.diagnosis import diagnose
from netprobe.observations import DnsDetail, Failure, Observation, Run, Step, TlsDetail
from netprobe.probes import experiments
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from netprobe.vantage import Vantage
from tests.support import probe_servers
from tests.support.probe_network import AWS, ECS, SSM, SUFFIX, Facts, endpoint, network
from tests.support.probe_servers import http_handler, serve, server_context, tls_handler, zone


def _first(run: Run) -> Mapping[tuple[str, str], Counter[Failure | None]]:
    found: dict[tuple[str, str], Counter[Failure | None]] = {}
    for o in run.observations:
        if o.experiment is None:
            found.setdefault((o.host, o.step.value), Counter())[o.failure] += 1
    return found


async def test_a_healthy_host_passes_every_step_at_every_address(tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1", "127.0.0.2"]}})) as (vantage, server):
        run = await check(
            [endpoint("ecs", ECS)],
            [vantage],
            Settings(timeout=5),
            catalog=Facts(),
            progress=lambda done, total: progress.append((done, total)),
        )
    assert _first(run) == {
        (ECS, "dns"): {None: 1},
        (ECS, "tcp"): {None: 2},
        (ECS, "tls"): {None: 2},
        (ECS, "http"): {None: 2},
    }
    assert progress == [(1, 1)]
    assert server.udp_questions == 1
    assert [o.id for o in run.observations] == [f"o{n}" for n in range(1, 8)]
    assert run.subjects[0].candidates == (ECS,)
    assert run.subjects[0].unfinished == ()
    assert run.catalog.version == "2026.11"


async def test_addresses_that_are_not_tried_are_told(tmp_path: Path) -> None:
    """In a note, since the one that is blocked may be among them; a name with as many as are tried needs none."""
    many, few = ([f"127.0.0.{number}" for number in range(1, last)] for last in (21, 17))
    async with network(tmp_path, zone({ECS: {"A": many}, SSM: {"A": few}})) as (vantage, _):
        endpoints = [endpoint("ecs", ECS), endpoint("ssm", SSM)]
        run = await check(endpoints, [vantage], Settings(timeout=5, experiments=False), catalog=Facts())
    (note,) = [one for one in run.notes if "addresses" in one]
    assert note == f"more addresses than a check tries, so 16 of each answer were tried: {ECS} (20)"
    assert diagnose(run).findings == ()


async def test_the_same_network_gives_the_same_ids(tmp_path: Path) -> None:
    endpoints = [endpoint("ecs", ECS), endpoint("ssm", SSM)]
    runs = []
    for _ in range(2):
        async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1", "127.0.0.2"]}, SSM: {"A": ["127.0.0.1"]}})) as (
            vantage,
            _,
        ):
            run = await check(endpoints, [vantage], Settings(timeout=5), catalog=Facts())
            runs.append([(o.id, o.host, o.address, o.step, o.failure) for o in run.observations])
    assert runs[0] == runs[1]


async def test_numbers_that_do_not_exist_are_absent_and_leave_no_failures(tmp_path: Path) -> None:
    names = {f"ecs-a-{n}.{SUFFIX}": {"A": ["127.0.0.1"]} for n in (2, 5)}
    async with network(tmp_path, zone(names)) as (vantage, _):
        run = await check(
            [endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)],
            [vantage],
            Settings(timeout=5, ecs_numbers=tuple(range(1, 7))),
            catalog=Facts(),
        )
    (subject,) = run.subjects
    assert subject.absent == tuple(f"ecs-a-{n}.{SUFFIX}" for n in (1, 3, 4, 6))
    assert {o.host for o in run.observations if o.experiment is None} == set(names)
    impossible = [o for o in run.observations if o.experiment == "impossible_name"]
    assert [o.failure for o in impossible] == [Failure.DNS_NXDOMAIN]


class Asked:
    """A zone that keeps the questions."""

    def __init__(self, answer: probe_servers.Zone) -> None:
        self._answer = answer
        self.questions: Counter[tuple[str, str]] = Counter()

    def __call__(self, query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        question = query.question[0]
        host = str(question.name).removesuffix(".")
        self.questions[host.partition(".")[0], dns.rdatatype.to_text(question.rdtype)] += 1
        return self._answer(query, over_tcp)


async def _numbers(tmp_path: Path, answer: probe_servers.Zone, *more: Endpoint, numbers: int = 4) -> Run:
    """A check of numbered names, and others, of a host with both families."""
    async with network(tmp_path, answer) as (vantage, _):
        return await check(
            [*more, endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)],
            [replace(vantage, families=(4, 6))],
            Settings(timeout=2, ecs_numbers=tuple(range(1, numbers + 1)), experiments=False),
            catalog=Facts(),
        )


async def test_a_number_is_asked_for_in_the_other_family_only_where_it_exists(tmp_path: Path) -> None:
    both = {"A": ["127.0.0.1"], "AAAA": ["::1"]}
    # The second exists for IPv6 alone, the third under its name alone: neither is denied.
    asked = Asked(zone({f"ecs-a-1.{SUFFIX}": both, f"ecs-a-2.{SUFFIX}": {"AAAA": ["::1"]}, f"ecs-a-3.{SUFFIX}": {}}))
    run = await _numbers(tmp_path, asked)
    families = {name: sorted(kind for host, kind in asked.questions if host == name) for name, _ in asked.questions}
    assert families.pop("netprobe-no-such-host") == ["A", "AAAA"]
    assert families == {
        "ecs-a-1": ["A", "AAAA"],
        "ecs-a-2": ["A", "AAAA"],
        "ecs-a-3": ["A", "AAAA"],
        "ecs-a-4": ["A"],
    }
    assert set(asked.questions.values()) == {1}
    assert run.subjects[0].absent == (f"ecs-a-3.{SUFFIX}", f"ecs-a-4.{SUFFIX}")
    reached = {(o.host.partition(".")[0], o.address) for o in run.observations if o.step is Step.TCP}
    assert reached == {("ecs-a-1", "127.0.0.1"), ("ecs-a-1", "::1"), ("ecs-a-2", "::1")}


async def test_a_failed_question_is_no_denial(tmp_path: Path) -> None:
    """What SERVFAIL keeps back for IPv4 is still denied, or known, for IPv6."""

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        known = {f"ecs-a-2.{SUFFIX}": {"AAAA": ["::1"]}}
        if query.question[0].rdtype == dns.rdatatype.A:
            return zone(known, missing=dns.rcode.SERVFAIL)(query, over_tcp)
        return zone(known)(query, over_tcp)

    asked = Asked(answer)
    run = await _numbers(tmp_path, asked, numbers=2)
    assert asked.questions["ecs-a-1", "AAAA"] == 1
    assert run.subjects[0].absent == (f"ecs-a-1.{SUFFIX}",)


async def test_a_resolver_that_denies_what_it_knows_is_not_believed_of_numbers(tmp_path: Path) -> None:
    """It answers NXDOMAIN where there is no IPv4 (RFC 4074 section 4.2 has the like of it)."""
    known = {ECS: {"AAAA": ["::1"]}, f"ecs-a-2.{SUFFIX}": {"AAAA": ["::1"]}}

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        ipv4 = query.question[0].rdtype == dns.rdatatype.A
        return zone({} if ipv4 else known)(query, over_tcp)

    asked = Asked(answer)
    run = await _numbers(tmp_path, asked, endpoint("ecs", ECS), numbers=3)
    (numbered,) = (subject for subject in run.subjects if subject.id == "ecs-a")
    assert numbered.absent == (f"ecs-a-1.{SUFFIX}", f"ecs-a-3.{SUFFIX}")
    assert ("ecs-a-2", "AAAA") in asked.questions
    assert {o.host for o in run.observations if o.step is Step.TCP} == {ECS, f"ecs-a-2.{SUFFIX}"}
    # Each number once in all that is kept, however often it was asked for.
    kept = [o for o in run.observations if o.host.startswith("ecs-a-2.") and o.step is Step.DNS]
    assert sorted(o.detail.rrtype for o in kept if isinstance(o.detail, DnsDetail)) == ["A", "AAAA"]


async def test_a_resolver_that_answers_for_everything_proves_no_number(tmp_path: Path) -> None:
    def everything(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        name = str(query.question[0].name).removesuffix(".")
        address = "127.0.0.1" if name.startswith("ecs-a-3.") else "127.0.0.9"
        return zone({name: {"A": [address]}})(query, over_tcp)

    async with network(tmp_path, everything) as (vantage, _):
        run = await check(
            [endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)],
            [vantage],
            Settings(timeout=5, ecs_numbers=(1, 2, 3)),
            catalog=Facts(),
        )
    assert run.subjects[0].absent == (f"ecs-a-1.{SUFFIX}", f"ecs-a-2.{SUFFIX}")
    assert {o.host for o in run.observations if o.experiment is None} == {f"ecs-a-3.{SUFFIX}"}


async def test_the_deadline_keeps_what_was_seen_and_says_what_was_not(tmp_path: Path) -> None:
    def half(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        good = zone({ECS: {"A": ["127.0.0.1"]}})
        return good(query, over_tcp) if str(query.question[0].name).startswith("ecs.") else []

    async with network(tmp_path, half) as (vantage, _):
        run = await check(
            [endpoint("ecs", ECS), endpoint("ssm", SSM)],
            [vantage],
            Settings(timeout=30, deadline=1.0),
            catalog=Facts(),
        )
    assert run.context.deadline_reached
    assert not run.context.interrupted
    ecs, ssm = run.subjects
    assert (ecs.unfinished, ecs.not_run) == ((), "")
    assert (ssm.unfinished, ssm.not_run) == ((SSM,), "deadline")
    assert {o.step for o in run.observations if o.host == ECS} == {Step.DNS, Step.TCP, Step.TLS, Step.HTTP}
    assert 0.9 <= run.duration_seconds < 5


async def test_ctrl_c_reports_what_was_seen(tmp_path: Path) -> None:
    async with network(tmp_path, lambda _query, _tcp: []) as (vantage, _), trio.open_nursery() as nursery:

        async def press() -> None:
            await trio.sleep(0.3)
            os.kill(os.getpid(), signal.SIGINT)

        nursery.start_soon(press)
        run = await check([endpoint("ecs", ECS)], [vantage], Settings(timeout=30), catalog=Facts())
    assert run.context.interrupted
    assert run.subjects[0].not_run == "interrupted"
    assert run.duration_seconds < 10


async def test_queueing_is_never_charged_to_a_host(tmp_path: Path) -> None:
    """Six hosts that take 0.4 s each, two slots, a limit of 0.9 s: all pass."""
    names = [f"h{n}.{SUFFIX}" for n in range(6)]
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))

    def slow(sock: socket.socket) -> None:
        import time

        time.sleep(0.4)
        tls_handler(context, http_handler(AWS))(sock)

    ca = probe_servers.pem(authority, tmp_path / "slow-ca.pem")
    async with network(tmp_path, zone({n: {"A": ["127.0.0.1"]} for n in names}), handler=slow) as (vantage, _):
        vantage = replace(vantage, store=replace(vantage.store, ca_file=ca), origin_ca=ca)
        run = await check(
            [endpoint(f"e{i}", name) for i, name in enumerate(names)],
            [vantage],
            Settings(timeout=0.9, concurrency=2),
            catalog=Facts(),
        )
    assert [o for o in run.observations if o.failure is not None] == []
    assert run.duration_seconds >= 1.1


async def test_vantages_with_equal_settings_share_their_probes(tmp_path: Path) -> None:
    async with network(tmp_path, zone({ECS: {"A": ["127.0.0.1"]}})) as (vantage, server):
        other = replace(vantage, name="docker", record=replace_record(vantage, "docker"))
        stranger = probe_servers.pem(trustme.CA(), tmp_path / "stranger.pem")
        third = replace(
            vantage,
            name="ssm-agent",
            store=replace(vantage.store, ca_file=stranger),
            record=replace_record(vantage, "ssm-agent"),
        )
        run = await check(
            [endpoint("ecs", ECS), endpoint("again", ECS)],
            [vantage, other, third],
            Settings(timeout=5),
            catalog=Facts(),
        )
    tls = [o for o in run.observations if o.step is Step.TLS and o.experiment is None]
    assert [(o.vantage, o.shared_with, o.endpoint, o.failure) for o in tls] == [
        ("host", ("docker",), "ecs", None),
        ("ssm-agent", (), "ecs", Failure.SSL_UNKNOWN_AUTHORITY),
    ]
    assert server.udp_questions == 3  # once for each pair of eyes, and again where the chain was rejected
    lax = [o for o in run.observations if o.experiment == "lax_chain" and o.step is Step.TLS]
    assert [isinstance(o.detail, TlsDetail) and o.detail.origin for o in lax] == [True]


def replace_record(vantage: Vantage, name: str):  # type: ignore[no-untyped-def]
    """The vantage's record under another name."""
    return replace(vantage.record, name=name)


def _experiments(run: Run) -> dict[str, list[Observation]]:
    found: dict[str, list[Observation]] = {}
    for o in run.observations:
        if o.experiment is not None and o.attempt == 1:
            found.setdefault(o.experiment, []).append(o)
    return found


async def test_a_name_that_is_reset_calls_for_another_name_at_the_same_address(tmp_path: Path) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ca = probe_servers.pem(authority, tmp_path / "sni-ca.pem")
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))

    def censor(sock: socket.socket) -> None:
        if b"ssm." in sock.recv(4096, socket.MSG_PEEK):
            probe_servers.read_hello(sock)
            probe_servers.reset(sock)
        else:
            tls_handler(context, http_handler(AWS))(sock)

    records = {ECS: {"A": ["127.0.0.1"]}, SSM: {"A": ["127.0.0.2"]}}
    async with network(tmp_path, zone(records), handler=censor) as (vantage, _):
        vantage = replace(vantage, store=replace(vantage.store, ca_file=ca), origin_ca=ca)
        run = await check([endpoint("ecs", ECS), endpoint("ssm", SSM)], [vantage], Settings(timeout=5), catalog=Facts())
    made = _experiments(run)
    (other,) = made["other_sni"]
    assert (other.host, other.address, other.failure) == (SSM, "127.0.0.2", None)
    assert isinstance(other.detail, TlsDetail)
    assert other.detail.sni == ECS
    assert [o.failure for o in made["no_sni"]] == [None]
    assert [(o.address, o.failure) for o in made["other_address"]] == [("127.0.0.1", Failure.CONNECTION_RESET)]
    assert [(o.step, o.failure) for o in made["send_nothing"]] == [(Step.TCP, None)]


async def test_udp_that_is_dropped_calls_for_tcp(tmp_path: Path) -> None:
    def tcp_only(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        return zone({ECS: {"A": ["127.0.0.1"]}})(query, over_tcp) if over_tcp else []

    async with network(tmp_path, tcp_only) as (vantage, _):
        run = await check([endpoint("ecs", ECS)], [vantage], Settings(timeout=0.5), catalog=Facts())
    (control,) = _experiments(run)["dns_over_tcp"]
    assert control.failure is None
    assert isinstance(control.detail, DnsDetail)
    assert control.detail.answers == ("127.0.0.1",)


async def test_experiments_can_be_left_out(tmp_path: Path) -> None:
    async with network(tmp_path, lambda _query, _tcp: []) as (vantage, server):
        run = await check([endpoint("ecs", ECS)], [vantage], Settings(timeout=0.3, experiments=False), catalog=Facts())
    assert _experiments(run) == {}
    assert server.tcp_questions == 0


async def test_each_host_is_looked_into_by_itself_and_so_many_of_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"h{n}.{SUFFIX}" for n in range(6)]
    records = {name: {"A": ["127.0.0.1"]} for name in names}

    def reset_later(sock: socket.socket) -> None:
        """Sent at once, on a busy machine it overtakes the client's own connect(), and no step tls is made."""
        time.sleep(0.1)
        probe_servers.reset(sock)

    monkeypatch.setattr(experiments, "A_KIND", 4)
    async with network(tmp_path, zone(records), handler=reset_later) as (vantage, _):
        run = await check(
            [endpoint(f"e{i}", name) for i, name in enumerate(names)], [vantage], Settings(timeout=2), catalog=Facts()
        )
    silent = [o for o in run.observations if o.experiment == "send_nothing" and o.attempt == 1]
    assert {o.failure for o in silent} == {Failure.CONNECTION_RESET}
    assert sorted(o.host for o in silent) == names[:4]
    repeated = Counter(o.host for o in run.observations if o.experiment == "repeat" and o.step is Step.TLS)
    assert repeated == dict.fromkeys(names[:4], experiments.ROUNDS)


async def test_an_endpoint_without_a_known_host_is_not_run(tmp_path: Path) -> None:
    async with network(tmp_path, zone({})) as (vantage, _):
        run = await check([endpoint("s3", f"*.s3.{SUFFIX}")], [vantage], Settings(), catalog=Facts())
    assert run.subjects[0].not_run == "no host is known"
    assert run.observations == ()


@pytest.mark.parametrize("missing", ["HTTP/1.1 503 x\r\nX-Squid-Error: ERR_DNS_FAIL 0", "HTTP/1.1 502 Bad Gateway"])
async def test_through_a_proxy_no_dns_is_needed_and_missing_numbers_are_absent(tmp_path: Path, missing: str) -> None:
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    ca = probe_servers.pem(authority, tmp_path / "proxy-ca.pem")
    context = server_context(authority.issue_cert(f"*.{SUFFIX}"))

    def proxy(sock: socket.socket) -> None:
        request = probe_servers.read_request(sock)
        if request.startswith((b"CONNECT ecs-a-2.", b"CONNECT ecs.")):
            sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            tls_handler(context, http_handler(AWS))(sock)
        else:
            sock.sendall(missing.encode() + b"\r\n\r\n")

    from netprobe.vantage import ProxyServer

    with serve(proxy) as port:
        server = ProxyServer(scheme="http", host="127.0.0.1", port=port)
        vantage = replace(probe_servers.vantage(ca=ca), proxy_for=lambda _host, _port: server)
        run = await check(
            [endpoint("ecs", ECS), endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)],
            [vantage],
            Settings(timeout=5, ecs_numbers=(1, 2, 3)),
            catalog=Facts(),
        )
    assert [o.step for o in run.observations if o.host == ECS] == [Step.PROXY, Step.TLS, Step.HTTP]
    assert all(o.failure is None for o in run.observations if o.experiment is None)
    assert run.subjects[1].absent == (f"ecs-a-1.{SUFFIX}", f"ecs-a-3.{SUFFIX}")
    assert {o.address for o in run.observations} == {None}

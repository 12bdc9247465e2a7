"""Tried again: what a second try says of a host that may not exist, and how many of a kind are looked into."""

from __future__ import annotations

import socket
from collections import Counter
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from msgspec.structs import replace

from netprobe.diagnosis import diagnose
from netprobe.observations import DnsDetail, Failure, Run, Step
from netprobe.probes import experiments
from netprobe.probes.repeats import EXPERIMENT
from netprobe.probes.run import check
from netprobe.probes.settings import Settings
from netprobe.vantage import ProxyServer, Vantage
from tests.support import probe_servers
from tests.support.probe_network import SUFFIX, Facts, endpoint, network
from tests.support.probe_servers import Zone, serve, zone

FIRST = f"ecs-a-1.{SUFFIX}"


def _fails_first(good: Zone, rcode: dns.rcode.Rcode) -> Zone:
    """A resolver that gives every question for a name and type this answer the first time."""
    asked: Counter[str] = Counter()

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        question = query.question[0].to_text()
        asked[question] += 1
        if asked[question] > 1:
            return good(query, over_tcp)
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return [response.to_wire()]

    return answer


async def _numbers(vantage: Vantage, *numbers: int) -> Run:
    numbered = endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)
    return await check([numbered], [vantage], Settings(timeout=3, ecs_numbers=numbers), catalog=Facts())


@pytest.mark.parametrize("families", [(4,), (4, 6)])
async def test_a_number_of_which_one_family_has_no_address_exists(tmp_path: Path, families: tuple[int, ...]) -> None:
    """The answer "no IPv6 address" may come before the IPv4 one: it denies a family and not the name."""
    answer = _fails_first(zone({FIRST: {"A": ["127.0.0.1"]}}), dns.rcode.SERVFAIL)
    async with network(tmp_path, answer) as (vantage, _):
        run = await _numbers(replace(vantage, families=families), 1, 2, 3)
    (subject,) = run.subjects
    assert set(subject.absent) == {f"ecs-a-2.{SUFFIX}", f"ecs-a-3.{SUFFIX}"}
    assert [f.id for f in diagnose(run).findings] == ["works_by_chance"]


async def test_a_name_that_appears_is_one_that_works_by_chance(tmp_path: Path) -> None:
    """After "no such name", "no address of this kind" takes the denial back."""
    name = f"ecs.{SUFFIX}"
    answer = _fails_first(zone({name: {"A": ["127.0.0.1"]}}), dns.rcode.NXDOMAIN)
    async with network(tmp_path, answer) as (vantage, _):
        run = await check(
            [endpoint("ecs", name)], [replace(vantage, families=(4, 6))], Settings(timeout=3), catalog=Facts()
        )
    again = [o for o in run.observations if o.experiment == EXPERIMENT and o.step is Step.DNS]
    by_type = Counter(o.detail.rrtype for o in again if isinstance(o.detail, DnsDetail))
    assert set(by_type) == {"A", "AAAA"}
    assert max(by_type.values()) <= experiments.PASSING_TRIES
    assert [f.id for f in diagnose(run).findings] == ["works_by_chance"]


async def test_a_number_that_the_proxy_cannot_resolve_the_second_time_is_absent(tmp_path: Path) -> None:
    asked: Counter[bytes] = Counter()

    def proxy(sock: socket.socket) -> None:
        target = probe_servers.read_request(sock).split()[1]
        asked[target] += 1
        denied = b"X-Squid-Error: ERR_DNS_FAIL 0\r\n" if asked[target] > 1 else b""
        sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\n" + denied + b"Content-Length: 0\r\n\r\n")

    with serve(proxy) as port:
        async with network(tmp_path, zone({})) as (vantage, _):
            server = ProxyServer(scheme="http", host="127.0.0.1", port=port)
            run = await _numbers(replace(vantage, proxy_for=lambda _host, _port: server), 1, 2, 3)
    (subject,) = run.subjects
    assert len(subject.absent) == 3
    assert not [o for o in run.observations if o.experiment is None and o.failure is Failure.PROXY_CANNOT_CONNECT]


async def test_beyond_the_bound_others_are_tried_where_one_of_their_kind_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "QUESTIONS", 2)
    names = [f"ecs-a-{number}.{SUFFIX}" for number in range(1, 4)]
    for rcode, tried in ((dns.rcode.SERVFAIL, 3), (None, 2)):
        good = zone({name: {"A": ["127.0.0.1"]} for name in names})
        answer = _fails_first(good, rcode) if rcode is not None else _always(dns.rcode.SERVFAIL)
        async with network(tmp_path, answer) as (vantage, _):
            run = await _numbers(replace(vantage, families=(4,)), 1, 2, 3)
        again = {o.host for o in run.observations if o.experiment == EXPERIMENT and o.step is Step.DNS}
        assert len(again) == tried


def _always(rcode: dns.rcode.Rcode) -> Zone:
    def answer(query: dns.message.QueryMessage, _over_tcp: bool) -> list[bytes]:
        response = dns.message.make_response(query)
        response.set_rcode(rcode)
        return [response.to_wire()]

    return answer

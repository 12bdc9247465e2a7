"""The first questions leave before there is an event loop, and each is asked once all the same."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import dns.message
import dns.rdatatype
import msgspec
import pytest
import trio

from netprobe.observations import DnsDetail, Experiment, Failure, Step
from netprobe.probes import dns as probe
from netprobe.probes import early, plan
from netprobe.probes.early import Asked, Sent
from netprobe.probes.limits import Limits
from netprobe.probes.plan import Probe
from netprobe.probes.run import check
from netprobe.probes.settings import IN_FLIGHT, Settings
from netprobe.vantage import ProxyServer, Resolver, Vantage
from tests.support import probe_servers
from tests.support.cli import ROOT
from tests.support.probe_network import ECS, SSM, SUFFIX, Facts, endpoint, network
from tests.support.probe_servers import DnsServer, Zone, zone
from tests.support.steady import Pulse, pulse, steadily

KNOWN = zone({ECS: {"A": ["192.0.2.1"]}})
NUMBERED = endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)


def _probes(vantage: Vantage, numbers: int = 3) -> list[Probe]:
    settings = Settings(ecs_numbers=tuple(range(1, numbers + 1)))
    return plan.make([endpoint("ecs", ECS), NUMBERED], [vantage], settings).probes


def _sent(resolver: Resolver) -> Sent:
    """One question for :data:`ECS` that is under way."""
    asked = early.ask(_probes(probe_servers.vantage(resolvers=(resolver,)), 0))
    sent = asked.take(resolver, ECS, 4)
    assert sent is not None
    assert asked.take(resolver, ECS, 4) is None
    return sent


async def _taken_up(answer: Zone, *, after: float, limits: Limits | None = None) -> tuple[Any, DnsServer]:
    """What is observed of a question that is taken up so many seconds after it was sent."""
    server = DnsServer(answer)
    async with trio.open_nursery() as nursery:
        resolver = await server.start(nursery)
        sent = _sent(resolver)
        await trio.sleep(after)
        scene = probe_servers.scene(ECS)
        observation, _ = await probe.ask(scene, resolver, 4, limits or probe_servers.limits(), sent=sent)
        nursery.cancel_scope.cancel()
    assert sent.sock.fileno() == -1
    assert -after - 0.5 < observation.started_seconds <= -after + 0.01
    return observation, server


async def test_an_answer_that_is_read_late_arrived_when_it_arrived() -> None:
    async def play() -> tuple[tuple[Any, DnsServer], Pulse]:
        async with pulse() as seen:
            return await _taken_up(KNOWN, after=1.2), seen

    observation, server = await steadily("an answer that is read late", play)
    assert observation.failure is None
    assert observation.detail.answers == ("192.0.2.1",)
    assert observation.duration_seconds < 0.8
    assert (observation.detail.attempts, server.udp_questions) == (1, 1)


async def test_an_answer_that_is_still_under_way_is_waited_for() -> None:
    began = trio.current_time()
    observation, server = await _taken_up(KNOWN, after=0.0)
    assert observation.failure is None
    assert 0 < observation.duration_seconds < trio.current_time() - began
    assert (observation.detail.attempts, server.udp_questions) == (1, 1)


@pytest.mark.parametrize("after", [0.3, 1.2])
async def test_a_lost_question_is_sent_again_a_second_after_it_was_sent(after: float) -> None:
    heard: list[float] = []

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        heard.append(time.perf_counter())
        return [] if len(heard) == 1 else KNOWN(query, over_tcp)

    observation, _ = await _taken_up(answer, after=after)
    assert (observation.failure, observation.detail.attempts, len(heard)) == (None, 2, 2)
    due = max(probe.RESEND_AFTER[0], after)
    assert due - 0.05 <= heard[1] - heard[0] < due + 0.5
    assert observation.duration_seconds >= due - 0.05


async def test_the_limit_counts_from_the_sending() -> None:
    began = trio.current_time()
    observation, _ = await _taken_up(lambda _query, _tcp: [], after=0.4, limits=Limits(0.6))
    assert observation.failure is Failure.TIMEOUT
    assert observation.limit_seconds == pytest.approx(0.6, abs=0.01)
    assert trio.current_time() - began < 0.9


async def test_a_truncated_answer_is_asked_for_again_over_tcp() -> None:
    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        if over_tcp:
            return KNOWN(query, over_tcp)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.TC
        return [response.to_wire()]

    observation, server = await _taken_up(answer, after=0.3)
    assert isinstance(observation.detail, DnsDetail)
    assert (observation.failure, observation.detail.transport, observation.detail.attempts) == (None, "tcp", 2)
    assert observation.duration_seconds > 0.3  # the end of the whole question, not of its first half
    assert (server.udp_questions, server.tcp_questions) == (1, 1)


async def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        resolver = Resolver(address="127.0.0.1", port=sock.getsockname()[1])
    sent = _sent(resolver)
    observation, _ = await probe.ask(probe_servers.scene(ECS), resolver, 4, probe_servers.limits(), sent=sent)
    assert observation.failure is Failure.CONNECTION_REFUSED


async def test_a_whole_run_asks_nothing_twice_and_says_the_same(tmp_path: Path) -> None:
    known = {name: {"A": ["127.0.0.1"]} for name in (ECS, SSM, f"ecs-a-2.{SUFFIX}")}
    heard: Counter[tuple[str, str]] = Counter()
    said: list[object] = []

    def answer(query: dns.message.QueryMessage, over_tcp: bool) -> list[bytes]:
        question = query.question[0]
        heard[str(question.name), dns.rdatatype.to_text(question.rdtype)] += 1
        return zone(known)(query, over_tcp)

    endpoints = [endpoint("ecs", ECS), endpoint("ssm", SSM), NUMBERED]
    settings = Settings(timeout=5, ecs_numbers=(1, 2, 3), experiments=False)
    async with network(tmp_path, answer) as (direct, _):
        vantage = msgspec.structs.replace(direct, families=(4, 6))
        for sends_early in (False, True):
            heard.clear()
            begun = early.Begun(layout=plan.make(endpoints, [vantage], settings))
            if sends_early:
                begun = msgspec.structs.replace(begun, asked=early.ask(begun.layout.probes))
                await trio.sleep(0.1)
                assert sum(heard.values()) == 2 + 2 + 3 + 2  # two names and an impossible one in both families
            run = await check(endpoints, [vantage], settings, catalog=Facts(), begun=begun)
            assert set(heard.values()) == {1}
            dns_steps = [o for o in run.observations if o.step is Step.DNS]
            assert all(o.started_seconds >= 0 for o in dns_steps)
            assert {o.experiment for o in dns_steps} == {None, Experiment.IMPOSSIBLE_NAME}
            assert begun.asked.take(vantage.resolvers[0], ECS, 4) is None
            said.append(([(o.id, o.host, o.address, o.step, o.failure) for o in run.observations], dict(heard)))
    assert said[0] == said[1]


def _through_a_proxy(_host: str, _port: int) -> ProxyServer:
    return ProxyServer(scheme="http", host="proxy.example", port=3128)


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ({}, 5),
        ({"families": (4, 6)}, 7),
        ({"search": ("corp.example",)}, 5),  # the name has more dots than it takes to be asked for as it is
        ({"search": ("corp.example",), "ndots": 5}, 0),
        ({"proxy_for": _through_a_proxy}, 0),
        ({"resolvers": (Resolver(address="127.0.0.1", port=9, tcp=True),)}, 0),
        ({"hosts_file": "192.0.2.7 " + ECS}, 4),
        ({"resolvers": (Resolver(address="127.0.0.1", port=9), Resolver(address="127.0.0.2", port=9))}, 10),
    ],
)
def test_what_is_sent(changed: dict[str, Any], left: int, tmp_path: Path) -> None:
    if "hosts_file" in changed:
        (tmp_path / "hosts").write_text(changed["hosts_file"], encoding="ascii")
        changed = {"hosts_file": tmp_path / "hosts"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        vantage = probe_servers.vantage(resolvers=(Resolver(address="127.0.0.1", port=sock.getsockname()[1]),))
        asked = early.ask(_probes(msgspec.structs.replace(vantage, **changed)))
        assert len(asked._sent) == left
        assert (asked.began is None) is (left == 0)
        asked.close()
    assert not asked._sent


def test_to_each_resolver_as_many_are_sent_as_may_be_in_flight_the_first_first() -> None:
    first, second = (Resolver(address=f"127.0.0.{last}", port=9) for last in (1, 2))
    asked: Asked = early.ask(_probes(probe_servers.vantage(resolvers=(first, second)), 2 * IN_FLIGHT))
    assert [asked.count(resolver) for resolver in (first, second)] == [IN_FLIGHT, IN_FLIGHT]
    left_out = f"ecs-a-{IN_FLIGHT}.{SUFFIX}"  # before it came the name that must exist, and an impossible one
    assert asked.take(first, left_out, 4) is None
    for name in (ECS, f"ecs-a-{IN_FLIGHT - 2}.{SUFFIX}"):
        sent = asked.take(first, name, 4)
        assert sent is not None
        sent.sock.close()
    assert [asked.count(resolver) for resolver in (first, second)] == [IN_FLIGHT - 2, IN_FLIGHT]
    asked.close()


class Slow:
    """A resolver that knows no name and takes its time to say so; it counts what it has not answered yet."""

    def __init__(self) -> None:
        self._under_way = self.most_under_way = 0
        self._sock = trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    async def start(self, nursery: trio.Nursery) -> Resolver:
        await self._sock.bind(("127.0.0.1", 0))
        nursery.start_soon(self._serve, nursery)
        return Resolver(address="127.0.0.1", port=self._sock.getsockname()[1])

    async def _serve(self, nursery: trio.Nursery) -> None:
        with self._sock:
            while True:
                data, client = await self._sock.recvfrom(4096)
                self._under_way += 1
                self.most_under_way = max(self.most_under_way, self._under_way)
                nursery.start_soon(self._answer, data, client)

    async def _answer(self, data: bytes, client: Any) -> None:
        await trio.sleep(0.2)
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        self._under_way -= 1
        await self._sock.sendto(zone({})(query, False)[0], client)


@pytest.mark.parametrize(
    ("names", "early_too", "concurrency"),
    [(IN_FLIGHT - 2, True, 256), (3 * IN_FLIGHT, False, 256), (3 * IN_FLIGHT, True, 256), (IN_FLIGHT + 12, True, 1)],
)
async def test_no_resolver_has_more_to_answer_than_a_small_one_bears(
    names: int, early_too: bool, concurrency: int, tmp_path: Path
) -> None:
    numbers = tuple(range(names))
    settings = Settings(timeout=5, ecs_numbers=numbers, experiments=False, concurrency=concurrency)
    async with network(tmp_path, zone({})) as (direct, _), trio.open_nursery() as nursery:
        server = Slow()
        vantage = msgspec.structs.replace(direct, resolvers=(await server.start(nursery),), families=(4, 6))
        layout = plan.make([NUMBERED], [vantage], settings)
        begun = early.Begun(layout=layout, asked=early.ask(layout.probes) if early_too else early.NOTHING)
        assert (begun.asked.began is not None) is early_too
        run = await check([NUMBERED], [vantage], settings, catalog=Facts(), begun=begun)
        nursery.cancel_scope.cancel()
    assert len(run.subjects[0].absent) == names
    assert IN_FLIGHT / 2 < server.most_under_way <= IN_FLIGHT


def test_a_resolver_that_cannot_be_asked_is_left_to_the_pass() -> None:
    vantage = probe_servers.vantage(resolvers=(Resolver(address="fe80::1%no-such-device"),))
    assert early.ask(_probes(vantage)).began is None


_FEW_FILES = """
import resource, sys
from netprobe.probes import early, plan
from netprobe.probes.settings import Settings
from tests.probes.test_early import NUMBERED, Resolver, probe_servers

resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]),) * 2)
resolver = Resolver(address="127.0.0.1", port=9)
asked = early.ask(plan.make([NUMBERED], [probe_servers.vantage(resolvers=(resolver,))], Settings()).probes)
files = [open("/dev/null") for _ in range(48)]
print(asked.count(resolver))
"""


@pytest.mark.parametrize(("files", "least", "most"), [(60, 0, 0), (90, 5, 25), (1024, 33, 33)])
def test_open_files_are_left_for_what_is_imported_meanwhile(files: int, least: int, most: int) -> None:
    argv = [sys.executable, "-c", _FEW_FILES, str(files)]
    sent = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=30, cwd=ROOT).stdout
    assert least <= int(sent) <= most

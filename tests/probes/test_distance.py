"""Questions on the wire to a resolver that is far burden nobody: more of them may be in flight."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dns.message
import msgspec
import pytest
import trio

from netprobe.observations import Failure
from netprobe.probes import descriptors, distance, plan
from netprobe.probes.resolve import MOST_TIMES, Gate
from netprobe.probes.run import check
from netprobe.probes.session import Session
from netprobe.probes.settings import IN_FLIGHT, Settings
from netprobe.vantage import ProxyServer, Resolver, Vantage
from tests.support import probe_servers
from tests.support.probe_network import SUFFIX, Facts, endpoint, network
from tests.support.probe_servers import DnsServer, zone

NUMBERED = endpoint("ecs-a", f"ecs-a-*.{SUFFIX}", numbered=True)
NOBODY = zone({})


def _gate(wire: float | None, *, room: int = 10_000) -> Gate:
    gate = Gate()
    gate.distance, gate.room = wire, room
    return gate


@pytest.mark.parametrize(
    ("wire", "seconds", "times"),
    [
        (None, 0.15, 1.0),
        (0.15, 0.152, MOST_TIMES),
        (0.15, 0.15, MOST_TIMES),
        (0.15, 0.30, 2.0),  # half of the time is the resolver's
        (0.01, 0.06, 1.2),
        (0.0005, 0.03, 1.01),  # next door: what takes its time is the resolver
        (0.0, 0.03, 1.0),
    ],
)
def test_as_many_are_in_flight_as_keep_the_usual_number_at_the_resolver(
    wire: float | None, seconds: float, times: float
) -> None:
    gate = _gate(wire)
    for _ in range(100):
        gate.note(None, seconds)
    assert gate.slots.total == pytest.approx(IN_FLIGHT * times, abs=2)
    at_the_resolver = gate.slots.total * max(0.0, seconds - (wire or 0.0)) / seconds
    assert at_the_resolver <= IN_FLIGHT + 1


def test_a_resolver_that_becomes_slow_gets_fewer_again() -> None:
    gate = _gate(0.1)
    totals = []
    for seconds in (0.1, 0.2, 1.0):
        for _ in range(100):
            gate.note(Failure.DNS_NXDOMAIN, seconds)
        totals.append(gate.slots.total)
    assert totals == [4 * IN_FLIGHT, pytest.approx(2 * IN_FLIGHT, rel=0.02), pytest.approx(1.11 * IN_FLIGHT, rel=0.02)]


def test_silence_says_nothing_of_the_wire_and_no_more_are_sent_than_there_is_room_for() -> None:
    gate = _gate(0.1)
    gate.note(Failure.TIMEOUT, 0.1)
    assert gate.slots.total == IN_FLIGHT
    gate = _gate(0.1, room=7)
    gate.note(None, 0.1)
    assert gate.slots.total == IN_FLIGHT + 7


def _through_a_proxy(_host: str, _port: int) -> ProxyServer:
    return ProxyServer(scheme="http", host="proxy.example", port=3128)


@pytest.mark.parametrize(
    ("names", "changed", "looked_at"),
    [
        (IN_FLIGHT, {}, False),
        (IN_FLIGHT + 1, {}, True),
        (IN_FLIGHT + 1, {"proxy_for": _through_a_proxy}, False),
        (IN_FLIGHT + 1, {"resolvers": (Resolver(address="127.0.0.1", tcp=True),)}, False),
    ],
)
async def test_only_a_large_run_looks_how_far_a_resolver_is(
    names: int, changed: dict[str, Any], looked_at: bool
) -> None:
    vantage = msgspec.structs.replace(
        probe_servers.vantage(resolvers=(Resolver(address="127.0.0.1"),)),
        **changed,
    )
    settings = Settings(ecs_numbers=tuple(range(names)))
    session = Session.begin(settings, [vantage], 0.0)
    found = distance.worth_a_look(session, plan.make([NUMBERED], [vantage], settings, 0.0).probes)
    assert found == (list(vantage.resolvers) if looked_at else [])


@pytest.mark.parametrize("takes_tcp", [True, False])
async def test_the_kernel_tells_how_far_a_resolver_is(takes_tcp: bool) -> None:
    server = DnsServer(NOBODY)
    async with trio.open_nursery() as nursery:
        resolver = await server.start(nursery, tcp=takes_tcp)
        session = Session.begin(Settings(), [probe_servers.vantage(resolvers=(resolver,))], 0.0)
        await distance.allow_for(session, resolver)
        nursery.cancel_scope.cancel()
    gate = session.gates.of(resolver)
    if not takes_tcp:
        assert (gate.distance, gate.room) == (None, 0)
        return
    assert gate.distance is not None
    assert 0 < gate.distance < 0.02
    assert gate.room == IN_FLIGHT * (MOST_TIMES - 1)
    assert (server.udp_questions, server.tcp_questions) == (0, 0)


class FarServer:
    """A resolver behind a long wire: it answers each question at once, and answers arrive much later."""

    def __init__(self, wire: float) -> None:
        self._wire = wire
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
        await trio.sleep(self._wire)
        query = dns.message.from_wire(data)
        assert isinstance(query, dns.message.QueryMessage)
        self._under_way -= 1
        await self._sock.sendto(NOBODY(query, False)[0], client)


async def _most_under_way(vantage: Vantage, names: int) -> int:
    server = FarServer(0.2)
    async with trio.open_nursery() as nursery:
        resolver = await server.start(nursery)
        settings = Settings(timeout=5, ecs_numbers=tuple(range(names)), experiments=False)
        far = msgspec.structs.replace(vantage, resolvers=(resolver,))
        run = await check([NUMBERED], [far], settings, catalog=Facts())
        nursery.cancel_scope.cancel()
    assert len(run.subjects[0].absent) == names
    return server.most_under_way


@pytest.mark.parametrize("far", [True, False])
async def test_a_large_run_keeps_a_long_wire_full(far: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async def two_tenths(_resolver: Resolver) -> float | None:
        return 0.2 if far else None

    monkeypatch.setattr(distance, "_round_trip", two_tenths)
    async with network(tmp_path, NOBODY) as (vantage, _):
        most = await _most_under_way(vantage, 3 * IN_FLIGHT)
    if far:
        assert most > IN_FLIGHT + 8
    else:
        assert most <= IN_FLIGHT


@contextmanager
def _deaf(port: int) -> Iterator[None]:
    """Somebody listens at the port and takes no connection: its backlog is full."""
    with socket.create_server(("127.0.0.1", port), backlog=0):
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
        yield
        for filler in fillers:
            filler.close()


async def test_nobody_waits_for_a_resolver_that_is_deaf_over_tcp(tmp_path: Path) -> None:
    async with network(tmp_path, NOBODY) as (direct, _), trio.open_nursery() as nursery:
        server = DnsServer(NOBODY)
        resolver = await server.start(nursery, tcp=False)
        server.tcp.close()
        vantage = msgspec.structs.replace(direct, resolvers=(resolver,))
        settings = Settings(timeout=20, ecs_numbers=tuple(range(IN_FLIGHT + 20)), experiments=False)
        with _deaf(resolver.port):
            run = await check([NUMBERED], [vantage], settings, catalog=Facts())
        nursery.cancel_scope.cancel()
    assert len(run.subjects[0].absent) == IN_FLIGHT + 20
    assert run.duration_seconds < 10


def test_room_is_what_the_limit_of_open_files_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = [100, 1000]
    monkeypatch.setattr(descriptors, "_open_now", lambda _soft: 10)
    monkeypatch.setattr(resource, "getrlimit", lambda _which: tuple(limits))
    monkeypatch.setattr(resource, "setrlimit", lambda _which, pair: limits.__setitem__(0, pair[0]))
    taken = 10 + 2 * 100 + descriptors.SPARE
    assert descriptors.room(50, 100) == 50
    assert limits[0] == taken + 50
    assert descriptors.room(5000, 100) == 1000 - taken
    assert limits[0] == 1000
    assert descriptors.room(50, 600) == 0

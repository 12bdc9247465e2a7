"""A second rest beside a connection that is kept busy: devices and services that end connections, in virtual time."""

from __future__ import annotations

import math
import socket
from collections import deque
from dataclasses import dataclass, field

import pytest
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from netprobe.catalog.model import Endpoint, Request
from netprobe.diagnosis import diagnose
from netprobe.findings import Certainty
from netprobe.observations import (
    CatalogVersion,
    Context,
    DnsDetail,
    Experiment,
    HttpDetail,
    Observation,
    Run,
    Step,
    TcpDetail,
    TlsDetail,
)
from netprobe.probes import chain, connections, plan, repeats, rests, tls
from netprobe.probes.attempt import Attempt
from netprobe.probes.limits import PATIENCE
from netprobe.probes.scene import RunClock, Scene
from netprobe.probes.session import Session, Trace
from netprobe.probes.settings import Settings
from netprobe.probes.streams import TcpStream, TlsStream
from tests.support.observe import REGION
from tests.support.probe_network import endpoint
from tests.support.probe_servers import vantage

KEEPS = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
CLOSES = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
REST, ADDRESS = 120.0, "52.95.1.1"


@dataclass(kw_only=True)
class Way:
    """What lies between, and the service behind it; times in seconds.

    Attributes:
        resets_idle: after how long a silence a device resets.
        forgets_idle: after how long a silence a device drops what comes.
        oldest: how old a connection becomes, however busy.
        crowded: how long the handshakes of the first two connections take, beside those of a whole run.
        mended: from when on nothing of that happens any more.
        answer: what the service sends.
        opened: when each connection was opened, and the most that were open at once.
    """

    resets_idle: float = math.inf
    forgets_idle: float = math.inf
    oldest: float = math.inf
    crowded: float = 0.0
    mended: float = math.inf
    answer: bytes = KEEPS
    open_now: int = 0
    most_open: int = 0
    opened: list[float] = field(default_factory=list)


class Peer(TlsStream):
    """One connection over a :class:`Way`; nothing of it touches a socket."""

    def __init__(self, way: Way) -> None:
        self.said_goodbye, self.chain = False, ()
        self.transport = TcpStream(socket.socket())
        self._way = way
        self._opened = self._used = trio.current_time()
        self._answers: deque[bytes] = deque()
        self._forgotten = False
        way.opened.append(self._opened)
        way.open_now += 1
        way.most_open = max(way.most_open, way.open_now)

    def close(self) -> None:
        self.transport.close()
        self._way.open_now -= 1

    def _ends(self) -> float:
        ends = min(self._used + self._way.resets_idle, self._opened + self._way.oldest)
        return ends if ends < self._way.mended else math.inf

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._answers:
            return self._answers.popleft()
        await trio.sleep_until(self._ends())
        raise trio.BrokenResourceError from ConnectionResetError(104, "reset")

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        now = trio.current_time()
        if now >= self._ends():
            raise trio.BrokenResourceError from ConnectionResetError(104, "reset")
        self._forgotten |= now - self._used > self._way.forgets_idle and now < self._way.mended
        self._used = now
        if not self._forgotten:
            self._answers.append(self._way.answer)


def hosts(number: int) -> list[Endpoint]:
    asked = Request(upgrade=True, upgrade_path="/ws")
    return [replace(endpoint(f"e{n}", f"e{n}.{REGION}.amazonaws.com"), request=asked) for n in range(1, number + 1)]


async def rested(way: Way, monkeypatch: pytest.MonkeyPatch, *, number: int = 1) -> Run:
    """A run over a way that is not there: first pass, and what was cut rests again."""

    async def reach(attempt: Attempt, **more: object) -> Peer:
        if more.get("keep_success", True):
            detail, address = TcpDetail(port=443), attempt.address
            attempt.seen.append(attempt.scene.observe(Step.TCP, trio.current_time(), None, detail, address=address))
        return Peer(way)

    async def handshake(
        scene: Scene, stream: Peer, _policy: object, _limits: object, *, address: str
    ) -> tuple[Observation, Peer]:
        detail, began = TlsDetail(sni=scene.host, origin=True), trio.current_time()
        await trio.sleep(way.crowded if len(way.opened) <= 2 else 0.0)
        return scene.observe(Step.TLS, began, None, detail, address=address), stream

    monkeypatch.setattr(connections, "reach", reach)
    monkeypatch.setattr(tls, "handshake", handshake)
    monkeypatch.setattr(Session, "verified", lambda *_: None)
    settings, one = Settings(idle=REST), vantage()
    session = Session.begin(settings, [one], trio.current_time())
    laid_out = plan.make(hosts(number), [one], settings, RunClock(session.zero))
    for target in laid_out.probes:
        asked = DnsDetail(resolver="10.0.0.53:53", rrtype="A", answers=(ADDRESS,))
        lookup = target.scene.observe(Step.DNS, session.zero, None, asked)
        session.traces.append(Trace(probe=target, lookup=[lookup], addresses=[ADDRESS], complete=True))
    async with trio.open_nursery() as nursery:
        for trace in session.traces:
            nursery.start_soon(chain.through_addresses, session, trace, trace.addresses)
    way.most_open = 0
    assert rests.called_for(session) is any(o.failure for t in session.traces for o in t.observations())
    await rests.make(session)
    assert session.bugs == []
    seen = [o for trace in session.traces for o in trace.observations()] + session.controls
    return Run(
        netprobe_version="0",
        catalog=CatalogVersion(version="1", digest="d"),
        started_at="2026-06-01T12:00:00Z",
        duration_seconds=trio.current_time() - session.zero,
        regions=(REGION,),
        context=Context(repeated=True, idle_seconds=REST),
        subjects=tuple(laid_out.subjects),
        observations=tuple(replace(o, id=f"o{n}") for n, o in enumerate(seen)),
    )


def findings(run: Run) -> list[str]:
    return [f"{f.id} {f.certainty}" for f in diagnose(run).findings if f.severity != "info"]


@pytest.mark.parametrize(
    ("way", "told"),
    [
        (Way(), []),
        (Way(resets_idle=60.0), ["websocket_cut_when_idle proven"]),
        (Way(forgets_idle=60.0), ["websocket_cut_when_idle proven"]),
        (Way(forgets_idle=11.0), ["websocket_cut_when_idle proven"]),
        (Way(oldest=90.0), ["websocket_cut_when_idle suspected"]),
        (Way(oldest=90.0, crowded=0.3), ["websocket_cut_when_idle suspected"]),
        (Way(resets_idle=60.0, crowded=0.3), ["websocket_cut_when_idle proven"]),
        (Way(resets_idle=60.0, answer=CLOSES), ["websocket_cut_when_idle suspected"]),
        (Way(resets_idle=60.0, mended=100.0), ["works_by_chance proven"]),
    ],
    ids=[
        *("kept", "reset", "forgotten", "soon forgotten", "too old", "too old and crowded", "reset and crowded"),
        *("closed after each answer", "once"),
    ],
)
async def test_what_a_second_rest_tells(
    way: Way, told: list[str], autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await rested(way, monkeypatch)
    assert findings(run) == told
    assert way.open_now == 0
    assert run.duration_seconds < 2 * (REST + 2 * PATIENCE)


async def test_a_reason_is_told_where_it_may_be_the_age(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for way, reason in (
        (Way(oldest=90.0), "perhaps its age is limited"),
        (Way(resets_idle=60.0, answer=CLOSES), "closes each connection after an answer"),
    ):
        (finding,) = (f for f in diagnose(await rested(way, monkeypatch)).findings if f.severity != "info")
        assert reason in finding.title


async def test_the_busy_connection_becomes_older_than_the_cut_one(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await rested(Way(resets_idle=60.0), monkeypatch)
    (busy,) = (o for o in run.observations if o.experiment == Experiment.KEPT_BUSY)
    (again,) = (o for o in run.observations if o.experiment == Experiment.REPEAT and o.step is Step.WEBSOCKET)
    assert isinstance(busy.detail, HttpDetail)
    assert isinstance(again.detail, HttpDetail)
    assert again.detail.held_seconds == pytest.approx(60.0)
    assert busy.detail.held_seconds is not None
    assert 60.0 + rests.OLDER_SECONDS < busy.detail.held_seconds < 66.0


async def test_no_more_rest_at_once_than_an_agent_holds_where_some_are_held(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut in the first pass, and held when few rest: perhaps the number of connections was at fault."""
    way = Way(resets_idle=60.0, mended=100.0)
    run = await rested(way, monkeypatch, number=9)
    assert way.most_open <= repeats.AT_ONCE
    assert run.duration_seconds < rests.most_seconds(REST)
    again = {o.host for o in run.observations if o.experiment == Experiment.REPEAT}
    told = {f.certainty: f.hosts for f in diagnose(run).findings if f.severity != "info"}
    assert set(told[Certainty.PROVEN]) == again  # that they work by chance
    assert len(told[Certainty.SUSPECTED]) == 9 - len(again)


@pytest.mark.parametrize("way", [Way(resets_idle=119.0), Way(forgets_idle=60.0)], ids=["reset", "forgotten"])
async def test_all_rest_again_in_time_where_the_first_few_are_cut_again(
    way: Way, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await rested(way, monkeypatch, number=9)
    assert run.duration_seconds < rests.most_seconds(REST)
    (told,) = (f for f in diagnose(run).findings if f.severity != "info")
    assert (told.id, told.certainty, len(told.hosts)) == ("websocket_cut_when_idle", Certainty.PROVEN, 9)


async def test_the_bound_on_rests_beside_each_other_is_kept_and_told(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rests, "MOST_AT_ONCE", 4)
    way = Way(resets_idle=60.0)
    run = await rested(way, monkeypatch, number=9)
    assert way.most_open <= 2 * rests.MOST_AT_ONCE
    told = {f.certainty: len(f.hosts) for f in diagnose(run).findings if f.severity != "info"}
    assert told == {Certainty.PROVEN: rests.HOSTS_AT_ONCE + rests.MOST_AT_ONCE, Certainty.SUSPECTED: 2}

"""A second rest: the connection that was cut while it was idle, once more, beside one that is kept busy.

A cut of the first rest may be chance (the link flapped), or a limit on how old a connection may become. So the rest is
made again, unchanged: a fresh connection to the same address, as long, and with patience for what is sent after it. The
control is a second connection of the same host that is opened with it and sends its request again and again, until it
is older than the one that was cut had become. Where that one lives, it is the silence that is not survived.

Both are made at an agent's pace first: a few hosts at once, since a table that is full forgets idle connections first,
and then the number of connections would be at fault. Where these few are all cut again, the number is not, and all the
other hosts rest beside each other. Nothing is made where no rest was cut.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing
from typing import Any

import msgspec
import trio

from netprobe import origin as origins
from netprobe.observations import Experiment, Failure, HttpDetail, Observation, Step, age_when_cut
from netprobe.probes import connections, experiments, http, idle, repeats, tls, websocket
from netprobe.probes.attempt import Attempt
from netprobe.probes.bugs import contained
from netprobe.probes.controls import ControlCase
from netprobe.probes.limits import PATIENCE
from netprobe.probes.plan import Probe
from netprobe.probes.scene import Scene
from netprobe.probes.session import Session
from netprobe.probes.streams import TlsStream
from netprobe.probes.transport import OpenStreamTransport

HOSTS_AT_ONCE = repeats.AT_ONCE // 2
"""Each has two connections, the one that rests and the one that does not."""
SECONDS = 150.0
"""For the rests of all hosts, few by few; those of the first few, and of all beside each other, are made however long
they take."""
MOST_AT_ONCE = 64
"""Hosts that rest beside each other: what is beyond stays suspected."""
PARTS = 6
"""Into how many parts the busy connection cuts the time that the idle one was given."""
LONGEST_PART = 10.0
"""Seconds between two requests of the busy connection; no device is known that forgets sooner."""
OLDER_SECONDS, OLDER_SHARE = 0.5, 0.05
"""By how much the busy connection becomes older than the cut one: what a device's own timer may be late."""
CLOSED = "the service closed the connection after an answer"
_Maker = Callable[[Session, ControlCase], Coroutine[Any, Any, None]]


def most_seconds(rest: float) -> float:
    """How long a run may take for its rests, the first one included.

    Args:
        rest: how long each rests (``--idle``).
    """
    return rest + max(SECONDS, 2 * (rest + 2 * PATIENCE))


def called_for(session: Session) -> bool:
    """Whether any connection was cut while it rested."""
    return any(True for _ in _cut(session))


async def make(session: Session) -> None:
    """Rest again where a rest was cut, and keep a connection busy beside it."""
    waiting = list(experiments.one_of_each(_cut(session)))
    ends = trio.current_time() + SECONDS
    few, waiting = waiting[:HOSTS_AT_ONCE], waiting[HOSTS_AT_ONCE:]
    started = trio.current_time()
    if await _beside_each_other(session, few):
        await _beside_each_other(session, waiting[:MOST_AT_ONCE])
        return
    took = trio.current_time() - started
    while waiting and trio.current_time() + took <= ends:
        few, waiting = waiting[:HOSTS_AT_ONCE], waiting[HOSTS_AT_ONCE:]
        await _beside_each_other(session, few)


async def _beside_each_other(session: Session, cases: Sequence[ControlCase]) -> bool:
    """Rest again on the connections of some hosts; whether every one of them was cut again."""
    before = len(session.controls)
    async with trio.open_nursery() as nursery:
        for case in cases:
            nursery.start_soon(_contained, session, case, _rest_again)
            nursery.start_soon(_contained, session, case, _keep_busy)
    cut = [o for o in session.controls[before:] if o.failure is Failure.WEBSOCKET_CUT]
    return len(cut) == len(cases)


def _cut(session: Session) -> Iterator[ControlCase]:
    for trace in session.traces:
        for steps in trace.steps.values() if not trace.absent else ():
            for o in steps:
                if o.failure is Failure.WEBSOCKET_CUT and o.experiment is None:
                    yield ControlCase(trace=trace, failed=o, peer=None)


async def _contained(session: Session, case: ControlCase, one: _Maker) -> None:
    with contained(session.bugs, case.probe.scene.host):
        await one(session, case)


async def _open(session: Session, case: ControlCase, scene: Scene, seen: list[Observation]) -> TlsStream | None:
    """A fresh connection on the way that was cut, up to a finished handshake; what failed is put into ``seen``."""
    limits, address = session.limits.patient(), case.failed.address
    stream = await connections.reach(Attempt.of(session, case.probe, scene, address, seen, limits))
    if stream is None:
        return None
    policy = session.verified(case.probe.vantage, scene.host)
    observation, encrypted = await tls.handshake(scene, stream, policy, limits, address=address)
    seen.append(observation)
    if encrypted is None:
        stream.close()
    return encrypted


async def _rest_again(session: Session, case: ControlCase) -> None:
    """What was cut once more: a WebSocket where one was granted, else the open TLS connection."""
    probe, address, seconds = case.probe, case.failed.address, session.settings.idle
    assert seconds is not None
    scene, seen = case.scene(Experiment.REPEAT), list[Observation]()
    limits = session.limits.patient()
    try:
        stream = await _open(session, case, scene, seen)
        if stream is None:
            return
        with closing(stream):
            origin = origins.answered(seen[-1])
            if _was_granted(case.failed):
                transport = OpenStreamTransport(stream)
                held = await websocket.upgrade(
                    scene, transport, probe.request, limits, idle=seconds, address=address, origin=origin
                )
                seen.append(held)
                return
            started = trio.current_time()
            detail = HttpDetail(method=probe.request.method, path=probe.request.path, origin=origin)
            opened = scene.observe(Step.WEBSOCKET, started, None, detail, address=address)
            rested = await idle.rest(scene, stream, probe.request, limits, seconds)
            seen.append(idle.told(opened, rested, proxied=address is None))
    finally:
        session.controls.extend(seen)


def _was_granted(cut: Observation) -> bool:
    """Whether a WebSocket was held open; a TLS connection that rested says how it ended."""
    return isinstance(cut.detail, HttpDetail) and not cut.detail.error


async def _keep_busy(session: Session, case: ControlCase) -> None:
    """A connection that becomes older than the one that was cut, and is never idle for long."""
    probe, scene, seen = case.probe, case.scene(Experiment.KEPT_BUSY), list[Observation]()
    until = _older_than_cut(case, session.settings.idle)
    pause = min(until / PARTS, LONGEST_PART)
    try:
        stream = await _open(session, case, scene, seen)
        if stream is None:
            return
        with closing(stream):
            seen.append(await _ask_until(session, probe, scene, stream, case.failed.address, until, pause))
    finally:
        session.controls.extend(o for o in seen if o.step is Step.HTTP or o.failure is not None)


def _older_than_cut(case: ControlCase, rest: float | None) -> float:
    """For how long a connection is kept busy, so that it becomes older than the one that was cut, in seconds.

    A limit on the age counts from when a connection was opened: before the rest there were the steps that led to it.
    """
    rested = age_when_cut(case.failed, rest)
    steps = (o for o in case.trace.steps.get(case.failed.address, ()) if o.experiment is None)
    return rested + sum(o.duration_seconds for o in steps) + max(OLDER_SECONDS, OLDER_SHARE * rested)


async def _ask_until(
    session: Session,
    probe: Probe,
    scene: Scene,
    stream: TlsStream,
    address: str | None,
    until: float,
    pause: float,
) -> Observation:
    """Send the request again and again over one connection, until it is old enough or ends; what became of it."""
    limits, transport, opened = session.limits.patient(), OpenStreamTransport(stream), trio.current_time()
    ends = opened + until
    while True:
        last, answer = await http.request(scene, transport, probe.request, limits, address=address)
        age = trio.current_time() - opened
        closed = stream.said_goodbye or (answer is not None and not transport.is_reusable)
        if answer is None or closed or trio.current_time() >= ends:
            break
        await trio.sleep_until(min(trio.current_time() + pause, ends))
    failure = None if answer is not None or closed else last.failure
    detail = HttpDetail(
        method=probe.request.method,
        path=probe.request.path,
        held_seconds=round(age, 3),
        error=CLOSED if closed and age < until else "",
    )
    return msgspec.structs.replace(last, failure=failure, detail=detail)

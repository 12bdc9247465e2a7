"""A burst, and each of its connections alone: is there a limit on how many, or on how many at once?

Where several hosts failed among many and every try of each passes alone, either the network was ill for a moment or it
limits new or simultaneous connections. The control is the burst itself, made once more: a limit fails it again. So too
where SYNs got lost in the first pass: a limit that drops them looks like a lossy line, but loses none alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import trio

from netprobe.observations import LIMIT_LIKE, TUNNEL_REFUSED, Experiment, Observation, Step, TcpDetail
from netprobe.probes import chain, repeats, tcp
from netprobe.probes.attempt import Attempt
from netprobe.probes.controls import ControlCase
from netprobe.probes.session import Session, Trace

BURST, ALONE = Experiment.BURST, Experiment.ALONE
FEWEST = 3
"""Hosts from which a limit is thought of."""
LEAST, MOST = 12, 32
"""How many connections a burst has: more than agents hold, and never more than this."""
SAMPLES = 8
"""How many are made alone."""
GAP = 0.3
"""Seconds between two that are made alone."""
SYN_AGAIN_AFTER = 0.9
"""Seconds: a connection that took as long, with a segment sent again, lost its first SYN (RFC 6298 section 2: 1 s)."""
Way = tuple[Trace, str | None]


async def make(session: Session, turns: repeats.Turns, cases: Sequence[ControlCase]) -> None:
    """Make the burst once more, where several failures of one pass alone.

    Args:
        session: the run.
        turns: the pace of what is tried alone.
        cases: the failures of which every later try passed.
    """
    ways = [(c.trace, c.failed.address) for c in cases if _may_be_limit(c.failed)]
    if len({trace.probe.scene.host for trace, _ in ways}) >= FEWEST:
        await _burst(session, turns, ways)


async def make_where_syns_were_lost(session: Session, turns: repeats.Turns) -> None:
    """Connect alone where the first SYN was lost in the first pass; where that never happens alone, in a burst."""
    lost = [way for way in _passed(session) if _lost_syn(way)]
    if len({trace.probe.scene.host for trace, _ in lost}) < FEWEST or any(
        o.experiment == BURST for o in session.controls
    ):
        return
    turns.gap = max(turns.gap, GAP)
    alone = [await _connect(session, turns, lost[number % len(lost)]) for number in range(SAMPLES)]
    if not any(map(syn_again, alone)):
        await _burst(session, turns, lost)


def _may_be_limit(failed: Observation) -> bool:
    connects = failed.step in (Step.TCP, Step.TLS, Step.PROXY)
    return connects and failed.failure in LIMIT_LIKE | TUNNEL_REFUSED


async def _connect(session: Session, turns: repeats.Turns, way: Way) -> Observation:
    trace, address = way
    assert address is not None
    scene = trace.probe.scene.control(ALONE)
    async with turns.turn():
        port = trace.probe.vantage.connect_port(scene.port)
        observation, stream = await tcp.connect(scene, address, port, session.limits.patient())
        if stream is not None:
            observation = tcp.with_retransmitted(observation, stream.socket)
            stream.close()
    session.controls.append(observation)
    return observation


async def _burst(session: Session, turns: repeats.Turns, ways: Sequence[Way]) -> None:
    """All of them at once, filled up with others that passed; what failed is made alone once more."""
    width = max(LEAST, min(MOST, session.slots.widest))
    pool = list(dict.fromkeys((id(trace), address) for trace, address in (*ways, *_passed(session))))
    by_id = {id(trace): trace for trace in session.traces}
    chosen = [(by_id[number], address) for number, address in pool]
    members = [chosen[number % len(chosen)] for number in range(width)]
    ended: list[tuple[Way, Observation]] = []

    async def one(way: Way) -> None:
        trace, address = way
        seen: list[Observation] = []
        await chain.run(Attempt.of(session, trace.probe, trace.probe.scene.control(BURST), address, seen))
        end = next((o for o in seen if o.failure not in repeats.PASSES), seen[0])
        ended.append((way, end))
        session.controls.append(end)

    async with trio.open_nursery() as nursery:
        for way in members:
            nursery.start_soon(one, way)
    failed = [way for way, end in ended if end.failure not in repeats.PASSES]
    for trace, address in failed[:SAMPLES]:
        seen: list[Observation] = []
        async with turns.turn():
            await chain.run(Attempt.of(session, trace.probe, trace.probe.scene.control(ALONE, 2), address, seen))
        session.controls.append(next((o for o in seen if o.failure is not None), seen[-1]))


def _passed(session: Session) -> Iterator[Way]:
    for trace in session.traces:
        for address, steps in trace.steps.items() if not trace.absent else ():
            if steps and all(o.failure in repeats.PASSES for o in steps if o.experiment is None):
                yield trace, address


def _lost_syn(way: Way) -> bool:
    trace, address = way
    return address is not None and any(syn_again(o) for o in trace.steps[address])


def syn_again(o: Observation) -> bool:
    """Whether a connection came about only with a SYN that was sent again."""
    if not isinstance(o.detail, TcpDetail) or o.failure is not None:
        return False
    return o.detail.retransmitted > 0 and o.duration_seconds >= SYN_AGAIN_AFTER

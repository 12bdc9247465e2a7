"""Is what the *other* resolvers answer the service, too?

A host gets the addresses of the first resolver that answers, and the others' once that one is silent. Public addresses
differ from one resolver to the next, because AWS rotates them: that alone says nothing. What tells a lie is who
answers there. So where a resolver gives a name none of the addresses that the host gets, a TLS connection is made to
one of its addresses, twice where it fails: a chain that is not the service's is somebody else's.

Names that a resolver sends to one address are looked at first: one address for many services is how redirections look.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import closing

import msgspec
import trio

from netprobe.observations import DnsDetail, Experiment, Observation
from netprobe.probes import connections, repeats, tls
from netprobe.probes.attempt import Attempt
from netprobe.probes.bugs import contained
from netprobe.probes.session import Session, Trace

HOSTS_OF_A_RESOLVER = 12
TRIES = 2
_HTTPS = 443


class _Other(msgspec.Struct, frozen=True):
    """One name, and an address of it that the host does not get."""

    trace: Trace
    resolver: str
    address: str


async def look(session: Session, turns: repeats.Turns) -> None:
    """Connect to what other resolvers answer, for the names that work.

    Args:
        session: the run, which keeps what is seen.
        turns: the pace of what is made beside the first pass.
    """
    async with trio.open_nursery() as nursery:
        for other in _chosen(session):
            nursery.start_soon(_connect, session, turns, other)


def _chosen(session: Session) -> list[_Other]:
    """A few names of each resolver that gives other addresses than the host gets."""
    found: dict[str, list[_Other]] = defaultdict(list)
    for trace in session.traces:
        if trace.probe.proxy is None and trace.passed and trace.probe.scene.port == _HTTPS:
            for other in _others(trace):
                found[other.resolver].append(other)
    chosen: list[_Other] = []
    for others in found.values():
        shared = Counter(other.address for other in others)
        others.sort(key=lambda other: -shared[other.address])
        chosen += others[:HOSTS_OF_A_RESOLVER]
    return chosen


def _others(trace: Trace) -> list[_Other]:
    found: dict[str, _Other] = {}
    for o in trace.lookup:
        detail = o.detail
        if not isinstance(detail, DnsDetail) or detail.transport == "file" or detail.asked or o.failure is not None:
            continue
        if detail.answers and set(detail.answers).isdisjoint(trace.addresses):
            found.setdefault(detail.resolver, _Other(trace, detail.resolver, detail.answers[0]))
    return list(found.values())


async def _connect(session: Session, turns: repeats.Turns, other: _Other) -> None:
    probe = other.trace.probe
    with contained(session.bugs, probe.scene.host):
        for attempt in range(1, TRIES + 1):
            scene = probe.scene.control(Experiment.SECOND_ANSWER, attempt)
            seen: list[Observation] = []
            async with turns.turn():
                limits = session.limits.for_controls()
                connecting = Attempt.of(session, probe, scene, other.address, seen, limits)
                stream = await connections.reach(connecting, keep_success=False)
                if stream is not None:
                    with closing(stream):
                        policy = session.verified(probe.vantage, scene.host)
                        shaken, _ = await tls.handshake(scene, stream, policy, limits, address=other.address)
                        seen.append(shaken)
            session.controls.extend(seen)
            if all(o.failure is None for o in seen):
                return

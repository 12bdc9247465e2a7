"""How far away is a resolver? What is on the wire is no burden to it.

So many questions may be in flight to one resolver, because a small one refuses more
(:data:`netprobe.probes.settings.IN_FLIGHT`). Of those to one that is 150 ms away most are on the wire at any moment,
and a run of thousands would take a round trip for each 128 of them. So a large run connects to each of its resolvers
over TCP, once. The kernel says how long the wire takes (``TCP_INFO``); no answer does, since its time is the resolver's
too. Then a gate lets as many questions pass as keep the usual number *at the resolver* (Little's law: that is the share
of an answer's time that is not the wire's). Where TCP is not to be had the distance is not known, and nothing changes.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Iterable

from netprobe.probes import descriptors, sockets, tcp
from netprobe.probes.plan import Probe
from netprobe.probes.resolve import MOST_TIMES
from netprobe.probes.session import Session
from netprobe.vantage import Resolver


def worth_a_look(session: Session, probes: Iterable[Probe]) -> list[Resolver]:
    """The resolvers that are asked for more names than may be in flight.

    Args:
        session: the run.
        probes: what is probed.
    """
    asked = Counter(r for probe in probes if probe.proxy is None for r in probe.vantage.resolvers if not r.tcp)
    return [resolver for resolver, names in asked.items() if names > session.gates.of(resolver).slots.total]


async def allow_for(session: Session, resolver: Resolver) -> None:
    """Let a gate know how far away its resolver is, and how many questions there are descriptors for.

    Args:
        session: the run.
        resolver: whom to look at.
    """
    seconds = await _round_trip(resolver)
    if seconds is not None:
        gate = session.gates.of(resolver)
        more = gate.slots.total * (MOST_TIMES - 1)
        gate.distance, gate.room = seconds, descriptors.room(more, session.settings.concurrency)


async def _round_trip(resolver: Resolver) -> float | None:
    """What a packet takes to a resolver and back, in seconds; None where it takes no TCP."""
    try:
        with sockets.plain_socket(resolver.address, socket.SOCK_STREAM) as sock:
            await tcp.establish(sock, resolver.address, resolver.port)
            return tcp.round_trip(sock)
    except OSError:
        return None
